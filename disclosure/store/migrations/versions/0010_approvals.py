"""Approvals that wait, for the desk's list of them.

Revision 0010, after 0008
"""

import json
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

ENDS = ("ApprovalRefused", "ApprovalExpired", "ApprovalVoided")  # the last since this revision: it went down and up
TYPES = ("ApprovalProposed", *ENDS, "NoticeReleased", "RungClimbed", "MailQueued")


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_approvals_case_id_cases"),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "ix_approvals_expires_at", "approvals", ["expires_at"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index("ix_approvals_case_id", "approvals", ["case_id"])
    connection = op.get_bind()
    events = sa.table("events", sa.column("stream_id"), sa.column("seq"), sa.column("type"), sa.column("body"))
    asked = sa.select(events).where(events.c.type.in_(TYPES)).order_by(events.c.stream_id, events.c.seq)
    rows: dict[str, dict[str, object]] = {}
    for event in connection.execute(asked):
        _follow(rows, event.stream_id, event.type, json.loads(event.body)["open"])
    if rows:
        op.bulk_insert(
            sa.table(
                "approvals",
                sa.column("id"),
                sa.column("case_id"),
                sa.column("act"),
                sa.column("expires_at", sa.DateTime(timezone=True)),
                sa.column("state"),
            ),
            [{name: value for name, value in row.items() if name != "subject"} for row in rows.values()],
        )


def _follow(rows: dict[str, dict[str, object]], case_id: str, kind: str, said: dict[str, object]) -> None:
    """The row of what was asked for, and its end: an event of its own, or that the act was done."""
    if kind == "ApprovalProposed":
        expires_at = datetime.fromisoformat(str(said["expires_at"]))
        row = {"id": said["approval_id"], "case_id": case_id, "act": said["act"], "subject": said["subject"]}
        rows[str(said["approval_id"])] = row | {"expires_at": expires_at, "state": "open"}
    elif kind in ENDS:
        rows[str(said["approval_id"])]["state"] = "ended"
    else:
        act, subject = _done(kind, said)
        for row in rows.values():
            if (row["case_id"], row["act"], row["subject"]) == (case_id, act, subject):
                row["state"] = "ended"


def _done(kind: str, said: dict[str, object]) -> tuple[str, object]:
    if kind == "NoticeReleased":
        return "release", said["person_id"]
    if kind == "RungClimbed":
        return "referral", said["rung"]
    first = said["mail_type"] in {"contact_request", "forward_request"}
    return ("first_contact" if first else ""), said["to"]


def downgrade() -> None:
    op.drop_table("approvals")
