"""Looking for OpenPGP certificates at a contact's address; each find is judged, kept or refused (R18).

A search for contacts is followed by one of these for each mail contact of the domain; a coordinator may ask again. A
certificate that was there before keeps its id, and takes what the newer evidence says of it, be it a revocation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection

from disclosure.casework import casefile, certkeeping, lastsearch
from disclosure.casework.casefile import CaseFile, Fact, Hand, addresses, domains_of
from disclosure.casework.knowncontacts import GONE
from disclosure.casework.office import Office, new_id
from disclosure.discovery.names import organisational_domain
from disclosure.protocol import events as e
from disclosure.protocol.codes import LookupOutcome
from disclosure.protocol.errors import Refused
from disclosure.protocol.state import Case, Contact, ContactCertificate
from disclosure.protocol.values import Address, Answer, Channel, Domain

if TYPE_CHECKING:  # only the worker searches; a web process asks for it
    from disclosure.discovery.certificates import CertificateFindings

MOST_AFTER_A_SEARCH = 12  # ours: five of a file, five of the zone, and guesses; the rest by hand
Seek: TypeAlias = "Callable[[Address, Sequence[str], Domain | None, Answer, datetime], CertificateFindings]"


def start(hand: Hand, contact_id: str) -> None:
    """A coordinator's choice ("look again"). One that waits already is enough."""

    def decide(file: CaseFile) -> list[Fact]:
        if contact_id not in file.case.contacts:
            raise Refused("R16", "unknown_contact")
        return [] if waits(file.case, contact_id) else [(hand.actor, asked(contact_id))]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def after_entry(hand: Hand, contact_id: str) -> None:
    """An entered contact is looked for as well; where the host is in doubt, that is a coordinator's choice (R13)."""
    case = casefile.look(hand.office, hand.case_id).case
    if _is_asked_for(case.contacts[contact_id]) and _compromised(case) is Answer.NO:
        start(hand, contact_id)


def asked(contact_id: str) -> e.CertificateSearchStarted:
    return e.CertificateSearchStarted(search_id=new_id(), contact_id=contact_id)


def waits(case: Case, contact_id: str) -> bool:
    """Asked for, and not ended once: what will be known of this contact is on its way."""
    search = case.certificate_searches.get(contact_id)
    return search is not None and search.ended_at is None


def after_search(case: Case, domain_id: str) -> list[Fact]:
    """A search of a domain is over: now the certificates of its mail contacts, the best first."""
    mine = [c for c in case.contacts.values() if c.domain_id == domain_id and _is_asked_for(c)]
    mine.sort(key=lambda contact: (contact.review, contact.rank))
    return [(e.MACHINE, asked(c.id)) for c in mine[:MOST_AFTER_A_SEARCH] if not waits(case, c.id)]


def _is_asked_for(contact: Contact) -> bool:
    gone = contact.disabled or contact.intermediary or GONE in contact.flags
    return contact.channel is Channel.MAIL and not gone


# --- asking, in the worker ---


def ask(office: Office, case_id: str, contact_id: str, now: datetime, seek: Seek) -> CertificateFindings:
    """No transaction is open while the network is asked."""
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        address = Address.parse(addresses(office, connection, file)[contact_id])
        domains = domains_of(office, connection, file)
        announced = _announced(office, connection, file, contact_id, address)
    contact = file.case.contacts[contact_id]
    return seek(address, announced, _suspect(contact, address, domains), _compromised(file.case), now)


def _compromised(case: Case) -> Answer:
    return case.assessed.host_compromised if case.assessed else Answer.UNKNOWN


def _announced(
    office: Office, connection: Connection, file: CaseFile, contact_id: str, address: Address
) -> tuple[str, ...]:
    """Encryption fields of the file that names the contact. Those of a file that waits for review are a stranger's
    word until a coordinator settled on the contact (R17)."""
    from disclosure.discovery import ranking  # noqa: PLC0415 - loads dnspython
    from disclosure.discovery.candidates import HintKind  # noqa: PLC0415
    from disclosure.openpgp.sandbox import verify_safely  # noqa: PLC0415 - loads pysequoia

    contact = file.case.contacts[contact_id]
    last = lastsearch.newest(connection, file.id).get(contact.domain_id)
    accepted = not contact.review or (contact_id in file.case.chosen and not contact.doubted)
    if last is None or not accepted:
        return ()
    domain = domains_of(office, connection, file)[contact.domain_id]
    probes = lastsearch.evidence(office, connection, file.id, last)
    found = ranking.rank(domain, probes, host_compromised=_compromised(file.case), verify=verify_safely)
    mine = {p for c in (*found.ranked, *found.review) if c.address.lower() == str(address).lower() for p in c.probes}
    return tuple(hint.value for hint in found.hints if hint.kind is HintKind.ENCRYPTION and hint.probe in mine)


