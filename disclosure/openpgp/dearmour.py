"""Armour taken off line by line, with no regular expression (facts: openpgp 3, rule 1).

Both OpenPGP libraries freeze on header lines of a few hundred bytes; what they get from us is binary.
"""

from __future__ import annotations

import codecs
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Iterator
from dataclasses import dataclass

from disclosure.openpgp.framing import is_binary

_BEGIN, _END, _TAIL = b"-----BEGIN PGP ", b"-----END PGP ", b"-----"
_CRC_LENGTH = 5  # "=" and four letters
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Block:
    """``kind`` as in the armour's first line, or empty for binary input."""

    kind: str
    content: bytes


class BadArmour(ValueError):
    """A block that is not closed, or whose lines are not base64."""


def dearmour(data: bytes) -> list[Block]:
    """The blocks in ``data``; binary input is one block. Text around them is ignored. Linear in the input."""
    text = plain_text(data)
    if is_binary(text):
        return [Block("", text)]
    blocks: list[Block] = []
    kind = ""
    lines: list[bytes] | None = None
    for line in _lines(text):
        begun = _begun(line)
        if begun is not None:
            kind, lines = begun, []
        elif _END in line:
            if lines is None:
                raise BadArmour("an end without a beginning")
            blocks.append(Block(kind, _decode(lines)))
            lines = None
        elif lines is not None:
            lines.append(line)
    if lines is not None:
        raise BadArmour("not closed")
    return blocks


def armour_lines(text: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """(kind, lines without headers and CRC) of every block, also of one that is not closed. Never raises."""
    kind, lines = "", list[bytes]()
    for line in _lines(text):
        begun = _begun(line)
        if begun is not None or _END in line:
            if lines:
                yield kind, _content(lines)
            kind, lines = begun or "", []
        else:
            lines.append(line)
    if lines:
        yield kind, _content(lines)


def _lines(text: bytes) -> Iterator[bytes]:
    return (raw.strip(b" \t") for raw in text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))


def plain_text(data: bytes) -> bytes:
    """Without byte-order marks; UTF-16, which a shell of Windows makes of what it redirects, becomes UTF-8."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(codecs.BOM_UTF8)


def _begun(line: bytes) -> str | None:
    """The kind of block that begins on this line, be it behind a tag of a page."""
    _, found, rest = line.partition(_BEGIN)
    kind, closed, _ = rest.partition(_TAIL)
    return kind.decode("ascii", "replace") if found and closed else None


def _decode(lines: list[bytes]) -> bytes:
    try:
        return b64decode(b"".join(_content(lines)), validate=True)
    except BadBase64:
        raise BadArmour("not base64") from None


def _content(lines: list[bytes]) -> list[bytes]:
    """Header lines come first and hold a colon, which base64 never does. The CRC line is not needed."""
    start = 0
    while start < len(lines) and (not lines[start] or b":" in lines[start]):
        start += 1
    return [line for line in lines[start:] if not _is_crc(line)]


def _is_crc(line: bytes) -> bool:
    return line.startswith(b"=") and len(line) == _CRC_LENGTH
