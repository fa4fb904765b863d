"""The mails of trial and demo mode: nothing left this machine, so a newcomer reads here what would have left."""

from __future__ import annotations

from pathlib import Path

from disclosure.casework.office import Office
from disclosure.mail.localbox import Kept, read_folder
from disclosure.protocol.errors import NotFound

MOST = 50  # the newest; this is a place to try things out, not an archive


def folder_of(office: Office) -> Path:
    """Trial mode keeps mails itself; in the demonstration they arrive in the small world beside the instance."""
    return office.settings.instance / "world" / "mailbox" if office.settings.demo else office.mailbox


def exists(office: Office) -> bool:
    """A server whose mails really leave has no such page."""
    return office.settings.trial or office.settings.demo


def listing(office: Office) -> tuple[Kept, ...]:
    """The newest first. Raises NotFound where mails really leave."""
    if not exists(office):
        raise NotFound("mailbox")
    return tuple(read_folder(folder_of(office))[:MOST])


def one(office: Office, name: str) -> Kept:
    found = next((kept for kept in listing(office) if kept.name == name), None)
    if found is None:
        raise NotFound("mail")
    return found
