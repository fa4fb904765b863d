"""Figures and readiness: what whoever watches from outside is told, and that nothing of a case is in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text, update

from disclosure import metrics, worker
from disclosure.casework import clockwork, measuring, readiness
from disclosure.casework.office import Office
from disclosure.casework.readiness import Readiness
from disclosure.protocol.values import Audience
from disclosure.store.tables import cases, inbox, outbox, searches, sessions
from tests.chaos import scene
from tests.chaos.scene import DUE, Scene
from tests.office import T0, make_office

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return scene.prepare(tmp_path_factory.mktemp("scene") / "instance")


@pytest.fixture
def office(made: Scene, tmp_path: Path) -> Office:  # type: ignore[misc]
    """Much is due at DUE (chaos/scene.py): two cases, an unread report, a search."""
    held = scene.reopen(made.copy(tmp_path / "instance").folder)
    yield held
    held.store.engine.dispose()


def told(office: Office, now: datetime) -> dict[str, float]:
    """``name`` or ``name{label}`` → value."""
    return {
        figure.name + (f"{{{word}}}" if figure.label else ""): value
        for figure in measuring.figures(office.store.engine, office.settings, now)
        for word, value in figure.samples
    }


def test_the_jobs_are_the_workers() -> None:
    assert set(measuring.JOBS) == set(worker.EVERY)


def test_every_job_that_ended_well_is_noted(office: Office) -> None:
    for job in worker.jobs(office).values():
        job()
    figures = told(office, datetime.now(T0.tzinfo))
    assert figures["worker_alive"] == 1
    assert all(figures[f"job_last_end_timestamp_seconds{{{name}}}"] > 0 for name in measuring.JOBS)


def test_a_job_that_fails_is_not_noted(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no relay today")

    monkeypatch.setattr(worker.delivery, "deliver", broken)
    worker.jobs(office)["outbox"]()
    assert told(office, DUE)["job_last_end_timestamp_seconds{outbox}"] == 0


@pytest.mark.parametrize(
    ("age", "alive", "why"),
    [
        (timedelta(seconds=60), 1, "the very minute still counts"),
        (timedelta(seconds=61), 0, "a clock that ticks every five seconds is dead by then"),
        (None, 0, "never seen"),
    ],
)
def test_a_dead_worker(office: Office, age: timedelta | None, alive: int, why: str) -> None:
    with office.store.writing() as tx:
        tx.execute(text("DELETE FROM heartbeats"))
    if age is not None:
        clockwork.beat(office, "clock", DUE - age)
    assert told(office, DUE)["worker_alive"] == alive, why


def test_what_is_due_is_counted_with_how_late_it_is(office: Office) -> None:
    before, after = told(office, DUE - HOUR), told(office, DUE + HOUR)
    assert (before["due_cases"], before["due_lateness_seconds"]) == (0, 0)
    assert after["due_cases"] >= 2
    assert after["due_lateness_seconds"] >= 3600
    assert after["due_searches"] >= 1
    assert after["search_lateness_seconds"] > 0
    assert after["unread_reports"] == 1
    assert after["unread_report_age_seconds"] > 3600


def test_a_stuck_case_is_no_longer_late_but_stuck(office: Office) -> None:
    before = told(office, DUE + HOUR)
    with office.store.writing() as tx:
        tx.execute(update(cases).where(cases.c.next_at <= DUE).values(stuck_at=DUE, stuck_why="BrokenChain"))
    after = told(office, DUE + HOUR)
    assert after["stuck_cases"] == before["due_cases"]
    assert after["due_cases"] == 0


def test_mails_are_counted_until_they_leave(office: Office) -> None:
    clockwork.tick(office, DUE)
    waiting = told(office, DUE + 2 * HOUR)
    assert waiting["outbox_mails"] >= 1
    assert waiting["outbox_age_seconds"] >= 2 * 3600
    assert waiting["outbox_due_mails"] >= 1
    with office.store.writing() as tx:
        tx.execute(update(outbox).where(outbox.c.state == "recipe").values(state="dead", ambiguous=1))
    ended = told(office, DUE + 2 * HOUR)
    assert ended["outbox_mails"] == 0
    assert ended["outbox_age_seconds"] == 0
    assert ended["mail_outcomes{dead}"] >= 1
    assert ended["ambiguous_mails"] >= 1


def test_unknown_look_ups_and_mail_that_waits_to_be_read(office: Office) -> None:
    row = {"token": "t", "source": "pipe", "state": "stored", "size": 1, "sha256": "", "sealed": b"", "attempts": 0}
    with office.store.writing() as tx:
        tx.execute(update(searches).values(outcome="unknown"))
        tx.execute(inbox.insert().values(id="i", received_at=DUE, fence=0, **row))
    figures = told(office, DUE + HOUR)
    assert figures["lookups{unknown}"] >= 1
    assert (figures["inbox_mails{stored}"], figures["inbox_age_seconds"]) == (1, 3600)


def test_who_is_at_the_desk(office: Office) -> None:
    row = {"audience": Audience.COORDINATOR, "subject": "ada", "created_at": DUE, "seen_at": DUE}
    with office.store.writing() as tx:
        for token, ends in (("a", DUE + HOUR), ("b", DUE + HOUR), ("c", DUE - HOUR)):
            tx.execute(sessions.insert().values(token_hash=token, expires_at=ends, **row))
    assert told(office, DUE)["coordinators_signed_in"] == 1, "two live sessions of one person"
    assert told(office, DUE + HOUR)["coordinators_signed_in"] == 0


def test_no_figure_tells_of_a_case(office: Office) -> None:
    """Labels are words of our own code: nothing that a row holds beside a state can become one."""
    with office.store.writing() as tx:
        tx.execute(update(searches).values(outcome="org.example"))
    said = metrics.exposition(office.store.engine, office.settings, lambda: DUE).decode()
    labels = set(re.findall(r'\{\w+="([^"]*)"\}', said))
    assert labels <= {
        *(*measuring.JOBS, *measuring.OUTCOMES, *measuring.STORED, *measuring.LOOKUPS),
        *(str(state) for state in Readiness),
    }
    with office.store.reading() as connection:
        secret = [value for row in connection.execute(cases.select()) for value in (row.id, row.number)]
    assert secret
    assert not [value for value in (*secret, "org.example", "@") if value in said]


# --- readiness ---


def _without(name: str) -> Callable[[Path, Engine], None]:
    return lambda folder, _: (folder / name).unlink()


def _at_revision(number: str) -> Callable[[Path, Engine], None]:
    def change(folder: Path, engine: Engine) -> None:
        engine.dispose()
        with create_engine(engine.url).begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})

    return change


def _half_a_key(folder: Path, _: Engine) -> None:
    (folder / "kek.key").write_bytes(b"half")


def _no_database(folder: Path, engine: Engine) -> None:
    """A folder in its place: whoever runs the tests, it cannot be opened."""
    engine.dispose()
    for path in folder.glob("disclosure.db*"):
        path.unlink()
    (folder / "disclosure.db").mkdir()


def _no_tables(folder: Path, engine: Engine) -> None:
    engine.dispose()
    for path in folder.glob("disclosure.db*"):
        path.unlink()
    create_engine(engine.url).connect().close()
    (folder / "disclosure.db").touch()


@pytest.mark.parametrize(
    ("harm", "word", "why"),
    [
        (lambda folder, engine: None, "ready", "nothing is wrong"),
        (_without("kek.key"), "no_key", "stream keys cannot be opened"),
        (_without("app.key"), "no_key", "links and codes cannot be checked"),
        (_half_a_key, "no_key", "what is there is no key"),
        (_at_revision("0001"), "old_schema", "a process of this release needs newer tables"),
        (_at_revision("9999"), "ready", "while a release is rolled out, the one before goes on"),
        (_no_tables, "no_schema", "nothing was prepared"),
        (_no_database, "no_database", "it cannot be opened"),
        (_without("disclosure.db"), "no_database", "looking must not make one"),
    ],
)
def test_readiness(tmp_path: Path, harm: Callable[[Path, Engine], None], word: str, why: str) -> None:
    office = make_office(tmp_path / "instance")
    engine = office.store.engine
    harm(office.settings.instance, engine)
    engine.dispose()
    before = set(office.settings.instance.iterdir())
    watching = measuring.engine_of(office.settings)
    assert readiness.look(watching, office.settings.instance) == word, why
    said = metrics.exposition(watching, office.settings, lambda: T0).decode()
    assert f'disclosure_ready{{why="{word}"}} {float(word == "ready")}' in said, "figures are served in every state"
    watching.dispose()
    assert set(office.settings.instance.iterdir()) - before <= {
        office.settings.instance / f"disclosure.db-{more}" for more in ("wal", "shm")
    }
