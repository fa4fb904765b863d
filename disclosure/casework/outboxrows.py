"""Rows of the outbox: claimed with a lease and a fence, started, written back (design.md section 3; facts: mail 1.4).

Whoever claims rows holds them until the lease ends; the fence tells its writes from those of a later holder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, or_, select, update

from disclosure.casework import casefile
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office
from disclosure.mail.relay import Outcome
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import DisclosureError
from disclosure.protocol.values import Language
from disclosure.store.manyrows import ManyRows, RowKind
from disclosure.store.tables import outbox


@dataclass(frozen=True)
class Claim:
    """A row that this process holds until the lease ends; ``fence`` tells its writes from those of a later holder."""

    id: str
    case_id: str | None
    mail_type: MailType
    to: str
    language: Language
    state: str
    attempts: int
    ambiguous: int
    fence: int
    queued_at: datetime
    signed_only: bool = False
    full_since: datetime | None = None
    resent_at: datetime | None = None
    taken_at: datetime | None = None  # of a mail being sent: when the relay said yes
    taken_code: str = ""
    file: CaseFile | None = None  # the case as it was a moment ago, for whoever has just read it

    @property
    def since(self) -> datetime:
        """From when it is known for how long to try."""
        return self.resent_at or self.queued_at

    @property
    def of_a_case(self) -> bool:
        """A call to coordinators says nothing of the case that it comes from."""
        return self.case_id is not None and self.mail_type is not MailType.COORDINATORS_CALLED


class Superseded(DisclosureError):
    """Another process holds the row by now, and has recorded that what this one did is not known."""


# Longer than the relay's total time and the database's busy time-out together (facts: mail 1.4).
LEASE = timedelta(minutes=5)
URGENT, USUAL = 0, 1
_HELD_BY_US = (
    outbox.c.id,
    outbox.c.case_id,
    outbox.c.mail_type,
    outbox.c.recipient,
    outbox.c.language,
    outbox.c.state,
    outbox.c.attempts,
    outbox.c.ambiguous,
    outbox.c.fence,
    outbox.c.queued_at,
    outbox.c.signed_only,
    outbox.c.full_since,
    outbox.c.resent_at,
    outbox.c.finished_at,
    outbox.c.last_code,
)
# Built once: building a statement costs as much as running it.
_LOOK = (
    select(*_HELD_BY_US)
    .where(
        outbox.c.urgency == bindparam("urgency"),
        outbox.c.state.in_(("recipe", "prepared", "sending")),
        outbox.c.next_try_at <= bindparam("now"),
        or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= bindparam("now")),
    )
    .order_by(outbox.c.next_try_at, outbox.c.id)
    .limit(bindparam("most"))
)
_TAKE = _LOOK.with_for_update(skip_locked=True)
_OURS = (outbox.c.id == bindparam("its_id")) & (outbox.c.fence == bindparam("its_fence"))
_WRITE = RowKind(20, update(outbox).where(_OURS), missed=Superseded)
_WRITE_IN_TIME = RowKind(
    20, update(outbox).where(_OURS, outbox.c.lease_until > bindparam("instant")), missed=Superseded
)
_LEASE = update(outbox).where(_OURS).values(fence=outbox.c.fence + 1, lease_until=bindparam("until"))
_START = (
    update(outbox)
    .where(_OURS, outbox.c.lease_until > bindparam("now"))
    .values(
        state="sending",
        attempts=bindparam("tries"),
        lease_until=bindparam("until"),
        started_at=bindparam("instant"),
        finished_at=None,
    )
)
_TAKEN = (
    update(outbox)
    .where(_OURS, outbox.c.state == "sending")
    .values(finished_at=bindparam("instant"), last_code=bindparam("code"))
)


def claim(office: Office, now: datetime, most: int, *, urgent: bool = False) -> list[Claim]:
    """What is due and nobody holds, those first for which a person waits; ``urgent``: only those."""
    classes = (URGENT,) if urgent else (URGENT, USUAL)
    with office.store.reading() as connection:
        if not _due(connection, _LOOK, now, 1, classes):
            return []  # nothing to do costs no lock
    with office.store.writing() as tx:
        rows = _due(tx, _TAKE, now, most, classes)
        if rows:
            until = now + LEASE
            tx.execute(_LEASE, [{"its_id": row.id, "its_fence": row.fence, "until": until} for row in rows])
    return [claim_of(row, row.fence + 1) for row in rows]


def _due(
    connection: Connection, query: Select[Any], now: datetime, most: int, classes: Sequence[int]
) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for urgency in classes:
        if len(rows) < most:
            wanted = {"now": now, "urgency": urgency, "most": most - len(rows)}
            rows.extend(connection.execute(query, wanted))
    return rows


def claim_of(row: Row[Any], fence: int) -> Claim:
    return Claim(
        row.id,
        row.case_id,
        MailType(row.mail_type),
        row.recipient,
        Language(row.language),
        row.state,
        row.attempts,
        row.ambiguous,
        fence,
        row.queued_at,
        row.signed_only,
        row.full_since,
        row.resent_at,
        row.finished_at,
        row.last_code or "",
    )


def with_files(office: Office, held: Sequence[Claim]) -> list[Claim]:
    """Each with its case as it is now, for a case's own mail."""
    ids = {one.case_id for one in held if one.case_id and one.of_a_case}
    with office.store.reading() as connection:
        files = casefile.load_all(office, connection, sorted(ids))
    return [replace(one, file=files.get(one.case_id or "")) if one.of_a_case else one for one in held]


def release(office: Office, held: Sequence[Claim]) -> None:
    """Rows that were claimed and not touched: anybody may have them at once."""
    if held:
        with office.store.writing() as tx:
            for one in held:
                tx.execute(_update(one).values(lease_until=None))


def start(tx: Connection, held: Claim, now: datetime) -> bool:
    """Commit ``sending`` before the first byte goes out; False when the lease is no longer ours."""
    values = {"its_id": held.id, "its_fence": held.fence, "now": now, "instant": now}
    return tx.execute(_START, values | {"tries": held.attempts + 1, "until": now + LEASE}).rowcount == 1


def taken(tx: Connection, held: Claim, outcome: Outcome, at: datetime) -> None:
    """The relay said yes, and the ledger is told later: who dies in between leaves a row that is not in doubt."""
    tx.execute(_TAKEN, {"its_id": held.id, "its_fence": held.fence, "instant": at, "code": outcome.code})


def postpone(tx: Connection, held: Claim, until: datetime, reason: str) -> None:
    """Not an attempt: it was not its turn."""
    tx.execute(_update(held).values(next_try_at=until, lease_until=None, last_code=reason))


def fenced(held: Claim, now: datetime | None = None, **values: object) -> Callable[[ManyRows], None]:
    """Writes the row only while it is ours, and with ``now`` only within the lease; else Superseded."""
    row = values | {"its_id": held.id, "its_fence": held.fence}

    def add(rows: ManyRows) -> None:
        if now is None:
            rows.add(_WRITE, row)
        else:
            rows.add(_WRITE_IN_TIME, row | {"instant": now})

    return add


def _update(held: Claim) -> Any:
    return update(outbox).where(outbox.c.id == held.id, outbox.c.fence == held.fence)


def of(connection: Connection, mail_id: str) -> Row[Any] | None:
    return connection.execute(select(outbox).where(outbox.c.id == mail_id)).one_or_none()
