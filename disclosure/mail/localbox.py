"""Trial mode: no relay, a mailbox on this machine that the desk shows."""

from __future__ import annotations

import email
import email.policy
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from disclosure.mail.relay import Kind, Outcome, printable
from disclosure.protocol.values import Address


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
        return Outcome(Kind.NOT_SENT, "mailbox_not_written", printable(str(error)))
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
