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
    """``amount`` in calendar or working time; of working time, its days are working days."""

    amount: timedelta
    time: Time = Time.CALENDAR

    @classmethod
    def parse(cls, text: str, time: Time = Time.CALENDAR) -> Duration:
        """ISO 8601 in D, H, M, S only: months and years have no fixed length."""
        found = _ISO.fullmatch(text)
        if not found or not any(found.groups()) or text.endswith("T"):
            raise InvalidInput({"duration": "not_a_duration"})
        days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
        return cls(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds), time)


@dataclass(frozen=True)
class WorkCalendar:
    """Working hours of one country. ``known``: its holidays are known; else weekends only, and pages say so."""

    zone: str
    holidays: frozenset[date] = frozenset()
    weekdays: frozenset[int] = frozenset(range(5))  # Monday is 0
    opens: time = time(9)
    closes: time = time(17)
    known: bool = True
    tz: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tz", ZoneInfo(self.zone))

    @property
    def day_length(self) -> timedelta:
        return timedelta(hours=self.closes.hour - self.opens.hour, minutes=self.closes.minute - self.opens.minute)

    def works_on(self, day: date) -> bool:
        return day.weekday() in self.weekdays and day not in self.holidays

    def hours_of(self, day: date) -> tuple[datetime, datetime]:
        """Opening and closing of a day, in UTC."""
        return self._utc(day, self.opens), self._utc(day, self.closes)

    def _utc(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.tz).astimezone(UTC)


def add(start: datetime, duration: Duration, calendar: WorkCalendar) -> datetime:
    """``start`` + ``duration``, UTC in and out. Working days keep the local hour, clamped into working hours."""
    start = start.astimezone(UTC)
    if duration.time is Time.CALENDAR:
        return start + duration.amount
    days, rest = duration.amount.days, duration.amount - timedelta(days=duration.amount.days)
    at = _working_days_later(start, days, calendar) if days else start
    return after_working_hours(at, rest, calendar) if rest else at


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
    """The instant at which ``hours`` of working time have passed since ``start``."""
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
