"""PostgreSQL's advisory locks: they go with the connection, so that nobody who died or froze keeps one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Select, func, select

# Numbers of our own; the first of two that name a lock.
_SPACE = 0x0A1E57
SETTING_UP, MIGRATING = 1, 2
_CASES = _SPACE + 1


@contextmanager
def alone(engine: Engine, what: int) -> Iterator[None]:
    """One process at a time; the others wait until it has ended. Nothing on SQLite, which has the gate."""
    if engine.dialect.name == "sqlite":
        yield
        return
    with engine.connect() as connection, connection.begin():
        # As long as it takes: a migration of a large table is no forgotten transaction.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0")
        connection.execute(select(func.pg_advisory_xact_lock(_SPACE, what)))
        yield


def spoken_for(connection: Connection, ids: Select[tuple[str]], most: int) -> list[str]:
    """Up to ``most`` of ``ids`` (one column, in order), spoken for until ``connection``'s transaction ends.

    On PostgreSQL those that another process has spoken for are passed over: workers share what is due instead of
    deciding the same cases at once. It is no lock on the rows: whoever writes a case meanwhile is found out by its
    version. On SQLite there is one worker, and the gate.
    """
    if connection.dialect.name == "sqlite":
        return list(connection.scalars(ids.limit(most)))
    # The inner LIMIT keeps the order and bounds what a batch of locks may look through; rows are tried one at a time.
    window = ids.limit(most * 16).subquery()
    case_id = window.c[0]
    free = func.pg_try_advisory_xact_lock(_CASES, func.hashtext(case_id))
    return list(connection.scalars(select(case_id).where(free).limit(most)))
