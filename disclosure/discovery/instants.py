"""RFC 3339 date-times as security.txt and DNS Security TXT write them (ST-17, DT-02). Pure, and never overflows."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

_LATEST = datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
# Section 5.6: T and Z in either case, any number of second digits. Each part has one way to match: linear.
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_MICROSECONDS = 6
_LEAP_YEAR = 2000  # has the calendar of year 0, which Python cannot hold


def date_time(text: str) -> datetime | None:
    """The instant in UTC, or None where the text is no RFC 3339 date-time.

    What lies outside of Python's years is held at its first or last instant: far past or far future either way.
    """
    found = _DATE_TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    offset_hour, offset_minute = int(found[9] or 0), int(found[10] or 0)
    if not _on_the_clock(year, month, day, (hour, minute, second), (offset_hour, offset_minute)):
        return None
    if year == 0:
        return _EARLIEST
    # A leap second has no place in datetime: the 60th second is the next minute's first.
    leap = timedelta(seconds=1 if second == 60 else 0)  # noqa: PLR2004
    micro = int((found[7] or "0")[:_MICROSECONDS].ljust(_MICROSECONDS, "0"))
    local = datetime(year, month, day, hour, minute, min(second, 59), micro, tzinfo=UTC)
    offset = timedelta(hours=offset_hour, minutes=offset_minute) * (-1 if found[8] == "-" else 1)
    try:
        return local + leap - offset
    except OverflowError:
        return _LATEST if offset <= timedelta(0) else _EARLIEST


def _on_the_clock(year: int, month: int, day: int, time: tuple[int, int, int], offset: tuple[int, int]) -> bool:
    hour, minute, second = time
    return (
        1 <= month <= 12  # noqa: PLR2004
        and 1 <= day <= calendar.monthrange(year or _LEAP_YEAR, month)[1]
        and (hour, minute, second) <= (23, 59, 60)
        and minute <= 59  # noqa: PLR2004
        and second <= 60  # noqa: PLR2004
        and offset <= (23, 59)
        and offset[1] <= 59  # noqa: PLR2004
    )


def a_year_after(now: datetime) -> datetime:
    """The same day a year later; 1 March for 29 February."""
    if now.year == _LATEST.year:
        return _LATEST
    try:
        return now.replace(year=now.year + 1)
    except ValueError:
        return now.replace(year=now.year + 1, month=3, day=1)
