"""Many mails in the outbox at once, and processes that empty it: what the storm and the benchmark have in common.

Every mail is a contact request of a case of its own (or of a few contacts of one), prepared by the real path. Time is
handed in: an instant of the tests that goes on with the wall clock, the same in every process.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, func, select

from disclosure.casework import casefile, delivery, keys, outboxrows, queueing
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office, open_office
from disclosure.mail import relay as mail_relay
from disclosure.mail.relay import Line, RelaySettings
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.state import Case
from disclosure.settings import load
from disclosure.store import ledger
from disclosure.store.tables import outbox
from tests.casework.desk import ADA, hire
from tests.office import T0, beside, make_office, of_this_case
from tests.protocol.builders import Story

ROOT = Path(__file__).parent.parent.parent
NO_LIMIT = {"DISCLOSURE_MAIL_PER_DOMAIN_PER_MINUTE": "100000"}
TOGETHER = 50  # cases in one transaction of the preparation
WAITING = ("recipe", "prepared", "sending")


def clock(began: float) -> Callable[[], datetime]:
    """``began``: seconds since the epoch at which the tests' instant was T0."""
    return lambda: T0 + timedelta(seconds=time.time() - began)


def environ(database_url: str) -> dict[str, str]:
    return NO_LIMIT | ({"DISCLOSURE_DATABASE_URL": database_url} if database_url else {})


def prepare(folder: Path, mails: int, *, contacts: int = 1, database_url: str = "") -> None:
    """An instance with so many contact requests in its outbox, ``contacts`` of each case."""
    office = make_office(folder, **environ(database_url))
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
    ids = [office.store.keyring.new_stream() for _ in contacts]
    with office.store.writing() as tx:
        for case_id, count in zip(ids, contacts, strict=True):
            story = Story(contacts=count, phone=False)
            ledger.open_stream(office.store, tx, case_id, "case", T0)
            file = CaseFile(case_id, Case(), casefile.rules_for(office, tx, story.case))
            for entry in story.entries:
                event = of_this_case(entry.event, case_id)
                file = casefile.write(office, tx, file, entry.at, [(entry.actor, event)])
                beside(office, tx, case_id, event)
            released = e.FirstContactReleased(contact_ids=file.case.chosen)
            facts: list[Fact] = [(casefile.coordinator(ADA), released)]
            facts += queueing.to_each(office, file.case, MailType.CONTACT_REQUEST, file.case.chosen, T0)
            casefile.write(office, tx, file, T0, facts)


def reopen(folder: Path, database_url: str = "") -> Office:
    settings = load(folder, environ(database_url))
    return open_office(settings, create_engine(settings.database_url))


def empty(office: Office, port: int, began: float, *, lease: timedelta | None = None, pause: float = 0.05) -> None:
    """Deliver until nothing waits. ``lease``: shorter than in earnest; time-outs of the line and pauses go with it."""
    seconds = 240.0
    if lease:
        outboxrows.LEASE = lease
        mail_relay.STEPS = (lease, 2 * lease)
        seconds = lease.total_seconds() / 3
    line = Line(RelaySettings("127.0.0.1", port, "none", timeout=seconds, total=seconds))
    now = clock(began)
    while waiting(office):
        done = delivery.deliver(office, now(), line, clock=now)
        if not done.relayed:
            time.sleep(pause)
    line.close()


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
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid
