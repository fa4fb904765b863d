"""Messages as senders and attackers make them: any packets, sealed to a key in either version with any plaintext."""

from __future__ import annotations

import bz2
import hashlib
import warnings
import zlib
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESOCB3
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pysequoia.packet import Packet, PacketPile, Tag

from disclosure.openpgp import pgp
from disclosure.openpgp.framing import contents
from disclosure.openpgp.keys import ServiceKey
from tests.openpgp.zoo import framed

PKESK, SKESK, COMPRESSED, SED, MARKER, LITERAL, SEIPD, MDC, OCB, PADDING = 1, 3, 8, 9, 10, 11, 18, 19, 20, 21
TEXT = b"Content-Type: text/plain\r\n\r\nWe have closed it. \xc3\xa9\r\n"
SESSION = bytes(range(32))


def literal(text: bytes = TEXT, name: bytes = b"") -> bytes:
    return framed(LITERAL, b"b" + bytes([len(name)]) + name + bytes(4) + text)


def packed(plain: bytes, method: int = 2) -> bytes:
    if method == 3:
        body = bz2.compress(plain)
    else:
        packer = zlib.compressobj(wbits=-15 if method == 1 else 15)
        body = packer.compress(plain) + packer.flush() if method else plain
    return framed(COMPRESSED, bytes([method]) + body)


def subkey(key: ServiceKey) -> Packet:
    return next(packet for packet in PacketPile.from_bytes(key.certificate()) if packet.tag == Tag.PublicSubkey)


def session_packet(key: ServiceKey, *, cipher: int = 9, anonymous: bool = False) -> bytes:
    """A session key packet of version 3, made by pgpy."""
    lib: Any = pgp._pgpy()
    with warnings.catch_warnings(action="ignore"):
        made = pgp._session_key(
            lib, bytearray(bytes(subkey(key))), lib.constants.SymmetricKeyAlgorithm(cipher), SESSION
        )
    body = next(contents(made))[1]
    return framed(PKESK, body[:1] + bytes(8) + body[9:] if anonymous else body)


def protected(plain: bytes, *, mdc: bool = True, tag: int = SEIPD) -> bytes:
    """Version 1; without its end, or as the packet that never had one."""
    lib: Any = pgp._pgpy()
    made = lib.packet.packets.IntegrityProtectedSKEDataV1()
    cipher = lib.constants.SymmetricKeyAlgorithm.AES256
    with warnings.catch_warnings(action="ignore"):
        if mdc:
            made.encrypt(SESSION, cipher, plain)
            ct = bytes(made.ct)
        else:
            prefix = bytes(14) + b"\1\2\1\2"
            ct = bytes(lib.symenc._encrypt(prefix[:16] + prefix[14:16] + plain, SESSION, cipher))
    return framed(tag, ct if tag == SED else b"\1" + ct)


def sealed_to(key: ServiceKey, plain: bytes | None = None) -> bytes:
    """As our own writer seals it, around any packets."""
    return session_packet(key) + protected(literal() if plain is None else plain)


def chunks_of(message: bytes) -> tuple[bytes, bytes, list[bytes], bytes]:
    """Of a version 2 message: what stands before the sealed packet, its head, the chunks, the last tag."""
    pile = list(contents(message))
    body = pile[-1][1]
    size = (1 << (body[3] + 6)) + 16
    encrypted = body[36:-16]
    before = b"".join(framed(tag, one) for tag, one in pile[:-1])
    return before, body[:36], [encrypted[at : at + size] for at in range(0, len(encrypted), size)], body[-16:]


def sealed_v2(session: bytes, plain: bytes, chunk: int = 0) -> bytes:
    """The sealed packet of version 2, OCB with AES-256, in chunks of 64 octets unless told otherwise."""
    about = bytes([0xD2, 2, 9, 2, chunk])
    salt = hashlib.sha256(b"salt").digest()
    derived = HKDF(SHA256(), 32 + 7, salt, about).derive(session)
    size, out = 1 << (chunk + 6), []
    aead, nonce = AESOCB3(derived[:32]), derived[32:]
    for at in range(0, len(plain), size):
        out.append(aead.encrypt(nonce + len(out).to_bytes(8), plain[at : at + size], about))
    end = aead.encrypt(nonce + len(out).to_bytes(8), b"", about + len(plain).to_bytes(8))
    return framed(SEIPD, about[1:] + salt + b"".join(out) + end)
