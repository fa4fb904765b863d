"""Every mail of the protocol as a type that holds only what that mail may say (R19–R24; style rule 4).

A contact request has no field of the report: there is nowhere to put one. Words are in templates/mail/{fr,en}; the
organisation's language stands first, the other below. Plain text, 72 columns.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from disclosure.language import format_day, format_when
from disclosure.protocol.values import AlertNumber, Language, Operator

COLUMNS = 72
RULE = "-" * COLUMNS


@dataclass(frozen=True)
class MailText:
    """``languages`` in the order in which they stand in the body."""

    subject: str
    body: str
    languages: tuple[str, ...]


@dataclass(frozen=True)
class Sender:
    """Who writes, and where a reader checks us without clicking (R19, R24)."""

    operator: Operator
    coordinator: str
    check_url: str
    rules_url: str
    fingerprint: str


@dataclass(frozen=True)
class Door:
    """A signed link and the code that stands in the mail's body only (R25)."""

    url: str
    code: str


@dataclass(frozen=True)
class ContactRequest:
    """R19: one text for every alert, severity and kind.

    ``encrypted``: to the recipient's certificate, the signature inside. ``proves``: that certificate is published by
    the organisation, so that whoever answers by this mail speaks for it (R29, S2). ``announces``: policy has it say
    that our public rules tell what follows on silence (R34); no authority is named in it.
    """

    sender: Sender
    number: AlertNumber
    domain: str
    door: Door
    hoped_by: datetime
    encrypted: bool = False
    proves: bool = False
    announces: bool = False


@dataclass(frozen=True)
class Reminder:
    """To another contact or over another channel; says that we wrote before. ``proves``: as in the contact request."""

    sender: Sender
    number: AlertNumber
    domain: str
    door: Door
    first_written_at: datetime
    proves: bool = False


@dataclass(frozen=True)
class PersonReminder:
    """To the person who answered: the notice is not acknowledged yet, or nothing was said of what follows (R33)."""

    sender: Sender
    number: AlertNumber
    door: Door
    acknowledged: bool


@dataclass(frozen=True)
class ForwardRequest:
    """R14b: to an intermediary. No kind, no severity, no code, no link that opens anything."""

    sender: Sender
    number: AlertNumber
    domain: str


@dataclass(frozen=True)
class SecondCode:
    """R29, S2."""

    sender: Sender
    number: AlertNumber
    code: str
    hours: int


@dataclass(frozen=True)
class NoticeReady:
    """The notice waits on the case page; nothing of it is here."""

    sender: Sender
    number: AlertNumber
    door: Door


@dataclass(frozen=True)
class StatedFact:
    """``basis`` in words: reported to us, publicly visible on …, said by the organisation."""

    basis: str
    text: str


@dataclass(frozen=True)
class Told:
    """``done``: it was told at ``at``; else it will be told then if nothing changes. None: it is being told now."""

    authority: str
    at: datetime | None
    done: bool = False


@dataclass(frozen=True)
class Notice:
    """R20: everything that is needed to fix the problem. Leaves encrypted only."""

    sender: Sender
    number: AlertNumber
    alert_on: date
    severity_words: dict[Language, str]
    personal_data: bool
    presentation: str
    technical: str
    facts: dict[Language, tuple[StatedFact, ...]]
    advice: str
    told: tuple[Told, ...]
    door: Door
    pictures: tuple[str, ...] = ()  # SHA-256 of each picture attached, in order


@dataclass(frozen=True)
class SomebodyConfirmed:
    """R29: to everybody written to before; they may object. ``known``: a person who answered before, at their page."""

    sender: Sender
    number: AlertNumber
    door: Door
    confirmed_at: datetime
    known: bool = False


@dataclass(frozen=True)
class AnswerReady:
    """A coordinator's answer waits on the case page; nothing of it is here."""

    sender: Sender
    number: AlertNumber
    door: Door


@dataclass(frozen=True)
class AnswerGiven:
    """A coordinator's answer in full. Leaves encrypted only."""

    sender: Sender
    number: AlertNumber
    door: Door
    words: str


@dataclass(frozen=True)
class HeadsUp:
    """R34: names authority and date, no detail. ``at_once``: they are told whether somebody answers or not."""

    sender: Sender
    number: AlertNumber
    domain: str
    authorities: tuple[str, ...]
    at: datetime
    door: Door
    at_once: bool = False


@dataclass(frozen=True)
class PublicationHeadsUp:
    """R46: names the date, no detail and nothing of the text."""

    sender: Sender
    number: AlertNumber
    domain: str
    at: datetime
    door: Door


@dataclass(frozen=True)
class Retraction:
    """R39: to all who received anything. ``published_on``: a publication is taken back; None: the alert itself is."""

    sender: Sender
    number: AlertNumber
    domain: str
    published_on: date | None


@dataclass(frozen=True)
class Referral:
    """R39: to an authority, encrypted only; never a link."""

    sender: Sender
    number: AlertNumber
    organisation: str
    authority: str
    first_written_at: datetime | None
    others_told: tuple[str, ...]
    dossier: str


@dataclass(frozen=True)
class LaterFact:
    """R39: acknowledgement, contest, remediation, correction; encrypted only. ``reference``: the authority's own."""

    sender: Sender
    number: AlertNumber
    organisation: str
    authority: str
    fact: dict[Language, str]
    at: datetime
    reference: str = ""


@dataclass(frozen=True)
class Thanks:
    sender: Sender
    number: AlertNumber


