"""Ciphertext, and nothing but ciphertext (R20): a type that only this module can make.

pgpy writes for version 4 certificates, to exactly the subkeys that the judge named; pysequoia writes for version 6 and
for algorithms that pgpy does not know (facts: openpgp 4 and 7). Which keys open a message is read back from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import pysequoia
from pysequoia.packet import Packet, PacketPile, Tag

from disclosure.openpgp import pgp
from disclosure.openpgp.framing import BadPackets, body_of, frames
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.verdict import Verdict
from disclosure.protocol.errors import Refused

_BY_PGPY = frozenset({1, 2, 18})  # RSA and ECDH; the rest of version 4 and all of version 6 go to pysequoia
_SESSION_KEY = 1  # the tag of a session key encrypted to a public key
_SEAL = object()


@dataclass(frozen=True)
class Ciphertext:
    """One OpenPGP message. ``encrypted_to``: fingerprints of the (sub)keys that open it."""

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


class _Chosen(NamedTuple):
    """A key that the judge named, in the certificate that it belongs to."""

    fingerprint: str
    key: Packet

    @property
    def by_pgpy(self) -> bool:
        return self.key.body[0] == 4 and self.key.body[5] in _BY_PGPY  # noqa: PLR2004 - version 4


def encrypt(data: bytes, *, to: Sequence[Verdict], signer: ServiceKey | None) -> Ciphertext:
    """Sign and encrypt. Refused without a recipient or with one that the judge did not find usable (R20)."""
    if not to or not all(verdict.usable and verdict.encrypts_to for verdict in to):
        raise Refused("R20", "no_usable_certificate")
    held = [list(PacketPile.from_bytes(verdict.certificate)) for verdict in to]
    chosen = [one for pile, verdict in zip(held, to, strict=True) for one in _chosen(pile, verdict)]
    if all(one.by_pgpy for one in chosen):
        binary = pgp.sign_and_encrypt(data, [bytes(one.key) for one in chosen], signer.pgpy if signer else None)
    else:
        least = [_least(pile, verdict) for pile, verdict in zip(held, to, strict=True)]
        binary = _by_sequoia(data, least, signer)
    named = {name: one.fingerprint for one in chosen for name in (one.fingerprint, (one.key.key_id or "").upper())}
    if sorted(named.get(name, "") for name in recipients(binary)) != sorted(one.fingerprint for one in chosen):
        raise Refused("R20", "encrypted_to_another_key")
    return Ciphertext(binary, tuple(one.fingerprint for one in chosen), _SEAL)


def recipients(message: bytes) -> list[str]:
    """Whom the session keys of a message are for: key ids, or fingerprints in version 6; upper-case hexadecimal."""
    found = []
    # Content of unknown length is written in parts; it comes behind the session keys.
    with suppress(BadPackets):
        for tag, packet in frames(message):
            if tag != _SESSION_KEY:
                break
            body = body_of(packet)
            # RFC 9580, 5.1: version 3 has a key id; version 6 a length, a key version and a fingerprint.
            found.append((body[1:9] if body[0] == 3 else body[3 : 2 + body[1]]).hex().upper())  # noqa: PLR2004
    return found


def _chosen(pile: Sequence[Packet], verdict: Verdict) -> list[_Chosen]:
    """The key packets that the judge named, in its order."""
    keys = {(packet.fingerprint or "").upper(): packet for packet in pile if packet.fingerprint}
    return [_Chosen(fingerprint, keys[fingerprint]) for fingerprint in verdict.encrypts_to]


def _least(pile: Sequence[Packet], verdict: Verdict) -> pysequoia.Cert:
    """The certificate without the subkeys that the judge did not name: pysequoia chooses among all it is given."""
    out: list[Packet] = []
    kept = True
    for packet in pile:
        if packet.tag == Tag.PublicSubkey:
            kept = (packet.fingerprint or "").upper() in verdict.encrypts_to
        if kept:
            out.append(packet)
    return pysequoia.Cert.from_packets(out)


def _by_sequoia(data: bytes, to: Sequence[pysequoia.Cert], signer: ServiceKey | None) -> bytes:
    signing = pysequoia.Tsk.from_bytes(signer.secret_bytes()).signer() if signer else None
    return bytes(pysequoia.encrypt(data, recipients=to, signer=signing, armor=False))
