"""The parts of a message: bytes to a tree, in one pass, within bounds. Decodes only what is asked for.

One pass over the lines that begin with two hyphens, each held against the boundaries that are open, by equality: the
work does not grow with nesting, and a boundary that begins like another is another. ``message/*`` stays a leaf.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from disclosure.mail import fields

MOST_NESTED = 20
MOST_PARTS = 200
MOST_HEADER_BYTES = 262_144  # of all parts together
_MOST_DELIMITERS = 100_000  # lines that begin with two hyphens; ours: a long patch has a few thousand
_NAME = re.compile(rb"[!-9;-~]{1,200}[ \t]{0,8}:")


class TooMuch(Exception):
    """More nesting, parts or header bytes than any mail of people or mail systems has."""


@dataclass(frozen=True)
class Header:
    """Fields in order: (name in lower case, value unfolded)."""

    entries: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for held, value in self.entries if held == name]

    def get(self, name: str, default: str = "") -> str:
        return next((value for held, value in self.entries if held == name), default)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.entries)


@dataclass
class Part:
    """``raw`` is the part as it came, header and body; ``body`` not yet decoded."""

    header: Header
    media_type: str
    parameters: dict[str, str]
    data: bytes = field(repr=False)
    begin: int = 0
    body_at: int = 0
    end: int = 0
    parts: list[Part] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        return self.data[self.begin : self.end]

    @property
    def name(self) -> str:
        disposition = fields.parameters(self.header.get("content-disposition"))
        return fields.printable(fields.words(disposition.get("filename") or self.parameters.get("name", "")), 255)

    @property
    def attached(self) -> bool:
        return fields.keyword(self.header.get("content-disposition")) == "attachment" or bool(self.name)

    @property
    def encoding(self) -> str:
        return fields.keyword(self.header.get("content-transfer-encoding"))

    def content(self, most: int | None = None) -> bytes:
        """Decoded; at most about ``most`` bytes."""
        end = self.end if most is None else min(self.end, self.body_at + 3 * most)
        data = self.data[self.body_at : end]
        if self.encoding == "base64":
            data = _base64(data)
        elif self.encoding == "quoted-printable":
            data = a2b_qp(data)
        return data if most is None else data[:most]

    def text(self, most: int) -> str:
        """At most ``most`` characters, lines ending in LF, without NUL."""
        said = fields.decode(self.content(4 * most), self.parameters.get("charset", ""))
        return said.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")[:most]

    @property
    def size(self) -> int:
        data = self.data[self.body_at : self.end]
        if self.encoding == "base64":
            return len(b"".join(data.split()).rstrip(b"=")) * 3 // 4
        return len(self.content())

    def walk(self) -> Iterator[Part]:
        """This part and all inside it, in order."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.parts))


def _base64(data: bytes) -> bytes:
    letters = b"".join(data.split())
    try:
        return a2b_base64(letters[: len(letters) // 4 * 4] if b"=" not in letters[-3:] else letters)
    except Error:
        return b""


def parse(data: bytes) -> Part:
    """The message's tree. Raises :class:`TooMuch`."""
    return _Reader(data).read()


def header_of(data: bytes, most: int = 65_536) -> Header:
    """The fields of a message, or of the header alone, that stands inside another."""
    return _header(data[:most], 0, most)[0]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._left, self._count = data, MOST_HEADER_BYTES, 0
        self._open: list[tuple[bytes, Part]] = []
        self._level: dict[bytes, int] = {}

    def read(self) -> Part:
        root = leaf = self._part(0, "text/plain")
        for begin, end, boundary, last in self._delimiters(root.body_at):
            level = self._level[boundary]
            cut = begin - 1 if self._data[begin - 2 : begin] == b"\r\n" else begin  # that line break is the delimiter's
            cut = max(cut - 1, 0)
            self._close(level, leaf, cut)
            parent = self._open[level][1]
            leaf = parent
            if last:
                self._drop(level)
            else:
                leaf = self._part(end, "message/rfc822" if parent.media_type == "multipart/digest" else "text/plain")
                parent.parts.append(leaf)
        self._close(-1, leaf, len(self._data))
        return root

    def _part(self, at: int, default: str) -> Part:
        self._count += 1
        if self._count > MOST_PARTS:
            raise TooMuch
        header, body_at = _header(self._data, at, self._left)
        self._left -= body_at - at
        kind = header.get("content-type")
        media_type = fields.keyword(kind)
        parameters = fields.parameters(kind)
        part = Part(header, media_type if "/" in media_type else default, parameters, self._data, at, body_at, body_at)
        boundary = parameters.get("boundary", "").rstrip().encode("utf-8", "replace")[:200]
        if part.media_type.startswith("multipart/") and boundary:
            if len(self._open) >= MOST_NESTED:
                raise TooMuch
            self._level.setdefault(boundary, len(self._open))
            self._open.append((boundary, part))
        return part

    def _delimiters(self, at: int) -> Iterator[tuple[int, int, bytes, bool]]:
        """(begin, end of line, boundary, whether it is the last) of every delimiter line from ``at`` on."""
        data, seen, position = self._data, 0, max(at - 1, 0)
        while self._open:
            begin = data.find(b"\n--", position) + 1
            if not begin:
                return
            seen += 1
            if seen > _MOST_DELIMITERS:
                raise TooMuch
            end = data.find(b"\n", begin)
            end = len(data) if end < 0 else end + 1
            line = data[begin + 2 : min(end, begin + 300)].rstrip()
            if line in self._level:
                yield begin, end, line, False
            elif line.endswith(b"--") and line[:-2].rstrip() in self._level:
                yield begin, end, line[:-2].rstrip(), True
            position = end - 1

    def _close(self, level: int, leaf: Part, at: int) -> None:
        """Ends ``leaf`` and every multipart opened above ``level``."""
        if not any(part is leaf for _, part in self._open[: level + 1]):
            leaf.end = max(at, leaf.body_at)
        for _, part in self._open[level + 1 :]:
            part.end = max(at, part.body_at)
        self._drop(level + 1)

    def _drop(self, level: int) -> None:
        for at in range(level, len(self._open)):
            boundary, part = self._open[at]
            part.end = max(part.end, part.body_at)
            if self._level.get(boundary) == at:
                del self._level[boundary]
        del self._open[level:]


def _header(data: bytes, at: int, most: int) -> tuple[Header, int]:
    """The header that begins at ``at``, and where the body begins. What is no field begins the body (RFC 5322)."""
    entries, name, value, position = list[tuple[str, str]](), "", list[bytes](), at
    while position < len(data):
        end = data.find(b"\n", position, at + most + 2)
        if end < 0:
            if len(data) - at > most:
                raise TooMuch
            end = len(data) - 1
        line = data[position : end + 1].rstrip(b"\r\n")
        if not line:
            position = end + 1
            break
        if line[:1] in b" \t" and name:
            value.append(line)
        elif found := _NAME.match(line):
            _add(entries, name, value)
            name, value = found[0][:-1].strip().decode("ascii").lower(), [line[found.end() :]]
        elif not (position == at and line.startswith((b"From ", b">From "))):
            break  # a delimiter, or text without a blank line before it
        position = end + 1
    _add(entries, name, value)
    return Header(tuple(entries)), position


def _add(entries: list[tuple[str, str]], name: str, value: list[bytes]) -> None:
    if name:
        joined = b"".join(value)[: fields.MOST_VALUE].replace(b"\r", b" ").replace(b"\0", b"")
        entries.append((name, fields.decode(joined).strip()))
