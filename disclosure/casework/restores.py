"""``disclosure restore``: a backup becomes an instance again, and counts only once all of it was verified.

Everything is unpacked, opened and verified in a folder inside the instance, and moved out of it as the last step. Then
the house is in maintenance: the backup knows nothing of what happened after it, so nothing leaves and no deadline fires
until a person has looked (docs/operations.md).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from disclosure.casework import agefiles, archives, maintenance, verification
from disclosure.casework.archives import Manifest, Part
from disclosure.casework.office import Office, open_office
from disclosure.casework.verification import Verified
from disclosure.protocol.errors import DisclosureError
from disclosure.settings import Settings, load
from disclosure.store import dumps, revision, snapshots
from disclosure.store.faults import storage

STAGING = ".restoring"
KEK = "kek.key"
DATABASE, KEYS = "disclosure.db", "keys.db"
NEEDED: Mapping[tuple[Part, str], frozenset[str]] = {
    (Part.DATA, "sqlite"): frozenset({DATABASE, "app.key", "ledger.key"}),
    (Part.KEYS, "sqlite"): frozenset({KEYS}),
    (Part.DATA, "postgresql"): frozenset({dumps.DATA_DUMP, "app.key", "ledger.key"}),
    (Part.KEYS, "postgresql"): frozenset({dumps.KEYS_DUMP}),
}


class CannotRestore(DisclosureError):
    """Nothing was restored; what was there is as it was."""


@dataclass(frozen=True)
class Restored:
    """``made_at``: of the backup, ISO 8601. ``erased``: how many keys of erased streams were dropped."""

    instance: Path
    made_at: str
    streams: int
    events: int
    erased: int


@dataclass(frozen=True)
class Source:
    """What is restored: the two files of one backup, the age identity that opens them, the key-encryption key.

    ``kek`` None: it lies in the instance folder already.
    """

    data: Path
    keys: Path
    identity: Path
    kek: Path | None = None


def keys_beside(data: Path) -> Path:
    """The other file of a backup, by its name."""
    return data.with_name(data.name.replace(".data.age", ".keys.age"))


def restore(instance: Path, source: Source, environ: Mapping[str, str], now: datetime) -> Restored:
    """Raises CannotRestore, BadArchive, AgeFailed, KeyLost, BrokenChain, CannotStore; then nothing was restored."""
    _refuse_what_is_there(instance, source)
    with storage(), _staging(instance) as staging:
        manifest = _unpack(source, staging)
        shutil.copyfile(source.kek or instance / KEK, staging / KEK)
        (staging / KEK).chmod(0o600)
        final = load(staging, environ)
        database = _database(final, instance, manifest)
        if manifest.dialect != "sqlite":
            dumps.put_back(final.database_url, staging)
        settings = (
            final if manifest.dialect != "sqlite" else replace(final, database_url=f"sqlite:///{staging / DATABASE}")
        )
        try:
            verified, erased = _verified(settings, staging, now)
        except DisclosureError as error:
            if manifest.dialect == "sqlite":
                raise
            raise CannotRestore(f"{error}; what the database holds now counts for nothing: drop it") from error
        _move(staging, instance, database)
    return Restored(instance, manifest.made_at, verified.streams, verified.events, erased)


def _refuse_what_is_there(instance: Path, source: Source) -> None:
    there = {path.name for path in instance.iterdir()} - {KEK, STAGING} if instance.is_dir() else set[str]()
    if there:
        raise CannotRestore(f"{instance} is not empty: it holds {', '.join(sorted(there)[:3])}")
    if source.kek is None and not (instance / KEK).is_file():
        raise CannotRestore(f"the key-encryption key is in no backup: put it at {instance / KEK}, or say --kek FILE")
    if source.kek is not None and (instance / KEK).exists():
        raise CannotRestore(f"{instance / KEK} is there already: leave out --kek, or move it away")


@contextmanager
def _staging(instance: Path) -> Iterator[Path]:
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    staging = instance / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    try:
        yield staging
    finally:
        shutil.rmtree(staging)


def _unpack(source: Source, staging: Path) -> Manifest:
    """Both parts, of one backup. Returns the manifest of the data."""
    found = {}
    for part, path in ((Part.DATA, source.data), (Part.KEYS, source.keys)):
        if not path.is_file():
            raise CannotRestore(f"{path} is not there: a backup is two files, data and keys")
        with agefiles.decrypting(path, source.identity) as stream:
            held = found[part] = archives.read(stream, staging, part)
        missing = NEEDED.get((part, held.dialect), frozenset({"a known database"})) - {e.name for e in held.files}
        if missing:
            raise CannotRestore(f"{path} lacks {', '.join(sorted(missing))}")
    if found[Part.DATA].pair != found[Part.KEYS].pair:
        raise CannotRestore("the two files are not of one backup: data and keys have the same instant in their names")
    if found[Part.DATA].revision > revision.newest():
        raise CannotRestore("a newer release made this backup: restore it with that one")
    return found[Part.DATA]


def _database(settings: Settings, instance: Path, manifest: Manifest) -> Path:
    """Where the SQLite database goes; refuses what is there."""
    url = make_url(settings.database_url)
    if url.get_backend_name() != manifest.dialect:
        raise CannotRestore(f"the backup is of {manifest.dialect}, the setting database_url is not")
    target = Path(str(url.database)) if manifest.dialect == "sqlite" else instance / DATABASE
    if target == settings.instance / DATABASE:
        target = instance / DATABASE
    if manifest.dialect == "sqlite" and target.exists():
        raise CannotRestore(f"{target} is there already: nothing is restored over anything")
    return target


def _verified(settings: Settings, staging: Path, now: datetime) -> tuple[Verified, int]:
    """Open it as a server would, bring it up to date, check all of it, and hold it."""
    office = open_office(settings)
    try:
        office.prepare(now)
        erased = _drop_erased(office, staging)
        found = verification.verify(office)
        if not found.ok:
            raise CannotRestore(f"it does not verify: {found.fault}")
        maintenance.begin(office.store, "restored", now)
    finally:
        office.close()
    return found, erased


def _drop_erased(office: Office, staging: Path) -> int:
    if office.store.engine.dialect.name == "sqlite":
        return snapshots.drop_erased(staging / DATABASE, staging / KEYS)
    return dumps.drop_erased(office.store.engine)


def _move(staging: Path, instance: Path, database: Path) -> None:
    """Out of the staging folder; ``app.key`` last, without which no command takes the folder for an instance."""
    leave = {dumps.DATA_DUMP, dumps.KEYS_DUMP}
    names = sorted(path.name for path in staging.iterdir() if path.name not in leave)
    for name in sorted(names, key=lambda name: name == "app.key"):
        if name.endswith((".lock", "-shm")) or "-before-migration-" in name:
            continue
        target = (
            database.with_name(name.replace(DATABASE, database.name, 1))
            if name.startswith(DATABASE)
            else instance / name
        )
        shutil.move(staging / name, target)
    handle = os.open(instance, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
