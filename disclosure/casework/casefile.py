"""Reading and changing one case.

Events are decided on the fold, appended, and every row that follows from them is written in the same transaction.
Nothing else writes a case's rows: no row exists without its event, and none is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from disclosure.casework import policies
from disclosure.casework.office import Office, domain_tokens_of, new_id
from disclosure.protocol import events as e
from disclosure.protocol import ladder
from disclosure.protocol.axes import Axis
from disclosure.protocol.case import apply, fold
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import Conflict, NotFound
from disclosure.protocol.ladder import Planned, Rules
from disclosure.protocol.ownclocks import next_own_instant, whose_move
from disclosure.protocol.state import Case
from disclosure.protocol.values import Address, Domain, Party
from disclosure.store import ledger
from disclosure.store.tables import (
    cases,
    confirmed_channels,
    coordinators,
    deadlines,
    domain_tokens,
    outbox,
    searches,
    tasks,
)

Fact = tuple[e.Actor, e.Event]
TRIES = 4  # a person and the worker may meet on one case; a third and fourth try have always been enough


@dataclass(frozen=True)
class CaseFile:
    """A case as it is, and what decides for it: its policy version, its country's calendar, who is to be told."""

    id: str
    case: Case
    rules: Rules

    def after(self, at: datetime, facts: Sequence[Fact]) -> CaseFile:
        """The file as it would be after these facts. Raises IllegalMove or Refused, and then nothing was stored."""
        case = self.case
        for actor, event in facts:
            case = apply(case, e.Entry(case.last_seq + 1, at, actor, event))
        return replace(self, case=case)


def load(office: Office, connection: Connection, case_id: str) -> CaseFile:
    """The fold, without any sealed word. Raises NotFound."""
    entries = ledger.read(office.store, connection, case_id)
    if not entries or not isinstance(entries[0].event, e.CaseOpened):
        raise NotFound("case")
    case = fold(entries)
    return CaseFile(case_id, case, rules_for(office, connection, case))


def rules_for(office: Office, connection: Connection, case: Case) -> Rules:
    confirmed = frozenset(connection.scalars(select(confirmed_channels.c.channel_id)))
    letters = office.settings.letters_budget > 0
    under = policies.under(office, connection, case.policy_version)
    alone = under.policy.alone_suffices and _one_active(connection)
    return office.policy.rules_for(case, confirmed, letters=letters, alone=alone, under=under)


def _one_active(connection: Connection) -> bool:
    return len(connection.execute(select(coordinators.c.id).where(coordinators.c.active).limit(2)).all()) == 1


def look_again(office: Office) -> None:
    """Somebody came or went: where one coordinator suffices when alone, other instants follow for open cases (R12)."""
    with office.store.reading() as connection:
        if not policies.alone_may_suffice(office, connection):
            return
        ids = list(connection.scalars(select(cases.c.id).where(cases.c.life == "open").order_by(cases.c.id)))
        next_at = {case_id: _next_at(load(office, connection, case_id)) for case_id in ids}
    with office.store.writing() as tx:
        for case_id, (seq, instant) in next_at.items():
            unmoved = (cases.c.id == case_id) & (cases.c.head_seq == seq)
            tx.execute(update(cases).where(unmoved).values(next_at=instant))


def _next_at(file: CaseFile) -> tuple[int, object]:
    return file.case.last_seq, case_row(file.case, file.rules)["next_at"]


def look(office: Office, case_id: str) -> CaseFile:
    with office.store.reading() as connection:
        return load(office, connection, case_id)


def change(
    office: Office,
    case_id: str,
    at: datetime,
    decide: Callable[[CaseFile], Sequence[Fact]],
    within: Callable[[Connection, CaseFile], None] | None = None,
) -> CaseFile:
    """Append what ``decide`` says of the case as it is, with all rows; asked again if the case moved in between.

    ``within`` runs in the same transaction, after the case's own rows. No facts: nothing is written.
    """
    for _ in range(TRIES):
        file = look(office, case_id)
        facts = decide(file)
        if not facts and within is None:
            return file
        file.after(at, facts)  # what a rule forbids is refused before any lock is taken
        try:
            with office.store.writing() as tx:
                changed = write(office, tx, file, at, facts)
                if within:
                    within(tx, changed)
        except Conflict:
            continue
        return changed
    raise Conflict(case_id)


def coordinator(coordinator_id: str) -> e.Actor:
    return e.Actor(Party.COORDINATOR, coordinator_id)


