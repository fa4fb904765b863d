"""The ladder as a picture: a track in time, drawn on the server (look.md). Pure: the same rows give the same SVG.

Works under our CSP: no style attribute, only classes that the stylesheet knows. Labels never overlap: each takes the
first line below the track on which it is free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from disclosure.casework.rows import LadderPicture, Notch, TimelineRow

WIDTH, LITTLE_WIDTH = 880, 320
LEFT, RIGHT = 12, 12
TRACK_Y = 52
LINE_HEIGHT = 17
CHAR_WIDTH = 6.4  # of the 12 px face, generous: a label may be shorter than we think, never longer
_NOTCH = {Notch.PASSED: "passed", Notch.COMING: "coming", Notch.BLOCKED: "blocked", Notch.SKIPPED: "skipped"}


@dataclass(frozen=True)
class Label:
    """A placed label: its box in the drawing's units."""

    text: str
    x: float
    left: float
    right: float
    line: int


def ladder_svg(
    picture: LadderPicture, *, little: bool = False, now_word: str = "", shown: Callable[[datetime], str] = str
) -> Markup:
    """``little``: for inbox rows, without words. ``shown`` writes an instant; ``now_word`` stands at the needle."""
    width = LITTLE_WIDTH if little else WIDTH
    labels = [] if little else place(picture, width, shown)
    depth = max((label.line for label in labels), default=-1) + 1
    height = 28 if little else TRACK_Y + 24 + depth * LINE_HEIGHT
    y = 14 if little else TRACK_Y
    parts = [
        f'<svg class="ladder{" little" if little else ""}" viewBox="0 0 {width} {height}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg" preserveAspectRatio="xMinYMid meet">',
        f"<title>{escape(picture.title)}</title><desc>{escape(_description(picture, shown))}</desc>",
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line class="hatch-line" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>',
        *_track(picture, width, y),
        *_labels(labels, y),
        *_notches(picture, width, y),
        *_flags(picture, width, y, little=little, shown=shown),
        *_needle(picture, width, y, "" if little else now_word),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - every text in it was escaped above


def x_of(picture: LadderPicture, at: datetime, width: int) -> float:
    span = (picture.end - picture.start).total_seconds() or 1.0
    share = min(1.0, max(0.0, (at - picture.start).total_seconds() / span))
    return round(LEFT + share * (width - LEFT - RIGHT), 1)


def place(picture: LadderPicture, width: int, shown: Callable[[datetime], str]) -> list[Label]:
    """Labels from left to right, each on the first line where it is free; near the edge they lean inwards."""
    labels: list[Label] = []
    for mark in sorted(picture.rungs, key=lambda m: m.at):
        text = f"{mark.label}, {shown(mark.at)}"
        x, long = x_of(picture, mark.at, width), len(text) * CHAR_WIDTH
        left = min(max(0.0, x - 4), width - long)
        line = 0
        while any(o.line == line and left < o.right + 8 and o.left < left + long + 8 for o in labels):
            line += 1
        labels.append(Label(text, x, left, left + long, line))
    return labels


def _description(picture: LadderPicture, shown: Callable[[datetime], str]) -> str:
    return "; ".join(f"{mark.label}: {shown(mark.at)}" for mark in sorted(picture.rungs, key=lambda m: m.at))


def _track(picture: LadderPicture, width: int, y: int) -> list[str]:
    now = x_of(picture, picture.now, width)
    out = [
        f'<line class="track" x1="{LEFT}" y1="{y}" x2="{width - RIGHT}" y2="{y}"/>',
        f'<line class="walked" x1="{LEFT}" y1="{y}" x2="{now}" y2="{y}"/>',
    ]
    for span in picture.paused:
        left, right = x_of(picture, span.start, width), x_of(picture, span.end, width)
        out.append(f'<rect class="hatch" x="{left}" y="{y - 6}" width="{max(2.0, right - left):.1f}" height="12"/>')
    return out


def _notches(picture: LadderPicture, width: int, y: int) -> list[str]:
    out = []
    for mark in picture.rungs:
        x = x_of(picture, mark.at, width)
        out.append(f'<circle class="{_NOTCH[mark.notch]}" cx="{x}" cy="{y}" r="6"/>')
        if mark.notch is Notch.SKIPPED:
            out.append(f'<line class="struck" x1="{x - 7}" y1="{y + 7}" x2="{x + 7}" y2="{y - 7}"/>')
    return out


def _labels(labels: Sequence[Label], y: int) -> list[str]:
    out = []
    for label in labels:
        below = y + 24 + label.line * LINE_HEIGHT
        if label.line:
            out.append(f'<line class="leader" x1="{label.x}" y1="{y + 8}" x2="{label.x}" y2="{below - 10}"/>')
        out.append(f'<text x="{label.left:.1f}" y="{below}">{escape(label.text)}</text>')
    return out


def _flags(picture: LadderPicture, width: int, y: int, *, little: bool, shown: Callable[[datetime], str]) -> list[str]:
    out = []
    for flag in picture.flags:
        x = x_of(picture, flag.at, width)
        top = y - 12 if little else y - 22
        name = f"<title>{escape(flag.label)}, {escape(shown(flag.at))}</title>"
        points = f"{x},{top} {x + 10},{top + 4} {x},{top + 8}"
        out.append(
            f'<g>{name}<line class="leader" x1="{x}" y1="{top}" x2="{x}" y2="{y}"/>'
            f'<polygon class="flag {flag.tone}" points="{points}"/></g>'
        )
    return out


def _needle(picture: LadderPicture, width: int, y: int, word: str) -> list[str]:
    x = x_of(picture, picture.now, width)
    out = [f'<line class="needle" x1="{x}" y1="{y - 12}" x2="{x}" y2="{y + 12}"/>']
    if word:
        anchor = "end" if x > width - 80 else "start"
        out.append(f'<text class="soft" x="{x}" y="{y - 30}" text-anchor="{anchor}">{escape(word)}</text>')
    return out


def ladder_table(picture: LadderPicture) -> list[tuple[str, datetime, str]]:
    """(label, instant, state) in order: the table that says the same."""
    rows = [(mark.label, mark.at, str(mark.notch)) for mark in picture.rungs]
    rows += [(flag.label, flag.at, "flag") for flag in picture.flags]
    return sorted(rows, key=lambda row: row[1])


def runs(rows: Sequence[TimelineRow]) -> list[list[TimelineRow]]:
    """Rows that follow each other in the same run, together; pinned ones stand apart, on top."""
    groups: list[list[TimelineRow]] = []
    for row in rows:
        if row.pinned:
            continue
        if groups and row.run and groups[-1][-1].run == row.run:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups
