"""Reading and writing. Reading cannot write; writing goes one at a time (design.md section 3).

SQLite: WAL, synchronous FULL. The default transaction is BEGIN with query_only, so that a forgotten ``writing`` fails
at once instead of losing an update; BEGIN IMMEDIATE is issued only behind a process lock and a file lock, because
SQLite's own waiting is unfair (without that gate web writes waited up to 1.6 s, with it under 0.1 s).

PostgreSQL: any number of writers, READ COMMITTED. What makes that safe is not the isolation but four habits: the head
of a stream is locked before anything of the stream is written (ledger.append, ledger.hold), streams in the order of
their ids; every other change is an UPDATE that carries what it found; a row that must be there once is put by ``once``;
a claim is FOR UPDATE SKIP LOCKED with lease and fence. Under REPEATABLE READ the same meetings would be errors, to be
repeated, instead of waits. Reading is REPEATABLE READ, READ ONLY: one snapshot, as a reader of SQLite's log has it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.dialects import postgresql, sqlite

from disclosure.store.faults import storage
from disclosure.store.sealing import HeadSigner, KeyRing, keyed_hash

BUSY_TIMEOUT_MS = 30_000
# SQLite's own 1,000 pages are some sixty reports, which rewrite mostly the same pages: copying them back that often was
# a fifth of a report's work. 4,000 keep the log at 16 MB.
CHECKPOINT_PAGES = 4_000


@dataclass(frozen=True)
class Store:
    """The database with its keys. One per process; made in create_app."""

    engine: Engine
    keyring: KeyRing = field(repr=False)
    signer: HeadSigner = field(repr=False)
    lookup_key: bytes = field(repr=False)
    gate: Gate = field(repr=False)

    def token(self, kind: str, value: str) -> str:
        """Keyed hash under which a domain, an address or a codename is looked up."""
        return keyed_hash(self.lookup_key, kind, value)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with storage(writing=False), self._connect(writing=False) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The only way to write. Nothing slow happens inside: no network, no OpenPGP, no template, no Argon2.

        Raises CannotStore, and nothing was stored, when the disk does not take it.
        """
        with storage(), self.gate.held(), self._connect(writing=True) as connection, connection.begin():
            yield connection

    def _connect(self, *, writing: bool) -> Connection:
        connection = self.engine.connect()
        try:
            return connection.execution_options(writing=writing, **({} if writing else _snapshot(self.engine)))
        except BaseException:
            connection.close()
            raise


def _snapshot(engine: Engine) -> dict[str, Any]:
    if engine.dialect.name == "sqlite":
        return {}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Gate:
    """One writer at a time in this process and on this machine. PostgreSQL needs none: its rows lock themselves."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._lock = path, threading.Lock()
        self._held = threading.local()

    @property
    def held_for(self) -> float:
        """Seconds for which this thread has held the gate in all; the worker pauses as long as it did (clockwork)."""
        return getattr(self._held, "seconds", 0.0)

    @contextmanager
    def held(self) -> Iterator[None]:
        if self._path is None:
            yield
            return
        with self._lock:
            handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                started = time.monotonic()
                try:
                    yield
                finally:  # a batch that failed kept the others waiting too
                    self._held.seconds = self.held_for + time.monotonic() - started
            finally:
                os.close(handle)


def once(tx: Connection, table: Table, row: Mapping[str, object]) -> bool:
    """Put ``row`` unless its key, or anything of it that is unique, is there already; whether it was put."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    return tx.execute(insert(table).values(**row).on_conflict_do_nothing()).rowcount == 1


def _as_the_server_says(connection: Any, record: Any, proxy: Any) -> None:
    """SQLAlchemy asks for READ WRITE once a connection has been read-only: over the head of whoever said otherwise."""
    connection.read_only = None


def tune(engine: Engine) -> None:
    """Give an engine the transactions described above."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "checkout", _as_the_server_says)
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN loses updates silently (facts: mail 1.5)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
            "secure_delete=ON",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        driver: Any = connection.connection.dbapi_connection  # SQLAlchemy's own way costs twice what the two cost
        driver.execute(f"PRAGMA query_only={'OFF' if writing else 'ON'}")
        driver.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
