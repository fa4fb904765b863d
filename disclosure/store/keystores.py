"""Where wrapped stream keys lie: apart from the ledger, so that a backup of the one is none of the other.

SQLite: a file of its own. PostgreSQL: a schema of its own, which pg_dump leaves out by name (``--exclude-schema``).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Column, Connection, Engine, LargeBinary, MetaData, String, Table, inspect, select, text
from sqlalchemy.dialects.postgresql import insert

from disclosure.protocol.errors import DisclosureError
from disclosure.store.faults import storage
from disclosure.store.locks import SETTING_UP, alone

Row = tuple[str, str, bytes]  # stream id, key id, wrapped key
SCHEMA = "keys"


class InUse(DisclosureError):
    """Another process has the stream keys open: it holds the key-encryption key of before, and would go on using it."""


_LOOKS, _LOOK = 20, 0.1  # seconds
_IN_USE = "another process has the stream keys open: stop the service first, on every machine; nothing was changed"


class KeyStore(Protocol):
    """Rows by stream id. Safe for threads."""

    def find(self, stream_id: str) -> tuple[str, bytes] | None:
        """(key id, wrapped key), or None when there is none, or none any more."""

    def add(self, rows: Sequence[Row]) -> None:
        """Committed when it returns; a stream that has a key keeps it."""

    def erase(self, stream_id: str) -> None:
        """Gone for good: no copy stays in the database's own files."""

    def exchange(self, wrap: Callable[[Row], bytes]) -> int:
        """Every wrapped key anew, in one transaction; returns how many."""

    def alone(self) -> AbstractContextManager[None]:
        """Nobody else has them open. Raises InUse. Only a file can be kept from who starts in that moment."""

    def agrees(self, name: str, mark: str) -> bool:
        """Whether this machine's secret ``name`` is that of every other. ``mark`` gives nothing of it away."""

    def close(self) -> None:
        """End this thread's, or every idle, connection; the next use opens one again."""


