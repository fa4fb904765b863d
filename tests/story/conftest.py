"""A stage for whole stories: the small world, an office in it, a browser-like client, and time that is handed in."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from disclosure.casework import accounts, clockwork, delivery
from disclosure.demo import stage
from disclosure.demo.stage import Cast
from disclosure.demo.world import World
from tests.conftest import need
from tests.office import T0


@dataclass
class Play:
    """One story: the cast, the application with its clock, and the account that the coordinator signs in with."""

    cast: Cast
    app: Flask
    account: accounts.NewCoordinator
    now: datetime = T0
    authority_secret: str = ""
    seen: list[Any] = field(default_factory=list)

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def at(self, **later: float) -> datetime:
        """Move the clock forward and return the new instant."""
        self.now += timedelta(**later)
        return self.now

    def tick(self) -> None:
        """What the worker does: climb, then send."""
        clockwork.tick(self.cast.office, self.now)
        delivery.deliver(self.cast.office, self.now)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with World(folder=tmp_path / "world") as world:
        folder = tmp_path / "instance"
        folder.mkdir(mode=0o700)
        cast, account, app = stage.prepare(folder, world, T0 + stage.AGO)
        held = Play(cast, app, account)
        app.extensions["clock"] = lambda: held.now
        app.config["WTF_CSRF_ENABLED"] = False  # tests/web/test_security.py is about tokens
        held.authority_secret = stage.confirm_channels(cast, T0)
        yield held
        cast.office.store.engine.dispose()


def gpg(home: Path, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = need("gpg", package="gnupg")
    command = [program, "--homedir", str(home), "--batch", "--no-tty", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False)


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    need("gpg", package="gnupg")
    folder = tmp_path_factory.mktemp("g", numbered=True)
    folder.chmod(0o700)
    yield folder
    subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=False)
