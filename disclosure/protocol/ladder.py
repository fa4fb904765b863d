"""What follows in time: clocks, rungs, effects. Pure: (case, rules, now) in, due rungs and effects out (R30–R37a).

Theory of operation. Three clocks run in turn (R33); each has three marks. A mark that lapses climbs the next unused
rung of ``LADDER``. Beside the ladder stand the first phone call, the letter, the heads-up before the authorities, and
what policy does at once. A lapse is derived, never stored: whoever asks later gets the same instants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from disclosure.protocol.approvals import is_approved, missing, shown, stands, void
from disclosure.protocol.authorities import When
from disclosure.protocol.codes import Act, Clock, MailType, OwnClock, Rung
from disclosure.protocol.state import Case, MailState, Still, Task
from disclosure.protocol.values import AlertKind, Channel, Severity
from disclosure.protocol.worktime import Duration, Time, WorkCalendar, add, after_working_hours, working_hours_between

# R33. Beside it: PHONE_FIRST (critical only), LETTER, HEADS_UP, AT_ONCE_*, UNREACHABLE.
LADDER = (Rung.REMINDER, Rung.SECOND_CONTACT, Rung.AUTHORITIES)
# A heads-up counts from the moment its mails were out; a relay that took a few minutes does not move the date it names.
HEADS_UP_GRACE = timedelta(hours=1)
# After an outage several rungs come out in one tick; the same person gets them apart (R30).
CATCH_UP_SPACING = timedelta(hours=4)
ORDER = {rung: place for place, rung in enumerate(Rung)}
_PENDING = frozenset({MailState.QUEUED, MailState.PREPARED})


@dataclass(frozen=True)
class QuietHours:
    """No mail of the ladder leaves to the organisation in these hours of its own day; they may run past midnight."""

    begin: time
    end: time

    def after(self, at: datetime, zone: str) -> datetime:
        """``at``, or the end of the quiet hours that it falls in."""
        local = at.astimezone(ZoneInfo(zone))
        day = local.date()
        if self.begin < self.end:
            if not self.begin <= local.time() < self.end:
                return at
        elif local.time() >= self.begin:
            day += timedelta(days=1)
        elif local.time() >= self.end:
            return at
        return datetime.combine(day, self.end, local.tzinfo).astimezone(UTC)


@dataclass(frozen=True)
class ClockProfile:
    """Marks of one severity: three durations from a clock's start, and what runs beside (R33)."""

    marks: tuple[Duration, Duration, Duration]
    phone_within: Duration | None = None
    letter_after: Duration | None = None
    quiet: QuietHours | None = None


@dataclass(frozen=True)
class Policy:
    """One version of policy.toml as values. A case keeps the version that it started with."""

    version: str
    profiles: Mapping[Severity, ClockProfile]
    heads_up_before: timedelta
    silence_floor: timedelta  # working hours in the organisation's country (R33)
    task_within: Duration
    max_extension: timedelta
    letters: bool
    climb_after_acknowledgement: bool
    notice_at_once: bool  # R22, kind vulnerability only
    approvals: Mapping[Act, int]  # 0: the machine acts; 1: one coordinator; 2: two different ones
    approval_expires: timedelta
    own_clocks: Mapping[OwnClock, Duration]
    call_again_after: timedelta
    by_kind: Mapping[tuple[Severity, AlertKind], ClockProfile] = field(default_factory=dict)  # before the severity's
    announce_in_first_mail: bool = False  # R34: the contact request points to what our rules say of silence
    alone_suffices: bool = False  # R12, decided beforehand: the only active coordinator counts as two

    def profile(self, severity: Severity, kind: AlertKind) -> ClockProfile:
        return self.by_kind.get((severity, kind), self.profiles[severity])


@dataclass(frozen=True)
class Referral:
    """Who is told for this case and how: the outcome of routing (authorities.route)."""

    authority_id: str
    when: When
    channel: Channel


@dataclass(frozen=True)
class Rules:
    """Everything beside the case that decides what follows."""

    policy: Policy
    calendar: WorkCalendar
    referrals: tuple[Referral, ...] = ()

    def at_once(self, case: Case) -> tuple[Referral, ...]:
        """Authorities to tell with the first mail; whoever a lapse told already is not told twice."""
        return tuple(r for r in self.referrals if r.when is When.AT_ONCE and r.authority_id not in case.referred)

    def told(self, case: Case) -> tuple[Referral, ...]:
        """Authorities that a lapse still has to tell."""
        return tuple(r for r in self.referrals if r.when is not When.NEVER and r.authority_id not in case.referred)


