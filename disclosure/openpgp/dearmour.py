"""Armour taken off line by line, with no regular expression (facts: openpgp 3, rule 1).

Both OpenPGP libraries freeze on header lines of a few hundred bytes; what they get from us is binary.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BadBase64
from dataclasses import dataclass

_BEGIN, _END, _TAIL = b"-----BEGIN PGP ", b"-----END PGP ", b"-----"


@dataclass(frozen=True)
class Block:
    """``kind`` as in the armour's first line, or empty for binary input."""

    kind: str
    content: bytes


class BadArmour(ValueError):
    """A block that is not closed, or whose lines are not base64."""


def dearmour(data: bytes) -> list[Block]:
    """The blocks in ``data``; binary input is one block. Text around them is ignored. Linear in the input."""
    if data[:1] and data[0] & 0x80 and not data.startswith(b"\xef\xbb\xbf"):
        return [Block("", data)]
    blocks: list[Block] = []
    kind = ""
    lines: list[bytes] | None = None
    for raw in data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").split(b"\n"):
        line = raw.strip(b" \t\r")
        if line.startswith(_BEGIN) and line.endswith(_TAIL):
            kind, lines = line[len(_BEGIN) : -len(_TAIL)].decode("ascii", "replace"), []
        elif line.startswith(_END):
            if lines is None:
                raise BadArmour("an end without a beginning")
            blocks.append(Block(kind, _decode(lines)))
            lines = None
        elif lines is not None:
            lines.append(line)
    if lines is not None:
        raise BadArmour("not closed")
    return blocks


def _decode(lines: list[bytes]) -> bytes:
    """Header lines end at the first blank one; without a blank line there were none. The CRC line is not needed."""
    body = lines[lines.index(b"") + 1 :] if b"" in lines and _is_header(lines[0]) or lines[:1] == [b""] else lines
    text = b"".join(line for line in body if line and not (line.startswith(b"=") and len(line) == 5))  # noqa: PLR2004
    try:
        return b64decode(text, validate=True)
    except BadBase64:
        raise BadArmour("not base64") from None


def _is_header(line: bytes) -> bool:
    return b":" in line
