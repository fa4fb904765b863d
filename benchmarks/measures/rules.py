"""How long the tests of the rules take, with the interpreter's start: they are run at every change."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.servers import ROOT
from benchmarks.table import Row

TIMES = 5


def measure(*, small: bool) -> Iterator[Row]:
    what, times = ("tests/protocol/test_chain.py", 1) if small else ("tests/protocol", TIMES)
    seconds = [_seconds(what) for _ in range(times)]
    beside = f"median of {times}; longest {max(seconds):.2f} s"
    yield Row(figure=f"pytest {what}", measured=statistics.median(seconds), unit="s", target=2, beside=beside)


def _seconds(what: str) -> float:
    """Raises CalledProcessError when a test fails: a quick red is no figure."""
    started = time.monotonic()
    subprocess.run((sys.executable, "-m", "pytest", what), cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started
