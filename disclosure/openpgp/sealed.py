"""The sealed packet of a message opened: all of it authenticated before a byte of it is looked at (RFC 9580, 5.13).

Version 1 has a hash under the cipher, version 2 an AEAD. What has neither does not come here (envelope.py).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESOCB3
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from disclosure.openpgp.opened import CannotOpen, NotOpenedReason
from disclosure.openpgp.sessionkeys import SessionKey

_KEY_SIZES = {7: 16, 8: 24, 9: 32}  # AES; nobody needs another one today
_PREFIX, _MDC = 18, 22  # octets: a random block with two repeated; d3 14 and SHA-1
_MDC_HEADER = b"\xd3\x14"
_MAX_CHUNK = 16  # RFC 9580, 5.13.2: 4 MiB
_TAG = 16
# By id: the algorithm, octets of its nonce. EAX is in nobody's hands.
_AEADS: dict[int, tuple[type[AESOCB3] | type[AESGCM], int]] = {2: (AESOCB3, 15), 3: (AESGCM, 12)}
_Open = Callable[[bytes, bytes, bytes], bytes]


def unsealed(body: bytes, session: SessionKey) -> bytes:
    """The packets inside. Raises CannotOpen. A session key opens only what its own version goes with (5.1)."""
    if (body[:1], session.version) == (b"\x01", 3):
        return _unsealed_v1(body[1:], session)
    if (body[:1], session.version) == (b"\x02", 6):
        return _unsealed_v2(body, session)
    raise CannotOpen(NotOpenedReason.DAMAGED)


def _unsealed_v1(encrypted: bytes, session: SessionKey) -> bytes:
    _check_cipher(session.cipher)
    if _KEY_SIZES[session.cipher] != len(session.key) or len(encrypted) < _PREFIX + _MDC:
        raise CannotOpen(NotOpenedReason.DAMAGED)
    decryptor = Cipher(AES(session.key), CFB(bytes(16))).decryptor()
    plain = decryptor.update(encrypted) + decryptor.finalize()
    digest = hashlib.sha1(memoryview(plain)[:-20], usedforsecurity=False).digest()
    is_whole = hmac.compare_digest(plain[-_MDC:], _MDC_HEADER + digest)
    if not is_whole:
        raise CannotOpen(NotOpenedReason.DAMAGED)
    return plain[_PREFIX:-_MDC]


def _unsealed_v2(body: bytes, session: SessionKey) -> bytes:
    head, salt, encrypted = body[:4], body[4:36], memoryview(body)[36:]
    if len(salt) < 32 or len(encrypted) < _TAG:  # noqa: PLR2004 - the format's
        raise CannotOpen(NotOpenedReason.DAMAGED)
    _, cipher, aead, chunk = head
    _check_cipher(cipher)
    if aead not in _AEADS or chunk > _MAX_CHUNK:
        raise CannotOpen(NotOpenedReason.UNREADABLE)
    size = _KEY_SIZES[cipher]
    if len(session.key) != size:
        raise CannotOpen(NotOpenedReason.DAMAGED)
    algorithm, nonce = _AEADS[aead]
    about = b"\xd2" + head  # the packet's tag as the new format writes it
    derived = HKDF(SHA256(), size + nonce - 8, salt, about).derive(session.key)
    try:
        return _chunks(algorithm(derived[:size]).decrypt, derived[size:], encrypted, about, 1 << (chunk + 6))
    except InvalidTag:
        raise CannotOpen(NotOpenedReason.DAMAGED) from None


def _chunks(decrypt: _Open, nonce: bytes, encrypted: memoryview, about: bytes, size: int) -> bytes:
    """Each chunk under its number, and at the end a tag over how much there was: none is missing, none moved."""
    end = len(encrypted) - _TAG
    plain: list[bytes] = []
    for at in range(0, end, size + _TAG):
        chunk = bytes(encrypted[at : min(at + size + _TAG, end)])
        plain.append(decrypt(nonce + len(plain).to_bytes(8), chunk, about))
    total = sum(len(one) for one in plain)
    decrypt(nonce + len(plain).to_bytes(8), bytes(encrypted[end:]), about + total.to_bytes(8))
    return b"".join(plain)


def _check_cipher(cipher: int) -> None:
    if cipher not in _KEY_SIZES:
        raise CannotOpen(NotOpenedReason.UNREADABLE)
