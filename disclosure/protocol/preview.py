"""What will be sent to whom, when, if nobody answers (R37): the ladder walked forward in imagination."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from disclosure.protocol import events as e
from disclosure.protocol.case import apply
from disclosure.protocol.codes import MailType, Rung, TaskKind
from disclosure.protocol.effects import Effect, MailEffect, TaskEffect, effects_of
from disclosure.protocol.ladder import CHAIN, ORDER, Planned, Rules, climbable, next_rung, plan
from disclosure.protocol.state import Case
from disclosure.protocol.values import Channel, Language


@dataclass(frozen=True)
class Step:
    """One row of the preview (R37)."""

    planned: Planned
    effects: tuple[Effect, ...]


def preview(case: Case, rules: Rules, now: datetime) -> tuple[Step, ...]:
    """What will be sent to whom, when, if nobody answers; tasks are taken as done when due, approvals as given."""
    steps: list[Step] = []
    while len(steps) <= 2 * len(Rung):
        ahead = [*climbable(case, rules), *_held_by_people(case, rules)]
        if not ahead:
            break
        at, planned = min(((_when(case, p, now), p) for p in ahead), key=lambda x: (x[0], ORDER[x[1].rung]))
        steps.append(Step(replace(planned, due_at=at), effects_of(case, planned, rules, at)))
        case, now = _imagine(case, planned, rules, at)
    return tuple(steps)


def _when(case: Case, planned: Planned, now: datetime) -> datetime:
    return max(now, planned.due_at, *(case.tasks[task_id].due_at for task_id in planned.blocked_by))


def _held_by_people(case: Case, rules: Rules) -> list[Planned]:
    """Rungs that time alone cannot climb: the chain's first behind a task or an approval."""
    planned = plan(case, rules)
    first = next((r for r in CHAIN if any(p.rung is r for p in planned)), None)
    at_once = Rung.AT_ONCE_AUTHORITIES
    return [p for p in planned if (p.blocked_by and p.rung is first) or (p.approval and p.rung in {first, at_once})]


def _imagine(case: Case, planned: Planned, rules: Rules, at: datetime) -> tuple[Case, datetime]:
    """The case after this rung, every mail relayed and, for the rung's sake, every task that held it done."""
    seq = case.last_seq
    effects = effects_of(case, planned, rules, at)
    happened: list[e.Event] = [e.TaskDone(task_id=t, proof="") for t in planned.blocked_by]
    happened.append(
        e.RungClimbed(rung=planned.rung, clock=planned.clock, due_at=planned.due_at, mails=0, tasks=len(effects))
    )
    for place, effect in enumerate(effects):
        happened += _imagined(effect, f"imagined-{seq}-{place}", planned.rung)
    leaves = {effect.to: effect.not_before for effect in effects if isinstance(effect, MailEffect)}
    for event in happened:
        seq += 1
        when = max(at, leaves[event.to]) if isinstance(event, e.MailRelayed) else at
        case = apply(case, e.Entry(seq, when, e.MACHINE, event))
    return case, at


def _imagined(effect: Effect, effect_id: str, rung: Rung) -> list[e.Event]:
    if isinstance(effect, TaskEffect):
        opened: list[e.Event] = [
            e.TaskOpened(
                task_id=effect_id,
                kind=effect.kind,
                channel=effect.channel,
                target=effect.target,
                due_at=effect.due_at,
                rung=rung,
                blocking=effect.blocking,
            )
        ]
        if effect.kind is TaskKind.REFERRAL:
            opened.append(_referred(effect.target, effect.channel, effect_id))
        return opened
    queued = e.MailQueued(
        mail_id=effect_id,
        mail_type=effect.type,
        to=effect.to,
        language=Language.FR,
        not_before=effect.not_before,
        rung=rung,
    )
    relayed = e.MailRelayed(mail_id=effect_id, mail_type=effect.type, to=effect.to, attempt=1, reply="")
    if effect.type is MailType.REFERRAL:
        return [queued, relayed, _referred(effect.to, Channel.MAIL, effect_id)]
    return [queued, relayed]


def _referred(authority_id: str, channel: Channel, by: str) -> e.Event:
    return e.AuthorityReferred(authority_id=authority_id, channel=channel, by=by, dossier_sha256="", dossier="")


def due_rungs(case: Case, rules: Rules, now: datetime) -> tuple[Planned, ...]:
    """All rungs due at ``now``, once each, in order, as climbing them one by one gives them."""
    out: list[Planned] = []
    while (planned := next_rung(case, rules, now)) is not None:
        out.append(planned)
        case, _ = _imagine(case, planned, rules, now)
    return tuple(out)
