"""PostgreSQL's advisory locks: they go with the connection, so that nobody who died or froze keeps one."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Select, func, select

# Numbers of our own; the first of two that name a lock.
_SPACE = 0x0A1E57
SETTING_UP, MIGRATING = 1, 2
_CASES = _SPACE + 1
_WINDOW = 16  # batches: so far ahead does a process look for what nobody else has
_PLACES = 64  # batches, on SQLite: two of four workers seldom begin at the same one


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


def spoken_for(connection: Connection, ids: Select[tuple[str]], most: int, but: Collection[str] = ()) -> list[str]:
    """Up to ``most`` of ``ids`` (one column, in order), spoken for until ``connection``'s transaction ends.

    On PostgreSQL those that another process has spoken for are passed over: workers share what is due instead of
    deciding the same cases at once. It is no lock on the rows: whoever writes a case meanwhile is found out by its
    version. SQLite has no such word: where much is due, each takes up the list at another place.
    """
    if connection.dialect.name == "sqlite":
        return _somewhere(connection, ids, most, but)
    # The inner LIMIT keeps the order and bounds what a batch of locks may look through; rows are tried one at a time.
    window = ids.limit(most * _WINDOW).subquery()
    case_id = window.c[0]
    free = func.pg_try_advisory_xact_lock(_CASES, func.hashtext(case_id))
    return [str(one) for one in connection.scalars(select(case_id).where(free).limit(most)) if str(one) not in but]


def _somewhere(connection: Connection, ids: Select[tuple[str]], most: int, but: Collection[str]) -> list[str]:
    """A batch at a place by chance, nearer to the beginning where the list ends before; else the first that is new."""

    def batch(place: int) -> list[str]:
        return [str(one) for one in connection.scalars(ids.limit(most).offset(place * most)).all()]

    first, place = batch(0), secrets.randbelow(_PLACES)
    while len(first) == most and place:  # with less than a batch there is no other place
        if found := [one for one in batch(place) if one not in but]:
            return found
        place //= 2
    held = first
    while held and not (found := [one for one in held if one not in but]):
        place += 1
        held = batch(place)
    return found if held else []
