"""The desk at a glance: what waits for a coordinator, in the order in which it should be looked at (R12, R37a).

Every list goes page by page by keyset, so that a page costs the same however many there are. A row of a case opens one
sealed word, the organisation's name.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select

from disclosure.casework import casefile, coming, deskwords, incoming
from disclosure.casework.keyset import Page, beyond, key, page_of, parts
from disclosure.casework.office import Office
from disclosure.casework.rows import LadderPicture, Tone
from disclosure.casework.sight import Sight
from disclosure.casework.words import short, state_word, word
from disclosure.language import N_, translate
from disclosure.protocol import events as e
from disclosure.protocol.axes import FIRST, Axis
from disclosure.protocol.codes import MailType, TaskKind
from disclosure.protocol.errors import BrokenChain, InvalidInput
from disclosure.protocol.values import AlertKind, Audience, Channel, Language, Party, Severity
from disclosure.store import ledger
from disclosure.store.tables import cases, coordinators, outbox, reports, tasks

log = logging.getLogger(__name__)
_DAMAGED = N_("Record damaged")
PAGE = 20  # rows of a list: each case row folds one case, for its small ladder
GLANCE = 5  # rows of a list on the inbox itself; its own page has the rest
# Whose move it is, in the order of the desk. An index serves each of them (store/tables.py).
_PARTIES = (Party.COORDINATOR, Party.ORGANISATION, Party.AUTHORITY, Party.REPORTER, Party.MACHINE)
_STATES = (Axis.CONTACT, Axis.NOTICE, Axis.ACKNOWLEDGEMENT, Axis.REMEDIATION)
TONES: dict[str, Tone] = {
    "requested": Tone.WAITING,
    "unreachable": Tone.LAPSED,
    "confirmed": Tone.ACKNOWLEDGED,
    "drafted": Tone.NEUTRAL,
    "released": Tone.WAITING,
    "delivered": Tone.WAITING,
    "opened": Tone.ACKNOWLEDGED,
    "acknowledged": Tone.ACKNOWLEDGED,
    "contested": Tone.CONTESTED,
    "planned": Tone.ACKNOWLEDGED,
    "claimed": Tone.ACKNOWLEDGED,
    "closed": Tone.CLOSED,
    "published": Tone.REFERRED,
}


@dataclass(frozen=True)
class State:
    word: str
    tone: Tone


@dataclass(frozen=True)
class ReportRow:
    id: str
    reference: str
    kind: str
    severity_seen: str
    language: Language
    received_at: datetime
    overdue: bool  # R12: we have not read it in the time we gave ourselves


@dataclass(frozen=True)
class CaseRow:
    id: str
    number: str
    organisation: str
    severity: str
    severity_code: str
    states: tuple[State, ...]
    move: str
    ours: bool
    next_at: datetime | None
    overdue: bool
    picture: LadderPicture | None


@dataclass(frozen=True)
class TaskRow:
    id: str
    case_id: str
    number: str
    organisation: str
    kind: str
    channel: str
    due_at: datetime
    overdue: bool
    owner: str
    owner_id: str


@dataclass(frozen=True)
class MailRow:
    """``reason`` in words, or the relay's own code."""

    id: str
    case_id: str
    number: str
    kind: str
    state: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class StuckRow:
    case_id: str
    number: str
    why: str
    at: datetime


@dataclass(frozen=True)
class Inbox:
    """First lines of everything, and the first page of the cases."""

    reports: Page[ReportRow]
    undecided: Page[ReportRow]
    tasks: Page[TaskRow]
    mails: Page[MailRow]
    stuck: tuple[StuckRow, ...]
    incoming: int  # mails that wait for a person
    cases: Page[CaseRow]

    @property
    def empty(self) -> bool:
        lists = (self.reports, self.undecided, self.tasks, self.mails, self.cases)
        return not (self.stuck or self.incoming or any(held.rows for held in lists))


def inbox(office: Office, language: Language, now: datetime, after: str = "") -> Inbox:
    """``after``: the key of the cases' next page. Raises InvalidInput on a key that is none."""
    return Inbox(
        reports=waiting_reports(office, language, most=GLANCE),
        undecided=read_reports(office, language, most=GLANCE),
        tasks=open_tasks(office, language, now, most=GLANCE),
        mails=standing_mails(office, language, most=GLANCE),
        stuck=stuck_cases(office),
        incoming=incoming_mails(office),
        cases=open_cases(office, language, now, after),
    )


# --- reports, tasks, mails, stuck cases ---


def incoming_mails(office: Office) -> int:
    with office.store.reading() as connection:
        return incoming.waiting(connection)


