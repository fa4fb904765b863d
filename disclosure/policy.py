"""policy.toml, authorities.toml and holidays as values for the rules; an operator's own files win (R32, R34, R38).

A bad file is refused whole, with the place and the reason: a server that starts runs on rules it has read completely.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from disclosure.calendars import calendar_for
from disclosure.policylines import line_of, say
from disclosure.protocol import authorities as routing
from disclosure.protocol.authorities import Authority, AuthorityRole, When
from disclosure.protocol.codes import Act, OwnClock
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.ladder import ClockProfile, Policy, QuietHours, Referral, Rules
from disclosure.protocol.state import Case
from disclosure.protocol.values import AlertKind, Language, Severity
from disclosure.protocol.worktime import Duration, Time, WorkCalendar
from disclosure.settings import PolicyFiles

DATA = Path(__file__).parent / "data"
# Where French is a language of the authorities and of most recipients; elsewhere English comes first.
FRENCH_SPEAKING = frozenset({"FR", "BE", "LU", "CH", "MC"})


@dataclass(frozen=True)
class Version:
    """One version of policy.toml: its values, who is told when (R34), and the text that a server keeps of it."""

    policy: Policy
    when: Mapping[str, When]
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.policy.version


@dataclass(frozen=True)
class PolicyBook:
    """The version that new cases start with, the authorities, and the calendars."""

    version: Version
    authorities: tuple[Authority, ...] = field(repr=False)

    @classmethod
    def load(cls, files: PolicyFiles) -> PolicyBook:
        table = _toml(files.authorities or DATA / "authorities.toml")
        authorities = routing.from_mapping(table)
        rules = files.rules or DATA / "policy.toml"
        return cls(read_version(_text(rules), authorities, rules.name), authorities)

    @property
    def current(self) -> Policy:
        return self.version.policy

    @property
    def when(self) -> Mapping[str, When]:
        return self.version.when

    def authority(self, authority_id: str) -> Authority:
        found = next((a for a in self.authorities if a.id == authority_id), None)
        if found is None:
            raise InvalidInput({"authority": "unknown"})
        return found

    def calendar(self, country: str) -> WorkCalendar:
        return _calendar(country)

    def rules_for(
        self,
        case: Case,
        confirmed: Collection[str],
        *,
        letters: bool,
        alone: bool = False,
        under: Version | None = None,
    ) -> Rules:
        """What decides for this case. ``confirmed``: ids of channels that the operator has confirmed (R38);
        ``alone``: there is one active coordinator, and policy says whether one suffices then (R12);
        ``under``: the version that the case started with or was moved to, where that is not the one in force."""
        version = under or self.version
        policy = version.policy
        if alone and policy.alone_suffices:
            policy = replace(policy, approvals={act: min(needed, 1) for act, needed in policy.approvals.items()})
        country = case.assessed.country if case.assessed else ""
        referrals = self._referrals(case, confirmed, version.when)
        return Rules(_with_letters(policy, letters), self.calendar(country), referrals)

    def _referrals(self, case: Case, confirmed: Collection[str], when: Mapping[str, When]) -> tuple[Referral, ...]:
        about = case.assessed
        if about is None:
            return ()
        matter = routing.Matter(about.kind, about.personal_data, about.country, about.sector)
        routes = routing.route(matter, self.authorities, when, confirmed)
        return tuple(Referral(r.authority.id, r.when, r.channel.channel) for r in routes)

    def language_for(self, case: Case, to: str) -> Language:
        """What the organisation's own file asks for, else its country's language (R19, ST-21); an authority's own."""
        if any(a.id == to for a in self.authorities):
            return self.language_of_authority(to)
        country = case.assessed.country if case.assessed else ""
        usual = Language.FR if country in FRENCH_SPEAKING else Language.EN
        person = case.persons.get(to)
        contact = case.contacts.get(person.contact_id if person else to)
        asked = contact.languages if contact else ()
        # ST-21: the list has no order; with both in it the country decides.
        return Language(asked[0]) if asked and usual not in asked else usual

    def language_of_authority(self, authority_id: str) -> Language:
        return Language.FR if self.authority(authority_id).country in FRENCH_SPEAKING else Language.EN


def _with_letters(policy: Policy, letters: bool) -> Policy:
    return policy if policy.letters == letters else replace(policy, letters=letters)


@cache
def _calendar(country: str) -> WorkCalendar:
    return calendar_for(country)