def _suspect(contact: Contact, address: Address, domains: Mapping[str, Domain]) -> Domain | None:
    """R17a: the host that the case is about, where this contact belongs to it."""
    if contact.domain_id in domains:
        return domains[contact.domain_id]
    theirs = organisational_domain(address.domain)
    return next((domain for domain in domains.values() if organisational_domain(domain) == theirs), None)


# --- what the search came to ---


def facts(
    file: CaseFile, contact_id: str, search_id: str, found: CertificateFindings, probe_ids: Mapping[str, str]
) -> list[Fact]:
    """``probe_ids``: id within the search → id under which the evidence is kept."""
    events = list(_found(file.case, contact_id, search_id, found, probe_ids))
    if found.is_complete:
        events += _gone(file.case, contact_id, search_id, {event.certificate_id for event in events})
    ended = e.CertificateSearchEnded(
        search_id=search_id,
        contact_id=contact_id,
        outcome=LookupOutcome(str(found.status)),
        found=len(found.ranked),
        review=len(found.review),
    )
    return [(e.MACHINE, event) for event in (*events, ended)]


def _found(
    case: Case, contact_id: str, search_id: str, found: CertificateFindings, probe_ids: Mapping[str, str]
) -> Iterator[e.CertificateFound]:
    held = {_key(c.fingerprint, c.source, c.reason): c.id for c in case.certificates.values() if _is_of(c, contact_id)}
    usable = {one.verdict.fingerprint for one in (*found.ranked, *found.review)}
    for one in (*found.ranked, *found.review, *found.refused):
        if one.reason and one.verdict.fingerprint in usable:
            continue  # a second copy, of another place; the ranking has weighed it, and its evidence is kept
        key = _key(one.verdict.fingerprint, str(one.source), one.reason)
        yield e.CertificateFound(
            certificate_id=held.setdefault(key, new_id()),
            contact_id=contact_id,
            search_id=search_id,
            fingerprint=one.verdict.fingerprint,
            source=str(one.source),
            rank=one.rank,
            confidence=str(one.confidence),
            review=one.needs_a_person,
            reason=one.reason,
            flags=tuple(map(str, one.flags)),
            probe_ids=tuple(probe_ids[probe] for probe in one.probes),
        )


def _is_of(certificate: ContactCertificate, contact_id: str) -> bool:
    return certificate.contact_id == contact_id and not certificate.manual


def _key(fingerprint: str, source: str, reason: str) -> tuple[str, ...]:
    """One certificate is one, wherever it is found; what has no fingerprint is known by its place and its fault."""
    return (fingerprint,) if fingerprint else (source, reason)


def _gone(case: Case, contact_id: str, search_id: str, seen: set[str]) -> Iterator[e.CertificateFound]:
    """Every place has answered, and none has it any more: a person decides. A refusal that is gone needs nobody."""
    for old in case.certificates.values():
        if not _is_of(old, contact_id) or old.id in seen or old.reason or GONE in old.flags:
            continue
        yield e.CertificateFound(
            certificate_id=old.id,
            contact_id=contact_id,
            search_id=search_id,
            fingerprint=old.fingerprint,
            source=old.source,
            rank=old.rank,
            confidence=old.confidence,
            review=True,
            flags=(*old.flags, GONE),
            probe_ids=old.probe_ids,
        )


def keep(office: Office, tx: Connection, file: CaseFile, search_id: str, found: CertificateFindings) -> None:
    """The judged bytes of each usable find."""
    bodies = {one.verdict.fingerprint: one.verdict.certificate for one in (*found.ranked, *found.review)}
    for known in file.case.certificates.values():
        if known.search_id == search_id and not known.reason and known.fingerprint in bodies:
            certkeeping.keep(office, tx, file.id, known.id, known.fingerprint, bodies[known.fingerprint])
