"""Whole numbers that somebody typed, or changed in an address: no more digits than anything here has."""

from __future__ import annotations

MOST_DIGITS = 9  # Python refuses thousands of them, SQLite more than eighteen; each with an error of its own


def whole(text: str) -> int | None:
    """The number, or None when it is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None
