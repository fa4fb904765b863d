"""OpenPGP certificates for a contact's address: every place of KD-01 asked, every answer kept, every find judged (R18).

    found = find_certificates(
        address, encryption=uris, resolver=resolver, fetcher=fetcher, keyserver=keyserver, judge=judge_safely, now=now
    )
    found.best          # the certificate to use, or None; found.review waits for a person; found.refused say why
    found.status        # found, none, or unknown: ask again (R15)

``encryption`` holds the Encryption fields of an accepted security.txt (hints of kind *encryption* of a search); those
of a file that went to review are for a person to accept first. The judge is handed in: this package knows no OpenPGP.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from disclosure.discovery.certranking import (
    FoundCertificate,
    Judge,
    Judged,
    Question,
    rank_certificates,
)
from disclosure.discovery.dns import DnsAnswer, Resolver
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.fetch import Fetched, Fetcher, Trouble
from disclosure.discovery.keyplaces import (
    UriKind,
    keyserver_url,
    openpgpkey_owner,
    read_encryption,
    web_key_urls,
)
from disclosure.discovery.keyserver import MAX_CERTIFICATE, Keyserver
from disclosure.protocol.values import Address, Answer, Domain

__all__ = ["CertificateFindings", "FoundCertificate", "Judge", "find_certificates", "findings", "looked_at"]

MOST_URIS = 5  # ours, as ST-25: of one file
_ABSENT = frozenset({"not_a_key"})
_NEVER_KEPT = frozenset({"secret_key"})


@dataclass(frozen=True)
class CertificateFindings:
    """What the search for one address came to. ``status`` none is knowledge; unknown means: ask again (R15)."""

    question: Question
    asked_at: datetime
    status: Outcome
    ranked: tuple[FoundCertificate, ...]
    review: tuple[FoundCertificate, ...]
    refused: tuple[FoundCertificate, ...]
    probes: tuple[Probe, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every place has answered: then what was not found is not there."""
        return all(probe.outcome is not Outcome.UNKNOWN for probe in self.probes)

    @property
    def best(self) -> FoundCertificate | None:
        """What may be used without asking a person; never one that waits for review."""
        return self.ranked[0] if self.ranked else None

    def to_json(self) -> dict[str, Any]:
        """For people and scripts; what lasts are the probes, from which :func:`findings` says the same again."""
        return {
            "address": str(self.question.address),
            "asked_at": self.asked_at.astimezone(UTC).isoformat(),
            "status": str(self.status),
            "ranked": [one.to_json() for one in self.ranked],
            "review": [one.to_json() for one in self.review],
            "refused": [one.to_json() for one in self.refused],
            "probes": [probe.to_json() for probe in self.probes],
        }


def find_certificates(
    address: Address,
    *,
    encryption: Sequence[str] = (),
    resolver: Resolver,
    fetcher: Fetcher,
    keyserver: Keyserver | None,
    judge: Judge,
    now: datetime,
    suspect: Domain | None = None,
    host_compromised: Answer = Answer.NO,
) -> CertificateFindings:
    """Ask every place. Never raises for what the network, a name server or a certificate does.

    ``keyserver`` None: it is not asked. ``suspect``: the host of the case; unless ``host_compromised`` is *no*, what it
    or its machine publishes goes to review and independent sources are asked too (R17a).
    """
    question = Question(address, tuple(encryption), suspect, host_compromised)
    if question.in_doubt and suspect:
        question = replace(question, suspect_addresses=resolver.addresses(suspect, now=now).texts)
    search = _Search(question, resolver, fetcher, keyserver, judge, now)
    for source in (_encryption_uris, _web_key_directory, _openpgpkey, _keyserver):
        for probe in source(search):
            search.probes.append(replace(search.looked_at(probe), id=f"c{len(search.probes) + 1}"))
    return findings(question, tuple(search.probes), judge=judge, now=now)


def findings(question: Question, probes: Sequence[Probe], *, judge: Judge, now: datetime) -> CertificateFindings:
    """The same from stored probes, judged at ``now``, without asking anybody (CF-02; R18: again when used)."""
    ranking = rank_certificates(question, probes, judge=judge, now=now)
    usable = ranking.ranked or ranking.review
    unknown = any(probe.outcome is Outcome.UNKNOWN for probe in probes)
    status = Outcome.FOUND if usable else Outcome.UNKNOWN if unknown else Outcome.NONE
    return CertificateFindings(question, now, status, ranking.ranked, ranking.review, ranking.refused, tuple(probes))


# --- the search ------------------------------------------------------------------------------------------------------


@dataclass
class _Search:
    question: Question
    resolver: Resolver
    fetcher: Fetcher
    keyserver: Keyserver | None
    judge: Judge
    now: datetime
    probes: list[Probe] = field(default_factory=list)

    @property
    def address(self) -> Address:
        return self.question.address

    def judged(self, body: bytes) -> Judged:
        return self.judge(body, address=self.address, now=self.now)

    def looked_at(self, probe: Probe) -> Probe:
        return looked_at(probe, self.judged)

    def has_usable(self) -> bool:
        """Whether the organisation's own places have brought something that needs no second opinion."""
        ranking = rank_certificates(self.question, self.probes, judge=self.judge, now=self.now)
        return bool(ranking.ranked)


