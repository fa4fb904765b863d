"""Whether one signature was made by one key over these bytes (RFC 9580, 5.2). Pure: no date, no trust, no certificate.

pysequoia judges a signature by the certificate as it was on the day of signing, and by its own clock. GnuPG replaces
the self-signature when an owner extends the expiry: an older signature is then refused as if the text had been changed.
The numbers alone can tell the two apart, so they are asked here, with the primitives of ``cryptography``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

MOST_BITS = 16_384  # RSA: more is nobody's key and costs seconds
EMBEDDED_SIGNATURE, INTENDED_RECIPIENT = 32, 35  # RFC 9580, 5.2.3.34 and 5.2.3.36
BINARY, TEXT = 0, 1  # kinds: over the octets as they are, over lines that end in CRLF
_V4, _V6 = 4, 6
# RFC 9580, 9.5. What is not here, MD5 and SHA-1 before all, proves nothing.
_HASHES: Mapping[int, tuple[str, hashes.HashAlgorithm]] = {
    8: ("sha256", hashes.SHA256()),
    9: ("sha384", hashes.SHA384()),
    10: ("sha512", hashes.SHA512()),
    11: ("sha224", hashes.SHA224()),
    12: ("sha3_256", hashes.SHA3_256()),
    14: ("sha3_512", hashes.SHA3_512()),
}
_NIST: Mapping[bytes, ec.EllipticCurve] = {
    bytes.fromhex("2a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("2b81040022"): ec.SECP384R1(),
    bytes.fromhex("2b81040023"): ec.SECP521R1(),
}
_ED25519_OID = bytes.fromhex("2b06010401da470f01")


class Unsupported(ValueError):
    """A version, hash or algorithm that is not checked here."""


@dataclass(frozen=True)
class Signature:
    """A signature packet's body in its parts. ``head``: what of it is under the signature."""

    version: int
    kind: int
    algorithm: int
    hash: int
    head: bytes
    hashed: bytes
    unhashed: bytes
    salt: bytes
    material: bytes

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Raises Unsupported, and IndexError or ValueError where the packet ends too early."""
        version = body[0]
        if version not in {_V4, _V6}:
            raise Unsupported("version")
        size = 2 if version == _V4 else 4
        hashed, at = _counted(body, 4, size)
        unhashed, after = _counted(body, at, size)
        after += 2  # the first octets of the digest: a hint for who has many keys to try
        salt = b""
        if version == _V6:
            salt, after = _counted(body, after, 1)
        return cls(version, body[1], body[2], body[3], body[:at], hashed, unhashed, salt, body[after:])

    @property
    def has_sound_hash(self) -> bool:
        return self.hash in _HASHES

    def digest(self, signed: bytes) -> bytes:
        """RFC 9580, 5.2.4."""
        trailer = bytes([self.version, 0xFF]) + (len(self.head) & 0xFFFFFFFF).to_bytes(4)
        return hashlib.new(_HASHES[self.hash][0], self.salt + signed + self.head + trailer).digest()

    def intended_for(self) -> list[bytes]:
        """Fingerprints of whom the signer wrote to, where the signature says so; none: it does not (5.2.3.36)."""
        return [body[1:] for kind, body in _subpackets(self.hashed) if kind == INTENDED_RECIPIENT]

    def embedded(self) -> Iterator[bytes]:
        """Bodies of signatures inside: by which a subkey says that it belongs here. They prove themselves."""
        for area in (self.hashed, self.unhashed):
            yield from (body for kind, body in _subpackets(area) if kind == EMBEDDED_SIGNATURE)


def made_by(key: bytes, signature: Signature, signed: bytes) -> bool:
    """``key``: body of a key packet; ``signed``: what stands before the trailer. Raises Unsupported."""
    check = _CHECKS.get(signature.algorithm)
    if not signature.has_sound_hash or check is None:
        raise Unsupported("algorithm")
    if not _fits(key, signature):
        return False
    try:
        check(_material(key), signature.material, signature.digest(signed), _HASHES[signature.hash][1])
    except UnsupportedAlgorithm:
        raise Unsupported("algorithm") from None
    except (InvalidSignature, ValueError, IndexError):
        return False
    return True


def _fits(key: bytes, signature: Signature) -> bool:
    """A key signs in its own version and algorithm; RSA has three numbers for one."""
    if len(key) < 6 or key[0] != signature.version:  # noqa: PLR2004 - version, four octets of time, algorithm
        return False
    return key[5] == signature.algorithm or {key[5], signature.algorithm} <= {1, 3}


# --- what signatures of a certificate cover (RFC 9580, 5.2.4) --------------------------------------------------------


def over_key(key: bytes) -> bytes:
    if key[0] == _V4:
        return b"\x99" + len(key).to_bytes(2) + key
    return b"\x9b" + len(key).to_bytes(4) + key


def over_name(key: bytes, name: bytes) -> bytes:
    return over_key(key) + b"\xb4" + len(name).to_bytes(4) + name


def over_subkey(key: bytes, subkey: bytes) -> bytes:
    return over_key(key) + over_key(subkey)


# --- one function for each algorithm: raises InvalidSignature, ValueError, IndexError --------------------------------

_Check = Callable[[bytes, bytes, bytes, hashes.HashAlgorithm], None]


def _rsa(key: bytes, signature: bytes, digest: bytes, hash_: hashes.HashAlgorithm) -> None:
    modulus, exponent = _numbers(key, 2)
    (number,) = _numbers(signature, 1)
    if modulus.bit_length() > MOST_BITS or exponent.bit_length() > 64:  # noqa: PLR2004 - 65537 is everybody's
        raise ValueError("too large")
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    length = -(-modulus.bit_length() // 8)
    if number >= modulus:
        raise ValueError("too large")
    public.verify(number.to_bytes(length), digest, padding.PKCS1v15(), utils.Prehashed(hash_))


def _ecdsa(key: bytes, signature: bytes, digest: bytes, hash_: hashes.HashAlgorithm) -> None:
    oid, at = _counted(key, 0, 1)
    curve = _NIST.get(oid)
    if curve is None:
        raise UnsupportedAlgorithm("curve")
    (point,) = _numbers(key[at:], 1)
    r, s = _numbers(signature, 2)
    length = 1 + 2 * -(-curve.key_size // 8)
    public = ec.EllipticCurvePublicKey.from_encoded_point(curve, _padded(point, length))
    public.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(utils.Prehashed(hash_)))


def _eddsa(key: bytes, signature: bytes, digest: bytes, _: hashes.HashAlgorithm) -> None:
    """Ed25519 in its first form: numbers in place of octets, a point with 0x40 in front."""
    oid, at = _counted(key, 0, 1)
    if oid != _ED25519_OID:
        raise UnsupportedAlgorithm("curve")
    (point,) = _numbers(key[at:], 1)
    r, s = _numbers(signature, 2)
    octets = _padded(point, 33)
    if octets[0] != 0x40:  # noqa: PLR2004
        raise ValueError("point")
    _ed25519(octets[1:], _padded(r, 32) + _padded(s, 32), digest, _)


def _ed25519(key: bytes, signature: bytes, digest: bytes, _: hashes.HashAlgorithm) -> None:
    ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, digest)


def _ed448(key: bytes, signature: bytes, digest: bytes, _: hashes.HashAlgorithm) -> None:
    ed448.Ed448PublicKey.from_public_bytes(key).verify(signature, digest)


_CHECKS: Mapping[int, _Check] = {1: _rsa, 3: _rsa, 19: _ecdsa, 22: _eddsa, 27: _ed25519, 28: _ed448}


# --- octets ----------------------------------------------------------------------------------------------------------


def _material(key: bytes) -> bytes:
    """Behind version, time and algorithm; version 6 counts the octets of the material first."""
    return key[6:] if key[0] == _V4 else key[10:]


def _counted(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """A field behind its length of ``size`` octets, and where it ends."""
    start = at + size
    end = start + int.from_bytes(data[at:start])
    if end > len(data):
        raise ValueError("cut off")
    return data[start:end], end


def _numbers(data: bytes, count: int) -> list[int]:
    """Multiprecision integers: so many, and nothing behind them."""
    out, at = [], 0
    for _ in range(count):
        octets = -(-int.from_bytes(data[at : at + 2]) // 8)
        if at + 2 + octets > len(data):
            raise ValueError("cut off")
        out.append(int.from_bytes(data[at + 2 : at + 2 + octets]))
        at += 2 + octets
    if at != len(data):
        raise ValueError("more than numbers")
    return out


def _padded(number: int, length: int) -> bytes:
    try:
        return number.to_bytes(length)
    except OverflowError:
        raise ValueError("too large") from None


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    """(type without its critical bit, body); ends where the area does not go on (RFC 9580, 5.2.3.7)."""
    at = 0
    while at < len(area):
        first = area[at]
        if first < 192:  # noqa: PLR2004 - the format's own limits, here and below
            size, length = 1, first
        elif first < 255:  # noqa: PLR2004
            size, length = 2, ((first - 192) << 8) + int.from_bytes(area[at + 1 : at + 2]) + 192
        else:
            size, length = 5, int.from_bytes(area[at + 1 : at + 5])
        body = area[at + size : at + size + length]
        if not body or len(body) < length:
            return
        yield body[0] & 0x7F, body[1:]
        at += size + length
