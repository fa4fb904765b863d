"""Backup and restore on PostgreSQL: pg_dump and pg_restore on one snapshot, the stream keys in a file of their own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from disclosure.casework import backups, clockwork, delivery, maintenance, reporting, restores, verification
from disclosure.casework.office import Office, open_office
from disclosure.casework.restores import CannotRestore, Source
from disclosure.settings import load
from disclosure.store import dumps
from disclosure.store.dumps import DumpFailed
from tests.casework.test_backups import make_key
from tests.chaos.scene import DUE, a_report
from tests.office import make_office, on, put, shut  # noqa: E402
from tests.protocol.builders import Story
from tests.servers import Server  # noqa: E402

LATER = DUE + timedelta(hours=1)


@pytest.fixture
def office(server: Server, tmp_path: Path) -> Iterator[Office]:
    with on(server):
        held = make_office(tmp_path / "instance")
        put(held, Story())
        a_report(held, DUE)
        yield held


def restored(source: Source, folder: Path, url: str) -> restores.Restored:
    return restores.restore(folder, source, {"DATABASE_URL": url}, LATER)


def test_there_and_back(office: Office, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two dumps a report comes in and another is erased: both are of one moment all the same."""
    first = a_report(office, DUE, token="a" * 32)
    key = make_key(tmp_path / "identity.txt")
    (tmp_path / "backups").mkdir()
    run = dumps._run

    def busy(url: object, program: str, *words: str) -> None:
        run(url, program, *words)  # type: ignore[arg-type]
        if program == "pg_dump" and any("--exclude-schema" in word for word in words):
            a_report(office, DUE, token="b" * 32)
            assert reporting.withdraw(office, first, DUE)

    monkeypatch.setattr(dumps, "_run", busy)
    before = verification.verify(office).streams
    made = backups.back_up(office, tmp_path / "backups", [key.recipient], DUE)
    monkeypatch.undo()

    source = Source(made.data, made.keys, key.identity, office.settings.instance / "kek.key")
    url = server.empty()
    done = restored(source, tmp_path / "elsewhere", url)
    assert done.streams == before
    again = open_office(load(tmp_path / "elsewhere", {"DATABASE_URL": url}))
    assert verification.verify(again).ok
    assert maintenance.current(again) is not None
    week = DUE + timedelta(days=7)
    assert clockwork.tick(again, week) == clockwork.NOTHING
    assert delivery.deliver(again, week) == delivery.Delivered()
    maintenance.end(again, week)
    assert clockwork.tick(again, week).calls == 1, "somebody should read the report"
    shut(again)
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} >= {"app.key", "ledger.key", "kek.key"}
    assert not (tmp_path / "elsewhere" / "disclosure.dump").exists()
    shutil.rmtree(tmp_path / "elsewhere")
    with pytest.raises(DumpFailed, match="not empty"):
        restored(source, tmp_path / "elsewhere", url)
    with pytest.raises(DumpFailed, match="not empty"):  # the settings of the backup lead to the house it was made of
        restores.restore(tmp_path / "elsewhere", source, {}, LATER)
    other = {"DISCLOSURE_DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"}
    with pytest.raises(CannotRestore, match="postgresql"):
        restores.restore(tmp_path / "elsewhere", source, other, LATER)


def test_the_data_part_has_no_keys(office: Office, tmp_path: Path) -> None:
    (tmp_path / "dumps").mkdir()
    dumps.take(office.store.engine, tmp_path / "dumps")
    listed = {
        name: subprocess.run(
            ["pg_restore", "--list", tmp_path / "dumps" / name], capture_output=True, text=True, check=True
        )
        for name in (dumps.DATA_DUMP, dumps.KEYS_DUMP)
    }
    assert "stream_keys" not in listed[dumps.DATA_DUMP].stdout
    assert "TABLE DATA keys stream_keys" in listed[dumps.KEYS_DUMP].stdout
    assert "events" not in listed[dumps.KEYS_DUMP].stdout


def test_a_password_stands_on_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    url = create_engine("postgresql+psycopg://alert:canari@db.example/house?sslmode=verify-full").url
    assert "canari" not in dumps._conninfo(url)
    assert dumps._conninfo(url) == "postgresql://alert@db.example/house?sslmode=verify-full"
    assert dumps._environ(url)["PGPASSWORD"] == "canari"
