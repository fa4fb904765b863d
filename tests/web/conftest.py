"""Houses: one prepared folder per test process, copied for each test that changes something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.web.house import House, Prepared, prepare
from tests.web.walk import Alert, proposed, walked

Build = Callable[..., House]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("prepared") / "instance")


@pytest.fixture(scope="module")
def build(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Houses with settings of their own: ``build(DISCLOSURE_TRUSTED_PROXIES="1")``."""
    built: list[House] = []

    def make(**environ: str) -> House:
        built.append(House(prepared, tmp_path_factory.mktemp("house") / "instance", **environ))
        return built[-1]

    yield make
    for house in built:
        house.close()


@pytest.fixture
def house(prepared: Prepared, tmp_path: Path) -> Iterator[House]:
    """A fresh one."""
    held = House(prepared, tmp_path / "instance")
    yield held
    held.close()


@pytest.fixture(scope="module")
def shared(build: Build) -> House:
    """One for all tests of a module that store nothing, or nothing that another would see."""
    return build()


@pytest.fixture(scope="module")
def filled(build: Build) -> Alert:
    """A whole alert lies in it. For tests that only look."""
    return proposed(walked(build()))