def waiting_reports(office: Office, language: Language, after: str = "", most: int = PAGE) -> Page[ReportRow]:
    """Received and not read yet, the oldest first."""
    return _reports(office, "received", language, after, most)


def read_reports(office: Office, language: Language, after: str = "", most: int = PAGE) -> Page[ReportRow]:
    """Read, and neither accepted nor declined: they wait for a decision."""
    return _reports(office, "read", language, after, most)


def _reports(office: Office, triage: str, language: Language, after: str, most: int) -> Page[ReportRow]:
    query = select(reports).where(reports.c.triage == triage)
    if after:
        query = query.where(beyond(reports.c.received_at, reports.c.id, after))
    query = query.order_by(reports.c.received_at, reports.c.id).limit(most + 1)
    with office.store.reading() as connection:
        found = connection.execute(query).all()
    return page_of(found, most, lambda r: _report(r, language), lambda r: key(r.received_at, r.id))


def _report(row: Row[Any], language: Language) -> ReportRow:
    return ReportRow(
        id=row.id,
        reference=row.reference,
        kind=word(AlertKind(row.kind), language),
        severity_seen=short(Severity(row.severity_seen), language),
        language=Language(row.language),
        received_at=row.received_at,
        overdue=row.called_at is not None and row.triage == "received",
    )


def open_tasks(office: Office, language: Language, now: datetime, after: str = "", most: int = PAGE) -> Page[TaskRow]:
    """What only a person can do, the most urgent first (R37a)."""
    query = select(tasks, cases.c.number, coordinators.c.name.label("owner"))
    query = query.join(cases, cases.c.id == tasks.c.case_id)
    query = query.outerjoin(coordinators, coordinators.c.id == tasks.c.owner_id)
    query = query.where(tasks.c.state == "open", cases.c.life == "open")
    if after:
        query = query.where(beyond(tasks.c.due_at, tasks.c.id, after))
    with office.store.reading() as connection:
        found = connection.execute(query.order_by(tasks.c.due_at, tasks.c.id).limit(most + 1)).all()
        names = {row.case_id: _name(office, connection, row.case_id) for row in found}
    return page_of(found, most, lambda r: _task(r, names[r.case_id], language, now), lambda r: key(r.due_at, r.id))


def _task(row: Row[Any], organisation: str, language: Language, now: datetime) -> TaskRow:
    return TaskRow(
        id=row.id,
        case_id=row.case_id,
        number=row.number,
        organisation=organisation,
        kind=short(TaskKind(row.kind), language),
        channel=short(Channel(row.channel), language),
        due_at=row.due_at,
        overdue=row.due_at <= now,
        owner=row.owner or "",
        owner_id=row.owner_id,
    )


def standing_mails(office: Office, language: Language, after: str = "", most: int = PAGE) -> Page[MailRow]:
    """Held or dead: nothing more happens to them by themselves. The oldest first; closed cases left out."""
    query = select(outbox, cases.c.number).outerjoin(cases, cases.c.id == outbox.c.case_id)
    query = query.where(outbox.c.state.in_(("held", "dead")), or_(outbox.c.case_id.is_(None), cases.c.life == "open"))
    if after:
        query = query.where(beyond(outbox.c.finished_at, outbox.c.id, after))
    with office.store.reading() as connection:
        found = connection.execute(query.order_by(outbox.c.finished_at, outbox.c.id).limit(most + 1)).all()
    return page_of(found, most, lambda r: _mail(r, language), lambda r: key(r.finished_at, r.id))


def _mail(row: Row[Any], language: Language) -> MailRow:
    return MailRow(
        id=row.id,
        case_id=row.case_id or "",
        number=row.number or "",
        kind=short(MailType(row.mail_type), language),
        state=deskwords.say(deskwords.OUTBOX, row.state, language),
        reason=deskwords.why(row.last_code or "", language),
        at=row.finished_at or row.queued_at,
    )


def stuck_cases(office: Office) -> tuple[StuckRow, ...]:
    """Cases that the worker could not move: it leaves them alone until a person looked."""
    query = select(cases).where(cases.c.life == "open", cases.c.stuck_at.is_not(None)).order_by(cases.c.stuck_at)
    with office.store.reading() as connection:
        rows = connection.execute(query.limit(PAGE)).all()
    return tuple(StuckRow(row.id, row.number, row.stuck_why or "", row.stuck_at) for row in rows)


# --- cases ---


def open_cases(office: Office, language: Language, now: datetime, after: str = "") -> Page[CaseRow]:
    """By whose move it is, then by the next instant; those that wait for no instant come last in their group."""
    with office.store.reading() as connection:
        found = _by_move(connection, after)
        kept = found[:PAGE]
        rows = tuple(_case(office, connection, row, language, now) for row in kept)
    last = kept[-1] if len(found) > PAGE else None
    return Page(rows, key(last.whose_move, last.next_at or "", last.id) if last else "")


