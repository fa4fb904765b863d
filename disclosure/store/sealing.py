"""Stream keys and sealing (design.md section 4).

Every stream has a 256-bit key of its own, wrapped by the key-encryption key and kept apart (keystores.py): erasing
a key erases the content wherever a backup of the ledger lies. Each ciphertext is bound to table, column, row and key:
it cannot be moved to another place.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import deque
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from disclosure.protocol.errors import DisclosureError
from disclosure.store import files
from disclosure.store.keystores import KeyStore, Row

KEY_BYTES = 32
NONCE_BYTES = 12
# Keys are committed before the first row that uses them; taking them by the dozen spares a disk flush per report.
POOL = 32
SYSTEM = "system"


class Erased(DisclosureError):
    """The stream's key is gone, and with it every sealed word of the stream."""


class KeyLost(DisclosureError):
    """The key-encryption key is not the one that wrapped the stream keys."""


def secret_file(path: Path, size: int = KEY_BYTES) -> bytes:
    """The secret in ``path``; made there, 0600, when it is missing. Never half a secret, and never one of two."""
    if not path.exists():
        files.create(path, secrets.token_bytes(size))
    return path.read_bytes()


def derived(secret: bytes, label: str) -> bytes:
    """A key for one use, from the instance's secret."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=label.encode()).derive(secret)


class KeyRing:
    """The stream keys in ``keys``, wrapped by ``kek``. Safe for threads; processes share what lies there."""

    def __init__(self, keys: KeyStore, kek: bytes) -> None:
        self.keys, self._kek = keys, AESGCM(kek)
        self._lock = threading.Lock()
        self._pool: deque[str] = deque()
        if keys.find(SYSTEM) is None:
            self._make([SYSTEM])

    def _make(self, stream_ids: list[str]) -> None:
        rows = []
        for stream_id in stream_ids:
            key_id, nonce = secrets.token_hex(8), secrets.token_bytes(NONCE_BYTES)
            wrapped = nonce + self._kek.encrypt(nonce, secrets.token_bytes(KEY_BYTES), _bound(stream_id, key_id))
            rows.append((stream_id, key_id, wrapped))
        self.keys.add(rows)

    def new_stream(self) -> str:
        """A fresh stream id whose key is already on disk. Ids that a process took and never used are harmless."""
        with self._lock:
            if not self._pool:
                fresh = [secrets.token_hex(16) for _ in range(POOL)]
                self._make(fresh)
                self._pool.extend(fresh)
            return self._pool.popleft()

    def sealer(self, stream_id: str) -> Sealer:
        """Seals and opens under the stream's key. Raises Erased, or KeyLost when another key wrapped it."""
        row = self.keys.find(stream_id)
        if row is None:
            raise Erased(stream_id)
        key_id, wrapped = row
        return Sealer(key_id, self._unwrapped(stream_id, key_id, wrapped))

    def _unwrapped(self, stream_id: str, key_id: str, wrapped: bytes) -> bytes:
        try:
            return self._kek.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound(stream_id, key_id))
        except InvalidTag:
            raise KeyLost("kek.key") from None

    def erase(self, stream_id: str) -> None:
        """Delete the key for good, and with it every sealed word of the stream."""
        self.keys.erase(stream_id)

    def close(self) -> None:
        self.keys.close()

    def rewrap(self, kek: bytes) -> int:
        """Wrap every key by ``kek`` in one transaction; returns how many. The ciphertexts stay as they are."""
        fresh = AESGCM(kek)

        def wrap(row: Row) -> bytes:
            stream_id, key_id, _ = row
            nonce = secrets.token_bytes(NONCE_BYTES)
            return nonce + fresh.encrypt(nonce, self._unwrapped(*row), _bound(stream_id, key_id))

        count = self.keys.exchange(wrap)
        self._kek = fresh
        return count


def _bound(stream_id: str, key_id: str) -> bytes:
    return f"stream_keys|{stream_id}|{key_id}".encode()


class Sealer:
    """AES-256-GCM under one stream's key; ``place`` names table, column and row."""

    def __init__(self, key_id: str, key: bytes) -> None:
        self._key_id, self._cipher = key_id, AESGCM(key)

    def seal(self, content: bytes, place: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, f"{place}|{self._key_id}".encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The content again. Raises cryptography's InvalidTag when anything of it, or its place, was changed."""
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], f"{place}|{self._key_id}".encode())


class HeadSigner:
    """Signs the head of a stream (R42) with the instance's ledger key."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, stream: str, seq: int, head: str) -> bytes:
        return self._key.sign(_head(stream, seq, head))


def check_head(public: bytes, signature: bytes, stream: str, seq: int, head: str) -> None:
    """Raises cryptography's InvalidSignature unless the head is the signed one."""
    Ed25519PublicKey.from_public_bytes(public).verify(signature, _head(stream, seq, head))


def _head(stream: str, seq: int, head: str) -> bytes:
    return f"disclosure/head/1|{stream}|{seq}|{head}".encode()


def keyed_hash(key: bytes, kind: str, value: str) -> str:
    """What a column may hold instead of a domain, an address, a codename or a code."""
    return hmac.new(key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()


def quarter_of(now: datetime) -> datetime:
    """The 15 minutes in which a view falls: one row per person, stream and quarter (design.md section 4)."""
    return now.replace(minute=now.minute - now.minute % 15, second=0, microsecond=0)
