"""``disclosure preview``: what will be sent to whom, when, if nobody answers, as plain data (R37)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from disclosure.casework import casefile, coming, timeline
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office
from disclosure.casework.rows import ComingRow, Detail, LadderPicture
from disclosure.casework.sight import Sight, told_at
from disclosure.casework.verification import case_id
from disclosure.casework.words import word
from disclosure.protocol.effects import Effect, MailEffect
from disclosure.protocol.errors import Refused
from disclosure.protocol.preview import Step
from disclosure.protocol.values import Audience, Language, Severity
from disclosure.protocol.whatif import Supposed, WhatIf, suppose


@dataclass(frozen=True)
class Asked:
    """What somebody supposes; nothing: the preview of the case as it is."""

    severity: Severity | None = None
    authority_at_once: bool = False
    contact_bounces: bool = False


def supposed(file: CaseFile, asked: Asked, now: datetime) -> Supposed:
    """Raises Refused where a mail is to come back and none is out."""
    if asked.contact_bounces and not file.case.live_contacts():
        raise Refused("R31", "nothing_sent_to_this_contact")
    bounces = file.case.live_contacts()[-1] if asked.contact_bounces else ""
    return suppose(file.case, file.rules, WhatIf(asked.severity, asked.authority_at_once, bounces), now)


def steps(office: Office, case: str, now: datetime, asked: Asked | None = None) -> list[dict[str, Any]]:
    """``case`` is an alert number or an id. Instants in ISO 8601, UTC; recipients by name as the desk shows them.

    What leaves at this moment because of what is supposed comes first, as a step without a rung.
    """
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id(connection, case))
        names = timeline.names(office, connection, file)
    found = supposed(file, asked or Asked(), now)
    first = {"at": now.isoformat(), "rung": "", "clock": "contact", "blocked_by": ""}
    at_once = [first | {"effects": [_effect(mail, names) for mail in found.first]}] if found.first else []
    return at_once + [_step(step, names) for step in found.steps]


@dataclass(frozen=True)
class Beside:
    """A case as it is and as it would be, for one page."""

    now: tuple[ComingRow, ...]
    then: tuple[ComingRow, ...]
    picture: LadderPicture
    at_once: tuple[Detail, ...]  # mails that would leave at this moment


def beside(office: Office, case_id: str, asked: Asked, language: Language, now: datetime) -> Beside:
    """Nothing is stored of it. Raises NotFound, Refused."""
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        names = timeline.names(office, connection, file)
    sight = Sight(Audience.COORDINATOR, language, names, told_at(file.case))
    found = supposed(file, asked, now)
    then = CaseFile(file.id, found.case, found.rules)
    return Beside(
        now=coming.steps(file, sight, now),
        then=coming.steps(then, sight, now),
        picture=coming.picture(then, sight, now),
        at_once=tuple(Detail(word(mail.type, language), names.get(mail.to, mail.to)) for mail in found.first),
    )


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
