"""The ladder as a picture: from a view row to SVG and to the table that says the same. Pure: no clock, no request.

A ladder laid on its side in time: two rails, rungs between them, the elapsed part filled. Below the rails stands what
the ladder does, above them what people did. Colours come by class from the stylesheet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from babel.dates import format_datetime
from markupsafe import Markup

from disclosure.casework.rows import Flag, LadderPicture, Notch, RungMark, Span, TimelineRow, Tone
from disclosure.language import N_, PARIS, format_when, translate
from disclosure.protocol.values import Language
from disclosure.web import svg
from disclosure.web.svg import Box, Label
from disclosure.web.track import GAP, NARROW, SMALL, WIDE, LadderWords, Sheet, Track, labels, laid

_HATCH = 5.0  # between two strokes
_TICK_DAYS = 45  # above that a tick per day is a grey bar


@dataclass(frozen=True)
class LadderRow:
    """A line of the table; ``until`` only for a pause."""

    at: datetime
    until: datetime | None
    label: str
    state: str
    tone: Tone


_NOTCHES = {
    Notch.PASSED: N_("climbed"),
    Notch.COMING: N_("to come"),
    Notch.BLOCKED: N_("blocked"),
    Notch.SKIPPED: N_("skipped"),
}
_NOTCH_TONES = {
    Notch.PASSED: Tone.LAPSED,
    Notch.COMING: Tone.NEUTRAL,
    Notch.BLOCKED: Tone.CONTESTED,
    Notch.SKIPPED: Tone.CLOSED,
}


def ladder_words(language: Language) -> LadderWords:
    def short(instant: datetime) -> str:
        local = instant.astimezone(PARIS)
        if language is Language.FR:
            return format_datetime(local, "EEE d MMM HH 'h' mm", locale="fr")
        return format_datetime(local, "EEE d MMM HH:mm", locale="en_GB")

    return LadderWords(
        start=translate(language, N_("Clock starts")),
        now=translate(language, N_("Now")),
        paused=translate(language, N_("Clock stands still")),
        happened=translate(language, N_("happened")),
        notches={notch: translate(language, word) for notch, word in _NOTCHES.items()},
        instant=short,
        when=lambda instant: format_when(instant, language),
    )


# --- the table ---


def ladder_table(picture: LadderPicture, words: LadderWords) -> tuple[LadderRow, ...]:
    """Everything that the picture shows, in order of time; what is at the same instant in the order drawn."""
    rows = [LadderRow(picture.start, None, words.start, "", Tone.NEUTRAL)]
    rows += [LadderRow(span.start, span.end, words.paused, "", Tone.CLOSED) for span in picture.paused]
    rows += [LadderRow(r.at, None, r.label, words.notches[r.notch], _NOTCH_TONES[r.notch]) for r in picture.rungs]
    rows += [LadderRow(flag.at, None, flag.label, words.happened, flag.tone) for flag in picture.flags]
    rows.append(LadderRow(picture.now, None, words.now, "", Tone.NEUTRAL))
    return tuple(sorted(rows, key=lambda row: row.at))


def _description(picture: LadderPicture, words: LadderWords) -> str:
    lines = []
    for row in ladder_table(picture, words):
        until = f" – {words.when(row.until)}" if row.until else ""
        lines.append(f"{words.when(row.at)}{until}: {row.label}" + (f", {row.state}" if row.state else ""))
    return "; ".join(lines) + "."


# --- the picture ---


def ladder_svg(picture: LadderPicture, *, small: bool = False, narrow: bool = False, words: LadderWords) -> Markup:
    """The picture as inline SVG with title and description. The same arguments give the same bytes.

    ``small`` has no letters (inbox rows); ``narrow`` is for a telephone: at 340 units its letters stay legible.
    """
    sheet = SMALL if small else NARROW if narrow else WIDE
    picture = replace(
        picture,
        rungs=tuple(sorted(picture.rungs, key=lambda rung: rung.at)),
        flags=tuple(sorted(picture.flags, key=lambda flag: flag.at)),
    )
    track = laid(picture, sheet, words)
    below, above = labels(picture, track, sheet, words)
    low, high = svg.packed(below, GAP), svg.packed(above, GAP)
    aloft = _aloft(sheet)
    rail = sheet.margin + aloft + max((box.bottom for box in high), default=0)
    foot = rail + sheet.rails
    height = foot + max((box.bottom for box in low), default=0) + sheet.margin
    drawn = Markup("").join(
        (
            *_leaders(low, foot, 1),
            *_leaders(high, rail - aloft, -1),
            *_ground(picture, track, sheet, rail),
            *(_rung(mark, x, sheet, rail) for mark, x in zip(picture.rungs, track.rungs, strict=True)),
            *(_flag(flag, track.at(flag.at), sheet, rail) for flag in picture.flags),
            _needle(track.at(picture.now), sheet, rail),
            *_lettering(below, low, sheet, lambda box: foot + box.top),
            *_lettering(above, high, sheet, lambda box: rail - aloft - box.bottom),
        )
    )
    return _frame(picture, words, sheet, height, drawn)


def _frame(picture: LadderPicture, words: LadderWords, sheet: Sheet, height: float, drawn: Markup) -> Markup:
    key = hashlib.sha256(f"{sheet.name}{picture!r}".encode()).hexdigest()[:10]
    return Markup(
        '<svg class="ladder {name}" viewBox="0 0 {wide} {height}" role="img" aria-labelledby="t{key} d{key}">'
        '<title id="t{key}">{title}</title><desc id="d{key}">{description}</desc>{drawn}</svg>'
    ).format(
        name=sheet.name,
        wide=svg.number(sheet.wide),
        height=svg.number(height),
        key=key,
        title=picture.title,
        description=_description(picture, words),
        drawn=drawn,
    )


# --- shapes ---


def _ground(picture: LadderPicture, track: Track, sheet: Sheet, rail: float) -> Iterator[Markup]:
    """Elapsed time, midnights, hatched pauses, and the rails over them."""
    left, right, now = track.left, track.right, track.at(picture.now)
    yield svg.rect("elapsed", left, rail, now - left, sheet.rails)
    for tick in _midnights(track):
        yield svg.line("tick", tick, rail, tick, rail + sheet.rails)
    for span in picture.paused:
        yield from _hatched(span, track, sheet, rail)
    for y in (rail, rail + sheet.rails):
        yield svg.line("rail", left, y, right, y)


def _midnights(track: Track) -> Iterator[float]:
    if track.end - track.start > timedelta(days=_TICK_DAYS):
        return
    day = track.start.astimezone(PARIS).date() + timedelta(days=1)
    while (midnight := datetime(day.year, day.month, day.day, tzinfo=PARIS)) < track.end:
        yield track.at(midnight)
        day += timedelta(days=1)


def _hatched(span: Span, track: Track, sheet: Sheet, rail: float) -> Iterator[Markup]:
    left, right = track.at(span.start), track.at(span.end)
    yield svg.rect("paused", left, rail, right - left, sheet.rails)
    slant = sheet.rails / 2
    for stroke in range(int(max(right - left - slant, 0) / _HATCH) + 1):
        foot = left + stroke * _HATCH
        yield svg.line("hatch", foot, rail + sheet.rails, min(foot + slant, right), rail)


def _rung(mark: RungMark, x: float, sheet: Sheet, rail: float) -> Markup:
    half, foot = sheet.rung / 2, rail + sheet.rails
    drawn = svg.rect(f"rung {mark.notch}", x - half, rail - half, sheet.rung, sheet.rails + sheet.rung)
    reach = sheet.rung + 1
    if mark.notch is Notch.SKIPPED:
        drawn += svg.line("strike", x - reach, foot + half, x + reach, rail - half)
    if mark.notch is Notch.BLOCKED:
        middle = rail + sheet.rails / 2
        drawn += svg.line("barrier", x - reach, middle, x + reach, middle)
    return drawn


def _flag(flag: Flag, x: float, sheet: Sheet, rail: float) -> Markup:
    """Planted on the rails; where there are no letters above them, it flies inside."""
    cloth = sheet.rails * 0.6
    top = rail - _aloft(sheet) if sheet.letters else rail + 1
    corners = [(x, top), (x + cloth, top + cloth / 2), (x, top + cloth)]
    return svg.line("pole", x, top, x, rail + sheet.rails) + svg.polygon(f"flag {flag.tone}", corners)


def _aloft(sheet: Sheet) -> float:
    """What flags and needle take above the rails; words stand higher."""
    return sheet.rails * 0.85 if sheet.letters else sheet.rung * 1.6


def _needle(x: float, sheet: Sheet, rail: float) -> Markup:
    reach = sheet.rung * 0.8
    top, foot = rail - reach, rail + sheet.rails + reach
    head = [(x - reach, top - reach), (x + reach, top - reach), (x, top + 1)]
    return svg.line("needle", x, top, x, foot) + svg.polygon("needle-head", head)


def _leaders(boxes: Sequence[Box], track: float, way: int) -> Iterator[Markup]:
    """A thin line from the rails along each label; ``way`` is 1 below the rails and -1 above."""
    for box in boxes:
        yield svg.line("leader", box.left, track, box.left, track + way * (box.bottom - 2))


def _lettering(
    hung: Sequence[Label], boxes: Sequence[Box], sheet: Sheet, top: Callable[[Box], float]
) -> Iterator[Markup]:
    for label, box in zip(hung, boxes, strict=True):
        for row, (kind, text) in enumerate(label.lines):
            yield svg.words(kind, box.left + GAP, top(box) + GAP / 2 + (row + 0.8) * sheet.line, text)


# --- the timeline ---


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
