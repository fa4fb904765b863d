"""What the events say against what the rows hold: the first difference is named with its table, row and column."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from disclosure.protocol.errors import BrokenChain

Said = Mapping[Any, Mapping[str, Any]]  # a row's key → its columns


@dataclass(frozen=True)
class Place:
    """Where a fault is reported: a stream and its last entry, or the entry that the row belongs to."""

    stream_id: str
    seq: int

    def fault(self, words: str) -> BrokenChain:
        return BrokenChain(self.stream_id, self.seq, words)


def compare(
    place: Place, table: str, said: Said, rows: Iterable[Row[Any]], key: Callable[[Row[Any]], Hashable]
) -> None:
    """Rows and columns are exactly those that ``said`` names. Raises BrokenChain."""
    held = {key(row): row for row in rows}
    for name in said:
        if name not in held:
            raise place.fault(f"{table}: the row {shown(name)} is missing")
    for name, row in held.items():
        if name not in said:
            raise place.fault(f"{table}: no event knows the row {shown(name)}")
        for column, value in said[name].items():
            if not _same(getattr(row, column), value):
                differs = f"says {getattr(row, column)!s}, the events say {value!s}"
                raise place.fault(f"{table}.{column} of {shown(name)} {differs}")


def shown(name: Hashable) -> str:
    return "/".join(str(part) for part in name) if isinstance(name, tuple) else str(name)


def _same(stored: Any, said: Any) -> bool:
    if isinstance(said, datetime | None) or stored is None:
        return bool(stored == said)
    return str(stored) == str(said)
