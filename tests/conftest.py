"""What every test shares: programs that may be missing, and nothing else that could hide a fault."""

from __future__ import annotations

import os
import shutil

import pytest


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
