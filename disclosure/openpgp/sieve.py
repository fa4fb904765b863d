"""A flood of forged self-signatures sieved before the whole is put together (facts: openpgp 3, last line).

pysequoia tries a signature that does not fit against every other part of the certificate: two thousand forged names
cost it minutes together and a fifth of a second one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pysequoia
from pysequoia.packet import Packet

from disclosure.openpgp.parts import Parts, is_revocation

MOST_UNSIEVED = 32  # ours: more own signatures than this are rare, and looking at each costs 0.1 ms


def encrypts(packets: Sequence[Packet]) -> bool:
    """Proves binding, flags, revocation of the subkey and algorithm at once; says nothing of dates or the whole."""
    try:
        pysequoia.encrypt(b"", recipients=[pysequoia.Cert.from_packets(packets)], armor=False)
    except Exception:  # the library has no errors of its own
        return False
    return True


def is_revoked(packets: Sequence[Packet]) -> bool:
    """Whether a revocation among these packets holds, be there a self-signature or not."""
    try:
        return pysequoia.Cert.from_packets(packets).is_revoked
    except Exception:
        return False


def revokes_primary(primary: Packet, revocation: Packet, now: datetime) -> bool:
    """Whether it holds, whatever was signed after it: a revoked certificate stays revoked, as with GnuPG.

    pysequoia lets a newer self-signature undo a soft revocation, and does not look at one with a date to come; whoever
    has got hold of a key that was put away could bring it back to life that way.
    """
    made = revocation.signature_created
    return made is not None and (made > now or is_revoked([primary, revocation]))


def revokes_subkey(head: Sequence[Packet], subkey: Sequence[Packet], revocation: Packet, now: datetime) -> bool:
    """Likewise of a subkey with its signatures, by the bindings that are older than the revocation.

    One that stands behind this subkey and cannot be proved or disproved, because its date is to come or every older
    binding was left out, counts: only who gave us the certificate can have put it there.
    """
    made, key = revocation.signature_created, subkey[0]
    if made is None:
        return False
    bindings = [p for p in subkey[1:] if not is_revocation(p) and p.signature_created and p.signature_created <= made]
    if made <= now and encrypts([*head, key, *bindings]):
        return not encrypts([*head, key, *bindings, revocation])
    return any(revocation.body == packet.body for packet in subkey[1:])


def sieved(parts: Parts, now: datetime) -> Parts:
    """The same without signatures that do not hold and names that nobody vouches for, where there are many."""
    if sum(1 for _ in parts.signatures) <= MOST_UNSIEVED:
        return parts
    primary = parts.primary
    direct = [
        p for p in parts.direct if (revokes_primary(primary, p, now) if is_revocation(p) else _is_valid([primary, p]))
    ]
    names = [_name(primary, name) for name in parts.user_ids]
    kept = Parts(primary, direct, [name for name in names if name], astray=parts.astray)
    head = kept.head
    kept.subkeys = [_subkey(head, subkey, now) for subkey in parts.subkeys]
    return kept


def _name(primary: Packet, name: list[Packet]) -> list[Packet]:
    """The user ID with what holds of its certifications and revocations; empty when none vouches for it."""
    holding = [p for p in name[1:] if not is_revocation(p) and _names([primary, name[0], p])]
    if not holding:
        return []
    revoking = [p for p in name[1:] if is_revocation(p) and not _names([primary, name[0], holding[0], p])]
    return [name[0], *holding, *revoking]


def _subkey(head: list[Packet], subkey: list[Packet], now: datetime) -> list[Packet]:
    """Bindings of keys that only sign go too: nothing here looks at them."""
    key, signatures = subkey[0], subkey[1:]
    holding = [p for p in signatures if not is_revocation(p) and encrypts([*head, key, p])]
    if not holding:
        return [key]
    whole = [key, *holding, *(p for p in signatures if is_revocation(p))]
    revoking = [p for p in signatures if is_revocation(p) and revokes_subkey(head, whole, p, now)]
    return [key, *holding, *revoking]


def _names(packets: Sequence[Packet]) -> bool:
    try:
        return bool(pysequoia.Cert.from_packets(packets).user_ids)
    except Exception:
        return False


def _is_valid(packets: Sequence[Packet]) -> bool:
    """Asking for the expiry asks for a self-signature that holds."""
    try:
        _ = pysequoia.Cert.from_packets(packets).expiration
    except Exception:
        return False
    return True
