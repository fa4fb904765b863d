"""Stream keys and sealing (design.md section 4).

Every stream has a 256-bit key of its own, wrapped by the key-encryption key and kept in a database of its own: erasing
a key erases the content wherever a backup of the ledger lies. Each ciphertext is bound to table, column, row and key:
it cannot be moved to another place.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from disclosure.protocol.errors import DisclosureError
from disclosure.store import files
from disclosure.store.faults import storage

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
    """The stream keys in ``path``, wrapped by ``kek``. Safe for threads; processes share the file."""

    def __init__(self, path: Path, kek: bytes) -> None:
        self._path, self._kek = path, AESGCM(kek)
        self._lock = threading.Lock()
        self._pool: deque[str] = deque()
        self._local = threading.local()
        with self._connection() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS stream_keys"
                " (stream_id TEXT PRIMARY KEY, key_id TEXT NOT NULL UNIQUE, wrapped BLOB NOT NULL)"
            )
        if self._row(SYSTEM) is None:
            self._make([SYSTEM])

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._local.process != os.getpid():
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
            self._local.connection, self._local.process = connection, os.getpid()
        return connection

    def _make(self, stream_ids: list[str]) -> None:
        rows = []
        for stream_id in stream_ids:
            key_id, nonce = secrets.token_hex(8), secrets.token_bytes(NONCE_BYTES)
            bound = f"stream_keys|{stream_id}|{key_id}".encode()
            rows.append((stream_id, key_id, nonce + self._kek.encrypt(nonce, secrets.token_bytes(KEY_BYTES), bound)))
        with storage(), self._writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO stream_keys VALUES (?, ?, ?)", rows)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Whatever fails, the commit included: this thread's connection is free for the next."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk may have rolled it back already
                connection.execute("ROLLBACK")
            raise

    def new_stream(self) -> str:
        """A fresh stream id whose key is already on disk. Ids that a process took and never used are harmless."""
        with self._lock:
            if not self._pool:
                fresh = [secrets.token_hex(16) for _ in range(POOL)]
                self._make(fresh)
                self._pool.extend(fresh)
            return self._pool.popleft()

    def _row(self, stream_id: str) -> tuple[str, bytes] | None:
        query = "SELECT key_id, wrapped FROM stream_keys WHERE stream_id = ?"
        found: tuple[str, bytes] | None = self._connection().execute(query, (stream_id,)).fetchone()
        return found

    def sealer(self, stream_id: str) -> Sealer:
        """Seals and opens under the stream's key. Raises Erased, or KeyLost when another key wrapped it."""
        row = self._row(stream_id)
        if row is None:
            raise Erased(stream_id)
        key_id, wrapped = row
        bound = f"stream_keys|{stream_id}|{key_id}".encode()
        try:
            key = self._kek.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)
        except InvalidTag:
            raise KeyLost("kek.key") from None
        return Sealer(key_id, key)

    def erase(self, stream_id: str) -> None:
        """Delete the key for good; secure_delete and the checkpoint leave no copy in the file or its log."""
        connection = self._connection()
        with storage():
            connection.execute("DELETE FROM stream_keys WHERE stream_id = ?", (stream_id,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def rewrap(self, kek: bytes) -> int:
        """Wrap every key by ``kek`` in one transaction; returns how many. The ciphertexts stay as they are."""
        fresh = AESGCM(kek)
        with storage(), self._writing() as connection:
            rows = connection.execute("SELECT stream_id, key_id, wrapped FROM stream_keys").fetchall()
            for stream_id, key_id, wrapped in rows:
                bound, nonce = f"stream_keys|{stream_id}|{key_id}".encode(), secrets.token_bytes(NONCE_BYTES)
                key = self._kek.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)
                again = nonce + fresh.encrypt(nonce, key, bound)
                connection.execute("UPDATE stream_keys SET wrapped = ? WHERE stream_id = ?", (again, stream_id))
        self._kek = fresh
        return len(rows)


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
