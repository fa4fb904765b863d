"""Migrations on both databases: up, down, up with data; the migrated schema is the tables (design.md section 3)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from disclosure.casework.office import Office
from disclosure.store import engines, revision, schema
from disclosure.store.tables import metadata
from disclosure.store.transactions import Gate, tune
from tests.office import T0
from tests.servers import sqlalchemy_url


@dataclass
class Fresh:
    """A database with nothing in it."""

    url: str
    gate: Gate
    engine: Engine

    def another(self) -> Engine:
        """As another process would have it."""
        engine = engines.make(self.url)
        tune(engine)
        return engine


@pytest.fixture
def fresh(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Fresh]:
    if database == "sqlite":
        url, gate = f"sqlite:///{tmp_path / 'x.db'}", Gate(tmp_path / "write.lock")
    else:
        url, gate = sqlalchemy_url(request.getfixturevalue("server").empty()), Gate(None)
    held = Fresh(url, gate, engines.make(url))
    tune(held.engine)
    yield held
    held.engine.dispose()


def write(engine: Engine, *statements: str) -> None:
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        for statement in statements:
            connection.execute(text(statement))


KEPT = "INSERT INTO facts (name, value) VALUES ('kept', 'yes')"


def test_up_twice_changes_once(fresh: Fresh) -> None:
    assert schema.upgrade(fresh.engine, fresh.gate, T0) is True
    assert schema.upgrade(fresh.engine, fresh.gate, T0) is False


def test_the_newest_revision_is_known_without_alembic(fresh: Fresh) -> None:
    assert revision.newest() == schema.newest()
    assert revision.is_newest(fresh.engine) is False, "an empty database"
    schema.upgrade(fresh.engine, fresh.gate, T0)
    assert revision.is_newest(fresh.engine) is True
    write(fresh.engine, "UPDATE alembic_version SET version_num = '0000'")
    assert revision.is_newest(fresh.engine) is False, "an older one"


def test_the_schema_is_the_tables(fresh: Fresh) -> None:
    schema.upgrade(fresh.engine, fresh.gate, T0)
    with fresh.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_up_down_up_with_data(fresh: Fresh) -> None:
    schema.upgrade(fresh.engine, fresh.gate, T0)
    write(fresh.engine, KEPT)
    schema.downgrade(fresh.engine, fresh.gate, "base", T0)
    assert set(inspect(fresh.engine).get_table_names()) <= {"alembic_version"}
    assert schema.upgrade(fresh.engine, fresh.gate, T0) is True


def test_each_revision_keeps_what_is_there(fresh: Fresh) -> None:
    """One step after the other, with rows from the first on, as an installation of that age would bring them."""
    revisions = sorted(path.name[:4] for path in (revision.MIGRATIONS / "versions").glob("[0-9]*.py"))

    def to(target: str) -> None:
        schema._migrate(fresh.engine, lambda held: command.upgrade(held, target))

    to(revisions[0])
    write(
        fresh.engine,
        KEPT,
        "INSERT INTO streams (id, kind, created_at, head_seq, head_hash, head_signature)"
        " VALUES ('s', 'case', '2026-01-01 00:00:00', 0, 'h', 'sig')",
        "INSERT INTO cases (id, number, opened_at, role, life, contact, notice, acknowledgement, remediation,"
        " publicity, whose_move, coordinator_id, policy_version, head_seq)"
        " VALUES ('s', 'A-1', '2026-01-01 00:00:00', 'r', 'open', 'c', 'n', 'a', 'm', 'p', 'us', 'ada', '1', 0)",
        "INSERT INTO searches (id, case_id, domain_id, state, attempts, fence) VALUES ('x', 's', 'd', 'waiting', 0, 0)",
        "INSERT INTO tasks (id, case_id, kind, channel, due_at, state)"
        " VALUES ('t', 's', 'phone_call', 'phone', '2026-01-01 00:00:00', 'open')",
    )
    for target in revisions[1:]:
        to(target)
    with fresh.engine.connect() as connection:
        kept = (connection.scalar(text(f"SELECT count(*) FROM {t}")) for t in ("facts", "streams", "cases", "searches"))  # noqa: S608
        assert list(kept) == [1, 1, 1, 1]
        assert connection.scalar(text("SELECT owner_id FROM tasks")) == "ada", "whoever has the case has its tasks"


def test_a_copy_stands_beside_a_file_before_it_is_touched(tmp_path: Path) -> None:
    engine, gate = engines.make(f"sqlite:///{tmp_path / 'x.db'}"), Gate(tmp_path / "write.lock")
    tune(engine)
    schema.upgrade(engine, gate, T0)
    write(engine, KEPT)
    schema.downgrade(engine, gate, "base", T0)
    copies = list(tmp_path.glob("x-before-migration-*.db"))
    assert len(copies) == 1, "an automatic copy stands beside it"
    assert copies[0].stat().st_mode & 0o077 == 0, "and nobody else reads it"
    copy = create_engine(f"sqlite:///{copies[0]}")
    with copy.connect() as connection:
        assert connection.scalar(text("SELECT value FROM facts WHERE name = 'kept'")) == "yes"
    copy.dispose()
    engine.dispose()


def test_a_migration_that_loses_rows_is_rolled_back(fresh: Fresh) -> None:
    schema.upgrade(fresh.engine, fresh.gate, T0)
    write(fresh.engine, KEPT)

    def bad(config):  # type: ignore[no-untyped-def]
        config.attributes["connection"].execute(text("DELETE FROM facts"))

    with pytest.raises(schema.BadMigration):
        schema._migrate(fresh.engine, bad)
    with fresh.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM facts")) == 1


def test_many_who_start_at_once_migrate_once(fresh: Fresh) -> None:
    done: list[object] = []

    def start() -> None:
        engine = fresh.another()
        try:
            done.append(schema.upgrade(engine, fresh.gate, T0))
        except Exception as error:
            done.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done, key=str) == [False] * 5 + [True]


def test_nobody_else_writes_while_it_migrates(fresh: Fresh) -> None:
    """A writer of another process waits until the migration is committed: no row of its is lost or counted twice."""
    schema.upgrade(fresh.engine, fresh.gate, T0)
    other, order = fresh.another(), []

    def put() -> None:
        with fresh.gate.held():
            write(other, KEPT)
        order.append("written")

    writer = threading.Thread(target=put)

    def slow(config):  # type: ignore[no-untyped-def]
        connection: Connection = config.attributes["connection"]
        writer.start()
        writer.join(0.3)
        order.append("migrated")
        assert connection.scalar(text("SELECT count(*) FROM facts")) == 0

    with fresh.gate.held():
        schema._migrate(fresh.engine, slow)
    writer.join()
    assert order == ["migrated", "written"]
    other.dispose()


def test_a_newer_schema_is_not_touched(fresh: Fresh) -> None:
    schema.upgrade(fresh.engine, fresh.gate, T0)
    write(fresh.engine, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(schema.NewerSchema, match="9999"):
        schema.upgrade(fresh.engine, fresh.gate, T0)


def test_a_database_of_somebody_else_is_not_touched(fresh: Fresh, database: str) -> None:
    if database == "sqlite":
        return  # a file in our own folder is ours
    write(fresh.engine, "CREATE TABLE customers (id integer)")
    with pytest.raises(schema.NotOurs, match="customers"):
        schema.upgrade(fresh.engine, fresh.gate, T0)
    assert inspect(fresh.engine).get_table_names() == ["customers"]


def test_what_each_database_was_told(office: Office, database: str) -> None:
    with office.store.reading() as connection:
        if database == "sqlite":
            said = {p: connection.scalar(text(f"PRAGMA {p}")) for p in ("journal_mode", "synchronous", "foreign_keys")}
            assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
            assert connection.scalar(text("PRAGMA secure_delete")) == 1
        else:
            names = (
                "transaction_isolation",
                "transaction_read_only",
                "idle_in_transaction_session_timeout",
                "TimeZone",
            )
            assert [connection.scalar(text(f"SHOW {name}")) for name in names] == [
                "repeatable read",
                "on",
                "1min",
                "UTC",
            ]
    if database == "postgresql":
        with office.store.writing() as tx:
            assert [tx.scalar(text(f"SHOW transaction_{name}")) for name in ("isolation", "read_only")] == [
                "read committed",
                "off",
            ]
