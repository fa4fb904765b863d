"""Working time: nights, weekends, holidays, the change of clocks and the turn of the year (R32, R33)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure.calendars import ZONES, calendar_for, read_holidays
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.worktime import (
    Duration,
    Time,
    WorkCalendar,
    add,
    after_working_hours,
    working_hours_between,
)

H = timedelta(hours=1)
HOLIDAYS = frozenset({date(2026, 12, 25), date(2027, 1, 1), date(2027, 3, 29)})
PARIS = WorkCalendar("Europe/Paris", HOLIDAYS)
LONG_DAYS = WorkCalendar("Europe/Paris", HOLIDAYS, frozenset(range(6)), time(8, 30), time(20, 15))


def paris(text: str) -> datetime:
    """A local time of Paris, as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)


# --- durations ---


@pytest.mark.parametrize(
    ("text", "days", "rest", "why"),
    [
        ("PT24H", 0, 24 * H, "a day's hours stay hours: of working time they are three days"),
        ("P2D", 2, 0 * H, "days"),
        ("P1DT4H30M", 1, 4.5 * H, "days, then hours"),
        ("PT90M", 0, 1.5 * H, "minutes may pass sixty"),
        ("PT1S", 0, H / 3600, "the smallest"),
        ("PT0S", 0, 0 * H, "nothing at all is a duration"),
    ],
)
def test_durations_that_are_read(text: str, days: int, rest: timedelta, why: str) -> None:
    held = Duration.parse(text, Time.WORKING)
    assert (held.days, held.rest, held.time) == (days, rest, Time.WORKING), why
    assert held.amount == timedelta(days=days) + rest, why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing"),
        ("P", "no part"),
        ("PT", "no part after T"),
        ("P1DT", "T without a part"),
        ("P1M", "a month has no fixed length"),
        ("P1Y", "nor has a year"),
        ("P1W", "weeks are not in the list"),
        ("-P1D", "deadlines run forwards"),
        ("P-1D", "deadlines run forwards"),
        ("P1.5D", "no fractions"),
        ("PT4H ", "no blanks"),
        ("pt4h", "capitals only"),
        ("P4H", "hours come after T"),
        ("PT1M1H", "the order is fixed"),
        ("P٣D", "ASCII digits only"),
        ("P999999D", "longer than anybody lives"),
    ],
)
def test_durations_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Duration.parse(text)
    assert refused.value.problems == {"duration": "not_a_duration"}, why


# --- adding ---


@pytest.mark.parametrize(
    ("start", "text", "kind", "expected", "why"),
    [
        ("2026-11-24T09:00", "PT24H", Time.CALENDAR, "2026-11-25T09:00", "exact hours"),
        ("2026-11-28T23:00", "PT1H", Time.CALENDAR, "2026-11-29T00:00", "calendar time runs at night and on Sunday"),
        ("2027-03-27T12:00", "P1D", Time.CALENDAR, "2027-03-28T13:00", "86,400 seconds over a night of 23 hours"),
        ("2026-10-24T12:00", "P1D", Time.CALENDAR, "2026-10-25T11:00", "86,400 seconds over a night of 25 hours"),
        ("2026-11-24T10:15", "P2D", Time.WORKING, "2026-11-26T10:15", "same local hour, two working days later"),
        ("2026-11-26T10:15", "P2D", Time.WORKING, "2026-11-30T10:15", "over a weekend"),
        ("2027-03-26T10:15", "P1D", Time.WORKING, "2027-03-30T10:15", "over the change to summer and Easter Monday"),
        ("2026-10-23T10:15", "P1D", Time.WORKING, "2026-10-26T10:15", "the same local hour after the change to winter"),
        ("2026-12-24T16:30", "P1D", Time.WORKING, "2026-12-28T16:30", "over Christmas and a weekend"),
        ("2026-12-31T09:00", "P1D", Time.WORKING, "2027-01-04T09:00", "over New Year and a weekend"),
        (
            "2026-11-28T15:00",
            "P1D",
            Time.WORKING,
            "2026-12-01T09:00",
            "a start on Saturday counts from Monday's opening",
        ),
        ("2026-11-24T07:00", "P1D", Time.WORKING, "2026-11-25T09:00", "a start before opening counts from opening"),
        ("2026-11-24T17:00", "P1D", Time.WORKING, "2026-11-26T09:00", "at closing the day is over"),
        (
            "2026-12-25T11:00",
            "P1D",
            Time.WORKING,
            "2026-12-29T09:00",
            "a start on a holiday counts from the next opening",
        ),
        ("2026-11-24T09:00", "PT4H", Time.WORKING, "2026-11-24T13:00", "hours inside one day"),
        ("2026-11-24T15:00", "PT4H", Time.WORKING, "2026-11-25T11:00", "hours over a night"),
        ("2026-11-27T16:00", "PT4H", Time.WORKING, "2026-11-30T12:00", "hours over a weekend"),
        ("2027-03-26T16:00", "PT4H", Time.WORKING, "2027-03-30T12:00", "hours over the change to summer"),
        ("2026-11-24T09:00", "PT8H", Time.WORKING, "2026-11-24T17:00", "a whole day ends at closing"),
        ("2026-11-24T09:00", "PT24H", Time.WORKING, "2026-11-26T17:00", "24 working hours are three days, not one"),
        (
            "2026-11-24T20:00",
            "PT4H",
            Time.WORKING,
            "2026-11-25T13:00",
            "a start in the evening counts from the morning",
        ),
        ("2026-11-24T15:00", "P1DT4H", Time.WORKING, "2026-11-26T11:00", "days first, then hours"),
        ("2026-11-28T15:00", "PT0S", Time.WORKING, "2026-11-28T15:00", "nothing to wait for is now"),
    ],
)
def test_adding(start: str, text: str, kind: Time, expected: str, why: str) -> None:
    assert add(paris(start), Duration.parse(text, kind), PARIS) == paris(expected), why


