"""Keys that links are signed with (R25), by the two letters that a link begins with; the last one signs.

The first comes from the instance's secret; a rotation adds one of its own to ``instance/link-keys.json``, which every
process looks at again when it has changed: a link that the worker signs opens at once in every web process.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from disclosure.casework import servicekeys
from disclosure.protocol.errors import DisclosureError, Refused
from disclosure.store import files
from disclosure.store.sealing import KEY_BYTES

FILE = "link-keys.json"
FIRST = "01"
MOST = 99  # a link begins with two digits


class BadLinkKeys(DisclosureError):
    """The file cannot be read; without it, links that it signed would be refused as forged."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} cannot be read: restore it from a backup")


class LinkKeys(Mapping[str, bytes]):
    """Key id → key, oldest first. Safe for threads: what was read is replaced as a whole."""

    def __init__(self, first: bytes, path: Path) -> None:
        self._first, self._path = first, path
        self._read: tuple[tuple[int, ...], dict[str, bytes]] = ((), {FIRST: first})

    def __repr__(self) -> str:
        return f"LinkKeys({', '.join(self)})"

    def __getitem__(self, key_id: str) -> bytes:
        return self._held()[key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held())

    def __len__(self) -> int:
        return len(self._held())

    def _held(self) -> dict[str, bytes]:
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            return {FIRST: self._first}
        state = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        if self._read[0] != state:
            self._read = (state, {FIRST: self._first, **_added(self._path)})
        return self._read[1]


def _added(path: Path) -> dict[str, bytes]:
    try:
        return {key_id: bytes.fromhex(key) for key_id, key in json.loads(path.read_text(encoding="ascii")).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        raise BadLinkKeys(path) from None


def rotate(instance: Path) -> str:
    """Another key signs links from now on; returns its id. Links signed before go on working until they expire."""
    with servicekeys.alone(instance):
        added = _added(instance / FILE)
        number = len(added) + 2
        if number > MOST:
            raise Refused("R25", "no_link_keys_left")
        key_id = f"{number:02}"
        plain = {name: key.hex() for name, key in added.items()} | {key_id: secrets.token_hex(KEY_BYTES)}
        files.replace(instance / FILE, json.dumps(plain, indent=1).encode("ascii"))
    return key_id
