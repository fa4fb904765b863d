"""Deadlines and mails under four workers that are killed and frozen at random: `python -m tests.chaos.storm`.

The clock goes on with the wall from ``START``; deadlines fall due before it, while the storm lasts, and after. On
PostgreSQL the server itself crashes a few times. At the end the ledger is judged (verdict.py), and a table printed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import click
import pytest
from sqlalchemy import select

from disclosure.casework import authorities, verification
from disclosure.casework.office import Office
from disclosure.demo.certificates import make_certificate
from disclosure.store.tables import outbox
from tests import servers
from tests.chaos import dues, flood, sink, verdict
from tests.chaos.dues import Promise
from tests.office import T0
from tests.protocol.builders import H

WORKERS = 4
# A freeze is so many leases long: whoever wakes finds that its mails are another's.
FROZEN_LEASES = 1.6
LOOK = 0.02  # seconds
START = dues.EARLIEST + 2 * H


@dataclass(frozen=True)
class Outcome:
    """``deadlines``: promised, and due by the end. ``loose``: an event without its row, or a row without its event.

    ``mails_lost``: neither arrived nor waiting for a person; ``held``: those wait, after three doubts.
    """

    deadlines: int
    fired: int
    lost: int
    early: int
    twice: int
    loose: int
    mails: int
    arrived: int
    mails_lost: int
    held: int
    duplicates_flagged: int
    duplicates_unflagged: int
    kills: int
    freezes: int
    server_crashes: int
    seconds: float
    verified: bool

    @property
    def ok(self) -> bool:
        wrong = (self.lost, self.early, self.twice, self.loose, self.mails_lost, self.duplicates_unflagged)
        return not any(wrong) and self.fired == self.deadlines and self.verified


@dataclass(frozen=True)
class Place:
    """Where it happens: the instance, and the server if it is one that may crash."""

    folder: Path
    url: str = ""
    server: servers.Server | None = None
    carrier: str = "ticker"

    def open(self) -> Office:
        return flood.reopen(self.folder, self.url, self.carrier)


@dataclass(frozen=True)
class Weather:
    """Seconds. ``every``: between two strikes, about. ``span``: things fall due so long before the start and after."""

    every: float
    lease: float
    span: float
    strikes: float  # at most
    seed: int


@dataclass
class _Worker:
    pid: int
    wakes_at: float = 0.0


class Storm:
    def __init__(self, place: Place, weather: Weather) -> None:
        self.place, self.weather = place, weather
        self.chance = random.Random(weather.seed)  # noqa: S311 - whom it meets, and when
        self.met: Counter[str] = Counter()
        self._next = self._strikes()

    def blow(self, port: int) -> float:
        """Until every deadline has fired and every mail has ended; returns the seconds."""
        began = time.time()
        workers = [self._worker(port, began) for _ in range(WORKERS)]
        try:
            strikes_at = began + self._pause()
            while workers:
                time.sleep(LOOK)
                self._look_after(workers)
                if workers and time.time() >= strikes_at and self.met.total() < self.weather.strikes:
                    self._strike(workers, port, began)
                    strikes_at = time.time() + self._pause()
        finally:
            for worker in workers:  # one has failed by itself: the others go with it
                os.kill(worker.pid, signal.SIGKILL)
                os.waitpid(worker.pid, 0)
        return time.time() - began

    def _look_after(self, workers: list[_Worker]) -> None:
        """Who has slept enough goes on; who has ended is taken off the list."""
        for worker in list(workers):
            if worker.wakes_at and time.time() >= worker.wakes_at:
                os.kill(worker.pid, signal.SIGCONT)
                worker.wakes_at = 0.0
            if not worker.wakes_at:
                self._farewell(workers, worker, *os.waitpid(worker.pid, os.WNOHANG))

    def _farewell(self, workers: list[_Worker], worker: _Worker, pid: int, status: int) -> None:
        if pid:
            workers.remove(worker)
            if status and status != signal.SIGKILL:
                raise RuntimeError("a worker failed by itself; its trace stands above")

    def _pause(self) -> float:
        return self.chance.uniform(0.5, 1.5) * self.weather.every

    def _worker(self, port: int, began: float) -> _Worker:
        now, until = flood.clock(began, START), START + timedelta(seconds=self.weather.span)
        lease = timedelta(seconds=self.weather.lease)
        return _Worker(flood.forked(lambda: flood.work(self.place.open, port, now, lease, until)))

    def _strikes(self) -> Iterator[str]:
        """One of each first, so that the shortest storm has them; the server crashes at the 3rd, 9th, 27th …"""
        crashes = {3**n for n in range(1, 20)} if self.place.server else set()
        for n in itertools.count(1):
            if n in crashes:
                yield "crash"
            elif n <= 2:
                yield ("kill", "freeze")[n - 1]
            else:
                yield "freeze" if self.chance.random() < 0.2 else "kill"

    def _strike(self, workers: list[_Worker], port: int, began: float) -> None:
        awake = [worker for worker in workers if not worker.wakes_at]
        if not awake:
            return
        worker, what = self.chance.choice(awake), next(self._next)
        self.met[what] += 1
        if what == "crash":
            assert self.place.server is not None
            self.place.server.crash()
        elif what == "freeze":
            os.kill(worker.pid, signal.SIGSTOP)
            worker.wakes_at = time.time() + FROZEN_LEASES * self.weather.lease
        else:
            os.kill(worker.pid, signal.SIGKILL)
            self._farewell(workers, worker, *os.waitpid(worker.pid, 0))
            workers.append(self._worker(port, began))


@dataclass(frozen=True)
class Prepared:
    """What is promised, and the mails that had left before (ids): those that the cases' own stories tell of."""

    promises: list[Promise]
    left: frozenset[str]


