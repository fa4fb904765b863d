"""The prepared instance, made once, and the process that dies for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import zygote
from tests.chaos.scene import Scene

ROOT = Path(__file__).parent.parent.parent


class Mortals:
    """Runs that may be killed or frozen at a point; each a fork of one warm process."""

    def __init__(self, process: subprocess.Popen[str], prepared: Scene) -> None:
        self._process, self.scene = process, prepared

    def _ask(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(command), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert answer["ended"] != "failed", "the run raised; its trace stands in what was captured"
        return answer

    def work(self, folder: Path, at: datetime, port: int, point: int | None = None, signal: str = "SIGKILL") -> Any:
        """One round of the worker's jobs; ``killed``, ``stopped`` or ``done``."""
        return self._ask(job="work", folder=str(folder), at=at.isoformat(), port=port, point=point, signal=signal)

    def report(self, folder: Path, form: dict[str, str], status: int = 200, point: int | None = None) -> str:
        asked = self._ask(job="report", folder=str(folder), form=form, status=status, point=point)
        return str(asked["ended"])

    def wake(self, pid: int) -> str:
        return str(self._ask(wake=pid)["ended"])


@pytest.fixture(scope="module")
def mortals(
    database: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Mortals]:
    folder = tmp_path_factory.mktemp("scene") / "instance"
    command = [sys.executable, "-m", "tests.chaos.zygote", str(folder)]
    if database == "postgresql":
        command.append(str(request.getfixturevalue("server").folder))
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    yield Mortals(process, Scene(folder, **json.loads(process.stdout.readline())))
    process.communicate(timeout=30)


@pytest.fixture(scope="module")
def prepared(mortals: Mortals) -> Scene:
    return mortals.scene


def points(folder: Path) -> list[str]:
    """The points that the last run in this folder passed."""
    return (folder / zygote.TRACE).read_text().splitlines()
