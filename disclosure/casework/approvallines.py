"""Approvals of a case as rows: what is asked for, by whom, who said yes, and is it still what was shown (R12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from disclosure.casework import deskwords
from disclosure.casework.casefile import CaseFile
from disclosure.casework.sight import Sight
from disclosure.casework.words import short
from disclosure.protocol.approvals import authority_named, has_enough, is_a_persons, is_waiting, stands
from disclosure.protocol.codes import Act
from disclosure.protocol.state import Approval


@dataclass(frozen=True)
class ApprovalLine:
    """``asked_by`` is empty where the machine asks. ``needed``: coordinators in all, whoever asks counts as one."""

    id: str
    act: str
    kind: Act
    by_machine: bool  # what is approved is done by the server, and asked for again as long as it is due
    subject: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    needed: int
    given_by: tuple[str, ...]
    mine: bool  # whoever proposed it cannot be the second
    given: bool  # by whoever looks
    enough: bool
    void: bool  # the case says something else than what was shown

    @property
    def mine_to_give(self) -> bool:
        return not (self.mine or self.given or self.enough or self.void)


def lines(file: CaseFile, sight: Sight, coordinator_id: str) -> tuple[ApprovalLine, ...]:
    """Those that still wait, for a voice or for the act that they allow."""
    waiting = (a for a in file.case.approvals.values() if is_waiting(file.case, a))
    return tuple(line(file, approval, sight, coordinator_id) for approval in waiting)


def line(file: CaseFile, approval: Approval, sight: Sight, coordinator_id: str) -> ApprovalLine:
    needed = file.rules.policy.approvals.get(approval.act, 1)
    return ApprovalLine(
        id=approval.id,
        act=short(approval.act, sight.language),
        kind=approval.act,
        by_machine=not is_a_persons(approval),
        subject=sight.name(authority_named(approval.subject) or approval.subject)
        or deskwords.rung(approval.subject, sight.language),
        asked_by=sight.name(approval.proposed_by),
        asked_at=approval.proposed_at,
        expires_at=approval.expires_at,
        needed=needed,
        given_by=tuple(sight.name(login) or login for login in approval.given_by),
        mine=approval.proposed_by == coordinator_id,
        given=coordinator_id in approval.given_by,
        enough=has_enough(approval, needed),
        void=not stands(file.case, approval, file.rules),
    )
