"""A worker that sleeps longer than its lease while another takes over, and then goes on as if nothing had been."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.aftermath import check
from tests.chaos.conftest import Mortals
from tests.chaos.lives import live_on, opened, telling, undisturbed
from tests.chaos.scene import DUE, LATER, Scene
from tests.mail.faulty import Relay

pytestmark = pytest.mark.timeout(600)


def test_frozen_longer_than_the_lease_at_each_point(
    mortals: Mortals, prepared: Scene, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """The first sleeps, another takes over, the first wakes up and goes on as if nothing had been."""
    with Relay().running() as relay:
        names, expected = undisturbed(mortals, prepared.copy(tmp_path / "first"), relay, "SIGSTOP")
        ends: Counter[str] = Counter()
        for n in telling(names, every=pytestconfig.getoption("--chaos")):
            scene = prepared.copy(tmp_path / f"{n}")
            sleeper = mortals.work(scene.folder, DUE, relay.port, point=n, signal="SIGSTOP")
            assert sleeper["ended"] == "stopped"
            assert mortals.work(scene.folder, DUE + LATER, relay.port)["ended"] == "done"
            assert mortals.wake(sleeper["pid"]) == "done"
            live_on(mortals, scene, relay, DUE + 2 * LATER)
            with opened(scene.folder) as office:
                ends += check(office, scene, relay.kept, expected)
            relay.kept.clear()
    assert ends["twice"] >= 6, "asleep after the dot, a mail does go twice"
    assert ends["held"] >= 3
