"""The ledger on a real file: conflicts, sealing, erasing, and every change that ``verify`` must find (R42)."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from disclosure.casework import verification
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.errors import BrokenChain, Conflict
from disclosure.store import ledger
from disclosure.store.sealing import Erased, KeyLost, KeyRing
from tests.office import T0
from tests.protocol.builders import COORDINATOR

ANOTHER_TYPE = {
    "sqlite": "replace(body, 'NoteWritten', 'CaseClosed')",
    "postgresql": "convert_to(replace(convert_from(body, 'UTF8'), 'NoteWritten', 'CaseClosed'), 'UTF8')",
}


def stream(office: Office, *notes: str) -> str:
    stream_id = office.store.keyring.new_stream()
    with office.store.writing() as tx:
        ledger.open_stream(office.store, tx, stream_id, "case", T0)
        facts = [(COORDINATOR, e.NoteWritten(text=note)) for note in notes]
        ledger.append(office.store, tx, stream_id, 0, T0, facts)
    return stream_id


def test_words_are_read_by_those_who_have_the_part(office: Office) -> None:
    stream_id = stream(office, "canary-one")
    with office.store.reading() as connection:
        whole = ledger.read(office.store, connection, stream_id, parts=ledger.EVERY_PART)
        blank = ledger.read(office.store, connection, stream_id, parts={"reporter"})
    assert [entry.event for entry in whole] == [e.NoteWritten(text="canary-one")]
    assert [entry.event for entry in blank] == [e.NoteWritten(text="")]


def test_no_word_stands_in_the_file(office: Office) -> None:
    stream(office, "canary-two")
    files = [path.read_bytes() for path in office.settings.instance.iterdir() if path.is_file()]
    assert files
    assert not any(b"canary-two" in content for content in files)


def test_a_stream_that_moved_on_is_a_conflict_and_nothing_is_stored(office: Office) -> None:
    stream_id = stream(office, "one")
    with pytest.raises(Conflict), office.store.writing() as tx:
        ledger.append(office.store, tx, stream_id, 0, T0, [(COORDINATOR, e.NoteWritten(text="late"))])
    with office.store.reading() as connection:
        assert ledger.verify(office.store, connection, stream_id).seq == 1


def test_erasing_the_key_erases_the_words_and_leaves_the_chain(office: Office) -> None:
    stream_id = stream(office, "gone")
    office.store.keyring.erase(stream_id)
    with office.store.writing() as tx:
        tx.execute(text("UPDATE streams SET erased_at = created_at WHERE id = :id"), {"id": stream_id})
    with office.store.reading() as connection:
        entries = ledger.read(office.store, connection, stream_id, parts=ledger.EVERY_PART)
        assert [entry.event for entry in entries] == [e.NoteWritten(text="")]
        assert ledger.verify(office.store, connection, stream_id).seq == 1
    with pytest.raises(Erased):
        office.store.keyring.sealer(stream_id)


@pytest.mark.parametrize(
    ("damage", "where", "why"),
    [
        ("UPDATE events SET body = {another_type} WHERE seq = 2", 2, "a changed word"),
        ("UPDATE events SET hash = '{no_hash}' WHERE seq = 1", 1, "a changed hash"),
        ("DELETE FROM event_parts WHERE seq = 3", 3, "a part taken away"),
        ("UPDATE event_parts SET sealed = (SELECT sealed FROM event_parts WHERE seq = 1) WHERE seq = 2", 2, "moved"),
        ("UPDATE events SET at = '2020-01-01 00:00:00.000000' WHERE seq = 2", 2, "an instant beside the bytes"),
        ("UPDATE events SET type = 'CaseClosed' WHERE seq = 2", 2, "a type beside the bytes"),
        ("UPDATE streams SET head_seq = 2", 2, "a head that nobody signed"),
    ],
)
def test_damage_is_found_where_it_is(office: Office, damage: str, where: int, why: str) -> None:
    stream_id = stream(office, "one", "two", "three")
    with office.store.writing() as tx:
        tx.execute(text(damage.format(another_type=ANOTHER_TYPE[tx.dialect.name], no_hash="0f" * 32)))
    with pytest.raises(BrokenChain) as broken, office.store.reading() as connection:
        ledger.verify(office.store, connection, stream_id)
    assert broken.value.seq == where, why
    assert verification.verify(office).ok is False


def test_a_cut_tail_is_found(office: Office) -> None:
    stream_id = stream(office, "one", "two", "three")
    with office.store.writing() as tx:
        tx.execute(text("DELETE FROM event_parts WHERE seq = 3"))
        tx.execute(text("DELETE FROM events WHERE seq = 3"))
    with pytest.raises(BrokenChain), office.store.reading() as connection:
        ledger.verify(office.store, connection, stream_id)


def test_reading_cannot_write(office: Office) -> None:
    with pytest.raises(DBAPIError), office.store.reading() as connection:
        connection.execute(text("DELETE FROM streams"))


def test_another_key_encryption_key_opens_nothing(office: Office) -> None:
    stream_id = stream(office, "one")
    other = KeyRing(office.store.keyring.keys, b"\0" * 32)
    with pytest.raises(KeyLost):
        other.sealer(stream_id)


def test_rewrapping_keeps_every_word(office: Office) -> None:
    stream_id = stream(office, "kept")
    assert office.store.keyring.rewrap(b"\1" * 32) >= 2
    again = KeyRing(office.store.keyring.keys, b"\1" * 32)
    assert again.sealer(stream_id) is not None
    with office.store.reading() as connection:
        entries = ledger.read(office.store, connection, stream_id, parts=ledger.EVERY_PART)
    assert entries[0].event == e.NoteWritten(text="kept")
