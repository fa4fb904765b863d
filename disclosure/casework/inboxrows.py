"""Incoming mail against its hashes, for ``disclosure verify``."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from sqlalchemy import Connection, Row, select

from disclosure.casework.comparing import Place
from disclosure.casework.office import Office, sha256
from disclosure.store.sealing import SYSTEM, Sealer
from disclosure.store.tables import inbox


def check(office: Office, place: Place, row: Row[Any], sealer: Sealer | None) -> None:
    """Raises BrokenChain unless the row holds the bytes whose hash it names."""
    assert sealer is not None  # noqa: S101 - asked for only while the key exists
    try:
        held = json.loads(sealer.open(row.sealed, f"inbox|sealed|{row.id}"))
    except Exception:
        raise place.fault(f"inbox.sealed of {row.id} was changed") from None
    message = b64decode(held["message"])
    digest = sha256(message)
    token = office.store.token("inbox", f"{held['recipient']}\n{digest}")
    if (digest, token, len(message)) != (row.sha256, row.token, row.size):
        raise place.fault(f"inbox.sha256 of {row.id} is not the hash of its bytes")


def check_unfiled(office: Office, connection: Connection) -> None:
    """What belongs to no case (yet)."""
    sealer = office.store.keyring.sealer(SYSTEM)
    for row in connection.execute(select(inbox).where(inbox.c.case_id.is_(None))):
        check(office, Place(SYSTEM, 0), row, sealer)
