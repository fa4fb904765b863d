"""Ciphertext, and nothing but ciphertext (R20): a type that only this module can make.

pgpy writes for version 4 certificates, to exactly the subkeys that the judge named; pysequoia writes for version 6 and
for algorithms that pgpy does not know (facts: openpgp 4 and 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pysequoia
from pysequoia.packet import PacketPile

from disclosure.openpgp import pgp
from disclosure.openpgp.judge import Verdict
from disclosure.openpgp.keys import ServiceKey
from disclosure.protocol.errors import Refused

_BY_PGPY = frozenset({1, 2, 18})  # RSA and ECDH; the rest of version 4 and all of version 6 go to pysequoia
_SEAL = object()


@dataclass(frozen=True)
class Ciphertext:
    """One OpenPGP message. ``encrypted_to``: fingerprints of the subkeys that open it."""

    binary: bytes
    encrypted_to: tuple[str, ...]
    seal: object = None

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("ciphertext is made by encrypt() only")

    def __repr__(self) -> str:
        return f"Ciphertext({len(self.binary)} bytes)"

    def armoured(self) -> bytes:
        """ASCII armour with its CRC, which old readers still ask for; pgpy's own takes seconds for 5 MB."""
        return pysequoia.armor(self.binary, pysequoia.ArmorKind.Message).encode("ascii")


def encrypt(data: bytes, *, to: Sequence[Verdict], signer: ServiceKey | None) -> Ciphertext:
    """Sign and encrypt. Refused without a recipient or with one that the judge did not find usable."""
    if not to or not all(verdict.usable and verdict.encrypts_to for verdict in to):
        raise Refused("R20", "no_usable_certificate")
    fingerprints = tuple(fingerprint for verdict in to for fingerprint in verdict.encrypts_to)
    packets = [packet for verdict in to for packet in _chosen(verdict)]
    if all(packet[1] in _BY_PGPY for packet in packets) and all(verdict.version == 4 for verdict in to):  # noqa: PLR2004
        binary = pgp.sign_and_encrypt(data, [raw for raw, _ in packets], signer.pgpy if signer else None)
    else:
        binary = _by_sequoia(data, to, signer)
    return Ciphertext(binary, fingerprints, _SEAL)


def _chosen(verdict: Verdict) -> list[tuple[bytes, int]]:
    """(bytes, algorithm) of the key packets that the judge named, in its order."""
    held = {(p.fingerprint or "").upper(): p for p in PacketPile.from_bytes(verdict.certificate) if p.fingerprint}
    return [(bytes(held[fingerprint]), held[fingerprint].body[5]) for fingerprint in verdict.encrypts_to]


def _by_sequoia(data: bytes, to: Sequence[Verdict], signer: ServiceKey | None) -> bytes:
    recipients = [pysequoia.Cert.from_bytes(verdict.certificate) for verdict in to]
    signing = None
    if signer is not None:
        secrets = pysequoia.Cert.from_bytes(signer.secret_bytes()).secrets
        signing = secrets.signer() if secrets else None
    return bytes(pysequoia.encrypt(data, recipients=recipients, signer=signing, armor=False))
