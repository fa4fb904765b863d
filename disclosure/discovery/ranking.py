"""Evidence to a ranked list, a review list and hints: pure, so that the same evidence gives the same list (CF-02)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from disclosure.discovery import offers, pageoffers, registryoffers, zoneoffers
from disclosure.discovery.candidates import Candidate, Confidence, Flag, Hint, HintKind, Scope, Source
from disclosure.discovery.cleartext import Verify
from disclosure.discovery.evidence import Outcome, Probe
from disclosure.discovery.offers import (
    Evidence,
    Found,
    Offer,
    exchangers,
    guess_mailboxes,
    is_mail,
    refuses_mail,
    takes_mail,
)
from disclosure.protocol.values import Address, Answer, Channel, Domain

__all__ = ["Candidate", "Ranking", "mail_domains", "rank"]

# A later source adds its reader here, its purpose in evidence.py and its place in candidates.Source.
_READERS: tuple[Callable[[Evidence, Found], None], ...] = (
    offers.security_txt,
    offers.dns_security_txt,
    zoneoffers.caa,
    registryoffers.registration,
    zoneoffers.soa,
    registryoffers.network,
    zoneoffers.report_addresses,
    pageoffers.own_pages,
)
_ORDER = {source: place for place, source in enumerate(Source)}  # R14
# R17a, ST-26: what an intruder on the host cannot have written comes first: the registry's word, then the zone's.
_TURNED = {
    source: place
    for place, source in enumerate(
        (
            *(Source.RDAP, Source.DNS_SECURITY_TXT, Source.CAA_IODEF, Source.SOA_RNAME),
            *(Source.SECURITY_TXT_PARENT, Source.SECURITY_TXT, Source.RDAP_NETWORK, Source.RFC2142),
        )
    )
}
# Sources of one family are one publisher's word through one door: they cannot confirm each other (CF-01).
_FAMILY = {
    Source.SECURITY_TXT: "https",
    Source.SECURITY_TXT_PARENT: "https",
    Source.DNS_SECURITY_TXT: "dns",
    Source.CAA_IODEF: "dns",
    Source.SOA_RNAME: "dns",
    Source.RDAP: "registry",
}
_WEB = frozenset({Source.SECURITY_TXT, Source.SECURITY_TXT_PARENT})
_RAISED = {Confidence.LOW: Confidence.MEDIUM, Confidence.MEDIUM: Confidence.HIGH, Confidence.HIGH: Confidence.HIGH}


@dataclass(frozen=True)
class Ranking:
    ranked: tuple[Candidate, ...]
    review: tuple[Candidate, ...]
    intermediaries: tuple[Candidate, ...]
    hints: tuple[Hint, ...]


def rank(domain: Domain, probes: Sequence[Probe], *, host_compromised: Answer, verify: Verify | None = None) -> Ranking:
    """Candidates for ``domain`` by what the probes hold, each once, at its best place (R14, CF-01).

    Dates are judged at the instant of each probe. Unless the host is known to be sound, what it publishes about itself
    goes to review, and sources that do not depend on it come first (R17a). ``verify``: signatures of files are held
    against the certificates among the probes; without it they stay unchecked.
    """
    evidence = Evidence(domain, tuple(probes), host_compromised, verify)
    found = published(evidence)
    guess_mailboxes(evidence, found)
    place = _places(evidence)
    merged = sorted((_merged(group) for group in _groups(_deliverable(evidence, found), place)), key=place)
    ranked = [offer.candidate for offer in merged if not offer.review]
    review = [offer.candidate for offer in merged if offer.review]
    return Ranking(
        _numbered(_disagreeing(ranked)),
        _numbered(review),
        _numbered(_once(found.intermediaries)),
        tuple(dict.fromkeys(found.hints)),
    )


def published(evidence: Evidence) -> Found:
    """What the sources name, before anybody asks whether mail arrives there."""
    found = Found()
    for read in _READERS:
        read(evidence, found)
    return found


def mail_domains(domain: Domain, probes: Sequence[Probe]) -> tuple[Domain, ...]:
    """Where mail would go: the organisational domain for guesses, then those of published addresses."""
    evidence = Evidence(domain, tuple(probes), Answer.NO)
    named = (Address.parse(o.candidate.address).domain for o in published(evidence).offers if is_mail(o))
    return tuple(dict.fromkeys((evidence.organisation, *named)))


def _deliverable(evidence: Evidence, found: Found) -> list[Offer]:
    """ML-02: a null MX voids an address; a domain without MX may be nobody's any more, so a person looks."""
    asked = exchangers(evidence)
    out = []
    for offer in found.offers:
        who = offer.candidate
        probe = asked.get(Address.parse(who.address).domain) if is_mail(offer) else None
        if probe is None and asked and is_mail(offer):
            out.append(replace(offer, candidate=_flagged(who, Flag.MX_UNKNOWN)))  # beyond the domains that are asked
        elif probe is None or takes_mail(probe):
            out.append(offer)
        elif refuses_mail(probe):
            found.hints.append(Hint(HintKind.NULL_MX, who.address, probe.id))
        elif probe.outcome is Outcome.UNKNOWN:
            out.append(replace(offer, candidate=_flagged(who, Flag.MX_UNKNOWN)))
        else:
            out.append(Offer(_flagged(who, Flag.NO_MX), offer.place, review=True))
    return out


