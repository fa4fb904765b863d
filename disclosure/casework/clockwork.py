"""The clock's hand: finds cases whose instant has come and climbs what is due (R30–R37a).

Read and fold a batch, decide, then one short writing transaction. A batch that fails is halved until the bad case
stands alone; that one is marked stuck and shown at the desk, and the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, select, update

from disclosure.casework import casefile, dossiers, maintenance, outages, projecting
from disclosure.casework.approvals import proposal
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office, new_id, sha256
from disclosure.casework.queueing import to_each
from disclosure.protocol import approvals, ladder
from disclosure.protocol import events as e
from disclosure.protocol.codes import Act, MailType, OwnClock, Rung, TaskKind
from disclosure.protocol.effects import Effect, MailEffect, TaskEffect, effects_of, next_contact
from disclosure.protocol.errors import CannotStore, Conflict, DisclosureError
from disclosure.protocol.ladder import Planned
from disclosure.protocol.ownclocks import OwnLapse, own_lapses
from disclosure.protocol.state import Case
from disclosure.protocol.values import Channel
from disclosure.protocol.worktime import add
from disclosure.store.locks import spoken_for
from disclosure.store.tables import cases, coordinators, heartbeats, reports
from disclosure.store.transactions import once

BATCH = 200
Pause = Callable[[float], object]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ticked:
    """What one tick did."""

    cases: int
    rungs: int
    calls: int
    stuck: int

    def __add__(self, other: Ticked) -> Ticked:
        return Ticked(
            self.cases + other.cases, self.rungs + other.rungs, self.calls + other.calls, self.stuck + other.stuck
        )


NOTHING = Ticked(0, 0, 0, 0)


@dataclass(frozen=True)
class _Due:
    file: CaseFile
    facts: tuple[Fact, ...]
    after: CaseFile


def tick(office: Office, now: datetime, pause: Pause | None = None) -> Ticked:
    """Climb every rung due at ``now`` in every open case, and ring where one of our own clocks ran out.

    Nothing in maintenance, and nothing while the clock on the wall cannot be trusted. ``pause`` is called after each
    batch with the seconds for which it held the gate: whoever waits gets a turn. Without a gate nobody waits.
    """
    if maintenance.stands(office, now):
        return NOTHING
    done = call_for_unread(office, now)
    seen: set[str] = set()
    while True:
        held = office.store.gate.held_for
        with office.store.reading() as connection:  # open until they are fired: it is what they are spoken for by
            ids = spoken_for(connection, _due_ids(now), BATCH, but=seen)
            if not ids:
                return done
            seen.update(ids)
            done += _fire(office, sorted(ids), now)  # locked in the order of their ids, as everywhere
        if pause and office.store.gate.held_for > held:
            pause(office.store.gate.held_for - held)


def reach(office: Office, case_id: str, now: datetime) -> Ticked:
    """Somebody was woken for this case. Too early, too late or once too often: what is not due is left alone.

    After an outage nothing fires before the ticker's next round has credited it (R31).
    """
    if maintenance.stands(office, now) or outages.uncredited(office, now):
        return NOTHING
    ids = _still_due(office, [case_id], now)
    return _fire(office, ids, now) if ids else NOTHING


def turn(office: Office, now: datetime, pause: Pause | None = None) -> Ticked:
    """The worker's round: an outage is credited before anything can fire for it, the beat comes after the work."""
    if maintenance.stands(office, now):
        if hold := outages.held(office, now):
            log.error("the clock jumped %s: nothing fires, nothing leaves", hold.jump)
        return NOTHING  # and no beat: the next round must still see the jump
    outages.credit_outage(office, now)
    done = tick(office, now, pause)
    beat(office, "clock", now)
    return done


def _due_ids(now: datetime) -> Select[tuple[str]]:
    return (
        select(cases.c.id)
        .where(cases.c.life == "open", cases.c.next_at <= now, cases.c.stuck_at.is_(None))
        .order_by(cases.c.next_at, cases.c.id)
    )


