"""Beside contacts: intermediaries, hints and fallbacks of each domain's newest search, from the stored evidence.

Nothing of this is stored again: ranking is a pure function of the look-ups (CF-02), so the page asks it once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from disclosure.casework import casefile, deskwords, fallbacks, lastsearch
from disclosure.casework.casefile import CaseFile, domains_of
from disclosure.casework.office import Office
from disclosure.casework.words import source_word
from disclosure.discovery.evidence import Probe
from disclosure.protocol.values import Answer, Domain, Language

if TYPE_CHECKING:
    from disclosure.discovery.ranking import Ranking


@dataclass(frozen=True)
class Clue:
    """``value``: an address, a page, a word of the source; ``probe_id``: the look-up that it comes from."""

    value: str
    name: str
    source: str
    reason: str
    probe_id: str


@dataclass(frozen=True)
class FallbackRow:
    authority_id: str
    name: str
    role: str
    country: str
    because: str


@dataclass(frozen=True)
class Clues:
    """Of one domain, at the instant of its newest search."""

    domain: str
    at: datetime
    intermediaries: tuple[Clue, ...]
    hints: tuple[Clue, ...]
    fallbacks: tuple[FallbackRow, ...]


def of_case(office: Office, case_id: str, language: Language) -> tuple[Clues, ...]:
    """One for each domain that was searched."""
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        domains = domains_of(office, connection, file)
        searched = lastsearch.newest(connection, case_id)
        held = {
            domain_id: lastsearch.evidence(office, connection, case_id, last) for domain_id, last in searched.items()
        }
    return tuple(
        _clues(office, file, domains[domain_id], last.at, held[domain_id], language)
        for domain_id, last in searched.items()
    )


def _clues(
    office: Office, file: CaseFile, domain: Domain, at: datetime, evidence: tuple[Probe, ...], language: Language
) -> Clues:
    from disclosure.discovery import ranking  # noqa: PLC0415 - loads dnspython, which no other page needs

    about = file.case.assessed
    found = ranking.rank(domain, evidence, host_compromised=about.host_compromised if about else Answer.UNKNOWN)
    country = next((hint.value for hint in found.hints if hint.kind == "country"), "")
    told = fallbacks.fallbacks(office.policy.authorities, domain, country, about.country if about else "")
    return Clues(
        domain=domain.name,
        at=at,
        intermediaries=_intermediaries(found, language),
        hints=_hints(found, language),
        fallbacks=tuple(_row(one, language) for one in told),
    )


def _intermediaries(found: Ranking, language: Language) -> tuple[Clue, ...]:
    return tuple(
        Clue(
            value=who.address,
            name=dict(who.params).get("name", ""),
            source=source_word(who.source, language),
            reason=deskwords.say(deskwords.REASONS, who.reason, language),
            probe_id=who.probes[0],
        )
        for who in found.intermediaries
    )


def _hints(found: Ranking, language: Language) -> tuple[Clue, ...]:
    return tuple(
        Clue(hint.value, "", "", deskwords.say(deskwords.HINTS, hint.kind, language), hint.probe)
        for hint in found.hints
    )


def _row(one: fallbacks.Fallback, language: Language) -> FallbackRow:
    authority = one.authority
    role = deskwords.head(deskwords.AUTHORITY_ROLES, authority.role, language)
    because = deskwords.say(deskwords.COUNTRY_SAID_BY, one.because, language)
    return FallbackRow(authority.id, authority.short_name or authority.name, role, authority.country, because)
