"""What every test shares: programs that may be missing, and nothing else that could hide a fault."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers import Server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--chaos", action="store_true", help="kill and freeze at every point, not only at the telling ones"
    )


REQUIRE = "DISCLOSURE_REQUIRE_PROGRAMS"


def need(program: str, *, package: str) -> str:
    """Path of ``program``; without it the test is skipped, naming the Debian package, or fails where required."""
    path = shutil.which(program)
    if path:
        return path
    reason = f"needs {program}: apt-get install {package}"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(reason)
    pytest.skip(reason)


# --- databases: a folder of tests that asks for ``database`` in its conftest runs once on each ---


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """PostgreSQL for this run, one for all of xdist's processes."""
    from tests.servers import shared  # noqa: PLC0415 - most runs of a few tests need none

    base = tmp_path_factory.getbasetemp()
    meeting_place = base.parent if hasattr(request.config, "workerinput") else base
    with shared(meeting_place / "postgresql") as held:
        yield held


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where offices keep their rows while this module's tests run; module by module, as some share one house."""
    from tests import office  # noqa: PLC0415

    if request.param == "sqlite":
        yield request.param
        return
    with office.on(request.getfixturevalue("server")):
        yield request.param
