"""The ledger: append-only streams of events, chained and sealed (R42). Nothing here decides; nothing here forgets."""

from __future__ import annotations

import itertools
import json
import operator
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature, InvalidTag
from sqlalchemy import Connection, bindparam, insert, select, update

from disclosure.protocol import chain
from disclosure.protocol.errors import BrokenChain, Conflict, NotFound
from disclosure.protocol.events import Actor, Entry, Event
from disclosure.protocol.values import Audience
from disclosure.store.manyrows import ManyRows, RowKind
from disclosure.store.sealing import Erased, Sealer, check_head
from disclosure.store.tables import event_parts, events, streams
from disclosure.store.transactions import Store

EVERY_PART = frozenset(str(audience) for audience in Audience)
NO_PART: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Head:
    seq: int
    hash: str


EMPTY = Head(0, chain.GENESIS)


def _place(stream_id: str, seq: int, part: str) -> str:
    return f"event_parts|sealed|{stream_id}:{seq}:{part}"


def open_stream(store: Store, tx: Connection, stream_id: str, kind: str, at: datetime) -> Head:
    """Start a stream whose key exists already (KeyRing.new_stream)."""
    tx.execute(_INSERT_STREAM, {"id": stream_id, "kind": kind, "created_at": at, **_head_row(store, stream_id, EMPTY)})
    return EMPTY


@dataclass(frozen=True)
class NewStream:
    """A stream with its first entries, forged and sealed while no transaction was open; ``write`` stores it."""

    row: Mapping[str, object]
    forged: Forged

    def write(self, tx: Connection) -> None:
        tx.execute(_INSERT_STREAM, self.row)
        rows = ManyRows()
        self.forged.add_entries(rows)
        rows.write(tx)


def new_stream(
    store: Store, stream_id: str, kind: str, at: datetime, facts: Sequence[tuple[Actor, Event]]
) -> NewStream:
    """For a stream whose key exists already (KeyRing.new_stream) and whose first facts are known."""
    forged = forge(store, stream_id, EMPTY, at, facts)
    row = {"id": stream_id, "kind": kind, "created_at": at, **_head_row(store, stream_id, forged.head)}
    return NewStream(row, forged)


def append(
    store: Store,
    tx: Connection,
    stream_id: str,
    expected_seq: int,
    at: datetime,
    facts: Sequence[tuple[Actor, Event]],
) -> tuple[Entry, ...]:
    """Append ``facts`` after entry ``expected_seq``; Conflict, and nothing stored, if the stream moved on meanwhile."""
    head = tx.execute(_HEADS, {"streams": [stream_id]}).one_or_none()
    if head is None:
        raise NotFound("stream")
    if head.head_seq != expected_seq:
        raise Conflict(stream_id)
    forged = forge(store, stream_id, Head(expected_seq, head.head_hash), at, facts)
    write_all(tx, [forged])
    return forged.entries


def write_all(tx: Connection, forged: Sequence[Forged]) -> None:
    """Store what was forged ahead, of any number of streams. Raises Conflict if one of them has moved on meanwhile.

    Their heads go first, in the order of their ids: from then on nobody else writes a stream or its rows.
    """
    if len(forged) > 1:  # one statement for several heads takes them in an order of its own
        hold(tx, [one.stream_id for one in forged])
    rows = ManyRows()
    for one in sorted(forged, key=lambda one: one.stream_id):
        one.add_to(rows)
    rows.write(tx)
    unmoved = {one.stream_id: one.before.seq for one in forged if not one.entries}
    if unmoved and any(row.head_seq != unmoved[row.id] for row in tx.execute(_HEADS, {"streams": list(unmoved)})):
        raise Conflict("streams")


def hold(tx: Connection, stream_ids: Iterable[str]) -> None:
    """Keep these streams as they are until ``tx`` ends, for a decision that is made inside it.

    In the order of their ids, as everybody takes them: two who need the same two never wait for each other. On SQLite
    the gate has done it.
    """
    if tx.dialect.name != "sqlite":
        tx.execute(_HEADS, {"streams": list(stream_ids)})


# Nobody else writes the stream or its rows until we have ended; a new row that refers to it waits for nothing.
_HEADS = (
    select(streams.c.id, streams.c.head_seq, streams.c.head_hash)
    .where(streams.c.id.in_(bindparam("streams", expanding=True)))
    .order_by(streams.c.id)
    .with_for_update(key_share=True)
)
# Built once: building a statement costs as much as running it.
_INSERT_STREAM = insert(streams)
_MOVE_HEAD = RowKind(
    0,
    update(streams).where(streams.c.id == bindparam("its_id"), streams.c.head_seq == bindparam("expected_seq")),
    missed=Conflict,
)
_INSERT_EVENT, _INSERT_PART = RowKind(1, insert(events)), RowKind(2, insert(event_parts))


