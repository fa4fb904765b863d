"""The chain: what was stored is what is hashed; every change is found, and where (R42)."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from disclosure.protocol import chain
from disclosure.protocol import events as e
from disclosure.protocol.errors import BrokenChain
from tests.protocol.builders import COORDINATOR, T0, Story

STREAM = "s" * 32


def links() -> list[chain.Link]:
    out, previous = [], chain.GENESIS
    counter = itertools.count()
    for entry in Story().released().entries:
        link, _ = chain.forge(STREAM, previous, entry, lambda: next(counter).to_bytes(16))
        out.append(link)
        previous = link.hash
    return out


def head(held: list[chain.Link]) -> tuple[int, str]:
    return held[-1].seq, held[-1].hash


def test_a_whole_chain_verifies() -> None:
    held = links()
    assert chain.verify(STREAM, held, head(held)) == head(held)


@pytest.mark.parametrize("place", [0, 3, -1])
def test_any_changed_byte_is_found_where_it_is(place: int) -> None:
    held = links()
    signed = head(held)
    victim = held[place]
    for at in range(0, len(victim.body), 7):
        body = bytearray(victim.body)
        body[at] ^= 1
        changed = [*held]
        changed[place] = replace(victim, body=bytes(body))
        with pytest.raises(BrokenChain) as broken:
            chain.verify(STREAM, changed, signed)
        assert broken.value.seq == victim.seq


@pytest.mark.parametrize(
    ("damage", "seq", "why"),
    [
        (lambda held: held[:2] + held[3:], 3, "an entry taken out"),
        (lambda held: held[:-1], None, "a tail cut off shows in the signed head"),
        (lambda held: [held[1], held[0], *held[2:]], 1, "two entries swapped"),
    ],
)
def test_missing_entries_are_found(damage, seq: int | None, why: str) -> None:  # type: ignore[no-untyped-def]
    held = links()
    with pytest.raises(BrokenChain) as broken:
        chain.verify(STREAM, damage(held), head(held))
    if seq is not None:
        assert broken.value.seq == seq, why


def test_an_entry_of_another_stream_does_not_fit() -> None:
    held = links()
    foreign, _ = chain.forge("other", held[0].hash, Story().entries[1], lambda: b"\0" * 16)
    with pytest.raises(BrokenChain):
        chain.verify(STREAM, [held[0], foreign, *held[2:]], head(held))


def test_a_part_is_bound_to_its_entry() -> None:
    entry = e.Entry(1, T0, COORDINATOR, e.NoteWritten(text="only for us"))
    link, parts = chain.forge(STREAM, chain.GENESIS, entry, lambda: b"\1" * 16)
    chain.check_part(link, "coordinator", parts["coordinator"])
    for other in (
        chain.SealedPart(b"\2" * 16, parts["coordinator"].content),
        chain.SealedPart(b"\1" * 16, b'{"text":"another"}'),
    ):
        with pytest.raises(BrokenChain):
            chain.check_part(link, "coordinator", other)


def test_the_words_are_not_in_the_bytes() -> None:
    entry = e.Entry(1, T0, COORDINATOR, e.NoteWritten(text="canary-7261"))
    link, _ = chain.forge(STREAM, chain.GENESIS, entry, lambda: b"\1" * 16)
    assert b"canary" not in link.body


def test_an_entry_reads_again_with_and_without_its_parts() -> None:
    entry = e.Entry(1, T0, COORDINATOR, e.NoteWritten(text="only for us"))
    link, parts = chain.forge(STREAM, chain.GENESIS, entry, lambda: b"\1" * 16)
    assert chain.read_entry(link.body, {"coordinator": parts["coordinator"].content}) == entry
    assert chain.read_entry(link.body, {}).event == e.NoteWritten(text="")
