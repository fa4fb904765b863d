"""Classifying mail that arrives, beside flufl.bounce's scan of the same messages: over the postbag of the tests."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes

from flufl.bounce import all_failures

from benchmarks.table import Row, spread
from disclosure.mail.inbound import read, read_safely
from tests.mail.postbag import all_rows

ROUNDS = 5
TARGET_MS = 5


def measure(*, small: bool) -> Iterator[Row]:
    rows = all_rows()[: 20 if small else None]
    mails, rounds = [row.message for row in rows], 1 if small else ROUNDS
    read(mails[0])
    read_safely(mails[0])  # the child's start is not the reading
    # In turns, so that what else the machine does meets all three alike.
    took = [[_each(work, mails) for work in (read, read_safely, _flufl)] for _ in range(rounds)]
    ours, safely, theirs = ([one for turn in took for one in turn[at]] for at in range(3))
    right = sum(read(row.message).mail_class is row.mail_class for row in rows)
    yield _row("classifying one message", ours, TARGET_MS, f"{right} of {len(rows)} right; ")
    yield _row("classifying one message, in the child", safely, TARGET_MS, "")
    yield _row("flufl.bounce's scan of one, email package included", theirs, None, "")


def _row(figure: str, taken: list[float], target: float | None, said: str) -> Row:
    return Row(
        figure=figure, measured=statistics.median(taken), unit="ms", target=target, beside=said + spread(taken, "ms")
    )


def _flufl(mail: bytes) -> object:
    return all_failures(message_from_bytes(mail))


def _each(work: Callable[[bytes], object], mails: list[bytes]) -> list[float]:
    """Milliseconds for each message."""
    taken = list[float]()
    for mail in mails:
        started = time.perf_counter()
        work(mail)
        taken.append(1_000 * (time.perf_counter() - started))
    return taken
