"""Two releases side by side: the older worker stops once the newer has migrated, and has written nothing since."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import select, text

from disclosure import worker
from disclosure.casework import lookups
from disclosure.casework.office import Office
from disclosure.store import schema
from disclosure.store.tables import heartbeats
from tests.casework.conftest import office
from tests.chaos import scene
from tests.office import T0

__all__ = ["office"]


@contextlib.contextmanager
def at(office: Office, revision: str) -> Iterator[None]:
    """The database as another release left it."""

    def put(version: str) -> None:
        with office.store.writing() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": version})

    put(revision)
    try:
        yield
    finally:
        put(schema.newest())


@pytest.mark.parametrize(
    ("revision", "works", "why"),
    [
        (None, True, "its own revision"),
        ("0001", True, "an older one: nobody has migrated yet, and a worker that starts does so itself"),
        ("9999", False, "a newer one"),
    ],
)
def test_a_worker_beside_another_release(
    office: Office, revision: str | None, works: bool, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "clock_on_the_wall", lambda: T0)
    monkeypatch.setattr(lookups, "finder", lambda _: scene.found)
    jobs = worker.jobs(office)
    with at(office, revision or schema.newest()):
        jobs["clock"]()
    with office.store.reading() as connection:
        beat = connection.scalar(select(heartbeats.c.at).where(heartbeats.c.name == "clock"))
    assert (beat is not None, jobs["clock"].outdated) == (works, not works), why


def test_it_ends_and_says_why(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """By itself, as soon as one of its jobs has seen it; no signal is needed."""
    with at(office, "9999"), caplog.at_level(logging.CRITICAL):
        assert worker.work(office) == worker.OUTDATED
    assert "newer release" in caplog.text
