"""SVG by hand: shapes by class, how wide words are at most, how they break, and labels that never overlap.

No style attribute: the content security policy refuses them. Widths are upper bounds, in em, so that a drawing does not
depend on which font a browser found: semi-bold Source Sans 3 is narrower at every letter, Arial at all but a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

_THIN = frozenset(" \u00a0\u202f',.:;!|·’/Iijlìíîï")
_SLIM = frozenset('()[]{}-°frt"“”*')
_WIDE = frozenset("MmWw%@œŒæÆ—…½¼¾")
_FIRST_DOUBLE_WIDTH = "\u2e80"  # Chinese, Japanese, Korean and what comes after take a whole em


@dataclass(frozen=True)
class Label:
    """Lines of (class, words) that hang from ``x``; ``width`` with the gap before them. Units of the drawing."""

    x: float
    lines: tuple[tuple[str, str], ...]
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


# --- words ---


def em(letter: str) -> float:
    if letter in _WIDE or letter >= _FIRST_DOUBLE_WIDTH:
        return 1.0
    if letter in _THIN:
        return 0.32
    if letter in _SLIM:
        return 0.42
    return 0.74 if letter.isupper() else 0.6


def width(text: str, size: float) -> float:
    return sum(map(em, text)) * size


def broken(text: str, size: float, most: float, lines: int = 2) -> tuple[str, ...]:
    """``text`` in at most ``lines`` lines no wider than ``most``; what does not fit ends in an ellipsis."""
    held = [""]
    for word in text.split():
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

    ``labels`` come in order of ``x``. The last stands nearest to the track, and each other steps down below those
    that it would touch; so no box meets another, and no line from the track crosses the words of another label.
    """
    placed: list[Box] = []
    for label in reversed(labels):
        right = label.x + label.width
        top = max((box.bottom for box in placed if box.left <= right + gap), default=0.0)
        placed.append(Box(label.x, top, right, top + label.height))
    return tuple(reversed(placed))


# --- shapes ---


def number(place: float) -> str:
    """One digit after the point: a tenth of a pixel, and the same text on every machine."""
    return f"{round(place, 1) + 0.0:.1f}".removesuffix(".0")  # + 0.0: no minus before a zero


def rect(kind: str, x: float, y: float, wide: float, high: float) -> Markup:
    places = (number(place) for place in (x, y, max(wide, 0), high))
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(kind, *places)


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    places = (number(place) for place in (x1, y1, x2, y2))
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, *places)


def polygon(kind: str, points: Iterable[tuple[float, float]]) -> Markup:
    places = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return Markup('<polygon class="{}" points="{}"/>').format(kind, places)


def words(kind: str, x: float, y: float, text: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(kind, number(x), number(y), text)
