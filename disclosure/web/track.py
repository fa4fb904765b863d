"""From time to the paper: how long the track is, where each rung stands on it, and which words hang from it where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from disclosure.casework.rows import LadderPicture, Notch
from disclosure.web import svg
from disclosure.web.svg import Label

GAP = 6.0  # from a leader to its words, and between words
_SAID = frozenset({Notch.BLOCKED, Notch.SKIPPED})  # with the word; place and filling say the others
_ROUNDS = 12  # each moves the ends in by what stood out: what is far along the track needs more than one


@dataclass(frozen=True)
class LadderWords:
    """The words around the picture in one language; ``instant`` is short (drawing), ``when`` exact (description)."""

    start: str
    now: str
    paused: str
    happened: str
    notches: Mapping[Notch, str]
    instant: Callable[[datetime], str]
    when: Callable[[datetime], str]


@dataclass(frozen=True)
class Sheet:
    """Sizes of one of the three drawings, in its own units; the stylesheet shows them near 1:1."""

    name: str
    wide: float
    margin: float
    rails: float  # distance of the two rails
    rung: float  # width of a rung
    letters: float = 0  # size of names, as in style.css; 0: none
    figures: float = 0  # size of instants below them
    most: float = 0  # widest name

    @property
    def line(self) -> float:
        return self.letters * 1.3

    @property
    def apart(self) -> float:
        """Nearest two rungs may stand without hiding each other."""
        return self.rung + 4


WIDE = Sheet("wide", 720, 4, 16, 6, letters=14, figures=12.5, most=210)
NARROW = Sheet("narrow", 340, 4, 16, 6, letters=13.5, figures=12, most=150)
SMALL = Sheet("small", 240, 4, 10, 4)


@dataclass(frozen=True)
class Track:
    """Left and right end on the paper, and where each rung stands: those too near to each other are moved apart."""

    start: datetime
    end: datetime
    left: float
    right: float
    rungs: tuple[float, ...] = ()

    def at(self, instant: datetime) -> float:
        whole = (self.end - self.start).total_seconds()
        share = (instant - self.start).total_seconds() / whole if whole else 0.0
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)


def laid(picture: LadderPicture, sheet: Sheet, words: LadderWords) -> Track:
    """As long as the paper allows with every label inside it."""
    instants = [picture.start, picture.end, picture.now]
    instants += [rung.at for rung in picture.rungs] + [flag.at for flag in picture.flags]
    track = Track(min(instants), max(instants), sheet.margin, sheet.wide - sheet.margin)
    for _ in range(_ROUNDS):
        track = replace(track, rungs=_apart(picture, track, sheet))
        below, above = labels(picture, track, sheet, words)
        ends = [label.x + label.width for label in (*below, *above)] + list(track.rungs)
        out_right = max(ends, default=0) - (sheet.wide - sheet.margin)
        out_left = sheet.margin - min(track.rungs, default=sheet.margin)
        if out_right <= 0 and out_left <= 0:
            break
        left = track.left + max(out_left, 0)
        track = replace(track, left=left, right=max(left, track.right - max(out_right, 0)))
    return track


def _apart(picture: LadderPicture, track: Track, sheet: Sheet) -> tuple[float, ...]:
    """Rungs of the past give way to the past, coming ones to the future, so that none crosses the needle."""
    places = [track.at(rung.at) for rung in picture.rungs]
    past = sum(rung.at <= picture.now for rung in picture.rungs)
    for later, earlier in pairwise(range(past - 1, -1, -1)):
        places[earlier] = min(places[earlier], places[later] - sheet.apart)
    for earlier, later in pairwise(range(max(past - 1, 0), len(places))):
        places[later] = max(places[later], places[earlier] + sheet.apart)
    return tuple(places)


def labels(picture: LadderPicture, track: Track, sheet: Sheet, words: LadderWords) -> tuple[list[Label], list[Label]]:
    """Below the rails and above them, each in order of place."""
    if not sheet.letters:
        return [], []
    hung = [_Hung(track.left, picture.start, "start", words.start)]
    for rung, x in zip(picture.rungs, track.rungs, strict=True):
        kind = "name struck" if rung.notch is Notch.SKIPPED else "name"
        state = words.notches[rung.notch] if rung.notch in _SAID else ""
        hung.append(_Hung(x, rung.at, kind, rung.label, state))
    flown = [_Hung(track.at(flag.at), flag.at, "name", flag.label) for flag in picture.flags]
    flown.append(_Hung(track.at(picture.now), picture.now, "name now", words.now))
    return _side(hung, sheet, words), _side(flown, sheet, words)


@dataclass(frozen=True)
class _Hung:
    """What is to be written at one place, before anybody knows how it breaks into lines."""

    x: float
    at: datetime
    kind: str
    name: str
    state: str = ""


def _side(hung: list[_Hung], sheet: Sheet, words: LadderWords) -> list[Label]:
    """In order of place; a name takes two lines if it then ends before the next one begins."""
    hung = sorted(hung, key=lambda mark: mark.x)
    rooms = [after.x - mark.x - 2 * GAP for mark, after in pairwise(hung)] + [sheet.most]
    return [_label(mark, room, sheet, words) for mark, room in zip(hung, rooms, strict=True)]


def _label(mark: _Hung, room: float, sheet: Sheet, words: LadderWords) -> Label:
    below = [("time", said) for said in (words.instant(mark.at), mark.state) if said]
    least = max(svg.width(line, sheet.figures) for _, line in below)
    names = svg.broken(mark.name, sheet.letters, max(min(room, sheet.most), 1.0))
    if least > room or any(svg.width(name, sheet.letters) > room or name.endswith("…") for name in names):
        names = svg.broken(mark.name, sheet.letters, sheet.most)  # it steps down all the same: as few lines as can be
    lines = [*((mark.kind, name) for name in names), *below]
    widest = max(least, *(svg.width(name, sheet.letters) for name in names))
    return Label(mark.x, tuple(lines), widest + GAP, len(lines) * sheet.line + GAP)
