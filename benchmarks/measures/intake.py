"""Reports taken in: form fetched and report sent, durably stored, beside the least that takes the same bytes.

Product and floor take turns in short rounds, so that whatever else this machine does meets both. Past the cap of R8
(50 an hour and process from everybody together) the product takes reports as text, which reports without a picture do
not notice; those with one are measured first, on a fresh server, and stay below the cap.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import servers
from benchmarks.people import Load, Served, come
from benchmarks.table import Row, share

ROUNDS, SECONDS = 6, 2.0
PICTURES = 40  # below the 50 that one process takes from everybody together in an hour
UNBOUND = 1_000_000


def measure(*, small: bool) -> Iterator[Row]:
    yield from _pictures(4 if small else PICTURES)
    with (
        servers.folder() as instance,
        servers.product(instance) as product,
        servers.floor(instance) as floor,
        servers.floor(instance, reads="form") as reading,
    ):
        turn = Load(port=0, seconds=0.2 if small else SECONDS, most=4 if small else UNBOUND)
        ours, bare, read = _rounds((product.port, floor.port, reading.port), turn, 1 if small else ROUNDS)
        yield from _rates(ours, bare, read)
        yield from _waits(ours)
        memory = [servers.pss_megabytes(pid) for pid in product.web_workers()]
        yield Row(
            figure="memory of a web process after that (Pss)",
            measured=max(memory),
            unit="MB",
            target=120,
            beside="each: " + ", ".join(f"{held:.0f}" for held in memory),
        )
        yield _disk(instance)


def _rounds(ports: Sequence[int], turn: Load, rounds: int) -> list[list[Served]]:
    """Per port what came of its rounds. A short one each goes before, not counted: code is loaded, pages rendered."""
    for port in ports:
        come(replace(turn, port=port, seconds=min(turn.seconds, 1.0)))
    turns = [[come(replace(turn, port=port)) for port in ports] for _ in range(rounds)]
    return [list(of_one_port) for of_one_port in zip(*turns, strict=True)]


def _rates(ours: Sequence[Served], bare: Sequence[Served], read: Sequence[Served]) -> Iterator[Row]:
    rate, bound = _rate(ours), _rate(bare)
    each = sorted(one.rate / other.rate for one, other in zip(ours, bare, strict=True))
    yield Row(figure="form and report", measured=rate, unit="units/s", beside=f"floor {bound:.0f} units/s")
    yield Row(
        figure="form and report, part of the floor",
        measured=rate / bound,
        unit="",
        target=0.35,
        at_least=True,
        beside=f"{len(each)} rounds: {each[0]:.2f} to {each[-1]:.2f}",
    )
    yield Row(
        figure="the same, of a floor that reads the form",
        measured=rate / _rate(read),
        unit="",
        beside=f"that floor {_rate(read):.0f} units/s",
    )


def _rate(rounds: Sequence[Served]) -> float:
    return sum(len(one.persons) for one in rounds) / sum(one.seconds for one in rounds)


def _waits(rounds: Sequence[Served]) -> Iterator[Row]:
    waits = [1000 * seconds for one in rounds for seconds in one.persons]
    beside = f"{len(waits)} units, median {statistics.median(waits):.0f} ms"
    yield Row(figure="form and report, p95", measured=share(waits, 0.95), unit="ms", target=150, beside=beside)
    yield Row(figure="form and report, longest", measured=max(waits), unit="ms", target=500)


def _pictures(reports: int) -> Iterator[Row]:
    with servers.folder() as instance, servers.product(instance) as product, servers.floor(instance) as floor:
        ours = come(Load(product.port, 60, reports, picture=True))
        bare = come(Load(floor.port, 60, reports, picture=True))
    waits = [1000 * seconds for seconds in ours.persons]
    yield Row(
        figure="form and report with a picture",
        measured=ours.rate,
        unit="units/s",
        beside=f"floor {bare.rate:.0f} units/s; {reports} reports on a cold server, longest {max(waits):.0f} ms",
    )


def _disk(instance: Path, writes: int = 200) -> Row:
    """What one durable write costs here at all: without it, rates of two machines cannot be compared."""
    with (instance / "flush").open("wb") as out:
        started = time.perf_counter()
        for _ in range(writes):
            out.write(b"\0" * 4096)
            out.flush()
            os.fsync(out.fileno())
    return Row(
        figure="this disk: 4 kB written and flushed",
        measured=1000 * (time.perf_counter() - started) / writes,
        unit="ms",
    )
