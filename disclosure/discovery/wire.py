"""One HTTPS request over a connection to an address that was checked, under one total deadline (SF-01, 6.3).

urllib3 is given a connection that cannot choose where it goes: whatever requests or urllib3 read out of a URL, the
bytes go to an address of the route, and the certificate is checked for the route's host.
"""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from disclosure.discovery.evidence import Certificate

HTTPS_PORT = 443
MOST_TRIED = 4  # of the addresses of one name; all of them were checked
# What may come around a body: headers, sizes of chunks, "100 Continue". Servers send some 16 kB at most; http.client
# would take a hundred headers of 64 kB, again and again, and chunks of one octet for ever.
MOST_AROUND = 131_072
# requests wraps most of what goes wrong below it, but not all.
TROUBLE = (requests.RequestException, HTTPError, http.client.HTTPException, OSError, ValueError)

_ends_at: ContextVar[float] = ContextVar("ends_at")
_budget: ContextVar[_Budget] = ContextVar("budget")


@dataclass
class _Budget:
    """Octets that one answer may still have, everything counted."""

    left: int

    def spend(self, octets: int) -> None:
        self.left -= octets
        if self.left < 0:
            raise OSError("more than was asked for")


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Everything inside, over any number of requests, ends after this many seconds."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float:
    """Raises TimeoutError when there are none."""
    left = _ends_at.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline")
    return left


def is_over() -> bool:
    return _ends_at.get() <= time.monotonic()


@dataclass
class Route:
    """Where one request goes, and what was seen on the way. ``failure`` is a problem code."""

    host: str
    addresses: tuple[str, ...]
    port: int = HTTPS_PORT
    peer: str = ""
    tls_version: str = ""
    certificate: Certificate | None = None
    failure: str = ""


class _TimedSocket(ssl.SSLSocket):
    """A time-out of a socket is for one call, and a server that drips never lets one pass: lower it before each."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(seconds_left())
        super().do_handshake(block)

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - the name is ssl's
        self.settimeout(seconds_left())
        got: Any = super().read(len, buffer)
        _budget.get().spend(got if isinstance(got, int) else got.__len__())
        return got

    def send(self, data: Any, flags: int = 0) -> int:
        self.settimeout(seconds_left())
        return super().send(data, flags)


@cache
def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Trusts the same authorities as requests, and those in ``ca_file``. Loading them is too slow for every hop."""
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    context.sslsocket_class = _TimedSocket
    return context


class _Connection(HTTPSConnection):
    route: Route

    def _new_conn(self) -> socket.socket:
        trouble: OSError | None = None
        tried = self.route.addresses[:MOST_TRIED]
        for place, address in enumerate(tried):
            try:
                # An equal share for each: a dead IPv6 address must leave time for a live IPv4 one.
                share = seconds_left() / (len(tried) - place)
                return socket.create_connection((address, self.route.port), timeout=share)
            except OSError as error:
                trouble = error
        self.route.failure = "connect_failed"
        raise NewConnectionError(self, "no address answered") from trouble

    def connect(self) -> None:
        try:
            super().connect()
        except ssl.SSLCertVerificationError:
            self.route.failure = "invalid_cert"
            raise
        except ssl.SSLError:
            self.route.failure = "tls_failed"
            raise
        wire = cast(ssl.SSLSocket, self.sock)
        self.route.peer = str(wire.getpeername()[0])
        self.route.tls_version = wire.version() or ""
        self.route.certificate = _certificate(wire)


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection
    route: Route

    def _new_conn(self) -> Any:
        connection = cast(_Connection, super()._new_conn())
        connection.route = self.route
        return connection


class _Adapter(HTTPAdapter):
    """For one request, then thrown away: pools keyed by address have let one host ride on another's TLS (SF-05)."""

    def __init__(self, route: Route, context: ssl.SSLContext) -> None:
        super().__init__(max_retries=0)
        # The port in the Host header is always 443; a local world only changes where the bytes go.
        self._pool = _Pool(route.host, HTTPS_PORT, ssl_context=context, maxsize=1)
        self._pool.route = route

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """The context verifies already; loading authorities again would cost more than the request."""

    def close(self) -> None:
        self._pool.close()
        super().close()


@contextmanager
def answer(
    url: str, route: Route, context: ssl.SSLContext, headers: Mapping[str, str], most: int
) -> Iterator[requests.Response]:
    """The server's answer with its body, of at most ``most`` octets, unread.

    Raises one of TROUBLE; ``route`` tells how far it came.

    Without a session there are no cookies, proxies, netrc or redirects; and a session reads the body of a redirect
    to its end, however long that is.
    """
    adapter = _Adapter(route, context)
    token = _budget.set(_Budget(most + MOST_AROUND))
    try:
        request = requests.Request("GET", url, headers=dict(headers)).prepare()
        response = adapter.send(request, stream=True, timeout=seconds_left())
        try:
            yield response
        finally:
            response.close()
    finally:
        adapter.close()
        _budget.reset(token)


def first_bytes(response: requests.Response, most: int) -> bytes:
    """At most so many bytes of the body as they came, never decoded. Raises one of TROUBLE."""
    body = b""
    # To the end of the body, not of what came: only the read after the last byte tells a file that was cut short.
    while len(body) < most:
        more: bytes = response.raw.read(most - len(body), decode_content=False)
        if not more:
            break
        body += more
    return body


def _certificate(wire: ssl.SSLSocket) -> Certificate | None:
    shown, der = wire.getpeercert(), wire.getpeercert(binary_form=True)
    if not shown or not der:
        return None
    names = cast(Mapping[str, Any], shown)
    return Certificate(
        subject=_name(names.get("subject", ())),
        issuer=_name(names.get("issuer", ())),
        serial=str(names.get("serialNumber", "")),
        not_after=datetime.fromtimestamp(ssl.cert_time_to_seconds(names["notAfter"]), UTC),
        sha256=hashlib.sha256(der).hexdigest(),
    )


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    return ", ".join(f"{key}={value}" for part in parts for key, value in part)
