"""R12, R37a: whom an overdue task rings, and when again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from disclosure.protocol import events as e
from disclosure.protocol.codes import OwnClock, Rung, TaskKind
from disclosure.protocol.ladder import next_rung
from disclosure.protocol.ownclocks import next_own_instant, own_lapses
from disclosure.protocol.values import Channel, Severity
from tests.protocol.builders import RULES, T0, H, Story, rules

DUE = T0 + 4 * H
AGAIN = RULES.policy.call_again_after  # a day
NOBODY = None
NO_LETTERS = rules(letters=False)  # they run beside the ladder


def story(*, taken_by: str = "", assigned: str = "ada", severity: Severity = Severity.CRITICAL) -> Story:
    told = Story(severity).released()
    if assigned:
        told.happens(T0, e.CoordinatorAssigned(coordinator_id=assigned))
    told.happens(
        T0,
        e.TaskOpened(
            task_id="t",
            kind=TaskKind.PHONE_CALL,
            channel=Channel.PHONE,
            target="p1",
            due_at=DUE,
            rung=None,
            blocking=True,
        ),
        by=e.MACHINE,
    )
    if taken_by:
        told.happens(T0, e.TaskTaken(task_id="t", coordinator_id=taken_by))
    return told


def ring(told: Story, at: datetime) -> str | None:
    """Who is called by a tick at ``at``, and the call is recorded; None: nobody."""
    lapses = own_lapses(told.case, RULES, at)
    if not lapses:
        return NOBODY
    (lapse,) = lapses
    told.happens(at, e.CoordinatorsCalled(clock=lapse.clock, subject=lapse.subject, to=lapse.to), by=e.MACHINE)
    return lapse.to


@pytest.mark.parametrize(
    ("taken_by", "assigned", "after", "called", "why"),
    [
        ("", "ada", -timedelta(seconds=1), NOBODY, "it is not due"),
        ("", "ada", timedelta(0), "ada", "the very instant counts: whoever has the case"),
        ("bo", "ada", timedelta(0), "bo", "whoever took it, and the case's coordinator is left in peace"),
        ("", "", timedelta(0), "", "nobody has it: everybody"),
        ("bo", "ada", AGAIN - timedelta(seconds=1), "bo", "a late tick inside the interval is still the owner's"),
        ("bo", "ada", AGAIN, "", "one interval after its hour it is everybody's"),
        ("bo", "ada", 30 * AGAIN, "", "after an outage of a month: one call, to all"),
    ],
)
def test_whom_an_overdue_task_rings_first(
    taken_by: str, assigned: str, after: timedelta, called: str | None, why: str
) -> None:
    assert ring(story(taken_by=taken_by, assigned=assigned), DUE + after) == called, why


def test_the_owner_then_everybody_once_an_interval() -> None:
    told = story(taken_by="bo")
    rung = {hour: ring(told, DUE + hour * H) for hour in range(80)}
    assert {hour: to for hour, to in rung.items() if to is not NOBODY} == {0: "bo", 24: "", 48: "", 72: ""}


@pytest.mark.parametrize("away", [1, 23, 24, 25, 24 * 30])
def test_no_burst_after_an_outage(away: int) -> None:
    """However long nothing ticked: one call at once, and the next an interval later."""
    told = story(taken_by="bo")
    back = DUE + away * H
    assert ring(told, back) is not NOBODY
    assert [ring(told, back + timedelta(minutes=m)) for m in (0, 1, 60 * 23)] == [NOBODY] * 3
    assert ring(told, back + AGAIN) == ""


def test_the_next_instant_is_the_tasks_hour_then_an_interval_after_the_call() -> None:
    told = story(taken_by="bo")
    assert next_own_instant(told.case, RULES) == DUE
    ring(told, DUE + 2 * H)
    assert next_own_instant(told.case, RULES) == DUE + 2 * H + AGAIN


@pytest.mark.parametrize("end", [e.TaskDone(task_id="t", proof="p"), e.TaskCancelled(task_id="t", reason="answered")])
def test_what_is_over_rings_nobody(end: e.Event) -> None:
    told = story(taken_by="bo").happens(T0 + H, end)
    assert ring(told, DUE + AGAIN) is NOBODY


def test_ringing_moves_no_rung() -> None:
    """R37a: called or not, taken or not, what the task blocks stays blocked until it is done."""
    told = story(taken_by="bo", severity=Severity.HIGH)
    late = DUE + timedelta(days=7)
    for hour in range(0, 24 * 7, 12):
        ring(told, DUE + hour * H)
        assert next_rung(told.case, NO_LETTERS, DUE + hour * H) is None
    told.happens(late, e.TaskDone(task_id="t", proof="p"))
    rung = next_rung(told.case, NO_LETTERS, late)
    assert rung is not None
    assert rung.rung is Rung.REMINDER, "and then it goes on from there"


def test_other_clocks_of_ours_ring_everybody_from_the_first() -> None:
    told = story(taken_by="bo").happens(T0, e.TaskDone(task_id="t", proof="p")).standing(T0)
    (lapse,) = own_lapses(told.case, RULES, T0 + 9 * H)
    assert (lapse.clock, lapse.to) == (OwnClock.STANDING_TO_RELEASED, "")
