"""Where words stand in a drawing: how wide they are at most, how they break, and that no two of them overlap.

Widths are upper bounds, in em, so that the result does not depend on which font a browser found: bold Source Sans 3 is
narrower at every letter, Arial at every letter but a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NARROW = frozenset(" \u00a0\u202f',.:;!|·’()[]{}/-°Iijlfrtìíîï")
_WIDE = frozenset("MmWw%@œŒæÆ—…½¼¾")
_FIRST_DOUBLE_WIDTH = "\u2e80"  # Chinese, Japanese, Korean and what comes after take a whole em


@dataclass(frozen=True)
class Label:
    """Lines that hang from ``x``; ``width`` includes the gap to the line they hang from. Units of the drawing."""

    x: float
    lines: tuple[str, ...]
    width: float
    height: float


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


def em(letter: str) -> float:
    if letter in _NARROW:
        return 0.38
    if letter in _WIDE or letter >= _FIRST_DOUBLE_WIDTH:
        return 1.0
    return 0.74 if letter.isupper() else 0.62


def width(text: str, size: float) -> float:
    return sum(map(em, text)) * size


def broken(text: str, size: float, most: float, lines: int = 2) -> tuple[str, ...]:
    """``text`` in at most ``lines`` lines no wider than ``most``; what does not fit ends in an ellipsis."""
    words, held = text.split(), [""]
    for word in words:
        longer = f"{held[-1]} {word}".strip()
        if not held[-1] or width(longer, size) <= most:
            held[-1] = longer
        else:
            held.append(word)
    if len(held) > lines:
        held = [*held[: lines - 1], " ".join(held[lines - 1 :])]
    return tuple(_cut(line, size, most) for line in held)


def _cut(line: str, size: float, most: float) -> str:
    if width(line, size) <= most:
        return line
    while line and width(line + "…", size) > most:
        line = line[:-1]
    return line.rstrip() + "…"


def packed(labels: Sequence[Label], gap: float) -> tuple[Box, ...]:
    """One box per label, in order; ``top`` counts from the track, growing away from it.

    ``labels`` come in order of ``x``. The last stands nearest to the track, and each steps down below the ones that it
    would touch; so no box meets another, and no line from the track to a label crosses the words of another one.
    """
    placed: list[Box] = []
    for label in reversed(labels):
        right = label.x + label.width
        top = max((box.bottom for box in placed if box.left <= right + gap), default=0.0)
        placed.append(Box(label.x, top, right, top + label.height))
    return tuple(reversed(placed))
