"""Reading one security.txt: ours, and sectxt's parser beside it, which runs in a process that can be ended.

A file of ten lines as organisations write it, and files as large as RFC 9116 lets them be (32 KB, 1,000 lines), each
full of what a reader may stumble over: what takes the square of its length shows here.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from benchmarks.servers import ROOT
from benchmarks.table import Row
from disclosure.discovery.securitytxt import MAX_BYTES, MAX_LINES, WELL_KNOWN, SecurityTxt, Usable, read

URL = f"https://www.example.org{WELL_KNOWN}"
NOW = datetime.now(UTC)
EXPIRES = (NOW + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
TEN_LINES = f"""\
# Where to tell us of a weakness
Contact: mailto:security@example.org
Contact: https://www.example.org/report
Contact: tel:+33-1-23-45-67-89
Expires: {EXPIRES}
Encryption: https://www.example.org/key.asc
Acknowledgments: https://www.example.org/thanks
Preferred-Languages: fr, en
Canonical: {URL}
Policy: https://www.example.org/policy
""".encode()
SIZES = (MAX_BYTES // 4, MAX_BYTES // 2, MAX_BYTES)
PATIENCE = 20.0  # seconds for the other parser, which some files make stand still
TIMES = 60


def _lines(like: Callable[[int], str], longest: int = MAX_BYTES // MAX_LINES + 1) -> Callable[[int], bytes]:
    """Files of lines that differ by a number, each as long as ``longest`` or as it comes."""

    def file(size: int) -> bytes:
        lines = [f"Expires: {EXPIRES}"]
        left = size - len(lines[0]) - 1
        for number in count():
            line = like(number).ljust(longest - 1, "x")
            if len(line) >= left:
                break
            lines.append(line)
            left -= len(line) + 1
        return ("\n".join(lines) + "\n" + "#" * (left - 1) + "\n").encode()

    return file


def _signed(size: int) -> bytes:
    head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
    foot = f"-----BEGIN PGP SIGNATURE-----\n\n{'A' * 64}\n=AAAA\n-----END PGP SIGNATURE-----\n"
    inside = _lines(lambda number: f"- Contact: mailto:s{number}@x.example")(size - len(head) - len(foot))
    return head.encode() + inside + foot.encode()


def _recipients(number: int) -> str:
    return "Contact: mailto:" + ",".join(f"{number:02}-{place:03}@a.example" for place in range(110))


SHAPES: Mapping[str, Callable[[int], bytes]] = {
    "one line": lambda size: b"#" * (size - 1) + b"\n",
    "blanks": lambda size: b"Contact" + b" \t" * ((size - 8) // 2) + b"\n",
    "unknown fields": _lines(lambda number: f"Field-{number}: "),
    "contacts": _lines(lambda number: f"Contact: mailto:{number}@a.example"),
    "contacts, no two domains alike": _lines(lambda number: f"Contact: mailto:security@b{number}.ex"),
    "recipients": _lines(_recipients, 1),
    "languages": _lines(
        lambda number: "Preferred-Languages: " + ", ".join(f"fr-x-{number:03}{n:03}" for n in range(144)), 1
    ),
    "signed": _signed,
}


def reading(body: bytes) -> SecurityTxt:
    return read(body, url=URL, now=NOW)


def measure(*, small: bool) -> Iterator[Row]:
    times = 2 if small else TIMES
    assert reading(TEN_LINES).usable is Usable.YES, "what is measured is what should be"
    ours, theirs = 1e6 * statistics.median(_ours(TEN_LINES, times)), _theirs(TEN_LINES, times)
    yield Row(
        figure="reading a security.txt of ten lines",
        measured=ours,
        unit="µs",
        target=300,
        beside=f"median of {times}; sectxt: {_said(theirs, 1e6, 'µs')}",
    )
    yield from _large(times)


def _large(times: int) -> Iterator[Row]:
    taken = {shape: [_ours(file(size), times) for size in SIZES] for shape, file in SHAPES.items()}
    whole = {shape: 1000 * statistics.median(at[-1]) for shape, at in taken.items()}
    # What others on this machine add to a moment must not look like a slope: each size at its least disturbed.
    least = {shape: [1000 * min(seconds) for seconds in at] for shape, at in taken.items()}
    others = {shape: _said(_theirs(file(MAX_BYTES), min(times, 3)), 1000, "ms") for shape, file in SHAPES.items()}
    yield Row(
        figure="reading a security.txt of 32 KB, the slowest shape",
        measured=max(whole.values()),
        unit="ms",
        target=10,
        beside="; ".join(f"{shape} {at:.2g} ms, sectxt {others[shape]}" for shape, at in whole.items()),
    )
    yield Row(
        figure="32 KB against 8 KB, the steepest shape",
        measured=max(at[-1] / at[0] for at in least.values()),
        unit="times",
        target=6,  # linear is 4, the square is 16
        beside="8, 16, 32 KB: " + "; ".join(f"{shape} {_three(at)} ms" for shape, at in least.items()),
    )


def _three(values: list[float]) -> str:
    return " ".join(f"{value:.2g}" for value in values)


def _ours(body: bytes, times: int) -> list[float]:
    return [_timed(lambda: reading(body)) for _ in range(times)]


def _theirs(body: bytes, times: int) -> float | None:
    """Seconds of sectxt's parser; None: none after PATIENCE."""
    argv = (sys.executable, "-W", "ignore", "-m", "benchmarks.readers", str(times))
    try:
        done = subprocess.run(argv, cwd=ROOT, input=body, stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        return None
    return float(done.stdout)


def _said(seconds: float | None, factor: float, unit: str) -> str:
    return f"none after {PATIENCE:g} s" if seconds is None else f"{factor * seconds:.3g} {unit}"


def _timed(work: Callable[[], object]) -> float:
    """Seconds of this thread on a processor: reading waits for nothing, and others may be at work here."""
    started = time.thread_time()
    work()
    return time.thread_time() - started


# --- what follows runs in a process of its own ---


def _parse(body: bytes, times: int) -> float:
    from sectxt import Parser  # noqa: PLC0415 - test extra only, and never loaded by whoever measures ours

    return statistics.median(_timed(lambda: Parser(body, urls=URL)) for _ in range(times))


if __name__ == "__main__":
    print(_parse(sys.stdin.buffer.read(), int(sys.argv[1])))
