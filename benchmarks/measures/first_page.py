"""From the command to the first page: on a folder that is empty (the very first start), and on one that has been used.

The first start makes keys, tables, the service's OpenPGP key and the first coordinator before it answers.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import servers
from benchmarks.table import Row

TIMES = 5


def measure(*, small: bool) -> Iterator[Row]:
    times = 1 if small else TIMES
    first, later = [], []
    for _ in range(times):
        with servers.folder() as instance:
            first.append(_seconds(instance))
            later.append(_seconds(instance))
    yield _row("first page, first start", first)
    yield _row("first page, any later start", later)


def _seconds(instance: Path) -> float:
    with servers.product(instance) as server:
        return server.answered_after


def _row(figure: str, seconds: Sequence[float]) -> Row:
    beside = f"median of {len(seconds)}; longest {max(seconds):.2f} s"
    return Row(figure=figure, measured=statistics.median(seconds), unit="s", target=3, beside=beside)
