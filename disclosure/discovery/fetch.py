"""Fetcher: https from public addresses only, pinned, five redirects by hand, one deadline, 32 KB (ST, SF)."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from disclosure.discovery.dns import Listening, Resolver
from disclosure.discovery.evidence import Hop, Outcome
from disclosure.discovery.guard import Network, is_public
from disclosure.discovery.names import to_domain
from disclosure.discovery.wire import (
    HTTPS_PORT,
    TROUBLE,
    Route,
    answer,
    deadline,
    first_bytes,
    is_over,
    seconds_left,
    tls_context,
)
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Domain

MAX_REDIRECTS = 5  # SF-03
TOTAL_SECONDS = 10.0  # ours: slow small sites answer within 3; a search asks at most four files
MAX_BODY = 32_768 + 1  # ST-09: one byte more tells a file that is too large
_MAX_URL = 2_048
_PRINTABLE = range(0x21, 0x7F)


class Trouble(StrEnum):
    """Why there is no body; problem codes of a probe."""

    URL_REFUSED = "url_refused"
    INVALID_URI_SCHEME = "invalid_uri_scheme"
    PORT_REFUSED = "port_refused"
    USER_INFO_REFUSED = "user_info_refused"
    IP_LITERAL = "ip_literal"
    ADDRESS_REFUSED = "address_refused"
    NO_ADDRESS = "no_address"
    DNS_TIMEOUT = "dns_timeout"
    DNS_FAILURE = "dns_failure"
    DNSSEC_BOGUS = "dnssec_bogus"
    CONNECT_FAILED = "connect_failed"
    INVALID_CERT = "invalid_cert"
    TLS_FAILED = "tls_failed"
    DEADLINE = "deadline"
    BROKEN_ANSWER = "broken_answer"
    ENCODED_BODY = "encoded_body"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    BAD_REDIRECT = "bad_redirect"
    ABSENT = "absent"
    BLOCKED = "blocked"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUS = "unexpected_status"


# Which rule decides; what is not here is ST-08: not known, ask again.
_RULES = {
    Trouble.URL_REFUSED: "SF-03",
    Trouble.INVALID_URI_SCHEME: "ST-06",
    Trouble.PORT_REFUSED: "SF-03",
    Trouble.USER_INFO_REFUSED: "SF-03",
    Trouble.IP_LITERAL: "PS-02",
    Trouble.ADDRESS_REFUSED: "SF-02",
    Trouble.INVALID_CERT: "ST-07",
    Trouble.TOO_MANY_REDIRECTS: "SF-03",
    Trouble.BAD_REDIRECT: "SF-03",
    Trouble.ENCODED_BODY: "SF-04",
    Trouble.ABSENT: "ST-01",
    Trouble.NO_ADDRESS: "ST-01",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STATUS = {404: Trouble.ABSENT, 410: Trouble.ABSENT} | dict.fromkeys((401, 403, 429), Trouble.BLOCKED)


@dataclass(frozen=True)
class LocalWorld:
    """A world of its own on this machine, for tests and the demonstration: one address, instead of all public ones.

    Port 443 of every host is ``https.port`` there; ``ca_file`` is trusted too. Nothing of it leaves the machine.
    """

    https: Listening
    ca_file: Path


@dataclass(frozen=True)
class Fetched:
    """``outcome`` found: a 200 with its ``body``; none: there is no such file; unknown: ask again (ST-08).

    ``content_type`` is empty where the server sent none. ``final_url`` is where the body came from.
    """

    url: str
    asked_at: datetime
    outcome: Outcome
    rule: str
    problem: Trouble | None = None
    hops: tuple[Hop, ...] = ()
    final_url: str = ""
    content_type: str = ""
    body: bytes | None = field(default=None, repr=False)


class _Stop(Exception):
    """The chain ends here."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


