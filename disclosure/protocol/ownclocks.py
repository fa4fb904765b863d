"""Our own clocks (R12): what we owe, when it is late, and whose move it is. A lapse here is shown as ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from disclosure.protocol.approvals import is_waiting, missing
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import OwnClock, Rung
from disclosure.protocol.ladder import Policy, Rules, running
from disclosure.protocol.state import Case
from disclosure.protocol.values import Party
from disclosure.protocol.worktime import add


@dataclass(frozen=True)
class OwnLapse:
    clock: OwnClock
    subject: str
    due_at: datetime


def own_lapses(case: Case, rules: Rules, now: datetime) -> tuple[OwnLapse, ...]:
    """R12: our own clocks that ran out and for which no coordinator was called lately. Shown as ours."""
    lapses = [lapse for lapse in _own_deadlines(case, rules) if lapse.due_at <= now]
    return tuple(lapse for lapse in lapses if _call_due(case, lapse, rules.policy, now))


def _call_due(case: Case, lapse: OwnLapse, policy: Policy, now: datetime) -> bool:
    called = case.calls.get((lapse.clock, lapse.subject))
    return called is None or now - called >= policy.call_again_after


def _own_deadlines(case: Case, rules: Rules) -> Iterator[OwnLapse]:
    if not case.open:
        return
    clocks = rules.policy.own_clocks
    for person in case.persons.values():
        if person.standing_at and case.waits_for_release(person):
            due = add(person.standing_at, clocks[OwnClock.STANDING_TO_RELEASED], rules.calendar)
            yield OwnLapse(OwnClock.STANDING_TO_RELEASED, person.id, due)
    for task in case.tasks.values():
        if task.open:
            yield OwnLapse(OwnClock.TASK_OVERDUE, task.id, task.due_at)
    for approval in missing(case, rules):
        due = add(approval.proposed_at, clocks[OwnClock.DUE_TO_APPROVED], rules.calendar)
        yield OwnLapse(OwnClock.DUE_TO_APPROVED, approval.id, due)


def next_own_instant(case: Case, rules: Rules) -> datetime | None:
    """When the next of our own clocks runs out, or rings again."""
    again = rules.policy.call_again_after
    instants = (
        max(lapse.due_at, case.calls[lapse.clock, lapse.subject] + again)
        if (lapse.clock, lapse.subject) in case.calls
        else lapse.due_at
        for lapse in _own_deadlines(case, rules)
    )
    return min(instants, default=None)


def whose_move(case: Case, policy: Policy) -> Party:
    """Who has the next action: shown in every inbox row."""
    if not case.open:
        return Party.MACHINE
    if case.state(Axis.CONTACT) == "searching" or any(task.open for task in case.tasks.values()):
        return Party.COORDINATOR
    if any(is_waiting(case, approval) for approval in case.approvals.values()):
        return Party.COORDINATOR
    if any(still.why == "contested" and still.end is None for still in case.stills):
        return Party.COORDINATOR
    if case.answered_at or case.release_is_ours:
        return Party.COORDINATOR
    if Rung.AUTHORITIES in case.rungs:
        return Party.COORDINATOR  # the ladder is used up: waiting on, calling again or closing is a person's decision
    return Party.ORGANISATION if running(case, policy) or case.released_to else Party.COORDINATOR
