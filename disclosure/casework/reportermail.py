"""The way out to reporters who left an address: a code, or that there is something new; nothing else (R23)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from email.headerregistry import Address as Mailbox
from typing import Any

from sqlalchemy import Connection, Row, select, update

from disclosure.casework import breaker, keys, maintenance, reporteraddress
from disclosure.casework.office import Office, new_code
from disclosure.casework.reporteraddress import CODE
from disclosure.casework.traces import trace
from disclosure.mail import compose, pgpmime, relay
from disclosure.protocol.values import Address, Language
from disclosure.store.claims import take_first
from disclosure.store.tables import reporter_addresses as rows
from disclosure.store.tables import reports

CODE_LIFETIME = timedelta(hours=24)
LEASE = timedelta(minutes=10)  # longer than one conversation may take
log = logging.getLogger(__name__)
Send = Callable[[bytes, str, Address, str], relay.Outcome]


def deliver(office: Office, now: datetime, send: Send, *, clock: Callable[[], datetime] | None = None) -> int:
    """Send what is due, one after the other; returns how many were taken.

    Nothing leaves in maintenance, while the clock cannot be trusted, or while the relay rests: then one mail of the
    outbox finds out for all.
    """
    clock, taken = clock or (lambda: now), 0
    if maintenance.stands(office, now):
        return 0
    while not breaker.rests(office, clock()) and (row := _claim(office, clock())) is not None:
        try:
            taken += _sent(office, row, clock(), send)
        except Exception as error:
            # No word of it goes into a log: a library's error may quote the address.
            log.error("a mail to a reporter was not written: %s", trace(error))
            _ended(office, row, _later(row, clock()))
    return taken


def _claim(office: Office, now: datetime) -> Row[Any] | None:
    free = rows.c.lease_until.is_(None) | (rows.c.lease_until <= now)
    due = (
        select(rows)
        .where(rows.c.due.is_not(None), rows.c.next_try_at <= now, free)
        .order_by(rows.c.next_try_at)
        .limit(1)
    )

    def mark(tx: Connection, row: Row[Any]) -> Row[Any]:
        held = {
            "fence": row.fence + 1,
            "attempts": row.attempts + 1,
            "first_try_at": row.first_try_at or now,
            "lease_until": now + LEASE,
        }
        tx.execute(update(rows).where(rows.c.report_id == row.report_id).values(**held))
        return tx.execute(select(rows).where(rows.c.report_id == row.report_id)).one()

    return take_first(office.store, due, mark)


def _sent(office: Office, row: Row[Any], now: datetime, send: Send) -> bool:
    code = new_code() if row.due == CODE else ""
    message, to = _written(office, row, code, now)
    if code:
        # Before it leaves: a code that arrives must be known here.
        known = {"code_hash": office.secrets.code_hash("code", code), "code_until": now + CODE_LIFETIME}
        if not _fenced(office, row, known | {"tries": 0, "slow_until": None}):
            return False
    outcome = send(message, "", to, "")
    done: dict[str, Any] = {"due": None, "next_try_at": None, "attempts": 0, "first_try_at": None}
    match outcome.kind:
        case relay.Kind.ACCEPTED | relay.Kind.AMBIGUOUS:  # in doubt: the page offers another code
            _ended(office, row, done)
        case relay.Kind.REFUSED_PERMANENT:
            _ended(office, row, done | {"fault": outcome.code[:40]})
        case _:
            _ended(office, row, _later(row, now))
    return outcome.kind is relay.Kind.ACCEPTED


def _later(row: Row[Any], now: datetime) -> dict[str, Any]:
    """Empty when patience has ended."""
    again = relay.next_try(row.attempts, now=now, first=row.first_try_at, jitter=random.random())  # noqa: S311
    return {"next_try_at": again} if again else {}


def _ended(office: Office, row: Row[Any], values: dict[str, Any]) -> None:
    _fenced(office, row, (values or {"due": None, "next_try_at": None, "fault": "given_up"}) | {"lease_until": None})


def _fenced(office: Office, row: Row[Any], values: dict[str, Any]) -> bool:
    """False where another address was named, or this one removed, while the mail was under way."""
    mine = (rows.c.report_id == row.report_id) & (rows.c.fence == row.fence)
    with office.store.writing() as tx:
        return tx.execute(update(rows).where(mine).values(**values)).rowcount == 1


def _written(office: Office, row: Row[Any], code: str, now: datetime) -> tuple[bytes, Address]:
    with office.store.reading() as connection:
        language = Language(str(connection.scalar(select(reports.c.language).where(reports.c.id == row.report_id))))
    to, settings = Address.parse(reporteraddress.opened(office, row)), office.settings
    hours = int(CODE_LIFETIME.total_seconds()) // 3600
    mail = compose.ReporterCode(code, hours) if code else compose.ReporterNews()
    from_ = str(Mailbox(settings.operator.legal_name, addr_spec=str(settings.mail.from_address)))
    message_id = f"<{pgpmime.random_token()}@{settings.mail.domain}>"
    envelope = pgpmime.Envelope(from_, to, str(settings.mail.from_address), message_id, now)
    text = compose.compose(mail, language)
    return pgpmime.signed(text, envelope, keys.service_key(office), now=now), to
