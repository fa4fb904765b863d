"""The mail of the small world: what came in, and who is refused (world_smtp.py speaks for it)."""

from __future__ import annotations

import mailbox
import re
import threading
from dataclasses import dataclass
from pathlib import Path

EVERYBODY = "*"
_REFUSAL = re.compile(r"[45]\d\d [^\r\n]+")


@dataclass(frozen=True)
class Received:
    """One message as it was handed over: ``data`` with CRLF and without SMTP's dots; ``at_index`` counts from 0."""

    sender: str  # empty for the null sender of a report
    recipients: tuple[str, ...]
    data: bytes
    at_index: int
    options: tuple[str, ...] = ()  # RFC 3461 parameters of MAIL and RCPT, in the order they came


class Letterbox:
    """What came in and who is refused. Every method may be called from any thread."""

    def __init__(self, folder: Path | None) -> None:
        self._arrived = threading.Condition()
        self._received: list[Received] = []
        self._refusals: dict[str, str] = {}
        self._maildir = mailbox.Maildir(folder, create=True) if folder else None

    @property
    def received(self) -> list[Received]:
        with self._arrived:
            return list(self._received)

    def refuse(self, whom: str, reply: str) -> None:
        if not _REFUSAL.fullmatch(reply):
            raise ValueError(f"not an SMTP refusal: {reply!r}")
        with self._arrived:
            self._refusals[whom.lower()] = reply

    def accept(self, whom: str) -> None:
        with self._arrived:
            self._refusals.pop(whom.lower(), None)

    def refusal_of(self, recipient: str) -> str | None:
        """The narrowest rule wins: the recipient, the domain, everybody."""
        asked = recipient.lower()
        with self._arrived:
            for whom in (asked, asked.rpartition("@")[2], EVERYBODY):
                if whom in self._refusals:
                    return self._refusals[whom]
        return None

    def keep(self, sender: str, recipients: tuple[str, ...], data: bytes, options: tuple[str, ...]) -> None:
        with self._arrived:
            self._received.append(Received(sender, recipients, data, len(self._received), options))
            if self._maildir is not None:
                # What the last server on the way adds (RFC 5321 4.4), with the line ends of a Maildir.
                trace = [f"Return-Path: <{sender}>", *(f"Delivered-To: {recipient}" for recipient in recipients)]
                self._maildir.add("\n".join([*trace, ""]).encode() + data.replace(b"\r\n", b"\n"))
            self._arrived.notify_all()

    def wait_for(self, count: int, timeout_seconds: float) -> list[Received]:
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._received) >= count, timeout_seconds):
                came = [", ".join(mail.recipients) for mail in self._received]
                raise TimeoutError(f"{len(came)} of {count} mails in {timeout_seconds} s, to: {came}")
            return list(self._received)
