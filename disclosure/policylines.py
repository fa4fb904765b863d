"""On which line of a TOML text a place stands: for people who mend the file (``disclosure policy check``).

TOML's reader tells values and no lines. This looks for the place's own key, then for the table it belongs to.
"""

from __future__ import annotations

import re

_TABLE = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")


# What a code of policy.py means to whoever mends the file.
_REASONS = {
    "missing": "is missing",
    "unknown_key": "is not a key that this release knows",
    "three_durations": "needs three durations, one per mark",
    "not_in_order": "a later mark is shorter than the one before it",
    "two_times_of_day": 'needs two different times of day, as ["20:00", "07:30"]',
    "at_once_on_lapse_or_never": 'must be "at_once", "on_lapse" or "never"',
    "not_a_duration": 'must be an ISO 8601 duration in D, H, M and S, as "PT24H" or { working = "P2D" }',
    "zero_one_or_two": "must be 0, 1 or 2 coordinators",
    "too_long": "must be at most 31 characters long",
    "expected_str": "must be a text in quotation marks",
    "expected_bool": "must be true or false",
    "expected_int": "must be a whole number",
    "expected_dict": "must be a table",
    "cannot_be_read": "cannot be read",
    "not_toml": "is not TOML",
}


def say(code: str) -> str:
    """A problem's code in words; what stands behind a colon is the reader's own detail."""
    name, colon, detail = code.partition(": ")
    return _REASONS.get(name, name) + (f": {detail}" if colon else "")


def line_of(text: str, place: str) -> int:
    """The line (from 1) of ``table.key``; of the nearest table around it where the key is missing; else 1."""
    lines = _places(text)
    while place:
        if place in lines:
            return lines[place]
        place = place.rpartition(".")[0]
    return 1


def _places(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _TABLE.match(line), _KEY.match(line)
        if header:
            table = ".".join(_bare(part) for part in _split(header[1]))
            found.setdefault(table, number)
        elif key:
            found.setdefault(f"{table}.{_bare(key[1])}" if table else _bare(key[1]), number)
    return found


def _split(name: str) -> list[str]:
    return re.findall(r"""\s*("[^"]*"|'[^']*'|[^."']+)\s*\.?""", name)


def _bare(name: str) -> str:
    return name.strip().strip("\"'")
