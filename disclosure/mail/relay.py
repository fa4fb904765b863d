"""Handing one mail to the relay, and saying exactly what is known afterwards (facts: mail 3.1, 3.5).

``mail()``, ``rcpt()`` and ``data()`` apart: only a failure after the final dot leaves doubt; everything before it is
"not sent". A refusal before the recipient was named is about us and says nothing of the recipient. TLS is required and
verified to any relay that is not on loopback.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from disclosure.mail.conversation import Conversation
from disclosure.protocol.values import Address

TIMEOUT = 30.0
# Shorter than the lease of a mail in the outbox, whatever the relay does; long enough for a filter behind the dot.
TOTAL = 240.0
MAX_REPLY = 300
# First retry after minutes (greylisting), then half an hour and more, the end after four days (RFC 5321, 4.5.4.1).
STEPS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2))
PATIENCE = timedelta(days=4)
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
# RFC 3463: no such mailbox, system, or syntax; has moved; null MX (RFC 7505). 5.1.7 and 5.1.8 are about the sender.
_DEAD_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
_ABOUT_US = frozenset({530, 534, 535, 538})  # RFC 4954: the relay wants us to sign in, whoever the mail is for
_GO_AHEAD = 354


class Kind(StrEnum):
    ACCEPTED = "accepted"
    REFUSED_TEMPORARY = "refused_temporary"
    REFUSED_PERMANENT = "refused_permanent"
    NOT_SENT = "not_sent"  # the relay could not be used: nothing is known about the recipient
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
        """No such recipient: another address is needed (facts: mail 3.1)."""
        return self.kind is Kind.REFUSED_PERMANENT and self.code.rpartition(" ")[2] in _DEAD_ADDRESS


@dataclass(frozen=True)
class RelaySettings:
    """``security``: none (loopback only), starttls or tls. ``timeout``: seconds per answer; ``total``: for one mail."""

    host: str
    port: int
    security: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout: float = TIMEOUT
    total: float = TOTAL

    @classmethod
    def of(cls, given: Any) -> RelaySettings:
        """From the operator's settings, which have the same names."""
        return cls(given.host, given.port, str(given.security), given.username, given.password, given.ca_file)


def deliver(message: bytes, *, sender: str, recipient: Address, envelope_id: str, relay: RelaySettings) -> Outcome:
    """Send the bytes as they are. Never raises for what a relay or a network does."""
    peer = tls = ""
    try:
        with connected(relay, _name(sender)) as client:
            peer, tls = peer_of(client), tls_of(client)
            outcome = _envelope(client, sender, recipient, envelope_id) or _data(client, message)
    except smtplib.SMTPResponseException as error:
        # Greeting, EHLO, STARTTLS or sign-in were refused: never the recipient's fault.
        outcome = replace(_said(error.smtp_code, _bytes(error.smtp_error)), kind=Kind.NOT_SENT)
        if isinstance(error, smtplib.SMTPAuthenticationError):
            outcome = replace(outcome, code="relay_sign_in_refused")
    except (OSError, smtplib.SMTPException) as error:
        outcome = _broke(Kind.NOT_SENT, error)
    return replace(outcome, peer=peer, tls=tls)


@contextlib.contextmanager
def connected(relay: RelaySettings, name: str) -> Iterator[Conversation]:
    if relay.security == "none" and not _is_loopback(relay.host):
        raise smtplib.SMTPException("clear text only to this machine")
    context = ssl.create_default_context(cafile=str(relay.ca_file) if relay.ca_file else None)
    wrapped = context if relay.security == "tls" else None
    client = Conversation(relay.host, relay.port, name=name, step=relay.timeout, total=relay.total, tls=wrapped)
    try:
        client.ehlo_or_helo_if_needed()
        if relay.security == "starttls":
            client.start_tls(context)
            client.ehlo()
        if relay.username and relay.password:
            client.login(relay.username, relay.password)
        yield client
    finally:
        client.leave()