def _by_move(connection: Connection, after: str) -> list[Row[Any]]:
    """One query per party, with an instant and without: each runs along an index and knows no order of NULLs."""
    party, instant, last = parts(after, 3) if after else ("", "", "")
    start = _PARTIES.index(_party(party)) if after else 0
    found: list[Row[Any]] = []
    for place, mover in enumerate(_PARTIES[start:]):
        mine = select(cases).where(cases.c.life == "open", cases.c.whose_move == mover)
        here = after if place == 0 else ""
        for query in _with_and_without(mine, here, instant, last):
            found += connection.execute(query.limit(PAGE + 1 - len(found))).all()
            if len(found) > PAGE:
                return found
    return found


def _party(text: str) -> Party:
    try:
        return Party(text)
    except ValueError:
        raise InvalidInput({"after": "not_a_page"}) from None


def _with_and_without(mine: Select[Any], after: str, instant: str, last: str) -> list[Select[Any]]:
    dated = mine.where(cases.c.next_at.is_not(None)).order_by(cases.c.next_at, cases.c.id)
    undated = mine.where(cases.c.next_at.is_(None)).order_by(cases.c.id)
    if not after:
        return [dated, undated]
    if instant:
        return [dated.where(beyond(cases.c.next_at, cases.c.id, key(instant, last))), undated]
    return [undated.where(cases.c.id > last)]


def closed_cases(office: Office, language: Language, now: datetime, after: str = "") -> Page[CaseRow]:
    """By the instant at which they were opened."""
    query = select(cases).where(cases.c.life == "closed")
    if after:
        query = query.where(beyond(cases.c.opened_at, cases.c.id, after))
    with office.store.reading() as connection:
        found = connection.execute(query.order_by(cases.c.opened_at, cases.c.id).limit(PAGE + 1)).all()
        rows = tuple(_case(office, connection, row, language, now) for row in found[:PAGE])
    return Page(rows, key(found[PAGE - 1].opened_at, found[PAGE - 1].id) if len(found) > PAGE else "")


def _case(office: Office, connection: Connection, row: Row[Any], language: Language, now: datetime) -> CaseRow:
    """One whose record is damaged is a row that says so: the others are there all the same."""
    sight = Sight(Audience.COORDINATOR, language, {})
    organisation, picture = "", None
    try:
        file = casefile.load(office, connection, row.id)
        organisation = organisation_of(office, connection, row.id)
        states, picture = states_of(file.case.axes, language), coming.picture(file, sight, now)
    except BrokenChain as error:
        unreadable(row.id, error)
        states = (State(translate(language, _DAMAGED), Tone.HARM),)
    return CaseRow(
        id=row.id,
        number=row.number,
        organisation=organisation,
        severity=short(Severity(row.severity), language) if row.severity else "",
        severity_code=row.severity or "",
        states=states,
        move=word(Party(row.whose_move), language),
        ours=row.whose_move == Party.COORDINATOR and row.life == "open",
        next_at=row.next_at if row.life == "open" else None,
        overdue=row.life == "open" and row.next_at is not None and row.next_at <= now,
        picture=picture,
    )


def _name(office: Office, connection: Connection, case_id: str) -> str:
    """Empty where the case's record is damaged: its number is shown, and the list of cases says so."""
    try:
        return organisation_of(office, connection, case_id)
    except BrokenChain as error:
        unreadable(case_id, error)
        return ""


def unreadable(case_id: str, error: BrokenChain) -> None:
    """A list goes on without it; the operator's log has the place."""
    log.error("case unreadable", extra={"case_id": case_id, "fault": error.fault})


def organisation_of(office: Office, connection: Connection, case_id: str) -> str:
    """The sealed name: one word opened. Empty once the content was erased."""
    opened = ledger.one(office.store, connection, case_id, 1)
    return opened.organisation if isinstance(opened, e.CaseOpened) else ""


def states_of(axes: Any, language: Language) -> tuple[State, ...]:
    """What differs from the first state of its axis; a case where nothing does says that it searches."""
    if axes[Axis.LIFE] == "closed":
        return (State(state_word(Axis.LIFE, "closed", language), Tone.CLOSED),)
    moved = [axis for axis in _STATES if axes[axis] != FIRST[axis]] or [Axis.CONTACT]
    return tuple(State(state_word(axis, axes[axis], language), TONES.get(axes[axis], Tone.NEUTRAL)) for axis in moved)
