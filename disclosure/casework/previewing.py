"""``disclosure preview``: what will be sent to whom, when, if nobody answers, as plain data (R37)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from disclosure.casework import casefile, timeline
from disclosure.casework.office import Office
from disclosure.casework.verification import case_id
from disclosure.protocol.effects import Effect, MailEffect
from disclosure.protocol.preview import Step, preview


def steps(office: Office, case: str, now: datetime) -> list[dict[str, Any]]:
    """``case`` is an alert number or an id. Instants in ISO 8601, UTC; recipients by name as the desk shows them."""
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id(connection, case))
        names = timeline.names(office, connection, file)
    return [_step(step, names) for step in preview(file.case, file.rules, now)]


def _step(step: Step, names: dict[str, str]) -> dict[str, Any]:
    planned = step.planned
    blocked = "task" if planned.blocked_by else "approval" if planned.approval else ""
    return {
        "at": planned.due_at.isoformat(),
        "rung": str(planned.rung),
        "clock": str(planned.clock),
        "blocked_by": blocked,
        "effects": [_effect(effect, names) for effect in step.effects],
    }


def _effect(effect: Effect, names: dict[str, str]) -> dict[str, Any]:
    if isinstance(effect, MailEffect):
        return {"what": str(effect.type), "channel": "mail", "to": names.get(effect.to, effect.to)}
    to = names.get(effect.target, effect.target)
    return {"what": str(effect.kind), "channel": str(effect.channel), "to": to, "due_at": effect.due_at.isoformat()}
