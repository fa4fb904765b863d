"""The whole of one case as coordinators see it, as view rows: what it is about, who, what left, what comes next.

The fold is read once. Of the sealed words only those are opened that stand on the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from disclosure.casework import approvallines, casefile, casemails, coming, incoming, policymoves, timeline
from disclosure.casework.approvallines import ApprovalLine
from disclosure.casework.casefile import CaseFile
from disclosure.casework.finding import Found, labelled
from disclosure.casework.nextmoves import Move, moves
from disclosure.casework.office import Office
from disclosure.casework.overview import State, states_of
from disclosure.casework.people import Contacts, PersonRow, contacts_of, person_of
from disclosure.casework.policymoves import Runs
from disclosure.casework.rows import ComingRow, LadderPicture, TimelineRow, Tone
from disclosure.casework.sight import Sight, told_at
from disclosure.casework.words import short, word
from disclosure.language import N_, country_name
from disclosure.protocol import events as e
from disclosure.protocol.axes import Axis
from disclosure.protocol.ownclocks import whose_move
from disclosure.protocol.state import Task
from disclosure.protocol.values import Audience, Language, Party
from disclosure.store import ledger
from disclosure.store.tables import cases, events

MAILS = 20  # newest on the case page; their own page has all of them


@dataclass(frozen=True)
class Line:
    """A label with what stands beside it; ``note`` says why or whence."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class DomainRow:
    id: str
    name: str
    named_by: int
    reason: str


@dataclass(frozen=True)
class TaskLine:
    id: str
    kind: str
    channel: str
    target: str
    due_at: datetime
    overdue: bool
    blocking: bool
    rung: str
    owner: str
    owner_id: str


@dataclass(frozen=True)
class ReferredLine:
    id: str
    name: str
    channel: str
    at: datetime


@dataclass(frozen=True)
class WholeCase:
    """What the case page shows. ``older``: the sequence number before which the next older events lie, or None."""

    id: str
    number: str
    organisation: str
    address: str
    role: str
    severity: str
    severity_code: str
    coordinator: str
    open: bool
    states: tuple[State, ...]
    move: str
    ours: bool
    about: tuple[Line, ...]
    judged: Mapping[str, str]  # the codes of the last assessment, to begin the next from
    moves: tuple[Move, ...]
    stuck: str
    paused: bool
    contested: bool
    domains: tuple[DomainRow, ...]
    contacts: Contacts
    persons: tuple[PersonRow, ...]
    mails: tuple[casemails.MailLine, ...]
    all_mails: int
    incoming: tuple[incoming.IncomingLine, ...]
    contest: str  # the organisation's last words against the alert
    tasks: tuple[TaskLine, ...]
    approvals: tuple[ApprovalLine, ...]
    referred: tuple[ReferredLine, ...]
    reports: tuple[Found, ...]
    coming: tuple[ComingRow, ...]
    picture: LadderPicture
    policy: Runs
    policy_changes: tuple[tuple[str, datetime | None, datetime | None], ...]  # rung's word, before, after the move
    rows: tuple[TimelineRow, ...]
    older: int | None
    has_draft: bool
    announced: bool  # a publication that has not come yet
    published: bool

    @property
    def waiting_mails(self) -> tuple[casemails.MailLine, ...]:
        return tuple(mail for mail in self.mails if mail.tone is Tone.WAITING)


def page(
    office: Office, case_id: str, coordinator_id: str, language: Language, now: datetime, *, before: int | None = None
) -> WholeCase:
    """The newest events before entry ``before``. Raises NotFound."""
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        sight = sight_of(office, connection, file, language)
        stuck_why = connection.scalar(select(cases.c.stuck_why).where(cases.c.id == case_id))
        said = _said(office, connection, file)
        rows = timeline.rows(office, connection, file, sight, before=before)
        newest = casemails.lines(connection, file, sight, MAILS)
        reports = labelled(connection, [("report", report_id) for report_id in file.case.reports])
        contest = _contest(office, connection, file)
        came = incoming.of_case(connection, case_id, language)
        runs = policymoves.of(office, connection, file, now)
    return WholeCase(
        id=case_id,
        stuck=stuck_why or "",
        contest=contest,
        mails=newest,
        all_mails=len(file.case.mails),
        incoming=came,
        reports=reports,
        rows=rows,
        older=rows[0].seq if rows and rows[0].seq > 1 else None,
        domains=_domains(file, said),
        contacts=contacts_of(file, said, language),
        persons=tuple(person_of(p, said, sight) for p in file.case.persons.values()),
        tasks=open_tasks(file, sight, now),
        approvals=approvallines.lines(file, sight, coordinator_id),
        coming=coming.steps(file, sight, now),
        picture=coming.picture(file, sight, now),
        policy=runs,
        policy_changes=tuple((word(c.rung, language), c.before, c.after) for c in runs.changes),
        **_head(file, said.get(1), sight),
    )


