"""Which RDAP server knows a domain or an address: the bootstrap registries of RFC 9224, stored with their date (RD-05).

Pure: files come in as bytes. A server that is not https is left out, for a fetch would be refused anyway.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self
from urllib.parse import urlsplit

from disclosure.discovery.guard import Network
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Domain

# RFC 9224, section 13: where IANA publishes them.
IANA = {name: f"https://data.iana.org/rdap/{name}.json" for name in ("dns", "ipv4", "ipv6")}
MOST_BYTES = 1_048_576  # ours: the largest of the three has some 60 kB


@dataclass(frozen=True)
class Directory:
    """``checked_on``: the day of the data; ``source``: where it comes from, in words."""

    checked_on: date
    source: str
    domains: Mapping[str, str] = field(default_factory=dict, repr=False)
    networks: tuple[tuple[Network, str], ...] = field(default=(), repr=False)

    def for_domain(self, domain: Domain) -> str:
        """Base URL, with a slash at its end, of the longest suffix that is listed (RFC 9224, 4); else empty."""
        labels = domain.name.split(".")
        suffixes = (".".join(labels[place:]) for place in range(len(labels)))
        return next((self.domains[suffix] for suffix in suffixes if suffix in self.domains), "")

    def for_address(self, address: str) -> str:
        """Base URL of the most specific range that holds ``address`` (RFC 9224, 5); else empty."""
        try:
            wanted = ipaddress.ip_address(address)
        except ValueError:
            return ""
        holding = [
            (net.prefixlen, url) for net, url in self.networks if net.version == wanted.version and wanted in net
        ]
        return max(holding, default=(0, ""))[1]

    @classmethod
    def read(cls, body: bytes) -> Self:
        """The stored file: {"checked_on", "source", "dns", "ipv4", "ipv6"}. Raises InvalidInput."""
        document = _object(body)
        try:
            checked_on = date.fromisoformat(document["checked_on"])
            return cls.of(checked_on, str(document["source"]), {name: document[name] for name in IANA})
        except (KeyError, TypeError, ValueError):
            raise InvalidInput({"rdap": "not_a_bootstrap_file"}) from None

    @classmethod
    def of(cls, checked_on: date, source: str, services: Mapping[str, object]) -> Self:
        """``services``: name of each registry → its list of [entries, servers] (RFC 9224, 3). Raises InvalidInput."""
        domains = {entry.lower(): url for entry, url in _entries(services["dns"])}
        networks = [(entry, url) for name in ("ipv4", "ipv6") for entry, url in _entries(services[name])]
        try:
            return cls(checked_on, source, domains, tuple((ipaddress.ip_network(net), url) for net, url in networks))
        except ValueError:
            raise InvalidInput({"rdap": "not_a_bootstrap_file"}) from None


def stored(checked_on: date, source: str, files: Mapping[str, bytes]) -> bytes:
    """What :meth:`Directory.read` reads, of the three files as IANA serves them. Raises InvalidInput."""
    services = {name: _object(files[name]).get("services") for name in IANA}
    made = Directory.of(checked_on, source, services)
    if not (made.domains and made.networks):
        raise InvalidInput({"rdap": "not_a_bootstrap_file"})
    document = {"checked_on": checked_on.isoformat(), "source": source, **services}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInput({"rdap": "not_a_bootstrap_file"})
    return document


def _entries(services: object) -> Iterable[tuple[str, str]]:
    if not isinstance(services, list):
        raise InvalidInput({"rdap": "not_a_bootstrap_file"})
    for service in services:
        match service:
            case [[*entries], [*servers]]:
                url = next((one for one in servers if _is_https(one)), "")
                yield from ((str(entry), url.rstrip("/") + "/") for entry in entries if url)
            case _:
                raise InvalidInput({"rdap": "not_a_bootstrap_file"})


def _is_https(server: object) -> bool:
    try:
        return isinstance(server, str) and urlsplit(server).scheme == "https"
    except ValueError:
        return False