def test_the_zone_of_the_instant_does_not_matter_and_utc_comes_out() -> None:
    tokyo = paris("2026-11-24T10:15").astimezone(ZoneInfo("Asia/Tokyo"))
    for kind in Time:
        due = add(tokyo, Duration.parse("P1D", kind), PARIS)
        assert (due, due.tzinfo) == (paris("2026-11-25T10:15"), UTC)


@pytest.mark.parametrize(
    ("start", "end", "hours", "why"),
    [
        ("2026-11-24T09:00", "2026-11-24T17:00", 8, "one whole day"),
        ("2026-11-24T00:00", "2026-11-25T00:00", 8, "only the working hours of a day count"),
        ("2026-11-27T16:00", "2026-11-30T10:00", 2, "over a weekend"),
        ("2026-12-24T16:00", "2026-12-28T10:00", 2, "over Christmas and a weekend"),
        ("2027-03-26T16:00", "2027-03-30T10:00", 2, "over the change to summer and Easter Monday"),
        ("2026-12-31T16:00", "2027-01-04T10:00", 2, "over the turn of the year"),
        ("2026-11-28T00:00", "2026-11-30T09:00", 0, "a weekend has none"),
        ("2026-11-24T12:00", "2026-11-24T12:00", 0, "no time, no hours"),
        ("2026-11-24T12:00", "2026-11-24T10:00", 0, "an end before the start is not counted back"),
        ("2026-11-26T12:00", "2026-11-24T10:00", 0, "nor over days"),
    ],
)
def test_working_hours_between(start: str, end: str, hours: int, why: str) -> None:
    assert working_hours_between(paris(start), paris(end), PARIS) == hours * H, why


def test_with_nothing_left_work_goes_on_at_the_next_working_instant() -> None:
    # A clock that stood still in the evening must not lapse the same evening (ladder.pushed relies on it).
    assert after_working_hours(paris("2026-11-27T20:00"), 0 * H, PARIS) == paris("2026-11-30T09:00")
    assert after_working_hours(paris("2026-11-27T12:00"), 0 * H, PARIS) == paris("2026-11-27T12:00")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"weekdays": frozenset()}, "no working day"),
        ({"weekdays": frozenset({7})}, "no such day of the week"),
        ({"opens": time(17), "closes": time(9)}, "closes before it opens"),
        ({"opens": time(9), "closes": time(9)}, "no hour between"),
    ],
)
def test_a_calendar_without_working_hours_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(InvalidInput):
        WorkCalendar("Europe/Paris", **changes)  # type: ignore[arg-type]


# --- what holds for every instant ---

CALENDARS = st.sampled_from([PARIS, LONG_DAYS])
# Two years with both changes of clocks, Easter and two turns of the year; seconds, so that edges are hit too.
BASE = datetime(2026, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 2 * 365 * 86_400).map(lambda s: BASE + timedelta(seconds=s)) | st.integers(
    0, 2 * 365 * 96
).map(lambda quarters: BASE + timedelta(minutes=15 * quarters))
WORK = st.integers(1, 60 * 3600).map(lambda s: timedelta(seconds=s)) | st.integers(1, 60).map(lambda h: h * H)
DURATIONS = st.builds(
    Duration, st.integers(0, 30), st.just(timedelta(0)) | WORK, st.sampled_from([Time.CALENDAR, Time.WORKING])
)


@given(start=INSTANTS, duration=DURATIONS, calendar=CALENDARS)
def test_never_before_the_start(start: datetime, duration: Duration, calendar: WorkCalendar) -> None:
    assert add(start, duration, calendar) >= start


@given(one=INSTANTS, other=INSTANTS, duration=DURATIONS, calendar=CALENDARS)
def test_who_starts_later_is_not_due_earlier(
    one: datetime, other: datetime, duration: Duration, calendar: WorkCalendar
) -> None:
    early, late = sorted((one, other))
    assert add(early, duration, calendar) <= add(late, duration, calendar)


