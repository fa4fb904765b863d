"""A copy of a SQLite database and its stream keys that belong together, made while the server writes.

The copy is SQLite's own (online backup); what is new here is the order. Under the write gate the database is pinned by
a read transaction and the small key database is copied; the large copy then takes its time outside the gate. So every
stream of the copy has its key, as a key is committed before the first row that uses it. The other way round, the key of
a stream that is being erased may still be there although the copy says that it was: restoring drops those.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from disclosure.protocol.errors import DisclosureError
from disclosure.store.faults import storage
from disclosure.store.transactions import BUSY_TIMEOUT_MS, Gate


class BrokenCopy(DisclosureError):
    """SQLite itself finds fault with the copy, hence with the database."""


def take(gate: Gate, database: Path, keys: Path, folder: Path) -> None:
    """``disclosure.db`` and ``keys.db`` in ``folder``, 0600. Raises CannotStore, BrokenCopy."""
    with storage(), closing(_reader(database)) as source:
        with gate.held():
            source.execute("BEGIN")
            source.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # the snapshot begins with the first read
            with closing(_reader(keys)) as ring:
                _copy(ring, folder / "keys.db")
        _copy(source, folder / "disclosure.db")


def drop_erased(database: Path, keys: Path) -> int:
    """Delete the keys of streams that the database says were erased; returns how many there were."""
    with storage(), closing(sqlite3.connect(database)) as held, closing(sqlite3.connect(keys)) as ring:
        erased = held.execute("SELECT id FROM streams WHERE erased_at IS NOT NULL").fetchall()
        ring.execute("PRAGMA secure_delete=ON")
        with ring:
            gone = ring.executemany("DELETE FROM stream_keys WHERE stream_id = ?", erased).rowcount
        ring.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return max(gone, 0)


def _reader(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise FileNotFoundError(path)  # connecting would make an empty one
    return sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)


def _copy(source: sqlite3.Connection, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        fault = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise BrokenCopy(f"{target.name}: the copy is broken, and so is what it was made of")
