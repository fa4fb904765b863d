"""What was sealed: one text and the signatures over it, packed at most once (RFC 9580, 10.3).

Every byte here was authenticated, which says that nobody changed it on the way, and nothing of who wrote it: sizes are
bounded as anywhere else.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from disclosure.openpgp.framing import SIGNATURE, BadPackets, contents
from disclosure.openpgp.opened import CannotOpen, NotOpenedReason

MAX_CONTENT = 32 * 1024 * 1024
MAX_SIGNATURES = 16  # ours: one is what people make
_AROUND = 1024 * 1024  # what headers and signatures may come to beside the content
_ONE_PASS, _COMPRESSED, _MARKER, _LITERAL, _PADDING = 4, 8, 10, 11, 21
_Reason = NotOpenedReason


@dataclass(frozen=True)
class Inside:
    """``signatures``: bodies of signature packets, proven by nothing yet."""

    content: bytes = field(repr=False)
    signatures: Sequence[bytes] = ()


def read_inside(packets: bytes, *, packed: bool = False) -> Inside:
    """The one text. Raises CannotOpen for two, for none, for what is packed twice, and for what is encrypted again."""
    found = _bodies(packets)
    tags = [tag for tag, _ in found]
    if _COMPRESSED in tags:
        if len(found) > 1:
            raise CannotOpen(_Reason.PARTIAL)
        if packed:
            raise CannotOpen(_Reason.OVER_LIMIT)
        return read_inside(_unpacked(found[0][1]), packed=True)
    if not tags or set(tags) - {_ONE_PASS, SIGNATURE, _LITERAL}:
        raise CannotOpen(_Reason.UNREADABLE)
    if tags.count(_LITERAL) != 1:
        raise CannotOpen(_Reason.PARTIAL if _LITERAL in tags else _Reason.UNREADABLE)
    at = tags.index(_LITERAL)
    # Each signature behind the text was announced before it; each before it stands there whole.
    if _ONE_PASS in tags[at:] or tags[at:].count(SIGNATURE) != tags[:at].count(_ONE_PASS):
        raise CannotOpen(_Reason.PARTIAL)
    signatures = [body for tag, body in found if tag == SIGNATURE]
    if len(signatures) > MAX_SIGNATURES:
        raise CannotOpen(_Reason.OVER_LIMIT)
    return Inside(_literal(found[at][1]), signatures)


def _bodies(packets: bytes) -> list[tuple[int, bytes]]:
    """Without what is to be ignored. A count, so that a million packets of one octet do not become a list."""
    found: list[tuple[int, bytes]] = []
    try:
        for tag, body in contents(packets):
            if tag == _PADDING or (tag, body) == (_MARKER, b"PGP"):
                continue
            found.append((tag, body))
            if len(found) > 2 * MAX_SIGNATURES + 1:
                raise CannotOpen(_Reason.OVER_LIMIT)
    except BadPackets:
        # Nothing was lost on the way; what follows a text that ends is somebody's addition.
        whole = any(tag in {_LITERAL, _COMPRESSED} for tag, _ in found)
        raise CannotOpen(_Reason.PARTIAL if whole else _Reason.UNREADABLE) from None
    return found


def _literal(body: bytes) -> bytes:
    """Format, a file name behind its length, a date: none of it is under any signature, none is given on."""
    start = 6 + (body[1] if len(body) > 1 else 0)
    if len(body) < start:
        raise CannotOpen(_Reason.UNREADABLE)
    if len(body) - start > MAX_CONTENT:
        raise CannotOpen(_Reason.TOO_LARGE)
    return body[start:]


# --- compression (RFC 9580, 5.6) -------------------------------------------------------------------------------------


def _unpacked(body: bytes) -> bytes:
    """Bounded: a megabyte of zeros may stand for a gigabyte. BZip2 is not read: pysequoia comes without it."""
    method, packed = body[:1], body[1:]
    if method == b"\0":
        return packed
    if method not in _WINDOWS:
        raise CannotOpen(_Reason.UNREADABLE)
    unpacker = zlib.decompressobj(_WINDOWS[method])
    try:
        plain = unpacker.decompress(packed, MAX_CONTENT + _AROUND)
    except zlib.error:
        raise CannotOpen(_Reason.UNREADABLE) from None
    if len(plain) == MAX_CONTENT + _AROUND:
        raise CannotOpen(_Reason.TOO_LARGE)
    if not unpacker.eof:
        raise CannotOpen(_Reason.UNREADABLE)
    return plain  # what stands behind the stream is Sequoia's padding, which hides how long the text is


_WINDOWS = {b"\1": -zlib.MAX_WBITS, b"\2": zlib.MAX_WBITS}  # ZIP has no header, ZLIB has one