def _toml(path: Path) -> Mapping[str, Any]:
    return _parsed(_text(path), path.name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput({path.name: f"not_toml: {error}"}) from None
    except OSError as error:
        raise InvalidInput({path.name: f"cannot_be_read: {error.strerror}"}) from None


def _parsed(text: str, name: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput({name: f"not_toml: {error}"}) from None


def check_file(rules: Path, authorities: Path | None = None) -> str:
    """The name of the version that this file is. Raises BadPolicy as the start of a server would."""
    table = routing.from_mapping(_toml(authorities or DATA / "authorities.toml"))
    return read_version(_text(rules), table, rules.name).name


class BadPolicy(InvalidInput):
    """A policy file that is refused whole; ``lines``: place → the line where it stands, or should;
    ``words``: place → the reason in words."""

    def __init__(self, name: str, text: str, problems: Mapping[str, str], line: int | None = None) -> None:
        """``line``: where TOML's own reader stopped."""
        self.lines = {place: line or line_of(text, place) for place in problems}
        self.named = dict(problems)
        self.words = {place: say(why) for place, why in problems.items()}
        super().__init__({f"{name}, line {self.lines[place]}, {place}": why for place, why in problems.items()})


_LONGEST_NAME = 31  # with the digest it is one column of 40 characters


@lru_cache(maxsize=32)
def read_version(text: str, authorities: tuple[Authority, ...] | None = None, name: str = "policy.toml") -> Version:
    """The text of a policy file as one version; BadPolicy says where it is wrong.

    ``authorities``: the table that it may name ids of. None: of a version that was kept, and whose table may since
    have lost one.

    The version's name ends in a digest of its values, so that a file that was changed under its old name is another
    version, and one whose comments were changed is the same.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(name, text, {name: f"not_toml: {error}"}, _stopped_at(error)) from None
    try:
        policy, when = read_policy(data), read_when(data, authorities)
        if len(policy.version) > _LONGEST_NAME:
            raise InvalidInput({"version": "too_long"})
    except InvalidInput as error:
        raise BadPolicy(name, text, error.problems) from None
    return Version(replace(policy, version=f"{policy.version}+{_digest(data)}"), when, text)


def _stopped_at(error: tomllib.TOMLDecodeError) -> int | None:
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else None


def _digest(data: Mapping[str, Any]) -> str:
    values = json.dumps(data, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(values.encode()).hexdigest()[:8]


_SECTIONS = frozenset({"version", "checked_on", "profiles", "ladder", "approvals", "own_clocks", "authorities"})


def read_policy(data: Mapping[str, Any]) -> Policy:
    """The values of policy.toml; InvalidInput names the key that is missing, wrong, or not known: a slip in an
    optional key would be read as its absence."""
    reader = _Reader(data)
    ladder, approvals, own = reader.table("ladder"), reader.table("approvals"), reader.table("own_clocks")
    profiles = reader.table("profiles")
    policy = Policy(
        version=reader.text("version"),
        profiles={severity: _profile(profiles.table(severity)) for severity in Severity},
        by_kind=_by_kind(profiles),
        heads_up_before=ladder.calendar("heads_up_before"),
        silence_floor=ladder.calendar("silence_floor"),
        task_within=ladder.duration("task_within"),
        max_extension=ladder.calendar("max_extension"),
        letters=False,
        climb_after_acknowledgement=ladder.flag("climb_after_acknowledgement"),
        notice_at_once=ladder.flag("notice_at_once"),
        approvals={act: approvals.count(act) for act in Act},
        approval_expires=approvals.calendar("expires_after"),
        own_clocks={clock: own.duration(clock) for clock in OwnClock},
        call_again_after=ladder.calendar("call_again_after"),
        announce_in_first_mail=ladder.flag("announce_in_first_mail", missing=False),  # kept versions are older than it
        alone_suffices=approvals.flag("alone_suffices"),
    )
    reader.only(_SECTIONS)
    for table in (ladder, approvals, own):
        table.only(table.asked)
    return policy


def _by_kind(profiles: _Reader) -> Mapping[tuple[Severity, AlertKind], ClockProfile]:
    """``[profiles."critical:data_leak"]``: its own clock for one kind of alert; the severity's where there is none."""
    keys = {f"{severity}:{kind}": (severity, kind) for severity in Severity for kind in AlertKind}
    profiles.only(frozenset({*Severity, *keys}))
    return {pair: _profile(profiles.table(key)) for key, pair in keys.items() if key in profiles.data}


# R34: what the model (ZATAZ) does: the national CSIRT at once of every alert, the data-protection authority of a leak.
MODELS_PRACTICE: Mapping[str, When] = {"national_csirt": When.AT_ONCE, "dpa:data_leak": When.AT_ONCE}
_SWITCH = "models_practice"


def read_when(data: Mapping[str, Any], table: Collection[Authority] | None = ()) -> Mapping[str, When]:
    """R34: role, authority, or one of them with a kind, → when. A key that names nothing is refused: it would be
    read as "never". ``models_practice`` turns the model's practice on over what stands for the roles."""
    held = _Reader(data).table("authorities")
    told = {key: held.when(key) for key in held.data if key != _SWITCH}
    known = {*AuthorityRole, *(authority.id for authority in table or ())}
    for key in told:
        who, colon, kind = key.partition(":")
        if (table is not None and who not in known) or (colon and kind not in set(AlertKind)):
            raise InvalidInput({f"{held.place}{key}": "unknown_key"})
    return {**told, **MODELS_PRACTICE} if _SWITCH in held.data and held.flag(_SWITCH) else told


_MARKS = 3
_MOST_COORDINATORS = 2


def _profile(reader: _Reader) -> ClockProfile:
    marks = reader.data.get("marks")
    reader.asked.add("marks")
    if not isinstance(marks, list) or len(marks) != _MARKS:
        raise InvalidInput({f"{reader.place}marks": "three_durations"})
    first, second, third = (_duration(mark, f"{reader.place}marks") for mark in marks)
    if any(a.time is b.time and a.amount > b.amount for a, b in ((first, second), (second, third))):
        raise InvalidInput({f"{reader.place}marks": "not_in_order"})
    profile = ClockProfile(
        (first, second, third), reader.maybe("phone_within"), reader.maybe("letter_after"), _quiet(reader)
    )
    reader.only(reader.asked)
    return profile


def _quiet(reader: _Reader) -> QuietHours | None:
    """``quiet_hours = ["20:00", "07:30"]``, in the organisation's own time."""
    value = reader.data.get("quiet_hours")
    reader.asked.add("quiet_hours")
    if value is None:
        return None
    try:
        begin, end = (time.fromisoformat(text) for text in value)
    except (TypeError, ValueError):
        raise InvalidInput({f"{reader.place}quiet_hours": "two_times_of_day"}) from None
    if begin == end or begin.tzinfo or end.tzinfo:
        raise InvalidInput({f"{reader.place}quiet_hours": "two_times_of_day"})
    return QuietHours(begin, end)


def _duration(value: object, place: str) -> Duration:
    working = isinstance(value, dict) and set(value) == {"working"}
    text = value["working"] if isinstance(value, dict) and working else value
    if not isinstance(text, str):
        raise InvalidInput({place: "not_a_duration"})
    try:
        return Duration.parse(text, Time.WORKING if working else Time.CALENDAR)
    except (InvalidInput, ValueError):
        raise InvalidInput({place: "not_a_duration"}) from None


class _Reader:
    """Keys of one table, each asked for by its kind; what is wrong is named with its place."""

    def __init__(self, data: Mapping[str, Any], place: str = "") -> None:
        self.data, self.place = data, place
        self.asked: set[str] = set()

    def only(self, known: Collection[str]) -> None:
        """Refuse a key that nobody asks for."""
        unknown = next((key for key in self.data if key not in known), None)
        if unknown is not None:
            raise InvalidInput({f"{self.place}{unknown}": "unknown_key"})

    def _get(self, key: str, kind: type) -> Any:
        self.asked.add(key)
        value = self.data.get(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise InvalidInput({f"{self.place}{key}": f"expected_{kind.__name__}" if key in self.data else "missing"})
        return value

    def table(self, key: str) -> _Reader:
        return _Reader(self._get(key, dict), f"{self.place}{key}.")

    def text(self, key: str) -> str:
        return str(self._get(key, str))

    def flag(self, key: str, *, missing: bool | None = None) -> bool:
        """``missing``: what a key that is not there says; None: it must be there."""
        if missing is not None and key not in self.data:
            self.asked.add(key)
            return missing
        return bool(self._get(key, bool))

    def count(self, key: str) -> int:
        number = int(self._get(key, int))
        if not 0 <= number <= _MOST_COORDINATORS:
            raise InvalidInput({f"{self.place}{key}": "zero_one_or_two"})
        return number

    def when(self, key: str) -> When:
        try:
            return When(self.text(key))
        except ValueError:
            raise InvalidInput({f"{self.place}{key}": "at_once_on_lapse_or_never"}) from None

    def duration(self, key: str) -> Duration:
        self.asked.add(key)
        if key not in self.data:
            raise InvalidInput({f"{self.place}{key}": "missing"})
        return _duration(self.data[key], f"{self.place}{key}")

    def calendar(self, key: str) -> timedelta:
        return _duration(self.text(key), f"{self.place}{key}").amount

    def maybe(self, key: str) -> Duration | None:
        self.asked.add(key)
        return self.duration(key) if key in self.data else None
