"""Asking what an organisation publishes for this purpose: its files and its zone (ST, DT, CA, SO and ML rules)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from disclosure.discovery import certificates, offers, ranking, records, securitytxt, signers
from disclosure.discovery.dns import is_null_mx
from disclosure.discovery.dnstxt import LABEL
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.fetch import Fetched
from disclosure.discovery.keyserver import MAX_CERTIFICATE
from disclosure.discovery.problems import REFUSES, Level
from disclosure.discovery.search import Search, dns_probe, fetched_probe
from disclosure.protocol.values import Answer, Domain

MOST_MAIL_DOMAINS = 8  # asked for MX: the organisation's own, and those of published addresses


def questions(search: Search) -> Iterator[tuple[str, str]]:
    """What the sources below ask of the zone whatever comes back: one round trip for all of it."""
    for subject in search.subjects:
        yield from ((subject.name, "A"), (subject.name, "AAAA"), (f"{LABEL}.{subject}", "TXT"))
    yield search.climb[0].name, "CAA"
    yield from ((search.organisation.name, "SOA"), (search.organisation.name, "MX"))


def security_txt(search: Search) -> Iterator[Probe]:
    for subject in search.subjects:
        for path in (securitytxt.WELL_KNOWN, securitytxt.LEGACY):
            probe = _file_probe(subject, search.fetcher.get(f"https://{subject}{path}", now=search.now))
            yield probe
            # The first of the two wins; what is not known of it cannot be known from the second (ST-01, section 4).
            if probe.outcome is not Outcome.NONE:
                break


def _file_probe(subject: Domain, fetched: Fetched) -> Probe:
    probe = fetched_probe(Purpose.SECURITY_TXT, subject, fetched)
    if probe.body is None:
        return probe
    read = offers.read_security_txt(probe)
    problems = tuple(dict.fromkeys(str(one.code) for one in read.problems if one.level is not Level.ADVICE))
    refused = bool(read.codes & REFUSES)
    if not read.fields and not refused:
        return replace(probe, outcome=Outcome.NONE, rule="ST-02", problems=problems)
    return replace(probe, rule="ST-09" if refused else "ST-01", problems=problems)


def signers_certificates(search: Search) -> Iterator[Probe]:
    """What signed files point to, so that their signatures can be verified. Without a judge nothing is fetched."""
    judge = search.judge
    if judge is None:
        return
    files = [probe for probe in search.of(Purpose.SECURITY_TXT) if probe.body and probe.outcome is Outcome.FOUND]
    named: dict[str, Domain] = {}
    for file in files:  # the host's own comes first, and so do its certificates
        for url in signers.places(offers.read_security_txt(file)):
            named.setdefault(url, file.subject)
    for url, subject in list(named.items())[: signers.MOST_ASKED]:
        fetched = search.fetcher.get(url, now=search.now, most=MAX_CERTIFICATE)
        probe = fetched_probe(Purpose.ENCRYPTION_URI, subject, fetched)
        if probe.outcome is Outcome.FOUND:
            probe = replace(probe, rule="KD-01")
        yield certificates.looked_at(probe, lambda body: judge(body, address=None, now=search.now))


def dns_security_txt(search: Search) -> Iterator[Probe]:
    for subject in search.subjects:
        answer = search.resolver.lookup(f"{LABEL}.{subject}", "TXT", now=search.now)
        probe = dns_probe(Purpose.DNS_SECURITY_TXT, subject, answer, "DT-01")
        if answer.outcome is not Outcome.FOUND:
            yield probe
            continue
        read = offers.read_dns_security_txt(probe)
        if read.records:
            yield replace(probe, problems=tuple(dict.fromkeys(str(one.code) for one in read.problems)))
        else:
            yield replace(probe, outcome=Outcome.NONE, rule="SF-12", problems=("not_a_security_record",))


def caa(search: Search) -> Iterator[Probe]:
    for name in search.climb:
        answer = search.resolver.lookup(name.name, "CAA", now=search.now)
        probe = dns_probe(Purpose.CAA, name, answer, "CA-02")
        named = answer.outcome is Outcome.FOUND and bool(records.iodefs(answer.texts))
        if answer.outcome is Outcome.FOUND and not named:
            probe = replace(probe, outcome=Outcome.NONE, rule="CA-01", problems=(*probe.problems, "no_iodef"))
        elif named and offers.stands_elsewhere(offers.Evidence(search.domain, (), Answer.NO), probe):
            probe, named = replace(probe, rule="CA-03", problems=(*probe.problems, "another_zone")), False
        yield probe
        if named:
            return


def soa(search: Search) -> Iterator[Probe]:
    answer = search.resolver.lookup(search.organisation.name, "SOA", now=search.now)
    probe = dns_probe(Purpose.SOA, search.organisation, answer, "SO-02")
    if answer.outcome is Outcome.FOUND and records.rname(answer.texts[0]) is None:
        probe = replace(probe, outcome=Outcome.NONE, rule="SO-03", problems=("no_rname",))
    yield probe


def nameservers(search: Search) -> Iterator[Probe]:
    answer = search.resolver.lookup(search.organisation.name, "NS", now=search.now)
    yield dns_probe(Purpose.NAMESERVERS, search.organisation, answer, "R17")


def mail_exchangers(search: Search) -> Iterator[Probe]:
    """Comes last: which domains matter is known from what was published."""
    for subject in ranking.mail_domains(search.domain, search.probes)[:MOST_MAIL_DOMAINS]:
        answer = search.resolver.lookup(subject.name, "MX", now=search.now)
        probe = dns_probe(Purpose.MAIL_EXCHANGER, subject, answer, "ML-02")
        if any(is_null_mx(text) for text in answer.texts):
            probe = replace(probe, outcome=Outcome.NONE, problems=("null_mx",))
        elif answer.outcome is Outcome.NONE:
            probe = replace(probe, problems=("no_mx",))
        yield probe
