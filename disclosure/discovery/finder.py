"""A domain's security contacts with evidence: ask in the order of R14, keep every answer, rank once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from disclosure.discovery import hints, ranking, registries, sources
from disclosure.discovery.bootstrap import Directory
from disclosure.discovery.candidates import Candidate, Hint, Source
from disclosure.discovery.certranking import Judge
from disclosure.discovery.cleartext import Verify
from disclosure.discovery.dns import Resolver
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.fetch import Fetcher
from disclosure.discovery.search import Search
from disclosure.protocol.values import Answer, Domain

# A later source is one more function here, in the order of R14. Mail exchangers come after all of them.
_Source = Callable[[Search], Iterator[Probe]]
SOURCES: tuple[_Source, ...] = (
    sources.security_txt,
    sources.dns_security_txt,
    sources.caa,
    registries.registry,
    sources.soa,
)
HINTS: tuple[_Source, ...] = (registries.network, sources.nameservers, hints.report_records, hints.own_pages)


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

    @property
    def is_complete(self) -> bool:
        """Whether every look-up that could name a contact was answered: then who is not named is not named."""
        return not any(_may_still_name(probe) for probe in self.probes)

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
    directory: Directory | None = None,
    thorough: bool = False,
    judge: Judge | None = None,
    verify: Verify | None = None,
) -> Findings:
    """Ask every source about ``domain`` and its organisational domain. Never raises for what the network does.

    ``directory``: where registries are; without it none is asked. ``thorough``: also hints for a person, from report
    records and the organisation's own pages: for one case, not for a list of names (discovery facts, section 4).
    ``verify`` and ``judge``: signed files are verified by the certificates that they point to, which are fetched and
    judged for that; without both nothing is fetched and signatures stay unchecked.
    """
    search = Search(domain, resolver, fetcher, now, host_compromised, directory, judge=judge if verify else None)
    search.ask_at_once(sources.questions(search))
    for source in (*SOURCES, sources.signers_certificates, *(HINTS if thorough else ()), sources.mail_exchangers):
        for probe in source(search):
            search.probes.append(replace(probe, id=f"p{len(search.probes) + 1}"))
    return findings(domain, tuple(search.probes), now=now, host_compromised=host_compromised, verify=verify)


def findings(
    domain: Domain,
    probes: tuple[Probe, ...],
    *,
    now: datetime,
    host_compromised: Answer,
    verify: Verify | None = None,
) -> Findings:
    """The same from stored probes, without asking anybody (CF-02)."""
    ranked = ranking.rank(domain, probes, host_compromised=host_compromised, verify=verify)
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


# What these come to names no contact of the organisation: not known, they leave nothing to wait for (R15).
NEVER_A_CONTACT = frozenset(
    {
        *(Purpose.ENCRYPTION_URI, Purpose.NAMESERVERS, Purpose.RDAP_NETWORK, Purpose.DMARC, Purpose.TLS_RPT),
        *(Purpose.HUMANS_TXT, Purpose.HOME_PAGE, Purpose.LEGAL_PAGE),
    }
)


def _may_still_name(probe: Probe) -> bool:
    return probe.outcome is Outcome.UNKNOWN and probe.purpose not in NEVER_A_CONTACT


def _status(found: ranking.Ranking, probes: tuple[Probe, ...]) -> Outcome:
    """A guess is not a find: while a published contact may still turn up, the search is not over (R15)."""
    candidates = (*found.ranked, *found.review)
    if any(candidate.source is not Source.RFC2142 for candidate in candidates):
        return Outcome.FOUND
    if any(_may_still_name(probe) for probe in probes):
        return Outcome.UNKNOWN
    return Outcome.FOUND if candidates else Outcome.NONE