def prepare(place: Place, deadlines: int, mails: int, contacts: int, span: timedelta) -> Prepared:
    """So many deadlines that are due by the end, and a few more that are not; so many mails that wait already."""
    flood.prepare(place.folder, mails, contacts=contacts, database_url=place.url, carrier=place.carrier)
    office = place.open()
    _, certificate = make_certificate("CERT (essai) <cert@anssi.example>", now=T0 - timedelta(days=30))
    authorities.confirm_channel(office, "fr-anssi:mail", certificate, "ada", T0)
    after = [(rung, due_at + 3 * span) for rung, due_at in dues.mixed(deadlines // 20, START, span, seed=1)]
    promises = list(dues.lay(office, itertools.chain(dues.mixed(deadlines, START, span), after)))
    with office.store.reading() as connection:
        left = connection.scalars(select(outbox.c.id).where(outbox.c.state.not_in(flood.WAITING)))
        prepared = Prepared(promises, frozenset(left))
    office.close()
    return prepared


def judge(office: Office, prepared: Prepared, record: Path, storm: Storm, seconds: float) -> Outcome:
    with office.store.reading() as connection:
        sent = connection.execute(select(outbox.c.id, outbox.c.message_id, outbox.c.state, outbox.c.ambiguous)).all()
    rows = [row for row in sent if row.id not in prepared.left]
    mails = verdict.of_mails(Counter(message_id for _, _, message_id in sink.read(record)), rows)
    cases = verdict.of_ledger(office, prepared.promises, START + timedelta(seconds=storm.weather.span))
    return Outcome(
        **{name: cases[name] for name in ("deadlines", "fired", "lost", "early", "twice", "loose")},
        **{name: mails[name] for name in ("mails", "arrived", "held")},
        mails_lost=mails["not_arrived"],
        duplicates_flagged=mails["flagged"],
        duplicates_unflagged=mails["unflagged"],
        kills=storm.met["kill"],
        freezes=storm.met["freeze"],
        server_crashes=storm.met["crash"],
        seconds=seconds,
        verified=verification.verify(office).ok,
    )


def table(outcome: Outcome) -> str:
    done = outcome.fired + outcome.arrived
    shown = asdict(outcome) | {"seconds": f"{outcome.seconds:.0f}", "rate": f"{done / outcome.seconds:.0f}/s"}
    return "\n".join(f"{name.replace('_', ' '):22}{value}" for name, value in shown.items())


@contextlib.contextmanager
def placed(database: str, url: str, carrier: str) -> Iterator[Place]:
    """A place of this run, gone with it. PostgreSQL: a cluster of its own, with fsync, unless ``url`` names one."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="disclosure-storm-"))) / "instance"
        if url or database == "sqlite":
            yield Place(folder, url, carrier=carrier)
            return
        try:
            server = stack.enter_context(servers.private())
        except pytest.skip.Exception as missing:
            raise click.ClickException(str(missing)) from None
        server.flush()
        yield Place(folder, server.database(folder), server, carrier)


@click.command()
@click.option("--deadlines", default=100_000, show_default=True)
@click.option("--mails", default=100_000, show_default=True, help="That wait already; deadlines queue more.")
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--database-url", default="", help="An empty database that is there; its server is not crashed.")
@click.option("--carrier", type=click.Choice(["ticker", "procrastinate"]), default="ticker", show_default=True)
@click.option("--contacts", default=10, show_default=True, help="Of the mails that wait, so many of one case.")
@click.option(
    "--span", default=60.0, show_default=True, help="Seconds from the start: they fall due so long before and after."
)
@click.option("--every", default=0.7, show_default=True, help="Seconds between two strikes, about.")
@click.option("--strikes", default=math.inf, help="So many, then it is calm; without it, to the end.")
@click.option("--lease", default=6.0, show_default=True, help="Seconds.")
@click.option("--later", default=0.0, show_default=True, help="Share that the sink puts off with 451.")
@click.option("--drops", default=0.001, show_default=True, help="Share after which it drops the line.")
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "json_wanted", is_flag=True)
def main(  # noqa: PLR0917 - click hands them over by name
    deadlines: int,
    mails: int,
    database: str,
    database_url: str,
    carrier: str,
    contacts: int,
    span: float,
    every: float,
    strikes: float,
    lease: float,
    later: float,
    drops: float,
    seed: int,
    json_wanted: bool,
) -> None:
    """Exit 1 when a deadline was lost, early or twice, or a mail was lost, or went twice without anybody being told."""
    with placed(database, database_url, carrier) as place:
        prepared = prepare(place, deadlines, mails, contacts, timedelta(seconds=span))
        storm = Storm(place, Weather(every, lease, span, strikes, seed))
        record = place.folder.parent / "arrived.txt"
        with flood.sinking(record, later=later, drops=drops) as port:
            seconds = storm.blow(port)
        office = place.open()
        outcome = judge(office, prepared, record, storm, seconds)
        office.close()
    click.echo(json.dumps(asdict(outcome)) if json_wanted else table(outcome))
    sys.exit(not outcome.ok)


if __name__ == "__main__":
    main()
