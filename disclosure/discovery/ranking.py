"""Evidence to a ranked list, a review list and hints: pure, so that the same evidence gives the same list (CF-02)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from disclosure.discovery import dnstxt, securitytxt
from disclosure.discovery.candidates import (
    Candidate,
    Confidence,
    Flag,
    Hint,
    HintKind,
    Params,
    Reason,
    Scope,
    Source,
)
from disclosure.discovery.contacts import Contact, Note
from disclosure.discovery.dns import is_null_mx, txt_bytes
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.names import is_public_webmail, organisational_domain, to_domain
from disclosure.discovery.problems import NEEDS_A_PERSON, REFUSES, Code
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address, Answer, Channel, Domain

MOST_PER_FILE = 5  # ST-25: of each channel
CONVENTIONAL = ("security", "abuse", "noc")  # RFC 2142, in this order (ML-01)
_ORDER = {source: place for place, source in enumerate(Source)}
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


@dataclass(frozen=True)
class _Evidence:
    domain: Domain
    probes: tuple[Probe, ...]
    host_compromised: Answer

    @property
    def organisation(self) -> Domain:
        return organisational_domain(self.domain)

    def of(self, purpose: Purpose) -> Iterator[Probe]:
        return (probe for probe in self.probes if probe.purpose is purpose)

    def scope(self, probe: Probe) -> Scope:
        return Scope.HOST if probe.subject == self.domain else Scope.PARENT


@dataclass(frozen=True)
class _Offer:
    """One candidate as one source sees it; ``place`` is its place within the source."""

    candidate: Candidate
    place: int
    review: bool

    @property
    def sort_key(self) -> tuple[bool, int, Scope, int, str]:
        who = self.candidate
        return (self.review, _ORDER[who.source], who.scope, self.place, who.address)


@dataclass
class _Found:
    offers: list[_Offer] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)


def rank(domain: Domain, probes: Sequence[Probe], *, host_compromised: Answer) -> Ranking:
    """Candidates for ``domain`` by what the probes hold, each once, at its best place (R14, CF-01).

    Dates are judged at the instant of each probe. Unless the host is known to be sound, what it publishes about itself
    goes to review (R17a).
    """
    evidence = _Evidence(domain, tuple(probes), host_compromised)
    found = _published(evidence)
    _mailboxes(evidence, found)
    offers = _deliverable(evidence, found)
    merged = sorted((_merged(group) for group in _groups(offers)), key=lambda offer: offer.sort_key)
    ranked = [offer.candidate for offer in merged if not offer.review]
    review = [offer.candidate for offer in merged if offer.review]
    return Ranking(_numbered(_disagreeing(ranked)), _numbered(review), (), tuple(dict.fromkeys(found.hints)))


def mail_domains(domain: Domain, probes: Sequence[Probe]) -> tuple[Domain, ...]:
    """Where mail would go: the organisational domain for guesses, then those of published addresses."""
    evidence = _Evidence(domain, tuple(probes), Answer.NO)
    published = (Address.parse(o.candidate.address).domain for o in _published(evidence).offers if _is_mail(o))
    return tuple(dict.fromkeys((evidence.organisation, *published)))


def _published(evidence: _Evidence) -> _Found:
    found = _Found()
    for read in _READERS:
        read(evidence, found)
    return found


# --- security.txt ----------------------------------------------------------------------------------------------------


def _security_txt(evidence: _Evidence, found: _Found) -> None:
    for probe in evidence.of(Purpose.SECURITY_TXT):
        if probe.body is None or probe.outcome is not Outcome.FOUND:
            continue
        read = read_security_txt(probe)
        flags = sorted({*read.codes & NEEDS_A_PERSON, *_way(evidence, probe)})
        scope = evidence.scope(probe)
        source = Source.SECURITY_TXT if scope is Scope.HOST else Source.SECURITY_TXT_PARENT
        high = scope is Scope.HOST
        offer = Candidate(
            channel=Channel.MAIL,
            address="",
            source=source,
            rank=0,
            confidence=Confidence.HIGH if high else Confidence.MEDIUM,
            reason=Reason.PUBLISHED_BY_HOST if high else Reason.PUBLISHED_BY_ORGANISATION,
            params=(("canonical", read.canonical_match),) if read.canonical_match else (),
            scope=scope,
            probes=(probe.id,),
            flags=tuple(map(str, flags)),
        )
        _offer_all(evidence, found, read.contacts, offer, review=bool(flags))
        found.hints += _hints(read, probe.id)


def read_security_txt(probe: Probe) -> securitytxt.SecurityTxt:
    """The file that a probe holds, read at the instant of the probe."""
    last = probe.hops[-1] if probe.hops else None
    return securitytxt.read(
        probe.body or b"",
        url=probe.question,
        final_url=last.url if last else None,
        now=probe.asked_at,
        content_type=last.content_type if last else None,
    )


def _way(evidence: _Evidence, probe: Probe) -> Iterator[str]:
    """What the hosts on the way mean: somebody else's (ST-05), or the one that may be in an intruder's hands."""
    hosts = {_host(hop.url) for hop in probe.hops} or {probe.subject}
    if any(host is None or organisational_domain(host) != evidence.organisation for host in hosts):
        yield Code.OFFSITE_REDIRECT
    if evidence.host_compromised is not Answer.NO and evidence.domain in hosts:
        yield Flag.HOST_MAY_BE_COMPROMISED


def _host(url: str) -> Domain | None:
    try:
        return to_domain(urlsplit(url).hostname or "")
    except (ValueError, InvalidInput):
        return None


def _hints(read: securitytxt.SecurityTxt, probe: str) -> Iterator[Hint]:
    said = {
        HintKind.POLICY: read.policy,
        HintKind.ENCRYPTION: read.encryption,
        HintKind.LANGUAGE: read.languages,
        HintKind.OTHER_CONTACT: read.others,
    }
    for kind, values in said.items():
        yield from (Hint(kind, value, probe) for value in values[:MOST_PER_FILE])
    if read.codes & REFUSES:
        yield Hint(HintKind.REFUSED_FILE, ", ".join(sorted(read.codes & REFUSES)), probe)


# --- DNS Security TXT ------------------------------------------------------------------------------------------------


def _dns_security_txt(evidence: _Evidence, found: _Found) -> None:
    for probe in evidence.of(Purpose.DNS_SECURITY_TXT):
        read = read_dns_security_txt(probe)
        if not probe.dns or not read.records:
            continue
        signed = probe.dns.ad and probe.dns.validating
        flags = sorted(read.codes & NEEDS_A_PERSON)
        offer = Candidate(
            channel=Channel.MAIL,
            address="",
            source=Source.DNS_SECURITY_TXT,
            rank=0,
            confidence=Confidence.HIGH if signed else Confidence.MEDIUM,
            reason=Reason.PUBLISHED_IN_ZONE,
            params=(("signed", "yes" if signed else "no"),),
            scope=evidence.scope(probe),
            probes=(probe.id,),
            flags=tuple(map(str, flags)),
        )
        _offer_all(evidence, found, read.contacts, offer, review=bool(flags))
        found.hints += [Hint(HintKind.POLICY, url, probe.id) for url in read.policy[:MOST_PER_FILE]]


def read_dns_security_txt(probe: Probe) -> dnstxt.DnsSecurityTxt:
    """The records that a probe holds, read at the instant of the probe."""
    texts = probe.dns.rrset if probe.dns else ()
    return dnstxt.read([txt_bytes(text) for text in texts], now=probe.asked_at)


# A later source adds its reader here, its purpose in evidence.py and its place in candidates.Source.
_READERS: tuple[Callable[[_Evidence, _Found], None], ...] = (_security_txt, _dns_security_txt)


def _offer_all(
    evidence: _Evidence, found: _Found, contacts: Iterable[Contact], like: Candidate, *, review: bool
) -> None:
    taken: dict[Channel, int] = {}
    left_out = 0
    for place, contact in enumerate(contacts):
        taken[contact.kind] = taken.get(contact.kind, 0) + 1
        if taken[contact.kind] > MOST_PER_FILE:
            left_out += 1
            continue
        flags = (*like.flags, *map(str, contact.notes), *_about_address(evidence, contact))
        candidate = replace(like, channel=contact.kind, address=contact.address, flags=flags)
        found.offers.append(_Offer(candidate, place, review or Note.DECEPTIVE_NAME in contact.notes))
    if left_out:
        found.hints.append(Hint(HintKind.MORE_CONTACTS, str(left_out), like.probes[0]))


def _about_address(evidence: _Evidence, contact: Contact) -> Iterator[Flag]:
    if contact.kind is Channel.PHONE:
        return
    mail = contact.kind is Channel.MAIL
    host = Address.parse(contact.address).domain if mail else _host(contact.address)
    if host and is_public_webmail(host):
        yield Flag.PUBLIC_WEBMAIL
    elif host and organisational_domain(host) != evidence.organisation:
        yield Flag.ANOTHER_ORGANISATION


# --- mail ------------------------------------------------------------------------------------------------------------


def _mailboxes(evidence: _Evidence, found: _Found) -> None:
    """ML-01: guesses at the organisational domain, where a mail exchanger really stands."""
    domain = evidence.organisation
    probe = _exchangers(evidence).get(domain)
    if probe is None or not _takes_mail(probe):
        return
    for place, local in enumerate(CONVENTIONAL):
        guess = Candidate(
            channel=Channel.MAIL,
            address=str(Address(local, domain)),
            source=Source.RFC2142,
            rank=0,
            confidence=Confidence.LOW,
            reason=Reason.CONVENTIONAL_MAILBOX,
            params=(),
            scope=Scope.HOST if domain == evidence.domain else Scope.PARENT,
            probes=(probe.id,),
            flags=(),
        )
        found.offers.append(_Offer(guess, place, review=False))


def _exchangers(evidence: _Evidence) -> dict[Domain, Probe]:
    return {probe.subject: probe for probe in evidence.of(Purpose.MAIL_EXCHANGER)}


def _takes_mail(probe: Probe) -> bool:
    return probe.outcome is Outcome.FOUND and not _refuses_mail(probe)


def _refuses_mail(probe: Probe) -> bool:
    return bool(probe.dns and any(is_null_mx(text) for text in probe.dns.rrset))


def _is_mail(offer: _Offer) -> bool:
    return offer.candidate.channel is Channel.MAIL


def _deliverable(evidence: _Evidence, found: _Found) -> list[_Offer]:
    """ML-02: a null MX voids an address; a domain without MX may be nobody's any more, so a person looks."""
    exchangers = _exchangers(evidence)
    out = []
    for offer in found.offers:
        who = offer.candidate
        probe = exchangers.get(Address.parse(who.address).domain) if _is_mail(offer) else None
        if probe is None or _takes_mail(probe):
            out.append(offer)
        elif _refuses_mail(probe):
            found.hints.append(Hint(HintKind.NULL_MX, who.address, probe.id))
        elif probe.outcome is Outcome.UNKNOWN:
            out.append(replace(offer, candidate=_flagged(who, Flag.MX_UNKNOWN)))
        else:
            out.append(_Offer(_flagged(who, Flag.NO_MX), offer.place, review=True))
    return out


# --- one list --------------------------------------------------------------------------------------------------------


def _groups(offers: Iterable[_Offer]) -> Iterable[list[_Offer]]:
    groups: dict[tuple[Channel, str], list[_Offer]] = {}
    for offer in sorted(offers, key=lambda offer: offer.sort_key):
        who = offer.candidate
        groups.setdefault((who.channel, who.address.lower()), []).append(offer)
    return groups.values()


def _merged(group: list[_Offer]) -> _Offer:
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
        also: Params = (("also", ", ".join(sorted({str(one.source) for one in alike[1:] if one.source in _FAMILY}))),)
        who = replace(_flagged(who, Flag.NAMED_TWICE), confidence=_RAISED[who.confidence], params=who.params + also)
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
