"""Tasks of coordinators (R37a, R39): whose one is, and when it counts as done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import select, update

from disclosure.casework import casefile, clockwork, coordination, overview, verification, wholecase
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType, OwnClock, Rung, TaskKind
from disclosure.protocol.errors import IllegalMove, InvalidInput, Refused
from disclosure.protocol.state import Task
from disclosure.protocol.values import Language, Severity
from disclosure.store import ledger
from disclosure.store.tables import coordinators, outbox, tasks
from tests.casework import desk
from tests.casework.desk import ADA, BO, HOUR, MINUTE, House
from tests.office import forget

EN = Language.EN
Kind = TypeVar("Kind", bound=e.Event)


@pytest.fixture
def quiet(database: str, tmp_path) -> Iterator[House]:  # type: ignore[no-untyped-def]
    held = desk.build(tmp_path / "instance")
    yield held
    forget(held.office)


def called(house: House) -> tuple[str, Task]:
    """A critical case of Ada's, with its phone call."""
    case_id = house.requested(severity=Severity.CRITICAL)
    clockwork.tick(house.office, house.now)
    (task,) = house.case(case_id).tasks.values()
    return case_id, task


def referred(house: House) -> tuple[str, Task]:
    """Days later nobody answered: the referral to CNIL, by post."""
    case_id = house.requested(severity=Severity.CRITICAL)
    for _ in range(16):
        clockwork.tick(house.office, house.later(timedelta(hours=12)))
        house.deliver()
        for task in house.case(case_id).tasks.values():
            if task.open and task.kind is TaskKind.REFERRAL and task.target == "fr-cnil":
                return case_id, task
            if task.open and task.kind is TaskKind.PHONE_CALL:
                coordination.task_done(house.hand(case_id), task.id, "spoken to", "")
    raise AssertionError("no referral came")


def owner_row(house: House, task_id: str) -> str:
    with house.office.store.reading() as connection:
        return str(connection.scalar(select(tasks.c.owner_id).where(tasks.c.id == task_id)))


# --- whose it is ---


def test_a_task_is_its_cases_coordinators_until_somebody_takes_it(quiet: House) -> None:
    case_id, task = called(quiet)
    assert quiet.case(case_id).owner_of(task) == owner_row(quiet, task.id) == ADA
    coordination.take_task(quiet.hand(case_id, BO), task.id, ADA)
    assert owner_row(quiet, task.id) == BO
    (row,) = overview.open_tasks(quiet.office, EN, quiet.now).rows
    (line,) = wholecase.page(quiet.office, case_id, ADA, EN, quiet.now).tasks
    assert (row.owner, row.owner_id, line.owner, line.owner_id) == ("Bo", BO, "Bo", BO)
    assert quiet.case(case_id).coordinator_id == ADA, "the case itself is not handed over"
    assert verification.verify(quiet.office).ok


def test_tasks_that_nobody_took_go_with_the_case(quiet: House) -> None:
    case_id, task = called(quiet)
    other, taken = called(quiet)
    coordination.take_task(quiet.hand(other), taken.id, ADA)
    for one in (case_id, other):
        casefile.record(quiet.hand(one), e.CoordinatorAssigned(coordinator_id=BO))
    assert (owner_row(quiet, task.id), owner_row(quiet, taken.id)) == (BO, ADA)
    assert verification.verify(quiet.office).ok


def test_a_second_click_writes_nothing_and_a_quicker_colleague_is_seen(quiet: House) -> None:
    case_id, task = called(quiet)
    coordination.take_task(quiet.hand(case_id, BO), task.id, ADA)
    seq = quiet.case(case_id).last_seq
    coordination.take_task(quiet.hand(case_id, BO), task.id, ADA)
    assert quiet.case(case_id).last_seq == seq
    with pytest.raises(Refused, match="task_taken_meanwhile"):
        coordination.take_task(quiet.hand(case_id), task.id, ADA)
    coordination.take_task(quiet.hand(case_id), task.id, BO)
    assert owner_row(quiet, task.id) == ADA, "handed back with open eyes"


@pytest.mark.parametrize(("end", "why"), [("done", "nothing is left to do"), ("unknown", "there is none")])
def test_only_an_open_task_is_taken(quiet: House, end: str, why: str) -> None:
    case_id, task = called(quiet)
    if end == "done":
        coordination.task_done(quiet.hand(case_id), task.id, "spoken to", "")
    with pytest.raises(IllegalMove) as error:
        coordination.take_task(quiet.hand(case_id), task.id if end == "done" else "none", ADA)
    assert (error.value.axis, error.value.state) == ("task", end), why


