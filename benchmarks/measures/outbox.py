"""The outbox emptied by four workers into a sink on this machine, and how long a person waits for a second code.

Contact requests, signed only, each of a case of its own, prepared, sealed, relayed and recorded by the real path. The
database is SQLite in a folder of the run, or the empty one that BENCH_DATABASE_URL names.
"""

from __future__ import annotations

import os
import resource
import signal
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine

from benchmarks import servers
from benchmarks.table import Row
from disclosure import worker
from disclosure.casework import answering, casefile
from disclosure.casework.answering import Visit
from disclosure.casework.office import Office, open_office
from disclosure.settings import load
from tests.chaos import flood, sink
from tests.office import T0, put
from tests.protocol.builders import Story

WORKERS, MAILS, BACKLOG, CODES = 4, 2_000, 500, 20
RATE, SECONDS = 200, 5  # targets: mails a second; a person waits (R29)
PATIENCE = 600.0
_LOOK = 0.01


def measure(*, small: bool) -> Iterator[Row]:
    url = os.environ.get("BENCH_DATABASE_URL", "")
    yield from _emptied(40 if small else MAILS, url)
    if not url:  # a second filled database is needed for it
        yield from _codes(10 if small else BACKLOG, 2 if small else CODES)


def _emptied(mails: int, url: str) -> Iterator[Row]:
    with servers.folder() as folder:
        instance, record = folder / "instance", folder / "arrived.txt"
        flood.prepare(instance, mails, database_url=url)
        with flood.sinking(record) as port:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.time()
            children = [
                flood.forked(lambda: flood.empty(flood.reopen(instance, url), port, began)) for _ in range(WORKERS)
            ]
            for pid in children:
                os.waitpid(pid, 0)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        arrived = sink.read(record)
    work = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    seconds = max(at for at, _, _ in arrived) - began
    yield Row(
        figure="mails to a sink, four workers",
        measured=len(arrived) / seconds,
        unit="mails/s",
        target=RATE,
        at_least=True,
        beside=f"{len(arrived)} of {mails} in {seconds:.1f} s, from the start of the workers; ledger included",
    )
    yield Row(figure="processor time of one mail", measured=1000 * work / mails, unit="ms", beside="without the sink")


def _codes(backlog: int, codes: int) -> Iterator[Row]:
    """The worker as it runs in earnest, four of them; each code is asked for while that many mails wait."""
    with servers.folder() as folder:
        instance, record = folder / "instance", folder / "arrived.txt"
        with flood.sinking(record) as port:
            flood.prepare(instance, backlog)
            office = _relayed(instance, port)
            persons = [_person(office, number) for number in range(codes)]
            children = [flood.forked(lambda: _work(instance, port)) for _ in range(WORKERS)]
            try:
                waits = [_wait(office, record, visit, number) for number, visit in enumerate(persons)]
            finally:
                for pid in children:
                    os.kill(pid, signal.SIGTERM)
                for pid in children:
                    os.waitpid(pid, 0)
    beside = f"{len(waits)} codes while {backlog} mails wait; median {statistics.median(waits):.2f} s"
    yield Row(
        figure="second code, from the form to the sink, longest",
        measured=max(waits),
        unit="s",
        target=SECONDS,
        beside=beside,
    )


def _relayed(instance: Path, port: int) -> Office:
    """The office whose relay is the sink."""
    relay = {
        "DISCLOSURE_DEMO": "true",
        "DISCLOSURE_RELAY_HOST": "127.0.0.1",
        "DISCLOSURE_RELAY_PORT": str(port),
        "DISCLOSURE_RELAY_SECURITY": "none",
    }
    settings = load(instance, flood.NO_LIMIT | relay)
    return open_office(settings, create_engine(settings.database_url))


def _work(instance: Path, port: int) -> None:
    worker.work(_relayed(instance, port))


def _person(office: Office, number: int) -> Visit:
    """Somebody who has confirmed and may now name an own address."""
    case_id = put(office, Story(contacts=1, phone=False).released().confirmed(T0))
    person_id = next(iter(casefile.look(office, case_id).case.persons))
    return Visit(office, case_id, person_id, datetime.now(UTC))


def _wait(office: Office, record: Path, visit: Visit, number: int) -> float:
    """Seconds from the act behind the form to the sink's final dot."""
    address = f"own-{number}@org.example"
    asked = time.time()
    answering.name_address(Visit(office, visit.case_id, visit.person_id, datetime.now(UTC)), address)
    while time.time() - asked < PATIENCE:
        for at, to, _ in sink.read(record):
            if to == address:
                return at - asked
        time.sleep(_LOOK)
    raise RuntimeError("the code did not arrive")
