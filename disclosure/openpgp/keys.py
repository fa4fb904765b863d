"""The service's own key: Ed25519, version 4, read by every peer that we tried (facts: openpgp 4)."""

from __future__ import annotations

from datetime import UTC, datetime
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

    @property
    def fingerprint(self) -> str:
        return str(self._key.fingerprint).replace(" ", "").upper()

    @property
    def created_at(self) -> datetime:
        """Aware, UTC."""
        made: datetime = self._key.created
        return made.astimezone(UTC)

    @property
    def pgpy(self) -> Any:
        """For the writer only."""
        return self._key

    def certificate(self) -> bytes:
        return bytes(self._key.pubkey)

    def certificate_armoured(self) -> str:
        return pysequoia.armor(self.certificate(), pysequoia.ArmorKind.PublicKey)

    def secret_bytes(self) -> bytes:
        """Binary, as :meth:`load` reads it; for the key's own file and for the writer of version 6 messages only."""
        return bytes(self._key)

    def sign_detached(self, data: bytes, *, now: datetime) -> bytes:
        """Armoured detached signature over the exact bytes, SHA-512: ``micalg=pgp-sha512``."""
        signature = pgp.sign(self._key, data, now)
        return pysequoia.armor(signature, pysequoia.ArmorKind.Signature).encode("ascii")

    def certified_by(self, other: ServiceKey, *, now: datetime) -> ServiceKey:
        """This key with ``other``'s word that its user ID is genuine: whoever trusts the old key can trust the new."""
        pgp.certify(self._key, by=other.pgpy, now=now)
        return self

    def clear_signed(self, text: str, *, now: datetime) -> bytes:
        """``text`` as people read it, with a signature below (RFC 9580, 7): lines end in LF, blanks before them go.

        What is hashed are the lines with CRLF between them and none at the end, as every reader takes them.
        """
        lines = [line.rstrip(" \t\r") for line in text.rstrip("\n").split("\n")]
        signature = pysequoia.armor(pgp.sign_text(self._key, "\n".join(lines), now), pysequoia.ArmorKind.Signature)
        escaped = [f"- {line}" if line.startswith(("-", "From ")) else line for line in lines]
        head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
        return (head + "\n".join(escaped) + "\n" + signature.replace("\r\n", "\n")).encode()