@dataclass(frozen=True)
class Hand:
    """Which coordinator acts on which case, when."""

    office: Office
    case_id: str
    coordinator_id: str
    now: datetime

    @property
    def actor(self) -> e.Actor:
        return coordinator(self.coordinator_id)


def record(hand: Hand, event: e.Event) -> CaseFile:
    """One event by a coordinator's hand."""
    return change(hand.office, hand.case_id, hand.now, lambda _: [(hand.actor, event)])


def domains_of(office: Office, connection: Connection, file: CaseFile) -> dict[str, Domain]:
    """Tied domains by their id."""
    tied = ledger.read(
        office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=tuple(file.case.domains.values())
    )
    return {
        entry.event.domain_id: Domain(entry.event.domain) for entry in tied if isinstance(entry.event, e.DomainTied)
    }


def is_tied(address: Address, domains: Iterable[Domain]) -> bool:
    """R29: at a domain that a coordinator has tied to this organisation."""
    return any(address.domain.is_within(domain) for domain in domains)


def addresses(office: Office, connection: Connection, file: CaseFile) -> dict[str, str]:
    """Contact id → address, number or postal lines, of every contact of the case."""
    seqs = {contact.seq: contact.id for contact in file.case.contacts.values()}
    entries = ledger.read(office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=tuple(seqs))
    return {seqs[entry.seq]: getattr(entry.event, "address", "") for entry in entries}


def write(office: Office, tx: Connection, file: CaseFile, at: datetime, facts: Sequence[Fact]) -> CaseFile:
    """Append and project inside a transaction that is open already. Raises Conflict if the case moved on."""
    entries = ledger.append(office.store, tx, file.id, file.case.last_seq, at, facts)
    file = file.after(at, facts)
    if any(isinstance(entry.event, e.CaseAssessed | e.PolicyMoved) for entry in entries):
        file = replace(file, rules=rules_for(office, tx, file.case))  # another country, other referrals
    _project_case(tx, file)
    deadline_ids = _project_deadlines(tx, file)
    for entry in entries:
        _project_entry(office, tx, file, entry, deadline_ids)
    return file


def case_row(case: Case, rules: Rules) -> dict[str, object]:
    """The columns of ``cases`` that the fold decides; ``verify`` compares them with what is stored."""
    instants = [i for i in (ladder.next_instant(case, rules), next_own_instant(case, rules)) if i]
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


# Built once: building a statement costs as much as running it.
_UPDATE_CASE = update(cases).where(cases.c.id == bindparam("its_id"))
_DEADLINES = select(deadlines).where(deadlines.c.case_id == bindparam("case_id"))


def _project_case(tx: Connection, file: CaseFile) -> None:
    row = case_row(file.case, file.rules)
    if tx.execute(_UPDATE_CASE, row | {"its_id": file.id}).rowcount == 0:
        tx.execute(insert(cases).values(id=file.id, number=file.case.number, opened_at=file.case.opened_at, **row))


def deadline_rows(case: Case, planned: Sequence[Planned]) -> dict[tuple[str, str], tuple[str, datetime | None]]:
    """(rung, clock) → (state, due_at): pending ones from the plan, fired ones from the fold."""
    rows: dict[tuple[str, str], tuple[str, datetime | None]] = {
        (str(p.rung), str(p.clock)): ("pending", p.due_at) for p in planned
    }
    rows.update({(str(rung), str(c.clock)): ("fired", c.due_at) for rung, c in case.rungs.items()})
    return rows


def _project_deadlines(tx: Connection, file: CaseFile) -> dict[str, str]:
    """Bring the rows to what the fold says; returns rung → id of its fired row."""
    case, case_id = file.case, file.id
    wanted = deadline_rows(case, ladder.plan(case, file.rules))
    held = {(row.rung, row.clock): row for row in tx.execute(_DEADLINES, {"case_id": case_id})}
    for key, row in held.items():
        state, due_at = wanted.get(key, (row.state if row.state == "fired" else "superseded", row.due_at))
        if (state, due_at) != (row.state, row.due_at):
            fired_at = case.last_at if state == "fired" else None
            tx.execute(
                update(deadlines)
                .where(deadlines.c.id == row.id, deadlines.c.state == row.state)
                .values(state=state, due_at=due_at, fired_at=fired_at)
            )
    fresh = [
        {
            "id": new_id(),
            "case_id": case_id,
            "rung": rung,
            "clock": clock,
            "due_at": due_at,
            "state": state,
            "fired_at": case.last_at if state == "fired" else None,
        }
        for (rung, clock), (state, due_at) in wanted.items()
        if (rung, clock) not in held
    ]
    if fresh:
        tx.execute(insert(deadlines), fresh)
    ids = {key[0]: row.id for key, row in held.items() if wanted.get(key, ("",))[0] == "fired"}
    return ids | {str(row["rung"]): str(row["id"]) for row in fresh if row["state"] == "fired"}


