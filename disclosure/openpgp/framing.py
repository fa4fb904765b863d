"""Packets by their headers alone (RFC 9580, 4.2): tags and lengths, before any library sees a byte.

This is how a secret is recognised without being read, and how compressed data, photographs and padding are kept away
from a parser that would unpack them.
"""

from __future__ import annotations

from collections.abc import Iterator

SIGNATURE, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY, USER_ID, PUBLIC_SUBKEY = 2, 5, 6, 7, 13, 14
SECRETS = frozenset({SECRET_KEY, SECRET_SUBKEY})
_DATA = frozenset({8, 9, 11, 18, 20})  # compressed, encrypted, literal: may come in parts (RFC 9580, 4.2.1.4)
_BINARY, _NEW_FORMAT = 0x80, 0x40
_TO_THE_END = 3  # the old format's length type of a packet that lasts to the end
_FILLING = b"\0\r\n\t "  # what transfers leave behind the last packet


class BadPackets(ValueError):
    """A header that is none, a length beyond the end, or one that only data packets may have."""


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, whole packet with its header), one after the other. Linear; raises BadPackets where it cannot go on."""
    at = 0
    while at < len(data):
        if not data[at] & _BINARY:
            if data[at:].strip(_FILLING):
                raise BadPackets("no header")
            return
        tag, start, length = _header(data, at)
        end = start + length
        if end > len(data):
            raise BadPackets("cut off")
        yield tag, data[at:end]
        at = end


def contents(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, body) of a message's packets; those of data may come in parts, or last to the end. Raises BadPackets."""
    at = 0
    while at < len(data):
        if not data[at] & _BINARY:
            raise BadPackets("no header")
        tag = _tag(data[at])
        if tag in _DATA and data[at] & _NEW_FORMAT:
            body, at = _joined(data, at + 1)
        elif tag in _DATA and data[at] & 3 == _TO_THE_END:
            body, at = data[at + 1 :], len(data)
        else:
            _, start, length = _header(data, at)
            body, at = _octets(data, start, length), start + length
        yield tag, body


def _joined(data: bytes, at: int) -> tuple[bytes, int]:
    """The parts of a body as one, and where the last ends."""
    parts = []
    while 224 <= (first := _octets(data, at, 1)[0]) < 255:  # noqa: PLR2004 - RFC 9580, 4.2.1.4
        length = 1 << (first & 0x1F)
        parts.append(_octets(data, at + 1, length))
        at += 1 + length
    start, length = _new_length(data, at)
    return b"".join([*parts, _octets(data, start, length)]), start + length


def tags(data: bytes) -> Iterator[int]:
    """The tag of every packet, of one that is cut off too; ends where none can follow. Never raises."""
    at = 0
    while at < len(data) and data[at] & _BINARY:
        yield _tag(data[at])
        try:
            _, start, length = _header(data, at)
        except BadPackets:
            return
        at = start + length


def body_of(packet: bytes) -> bytes:
    """A packet of :func:`frames` without its header."""
    return packet[_header(packet, 0)[1] :]


def is_binary(data: bytes) -> bool:
    """Every packet begins with a set bit; no text in ASCII does."""
    return bool(data) and bool(data[0] & _BINARY)


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, where the body starts, how long it is."""
    first = data[at]
    if first & _NEW_FORMAT:
        return _tag(first), *_new_length(data, at + 1)
    size = (1, 2, 4, 0)[first & 3]
    if not size:
        raise BadPackets("indeterminate length")
    return _tag(first), at + 1 + size, int.from_bytes(_octets(data, at + 1, size))


def _tag(first: int) -> int:
    return first & 0x3F if first & _NEW_FORMAT else (first >> 2) & 15


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    """RFC 9580, 4.2.1: one, two or five octets; partial lengths belong to data packets."""
    first = _octets(data, at, 1)[0]
    if first < 192:  # noqa: PLR2004 - the format's own limits, here and below
        return at + 1, first
    if first < 224:  # noqa: PLR2004
        return at + 2, ((first - 192) << 8) + _octets(data, at + 1, 1)[0] + 192
    if first < 255:  # noqa: PLR2004
        raise BadPackets("partial length")
    return at + 5, int.from_bytes(_octets(data, at + 1, 4))


def _octets(data: bytes, at: int, count: int) -> bytes:
    if at + count > len(data):
        raise BadPackets("cut off")
    return data[at : at + count]
