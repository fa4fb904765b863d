"""Durations and working time (R32, R33): instants in UTC, hours in the organisation's zone, holidays as data handed in.

Calendar time is exact: P1D is 86,400 seconds whatever the clocks of Paris do. Working time counts only working hours:
P1D is one working day, PT4H four working hours. Ours: Monday to Friday, 9 to 17, eight hours a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from disclosure.protocol.errors import InvalidInput


class Time(StrEnum):
    CALENDAR = "calendar"
    WORKING = "working"


_ISO = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?", re.ASCII)


@dataclass(frozen=True)
class Duration:
    """``days``, then ``rest`` (hours and less), in calendar or working time.

    Two fields, because a working day has no 24 hours: PT24H of working time is three days of eight hours, P1D is one.
    """

    days: int
    rest: timedelta = timedelta(0)
    time: Time = Time.CALENDAR

    @property
    def amount(self) -> timedelta:
        """The exact length; of calendar time only, a working day's length is the calendar's matter."""
        return timedelta(days=self.days) + self.rest

    @classmethod
    def parse(cls, text: str, time: Time = Time.CALENDAR) -> Duration:
        """ISO 8601 in D, H, M, S only: months and years have no fixed length. Raises InvalidInput."""
        found = _ISO.fullmatch(text)
        if not found or not any(found.groups()) or text.endswith("T"):
            raise InvalidInput({"duration": "not_a_duration"})
        days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
        return cls(days, timedelta(hours=hours, minutes=minutes, seconds=seconds), time)


@dataclass(frozen=True)
class WorkCalendar:
    """Working hours of one country. ``known``: its holidays are known; else weekends only, and pages say so.

    Clocks change at night, outside these hours: a working day is equally long in March, in July and in October.
    """

    zone: str
    holidays: frozenset[date] = frozenset()
    weekdays: frozenset[int] = frozenset(range(5))  # Monday is 0
    opens: time = time(9)
    closes: time = time(17)
    known: bool = True
    tz: ZoneInfo = field(init=False, repr=False, compare=False)
    # Many clocks ask for the same few days, and a zone's offset is dear to find.
    _hours: dict[date, tuple[datetime, datetime]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        # Without a single working hour every search for the next one would be endless.
        if self.opens >= self.closes or not self.weekdays or not self.weekdays <= set(range(7)):
            raise InvalidInput({"calendar": "no_working_hours"})
        object.__setattr__(self, "tz", ZoneInfo(self.zone))

    def works_on(self, day: date) -> bool:
        return day.weekday() in self.weekdays and day not in self.holidays

    def hours_of(self, day: date) -> tuple[datetime, datetime]:
        """Opening and closing of a day, in UTC."""
        if day not in self._hours:
            self._hours[day] = self._utc(day, self.opens), self._utc(day, self.closes)
        return self._hours[day]

    def _utc(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.tz).astimezone(UTC)


def add(start: datetime, duration: Duration, calendar: WorkCalendar) -> datetime:
    """``start`` + ``duration``, UTC in and out. Working days keep the local hour, clamped into working hours."""
    start = start.astimezone(UTC)
    if duration.time is Time.CALENDAR:
        return start + duration.amount
    at = _working_days_later(start, duration.days, calendar) if duration.days else start
    return after_working_hours(at, duration.rest, calendar) if duration.rest else at


def _working_days_later(start: datetime, days: int, calendar: WorkCalendar) -> datetime:
    at = _into_hours(start, calendar)
    local = at.astimezone(calendar.tz)
    day = local.date()
    for _ in range(days):
        day = _next_working_day(day + timedelta(days=1), calendar)
    return datetime.combine(day, local.time(), calendar.tz).astimezone(UTC)


def _next_working_day(day: date, calendar: WorkCalendar) -> date:
    while not calendar.works_on(day):
        day += timedelta(days=1)
    return day


def _into_hours(at: datetime, calendar: WorkCalendar) -> datetime:
    """``at`` itself inside working hours, else the next opening."""
    day = at.astimezone(calendar.tz).date()
    if calendar.works_on(day):
        opens, closes = calendar.hours_of(day)
        if at < closes:
            return max(at, opens)
        day += timedelta(days=1)
    return calendar.hours_of(_next_working_day(day, calendar))[0]


def after_working_hours(start: datetime, hours: timedelta, calendar: WorkCalendar) -> datetime:
    """The instant at which ``hours`` of working time have passed since ``start``.

    With none to pass it is the next working instant: what was stopped at night goes on in the morning.
    """
    at = _into_hours(start.astimezone(UTC), calendar)
    for opens, closes in _days_from(at, calendar):
        begins = max(at, opens)
        if closes - begins >= hours:
            return begins + hours
        hours -= closes - begins
    raise AssertionError("endless days ended")


def working_hours_between(start: datetime, end: datetime, calendar: WorkCalendar) -> timedelta:
    """Working time between two instants; nothing when the end is not later."""
    total = timedelta(0)
    for opens, closes in _days_from(start.astimezone(UTC), calendar):
        if opens >= end:
            return total
        total += max(timedelta(0), min(closes, end) - max(opens, start))
    raise AssertionError("endless days ended")


def _days_from(at: datetime, calendar: WorkCalendar) -> Iterator[tuple[datetime, datetime]]:
    """Opening and closing of each working day, from the day of ``at`` on."""
    day = at.astimezone(calendar.tz).date()
    while True:
        if calendar.works_on(day):
            yield calendar.hours_of(day)
        day += timedelta(days=1)