@dataclass(frozen=True)
class Forged:
    """Entries chained, sealed and signed, as rows; ``head`` is the stream's end after them, ``before`` its old one."""

    stream_id: str
    before: Head
    entries: tuple[Entry, ...]
    head: Head
    head_row: Mapping[str, object]
    rows: Sequence[Mapping[str, object]]
    parts: Sequence[Mapping[str, object]]

    def add_to(self, rows: ManyRows) -> None:
        if self.entries:
            rows.add(_MOVE_HEAD, {**self.head_row, "its_id": self.stream_id, "expected_seq": self.before.seq})
            self.add_entries(rows)

    def add_entries(self, rows: ManyRows) -> None:
        for row in self.rows:
            rows.add(_INSERT_EVENT, row)
        for part in self.parts:
            rows.add(_INSERT_PART, part)


def forge(store: Store, stream_id: str, head: Head, at: datetime, facts: Sequence[tuple[Actor, Event]]) -> Forged:
    """What ``facts`` add to a stream that ends at ``head``. Needs no transaction; nothing is stored."""
    sealer: Sealer | None = None  # most facts of the machine's hold nothing sealed
    previous, entries, rows, parts = head.hash, [], [], []
    for seq, (actor, event) in enumerate(facts, start=head.seq + 1):
        entry = Entry(seq, at, actor, event)
        link, clear = chain.forge(stream_id, previous, entry, lambda: secrets.token_bytes(chain.SALT_BYTES))
        rows.append(
            {
                "stream_id": stream_id,
                "seq": seq,
                "type": type(event).__name__,
                "at": at,
                "body": link.body,
                "hash": link.hash,
            }
        )
        for name, part in clear.items():
            sealer = sealer or store.keyring.sealer(stream_id)
            sealed = sealer.seal(part.salt + part.content, _place(stream_id, seq, name))
            parts.append({"stream_id": stream_id, "seq": seq, "part": name, "sealed": sealed})
        previous = link.hash
        entries.append(entry)
    after = Head(head.seq + len(rows), previous)
    signed = _head_row(store, stream_id, after) if rows else {}
    return Forged(stream_id, head, tuple(entries), after, signed, rows, parts)


def _head_row(store: Store, stream_id: str, head: Head) -> dict[str, object]:
    signature = store.signer.sign(stream_id, head.seq, head.hash)
    return {"head_seq": head.seq, "head_hash": head.hash, "head_signature": signature}


def read(
    store: Store,
    connection: Connection,
    stream_id: str,
    *,
    parts: Collection[str] = NO_PART,
    seqs: Collection[int] | None = None,
) -> tuple[Entry, ...]:
    """Entries in order, with the named sealed parts opened; an erased stream gives entries without words."""
    sealer = _sealer(store, stream_id) if parts else None
    wanted: dict[str, object] = {"stream": stream_id}
    if seqs is not None:
        wanted["seqs"] = list(seqs)
    if sealer is None:
        bodies = connection.execute(_BODIES if seqs is None else _BODIES_OF, wanted)
        return tuple(chain.read_entry(row.body, {}) for row in bodies)
    wanted["names"] = list(parts)
    held: dict[int, tuple[bytes, dict[str, bytes]]] = {}
    for row in connection.execute(_WORDS if seqs is None else _WORDS_OF, wanted):
        opened = held.setdefault(row.seq, (row.body, {}))[1]
        if row.part is not None:
            opened[row.part] = _open(sealer, row.sealed, stream_id, row.seq, row.part).content
    return tuple(chain.read_entry(body, opened) for body, opened in held.values())


def _sealer(store: Store, stream_id: str) -> Sealer | None:
    try:
        return store.keyring.sealer(stream_id)
    except Erased:
        return None


_BODIES = select(events.c.seq, events.c.body).where(events.c.stream_id == bindparam("stream")).order_by(events.c.seq)
_BODIES_OF = _BODIES.where(events.c.seq.in_(bindparam("seqs", expanding=True)))
_NAMED = (
    (event_parts.c.stream_id == events.c.stream_id)
    & (event_parts.c.seq == events.c.seq)
    & event_parts.c.part.in_(bindparam("names", expanding=True))
)
_WORDS = _BODIES.add_columns(event_parts.c.part, event_parts.c.sealed).outerjoin(event_parts, _NAMED)
_WORDS_OF = _WORDS.where(events.c.seq.in_(bindparam("seqs", expanding=True)))


def of_kinds(connection: Connection, stream_id: str, kinds: Collection[str]) -> tuple[Entry, ...]:
    """Entries of these types without a sealed word."""
    rows = connection.execute(_BODIES_NAMED, {"stream": stream_id, "kinds": list(kinds)})
    return tuple(chain.read_entry(row.body, {}) for row in rows)


