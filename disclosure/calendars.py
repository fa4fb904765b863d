"""Working calendars by country: movable holidays from the ``holidays`` library, the capital's zone (R32).

National holidays only: those of a Land, a canton or Alsace-Moselle are working days here. A clock then runs a day
early, never late; an operator who wants them puts them into a holidays file of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import holidays

from disclosure.protocol import values
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.worktime import WorkCalendar

# A case lives weeks, its evidence five years; holidays are computed, so a wide span costs milliseconds once.
YEARS = range(2024, 2041)
# The capital's zone, IANA names; countries of the EU, the EEA, the United Kingdom and Switzerland.
ZONES = {
    "AT": "Europe/Vienna",
    "BE": "Europe/Brussels",
    "BG": "Europe/Sofia",
    "CH": "Europe/Zurich",
    "CY": "Asia/Nicosia",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "ES": "Europe/Madrid",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "GR": "Europe/Athens",
    "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest",
    "IE": "Europe/Dublin",
    "IS": "Atlantic/Reykjavik",
    "IT": "Europe/Rome",
    "LI": "Europe/Vaduz",
    "LT": "Europe/Vilnius",
    "LU": "Europe/Luxembourg",
    "LV": "Europe/Riga",
    "MT": "Europe/Malta",
    "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo",
    "PL": "Europe/Warsaw",
    "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest",
    "SE": "Europe/Stockholm",
    "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
}


def calendar_for(country: str, years: range = YEARS, own: frozenset[date] | None = None) -> WorkCalendar:
    """The country's calendar; of a country that we do not know: Paris hours, weekends only, and it says so.

    ``own``: the operator's days for this country (read_holidays), which take the place of the library's.
    """
    zone = ZONES.get(country)
    days = _national(country, years) if own is None else own
    return WorkCalendar(zone or "Europe/Paris", days or frozenset(), known=zone is not None and days is not None)


def _national(country: str, years: range) -> frozenset[date] | None:
    # A country whose hours we would have to guess is not known either.
    if country not in ZONES:
        return None
    try:  # the library's own list of countries loads every one of them: 0.1 s, and memory in each web process
        return frozenset(holidays.country_holidays(country, years=years))
    except NotImplementedError:
        return None


def read_holidays(data: Mapping[str, object]) -> Mapping[str, frozenset[date]]:
    """Values of a holidays file, ``FR = [2027-03-29, …]``; InvalidInput names every key that cannot be taken."""
    problems: dict[str, str] = {}
    for key, days in data.items():
        try:
            if values.country(key) != key:
                problems[key] = "not_a_country"
        except InvalidInput:
            problems[key] = "not_a_country"
        if not isinstance(days, list) or not all(_is_day(day) for day in days):
            problems[key] = "not_a_list_of_days"
    if problems:
        raise InvalidInput(problems)
    return {key: frozenset(days) for key, days in data.items() if isinstance(days, list)}


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)
