"""Canonical bytes, commitments, the hash chain, and its verification (R42). No keys here: sealing is store's.

Format 1. An entry's canonical bytes are JSON with sorted keys and no blanks, UTF-8. They are hashed as stored and never
written again from values. Sealed content enters as one commitment per part: SHA-256 over a random salt and the part's
bytes; the salt lives inside the ciphertext, so that an erased part cannot be guessed from its commitment.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from disclosure.protocol.errors import BrokenChain
from disclosure.protocol.events import EVENT_TYPES, Actor, Entry
from disclosure.protocol.plain import OPEN, Plain, from_plain, to_plain
from disclosure.protocol.values import Party

FORMAT = 1
SALT_BYTES = 16
GENESIS = "0" * 64


@dataclass(frozen=True)
class Link:
    """One stored entry: its bytes as they were hashed, and their hash."""

    stream: str
    seq: int
    body: bytes
    hash: str


@dataclass(frozen=True)
class SealedPart:
    """A part before encryption: salt and canonical content."""

    salt: bytes
    content: bytes

    @property
    def commitment(self) -> str:
        return hashlib.sha256(b"disclosure/part/1\0" + self.salt + self.content).hexdigest()


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def forge(stream: str, previous: str, entry: Entry, salt: Callable[[], bytes]) -> tuple[Link, dict[str, SealedPart]]:
    """The entry's link and its parts still in the clear; ``salt`` gives 16 fresh random bytes at each call."""
    plain = to_plain(entry.event)
    open_fields = plain.pop(OPEN)
    parts = {name: SealedPart(salt(), canonical(content)) for name, content in plain.items()}
    body = canonical(
        {
            "v": FORMAT,
            "stream": stream,
            "seq": entry.seq,
            "previous": previous,
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": [entry.actor.party, entry.actor.ref],
            "type": type(entry.event).__name__,
            "open": open_fields,
            "parts": {name: part.commitment for name, part in parts.items()},
        }
    )
    return Link(stream, entry.seq, body, hashlib.sha256(body).hexdigest()), parts


def read_entry(body: bytes, parts: Mapping[str, bytes]) -> Entry:
    """The entry of canonical bytes; ``parts`` maps the names at hand to their content in the clear."""
    text = body.decode()
    held, end = _READ(text)
    if end != len(text):
        raise ValueError("more than one value")
    contents: dict[str, Mapping[str, Plain]] = {OPEN: held["open"]}
    contents.update({name: json.loads(content) for name, content in parts.items()})
    event = from_plain(held["type"], contents)
    return Entry(held["seq"], datetime.fromisoformat(held["at"]), _actor(*held["actor"]), event)


# Entries are read by the million: what json.loads looks at beside the text costs half as much again.
_READ = json.JSONDecoder().raw_decode


@lru_cache(maxsize=10_000)
def _actor(party: str, ref: str) -> Actor:
    return Actor(Party(party), ref)


def verify(stream: str, links: Iterable[Link], head: tuple[int, str]) -> tuple[int, str]:
    """Walk the stream; returns its (length, last hash) or raises BrokenChain naming the first fault.

    ``head`` is the signed one: a tail that was cut off shows there.
    """
    seq, previous = 0, GENESIS
    for link in links:
        seq += 1
        _check(link, stream, seq, previous)
        previous = link.hash
    if (seq, previous) != head:
        raise BrokenChain(stream, seq, "the signed head names another end")
    return seq, previous


def _check(link: Link, stream: str, seq: int, previous: str) -> None:
    if link.seq != seq:
        raise BrokenChain(stream, seq, "an entry is missing")
    if hashlib.sha256(link.body).hexdigest() != link.hash:
        raise BrokenChain(stream, seq, "the bytes do not have their hash")
    try:
        held = json.loads(link.body)
        named = (held["v"], held["stream"], held["seq"], held["previous"], held["type"] in EVENT_TYPES)
    except (ValueError, KeyError, TypeError):
        raise BrokenChain(stream, seq, "the bytes cannot be read") from None
    if named != (FORMAT, stream, seq, previous, True):
        raise BrokenChain(stream, seq, "it does not follow the entry before it")


def check_part(link: Link, name: str, part: SealedPart) -> None:
    """Raise BrokenChain unless the part is the one the entry committed to."""
    committed = json.loads(link.body)["parts"].get(name, "")
    if not hmac.compare_digest(committed, part.commitment):
        raise BrokenChain(link.stream, link.seq, f"the sealed part {name} is not the one that was committed to")
