"""Whether the schema is the newest, without Alembic: loading it was a quarter of the parent's start."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from disclosure.store.faults import storage

MIGRATIONS = Path(__file__).parent / "migrations"


def newest() -> str:
    """Revisions are numbered in order, and files begin with their number; tests hold Alembic against it."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def is_known(engine: Engine) -> bool:
    """False once the database is at a revision that came after this release."""
    with storage(writing=False):
        return held(engine) <= newest()


def held(engine: Engine) -> str:
    """The revision that the database is at; empty when there are no tables yet."""
    with engine.connect() as connection, connection.begin():
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def is_newest(engine: Engine) -> bool:
    return held(engine) == newest()
