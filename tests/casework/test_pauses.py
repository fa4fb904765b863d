"""The worker leaves the gate free after each batch for as long as it held it (design.md, section 3)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from disclosure import worker
from disclosure.casework import casefile, clockwork
from disclosure.casework.office import Office
from disclosure.protocol.errors import Conflict
from disclosure.store import transactions
from tests.office import T0, put
from tests.protocol.builders import Story

BATCH = 4


@pytest.fixture(autouse=True)
def _a_second_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holding of the gate lasts a second, by a clock that goes on whenever it is looked at."""
    seconds = itertools.count()
    monkeypatch.setattr(transactions, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    monkeypatch.setattr(clockwork, "BATCH", BATCH)


def paused(office: Office) -> list[float]:
    pauses: list[float] = []
    clockwork.tick(office, T0, pauses.append)
    return pauses


def gate(office: Office, seconds: list[float]) -> list[float]:
    """PostgreSQL has none: nobody waits, and nobody pauses."""
    return [] if office.settings.many_machines else seconds


def fails_together(store_all: Callable[..., object]) -> Callable[..., object]:
    def fails(office: Office, tx: object, ready: list[object]) -> object:
        if len(ready) > 1:
            raise Conflict("met")
        return store_all(office, tx, ready)

    return fails


@pytest.mark.parametrize(
    ("count", "seconds", "why"),
    [
        (0, [], "nothing due: nothing was held"),
        (1, [1.0], "one batch"),
        (2 * BATCH + 1, [1.0, 1.0, 1.0], "after each of three, and before the next"),
    ],
)
def test_after_each_batch(office: Office, count: int, seconds: list[float], why: str) -> None:
    for _ in range(count):
        put(office, Story().released())
    assert paused(office) == gate(office, seconds), why


def test_a_batch_that_was_halved_held_it_each_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once with both, which came to nothing but kept others waiting, and once with each."""
    for _ in range(2):
        put(office, Story().released())
    monkeypatch.setattr(casefile, "store_all", fails_together(casefile.store_all))
    assert paused(office) == gate(office, [3.0])


def test_what_others_held_is_not_waited_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox works beside the clock, in a thread of the same process."""
    put(office, Story().released())
    fire = clockwork._fire

    def beside(*given: Any) -> clockwork.Ticked:
        with ThreadPoolExecutor(1) as another:
            another.submit(write_nothing, office).result()
        return fire(*given)

    monkeypatch.setattr(clockwork, "_fire", beside)
    write_nothing(office)
    assert paused(office) == gate(office, [1.0]), "nor is what this thread held before"


def write_nothing(office: Office) -> None:
    with office.store.writing():
        pass


def test_the_worker_sleeps(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(worker, "clock_on_the_wall", lambda: T0)
    put(office, Story().released())
    jobs = worker.jobs(office)
    monkeypatch.setattr(worker.time, "sleep", slept.append)
    jobs["clock"].job(T0)
    assert slept == gate(office, [1.0])
