"""OpenPGP certificates for the demonstration, made when it runs and never stored in the tree."""

from __future__ import annotations

import importlib
import warnings
from datetime import datetime, timedelta
from typing import Any

VALID_FOR = timedelta(days=730)


def make_certificate(user_id: str, *, now: datetime) -> tuple[str, bytes]:
    """An Ed25519 key with a Cv25519 subkey, made at ``now``, without a password: (secret, armoured; public, binary).

    By pgpy, because it can date a key: one dated by the clock of the machine would be refused as not yet valid by a
    demonstration that plays in the past.
    """
    with warnings.catch_warnings():
        # PGPy 0.6.0 imports imghdr, which warns on Python 3.11 and 3.12; the fork for 3.13 does not.
        warnings.simplefilter("ignore", DeprecationWarning)
        pgpy: Any = importlib.import_module("pgpy")  # here: it is heavy, and the demonstration's data do without
        c: Any = importlib.import_module("pgpy.constants")
    key = pgpy.PGPKey.new(c.PubKeyAlgorithm.EdDSA, c.EllipticCurveOID.Ed25519, created=now)
    key.add_uid(
        pgpy.PGPUID.new(user_id),
        created=now,
        usage={c.KeyFlags.Certify, c.KeyFlags.Sign},
        hashes=[c.HashAlgorithm.SHA512, c.HashAlgorithm.SHA256],
        ciphers=[c.SymmetricKeyAlgorithm.AES256],
        compression=[c.CompressionAlgorithm.Uncompressed],
        key_expiration=VALID_FOR,
    )
    subkey = pgpy.PGPKey.new(c.PubKeyAlgorithm.ECDH, c.EllipticCurveOID.Curve25519, created=now)
    usage = {c.KeyFlags.EncryptCommunications, c.KeyFlags.EncryptStorage}
    key.add_subkey(subkey, usage=usage, created=now)
    return str(key), bytes(key.pubkey)
