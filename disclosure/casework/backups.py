"""``disclosure backup``: two encrypted files that belong together, made while the server works.

    disclosure-<INSTANT>.data.age   ledger, what the server signs and looks up with, settings
    disclosure-<INSTANT>.keys.age   stream keys, wrapped by the key-encryption key, which is in neither
    disclosure-<INSTANT>.sha256     of both

Erasing works by deleting a stream's key: what is erased stays readable for as long as an old file of keys is kept.
That is why keys are a file of their own, and old ones are deleted by each new backup (``KEEP_KEYS``).
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

from disclosure.casework import agefiles, archives, clockwork, measuring, servicekeys
from disclosure.casework.archives import Entry, Manifest, Part
from disclosure.casework.office import Office
from disclosure.protocol.errors import DisclosureError
from disclosure.store import dumps, files, revision, snapshots
from disclosure.store.faults import storage

KEEP_KEYS = timedelta(days=14)  # two weeks to notice that a restore is needed; and how long "erased" takes to be true
KEYS = frozenset({"keys.db", dumps.KEYS_DUMP})
_STAMP = "%Y%m%dT%H%M%SZ"
_KEYS_NAME = re.compile(r"disclosure-(\d{8}T\d{6}Z)\.keys\.age")


class CannotBackUp(DisclosureError):
    """No backup was made."""


@dataclass(frozen=True)
class Made:
    """``unknown``: names in the instance folder, or paths outside it, that are in no backup. ``expired``: deleted."""

    data: Path
    keys: Path
    sha256: Path
    bytes: int
    unknown: tuple[str, ...]
    expired: tuple[str, ...]


def back_up(
    office: Office, folder: Path, recipients: Sequence[str], now: datetime, *, keep_keys: timedelta = KEEP_KEYS
) -> Made:
    """Raises CannotBackUp, CannotStore, AgeFailed, BrokenCopy; then nothing new lies in ``folder``.

    Needs room for a copy of the database in the instance folder, and for the encrypted one in ``folder``.
    """
    if not folder.is_dir():
        raise CannotBackUp(f"{folder} is no folder")
    names = {part: f"disclosure-{now.astimezone(UTC):{_STAMP}}.{part}.age" for part in Part}
    if any((folder / name).exists() for name in names.values()):
        raise CannotBackUp(f"{folder / names[Part.DATA]} is there already")
    with storage(), _alone(office.settings.instance) as staging:
        unknown = _gather(office, staging)
        manifests = _manifests(office, staging, now)
        _encrypt(folder, names, recipients, manifests, staging)
    listing = folder / f"disclosure-{now.astimezone(UTC):{_STAMP}}.sha256"
    sums = [archives.entry(name, folder / name) for name in names.values()]
    files.replace(listing, "".join(f"{one.sha256}  {one.name}\n" for one in sums).encode())
    expired = _expire(folder, now - keep_keys)
    clockwork.beat(office, measuring.BACKUP, now)
    size = sum(one.size for one in sums)
    return Made(folder / names[Part.DATA], folder / names[Part.KEYS], listing, size, unknown, expired)


@contextmanager
def _alone(instance: Path) -> Iterator[Path]:
    """A folder beside what is copied, 0700; one backup at a time, so that what lies there is of a dead one."""
    with (instance / "backup.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotBackUp("another backup is being made") from None
        for dead in instance.glob(".backup-*"):
            shutil.rmtree(dead)
        staging = Path(mkdtemp(dir=instance, prefix=".backup-"))
        try:
            yield staging
        finally:
            shutil.rmtree(staging)


def _gather(office: Office, staging: Path) -> tuple[str, ...]:
    """Everything into ``staging``. Returns what an operator must look after by other means."""
    instance = office.settings.instance
    with servicekeys.alone(instance):  # else the list could name a key whose file was not there yet
        data, unknown = archives.sort(sorted(path.name for path in instance.iterdir()))
        for name in data:
            shutil.copyfile(instance / name, staging / name)
    named, outside = _named_in_settings(office)
    for name in named:
        (staging / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(instance / name, staging / name)
    engine = office.store.engine
    if engine.dialect.name == "sqlite":
        snapshots.take(office.store.gate, Path(str(engine.url.database)), instance / "keys.db", staging)
    else:
        dumps.take(engine, staging)
    tops = {name.partition("/")[0] for name in named}
    return (*(name for name in unknown if name not in tops), *outside)


def _named_in_settings(office: Office) -> tuple[list[str], list[str]]:
    """Files that settings name: those below the instance folder, and those elsewhere."""
    held = office.settings
    paths = [held.policy.rules, held.policy.authorities, held.policy.holidays]
    paths += [part.ca_file for part in (held.relay, held.imap, held.demo_world) if part is not None]
    inside, outside = [], []
    for path in filter(None, paths):
        if path.is_relative_to(held.instance) and ".." not in path.parts:
            inside.append(path.relative_to(held.instance).as_posix())
        else:
            outside.append(str(path))
    return inside, outside


def _manifests(office: Office, staging: Path, now: datetime) -> dict[Part, Manifest]:
    held = {path.relative_to(staging).as_posix(): path for path in sorted(staging.rglob("*")) if path.is_file()}
    parts: dict[Part, list[Entry]] = {Part.DATA: [], Part.KEYS: []}
    for name, path in held.items():
        parts[Part.KEYS if name in KEYS else Part.DATA].append(archives.entry(name, path))
    engine = office.store.engine
    about = (secrets.token_hex(16), now.astimezone(UTC).isoformat(), engine.dialect.name, revision.held(engine))
    return {part: Manifest(part, *about, tuple(entries)) for part, entries in parts.items()}


def _encrypt(
    folder: Path, names: dict[Part, str], recipients: Sequence[str], manifests: dict[Part, Manifest], staging: Path
) -> None:
    """Both, or none: a file has its name once both are whole."""
    beside = {part: folder / f".{name}.{secrets.token_hex(4)}" for part, name in names.items()}
    try:
        for part, path in beside.items():
            with agefiles.encrypting(path, recipients) as stream:
                archives.write(stream, manifests[part], staging)
        for part, path in beside.items():
            os.rename(path, folder / names[part])
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)


def _expire(folder: Path, before: datetime) -> tuple[str, ...]:
    """Delete older files of keys; the age stands in the name, as copies have other times."""
    gone = []
    for path in sorted(folder.iterdir()):
        found = _KEYS_NAME.fullmatch(path.name)
        if found and datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC) < before:
            path.unlink()
            gone.append(path.name)
    return tuple(gone)
