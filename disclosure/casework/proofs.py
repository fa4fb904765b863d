"""S2 without a second code: the first mail was encrypted to a certificate that the organisation publishes (R29)."""

from __future__ import annotations

from datetime import datetime

from disclosure.casework import recipients
from disclosure.casework.casefile import CaseFile, domains_of, is_tied
from disclosure.casework.office import Office
from disclosure.casework.recipients import Unsendable
from disclosure.openpgp.sandbox import judge_safely
from disclosure.protocol import events as e
from disclosure.protocol.codes import Proof
from disclosure.protocol.contactcertificates import proof_of
from disclosure.protocol.values import Answer, Standing


def by_certificate(
    office: Office, file: CaseFile, person_id: str, mail_id: str, now: datetime
) -> e.StandingShown | None:
    """None where this mail proves no more than that it was read. The certificate is judged once more: it is used."""
    certificate = proof_of(file.case, mail_id)
    about = file.case.assessed
    if certificate is None or about is None or about.host_compromised is Answer.YES:
        return None
    with office.store.reading() as connection:
        domains = domains_of(office, connection, file)
        try:
            recipient = recipients.of_contact(office, connection, file, certificate.contact_id)
            content = recipients.certificate(office, connection, file.id, certificate.id)
        except Unsendable:
            return None  # the contact was switched off since: what it had proves nothing
    verdict = judge_safely(content, address=None, now=now)
    same = verdict.usable and verdict.fingerprint == certificate.fingerprint
    if not (same and is_tied(recipient.address, domains.values())):
        return None
    return e.StandingShown(
        person_id=person_id,
        standing=Standing.S2,
        proof=Proof.PUBLISHED_CERTIFICATE,
        certificate_id=certificate.id,
        fingerprint=certificate.fingerprint,
    )
