"""Small files, whole or not there at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from disclosure.store import files
from disclosure.store.sealing import KEY_BYTES, secret_file


def test_it_is_for_its_owner_alone_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert files.create(path, b"first")
    assert not files.create(path, b"second")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"first", 0o600)
    files.replace(path, b"third")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"third", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["key"], "nothing is left beside it"


def test_a_secret_is_whole_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies while it writes must leave no empty file that the next one takes for the secret."""

    def dies(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", dies)
    with pytest.raises(KeyboardInterrupt):
        secret_file(tmp_path / "app.key")
    monkeypatch.undo()
    assert len(secret_file(tmp_path / "app.key")) == KEY_BYTES


def test_all_who_start_at_once_have_one_secret(tmp_path: Path) -> None:
    held: list[bytes] = []
    threads = [threading.Thread(target=lambda: held.append(secret_file(tmp_path / "key"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 16
    assert len(set(held)) == 1
