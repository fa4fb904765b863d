"""Kill -9 and long freezes of the worker at each commit and around each final dot; the same office must come out.

The jobs are the worker's own, run by a process that is really killed or stopped (zygote.py); mail really goes over
SMTP. ``--chaos`` takes every line of every conversation too.
"""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.aftermath import check
from tests.chaos.conftest import Mortals, points
from tests.chaos.lives import live_on, opened, telling, undisturbed
from tests.chaos.scene import DUE, LATER, Scene
from tests.mail.faulty import Relay

pytestmark = pytest.mark.timeout(600)


def test_killed_at_each_point(mortals: Mortals, prepared: Scene, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    with Relay().running() as relay:
        names, expected = undisturbed(mortals, prepared.copy(tmp_path / "first"), relay, "SIGKILL")
        ends: Counter[str] = Counter()
        for n in telling(names, every=pytestconfig.getoption("--chaos")):
            scene = prepared.copy(tmp_path / f"{n}")
            assert mortals.work(scene.folder, DUE, relay.port, point=n)["ended"] == "killed"
            assert points(scene.folder) == names[:n], "every run takes the same way"
            live_on(mortals, scene, relay, DUE + LATER)
            with opened(scene.folder) as office:
                ends += check(office, scene, relay.kept, expected)
            relay.kept.clear()
    assert ends["twice"] >= 4, "killed after the dot, a mail does go twice: this test would see it unflagged"
    assert ends["held"] >= 4, "and a referral is held instead"


def test_killed_again_and_again(mortals: Mortals, prepared: Scene, tmp_path: Path) -> None:
    """Each life a few steps longer than the one before, past the lease each time: it comes to an end, and once."""
    scene = prepared.copy(tmp_path / "one")
    with Relay().running() as relay:
        _, expected = undisturbed(mortals, prepared.copy(tmp_path / "first"), relay, "SIGKILL")
        at = DUE
        for point in itertools.count(3, 5):
            if mortals.work(scene.folder, at, relay.port, point=point)["ended"] == "done":
                break
            at += timedelta(minutes=6)
        live_on(mortals, scene, relay, at + LATER)
        with opened(scene.folder) as office:
            check(office, scene, relay.kept, expected)
