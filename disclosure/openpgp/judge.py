"""Whether a certificate may be encrypted to, and to which of its subkeys exactly (R18; facts: openpgp 3, rules 1 to 8).

pysequoia verifies the bindings; what it does not enforce we do: expiry, revocation of the whole, weak keys, secrets.
Judged when stored and again when used. Runs in a child process (sandbox.py); this module keeps nothing.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

import pysequoia
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from disclosure.openpgp.dearmour import BadArmour, dearmour
from disclosure.protocol.values import Address

MAX_INPUT = 4 * 1024 * 1024
MAX_CERTIFICATES = 20
MAX_SIGNATURES = 5_000
MIN_RSA_BITS = 2048
_RSA = frozenset({1, 2, 3})
_NOT_FOR_US = frozenset({16, 17, 20})  # ElGamal and DSA: no writer of ours, and below what we accept
_VERSIONS = frozenset({4, 6})


class Reason(StrEnum):
    """Why a certificate is refused (design.md section 6)."""

    CORRUPT = "corrupt"
    EXPIRED = "expired"
    NO_ENCRYPTION_SUBKEY = "no_encryption_subkey"
    NO_VALID_SELF_SIGNATURE = "no_valid_self_signature"
    NOT_A_KEY = "not_a_key"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    SECRET_KEY = "secret_key"  # noqa: S105 - the reason's name
    SEVERAL_KEYS = "several_keys"
    TOO_LARGE = "too_large"
    UNSUPPORTED_ALGORITHM = "unsupported_algorithm"
    UNSUPPORTED_KEY_VERSION = "unsupported_key_version"
    WEAK_KEY = "weak_key"
    WEAK_SELF_SIGNATURE = "weak_self_signature"


@dataclass(frozen=True)
class Verdict:
    """``encrypts_to``: fingerprints of the exact subkeys; ``certificate``: what was judged, binary, never a secret."""

    usable: bool
    reason: Reason | None = None
    fingerprint: str = ""
    encrypts_to: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    certificate: bytes = b""
    user_ids: tuple[str, ...] = ()
    expires_at: datetime | None = None
    version: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "reason": self.reason,
            "certificate": b64encode(self.certificate).decode(),
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        return cls(
            usable=plain["usable"],
            reason=Reason(plain["reason"]) if plain["reason"] else None,
            fingerprint=plain["fingerprint"],
            encrypts_to=tuple(plain["encrypts_to"]),
            flags=tuple(plain["flags"]),
            certificate=b64decode(plain["certificate"]),
            user_ids=tuple(plain["user_ids"]),
            expires_at=datetime.fromisoformat(plain["expires_at"]) if plain["expires_at"] else None,
            version=plain["version"],
        )


def refuse(reason: Reason, **facts: Any) -> Verdict:
    return Verdict(usable=False, reason=reason, **facts)


def judge(data: bytes, *, address: Address | None, now: datetime, expected_fingerprint: str | None = None) -> Verdict:
    """The verdict on what somebody handed over: the best of its certificates, or why none is usable."""
    if len(data) > MAX_INPUT:
        return refuse(Reason.TOO_LARGE)
    if b"PRIVATE KEY BLOCK" in data:
        return refuse(Reason.SECRET_KEY)
    try:
        packets = list(_packets(data))
    except BadArmour:
        return refuse(Reason.CORRUPT)
    if any(p.tag in (Tag.SecretKey, Tag.SecretSubkey) for p in packets):
        return refuse(Reason.SECRET_KEY)
    held = _split(packets)
    if not held:
        return refuse(Reason.NOT_A_KEY)
    if len(held) > MAX_CERTIFICATES:
        return refuse(Reason.SEVERAL_KEYS)
    verdicts = [_judge_one(certificate, address, now) for certificate in held]
    if expected_fingerprint:
        wanted = expected_fingerprint.upper()
        verdicts = [v for v in verdicts if v.fingerprint == wanted] or [refuse(Reason.NOT_A_KEY)]
    return _best(verdicts)


def _best(verdicts: list[Verdict]) -> Verdict:
    """Usable first, then one that names the address, then the one that lasts longest."""
    far = datetime.max.replace(tzinfo=UTC)
    return max(verdicts, key=lambda v: (v.usable, "uid_mismatch" not in v.flags, v.expires_at or far))


def _packets(data: bytes) -> Iterator[Packet]:
    for block in dearmour(data):
        try:
            yield from PacketPile.from_bytes(block.content)
        except Exception:
            raise BadArmour("not packets") from None


def _split(packets: list[Packet]) -> list[list[Packet]]:
    held: list[list[Packet]] = []
    for packet in packets:
        if packet.tag == Tag.PublicKey:
            held.append([packet])
        elif held:
            held[-1].append(packet)
    return held


def _judge_one(packets: list[Packet], address: Address | None, now: datetime) -> Verdict:
    primary = packets[0]
    facts: dict[str, Any] = {"fingerprint": (primary.fingerprint or "").upper(), "version": primary.body[0]}
    if primary.body[0] not in _VERSIONS:
        return refuse(Reason.UNSUPPORTED_KEY_VERSION, **facts)
    if primary.key_created is None or primary.key_created > now:
        return refuse(Reason.NOT_YET_VALID, **facts)
    if _is_weak(primary):
        return refuse(Reason.WEAK_KEY, **facts)
    own = _own_packets(packets)
    if sum(p.tag == Tag.Signature for p in own) > MAX_SIGNATURES:
        return refuse(Reason.TOO_LARGE, **facts)
    try:
        certificate = pysequoia.Cert.from_packets(own)
        revoked, expires = certificate.is_revoked, certificate.expiration
        names = tuple(str(user_id) for user_id in certificate.user_ids)
    except Exception as error:
        return refuse(_self_signature_reason(error, own), **facts)
    if revoked:
        return refuse(Reason.REVOKED, **facts)
    if expires is not None and expires <= now:
        return refuse(Reason.EXPIRED, **facts)
    facts |= {"user_ids": names, "expires_at": expires, "flags": _flags(names, address)}
    return _with_subkeys(own, facts, now)


def _with_subkeys(own: list[Packet], facts: dict[str, Any], now: datetime) -> Verdict:
    head, subkeys = _parts(own)
    usable, reasons = [], []
    if _encrypts(head) and _flag_of_primary(head):
        usable.append(head[0])
    for subkey in subkeys:
        reason = _judge_subkey(head, subkey, now)
        if reason is None:
            usable.append(subkey[0])
        else:
            reasons.append(reason)
    if not usable:
        return refuse(reasons[0] if reasons else Reason.NO_ENCRYPTION_SUBKEY, **facts)
    return Verdict(
        usable=True,
        encrypts_to=tuple((p.fingerprint or "").upper() for p in usable),
        certificate=b"".join(bytes(packet) for packet in own),
        **facts,
    )


def _flag_of_primary(head: list[Packet]) -> bool:
    flags = [p.key_flags for p in head if p.tag == Tag.Signature and p.key_flags]
    return any(f.transport_encryption or f.storage_encryption for f in flags)


def _judge_subkey(head: list[Packet], subkey: list[Packet], now: datetime) -> Reason | None:
    """None when it may be encrypted to. The newest binding that holds alone gives the true expiry (rule 5)."""
    key, signatures = subkey[0], subkey[1:]
    if key.key_created is None or key.key_created > now:
        return Reason.NOT_YET_VALID
    algorithm = key.body[5]
    bindings = [s for s in signatures if s.signature_type == SignatureType.SubkeyBinding]
    flagged = [
        s for s in bindings if s.key_flags and (s.key_flags.transport_encryption or s.key_flags.storage_encryption)
    ]
    if algorithm in _NOT_FOR_US:
        return Reason.UNSUPPORTED_ALGORITHM if flagged else Reason.NO_ENCRYPTION_SUBKEY
    if _is_weak(key):
        return Reason.WEAK_KEY
    if not _encrypts([*head, *subkey]):
        revoked = any(s.signature_type == SignatureType.SubkeyRevocation for s in signatures)
        if revoked:
            return Reason.REVOKED
        return Reason.NO_ENCRYPTION_SUBKEY if not flagged else _why_not(head, subkey)
    newest = sorted(bindings, key=lambda s: s.signature_created or datetime.min.replace(tzinfo=UTC), reverse=True)
    holds = next((s for s in newest if _encrypts([*head, key, s])), None)
    if holds is None:
        return Reason.NO_VALID_SELF_SIGNATURE
    lasts = holds.key_validity_period
    return Reason.EXPIRED if lasts and key.key_created + lasts <= now else None


def _why_not(head: list[Packet], subkey: list[Packet]) -> Reason:
    known = {1, 2, 18, 25, 26}
    return Reason.UNSUPPORTED_ALGORITHM if subkey[0].body[5] not in known else Reason.NO_VALID_SELF_SIGNATURE


def _encrypts(packets: list[Packet]) -> bool:
    """Proves binding, flags, revocation and algorithm at once: only what holds can be encrypted to."""
    try:
        pysequoia.encrypt(b"", recipients=[pysequoia.Cert.from_packets(packets)], armor=False)
    except Exception:
        return False
    return True


def _own_packets(packets: list[Packet]) -> list[Packet]:
    """Without signatures of strangers: ten thousand of them must cost nothing (rule 3)."""
    fingerprint, key_id = packets[0].fingerprint, packets[0].key_id
    return [p for p in packets if p.tag != Tag.Signature or _is_ours(p, fingerprint, key_id)]


def _is_ours(packet: Packet, fingerprint: str | None, key_id: str | None) -> bool:
    if packet.issuer_fingerprint:
        return packet.issuer_fingerprint == fingerprint
    return packet.issuer_key_id in {None, key_id}


def _parts(packets: list[Packet]) -> tuple[list[Packet], list[list[Packet]]]:
    """Primary with user IDs and their signatures; then each subkey with its own."""
    head: list[Packet] = []
    subkeys: list[list[Packet]] = []
    for packet in packets:
        if packet.tag == Tag.PublicSubkey:
            subkeys.append([packet])
        elif subkeys:
            subkeys[-1].append(packet)
        else:
            head.append(packet)
    return head, subkeys


def _is_weak(packet: Packet) -> bool:
    body = packet.body
    return body[0] == 4 and body[5] in _RSA and int.from_bytes(body[6:8]) < MIN_RSA_BITS  # noqa: PLR2004 - version 4


def _self_signature_reason(error: Exception, packets: list[Packet]) -> Reason:
    text = str(error).lower()
    if "sha1" in text or "md5" in text or "policy" in text:
        return Reason.WEAK_SELF_SIGNATURE
    signed = any(packet.tag == Tag.Signature for packet in packets)
    return Reason.CORRUPT if signed and "malformed" in text else Reason.NO_VALID_SELF_SIGNATURE


def _flags(names: tuple[str, ...], address: Address | None) -> tuple[str, ...]:
    if address is None:
        return ()
    wanted = str(address).lower()
    return () if any(wanted in _addresses(name) for name in names) else ("uid_mismatch",)


def _addresses(name: str) -> set[str]:
    inside = name.rpartition("<")[2].rstrip("> ") if "<" in name else name
    return {inside.strip().lower()}
