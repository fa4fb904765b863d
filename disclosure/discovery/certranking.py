"""Which of the certificates that were found to use, which a person decides about, which are refused and why. Pure.

The same evidence, judged at the same instant, gives the same lists (R16, CF-02).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from disclosure.discovery.candidates import Confidence
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.keyplaces import UriKind, is_by_fingerprint, read_encryption
from disclosure.discovery.names import organisational_domain, to_domain
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address, Answer, Domain


class Judged(Protocol):
    """What the judge says of one find (openpgp.verdict.Verdict)."""

    @property
    def usable(self) -> bool: ...
    @property
    def reason(self) -> StrEnum | None: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def flags(self) -> tuple[str, ...]: ...
    @property
    def certificate(self) -> bytes: ...
    def report(self) -> dict[str, Any]: ...


class Judge(Protocol):
    """openpgp.sandbox.judge_safely: discovery may not know OpenPGP, so the judge is handed in."""

    def __call__(
        self, data: bytes, *, address: Address | None, now: datetime, expected_fingerprint: str | None = None
    ) -> Judged: ...


class Source(StrEnum):
    """Where a certificate comes from, in the order of KD-01."""

    ENCRYPTION_URI = "encryption_uri"
    WEB_KEY_DIRECTORY = "web_key_directory"
    OPENPGPKEY = "openpgpkey"
    KEYSERVER = "keyserver"


class Flag(StrEnum):
    """What a person should see beside a certificate, next to the judge's own flags."""

    ANNOUNCED = "announced_fingerprint"  # an openpgp4fpr URI names exactly this one
    FOUND_TWICE = "found_twice"  # independent sources agree
    SOURCES_DISAGREE = "sources_disagree"
    HOST_MAY_BE_COMPROMISED = "host_may_be_compromised"  # R17a: published by the host in question
    OFFSITE_REDIRECT = "offsite_redirect"


UID_MISMATCH = "uid_mismatch"
REVOKED = "revoked"
OTHER_THAN_ANNOUNCED = "fingerprint_mismatch"
_SOURCES = {
    Purpose.ENCRYPTION_URI: Source.ENCRYPTION_URI,
    Purpose.WEB_KEY_DIRECTORY: Source.WEB_KEY_DIRECTORY,
    Purpose.OPENPGPKEY: Source.OPENPGPKEY,
    Purpose.KEYSERVER: Source.KEYSERVER,
}
_ORDER = {source: place for place, source in enumerate(Source)}
_CONFIDENCE = {
    Source.ENCRYPTION_URI: Confidence.HIGH,
    Source.WEB_KEY_DIRECTORY: Confidence.HIGH,
    Source.OPENPGPKEY: Confidence.HIGH,
    Source.KEYSERVER: Confidence.MEDIUM,  # whoever read one mail of that address could put it there
}
_NEED_EYES = frozenset({Flag.HOST_MAY_BE_COMPROMISED, Flag.OFFSITE_REDIRECT, UID_MISMATCH})


@dataclass(frozen=True)
class FoundCertificate:
    """One certificate. ``reason``: why it is refused, empty otherwise; ``probes``: ids of its evidence."""

    source: Source
    rank: int
    confidence: Confidence
    verdict: Judged
    reason: str
    flags: tuple[str, ...]
    probes: tuple[str, ...]
    found_at: datetime

    @property
    def usable(self) -> bool:
        return not self.reason

    @property
    def needs_a_person(self) -> bool:
        """Usable only once a coordinator has said so (R17, R17a; facts: openpgp 3, rule 6)."""
        return self.usable and not _NEED_EYES.isdisjoint(self.flags)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.verdict.report(),
            "source": str(self.source),
            "rank": self.rank,
            "confidence": str(self.confidence),
            "reason": self.reason or None,
            "verdict": "usable" if self.usable else "refuse",
            "flags": list(self.flags),
            "probes": list(self.probes),
            "found_at": self.found_at.isoformat(),
        }


@dataclass(frozen=True)
class Question:
    """What was looked for. ``suspect``: a host that may be in an intruder's hands, if ``compromised`` is not *no*.

    ``suspect_addresses``: where that host is; what its machine serves under other names is in the same hands.
    """

    address: Address
    encryption: tuple[str, ...] = ()
    suspect: Domain | None = None
    compromised: Answer = Answer.NO
    suspect_addresses: tuple[str, ...] = ()

    @property
    def in_doubt(self) -> bool:
        return self.compromised is not Answer.NO

    @property
    def announced(self) -> frozenset[str]:
        """Fingerprints of openpgp4fpr URIs: an identity check that beats all (KD-01), unless an intruder wrote them."""
        if self.in_doubt:
            return frozenset()
        read = (read_encryption(uri) for uri in self.encryption)
        return frozenset(one.value for one in read if one and one.kind is UriKind.FINGERPRINT)


@dataclass(frozen=True)
class CertificateRanking:
    ranked: tuple[FoundCertificate, ...]
    review: tuple[FoundCertificate, ...]
    refused: tuple[FoundCertificate, ...]


def rank_certificates(
    question: Question, probes: Sequence[Probe], *, judge: Judge, now: datetime
) -> CertificateRanking:
    """Each find judged at ``now``, then each certificate once, at its best source."""
    machine = _machine(question, probes)
    finds = [_found(question, probe, machine, judge, now) for probe in probes if probe.outcome is Outcome.FOUND]
    finds = [_as_revoked(find, finds) for find in finds]
    kept = _merged(sorted((find for find in finds if find.usable), key=_sort_key))
    kept = kept if question.announced or len(kept) == 1 else _disagreeing(kept)
    refused = sorted((find for find in finds if not find.usable), key=_sort_key)
    return CertificateRanking(
        _numbered(find for find in kept if not find.needs_a_person),
        _numbered(find for find in kept if find.needs_a_person),
        _numbered(refused),
    )


