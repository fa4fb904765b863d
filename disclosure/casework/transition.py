"""What the old key says of the new one: a text that it signs, for whoever knows the old key (R24). Pure."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime

from disclosure.language import N_, format_day, translate
from disclosure.protocol.values import Language
from disclosure.settings import Settings

COLUMNS = 72


def file_name(fingerprint: str) -> str:
    """In the instance folder; ``fingerprint``: of the new key."""
    return f"transition-{fingerprint}.txt"


def statement(settings: Settings, old: str, new: str, now: datetime) -> str:
    """In French, then in English; the instant in UTC, because what is signed must mean the same everywhere."""
    return "\n\n".join(_in(language, settings, old, new, now) for language in (Language.FR, Language.EN)) + "\n"


_TITLE = N_("Our OpenPGP key has changed")
_WHAT = N_(
    "On %(day)s (%(instant)s), %(who)s began to sign its mail with a new OpenPGP key. "
    "This statement is signed by the key before it."
)
_OLD = N_("Key before, until that moment:")
_NEW = N_("New key, from that moment on:")
_STILL = N_(
    "Mail that was signed before stays valid and is verified with the key before. "
    "Replies that are encrypted to it are still read. Please encrypt to the new key from now on."
)
_COMPARE = N_("Compare the new fingerprint by telephone before you trust it: %(phone)s")


def _in(language: Language, settings: Settings, old: str, new: str, now: datetime) -> str:
    instant = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    who = f"{settings.operator.legal_name} <{settings.mail.from_address}>"
    what = translate(language, _WHAT, day=format_day(now, language), instant=instant, who=who)
    compare = translate(language, _COMPARE, phone=settings.operator.phone)
    paragraphs = [translate(language, _TITLE).upper(), _wrapped(what)]
    paragraphs += [f"{translate(language, _OLD)}\n  {groups(old)}", f"{translate(language, _NEW)}\n  {groups(new)}"]
    return "\n\n".join([*paragraphs, _wrapped(translate(language, _STILL)), _wrapped(compare)])


def _wrapped(text: str) -> str:
    return textwrap.fill(text, COLUMNS, break_long_words=False, break_on_hyphens=False)


def groups(fingerprint: str) -> str:
    """By fours, as people read it aloud."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))
