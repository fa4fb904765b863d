"""A reporter's own address, where one was left: content-free mails only, and no person reads it but the reporter.

It stands beside the ledger and not in it, sealed under the report's key: who removes it removes it (R2). Neither a
coordinator nor a log nor the outbox holds it, and its mails (reportermail.py) leave with an empty envelope sender, so
that no bounce brings it back. A code comes first (R23); until it is typed in, nothing else is sent there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from disclosure.casework import linking
from disclosure.casework.office import Office
from disclosure.protocol.errors import InvalidInput, TooMany
from disclosure.protocol.values import Address
from disclosure.store.tables import reporter_addresses as rows
from disclosure.store.transactions import once

# Ours: whoever holds a codename could make us write to strangers.
MOST_CODES, WITHIN = 3, timedelta(hours=24)
CODE, NEWS = "code", "news"


@dataclass(frozen=True)
class Left:
    """What the reporter's page shows. ``fault``: the relay's code for an address that takes no mail."""

    address: str
    confirmed: bool
    fault: str


def look(office: Office, connection: Connection, report_id: str) -> Left | None:
    row = connection.execute(select(rows).where(rows.c.report_id == report_id)).one_or_none()
    return Left(opened(office, row), row.confirmed_at is not None, row.fault or "") if row and row.sealed else None


def _bound(report_id: str) -> str:
    return f"reporter_addresses|sealed|{report_id}"


def opened(office: Office, row: Row[Any]) -> str:
    """The address of a row."""
    return office.store.keyring.sealer(row.report_id).open(row.sealed, _bound(row.report_id)).decode()


def name(office: Office, report_id: str, text: str, now: datetime) -> None:
    """A code leaves to this address; one that was named before is forgotten. Raises InvalidInput, TooMany."""
    try:
        address = Address.parse(text.strip())
    except InvalidInput:
        raise InvalidInput({"address": "not_an_address"}) from None
    sealed = office.store.keyring.sealer(report_id).seal(str(address).encode(), _bound(report_id))
    mine = rows.c.report_id == report_id
    with office.store.writing() as tx:
        asked = {"asked": 0, "asked_since": now}
        once(tx, rows, {"report_id": report_id, "sealed": b"", "fence": 0, **_UNTOUCHED, **asked})
        before = tx.execute(select(rows).where(mine).with_for_update()).one()
        # A mail to an older address that is under way counts no more.
        values = _UNTOUCHED | {"sealed": sealed, "due": CODE, "next_try_at": now, "fence": before.fence + 1}
        tx.execute(update(rows).where(mine).values(**values, **_asked(before, now)))


def _asked(before: Row[Any], now: datetime) -> dict[str, Any]:
    """Counted even where the address was removed in between."""
    if now - before.asked_since > WITHIN:
        return {"asked": 1, "asked_since": now}
    if before.asked >= MOST_CODES:
        raise TooMany("code", int((before.asked_since + WITHIN - now).total_seconds()) + 1)
    return {"asked": before.asked + 1}


_UNTOUCHED: dict[str, Any] = {
    "code_hash": None,
    "code_until": None,
    "tries": 0,
    "slow_until": None,
    "confirmed_at": None,
    "fault": None,
    "attempts": 0,
    "first_try_at": None,
    "lease_until": None,
}


def confirm(office: Office, report_id: str, typed: str, now: datetime) -> None:
    """The code that came there was typed in. Raises InvalidInput, TooMany."""
    mine = rows.c.report_id == report_id
    with office.store.reading() as connection:
        row = connection.execute(select(rows).where(mine)).one_or_none()
    if row is None or row.code_hash is None or row.code_until <= now:
        raise InvalidInput({"code": "code_not_sent_yet"})
    linking.check_code(office, rows, mine, row, typed, now)
    with office.store.writing() as tx:
        same = mine & (rows.c.code_hash == row.code_hash)
        if tx.execute(update(rows).where(same).values(confirmed_at=now, code_hash=None)).rowcount != 1:
            raise InvalidInput({"code": "code_not_sent_yet"})  # another address was named meanwhile


def forget(office: Office, report_id: str) -> None:
    """The reporter wants no mail any more; only how many codes were asked for stays."""
    gone = _UNTOUCHED | {"sealed": b"", "due": None, "next_try_at": None, "fence": rows.c.fence + 1}
    with office.store.writing() as tx:
        tx.execute(update(rows).where(rows.c.report_id == report_id).values(**gone))


def remove(tx: Connection, report_id: str) -> None:
    """The report is erased."""
    tx.execute(rows.delete().where(rows.c.report_id == report_id))


def tell(tx: Connection, report_id: str, now: datetime) -> None:
    """Something new stands on the reporter's page. Several at once are one mail."""
    mine = (rows.c.report_id == report_id) & rows.c.confirmed_at.is_not(None) & rows.c.due.is_(None)
    tx.execute(update(rows).where(mine, rows.c.fault.is_(None)).values(due=NEWS, next_try_at=now, attempts=0))
