"""Deadlines that fall due at the same moment, fired by four workers while somebody writes at the desk; and idle ticks.

Each case has one rung due: its event in the chain, the reminder's outbox row and every projection, by the real path.
On SQLite in a folder of the run, and on a PostgreSQL cluster of the run (with fsync) where its programs are installed.
BENCH_DEADLINES gives another number of them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import sqlite3
import statistics
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from benchmarks import servers
from benchmarks.table import Row
from disclosure import worker
from disclosure.casework import clockwork, coordination
from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office, open_office
from disclosure.protocol.codes import Rung
from disclosure.settings import load
from disclosure.store.tables import cases, deadlines
from tests import servers as postgresql
from tests.chaos import dues
from tests.chaos.flood import forked
from tests.office import T0, make_office, on, put, shut
from tests.protocol.builders import Story

WORKERS, DEADLINES = 4, 20_000
DUE = T0 + timedelta(hours=25)  # of a case that was written to an hour after T0
RATE_SQLITE, RATE_POSTGRESQL = 2_500, 3_000
LONGEST_WRITE = 250.0  # ms, while all that fires
PAUSE = 0.05  # seconds between two writes at the desk
FEW, MANY, RATIO, TICKS = 10_000, 1_000_000, 1.5, 15
EACH = 4  # deadlines of one case


def measure(*, small: bool) -> Iterator[Row]:
    count = int(os.environ.get("BENCH_DEADLINES", "0")) or (200 if small else DEADLINES)
    with servers.folder() as folder:
        yield from _fired(folder / "instance", count, "SQLite", RATE_SQLITE)
    with (
        contextlib.suppress(pytest.skip.Exception),
        postgresql.private() as server,
        on(server),
        servers.folder() as folder,
    ):
        server.flush()
        yield from _fired(folder / "instance", count, "PostgreSQL", RATE_POSTGRESQL)
        yield from _fired(folder / "woken", count, "PostgreSQL, woken by procrastinate", None, carrier="procrastinate")
    yield _idle(FEW // 10 if small else FEW, MANY // 100 if small else MANY)


def _fired(instance: Path, count: int, database: str, rate: int | None, *, carrier: str = "ticker") -> Iterator[Row]:
    office = make_office(instance, DISCLOSURE_CARRIER=carrier)
    office.prepare(T0)
    for _ in dues.lay(office, itertools.repeat((Rung.REMINDER, DUE), count)):
        pass
    quiet = put(office, Story(contacts=1, phone=False))
    with office.store.engine.connect().execution_options(writing=True) as connection:
        connection.exec_driver_sql("ANALYZE")  # as a database that was not filled a minute ago
        connection.commit()
    shut(office)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    pids = [forked(lambda: (_empty if carrier == "ticker" else _woken)(instance)) for _ in range(WORKERS)]
    office = open_office(load(instance, {}))
    waits = list(_writes(office, quiet, pids))
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with office.store.reading() as connection:
        fired = connection.scalar(select(func.count()).where(deadlines.c.fired_at == DUE)) or 0
    shut(office)
    work = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    yield Row(
        figure=f"deadlines fired, four workers, {database}",
        measured=fired / seconds,
        unit="/s",
        target=rate,
        at_least=True,
        beside=f"{fired} of {count} in {seconds:.1f} s; {1000 * work / max(fired, 1):.2f} ms of the workers' time each",
    )
    yield Row(
        figure=f"longest write at the desk meanwhile, {database}",
        measured=max(waits),
        unit="ms",
        target=LONGEST_WRITE if rate else None,
        beside=f"{len(waits)} notes, median {statistics.median(waits):.0f} ms",
    )


def _empty(instance: Path) -> None:
    worker.leave_what_is_loaded()
    office = open_office(load(instance, {}))
    while clockwork.tick(office, DUE, pause=time.sleep).cases:
        pass
    shut(office)


def _woken(instance: Path) -> None:
    """The same cases, each brought by a job of its own, until nothing is due."""
    office, over = open_office(load(instance, {"DISCLOSURE_CARRIER": "procrastinate"})), threading.Event()
    assert office.carrier is not None  # noqa: S101 - that is what the setting means

    def watch() -> None:
        due = select(func.count()).select_from(cases).where(cases.c.next_at <= DUE)
        left = True
        while left:
            time.sleep(PAUSE)
            with office.store.reading() as connection:
                left = bool(connection.scalar(due))
        over.set()

    threading.Thread(target=watch).start()
    office.carrier.work(lambda case_id: clockwork.reach(office, case_id, DUE), over)
    shut(office)


def _writes(office: Office, case_id: str, pids: list[int]) -> Iterator[float]:
    """Milliseconds of a coordinator's notes, one after the other, until the workers have ended."""
    left = set(pids)
    while left:
        started = time.perf_counter()
        coordination.note(Hand(office, case_id, "ada", T0), "A note.")
        yield 1000 * (time.perf_counter() - started)
        time.sleep(PAUSE)
        left -= {pid for pid in left if os.waitpid(pid, os.WNOHANG)[0]}


def _idle(few: int, many: int) -> Row:
    with servers.folder() as folder:
        times = {count: _ticks(folder / str(count), count) for count in (few, many)}
    small, large = (statistics.median(times[count]) for count in (few, many))
    return Row(
        figure=f"a tick with nothing due, {many} open deadlines",
        measured=large / small,
        unit=f"times that with {few}",
        target=RATIO,
        beside=f"medians of {TICKS}: {large:.2f} and {small:.2f} ms",
    )


def _ticks(instance: Path, open_deadlines: int) -> list[float]:
    """Rows as they would be, without their events: a tick that finds nothing due reads no event."""
    office = make_office(instance)
    put(office, Story(contacts=1, phone=False).released())
    shut(office)
    with contextlib.closing(sqlite3.connect(instance / "disclosure.db", isolation_level=None)) as raw:
        raw.row_factory = sqlite3.Row
        raw.execute("PRAGMA synchronous=OFF")
        raw.execute("BEGIN")
        ids = [f"{n:032x}" for n in range(open_deadlines)]
        its_cases = ids[: open_deadlines // EACH]
        _copy(raw, "cases", ({"id": one, "number": one[-11:]} for one in its_cases))
        # (case, rung, clock) is unique: the rungs of the one case in turn, and a clock that only counts.
        _copy(
            raw,
            "deadlines",
            ({"id": one, "case_id": its_cases[n // EACH], "clock": f"c{n % EACH}"} for n, one in enumerate(ids)),
        )
        raw.execute("UPDATE cases SET next_at = '2027-01-01 00:00:00.000000'")
        raw.execute("COMMIT")
        raw.execute("ANALYZE")
    office = open_office(load(instance, {}))
    took = []
    for _ in range(TICKS):
        started = time.perf_counter()
        done = clockwork.tick(office, DUE)
        took.append(1000 * (time.perf_counter() - started))
        assert done == clockwork.NOTHING  # noqa: S101 - else it measured something else
    shut(office)
    return took


def _copy(raw: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, str]]) -> None:
    """More rows like those of the one case, each with the ids that ``rows`` gives it."""
    held = [dict(row) for row in raw.execute(f"SELECT * FROM {table}")]  # noqa: S608 - names of ours
    statement = f"INSERT INTO {table} ({', '.join(held[0])}) VALUES ({', '.join('?' * len(held[0]))})"  # noqa: S608
    raw.executemany(statement, (tuple({**like, **ids}.values()) for like, ids in zip(itertools.cycle(held), rows)))
