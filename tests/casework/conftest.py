"""An office per test on its own database; and one for a whole module, where tests only add cases to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from disclosure.casework.office import Office
from tests.casework import desk
from tests.office import forget, make_office


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    held = make_office(tmp_path / "instance")
    yield held
    forget(held)


@pytest.fixture(scope="module")
def house(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[desk.House]:
    held = desk.build(tmp_path_factory.mktemp("house") / "instance")
    yield held
    forget(held.office)