def _fire(office: Office, ids: Sequence[str], now: datetime) -> Ticked:
    """Fire a batch; on any fault halve it, down to the one case that cannot be fired.

    Where another worker fired some of them meanwhile, the rest is still a batch. A disk that is full or a server that
    is gone says nothing about any case: the tick has failed, and the next one finds them due as before.
    """
    try:
        with office.store.reading() as connection:
            files = casefile.load_all(office, connection, ids)
            due = [_decide(office, connection, files[case_id], now) for case_id in ids]
        ready = [casefile.forge(office, item.file, now, item.facts, item.after) for item in due if item.facts]
        with office.store.writing() as tx:
            casefile.store_all(office, tx, ready)
            for item in due:
                if not item.facts:
                    _look_again(tx, item.file)
        return sum((_count(item) for item in due), NOTHING)
    except CannotStore:
        raise
    except Exception as error:
        left = _still_due(office, ids, now) if isinstance(error, Conflict) else ids
        if len(left) < len(ids):
            return _fire(office, left, now) if left else NOTHING
        if len(ids) > 1:
            half = len(ids) // 2
            return _fire(office, ids[:half], now) + _fire(office, ids[half:], now)
        if isinstance(error, Conflict):
            return NOTHING  # somebody else moved the case; the next tick sees it as it is then
        return _stuck(office, ids[0], now, error)


def _still_due(office: Office, ids: Sequence[str], now: datetime) -> Sequence[str]:
    with office.store.reading() as connection:
        due = {str(one) for one in connection.scalars(_due_ids(now).where(cases.c.id.in_(ids)))}
    return [case_id for case_id in ids if case_id in due]


def _look_again(tx: Connection, file: CaseFile) -> None:
    """Nothing is due after all (policy or a channel changed): bring the row's next instant to what the rules say."""
    unmoved = (cases.c.id == file.id) & (cases.c.head_seq == file.case.last_seq)
    tx.execute(update(cases).where(unmoved).values(next_at=file.row["next_at"]))


def _count(item: _Due) -> Ticked:
    kinds = [type(event) for _, event in item.facts]
    return Ticked(1, kinds.count(e.RungClimbed), kinds.count(e.CoordinatorsCalled), 0)


def _stuck(office: Office, case_id: str, now: datetime, error: Exception) -> Ticked:
    """Shown at the desk with the kind of fault; the words of the error stay out, they may quote sealed content."""
    log.error("case stuck", extra={"case_id": case_id, "fault": type(error).__name__})
    why = str(error)[:200] if isinstance(error, DisclosureError) else type(error).__name__
    with office.store.writing() as tx:
        tx.execute(update(cases).where(cases.c.id == case_id).values(stuck_at=now, stuck_why=why))
    return Ticked(0, 0, 0, 1)


def unstick(office: Office, case_id: str) -> None:
    """A coordinator looked: the worker may try the case again."""
    with office.store.writing() as tx:
        tx.execute(update(cases).where(cases.c.id == case_id).values(stuck_at=None, stuck_why=None))


# --- deciding for one case ---


def _decide(office: Office, connection: Connection, file: CaseFile, now: datetime) -> _Due:
    facts, after = climb(office, connection, file, now)
    rest = _approvals(after, now)
    rest += _calls(connection, own_lapses(after.case, after.rules, now))
    return _Due(file, (*facts, *rest), after.after(now, rest) if rest else after)


def climb(office: Office, connection: Connection, file: CaseFile, now: datetime) -> tuple[list[Fact], CaseFile]:
    """The facts of every rung due at ``now``, one after the other, and the case after them."""
    facts: list[Fact] = []
    while (planned := ladder.next_rung(file.case, file.rules, now, file.plan)) is not None:
        step = rung_facts(office, connection, file, planned, now)
        file = file.after(now, step)
        facts += step
    return facts, file


def rung_facts(office: Office, connection: Connection, file: CaseFile, planned: Planned, now: datetime) -> list[Fact]:
    effects = effects_of(file.case, planned, file.rules, now)
    climbed = e.RungClimbed(
        rung=planned.rung,
        clock=planned.clock,
        due_at=planned.due_at,
        mails=sum(isinstance(effect, MailEffect) for effect in effects),
        tasks=sum(isinstance(effect, TaskEffect) for effect in effects),
    )
    facts: list[Fact] = [(e.MACHINE, climbed)]
    for effect in effects:
        event, target = _event_of(office, file.case, planned.rung, effect)
        facts.append((e.MACHINE, event))
        if target:
            dossier = dossiers.write(office, connection, file, target, now)
            how = (Channel.MAIL, event.mail_id) if isinstance(event, e.MailQueued) else (event.channel, event.task_id)
            facts.append((e.MACHINE, referral(target, *how, dossier)))
    return facts


