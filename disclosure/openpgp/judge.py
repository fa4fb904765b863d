"""Whether a certificate may be encrypted to, and to which of its subkeys exactly (R18; facts: openpgp 3, rules 1 to 8).

pysequoia verifies the bindings; what it does not enforce we do: expiry, revocation of the whole, weak keys, secrets.
Judged when stored and again when used. Runs in a child process (sandbox.py); this module keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import idna
import pysequoia
from pysequoia.packet import Packet, PacketPile

from disclosure.openpgp.dearmour import BadArmour, dearmour
from disclosure.openpgp.framing import (
    PUBLIC_KEY,
    PUBLIC_SUBKEY,
    SIGNATURE,
    USER_ID,
    BadPackets,
    frames,
)
from disclosure.openpgp.parts import (
    Parts,
    can_encrypt,
    can_sign,
    has_weak_hash,
    is_revocation,
    is_weak,
    may_encrypt,
    parts_of,
)
from disclosure.openpgp.secret import holds_secret
from disclosure.openpgp.sieve import encrypts, is_revoked, revokes_primary, revokes_subkey, sieved
from disclosure.openpgp.verdict import FINGERPRINT_MISMATCH, UID_MISMATCH, Reason, Verdict, refuse
from disclosure.protocol.values import Address

__all__ = ["MAX_INPUT", "Reason", "Verdict", "certificates_in", "judge", "refuse"]

MAX_INPUT = 4 * 1024 * 1024
MAX_PACKETS = 20_000  # ours: ten thousand signatures of strangers are seen in life
MAX_CERTIFICATES = 20
MAX_SIGNATURES = 5_000  # of the certificate's own
MAX_SUBKEYS = 100
_VERSIONS = frozenset({4, 6})
# Photographs, padding and compressed data are left behind here; what was signed of them holds for nothing else.
_LOOKED_AT = frozenset({SIGNATURE, USER_ID, PUBLIC_SUBKEY})
# What is read of a packet, here and in parts.py; each of these may raise for a packet made to that end.
_ASKED_FOR = (
    *("fingerprint", "key_id", "key_created", "key_flags", "key_validity_period", "hash_algorithm"),
    *("issuer_fingerprint", "issuer_key_id", "signature_type", "signature_created"),
)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
# Of the reasons of several subkeys, the one that tells its owner most.
_TELLING = (
    *(Reason.EXPIRED, Reason.REVOKED, Reason.NOT_YET_VALID, Reason.WEAK_KEY, Reason.UNSUPPORTED_ALGORITHM),
    *(Reason.WEAK_SELF_SIGNATURE, Reason.NO_ENCRYPTION_SUBKEY),
)


def judge(data: bytes, *, address: Address | None, now: datetime, expected_fingerprint: str | None = None) -> Verdict:
    """The verdict on what somebody handed over: the best of its certificates, or why none is usable.

    ``address``: whom it should name; ``expected_fingerprint``: hexadecimal, announced by a source that we accept.
    """
    if len(data) > MAX_INPUT:
        return refuse(Reason.TOO_LARGE)
    if holds_secret(data):
        return refuse(Reason.SECRET_KEY)
    held = certificates_in(data)
    if isinstance(held, Reason):
        return refuse(held)
    verdicts = [_judge_packets(packets, address, now) for packets in held]
    if expected_fingerprint is not None:
        wanted = "".join(expected_fingerprint.split()).upper()
        verdicts = [verdict for verdict in verdicts if verdict.fingerprint == wanted]
    return _best(verdicts) if verdicts else refuse(Reason.NOT_A_KEY, flags=(FINGERPRINT_MISMATCH,))


def _best(verdicts: Sequence[Verdict]) -> Verdict:
    """Usable first, then one that names the address, then the newest (rule 7)."""
    return max(verdicts, key=lambda v: (v.usable, UID_MISMATCH not in v.flags, v.created_at or _EARLIEST))


# --- from bytes to certificates --------------------------------------------------------------------------------------


def certificates_in(data: bytes) -> list[list[Packet] | Reason] | Reason:
    """Packets of each certificate, copies of one together; a reason in place of one, or of all, that is no good."""
    raw: list[list[bytes]] = []
    count = 0
    try:
        for block in dearmour(data):
            for tag, packet in frames(block.content):
                count += 1
                if tag == PUBLIC_KEY:
                    raw.append([packet])
                elif raw and tag in _LOOKED_AT:
                    raw[-1].append(packet)
    except (BadArmour, BadPackets):
        return Reason.CORRUPT
    if count > MAX_PACKETS:
        return Reason.TOO_LARGE
    if len(raw) > MAX_CERTIFICATES:
        return Reason.SEVERAL_KEYS
    return _merged(_read(packets) for packets in raw) or Reason.NOT_A_KEY


def _read(raw: Sequence[bytes]) -> list[Packet] | Reason:
    try:
        packets = list(PacketPile.from_bytes(b"".join(raw)))
    except Exception:  # the library has no errors of its own
        return Reason.CORRUPT
    if len(packets) != len(raw) or not _is_whole(packets[0]) or len(packets[0].body) < 2:  # noqa: PLR2004
        return Reason.CORRUPT
    return [packet for packet in packets if _is_whole(packet)]


def _is_whole(packet: Packet) -> bool:
    """The library reads some packets of which it can then not tell everything: nothing that they say could hold."""
    try:
        for name in _ASKED_FOR:
            getattr(packet, name)
        return bool(packet.body) and bool(bytes(packet))
    except Exception:
        return False


def _merged(held: Iterable[list[Packet] | Reason]) -> list[list[Packet] | Reason]:
    out: list[list[Packet] | Reason] = []
    known: dict[str, list[Packet]] = {}
    for packets in held:
        fingerprint = None if isinstance(packets, Reason) else packets[0].fingerprint
        if isinstance(packets, Reason) or not fingerprint:
            out.append(packets)
        elif fingerprint in known:
            known[fingerprint] += packets
        else:
            out.append(packets)
            known[fingerprint] = packets
    return out


# --- one certificate -------------------------------------------------------------------------------------------------


def _judge_packets(packets: list[Packet] | Reason, address: Address | None, now: datetime) -> Verdict:
    if isinstance(packets, Reason):
        return refuse(packets)
    primary = packets[0]
    facts: dict[str, Any] = {
        "fingerprint": (primary.fingerprint or "").upper(),
        "version": primary.body[0],
        "created_at": primary.key_created,
    }
    reason = _reason_of_primary(primary, now)
    if reason:
        return refuse(reason, **facts)
    parts = parts_of(packets, now)
    if sum(1 for _ in parts.signatures) > MAX_SIGNATURES or len(parts.subkeys) > MAX_SUBKEYS:
        return refuse(Reason.TOO_LARGE, **facts)
    return _judge_parts(sieved(parts, now), packets, address, now, facts)


def _reason_of_primary(primary: Packet, now: datetime) -> Reason | None:
    if primary.body[0] not in _VERSIONS:
        return Reason.UNSUPPORTED_KEY_VERSION
    if primary.key_created is None or not primary.fingerprint:
        return Reason.CORRUPT
    if primary.key_created > now:
        return Reason.NOT_YET_VALID
    return Reason.WEAK_KEY if is_weak(primary) else None


def _judge_parts(
    parts: Parts, packets: Sequence[Packet], address: Address | None, now: datetime, facts: dict[str, Any]
) -> Verdict:
    try:
        certificate = pysequoia.Cert.from_packets(parts.packets)
        revoked, expires = certificate.is_revoked, certificate.expiration
        names = tuple(str(user_id) for user_id in certificate.user_ids)
    except Exception:  # no word of a library's error goes further
        return refuse(_why_unsigned(parts, packets, now), **facts)
    facts |= {"user_ids": names, "expires_at": expires, "flags": _flags(names, address)}
    if revoked or any(revokes_primary(parts.primary, p, now) for p in parts.own_revocations):
        return refuse(Reason.REVOKED, **facts)
    if expires is not None and expires <= now:
        return refuse(Reason.EXPIRED, **facts)
    usable, reasons = _keys(parts, now)
    if not usable:
        return refuse(min(reasons, key=_TELLING.index, default=Reason.NO_ENCRYPTION_SUBKEY), **facts)
    return Verdict(
        usable=True,
        encrypts_to=tuple((key.fingerprint or "").upper() for key in usable),
        certificate=b"".join(bytes(packet) for packet in parts.packets),
        **facts,
    )


def _why_unsigned(parts: Parts, packets: Sequence[Packet], now: datetime) -> Reason:
    """No self-signature holds. What can be said of it without trusting a word of it."""
    if is_revoked([parts.primary, *(p for p in parts.direct if is_revocation(p))]):
        return Reason.REVOKED
    if not can_sign(parts.primary):
        return Reason.UNSUPPORTED_ALGORITHM
    made = list(parts.certifications)
    if not made and any((p.signature_created or _EARLIEST) > now for p in packets):
        return Reason.NOT_YET_VALID
    if made and all(has_weak_hash(signature) for signature in made):
        return Reason.WEAK_SELF_SIGNATURE
    return Reason.NO_VALID_SELF_SIGNATURE


# --- its keys --------------------------------------------------------------------------------------------------------


def _keys(parts: Parts, now: datetime) -> tuple[list[Packet], list[Reason]]:
    """Those to encrypt to, and why the others that claim to encrypt are left out."""
    usable: list[Packet] = []
    reasons: list[Reason] = []
    # Whether flags allow it only the encryption proves; asking first saves it for keys that only certify.
    if any(p.key_flags and may_encrypt(p) for p in parts.certifications) and encrypts(parts.head):
        usable.append(parts.primary)
    revocations = parts.subkey_revocations
    for subkey in parts.subkeys:
        bindings = [p for p in subkey[1:] if not is_revocation(p)]
        if not any(may_encrypt(binding) for binding in bindings):
            continue  # for signatures only, or bound by nobody: no reason worth a word
        reason = _judge_subkey(parts.head, subkey, bindings, revocations, now)
        if reason is None:
            usable.append(subkey[0])
        else:
            reasons.append(reason)
    return usable, reasons


def _judge_subkey(
    head: list[Packet], subkey: list[Packet], bindings: list[Packet], revocations: list[Packet], now: datetime
) -> Reason | None:
    """None when it may be encrypted to. The newest binding that holds alone gives the true expiry (rule 5)."""
    key = subkey[0]
    if key.key_created is None or key.key_created > now:
        return Reason.NOT_YET_VALID
    if is_weak(key):
        return Reason.WEAK_KEY
    if not can_encrypt(key):
        return Reason.UNSUPPORTED_ALGORITHM
    newest = sorted(bindings, key=lambda s: s.signature_created or _EARLIEST, reverse=True)
    holds = next((binding for binding in newest if encrypts([*head, key, binding])), None)
    if holds is None:
        weak = all(has_weak_hash(binding) for binding in bindings)
        return Reason.WEAK_SELF_SIGNATURE if weak else Reason.NO_ENCRYPTION_SUBKEY
    if len(bindings) > 1 and not encrypts([*head, key, *bindings]):
        return Reason.NO_ENCRYPTION_SUBKEY  # a newer binding took the right to encrypt away
    if revocations and not encrypts([*head, key, *bindings, *revocations]):
        return Reason.REVOKED
    if any(revokes_subkey(head, subkey, revocation, now) for revocation in revocations):
        return Reason.REVOKED
    lasts = holds.key_validity_period
    return Reason.EXPIRED if lasts and key.key_created + lasts <= now else None


# --- names -----------------------------------------------------------------------------------------------------------


def _flags(names: Iterable[str], address: Address | None) -> tuple[str, ...]:
    if address is None or any(_address_in(name) == str(address).lower() for name in names):
        return ()
    return (UID_MISMATCH,)


def _address_in(name: str) -> str:
    """The address of a user ID, lower case, its domain in A-labels: as ``Name <address>`` or bare."""
    inside = name.rpartition("<")[2].partition(">")[0] if "<" in name else name
    local, _, domain = inside.strip().lower().rpartition("@")
    if domain.isascii():
        return f"{local}@{domain}"
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except UnicodeError:
        return ""
