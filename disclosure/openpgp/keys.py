"""The service's own key: Ed25519, version 4, read by every peer that we tried (facts: openpgp 4)."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pysequoia

from disclosure.openpgp import pgp


class ServiceKey:
    """Certifies and signs with Ed25519, decrypts with Cv25519. The secret is never printed."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"ServiceKey({self.fingerprint})"

    @classmethod
    def generate(cls, user_id: str, *, now: datetime) -> ServiceKey:
        return cls(pgp.new_key(user_id, now))

    @classmethod
    def load(cls, path: Path) -> ServiceKey:
        return cls(pgp.read_key(path.read_bytes()))

    def save(self, path: Path) -> None:
        """0600, and never over another file."""
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(bytes(self._key))
            out.flush()
            os.fsync(out.fileno())

    @property
    def fingerprint(self) -> str:
        return str(self._key.fingerprint).replace(" ", "").upper()

    @property
    def pgpy(self) -> Any:
        """For the writer only."""
        return self._key

    def certificate(self) -> bytes:
        return bytes(self._key.pubkey)

    def certificate_armoured(self) -> str:
        return pysequoia.armor(self.certificate(), pysequoia.ArmorKind.PublicKey)

    def secret_bytes(self) -> bytes:
        """For the writer of version 6 messages only."""
        return bytes(self._key)

    def sign_detached(self, data: bytes, *, now: datetime) -> bytes:
        """Armoured detached signature over the exact bytes, SHA-512: ``micalg=pgp-sha512``."""
        signature = pgp.sign(self._key, data, now)
        return pysequoia.armor(signature, pysequoia.ArmorKind.Signature).encode("ascii")
