"""What the outbox orders and counts by, and the state of the way out, which workers share.

Revision 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UNSENT = sa.text("state IN ('recipe', 'prepared', 'sending')")
COLUMNS = ("urgency", "signed_only", "resent_at", "full_since", "started_at", "address_token", "domain_token")


def upgrade() -> None:
    op.add_column("outbox", sa.Column("urgency", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("outbox", sa.Column("signed_only", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("outbox", sa.Column("resent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("full_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("address_token", sa.String(length=64), nullable=True))
    op.add_column("outbox", sa.Column("domain_token", sa.String(length=64), nullable=True))
    op.execute("UPDATE outbox SET urgency = 0 WHERE mail_type = 'second_code'")
    op.drop_index("ix_outbox_next_try_at", "outbox")
    op.create_index(
        "ix_outbox_urgency_next_try_at",
        "outbox",
        ["urgency", "next_try_at"],
        sqlite_where=UNSENT,
        postgresql_where=UNSENT,
    )
    op.create_index("ix_outbox_domain_token_started_at", "outbox", ["domain_token", "started_at"])
    op.create_table(
        "breakers",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_breakers"),
    )


def downgrade() -> None:
    op.drop_table("breakers")
    op.drop_index("ix_outbox_domain_token_started_at", "outbox")
    op.drop_index("ix_outbox_urgency_next_try_at", "outbox")
    for name in COLUMNS:
        op.drop_column("outbox", name)
    op.create_index("ix_outbox_next_try_at", "outbox", ["next_try_at"], sqlite_where=UNSENT, postgresql_where=UNSENT)
