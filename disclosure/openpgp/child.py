"""A process that reads strangers' bytes for us, with CPU, memory and time limits (KD-07): they cannot freeze us.

Requests and answers are length-prefixed over pipes; the child ends with its parent. What is asked and answered is up to
the module that the child runs: it calls :func:`serve`. This module imports nothing of ours, so that a child loads only
what its own work needs.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

CPU_SECONDS = 2  # for one request (KD-07); an ordinary certificate takes a millisecond
SECONDS = 15.0  # by the wall clock, for the machine may be busy with others
START_SECONDS = 60.0  # the interpreter and its libraries, likewise
MEMORY_BYTES = 1024 * 1024 * 1024
MOST_ANSWERED = 64 * 1024 * 1024  # a message goes in and its content comes back, each in base 64
_OPEN_FILES = 32
_LENGTH = struct.Struct(">I")


class OverLimit(Exception):
    """The child took longer than it may, by its own clock or ours."""


class Child:
    """A process that answers one request at a time; any number of threads may ask."""

    def __init__(self, module: str, *, seconds: float = SECONDS) -> None:
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


def serve(answer_to: Callable[[bytes], bytes], *, cpu_seconds: int = CPU_SECONDS) -> None:
    """The child's own life: limits first, then one answer per request until the parent is gone."""
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
            request = _read(source)
        except EOFError:
            return
        _limit_cpu(cpu_seconds)
        answer = answer_to(request)


def _limit_cpu(seconds: int) -> None:
    """So much more than was used up to now: SIGXCPU ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))
