"""The whole examination: what the network says within a total time, then what the house says."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from disclosure.casework import keys, lookups
from disclosure.casework.checkup import house, relay, spf, zone
from disclosure.casework.checkup.findings import Finding, Records, State
from disclosure.casework.office import Office
from disclosure.discovery.dns import LIFETIME, Resolver
from disclosure.discovery.fetch import Fetcher
from disclosure.discovery.keyplaces import web_key_urls
from disclosure.discovery.names import organisational_domain, to_domain
from disclosure.mail.relay import RelaySettings
from disclosure.mail.relaycheck import RelaySeen, look
from disclosure.openpgp.dearmour import dearmour
from disclosure.protocol.errors import DisclosureError, InvalidInput
from disclosure.protocol.values import Domain
from disclosure.settings import Settings

SECONDS = 20.0  # for all questions to name servers together; then what is left is unknown
RELAY_SECONDS = 10.0
MOST_POLICY = 65_536


def examine(
    office: Office, now: datetime, *, online: bool = True, tools: tuple[Resolver, Fetcher] | None = None
) -> tuple[Finding, ...]:
    """Every finding, the house first. ``tools``: the resolver and fetcher to ask with; else this installation's."""
    found = tuple(house.judge(house.gather(office, now), now))
    if office.settings.trial and not office.settings.demo:
        return (*found, Finding("network", State.WARNING, "Not looked at in trial mode: the domain is invented."))
    if not online:
        return (
            *found,
            Finding("network", State.WARNING, "Domain and relay were not looked at.", "Run without --offline."),
        )
    try:
        resolver, fetcher = tools or lookups.tools(office.settings)
    except DisclosureError as error:
        return (*found, Finding("network", State.WARNING, f"Nothing can be asked: {error}.", "Set nameservers."))
    return (*found, *_network(office, _Asks(resolver, now), fetcher))


class _Asks:
    """Questions to name servers under one total time; past it the answer is: not known."""

    def __init__(self, resolver: Resolver, now: datetime, seconds: float = SECONDS) -> None:
        self._resolver, self.now, self._ends = resolver, now, time.monotonic() + seconds

    def __call__(self, name: str, rdtype: str) -> Records:
        left = self._ends - time.monotonic()
        if left <= 0:
            return Records(name, known=False)
        return Records.of(self._resolver.lookup(name, rdtype, now=self.now, within=min(left, LIFETIME)))

    def at_once(self, questions: list[tuple[str, str]]) -> None:
        self._resolver = self._resolver.having_asked(questions, now=self.now)

    def addresses(self, name: str) -> Records:
        v4, v6 = self(name, "A"), self(name, "AAAA")
        texts = v4.texts + v6.texts
        return Records(name, texts, bool(texts) or (v4.known and v6.known))


def _network(office: Office, ask: _Asks, fetcher: Fetcher) -> Iterator[Finding]:
    settings = office.settings
    sender, envelope = settings.mail.from_address.domain, settings.mail.domain
    above = organisational_domain(sender)
    selector = settings.mail.dkim_selector
    names = {
        "spf": (envelope.name, "TXT"),
        "mx": (envelope.name, "MX"),
        "dmarc": (f"_dmarc.{sender}", "TXT"),
        "above": (f"_dmarc.{above}", "TXT"),
        "dkim": (f"{selector}._domainkey.{sender}", "TXT"),
        "sts": (f"_mta-sts.{envelope}", "TXT"),
        "rpt": (f"_smtp._tls.{envelope}", "TXT"),
    }
    ask.at_once([name for key, name in names.items() if key != "dkim" or selector])
    relay_at, ours = _leaves_from(settings, ask)
    exchangers = ask(*names["mx"])
    yield zone.mx(exchangers)
    yield spf.judge(ask(*names["spf"]), relay_at.texts, ask, relay_known=relay_at.known)
    yield zone.dkim(ask(*names["dkim"]) if selector else None, selector, sender.name)
    yield zone.dmarc(ask(*names["dmarc"]), ask(*names["above"]) if above != sender else None)
    yield _reverse(relay_at, ask, ours=ours)
    sts = ask(*names["sts"])
    policy = _fetched(fetcher, f"https://mta-sts.{envelope}/.well-known/mta-sts.txt", ask) if sts.texts else None
    yield zone.mta_sts(sts, policy, exchangers)
    yield zone.tls_rpt(ask(*names["rpt"]))
    yield _web_key(office, ask, fetcher)
    if settings.relay:
        held = RelaySettings.of(settings.relay)
        yield relay.judge(_look(held, envelope), settings.relay.host, ask.now)


def _look(held: RelaySettings, name: Domain) -> RelaySeen:
    return look(replace(held, timeout=RELAY_SECONDS / 2, total=RELAY_SECONDS), name=name.name)


def _leaves_from(settings: Settings, ask: _Asks) -> tuple[Records, bool]:
    """Addresses that mail leaves from, as far as they can be known, and whether that is this machine.

    A relay on this machine sends from this machine's own addresses; the public host name leads to them in most houses.
    """
    host = settings.relay.host if settings.relay else ""
    ours = settings.relay is None or settings.relay.on_this_machine
    if ours:
        host = urlsplit(settings.public_url).hostname or ""
    return _public(_addresses(host, ask)), ours


def _addresses(host: str, ask: _Asks) -> Records:
    try:
        return Records(host, (str(ipaddress.ip_address(host)),))
    except ValueError:
        pass
    try:
        return ask.addresses(to_domain(host).name)
    except InvalidInput:
        return Records(host)


def _public(records: Records) -> Records:
    """A private address says nothing of the one that receivers see."""
    return Records(
        records.name, tuple(t for t in records.texts if not ipaddress.ip_address(t).is_private), records.known
    )


def _reverse(relay_at: Records, ask: _Asks, *, ours: bool) -> Finding:
    names = {one: ask(ipaddress.ip_address(one).reverse_pointer, "PTR") for one in relay_at.texts[:4]}
    hosts = {text.removesuffix(".").lower() for told in names.values() for text in told.texts[:4]}
    return zone.ptr(names, {host: ask.addresses(host) for host in hosts}, ours=ours)


def _fetched(fetcher: Fetcher, url: str, ask: _Asks) -> bytes | None:
    return fetcher.get(url, now=ask.now, most=MOST_POLICY).body


def _web_key(office: Office, ask: _Asks, fetcher: Fetcher) -> Finding:
    """As programs do it (KD-02): the direct way only where the host name of the advanced one does not exist."""
    address = office.settings.mail.from_address
    advanced, direct = web_key_urls(address)
    host = ask.addresses(f"openpgpkey.{address.domain}")
    url = advanced if host.texts else direct
    body = _fetched(fetcher, url, ask) if host.known else None
    newest = [block.content for one in keys.service_certificates(office)[:1] for block in dearmour(one)]
    ours = body.startswith(newest[0]) if body and newest else None
    return zone.web_key(address.domain.name, host, ours, url.partition("?")[0])
