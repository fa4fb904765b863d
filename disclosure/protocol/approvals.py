"""Two coordinators for one act (R12): what they were shown, who agreed, and whether it is still what is asked for.

An approval is for what was seen. ``shown`` puts that into codes; once the case says other codes, the approval is void,
as a release is that names another state (R29). A refusal delays and never ends: what is due is asked for again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import Act, MailType, Rung
from disclosure.protocol.state import Approval, Case
from disclosure.protocol.values import Answer, Standing

if TYPE_CHECKING:
    from disclosure.protocol.ladder import Rules

_FIRST_MAILS = frozenset({MailType.CONTACT_REQUEST, MailType.FORWARD_REQUEST})


def shown(case: Case, act: Act, subject: str, rules: Rules) -> str:
    """The state that an approval of this act is for, as codes. Empty: as things stand there is nothing to approve."""
    match act:
        case Act.FIRST_CONTACT:
            return _contact(case, subject)
        case Act.RELEASE:
            return _release(case, subject)
        case Act.REFERRAL:
            return _referral(case, Rung(subject), rules)


def _contact(case: Case, contact_id: str) -> str:
    """The address is fixed by the id; what was known of it may change, and whether its host can be trusted (R17a)."""
    contact = case.contacts.get(contact_id)
    if contact is None or contact.disabled:
        return ""
    marks = (contact.review, contact.doubted, contact.intermediary)
    host = case.assessed.host_compromised if case.assessed else Answer.UNKNOWN
    seen = (contact.channel, contact.source, contact.confidence, contact.reason, *map(int, marks), host)
    return " ".join(str(one) for one in seen)


def _release(case: Case, person_id: str) -> str:
    """R29: the text, and to whom as what: a change of address or certificate begins anew."""
    person = case.persons.get(person_id)
    if person is None or person.standing < Standing.S2 or not case.draft_seq:
        return ""
    return f"{case.draft_seq} {person.standing.name} {person.changed_seq} {person.fingerprint}".rstrip()


def _referral(case: Case, rung: Rung, rules: Rules) -> str:
    """Who is told by which channel, and what the dossier says of the case (R40)."""
    told = rules.told(case) if rung is Rung.AUTHORITIES else rules.at_once(case)
    about = case.assessed
    if about is None or not told:
        return ""
    to = sorted(f"{one.authority_id}/{one.channel}" for one in told)
    judged = (about.kind, about.severity, about.personal_data, about.sector, about.country)
    text = max((person.release_seq for person in case.persons.values()), default=0) or case.draft_seq
    answered = (case.state(Axis.ACKNOWLEDGEMENT), case.state(Axis.REMEDIATION))
    return " ".join(str(one) for one in (*to, *judged, text, *answered))


def is_done(case: Case, approval: Approval) -> bool:
    """What was asked for has happened since; the approval is used up."""
    match approval.act:
        case Act.FIRST_CONTACT:
            return any(m.to == approval.subject and m.type in _FIRST_MAILS for m in case.mails.values())
        case Act.RELEASE:
            person = case.persons.get(approval.subject)
            return person is not None and person.release_seq > approval.seq
        case Act.REFERRAL:
            return approval.subject in case.rungs


def is_waiting(case: Case, approval: Approval) -> bool:
    """Neither ended nor used up: a coordinator may still say something of it, or do what it allows."""
    return case.open and approval.open and not is_done(case, approval)


def stands(case: Case, approval: Approval, rules: Rules) -> bool:
    """It waits, and what was shown is what the case says now."""
    return is_waiting(case, approval) and approval.state == shown(case, approval.act, approval.subject, rules) != ""


def has_enough(approval: Approval, needed: int) -> bool:
    """The machine's proposal needs ``needed`` coordinators; a coordinator's own counts as the first of them."""
    return approval.open and len(approval.given_by) + (1 if approval.proposed_by else 0) >= needed


def is_approved(case: Case, act: Act, subject: str, rules: Rules) -> bool:
    needed = rules.policy.approvals.get(act, 0)
    return needed == 0 or any(
        a.act is act and a.subject == subject and has_enough(a, needed) and stands(case, a, rules)
        for a in case.approvals.values()
    )


def missing(case: Case, rules: Rules) -> tuple[Approval, ...]:
    """Those that wait for another voice."""
    needed = rules.policy.approvals
    return tuple(a for a in case.approvals.values() if is_waiting(case, a) and not has_enough(a, needed.get(a.act, 0)))


def expired(case: Case, rules: Rules, now: datetime) -> tuple[Approval, ...]:
    """Those past their date that never got enough voices."""
    return tuple(a for a in missing(case, rules) if a.expires_at <= now and stands(case, a, rules))


def void(case: Case, rules: Rules) -> tuple[Approval, ...]:
    """Those that still wait, while the case says something else than what was shown."""
    return tuple(a for a in case.approvals.values() if is_waiting(case, a) and not stands(case, a, rules))
