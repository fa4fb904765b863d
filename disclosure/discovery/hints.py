"""Asking for what only a person should weigh: report addresses and the organisation's own pages (ML-04, OT-01)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from disclosure.discovery import pages, records
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.fetch import Trouble
from disclosure.discovery.search import Search, dns_probe, fetched_probe
from disclosure.protocol.values import Answer


def report_records(search: Search) -> Iterator[Probe]:
    for purpose, label in ((Purpose.DMARC, records.DMARC), (Purpose.TLS_RPT, records.TLS_RPT)):
        name = f"{label}.{search.organisation}"
        yield dns_probe(purpose, search.organisation, search.resolver.lookup(name, "TXT", now=search.now), "ML-04")


def own_pages(search: Search) -> Iterator[Probe]:
    """OT-01: humans.txt, the start page, and at most two pages that it links to. A host in doubt is not asked."""
    organisation = search.organisation
    if search.domain == organisation and search.host_compromised is not Answer.NO:
        return
    humans = _page(search, Purpose.HUMANS_TXT, f"https://{organisation}/humans.txt")
    yield humans
    if _stop_here(humans):
        return
    home = _page(search, Purpose.HOME_PAGE, f"https://{organisation}/")
    yield home
    if home.outcome is Outcome.FOUND and home.body is not None:
        for url in pages.legal_links(home.body, home.hops[-1].url, organisation):
            yield _page(search, Purpose.LEGAL_PAGE, url)


def _stop_here(probe: Probe) -> bool:
    """Section 4: a host that refuses, or cannot be reached, is not asked for more."""
    return probe.outcome is Outcome.UNKNOWN or Trouble.NO_ADDRESS in probe.problems


def _page(search: Search, purpose: Purpose, url: str) -> Probe:
    fetched = search.fetcher.get(url, now=search.now, most=pages.MAX_BODY)
    probe = fetched_probe(purpose, search.organisation, fetched)
    if fetched.body is None:
        return probe
    if not all(pages.is_own(hop.url, search.organisation) for hop in fetched.hops):
        return replace(probe, outcome=Outcome.NONE, rule="OT-01", problems=("offsite_redirect",))
    if (purpose is Purpose.HUMANS_TXT) == pages.is_html(fetched.body):
        return replace(probe, outcome=Outcome.NONE, rule="OT-01", problems=("another_kind_of_page",))
    return replace(probe, rule="OT-01")
