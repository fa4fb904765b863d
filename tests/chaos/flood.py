"""Many mails in the outbox at once, and processes that empty it: what the storm and the benchmark have in common.

Every mail is a contact request of a case of its own (or of a few contacts of one), prepared by the real path. Time is
handed in: an instant of the tests that goes on with the wall clock, the same in every process. With an instant until
which the clock is watched, a process climbs what falls due meanwhile, beside emptying the outbox, as the worker does.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import psycopg
from procrastinate.exceptions import ConnectorException
from sqlalchemy import exists, func, or_, select

from disclosure.casework import casefile, clockwork, delivery, keys, outboxrows, queueing
from disclosure.casework.casefile import Fact
from disclosure.casework.office import Office, open_office
from disclosure.mail import relay as mail_relay
from disclosure.mail.relay import Line, RelaySettings
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import CannotStore
from disclosure.settings import load
from disclosure.store.tables import cases, outbox
from tests.casework.desk import ADA, hire
from tests.office import T0, make_office, put_all
from tests.protocol.builders import Story

ROOT = Path(__file__).parent.parent.parent
NO_LIMIT = {"DISCLOSURE_MAIL_PER_DOMAIN_PER_MINUTE": "100000"}
TOGETHER = 50  # cases in one transaction of the preparation
WAITING = ("recipe", "prepared", "sending")
PAUSE = 0.05  # seconds
SELDOM = 5.0  # seconds between two ticks where workers are woken
Now = Callable[[], datetime]
Result = TypeVar("Result")


def clock(began: float, start: datetime = T0) -> Now:
    """``began``: seconds since the epoch at which the tests' instant was ``start``."""
    return lambda: start + timedelta(seconds=time.time() - began)


def environ(database_url: str, carrier: str = "ticker") -> dict[str, str]:
    own = NO_LIMIT | {"DISCLOSURE_CARRIER": carrier}
    return own | ({"DISCLOSURE_DATABASE_URL": database_url} if database_url else {})


def prepare(folder: Path, mails: int, *, contacts: int = 1, database_url: str = "", carrier: str = "ticker") -> None:
    """An instance with so many contact requests in its outbox, ``contacts`` of each case."""
    office = make_office(folder, **environ(database_url, carrier))
    office.prepare(T0)
    keys.ensure_service_key(office, T0 - timedelta(days=30))
    hire(office, ADA)
    left = mails
    while left > 0:
        batch = [min(contacts, left - start) for start in range(0, min(left, TOGETHER * contacts), contacts)]
        _put(office, batch)
        left -= sum(batch)
    office.store.engine.dispose()


def _put(office: Office, contacts: list[int]) -> None:
    """Cases as casework would have stored them, many in one transaction."""
    ids = put_all(office, [Story(contacts=count, phone=False) for count in contacts])
    with office.store.reading() as connection:
        files = casefile.load_all(office, connection, ids)
    ready = []
    for file in files.values():
        released = e.FirstContactReleased(contact_ids=file.case.chosen)
        facts: list[Fact] = [(casefile.coordinator(ADA), released)]
        facts += queueing.to_each(office, file.case, MailType.CONTACT_REQUEST, file.case.chosen, T0)
        ready.append(casefile.forge(office, file, T0, facts))
    with office.store.writing() as tx:
        casefile.store_all(office, tx, ready)


def reopen(folder: Path, database_url: str = "", carrier: str = "ticker") -> Office:
    return open_office(load(folder, environ(database_url, carrier)))


def shorten(lease: timedelta) -> float:
    """Leases shorter than in earnest, and the time-outs of the line with them; the seconds of the latter."""
    outboxrows.LEASE = lease
    mail_relay.STEPS = (lease, 2 * lease)
    return lease.total_seconds() / 3


def line(port: int, seconds: float = 240.0) -> Line:
    return Line(RelaySettings("127.0.0.1", port, "none", timeout=seconds, total=seconds))


def empty(office: Office, port: int, began: float, *, pause: float = PAUSE) -> None:
    """Deliver until nothing waits."""
    with contextlib.closing(line(port)) as to:
        now = clock(began)
        while waiting(office):
            if not delivery.deliver(office, now(), to, clock=now).relayed:
                time.sleep(pause)


def work(open_it: Callable[[], Office], port: int, now: Now, lease: timedelta, until: datetime) -> None:
    """The worker's clock and outbox, a thread each, until nothing is due by ``until`` and nothing waits.

    Where workers are woken, a third one is; the clock then ticks more seldom, as the worker's does.
    """
    seconds = shorten(lease)
    office = lasting(open_it)

    ended = threading.Event()

    def over() -> bool:
        if now() >= until and settled(office, until):
            ended.set()
        return ended.is_set()

    def tick() -> None:
        clockwork.tick(office, now(), pause=time.sleep)
        if office.carrier:
            ended.wait(SELDOM)

    def carry() -> None:
        if office.carrier:
            with contextlib.suppress(psycopg.Error, ConnectorException):  # the server crashed: begun again
                office.carrier.work(lambda case_id: clockwork.reach(office, case_id, now()), ended)

    with contextlib.closing(line(port, seconds)) as to:
        jobs = [tick, lambda: delivery.deliver(office, now(), to, clock=now), *([carry] if office.carrier else [])]
        pool = ThreadPoolExecutor(len(jobs))
        for one in wait([pool.submit(repeated, job, over) for job in jobs], return_when=FIRST_EXCEPTION).done:
            one.result()


def repeated(job: Callable[[], object], over: Callable[[], bool]) -> None:
    """Without its database a round has failed, and the next goes on, as in the worker."""
    while not lasting(over):
        lasting(job)
        time.sleep(PAUSE)


def lasting(step: Callable[[], Result]) -> Result:
    """What it comes to, once there is a server to ask."""
    while True:
        try:
            return step()
        except CannotStore as error:
            if error.why != "database_gone":
                raise
        time.sleep(PAUSE)


def settled(office: Office, until: datetime) -> bool:
    """Nothing waits in the outbox, and no case owes anything by ``until`` that a tick could do: at one moment."""
    due = (cases.c.life == "open") & (cases.c.next_at <= until) & cases.c.stuck_at.is_(None)
    waits = outbox.c.state.in_(WAITING)
    with office.store.reading() as connection:
        return not connection.scalar(select(or_(exists().where(due), exists().where(waits))))


def waiting(office: Office) -> int:
    with office.store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(outbox).where(outbox.c.state.in_(WAITING))) or 0


@contextlib.contextmanager
def sinking(record: Path, *, later: float = 0.0, drops: float = 0.0) -> Iterator[int]:
    """The sink while it runs; its port."""
    argv = (sys.executable, "-m", "tests.chaos.sink", str(record), str(later), str(drops))
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def forked(work: Callable[[], None]) -> int:
    """A child with everything imported; it must open its database itself."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()  # else nobody would know why
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid
