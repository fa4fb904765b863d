"""Rows of several streams for one transaction, kept until it writes them: one statement for all rows of a kind.

A statement costs more than its rows, and whoever writes keeps others waiting meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Executable

from disclosure.protocol.errors import DisclosureError


@dataclass(frozen=True, eq=False)
class RowKind:
    """One statement. ``place``: what others refer to comes before. ``missed``: the error where a row meets none."""

    place: int
    statement: Executable
    missed: type[DisclosureError] | None = None


class ManyRows:
    def __init__(self) -> None:
        self._rows: dict[tuple[RowKind, tuple[str, ...]], list[Mapping[str, object]]] = {}

    def add(self, kind: RowKind, row: Mapping[str, object]) -> None:
        self._rows.setdefault((kind, tuple(row)), []).append(row)

    def write(self, tx: Connection) -> None:
        """Raises the kind's error where a row is not as its adder had read it; nothing of ``tx`` may be kept then."""
        for (kind, _), rows in sorted(self._rows.items(), key=lambda held: held[0][0].place):
            done = tx.execute(kind.statement, rows)
            if kind.missed and done.rowcount != len(rows):
                raise kind.missed(f"{done.rowcount} of {len(rows)} rows")
        self._rows.clear()