@dataclass(frozen=True)
class Running:
    clock: Clock
    started_at: datetime


@dataclass(frozen=True)
class Planned:
    """A rung and the instant at which it is due. ``blocked_by``: tasks that must be done first (R37a)."""

    rung: Rung
    clock: Clock
    due_at: datetime
    blocked_by: tuple[str, ...] = ()
    approval: bool = False  # an approval is missing (R12); the rung stays due


Plan = tuple[Planned, ...]

# --- clocks ---


def running(case: Case, policy: Policy) -> Running | None:
    """The one clock that runs now, and since when; None while the next move is ours or nobody's."""
    if not case.open or case.answered_at:
        return None
    if case.acknowledged_at:
        return Running(Clock.ACTION, case.acknowledged_at) if policy.climb_after_acknowledgement else None
    if case.release_is_ours:
        return None
    person = case.released
    if person and person.released_at:
        return Running(Clock.NOTICE, person.released_at)
    return Running(Clock.CONTACT, case.contact_started_at) if case.contact_started_at else None


def marks(case: Case, rules: Rules, run: Running, passed: int = 0) -> Iterator[datetime | None]:
    """Instants of the running clock's marks after those ``passed``; None while it stands still before that mark."""
    profile = profile_of(case, rules)
    extension = timedelta(seconds=case.extensions.get(run.clock, 0))
    return (_mark(case, rules, run, mark, profile, extension) for mark in profile.marks[passed:])


def _mark(
    case: Case, rules: Rules, run: Running, mark: Duration, profile: ClockProfile, extension: timedelta
) -> datetime | None:
    # One after the other: what is added to a mark is time of the same clock, and stands still with it.
    due = pushed(run.started_at, mark, rules.calendar, case.stills)
    # R33: S1 delays once, by one reminder interval.
    if due and run.clock is Clock.CONTACT and case.s1_at and due > case.s1_at:
        due = pushed(due, profile.marks[0], rules.calendar, case.stills)
    return pushed(due, Duration(0, extension), rules.calendar, case.stills) if due and extension else due


def pushed(start: datetime, duration: Duration, calendar: WorkCalendar, stills: tuple[Still, ...]) -> datetime | None:
    """``start`` + ``duration``, not counting the time in which the clock stood still; None while it still does."""
    due = add(start, duration, calendar)
    for begin, end in _merged(stills):
        begin = max(begin, start)  # noqa: PLW2901 - only what lies after the start counts
        if begin >= due:
            break
        if end is None:
            return None
        if end <= begin:
            continue
        if duration.time is Time.WORKING:
            due = after_working_hours(end, working_hours_between(begin, due, calendar), calendar)
        else:
            due += end - begin
    return due


def _merged(stills: tuple[Still, ...]) -> Iterator[tuple[datetime, datetime | None]]:
    """Overlapping stretches count once."""
    begin: datetime | None = None
    end: datetime | None = None
    for still in sorted(stills, key=lambda s: s.start):
        if begin is None:
            begin, end = still.start, still.end
        elif end is None or still.start <= end:
            end = None if end is None or still.end is None else max(end, still.end)
        else:
            yield begin, end
            begin, end = still.start, still.end
    if begin is not None:
        yield begin, end


def profile_of(case: Case, rules: Rules) -> ClockProfile:
    assert case.assessed is not None  # noqa: S101 - plan() asks only for assessed cases
    return rules.policy.profile(case.assessed.severity, case.assessed.kind)


def patience(case: Case, rules: Rules, since: datetime) -> datetime:
    """How long a first mail may be put off before the next contact is asked as well: as long as anybody may be silent
    before the reminder (R33). No clock runs while nothing is out (R31), and the people exposed wait all the same.
    """
    return add(since, profile_of(case, rules).marks[0], rules.calendar)


# --- the plan: every unclimbed rung with its instant ---


