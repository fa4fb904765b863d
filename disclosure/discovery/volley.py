"""Several DNS questions in flight at once over UDP: a search waits for one round trip, not for one after another.

Only what goes right is handled here. What is truncated, refused or broken is left to the caller, who asks again one at
a time, over TCP where it has to be.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import cast

import dns.entropy
import dns.exception
import dns.inet
import dns.message

TRIES = 2  # a datagram may be lost once; the second try goes to the next server where there is one
_LARGEST = 65_535

Server = tuple[str, int]  # an IP address and a port
Told = tuple[dns.message.QueryMessage, str]  # what was answered, and the address of who answered


def ask_at_once(
    queries: Iterable[dns.message.QueryMessage], servers: Sequence[Server], *, seconds: float
) -> dict[int, Told]:
    """Answers by the ``id`` of their query, which is made unique here; who is not answered in time is not in it.

    One socket, so one source port, serves all queries of a try: each has an id of its own, and a forger has to guess
    both for a question that is asked once. Raises OSError where a server cannot be sent to at all.
    """
    waiting: dict[int, dns.message.QueryMessage] = {}
    for query in queries:
        while query.id in waiting:
            query.id = dns.entropy.random_16()
        waiting[query.id] = query
    told: dict[int, Told] = {}
    started = time.monotonic()
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.PollSelector())
        for turn in range(TRIES):
            server = servers[turn % len(servers)]
            wire = stack.enter_context(_connected(server))
            selector.register(wire, selectors.EVENT_READ, server[0])
            for query in waiting.values():
                with suppress(OSError):  # "refused" belongs to a datagram before this one; silence says enough
                    wire.send(query.to_wire())
            _listen(selector, waiting, told, until=started + seconds * (turn + 1) / TRIES)
            if not waiting:
                break
    return told


def _connected(server: Server) -> socket.socket:
    """Connected: the kernel drops what others send (and a source port is chosen at random)."""
    wire = socket.socket(dns.inet.af_for_address(server[0]), socket.SOCK_DGRAM)
    try:
        wire.setblocking(False)
        wire.connect(server)
    except OSError:
        wire.close()
        raise
    return wire


def _listen(
    selector: selectors.BaseSelector,
    waiting: dict[int, dns.message.QueryMessage],
    told: dict[int, Told],
    *,
    until: float,
) -> None:
    while waiting and (left := until - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            response = _received(cast(socket.socket, key.fileobj), waiting)
            if response is not None:
                del waiting[response.id]
                told[response.id] = (response, key.data)


def _received(wire: socket.socket, waiting: dict[int, dns.message.QueryMessage]) -> dns.message.QueryMessage | None:
    """An answer to one of those queries; None for everything else that comes in."""
    try:
        data = wire.recv(_LARGEST)
        query = waiting[int.from_bytes(data[:2], "big")]
        response = dns.message.from_wire(data)
    except (OSError, KeyError, dns.exception.DNSException):
        return None
    return response if isinstance(response, dns.message.QueryMessage) and query.is_response(response) else None
