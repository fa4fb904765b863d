"""Pictures of a notice, under the case's own key.

Revision 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice_pictures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_notice_pictures_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_pictures")),
    )
    op.create_index("ix_notice_pictures_case_id", "notice_pictures", ["case_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_notice_pictures_case_id", table_name="notice_pictures")
    op.drop_table("notice_pictures")
