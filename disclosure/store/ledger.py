"""The ledger: append-only streams of events, chained and sealed (R42). Nothing here decides; nothing here forgets."""

from __future__ import annotations

import json
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
from disclosure.store.sealing import Erased, Sealer, check_head
from disclosure.store.tables import event_parts, events, streams
from disclosure.store.transactions import Store

EVERY_PART = frozenset(str(audience) for audience in Audience)
NO_PART: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Head:
    seq: int
    hash: str


def _place(stream_id: str, seq: int, part: str) -> str:
    return f"event_parts|sealed|{stream_id}:{seq}:{part}"


def open_stream(store: Store, tx: Connection, stream_id: str, kind: str, at: datetime) -> Head:
    """Start a stream whose key exists already (KeyRing.new_stream)."""
    head = Head(0, chain.GENESIS)
    tx.execute(_INSERT_STREAM, {"id": stream_id, "kind": kind, "created_at": at, **_head_row(store, stream_id, head)})
    return head


@dataclass(frozen=True)
class NewStream:
    """A stream with its first entries, forged and sealed while no transaction was open; ``write`` stores it."""

    row: Mapping[str, object]
    forged: Forged

    def write(self, tx: Connection) -> None:
        tx.execute(_INSERT_STREAM, self.row)
        self.forged.write(tx)


def new_stream(
    store: Store, stream_id: str, kind: str, at: datetime, facts: Sequence[tuple[Actor, Event]]
) -> NewStream:
    """For a stream whose key exists already (KeyRing.new_stream) and whose first facts are known."""
    forged = _forge(store, stream_id, Head(0, chain.GENESIS), at, facts)
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
    head = tx.execute(_HEAD, {"stream": stream_id}).one_or_none()
    if head is None:
        raise NotFound("stream")
    if head.head_seq != expected_seq:
        raise Conflict(stream_id)
    forged = _forge(store, stream_id, Head(expected_seq, head.head_hash), at, facts)
    if forged.entries:
        _move_head(store, tx, stream_id, expected_seq, forged.head)
    forged.write(tx)
    return forged.entries


def hold(tx: Connection, stream_ids: Iterable[str]) -> None:
    """Keep these streams as they are until ``tx`` ends, for a decision that is made inside it.

    In the order of their ids, as everybody takes them: two who need the same two never wait for each other. On SQLite
    the gate has done it.
    """
    if tx.dialect.name == "sqlite":
        return
    for stream_id in sorted(stream_ids):
        tx.execute(_HEAD, {"stream": stream_id})


# Nobody else writes the stream or its rows until we have ended; a new row that refers to it waits for nothing.
_HEAD = (
    select(streams.c.head_seq, streams.c.head_hash)
    .where(streams.c.id == bindparam("stream"))
    .with_for_update(key_share=True)
)
# Built once: building a statement costs as much as running it.
_INSERT_STREAM, _INSERT_EVENT, _INSERT_PART = insert(streams), insert(events), insert(event_parts)


@dataclass(frozen=True)
class Forged:
    """Entries chained and sealed, as rows; ``head`` is the stream's end after them."""

    entries: tuple[Entry, ...]
    head: Head
    rows: Sequence[Mapping[str, object]]
    parts: Sequence[Mapping[str, object]]

    def write(self, tx: Connection) -> None:
        if self.rows:
            tx.execute(_INSERT_EVENT, self.rows)
        if self.parts:
            tx.execute(_INSERT_PART, self.parts)


def _forge(store: Store, stream_id: str, head: Head, at: datetime, facts: Sequence[tuple[Actor, Event]]) -> Forged:
    sealer = store.keyring.sealer(stream_id)
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
            sealed = sealer.seal(part.salt + part.content, _place(stream_id, seq, name))
            parts.append({"stream_id": stream_id, "seq": seq, "part": name, "sealed": sealed})
        previous = link.hash
        entries.append(entry)
    return Forged(tuple(entries), Head(head.seq + len(rows), previous), rows, parts)


def _head_row(store: Store, stream_id: str, head: Head) -> dict[str, object]:
    signature = store.signer.sign(stream_id, head.seq, head.hash)
    return {"head_seq": head.seq, "head_hash": head.hash, "head_signature": signature}


def _move_head(store: Store, tx: Connection, stream_id: str, expected_seq: int, head: Head) -> None:
    moved = tx.execute(
        update(streams)
        .where(streams.c.id == stream_id, streams.c.head_seq == expected_seq)
        .values(_head_row(store, stream_id, head))
    )
    if moved.rowcount != 1:
        raise Conflict(stream_id)


def read(
    store: Store,
    connection: Connection,
    stream_id: str,
    *,
    parts: Collection[str] = NO_PART,
    seqs: Collection[int] | None = None,
) -> tuple[Entry, ...]:
    """Entries in order, with the named sealed parts opened; an erased stream gives entries without words."""
    query = select(events.c.seq, events.c.body).where(events.c.stream_id == stream_id)
    if seqs is not None:
        query = query.where(events.c.seq.in_(seqs))
    opened = _open_parts(store, connection, stream_id, parts, seqs) if parts else {}
    rows = connection.execute(query.order_by(events.c.seq))
    return tuple(chain.read_entry(row.body, opened.get(row.seq, {})) for row in rows)


def _open_parts(
    store: Store, connection: Connection, stream_id: str, names: Collection[str], seqs: Collection[int] | None
) -> dict[int, dict[str, bytes]]:
    try:
        sealer = store.keyring.sealer(stream_id)
    except Erased:
        return {}
    query = select(event_parts).where(event_parts.c.stream_id == stream_id, event_parts.c.part.in_(names))
    if seqs is not None:
        query = query.where(event_parts.c.seq.in_(seqs))
    opened: dict[int, dict[str, bytes]] = {}
    for row in connection.execute(query):
        content = _open(sealer, row.sealed, stream_id, row.seq, row.part).content
        opened.setdefault(row.seq, {})[row.part] = content
    return opened


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
