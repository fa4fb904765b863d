"""A certificate in its parts: the primary key, what its owner says of it, names, subkeys (RFC 9580, 10.1).

Copies of one certificate become one, so that an old copy cannot hide a revocation that stands in a newer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pysequoia.packet import Packet, SignatureType, Tag

_T = SignatureType
_REVOCATIONS = (_T.KeyRevocation, _T.SubkeyRevocation, _T.CertificationRevocation)
_CERTIFICATIONS = (
    _T.GenericCertification,
    _T.PersonaCertification,
    _T.CasualCertification,
    _T.PositiveCertification,
)
_OF_PRIMARY = (_T.DirectKey, _T.KeyRevocation)
_OF_NAMES = (*_CERTIFICATIONS, _T.CertificationRevocation)
_OF_SUBKEYS = (_T.SubkeyBinding, _T.SubkeyRevocation)
_WEAK_HASHES = ("MD5", "SHA1", "RipeMD")
MIN_BITS = 2048  # KD 5.2: RSA, DSA, ElGamal
_RSA, _ELGAMAL, _DSA, _ECDH, _ECDSA, _EDDSA = frozenset({1, 2, 3}), frozenset({16, 20}), 17, 18, 19, 22
_COUNTED_BITS = _RSA | _ELGAMAL | {_DSA}
# Of version 4 with a curve's name inside: Curve25519, Ed25519 in their first form, and the three of NIST.
_CURVES = frozenset(
    bytes.fromhex(oid)
    for oid in ("2b060104019755010501", "2b06010401da470f01", "2a8648ce3d030107", "2b81040022", "2b81040023")
)
_SIGNS = _RSA | {25, 26, 27, 28, 30, 31, 32, 33, 34, 35, 36}  # RFC 9580 and its post-quantum extension, without curves
_ENCRYPTS = frozenset({1, 2, 25, 26, 35, 36})


@dataclass
class Parts:
    """Each component is a list: the packet itself, then its signatures. ``direct``: those over the primary key.

    ``astray``: revocations that stand where they cannot belong; pysequoia brings them home in the whole.
    """

    primary: Packet
    direct: list[Packet] = field(default_factory=list)
    user_ids: list[list[Packet]] = field(default_factory=list)
    subkeys: list[list[Packet]] = field(default_factory=list)
    astray: list[Packet] = field(default_factory=list)

    @property
    def head(self) -> list[Packet]:
        return [self.primary, *self.direct, *(packet for one in self.user_ids for packet in one)]

    @property
    def packets(self) -> list[Packet]:
        return [*self.head, *(packet for one in self.subkeys for packet in one), *self.astray]

    @property
    def signatures(self) -> Iterator[Packet]:
        return (packet for packet in self.packets if packet.tag == Tag.Signature)

    @property
    def subkey_revocations(self) -> list[Packet]:
        """Of any subkey, wherever they stand: each holds for its own only."""
        return [packet for packet in self.packets if packet.signature_type == _T.SubkeyRevocation]

    @property
    def own_revocations(self) -> list[Packet]:
        """Of the primary key, wherever they stand."""
        return [packet for packet in (*self.direct, *self.astray) if packet.signature_type == _T.KeyRevocation]

    @property
    def certifications(self) -> Iterator[Packet]:
        """By which the key vouches for itself, whether they hold or not."""
        return (p for p in self.head if p.tag == Tag.Signature and not is_revocation(p))


def parts_of(packets: Iterable[Packet], now: datetime) -> Parts:
    """Merged from one certificate or several copies of it; only what its own key claims to have signed by ``now``.

    Revocations count whatever their date says, and wherever they stand. Any other signature out of its place is left
    out: pysequoia would put it where it holds, and we would take the one that stands there for the one that holds.
    Ten thousand signatures of strangers cost nothing later (rule 3).
    """
    iterator = iter(packets)
    parts = Parts(primary=next(iterator))
    known: dict[bytes, list[Packet]] = {parts.primary.body: parts.direct}
    held, seen = parts.direct, set[bytes]()
    fitting: tuple[SignatureType, ...] = _OF_PRIMARY
    for packet in iterator:
        if packet.tag == Tag.Signature:
            if not _is_own(packet, parts.primary) or not _is_made(packet, now):
                continue
            fits = packet.signature_type in fitting
            if packet.body not in seen and (fits or is_revocation(packet)):
                seen.add(packet.body)
                (held if fits else parts.astray).append(packet)
            continue
        fitting = {6: _OF_PRIMARY, 13: _OF_NAMES}.get(int(packet.tag), _OF_SUBKEYS)
        raw = packet.body
        if raw not in known:
            known[raw] = [packet]
            (parts.user_ids if packet.tag == Tag.UserID else parts.subkeys).append(known[raw])
        held = known[raw]
    return parts


def _is_own(signature: Packet, primary: Packet) -> bool:
    if signature.issuer_fingerprint:
        return signature.issuer_fingerprint == primary.fingerprint
    return signature.issuer_key_id in {None, primary.key_id}


def _is_made(signature: Packet, now: datetime) -> bool:
    if is_revocation(signature):
        return True
    return signature.signature_created is not None and signature.signature_created <= now


def is_revocation(signature: Packet) -> bool:
    return signature.signature_type in _REVOCATIONS


def has_weak_hash(signature: Packet) -> bool:
    return str(signature.hash_algorithm).rpartition(".")[2] in _WEAK_HASHES


def may_encrypt(signature: Packet) -> bool:
    """Whether a signature says so, or says nothing of what the key is for."""
    flags = signature.key_flags
    return flags is None or flags.transport_encryption or flags.storage_encryption


# --- key material (RFC 9580, 5.5.2 and 5.5.5) ------------------------------------------------------------------------


def algorithm_of(key: Packet) -> int:
    return key.body[5] if len(key.body) > 5 else 0  # noqa: PLR2004 - version, four octets of time, algorithm


def is_weak(key: Packet) -> bool:
    """RSA, DSA and ElGamal below 2048 bits: the length of the first number, modulus or prime."""
    if algorithm_of(key) not in _COUNTED_BITS:
        return False
    return int.from_bytes(_material(key)[:2]) < MIN_BITS


def can_sign(key: Packet) -> bool:
    """Whether signatures by this key can be checked here at all."""
    return algorithm_of(key) in _SIGNS or (algorithm_of(key) in {_ECDSA, _EDDSA} and _curve(key) in _CURVES)


def can_encrypt(key: Packet) -> bool:
    """Whether one of the two writers can encrypt to this key."""
    return algorithm_of(key) in _ENCRYPTS or (algorithm_of(key) == _ECDH and _curve(key) in _CURVES)


def _material(key: Packet) -> bytes:
    """Behind version, time and algorithm; version 6 counts the octets of the material first."""
    return key.body[6:] if key.body[0] == 4 else key.body[10:]  # noqa: PLR2004 - version 4


def _curve(key: Packet) -> bytes:
    material = _material(key)
    return material[1 : 1 + material[0]] if material else b""
