"""What lasts, as tables. Rows are projections of the ledger, or things that are no facts of a case (links, sessions).

Core tables on Flask-SQLAlchemy's metadata: ledger, outbox and deadlines are written with Core (design.md section 3).
Names of constraints follow one convention from revision 1. No ON DELETE CASCADE anywhere. Columns hold nothing that a
reporter wrote; domains and addresses are looked up by keyed hash (``domain_tokens``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)


class Instant(TypeDecorator[datetime]):
    """An aware instant, UTC in the database. A naive one is a fault of the program."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive instant")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
db = SQLAlchemy(metadata=metadata)

_ID = String(32)
_CODE = String(40)
_HASH = String(64)


def _id() -> Column[Any]:
    return Column("id", _ID, primary_key=True)


def _to(table: str, name: str = "", *, null: bool = False) -> Column[Any]:
    return Column(name or f"{table.rstrip('s')}_id", _ID, ForeignKey(f"{table}.id"), nullable=null)


# Rows that are written again, none of their indexed columns: with room beside them PostgreSQL leaves the indexes alone.
_REWRITTEN: dict[str, Any] = {"postgresql_with": {"fillfactor": 80}}

# --- the ledger ---

streams = Table(
    "streams",
    metadata,
    _id(),
    Column("kind", _CODE, nullable=False),  # report | case
    Column("created_at", Instant, nullable=False),
    Column("head_seq", Integer, nullable=False),
    Column("head_hash", _HASH, nullable=False),
    Column("head_signature", LargeBinary, nullable=False),
    Column("erased_at", Instant),
    **_REWRITTEN,
)
events = Table(
    "events",
    metadata,
    _to("streams"),
    Column("seq", Integer, nullable=False),
    Column("type", _CODE, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", _HASH, nullable=False),
    PrimaryKeyConstraint("stream_id", "seq"),
)
event_parts = Table(
    "event_parts",
    metadata,
    Column("stream_id", _ID, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("part", _CODE, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("stream_id", "seq", "part"),
    ForeignKeyConstraint(["stream_id", "seq"], ["events.stream_id", "events.seq"]),
)

# --- reports and cases, as projections ---

reports = Table(
    "reports",
    metadata,
    Column("id", _ID, ForeignKey("streams.id"), primary_key=True),
    Column("reference", String(16), nullable=False, unique=True),
    Column("codename_hash", _HASH, nullable=False, unique=True),
    Column("triage", _CODE, nullable=False),
    Column("kind", _CODE, nullable=False),
    Column("severity_seen", _CODE, nullable=False),
    Column("language", _CODE, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("read_at", Instant),
    Column("called_at", Instant),
    Column("head_seq", Integer, nullable=False),
    Index("ix_reports_triage_received_at", "triage", "received_at"),
)
pictures = Table(
    "pictures",
    metadata,
    _id(),
    _to("reports"),
    Column("media_type", _CODE, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("sha256", _HASH, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_pictures_report_id", "report_id"),
)
notice_pictures = Table(
    "notice_pictures",
    metadata,
    _id(),
    _to("cases"),
    Column("media_type", _CODE, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("sha256", _HASH, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # under the case's key: it survives the report's erasure
    Index("ix_notice_pictures_case_id", "case_id"),
)
submissions = Table(
    "submissions",
    metadata,
    Column("token_hash", _HASH, primary_key=True),
    Column("at", Instant, nullable=False),
)
cases = Table(
    "cases",
    metadata,
    Column("id", _ID, ForeignKey("streams.id"), primary_key=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("number_known_at", Instant),  # R24: the number exists once a mail has left
    Column("opened_at", Instant, nullable=False),
    Column("kind", _CODE),
    Column("severity", _CODE),
    Column("role", _CODE, nullable=False),
    Column("life", _CODE, nullable=False),
    Column("contact", _CODE, nullable=False),
    Column("notice", _CODE, nullable=False),
    Column("acknowledgement", _CODE, nullable=False),
    Column("remediation", _CODE, nullable=False),
    Column("publicity", _CODE, nullable=False),
    Column("whose_move", _CODE, nullable=False),
    Column("next_at", Instant),
    Column("coordinator_id", _ID, nullable=False),
    Column("policy_version", _CODE, nullable=False),
    Column("stuck_at", Instant),
    Column("stuck_why", String(200)),
    Column("head_seq", Integer, nullable=False),
)
_OPEN = text("life = 'open'")
Index(
    "ix_cases_whose_move_next_at_id",
    cases.c.whose_move,
    cases.c.next_at,
    cases.c.id,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)
# With the id: after an outage thousands are due at one instant; sorting them for each batch costs more than firing.
Index("ix_cases_next_at_id", cases.c.next_at, cases.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)
case_reports = Table(
    "case_reports",
    metadata,
    _to("cases"),
    _to("reports"),
    PrimaryKeyConstraint("case_id", "report_id"),
    Index("ix_case_reports_report_id", "report_id"),
)
domain_tokens = Table(
    "domain_tokens",
    metadata,
    Column("token", _HASH, nullable=False),
    _to("streams"),
    PrimaryKeyConstraint("token", "stream_id"),
    Index("ix_domain_tokens_stream_id", "stream_id"),
)
deadlines = Table(
    "deadlines",
    metadata,
    _id(),
    _to("cases"),
    Column("rung", _CODE, nullable=False),
    Column("clock", _CODE, nullable=False),
    Column("due_at", Instant),  # empty while the clock stands still
    Column("state", _CODE, nullable=False),  # pending | paused | fired | superseded
    Column("fired_at", Instant),
    UniqueConstraint("case_id", "rung", "clock"),
    **_REWRITTEN,
)
tasks = Table(
    "tasks",
    metadata,
    _id(),
    _to("cases"),
    Column("kind", _CODE, nullable=False),
    Column("channel", _CODE, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("state", _CODE, nullable=False),  # open | done | cancelled
    Column("owner_id", _ID, nullable=False, server_default=""),  # who took it, else who has the case
)
_TASK_OPEN = text("state = 'open'")
Index("ix_tasks_due_at", tasks.c.due_at, sqlite_where=_TASK_OPEN, postgresql_where=_TASK_OPEN)
Index("ix_tasks_case_id", tasks.c.case_id)
approvals = Table(
    "approvals",
    metadata,
    _id(),
    _to("cases"),
    Column("act", _CODE, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", _CODE, nullable=False),  # open | ended: refused, expired, void, or done
)
_APPROVAL_OPEN = text("state = 'open'")
Index(
    "ix_approvals_expires_at",
    approvals.c.expires_at,
    sqlite_where=_APPROVAL_OPEN,
    postgresql_where=_APPROVAL_OPEN,
)
Index("ix_approvals_case_id", approvals.c.case_id)

# --- looking for contacts ---

searches = Table(
    "searches",
    metadata,
    _id(),
    _to("cases"),
    Column("domain_id", _HASH, nullable=False),  # empty: of a contact that no look-up found
    Column("contact_id", _ID),  # null: for contacts of the domain; else for certificates of this contact
    Column("state", _CODE, nullable=False),  # waiting | running | ended
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Instant),
    Column("lease_until", Instant),
    Column("fence", Integer, nullable=False),
    Column("outcome", _CODE),
    Index("ix_searches_case_id", "case_id"),
)
_WAITING = text("state <> 'ended'")
Index("ix_searches_next_try_at", searches.c.next_try_at, sqlite_where=_WAITING, postgresql_where=_WAITING)
probes = Table(
    "probes",
    metadata,
    _id(),
    _to("cases"),
    Column("search_id", _ID, nullable=False),
    Column("sha256", _HASH, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_probes_case_id", "case_id"),
)

# --- mail ---

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _to("cases", null=True),
    _to("reports", null=True),
    _to("deadlines", null=True),
    Column("mail_type", _CODE, nullable=False),
    Column("recipient", _ID, nullable=False),
    Column("language", _CODE, nullable=False),
    Column("policy_version", _CODE, nullable=False),
    Column("queued_at", Instant, nullable=False),
    # recipe | prepared | sending | relayed | dead | held | cancelled
    Column("state", _CODE, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("ambiguous", Integer, nullable=False),
    Column("next_try_at", Instant),
    Column("lease_until", Instant),
    Column("fence", Integer, nullable=False),
    Column("message_id", String(128), unique=True),
    Column("reply_token", _HASH),
    Column("return_token", _HASH),
    Column("sealed", LargeBinary),  # sender, recipient and the bytes, fixed before the first attempt
    Column("sha256", _HASH),
    Column("last_code", _CODE),
    Column("finished_at", Instant),
    Column("urgency", Integer, nullable=False, server_default="1"),  # 0: a person waits (R29); they go first
    Column("signed_only", Boolean, nullable=False, server_default=false()),
    Column("resent_at", Instant),  # a person sent it again: patience begins anew, and nothing of ours holds it back
    Column("full_since", Instant),  # since when another is asked in its place: it is full, or puts us off
    Column("started_at", Instant),  # of the last attempt
    Column("address_token", _HASH),  # what is counted by: nobody is flooded
    Column("domain_token", _HASH),
    UniqueConstraint("deadline_id", "mail_type", "recipient"),
    Index("ix_outbox_case_id", "case_id"),
    Index("ix_outbox_domain_token_started_at", "domain_token", "started_at"),
)
_UNSENT = text("state IN ('recipe', 'prepared', 'sending')")
Index(
    "ix_outbox_urgency_next_try_at_id",
    outbox.c.urgency,
    outbox.c.next_try_at,
    outbox.c.id,
    sqlite_where=_UNSENT,
    postgresql_where=_UNSENT,
)
breakers = Table(
    "breakers",
    metadata,
    Column("name", _CODE, primary_key=True),
    Column("failures", Integer, nullable=False),  # one after the other, of all workers
    Column("since", Instant, nullable=False),
    Column("retry_at", Instant, nullable=False),
    Column("code", _CODE, nullable=False),
)
links = Table(
    "links",
    metadata,
    _id(),
    Column("hash", _HASH, nullable=False, unique=True),
    Column("purpose", _CODE, nullable=False),
    _to("cases"),
    Column("recipient", _ID, nullable=False),
    Column("mail_id", _ID, nullable=False),
    Column("key_id", _CODE, nullable=False),
    Column("code_hash", _HASH, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("person_id", _ID),  # who confirmed through it
    Column("openings", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("slow_until", Instant),
    Index("ix_links_case_id", "case_id"),
)
# A reporter's own address, beside the ledger so that it can be removed for good (casework/reporteraddress.py).
reporter_addresses = Table(
    "reporter_addresses",
    metadata,
    Column("report_id", _ID, ForeignKey("reports.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("code_hash", _HASH),
    Column("code_until", Instant),
    Column("tries", Integer, nullable=False),
    Column("slow_until", Instant),
    Column("confirmed_at", Instant),
    Column("asked", Integer, nullable=False),
    Column("asked_since", Instant, nullable=False),
    Column("due", _CODE),  # code | news
    Column("attempts", Integer, nullable=False),
    Column("first_try_at", Instant),
    Column("next_try_at", Instant),
    Column("lease_until", Instant),
    Column("fence", Integer, nullable=False),
    Column("fault", _CODE),
    Index("ix_reporter_addresses_next_try_at", "next_try_at"),
)

second_codes = Table(
    "second_codes",
    metadata,
    Column("mail_id", _ID, primary_key=True),
    _to("cases"),
    Column("person_id", _ID, nullable=False),
    Column("address_seq", Integer, nullable=False),
    Column("code_hash", _HASH, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("tries", Integer, nullable=False),
    Column("slow_until", Instant),
    Index("ix_second_codes_person_id", "person_id"),
    Index("ix_second_codes_case_id", "case_id"),
)
certificates = Table(
    "certificates",
    metadata,
    _id(),
    _to("cases"),
    Column("fingerprint", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # the verdict with the judged certificate
    Index("ix_certificates_case_id", "case_id"),
)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    # Empty until it is known what it answers; sealed under the system's key until then, under the case's from then on.
    _to("cases", null=True),
    Column("mail_id", _ID),
    Column("token", _HASH, nullable=False, unique=True),  # of recipient and content: taken twice, it is kept once
    Column("source", _CODE, nullable=False),  # imap | pipe
    Column("received_at", Instant, nullable=False),
    # stored | filed | triage | set_aside | quarantine
    Column("state", _CODE, nullable=False),
    Column("mail_class", _CODE),
    Column("why", _CODE),  # what a person must look at, or why it could not be read
    Column("size", Integer, nullable=False),
    Column("sha256", _HASH, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # envelope and bytes
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Instant),
    Column("fence", Integer, nullable=False),
    Index("ix_inbox_case_id", "case_id"),
    Index("ix_inbox_state_received_at", "state", "received_at"),
)

# --- people of ours, and the house ---

coordinators = Table(
    "coordinators",
    metadata,
    _id(),
    Column("login", String(80), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("address", String(254), nullable=False),
    Column("language", _CODE, nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("totp_sealed", LargeBinary, nullable=False),
    Column("totp_step", Integer, nullable=False),  # a code is good once
    Column("active", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
)
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", _HASH, primary_key=True),
    Column("audience", _CODE, nullable=False),
    Column("subject", _ID, nullable=False),  # coordinator, person or report
    Column("stream_id", _ID),  # the one case or report that an organisation or a reporter sees
    Column("link_id", _ID),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_sessions_expires_at", "expires_at"),
)
access_log = Table(
    "access_log",
    metadata,
    Column("coordinator_id", _ID, nullable=False),
    Column("stream_id", _ID, nullable=False),
    Column("quarter", Instant, nullable=False),
    PrimaryKeyConstraint("coordinator_id", "stream_id", "quarter"),
)
confirmed_channels = Table(
    "confirmed_channels",
    metadata,
    Column("channel_id", String(120), primary_key=True),
    Column("coordinator_id", _ID, nullable=False),
    Column("at", Instant, nullable=False),
    Column("certificate", LargeBinary),
)
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", _CODE, primary_key=True),
    Column("at", Instant, nullable=False),
)
facts = Table(
    "facts",
    metadata,
    Column("name", _CODE, primary_key=True),
    Column("value", String(400), nullable=False),
)
# R12, R33: every version of policy.toml that a case runs under, as it was read.
policies = Table(
    "policies",
    metadata,
    Column("version", _CODE, primary_key=True),  # its name and a digest of its values
    Column("text", Text, nullable=False),
    Column("kept_at", Instant, nullable=False),
)
