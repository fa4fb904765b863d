"""Working calendars by country: movable holidays from the ``holidays`` library, the capital's zone (R32)."""

from __future__ import annotations

import holidays

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


def calendar_for(country: str) -> WorkCalendar:
    """The country's calendar; of a country that we do not know: Paris hours, weekends only, and it says so."""
    zone = ZONES.get(country)
    if zone is None or country not in holidays.list_supported_countries():
        return WorkCalendar(zone or "Europe/Paris", known=False)
    days = holidays.country_holidays(country, years=YEARS)
    return WorkCalendar(zone, frozenset(days))
