"""Ticks that come twice, that never come, and that lose their database half-way: each rung once, none lost, none stuck.

A worker that is killed or frozen in the middle of a tick: test_worker_dies.py, test_worker_sleeps.py.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from disclosure.casework import casefile, clockwork, verification
from disclosure.casework.clockwork import Ticked
from disclosure.casework.office import Office
from disclosure.protocol.codes import Rung
from disclosure.protocol.errors import CannotStore
from disclosure.store.tables import cases
from disclosure.store.transactions import Store
from tests.casework.conftest import office
from tests.chaos import dues, verdict
from tests.chaos.dues import EARLIEST, Promise
from tests.chaos.test_server import at_once, processes
from tests.office import forget, make_office, on
from tests.protocol.builders import H
from tests.servers import Server, private

__all__ = ["office"]
REMINDERS = [(Rung.REMINDER, EARLIEST)]


def kept(office: Office, promises: list[Promise]) -> Counter[str]:
    """What the ledger says, and nobody had to be asked."""
    with office.store.reading() as connection:
        assert not connection.scalars(select(cases.c.id).where(cases.c.stuck_at.is_not(None))).all()
    verified = verification.verify(office)
    assert verified.ok, verified.fault
    return +verdict.of_ledger(office, promises, EARLIEST)


def all_of(promises: list[Promise]) -> dict[str, int]:
    return {"deadlines": len(promises), "fired": len(promises)}


# --- twice ---


def test_the_same_tick_in_two_workers_at_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clockwork, "BATCH", 7)  # several each, and on SQLite in other orders
    promises = list(dues.lay(office, dues.mixed(50, EARLIEST - H, H)))
    with processes(office, 2) as workers:
        came = at_once(*(lambda one=one: clockwork.tick(one, EARLIEST) for one in workers))
    ticked = [one for one in came if isinstance(one, Ticked)]
    assert len(ticked) == 2, came
    again = clockwork.tick(office, EARLIEST)
    assert sum(one.rungs for one in (*ticked, again)) == len(promises), "each fired by one of them"
    assert kept(office, promises) == all_of(promises)


def test_both_have_read_the_same_cases_before_either_writes(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst of duplicates: the second fires what it read before the first had stored it."""
    promises = list(dues.lay(office, REMINDERS * 3))
    forge = casefile.forge
    with processes(office, 1) as (other,):

        def meanwhile(*given: Any) -> Any:
            monkeypatch.setattr(casefile, "forge", forge)
            # As a worker that sees them as due although the first has spoken for them.
            assert clockwork._fire(other, sorted(one.case_id for one in promises), EARLIEST).cases == len(promises)
            return forge(*given)

        monkeypatch.setattr(casefile, "forge", meanwhile)
        assert clockwork.tick(office, EARLIEST).cases == 0
    assert kept(office, promises) == all_of(promises)


# --- never ---


def test_ticks_that_never_came_are_made_up_for_once(office: Office) -> None:
    """Due over days on which nobody ticked: as the ledger has it from a worker that missed none, only later."""
    wanted = [(rung, EARLIEST - n * H) for n, rung in enumerate((*dues.SILENT, *dues.SILENT))]
    promises = list(dues.lay(office, wanted))
    assert clockwork.tick(office, EARLIEST).cases == len(promises)
    assert clockwork.tick(office, EARLIEST).cases == 0
    assert kept(office, promises) == all_of(promises)


@pytest.mark.parametrize("why", ["disk_full", "read_only", "disk_broken", "database_busy", "database_gone"])
def test_a_tick_that_failed_is_a_tick_that_never_came(
    office: Office, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """It works again by the time a case would be marked stuck: none is, for nothing is wrong with any."""
    promises = list(dues.lay(office, REMINDERS * 3))

    def fails(*given: object) -> None:
        raise CannotStore(why)

    with monkeypatch.context() as patch:
        patch.setattr(casefile, "store_all", fails)
        with pytest.raises(CannotStore, match=why):
            clockwork.tick(office, EARLIEST)
    assert clockwork.tick(office, EARLIEST).cases == len(promises)
    assert kept(office, promises) == all_of(promises)


# --- the database restarts in the middle ---


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    with private() as server:
        yield server


Crash = Callable[[], None]


def once(crash: Crash) -> Crash:
    left = [crash]
    return lambda: left.pop()() if left else None


def before(where: Any, name: str) -> Callable[[pytest.MonkeyPatch, Crash], None]:
    def put(patch: pytest.MonkeyPatch, crash: Crash) -> None:
        does = getattr(where, name)
        patch.setattr(where, name, lambda *given: (crash(), does(*given))[1])

    return put


def after(where: Any, name: str) -> Callable[[pytest.MonkeyPatch, Crash], None]:
    def put(patch: pytest.MonkeyPatch, crash: Crash) -> None:
        does = getattr(where, name)
        patch.setattr(where, name, lambda *given: (does(*given), crash())[0])

    return put


def when_committed(patch: pytest.MonkeyPatch, crash: Crash) -> None:
    writing = Store.writing

    @contextlib.contextmanager
    def crashing(self: Store) -> Iterator[Any]:
        with writing(self) as tx:
            yield tx
        crash()

    patch.setattr(Store, "writing", crashing)


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(
    ("put", "stored", "why"),
    [
        (before(clockwork, "_decide"), False, "read, and not yet decided"),
        (before(casefile, "forge"), True, "decided: what is written next has a new connection, what was read has none"),
        (before(casefile, "store_all"), False, "the transaction that writes has begun"),
        (after(casefile, "store_all"), False, "all is written and nothing committed"),
        (when_committed, True, "committed, and the tick does not live to know"),
    ],
)
def test_the_server_restarts_in_the_middle_of_a_tick(
    mortal: Server,
    tmp_path: Path,
    put: Callable[[pytest.MonkeyPatch, Crash], None],
    stored: bool,
    count: int,
    why: str,
) -> None:
    """An immediate stop, and it is back at once: a failed tick, never a case that waits for a person."""
    with on(mortal):
        office = make_office(tmp_path / "instance")
        promises = list(dues.lay(office, REMINDERS * count))
        with pytest.MonkeyPatch.context() as patch:
            put(patch, once(mortal.crash))
            with pytest.raises(CannotStore, match="database_gone"):
                clockwork.tick(office, EARLIEST)
        assert clockwork.tick(office, EARLIEST).cases == (0 if stored else count)
        assert kept(office, promises) == all_of(promises), why
        forget(office)
