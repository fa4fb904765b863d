"""Two indexes that no query asks, and room beside rows that are written again: both cost every step of a case.
Second codes by their case, which verify asks of each.

Revision 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UNASKED = (
    ("ix_deadlines_due_at", "deadlines", ("due_at",), sa.text("state = 'pending'")),
    ("ix_cases_coordinator_id_next_at_id", "cases", ("coordinator_id", "next_at", "id"), None),
)
REWRITTEN = ("streams", "deadlines")


def upgrade() -> None:
    for name, table, _, _ in UNASKED:
        op.drop_index(name, table)
    op.create_index("ix_second_codes_case_id", "second_codes", ["case_id"])
    _on_postgresql("SET (fillfactor = 80)")


def downgrade() -> None:
    _on_postgresql("RESET (fillfactor)")
    op.drop_index("ix_second_codes_case_id", "second_codes")
    for name, table, columns, where in UNASKED:
        op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)


def _on_postgresql(change: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in REWRITTEN:
            op.execute(f"ALTER TABLE {table} {change}")