def looked_at(probe: Probe, judged: Callable[[bytes], Judged]) -> Probe:
    """A page that is no certificate was no find; of a secret not one byte is kept, nor its hash."""
    if probe.body is None or probe.outcome is not Outcome.FOUND:
        return probe
    if len(probe.body) >= MAX_CERTIFICATE:
        return replace(probe, body=None, body_sha256="", rule="KD-07", problems=("too_large",))
    reason = str(judged(probe.body).reason or "")
    if reason in _NEVER_KEPT:
        records = replace(probe.dns, rrset=()) if probe.dns else None
        return replace(probe, body=None, body_sha256="", dns=records, problems=(reason,))
    if reason in _ABSENT:
        return replace(probe, outcome=Outcome.NONE, problems=(*probe.problems, reason))
    return replace(probe, problems=(*probe.problems, *([reason] if reason else [])))


def _encryption_uris(search: _Search) -> Iterator[Probe]:
    read = dict.fromkeys(filter(None, map(read_encryption, search.question.encryption)))
    for uri in list(read)[:MOST_URIS]:
        if uri.kind is UriKind.HTTPS:
            fetched = search.fetcher.get(uri.value, now=search.now, most=MAX_CERTIFICATE)
            yield _of_fetch(search, Purpose.ENCRYPTION_URI, fetched)
        elif uri.kind is UriKind.DNS:
            if search.resolver.validating:
                yield _of_answer(search, Purpose.ENCRYPTION_URI, uri.value)
        elif search.keyserver:
            fetched_or_not = search.keyserver.by_fingerprint(uri.value, now=search.now)
            yield _of_keyserver(search, fetched_or_not, keyserver_url(search.keyserver.host, fingerprint=uri.value))


def _web_key_directory(search: _Search) -> Iterator[Probe]:
    advanced, direct = web_key_urls(search.address)
    fetched = search.fetcher.get(advanced, now=search.now, most=MAX_CERTIFICATE)
    yield _of_fetch(search, Purpose.WEB_KEY_DIRECTORY, fetched)
    # KD-02: only a sub-domain that does not exist leads to the second place; a 404 or a bad certificate does not.
    if fetched.problem is Trouble.NO_ADDRESS and len(fetched.hops) == 1:
        fetched = search.fetcher.get(direct, now=search.now, most=MAX_CERTIFICATE)
        yield _of_fetch(search, Purpose.WEB_KEY_DIRECTORY, fetched)


def _openpgpkey(search: _Search) -> Iterator[Probe]:
    """KD-04. Without a validating resolver an answer would prove nothing: then nobody is asked."""
    if search.resolver.validating:
        yield _of_answer(search, Purpose.OPENPGPKEY, openpgpkey_owner(search.address))


def _keyserver(search: _Search) -> Iterator[Probe]:
    """Last, and only where it is needed: it learns whom we are about to write to (section 4)."""
    wanted = search.question.in_doubt or not search.has_usable()
    if search.keyserver and wanted:
        fetched = search.keyserver.by_mail(search.address, now=search.now)
        yield _of_keyserver(search, fetched, keyserver_url(search.keyserver.host, mail=search.address))


# --- evidence --------------------------------------------------------------------------------------------------------


def _of_fetch(search: _Search, purpose: Purpose, fetched: Fetched) -> Probe:
    body = fetched.body
    return Probe(
        id="",
        purpose=purpose,
        subject=search.address.domain,
        question=fetched.url,
        asked_at=fetched.asked_at,
        outcome=fetched.outcome,
        rule="KD-01" if fetched.outcome is Outcome.FOUND else fetched.rule,
        problems=(str(fetched.problem),) if fetched.problem else (),
        hops=fetched.hops,
        body=body,
        body_length=None if body is None else len(body),
        body_sha256="" if body is None else hashlib.sha256(body).hexdigest(),
    )


def _of_keyserver(search: _Search, fetched: Fetched | None, url: str) -> Probe:
    if fetched:
        return replace(_of_fetch(search, Purpose.KEYSERVER, fetched), rule="KD-06")
    return Probe(
        id="",
        purpose=Purpose.KEYSERVER,
        subject=search.address.domain,
        question=url,
        asked_at=search.now,
        outcome=Outcome.UNKNOWN,
        rule="KD-06",
        problems=("rate_limited",),
    )


def _of_answer(search: _Search, purpose: Purpose, owner: str) -> Probe:
    answer = search.resolver.lookup(owner, "OPENPGPKEY", now=search.now)
    probe = Probe(
        id="",
        purpose=purpose,
        subject=search.address.domain,
        question=answer.question,
        asked_at=answer.asked_at,
        outcome=answer.outcome,
        rule="DT-06" if answer.failure else "KD-04",
        problems=(answer.failure,) if answer.failure else (),
        dns=answer.evidence(),
    )
    if answer.outcome is not Outcome.FOUND:
        return probe
    body = _records(answer)
    if not (answer.ad and answer.validating):
        # Anybody on the way could have written it; that is as good as nothing, and will be tomorrow.
        secret = str(search.judged(body).reason) in _NEVER_KEPT
        records = replace(answer.evidence(), rrset=()) if secret else probe.dns
        return replace(probe, outcome=Outcome.NONE, problems=("not_validated",), dns=records)
    return replace(probe, body=body, body_length=len(body), body_sha256=hashlib.sha256(body).hexdigest())


def _records(answer: DnsAnswer) -> bytes:
    """Each record holds one certificate (RFC 7929, 2.1); the judge chooses among several."""
    out = b""
    for text in answer.texts:
        try:
            out += b64decode("".join(text.split()), validate=True)
        except BadBase64:  # dnspython writes nothing else
            continue
    return out
