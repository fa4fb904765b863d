"""The orders of what is due end in the id, as their queries do: many are due at one instant. Tokens by their stream.

Revision 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPEN, UNSENT = sa.text("life = 'open'"), sa.text("state IN ('recipe', 'prepared', 'sending')")
DUE = (("cases", ("next_at",), OPEN), ("outbox", ("urgency", "next_try_at"), UNSENT))


def upgrade() -> None:
    for table, columns, where in DUE:
        _exchange(table, columns, (*columns, "id"), where)
    op.create_index("ix_domain_tokens_stream_id", "domain_tokens", ["stream_id"])


def downgrade() -> None:
    op.drop_index("ix_domain_tokens_stream_id", "domain_tokens")
    for table, columns, where in DUE:
        _exchange(table, (*columns, "id"), columns, where)


def _exchange(table: str, old: tuple[str, ...], new: tuple[str, ...], where: sa.TextClause) -> None:
    op.create_index(f"ix_{table}_{'_'.join(new)}", table, list(new), sqlite_where=where, postgresql_where=where)
    op.drop_index(f"ix_{table}_{'_'.join(old)}", table)
