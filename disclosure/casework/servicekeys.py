"""Which OpenPGP keys the service has, and which of them signs: one file says so, and it changes in one step.

    instance/service.key.asc, service.asc             the first key and its certificate
    instance/service-<FINGERPRINT>.key.asc and .asc  each later one
    instance/service-keys.json                        all of them, newest first: the first one signs

The list is the only truth. A key's files are whole before the list names them, so that a process that dies anywhere
leaves the old key signing, or the new one. Every process reads the list anew when it needs a key: nobody restarts.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from disclosure.protocol.errors import DisclosureError
from disclosure.store import files

LIST, LOCK = "service-keys.json", "service-keys.lock"
FIRST_SECRET, FIRST_CERTIFICATE = "service.key.asc", "service.asc"


class BadKeyList(DisclosureError):
    """The list of our own keys cannot be read; nothing is guessed, because a wrong key would sign."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} cannot be read: restore it from a backup")


@dataclass(frozen=True)
class HeldKey:
    """``secret``, ``certificate``: file names in the instance folder. ``until`` None: it signs. Aware, UTC."""

    fingerprint: str
    secret: str
    certificate: str
    since: datetime
    until: datetime | None = None


def held(instance: Path) -> tuple[HeldKey, ...]:
    """Newest first; empty before the first start. Raises BadKeyList."""
    path = instance / LIST
    try:
        rows = json.loads(path.read_text(encoding="ascii"))["keys"]
        return tuple(_held_key(row) for row in rows)
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError):
        raise BadKeyList(path) from None


def _held_key(row: dict[str, str]) -> HeldKey:
    since, until = row["since"], row["until"]
    ends = datetime.fromisoformat(until) if until else None
    return HeldKey(row["fingerprint"], row["secret"], row["certificate"], datetime.fromisoformat(since), ends)


def write(instance: Path, keys: Sequence[HeldKey]) -> None:
    """The step at which another key signs. The files of every key are there before."""
    content = json.dumps({"keys": [asdict(key) for key in keys]}, default=datetime.isoformat, indent=1)
    files.replace(instance / LIST, content.encode("ascii"))


def secret_path(instance: Path) -> Path:
    """Of the key that signs."""
    return instance / next((key.secret for key in held(instance)), FIRST_SECRET)


def certificate_path(instance: Path) -> Path:
    return instance / next((key.certificate for key in held(instance)), FIRST_CERTIFICATE)


@contextmanager
def alone(instance: Path) -> Iterator[None]:
    """One process at a time makes keys; the lock ends with the process that holds it."""
    with (instance / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
