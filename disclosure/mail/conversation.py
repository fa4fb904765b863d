"""One SMTP conversation under one total time (facts: mail 1.4, 3.5).

A time-out of a socket is for one call, and a relay that drips one byte after the other never lets one pass: it would
outlast the lease of the mail and then the worker's watchdog. Here every read and write also ends with the whole.
"""

from __future__ import annotations

import contextlib
import re
import select
import smtplib
import socket
import ssl
import time

MAX_REPLY_BYTES = 65_536  # ours: a long EHLO answer is under 2 kB
CHUNK = 65_536
_CODE = re.compile(rb"[2-5]\d\d(?=[ \-\r\n])", re.ASCII)
NO_CODE = -1


class Conversation(smtplib.SMTP):
    """``step``: seconds for one answer; ``total``: for everything together. Raises OSError or SMTPException.

    ``name`` is what EHLO says; without it the library would ask the system's name server for one of this machine.
    """

    def __init__(
        self, host: str, port: int, *, name: str, step: float, total: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._step, self._ends_at, self._tls = step, time.monotonic() + total, tls
        self._unread = b""
        try:
            super().__init__(host, port, local_hostname=name, timeout=step)
        except BaseException:
            self.close()
            raise

    def begin(self, step: float, total: float) -> None:
        """Another mail over the same line: its time begins now. Raises when the line ended, or more came than asked."""
        self._step, self._ends_at = step, time.monotonic() + total
        self.refuse_what_came_early()
        if self.sock is None or select.select([self.sock], [], [], 0)[0]:
            raise smtplib.SMTPServerDisconnected("the other side ended the conversation between two mails")

    def be_patient(self) -> None:
        """For the answer to the final dot: as long as there is time at all (RFC 5321, 4.5.3.2.6)."""
        self._step = float("inf")

    def leave(self) -> None:
        """Say goodbye without waiting for the answer: what counts was said before."""
        with contextlib.suppress(OSError, smtplib.SMTPException):
            self._unread = b""
            self.putcmd("quit")
        self.close()

    def _seconds(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the conversation took too long")
        return min(left, self._step)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), self._seconds())
        # The final dot is a write of its own; with Nagle's algorithm it would wait for the receipt of the text.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(self._seconds())
        return self._tls.wrap_socket(sock, server_hostname=host) if self._tls else sock

    def start_tls(self, context: ssl.SSLContext) -> None:
        """What came in the clear is forgotten, an answer sent ahead of the handshake included (RFC 3207, 6)."""
        self.starttls(context=context)
        self._unread = b""

    def putcmd(self, cmd: str, args: str = "") -> None:
        """An answer that came before its question would be taken for that of the next one, or of the next mail."""
        self.refuse_what_came_early()
        super().putcmd(cmd, args)

    def refuse_what_came_early(self) -> None:
        if self._unread:
            raise smtplib.SMTPException("an answer that nobody asked for")

    def send(self, s: object) -> None:
        sent = s.encode(self.command_encoding) if isinstance(s, str) else memoryview(s)  # type: ignore[arg-type]
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        for start in range(0, len(sent), CHUNK):
            self.sock.settimeout(self._seconds())
            self.sock.sendall(sent[start : start + CHUNK])

    def getreply(self) -> tuple[int, bytes]:
        """(code, text); the code is -1 when what came is no answer of SMTP."""
        texts: list[bytes] = []
        read = 0
        while True:
            line = self._line()
            read += len(line)
            if read > MAX_REPLY_BYTES:
                raise smtplib.SMTPException("the answer does not end")
            texts.append(line[4:].strip())
            if not _CODE.match(line):
                return NO_CODE, line.strip()
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(texts)

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            if self.sock is None:
                raise smtplib.SMTPServerDisconnected("not connected")
            self.sock.settimeout(self._seconds())
            more = self.sock.recv(CHUNK)
            if not more:
                raise smtplib.SMTPServerDisconnected("the other side hung up")
            self._unread += more
            if len(self._unread) > 2 * MAX_REPLY_BYTES:
                raise smtplib.SMTPException("the line does not end")
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"
