"""R12: whether one coordinator's own act suffices, and the proposal that asks a second one."""

from __future__ import annotations

from datetime import datetime

from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import new_id
from disclosure.protocol import events as e
from disclosure.protocol.codes import Act
from disclosure.protocol.errors import Refused
from disclosure.protocol.ladder import is_approved


def enough(file: CaseFile, act: Act, subject: str) -> bool:
    """One coordinator's own act counts as the first approval."""
    return file.rules.policy.approvals.get(act, 1) <= 1 or is_approved(file.case, act, subject, file.rules.policy)


def propose(file: CaseFile, act: Act, subject: str, actor: e.Actor, now: datetime) -> list[Fact]:
    """Raises Refused where a second coordinator was asked already."""
    open_ones = [a for a in file.case.approvals.values() if a.act is act and a.subject == subject]
    if any(not (a.refused or a.expired) for a in open_ones):
        raise Refused("R12", "approval_pending")
    expires_at = now + file.rules.policy.approval_expires
    return [(actor, e.ApprovalProposed(approval_id=new_id(), act=act, subject=subject, expires_at=expires_at))]
