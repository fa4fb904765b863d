"""View rows: what pages and commands get. Plain values, already filtered for the audience and in its language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from disclosure.protocol.values import Party


class Tone(StrEnum):
    """What colour, shape and word a state gets (look.md); red (HARM) is for harm only."""

    NEUTRAL = "neutral"
    WAITING = "waiting"
    ACKNOWLEDGED = "acknowledged"
    CONTESTED = "contested"
    LAPSED = "lapsed"
    REFERRED = "referred"
    CLOSED = "closed"
    HARM = "harm"


@dataclass(frozen=True)
class Detail:
    """One line behind the disclosure of a timeline row: hashes, addresses, relay replies, look-up evidence."""

    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True)
class TimelineRow:
    """One event in plain words. Rows that share a non-empty ``run`` and follow each other fold into one line."""

    seq: int
    at: datetime  # aware, UTC; shown in Europe/Paris with hour and zone
    party: Party
    actor: str  # a name for coordinators, empty for machine and for anonymous parties
    sentence: str
    tone: Tone = Tone.NEUTRAL
    details: tuple[Detail, ...] = ()
    pinned: bool = False
    run: str = ""


@dataclass(frozen=True)
class ComingRow:
    """What will happen, if nobody answers (R37)."""

    at: datetime
    sentence: str
    details: tuple[Detail, ...] = ()
    blocked_by: str = ""  # words; empty when nothing is in the way


class Notch(StrEnum):
    PASSED = "passed"
    COMING = "coming"
    BLOCKED = "blocked"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class RungMark:
    label: str
    at: datetime
    notch: Notch


@dataclass(frozen=True)
class Flag:
    """Something that fell between the rungs: an acknowledgement, an S1, a referral's reference."""

    label: str
    at: datetime
    tone: Tone


@dataclass(frozen=True)
class Span:
    """Paused or credited time, hatched."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class LadderPicture:
    """The ladder as a track in time, for web/drawing.py and for the table that says the same."""

    title: str
    start: datetime
    end: datetime
    now: datetime
    rungs: tuple[RungMark, ...]
    flags: tuple[Flag, ...] = ()
    paused: tuple[Span, ...] = ()
