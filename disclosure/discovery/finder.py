"""A domain's security contacts with evidence: ask in the order of R14, keep every answer, rank once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from disclosure.discovery import offers, ranking, securitytxt
from disclosure.discovery.candidates import Candidate, Hint, Source
from disclosure.discovery.dns import DnsAnswer, Resolver, is_null_mx
from disclosure.discovery.dnstxt import LABEL
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.fetch import Fetched, Fetcher
from disclosure.discovery.names import organisational_domain
from disclosure.discovery.problems import REFUSES, Level
from disclosure.protocol.values import Answer, Domain

MOST_MAIL_DOMAINS = 8  # asked for MX: the organisation's own, and those of published addresses


@dataclass(frozen=True)
class Findings:
    """What a search came to. ``status`` none is knowledge; unknown means: ask again (R15)."""

    domain: Domain
    asked_at: datetime
    host_compromised: Answer
    status: Outcome
    ranked: tuple[Candidate, ...]
    review: tuple[Candidate, ...]
    intermediaries: tuple[Candidate, ...]
    hints: tuple[Hint, ...]
    probes: tuple[Probe, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``discover --json`` prints it (design.md section 6)."""
        return {
            "domain": self.domain.name,
            "asked_at": self.asked_at.astimezone(UTC).isoformat(),
            "host_compromised": str(self.host_compromised),
            "status": str(self.status),
            "ranked": [candidate.to_json() for candidate in self.ranked],
            "review": [candidate.to_json() for candidate in self.review],
            "intermediaries": [candidate.to_json() for candidate in self.intermediaries],
            "hints": [hint.to_json() for hint in self.hints],
            "probes": [probe.to_json() for probe in self.probes],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The findings that :meth:`to_json` was made of."""
        return cls(
            domain=Domain(plain["domain"]),
            asked_at=datetime.fromisoformat(plain["asked_at"]),
            host_compromised=Answer(plain["host_compromised"]),
            status=Outcome(plain["status"]),
            ranked=tuple(Candidate.from_json(one) for one in plain["ranked"]),
            review=tuple(Candidate.from_json(one) for one in plain["review"]),
            intermediaries=tuple(Candidate.from_json(one) for one in plain["intermediaries"]),
            hints=tuple(Hint.from_json(one) for one in plain["hints"]),
            probes=tuple(Probe.from_json(one) for one in plain["probes"]),
        )


def find(
    domain: Domain,
    *,
    resolver: Resolver,
    fetcher: Fetcher,
    now: datetime,
    host_compromised: Answer = Answer.NO,
) -> Findings:
    """Ask every source about ``domain`` and its organisational domain. Never raises for what the network does."""
    search = _Search(domain, resolver, fetcher, now)
    for source in SOURCES:
        for probe in source(search):
            search.probes.append(replace(probe, id=f"p{len(search.probes) + 1}"))
    return findings(domain, tuple(search.probes), now=now, host_compromised=host_compromised)


def findings(domain: Domain, probes: tuple[Probe, ...], *, now: datetime, host_compromised: Answer) -> Findings:
    """The same from stored probes, without asking anybody (CF-02)."""
    ranked = ranking.rank(domain, probes, host_compromised=host_compromised)
    return Findings(
        domain=domain,
        asked_at=now,
        host_compromised=host_compromised,
        status=_status(ranked, probes),
        ranked=ranked.ranked,
        review=ranked.review,
        intermediaries=ranked.intermediaries,
        hints=ranked.hints,
        probes=probes,
    )


def _status(found: ranking.Ranking, probes: tuple[Probe, ...]) -> Outcome:
    """A guess is not a find: while a published contact may still turn up, the search is not over (R15)."""
    candidates = (*found.ranked, *found.review)
    if any(candidate.source is not Source.RFC2142 for candidate in candidates):
        return Outcome.FOUND
    if any(probe.outcome is Outcome.UNKNOWN for probe in probes):
        return Outcome.UNKNOWN
    return Outcome.FOUND if candidates else Outcome.NONE


# --- the sources -----------------------------------------------------------------------------------------------------


@dataclass
class _Search:
    domain: Domain
    resolver: Resolver
    fetcher: Fetcher
    now: datetime
    probes: list[Probe] = field(default_factory=list)

    @property
    def subjects(self) -> tuple[Domain, ...]:
        """The host, then the organisational domain it lies in (R14); never further up (DT-05, PS-01)."""
        return tuple(dict.fromkeys((self.domain, organisational_domain(self.domain))))


def _security_txt(search: _Search) -> Iterator[Probe]:
    for subject in search.subjects:
        for path in (securitytxt.WELL_KNOWN, securitytxt.LEGACY):
            probe = _file_probe(subject, search.fetcher.get(f"https://{subject}{path}", now=search.now))
            yield probe
            # The first of the two wins; what is not known of it cannot be known from the second (ST-01, section 4).
            if probe.outcome is not Outcome.NONE:
                break


def _file_probe(subject: Domain, fetched: Fetched) -> Probe:
    probe = Probe(
        id="",
        purpose=Purpose.SECURITY_TXT,
        subject=subject,
        question=fetched.url,
        asked_at=fetched.asked_at,
        outcome=fetched.outcome,
        rule=fetched.rule,
        problems=(str(fetched.problem),) if fetched.problem else (),
        hops=fetched.hops,
    )
    if fetched.body is None:
        return probe
    probe = replace(
        probe,
        body=fetched.body,
        body_length=len(fetched.body),
        body_sha256=hashlib.sha256(fetched.body).hexdigest(),
    )
    read = offers.read_security_txt(probe)
    problems = tuple(dict.fromkeys(str(one.code) for one in read.problems if one.level is not Level.ADVICE))
    refused = bool(read.codes & REFUSES)
    if not read.fields and not refused:
        return replace(probe, outcome=Outcome.NONE, rule="ST-02", problems=problems)
    return replace(probe, rule="ST-09" if refused else "ST-01", problems=problems)


def _dns_security_txt(search: _Search) -> Iterator[Probe]:
    for subject in search.subjects:
        answer = search.resolver.lookup(f"{LABEL}.{subject}", "TXT", now=search.now)
        probe = _dns_probe(Purpose.DNS_SECURITY_TXT, subject, answer, "DT-01")
        if answer.outcome is not Outcome.FOUND:
            yield probe
            continue
        read = offers.read_dns_security_txt(probe)
        if read.records:
            yield replace(probe, problems=tuple(dict.fromkeys(str(one.code) for one in read.problems)))
        else:
            yield replace(probe, outcome=Outcome.NONE, rule="SF-12", problems=("not_a_security_record",))


def _mail_exchangers(search: _Search) -> Iterator[Probe]:
    """Comes last: which domains matter is known from what was published."""
    for subject in ranking.mail_domains(search.domain, search.probes)[:MOST_MAIL_DOMAINS]:
        answer = search.resolver.lookup(subject.name, "MX", now=search.now)
        probe = _dns_probe(Purpose.MAIL_EXCHANGER, subject, answer, "ML-02")
        if any(is_null_mx(text) for text in answer.texts):
            probe = replace(probe, outcome=Outcome.NONE, problems=("null_mx",))
        elif answer.outcome is Outcome.NONE:
            probe = replace(probe, problems=("no_mx",))
        yield probe


def _dns_probe(purpose: Purpose, subject: Domain, answer: DnsAnswer, rule: str) -> Probe:
    # SF-10: ignored, and said so.
    problems = (answer.failure,) if answer.failure else ("record_too_long",) if answer.ignored else ()
    return Probe(
        id="",
        purpose=purpose,
        subject=subject,
        question=answer.question,
        asked_at=answer.asked_at,
        outcome=answer.outcome,
        rule="DT-06" if answer.failure else rule,
        problems=problems,
        dns=answer.evidence(),
    )


# A later source is one more function here; mail exchangers stay last.
SOURCES: tuple[Callable[[_Search], Iterator[Probe]], ...] = (_security_txt, _dns_security_txt, _mail_exchangers)