class Fetcher:
    """GETs a public https URL. ``user_agent`` names us and a page about us; ``seconds`` is for all hops together.

    ``local_world`` is given in tests and demo mode only. ``own_ranges``: the operator's networks, refused as well.
    One object serves many threads.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        user_agent: str,
        local_world: LocalWorld | None = None,
        own_ranges: Iterable[Network] = (),
        seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._resolver = resolver
        self._world = local_world
        self._own_ranges = tuple(own_ranges)
        self._seconds = seconds
        self._context = tls_context(local_world.ca_file if local_world else None)
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "text/plain, */*;q=0.1",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }

    def asking(self, resolver: Resolver) -> Fetcher:
        """The same, with another resolver: one that has the answers of a search already."""
        fetcher = copy(self)
        fetcher._resolver = resolver
        return fetcher

    def get(self, url: str, *, now: datetime, most: int = MAX_BODY) -> Fetched:
        """At most ``most`` octets of the body. Never raises for what a name server or a server does.

        ``now`` is recorded, nothing else.
        """
        hops: list[Hop] = []
        with deadline(self._seconds):
            try:
                return self._follow(url, hops, now, most)
            except _Stop as stop:
                gone = stop.trouble in {Trouble.ABSENT, Trouble.NO_ADDRESS}
                outcome = Outcome.NONE if gone else Outcome.UNKNOWN
                rule = _RULES.get(stop.trouble, "ST-08")
                return Fetched(url, now, outcome, rule, stop.trouble, tuple(hops))

    def _follow(self, url: str, hops: list[Hop], now: datetime, most: int) -> Fetched:
        place = url
        for _ in range(MAX_REDIRECTS + 1):
            hops.append(Hop(url=place[:_MAX_URL]))
            host = _host(place)
            addresses = self._checked_addresses(host, now, hops)
            port = self._world.https.port if self._world else HTTPS_PORT
            body = self._ask(place, Route(host.name, addresses, port), hops, most)
            if body is not None:
                read = hops[-1].content_type or ""
                return Fetched(url, now, Outcome.FOUND, "ST-01", None, tuple(hops), place, read, body)
            place = _next(place, hops[-1].location)
        raise _Stop(Trouble.TOO_MANY_REDIRECTS)

    def _checked_addresses(self, host: Domain, now: datetime, hops: list[Hop]) -> tuple[str, ...]:
        """SF-01: asked once; every address is checked before any is used."""
        try:
            found = self._resolver.addresses(host, now=now, within=seconds_left() / 2)
        except TimeoutError:
            raise _Stop(Trouble.DEADLINE) from None
        hops[-1] = replace(hops[-1], addresses=found.texts)
        if found.outcome is Outcome.UNKNOWN:
            raise _Stop(Trouble(found.failure))
        if found.outcome is Outcome.NONE:
            raise _Stop(Trouble.NO_ADDRESS)
        if not all(self.may_connect(address) for address in found.texts):
            raise _Stop(Trouble.ADDRESS_REFUSED)
        return found.texts

    def may_connect(self, address: str) -> bool:
        """SF-02, and the local world's only address in place of all others."""
        if self._world:
            return address == self._world.https.address
        return is_public(address, self._own_ranges)

    def _ask(self, url: str, route: Route, hops: list[Hop], most: int) -> bytes | None:
        """The body of a 200, or None for a redirect whose target stands in the last hop."""
        try:
            with answer(url, route, self._context, self._headers, most) as response:
                hops[-1] = _seen(hops[-1], route, response)
                trouble = _trouble(response)
                if trouble:
                    raise _Stop(trouble)
                return None if response.status_code in _REDIRECTS else first_bytes(response, most)
        except TROUBLE:
            hops[-1] = _seen(hops[-1], route, None)
            if is_over():
                raise _Stop(Trouble.DEADLINE) from None
            raise _Stop(Trouble(route.failure or Trouble.BROKEN_ANSWER)) from None


def _seen(hop: Hop, route: Route, response: requests.Response | None) -> Hop:
    hop = replace(hop, peer=route.peer, tls_version=route.tls_version, certificate=route.certificate)
    if response is None:
        return hop
    return replace(
        hop,
        status=response.status_code,
        # One more than may be asked: what was cut is refused, and never asked for as another place.
        location=response.headers.get("Location", "")[: _MAX_URL + 1],
        content_type=response.headers.get("Content-Type", "")[:_MAX_URL],
    )


def _trouble(response: requests.Response) -> Trouble | None:
    """What a status says, unless it is a 200 or a redirect."""
    status = response.status_code
    if status in _REDIRECTS:
        return None
    if status != requests.codes.ok:
        server_error = Trouble.SERVER_ERROR if status >= 500 else Trouble.UNEXPECTED_STATUS  # noqa: PLR2004
        return _STATUS.get(status, server_error)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    # We asked for none; what a small answer unpacks to is the server's choice (6.3).
    return None if encoding in {"", "identity"} else Trouble.ENCODED_BODY


def _next(url: str, location: str) -> str:
    try:
        return urljoin(url, location) if location else _nowhere()
    except ValueError:
        return _nowhere()


def _nowhere() -> str:
    raise _Stop(Trouble.BAD_REDIRECT)


def _host(url: str) -> Domain:
    """The host of a URL that may be asked: https, port 443, a name, nothing that programs read differently (SF-03)."""
    if len(url) > _MAX_URL or "\\" in url or not all(ord(sign) in _PRINTABLE for sign in url):
        raise _Stop(Trouble.URL_REFUSED)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _Stop(Trouble.URL_REFUSED) from None
    if parts.scheme != "https":
        raise _Stop(Trouble.INVALID_URI_SCHEME)
    if "@" in parts.netloc:
        raise _Stop(Trouble.USER_INFO_REFUSED)
    if port not in {None, HTTPS_PORT}:
        raise _Stop(Trouble.PORT_REFUSED)
    try:
        return to_domain(parts.netloc)
    except InvalidInput as error:
        literal = error.problems["domain"] == "ip_literal"
        raise _Stop(Trouble.IP_LITERAL if literal else Trouble.URL_REFUSED) from None
