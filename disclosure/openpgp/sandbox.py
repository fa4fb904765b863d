"""The judge in a child process with CPU, memory and time limits (KD-07): what strangers hand over cannot freeze us.

One warm child per process. Requests and answers are length-prefixed JSON over pipes; the child ends with its parent.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import select
import struct
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from datetime import datetime
from typing import IO, Any

from disclosure.openpgp.judge import Reason, Verdict, judge, refuse
from disclosure.protocol.values import Address

SECONDS = 2.0
CPU_SECONDS = 600  # of the child's whole life; it is replaced when they are used up
MEMORY_BYTES = 1024 * 1024 * 1024
_LENGTH = struct.Struct(">I")


def judge_safely(
    data: bytes, *, address: Address | None, now: datetime, expected_fingerprint: str | None = None
) -> Verdict:
    """The verdict; a child that hangs or dies is killed and replaced, and what it was judging is refused as corrupt."""
    request = {
        "data": b64encode(data).decode(),
        "address": str(address) if address else None,
        "now": now.isoformat(),
        "expected_fingerprint": expected_fingerprint,
    }
    answer = _CHILD.ask(json.dumps(request).encode())
    return Verdict.from_json(json.loads(answer)) if answer else refuse(Reason.CORRUPT)


class _Child:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, request: bytes) -> bytes | None:
        with self._lock:
            if self._process and self._owner != os.getpid():
                self._process = None  # a fork's copy: the child belongs to the parent process
            elif self._process and self._process.poll() is not None:
                self.stop()
            if self._process is None:
                self._start()
            process = self._process
            assert process is not None  # noqa: S101 - started above
            try:
                return self._exchange(process, request)
            except (OSError, EOFError, TimeoutError):
                self.stop()
                return None

    def _start(self) -> None:
        self._owner = os.getpid()
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "disclosure.openpgp.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            start_new_session=True,
        )

    def _exchange(self, process: subprocess.Popen[bytes], request: bytes) -> bytes:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(_LENGTH.pack(len(request)) + request)
        process.stdin.flush()
        # Starting takes the interpreter and pysequoia a moment; judging itself takes milliseconds.
        ready, _, _ = select.select([process.stdout], [], [], SECONDS + 3.0)
        if not ready:
            raise TimeoutError
        return _read(process.stdout)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


_CHILD = _Child()
atexit.register(_CHILD.stop)


def _read(stream: IO[bytes]) -> bytes:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return body


def _answer(request: dict[str, Any]) -> dict[str, Any]:
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


def _serve() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            request = json.loads(_read(source))
        except EOFError:
            return
        answer = json.dumps(_answer(request)).encode()
        sink.write(_LENGTH.pack(len(answer)) + answer)
        sink.flush()


if __name__ == "__main__":
    _serve()
