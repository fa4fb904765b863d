"""Rows of several streams for one transaction, kept until it writes them: one statement for all rows of a kind.

A statement costs more than its rows, and whoever writes keeps others waiting meanwhile. SQLite takes the rows one by
one within the statement. PostgreSQL gets them as a table of its own, one array for each column: a statement for each
row would cost it more than the row does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Insert, String, Update, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import visitors

from disclosure.protocol.errors import DisclosureError

WHICH = "its_id"


@dataclass(frozen=True, eq=False)
class RowKind:
    """One statement. ``place``: what others refer to comes before. ``missed``: the error where a row meets none.

    An update finds its row by ``id = :its_id``, whatever else it asks of it, and sets the columns that the row names.
    """

    place: int
    statement: Insert | Update
    missed: type[DisclosureError] | None = None


class ManyRows:
    def __init__(self) -> None:
        self._rows: dict[tuple[RowKind, tuple[str, ...]], list[Mapping[str, object]]] = {}

    def add(self, kind: RowKind, row: Mapping[str, object]) -> None:
        self._rows.setdefault((kind, tuple(row)), []).append(row)

    def write(self, tx: Connection) -> None:
        """Raises the kind's error where a row is not as its adder had read it; nothing of ``tx`` may be kept then."""
        for (kind, names), rows in sorted(self._rows.items(), key=lambda held: held[0][0].place):
            if tx.dialect.name == "postgresql" and len(rows) > 1 and _each_once(rows):
                done = _write_table(tx, kind, names, rows)
            else:
                done = tx.execute(kind.statement, rows).rowcount
            if kind.missed and done != len(rows):
                raise kind.missed(f"{done} of {len(rows)} rows")
        self._rows.clear()


def _each_once(rows: Sequence[Mapping[str, object]]) -> bool:
    """Of two changes of one row, a joined update makes one."""
    return WHICH not in rows[0] or len({row[WHICH] for row in rows}) == len(rows)


def _write_table(tx: Connection, kind: RowKind, names: tuple[str, ...], rows: Sequence[Mapping[str, object]]) -> int:
    """How many rows were written. What is the same in every row is said once."""
    columns = {
        # The driver wants one type in an array, and a code is not quite a string.
        name: [value.value if isinstance(value, Enum) else value for value in values]
        for name, values in zip(names, zip(*(row.values() for row in rows), strict=True), strict=True)
    }
    same = frozenset(name for name, values in columns.items() if values.count(values[0]) == len(values))
    if same == columns.keys():
        same = frozenset()
    parameters = {_bound(name, same): values[0] if name in same else values for name, values in columns.items()}
    return tx.execute(_as_table(kind, names, same), parameters).rowcount


def _bound(name: str, same: frozenset[str]) -> str:
    """SQLAlchemy keeps the names of columns for itself."""
    return f"same_{name}" if name in same else f"each_{name}"


@cache
def _as_table(kind: RowKind, names: tuple[str, ...], same: frozenset[str]) -> Insert | Update:
    """The kind's statement, its rows joined as a table instead of bound one by one."""
    statement: Any = kind.statement
    replaced: Any = visitors.replacement_traverse
    types = {name: statement.table.c[name].type for name in names if name in statement.table.c}
    if isinstance(statement, Update):
        asked = [node for node in visitors.iterate(statement.whereclause) if isinstance(node, BindParameter)]
        types = {node.key: node.type for node in asked if node.key in names} | types
    # Without its length: a cast cuts what is too long, the column itself refuses it.
    types = {name: String() if isinstance(kind_of, String) else kind_of for name, kind_of in types.items()}
    each = [name for name in names if name not in same]
    arrays = [bindparam(_bound(name, same), type_=ARRAY(types[name])) for name in each]
    rows = func.unnest(*arrays).table_valued(*(column(name, types[name]) for name in each)).render_derived("its")
    value = {name: rows.c[name] for name in each}
    value |= {name: bindparam(_bound(name, same), type_=types[name]) for name in same}
    if isinstance(statement, Insert):
        inserted: Insert = statement.from_select(names, select(*(value[name] for name in names)))
        return inserted

    def joined(node: Any, **_: object) -> Any:
        return value.get(node.key) if isinstance(node, BindParameter) else None

    values = {name: value[name] for name in names if name in statement.table.c}
    updated: Update = statement.table.update().where(replaced(statement.whereclause, {}, joined)).values(values)
    return updated
