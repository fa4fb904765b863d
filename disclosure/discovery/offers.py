"""What each source offers, read from the stored evidence (ST, DT, ML rules). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from disclosure.discovery import dnstxt, securitytxt, signers
from disclosure.discovery.candidates import Candidate, Confidence, Flag, Hint, HintKind, Reason, Scope, Source
from disclosure.discovery.cleartext import Verified, Verify
from disclosure.discovery.contacts import Contact, Note
from disclosure.discovery.dns import is_null_mx, txt_bytes
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.names import is_public_webmail, organisational_domain, to_domain
from disclosure.discovery.problems import NEEDS_A_PERSON, REFUSES, Code
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address, Answer, Channel, Domain

MOST_PER_FILE = 5  # ST-25: of each channel
MOST_LANGUAGES = 10  # ours
CONVENTIONAL = ("security", "abuse", "noc")  # RFC 2142, in this order (ML-01)
_NEED_EYES: frozenset[str] = frozenset({Note.DECEPTIVE_NAME, Flag.HOST_MAY_BE_COMPROMISED})
# Where agencies, hosters and registrars are entered too, an address elsewhere may be theirs.
NOT_ITS_OWN = _NEED_EYES | {Flag.ANOTHER_ORGANISATION, Flag.PUBLIC_WEBMAIL}


@dataclass(frozen=True)
class Evidence:
    domain: Domain
    probes: tuple[Probe, ...]
    host_compromised: Answer
    verify: Verify | None = None  # of signed files; without one their signatures stay unchecked

    @property
    def organisation(self) -> Domain:
        return organisational_domain(self.domain)

    def of(self, purpose: Purpose) -> Iterator[Probe]:
        return (probe for probe in self.probes if probe.purpose is purpose)

    @property
    def host_addresses(self) -> frozenset[str]:
        """Where the host itself was found, by the look-ups that went there."""
        hops = (hop for probe in self.of(Purpose.SECURITY_TXT) for hop in probe.hops)
        return frozenset(a for hop in hops if host_of(hop.url) == self.domain for a in hop.addresses)

    def scope(self, probe: Probe) -> Scope:
        return Scope.HOST if probe.subject == self.domain else Scope.PARENT


@dataclass(frozen=True)
class Offer:
    """One candidate as one source sees it; ``place`` is its place within the source."""

    candidate: Candidate
    place: int
    review: bool


@dataclass
class Found:
    offers: list[Offer] = field(default_factory=list)
    intermediaries: list[Candidate] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)


# --- security.txt ----------------------------------------------------------------------------------------------------


def security_txt(evidence: Evidence, found: Found) -> None:
    for probe in evidence.of(Purpose.SECURITY_TXT):
        if probe.body is None or probe.outcome is not Outcome.FOUND:
            continue
        read = _verified(evidence, probe)
        good = read.signature is securitytxt.Signature.GOOD
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
            params=_params(read),
            scope=scope,
            probes=(probe.id,),
            flags=(*map(str, flags), *([str(Flag.GOOD_SIGNATURE)] if good else [])),
        )
        offer_all(evidence, found, read.contacts, offer, review=bool(flags))
        found.hints += _hints(read, probe.id)


def _verified(evidence: Evidence, probe: Probe) -> securitytxt.SecurityTxt:
    """The file, its signature verified by what its own Encryption fields led to (ST-24)."""
    read = read_security_txt(probe)
    certificates = signers.at_hand(read, evidence.of(Purpose.ENCRYPTION_URI)) if read.signed and evidence.verify else ()
    if not certificates or evidence.verify is None or probe.body is None:
        return read
    verified = evidence.verify(probe.body, certificates=certificates, now=probe.asked_at)
    return read_security_txt(probe, verified=verified)


def _params(read: securitytxt.SecurityTxt) -> tuple[tuple[str, str], ...]:
    good = read.signature is securitytxt.Signature.GOOD
    said = {
        "canonical": read.canonical_match,
        "signature": "good" if good else "",
        "signer": read.signer if good else "",
        "languages": ", ".join(read.languages[:MOST_LANGUAGES]),
    }
    return tuple((name, value) for name, value in said.items() if value)


def read_security_txt(probe: Probe, *, verified: Verified | None = None) -> securitytxt.SecurityTxt:
    """The file that a probe holds, read at the instant of the probe."""
    last = probe.hops[-1] if probe.hops else None
    return securitytxt.read(
        probe.body or b"",
        url=probe.question,
        final_url=last.url if last else None,
        now=probe.asked_at,
        content_type=last.content_type if last else None,
        verified=verified,
    )


def _way(evidence: Evidence, probe: Probe) -> Iterator[str]:
    """What the hosts on the way mean: somebody else's (ST-05), or the one that may be in an intruder's hands."""
    hosts = {probe.subject, *(host_of(hop.url) for hop in probe.hops)}
    if any(host is None or organisational_domain(host) != evidence.organisation for host in hosts):
        yield Code.OFFSITE_REDIRECT
    if evidence.host_compromised is Answer.NO:
        return
    # Whoever holds the host holds what its machine serves under other names; www and the bare name mostly share one.
    addresses = {address for hop in probe.hops for address in hop.addresses}
    if evidence.domain in hosts or not addresses.isdisjoint(evidence.host_addresses):
        yield Flag.HOST_MAY_BE_COMPROMISED


def host_of(url: str) -> Domain | None:
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


def dns_security_txt(evidence: Evidence, found: Found) -> None:
    for probe in evidence.of(Purpose.DNS_SECURITY_TXT):
        read = read_dns_security_txt(probe)
        if not probe.dns or not read.records:
            continue
        signed = probe.dns.ad and probe.dns.validating
        flags = sorted(
            {*read.codes & NEEDS_A_PERSON, *([Flag.ANOTHER_ZONE] if stands_elsewhere(evidence, probe) else [])}
        )
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
        offer_all(evidence, found, read.contacts, offer, review=bool(flags))
        found.hints += [Hint(HintKind.POLICY, url, probe.id) for url in read.policy[:MOST_PER_FILE]]


def stands_elsewhere(evidence: Evidence, probe: Probe) -> bool:
    """CA-03: an alias, or a platform's zone, made somebody else answer."""
    owner = probe.dns.owner if probe.dns and probe.outcome is Outcome.FOUND else ""
    while owner.startswith("_"):  # such labels are no host names, and name no organisation
        owner = owner.partition(".")[2]
    try:
        return bool(owner) and not to_domain(owner).is_within(evidence.organisation)
    except InvalidInput:
        return True


