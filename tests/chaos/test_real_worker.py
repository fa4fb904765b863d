"""``disclosure worker`` itself, killed with -9 while the relay keeps it waiting for the answer to the final dot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from disclosure.casework import clockwork, coordination, delivery, keys, verification
from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office
from disclosure.store.tables import heartbeats, outbox
from tests.chaos.scene import reopen
from tests.mail.faulty import Hang, Relay
from tests.office import make_office, put, shut
from tests.protocol.builders import Story

PATIENCE = 60  # seconds; a bound for a broken build, not a measure


@pytest.fixture
def folder(database: str, tmp_path: Path) -> Path:
    """A mail that is due since an hour by the clock on the wall, which is the worker's."""
    now = datetime.now(UTC) - timedelta(hours=1)
    office = make_office(tmp_path / "instance")
    keys.ensure_service_key(office, now - timedelta(days=30))
    case_id = put(office, Story())
    coordination.release_first_contact(Hand(office, case_id, "ada", now), "c1")
    shut(office)
    return tmp_path / "instance"


def worker(folder: Path, relay: Relay) -> subprocess.Popen[bytes]:
    own = {
        "DISCLOSURE_INSTANCE": str(folder),
        "DISCLOSURE_DEMO": "true",
        "DISCLOSURE_RELAY_HOST": "127.0.0.1",
        "DISCLOSURE_RELAY_PORT": str(relay.port),
        "DISCLOSURE_RELAY_SECURITY": "none",
    }
    command = [sys.executable, "-m", "disclosure.cli", "worker"]
    return subprocess.Popen(command, env=os.environ | own, start_new_session=True)


def until(what: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < ends, "it never came so far"
        time.sleep(0.02)


def heard(office: Office) -> datetime | None:
    with office.store.reading() as connection:
        return connection.scalar(select(heartbeats.c.at).where(heartbeats.c.name == "clock"))


def test_killed_while_it_waits_for_the_last_answer(folder: Path) -> None:
    relay = Relay(faults={"dot": Hang()})
    with relay.running():
        first = worker(folder, relay)
        until(lambda: relay.kept)
        first.send_signal(signal.SIGKILL)
        first.wait()
        relay.faults.clear()
        office = reopen(folder, relay.port)
        before = heard(office)
        second = worker(folder, relay)
        until(lambda: heard(office) != before)
        second.terminate()
        assert second.wait(PATIENCE) == 0
        assert len(relay.kept) == 1, "within the lease nobody repeats what may have arrived"
        later = datetime.now(UTC) + delivery.LEASE + timedelta(seconds=1)
        delivery.deliver(office, later)
    with office.store.reading() as connection:
        row = connection.execute(select(outbox)).one()
    assert (row.state, row.ambiguous, row.attempts) == ("relayed", 1, 2)
    assert len(relay.kept) == 2
    assert relay.kept[0] == relay.kept[1], "the same bytes, the same Message-ID"
    assert clockwork.tick(office, later).stuck == 0
    assert verification.verify(office).ok
    shut(office)
