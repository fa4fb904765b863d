"""Wake-ups by procrastinate (PostgreSQL): they bring a worker sooner, and whatever becomes of them changes no fact."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from disclosure.casework import casefile, clockwork, coordination, maintenance, outages, verification
from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Severity
from disclosure.settings import load
from disclosure.store import carrier, dumps, ledger
from tests.casework.desk import ADA
from tests.office import T0, forget, make_office, on, put, put_all, shut
from tests.protocol.builders import H, Story
from tests.servers import Server

DUE = datetime(2026, 11, 26, 9, tzinfo=UTC)  # two working days after T0: the first mark of a high one has passed
STORY = Story(Severity.HIGH, phone=False).released()
PATIENCE = 60  # seconds; a bound for a broken build, not a measure


@pytest.fixture(scope="module")
def here(server: Server) -> Iterator[None]:
    with on(server):
        yield


@pytest.fixture
def office(here: None, tmp_path: Path) -> Iterator[Office]:
    held = make_office(tmp_path / "instance", DISCLOSURE_CARRIER="procrastinate")
    held.prepare(T0)
    shell(held, "DELETE FROM carrier.procrastinate_jobs")  # the database was another test's before
    clockwork.beat(held, "clock", DUE)
    yield held
    forget(held)


def waiting(office: Office) -> set[str]:
    with office.store.reading() as connection:
        return set(connection.scalars(text("SELECT queueing_lock FROM carrier.procrastinate_jobs")))


def shell(office: Office, statement: str) -> None:
    with office.store.writing() as tx:
        tx.execute(text("SET LOCAL search_path TO public, carrier"))
        tx.execute(text(statement))


def climbed(office: Office, case_id: str) -> int:
    with office.store.reading() as connection:
        entries = ledger.read(office.store, connection, case_id)
    return sum(isinstance(entry.event, e.RungClimbed) for entry in entries)


def woken(office: Office, now: datetime, enough: int) -> list[str]:
    """A worker of the carrier, until it was woken so many times."""
    assert office.carrier is not None
    seen: list[str] = []
    stop = threading.Event()

    def reach(case_id: str) -> None:
        clockwork.reach(office, case_id, now)
        seen.append(case_id)
        if len(seen) >= enough:
            stop.set()

    worker = threading.Thread(target=office.carrier.work, args=(reach, stop))
    worker.start()
    worker.join(PATIENCE)
    stop.set()
    worker.join(PATIENCE)
    return seen


def test_whoever_is_woken_climbs_what_is_due(office: Office) -> None:
    first, second = put_all(office, [STORY] * 2)
    assert waiting(office) == {first, second}, "with the change itself"
    assert set(woken(office, DUE, 2)) >= {first, second}
    for case_id in (first, second):
        assert climbed(office, case_id) == 1, "the reminder"
    before = climbed(office, first)
    assert clockwork.tick(office, DUE).rungs == 0, "nothing is left for the ticker"
    assert clockwork.reach(office, first, DUE) == clockwork.NOTHING, "once too often"
    assert climbed(office, first) == before
    assert verification.verify(office).ok


def test_of_one_case_one_wake_up_waits_the_newest(office: Office) -> None:
    case_id = put(office, STORY)
    for _ in range(3):
        coordination.note(Hand(office, case_id, ADA, T0), "n")
    with office.store.reading() as connection:
        rows = connection.execute(text("SELECT scheduled_at FROM carrier.procrastinate_jobs")).all()
    assert [row.scheduled_at for row in rows] == [casefile.look(office, case_id).next_at]


def test_nobody_is_woken_for_what_was_rolled_back(office: Office) -> None:
    case_id = put(office, STORY)
    shell(office, "DELETE FROM carrier.procrastinate_jobs")
    note: list[casefile.Fact] = [(casefile.coordinator(ADA), e.NoteWritten(text="n"))]

    def fails(tx: Connection, _: casefile.CaseFile) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        casefile.change(office, case_id, T0, lambda _: note, fails)
    assert waiting(office) == set()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("DELETE FROM carrier.procrastinate_jobs", "every wake-up is lost"),
        ("UPDATE carrier.procrastinate_jobs SET status = 'doing'", "its worker died and nothing takes it back"),
        ("UPDATE carrier.procrastinate_jobs SET scheduled_at = '2100-01-01'", "it comes much too late"),
        ("DROP SCHEMA carrier CASCADE", "all of the carrier is gone"),
    ],
)
def test_whatever_becomes_of_a_wake_up_the_ticker_finds_the_case(office: Office, damage: str, why: str) -> None:
    case_id = put(office, STORY)
    shell(office, damage)
    assert clockwork.tick(office, DUE).rungs == 1, why
    coordination.note(Hand(office, case_id, ADA, DUE), "and what is written goes on being written")
    assert climbed(office, case_id) == 1
    assert verification.verify(office).ok


def test_who_is_woken_too_early_leaves_the_case_alone(office: Office) -> None:
    case_id = put(office, STORY)
    due = casefile.look(office, case_id).next_at
    assert due is not None
    with office.store.writing() as tx:
        outages.set_beat(tx, "clock", due)
    assert clockwork.reach(office, case_id, due - timedelta(microseconds=1)) == clockwork.NOTHING
    assert climbed(office, case_id) == 0
    assert clockwork.reach(office, case_id, due).rungs == 1


def test_after_an_outage_nobody_who_is_woken_fires_before_it_is_credited(office: Office) -> None:
    """R31: a wake-up may be there before the ticker; our own silence must not become theirs."""
    case_id = put(office, STORY)
    with office.store.writing() as tx:
        outages.set_beat(tx, "clock", T0 + H)
    assert clockwork.reach(office, case_id, DUE) == clockwork.NOTHING
    clockwork.turn(office, DUE)
    assert climbed(office, case_id) == 0, "our time away counts for nobody"
    assert clockwork.reach(office, case_id, DUE) == clockwork.NOTHING
    with office.store.writing() as tx:
        outages.set_beat(tx, "clock", DUE + 72 * H)
    clockwork.reach(office, case_id, DUE + 72 * H)
    assert climbed(office, case_id) == 1


def test_in_maintenance_nobody_fires(office: Office) -> None:
    case_id = put(office, STORY)
    maintenance.begin(office.store, "restored", DUE)
    assert clockwork.reach(office, case_id, DUE) == clockwork.NOTHING
    assert climbed(office, case_id) == 0


def test_wake_ups_whose_worker_is_gone_are_thrown_away(office: Office) -> None:
    put(office, STORY)
    assert office.carrier is not None
    assert office.carrier.tidy(office.store.engine) == 0, "one that waits is none"
    shell(office, "UPDATE carrier.procrastinate_jobs SET status = 'doing'")
    assert office.carrier.tidy(office.store.engine) == 1


def test_tables_of_another_release_are_made_anew(office: Office) -> None:
    case_id = put(office, STORY)
    office.prepare(T0)
    assert waiting(office) == {case_id}, "the same release keeps them"
    shell(office, "COMMENT ON SCHEMA carrier IS '1.0'")
    office.prepare(T0)
    assert waiting(office) == set()
    coordination.note(Hand(office, case_id, ADA, T0), "n")
    assert waiting(office) == {case_id}


def test_no_backup_holds_wake_ups(office: Office, tmp_path: Path) -> None:
    put(office, STORY)
    dumps.take(office.store.engine, tmp_path)
    assert carrier.SCHEMA == dumps.CARRIER_SCHEMA
    assert b"procrastinate" not in (tmp_path / dumps.DATA_DUMP).read_bytes()


def test_only_with_postgresql(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, {"DISCLOSURE_CARRIER": "procrastinate"})
    assert refused.value.problems == {"carrier": "procrastinate_only_with_postgresql"}


@pytest.mark.timeout(120)
def test_the_worker_itself_is_woken(here: None, tmp_path: Path) -> None:
    """``disclosure worker``: sooner than its ticker's next round, and after a kill -9 the next one goes on."""
    folder = tmp_path / "instance"
    office = make_office(folder, DISCLOSURE_CARRIER="procrastinate")
    office.prepare(T0)
    shell(office, "DELETE FROM carrier.procrastinate_jobs")
    own = {"DISCLOSURE_INSTANCE": str(folder), "DISCLOSURE_CARRIER": "procrastinate"}
    command = [sys.executable, "-m", "disclosure.cli", "worker"]
    for ended in (signal.SIGKILL, signal.SIGTERM):
        worker = subprocess.Popen(command, env=os.environ | own, start_new_session=True)
        try:
            until(lambda: heard(office))
            soon = datetime.now(UTC) + timedelta(seconds=3)  # a critical one: somebody is to be called at once
            case_id = put(office, Story().released(soon))
            until(partial(climbed, office, case_id))
            assert heard(office), "and the ticker has not come round again"
        finally:
            worker.send_signal(ended)
            worker.wait(PATIENCE)
        with office.store.writing() as tx:
            tx.execute(text("DELETE FROM heartbeats WHERE name = 'clock'"))
    assert worker.returncode == 0
    assert verification.verify(office).ok
    shut(office)
    forget(office)


def heard(office: Office) -> bool:
    """The ticker's first round is over, and its second has not come."""
    with office.store.reading() as connection:
        beats = connection.scalars(text("SELECT at FROM heartbeats WHERE name = 'clock'")).all()
    return len(beats) == 1


def until(what: object) -> None:
    ends = time.monotonic() + PATIENCE
    while not what():  # type: ignore[operator]
        assert time.monotonic() < ends, "it never came so far"
        time.sleep(0.05)
