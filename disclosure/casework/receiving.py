"""Mail that comes in, by the mailbox or by a pipe: stored sealed before anything reads it.

Taken twice it is kept once, so that whoever hands it over may try again after any fault.
"""

from __future__ import annotations

import json
import logging
import shutil
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from disclosure.casework import clockwork
from disclosure.casework.office import Office, new_id, sha256
from disclosure.mail import imap
from disclosure.mail.imap import ImapFault, MailboxSettings
from disclosure.protocol.errors import CannotStore
from disclosure.store.sealing import SYSTEM
from disclosure.store.tables import inbox
from disclosure.store.transactions import once

MOST_BYTES = imap.MAX_MESSAGE
KEPT_ASIDE = timedelta(days=30)  # ours: what concerns no case, long enough to look for something missed
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A stored message as it came: the envelope as the relay handed it over, empty where the way in has none."""

    message: bytes
    recipient: str = ""
    sender: str = ""


def receive(office: Office, kept: Kept, now: datetime, *, source: str, whole: bool = True, floor: bool = True) -> str:
    """Store it; returns its id, of before if it was taken already. Raises CannotStore, and then nothing was stored.

    What is not whole, or beyond the cap, is kept as far as it goes and put where a person looks.
    """
    if floor and shutil.disk_usage(office.settings.instance).free < office.settings.free_space_floor_bytes:
        raise CannotStore("disk_full")
    whole = whole and len(kept.message) <= MOST_BYTES
    message = kept.message[:MOST_BYTES]
    digest, inbox_id = sha256(message), new_id()
    token = office.store.token("inbox", f"{kept.recipient}\n{digest}")
    row = {
        "id": inbox_id,
        "token": token,
        "source": source,
        "received_at": now,
        "state": "stored" if whole else "quarantine",
        "why": None if whole else "too_large",
        "size": len(message),
        "sha256": digest,
        "sealed": seal(office, SYSTEM, inbox_id, Kept(message, kept.recipient, kept.sender)),
        "attempts": 0,
        "fence": 0,
    }
    with office.store.writing() as tx:
        if once(tx, inbox, row):
            return inbox_id
        return str(tx.scalar(select(inbox.c.id).where(inbox.c.token == token)))


def seal(office: Office, stream_id: str, inbox_id: str, kept: Kept) -> bytes:
    clear = {"recipient": kept.recipient, "sender": kept.sender, "message": b64encode(kept.message).decode()}
    return office.store.keyring.sealer(stream_id).seal(json.dumps(clear).encode(), f"inbox|sealed|{inbox_id}")


def unseal(office: Office, stream_id: str, inbox_id: str, sealed: bytes) -> Kept:
    clear = json.loads(office.store.keyring.sealer(stream_id).open(sealed, f"inbox|sealed|{inbox_id}"))
    return Kept(b64decode(clear["message"]), clear["recipient"], clear["sender"])


def read(office: Office, connection: Connection, inbox_id: str) -> Kept:
    row = connection.execute(select(inbox.c.case_id, inbox.c.sealed).where(inbox.c.id == inbox_id)).one()
    return unseal(office, row.case_id or SYSTEM, inbox_id, row.sealed)


def collect(office: Office, now: datetime) -> int:
    """Empty the operator's mailbox into ours; returns how many came. Raises ImapFault; what is there stays there."""
    if office.settings.imap is None:
        return 0
    return imap.collect(
        MailboxSettings.of(office.settings.imap),
        lambda message, whole: _taken(office, message, now, whole=whole),
    )


def _taken(office: Office, message: bytes, now: datetime, *, whole: bool) -> None:
    receive(office, Kept(message), now, source="imap", whole=whole)


def poll(office: Office, now: datetime) -> None:
    """The mailbox, and what may be forgotten. One that cannot be reached stops nothing else."""
    try:
        collect(office, now)
    except ImapFault as error:
        log.error("mailbox not read: %s", error)
        return
    forget(office, now)
    clockwork.beat(office, "mailbox", now)


def forget(office: Office, now: datetime) -> int:
    """What concerns no case is deleted after a while; returns how many rows."""
    with office.store.writing() as tx:
        aside = (inbox.c.state == "set_aside") & inbox.c.case_id.is_(None)
        return tx.execute(delete(inbox).where(aside, inbox.c.received_at < now - KEPT_ASIDE)).rowcount
