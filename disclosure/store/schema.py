"""Migrations: one process at a time, checked before they are kept (design.md section 3).

SQLite: under the gate, after an automatic copy. PostgreSQL: under an advisory lock, in one transaction in which no
other process can write; a copy of a server's database is the operator's to make before (docs/operations.md).

Not imported by web processes: it loads Alembic.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from disclosure.protocol.errors import DisclosureError
from disclosure.store.faults import storage
from disclosure.store.locks import MIGRATING, alone
from disclosure.store.transactions import Gate

HERE = Path(__file__).parent / "migrations"


class BadMigration(DisclosureError):
    """A migration lost rows or broke a reference; everything was rolled back and the copy is beside the database."""


class NewerSchema(DisclosureError):
    """A newer release has migrated the database; this one must not touch it."""


class NotOurs(DisclosureError):
    """DATABASE_URL leads to a database that somebody else uses."""


def config(connection: Connection) -> Config:
    held = Config()
    held.set_main_option("script_location", str(HERE))
    held.attributes["connection"] = connection
    return held


def newest() -> str:
    found = ScriptDirectory(str(HERE)).get_current_head()
    assert found  # noqa: S101 - revision 1 is part of the product
    return found


def current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, gate: Gate, now: datetime) -> bool:
    """Bring the schema to the newest revision; True if anything was done. Safe when several processes start at once.

    Raises NewerSchema, and NotOurs for a PostgreSQL database that holds somebody else's tables.
    """
    with storage(), gate.held(), alone(engine, MIGRATING):
        with engine.connect() as connection:
            known = current(connection)
            if known is None and engine.dialect.name != "sqlite" and _tables(connection):
                raise NotOurs(f"the database holds tables of another program: {', '.join(_tables(connection)[:3])}")
        if known == newest():
            return False
        if known is not None:
            _refuse_newer(known)
            _copy(engine, now)
        _migrate(engine, lambda held: command.upgrade(held, "head"))
        return True


def _refuse_newer(known: str) -> None:
    if known not in {script.revision for script in ScriptDirectory(str(HERE)).walk_revisions()}:
        raise NewerSchema(f"the database is at revision {known}, this program knows {newest()}: install the newer one")


def downgrade(engine: Engine, gate: Gate, revision: str, now: datetime) -> None:
    with storage(), gate.held(), alone(engine, MIGRATING):
        _copy(engine, now)
        _migrate(engine, lambda held: command.downgrade(held, revision))


def _migrate(engine: Engine, run: Callable[[Config], None]) -> None:
    """Foreign keys are off while tables are rebuilt (on, a rebuild deletes children: measured), checked at the end."""
    with engine.connect().execution_options(writing=True) as connection:
        _foreign_keys(connection, on=False)
        try:
            with connection.begin():
                _nobody_else_writes(connection)
                before = _counts(connection)
                run(config(connection))
                _check(connection, before)
        finally:
            _foreign_keys(connection, on=True)


def _nobody_else_writes(connection: Connection) -> None:
    """Else rows counted before would differ from those after, and a writer might hold a table that is to be altered.

    On SQLite the gate sees to it. Whoever holds a table already is waited for, as long as lock_timeout says.
    """
    names = sorted(_tables(connection))
    if connection.dialect.name != "sqlite" and names:
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        quoted = ", ".join(f'"{name}"' for name in names)
        connection.exec_driver_sql(f"LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE")


def _foreign_keys(connection: Connection, *, on: bool) -> None:
    """Outside any transaction, where alone SQLite heeds it."""
    raw = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite" and raw is not None:
        raw.cursor().execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _tables(connection: Connection) -> list[str]:
    from sqlalchemy import inspect  # noqa: PLC0415 - a fresh inspector: the schema has just changed

    return [name for name in inspect(connection).get_table_names() if name != "alembic_version"]


def _counts(connection: Connection) -> dict[str, int]:
    return {name: connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0 for name in _tables(connection)}  # noqa: S608


def _check(connection: Connection, before: dict[str, int]) -> None:
    after = _counts(connection)
    lost = [name for name, count in before.items() if name in after and after[name] != count]
    if lost:
        raise BadMigration("rows changed in " + ", ".join(lost))
    if connection.dialect.name == "sqlite":
        broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
        if broken:
            raise BadMigration(f"{len(broken)} broken references")


def _copy(engine: Engine, now: datetime) -> None:
    """SQLite's online copy beside the database, before anything is touched."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return
    path = Path(engine.url.database)
    target = path.with_name(f"{path.stem}-before-migration-{now:%Y%m%dT%H%M%SZ}.db")
    handle = os.open(target, os.O_CREAT | os.O_WRONLY, 0o600)
    os.close(handle)
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
