"""Whose a task is: the case's coordinator's, until somebody takes it.

Revision 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("owner_id", sa.String(length=32), nullable=False, server_default=""))
    op.execute("UPDATE tasks SET owner_id = (SELECT cases.coordinator_id FROM cases WHERE cases.id = tasks.case_id)")


def downgrade() -> None:
    op.drop_column("tasks", "owner_id")
