"""Header fields of strangers' mail: words, parameters, addresses, Message-IDs. Linear, bounded, never raises.

Python's email package is not used here: its policies raise on malformed fields and have quadratic spots. Every value is
cut before it is looked at; every pattern below can only start where a letter of its own stands.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

MOST_VALUE = 16_384  # of one field; ours: a long References is under 8 kB
MOST_SHOWN = 998  # RFC 5322's line, for subject, name and the like
_MOST_PARAMETERS = 64
_MOST_FOUND = 40  # addresses or Message-IDs of one message

_WORD = re.compile(r"=\?([\w.:*+-]{1,60})\?([bBqQ])\?([^?\s]*)\?=", re.ASCII)
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,60})\s{0,8}=\s{0,8}("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_ADDRESS = re.compile(r"(?<![\w.+!#$%&'*/=?^`{|}~-])([\w.+!#$%&'*/=?^`{|}~-]{1,256})@([\w.-]{1,255}|\[[\w.:]{1,60}\])")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
# Text codecs that decode in linear time; idna, punycode and the escapes do not, or are no charset of any mail.
_CHARSET = re.compile(
    r"(us-)?ascii|utf-?(7|8|16|16le|16be|16-le|16-be|32)|(iso-?)?8859-?\d{1,2}|iso-8859-\d{1,2}|latin-?\d|(windows|cp)-?(125\d|874|932|9\d\d)|"
    r"iso-2022-(jp(-[123]|-ext|-2004)?|kr)|(x-)?s(hift)?[-_]?jis|(x-)?euc[-_]?(jp|kr|cn)|gb(2312|k|18030)|big5(-?hkscs)?|koi8-?[ru]|tis-620|macintosh"
)


def decode(data: bytes, charset: str = "") -> str:
    """Text in ``charset`` where it is one, else UTF-8, else the Western code page. Without what controls a terminal."""
    name = charset.strip().strip("'\"").lower()[:40]
    for one in ([name] if _CHARSET.fullmatch(name) else []) + ["utf-8"]:
        # ISO-2022-JP is ASCII to a decoder that is not told; a declared one is taken at its word even where it errs.
        with suppress(LookupError, ValueError):
            return data.decode(one, "strict" if one == "utf-8" else "replace")
    return data.decode("cp1252", "replace")


def printable(text: str, most: int = MOST_SHOWN) -> str:
    """One line, without control and bidirectional characters, at most ``most`` characters."""
    line = " ".join(text[: 4 * most].split())
    return "".join(
        c for c in line if c.isprintable() and not "\u202a" <= c <= "\u202e" and not "\u2066" <= c <= "\u2069"
    )[:most]


def words(value: str) -> str:
    """RFC 2047 words decoded; neighbours of one charset are joined first, for some mailers cut inside a character."""
    out, end, held, charset = list[str](), 0, b"", ""
    for found in _WORD.finditer(value[:MOST_VALUE]):
        between = value[end : found.start()]
        adjacent = bool(end) and not between.strip()
        name = found[1].split("*")[0].lower()
        if held and not (adjacent and name == charset):
            out.append(decode(held, charset))
            held = b""
        if not adjacent:
            out.append(between)
        held, charset, end = held + _word(found[2], found[3]), name, found.end()
    if held:
        out.append(decode(held, charset))
    out.append(value[end:MOST_VALUE])
    return "".join(out)


def _word(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(data, header=True)
    try:
        return a2b_base64(data + b"=" * (-len(data) % 4))
    except Error:
        return b""


def without_comments(value: str) -> str:
    """RFC 5322 comments, nested, left out; quoted strings keep their parentheses."""
    out, depth, quoted, escaped = list[str](), 0, False, False
    for letter in value[:MOST_VALUE]:
        if escaped or letter == "\\":
            escaped = not escaped
        elif letter == '"' and not depth:
            quoted = not quoted
        elif letter == "(" and not quoted:
            depth += 1
        elif letter == ")" and depth and not quoted:
            depth -= 1
            continue
        if not depth:
            out.append(letter)
    return "".join(out)


def keyword(value: str) -> str:
    """The first word of a structured field, lower-cased, without comments and parameters (RFC 3834 section 5)."""
    return without_comments(value).split(";")[0].strip().strip('"').lower()[:120]


def parameters(value: str) -> dict[str, str]:
    """Parameters of a MIME field, RFC 2231 pieces joined, RFC 2047 words that should not be there read all the same."""
    plain, pieces = dict[str, str](), dict[str, dict[int, tuple[str, bool]]]()
    for count, found in enumerate(_PARAMETER.finditer(value[:MOST_VALUE])):
        if count >= _MOST_PARAMETERS:
            break
        name, *rest = found[1].lower().split("*")
        held = _unquoted(found[2])
        if not rest:
            plain.setdefault(name, held)
        else:
            number = int(rest[0]) if re.fullmatch(r"[0-9]{1,3}", rest[0]) else 0
            pieces.setdefault(name, {}).setdefault(number, (held, rest[-1] == ""))
    return plain | {name: _joined(parts) for name, parts in pieces.items()}


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value.strip('"')


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    charset, first = "", parts.get(min(parts), ("", False))[0]
    if first.count("'") >= 2 and parts[min(parts)][1]:  # noqa: PLR2004 - charset'language'text
        charset, _, first = first.split("'", 2)
    data = b""
    for number in sorted(parts):
        text, escaped = parts[number]
        text = first if number == min(parts) else text
        data += unquote_to_bytes(text) if escaped else text.encode("utf-8", "replace")
    return decode(data, charset)


def addresses(value: str) -> Iterator[str]:
    """Every address in a field, in order, as written; display names that look like one come too."""
    for count, found in enumerate(_ADDRESS.finditer(value[:MOST_VALUE])):
        if count >= _MOST_FOUND:
            return
        yield found[0]


def sender(value: str) -> tuple[str, str]:
    """(address, name) of a From field: the address in angle brackets, else the last that there is."""
    value = value[:MOST_VALUE]
    angle = value.rfind("<")
    within = list(addresses(value[angle:])) if angle >= 0 else []
    found = within[:1] or list(addresses(without_comments(value)))[-1:]
    name = value[:angle] if angle > 0 else ("" if found else value)
    return printable(found[0] if found else "", 320), printable(words(name).strip().strip('"').replace('\\"', '"'), 200)


def message_ids(value: str) -> list[str]:
    return [printable(found) for found in _MESSAGE_ID.findall(value[:MOST_VALUE])[-_MOST_FOUND:]]


def date(value: str) -> datetime | None:
    """In UTC; None for what is no date. A date without zone is taken for UTC (RFC 5322 section 3.3, -0000)."""
    with suppress(Exception):  # the library's parser indexes before it looks
        said = parsedate_to_datetime(without_comments(value[:200]))
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def xtext(value: str) -> str:
    """RFC 3461 section 4: ``+2B`` is a plus."""
    return re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), value)