@given(start=INSTANTS, days=st.integers(0, 20), one=WORK, other=WORK, calendar=CALENDARS)
def test_more_to_do_is_not_due_earlier(
    start: datetime, days: int, one: timedelta, other: timedelta, calendar: WorkCalendar
) -> None:
    less, more = sorted((one, other))
    assert add(start, Duration(days, less, Time.WORKING), calendar) <= add(
        start, Duration(days, more, Time.WORKING), calendar
    )
    assert add(start, Duration(days, less, Time.WORKING), calendar) <= add(
        start, Duration(days + 1, less, Time.WORKING), calendar
    )


@given(start=INSTANTS, one=WORK, other=WORK, calendar=CALENDARS)
def test_working_hours_add_up(start: datetime, one: timedelta, other: timedelta, calendar: WorkCalendar) -> None:
    between = after_working_hours(start, one, calendar)
    assert after_working_hours(between, other, calendar) == after_working_hours(start, one + other, calendar)


@given(start=INSTANTS, hours=WORK, calendar=CALENDARS)
def test_what_was_added_is_what_lies_between(start: datetime, hours: timedelta, calendar: WorkCalendar) -> None:
    assert working_hours_between(start, after_working_hours(start, hours, calendar), calendar) == hours


@given(instants=st.tuples(INSTANTS, INSTANTS, INSTANTS).map(sorted), calendar=CALENDARS)
def test_stretches_add_up(instants: list[datetime], calendar: WorkCalendar) -> None:
    first, middle, last = instants
    parts = working_hours_between(first, middle, calendar) + working_hours_between(middle, last, calendar)
    assert parts == working_hours_between(first, last, calendar)


@given(start=INSTANTS, days=st.integers(1, 30), calendar=CALENDARS)
def test_a_working_day_is_a_day_of_working_hours(start: datetime, days: int, calendar: WorkCalendar) -> None:
    due = add(start, Duration(days, time=Time.WORKING), calendar)
    length = timedelta(hours=calendar.closes.hour, minutes=calendar.closes.minute) - timedelta(
        hours=calendar.opens.hour, minutes=calendar.opens.minute
    )
    assert working_hours_between(start, due, calendar) == days * length
    local = due.astimezone(calendar.tz)
    assert calendar.works_on(local.date())
    assert calendar.opens <= local.time() < calendar.closes


# --- calendars of countries ---


@pytest.mark.parametrize(
    ("day", "works", "why"),
    [
        (date(2027, 3, 29), False, "Easter Monday moves"),
        (date(2028, 4, 17), False, "and moves again"),
        (date(2027, 5, 6), False, "Ascension"),
        (date(2027, 5, 17), False, "Whit Monday"),
        (date(2027, 7, 14), False, "14 July"),
        (date(2026, 11, 11), False, "11 November"),
        (date(2027, 3, 26), True, "Good Friday is a working day in most of France"),
        (date(2026, 12, 26), False, "26 December 2026 is a Saturday"),
        (date(2028, 12, 26), True, "26 December is no holiday"),
    ],
)
def test_french_days(day: date, works: bool, why: str) -> None:
    calendar = calendar_for("FR")
    assert calendar.works_on(day) is works, why
    assert (calendar.zone, calendar.known) == ("Europe/Paris", True)


def test_every_country_of_the_table_has_its_holidays() -> None:
    for country in ZONES:
        calendar = calendar_for(country)
        assert calendar.known, country
        assert date(2027, 1, 1) in calendar.holidays, country


@pytest.mark.parametrize("country", ["", "ZZ", "US", "fr"])
def test_an_unknown_country_has_weekends_only_and_says_so(country: str) -> None:
    calendar = calendar_for(country)
    assert (calendar.known, calendar.holidays, calendar.zone) == (False, frozenset(), "Europe/Paris")


def test_only_the_years_asked_for() -> None:
    assert {day.year for day in calendar_for("FR", range(2027, 2029)).holidays} == {2027, 2028}


def test_the_operators_days_take_the_place_of_the_librarys() -> None:
    own = read_holidays({"FR": [date(2027, 2, 2)], "US": [date(2027, 7, 4)]})
    french = calendar_for("FR", own=own["FR"])
    assert (french.holidays, french.known) == (frozenset({date(2027, 2, 2)}), True)
    # Its days are known now, its hours are not.
    assert calendar_for("US", own=own["US"]).known is False


@pytest.mark.parametrize(
    ("data", "places", "why"),
    [
        ({"France": [date(2027, 1, 1)]}, {"France"}, "a name is no code"),
        ({"fr": [date(2027, 1, 1)]}, {"fr"}, "codes are in capitals, else nobody would ever ask for it"),
        ({"FR": "2027-01-01"}, {"FR"}, "not a list"),
        ({"FR": ["2027-01-01"]}, {"FR"}, "a text is no day"),
        ({"FR": [datetime(2027, 1, 1, tzinfo=UTC)]}, {"FR"}, "nor is an instant"),
        ({"FR": [1], "BE": 2}, {"FR", "BE"}, "every bad key is named"),
    ],
)
def test_bad_holidays_are_refused_by_name(data: dict[str, object], places: set[str], why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_holidays(data)
    assert set(refused.value.problems) == places, why
