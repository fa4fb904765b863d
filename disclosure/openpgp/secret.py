"""Whether somebody handed over a private key, whole or in part: it is refused, never stored, logged or echoed (R18).

Asked before anything else, of whatever came: a copy that broke off, or that no reader would take, is as secret.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator
from itertools import islice

from disclosure.openpgp.dearmour import armour_lines, plain_text
from disclosure.openpgp.framing import SECRETS, is_binary, tags

# OpenPGP's own, and the last words of a first line of PEM, PKCS 8 and OpenSSH among them.
_MARKS = (b"PRIVATE KEY BLOCK", b"PRIVATE KEY-----")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LEAST = 40  # letters of a line: programs write 64 or 76
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET))


def holds_secret(data: bytes) -> bool:
    """By its words, or by its packets' tags under whatever label. Linear; never raises."""
    words = data.replace(b"\0", b"")  # UTF-16, be there a byte-order mark or not, or a wrong one
    if any(mark in words for mark in _MARKS):
        return True
    return any(tag in SECRETS for tag in _tags(plain_text(data)))


def _tags(text: bytes) -> Iterator[int]:
    if is_binary(text):
        yield from tags(text)
        return
    for kind, lines in armour_lines(text):
        if not kind:
            # Armour without its first line. Of prose nothing is left here, and of a picture its first octet is none.
            yield from islice(tags(_decoded(line for line in lines if _is_base64(line))), 1)
        elif "SIGNED MESSAGE" not in kind:
            yield from tags(_decoded(lines))


def _decoded(lines: Iterable[bytes]) -> bytes:
    """What can be read as base64, whatever stands between."""
    letters = b"".join(lines).translate(None, _NOT_BASE64)
    return b64decode(letters[: len(letters) // 4 * 4])


def _is_base64(line: bytes) -> bool:
    return len(line) >= _LEAST and not line.rstrip(b"=").translate(None, _ALPHABET)