def plan(case: Case, rules: Rules) -> Plan:
    """Unclimbed rungs in the order of their instants. Only the first of the ladder's own can be climbed next."""
    if not case.open or case.assessed is None:
        return ()
    run = running(case, rules.policy)
    planned = [*_unreachable(case), *_at_once(case, rules)]
    if run:
        planned += [*_beside(case, rules, run), *_ladder(case, rules, run)]
    return tuple(sorted(planned, key=lambda p: (p.due_at, ORDER[p.rung])))


def _unreachable(case: Case) -> Iterator[Planned]:
    if case.unreachable_at and Rung.UNREACHABLE not in case.rungs:
        yield Planned(Rung.UNREACHABLE, Clock.CONTACT, case.unreachable_at)


def _at_once(case: Case, rules: Rules) -> Iterator[Planned]:
    """R34, the model's practice: authorities are told with the first mail, announced in the same hour."""
    start = case.contact_started_at
    if start is None or not rules.at_once(case):
        return
    for rung in (Rung.AT_ONCE_HEADS_UP, Rung.AT_ONCE_AUTHORITIES):
        if rung not in case.rungs:
            approval = rung is Rung.AT_ONCE_AUTHORITIES and _approval_missing(case, rules, rung)
            yield Planned(rung, Clock.CONTACT, start, approval=approval)


def _beside(case: Case, rules: Rules, run: Running) -> Iterator[Planned]:
    profile = profile_of(case, rules)
    if run.clock is not Clock.CONTACT or _is_held(case):
        return
    if profile.phone_within and Rung.PHONE_FIRST not in case.rungs:
        yield Planned(Rung.PHONE_FIRST, run.clock, run.started_at)
    if rules.policy.letters and profile.letter_after and Rung.LETTER not in case.rungs:
        due = pushed(run.started_at, profile.letter_after, rules.calendar, case.stills)
        if due:
            yield Planned(Rung.LETTER, run.clock, due)


def _ladder(case: Case, rules: Rules, run: Running) -> Iterator[Planned]:
    unused = [r for r in LADDER if r not in case.rungs and (r is not Rung.AUTHORITIES or rules.told(case))]
    climbed_here = sum(1 for r, c in case.rungs.items() if r in LADDER and c.clock is run.clock)
    blocked_by = tuple(task.id for task in _blocking(case, run))
    forced = _embargo_end(case, run)
    held = _is_held(case)
    for rung, mark in zip(unused, marks(case, rules, run, climbed_here), strict=False):
        due = forced if forced and (mark is None or forced < mark) else None if held else mark
        if due is None:
            return
        if rung is Rung.AUTHORITIES:
            yield from _authorities(case, rules, run, due, blocked_by, forced=forced is not None)
        else:
            yield Planned(rung, run.clock, due, blocked_by)


def _is_held(case: Case) -> bool:
    """R33, R35: held is held, also what had lapsed before and was waiting for a task, an approval or a late tick."""
    return case.stands_still("paused") or case.stands_still("contested")


def _embargo_end(case: Case, run: Running) -> datetime | None:
    """R36: recorded while this clock ran, it moves the ladder at once."""
    ended = case.embargo_ended_at
    return ended if ended and ended >= run.started_at else None


def _authorities(
    case: Case, rules: Rules, run: Running, mark: datetime, blocked_by: tuple[str, ...], *, forced: bool
) -> Iterator[Planned]:
    """The heads-up and, at least 24 hours after it was out, the referral (R34); never early for silence (R33)."""
    policy = rules.policy
    floor = mark
    if not forced:
        floor = max(mark, after_working_hours(run.started_at, policy.silence_floor, rules.calendar))
    before = timedelta(0) if forced else policy.heads_up_before
    # Another clock is announced anew. One that runs again, because a person changed, was announced already; nobody is
    # told before the date that the last announcement named, whichever clock it was of.
    if run.clock not in case.heads_ups:
        heads_up = max(run.started_at, floor - before)
        yield Planned(Rung.HEADS_UP, run.clock, heads_up)
        out_at: datetime | None = heads_up
    else:
        out_at = _heads_up_out_at(case, max(case.heads_ups.values()))
    if out_at is None:
        return
    # The day between the two is theirs to answer in: what stands a clock still (our own outage, a pause, a contest that
    # waits for us) stands it still as well, also when the mark itself had lapsed before.
    announced = pushed(out_at, Duration(0, before), rules.calendar, case.stills)
    if announced is not None:
        approval = _approval_missing(case, rules, Rung.AUTHORITIES)
        yield Planned(Rung.AUTHORITIES, run.clock, max(floor, announced), blocked_by, approval)


