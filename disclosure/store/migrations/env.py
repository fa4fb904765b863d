"""Alembic's entry: the connection is handed in by store.schema; there is no other way to run a migration."""

from typing import Any, Literal

from alembic import context

from disclosure.store.tables import Instant, metadata


def _render(kind: str, item: Any, _: Any) -> str | Literal[False]:
    # A revision stands by itself: it must mean the same after our column types have changed.
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=_render,
    transaction_per_migration=False,
)
context.run_migrations()
