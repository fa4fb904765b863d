"""The session key of a message, by a secret key of ours: ECDH over Curve25519, which is what ours decrypt with.

RFC 9580, 5.1 and 11.5. The wrapping is authenticated: a session key that comes out is one that was put in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from pysequoia.packet import PacketPile

from disclosure.openpgp.opened import CannotOpen, NotOpenedReason

MAX_SECRETS = 16  # ours: one a year
_CURVE25519 = bytes.fromhex("2b060104019755010501")
_V3, _V4, _V6, _ECDH = 3, 4, 6, 18
_POINT = 33  # octets: 0x40 and the coordinate
_HASHES = {8: "sha256", 9: "sha384", 10: "sha512"}
_KEY_SIZES = {7: 16, 8: 24, 9: 32}  # AES


@dataclass(frozen=True)
class Lock:
    """A secret (sub)key. ``fingerprint``: its own. ``owner``: that of its certificate. ``kdf``: hash and cipher."""

    fingerprint: bytes
    owner: bytes
    kdf: tuple[int, int]
    private: X25519PrivateKey = field(repr=False)
    whole: bytes = field(repr=False)  # the secret key that it belongs to

    @property
    def key_id(self) -> bytes:
        return self.fingerprint[-8:]


@dataclass(frozen=True)
class SessionKey:
    """``cipher``: named in version 3; in version 6 the sealed packet names it. ``packet``: the body it came in."""

    version: int
    cipher: int
    key: bytes = field(repr=False)
    packet: bytes = field(repr=False)


def locks_of(secrets: Iterable[bytes]) -> list[Lock]:
    """Of each secret key the keys that can decrypt: unprotected, version 4. Others are passed over."""
    return [lock for secret in list(secrets)[:MAX_SECRETS] for lock in _locks(secret)]


def _locks(secret: bytes) -> Iterator[Lock]:
    pile = [packet for packet in PacketPile.from_bytes(secret) if packet.fingerprint]
    for packet in pile:
        body = packet.body
        if body[0] != _V4 or body[5] != _ECDH or body[7 : 7 + body[6]] != _CURVE25519:
            continue
        _, at = _number(body, 7 + body[6])
        kdf, usage = body[at : at + 4], body[at + 4]  # length, 1, hash, cipher
        if usage == 0:
            number, _ = _number(body, at + 5)
            # The scalar's octets stand the other way round (RFC 9580, 5.5.5.6.1.1).
            private = X25519PrivateKey.from_private_bytes(number.rjust(32, b"\0")[::-1])
            own, owner = (bytes.fromhex(one.fingerprint or "") for one in (packet, pile[0]))
            yield Lock(own, owner, (kdf[2], kdf[3]), private, secret)


def session_key(packets: Sequence[bytes], locks: Sequence[Lock]) -> tuple[SessionKey, Lock]:
    """Those that name a key of ours first, then those that name none. Raises CannotOpen."""
    named = False
    for anonymous in (False, True):
        for packet in packets:
            for lock in locks:
                if not _is_for(packet, lock, anonymous=anonymous):
                    continue
                named |= not anonymous
                found = _unwrapped(packet, lock)
                if found is not None:
                    return found, lock
    raise CannotOpen(NotOpenedReason.DAMAGED if named else NotOpenedReason.NOT_FOR_US)


def _is_for(packet: bytes, lock: Lock, *, anonymous: bool) -> bool:
    version, name, _ = _split(packet)
    if anonymous:
        return name in {bytes(8), b""}
    return name == (lock.key_id if version == _V3 else bytes([_V4]) + lock.fingerprint)


def _split(packet: bytes) -> tuple[int, bytes, bytes]:
    """Version, whom it names, and the rest: algorithm and what is encrypted."""
    if packet[:1] == bytes([_V3]):
        return _V3, packet[1:9], packet[9:]
    if packet[:1] == bytes([_V6]):
        end = 2 + packet[1] if len(packet) > 1 else 2
        return _V6, packet[2:end], packet[end:]
    return 0, b"?", b""


def _unwrapped(packet: bytes, lock: Lock) -> SessionKey | None:
    version, _, rest = _split(packet)
    if rest[:1] != bytes([_ECDH]):
        return None
    try:
        point, at = _number(rest, 1)
        wrapped = rest[at + 1 :]
        if len(point) != _POINT or len(wrapped) != rest[at]:
            return None
        shared = lock.private.exchange(X25519PublicKey.from_public_bytes(point[1:]))
        plain = aes_key_unwrap(_wrapping_key(shared, lock), wrapped)
    except (InvalidUnwrap, ValueError, IndexError, KeyError, UnsupportedAlgorithm):
        return None
    return _read(version, plain[: -plain[-1]], packet)


def _wrapping_key(shared: bytes, lock: Lock) -> bytes:
    hash_, cipher = lock.kdf
    curve = bytes([len(_CURVE25519)]) + _CURVE25519
    about = curve + bytes([_ECDH, 3, 1, hash_, cipher]) + b"Anonymous Sender    " + lock.fingerprint
    return hashlib.new(_HASHES[hash_], (1).to_bytes(4) + shared + about).digest()[: _KEY_SIZES[cipher]]


def _read(version: int, plain: bytes, packet: bytes) -> SessionKey | None:
    """Cipher (version 3 only), key, sum of its octets."""
    cipher, key = (plain[0], plain[1:-2]) if version == _V3 and plain else (0, plain[:-2])
    if len(key) not in _KEY_SIZES.values() or sum(key) % 65_536 != int.from_bytes(plain[-2:]):
        return None
    return SessionKey(version, cipher, key, packet)


def _number(data: bytes, at: int) -> tuple[bytes, int]:
    """The octets of a multiprecision integer, and where it ends. Raises ValueError."""
    end = at + 2 + -(-int.from_bytes(data[at : at + 2]) // 8)
    if end > len(data):
        raise ValueError("cut off")
    return data[at + 2 : end], end
