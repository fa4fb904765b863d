"""Words and dates in the language of whoever reads: pages, mails, dossiers and commands, all from one catalogue.

gettext without Flask: the language is an argument. English is the text in the code; other languages come from
``translations/``, which ``make setup`` compiles and ``make messages`` brings up to date.
"""

from __future__ import annotations

import gettext
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from disclosure.protocol.errors import NotConfigured
from disclosure.protocol.values import Language

TRANSLATIONS = Path(__file__).parent / "translations"
DOMAIN = "messages"
PARIS = ZoneInfo("Europe/Paris")  # R32: UTC inside, Paris on screen, with hour and zone


@cache
def translations(language: Language) -> gettext.NullTranslations:
    """The catalogue, also for a Jinja environment. Raises :class:`NotConfigured` when it has not been compiled."""
    if language is Language.EN:
        return gettext.NullTranslations()
    try:
        return gettext.translation(DOMAIN, TRANSLATIONS, [language])
    except FileNotFoundError:
        # Half a page in the wrong language would pass unseen.
        raise NotConfigured(f"compiled messages for {language} (make setup)") from None


def translate(language: Language, message: str, /, **parameters: object) -> str:
    """``message`` in ``language``; with parameters, ``%(name)s`` in it is filled in."""
    text = translations(language).gettext(message)
    return text % parameters if parameters else text


def translate_many(language: Language, one: str, many: str, count: int, /, **parameters: object) -> str:
    """The form that ``count`` asks for (French says 0 as one), with ``%(count)d`` and other parameters filled in."""
    return translations(language).ngettext(one, many, count) % {"count": count, **parameters}


def N_(message: str) -> str:  # noqa: N802 - the name that every tool for messages knows
    """Marks a message that a table holds and that is translated where it is shown."""
    return message


def format_day(day: datetime | date, language: Language) -> str:
    """``mardi 24 novembre 2026`` · ``Tuesday 24 November 2026``; an instant (aware) gives its day in Paris."""
    local = _in_paris(day).date() if isinstance(day, datetime) else day
    if language is Language.FR:
        return format_date(local, "EEEE d'er' MMMM y" if local.day == 1 else "EEEE d MMMM y", locale="fr")
    return format_date(local, "EEEE d MMMM y", locale="en_GB")


def format_when(instant: datetime, language: Language) -> str:
    """``mardi 24 novembre 2026, 09 h 00 (Paris)`` · ``Tuesday 24 November 2026, 09:00 (Paris)``; aware.

    Hour and zone stay on one line, in pages and in mails of 72 columns: the blanks between them do not break.
    """
    zone = _zone(_in_paris(instant))
    return f"{format_day(instant, language)}, {format_hour(instant, language)}\N{NO-BREAK SPACE}({zone})"


def format_hour(instant: datetime, language: Language) -> str:
    """``09 h 00`` · ``09:00``, in Paris; for rows under a heading that names day and zone."""
    local = _in_paris(instant)
    return f"{local:%H\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}%M}" if language is Language.FR else f"{local:%H:%M}"


def _in_paris(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant without zone")
    return instant.astimezone(PARIS)


def _zone(local: datetime) -> str:
    """Paris; in the hour that an autumn night has twice, also which of the two."""
    offsets = {fold: local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1)}
    if offsets[0] <= offsets[1]:
        return "Paris"
    return f"Paris, UTC+{offsets[local.fold] // timedelta(hours=1)}"


# (seconds in one, up to how many, coming, past): whole units only, so that nobody is promised more time than there is.
_UNITS = (
    (60, 60, N_("in %(count)d min"), N_("%(count)d min ago")),
    (3600, 48, N_("in %(count)d h"), N_("%(count)d h ago")),
    (86400, None, N_("in %(count)d d"), N_("%(count)d d ago")),
)


def format_away(instant: datetime, now: datetime, language: Language) -> str:
    """``dans 14 h`` · ``in 14 h`` · ``il y a 3 j``; minutes below the hour, hours below two days, then days."""
    seconds = int(abs(instant - now).total_seconds())
    if seconds < 60:  # noqa: PLR2004 - one minute
        return translate(language, N_("now"))
    size, _, coming, past = next(unit for unit in _UNITS if unit[1] is None or seconds < unit[0] * unit[1])
    return translate(language, coming if instant > now else past, count=seconds // size)


def country_name(code: str, language: Language) -> str:
    """The country of an ISO 3166-1 alpha-2 code in the language; a code that nobody knows stands as it is."""
    return str(Locale.parse(str(language)).territories.get(code, code))
