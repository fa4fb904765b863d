"""Figures of the house for whoever watches it from outside (docs/operations.md): counts and ages, nothing of a case.

No label holds an address, a domain, a number or an id: labels are words of our own code. Asked of the database alone,
so that the figures are there, and say so, when the worker is not.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, func, select

from disclosure.casework import maintenance, outages, readiness
from disclosure.casework.readiness import Readiness
from disclosure.protocol.values import Audience
from disclosure.settings import Settings
from disclosure.store import engines
from disclosure.store.tables import cases, heartbeats, inbox, outbox, reports, searches, sessions, tasks
from disclosure.store.transactions import tune

# Of the worker; tests hold its table against this one.
JOBS = ("clock", "outbox", "codes", "search", "inbox", "identity")
BACKUP = "backup"  # noted like a beat, by the command that makes one
# Two missed beats of the slowest frequent job, and some: a pause of the garbage collector is no dead worker.
DEAD_AFTER = timedelta(minutes=1)
UNSENT = ("recipe", "prepared", "sending")
OUTCOMES = ("relayed", "dead", "held", "cancelled")
STORED = ("stored", "filed", "triage", "set_aside", "quarantine")
LOOKUPS = ("found", "none", "unknown")


@dataclass(frozen=True)
class Figure:
    """One gauge. ``samples``: the value of its one label (empty: it has none) and the number, in the unit of its name.

    ``label``: the name of that label.
    """

    name: str
    meaning: str
    samples: tuple[tuple[str, float], ...]
    label: str = ""


def figures(engine: Engine, settings: Settings, now: datetime) -> Iterator[Figure]:
    """What can be known at ``now``. Where the database does not answer, that, and what the disk says."""
    state = readiness.look(engine, settings.instance)
    yield _labelled("ready", "1: this machine can serve; 0: why not", "why", [(state, float(state is Readiness.READY))])
    yield from _disk(settings, engine)
    if state in {Readiness.READY, Readiness.NO_KEY}:
        with engine.connect() as connection, connection.begin():
            yield from _worker(connection, now)
            yield from _deadlines(connection, now)
            yield from _mail(connection, now)
            yield from _searches(connection, now)
            yield from _people(connection, now)
            held = maintenance.state(connection) is not None
            yield _one("maintenance", "1: nothing leaves and no deadline fires until somebody confirms", held)
            jumped = outages.held_in(connection, now) is not None
            yield _one(
                "clock_held", "1: the clock jumped; nothing leaves and no deadline fires until it is right", jumped
            )


def engine_of(settings: Settings) -> Engine:
    """For a process that only measures: without keys, so that it also answers where they are lost."""
    engine = engines.make(settings.database_url)
    tune(engine)
    return engine


def alive(connection: Connection, now: datetime) -> bool:
    """Whether the worker's clock beat within ``DEAD_AFTER``."""
    beat = connection.scalar(select(heartbeats.c.at).where(heartbeats.c.name == "clock"))
    return beat is not None and now - beat <= DEAD_AFTER


def _one(name: str, meaning: str, value: float) -> Figure:
    return Figure(name, meaning, (("", value),))


def _labelled(name: str, meaning: str, label: str, samples: Sequence[tuple[str, float]]) -> Figure:
    return Figure(name, meaning, tuple((str(word), value) for word, value in samples), label)


def _disk(settings: Settings, engine: Engine) -> Iterator[Figure]:
    free = shutil.disk_usage(settings.instance).free
    yield _one("disk_free_bytes", "Free on the disk of the instance folder", free)
    yield _one("disk_floor_bytes", "Below this many free bytes uploads are refused", settings.free_space_floor_bytes)
    if engine.dialect.name == "sqlite" and engine.url.database:
        log = Path(f"{engine.url.database}-wal")
        yield _one("wal_bytes", "Size of SQLite's write-ahead log", log.stat().st_size if log.exists() else 0)


def _worker(connection: Connection, now: datetime) -> Iterator[Figure]:
    beats = {row.name: row.at.timestamp() for row in connection.execute(select(heartbeats))}
    yield _one("worker_alive", "1: the clock beat within a minute; 0: the worker is dead", alive(connection, now))
    yield _labelled(
        "job_last_end_timestamp_seconds",
        "When each job of a worker last ended well; 0: never",
        "job",
        [(job, beats.get(job, 0.0)) for job in JOBS],
    )
    yield _one("backup_timestamp_seconds", "When the last backup was made; 0: never", beats.get(BACKUP, 0.0))


