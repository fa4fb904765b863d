"""Evidence to a ranked list, a review list and hints: pure, so that the same evidence gives the same list (CF-02)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from disclosure.discovery.candidates import Candidate, Confidence, Flag, Hint, HintKind, Source
from disclosure.discovery.evidence import Outcome, Probe
from disclosure.discovery.offers import (
    Evidence,
    Found,
    Offer,
    exchangers,
    guess_mailboxes,
    is_mail,
    published,
    refuses_mail,
    takes_mail,
)
from disclosure.protocol.values import Address, Answer, Channel, Domain

__all__ = ["Candidate", "Ranking", "mail_domains", "rank"]

# Sources of one family are one publisher's word through one door: they cannot confirm each other (CF-01).
_FAMILY = {
    Source.SECURITY_TXT: "https",
    Source.SECURITY_TXT_PARENT: "https",
    Source.DNS_SECURITY_TXT: "dns",
}
_RAISED = {Confidence.LOW: Confidence.MEDIUM, Confidence.MEDIUM: Confidence.HIGH, Confidence.HIGH: Confidence.HIGH}


@dataclass(frozen=True)
class Ranking:
    ranked: tuple[Candidate, ...]
    review: tuple[Candidate, ...]
    intermediaries: tuple[Candidate, ...]
    hints: tuple[Hint, ...]


def rank(domain: Domain, probes: Sequence[Probe], *, host_compromised: Answer) -> Ranking:
    """Candidates for ``domain`` by what the probes hold, each once, at its best place (R14, CF-01).

    Dates are judged at the instant of each probe. Unless the host is known to be sound, what it publishes about itself
    goes to review (R17a).
    """
    evidence = Evidence(domain, tuple(probes), host_compromised)
    found = published(evidence)
    guess_mailboxes(evidence, found)
    offers = _deliverable(evidence, found)
    merged = sorted((_merged(group) for group in _groups(offers)), key=lambda offer: offer.sort_key)
    ranked = [offer.candidate for offer in merged if not offer.review]
    review = [offer.candidate for offer in merged if offer.review]
    return Ranking(_numbered(_disagreeing(ranked)), _numbered(review), (), tuple(dict.fromkeys(found.hints)))


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
        if probe is None or takes_mail(probe):
            out.append(offer)
        elif refuses_mail(probe):
            found.hints.append(Hint(HintKind.NULL_MX, who.address, probe.id))
        elif probe.outcome is Outcome.UNKNOWN:
            out.append(replace(offer, candidate=_flagged(who, Flag.MX_UNKNOWN)))
        else:
            out.append(Offer(_flagged(who, Flag.NO_MX), offer.place, review=True))
    return out


# --- one list --------------------------------------------------------------------------------------------------------


def _groups(offers: Iterable[Offer]) -> Iterable[list[Offer]]:
    groups: dict[tuple[Channel, str], list[Offer]] = {}
    for offer in sorted(offers, key=lambda offer: offer.sort_key):
        who = offer.candidate
        address = who.address.lower() if who.channel is Channel.MAIL else who.address
        groups.setdefault((who.channel, address), []).append(offer)
    return groups.values()


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
    """DT-07: web and zone name nobody in common: both stay, and both say so."""
    named = {family: [who for who in ranked if _FAMILY.get(who.source) == family] for family in ("https", "dns")}
    if not all(named.values()) or any(Flag.NAMED_TWICE in who.flags for who in ranked):
        return ranked
    return [_flagged(who, Flag.SOURCES_DISAGREE) if who.source in _FAMILY else who for who in ranked]


def _flagged(who: Candidate, flag: Flag) -> Candidate:
    return replace(who, flags=(*who.flags, str(flag)))


def _numbered(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(replace(who, rank=place) for place, who in enumerate(candidates, 1))
