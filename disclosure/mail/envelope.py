"""What a message carries beside its words: who, which of our tokens, files, OpenPGP parts, our relay's verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import replace

from disclosure.mail import fields
from disclosure.mail.mime import Header, Part, TooMuch
from disclosure.mail.received import Attached, Received

_MOST_TOKENS = 20
_MOST_REFERENCES = 60
_MOST_ATTACHMENTS = 50
# Ciphertext and signed octets come back from the child together, through a pipe that takes 32 MB (openpgp/child.py).
MOST_CARRIED = 15 * 1024 * 1024
_ADDRESSED = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
_PLUS = re.compile(r"[^+@]+\+[^@]+")
_BEGIN, _END = b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----"


def outside(header: Header, received: Received) -> Received:
    """``received`` with what the message's own header says."""
    address, name = fields.sender(header.get("from"))
    return replace(
        received,
        tokens=_tokens(header),
        references=_references(header),
        addressed=_addressed(header),
        sender_address=address,
        sender_name=name,
        subject=fields.printable(fields.words(header.get("subject"))),
        message_id=next(iter(fields.message_ids(header.get("message-id"))), ""),
        date=fields.date(header.get("date")),
    )


def _tokens(header: Header) -> tuple[str, ...]:
    """Local parts with a plus part, lower-cased: mail systems on the way may have changed the case."""
    found = dict[str, None]()
    for name in _ADDRESSED:
        for value in header.all(name)[:_MOST_TOKENS]:
            for address in fields.addresses(value):
                local = address.rsplit("@", 1)[0].lower()
                if _PLUS.fullmatch(local) and len(found) < _MOST_TOKENS:
                    found[fields.printable(local, 200)] = None
    return tuple(found)


def _addressed(header: Header) -> tuple[str, ...]:
    named = (address for name in ("to", "cc") for value in header.all(name)[:5] for address in fields.addresses(value))
    return tuple(dict.fromkeys(fields.printable(one, 320).lower() for one in named))


def _references(header: Header) -> tuple[str, ...]:
    answered = [one for value in header.all("in-reply-to")[:5] for one in fields.message_ids(value)]
    thread = [one for value in header.all("references")[:5] for one in fields.message_ids(value)]
    return tuple(dict.fromkeys([*answered, *reversed(thread)]))[:_MOST_REFERENCES]


def matches(
    tokens: Collection[str], references: Collection[str], ours: Collection[str], message_ids: Collection[str]
) -> bool:
    """Whether a message names one of our tokens (whole local part, its plus part, or as an address) or Message-IDs."""
    known = {one.lower().split("@")[0] for one in ours}
    named = {*tokens, *(one.split("+", 1)[1] for one in tokens)}
    sent = {one.strip().strip("<>").lower() for one in message_ids}
    return bool(known & named or sent & {one.strip("<>").lower() for one in references})


def attachments(root: Part) -> tuple[Attached, ...]:
    """Leaves that are no text of the message, with the name that the sender gave them."""
    found = list[Attached]()
    for part in root.walk():
        text = part.media_type in {"text/plain", "text/html"} and not part.attached
        if part.parts or text or part.media_type.startswith("multipart/") or len(found) >= _MOST_ATTACHMENTS:
            continue
        found.append(Attached(part.name, fields.printable(part.media_type, 100), part.size))
    return tuple(found)


def ciphertext(root: Part, text: str) -> bytes:
    """Of PGP/MIME (RFC 3156 section 4, also where a gateway made it multipart/mixed), else of armour in the text.

    Raises :class:`TooMuch` above :data:`MOST_CARRIED`.
    """
    for part in root.walk():
        kinds = [one.media_type for one in part.parts]
        if "application/pgp-encrypted" in kinds:
            at = kinds.index("application/pgp-encrypted") + 1
            if at < len(kinds):
                return _carried(part.parts[at].content())
    if _BEGIN.decode() not in text:
        return b""
    for part in root.walk():
        if not part.parts and part.media_type == "text/plain":
            data = part.content()
            begin = data.find(_BEGIN)
            end = data.find(_END, begin) if begin >= 0 else -1
            if end >= 0 and not data[:begin].rpartition(b"\n")[2].strip():  # quoted armour is somebody else's
                return _carried(data[begin : end + len(_END)] + b"\n")
    return b""


def signed(root: Part) -> tuple[bytes, bytes]:
    """(octets signed, detached OpenPGP signature) of the outermost multipart/signed (RFC 3156 section 5)."""
    for part in root.walk():
        if part.media_type == "multipart/signed" and len(part.parts) > 1:
            first, second = part.parts[:2]
            if second.media_type == "application/pgp-signature":
                # A mail system that stores lines with LF sent them with CRLF, and over these the signature is.
                return _carried(re.sub(rb"\r?\n", b"\r\n", first.raw)), _carried(second.content())
    return b"", b""


def _carried(data: bytes) -> bytes:
    if len(data) > MOST_CARRIED:
        raise TooMuch
    return data


# --- our relay's verdict ---------------------------------------------------------------------------------------------

_BY = re.compile(r"\bby\s+([\w.-]{1,255})")
_FROM = re.compile(r"\bfrom\s+([\w.-]{1,255})")


def authentication(header: Header, authserv_id: str) -> tuple[str, ...]:
    """Authentication-Results of ``authserv_id`` that stand above the first Received of others (RFC 8601 section 5).

    The relay's own Received (by a host that is the id, or below it) may stand between; after the one that took the mail
    from a stranger, the next Received ends the search, whatever it claims. The relay has to remove fields that claim
    its id from what it takes in (RFC 8601 section 5): of those directly below its own line we cannot know.
    """
    ours, found, border = authserv_id.strip().lower(), list[str](), False
    if not ours:
        return ()
    for name, value in header.entries:
        if name == "received":
            plain = fields.without_comments(value).lower()
            by, from_ = _BY.search(plain), _FROM.search(plain)
            if border or not (by and _is(by[1], ours)):
                break
            border = bool(from_) and not _is(from_[1], ours) if from_ else False
        elif name == "authentication-results" and len(found) < _MOST_TOKENS:
            plain = fields.without_comments(value).strip().lower()
            if plain.split(";")[0].split()[:1] == [ours]:
                found.append(fields.printable(value, 2_000))
    return tuple(found)


def _is(host: str, ours: str) -> bool:
    return host.rstrip(".") == ours or host.endswith("." + ours)


# --- over the pipe of the child --------------------------------------------------------------------------------------

_BINARY = ("openpgp", "signed", "signature")


def packed(received: Received) -> bytes:
    """JSON and three runs of bytes: in base 64 a large message would not pass."""
    runs = [received.openpgp, received.signed, received.signature]
    bare = replace(received, openpgp=b"", signed=b"", signature=b"").to_json()
    head = json.dumps({"received": bare, "lengths": [len(run) for run in runs]}).encode()
    return len(head).to_bytes(4, "big") + head + b"".join(runs)


def unpacked(answer: bytes) -> Received:
    at = 4 + int.from_bytes(answer[:4], "big")
    head = json.loads(answer[4:at])
    runs = dict[str, bytes]()
    for name, length in zip(_BINARY, head["lengths"], strict=True):
        runs[name], at = answer[at : at + length], at + length
    return replace(
        Received.from_json(head["received"]),
        openpgp=runs["openpgp"],
        signed=runs["signed"],
        signature=runs["signature"],
    )
