"""The clock's hand on a real store: batches, stuck cases, outages, calls (R12, R30, R31, R37a)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from disclosure.casework import casefile, clockwork, outages, verification
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import Clock, MailType, OwnClock, Rung
from disclosure.protocol.values import Severity
from disclosure.store.tables import cases, coordinators, deadlines, outbox, tasks
from tests.office import T0, put
from tests.protocol.builders import H, Story


def rungs(office: Office, case_id: str) -> set[Rung]:
    return set(casefile.look(office, case_id).case.rungs)


def test_a_tick_with_nothing_due_writes_nothing(office: Office) -> None:
    case_id = put(office, Story(Severity.HIGH).released())
    before = casefile.look(office, case_id).case.last_seq
    assert clockwork.tick(office, T0 + H).cases == 0
    assert casefile.look(office, case_id).case.last_seq == before


def test_rungs_become_outbox_rows_and_tasks_with_their_deadline(office: Office) -> None:
    case_id = put(office, Story().released())
    clockwork.tick(office, T0)
    with office.store.reading() as connection:
        task = connection.execute(select(tasks).where(tasks.c.case_id == case_id)).one()
        assert (task.kind, task.state) == ("phone_call", "open")
    file = casefile.look(office, case_id)
    done = [(e.MACHINE, e.TaskDone(task_id=t, proof="p")) for t in file.case.tasks]
    casefile.change(office, case_id, T0 + H, lambda _: done)
    clockwork.tick(office, T0 + 24 * H)
    with office.store.reading() as connection:
        row = connection.execute(select(outbox).where(outbox.c.recipient == "c2")).one()
        deadline = connection.execute(select(deadlines).where(deadlines.c.id == row.deadline_id)).one()
    assert (row.state, row.mail_type) == ("recipe", MailType.CONTACT_REQUEST)
    assert (deadline.rung, deadline.state, deadline.due_at) == (Rung.REMINDER, "fired", T0 + 24 * H)


def test_a_second_heads_up_has_a_deadline_of_its_own(office: Office) -> None:
    """Announced in the contact clock, and anew in the notice clock (R34): the same rung, the same people."""
    case_id = put(office, Story(phone=False).released())
    clockwork.tick(office, T0)
    file = casefile.look(office, case_id)
    casefile.change(
        office, case_id, T0, lambda _: [(e.MACHINE, e.TaskDone(task_id=t, proof="p")) for t in file.case.tasks]
    )
    clockwork.tick(office, T0 + 49 * H)
    assert Clock.CONTACT in casefile.look(office, case_id).case.heads_ups
    notice = Story.on(casefile.look(office, case_id).case).standing(T0 + 50 * H).notice(T0 + 50 * H)
    casefile.change(office, case_id, T0 + 50 * H, lambda _: [(entry.actor, entry.event) for entry in notice.entries])
    assert clockwork.tick(office, T0 + 200 * H).stuck == 0
    warned = select(deadlines.c.clock, outbox.c.recipient).join(outbox, outbox.c.deadline_id == deadlines.c.id)
    with office.store.reading() as connection:
        rows = [tuple(row) for row in connection.execute(warned.where(outbox.c.mail_type == MailType.HEADS_UP))]
    assert {clock for clock, _ in rows} == {Clock.CONTACT, Clock.NOTICE}
    assert ("notice", "c1") in rows
    assert ("contact", "c1") in rows


@pytest.mark.parametrize("count", [1, 7])
def test_one_bad_case_stands_alone_and_the_rest_goes_on(office: Office, count: int) -> None:
    ids = [put(office, Story().released()) for _ in range(count + 1)]
    bad = ids[count // 2]
    with office.store.writing() as tx:
        tx.execute(
            text("UPDATE events SET body = :nothing WHERE stream_id = :id AND seq = 3"), {"id": bad, "nothing": b"\0"}
        )
    done = clockwork.tick(office, T0)
    assert (done.cases, done.stuck) == (count, 1)
    with office.store.reading() as connection:
        row = connection.execute(select(cases).where(cases.c.id == bad)).one()
    assert row.stuck_at == T0
    assert row.stuck_why
    assert clockwork.tick(office, T0).cases == 0, "a stuck case is not tried again by itself"
    clockwork.unstick(office, bad)
    assert clockwork.tick(office, T0).stuck == 1


def test_a_week_away_is_credited_to_every_running_clock(office: Office) -> None:
    case_id = put(office, Story(Severity.HIGH).released())
    assert outages.credit_outage(office, T0) == 0, "no heartbeat yet: nothing is known of before"
    clockwork.beat(office, "clock", T0 + H)
    back = T0 + timedelta(days=7)
    assert outages.credit_outage(office, back) == 1
    assert outages.credit_outage(office, back) == 0, "once"
    clockwork.tick(office, back)
    assert rungs(office, case_id) == set(), "two working days have not passed for them yet"
    assert verification.verify(office).ok


@pytest.mark.parametrize(("away", "credited", "why"), [(14, 0, "a restart is no outage"), (16, 1, "this is one")])
def test_what_counts_as_an_outage(office: Office, away: int, credited: int, why: str) -> None:
    put(office, Story(Severity.HIGH).released())
    clockwork.beat(office, "clock", T0 + H)
    assert outages.credit_outage(office, T0 + H + timedelta(minutes=away)) == credited, why


def test_an_undone_task_rings_every_coordinator_once_a_day(office: Office) -> None:
    with office.store.writing() as tx:
        for login, active in (("ada", True), ("bo", True), ("gone", False)):
            tx.execute(
                coordinators.insert().values(
                    id=login,
                    login=login,
                    name=login,
                    address=f"{login}@desk.example",
                    language="fr",
                    password_hash="x",
                    totp_sealed=b"x",
                    totp_step=0,
                    active=active,
                    created_at=T0,
                )
            )
    case_id = put(office, Story().released())
    clockwork.tick(office, T0)
    assert clockwork.tick(office, T0 + 5 * H).calls == 1
    assert clockwork.tick(office, T0 + 6 * H).calls == 0
    with office.store.reading() as connection:
        query = select(outbox.c.recipient).where(outbox.c.mail_type == MailType.COORDINATORS_CALLED)
        assert sorted(connection.scalars(query)) == ["ada", "bo"]
    assert (OwnClock.TASK_OVERDUE, next(iter(casefile.look(office, case_id).case.tasks))) in casefile.look(
        office, case_id
    ).case.calls
    clockwork.tick(office, T0 + 30 * H)
    with office.store.reading() as connection:
        assert len(connection.execute(query).all()) == 4, "again after a day"


def test_the_projection_finds_a_row_that_was_changed(office: Office) -> None:
    case_id = put(office, Story().released())
    for damage in (
        update(cases).where(cases.c.id == case_id).values(whose_move="authority"),
        update(deadlines).where(deadlines.c.case_id == case_id).values(due_at=T0),
        update(outbox).where(outbox.c.case_id == case_id).values(case_id=None),
    ):
        with office.store.writing() as tx:
            tx.execute(damage)
        verified = verification.verify(office)
        assert not verified.ok
        with office.store.writing() as tx:
            tx.execute(outbox.update().values(case_id=case_id))
