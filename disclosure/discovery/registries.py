"""Asking registries over RDAP: about a domain, and about the network of its host (RD rules)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from disclosure.discovery import rdap
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.fetch import Fetched
from disclosure.discovery.search import Search, fetched_probe
from disclosure.protocol.values import Domain


def registry(search: Search) -> Iterator[Probe]:
    """RD-01; of a thin registry also the registrar's own answer, which it points to.

    Where the stored list knows no server nothing is asked: that is neither none nor unknown.
    """
    domain = search.organisation
    server = search.directory.for_domain(domain) if search.directory else ""
    if not server:
        return
    url = f"{server}domain/{domain}"
    for _ in range(2):
        fetched = search.fetcher.get(url, now=search.now, most=rdap.MAX_BODY)
        read = rdap.read_domain(fetched.body or b"", domain)
        faults = (str(read.fault),) if read.fault and fetched.body is not None else ()
        yield _registry_probe(Purpose.RDAP, domain, fetched, faults)
        if faults or read.related in {"", url}:
            return
        url = read.related


def network(search: Search) -> Iterator[Probe]:
    """RD-04: whose network the host's first address is; the address is known from what was fetched."""
    files = [probe for probe in search.of(Purpose.SECURITY_TXT) if probe.subject == search.domain]
    hops = [hop for probe in files for hop in probe.hops[:1]]
    address = next((address for hop in hops for address in hop.addresses), "")
    server = search.directory.for_address(address) if search.directory else ""
    if server:
        fetched = search.fetcher.get(f"{server}ip/{address}", now=search.now, most=rdap.MAX_BODY)
        fault = rdap.read_network(fetched.body).fault if fetched.body is not None else None
        yield _registry_probe(Purpose.RDAP_NETWORK, search.domain, fetched, (str(fault),) if fault else ())


def _registry_probe(purpose: Purpose, subject: Domain, fetched: Fetched, problems: tuple[str, ...]) -> Probe:
    probe = fetched_probe(purpose, subject, fetched)
    if fetched.body is None:
        return replace(probe, problems=(*probe.problems, *problems))
    if problems:
        # A maintenance page, a wrong server: it answered, and what the registry holds is still not known.
        return replace(probe, outcome=Outcome.UNKNOWN, rule="RD-05", problems=problems)
    return replace(probe, rule="RD-04" if purpose is Purpose.RDAP_NETWORK else "RD-02")
