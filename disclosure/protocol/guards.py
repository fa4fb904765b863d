"""The few rules that couple the axes: what a rule of the protocol forbids in this case, whatever an axis says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from disclosure.protocol import events as e
from disclosure.protocol.approvals import is_waiting
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import Proof, Rung
from disclosure.protocol.errors import IllegalMove, Refused
from disclosure.protocol.state import Case
from disclosure.protocol.values import Answer, Channel, Standing


def forbidden(case: Case, entry: e.Entry) -> None:
    """Raise where a rule forbids the event in this case, whatever the axis says."""
    rule = _RULES.get(type(entry.event))
    if rule:
        rule(case, entry.event)


# R29: a proof that runs over a system said to be in an intruder's hands does not count. Host, DNS and mail are one
# answer in the assessment (R17a); a letter and a call to a number found elsewhere run over none of them.
_OVER_THEIR_SYSTEMS = frozenset({Proof.LINK_AND_CODE, Proof.OWN_ADDRESS, Proof.PUBLISHED_CERTIFICATE, Proof.DNS_TXT})


def _proof_counts(case: Case, proof: Proof) -> None:
    compromised = case.assessed is not None and case.assessed.host_compromised is Answer.YES
    if compromised and proof in _OVER_THEIR_SYSTEMS:
        raise Refused("R29", "host_may_be_compromised")


def _standing_counts(case: Case, event: e.StandingShown) -> None:
    _needs_confirmed(case, event)
    _proof_counts(case, event.proof)


def _release_needs_standing(case: Case, event: e.NoticeReleased) -> None:
    person = case.persons.get(event.person_id)
    if person is None:
        raise Refused("R29", "unknown_person")
    if person.standing < Standing.S2:
        raise Refused("R29", "standing_too_low")
    _proof_counts(case, person.proof)  # said after it was shown, it undoes what was shown
    if event.standing != person.standing or event.fingerprint != person.fingerprint:
        raise Refused("R29", "release_names_another_state")  # the coordinator saw something older
    if not (event.personal_data_masked and event.source_unrecognisable):
        raise Refused("R20", "release_questions")


def _opening_needs_a_standing_release(case: Case, event: e.NoticeOpened) -> None:
    person = case.persons.get(event.person_id)
    if person is None or not person.may_read:
        raise Refused("R29", "nothing_released_to_this_person")


def _needs_release(case: Case, event: e.NoticeAcknowledged) -> None:
    person = case.persons.get(event.person_id)
    if person is None or person.released_at is None:
        raise Refused("R26", "nothing_released_to_this_person")


def _needs_confirmed(case: Case, event: Any) -> None:
    if event.person_id not in case.persons:
        raise Refused("R29", "unknown_person")


def _own_address_needs_tied_domain(case: Case, event: e.OwnAddressNamed) -> None:
    _needs_confirmed(case, event)
    if event.domain_id not in case.domains:
        raise Refused("R29", "domain_not_tied")


def _rung_once(case: Case, event: e.RungClimbed) -> None:
    climbed = case.rungs.get(event.rung)
    # A heads-up names the date at which one clock lapses; when another clock runs, it is announced anew (R34).
    announced_anew = event.rung is Rung.HEADS_UP and climbed is not None and climbed.clock is not event.clock
    if climbed and not announced_anew:
        raise IllegalMove("ladder", event.rung, "RungClimbed")
    if not case.open:
        raise IllegalMove(Axis.LIFE, "closed", "RungClimbed")


def _contacts_usable(case: Case, event: e.FirstContactReleased | e.ContactsChosen) -> None:
    for contact_id in event.contact_ids:
        contact = case.contacts.get(contact_id)
        if contact is None:
            raise Refused("R16", "unknown_contact")
        if contact.intermediary and isinstance(event, e.FirstContactReleased):
            raise Refused("R14b", "intermediary")
        if contact.disabled:
            raise Refused("R31", "contact_disabled")
    if isinstance(event, e.FirstContactReleased) and not case.domains:
        raise Refused("R14a", "no_domain_tied")


def _forward_after_failure(case: Case, event: e.ForwardRequestReleased) -> None:
    contact = case.contacts.get(event.contact_id)
    if contact is None:
        raise Refused("R16", "unknown_contact")
    if not contact.intermediary or contact.channel is not Channel.MAIL:
        raise Refused("R14b", "not_an_intermediary")
    if contact.disabled:
        raise Refused("R31", "contact_disabled")
    if not case.domains:
        raise Refused("R14a", "no_domain_tied")
    if not case.own_contacts_failed:
        raise Refused("R14b", "own_contacts_not_failed")


def _intermediaries_never_confirm(case: Case, event: e.PersonConfirmed) -> None:
    contact = case.contacts.get(event.contact_id)
    if contact is not None and contact.intermediary:
        raise Refused("R14b", "intermediary")


def _certificate_of_a_contact(
    case: Case, event: e.CertificateSearchStarted | e.CertificateFound | e.CertificateEntered
) -> None:
    contact = case.contacts.get(event.contact_id)
    if contact is None or contact.channel is not Channel.MAIL:
        raise Refused("R18", "not_a_mail_contact")
    if contact.intermediary:
        raise Refused("R14b", "intermediary")


def _certificate_usable(case: Case, event: e.CertificateChosen) -> None:
    if event.contact_id not in case.contacts:
        raise Refused("R16", "unknown_contact")
    if not event.certificate_id:
        return
    certificate = case.certificates.get(event.certificate_id)
    if certificate is None or certificate.contact_id != event.contact_id:
        raise Refused("R18", "unknown_certificate")
    if certificate.reason:
        raise Refused("R18", "certificate_refused")


def _task_open(case: Case, event: e.TaskDone | e.TaskCancelled) -> None:
    task = case.tasks.get(event.task_id)
    if task is None or not task.open:
        raise IllegalMove("task", "done" if task else "unknown", type(event).__name__)


def _paused_once(case: Case, event: e.ClockPaused | e.ClockResumed) -> None:
    paused = case.stands_still("paused")
    if paused == isinstance(event, e.ClockPaused):
        raise IllegalMove("clock", "paused" if paused else "running", type(event).__name__)


def _publish_needs_end(case: Case, event: e.PublicationAnnounced | e.CasePublished) -> None:
    if case.state(Axis.REMEDIATION) == "none" and case.embargo_ended_at is None and Rung.AUTHORITIES not in case.rungs:
        raise Refused("R46", "embargo_running")


def _approval_open(
    case: Case, event: e.ApprovalGiven | e.ApprovalRefused | e.ApprovalExpired | e.ApprovalVoided
) -> None:
    approval = case.approvals.get(event.approval_id)
    if approval is None or not is_waiting(case, approval):
        raise IllegalMove("approval", "closed", type(event).__name__)


def _embargo_after_contact(case: Case, _: e.EmbargoEnded) -> None:
    if case.contact_started_at is None:
        raise Refused("R36", "before_first_contact")  # what was public before sets severity only


_RULES: Mapping[type[e.Event], Callable[[Case, Any], None]] = {
    e.NoticeReleased: _release_needs_standing,
    e.NoticeOpened: _opening_needs_a_standing_release,
    e.NoticeAcknowledged: _needs_release,
    e.NoticeContested: _needs_confirmed,
    e.RemediationPlanned: _needs_confirmed,
    e.RemediationClaimed: _needs_confirmed,
    e.OrganisationWrote: _needs_confirmed,
    e.StandingShown: _standing_counts,
    e.StandingObjected: _needs_confirmed,
    e.CertificateHandedIn: _needs_confirmed,
    e.OwnAddressNamed: _own_address_needs_tied_domain,
    e.RungClimbed: _rung_once,
    e.FirstContactReleased: _contacts_usable,
    e.ContactsChosen: _contacts_usable,
    e.CertificateSearchStarted: _certificate_of_a_contact,
    e.CertificateFound: _certificate_of_a_contact,
    e.CertificateEntered: _certificate_of_a_contact,
    e.CertificateChosen: _certificate_usable,
    e.TaskDone: _task_open,
    e.TaskCancelled: _task_open,
    e.ClockPaused: _paused_once,
    e.ClockResumed: _paused_once,
    e.ForwardRequestReleased: _forward_after_failure,
    e.PersonConfirmed: _intermediaries_never_confirm,
    e.PublicationAnnounced: _publish_needs_end,
    e.CasePublished: _publish_needs_end,
    e.ApprovalGiven: _approval_open,
    e.ApprovalRefused: _approval_open,
    e.ApprovalExpired: _approval_open,
    e.ApprovalVoided: _approval_open,
    e.EmbargoEnded: _embargo_after_contact,
}
