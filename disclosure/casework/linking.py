"""Signed links and typed codes (R25): one purpose, one case, one recipient, one expiry, a row that can revoke them.

A token is ``key id + base64url(random id + HMAC-SHA-256)``; the row holds its hash only. A link opens nothing by
itself: what moves a case is a POST with the code that stands in the mail's body.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Tx
from sqlalchemy import Row, Table, delete, select, update

from disclosure.casework.office import Office, new_code, new_id, same
from disclosure.protocol.errors import InvalidInput, LinkRefused, TooMany
from disclosure.protocol.values import Purpose, unspell
from disclosure.store.tables import links, sessions

ID_BYTES = 16
KEY_ID_LENGTH = 2
FREE_TRIES = 5
MAX_SLOW = timedelta(minutes=5)  # R25: wrong tries slow, never lock


@dataclass(frozen=True)
class NewLink:
    """A fresh link: the token and code go into the mail, the row into the database."""

    token: str
    code: str
    row: dict[str, object]


def sign(
    office: Office, purpose: Purpose, case_id: str, recipient: str, *, mail_id: str, expires_at: datetime
) -> NewLink:
    code = new_code()
    key_id, key = office.secrets.current_link_key()
    nonce = secrets.token_bytes(ID_BYTES)
    mac = _mac(key, purpose, case_id, recipient, expires_at, nonce)
    token = key_id + urlsafe_b64encode(nonce + mac).decode()
    row: dict[str, object] = {
        "id": new_id(),
        "hash": office.secrets.code_hash("link", token),
        "purpose": purpose,
        "case_id": case_id,
        "recipient": recipient,
        "mail_id": mail_id,
        "key_id": key_id,
        "code_hash": office.secrets.code_hash("code", code),
        "expires_at": expires_at,
        "openings": 0,
        "tries": 0,
    }
    return NewLink(token, code, row)


def _mac(key: bytes, purpose: str, case_id: str, recipient: str, expires_at: datetime, nonce: bytes) -> bytes:
    signed = "|".join(("disclosure/link/1", purpose, case_id, recipient, expires_at.isoformat(timespec="microseconds")))
    return hmac.new(key, signed.encode() + b"|" + nonce, hashlib.sha256).digest()


def find(office: Office, connection: Tx, token: str, now: datetime, *, only: Purpose | None = None) -> Row[Any]:
    """The live row of a token. LinkRefused for unknown, forged, expired, revoked and meant for another purpose than
    ``only`` alike, after the same work."""
    row = connection.execute(select(links).where(links.c.hash == office.secrets.code_hash("link", token))).one_or_none()
    key_id, nonce, mac = _read(token)
    key = office.secrets.link_keys.get(key_id, b"\0" * 32)
    expected = (
        _mac(key, row.purpose, row.case_id, row.recipient, row.expires_at, nonce)
        if row
        else _mac(key, Purpose.CONFIRM, "0" * 32, "0" * 32, now, nonce)
    )
    genuine = hmac.compare_digest(mac, expected)
    if row is None or not genuine or row.revoked_at or row.expires_at <= now or row.key_id != key_id:
        raise LinkRefused
    if only and row.purpose != only:
        raise LinkRefused
    return row


def _read(token: str) -> tuple[str, bytes, bytes]:
    try:
        raw = urlsafe_b64decode(token[KEY_ID_LENGTH:].encode())
    except (BadBase64, ValueError):
        raw = b""
    raw = raw.ljust(ID_BYTES + hashlib.sha256().digest_size, b"\0")
    return token[:KEY_ID_LENGTH], raw[:ID_BYTES], raw[ID_BYTES:]


def check_code(office: Office, table: Table, key: Any, row: Row[Any], typed: str, now: datetime) -> None:
    """Raises unless ``typed`` is the row's code. ``key`` selects the row; wrong tries are counted and slow the next."""
    if row.slow_until and row.slow_until > now:
        raise TooMany("code", int((row.slow_until - now).total_seconds()) + 1)
    try:
        code = unspell(typed, "code")
    except InvalidInput:
        code = ""
    if same(office.secrets.code_hash("code", code), row.code_hash):
        return
    tries = row.tries + 1
    over = max(0, tries - FREE_TRIES)
    slow_until = now + min(timedelta(seconds=2 ** min(over, 12)), MAX_SLOW) if over else None
    with office.store.writing() as tx:
        tx.execute(update(table).where(key).values(tries=table.c.tries + 1, slow_until=slow_until))
    raise InvalidInput({"code": "wrong_code"})


def revoke_all(tx: Tx, case_id: str, recipient: str, now: datetime) -> None:
    """Every link that this recipient of this case was sent; whoever is inside through one of them is outside."""
    sent = (links.c.case_id == case_id) & (links.c.recipient == recipient)
    tx.execute(update(links).where(sent, links.c.revoked_at.is_(None)).values(revoked_at=now))
    tx.execute(delete(sessions).where(sessions.c.link_id.in_(select(links.c.id).where(sent))))
