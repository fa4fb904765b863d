"""Kill -9 of a web process while a report comes in: the whole report or nothing, and no row without its key."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from disclosure.casework import verification
from disclosure.store import tables
from tests.chaos.conftest import Mortals, points
from tests.chaos.lives import opened
from tests.chaos.scene import Scene

FORM = {
    "token": "a" * 22,
    "kind": "data_leak",
    "organisation": "Exemple",
    "domains": "org.example autre.example",
    "country": "FR",
    "sector": "other",
    "description": "Vu sur un canal public.",
    "how_obtained": "Lu.",
    "understood": "yes",
}
OF_A_REPORT = (
    tables.reports,
    tables.domain_tokens,
    tables.streams,
    tables.events,
    tables.event_parts,
    tables.submissions,
)


def rows(folder: Path) -> tuple[int, ...]:
    with opened(folder) as office, office.store.reading() as connection:
        return tuple(connection.scalar(select(func.count()).select_from(table)) or 0 for table in OF_A_REPORT)


def keyless(folder: Path) -> set[str]:
    """Streams whose key is not on disk."""
    with opened(folder) as office, office.store.reading() as connection:
        streams = set(connection.scalars(select(tables.streams.c.id)))
    with opened(folder) as office:
        return {stream_id for stream_id in streams if office.store.keyring.keys.find(stream_id) is None}


def test_a_report_is_whole_or_not_there(mortals: Mortals, prepared: Scene, tmp_path: Path) -> None:
    before = rows(prepared.folder)
    whole = prepared.copy(tmp_path / "whole")
    assert mortals.report(whole.folder, FORM) == "done"
    after, names = rows(whole.folder), points(whole.folder)
    assert names.index("committed keys") < names.index("inside a transaction"), "the key first, then the first row"
    seen = set()
    for n in range(1, len(names) + 1):
        scene = prepared.copy(tmp_path / f"{n}")
        assert mortals.report(scene.folder, FORM, point=n) == "killed"
        there = rows(scene.folder)
        assert there in {before, after}, "half a report"
        assert not keyless(scene.folder)
        with opened(scene.folder) as office:
            assert verification.verify(office).ok
        # What the killed answer would have shown is not lost: the same form shows its receipt, and stores nothing.
        assert mortals.report(scene.folder, FORM, status=200) == "done", "sent again: taken, or its receipt shown"
        assert rows(scene.folder) == after, "once, never twice"
        seen.add(there)
    assert seen == {before, after}, "some deaths came before the commit and some after it"


def test_without_its_key_a_stream_would_be_noticed(prepared: Scene, tmp_path: Path) -> None:
    scene = prepared.copy(tmp_path / "keyless")
    with opened(scene.folder) as office:
        office.store.keyring.erase(scene.referred)
    assert keyless(scene.folder) == {scene.referred}
