"""A relay on loopback that takes mail as fast as it can and writes down what it took, in a process of its own.

A line per final dot, written before the answer: instant, recipient, Message-ID. It may answer 451 to some, and drop the
line after it took a mail to others, as real ones do.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
import time
from pathlib import Path
from typing import cast

_MESSAGE_ID = re.compile(rb"^Message-ID: *(\S+)", re.MULTILINE | re.IGNORECASE)
END = b"\r\n.\r\n"


class _Visitor(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink, self._held, self._in_text, self._to = sink, b"", False, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink.invalid ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._held += data
        while not self._transport.is_closing():
            end = END if self._in_text else b"\r\n"
            part, found, rest = self._held.partition(end)
            if not found:
                return
            self._held = rest
            answer = self._taken(part) if self._in_text else self._answer(part)
            if answer is None:
                self._transport.abort()
            else:
                self._transport.write(answer)

    def _answer(self, line: bytes) -> bytes:
        match line[:4].upper():
            case b"EHLO":
                return b"250-sink.invalid\r\n250 ENHANCEDSTATUSCODES\r\n"
            case b"RCPT":
                self._to = line.partition(b"<")[2].partition(b">")[0]
            case b"DATA":
                self._in_text = True
                return b"354 go ahead\r\n"
        return b"250 2.0.0 Ok\r\n"

    def _taken(self, text: bytes) -> bytes | None:
        self._in_text = False
        chance = self._sink.chance.random()
        if chance < self._sink.later:
            return b"451 4.3.0 later\r\n"
        found = _MESSAGE_ID.search(text)
        self._sink.note(self._to, found.group(1) if found else b"?")
        return None if chance < self._sink.later + self._sink.drops else b"250 2.0.0 Ok: queued\r\n"


class Sink:
    """``later`` and ``drops``: shares of all mails, 0 to 1."""

    def __init__(self, record: Path, *, later: float = 0.0, drops: float = 0.0, seed: int = 0) -> None:
        self._out = os.open(record, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.later, self.drops, self.chance = later, drops, random.Random(seed)  # noqa: S311 - which fault comes when

    def note(self, to: bytes, message_id: bytes) -> None:
        os.write(self._out, f"{time.time():.6f} ".encode() + to + b" " + message_id + b"\n")

    async def serve(self) -> None:
        """Says its port on standard output; ends with its standard input."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Visitor(self), "127.0.0.1", 0, backlog=512)
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


def read(record: Path) -> list[tuple[float, str, str]]:
    """(instant, recipient, Message-ID), in the order of arrival; a line that is being written is left out."""
    lines = record.read_text().split("\n")[:-1] if record.exists() else []
    return [(float(at), to, message_id) for at, to, message_id in (line.split(" ") for line in lines)]


if __name__ == "__main__":
    asyncio.run(Sink(Path(sys.argv[1]), later=float(sys.argv[2]), drops=float(sys.argv[3])).serve())