def _event_of(office: Office, case: Case, rung: Rung, effect: Effect) -> tuple[e.MailQueued | e.TaskOpened, str]:
    """The effect as an event with an id of its own, and the authority that it refers the case to, if any."""
    if isinstance(effect, MailEffect):
        queued = e.MailQueued(
            mail_id=new_id(),
            mail_type=effect.type,
            to=effect.to,
            language=office.policy.language_for(case, effect.to),
            not_before=effect.not_before,
            rung=rung,
        )
        return queued, effect.to if effect.type is MailType.REFERRAL else ""
    opened = e.TaskOpened(
        task_id=new_id(),
        kind=effect.kind,
        channel=effect.channel,
        target=effect.target,
        due_at=effect.due_at,
        rung=rung,
        blocking=effect.blocking,
    )
    return opened, effect.target if effect.kind is TaskKind.REFERRAL else ""


def referral(authority_id: str, channel: Channel, by: str, dossier: str) -> e.AuthorityReferred:
    """The dossier is fixed at the moment of the referral: what the authority was told can be shown later (R40).

    ``by``: the mail's or the task's id.
    """
    return e.AuthorityReferred(
        authority_id=authority_id,
        channel=channel,
        by=by,
        dossier_sha256=sha256(dossier.encode()),
        dossier=dossier,
    )


def _approvals(file: CaseFile, now: datetime) -> list[Fact]:
    """What was shown and is so no more is void; what expired is proposed again, by the machine and to everybody, and
    the rung stays due (R12)."""
    case, rules = file.case, file.rules
    facts: list[Fact] = [(e.MACHINE, e.ApprovalVoided(approval_id=a.id)) for a in approvals.void(case, rules)]
    expired = approvals.expired(case, rules, now)
    facts += [(e.MACHINE, e.ApprovalExpired(approval_id=a.id)) for a in expired]
    # A rung's is asked for as long as it is due.
    again = [(a.act, a.subject) for a in expired if approvals.is_a_persons(a)]
    after = file.after(now, facts) if facts else file
    due = ladder.proposals_due(after.case, rules, now, after.plan)
    for act, subject in (*again, *((Act.REFERRAL, str(rung)) for rung in due)):
        asked = proposal(file, act, subject, now)
        facts += [(e.MACHINE, asked), _call(OwnClock.DUE_TO_APPROVED, asked.approval_id)]
    return facts


def _calls(connection: Connection, lapses: Sequence[OwnLapse]) -> list[Fact]:
    """Whoever is not there any more is not waited for: everybody is called instead."""
    active = set(connection.scalars(_ACTIVE)) if any(lapse.to for lapse in lapses) else set()
    return [_call(lapse.clock, lapse.subject, lapse.to if lapse.to in active else "") for lapse in lapses]


_ACTIVE = select(coordinators.c.id).where(coordinators.c.active)


def _call(clock: OwnClock, subject: str, to: str = "") -> Fact:
    return e.MACHINE, e.CoordinatorsCalled(clock=clock, subject=subject, to=to)


# --- reports that nobody reads, and our own outages ---


def call_for_unread(office: Office, now: datetime) -> Ticked:
    """R12, received → read: a mail without content to every coordinator, again each interval."""
    policy = office.policy.current
    within = policy.own_clocks[OwnClock.RECEIVED_TO_READ]
    calendar = office.policy.calendar(office.settings.operator.country)
    query = select(reports.c.id, reports.c.received_at, reports.c.called_at).where(reports.c.triage == "received")
    with office.store.reading() as connection:
        waiting = list(connection.execute(query))
    due = [
        row.id
        for row in waiting
        if add(row.received_at, within, calendar) <= now
        and (row.called_at is None or now - row.called_at >= policy.call_again_after)
    ]
    if not due:
        return NOTHING
    with office.store.writing() as tx:
        marked = update(reports).where(reports.c.id.in_(due), reports.c.triage == "received").values(called_at=now)
        if tx.execute(marked).rowcount:
            projecting.call_coordinators(tx, policy.version, now)  # one call for all of them: it has no content
    return Ticked(0, 0, 1, 0)


def beat(office: Office, name: str, now: datetime) -> datetime | None:
    """Write a heartbeat after work; returns the one before it."""
    with office.store.writing() as tx:
        before = tx.scalar(select(heartbeats.c.at).where(heartbeats.c.name == name))
        if before is None and once(tx, heartbeats, {"name": name, "at": now}):
            return None
        tx.execute(update(heartbeats).where(heartbeats.c.name == name, heartbeats.c.at < now).values(at=now))
    return before


def next_contact_facts(office: Office, case: Case, now: datetime) -> list[Fact]:
    """R31: a dead address moves to the next contact now; when none is left the case is unreachable."""
    contact_id = next_contact(case)
    if contact_id is None:
        return []
    return to_each(office, case, MailType.CONTACT_REQUEST, [contact_id], now)
