"""An office per test, on its own SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from disclosure.casework.office import Office
from tests.office import make_office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    held = make_office(tmp_path / "instance")
    yield held
    held.store.engine.dispose()
