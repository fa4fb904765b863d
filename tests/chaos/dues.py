"""Cases whose one deadline falls due at a chosen instant, many of them, for the storm and for the benchmark.

Each has climbed everything that came before, so that what is promised here is all that it owes: most a reminder, which
queues a mail; some a first phone call, which opens a task; a few the referral to both authorities.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import Clock, Rung
from tests.office import T0, put_all
from tests.protocol.builders import H, Story

TOGETHER = 200  # cases in one transaction of the preparation
# How long a critical case has been silent when it is due (disclosure/data/policy.toml); none is released before T0.
SILENT = {Rung.PHONE_FIRST: 0 * H, Rung.REMINDER: 24 * H, Rung.AUTHORITIES: 72 * H}
BEFORE = {
    Rung.PHONE_FIRST: (),
    Rung.REMINDER: (Rung.PHONE_FIRST,),
    Rung.AUTHORITIES: (Rung.PHONE_FIRST, Rung.REMINDER, Rung.HEADS_UP, Rung.SECOND_CONTACT),
}
MARKS = {Rung.REMINDER: 24 * H, Rung.HEADS_UP: 48 * H, Rung.SECOND_CONTACT: 48 * H}
EARLIEST = T0 + 72 * H  # of an instant at which anything may be due


@dataclass(frozen=True)
class Promise:
    """What the rules owe a case: this rung, at this instant and not before."""

    case_id: str
    rung: Rung
    due_at: datetime


def lay(office: Office, wanted: Iterable[tuple[Rung, datetime]]) -> Iterator[Promise]:
    """A case for each rung and instant that is wanted, stored as casework would have."""
    left = iter(wanted)
    while batch := list(islice(left, TOGETHER)):
        ids = put_all(office, [_story(rung, due_at) for rung, due_at in batch])
        yield from (Promise(case_id, *one) for case_id, one in zip(ids, batch, strict=True))


def mixed(count: int, around: datetime, spread: timedelta, seed: int = 0) -> Iterator[tuple[Rung, datetime]]:
    """``count`` of them up to ``spread`` before and after ``around``; one in ten a call, one in fifty a referral."""
    chance = random.Random(seed)  # noqa: S311 - when each is due
    for n in range(count):
        rung = Rung.AUTHORITIES if n % 50 == 7 else Rung.PHONE_FIRST if n % 10 == 3 else Rung.REMINDER
        yield rung, around + chance.uniform(-1, 1) * spread


def _story(rung: Rung, due_at: datetime) -> Story:
    """A case that was written to so long before, and for which everything before ``rung`` was done in its time."""
    began = due_at - SILENT[rung]
    story = Story(contacts=2, phone=rung is Rung.PHONE_FIRST).released(began)
    for earlier in BEFORE[rung]:
        at = began + MARKS.get(earlier, 0 * H)
        climbed = e.RungClimbed(rung=earlier, clock=Clock.CONTACT, due_at=at, mails=0, tasks=0)
        story.happens(at, climbed, by=e.MACHINE)
    return story
