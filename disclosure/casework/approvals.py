"""R12: whether one coordinator's own act suffices, the proposal that asks a second one, and what that one answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from disclosure.casework import casefile
from disclosure.casework.casefile import CaseFile, Fact, Hand
from disclosure.casework.office import new_id
from disclosure.protocol import approvals
from disclosure.protocol import events as e
from disclosure.protocol.approvals import is_approved, shown, stands
from disclosure.protocol.codes import Act
from disclosure.protocol.errors import InvalidInput, Refused
from disclosure.protocol.state import Approval


def or_propose(file: CaseFile, act: Act, subject: str, hand: Hand, facts: Sequence[Fact]) -> list[Fact]:
    """The act's facts where the voices are enough, else the proposal that asks for them.

    One coordinator's own act counts as the first voice. Raises what a rule says against the act: nobody is asked to
    approve what is forbidden; and Refused where a second coordinator was asked already, or the case is closed.
    """
    if not file.case.open:
        raise Refused("R12", "closed")
    if file.rules.policy.approvals.get(act, 1) <= 1 or is_approved(file.case, act, subject, file.rules):
        return list(facts)
    file.after(hand.now, facts)
    return [(hand.actor, _asked_once(file, act, subject, hand.now))]


def _asked_once(file: CaseFile, act: Act, subject: str, now: datetime) -> e.ApprovalProposed:
    asked = (a for a in file.case.approvals.values() if a.act is act and a.subject == subject)
    if any(stands(file.case, a, file.rules) for a in asked):
        raise Refused("R12", "approval_pending")
    proposed = proposal(file, act, subject, now)
    if not proposed.state:
        raise Refused("R12", "nothing_to_approve")
    return proposed


def proposal(file: CaseFile, act: Act, subject: str, now: datetime) -> e.ApprovalProposed:
    """The question as a coordinator or the machine puts it, about what the case says at this moment."""
    expires_at, state = now + file.rules.policy.approval_expires, shown(file.case, act, subject, file.rules)
    return e.ApprovalProposed(approval_id=new_id(), act=act, subject=subject, expires_at=expires_at, state=state)


def approve(hand: Hand, approval_id: str) -> None:
    """Another person says yes to what was shown. The act stays the proposer's, or the machine's at the next tick."""

    def decide(file: CaseFile) -> list[Fact]:
        given = e.ApprovalGiven(approval_id=approval_id)
        asked = _waiting(file, approval_id)
        if asked and not stands(file.case, asked, file.rules):
            raise Refused("R12", "approval_void")
        if asked and hand.coordinator_id in asked.given_by:
            return []  # a second click
        return [(hand.actor, given)]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def refuse(hand: Hand, approval_id: str, reason: str) -> None:
    """Anybody may, the proposer too: it takes the question back. It delays what is due and ends nothing: a rung is
    proposed again once the question would have expired (R12)."""
    if not reason.strip():
        raise InvalidInput({"reason": "required"})
    casefile.record(hand, e.ApprovalRefused(approval_id=approval_id, reason=reason.strip()))


def _waiting(file: CaseFile, approval_id: str) -> Approval | None:
    """None: it has ended or was never asked; the protocol says so when the answer comes."""
    found = file.case.approvals.get(approval_id)
    return found if found and approvals.is_waiting(file.case, found) else None
