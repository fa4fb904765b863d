"""Which certificate a mail to a contact is encrypted to, and what one of them proves: steps of the fold, and two rules.

A certificate is the organisation's own publication only where a search found it at a place that is theirs and nobody
has to look twice. What a coordinator chose or entered is good to encrypt to, and proves nothing (R29).
"""

from __future__ import annotations

from dataclasses import replace

from disclosure.protocol import events as e
from disclosure.protocol.codes import FIRST_MAILS
from disclosure.protocol.state import Case, CertificateSearch, ContactCertificate

# KD-01: places of the organisation's own. Whoever read one mail of an address could have put a certificate on a
# keyserver, so that one is no publication.
PUBLISHED_AT = frozenset({"encryption_uri", "web_key_directory", "openpgpkey"})


def certificate_for(case: Case, contact_id: str) -> ContactCertificate | None:
    """R18, R19: what a person said to use, else the best that needs nobody's eyes; None: mails are signed only."""
    if contact_id in case.certificates_chosen:
        return case.certificates.get(case.certificates_chosen[contact_id])
    mine = (c for c in case.certificates.values() if c.contact_id == contact_id and not (c.reason or c.review))
    return min(mine, key=lambda one: (one.rank, one.seq), default=None)


def proof_of(case: Case, mail_id: str) -> ContactCertificate | None:
    """R29, S2: the published certificate that the first mail was encrypted to; None where it proves nothing."""
    mail = case.mails.get(mail_id)
    certificate = case.certificates.get(mail.certificate_id) if mail and mail.type in FIRST_MAILS else None
    return certificate if certificate and is_published(certificate) else None


def is_published(certificate: ContactCertificate) -> bool:
    """By the organisation itself, at a place where nobody has to look twice."""
    return certificate.source in PUBLISHED_AT and not (certificate.reason or certificate.review)


# --- steps of the fold ---


def search_started(case: Case, entry: e.Entry, event: e.CertificateSearchStarted) -> Case:
    search = CertificateSearch(event.search_id, entry.at)
    return case.but(certificate_searches={**case.certificate_searches, event.contact_id: search})


def search_ended(case: Case, entry: e.Entry, event: e.CertificateSearchEnded) -> Case:
    held = case.certificate_searches.get(event.contact_id)
    if held is None or held.id != event.search_id:
        return case  # a newer one is on its way
    ended = replace(held, ended_at=entry.at, outcome=event.outcome)
    return case.but(certificate_searches={**case.certificate_searches, event.contact_id: ended})


def found(case: Case, entry: e.Entry, event: e.CertificateFound) -> Case:
    certificate = ContactCertificate(
        event.certificate_id,
        event.contact_id,
        entry.seq,
        event.fingerprint,
        event.source,
        entry.at,
        event.search_id,
        event.rank,
        event.confidence,
        event.review,
        event.reason,
        event.flags,
        event.probe_ids,
    )
    return case.but(certificates={**case.certificates, certificate.id: certificate})


def entered(case: Case, entry: e.Entry, event: e.CertificateEntered) -> Case:
    certificate = ContactCertificate(
        event.certificate_id,
        event.contact_id,
        entry.seq,
        event.fingerprint,
        "manual",
        entry.at,
        flags=event.flags,
        manual=True,
    )
    chosen = {**case.certificates_chosen, event.contact_id: event.certificate_id}
    return case.but(certificates={**case.certificates, certificate.id: certificate}, certificates_chosen=chosen)


def chosen(case: Case, entry: e.Entry, event: e.CertificateChosen) -> Case:
    return case.but(certificates_chosen={**case.certificates_chosen, event.contact_id: event.certificate_id})
