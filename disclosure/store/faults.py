"""What a disk does to a database: full, read-only, broken. Found out by code, never by the words of a message."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from disclosure.protocol.errors import CannotStore

# SQLite's primary result codes are the low byte of the extended ones.
_SQLITE = {
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_IOERR: "disk_broken",
    sqlite3.SQLITE_CANTOPEN: "disk_broken",
}
# PostgreSQL, class 53 and 25: disk_full; read_only_sql_transaction, as a server in recovery answers.
_POSTGRESQL = {"53100": "disk_full", "25006": "read_only"}
_SYSTEM = {errno.ENOSPC: "disk_full", errno.EDQUOT: "disk_full", errno.EFBIG: "disk_full", errno.EROFS: "read_only"}


def full_or_broken(error: BaseException | None) -> str:
    """The code of a fault of the disk; empty for every other error."""
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0, "")
    return _POSTGRESQL.get(getattr(error, "sqlstate", None) or "", "")


@contextmanager
def storage(*, writing: bool = True) -> Iterator[None]:
    """A full or read-only disk in one word of ours, for web and worker alike; every other fault as it is.

    Where only reading was asked for, "read-only" is no disk but a write in the wrong place: that stays a bug.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        why = full_or_broken(error.orig if isinstance(error, DBAPIError) else error)
        if why and (writing or why != "read_only"):
            raise CannotStore(why) from error
        raise
