"""Long lists page by page, by keyset: a page costs the same however many rows lie before it.

A key is what orders the last row shown, as it stands in a page's address; whoever types another gets InvalidInput.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, and_, or_

from disclosure.protocol.errors import InvalidInput

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the key after which the next page begins; empty on the last one."""

    rows: tuple[T, ...]
    next: str = ""


def key(*values: object) -> str:
    return "~".join(value.isoformat() if isinstance(value, datetime) else str(value) for value in values)


def parts(text: str, count: int) -> list[str]:
    held = text.split("~")
    if len(held) != count:
        raise InvalidInput({"after": "not_a_page"})
    return held


def instant(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput({"after": "not_a_page"}) from None
    if read.tzinfo is None:
        raise InvalidInput({"after": "not_a_page"})
    return read


def beyond(at: ColumnElement[Any], row_id: ColumnElement[Any], after: str) -> ColumnElement[bool]:
    """Rows after the key in the order (at, id)."""
    moment, last = parts(after, 2)
    return or_(at > instant(moment), and_(at == instant(moment), row_id > last))


def page_of(
    rows: Sequence[Row[Any]], most: int, row_of: Callable[[Row[Any]], T | None], key_of: Callable[[Row[Any]], str]
) -> Page[T]:
    """One row more than ``most`` was asked for: whether it came says whether there is a next page.

    ``row_of``: None for one that cannot be shown.
    """
    kept = rows[:most]
    shown = (row_of(row) for row in kept)
    return Page(tuple(row for row in shown if row is not None), key_of(kept[-1]) if len(rows) > most else "")