def read_dns_security_txt(probe: Probe) -> dnstxt.DnsSecurityTxt:
    """The records that a probe holds, read at the instant of the probe."""
    texts = probe.dns.rrset if probe.dns else ()
    return dnstxt.read([txt_bytes(text) for text in texts], now=probe.asked_at)


def offer_all(
    evidence: Evidence,
    found: Found,
    contacts: Iterable[Contact],
    like: Candidate,
    *,
    review: bool,
    eyes: frozenset[str] = _NEED_EYES,
) -> None:
    """At most five of each channel (ST-25), each with what its own address says."""
    taken: dict[Channel, int] = {}
    left_out = 0
    for place, contact in enumerate(contacts):
        taken[contact.kind] = taken.get(contact.kind, 0) + 1
        if taken[contact.kind] > MOST_PER_FILE:
            left_out += 1
            continue
        about = (*contact.notes, *about_address(evidence, contact))
        flags = tuple(dict.fromkeys((*like.flags, *map(str, about))))
        candidate = replace(like, channel=contact.kind, address=contact.address, flags=flags)
        found.offers.append(Offer(candidate, place, review or not eyes.isdisjoint(about)))
    if left_out:
        found.hints.append(Hint(HintKind.MORE_CONTACTS, str(left_out), like.probes[0]))


def about_address(evidence: Evidence, contact: Contact) -> Iterator[Flag]:
    if contact.kind is Channel.PHONE:
        return
    mail = contact.kind is Channel.MAIL
    host = Address.parse(contact.address).domain if mail else host_of(contact.address)
    if not mail and host == evidence.domain and evidence.host_compromised is not Answer.NO:
        yield Flag.HOST_MAY_BE_COMPROMISED  # a form there is read by whoever holds the host
    if host and is_public_webmail(host):
        yield Flag.PUBLIC_WEBMAIL
    elif host and organisational_domain(host) != evidence.organisation:
        yield Flag.ANOTHER_ORGANISATION


# --- mail ------------------------------------------------------------------------------------------------------------


def guess_mailboxes(evidence: Evidence, found: Found) -> None:
    """ML-01: guesses at the organisational domain, where a mail exchanger really stands."""
    domain = evidence.organisation
    probe = exchangers(evidence).get(domain)
    if probe is None or not takes_mail(probe):
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
        found.offers.append(Offer(guess, place, review=False))


def exchangers(evidence: Evidence) -> dict[Domain, Probe]:
    return {probe.subject: probe for probe in evidence.of(Purpose.MAIL_EXCHANGER)}


def takes_mail(probe: Probe) -> bool:
    return probe.outcome is Outcome.FOUND and not refuses_mail(probe)


def refuses_mail(probe: Probe) -> bool:
    return bool(probe.dns and any(is_null_mx(text) for text in probe.dns.rrset))


def is_mail(offer: Offer) -> bool:
    return offer.candidate.channel is Channel.MAIL
