"""Incoming mail at the desk: what waits for a person, and what a person may do with it. Each act is a POST's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from disclosure.casework import casefile, deskwords, filing, incomingwords, matching, receiving
from disclosure.casework.casefile import CaseFile, Fact, coordinator
from disclosure.casework.filing import Read, Stored
from disclosure.casework.matching import Match
from disclosure.casework.office import Office
from disclosure.casework.rows import Tone
from disclosure.mail.inbound import MailClass, Received, read_safely
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import Conflict, InvalidInput, NotFound, Refused
from disclosure.protocol.state import Mail, MailState
from disclosure.protocol.values import AlertNumber, Language
from disclosure.store.tables import cases, inbox

MOST = 200
WAIT = ("triage", "quarantine")
_COUNTED = frozenset({"bounce_permanent", "bounce_temporary", "bounce_unparsed"})


@dataclass(frozen=True)
class IncomingLine:
    """``case``: the alert number of the case it belongs to, empty while that is not known."""

    id: str
    at: datetime
    kind: str
    state: str
    tone: Tone
    why: str
    waits: bool
    size: int
    case_id: str
    case: str


@dataclass(frozen=True)
class IncomingMail:
    """One message, as text; ``read`` is None where the reader gave up on it."""

    line: IncomingLine
    sender: str
    subject: str
    text: str
    said: tuple[tuple[str, str], ...]  # failed recipient, and what its server said
    attachments: tuple[tuple[str, int], ...]
    can_count: bool
    can_put: bool
    can_read_again: bool
    can_set_aside: bool


def listing(office: Office, language: Language, *, aside: bool = False) -> tuple[IncomingLine, ...]:
    """What waits for a person, the oldest first; or what was set aside, the newest first."""
    which = inbox.c.state.in_(("set_aside",) if aside else WAIT)
    order = inbox.c.received_at.desc() if aside else inbox.c.received_at
    query = select(inbox, cases.c.number).outerjoin(cases, cases.c.id == inbox.c.case_id).where(which)
    with office.store.reading() as connection:
        return tuple(_line(row, language) for row in connection.execute(query.order_by(order, inbox.c.id).limit(MOST)))


def of_case(connection: Connection, case_id: str, language: Language) -> tuple[IncomingLine, ...]:
    """What came in this case, the newest first."""
    query = select(inbox, cases.c.number).join(cases, cases.c.id == inbox.c.case_id).where(cases.c.id == case_id)
    rows = connection.execute(query.order_by(inbox.c.received_at.desc(), inbox.c.id).limit(MOST))
    return tuple(_line(row, language) for row in rows)


def waiting(connection: Connection) -> int:
    return len(connection.execute(select(inbox.c.id).where(inbox.c.state.in_(WAIT)).limit(MOST)).all())


def _line(row: Row[Any], language: Language) -> IncomingLine:
    kind = row.mail_class or "not_read"
    return IncomingLine(
        id=row.id,
        at=row.received_at,
        kind=deskwords.say(incomingwords.KINDS, kind, language),
        state=deskwords.say(incomingwords.STATES, row.state, language),
        tone={"triage": Tone.WAITING, "quarantine": Tone.HARM}.get(row.state, Tone.NEUTRAL),
        why=deskwords.say(incomingwords.WHY, row.why, language) if row.why else "",
        waits=row.state in WAIT,
        size=row.size,
        case_id=row.case_id or "",
        case=row.number or "",
    )


def one(office: Office, inbox_id: str, language: Language, read: Read = read_safely) -> IncomingMail:
    """Raises NotFound. A message in quarantine is not read again to be shown."""
    with office.store.reading() as connection:
        row = _row(connection, inbox_id)
        kept = receiving.read(office, connection, inbox_id)
    received = read(kept.message) if row.state != "quarantine" else None
    free = row.case_id is None
    return IncomingMail(
        line=_line(row, language),
        sender=_sender(received) if received else "",
        subject=received.subject if received else "",
        text=received.text if received else "",
        said=tuple((r.address, f"{r.status} {r.diagnostic}".strip()) for r in received.recipients) if received else (),
        attachments=tuple((a.name or a.media_type, a.size) for a in received.attachments) if received else (),
        can_count=row.state == "triage" and not free and row.mail_class in _COUNTED,
        can_put=row.state in {"triage", "set_aside"} and free,
        can_read_again=row.state == "quarantine",
        can_set_aside=row.state in WAIT,
    )


def _sender(received: Received) -> str:
    return f"{received.sender_name} <{received.sender_address}>" if received.sender_name else received.sender_address


def content(office: Office, inbox_id: str) -> bytes:
    """The bytes as they came."""
    with office.store.reading() as connection:
        _row(connection, inbox_id)
        return receiving.read(office, connection, inbox_id).message


def _row(connection: Connection, inbox_id: str) -> Row[Any]:
    query = select(inbox, cases.c.number).outerjoin(cases, cases.c.id == inbox.c.case_id).where(inbox.c.id == inbox_id)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("mail")
    return row


# --- acts ---


def put_into_case(office: Office, inbox_id: str, number: str, now: datetime, read: Read = read_safely) -> str:
    """What came without a token, as an answer to the newest mail of the case that could be meant; the case's id.

    Raises InvalidInput for a number that is none of ours, Refused where it is in a case already or none has left yet.
    """
    with office.store.reading() as connection:
        row = _row(connection, inbox_id)
        case_id = connection.scalar(select(cases.c.id).where(cases.c.number == _number(number)))
        if case_id is None:
            raise InvalidInput({"number": "unknown_number"})
        if row.case_id is not None or row.state not in {"triage", "set_aside"}:
            raise Refused("R31", "in_a_case_already")
        kept = receiving.read(office, connection, inbox_id)
        received = read(kept.message, authserv_id=office.settings.mail.authserv_id)
        found = _meant(office, connection, case_id, received)
    fence = _hold(office, row)
    filing.into_case(office, Stored(inbox_id, fence, row.attempts, kept, row.sha256), received, found, now)
    return str(case_id)


def _number(text: str) -> str:
    try:
        return str(AlertNumber.parse(text))
    except InvalidInput:
        raise InvalidInput({"number": "unknown_number"}) from None


def _meant(office: Office, connection: Connection, case_id: str, received: Received) -> Match:
    file = casefile.load(office, connection, case_id)
    left = [m for m in file.case.mails.values() if m.state in {MailState.RELAYED, MailState.DELIVERED, MailState.DEAD}]
    if not left:
        raise Refused("R31", "nothing_has_left")

    def addressed(mail: Mail) -> str:
        return matching.address_of(office, connection, case_id, MailType(mail.type), mail.to)

    same = [mail for mail in left if addressed(mail).lower() == received.sender_address.lower()]
    mail = (same or left)[-1]
    return Match(case_id, mail.id, mail.type, mail.to, "by_hand", addressed(mail))


def _hold(office: Office, row: Row[Any]) -> int:
    """Ours from here on; Conflict where another was quicker."""
    fence = int(row.fence) + 1
    with office.store.writing() as tx:
        mine = (inbox.c.id == row.id) & (inbox.c.fence == row.fence)
        if tx.execute(update(inbox).where(mine).values(fence=fence)).rowcount != 1:
            raise Conflict(row.id)
    return fence


def count_bounce(office: Office, inbox_id: str, coordinator_id: str, now: datetime, read: Read = read_safely) -> None:
    """A coordinator looked and says that it did come back: its contact is switched off, the next is written to."""
    with office.store.reading() as connection:
        row = _row(connection, inbox_id)
        if row.case_id is None or row.state != "triage" or row.mail_class not in _COUNTED:
            raise Refused("R31", "no_bounce_waits")
        received = read(receiving.read(office, connection, inbox_id).message)
    first = received.recipients[0] if received.recipients else None

    def decide(file: CaseFile) -> list[Fact]:
        mail = file.case.mails[row.mail_id]
        fact = e.MailBounced(
            mail_id=mail.id,
            mail_type=mail.type,
            to=mail.to,
            code=first.status if first else "",
            diagnostic=first.diagnostic if first else "",
            inbox_id=inbox_id,
            sha256=row.sha256,
        )
        dead = row.mail_class != MailClass.BOUNCE_TEMPORARY
        return filing.bounced(office, file, fact, now, coordinator(coordinator_id), dead=dead)

    casefile.change(office, row.case_id, now, decide, lambda tx, _: _done(tx, inbox_id, "filed"))


def set_aside(office: Office, inbox_id: str) -> None:
    """Looked at, and nothing follows. What belongs to a case stays in it."""
    with office.store.writing() as tx:
        row = _row(tx, inbox_id)
        _done(tx, inbox_id, "set_aside" if row.case_id is None else "filed")


def _done(tx: Connection, inbox_id: str, state: str) -> None:
    mine = (inbox.c.id == inbox_id) & inbox.c.state.in_((*WAIT, "set_aside"))
    if tx.execute(update(inbox).where(mine).values(state=state, fence=inbox.c.fence + 1)).rowcount != 1:
        raise Refused("R31", "in_a_case_already")


def read_again(office: Office, inbox_id: str) -> None:
    """After an upgrade, say: the reader tries once more, in its child process."""
    with office.store.writing() as tx:
        mine = (inbox.c.id == inbox_id) & (inbox.c.state == "quarantine")
        values = {"state": "stored", "why": None, "attempts": 0, "lease_until": None, "fence": inbox.c.fence + 1}
        if tx.execute(update(inbox).where(mine).values(values)).rowcount != 1:
            raise Refused("R31", "not_in_quarantine")
