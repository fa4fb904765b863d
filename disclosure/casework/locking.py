"""What a mail is encrypted to: the judged certificate of its recipient, or why there is none (R18 to R20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from disclosure.casework.casefile import is_tied
from disclosure.casework.opened import Opened
from disclosure.casework.recipients import Recipient, Unsendable
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.verdict import Reason, Verdict
from disclosure.protocol.contactcertificates import is_published
from disclosure.protocol.errors import DisclosureError
from disclosure.protocol.state import Case
from disclosure.protocol.values import Answer

# These bytes were judged usable when they were stored, and no time makes them unreadable: our own judge has failed.
_NOT_OF_THE_CERTIFICATE = frozenset({Reason.CORRUPT, Reason.TOO_LARGE})


class NotJudged(DisclosureError):
    """The judge could not be asked, or did not answer: nothing is known of the certificate, and nothing leaves."""


@dataclass(frozen=True)
class Lock:
    """What a mail is encrypted to; ``why_not``: why the certificate that is there was not used.

    ``certificate_id``: of a contact's certificate. ``proves``: whoever opens it has shown the organisation's own key.
    """

    verdict: Verdict | None = None
    certificate_id: str = ""
    why_not: str = ""
    proves: bool = False


def judged(recipient: Recipient, now: datetime) -> Verdict:
    if not recipient.certificate:
        raise Unsendable("no_certificate")
    verdict = judge_safely(recipient.certificate, address=None, now=now)
    if verdict.reason in _NOT_OF_THE_CERTIFICATE:
        raise NotJudged  # not the end of the mail: it stays in the outbox
    if not verdict.usable:
        raise Unsendable(f"certificate_{verdict.reason}")
    if recipient.fingerprint and verdict.fingerprint != recipient.fingerprint:
        raise Unsendable("certificate_is_another_one")
    return verdict


def lock_of(opened: Opened, recipient: Recipient) -> Lock:
    """R19. What is not usable any more is no obstacle here, for the mail holds no detail; it is recorded why (R18)."""
    known = recipient.known
    if known is None:
        return Lock()
    if recipient.refused:
        return Lock(why_not=f"certificate_{recipient.refused}")
    try:
        verdict = judged(recipient, opened.now)
    except Unsendable as error:
        return Lock(why_not=error.reason)
    published = is_published(known) and is_tied(recipient.address, opened.domains)
    return Lock(verdict, known.id, proves=published and _unsuspected(opened.case))


def _unsuspected(case: Case) -> bool:
    """R29: a proof that runs over a system said to be in an intruder's hands does not count."""
    return case.assessed is not None and case.assessed.host_compromised is not Answer.YES