def _head(file: CaseFile, opened: e.Event | None, sight: Sight) -> dict[str, Any]:
    """What the top of the page says: what it is about, where it stands, whose move it is."""
    case, language = file.case, sight.language
    mover = whose_move(case, file.rules.policy)
    return {
        "number": case.number,
        "organisation": opened.organisation if isinstance(opened, e.CaseOpened) else "",
        "address": opened.address if isinstance(opened, e.CaseOpened) else "",
        "role": short(case.role, language),
        "severity": short(case.assessed.severity, language) if case.assessed else "",
        "severity_code": str(case.assessed.severity) if case.assessed else "",
        "coordinator": sight.name(case.coordinator_id),
        "open": case.open,
        "states": states_of(case.axes, language),
        "move": word(mover, language),
        "ours": case.open and mover is Party.COORDINATOR,
        "about": _about(file, sight),
        "judged": _judged(file),
        "moves": moves(file, language),
        "paused": case.stands_still("paused"),
        "contested": case.contest_waits,
        "has_draft": bool(case.draft_seq),
        "announced": case.announced is not None,
        "published": case.state(Axis.PUBLICITY) == "published",
        "referred": tuple(
            ReferredLine(aid, sight.name(aid) or aid, short(r.channel, language), r.at)
            for aid, r in case.referred.items()
        ),
    }


def _contest(office: Office, connection: Connection, file: CaseFile) -> str:
    if not file.case.contest_waits:
        return ""
    kinds = (events.c.stream_id == file.id) & (events.c.type == e.NoticeContested.__name__)
    last = connection.scalar(select(events.c.seq).where(kinds).order_by(events.c.seq.desc()).limit(1))
    return str(getattr(ledger.one(office.store, connection, file.id, last), "words", "")) if last else ""


def sight_of(office: Office, connection: Connection, file: CaseFile, language: Language) -> Sight:
    names = timeline.names(office, connection, file)
    return Sight(Audience.COORDINATOR, language, names, told_at(file.case))


def _said(office: Office, connection: Connection, file: CaseFile) -> Mapping[int, e.Event]:
    """The entries whose words stand on the page: the head, domains, contacts, persons and their own addresses."""
    case = file.case
    seqs = {1, *case.domains.values(), *(c.seq for c in case.contacts.values())}
    seqs |= {seq for person in case.persons.values() for seq in (person.seq, person.address_seq) if seq}
    entries = ledger.read(office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=tuple(sorted(seqs)))
    return {entry.seq: entry.event for entry in entries}


def _about(file: CaseFile, sight: Sight) -> tuple[Line, ...]:
    about, language = file.case.assessed, sight.language
    if about is None:
        return ()
    return (
        Line(sight.say(N_("Kind")), short(about.kind, language)),
        Line(sight.say(N_("Personal data")), short(about.personal_data, language)),
        Line(sight.say(N_("Sector")), short(about.sector, language)),
        Line(sight.say(N_("Country")), country_name(about.country, language)),
        Line(sight.say(N_("Host may be compromised")), short(about.host_compromised, language)),
    )


def _judged(file: CaseFile) -> Mapping[str, str]:
    about = file.case.assessed
    names = ("kind", "severity", "personal_data", "sector", "country", "host_compromised")
    return {name: str(getattr(about, name)) for name in names} if about else {}


def _domains(file: CaseFile, said: Mapping[int, e.Event]) -> tuple[DomainRow, ...]:
    tied = ((domain_id, said.get(seq)) for domain_id, seq in file.case.domains.items())
    return tuple(
        DomainRow(domain_id, event.domain, event.named_by, event.reason)
        for domain_id, event in tied
        if isinstance(event, e.DomainTied)
    )


# --- tasks ---


def open_tasks(file: CaseFile, sight: Sight, now: datetime) -> tuple[TaskLine, ...]:
    held = sorted((t for t in file.case.tasks.values() if t.open), key=lambda t: t.due_at)
    return tuple(task_line(file, task, sight, now) for task in held)


def task_line(file: CaseFile, task: Task, sight: Sight, now: datetime) -> TaskLine:
    owner_id = file.case.owner_of(task)
    return TaskLine(
        id=task.id,
        kind=short(task.kind, sight.language),
        channel=short(task.channel, sight.language),
        target=sight.name(task.target),
        due_at=task.due_at,
        overdue=task.due_at <= now,
        blocking=task.blocking,
        rung=short(task.rung, sight.language) if task.rung else "",
        owner=sight.name(owner_id),
        owner_id=owner_id,
    )
