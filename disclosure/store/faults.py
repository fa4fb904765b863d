"""What can befall a database: a disk that is full, read-only or broken; a server that is gone; two writers that met.

Found out by code, never by the words of a message.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError

from disclosure.protocol.errors import CannotStore, Conflict

# SQLite's primary result codes are the low byte of the extended ones.
_SQLITE = {
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_IOERR: "disk_broken",
    sqlite3.SQLITE_CANTOPEN: "disk_broken",
}
# PostgreSQL, appendix A. 25006: a server in recovery, or one that an operator made read-only. 57P01–57P03: it is being
# stopped, or starts. 25P03: our own idle transaction was ended (engines.py). 55P03: no lock within its time-out.
_POSTGRESQL = {
    "53100": "disk_full",
    "25006": "read_only",
    "58030": "disk_broken",
    "25P03": "database_gone",
    "55P03": "database_busy",
    "53300": "database_busy",
}
_GONE = ("08", "57P0")
# Serialization failure and deadlock: one of two was sent back, and nothing of it was stored.
_MET = frozenset({"40001", "40P01"})
_SYSTEM = {errno.ENOSPC: "disk_full", errno.EDQUOT: "disk_full", errno.EFBIG: "disk_full", errno.EROFS: "read_only"}


def full_or_broken(error: BaseException | None) -> str:
    """The code of a fault of disk or server; empty for every other error."""
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0, "")
    state = _sqlstate(error)
    return "database_gone" if state.startswith(_GONE) else _POSTGRESQL.get(state, "")


def _sqlstate(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""


def _why(error: Exception) -> str:
    if not isinstance(error, DBAPIError):
        return full_or_broken(error)
    # A connection that broke, or was never made, has no code; SQLAlchemy knows the first, the class says the second.
    nameless = error.connection_invalidated or (_is_operational(error.orig) and not _sqlstate(error.orig))
    return full_or_broken(error.orig) or ("database_gone" if nameless else "")


def _is_operational(error: BaseException | None) -> bool:
    return type(error).__name__ == "OperationalError" and type(error).__module__.startswith("psycopg")


@contextmanager
def storage(*, writing: bool = True) -> Iterator[None]:
    """A fault of disk or server in one word of ours, for web and worker alike; every other fault as it is.

    Two who met are a Conflict. Where only reading was asked for, "read-only" is no disk but a write in the wrong place:
    that stays a bug.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        if isinstance(error, IntegrityError):
            raise
        if isinstance(error, DBAPIError) and _sqlstate(error.orig) in _MET:
            raise Conflict("met") from error
        why = _why(error)
        if why and (writing or why != "read_only"):
            raise CannotStore(why) from error
        raise
