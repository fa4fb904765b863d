"""The rules of time as people read them: every profile in words and as a picture, for the desk and for the public."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from disclosure.casework import coming, policies
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office
from disclosure.casework.policies import Kept
from disclosure.casework.rows import LadderPicture, Notch
from disclosure.casework.sight import Sight
from disclosure.casework.words import short, word
from disclosure.language import N_, translate
from disclosure.policy import Version
from disclosure.protocol.authorities import When
from disclosure.protocol.codes import Act
from disclosure.protocol.errors import NotFound
from disclosure.protocol.ladder import ClockProfile, Policy, QuietHours
from disclosure.protocol.specimen import specimen
from disclosure.protocol.values import AlertKind, Audience, Language, Severity
from disclosure.protocol.worktime import Duration, Time, WorkCalendar

_WHEN = {
    When.AT_ONCE: N_("told at once"),
    When.ON_LAPSE: N_("told when nobody answers"),
    When.NEVER: N_("never told by itself"),
}
_ROLES = {
    "national_csirt": N_("National CERT"),
    "dpa": N_("Data-protection authority"),
    "sector_csirt": N_("CERT of the sector"),
    "regional_csirt": N_("CERT of the region"),
    "other": N_("Other authorities"),
}
_ACTS = {Act.FIRST_CONTACT: N_("First contact"), Act.RELEASE: N_("Release of a notice"), Act.REFERRAL: N_("Referral")}
_HOURS_A_DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Pair:
    label: str
    value: str


@dataclass(frozen=True)
class ProfileRow:
    """One clock profile. ``kind``: the one kind of alert that it is for, or empty."""

    severity: str
    kind: str
    marks: tuple[str, str, str]
    beside: tuple[Pair, ...]  # what runs beside the marks
    picture: LadderPicture


@dataclass(frozen=True)
class PolicyView:
    version: str
    in_force: bool
    kept: tuple[Kept, ...]
    profiles: tuple[ProfileRow, ...]
    ladder: tuple[Pair, ...]
    approvals: tuple[Pair, ...]
    told: tuple[Pair, ...]
    country: str
    starts_at: datetime


def marks(policy: Policy, language: Language) -> tuple[tuple[str, tuple[str, str, str]], ...]:
    """(severity's word, its three marks in words): what our public rules promise, of the version in force (R34)."""
    usual = [(short(s, language), policy.profiles[s]) for s in Severity]
    own = [(_name(s, kind, language), profile) for (s, kind), profile in policy.by_kind.items()]
    return tuple((name, _marks(profile, language)) for name, profile in (*usual, *own))


def page(office: Office, name: str, language: Language, now: datetime) -> PolicyView:
    """The version of this name, or the one in force where it is empty. Raises NotFound."""
    kept = policies.every(office)
    chosen = next((one for one in kept if one.name == (name or office.policy.current.version)), None)
    if chosen is None or chosen.version is None:
        raise NotFound("policy")
    country = office.settings.operator.country
    start = _next_morning(office.policy.calendar(country), now)
    policy = chosen.version.policy
    return PolicyView(
        version=chosen.name,
        in_force=chosen.in_force,
        kept=kept,
        profiles=tuple(_Drawer(office, chosen.version, language, start).rows()),
        ladder=tuple(_ladder(policy, language)),
        approvals=tuple(_approvals(policy, language)),
        told=tuple(_told(office, chosen.version, language)),
        country=country,
        starts_at=start,
    )


def _next_morning(calendar: WorkCalendar, now: datetime) -> datetime:
    """When the next working day begins: a mail that leaves then has all of that day before it."""
    day = now.astimezone(calendar.tz).date() + timedelta(days=1)
    while not calendar.works_on(day):
        day += timedelta(days=1)
    return calendar.hours_of(day)[0]


@dataclass(frozen=True)
class _Drawer:
    """Draws the profiles of one version, for a mail that leaves at ``start``."""

    office: Office
    version: Version
    language: Language
    start: datetime

    @property
    def letters(self) -> bool:
        return self.office.settings.letters_budget > 0

    def rows(self) -> Iterator[ProfileRow]:
        own = self.version.policy.by_kind
        for severity in Severity:
            usual = next((kind for kind in AlertKind if (severity, kind) not in own), None)
            if usual:
                yield self._row(severity, usual)
            yield from (self._row(severity, kind) for kind in AlertKind if (severity, kind) in own)

    def _row(self, severity: Severity, kind: AlertKind) -> ProfileRow:
        profile = self.version.policy.profile(severity, kind)
        own = (severity, kind) in self.version.policy.by_kind
        return ProfileRow(
            severity=short(severity, self.language),
            kind=word(kind, self.language) if own else "",
            marks=_marks(profile, self.language),
            beside=tuple(_beside(profile, self.language, letters=self.letters)),
            picture=self._picture(severity, kind, own=own),
        )

    def _picture(self, severity: Severity, kind: AlertKind, *, own: bool) -> LadderPicture:
        """The preview of an invented case that nobody answers; tasks are done when due, so nothing is blocked (R37)."""
        office, language = self.office, self.language
        case = specimen(severity, kind, office.settings.operator.country, self.start)
        rules = office.policy.rules_for(case, frozenset(), letters=self.letters, under=self.version)
        sight = Sight(Audience.COORDINATOR, language, {})
        drawn = coming.picture(CaseFile("", case, rules), sight, self.start)
        name = _name(severity, kind, language) if own else short(severity, language)
        title = translate(language, N_("Profile %(name)s, if nobody ever answers"), name=name)
        return replace(drawn, title=title, rungs=tuple(replace(rung, notch=Notch.COMING) for rung in drawn.rungs))


def _name(severity: Severity, kind: AlertKind, language: Language) -> str:
    return f"{short(severity, language)}, {word(kind, language).lower()}"


def _marks(profile: ClockProfile, language: Language) -> tuple[str, str, str]:
    first, second, third = (said(mark, language) for mark in profile.marks)
    return first, second, third


def _beside(profile: ClockProfile, language: Language, *, letters: bool) -> Iterator[Pair]:
    if profile.phone_within:
        yield Pair(translate(language, N_("Call within")), said(profile.phone_within, language))
    if profile.letter_after:
        after = said(profile.letter_after, language)
        off = N_("%(time)s, but off: no budget for letters is set")
        yield Pair(translate(language, N_("Letter after")), after if letters else translate(language, off, time=after))
    if profile.quiet:
        yield Pair(translate(language, N_("Quiet hours")), _quiet(profile.quiet))


def _quiet(hours: QuietHours) -> str:
    return f"{hours.begin:%H:%M} – {hours.end:%H:%M}"


def _ladder(policy: Policy, language: Language) -> Iterator[Pair]:
    yes, no = translate(language, N_("yes")), translate(language, N_("no"))
    for label, value in (
        (N_("Heads-up before an authority is told"), said(_calendar(policy.heads_up_before), language)),
        (N_("No referral for silence before"), said(Duration(0, policy.silence_floor, Time.WORKING), language)),
        (N_("A task is overdue after"), said(policy.task_within, language)),
        (N_("Most that can be added to one clock"), said(_calendar(policy.max_extension), language)),
        (N_("The first mail points to what follows on silence"), yes if policy.announce_in_first_mail else no),
        (N_("The ladder goes on after the acknowledgement"), yes if policy.climb_after_acknowledgement else no),
        (N_("The notice may leave at once"), yes if policy.notice_at_once else no),
    ):
        yield Pair(translate(language, label), value)


def _approvals(policy: Policy, language: Language) -> Iterator[Pair]:
    for act, needed in policy.approvals.items():
        value = _many(language, N_("one coordinator"), N_("%(num)d coordinators"), needed)
        value = value if needed else translate(language, N_("by itself, when it is due"))
        yield Pair(translate(language, _ACTS[act]), value)


def _told(office: Office, version: Version, language: Language) -> Iterator[Pair]:
    names = {one.id: one.short_name or one.name for one in office.policy.authorities}
    for key, when in version.when.items():
        who, _, kind = key.partition(":")
        name = translate(language, _ROLES[who]) if who in _ROLES else names.get(who, who)
        yield Pair(
            f"{name}, {word(AlertKind(kind), language).lower()}" if kind else name, translate(language, _WHEN[when])
        )


def _calendar(span: timedelta) -> Duration:
    return Duration(0, span)


def said(duration: Duration, language: Language) -> str:
    """``72 h``, ``30 days``, ``2 working days``, ``4 working hours``: in the largest unit that says it exactly."""
    amount = duration.amount
    if duration.time is Time.WORKING:
        if duration.days and not duration.rest:
            return _many(language, N_("one working day"), N_("%(num)d working days"), duration.days)
        if not duration.days and amount % timedelta(hours=1) == timedelta(0):
            return _many(language, N_("one working hour"), N_("%(num)d working hours"), amount // timedelta(hours=1))
        return translate(language, N_("%(time)s of working time"), time=_exact(duration.days, duration.rest, language))
    if amount >= 4 * _HOURS_A_DAY and amount % _HOURS_A_DAY == timedelta(0):
        return _many(language, N_("one day"), N_("%(num)d days"), amount // _HOURS_A_DAY)
    return _exact(0, amount, language)


def _many(language: Language, one: str, many: str, count: int) -> str:
    return translate(language, one) if count == 1 else translate(language, many, num=count)


def _exact(days: int, rest: timedelta, language: Language) -> str:
    minutes = rest // timedelta(minutes=1)
    parts = [_many(language, N_("one day"), N_("%(num)d days"), days)] if days else []
    if minutes >= 60:  # noqa: PLR2004 - minutes of an hour
        parts.append(f"{minutes // 60} h")
    if minutes % 60 or not (parts or minutes):
        parts.append(f"{minutes % 60} min")
    return " ".join(parts)
