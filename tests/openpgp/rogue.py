"""A child that does what a parser of strangers' bytes may be brought to do; run by the tests of the sandbox."""

from __future__ import annotations

import os
import resource
import struct
import sys
import time


def _spin() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 10))
    while True:
        pass


def main() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    answer = b""
    while True:
        sink.write(struct.pack(">I", len(answer)) + answer)
        sink.flush()
        head = source.read(4)
        if len(head) < 4:
            return
        request = source.read(struct.unpack(">I", head)[0])
        if request == b"hang":
            time.sleep(60)
        elif request == b"spin":
            _spin()
        elif request == b"die":
            os._exit(3)
        elif request == b"lie":
            sink.write(b"\xff\xff\xff\xff")
            sink.flush()
        answer = request


if __name__ == "__main__":
    main()
