"""Deadlines on the real store at the instants where clocks and calendars turn (R30–R33). Expected instants: by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from disclosure.casework import casefile, clockwork, verification
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import Rung
from disclosure.protocol.values import Severity
from disclosure.store import ledger
from disclosure.store.tables import deadlines, outbox
from tests.office import put
from tests.protocol.builders import H, Story

A_MOMENT = timedelta(microseconds=1)
MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(weeks=1)
FIRST = Rung.REMINDER


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def waiting(office: Office, severity: Severity, start: datetime) -> str:
    """A case whose contact clock started then, and in which no call to be made holds up the ladder."""
    case_id = put(office, Story(severity).released(start))
    clockwork.tick(office, start)
    open_tasks = [task for task in casefile.look(office, case_id).case.tasks.values() if task.open]
    done: list[casefile.Fact] = [(e.MACHINE, e.TaskDone(task_id=task.id, proof="called")) for task in open_tasks]
    casefile.change(office, case_id, start, lambda _: done)
    return case_id


def climbed(office: Office, case_id: str, rung: Rung = FIRST) -> bool:
    return rung in casefile.look(office, case_id).case.rungs


def mails_of(office: Office, case_id: str) -> list[str]:
    """Types of the mails that a rung sent."""
    query = select(outbox.c.mail_type).where(outbox.c.case_id == case_id, outbox.c.deadline_id.is_not(None))
    with office.store.reading() as connection:
        return list(connection.scalars(query))


CRITICAL, HIGH = Severity.CRITICAL, Severity.HIGH  # a day of 24 hours; two working days


@pytest.mark.parametrize(
    ("severity", "start", "due", "why"),
    [
        (
            CRITICAL,
            "2027-03-27T12:00+01:00",
            "2027-03-28T13:00+02:00",
            "24 hours are 24 hours when an hour is left out",
        ),
        (CRITICAL, "2027-10-30T12:00+02:00", "2027-10-31T11:00+01:00", "and when one comes twice"),
        (
            CRITICAL,
            "2027-10-30T02:30+02:00",
            "2027-10-31T02:30+02:00",
            "due in the hour that comes twice: its first time",
        ),
        (CRITICAL, "2027-12-31T23:30+01:00", "2028-01-01T23:30+01:00", "over the turn of the year"),
        (CRITICAL, "2028-02-28T10:00+01:00", "2028-02-29T10:00+01:00", "on a leap day"),
        (CRITICAL, "2028-02-29T10:00+01:00", "2028-03-01T10:00+01:00", "from a leap day"),
        (HIGH, "2027-03-25T10:15+01:00", "2027-03-30T10:15+02:00", "Easter Monday is none; the local hour stays"),
        (HIGH, "2027-10-28T10:15+02:00", "2027-11-02T10:15+01:00", "nor All Saints'; the local hour stays in winter"),
        (HIGH, "2027-12-23T10:00+01:00", "2027-12-27T10:00+01:00", "Christmas falls on a Saturday, and is not made up"),
        (HIGH, "2027-12-30T16:00+01:00", "2028-01-03T16:00+01:00", "over the turn of the year and a weekend"),
        (HIGH, "2028-02-28T10:00+01:00", "2028-03-01T10:00+01:00", "a leap day is a working day"),
        (HIGH, "2028-04-13T10:00+02:00", "2028-04-18T10:00+02:00", "Easter moves: the 17th of April in 2028"),
    ],
)
def test_it_fires_at_its_instant_and_not_a_moment_before(
    office: Office, severity: Severity, start: str, due: str, why: str
) -> None:
    case_id = waiting(office, severity, at(start))
    with office.store.reading() as connection:
        row = connection.execute(
            select(deadlines.c.due_at).where(deadlines.c.case_id == case_id, deadlines.c.rung == FIRST)
        ).one()
    assert row.due_at == at(due), why
    clockwork.tick(office, at(due) - A_MOMENT)
    assert not climbed(office, case_id), "early"
    clockwork.tick(office, at(due))
    assert climbed(office, case_id), "a deadline exactly now is due"
    clockwork.tick(office, at(due))
    assert len(mails_of(office, case_id)) == 1, "once"
    assert verification.verify(office).ok


START = at("2027-03-22T09:00+01:00")  # a Monday; the week after it ends with the change to summer


def test_a_scheduler_that_was_off_for_a_week_makes_nobody_late(office: Office) -> None:
    """R31: the week counts for nobody; what was left of the day is left of it."""
    case_id = waiting(office, CRITICAL, START)
    clockwork.turn(office, START)
    back = START + WEEK
    clockwork.turn(office, back)
    assert not climbed(office, case_id), "silence while we were away is not theirs"
    due = back + DAY
    clockwork.beat(office, "clock", due - MINUTE)
    clockwork.turn(office, due - A_MOMENT)
    assert not climbed(office, case_id)
    clockwork.turn(office, due)
    assert climbed(office, case_id)
    assert verification.verify(office).ok


def test_a_clock_that_goes_back_an_hour_fires_nothing_twice_and_nothing_early(office: Office) -> None:
    case_id = waiting(office, CRITICAL, START)
    due = START + DAY
    clockwork.beat(office, "clock", due - MINUTE)
    clockwork.turn(office, due)
    assert climbed(office, case_id)
    second = next(p.due_at for p in casefile.look(office, case_id).plan if p.rung is Rung.SECOND_CONTACT)
    before = mails_of(office, case_id)
    for minutes in (0, 20, 40, 59):
        clockwork.turn(office, due - H + minutes * MINUTE)
        assert mails_of(office, case_id) == before
    clockwork.turn(office, due + MINUTE)  # the hour is over: it goes on as if nothing had been
    assert mails_of(office, case_id) == before
    assert next(p.due_at for p in casefile.look(office, case_id).plan if p.rung is Rung.SECOND_CONTACT) == second
    assert verification.verify(office).ok


def test_a_clock_that_goes_back_before_a_deadline_does_not_lose_it(office: Office) -> None:
    case_id = waiting(office, CRITICAL, START)
    due = START + DAY
    clockwork.beat(office, "clock", due - MINUTE)
    clockwork.turn(office, due - H - MINUTE)
    assert not climbed(office, case_id)
    clockwork.turn(office, due)
    assert climbed(office, case_id)


def test_a_tick_that_never_ran_is_made_up_by_the_next(office: Office) -> None:
    """A lost tick: what fell due meanwhile is found by its instant, not by having been watched."""
    case_id = waiting(office, CRITICAL, START)
    due = START + DAY
    clockwork.beat(office, "clock", due + 10 * MINUTE)  # another worker's; it died before it fired
    clockwork.turn(office, due + 12 * MINUTE)
    assert climbed(office, case_id)
    (entry,) = [
        entry
        for entry in _entries(office, case_id)
        if isinstance(entry.event, e.RungClimbed) and entry.event.rung is FIRST
    ]
    assert (entry.event.due_at, entry.at) == (due, due + 12 * MINUTE), "when it was due, and when it was done"  # type: ignore[attr-defined]


def _entries(office: Office, case_id: str) -> tuple[e.Entry, ...]:
    with office.store.reading() as connection:
        return ledger.read(office.store, connection, case_id)
