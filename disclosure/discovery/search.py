"""One search under way: about which names, with which tools, and an answer as a probe (EV-01)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from disclosure.discovery.bootstrap import Directory
from disclosure.discovery.certranking import Judge
from disclosure.discovery.dns import DnsAnswer, Resolver
from disclosure.discovery.evidence import Probe, Purpose
from disclosure.discovery.fetch import Fetched, Fetcher
from disclosure.discovery.names import organisational_domain
from disclosure.protocol.values import Answer, Domain

MOST_CLIMBED = 6  # names asked for CAA: ours, for a host far below its organisation


@dataclass
class Search:
    domain: Domain
    resolver: Resolver
    fetcher: Fetcher
    now: datetime
    host_compromised: Answer
    directory: Directory | None
    probes: list[Probe] = field(default_factory=list)
    judge: Judge | None = None

    @property
    def organisation(self) -> Domain:
        return organisational_domain(self.domain)

    def ask_at_once(self, questions: Iterable[tuple[str, str]]) -> None:
        """Questions that sources will certainly ask, (name, type), before the first of them asks."""
        self.resolver = self.resolver.having_asked(questions, now=self.now)
        self.fetcher = self.fetcher.asking(self.resolver)

    def of(self, purpose: Purpose) -> list[Probe]:
        return [probe for probe in self.probes if probe.purpose is purpose]

    @property
    def climb(self) -> tuple[Domain, ...]:
        """CA-02: from the host label by label to the organisational domain, never to the suffix above it."""
        labels = self.domain.name.removesuffix(self.organisation.name).split(".")[:-1]
        below = [Domain(".".join([*labels[place:], self.organisation.name])) for place in range(len(labels))]
        return (*below[: MOST_CLIMBED - 1], self.organisation)

    @property
    def subjects(self) -> tuple[Domain, ...]:
        """The host, then the organisational domain it lies in (R14); never further up (DT-05, PS-01)."""
        return tuple(dict.fromkeys((self.domain, self.organisation)))


def fetched_probe(purpose: Purpose, subject: Domain, fetched: Fetched) -> Probe:
    body = fetched.body
    return Probe(
        id="",
        purpose=purpose,
        subject=subject,
        question=fetched.url,
        asked_at=fetched.asked_at,
        outcome=fetched.outcome,
        rule=fetched.rule,
        problems=(str(fetched.problem),) if fetched.problem else (),
        hops=fetched.hops,
        body=body,
        body_length=None if body is None else len(body),
        body_sha256="" if body is None else hashlib.sha256(body).hexdigest(),
    )


def dns_probe(purpose: Purpose, subject: Domain, answer: DnsAnswer, rule: str) -> Probe:
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
