"""Opens a message to the service's key and judges its signatures. Runs in a child process (reader.py).

Two readers that share no code must agree. Ours comes first: it bounds what is unpacked, and sees the signatures, which
pysequoia would judge by its own clock. Then pysequoia, which refuses what is sealed and not whole (and opens what was
never encrypted, which therefore must not reach it), opens the same sealed packet; content that is not the same to the
last octet is no content.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import pysequoia

from disclosure.openpgp.dearmour import BadArmour, dearmour
from disclosure.openpgp.envelope import read_envelope
from disclosure.openpgp.framing import SIGNATURE, BadPackets, contents
from disclosure.openpgp.inside import MAX_SIGNATURES, read_inside
from disclosure.openpgp.opened import FOR_ANOTHER, CannotOpen, NotOpened, NotOpenedReason, Opened, Signed
from disclosure.openpgp.sealed import unsealed
from disclosure.openpgp.sessionkeys import Lock, SessionKey, locks_of, session_key
from disclosure.openpgp.signatures import BINARY, TEXT, Signature
from disclosure.openpgp.verification import State, Verification, Why
from disclosure.openpgp.verify import holders_of, most_telling, verify_signature

_PKESK, _SEIPD = 1, 18
_V3 = 3
Judged = tuple[Signed, str, str]  # with fingerprint of the signer, and a word where the signature counts for nothing
UNSIGNED: Judged = (Signed.NONE, "", "")


def open_message(
    ciphertext: bytes, *, secrets: Sequence[bytes], certificates: Sequence[bytes], now: datetime
) -> Opened | NotOpened:
    """The content, or why there is none. ``secrets``: binary, newest first. Never raises."""
    try:
        return _opened(ciphertext, secrets, certificates, now)
    except CannotOpen as refusal:
        return NotOpened(refusal.reason)
    except MemoryError:
        return NotOpened(NotOpenedReason.OVER_LIMIT)
    except Exception:  # no word of a library's error goes further
        return NotOpened(NotOpenedReason.UNREADABLE)


def _opened(ciphertext: bytes, secrets: Sequence[bytes], certificates: Sequence[bytes], now: datetime) -> Opened:
    envelope = read_envelope(ciphertext)
    session, lock = session_key(envelope.session_keys, locks_of(secrets))
    inside = read_inside(unsealed(envelope.sealed, session))
    if _by_sequoia(session, lock, envelope.sealed) != inside.content:
        raise CannotOpen(NotOpenedReason.UNREADABLE)
    judged = _judged(inside.content, inside.signatures, certificates, now, readers={lock.owner, lock.fingerprint})
    return Opened(inside.content, *judged)


def _by_sequoia(session: SessionKey, lock: Lock, sealed: bytes) -> bytes:
    """Only what our reader chose: one session key, made out to the key that opens it, and the sealed packet."""
    packet = session.packet
    if session.version == _V3:
        packet = packet[:1] + lock.key_id + packet[9:]
    message = _framed(_PKESK, packet) + _framed(_SEIPD, sealed)
    try:
        decryptor = pysequoia.Tsk.from_bytes(lock.whole).decryptor()
        return bytes(pysequoia.decrypt(message, decryptor=decryptor).bytes or b"")
    except Exception:  # the library has no errors of its own
        raise CannotOpen(NotOpenedReason.UNREADABLE) from None


def _framed(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4) + body


# --- signatures ------------------------------------------------------------------------------------------------------


def check_signature(signed: bytes, signature: bytes, *, certificates: Sequence[bytes], now: datetime) -> Judged:
    """A detached signature, as of multipart/signed, armoured or binary. Never raises."""
    try:
        packets = [packet for block in dearmour(signature) for packet in contents(block.content)]
    except (BadArmour, BadPackets):
        return Signed.BAD, "", str(Why.UNREADABLE)
    if not packets or len(packets) > MAX_SIGNATURES or any(tag != SIGNATURE for tag, _ in packets):
        return Signed.BAD, "", str(Why.UNREADABLE)
    try:
        return _judged(signed, [body for _, body in packets], certificates, now, readers=())
    except Exception:  # no word of a library's error goes further
        return Signed.UNKNOWN_KEY, "", str(Why.NO_ANSWER)


def _judged(
    content: bytes,
    signatures: Sequence[bytes],
    certificates: Sequence[bytes],
    now: datetime,
    *,
    readers: Collection[bytes],
) -> Judged:
    """``readers``: fingerprints by which a signature may name us; none: it was not encrypted to anybody."""
    if not signatures:
        return UNSIGNED
    covered = {BINARY: content, TEXT: _with_crlf(content)}
    holders = holders_of(certificates)
    found = [
        (verify_signature(_framed(SIGNATURE, body), covered, holders=holders, now=now), body) for body in signatures
    ]
    meant = [one for one, body in found if not readers or _is_meant(body, readers)]
    if meant:
        return _told(most_telling(meant))
    return Signed.BAD, most_telling(one for one, _ in found).fingerprint, FOR_ANOTHER


def _is_meant(signature: bytes, readers: Collection[bytes]) -> bool:
    try:
        named = Signature.read(signature).intended_for()
    except (ValueError, IndexError):
        return True  # it proves nothing in any case
    return not named or any(name in readers for name in named)


def _told(found: Verification) -> Judged:
    if found.state is State.GOOD:
        return Signed.GOOD, found.fingerprint, ""
    if found.state is State.BAD:
        return Signed.BAD, found.fingerprint, "" if found.why is Why.DIFFERS else str(found.why)
    weak = "" if found.why is Why.NO_CERTIFICATE else str(found.why)
    return Signed.UNKNOWN_KEY, found.fingerprint, weak


def _with_crlf(text: bytes) -> bytes:
    """RFC 9580, 5.2.1.2: a signature over text is over lines that end in CRLF."""
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
