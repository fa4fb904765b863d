"""Searches for a contact's certificates, beside those for a domain's contacts.

Revision 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("searches", sa.Column("contact_id", sa.String(length=32), nullable=True))


def downgrade() -> None:
    # A search for certificates would look like one for contacts to whoever does not know the column.
    op.execute("DELETE FROM searches WHERE contact_id IS NOT NULL")
    op.drop_column("searches", "contact_id")
