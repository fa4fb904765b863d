"""Runs of a worker that is disturbed once, and the undisturbed ones before and after (test_worker_*.py)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from disclosure.casework.office import Office
from tests.chaos.aftermath import Remains, check, remains, settled
from tests.chaos.conftest import Mortals, points
from tests.chaos.scene import DUE, LATER, Scene, reopen
from tests.mail.faulty import Relay
from tests.office import shut

MOST_ROUNDS = 4


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Office]:
    office = reopen(folder)
    try:
        yield office
    finally:
        shut(office)


def telling(names: list[str], *, every: bool) -> list[int]:
    """Numbers, from 1, of the points to die at: commits, the final dot and the answer to it; or all."""
    dots = {n for n, name in enumerate(names, 1) if name == r"smtp b'.\r\n'"}
    around = dots | {n + 1 for n in dots}
    return [n for n, name in enumerate(names, 1) if every or n in around or not name.startswith(("smtp", "answer"))]


def undisturbed(mortals: Mortals, scene: Scene, relay: Relay, signal: str) -> tuple[list[str], Remains]:
    assert mortals.work(scene.folder, DUE, relay.port, signal=signal)["ended"] == "done"
    with opened(scene.folder) as office:
        expected = remains(office, scene)
        ends = check(office, scene, relay.kept, expected)
    assert ends == {"relayed": 3, "twice": 0}, "a second contact, a referral, a call to the coordinator"
    relay.kept.clear()
    return points(scene.folder), expected


def live_on(mortals: Mortals, scene: Scene, relay: Relay, at: datetime) -> None:
    """Rounds of a worker that nobody disturbs, each past the leases of the one before, until nothing waits."""
    for _ in range(MOST_ROUNDS):
        assert mortals.work(scene.folder, at, relay.port)["ended"] == "done"
        with opened(scene.folder) as office:
            if settled(office):
                return
        at += LATER
