"""Handing one mail to the relay, and saying exactly what is known afterwards (facts: mail 3.1, 3.5).

``mail()``, ``rcpt()`` and ``data()`` apart: only a failure after the final dot leaves doubt; everything before it is
"not sent". TLS is required and verified to any relay that is not on loopback.
"""

from __future__ import annotations

import email
import email.policy
import ipaddress
import os
import re
import secrets
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from disclosure.protocol.values import Address

TIMEOUT = 30.0
MAX_REPLY = 300
# First retry after minutes (greylisting), then half an hour and more, the end after four days (RFC 5321, 4.5.4.1).
STEPS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2))
PATIENCE = timedelta(days=4)
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
PERMANENT = 500


class Kind(StrEnum):
    ACCEPTED = "accepted"
    REFUSED_TEMPORARY = "refused_temporary"
    REFUSED_PERMANENT = "refused_permanent"
    NOT_SENT = "not_sent"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True)
class Outcome:
    """``code``: the reply's number with its enhanced status, or a word of ours; ``reply``: bounded and printable."""

    kind: Kind
    code: str
    reply: str = ""
    peer: str = ""
    tls: str = ""

    @property
    def address_is_dead(self) -> bool:
        """5.1.x: no such recipient; another address is needed (facts: mail 3.1)."""
        return self.kind is Kind.REFUSED_PERMANENT and " 5.1." in f" {self.code}"


@dataclass(frozen=True)
class RelaySettings:
    """``security``: none (loopback only), starttls or tls."""

    host: str
    port: int
    security: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout: float = TIMEOUT

    @classmethod
    def of(cls, given: Any) -> RelaySettings:
        """From the operator's settings, which have the same names."""
        return cls(given.host, given.port, str(given.security), given.username, given.password, given.ca_file)


def deliver(message: bytes, *, sender: str, recipient: Address, envelope_id: str, relay: RelaySettings) -> Outcome:
    """Send the bytes as they are. Never raises for what a relay or a network does."""
    try:
        client = _connect(relay)
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(Kind.NOT_SENT, _word(error), _printable(str(error)))
    peer, tls = _peer(client), _tls(client)
    try:
        refused = _envelope(client, sender, recipient, envelope_id)
        if refused:
            client.rset()
            return _said(*refused, peer=peer, tls=tls)
        return _data(client, message, peer, tls)
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(Kind.NOT_SENT, _word(error), _printable(str(error)), peer, tls)
    finally:
        client.close()


def _connect(relay: RelaySettings) -> smtplib.SMTP:
    if relay.security == "none" and not _is_loopback(relay.host):
        raise smtplib.SMTPException("clear text only to this machine")
    context = ssl.create_default_context(cafile=str(relay.ca_file) if relay.ca_file else None)
    if relay.security == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(relay.host, relay.port, timeout=relay.timeout, context=context)
    else:
        client = smtplib.SMTP(relay.host, relay.port, timeout=relay.timeout)
    try:
        client.ehlo_or_helo_if_needed()
        if relay.security == "starttls":
            client.starttls(context=context)
            client.ehlo()
        if relay.username and relay.password:
            client.login(relay.username, relay.password)
    except BaseException:
        client.close()
        raise
    return client


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _envelope(client: smtplib.SMTP, sender: str, recipient: Address, envelope_id: str) -> tuple[int, bytes] | None:
    """None when both were taken. A delivery report is asked for where the relay offers it (RFC 3461)."""
    dsn = client.has_extn("dsn")
    code, reply = client.mail(sender, ["RET=HDRS", f"ENVID={envelope_id}"] if dsn else [])
    if code != 250:  # noqa: PLR2004 - RFC 5321
        return code, reply
    options = ["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{recipient}"] if dsn else []
    code, reply = client.rcpt(str(recipient), options)
    return None if code in {250, 251} else (code, reply)


def _data(client: smtplib.SMTP, message: bytes, peer: str, tls: str) -> Outcome:
    """Up to the relay's 354 nothing was sent; after our final dot a broken line leaves doubt."""
    code, reply = client.docmd("data")
    if code != 354:  # noqa: PLR2004 - RFC 5321
        return _said(code, reply, peer=peer, tls=tls)
    body = re.sub(rb"(?m)^\.", b"..", message)
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    try:
        client.send(body + b".\r\n")
        code, reply = client.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(Kind.AMBIGUOUS, _word(error), _printable(str(error)), peer, tls)
    return _said(code, reply, peer=peer, tls=tls)


def _said(code: int, reply: bytes, *, peer: str, tls: str) -> Outcome:
    text = _printable(reply.decode("utf-8", "replace"))
    status = _ENHANCED.search(text)
    number = f"{code} {status.group(1)}" if status else str(code)
    if code == 250:  # noqa: PLR2004 - RFC 5321
        return Outcome(Kind.ACCEPTED, number, f"{code} {text}", peer, tls)
    kind = Kind.REFUSED_PERMANENT if code >= PERMANENT else Kind.REFUSED_TEMPORARY
    return Outcome(kind, number, f"{code} {text}", peer, tls)


def _printable(text: str) -> str:
    flat = " ".join(text.split())
    return "".join(char for char in flat if char.isprintable())[:MAX_REPLY]


def _word(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "relay_sign_in_refused"
    if isinstance(error, ssl.SSLError):
        return "relay_tls_failed"
    if isinstance(error, TimeoutError | socket.timeout):
        return "relay_timed_out"
    if isinstance(error, ConnectionError | smtplib.SMTPServerDisconnected):
        return "relay_dropped_the_line"
    return "relay_not_reached"


def _peer(client: smtplib.SMTP) -> str:
    try:
        name = client.sock.getpeername() if client.sock else ()
    except OSError:
        return ""
    return f"{name[0]}:{name[1]}" if name else ""


def _tls(client: smtplib.SMTP) -> str:
    return (client.sock.version() or "") if isinstance(client.sock, ssl.SSLSocket) else ""


def next_try(attempt: int, *, now: datetime, first: datetime, jitter: float) -> datetime | None:
    """When to try again after ``attempt`` tries (1 is the first); None when patience has ended. ``jitter``: 0 to 1."""
    step = STEPS[min(attempt - 1, len(STEPS) - 1)]
    again = now + step * (1 + jitter / 4)
    return again if again - first <= PATIENCE else None


# --- trial mode: no relay, a mailbox on this machine ---


@dataclass(frozen=True)
class Kept:
    """A mail in the local mailbox, for the desk."""

    name: str
    to: str
    subject: str
    date: str
    text: str


def deliver_to_folder(message: bytes, *, folder: Path, sender: str, recipient: Address) -> Outcome:
    """Keep the mail as a file, whole or not at all: written aside, flushed, then moved into ``new/``."""
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{secrets.token_hex(12)}.eml"
    try:
        handle = os.open(folder / "tmp" / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(message)
            out.flush()
            os.fsync(out.fileno())
        os.replace(folder / "tmp" / name, folder / "new" / name)
    except OSError as error:
        return Outcome(Kind.NOT_SENT, "mailbox_not_written", _printable(str(error)))
    return Outcome(Kind.ACCEPTED, "250", f"250 kept in the local mailbox as {name}")


def read_folder(folder: Path) -> list[Kept]:
    """The newest first."""
    new = folder / "new"
    files = sorted(new.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True) if new.is_dir() else []
    return [_kept(path) for path in files]


def _kept(path: Path) -> Kept:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    part = message.get_body(("plain",))
    text = str(part.get_content()) if part is not None else ""
    return Kept(path.stem, str(message["To"]), str(message["Subject"]), str(message["Date"]), text)
