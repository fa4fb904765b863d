"""What was revoked stays revoked, whatever was signed since and whatever is strewn around it (R18; facts: openpgp 3).

Made with pgpy, which dates a signature as it is told; GnuPG is asked about the same certificates.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pysequoia.packet import Packet, SignatureType

from disclosure.openpgp import pgp
from disclosure.openpgp.judge import judge
from disclosure.openpgp.verdict import Reason
from tests.openpgp.zoo import DAY, MADE, NOW, forged, join, packets

pgpy = pgp._pgpy()
words = pgpy.constants
SOFT = (words.RevocationReason.Superseded, words.RevocationReason.Retired)
HARD = (words.RevocationReason.Compromised, words.RevocationReason.NotSpecified)
EARLY, LATE, TO_COME = MADE + 5 * DAY, MADE + 20 * DAY, NOW + 50 * DAY
ENCRYPTS = {words.KeyFlags.EncryptCommunications}
CERTIFIES = {words.KeyFlags.Certify, words.KeyFlags.Sign}


class Made:
    """A certificate in the making: a primary key, a name, one subkey that encrypts."""

    def __init__(self) -> None:
        self.key = pgpy.PGPKey.new(words.PubKeyAlgorithm.EdDSA, words.EllipticCurveOID.Ed25519, created=MADE)
        name = pgpy.PGPUID.new("R", email="r@org.example")
        self.key.add_uid(name, usage=CERTIFIES, hashes=[words.HashAlgorithm.SHA256], created=MADE)
        self.subkey = self.add_subkey(MADE)

    def add_subkey(self, at: datetime) -> Any:
        subkey = pgpy.PGPKey.new(words.PubKeyAlgorithm.ECDH, words.EllipticCurveOID.Curve25519, created=at)
        self.key.add_subkey(subkey, usage=ENCRYPTS, created=at)
        return subkey

    def revoked(self, why: Any, at: datetime) -> Made:
        self.key |= self.key.revoke(self.key, reason=why, comment="x", created=at)
        return self

    def signed_again(self, at: datetime) -> Made:
        name = self.key.userids[0]
        name |= self.key.certify(name, words.SignatureType.Positive_Cert, usage=CERTIFIES, created=at)
        return self

    def subkey_revoked(self, why: Any, at: datetime) -> Made:
        self.subkey |= self.key.revoke(self.subkey, reason=why, comment="x", created=at)
        return self

    def bound_again(self, at: datetime) -> Made:
        self.subkey |= self.key.bind(self.subkey, usage=ENCRYPTS, created=at)
        return self

    @property
    def certificate(self) -> bytes:
        return bytes(self.key.pubkey)


Row = tuple[Callable[[], bytes], Reason | None, str]


def _without_the_older_binding() -> bytes:
    whole = packets(Made().subkey_revoked(SOFT[1], EARLY).bound_again(LATE).certificate)
    oldest = min((p for p in whole if p.signature_type == SignatureType.SubkeyBinding), key=_made_at)
    return join(p for p in whole if p.body != oldest.body)


def _made_at(packet: Packet) -> datetime:
    at = packet.signature_created
    assert at
    return at


def _in_a_flood(certificate: bytes) -> bytes:
    """Forty forged signatures behind the name, so that the certificate is sieved."""
    pile = packets(certificate)
    at = next(n for n, p in enumerate(pile) if p.signature_type == SignatureType.PositiveCertification)
    return join(pile[: at + 1]) + b"".join(forged(pile[at], 40)) + join(pile[at + 1 :])


def _at_the_end(certificate: bytes) -> bytes:
    pile = packets(certificate)
    revocation = next(p for p in pile if p.signature_type == SignatureType.KeyRevocation)
    return join([*(p for p in pile if p.body != revocation.body), revocation])


def _replaced() -> bytes:
    made = Made().subkey_revoked(SOFT[1], EARLY)
    made.add_subkey(LATE)
    return made.certificate


REVOKED, NOTHING = Reason.REVOKED, None
ROWS: list[Row] = [
    (lambda: Made().certificate, NOTHING, "nothing happened"),
    (lambda: Made().signed_again(LATE).bound_again(LATE).certificate, NOTHING, "signed again, and never revoked"),
    *((lambda why=why: Made().revoked(why, EARLY).signed_again(LATE).certificate, REVOKED,
       f"{why.name}, and signed again since") for why in (*SOFT, *HARD)),
    *((lambda why=why: Made().revoked(why, TO_COME).certificate, REVOKED,
       f"{why.name}, with a date to come: a clock is wrong, the word is not") for why in (*SOFT, *HARD)),
    *((lambda why=why: Made().subkey_revoked(why, EARLY).bound_again(LATE).certificate, REVOKED,
       f"its subkey {why.name}, and bound again since") for why in (*SOFT, *HARD)),
    *((lambda why=why: Made().subkey_revoked(why, TO_COME).certificate, REVOKED,
       f"its subkey {why.name}, with a date to come") for why in (*SOFT, *HARD)),
    (_without_the_older_binding, REVOKED, "its subkey retired, and only a newer binding is shown"),
    (lambda: _at_the_end(Made().revoked(SOFT[1], EARLY).signed_again(LATE).certificate), REVOKED,
     "retired, and the revocation stands where it does not belong"),
    (_replaced, NOTHING, "its subkey retired, and another one in its place"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "reason", "why"), ROWS, ids=[row[2] for row in ROWS])
def test_what_was_revoked_stays_revoked(
    tmp_path: Path, make: Callable[[], bytes], reason: Reason | None, why: str
) -> None:
    with pgp._quiet():
        certificate = make()
    for dressed in (certificate, _in_a_flood(certificate)):
        found = judge(dressed, address=None, now=NOW)
        assert (found.reason, found.usable) == (reason, reason is None), why
        assert len(found.encrypts_to) == (reason is None)
    assert _gpg_encrypts(tmp_path, certificate) is (reason is None), f"GnuPG says otherwise: {why}"


def _gpg_encrypts(home: Path, certificate: bytes) -> bool:
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "-q", "--no-tty", "--trust-model", "always"]
    subprocess.run([*gpg, "--import"], input=certificate, capture_output=True, check=True)
    asked = [*gpg, "-r", packets(certificate)[0].fingerprint or "", "-e"]
    return subprocess.run(asked, input=b"x", capture_output=True, check=False).returncode == 0
