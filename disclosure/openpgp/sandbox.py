"""Judge and verifier in a child process with CPU, memory and time limits (KD-07): strangers' bytes cannot freeze us.

One warm child per process. Requests and answers are length-prefixed JSON over pipes; the child ends with its parent.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import IO, Any

from disclosure.openpgp.judge import judge
from disclosure.openpgp.verdict import Reason, Verdict, refuse
from disclosure.openpgp.verification import Verification, Why, unchecked
from disclosure.openpgp.verify import verify
from disclosure.protocol.values import Address

CPU_SECONDS = 2  # for one request (KD-07); an ordinary certificate takes a millisecond
SECONDS = 15.0  # by the wall clock, for the machine may be busy with others
START_SECONDS = 60.0  # the interpreter and pysequoia, likewise
MEMORY_BYTES = 1024 * 1024 * 1024
MOST_ANSWERED = 64 * 1024 * 1024  # a message goes in and its content comes back, each in base 64
_OPEN_FILES = 32
_LENGTH = struct.Struct(">I")


def judge_safely(
    data: bytes, *, address: Address | None, now: datetime, expected_fingerprint: str | None = None
) -> Verdict:
    """:func:`judge` in the child. What uses up its limits is refused as too large, what kills it as corrupt."""
    request = {
        "data": b64encode(data).decode(),
        "address": str(address) if address else None,
        "now": now.isoformat(),
        "expected_fingerprint": expected_fingerprint,
    }
    try:
        answer = _CHILD.ask(json.dumps(request).encode())
    except OverLimit:
        return refuse(Reason.TOO_LARGE)
    return Verdict.from_json(json.loads(answer)) if answer else refuse(Reason.CORRUPT)


def verify_safely(file: bytes, *, certificates: Sequence[bytes], now: datetime) -> Verification:
    """:func:`verify` in the child. What uses up its limits, or kills it, has proven nothing."""
    request = {
        "file": b64encode(file).decode(),
        "certificates": [b64encode(data).decode() for data in certificates],
        "now": now.isoformat(),
    }
    try:
        answer = _CHILD.ask(json.dumps(request).encode())
    except OverLimit:
        return unchecked(Why.NO_ANSWER)
    return Verification.from_json(json.loads(answer)) if answer else unchecked(Why.NO_ANSWER)


class OverLimit(Exception):
    """The child took longer than it may, by its own clock or ours."""


class Child:
    """A process that answers one request at a time; any number of threads may ask."""

    def __init__(self, module: str = "disclosure.openpgp.sandbox", *, seconds: float = SECONDS) -> None:
        self._module, self.seconds = module, seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def ask(self, request: bytes) -> bytes | None:
        """The answer; None when two children died of the request. Raises OverLimit."""
        with self._lock:
            # Twice: the first may have died of something else, as of the operator's hand.
            for _ in range(2):
                try:
                    return self._exchange(self._alive(), request)
                except TimeoutError:
                    self.stop()
                    raise OverLimit from None
                except (OSError, EOFError):
                    if self.stop() == -signal.SIGXCPU:
                        raise OverLimit from None
            return None

    def _alive(self) -> subprocess.Popen[bytes]:
        if self._process and self._owner != os.getpid():
            self._process = None  # a fork's copy: the child belongs to the parent process
        elif self._process and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            self._process, self._owner = self._started(), os.getpid()
            with _killed_after(START_SECONDS, self._process):
                _read(_pipe(self._process.stdout))  # an empty answer: it is ready
        return self._process

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            start_new_session=True,
        )

    def _exchange(self, process: subprocess.Popen[bytes], request: bytes) -> bytes:
        with _killed_after(self.seconds, process):
            sink = _pipe(process.stdin)
            sink.write(_LENGTH.pack(len(request)) + request)
            sink.flush()
            return _read(_pipe(process.stdout))

    def stop(self) -> int | None:
        """Ends the child; what it ended of, as its return code, when it had ended before."""
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                _pipe(pipe).close()
        # Our end of its pipes is closed: a child that is well ends by itself, and one that died has a code to tell.
        try:
            return process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


_GRACE = 0.5


@contextmanager
def _killed_after(seconds: float, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Covers writing too: a child that does not read blocks the writer. Raises TimeoutError when it struck."""
    late = threading.Event()

    def strike() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, strike)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, EOFError):
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - pipes were asked for
    return stream


_CHILD = Child()
atexit.register(_CHILD.stop)


# --- both ends -------------------------------------------------------------------------------------------------------


def _read(stream: IO[bytes]) -> bytes:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    if length > MOST_ANSWERED:
        raise EOFError
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return body


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    return _verified(request) if "file" in request else _judged(request)


def _verified(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return verify(
            b64decode(request["file"]),
            certificates=[b64decode(data) for data in request["certificates"]],
            now=datetime.fromisoformat(request["now"]),
        ).to_json()
    except Exception:
        return unchecked(Why.NO_ANSWER).to_json()  # no word of a library's error reaches people


def _judged(request: dict[str, Any]) -> dict[str, Any]:
    address = Address.parse(request["address"]) if request["address"] else None
    try:
        verdict = judge(
            b64decode(request["data"]),
            address=address,
            now=datetime.fromisoformat(request["now"]),
            expected_fingerprint=request["expected_fingerprint"],
        )
    except Exception:
        verdict = refuse(Reason.CORRUPT)  # no word of a library's error reaches people
    return verdict.to_json()


def serve(answered: Callable[[dict[str, Any]], dict[str, Any]], *, cpu_seconds: int = CPU_SECONDS) -> None:
    """The child's whole life: requests from standard input to ``answered``, until the parent closes it."""
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    for which, most in limits.items():
        resource.setrlimit(which, (most, most))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    answer = b""
    while True:
        sink.write(_LENGTH.pack(len(answer)) + answer)
        sink.flush()
        try:
            request = json.loads(_read(source))
        except EOFError:
            return
        _limit_cpu(cpu_seconds)
        answer = json.dumps(answered(request)).encode()


def _limit_cpu(seconds: int) -> None:
    """So much more than was used up to now: SIGXCPU ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))


if __name__ == "__main__":
    serve(_answer)
