"""A cleartext-signed message taken apart (RFC 9580, 7): the text under the signature, and the signatures. Pure, linear.

What is handed out as text is what was hashed, octet by octet: no line before the header, behind the signature or among
the armour headers can be in it, however a reader of the whole file would take them (ST-23).
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from disclosure.openpgp.dearmour import BadArmour, dearmour
from disclosure.openpgp.framing import SIGNATURE, BadPackets, body_of, frames

MAX_SIGNATURES = 8  # ours: several people may sign one text
_HEADER = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE, _END = b"-----BEGIN PGP SIGNATURE-----", b"-----END PGP SIGNATURE-----"
_BLANKS = b" \t"


class NotSigned(ValueError):
    """No such message, or one whose signature cannot be read."""


@dataclass(frozen=True)
class ClearSigned:
    """``text``: lines with CRLF between them and none at the end, escapes undone, blanks before line ends gone.

    ``first_line``: at which line of the file it begins, counted from 1. ``signatures``: whole packets.
    """

    text: bytes
    first_line: int
    signatures: tuple[bytes, ...]


def read_clear_signed(file: bytes) -> ClearSigned:
    """The first signed block of ``file``. Raises NotSigned."""
    lines = [line.removesuffix(b"\r") for line in file.removeprefix(codecs.BOM_UTF8).split(b"\n")]
    bare = [line.rstrip(_BLANKS) for line in lines]
    header = _place(bare, _HEADER, 0)
    start = _place(bare, b"", header + 1) + 1
    end = _place(bare, _SIGNATURE, start)
    last = _place(bare, _END, end + 1)
    text = [_unescaped(line) for line in lines[start:end]]
    return ClearSigned(b"\r\n".join(text), start + 1, _signatures(b"\n".join(bare[end : last + 1])))


def _place(lines: Sequence[bytes], wanted: bytes, start: int) -> int:
    try:
        return lines.index(wanted, start)
    except ValueError:
        raise NotSigned("a line is missing") from None


def _unescaped(line: bytes) -> bytes:
    """RFC 9580, 7.2. The escape goes first: a line that held blanks only is "- " and nothing behind it."""
    return line.removeprefix(b"- ").rstrip(_BLANKS)


def _signatures(armour: bytes) -> tuple[bytes, ...]:
    try:
        packets = [packet for block in dearmour(armour) for packet in frames(block.content)]
    except (BadArmour, BadPackets):
        raise NotSigned("a damaged signature") from None
    found = tuple(packet for tag, packet in packets if tag == SIGNATURE and body_of(packet))
    if not found:
        raise NotSigned("no signature")
    return found[:MAX_SIGNATURES]
