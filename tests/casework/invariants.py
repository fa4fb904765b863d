"""What must be so in any case at any moment, whoever did what and whoever died over it (R12, R30–R37a, R39, R42).

Read from the ledger and the rows by ways of its own where it can: what a fault of the fold hides, a fold does not show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from disclosure.casework import casefile, verification
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol import ladder
from disclosure.protocol.case import apply
from disclosure.protocol.codes import Clock, MailType, Rung, TaskKind
from disclosure.protocol.ladder import Rules
from disclosure.protocol.state import Case
from disclosure.store import ledger
from disclosure.store.tables import deadlines, outbox, tasks

ESCALATES = {Rung.AUTHORITIES, Rung.AT_ONCE_AUTHORITIES}
Entries = Sequence[e.Entry]


def entries_of(office: Office, case_id: str) -> tuple[e.Entry, ...]:
    with office.store.reading() as connection:
        return ledger.read(office.store, connection, case_id)


def check(office: Office, case_id: str, now: datetime, *, sent_on: bool = True) -> None:
    """``sent_on`` is False where a test brings an answer as a bare event, without what answering adds to it (R39)."""
    verified = verification.verify(office)
    assert verified.ok, verified.fault
    file, entries = casefile.look(office, case_id), entries_of(office, case_id)
    assert [entry.seq for entry in entries] == list(range(1, file.case.last_seq + 1)), "each event once"
    _ids_once(entries)
    referred_if_and_only_if_something_does_it(office, file)
    _each_rung_in_its_turn(entries, file.rules)
    _mails_belong_to_their_rung(office, case_id, entries)
    _one_open_proposal_of_a_kind(file.case)
    _nothing_due_is_lost(file, now)
    if sent_on:
        whoever_was_told_is_told_of_the_answer(entries)


def _ids_once(entries: Entries) -> None:
    ids = [entry.event.mail_id for entry in entries if isinstance(entry.event, e.MailQueued)]
    ids += [entry.event.task_id for entry in entries if isinstance(entry.event, e.TaskOpened)]
    assert len(ids) == len(set(ids))
    for kind, key in ((e.MailRelayed, "mail_id"), (e.TaskDone, "task_id"), (e.AuthorityReferred, "authority_id")):
        told = Counter(getattr(entry.event, key) for entry in entries if isinstance(entry.event, kind))
        assert all(count == 1 for count in told.values()), f"{kind.__name__} twice"


def referred_if_and_only_if_something_does_it(office: Office, file: CaseFile) -> None:
    with office.store.reading() as connection:
        mails = select(outbox.c.id).where(outbox.c.case_id == file.id, outbox.c.mail_type == MailType.REFERRAL)
        doing = set(connection.scalars(mails))
        letters = select(tasks.c.id).where(tasks.c.case_id == file.id, tasks.c.kind == TaskKind.REFERRAL)
        doing |= set(connection.scalars(letters))
    assert {referred.by for referred in file.case.referred.values()} == doing
    assert bool(ESCALATES & set(file.case.rungs)) == bool(doing)


def _each_rung_in_its_turn(entries: Entries, rules: Rules) -> None:
    """Never early; at most once in a clock; and each was free to climb, at that very instant, in the case before it.

    That it was free is the half of the race that nobody may lose: after an acknowledgement no rung of the contact's or
    the notice's clock is.
    """
    climbed: set[tuple[Rung, Clock]] = set()
    case = Case()
    for entry in entries:
        if isinstance(entry.event, e.RungClimbed):
            key = entry.event.rung, entry.event.clock
            assert key not in climbed
            climbed.add(key)
            assert entry.event.due_at <= entry.at, "never early"
            free = {(p.rung, p.clock, p.due_at) for p in ladder.climbable(case, rules)}
            assert (*key, entry.event.due_at) in free, (key, free)
            assert not (case.acknowledged_at and key[0] is Rung.AUTHORITIES) or key[1] is Clock.ACTION
        case = apply(case, entry)
    counts = Counter(rung for rung, _ in climbed if rung is not Rung.HEADS_UP)  # which is announced anew for each clock
    assert all(count == 1 for count in counts.values())


def _mails_belong_to_their_rung(office: Office, case_id: str, entries: Entries) -> None:
    with office.store.reading() as connection:
        rows = connection.execute(select(deadlines).where(deadlines.c.case_id == case_id)).all()
        held: dict[str, Row[Any]] = {row.id: row for row in rows}
        mails = select(outbox.c.id, outbox.c.deadline_id).where(outbox.c.case_id == case_id)
        deadline_of = {row.id: row.deadline_id for row in connection.execute(mails)}
    clocks: dict[Rung, Clock] = {}
    for entry in entries:
        match entry.event:
            case e.RungClimbed(rung=rung, clock=clock):
                clocks[rung] = clock
            case e.MailQueued(mail_id=mail_id, rung=None):
                assert deadline_of[mail_id] is None
            case e.MailQueued(mail_id=mail_id, rung=rung):
                row = held[deadline_of[mail_id]]
                assert (row.rung, row.clock, row.state) == (rung, clocks[rung], "fired")


def _one_open_proposal_of_a_kind(case: Case) -> None:
    waiting = Counter((a.act, a.subject) for a in case.approvals.values() if a.open)
    assert all(count == 1 for count in waiting.values()), waiting


def _nothing_due_is_lost(file: CaseFile, now: datetime) -> None:
    """Whatever is due now and free to climb has an instant in the row that workers look for."""
    if ladder.next_rung(file.case, file.rules, now):
        instant = file.row["next_at"]
        assert isinstance(instant, datetime)
        assert instant <= now


_ANSWERS = (e.NoticeAcknowledged, e.NoticeContested, e.RemediationPlanned, e.RemediationClaimed)


def whoever_was_told_is_told_of_the_answer(entries: Entries) -> None:
    """R39: with each later answer a mail to every authority that was told, or a task, unless one is open already."""
    referred: dict[str, str] = {}
    open_tasks: dict[str, str] = {}
    for place, entry in enumerate(entries):
        match entry.event:
            case e.AuthorityReferred(authority_id=authority_id, channel=channel):
                referred[authority_id] = channel
            case e.TaskOpened(task_id=task_id, kind=TaskKind.LATER_FACT, target=target):
                open_tasks[task_id] = target
            case e.TaskDone(task_id=task_id) | e.TaskCancelled(task_id=task_id):
                open_tasks.pop(task_id, None)
            case event if isinstance(event, _ANSWERS):
                told = set(_told_with(entries[place + 1 :], entry.at)) | set(open_tasks.values())
                assert set(referred) <= told, "an answer that an authority does not hear of"


def _told_with(after: Entries, at: datetime) -> list[str]:
    """Whom later facts go to in the same transaction: its entries follow, at the same instant."""
    told = []
    for entry in after:
        if entry.at - at > timedelta(0):
            break
        if isinstance(entry.event, e.MailQueued) and entry.event.mail_type is MailType.LATER_FACT:
            told.append(entry.event.to)
        if isinstance(entry.event, e.TaskOpened) and entry.event.kind is TaskKind.LATER_FACT:
            told.append(entry.event.target)
    return told
