"""What happens next if nobody answers (R37), and the ladder as a picture."""

from __future__ import annotations

from datetime import datetime

from disclosure.casework.casefile import CaseFile
from disclosure.casework.rows import ComingRow, Detail, Flag, LadderPicture, Notch, RungMark, Span, Tone
from disclosure.casework.sight import Sight, told_at
from disclosure.casework.words import short, word
from disclosure.language import N_
from disclosure.protocol.effects import MailEffect
from disclosure.protocol.preview import Step, preview


def steps(file: CaseFile, sight: Sight, now: datetime) -> tuple[ComingRow, ...]:
    """What will be sent to whom, when, if nobody answers (R37)."""
    return tuple(_coming(step, file, sight) for step in preview(file.case, file.rules, now))


def _coming(step: Step, file: CaseFile, sight: Sight) -> ComingRow:
    details = []
    for effect in step.effects:
        if isinstance(effect, MailEffect):
            to = sight.name(effect.to) or effect.to
            details.append(Detail(word(effect.type, sight.language), to))
        else:
            target = sight.name(effect.target) or sight.say(N_("to be found"))
            details.append(
                Detail(word(effect.kind, sight.language), f"{short(effect.channel, sight.language)}: {target}")
            )
    blocked = ""
    if step.planned.blocked_by:
        blocked = sight.say(N_("waits for a task that is not recorded as done"))
    elif step.planned.approval:
        blocked = sight.say(N_("waits for an approval"))
    return ComingRow(step.planned.due_at, word(step.planned.rung, sight.language), tuple(details), blocked)


def picture(file: CaseFile, sight: Sight, now: datetime) -> LadderPicture:
    """The ladder as a track in time: passed rungs, coming ones, pauses, and what fell between."""
    case = file.case
    steps = preview(case, file.rules, now)
    marks = [RungMark(short(rung, sight.language), c.at, Notch.PASSED) for rung, c in case.rungs.items()]
    for step in steps:
        notch = Notch.BLOCKED if step.planned.blocked_by or step.planned.approval else Notch.COMING
        marks.append(RungMark(short(step.planned.rung, sight.language), step.planned.due_at, notch))
    flags = _flags(file, sight)
    start = case.contact_started_at or case.opened_at or now
    instants = [start, now, *(m.at for m in marks), *(f.at for f in flags)]
    return LadderPicture(
        title=sight.say(N_("Ladder of case %(number)s"), number=case.number),
        start=min(instants),
        end=max(instants),
        now=now,
        rungs=tuple(sorted(marks, key=lambda m: m.at)),
        flags=flags,
        paused=tuple(Span(s.start, s.end or now) for s in case.stills),
    )


def _flags(file: CaseFile, sight: Sight) -> tuple[Flag, ...]:
    case = file.case
    flags = []
    if case.s1_at:
        flags.append(Flag(sight.say(N_("S1")), case.s1_at, Tone.WAITING))
    if case.standing_at:
        flags.append(Flag(sight.say(N_("Standing shown")), case.standing_at, Tone.ACKNOWLEDGED))
    if case.released and case.released.released_at:
        flags.append(Flag(sight.say(N_("Notice released")), case.released.released_at, Tone.NEUTRAL))
    if case.acknowledged_at:
        told = told_at(case)
        late = told is not None and case.acknowledged_at > told
        said = N_("Acknowledged, late") if late else N_("Acknowledged")
        flags.append(Flag(sight.say(said), case.acknowledged_at, Tone.ACKNOWLEDGED))
    return tuple(flags)