def _project_entry(
    office: Office, tx: Connection, file: CaseFile, entry: e.Entry, deadline_ids: dict[str, str]
) -> None:
    case, case_id = file.case, file.id
    match entry.event:
        case e.CaseOpened(policy_version=version) | e.PolicyMoved(version=version):
            policies.keep(office, tx, version, entry.at)
        case e.MailQueued() as queued:
            deadline_id = deadline_ids.get(queued.rung) if queued.rung else None
            enqueue(tx, case.policy_version, entry.at, queued, case_id=case_id, deadline_id=deadline_id)
        case e.CoordinatorsCalled():
            call_coordinators(tx, case.policy_version, entry.at, case_id=case_id)
        case e.TaskOpened() as task:
            tx.execute(
                insert(tasks).values(
                    id=task.task_id,
                    case_id=case_id,
                    kind=task.kind,
                    channel=task.channel,
                    due_at=task.due_at,
                    state="open",
                )
            )
        case e.TaskDone(task_id=task_id):
            tx.execute(update(tasks).where(tasks.c.id == task_id).values(state="done"))
        case e.TaskCancelled(task_id=task_id):
            tx.execute(update(tasks).where(tasks.c.id == task_id).values(state="cancelled"))
        case e.SearchStarted(search_id=search_id, domain_id=domain_id):
            _wait_for_search(tx, case_id, search_id, entry.at, domain_id=domain_id)
        case e.CertificateSearchStarted(search_id=search_id, contact_id=contact_id):
            domain_id = case.contacts[contact_id].domain_id
            _wait_for_search(tx, case_id, search_id, entry.at, domain_id=domain_id, contact_id=contact_id)
        case e.DomainTied() as tied:
            mine = select(domain_tokens.c.token).where(domain_tokens.c.stream_id == case_id)
            known = set(tx.scalars(mine))
            tokens = dict.fromkeys((tied.domain_id, *domain_tokens_of(office, (tied.domain,))))
            rows = [{"token": token, "stream_id": case_id} for token in tokens if token not in known]
            if rows:
                tx.execute(insert(domain_tokens), rows)


def _wait_for_search(
    tx: Connection, case_id: str, search_id: str, at: datetime, *, domain_id: str, contact_id: str | None = None
) -> None:
    tx.execute(
        insert(searches).values(
            id=search_id,
            case_id=case_id,
            domain_id=domain_id,
            contact_id=contact_id,
            state="waiting",
            attempts=0,
            next_try_at=at,
            fence=0,
        )
    )


def enqueue(
    tx: Connection,
    policy_version: str,
    at: datetime,
    queued: e.MailQueued,
    *,
    case_id: str | None = None,
    report_id: str | None = None,
    deadline_id: str | None = None,
) -> None:
    """The outbox row of a queued mail: a recipe, nothing composed yet."""
    tx.execute(
        insert(outbox).values(
            id=queued.mail_id,
            case_id=case_id,
            report_id=report_id,
            deadline_id=deadline_id,
            mail_type=queued.mail_type,
            recipient=queued.to,
            language=queued.language,
            policy_version=policy_version,
            queued_at=at,
            state="recipe",
            attempts=0,
            ambiguous=0,
            next_try_at=queued.not_before,
            fence=0,
            urgency=urgency(queued.mail_type),
            signed_only=queued.signed_only,
        )
    )


def urgency(mail_type: MailType) -> int:
    """R29: a person sits before a page and waits for the second code; it goes before everything."""
    return 0 if mail_type is MailType.SECOND_CODE else 1


def call_coordinators(
    tx: Connection, policy_version: str, at: datetime, *, case_id: str | None = None, report_id: str | None = None
) -> None:
    """R12: a mail without content to every active coordinator."""
    for row in tx.execute(select(coordinators.c.id, coordinators.c.language).where(coordinators.c.active)):
        call = e.MailQueued(
            mail_id=new_id(),
            mail_type=MailType.COORDINATORS_CALLED,
            to=row.id,
            language=row.language,
            not_before=at,
        )
        enqueue(tx, policy_version, at, call, case_id=case_id, report_id=report_id)
