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
    letters: float = 0  # size of the letters; 0: none
    most: float = 0  # widest label

    @property
    def line(self) -> float:
        return self.letters * 1.3

    @property
    def apart(self) -> float:
        """Nearest two rungs may stand without hiding each other."""
        return self.rung + 4


WIDE = Sheet("wide", 720, 10, 16, 6, letters=14, most=210)
NARROW = Sheet("narrow", 340, 8, 16, 6, letters=13, most=140)
SMALL = Sheet("small", 240, 6, 10, 4)


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
    below = [_label(track.left, picture.start, sheet, words, ("start", words.start))]
    for rung, x in zip(picture.rungs, track.rungs, strict=True):
        kind = "name struck" if rung.notch is Notch.SKIPPED else "name"
        state = words.notches[rung.notch] if rung.notch in _SAID else ""
        below.append(_label(x, rung.at, sheet, words, (kind, rung.label), state))
    above = [_label(track.at(flag.at), flag.at, sheet, words, ("name", flag.label)) for flag in picture.flags]
    above.append(_label(track.at(picture.now), picture.now, sheet, words, ("name now", words.now)))
    return sorted(below, key=lambda label: label.x), sorted(above, key=lambda label: label.x)


def _label(x: float, at: datetime, sheet: Sheet, words: LadderWords, name: tuple[str, str], state: str = "") -> Label:
    """``name`` is (class, words)."""
    kind, text = name
    lines = [(kind, line) for line in svg.broken(text, sheet.letters, sheet.most)]
    lines += [("time", said) for said in (words.instant(at), state) if said]
    widest = max(svg.width(line, sheet.letters) for _, line in lines)
    return Label(x, tuple(lines), widest + GAP, len(lines) * sheet.line + GAP)