def _name(sender: str) -> str:
    """How we greet: the domain that writes; with an empty sender the address literal that RFC 5321, 4.1.3 allows."""
    return sender.rpartition("@")[2] or "[127.0.0.1]"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _envelope(client: Conversation, sender: str, recipient: Address, envelope_id: str) -> Outcome | None:
    """None when both were taken. A delivery report is asked for where the relay offers it (RFC 3461), and none at all
    where the sender is empty: it would have nowhere to go."""
    dsn = client.has_extn("dsn")
    code, reply = client.mail(sender, ["RET=HDRS", f"ENVID={envelope_id}"] if dsn and sender else [])
    if not _taken(code):
        refused = _said(code, reply)
        # Ours: a relay that will not take our sender at all must not cost one contact after the other (R31).
        return replace(refused, kind=Kind.NOT_SENT) if refused.kind is Kind.REFUSED_PERMANENT else refused
    reports = ["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{_xtext(str(recipient))}"] if sender else ["NOTIFY=NEVER"]
    options = reports if dsn else []
    code, reply = client.rcpt(str(recipient), options)
    if _taken(code):
        return None
    return replace(_said(code, reply), kind=Kind.NOT_SENT) if code in _ABOUT_US else _said(code, reply)


def _data(client: Conversation, message: bytes) -> Outcome:
    """Up to the end of the text nothing was sent; after our final dot a broken line leaves doubt."""
    code, reply = client.docmd("data")
    if code != _GO_AHEAD:
        return _said(code, reply)
    text = re.sub(rb"(?m)^\.", b"..", message)
    client.send(text if text.endswith(b"\r\n") else text + b"\r\n")
    try:
        client.be_patient()
        client.send(b".\r\n")
        code, reply = client.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return _broke(Kind.AMBIGUOUS, error)
    said = _said(code, reply)
    return replace(said, kind=Kind.AMBIGUOUS) if said.kind is Kind.NOT_SENT else said


def _taken(code: int) -> bool:
    return 200 <= code < 300  # noqa: PLR2004 - RFC 5321, 4.2: the first digit decides


def _said(code: int, reply: bytes) -> Outcome:
    """What an answer means by itself; one that is none of the three says nothing, and nothing was taken by it."""
    text = printable(reply.decode("utf-8", "replace"))
    status = _ENHANCED.search(text)
    number = f"{code} {status.group(1)}" if status else str(code)
    match code // 100:
        case 2:
            kind = Kind.ACCEPTED
        case 4:
            kind = Kind.REFUSED_TEMPORARY
        case 5:
            kind = Kind.REFUSED_PERMANENT
        case _:
            return Outcome(Kind.NOT_SENT, "relay_not_understood", text)
    return Outcome(kind, number, f"{code} {text}")


def _broke(kind: Kind, error: Exception) -> Outcome:
    return Outcome(kind, word_of(error), printable(str(error)))


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def _xtext(text: str) -> str:
    """RFC 3461, 4: "+" and "=" have a meaning of their own there, and a strict relay refuses them bare."""
    return text.replace("+", "+2B").replace("=", "+3D")


def printable(text: str) -> str:
    flat = " ".join(text.split())
    return "".join(char for char in flat if char.isprintable())[:MAX_REPLY]


def word_of(error: Exception) -> str:
    match error:
        case smtplib.SMTPNotSupportedError():
            return "relay_offers_too_little"
        case ssl.SSLCertVerificationError():
            return "relay_certificate_refused"
        case TimeoutError():
            return "relay_timed_out"
        case ssl.SSLError():
            return "relay_tls_failed"
        case ConnectionRefusedError():
            return "relay_not_reached"
        case ConnectionError() | smtplib.SMTPServerDisconnected():
            return "relay_dropped_the_line"
    return "relay_not_reached"


def peer_of(client: Conversation) -> str:
    try:
        name = client.sock.getpeername() if client.sock else ()
    except OSError:
        return ""
    return f"{name[0]}:{name[1]}" if name else ""


def tls_of(client: Conversation) -> str:
    return (client.sock.version() or "") if isinstance(client.sock, ssl.SSLSocket) else ""


def next_try(attempt: int, *, now: datetime, first: datetime, jitter: float) -> datetime | None:
    """When to try again after ``attempt`` tries (1 is the first); None when patience has ended. ``jitter``: 0 to 1."""
    step = STEPS[min(attempt - 1, len(STEPS) - 1)]
    again = now + step * (1 + jitter / 4)
    return again if again - first <= PATIENCE else None
