"""What a backup holds: a tar with a manifest first, each file named there with size and SHA-256.

Two parts that are kept apart and expire apart (design.md section 4): ``data``, with the ledger and what the server
signs and looks up with, and ``keys``, with the stream keys. The key-encryption key is in neither.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from disclosure.protocol.errors import DisclosureError

FORMAT = 1
MANIFEST = "manifest.json"
MOST_MANIFEST = 1_000_000  # bytes
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,200}){0,8}")


class Part(StrEnum):
    DATA = "data"
    KEYS = "keys"


# In the data part, and why.
DATA: Mapping[str, str] = {
    "settings.toml": "how this server is set up; with its passwords",
    "policy.toml": "the operator's own rules",
    "authorities.toml": "the operator's own authorities",
    "holidays.toml": "the operator's own holidays",
    "app.key": "links, codes and look-ups are made with it",
    "ledger.key": "the heads of the ledger are signed with it",
    "link-keys.json": "later keys of links",
    "service*.asc": "our OpenPGP keys, those before among them",
    "service-keys.json": "which of them signs",
    "transition-*.txt": "what each key said of the next",
    "security.txt": "signed by the key above",
    "rdap.json": "the directory of registries, as last fetched",
}
# In no part, and why. Whatever is in neither table is named to the operator.
LEFT_OUT: Mapping[str, str] = {
    "kek.key": "must never lie beside what it opens (design.md section 4)",
    "kek.key.next": "the same, of a change of key that was broken off",
    "keys.db": "copied into the keys part",
    "disclosure.db": "copied into the data part",
    "*.db-wal": "SQLite's own, folded into the copies",
    "*.db-shm": "SQLite's own",
    "*.db-journal": "SQLite's own",
    "*.lock": "holds nothing",
    "*-before-migration-*.db": "made by an upgrade, to go back at once",
    "mailbox": "mails of trial mode, which went nowhere",
    "demo": "another instance",
    "world": "the demo's",
    ".*": "unfinished files of a process that ended",
}


class BadArchive(DisclosureError):
    """A file that is no backup of ours, or not whole."""


@dataclass(frozen=True)
class Entry:
    """``name``: relative to the instance folder, with slashes. ``size`` in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """``pair``: the same in both parts of one backup. ``made_at``: ISO 8601. ``revision``: of the schema."""

    part: Part
    pair: str
    made_at: str
    dialect: str
    revision: str
    files: tuple[Entry, ...]

    def to_json(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Raises BadArchive."""
        try:
            held = json.loads(content)
            if held["format"] != FORMAT:
                raise BadArchive("made by another release: its format is not known here")
            files = tuple(Entry(row["name"], row["size"], row["sha256"]) for row in held["files"])
            pair, made_at, dialect, at = (str(held[name]) for name in ("pair", "made_at", "dialect", "revision"))
            found = cls(Part(held["part"]), pair, made_at, dialect, at, files)
        except (ValueError, KeyError, TypeError):
            raise BadArchive("its manifest cannot be read") from None
        if not all(_NAME.fullmatch(entry.name) for entry in files):
            raise BadArchive("it names files that no backup of ours holds")
        return found


def sort(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of the names in an instance folder: those of the data part, and those that nobody knows."""
    data = [name for name in names if _in(DATA, name)]
    return data, [name for name in names if not (_in(DATA, name) or _in(LEFT_OUT, name))]


def _in(table: Mapping[str, str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in table)


def entry(name: str, path: Path) -> Entry:
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256")
    return Entry(name, path.stat().st_size, digest.hexdigest())


def write(stream: IO[bytes], manifest: Manifest, folder: Path) -> None:
    """The manifest and its files, which lie in ``folder`` and do not change any more."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, MANIFEST, io.BytesIO(content := manifest.to_json()), len(content))
        for held in manifest.files:
            with (folder / held.name).open("rb") as source:
                _add(tar, held.name, source, held.size)


def _add(tar: tarfile.TarFile, name: str, source: IO[bytes], size: int) -> None:
    head = tarfile.TarInfo(name)
    head.size, head.mode = size, 0o600
    tar.addfile(head, source)


def read(stream: IO[bytes], folder: Path, part: Part) -> Manifest:
    """Write the files of the manifest into ``folder``, 0600, each checked. Raises BadArchive at the first difference.

    Nothing is believed before it is checked: no name outside the manifest, no link, no byte beyond the size given.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            members = iter(tar)
            manifest = Manifest.parse(_manifest(tar, next(members, None)))
            if manifest.part is not part:
                raise BadArchive(f"it holds {manifest.part}, not {part}")
            for expected in manifest.files:
                _extract(tar, next(members, None), expected, folder)
            if next(members, None) is not None:
                raise BadArchive("it holds more than its manifest names")
    except tarfile.TarError:
        raise BadArchive("it is no backup, or not whole") from None
    while stream.read(1 << 20):  # to the end: only there age knows that nothing was cut off
        pass
    return manifest


def _manifest(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> bytes:
    source = tar.extractfile(member) if member and member.isreg() and member.name == MANIFEST else None
    if source is None or member is None or member.size > MOST_MANIFEST:
        raise BadArchive("it has no manifest")
    return source.read()


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo | None, expected: Entry, folder: Path) -> None:
    source = tar.extractfile(member) if member and member.isreg() and member.name == expected.name else None
    target = folder / expected.name
    if source is None or member is None or member.size != expected.size or target.exists():
        raise BadArchive(f"{expected.name} is missing, twice, or not as the manifest says")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        for block in _blocks(source):
            digest.update(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != expected.sha256:
        raise BadArchive(f"{expected.name} is not what the manifest says")


def _blocks(source: IO[bytes]) -> Iterator[bytes]:
    while block := source.read(1 << 20):
        yield block
