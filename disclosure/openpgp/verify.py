"""Whether a cleartext-signed text was signed by one of the certificates at hand, each as sound as one to encrypt to.

Runs in a child process (sandbox.py). Every date is held against ``now``: the same file, certificates and instant give
the same answer for ever (CF-02).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pysequoia
from pysequoia.packet import Packet, PacketPile

from disclosure.openpgp.clearsigned import NotSigned, read_clear_signed
from disclosure.openpgp.judge import MAX_INPUT, MAX_SIGNATURES, MAX_SUBKEYS, Reason, certificates_in
from disclosure.openpgp.parts import Parts, is_revocation, is_weak, parts_of
from disclosure.openpgp.sieve import revokes_primary, sieved
from disclosure.openpgp.signatures import TEXT, Signature, Unsupported, made_by, over_key, over_name, over_subkey
from disclosure.openpgp.verification import State, Verification, Why, bad, unchecked

MAX_FILE = 64 * 1024  # ours: twice what a security.txt may have (ST-09)
MAX_CERTIFICATES = 8  # files of them, handed in at once
_UNNAMED = (None, None)
_PRIMARY_KEY_BINDING = 0x19
_EARLIEST = datetime.min.replace(tzinfo=UTC)
# Of several signatures the one that says most; of several reasons the first.
_ORDER = (State.GOOD, State.BAD, State.UNCHECKED)


def verify(file: bytes, *, certificates: Sequence[bytes], now: datetime) -> Verification:
    """What the signatures of ``file`` prove. ``certificates``: as fetched, armoured or binary. Never raises.

    Good: by a key that its certificate binds for signing, the certificate sound at ``now``. Bad: a certificate at hand
    is named as the signer, and did not sign this text. Anything else is unchecked.
    """
    if len(file) > MAX_FILE:
        return unchecked(Why.UNSUPPORTED)
    try:
        message = read_clear_signed(file)
    except NotSigned:
        return bad(Why.UNREADABLE)
    holders = holders_of(certificates)
    covered = {TEXT: message.text}
    found = [verify_signature(raw, covered, holders=holders, now=now) for raw in message.signatures]
    best = most_telling(found)
    if best.state is not State.GOOD:
        return best
    return replace(best, text=message.text, first_line=message.first_line)


def most_telling(found: Iterable[Verification]) -> Verification:
    return min(found, key=lambda one: _ORDER.index(one.state))


@dataclass(frozen=True)
class Holder:
    """A certificate at hand, its packets not yet trusted."""

    packets: list[Packet]

    @property
    def fingerprint(self) -> str:
        return (self.packets[0].fingerprint or "").upper()

    def keys(self, signature: Packet) -> Iterator[Packet]:
        """Those that the signature names, or all where it names none."""
        named = (signature.issuer_fingerprint, signature.issuer_key_id)
        for packet in self.packets:
            ours = (packet.fingerprint, packet.key_id)
            if packet.fingerprint and (
                named == _UNNAMED or any(a and a == b for a, b in zip(named, ours, strict=True))
            ):
                yield packet


def holders_of(certificates: Sequence[bytes]) -> list[Holder]:
    """What is whole of the certificates handed in: not judged yet."""
    return list(_holders(certificates[:MAX_CERTIFICATES]))


def _holders(certificates: Iterable[bytes]) -> Iterator[Holder]:
    for data in certificates:
        held = certificates_in(data) if len(data) <= MAX_INPUT else Reason.TOO_LARGE
        if not isinstance(held, Reason):
            yield from (Holder(packets) for packets in held if not isinstance(packets, Reason))


# --- one signature ---------------------------------------------------------------------------------------------------


_Claim = tuple[Holder, Packet]  # a certificate, and the key of it that may have signed


def verify_signature(
    raw: bytes, covered: Mapping[int, bytes], *, holders: Sequence[Holder], now: datetime
) -> Verification:
    """What one signature packet proves. ``covered``: by type of signature the bytes that it would be over."""
    try:
        (packet,) = PacketPile.from_bytes(raw)
        signature = Signature.read(packet.body)
        text = covered.get(signature.kind)
        made_at, lasts = packet.signature_created, packet.signature_validity_period
        claims = [(holder, key) for holder in holders for key in holder.keys(packet)]
        is_named = bool(packet.issuer_fingerprint or packet.issuer_key_id)
    except Unsupported:
        return unchecked(Why.UNSUPPORTED)
    except Exception:  # the library has no errors of its own
        return bad(Why.UNREADABLE)
    if not claims:
        return unchecked(Why.NO_CERTIFICATE)
    claimed = claims[0][0].fingerprint
    if not signature.has_sound_hash:
        return unchecked(Why.WEAK_HASH, claimed)
    answers = [False if text is None else _made_by(key, signature, text) for _, key in claims]
    makers = [claim for claim, answer in zip(claims, answers, strict=True) if answer]
    if makers:
        return _of_makers(makers, made_at, _dated(made_at, lasts, now), now)
    if None in answers:
        return unchecked(Why.UNSUPPORTED, claimed)
    return bad(Why.DIFFERS, claimed) if is_named else unchecked(Why.NO_CERTIFICATE)


def _made_by(key: Packet, signature: Signature, text: bytes) -> bool | None:
    """None: it cannot be told here."""
    try:
        return made_by(key.body, signature, text)
    except Unsupported:
        return None


def _of_makers(makers: Sequence[_Claim], made_at: datetime | None, dated: Why | None, now: datetime) -> Verification:
    """The text is theirs beyond doubt; whether they vouch for it is another matter."""
    reasons = [dated or _unsound(holder, key, made_at, now) for holder, key in makers]
    if None not in reasons:
        return unchecked(reasons[0] or Why.NO_CERTIFICATE, makers[0][0].fingerprint)
    holder, _ = makers[reasons.index(None)]
    return Verification(State.GOOD, None, holder.fingerprint)


def _dated(made_at: datetime | None, lasts: timedelta | None, now: datetime) -> Why | None:
    if made_at is None or made_at > now:
        return Why.SIGNATURE_OF_TOMORROW
    return Why.SIGNATURE_EXPIRED if lasts and made_at + lasts <= now else None


# --- its certificate -------------------------------------------------------------------------------------------------


def _unsound(holder: Holder, key: Packet, made_at: datetime | None, now: datetime) -> Why | None:
    """Why the certificate, or this key of it, vouches for nothing at ``now``; None when it does."""
    if key.key_created is None or made_at is None or made_at < key.key_created or is_weak(key):
        return Why.CERTIFICATE_UNSOUND
    parts = parts_of(holder.packets, now)
    if sum(1 for _ in parts.signatures) > MAX_SIGNATURES or len(parts.subkeys) > MAX_SUBKEYS:
        return Why.CERTIFICATE_UNSOUND
    kept = sieved(parts, now)
    try:
        certificate = pysequoia.Cert.from_packets(kept.packets)
        revoked, expires = certificate.is_revoked, certificate.expiration
    except Exception:  # no self-signature holds
        return Why.CERTIFICATE_UNSOUND
    if revoked or any(revokes_primary(parts.primary, p, now) for p in kept.own_revocations):
        return Why.CERTIFICATE_REVOKED
    if expires is not None and expires <= now:
        return Why.CERTIFICATE_EXPIRED
    if key.body == parts.primary.body:
        return None if _primary_signs(kept) else Why.NOT_FOR_SIGNING
    # From the parts as they came: the sieve leaves out whatever only signs.
    return _why_not_subkey(parts, key, now)


def _primary_signs(parts: Parts) -> bool:
    """By the newest self-signature that holds and says what the key is for."""
    made = [(p, over_key(parts.primary.body)) for p in parts.direct]
    made += [(p, over_name(parts.primary.body, name[0].body)) for name in parts.user_ids for p in name[1:]]
    made = [(p, signed) for p, signed in made if not is_revocation(p) and p.key_flags is not None]
    newest = next((p for p, signed in _newest_first(made) if _holds(p.body, parts.primary, signed)), None)
    return newest is None or newest.key_flags is None or newest.key_flags.signing


def _why_not_subkey(parts: Parts, key: Packet, now: datetime) -> Why | None:
    """The newest binding that holds decides; a revocation holds whatever its date says."""
    signed = over_subkey(parts.primary.body, key.body)
    if any(_holds(p.body, parts.primary, signed) for p in parts.subkey_revocations):
        return Why.CERTIFICATE_REVOKED
    bindings = next((one[1:] for one in parts.subkeys if one[0].body == key.body), [])
    made = [(p, signed) for p in bindings if not is_revocation(p)]
    binding = next((p for p, signed in _newest_first(made) if _holds(p.body, parts.primary, signed)), None)
    if binding is None:
        return Why.CERTIFICATE_UNSOUND
    # Without the subkey's own word anybody could bind somebody else's key (RFC 9580, 10.1.5).
    if binding.key_flags is None or not binding.key_flags.signing or not _agrees(binding, key, signed):
        return Why.NOT_FOR_SIGNING
    lasts = binding.key_validity_period
    return Why.CERTIFICATE_EXPIRED if lasts and key.key_created and key.key_created + lasts <= now else None


def _newest_first(made: Iterable[tuple[Packet, bytes]]) -> list[tuple[Packet, bytes]]:
    return sorted(made, key=lambda one: one[0].signature_created or _EARLIEST, reverse=True)


def _agrees(binding: Packet, subkey: Packet, signed: bytes) -> bool:
    inside = Signature.read(binding.body).embedded()
    return any(_holds(body, subkey, signed, kind=_PRIMARY_KEY_BINDING) for body in inside)


def _holds(body: bytes, by: Packet, signed: bytes, *, kind: int | None = None) -> bool:
    try:
        signature = Signature.read(body)
        return (kind is None or signature.kind == kind) and made_by(by.body, signature, signed)
    except (ValueError, IndexError):
        return False
