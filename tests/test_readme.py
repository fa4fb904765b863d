"""The README tells the truth of today where a program can tell it."""

from __future__ import annotations

from pathlib import Path

from disclosure.protocol.diagram import diagram

README = Path(__file__).parent.parent / "README.md"


def test_the_diagram_is_drawn_from_the_tables() -> None:
    assert diagram() in README.read_text(encoding="utf-8")