# --- one list --------------------------------------------------------------------------------------------------------


def _places(evidence: Evidence) -> Callable[[Offer], tuple[bool, bool, int, bool, int, str]]:
    """The key by which offers are sorted."""
    sound = evidence.host_compromised is Answer.NO
    order = _ORDER if sound else _TURNED

    def place(offer: Offer) -> tuple[bool, bool, int, bool, int, str]:
        who = offer.candidate
        # ST-26: where the host cannot be trusted, a record that DNSSEC proves beats everything.
        proven = not sound and ("signed", "yes") in who.params
        return (offer.review, not proven, order[who.source], who.scope is not Scope.HOST, offer.place, who.address)

    return place


def _groups(given: Iterable[Offer], place: Callable[[Offer], object]) -> Iterable[list[Offer]]:
    groups: dict[tuple[Channel, str], list[Offer]] = {}
    for offer in sorted(given, key=place):  # type: ignore[arg-type]
        groups.setdefault(_key(offer.candidate), []).append(offer)
    return groups.values()


def _key(who: Candidate) -> tuple[Channel, str]:
    return (who.channel, who.address.lower() if who.channel is Channel.MAIL else who.address)


def _once(intermediaries: Iterable[Candidate]) -> list[Candidate]:
    """R14b: a list of their own, each once, by source; never mixed with the organisation's own."""
    once: dict[tuple[Channel, str], Candidate] = {}
    for who in sorted(intermediaries, key=lambda who: (_ORDER[who.source], str(who.reason), who.address, who.params)):
        once.setdefault(_key(who), who)
    return list(once.values())


def _merged(group: list[Offer]) -> Offer:
    """The best offer of a group that is sorted, with what the others of its standing add."""
    best = group[0]
    alike = [offer.candidate for offer in group if offer.review == best.review]
    who = replace(
        best.candidate,
        probes=tuple(dict.fromkeys(probe for one in alike for probe in one.probes)),
        flags=tuple(dict.fromkeys(flag for one in alike for flag in one.flags)),
    )
    families = {_FAMILY[one.source] for one in alike if one.source in _FAMILY}
    if len(families) > 1 and not best.review:
        also = ", ".join(dict.fromkeys(str(one.source) for one in alike[1:] if one.source in _FAMILY))
        who = replace(
            _flagged(who, Flag.NAMED_TWICE),
            confidence=_RAISED[who.confidence],
            params=(*who.params, ("also", also)),
        )
    return replace(best, candidate=who)


def _disagreeing(ranked: list[Candidate]) -> list[Candidate]:
    """DT-07: security.txt and Security TXT name nobody in common: both stay, and both say so."""
    web = [who for who in ranked if who.source in _WEB]
    zone = [who for who in ranked if who.source is Source.DNS_SECURITY_TXT]
    agreed = any(Source.DNS_SECURITY_TXT in dict(who.params).get("also", "") for who in web)
    agreed = agreed or any(source in dict(who.params).get("also", "").split(", ") for who in zone for source in _WEB)
    if not (web and zone) or agreed:
        return ranked
    return [_flagged(who, Flag.SOURCES_DISAGREE) if who in web or who in zone else who for who in ranked]


def _flagged(who: Candidate, flag: Flag) -> Candidate:
    return replace(who, flags=(*who.flags, str(flag)))


def _numbered(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(replace(who, rank=place) for place, who in enumerate(candidates, 1))
