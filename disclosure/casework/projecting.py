"""The rows that follow from events: cases, deadlines, outbox, tasks, searches. No row without its event, none missing.

Rows of many cases are gathered first and written by one statement per kind (store/manyrows.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from disclosure.casework import policies
from disclosure.casework.office import Office, domain_tokens_of, new_id
from disclosure.protocol import events as e
from disclosure.protocol.approvals import is_done
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import Conflict
from disclosure.protocol.ladder import Plan, Rules, next_instant
from disclosure.protocol.ownclocks import next_own_instant, whose_move
from disclosure.protocol.state import Approval, Case
from disclosure.protocol.values import Language
from disclosure.store.manyrows import ManyRows, RowKind
from disclosure.store.tables import approvals, cases, coordinators, deadlines, domain_tokens, outbox, searches, tasks

# A row may refer to one of a lower place. The ledger's own have 0 to 2.
_NEW_CASE = RowKind(10, insert(cases))
_CASE = RowKind(11, update(cases).where(cases.c.id == bindparam("its_id")), missed=Conflict)
_DEADLINE_MOVED = RowKind(12, update(deadlines).where(deadlines.c.id == bindparam("its_id")), missed=Conflict)
_NEW_DEADLINE = RowKind(13, insert(deadlines))
_NEW_MAIL = RowKind(14, insert(outbox))
_NEW_TASK = RowKind(15, insert(tasks))
_TASK = RowKind(16, update(tasks).where(tasks.c.id == bindparam("its_id")), missed=Conflict)
_NEW_SEARCH = RowKind(17, insert(searches))
_NEW_APPROVAL = RowKind(18, insert(approvals))
_APPROVAL = RowKind(19, update(approvals).where(approvals.c.id == bindparam("its_id")), missed=Conflict)
_DEADLINES = select(deadlines).where(deadlines.c.case_id.in_(bindparam("case_ids", expanding=True)))
_COORDINATORS = select(coordinators.c.id, coordinators.c.language).where(coordinators.c.active)


class Projection:
    """What some cases' new entries make of their rows, gathered inside ``tx`` and written at the end."""

    def __init__(self, office: Office, tx: Connection, case_ids: Sequence[str]) -> None:
        self._office, self._tx, self._rows = office, tx, ManyRows()
        self._held: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in tx.execute(_DEADLINES, {"case_ids": list(case_ids)}):
            self._held[row.case_id].append(row)
        self._called: list[tuple[str, str]] | None = None

    def add(self, case_id: str, case: Case, rules: Rules, planned: Plan, entries: Sequence[e.Entry]) -> None:
        """``case`` is as it is after ``entries``, and ``planned`` its plan."""
        row = case_row(case, rules, planned)
        if entries and entries[0].seq == 1:
            self._rows.add(_NEW_CASE, row | {"id": case_id, "number": case.number, "opened_at": case.opened_at})
        else:
            self._rows.add(_CASE, row | {"its_id": case_id})
        fired = self._deadlines(case_id, case, planned)
        climbed: dict[str, str] = {}  # the heads-up is climbed once in each clock, and its mails follow it
        for entry in entries:
            if isinstance(entry.event, e.RungClimbed):
                climbed[entry.event.rung] = fired[entry.event.rung, entry.event.clock]
            self._entry(case_id, case, entry, climbed)
        for approval in case.approvals.values():  # what ends one is an event of its own, or that the act was done
            self._rows.add(_APPROVAL, {"its_id": approval.id, "state": approval_state(case, approval)})

    def write(self) -> None:
        self._rows.write(self._tx)

    def _deadlines(self, case_id: str, case: Case, planned: Plan) -> dict[tuple[str, str], str]:
        """Bring the rows to what the fold says; returns (rung, clock) → id of its fired row."""
        wanted = deadline_rows(case, planned)
        ids: dict[tuple[str, str], str] = {}
        for row in self._held[case_id]:
            key = row.rung, row.clock
            state, due_at = wanted.pop(key, (row.state if row.state == "fired" else "superseded", row.due_at))
            if (state, due_at) != (row.state, row.due_at):
                fired_at = case.last_at if state == "fired" else None
                moved = {"its_id": row.id, "state": state, "due_at": due_at, "fired_at": fired_at}
                self._rows.add(_DEADLINE_MOVED, moved)
            if state == "fired":
                ids[key] = row.id
        for (rung, clock), (state, due_at) in wanted.items():
            fired = state == "fired"
            fresh = {
                "id": new_id(),
                "case_id": case_id,
                "rung": rung,
                "clock": clock,
                "due_at": due_at,
                "state": state,
                "fired_at": case.last_at if fired else None,
            }
            self._rows.add(_NEW_DEADLINE, fresh)
            if fired:
                ids[rung, clock] = str(fresh["id"])
        return ids

    def _entry(self, case_id: str, case: Case, entry: e.Entry, climbed: Mapping[str, str]) -> None:
        match entry.event:
            case e.CaseOpened(policy_version=version) | e.PolicyMoved(version=version):
                policies.keep(self._office, self._tx, version, entry.at)
            case e.MailQueued() as queued:
                deadline_id = climbed[queued.rung] if queued.rung else None
                row = mail_row(case.policy_version, entry.at, queued, case_id=case_id, deadline_id=deadline_id)
                self._rows.add(_NEW_MAIL, row)
            case e.CoordinatorsCalled():
                for row in self._calls(case_id, case.policy_version, entry.at):
                    self._rows.add(_NEW_MAIL, row)
            case e.TaskOpened() as task:
                row = {"id": task.task_id, "case_id": case_id, "kind": task.kind, "channel": task.channel}
                self._rows.add(_NEW_TASK, row | {"due_at": task.due_at, "state": "open"})
            case e.TaskDone(task_id=task_id):
                self._rows.add(_TASK, {"its_id": task_id, "state": "done"})
            case e.TaskCancelled(task_id=task_id):
                self._rows.add(_TASK, {"its_id": task_id, "state": "cancelled"})
            case e.ApprovalProposed() as asked:
                row = {"id": asked.approval_id, "case_id": case_id, "act": asked.act, "expires_at": asked.expires_at}
                self._rows.add(_NEW_APPROVAL, row | {"state": "open"})
            case e.SearchStarted(search_id=search_id, domain_id=domain_id):
                self._search(case_id, entry.at, search_id, domain_id)
            case e.CertificateSearchStarted(search_id=search_id, contact_id=contact_id):
                self._search(case_id, entry.at, search_id, case.contacts[contact_id].domain_id, contact_id)
            case e.DomainTied() as tied:
                self._domain(case_id, tied)

    def _calls(self, case_id: str, policy_version: str, at: datetime) -> list[dict[str, object]]:
        if self._called is None:
            self._called = _active(self._tx)
        return _calls(self._called, policy_version, at, case_id=case_id)

    def _search(
        self, case_id: str, at: datetime, search_id: str, domain_id: str, contact_id: str | None = None
    ) -> None:
        row = {"id": search_id, "case_id": case_id, "domain_id": domain_id, "contact_id": contact_id}
        self._rows.add(_NEW_SEARCH, row | {"state": "waiting", "attempts": 0, "next_try_at": at, "fence": 0})

    def _domain(self, case_id: str, tied: e.DomainTied) -> None:
        """At once: two domains of one organisation may share a token."""
        known = set(self._tx.scalars(select(domain_tokens.c.token).where(domain_tokens.c.stream_id == case_id)))
        tokens = dict.fromkeys((tied.domain_id, *domain_tokens_of(self._office, (tied.domain,))))
        rows = [{"token": token, "stream_id": case_id} for token in tokens if token not in known]
        if rows:
            self._tx.execute(insert(domain_tokens), rows)


