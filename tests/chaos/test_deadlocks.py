"""Who meets whom on PostgreSQL: our own order of locks cannot deadlock; where a stranger's does, no case is stuck."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from disclosure.casework import casefile, clockwork
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import Rung
from disclosure.protocol.errors import Conflict
from tests.chaos import dues
from tests.chaos.dues import EARLIEST, Promise
from tests.chaos.test_server import at_once, processes
from tests.chaos.test_ticks import all_of, kept
from tests.office import OWNER, ROLE, T0, make_office, on, put
from tests.protocol.builders import COORDINATOR, Story
from tests.servers import Server

PATIENCE = 60  # seconds; a bound for a broken build, not a measure
LOOK = 0.01
DEADLOCK = "40P01"


@pytest.fixture
def office(server: Server, tmp_path: Path) -> Iterator[Office]:
    with on(server):
        yield make_office(tmp_path / "instance")


class Stranger:
    """Somebody with a shell and a transaction of their own, who takes rows in whatever order they like.

    The server ends the transaction of whoever looks for a deadlock first: the stranger hardly ever looks.
    """

    def __init__(self, office: Office) -> None:
        self._url = office.settings.database_url.replace(f"+psycopg://{ROLE}", f"://{OWNER}")
        self._shell = psycopg.connect(self._url)
        self._shell.execute("SET deadlock_timeout = '1min'")

    def takes(self, table: str, row_id: str) -> None:
        self._shell.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", (row_id,))  # type: ignore[arg-type]  # noqa: S608

    def goes(self) -> None:
        self._shell.close()

    def wait_for(self, waiting: int) -> None:
        """Until so many of the product's transactions wait for a row."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock'"
        query += " AND datname = current_database()"
        ends = time.monotonic() + PATIENCE
        with psycopg.connect(self._url, autocommit=True) as shell:
            while shell.execute(query, (ROLE,)).fetchone() != (waiting,):
                assert time.monotonic() < ends, "they never came to wait"
                time.sleep(LOOK)


@contextlib.contextmanager
def met(office: Office) -> Iterator[Stranger]:
    stranger = Stranger(office)
    try:
        yield stranger
    finally:
        stranger.goes()


def laid(office: Office, count: int) -> list[Promise]:
    promises = dues.lay(office, [(Rung.REMINDER, EARLIEST)] * count)
    return sorted(promises, key=lambda promise: promise.case_id)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """How many cases were stored together, and the code with which the server refused, at each try."""
    tries: list[tuple[int, str]] = []
    store_all = casefile.store_all

    def watched(office: Office, tx: Any, ready: Sequence[Any]) -> Any:
        try:
            done = store_all(office, tx, ready)
        except OperationalError as error:
            tries.append((len(ready), getattr(error.orig, "sqlstate", "")))
            raise
        tries.append((len(ready), ""))
        return done

    monkeypatch.setattr(casefile, "store_all", watched)
    return tries


def test_our_own_order_cannot_deadlock(office: Office) -> None:
    """Two take the same cases, given in opposite orders, while a third holds the one in the middle: both wait, neither
    for the other; when it goes the first stores all, and the second is told that they moved."""
    ids = sorted(put(office, Story()) for _ in range(5))
    noted = [(COORDINATOR, e.NoteWritten(text="seen"))]

    def note(one: Office, order: list[str]) -> str:
        with one.store.reading() as connection:
            files = casefile.load_all(one, connection, order)
        ready = [casefile.forge(one, files[case_id], T0, noted) for case_id in order]
        with one.store.writing() as tx:
            casefile.store_all(one, tx, ready)
        return "stored"

    with processes(office, 2) as (first, second), met(office) as stranger:
        stranger.takes("streams", ids[2])
        release = threading.Thread(target=lambda: (stranger.wait_for(2), stranger.goes()))
        release.start()
        came = at_once(lambda: note(first, ids), lambda: note(second, ids[::-1]))
        release.join()
    assert sorted(type(one).__name__ for one in came) == ["Conflict", "str"], came
    assert "met" not in [str(one) for one in came], "it found the cases moved; the server sent nobody back"


@pytest.mark.parametrize(
    ("count", "tries", "why"),
    [
        (4, [(4, DEADLOCK), (2, ""), (2, "")], "halved, and each half stored"),
        (1, [(1, DEADLOCK)], "left for the next tick"),
    ],
)
def test_a_strangers_deadlock_makes_no_case_stuck(
    office: Office, stored: list[tuple[int, str]], count: int, tries: list[tuple[int, str]], why: str
) -> None:
    """They hold what our batch takes last, and want what it has taken first: the server sends our batch back."""
    promises = laid(office, count)
    stored.clear()
    first, last = ("streams", promises[0].case_id), ("cases", promises[-1].case_id)
    with met(office) as stranger:
        stranger.takes(*last)

        def crosses() -> None:
            stranger.wait_for(1)
            stranger.takes(*first)
            stranger.goes()

        crossing = threading.Thread(target=crosses)
        crossing.start()
        ticked = clockwork.tick(office, EARLIEST)
        crossing.join()
    assert stored == tries, why
    again = clockwork.tick(office, EARLIEST)
    assert (ticked.stuck, again.stuck) == (0, 0)
    assert ticked.cases + again.cases == count
    assert kept(office, promises) == all_of(promises)


def test_it_is_a_conflict_and_nothing_is_half_stored(office: Office, stored: list[tuple[int, str]]) -> None:
    """Whoever is no tick is told so, and repeats."""
    case_id = put(office, Story())
    stored.clear()
    with met(office) as stranger:
        stranger.takes("cases", case_id)
        crossing = threading.Thread(
            target=lambda: (stranger.wait_for(1), stranger.takes("streams", case_id), stranger.goes())
        )
        crossing.start()
        file = casefile.look(office, case_id)
        with pytest.raises(Conflict), office.store.writing() as tx:
            casefile.write(office, tx, file, T0, [(COORDINATOR, e.NoteWritten(text="seen"))])
        crossing.join()
    assert stored == [(1, DEADLOCK)]
    assert casefile.look(office, case_id).case.last_seq == file.case.last_seq
