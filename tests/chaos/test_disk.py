"""A full or read-only disk: the web says what happened and what was kept, the worker goes on, nothing is half there."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, event, func, select

from disclosure import create_app, worker
from disclosure.casework import clockwork, delivery, lookups, verification
from disclosure.casework.office import Office, open_office
from disclosure.mail import localbox
from disclosure.mail.relay import Kind, Outcome
from disclosure.protocol.errors import CannotStore
from disclosure.protocol.values import Address
from disclosure.settings import load
from disclosure.store import tables
from disclosure.store.keystores import SqliteKeys
from disclosure.store.sealing import KeyLost, KeyRing
from tests.chaos import scene
from tests.chaos.scene import DUE, LATER, Scene
from tests.chaos.test_intake_dies import FORM
from tests.conftest import REQUIRE

SMALL_DISK_MB = 6


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return scene.prepare(tmp_path_factory.mktemp("scene") / "instance")


Full = Callable[[], contextlib.AbstractContextManager[None]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``limit``: no file may grow, which works for every user; ``tmpfs``: a real small disk, with --chaos."""
    if "disk" in metafunc.fixturenames:
        kinds = ["limit", "tmpfs"] if metafunc.config.getoption("--chaos") else ["limit"]
        metafunc.parametrize("disk", kinds, indirect=True)


@pytest.fixture
def disk(request: pytest.FixtureRequest, made: Scene, tmp_path: Path) -> Iterator[tuple[Scene, Full]]:
    """The scene on a disk, and what fills that disk for a while."""
    if request.param == "limit":
        yield made.copy(tmp_path / "instance"), no_file_grows
        return
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m", "tmpfs", str(mounted)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(command, check=False).returncode:
        why = "needs root that may mount"
        (pytest.fail if os.environ.get(REQUIRE) == "1" else pytest.skip)(why)
    try:
        yield made.copy(mounted / "instance"), lambda: filled(mounted / "ballast")
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@contextlib.contextmanager
def no_file_grows() -> Iterator[None]:
    """RLIMIT_FSIZE of a few bytes: every write beyond fails, as on a full disk (Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def filled(ballast: Path) -> Iterator[None]:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        yield
    finally:
        ballast.unlink()


def counts(office: Office) -> dict[str, int]:
    with office.store.reading() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in tables.metadata.tables.items()
        }


@contextlib.contextmanager
def site(folder: Path) -> Iterator[tuple[Flask, Office]]:
    app = create_app(load(folder, {}))
    app.config["WTF_CSRF_ENABLED"] = False
    office: Office = app.extensions["office"]
    try:
        yield app, office
    finally:
        office.store.engine.dispose()


def test_a_report_meets_a_full_disk(disk: tuple[Scene, Full], caplog: pytest.LogCaptureFixture) -> None:
    prepared, full = disk
    with site(prepared.folder) as (app, office):
        client = app.test_client()
        assert client.get("/report?lang=en").status_code == 200
        before = counts(office)
        with full():
            answer = client.post("/report?lang=en", data=FORM)
            page = answer.get_data(as_text=True)
            assert answer.status_code == 503
            assert "nothing of your report was kept" in page
            assert "cert-fr@ssi.gouv.fr" in page, "R8: a full server shows another way"
            assert FORM["description"] in page, "what was typed is kept, in the page"
            assert "receipt" not in page.lower()
            assert client.get("/rules").status_code == 200, "what only reads goes on"
            assert counts(office) == before, "nothing half stored"
        assert client.post("/report?lang=en", data=FORM).status_code == 200, "the same form, once there is room"
        after = counts(office)
        assert after["reports"] == before["reports"] + 1
        assert verification.verify(office).ok
    assert FORM["description"] not in caplog.text
    assert "cannot be stored" in caplog.text or "not stored" in caplog.text


@pytest.mark.parametrize("path", ["/check", "/desk/sign-in"])
def test_every_other_page_says_it_too(made: Scene, tmp_path: Path, path: str) -> None:
    """Also on the first connection of a process, where SQLite finds no room for its own files."""
    prepared = made.copy(tmp_path / "instance")
    typed = {"login": "ada", "password": "x", "code": "000000", "number": "0", "domain": "x.example"}
    with site(prepared.folder) as (app, _), no_file_grows():
        answer = app.test_client().post(f"{path}?lang=fr", data=typed)
    assert answer.status_code == 503
    assert "Le serveur ne peut rien enregistrer" in answer.get_data(as_text=True)


def test_a_read_only_database(made: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prepared = made.copy(tmp_path / "instance")
    ticked(prepared)
    settings = load(prepared.folder, {})
    path = settings.database_url.removeprefix("sqlite:///")
    office = open_office(settings, create_engine(f"sqlite:///file:{path}?mode=ro&uri=true"))
    before = counts(office)
    with pytest.raises(CannotStore, match="read_only"):
        scene.a_report(office, DUE)
    with caplog.at_level(logging.ERROR):
        tick_all(office)
    assert [record.getMessage() for record in caplog.records] == [
        f"job {name}: nothing can be stored: read_only" for name in ("clock", "search", "outbox")
    ]
    assert counts(office) == before
    office.store.engine.dispose()


def ticked(prepared: Scene) -> None:
    """The clock has climbed what is due, so that the outbox has something to do."""
    office = scene.reopen(prepared.folder)
    clockwork.tick(office, DUE)
    office.store.engine.dispose()


def tick_all(office: Office, *, at: object = DUE) -> None:
    """Each of the worker's jobs once, as its scheduler calls them: nothing may come out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "clock_on_the_wall", lambda: at)
        patch.setattr(lookups, "finder", lambda _: scene.found)
        jobs = worker.jobs(office)
        for name in ("clock", "search", "outbox"):
            jobs[name]()


