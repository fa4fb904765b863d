"""Mails to a sink with four workers that are killed and frozen at random: `python -m tests.chaos.storm --mails 100000`.

Printed at the end: how many arrived, how many are lost, and of those that arrived twice how many nobody was told of.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy import select

from disclosure.casework import verification
from disclosure.casework.office import Office
from disclosure.store.tables import outbox
from tests.chaos import flood, sink

WORKERS = 4
# A freeze is so many leases long: whoever wakes finds that its mails are another's.
FROZEN_LEASES = 1.6
LOOK = 0.02  # seconds


@dataclass(frozen=True)
class Outcome:
    """``lost``: neither arrived nor waiting for a person. ``held``: those wait, after three doubts."""

    mails: int
    arrived: int
    lost: int
    held: int
    duplicates_flagged: int
    duplicates_unflagged: int
    kills: int
    freezes: int
    seconds: float
    verified: bool


@dataclass
class _Worker:
    pid: int
    wakes_at: float = 0.0


class Storm:
    def __init__(self, folder: Path, *, every: float, lease: float, seed: int, database_url: str = "") -> None:
        self.folder, self.every, self.lease, self.url = folder, every, lease, database_url
        self.chance = random.Random(seed)  # noqa: S311 - whom it meets, and when
        self.met: Counter[str] = Counter()

    def blow(self, port: int) -> float:
        """Until every mail has ended; returns the seconds."""
        began = started = time.time()
        workers = [self._worker(port, began) for _ in range(WORKERS)]
        strikes_at = started + self._pause()
        while workers:
            time.sleep(LOOK)
            for worker in list(workers):
                if worker.wakes_at and time.time() >= worker.wakes_at:
                    os.kill(worker.pid, signal.SIGCONT)
                    worker.wakes_at = 0.0
                if not worker.wakes_at and self._ended(worker):
                    workers.remove(worker)
            if workers and time.time() >= strikes_at:
                self._strike(workers, port, began)
                strikes_at = time.time() + self._pause()
        return time.time() - started

    def _pause(self) -> float:
        return self.chance.uniform(0.5, 1.5) * self.every

    def _worker(self, port: int, began: float) -> _Worker:
        lease = timedelta(seconds=self.lease)
        return _Worker(flood.forked(lambda: flood.empty(flood.reopen(self.folder, self.url), port, began, lease=lease)))

    def _ended(self, worker: _Worker) -> bool:
        pid, status = os.waitpid(worker.pid, os.WNOHANG)
        if pid and not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
            raise RuntimeError("a worker failed by itself; its trace stands above")
        return bool(pid)

    def _strike(self, workers: list[_Worker], port: int, began: float) -> None:
        awake = [worker for worker in workers if not worker.wakes_at]
        if not awake:
            return
        worker = self.chance.choice(awake)
        if self.chance.random() < 0.2:
            os.kill(worker.pid, signal.SIGSTOP)
            worker.wakes_at = time.time() + FROZEN_LEASES * self.lease
            self.met["freezes"] += 1
            return
        os.kill(worker.pid, signal.SIGKILL)
        os.waitpid(worker.pid, 0)
        workers.remove(worker)
        workers.append(self._worker(port, began))
        self.met["kills"] += 1


def judge(office: Office, record: Path, storm: Storm, seconds: float) -> Outcome:
    copies = Counter(message_id for _, _, message_id in sink.read(record))
    with office.store.reading() as connection:
        rows = connection.execute(select(outbox.c.message_id, outbox.c.state, outbox.c.ambiguous)).all()
    known = {row.message_id for row in rows}
    flagged = unflagged = 0
    for row in rows:
        more = max(0, copies[row.message_id] - 1)
        flagged += min(more, row.ambiguous)
        unflagged += more - min(more, row.ambiguous)
    return Outcome(
        mails=len(rows),
        arrived=sum(copies[row.message_id] > 0 for row in rows),
        lost=sum(not copies[row.message_id] and row.state != "held" for row in rows),
        held=sum(row.state == "held" for row in rows),
        duplicates_flagged=flagged,
        duplicates_unflagged=unflagged + sum(copies[one] for one in copies if one not in known),
        kills=storm.met["kills"],
        freezes=storm.met["freezes"],
        seconds=seconds,
        verified=verification.verify(office).ok,
    )


def table(outcome: Outcome) -> str:
    shown = asdict(outcome) | {"seconds": f"{outcome.seconds:.0f}", "rate": f"{outcome.mails / outcome.seconds:.0f}/s"}
    return "\n".join(f"{name.replace('_', ' '):22}{value}" for name, value in shown.items())


@click.command()
@click.option("--mails", default=100_000, show_default=True)
@click.option("--contacts", default=10, show_default=True, help="Mails of one case.")
@click.option("--every", default=0.7, show_default=True, help="Seconds between two strikes, about.")
@click.option("--lease", default=6.0, show_default=True, help="Seconds.")
@click.option("--later", default=0.0, show_default=True, help="Share that the sink puts off with 451.")
@click.option("--drops", default=0.001, show_default=True, help="Share after which it drops the line.")
@click.option("--seed", default=1, show_default=True)
@click.option("--database-url", default="", help="Another database than SQLite in a folder of its own.")
@click.option("--json", "json_wanted", is_flag=True)
def main(  # noqa: PLR0917 - click hands them over by name
    mails: int,
    contacts: int,
    every: float,
    lease: float,
    later: float,
    drops: float,
    seed: int,
    database_url: str,
    json_wanted: bool,
) -> None:
    """Exit 1 when a mail was lost, or went twice without anybody being told."""
    with tempfile.TemporaryDirectory(prefix="disclosure-storm-") as name:
        folder, record = Path(name) / "instance", Path(name) / "arrived.txt"
        flood.prepare(folder, mails, contacts=contacts, database_url=database_url)
        storm = Storm(folder, every=every, lease=lease, seed=seed, database_url=database_url)
        with flood.sinking(record, later=later, drops=drops) as port:
            seconds = storm.blow(port)
            outcome = judge(flood.reopen(folder, database_url), record, storm, seconds)
    click.echo(json.dumps(asdict(outcome)) if json_wanted else table(outcome))
    sys.exit(bool(outcome.lost or outcome.duplicates_unflagged or not outcome.verified))


if __name__ == "__main__":
    main()