# --- it reminds ---


def rung(house: House) -> list[str]:
    """Who has a call in the outbox, in the order in which they came."""
    query = select(outbox.c.recipient).where(outbox.c.mail_type == MailType.COORDINATORS_CALLED)
    with house.office.store.reading() as connection:
        return list(connection.scalars(query.order_by(outbox.c.queued_at, outbox.c.recipient)))


def test_a_due_task_calls_its_owner_and_a_day_later_everybody(quiet: House) -> None:
    case_id, task = called(quiet)
    coordination.take_task(quiet.hand(case_id, BO), task.id, ADA)
    quiet.now = task.due_at
    for _ in range(20):
        clockwork.tick(quiet.office, quiet.now)
        quiet.later(HOUR)
    assert rung(quiet) == [BO]
    told = last(quiet, case_id, e.CoordinatorsCalled)
    assert (told.clock, told.subject, told.to) == (OwnClock.TASK_OVERDUE, task.id, BO)
    for _ in range(20):
        clockwork.tick(quiet.office, quiet.now)
        quiet.later(HOUR)
    assert rung(quiet) == [BO, ADA, BO]
    assert not {climbed for climbed in quiet.case(case_id).rungs if climbed is not Rung.PHONE_FIRST}, (
        "and no rung moved"
    )
    quiet.deliver()
    letters = {bytes(mail) for mail in quiet.relay.to(f"{BO}@desk.example")}
    assert letters, "the call leaves"
    number = quiet.case(case_id).number.encode()
    assert not [mail for mail in letters if number in mail or b"org.example" in mail], "a mail without content"
    assert verification.verify(quiet.office).ok


def test_whoever_is_not_there_any_more_is_not_waited_for(quiet: House) -> None:
    case_id, task = called(quiet)
    with quiet.office.store.writing() as tx:
        tx.execute(update(coordinators).where(coordinators.c.id == ADA).values(active=False))
    clockwork.tick(quiet.office, task.due_at)
    assert rung(quiet) == [BO], "everybody who is there"
    assert last(quiet, case_id, e.CoordinatorsCalled).to == ""


def test_after_a_week_away_it_rings_once_and_everybody(quiet: House) -> None:
    called(quiet)
    quiet.later(timedelta(days=7))
    for minute in range(3):
        clockwork.turn(quiet.office, quiet.now + minute * MINUTE)
    assert rung(quiet) == [ADA, BO]


# --- done ---


@pytest.mark.parametrize(
    ("reference", "none_given", "problem", "why"),
    [
        ("", False, "reference_or_none", "a letter that nobody can follow up is not done"),
        ("  ", False, "reference_or_none", "blanks are no reference"),
        ("SAI-1", True, "reference_and_none", "one of them is wrong"),
        ("SAI-1", False, "", "the authority's own reference"),
        ("", True, "", "chosen explicitly"),
    ],
)
def test_a_referral_is_done_with_the_authoritys_reference_or_the_word_that_it_gave_none(
    quiet: House, reference: str, none_given: bool, problem: str, why: str
) -> None:
    case_id, task = referred(quiet)
    if problem:
        with pytest.raises(InvalidInput) as error:
            coordination.task_done(quiet.hand(case_id), task.id, "posted", reference, none_given=none_given)
        assert error.value.problems == {"reference": problem}, why
        assert quiet.case(case_id).tasks[task.id].open
        return
    coordination.task_done(quiet.hand(case_id), task.id, "posted", reference, none_given=none_given)
    assert not quiet.case(case_id).tasks[task.id].open, why
    done = last(quiet, case_id, e.TaskDone)
    assert (done.reference, done.none_given, done.proof) == (reference, none_given, "posted")


def test_a_call_needs_no_reference_and_says_nothing_of_one(quiet: House) -> None:
    case_id, task = called(quiet)
    coordination.task_done(quiet.hand(case_id), task.id, "spoken to", "", none_given=True)
    assert last(quiet, case_id, e.TaskDone).none_given is False


def last(house: House, case_id: str, kind: type[Kind]) -> Kind:
    with house.office.store.reading() as connection:
        entries = ledger.read(house.office.store, connection, case_id, parts=ledger.EVERY_PART)
    return next(entry.event for entry in reversed(entries) if isinstance(entry.event, kind))