def test_the_worker_meets_a_full_disk_and_recovers(disk: tuple[Scene, Full], caplog: pytest.LogCaptureFixture) -> None:
    prepared, full = disk
    ticked(prepared)
    office = scene.reopen(prepared.folder)
    before = counts(office)
    with full(), caplog.at_level(logging.ERROR):
        for _ in range(3):
            tick_all(office)
        assert counts(office) == before, "nothing half stored"
    assert len(caplog.records) == 9, "each job of each tick says it in one line"
    assert not localbox.read_folder(office.mailbox), "nothing leaves that could not be written down"
    tick_all(office)
    assert len(localbox.read_folder(office.mailbox)) == 3, "the same process, no restart"
    after = counts(office)
    assert after["probes"] == 2, "the search too"
    assert verification.verify(office).ok
    office.store.engine.dispose()


def test_full_between_the_relays_answer_and_our_record(made: Scene, tmp_path: Path) -> None:
    """The one gap that no order of steps closes: the mail left and that it left cannot be written. It is flagged."""
    prepared = made.copy(tmp_path / "instance")
    office, stack, sent = scene.reopen(prepared.folder), contextlib.ExitStack(), []

    def takes_and_fills(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        sent.append(message)
        stack.enter_context(no_file_grows())
        return Outcome(Kind.ACCEPTED, "250", "250 ok")

    clockwork.tick(office, DUE)
    with pytest.raises(CannotStore), stack:
        delivery.deliver(office, DUE, takes_and_fills)
    with office.store.reading() as connection:
        states = list(connection.scalars(select(tables.outbox.c.state).where(tables.outbox.c.queued_at == DUE)))
    assert sorted(states) == ["prepared", "prepared", "sending"], "its state says that nobody knows"
    done = delivery.deliver(office, DUE + LATER, scene.take)
    assert (done.ambiguous, len(sent)) == (1, 1)
    assert verification.verify(office).ok
    office.store.engine.dispose()


def test_full_by_the_databases_own_measure(made: Scene, tmp_path: Path) -> None:
    """SQLITE_FULL itself, which neither of the other ways gives on every file system."""
    prepared = made.copy(tmp_path / "instance")
    settings = load(prepared.folder, {})
    engine = create_engine(settings.database_url)
    office = open_office(settings, engine)
    room: list[int] = []

    @event.listens_for(engine, "checkout")
    def _limit(connection: object, record: object, proxy: object) -> None:
        if room:
            connection.execute(f"PRAGMA max_page_count={room[0]}")  # type: ignore[attr-defined]

    with office.store.reading() as connection:
        room.append(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0)
    with pytest.raises(CannotStore, match="disk_full"):
        reports_without_end(office)
    assert verification.verify(office).ok, "up to the last that found room, each is whole"
    room[:] = [1_000_000]
    scene.a_report(office, DUE, token="z" * 32)
    office.store.engine.dispose()


def reports_without_end(office: Office) -> None:
    for n in range(500):
        scene.a_report(office, DUE, token=f"{n:032}")


def test_keys_that_cannot_be_written_leave_their_connection_free(made: Scene, tmp_path: Path) -> None:
    """Whatever breaks in the middle, the next report of the same thread finds no open transaction."""
    prepared = made.copy(tmp_path / "instance")
    ring = KeyRing(
        SqliteKeys(prepared.folder / "keys.db"), bytes(32)
    )  # another key-encryption key: the first unwrapping fails
    with pytest.raises(KeyLost):
        ring.rewrap(bytes(32))
    assert ring.new_stream()