@dataclass(frozen=True)
class CoordinatorsCalled:
    """R12: no content; somebody should look at the desk."""

    desk_url: str


@dataclass(frozen=True)
class ReporterCode:
    """R23: the first mail to an address that a reporter left. It does not say what it is about."""

    code: str
    hours: int


@dataclass(frozen=True)
class ReporterNews:
    """To an address that was confirmed: that there is something to read, and nothing of it."""


Mail = (
    ContactRequest
    | Reminder
    | PersonReminder
    | ForwardRequest
    | SecondCode
    | NoticeReady
    | Notice
    | AnswerReady
    | AnswerGiven
    | SomebodyConfirmed
    | HeadsUp
    | PublicationHeadsUp
    | Retraction
    | Referral
    | LaterFact
    | Thanks
    | CoordinatorsCalled
    | ReporterCode
    | ReporterNews
)
_TEMPLATES = {
    ContactRequest: "contact_request",
    Reminder: "reminder",
    PersonReminder: "person_reminder",
    ForwardRequest: "forward_request",
    SecondCode: "second_code",
    NoticeReady: "notice_ready",
    Notice: "notice",
    AnswerReady: "answer_ready",
    AnswerGiven: "answer",
    SomebodyConfirmed: "somebody_confirmed",
    HeadsUp: "heads_up",
    PublicationHeadsUp: "publication_heads_up",
    Retraction: "retraction",
    Referral: "referral",
    LaterFact: "later_fact",
    Thanks: "thanks",
    CoordinatorsCalled: "coordinators_called",
    ReporterCode: "reporter_code",
    ReporterNews: "reporter_news",
}
# R19: one text for every alert.
_SAME_FOR_ALL = (ContactRequest, Reminder)
# One recipient with one known language: an authority, a coordinator, a reporter. Everything else says it twice.
_ONE_LANGUAGE = (Referral, LaterFact, CoordinatorsCalled, ReporterCode, ReporterNews)


def compose(mail: Mail, first: Language) -> MailText:
    """Subject and body, ``first`` above the other language. The subject is in the first language only."""
    other = Language.EN if first is Language.FR else Language.FR
    languages = (first,) if isinstance(mail, _ONE_LANGUAGE) else (first, other)
    written = [_render(mail, language) for language in languages]
    below = [
        f"{RULE}\n{_BELOW[language]}\n{RULE}\n\n{body}" for language, (_, body) in zip(languages, written, strict=True)
    ]
    body = "\n".join([written[0][1], *below[1:]])
    return MailText(written[0][0], body, tuple(str(language) for language in languages))


_BELOW = {Language.FR: "Le même message en français", Language.EN: "The same message in English"}


def _render(mail: Mail, language: Language) -> tuple[str, str]:
    return written(_TEMPLATES[type(mail)], mail, language, known=isinstance(mail, _SAME_FOR_ALL))


def written(
    template: str, words: Any, language: Language, *, known: bool = False, wrapped: bool = True
) -> tuple[str, str]:
    """(subject, body) of one language: the template's first line is the subject. ``words``: a dataclass.

    ``wrapped``: to a mail's columns; what is said or pasted runs on.
    """
    held = {field.name: getattr(words, field.name) for field in fields(words)}
    held["language"] = language
    rendered = _environment(language).get_template(f"{language}/{template}.txt").render(held)
    if language is Language.FR:
        rendered = french_spaces(rendered)
    subject, _, body = rendered.partition("\n")
    body = body.strip("\n")
    return subject.strip(), (wrap(body, known=known) if wrapped else body) + "\n"


def french_spaces(text: str) -> str:
    """The blank before : ; ? !, inside « » and around the h of an hour does not break: no line begins with a colon."""
    for sign in (":", ";", "?", "!", "»"):
        text = text.replace(f" {sign}", f"\N{NO-BREAK SPACE}{sign}")
    text = re.sub(r"(?<=\d\d) h (?=\d\d\b)", "\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}", text)
    return text.replace("« ", "«\N{NO-BREAK SPACE}")


@cache
def _environment(language: Language) -> Environment:
    packaged = Path(__file__).parent.parent / "templates"
    folder = packaged if packaged.is_dir() else packaged.parent.parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder / "mail"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["when"] = lambda instant: format_when(instant, language)
    environment.filters["day"] = lambda day: format_day(day, language)
    return environment


_INDENT = re.compile(r"(\s*)((?:[-*•–—]|\d{1,2}[.)])\s+)?")


def wrap(text: str, *, known: bool = False) -> str:
    """Each line at 72 columns, continued at its own indent, a list item behind its mark; a link stays whole.

    ``known``: most lines stand in every mail of the kind, and are filled once. Nothing that a person wrote may be.
    """
    fill = _filled_before if known else _filled
    return "\n".join(part for line in text.split("\n") for part in fill(line.rstrip()))


def _filled(line: str) -> list[str]:
    if len(line) <= COLUMNS and line.isprintable():
        return [line]
    found = _INDENT.match(line)
    assert found is not None  # noqa: S101 - every part of it may be empty
    lead, behind = found[0], found[1] + " " * len(found[2] or "")
    # textwrap drops the blanks before a word that is longer than a line: the indent is handed to it apart.
    filled = textwrap.wrap(
        line.removeprefix(lead),
        COLUMNS,
        initial_indent=lead,
        subsequent_indent=behind,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled or [line]


_filled_before = lru_cache(maxsize=256)(_filled)
