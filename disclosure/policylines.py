"""On which line of a TOML text a place stands: for people who mend the file (``disclosure policy check``).

TOML's reader tells values and no lines. This looks for the place's own key, then for the table it belongs to.
"""

from __future__ import annotations

import re

_TABLE = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")


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
