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
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from disclosure.mail import refusals
from disclosure.mail.conversation import Conversation
from disclosure.mail.refusals import About
from disclosure.protocol.values import Address

TIMEOUT = 30.0
# Shorter than the lease of a mail in the outbox, whatever the relay does; long enough for a filter behind the dot.
TOTAL = 240.0
MAX_REPLY = 300
# First retry after minutes (greylisting), then half an hour and more, the end after four days (RFC 5321, 4.5.4.1).
STEPS: tuple[timedelta, ...] = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
)
# A full mailbox is emptied by a person, who comes in hours or days (facts: mail 3.1).
SLOW_STEPS = (timedelta(hours=2), timedelta(hours=6), timedelta(hours=12))
PATIENCE = timedelta(days=4)
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
_ABOUT_US = frozenset({530, 534, 535, 538})  # RFC 4954: the relay wants us to sign in, whoever the mail is for
_GO_AHEAD = 354
_CLOSING = 421  # RFC 5321, 3.8: may answer anything, and is about the relay
MAILS_PER_LINE = 100  # ours: relays count too, and a refusal in the middle costs more than a new line


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
        """No such recipient: another address is needed."""
        return self.about is About.ADDRESS

    @property
    def about(self) -> About:
        """Of a refusal; of anything else nothing is said."""
        refused = self.kind in {Kind.REFUSED_PERMANENT, Kind.REFUSED_TEMPORARY}
        return refusals.about(self.code) if refused else About.UNSAID


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
    """Send the bytes as they are, over a connection of their own. Never raises for what a relay or a network does."""
    line = Line(relay)
    try:
        return line(message, sender, recipient, envelope_id)
    finally:
        line.close()


class Line:
    """The way to one relay. Its connection is kept from mail to mail until ``close``, or until one of them fails on it.

    A mail has ``relay.total`` seconds, a second connection included: its lease must not end before it does.
    """

    def __init__(self, relay: RelaySettings) -> None:
        self._relay, self._sent, self._unfinished = relay, 0, False
        self._client: Conversation | None = None
        self._peer = self._tls = ""

    def __call__(self, message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        """Never raises for what a relay or a network does."""
        ends_at = time.monotonic() + self._relay.total
        kept = self._client is not None
        outcome = self._try(message, sender, recipient, envelope_id, ends_at)
        if kept and outcome.kind is Kind.NOT_SENT and time.monotonic() < ends_at:
            # Hung up between two mails, as relays do with a line that was open long enough: nothing of this one left.
            self.close()
            outcome = self._try(message, sender, recipient, envelope_id, ends_at)
        if outcome.kind in {Kind.NOT_SENT, Kind.AMBIGUOUS} or self._sent >= MAILS_PER_LINE:
            self.close()
        return outcome

    def close(self) -> None:
        """Say goodbye; the next mail opens another connection."""
        client, self._client, self._sent, self._unfinished = self._client, None, 0, False
        if client:
            client.leave()

    def _try(self, message: bytes, sender: str, recipient: Address, envelope_id: str, ends_at: float) -> Outcome:
        self._peer = self._tls = ""
        try:
            client = self._ready(_name(sender), ends_at)
            self._peer, self._tls = peer_of(client), tls_of(client)
            outcome = _envelope(client, sender, recipient, envelope_id) or _data(client, message)
        except smtplib.SMTPResponseException as error:
            # Greeting, EHLO, STARTTLS or sign-in were refused: never the recipient's fault.
            outcome = replace(_said(error.smtp_code, _bytes(error.smtp_error)), kind=Kind.NOT_SENT)
            if isinstance(error, smtplib.SMTPAuthenticationError):
                outcome = replace(outcome, code="relay_sign_in_refused")
        except (OSError, smtplib.SMTPException) as error:
            outcome = _broke(Kind.NOT_SENT, error)
        self._sent += 1
        self._unfinished = outcome.kind is not Kind.ACCEPTED
        return replace(outcome, peer=self._peer, tls=self._tls)

    def _ready(self, name: str, ends_at: float) -> Conversation:
        total = ends_at - time.monotonic()
        if self._client is None:
            self._client = _connected(replace(self._relay, total=total), name)
            return self._client
        self._client.begin(self._relay.timeout, total)
        if self._unfinished and not _taken(self._client.docmd("rset")[0]):
            raise smtplib.SMTPServerDisconnected("the last mail's conversation could not be ended")
        return self._client


@contextlib.contextmanager
def connected(relay: RelaySettings, name: str) -> Iterator[Conversation]:
    """Greeted, over TLS where the relay is not on loopback, signed in; raises what smtplib and the network raise."""
    client = _connected(relay, name)
    try:
        yield client
    finally:
        client.leave()


def _connected(relay: RelaySettings, name: str) -> Conversation:
    if relay.security == "none" and not _is_loopback(relay.host):
        raise smtplib.SMTPException("clear text only to this machine")
    # Reading the system's authorities takes longer than a whole mail does: not where nothing is encrypted.
    context = None if relay.security == "none" else _context(relay.ca_file)
    wrapped = context if relay.security == "tls" else None
    client = Conversation(relay.host, relay.port, name=name, step=relay.timeout, total=relay.total, tls=wrapped)
    try:
        client.ehlo_or_helo_if_needed()
        if context and relay.security == "starttls":
            client.start_tls(context)
            client.ehlo()
        if relay.username and relay.password:
            client.login(relay.username, relay.password)
    except BaseException:
        client.leave()
        raise
    return client


def _context(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


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
        said = _said(code, reply)
        # A yes to something else: what it takes, it does not say, and nothing of the text has left.
        return replace(said, kind=Kind.NOT_SENT, code="relay_not_understood") if said.kind is Kind.ACCEPTED else said
    client.refuse_what_came_early()
    text = re.sub(rb"(?m)^\.", b"..", message)
    client.send(text if text.endswith(b"\r\n") else text + b"\r\n")
    try:
        client.be_patient()
        client.send(b".\r\n")
        code, reply = client.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return _broke(Kind.AMBIGUOUS, error)
    said = _said(code, reply)
    unclear = said.kind is Kind.NOT_SENT and code != _CLOSING
    return replace(said, kind=Kind.AMBIGUOUS) if unclear else said


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
            kind = Kind.NOT_SENT if code == _CLOSING else Kind.REFUSED_TEMPORARY
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


def next_try(
    attempt: int, *, now: datetime, first: datetime, jitter: float, steps: Sequence[timedelta] = STEPS
) -> datetime | None:
    """When to try again after ``attempt`` tries (1 is the first); None when patience has ended. ``jitter``: 0 to 1."""
    step = steps[min(attempt - 1, len(steps) - 1)]
    again = now + step * (1 + jitter / 4)
    return again if again - first <= PATIENCE else None