def _deadlines(connection: Connection, now: datetime) -> Iterator[Figure]:
    due = (cases.c.life == "open") & (cases.c.next_at <= now)
    moving, oldest = _late(connection, cases, cases.c.next_at, due & cases.c.stuck_at.is_(None), now)
    yield _one("due_cases", "Open cases whose instant has come and that the clock has not moved yet", moving)
    yield _one("due_lateness_seconds", "By how much the oldest of them is late", oldest)
    stuck = select(func.count()).where(cases.c.life == "open", cases.c.stuck_at.is_not(None))
    yield _one(
        "stuck_cases", "Open cases that the clock could not move; the desk lists them", _number(connection, stuck)
    )
    late, oldest = _late(connection, tasks, tasks.c.due_at, (tasks.c.state == "open") & (tasks.c.due_at <= now), now)
    yield _one("overdue_tasks", "Tasks of people whose time has come, referrals by form or post among them", late)
    yield _one("overdue_task_lateness_seconds", "By how much the oldest of them is late", oldest)


def _mail(connection: Connection, now: datetime) -> Iterator[Figure]:
    unsent = outbox.c.state.in_(UNSENT)
    waiting, age = _late(connection, outbox, outbox.c.queued_at, unsent, now)
    yield _one("outbox_mails", "Mails that have not left", waiting)
    yield _one("outbox_age_seconds", "How long the oldest of them has waited, quiet hours included", age)
    due, late = _late(connection, outbox, outbox.c.next_try_at, unsent & (outbox.c.next_try_at <= now), now)
    yield _one("outbox_due_mails", "Mails whose next try is due", due)
    yield _one("outbox_lateness_seconds", "By how much the oldest of them is late", late)
    ended = _by(connection, outbox.c.state, OUTCOMES)
    yield _labelled("mail_outcomes", "Mails by how they ended; held and dead ones wait for a person", "outcome", ended)
    again = _number(connection, select(func.count()).where(outbox.c.ambiguous > 0))
    yield _one("ambiguous_mails", "Mails that may have left twice, or not: every one is flagged", again)
    yield _labelled(
        "inbox_mails", "Mails that came in, by what became of them", "state", _by(connection, inbox.c.state, STORED)
    )
    _, age = _late(connection, inbox, inbox.c.received_at, inbox.c.state == "stored", now)
    yield _one("inbox_age_seconds", "How long the oldest mail has waited to be read", age)


def _searches(connection: Connection, now: datetime) -> Iterator[Figure]:
    due = (searches.c.state != "ended") & (searches.c.next_try_at <= now)
    waiting, late = _late(connection, searches, searches.c.next_try_at, due, now)
    yield _one("due_searches", "Searches for contacts or certificates whose next try is due", waiting)
    yield _one("search_lateness_seconds", "By how much the oldest of them is late", late)
    yield _labelled(
        "lookups", "Searches by their latest outcome", "outcome", _by(connection, searches.c.outcome, LOOKUPS)
    )


def _people(connection: Connection, now: datetime) -> Iterator[Figure]:
    waiting, age = _late(connection, reports, reports.c.received_at, reports.c.triage == "received", now)
    yield _one("unread_reports", "Reports that nobody has read", waiting)
    yield _one("unread_report_age_seconds", "How long the oldest of them has waited", age)
    here = select(func.count(sessions.c.subject.distinct())).where(
        sessions.c.audience == Audience.COORDINATOR, sessions.c.expires_at > now
    )
    yield _one("coordinators_signed_in", "Coordinators with a live session", _number(connection, here))


def _late(
    connection: Connection, table: FromClause, since: ColumnElement[Any], where: ColumnElement[bool], now: datetime
) -> tuple[int, float]:
    """How many rows, and the seconds since the oldest of them."""
    count, oldest = connection.execute(select(func.count(), func.min(since)).select_from(table).where(where)).one()
    return count, max((now - oldest).total_seconds(), 0.0) if oldest else 0.0


def _number(connection: Connection, query: Any) -> int:
    return connection.scalar(query) or 0


def _by(connection: Connection, column: ColumnElement[Any], words: Sequence[str]) -> list[tuple[str, float]]:
    """Rows by state, in our own words: every one of them, also at zero, and nothing else that a column may hold."""
    found = {state: count for state, count in connection.execute(select(column, func.count()).group_by(column))}
    return [(word, float(found.get(word, 0))) for word in words]
