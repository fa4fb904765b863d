"""A mailbox at a provider, read over IMAP (RFC 3501): what a small team has instead of a relay of its own.

A message is moved out of the folder only after it was taken; killed in between, it is offered again. Bounded: one total
time for a run, a cap per message, so many messages a run. TLS is required and verified to any server elsewhere.
"""

from __future__ import annotations

import contextlib
import imaplib
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STEP = 30.0  # seconds for one answer
TOTAL = 240.0  # for one run; shorter than the worker's watchdog
MOST = 200  # messages of one run
MAX_MESSAGE = 25 * 1024 * 1024
MAX_LINE = 1_000_000
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)", re.ASCII)


class ImapFault(Exception):
    """The mailbox cannot be used; what is in it stays. The text is ours and quotes nothing."""


@dataclass(frozen=True)
class MailboxSettings:
    """``security``: tls, starttls, or none (loopback only)."""

    host: str
    port: int
    security: str
    username: str
    password: str = field(repr=False)
    folder: str
    taken: str
    ca_file: Path | None = None
    step: float = STEP
    total: float = TOTAL

    @classmethod
    def of(cls, given: Any) -> MailboxSettings:
        """From the operator's settings, which have the same names."""
        return cls(
            given.host,
            given.port,
            str(given.security),
            given.username,
            given.password,
            given.folder,
            given.taken,
            given.ca_file,
        )


# (bytes, whether they are the whole message) → None; raising leaves the message where it is.
Take = Callable[[bytes, bool], None]


def collect(mailbox: MailboxSettings, take: Take, *, most: int = MOST) -> int:
    """Hand every message of the folder to ``take``, the oldest first, and move it away; returns how many.

    Of one beyond the cap only the beginning is fetched, and it is moved like the others. Raises ImapFault.
    """
    try:
        with _connected(mailbox) as client:
            return _collect(client, mailbox, take, most)
    except (OSError, imaplib.IMAP4.error) as error:
        raise ImapFault(_word(error)) from None


def _collect(client: Client, mailbox: MailboxSettings, take: Take, most: int) -> int:
    _ok(client.select(_quoted(mailbox.folder)))
    (found,) = _ok(client.uid("SEARCH", "ALL"))
    taken = 0
    for uid in found.split()[:most]:
        content, whole = _fetched(client, uid.decode("ascii"))
        if content is None:
            continue  # somebody took it away meanwhile
        take(content, whole)
        _move(client, uid.decode("ascii"), mailbox.taken)
        taken += 1
    return taken


def _fetched(client: Client, uid: str) -> tuple[bytes | None, bool]:
    size = _size(_ok(client.uid("FETCH", uid, "(RFC822.SIZE)")))
    if size is None:
        return None, False
    whole = size <= MAX_MESSAGE
    asked = "(BODY.PEEK[])" if whole else f"(BODY.PEEK[]<0.{MAX_MESSAGE // 100}>)"
    parts = [part[1] for part in _ok(client.uid("FETCH", uid, asked)) if isinstance(part, tuple)]
    return (parts[0], whole) if parts else (None, False)


def _size(answer: list[Any]) -> int | None:
    for part in answer:
        found = _SIZE.search(part if isinstance(part, bytes) else part[0] if part else b"")
        if found:
            return int(found[1])
    return None


def _move(client: Client, uid: str, folder: str) -> None:
    """MOVE where it is offered (RFC 6851), else copied, marked and expunged by its own number (RFC 4315)."""
    for _ in range(2):
        if "MOVE" in client.capabilities:
            said = client.uid("MOVE", uid, _quoted(folder))
        else:
            said = client.uid("COPY", uid, _quoted(folder))
        if said[0] == "OK":
            break
        client.create(_quoted(folder))
    _ok(said)
    if "MOVE" in client.capabilities:
        return
    _ok(client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
    # Without UIDPLUS everything marked is expunged; nothing is marked in this folder but by us.
    _ok(client.uid("EXPUNGE", uid) if "UIDPLUS" in client.capabilities else client.expunge())


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error("refused")
    return answer[1]


@contextlib.contextmanager
def _connected(mailbox: MailboxSettings) -> Iterator[Client]:
    if mailbox.security == "none" and not _is_loopback(mailbox.host):
        raise ImapFault("clear_text_only_to_this_machine")
    context = ssl.create_default_context(cafile=str(mailbox.ca_file) if mailbox.ca_file else None)
    client = Client(mailbox, context)
    try:
        if mailbox.security == "starttls":
            client.starttls(context)
        client.login(mailbox.username, mailbox.password)
        client.know_again()
        yield client
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            client.logout()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Client(imaplib.IMAP4):
    """One conversation under one total time: a server that drips would outlast any time-out of a single read."""

    def __init__(self, mailbox: MailboxSettings, context: ssl.SSLContext) -> None:
        self._mailbox, self._context = mailbox, context
        self._ends_at = time.monotonic() + mailbox.total
        self._unread = b""
        super().__init__(mailbox.host, mailbox.port, timeout=mailbox.step)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), self._seconds())
        sock.settimeout(self._seconds())
        if self._mailbox.security == "tls":
            return self._context.wrap_socket(sock, server_hostname=self.host)
        return sock

    def _get_capabilities(self) -> None:
        """Also after STARTTLS and the sign-in: what came before it was asked for is forgotten (RFC 3501)."""
        self._unread = b""
        _, said = self.capability()
        self.capabilities = tuple((said[-1] or b"").decode("ascii", "replace").upper().split())

    def know_again(self) -> None:
        """Many servers say MOVE only to whom they know."""
        self._get_capabilities()

    def _seconds(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the conversation took too long")
        return min(left, self._mailbox.step)

    def _more(self) -> None:
        self.sock.settimeout(self._seconds())
        more = self.sock.recv(65_536)
        if not more:
            raise ConnectionResetError("the other side hung up")
        self._unread += more

    def read(self, size: int) -> bytes:
        if size > MAX_MESSAGE:
            raise imaplib.IMAP4.error("the literal is too long")
        parts, held = [self._unread], len(self._unread)
        while held < size:
            self._unread = b""
            self._more()
            parts.append(self._unread)
            held += len(self._unread)
        whole = b"".join(parts)
        self._unread = whole[size:]
        return whole[:size]

    def readline(self) -> bytes:
        while b"\n" not in self._unread:
            if len(self._unread) > MAX_LINE:
                raise imaplib.IMAP4.error("the line does not end")
            self._more()
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"

    def send(self, data: Any) -> None:
        self.sock.settimeout(self._seconds())
        self.sock.sendall(data)


def _word(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return "mailbox_certificate_refused"
        case TimeoutError():
            return "mailbox_timed_out"
        case imaplib.IMAP4.abort():
            return "mailbox_dropped_the_line"
        case imaplib.IMAP4.error():
            return "mailbox_refused"
    return "mailbox_not_reached"
