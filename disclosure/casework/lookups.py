"""The resolver and the fetcher of this installation, as one function that looks for a domain's contacts."""

from __future__ import annotations

from datetime import datetime

from disclosure.casework.office import Office
from disclosure.casework.searching import Find
from disclosure.discovery.dns import Resolver
from disclosure.discovery.fetch import Fetcher, LocalWorld
from disclosure.discovery.finder import Findings, find
from disclosure.discovery.names import to_domain
from disclosure.protocol.values import Answer, Domain
from disclosure.settings import Settings


def discover(settings: Settings, domain: str, host_compromised: Answer, now: datetime) -> Findings:
    """One search that belongs to no case and is stored nowhere."""
    resolver, fetcher = tools(settings)
    return find(to_domain(domain), resolver=resolver, fetcher=fetcher, now=now, host_compromised=host_compromised)


def finder(office: Office) -> Find:
    """Only a demonstration's settings carry a local world; no other setting opens a network (SF-02)."""
    resolver, fetcher = tools(office.settings)

    def look(domain: Domain, host_compromised: Answer, now: datetime) -> Findings:
        return find(domain, resolver=resolver, fetcher=fetcher, now=now, host_compromised=host_compromised)

    return look


def tools(settings: Settings) -> tuple[Resolver, Fetcher]:
    world = settings.demo_world
    servers = (world.nameserver,) if world else settings.nameservers
    resolver = Resolver(servers, validating=settings.nameservers_validate)
    local = LocalWorld(world.https, world.ca_file) if world else None
    agent = f"disclosure (+{settings.public_url})"
    return resolver, Fetcher(resolver, user_agent=agent, local_world=local)