def _heads_up_out_at(case: Case, climbed_at: datetime) -> datetime | None:
    """When the announcement was out: None while one of its mails still waits."""
    mails = [m for m in case.mails.values() if m.type is MailType.HEADS_UP and m.queued_at >= climbed_at]
    if any(m.state in _PENDING for m in mails):
        return None
    last = max((m.relayed_at for m in mails if m.relayed_at), default=climbed_at)
    return climbed_at if last - climbed_at <= HEADS_UP_GRACE else last


def _blocking(case: Case, run: Running) -> Iterator[Task]:
    """R37a: a task rung counts only when recorded done. Tasks of an earlier clock block nothing."""
    for task in case.tasks.values():
        if task.open and task.blocking and (task.rung is None or case.rungs[task.rung].clock is run.clock):
            yield task


# --- approvals (R12) ---


def _approval_missing(case: Case, rules: Rules, rung: Rung) -> bool:
    return not is_approved(case, Act.REFERRAL, rung, rules)


def proposals_due(case: Case, rules: Rules, now: datetime, planned: Plan | None = None) -> tuple[Rung, ...]:
    """Rungs that are due and wait for approval, and for which nobody is being asked."""
    planned = plan(case, rules) if planned is None else planned
    asking = ((p, _asked_until(case, rules, p.rung)) for p in planned if p.approval and p.due_at <= now)
    return tuple(p.rung for p, until in asking if until is None or until <= now)


def _asked_until(case: Case, rules: Rules, rung: Rung) -> datetime | None:
    """Until when coordinators were asked about this rung as it is now: a refusal holds that long and no longer."""
    state = shown(case, Act.REFERRAL, rung, rules)
    asked = (a for a in case.approvals.values() if a.act is Act.REFERRAL and a.subject == rung and a.state == state)
    return max((a.expires_at for a in asked if a.open or a.refused), default=None)


# --- what is due ---

CHAIN = (Rung.REMINDER, Rung.SECOND_CONTACT, Rung.HEADS_UP, Rung.AUTHORITIES)


def next_rung(case: Case, rules: Rules, now: datetime, planned: Plan | None = None) -> Planned | None:
    """The one rung to climb now, or None. Climb it, apply its events, ask again: missed rungs come out in order.

    ``planned``, here and below: the plan of this case under these rules, from whoever has it already.
    """
    return next((p for p in climbable(case, rules, planned) if p.due_at <= now), None)


def climbable(case: Case, rules: Rules, planned: Plan | None = None) -> Iterator[Planned]:
    """Rungs with nothing in the way but time. Of the chain only the first unclimbed one."""
    planned = plan(case, rules) if planned is None else planned
    unclimbed = {p.rung for p in planned}
    first = next((r for r in CHAIN if r in unclimbed), None)
    for p in planned:
        waits_for_other = p.rung in CHAIN and p.rung is not first
        waits_for_heads_up = p.rung is Rung.AT_ONCE_AUTHORITIES and Rung.AT_ONCE_HEADS_UP not in case.rungs
        if not (waits_for_other or waits_for_heads_up or p.blocked_by or p.approval):
            yield p


def next_instant(case: Case, rules: Rules, planned: Plan | None = None) -> datetime | None:
    """When a worker must look next: to climb, or to propose what needs approval; None: only a person can move it."""
    planned = plan(case, rules) if planned is None else planned
    climb = [p.due_at for p in climbable(case, rules, planned)]
    asked = ((p.due_at, _asked_until(case, rules, p.rung)) for p in planned if p.approval)
    propose = [max(due, until) if until else due for due, until in asked]
    return min((*climb, *propose, *_approvals_move(case, rules)), default=None)


def _approvals_move(case: Case, rules: Rules) -> Iterator[datetime]:
    """What expires, at its date; what is void, at once."""
    if not case.approvals:
        return
    yield from (a.expires_at for a in missing(case, rules) if stands(case, a, rules))
    if case.last_at and void(case, rules):
        yield case.last_at
