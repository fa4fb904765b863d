"""Migrations: up, down, up with data; the migrated schema is the tables (design.md section 3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from disclosure.casework.office import Office
from disclosure.store import revision, schema
from disclosure.store.tables import metadata
from disclosure.store.transactions import Gate, tune
from tests.office import T0


def fresh(folder: Path):  # type: ignore[no-untyped-def]
    engine = create_engine(f"sqlite:///{folder / 'x.db'}")
    tune(engine)
    return engine, Gate(folder / "write.lock")


def test_up_twice_changes_once(tmp_path: Path) -> None:
    engine, gate = fresh(tmp_path)
    assert schema.upgrade(engine, gate, T0) is True
    assert schema.upgrade(engine, gate, T0) is False
    engine.dispose()


def test_the_newest_revision_is_known_without_alembic(tmp_path: Path) -> None:
    engine, gate = fresh(tmp_path)
    assert revision.newest() == schema.newest()
    assert revision.is_newest(engine) is False, "an empty database"
    schema.upgrade(engine, gate, T0)
    assert revision.is_newest(engine) is True
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert revision.is_newest(engine) is False, "an older one"
    engine.dispose()


def test_the_schema_is_the_tables(tmp_path: Path) -> None:
    engine, gate = fresh(tmp_path)
    schema.upgrade(engine, gate, T0)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_up_down_up_with_data(tmp_path: Path) -> None:
    engine, gate = fresh(tmp_path)
    schema.upgrade(engine, gate, T0)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(text("INSERT INTO facts (name, value) VALUES ('kept', 'yes')"))
    schema.downgrade(engine, gate, "base", T0)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    copies = list(tmp_path.glob("x-before-migration-*.db"))
    assert len(copies) == 1, "an automatic copy stands beside it"
    assert copies[0].stat().st_mode & 0o077 == 0, "and nobody else reads it"
    copy = create_engine(f"sqlite:///{copies[0]}")
    with copy.connect() as connection:
        assert connection.scalar(text("SELECT value FROM facts WHERE name = 'kept'")) == "yes"
    copy.dispose()
    assert schema.upgrade(engine, gate, T0) is True
    engine.dispose()


def test_a_migration_that_loses_rows_is_rolled_back(tmp_path: Path) -> None:
    engine, gate = fresh(tmp_path)
    schema.upgrade(engine, gate, T0)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(text("INSERT INTO facts (name, value) VALUES ('kept', 'yes')"))

    def bad(config):  # type: ignore[no-untyped-def]
        config.attributes["connection"].execute(text("DELETE FROM facts"))

    with pytest.raises(schema.BadMigration):
        schema._migrate(engine, bad)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM facts")) == 1
    engine.dispose()


def test_pragmas(office: Office) -> None:
    with office.store.reading() as connection:
        said = {p: connection.scalar(text(f"PRAGMA {p}")) for p in ("journal_mode", "synchronous", "foreign_keys")}
        assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        assert connection.scalar(text("PRAGMA secure_delete")) == 1
