"""From bytes to the lines that count: line ends of RFC 9116, and the text inside a cleartext signature. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from disclosure.discovery.problems import Code, Problem

_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_END = "-----END PGP SIGNATURE-----"
_BOM = b"\xef\xbb\xbf"
_BLANKS = " \t"


class Line(NamedTuple):
    number: int
    text: str  # without line end and the blanks before it


@dataclass(frozen=True)
class Text:
    """Lines whose fields may count. ``signed``: they stand, or pretend to stand, inside a signature."""

    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]
    signed: bool = False


class Verified(Protocol):
    """What a verifier says of a signed file (openpgp.verification.Verification).

    ``state``: good, bad or unchecked. ``text``: what a good signature covers, CRLF between lines, escapes undone;
    ``first_line``: where in the file it begins, from 1. ``fingerprint``: of the certificate of who signed, if known.
    """

    @property
    def state(self) -> StrEnum: ...
    @property
    def why(self) -> StrEnum | None: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def text(self) -> bytes: ...
    @property
    def first_line(self) -> int: ...


class Verify(Protocol):
    """openpgp.sandbox.verify_safely: discovery may not know OpenPGP, so the verifier is handed in."""

    def __call__(self, file: bytes, *, certificates: Sequence[bytes], now: datetime) -> Verified: ...


def covered(verified: Verified) -> tuple[Line, ...]:
    """The lines under a good signature, each with its number in the file."""
    text = verified.text.decode(errors="replace")
    return tuple(Line(number, line) for number, line in enumerate(text.split("\r\n"), verified.first_line))


def text_of(body: bytes) -> Text:
    """Lines of a file; of a signed one only those inside the signed block, dash-escapes undone (ST-23)."""
    problems: list[Problem] = []
    lines = _lines(body, problems)
    begin = next((place for place, line in enumerate(lines) if line.text == _BEGIN), None)
    if begin is None:
        return Text(tuple(lines), tuple(problems))
    if begin:
        # Whatever stands before the header was signed by nobody; GnuPG passes such files (ST-23).
        problems.append(Problem(Code.SIGNED_FORMAT_ISSUE, lines[0].number))
    inside = _inside(lines[begin + 1 :], problems)
    return Text(tuple(inside), tuple(problems), signed=True)


def _lines(body: bytes, problems: list[Problem]) -> list[Line]:
    """ST-10: LF or CRLF and nothing else ends a line; str.splitlines knows ten more."""
    if body.startswith(_BOM):
        problems.append(Problem(Code.BOM_IN_FILE, 1))
        body = body.removeprefix(_BOM)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        problems.append(Problem(Code.UTF8))
        text = body.decode(errors="replace")
    parts = text.split("\n")
    if parts[-1]:
        problems.append(Problem(Code.NO_LINE_SEPARATORS, len(parts)))
    else:
        parts.pop()
    return [Line(number, part.removesuffix("\r").rstrip(_BLANKS)) for number, part in enumerate(parts, 1)]


def _inside(lines: Sequence[Line], problems: list[Problem]) -> list[Line]:
    """The signed text: after the armour headers and a blank line, before the signature."""
    blank = next((place for place, line in enumerate(lines) if not line.text), len(lines))
    problems += [Problem(Code.SIGNED_FORMAT_ISSUE, line.number) for line in lines[:blank] if not _is_hash(line.text)]
    rest = lines[blank + 1 :]
    signature = next((place for place, line in enumerate(rest) if line.text == _SIGNATURE), None)
    if signature is None:
        problems.append(Problem(Code.SIGNED_FORMAT_ISSUE))
        return _unescaped(rest, problems)
    after = rest[signature + 1 :]
    end = next((place for place, line in enumerate(after) if line.text == _END), None)
    if end is None:
        problems.append(Problem(Code.SIGNED_FORMAT_ISSUE, rest[signature].number))
    else:
        trailing = (line for line in after[end + 1 :] if line.text)
        problems += [Problem(Code.DATA_AFTER_SIG, line.number) for line in list(trailing)[:1]]
    return _unescaped(rest[:signature], problems)


def _is_hash(text: str) -> bool:
    return text.startswith("Hash: ")


def _unescaped(lines: Iterable[Line], problems: list[Problem]) -> list[Line]:
    out = []
    for line in lines:
        if line.text.startswith("- "):
            out.append(Line(line.number, line.text.removeprefix("- ")))
        elif line.text.startswith("-"):
            # A signer escapes every such line (RFC 9580, 7.2): this one was put in, and may be a second header.
            problems.append(Problem(Code.SIGNED_FORMAT_ISSUE, line.number))
        else:
            out.append(line)
    return out
