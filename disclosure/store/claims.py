"""Taking one piece of due work that several processes look for (design.md, section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select

from disclosure.store.transactions import Store

Taken = TypeVar("Taken")


def take_first(
    store: Store, due: Select[tuple[Any, ...]], mark: Callable[[Connection, Row[Any]], Taken]
) -> Taken | None:
    """The first row of ``due``, marked as this process's in the transaction that found it; None when nothing is due.

    ``mark`` writes lease and fence. The first look takes no lock: most ticks find nothing, and must not queue behind
    writers for that. Rows that another process is taking are left to it.
    """
    with store.reading() as connection:
        if connection.execute(due).first() is None:
            return None
    with store.writing() as tx:
        row = tx.execute(due.with_for_update(skip_locked=True)).first()
        return mark(tx, row) if row is not None else None
