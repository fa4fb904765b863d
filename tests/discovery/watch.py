"""What a look-up did to the network and to memory while a test watched."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.discovery.world import World


@dataclass
class Watched:
    """``connects``: wherever a connection was tried; ``octets``: read from TLS; ``peak``: bytes of memory beyond."""

    connects: set[tuple[str, int]] = field(default_factory=set)
    octets: int = 0
    peak: int = 0

    def stayed_within(self, world: World) -> bool:
        """Whether nobody was connected to but the world's own two servers."""
        return self.connects <= {(place.address, place.port) for place in (world.nameserver, world.https)}


@contextlib.contextmanager
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Counts below the code that is looked at: a connection or an octet cannot pass by."""
    seen = Watched()
    connect, connect_ex, read = socket.socket.connect, socket.socket.connect_ex, ssl.SSLSocket.read

    def connecting(this: socket.socket, address: Any) -> None:
        seen.connects.add(address[:2])
        connect(this, address)

    def connecting_ex(this: socket.socket, address: Any) -> int:
        seen.connects.add(address[:2])
        return connect_ex(this, address)

    def reading(this: ssl.SSLSocket, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - the name is ssl's
        got = read(this, len, buffer)
        seen.octets += 0 if this.server_side else got if isinstance(got, int) else got.__len__()
        return got

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", connecting)
        patch.setattr(socket.socket, "connect_ex", connecting_ex)
        patch.setattr(ssl.SSLSocket, "read", reading)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            yield seen
            seen.peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
