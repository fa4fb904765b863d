"""Everything that touches pgpy: one place for its import, its warnings, and what it needs to live on.

pgpy uses ``modes.CFB`` for everything, which cryptography has moved to its decrepit corner and will remove from the old
place; the day it does, every encryption would fail. The shim below points pgpy to the new place (facts: openpgp 1).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.decrepit.ciphers import algorithms as old_algorithms
from cryptography.hazmat.decrepit.ciphers import modes as old_modes


@cache
def _pgpy() -> Any:
    """pgpy, imported at first use (97 ms; web processes never sign), its warnings kept out of our log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pgpy  # noqa: PLC0415
        import pgpy.constants  # noqa: PLC0415
        import pgpy.packet.packets  # noqa: PLC0415
        import pgpy.symenc  # noqa: PLC0415
    _shim(pgpy)
    return pgpy


def _shim(pgpy: Any) -> None:
    pgpy.symenc.modes = SimpleNamespace(CFB=old_modes.CFB)
    held = pgpy.constants.algorithms
    names = ("IDEA", "CAST5", "Blowfish", "TripleDES", "Camellia")
    kept = {name: getattr(held, name) for name in ("AES",)}
    found = {name: getattr(old_algorithms, name) for name in names if hasattr(old_algorithms, name)}
    pgpy.constants.algorithms = SimpleNamespace(**kept, **found)


def new_key(user_id: str, now: datetime) -> Any:
    pgpy = _pgpy()
    c = pgpy.constants
    with _quiet():
        key = pgpy.PGPKey.new(c.PubKeyAlgorithm.EdDSA, c.EllipticCurveOID.Ed25519, created=now)
        key.add_uid(
            pgpy.PGPUID.new(user_id),
            created=now,
            usage={c.KeyFlags.Certify, c.KeyFlags.Sign},
            hashes=[c.HashAlgorithm.SHA512, c.HashAlgorithm.SHA256],
            ciphers=[c.SymmetricKeyAlgorithm.AES256, c.SymmetricKeyAlgorithm.AES128],
            compression=[c.CompressionAlgorithm.Uncompressed],
        )
        subkey = pgpy.PGPKey.new(c.PubKeyAlgorithm.ECDH, c.EllipticCurveOID.Curve25519, created=now)
        usage = {c.KeyFlags.EncryptCommunications, c.KeyFlags.EncryptStorage}
        key.add_subkey(subkey, usage=usage, created=now)
    return key


def read_key(binary: bytes) -> Any:
    """Our own secret key, binary: pgpy never reads armour here."""
    with _quiet():
        key, _ = _pgpy().PGPKey.from_blob(binary)
    return key


def sign(key: Any, data: bytes, now: datetime) -> bytes:
    with _quiet():
        return bytes(key.sign(data, hash=_pgpy().constants.HashAlgorithm.SHA512, created=now))


def sign_text(key: Any, text: str, now: datetime) -> bytes:
    """A signature over canonical text (type 1); of the frame around it pgpy makes one that gpg refuses."""
    pgpy = _pgpy()
    with _quiet():
        message = pgpy.PGPMessage.new(text, cleartext=True)
        return bytes(key.sign(message, hash=pgpy.constants.HashAlgorithm.SHA512, created=now))


def certify(key: Any, *, by: Any, now: datetime) -> None:
    """Add ``by``'s certification to the key's user ID; the key's own copy of it changes."""
    with _quiet():
        user_id = key.userids[0]
        user_id |= by.certify(user_id, hash=_pgpy().constants.HashAlgorithm.SHA512, created=now)


def sign_and_encrypt(data: bytes, subkeys: Sequence[bytes], signer: Any | None) -> bytes:
    """Sign, then SEIPD version 1 with AES-256 to exactly these (sub)key packets (facts: openpgp 4)."""
    pgpy = _pgpy()
    c, packets = pgpy.constants, pgpy.packet.packets
    with _quiet():
        message = pgpy.PGPMessage.new(data, format="b", compression=c.CompressionAlgorithm.Uncompressed)
        if signer is not None:
            message |= signer.sign(message, hash=c.HashAlgorithm.SHA512)
        plain = bytearray(bytes(message))
        if signer is not None:
            plain[14] = 1  # the one-pass signature packet's last octet: no other follows; pgpy writes 0
        cipher = c.SymmetricKeyAlgorithm.AES256
        session_key = cipher.gen_key()
        out = b"".join(_session_key(pgpy, bytearray(raw), cipher, session_key) for raw in subkeys)
        sealed = packets.IntegrityProtectedSKEDataV1()
        sealed.encrypt(session_key, cipher, bytes(plain))
        return out + bytes(sealed)


def _session_key(pgpy: Any, raw: bytearray, cipher: Any, session_key: bytes) -> bytes:
    key = pgpy.packet.Packet(raw)
    held = pgpy.packet.packets.PKESessionKeyV3()
    held.encrypter = bytearray(bytes.fromhex(key.fingerprint.keyid))
    held.pkalg = key.pkalg
    held.encrypt_sk(key, cipher, session_key)
    return bytes(held)


def _quiet() -> warnings.catch_warnings[None]:
    return warnings.catch_warnings(action="ignore")
