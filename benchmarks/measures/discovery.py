"""Searches of many hosts at once, as `disclosure discover --file` makes them; reading one file, beside sectxt."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import hosts, readers
from benchmarks.hosts import Has
from benchmarks.table import Row
from disclosure.casework import batch, lookups
from disclosure.settings import load

MOST_IN_FLIGHT = 64
SMALL = range(1, 20)  # every kind of host that answers: who never does costs ten seconds
_FILES = frozenset({Has.WELL_KNOWN, Has.LEGACY})
_DEAD = frozenset({Has.NO_NAMES, Has.NO_WEB})


def measure(*, small: bool) -> Iterator[Row]:
    numbers = SMALL if small else range(hosts.HOSTS)
    for in_flight in (MOST_IN_FLIGHT, batch.IN_FLIGHT):
        yield from _searches(_run(numbers, in_flight), in_flight)
    yield from readers.measure(small=small)


# --- searches --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """What came of a run: for each kind of host, how many answers were right, unknown, or false."""

    seconds: float
    processor_seconds: float
    load: float
    verdicts: Counter[tuple[Has, str]]

    @property
    def all(self) -> int:
        return self.verdicts.total()

    def count(self, kinds: frozenset[Has], verdict: str) -> int:
        return sum(self.verdicts[kind, verdict] for kind in kinds)


def verdict(host: Has, said: dict[str, Any]) -> str:
    """``right``, ``unknown`` or ``false``: what was said of a host, held against what is true of it."""
    if said["status"] == "unknown":
        return "right" if host in _DEAD else "unknown"
    if host in _FILES:
        first = said["ranked"][0] if said["ranked"] else {}
        names_it = (first.get("source"), first.get("address")) == ("security_txt", f"security@{said['asked']}")
        return "right" if said["status"] == "found" and names_it else "false"
    return "right" if host is Has.NOTHING and said["status"] == "none" else "false"


def _run(numbers: Sequence[int], in_flight: int) -> Ran:
    with tempfile.TemporaryDirectory(prefix="disclosure-bench-") as folder, hosts.hosts(Path(folder)) as environ:
        find = lookups.sparing(load(Path(folder), environ))
        list(batch.discover([hosts.name(numbers[0] + 1)], find, _now))  # what is loaded once is not the search
        is_true = {hosts.name(number): hosts.has(number) for number in numbers}
        busy, used, started = os.getloadavg()[0], time.process_time(), time.monotonic()
        verdicts = Counter(
            (is_true[said["asked"]], verdict(is_true[said["asked"]], said))
            for said in batch.discover(is_true, find, _now, in_flight=in_flight)
        )
        return Ran(time.monotonic() - started, time.process_time() - used, busy, verdicts)


def _now() -> datetime:
    return datetime.now(UTC)


def _searches(ran: Ran, in_flight: int) -> Iterator[Row]:
    most = in_flight == MOST_IN_FLIGHT
    yield Row(
        figure=f"searches, {in_flight} in flight",
        measured=ran.all / ran.seconds,
        unit="domains/s",
        target=60 if most else None,
        at_least=True,
        beside=f"{ran.all} domains in {ran.seconds:.3g} s; load before {ran.load:.2g}",
    )
    yield Row(
        figure=f"processor time of a search, {in_flight} in flight",
        measured=1000 * ran.processor_seconds / ran.all,
        unit="ms",
        target=12,
        beside="user and system, of our process only",
    )
    files, missed = sum(ran.count(_FILES, said) for said in ("right", "unknown", "false")), ran.count(_FILES, "unknown")
    false = ran.count(frozenset(Has), "false")
    yield Row(
        figure=f"answers that are not false, {in_flight} in flight",
        measured=100 * (ran.all - false) / ran.all,
        unit="%",
        target=100,
        at_least=True,
        beside=f"{ran.count(_FILES, 'right')} of {files} files found, {missed} unknown; "
        f"{ran.count(frozenset({Has.NOTHING}), 'right')} without a file: none; "
        f"{ran.count(_DEAD, 'right')} that never answer: unknown; {false} false",
    )