_BODIES_NAMED = _BODIES.where(events.c.type.in_(bindparam("kinds", expanding=True)))


def read_all(connection: Connection, stream_ids: Collection[str]) -> dict[str, tuple[tuple[Entry, ...], Head]]:
    """Every entry of these streams without a sealed word, and where each of them ends; empty ones are left out.

    Raises BrokenChain where the bytes of one are damaged.
    """
    found: dict[str, tuple[tuple[Entry, ...], Head]] = {}
    rows = connection.execute(_ENTRIES, {"streams": list(stream_ids)}).all()
    for stream_id, its in itertools.groupby(rows, operator.itemgetter(0)):
        held = list(its)
        try:
            entries = tuple(chain.read_entry(body, {}) for _, _, body, _ in held)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BrokenChain(stream_id, held[-1].seq, "an entry cannot be read") from None
        found[stream_id] = entries, Head(held[-1].seq, held[-1].hash)
    return found


_ENTRIES = (
    select(events.c.stream_id, events.c.seq, events.c.body, events.c.hash)
    .where(events.c.stream_id.in_(bindparam("streams", expanding=True)))
    .order_by(events.c.stream_id, events.c.seq)
)


def _open(sealer: Sealer, sealed: bytes, stream_id: str, seq: int, name: str) -> chain.SealedPart:
    try:
        clear = sealer.open(sealed, _place(stream_id, seq, name))
    except InvalidTag:
        raise BrokenChain(stream_id, seq, f"the sealed part {name} was changed") from None
    return chain.SealedPart(clear[: chain.SALT_BYTES], clear[chain.SALT_BYTES :])


def one(store: Store, connection: Connection, stream_id: str, seq: int) -> Event:
    """One event with all its words."""
    found = read(store, connection, stream_id, parts=EVERY_PART, seqs=(seq,))
    if not found:
        raise NotFound("event")
    return found[0].event


def verify(store: Store, connection: Connection, stream_id: str) -> Head:
    """Chain, signed head, and every sealed part against its commitment. Raises BrokenChain naming the first fault."""
    row = connection.execute(select(streams).where(streams.c.id == stream_id)).one_or_none()
    if row is None:
        raise NotFound("stream")
    try:
        check_head(store.signer.public, row.head_signature, stream_id, row.head_seq, row.head_hash)
    except InvalidSignature:
        raise BrokenChain(stream_id, row.head_seq, "the head's signature is not ours") from None
    links = _links(connection, stream_id)
    seq, last = chain.verify(stream_id, links, (row.head_seq, row.head_hash))
    if row.erased_at is None:
        _verify_parts(store, connection, stream_id, {link.seq: link for link in links})
    return Head(seq, last)


def _links(connection: Connection, stream_id: str) -> list[chain.Link]:
    query = select(events).where(events.c.stream_id == stream_id).order_by(events.c.seq)
    links = []
    for row in connection.execute(query):
        try:
            named = json.loads(row.body)
            agrees = named["type"] == row.type and datetime.fromisoformat(named["at"]) == row.at
        except (ValueError, KeyError, TypeError):
            agrees = True  # chain.verify says what is wrong with the bytes
        if not agrees:
            raise BrokenChain(stream_id, row.seq, "type or instant beside the bytes was changed")
        # Somebody with a database shell may have left text where bytes were; that is damage, not our crash.
        body = row.body if isinstance(row.body, bytes) else str(row.body).encode()
        links.append(chain.Link(stream_id, row.seq, body, row.hash))
    return links


def _verify_parts(store: Store, connection: Connection, stream_id: str, links: dict[int, chain.Link]) -> None:
    expected = {(seq, name) for seq, link in links.items() for name in json.loads(link.body)["parts"]}
    sealer = store.keyring.sealer(stream_id)
    query = select(event_parts).where(event_parts.c.stream_id == stream_id).order_by(event_parts.c.seq)
    for row in connection.execute(query):
        if (row.seq, row.part) not in expected:
            raise BrokenChain(stream_id, row.seq, f"a sealed part {row.part} that no entry knows")
        chain.check_part(links[row.seq], row.part, _open(sealer, row.sealed, stream_id, row.seq, row.part))
        expected.discard((row.seq, row.part))
    if expected:
        seq, name = min(expected)
        raise BrokenChain(stream_id, seq, f"the sealed part {name} is missing")


def all_streams(connection: Connection) -> Iterable[tuple[str, str]]:
    """(id, kind) of every stream, oldest first."""
    query = select(streams.c.id, streams.c.kind).order_by(streams.c.created_at, streams.c.id)
    return [(row.id, row.kind) for row in connection.execute(query)]
