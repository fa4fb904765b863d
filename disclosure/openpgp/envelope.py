"""An encrypted message from outside: who may open it, and the one sealed packet (RFC 9580, 10.3). No key is needed.

Read more strictly than the grammar asks: what is not the one message, and authenticated, is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from disclosure.openpgp.dearmour import BadArmour, dearmour
from disclosure.openpgp.framing import BadPackets, contents
from disclosure.openpgp.opened import CannotOpen, NotOpenedReason

MAX_SESSION_KEYS = 256  # ours: a large list; each may cost one exchange of keys
_PKESK, _SKESK, _SED, _MARKER, _SEIPD, _PADDING = 1, 3, 9, 10, 18, 21
_Reason = NotOpenedReason


@dataclass(frozen=True)
class Envelope:
    """``session_keys``: bodies of the packets encrypted to public keys. ``sealed``: body of the protected packet."""

    session_keys: list[bytes] = field(default_factory=list)
    sealed: bytes = b""


def read_envelope(ciphertext: bytes) -> Envelope:
    """Armoured or binary; text around armour is ignored. Raises CannotOpen."""
    session_keys: list[bytes] = []
    sealed: bytes | None = None
    count = 0
    try:
        for tag, body in contents(_binary(ciphertext)):
            count += 1
            if sealed is not None:
                raise CannotOpen(_Reason.PARTIAL)
            if count > MAX_SESSION_KEYS:
                raise CannotOpen(_Reason.OVER_LIMIT)
            if tag == _SED:
                raise CannotOpen(_Reason.UNAUTHENTICATED)
            if tag == _SEIPD:
                sealed = body
            elif tag == _PKESK:
                session_keys.append(body)
            elif tag not in {_SKESK, _PADDING} and (tag, body) != (_MARKER, b"PGP"):
                raise CannotOpen(_Reason.UNREADABLE)
    except BadPackets:
        # Cut off within the message, or something that is no packet behind it.
        raise CannotOpen(_Reason.DAMAGED if sealed is None else _Reason.PARTIAL) from None
    if sealed is None:
        raise CannotOpen(_Reason.DAMAGED if count else _Reason.UNREADABLE)
    return Envelope(session_keys, sealed)


def _binary(ciphertext: bytes) -> bytes:
    try:
        blocks = dearmour(ciphertext)
    except BadArmour:
        raise CannotOpen(_Reason.DAMAGED) from None
    if len(blocks) > 1:
        raise CannotOpen(_Reason.PARTIAL)
    if not blocks or blocks[0].kind not in {"", "MESSAGE"}:
        raise CannotOpen(_Reason.UNREADABLE)
    return blocks[0].content