class SqliteKeys:
    """In the file ``path``. Processes share it."""

    def __init__(self, path: Path) -> None:
        self._path, self._local = path, threading.local()
        self._connection().execute(
            "CREATE TABLE IF NOT EXISTS stream_keys"
            " (stream_id TEXT PRIMARY KEY, key_id TEXT NOT NULL UNIQUE, wrapped BLOB NOT NULL)"
        )

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._local.process != os.getpid():
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
            self._local.connection, self._local.process = connection, os.getpid()
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Whatever fails, the commit included: this thread's connection is free for the next."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk may have rolled it back already
                connection.execute("ROLLBACK")
            raise

    def find(self, stream_id: str) -> tuple[str, bytes] | None:
        query = "SELECT key_id, wrapped FROM stream_keys WHERE stream_id = ?"
        found: tuple[str, bytes] | None = self._connection().execute(query, (stream_id,)).fetchone()
        return found

    def add(self, rows: Sequence[Row]) -> None:
        with storage(), self.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO stream_keys VALUES (?, ?, ?)", rows)

    def erase(self, stream_id: str) -> None:
        """secure_delete and the checkpoint leave no copy in the file or its log."""
        connection = self._connection()
        with storage():
            connection.execute("DELETE FROM stream_keys WHERE stream_id = ?", (stream_id,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def exchange(self, wrap: Callable[[Row], bytes]) -> int:
        with storage(), self.writing() as connection:
            rows = connection.execute("SELECT stream_id, key_id, wrapped FROM stream_keys").fetchall()
            for row in rows:
                connection.execute("UPDATE stream_keys SET wrapped = ? WHERE stream_id = ?", (wrap(row), row[0]))
        return len(rows)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """SQLite leaves its write-ahead log only where one connection is left; then the file stays locked."""
        self.close()
        connection = self._connection()
        try:
            connection.execute("PRAGMA busy_timeout=0")
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            if connection.execute("PRAGMA journal_mode=DELETE").fetchone() != ("delete",):
                raise InUse(_IN_USE)
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            raise InUse(_IN_USE) from None
        finally:
            self.close()

    def agrees(self, name: str, mark: str) -> bool:
        return True  # one machine, one folder

    def close(self) -> None:
        held = getattr(self._local, "connection", None)
        if held is not None and self._local.process == os.getpid():
            held.close()
            self._local.connection = None


_METADATA = MetaData(schema=SCHEMA)
secret_marks = Table(
    "secret_marks", _METADATA, Column("name", String(40), primary_key=True), Column("mark", String(64), nullable=False)
)
stream_keys = Table(
    "stream_keys",
    _METADATA,
    Column("stream_id", String(32), primary_key=True),
    Column("key_id", String(16), nullable=False, unique=True),
    Column("wrapped", LargeBinary, nullable=False),
)


class PostgresqlKeys:
    """In the schema ``keys`` of ``engine``'s database; the engine is ours alone, so that no thread waits for itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(isolation_level="AUTOCOMMIT")  # a look-up of one row needs no BEGIN
        with storage(), engine.connect() as connection:
            made = inspect(connection).has_table("stream_keys", schema=SCHEMA)
        if not made:
            with storage(), alone(engine, SETTING_UP), engine.begin() as connection:
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                _METADATA.create_all(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    def is_empty(self) -> bool:
        with storage(writing=False), self._engine.connect() as connection:
            return connection.execute(select(stream_keys.c.key_id).limit(1)).first() is None

    def find(self, stream_id: str) -> tuple[str, bytes] | None:
        query = select(stream_keys.c.key_id, stream_keys.c.wrapped).where(stream_keys.c.stream_id == stream_id)
        with storage(writing=False), self._reader.connect() as connection:
            row = connection.execute(query).one_or_none()
        return (row.key_id, bytes(row.wrapped)) if row else None

    def add(self, rows: Sequence[Row]) -> None:
        values = [dict(zip(("stream_id", "key_id", "wrapped"), row, strict=True)) for row in rows]
        with storage(), self.writing() as connection:
            connection.execute(insert(stream_keys).on_conflict_do_nothing(), values)

    def erase(self, stream_id: str) -> None:
        """The row is dead at once, and a rewritten table holds no dead rows. What the server's own log and its
        archives still hold is wrapped, and lasts as long as they do (docs/operations.md)."""
        with storage(), self.writing() as connection:
            connection.execute(stream_keys.delete().where(stream_keys.c.stream_id == stream_id))
        # FULL: a plain one would leave the bytes in the page until something else is written there.
        with storage(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"VACUUM FULL {SCHEMA}.stream_keys"))

    def exchange(self, wrap: Callable[[Row], bytes]) -> int:
        with storage(), self.writing() as connection:
            connection.execute(text(f"LOCK TABLE {SCHEMA}.stream_keys IN SHARE ROW EXCLUSIVE MODE"))
            rows = connection.execute(select(stream_keys)).all()
            for stream_id, key_id, wrapped in rows:
                mine = stream_keys.c.stream_id == stream_id
                again = wrap((stream_id, key_id, bytes(wrapped)))
                connection.execute(stream_keys.update().where(mine).values(wrapped=again))
        return len(rows)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Of every connection of ours to this database only one is left. A machine that starts meanwhile with the key
        of before is not kept out: the operator stops the service on all of them (docs/operations.md)."""
        self.close()
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        others += " AND application_name = 'disclosure' AND pid <> pg_backend_pid()"
        for _ in range(_LOOKS):
            with storage(writing=False), self._engine.connect() as connection:
                count = connection.scalar(text(others))
            if not count:
                break
            time.sleep(_LOOK)  # a session of ours that has ended is listed until its server process has
        else:
            self.close()
            raise InUse(_IN_USE)
        yield

    def agrees(self, name: str, mark: str) -> bool:
        with storage(), self.writing() as connection:
            connection.execute(insert(secret_marks).values(name=name, mark=mark).on_conflict_do_nothing())
            return bool(connection.scalar(select(secret_marks.c.mark).where(secret_marks.c.name == name)) == mark)

    def close(self) -> None:
        self._engine.dispose()
