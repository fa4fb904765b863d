"""Outgoing mail as the desk sees it: how the way out is, what waits, and the mails that stand still (R31)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from disclosure.casework import breaker, casefile, deadletters, delivery, deskwords, outboxrows, overview, timeline
from disclosure.casework.keyset import Page
from disclosure.casework.office import Office
from disclosure.casework.overview import MailRow
from disclosure.casework.words import short
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import NotFound
from disclosure.protocol.values import Language
from disclosure.store import ledger
from disclosure.store.tables import coordinators, outbox

_UNSENT = outbox.c.state.in_(("recipe", "prepared", "sending"))


@dataclass(frozen=True)
class RelayTrouble:
    """``resting``: nothing is sent before ``retry_at``; else it failed lately, and is used all the same."""

    since: datetime
    retry_at: datetime
    why: str
    resting: bool


@dataclass(frozen=True)
class Outgoing:
    trouble: RelayTrouble | None
    waiting: int
    oldest: datetime | None
    page: Page[MailRow]


@dataclass(frozen=True)
class Said:
    """What became of one attempt. ``code`` and ``reply`` as the relay gave them; ``words``: what that means to us."""

    at: datetime
    words: str
    code: str = ""
    reply: str = ""


@dataclass(frozen=True)
class Letter:
    """``anew``: sending it again composes it as of now; else the same bytes go. ``case_id`` is empty for a call."""

    id: str
    case_id: str
    number: str
    organisation: str
    kind: str
    to: str
    state: str
    reason: str
    queued_at: datetime
    attempts: int
    said: tuple[Said, ...]
    size: int
    sha256: str
    stands: bool
    anew: bool


def page(office: Office, language: Language, after: str = "") -> Outgoing:
    with office.store.reading() as connection:
        waiting, oldest = connection.execute(select(func.count(), func.min(outbox.c.queued_at)).where(_UNSENT)).one()
    return Outgoing(trouble(office, language), waiting, oldest, overview.standing_mails(office, language, after))


def trouble(office: Office, language: Language) -> RelayTrouble | None:
    """None while the relay works."""
    seen = breaker.look(office)
    if seen is None:
        return None
    return RelayTrouble(seen.since, seen.retry_at, deskwords.say(deskwords.FAULTS, seen.code, language), seen.open)


def one(office: Office, mail_id: str, language: Language) -> Letter:
    """Raises NotFound for what the outbox does not know."""
    with office.store.reading() as connection:
        row = outboxrows.of(connection, mail_id)
        if row is None:
            raise NotFound("mail")
        of_a_case = bool(row.case_id) and row.mail_type != MailType.COORDINATORS_CALLED
        held: dict[str, Any] = {
            "number": "",
            "organisation": "",
            "to": connection.scalar(select(coordinators.c.name).where(coordinators.c.id == row.recipient)) or "",
            "said": (),
        }
        if of_a_case:
            held = _of_case(office, connection, row, language)
        size = len(delivery.message_of(office, connection, mail_id))
    return Letter(
        id=row.id,
        case_id=row.case_id if of_a_case else "",
        kind=short(MailType(row.mail_type), language),
        state=deskwords.say(deskwords.OUTBOX, row.state, language),
        reason="" if row.state == "relayed" else deskwords.why(row.last_code or "", language),
        queued_at=row.queued_at,
        attempts=row.attempts,
        size=size,
        sha256=row.sha256 or "",
        stands=row.state in deadletters.STANDS,
        anew=deadletters.goes_anew(row),
        **held,
    )


def _of_case(office: Office, connection: Connection, row: Row[Any], language: Language) -> dict[str, Any]:
    file = casefile.load(office, connection, row.case_id)
    names = timeline.names(office, connection, file)
    return {
        "number": file.case.number,
        "organisation": overview.organisation_of(office, connection, row.case_id),
        "to": names.get(row.recipient, ""),
        "said": tuple(_said(office, connection, row, language)),
    }


def _said(office: Office, connection: Connection, row: Row[Any], language: Language) -> Iterator[Said]:
    """From the case's own ledger: attempts, and what ended them."""
    for entry in ledger.read(office.store, connection, row.case_id, parts=ledger.EVERY_PART):
        event = entry.event
        if getattr(event, "mail_id", "") != row.id:
            continue
        match event:
            case e.MailRefused(code=code, reply=reply, permanent=permanent):
                words = deskwords.refusal(code, permanent=permanent, language=language)
                yield Said(entry.at, words, code, reply)
            case e.MailAmbiguous():
                yield Said(entry.at, deskwords.say(deskwords.FAULTS, "ambiguous", language))
            case e.MailGivenUp(reason=reason) | e.MailHeld(reason=reason):
                yield Said(entry.at, deskwords.say(deskwords.FAULTS, reason, language))
            case e.MailResent(anew=anew):
                yield Said(entry.at, deskwords.say(deskwords.RESENT, "anew" if anew else "same", language))
            case e.MailCancelled():
                yield Said(entry.at, deskwords.say(deskwords.OUTBOX, "cancelled", language))