def _as_revoked(find: FoundCertificate, finds: Sequence[FoundCertificate]) -> FoundCertificate:
    """One copy with its owner's revocation speaks for all: the others were taken before, or hide it."""
    mine = (other for other in finds if other.verdict.fingerprint == find.verdict.fingerprint)
    revoked = find.usable and bool(find.verdict.fingerprint) and any(other.reason == REVOKED for other in mine)
    return replace(find, reason=REVOKED) if revoked else find


def _machine(question: Question, probes: Sequence[Probe]) -> frozenset[str]:
    """Addresses of the suspect: those that are known beforehand, and those that the way to it has shown."""
    hops = (hop for probe in probes for hop in probe.hops if question.suspect and _host(hop.url) == question.suspect)
    return frozenset((*question.suspect_addresses, *(address for hop in hops for address in hop.addresses)))


def _found(question: Question, probe: Probe, machine: frozenset[str], judge: Judge, now: datetime) -> FoundCertificate:
    source = _SOURCES[probe.purpose]
    announced = question.announced
    verdict = _verdict(question, probe, judge, now)
    flags = (*verdict.flags, *_flags(question, probe, machine, verdict))
    reason = str(verdict.reason) if verdict.reason else ""
    if probe.body is None:
        reason = probe.problems[0]  # a secret, or too large: its bytes were not kept
    elif verdict.usable and announced and verdict.fingerprint not in announced:
        reason = OTHER_THAN_ANNOUNCED
    elif verdict.usable and UID_MISMATCH in flags and source is not Source.ENCRYPTION_URI and not announced:
        reason = UID_MISMATCH  # KD-03: only the address says that this certificate is meant
    if verdict.fingerprint in announced:
        flags = tuple(flag for flag in flags if flag != UID_MISMATCH)
    return FoundCertificate(source, 0, _CONFIDENCE[source], verdict, reason, flags, (probe.id,), probe.asked_at)


def _verdict(question: Question, probe: Probe, judge: Judge, now: datetime) -> Judged:
    """Of several certificates the announced one, else the one that the judge finds best."""
    body = probe.body or b""
    for fingerprint in sorted(question.announced):
        verdict = judge(body, address=question.address, now=now, expected_fingerprint=fingerprint)
        if verdict.fingerprint == fingerprint:
            return verdict
    return judge(body, address=question.address, now=now)


def _flags(question: Question, probe: Probe, machine: frozenset[str], verdict: Judged) -> Iterable[str]:
    if verdict.fingerprint in question.announced:
        yield Flag.ANNOUNCED
    hosts = [host for hop in probe.hops if (host := _host(hop.url))]
    if question.in_doubt and _by_the_suspect(question, probe, machine, hosts):
        yield Flag.HOST_MAY_BE_COMPROMISED
    if len({organisational_domain(host) for host in hosts}) > 1:
        yield Flag.OFFSITE_REDIRECT


def _by_the_suspect(question: Question, probe: Probe, machine: frozenset[str], hosts: list[Domain]) -> bool:
    """R17a: what the host in question publishes, be it under another name, or only by pointing to it."""
    if probe.purpose is Purpose.ENCRYPTION_URI or is_by_fingerprint(probe.question):
        return True  # whoever holds the host writes its security.txt, and may keep the certificate anywhere
    if probe.purpose is Purpose.KEYSERVER:
        return False  # our choice of a host, with a certificate for its name, be it behind the same CDN
    suspect = question.suspect
    if suspect and any(host.is_within(suspect) for host in hosts):
        return True
    return any(not machine.isdisjoint(hop.addresses) for hop in probe.hops)


def _host(url: str) -> Domain | None:
    try:
        return to_domain(url)
    except InvalidInput:
        return None


def _sort_key(find: FoundCertificate) -> tuple[bool, bool, int]:
    """Finds of one source stay in the order in which they were asked for."""
    return (Flag.ANNOUNCED not in find.flags, find.needs_a_person, _ORDER[find.source])


def _merged(finds: Iterable[FoundCertificate]) -> list[FoundCertificate]:
    """CF-01: once, at its best place; independent sources that agree raise confidence."""
    groups: dict[str, list[FoundCertificate]] = {}
    for find in finds:
        groups.setdefault(find.verdict.fingerprint, []).append(find)
    return [_best(group) for group in groups.values()]


def _best(group: list[FoundCertificate]) -> FoundCertificate:
    best = group[0]
    probes = tuple(dict.fromkeys(probe for find in group for probe in find.probes))
    # What waits for a person confirms nothing.
    if len({find.source for find in group if find.needs_a_person is best.needs_a_person}) == 1:
        return replace(best, probes=probes)
    return replace(best, probes=probes, confidence=Confidence.HIGH, flags=(*best.flags, Flag.FOUND_TWICE))


def _disagreeing(finds: list[FoundCertificate]) -> list[FoundCertificate]:
    """Two living certificates from two sources, and nothing announced: the order of KD-01 holds, and both say so."""
    if len({find.source for find in finds}) == 1:
        return finds
    return [replace(find, flags=(*find.flags, Flag.SOURCES_DISAGREE)) for find in finds]


def _numbered(finds: Iterable[FoundCertificate]) -> tuple[FoundCertificate, ...]:
    return tuple(replace(find, rank=place) for place, find in enumerate(finds, 1))
