"""A relay that cannot be used is left alone for a while, by all workers at once (facts: mail 3.1).

Without that each mail of the outbox would try it, wait for its time-out and use up its own patience. After the pause
one mail tries; what it meets decides for all. What was never tried has lost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from disclosure.casework.office import Office
from disclosure.casework.outboxrows import LEASE
from disclosure.store.tables import breakers
from disclosure.store.transactions import once

RELAY = "relay"
# Ours: two failures may be one restart of the relay.
FAILURES = 3
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=15)
_STATE = select(breakers).where(breakers.c.name == RELAY)


@dataclass(frozen=True)
class Breaker:
    """``failures``: one after the other. ``since``: of the first. ``retry_at``: when one mail tries again."""

    failures: int
    since: datetime
    retry_at: datetime
    code: str

    @property
    def open(self) -> bool:
        return self.failures >= FAILURES

    def rests(self, now: datetime) -> bool:
        """Whether nothing leaves; after that, one mail finds out."""
        return self.open and self.retry_at > now


def look(office: Office) -> Breaker | None:
    """None while the relay works."""
    with office.store.reading() as connection:
        return _look(connection)


def _look(connection: Connection) -> Breaker | None:
    row = connection.execute(_STATE).one_or_none()
    return Breaker(row.failures, row.since, row.retry_at, row.code) if row else None


def rests(office: Office, now: datetime) -> bool:
    """For ways out that are never the probe."""
    seen = look(office)
    return seen is not None and seen.rests(now)


def may_try(office: Office, seen: Breaker, now: datetime) -> bool:
    """Whether this process is the one that tries for all; another one may after a lease, should this one die."""
    with office.store.writing() as tx:
        mine = update(breakers).where(
            breakers.c.name == RELAY, breakers.c.retry_at == seen.retry_at, breakers.c.retry_at <= now
        )
        return tx.execute(mine.values(retry_at=now + LEASE)).rowcount == 1


def failed(office: Office, now: datetime, code: str) -> Breaker:
    """Count it; from the third on the pauses double up to a quarter of an hour."""
    with office.store.writing() as tx:
        once(tx, breakers, {"name": RELAY, "since": now, "failures": 0, "retry_at": now, "code": ""})
        row = tx.execute(_STATE.with_for_update()).one()
        failures = row.failures + 1
        pause = min(FIRST_PAUSE * 2 ** max(0, min(failures - FAILURES, 8)), LONGEST_PAUSE)
        values = {"failures": failures, "retry_at": now + pause, "code": code[:40]}
        tx.execute(update(breakers).where(breakers.c.name == RELAY).values(**values))
    return Breaker(failures, row.since, now + pause, code)


def worked(office: Office) -> None:
    with office.store.writing() as tx:
        tx.execute(delete(breakers).where(breakers.c.name == RELAY))