def case_row(case: Case, rules: Rules, planned: Plan) -> dict[str, object]:
    """The columns of ``cases`` that the fold decides; ``verify`` compares them with what is stored."""
    instants = [i for i in (next_instant(case, rules, planned), next_own_instant(case, rules)) if i]
    return {
        "kind": case.assessed.kind if case.assessed else None,
        "severity": case.assessed.severity if case.assessed else None,
        "role": case.role,
        "life": case.state(Axis.LIFE),
        "contact": case.state(Axis.CONTACT),
        "notice": case.state(Axis.NOTICE),
        "acknowledgement": case.state(Axis.ACKNOWLEDGEMENT),
        "remediation": case.state(Axis.REMEDIATION),
        "publicity": case.state(Axis.PUBLICITY),
        "whose_move": whose_move(case, rules.policy),
        "next_at": min(instants, default=None),
        "coordinator_id": case.coordinator_id,
        "policy_version": case.policy_version,
        "number_known_at": min(filter(None, (case.contact_started_at, case.forwarded_at)), default=None),
        "head_seq": case.last_seq,
    }


def deadline_rows(case: Case, planned: Plan) -> dict[tuple[str, str], tuple[str, datetime | None]]:
    """(rung, clock) → (state, due_at): pending ones from the plan, fired ones from the fold."""
    rows: dict[tuple[str, str], tuple[str, datetime | None]] = {
        (str(p.rung), str(p.clock)): ("pending", p.due_at) for p in planned
    }
    rows.update({(str(rung), str(c.clock)): ("fired", c.due_at) for rung, c in case.rungs.items()})
    return rows


def approval_state(case: Case, approval: Approval) -> str:
    """As far as the fold alone knows: whether it is void is the rules' to say, and the machine's to write down."""
    return "open" if approval.open and not is_done(case, approval) else "ended"


def mail_row(
    policy_version: str,
    at: datetime,
    queued: e.MailQueued,
    *,
    case_id: str | None = None,
    report_id: str | None = None,
    deadline_id: str | None = None,
) -> dict[str, object]:
    """The outbox row of a queued mail: a recipe, nothing composed yet."""
    return {
        "id": queued.mail_id,
        "case_id": case_id,
        "report_id": report_id,
        "deadline_id": deadline_id,
        "mail_type": queued.mail_type,
        "recipient": queued.to,
        "language": queued.language,
        "policy_version": policy_version,
        "queued_at": at,
        "state": "recipe",
        "attempts": 0,
        "ambiguous": 0,
        "next_try_at": queued.not_before,
        "fence": 0,
        "urgency": urgency(queued.mail_type),
        "signed_only": queued.signed_only,
    }


def urgency(mail_type: MailType) -> int:
    """R29: a person sits before a page and waits for the second code; it goes before everything."""
    return 0 if mail_type is MailType.SECOND_CODE else 1


def call_coordinators(tx: Connection, policy_version: str, at: datetime, **of: str | None) -> None:
    """R12: a mail without content to every active coordinator. ``of``: as ``mail_row`` has it."""
    rows = _calls(_active(tx), policy_version, at, **of)
    if rows:
        tx.execute(_NEW_MAIL.statement, rows)


def _active(tx: Connection) -> list[tuple[str, str]]:
    return [(row.id, row.language) for row in tx.execute(_COORDINATORS)]


def _calls(
    active: Sequence[tuple[str, str]], policy_version: str, at: datetime, **of: str | None
) -> list[dict[str, object]]:
    mails = [
        e.MailQueued(
            mail_id=new_id(),
            mail_type=MailType.COORDINATORS_CALLED,
            to=coordinator_id,
            language=Language(language),
            not_before=at,
        )
        for coordinator_id, language in active
    ]
    return [mail_row(policy_version, at, mail, **of) for mail in mails]
