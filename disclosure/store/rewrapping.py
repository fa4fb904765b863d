"""Another key-encryption key: every stream key is wrapped anew, the ciphertexts stay as they are (design.md section 4).

The new key lies beside the old one before the first stream key is wrapped by it, and takes its place afterwards:
whenever the process ends, one of the two files opens all of them, and the next start finds out which.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from disclosure.store import files
from disclosure.store.keystores import KeyStore
from disclosure.store.sealing import KEY_BYTES, SYSTEM, KeyLost, KeyRing, secret_file

KEK, NEXT = "kek.key", "kek.key.next"


def rewrap(ring: KeyRing, instance: Path) -> int:
    """Returns how many stream keys. Raises InUse while another process is at work: it would wrap by the old one."""
    with ring.keys.alone():
        fresh = secrets.token_bytes(KEY_BYTES)
        files.replace(instance / NEXT, fresh)
        count = ring.rewrap(fresh)
        _take_its_place(instance)
    return count


def keyring(keys: KeyStore, instance: Path) -> KeyRing:
    """With the key that opens them. Raises KeyLost."""
    try:
        return _opened(keys, secret_file(instance / KEK))
    except KeyLost:
        if not (instance / NEXT).exists():
            raise
        ring = _opened(keys, (instance / NEXT).read_bytes())
        _take_its_place(instance)
        return ring


def _opened(keys: KeyStore, kek: bytes) -> KeyRing:
    ring = KeyRing(keys, kek)
    ring.sealer(SYSTEM)
    return ring


def _take_its_place(instance: Path) -> None:
    files.replace(instance / KEK, (instance / NEXT).read_bytes())
    (instance / NEXT).unlink()
