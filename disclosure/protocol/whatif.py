"""What if (R37): another severity, authorities told at once, a contact whose mail comes back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from disclosure.protocol import events as e
from disclosure.protocol.authorities import When
from disclosure.protocol.case import apply
from disclosure.protocol.codes import MailType
from disclosure.protocol.effects import MailEffect, next_contact
from disclosure.protocol.errors import Refused
from disclosure.protocol.ladder import Rules
from disclosure.protocol.preview import Step, preview
from disclosure.protocol.returns import nobody_left
from disclosure.protocol.state import Case, MailState
from disclosure.protocol.values import Language, Severity


@dataclass(frozen=True)
class WhatIf:
    """What is supposed; empty, it supposes nothing. ``bounces``: a contact's id."""

    severity: Severity | None = None
    authority_at_once: bool = False
    bounces: str = ""

    @property
    def nothing(self) -> bool:
        return self == WhatIf()


@dataclass(frozen=True)
class Supposed:
    """``first``: what leaves at this moment because of the supposition; ``steps``: what follows if nobody answers."""

    case: Case
    rules: Rules
    first: tuple[MailEffect, ...]
    steps: tuple[Step, ...]


def suppose(case: Case, rules: Rules, what: WhatIf, now: datetime) -> Supposed:
    """Nothing is stored of it. Raises Refused where nothing was sent to the contact that is to bounce."""
    first: tuple[MailEffect, ...] = ()
    if what.severity and case.assessed:
        case = case.but(assessed=replace(case.assessed, severity=what.severity))
    if what.authority_at_once:
        # What policy never tells stays untold: the switch is about when, not about whom.
        told = (replace(r, when=When.AT_ONCE) if r.when is When.ON_LAPSE else r for r in rules.referrals)
        rules = replace(rules, referrals=tuple(told))
    if what.bounces:
        case, first = _bounced(case, what.bounces, now)
    return Supposed(case, rules, first, preview(case, rules, now))


def _bounced(case: Case, contact_id: str, now: datetime) -> tuple[Case, tuple[MailEffect, ...]]:
    """R31: every mail to this contact came back; the next one is written to now, with none left: unreachable."""
    back = [m for m in case.mails.values() if m.to == contact_id and m.state is not MailState.DEAD]
    if not back:
        raise Refused("R31", "nothing_sent_to_this_contact")
    happened: list[e.Event] = [e.MailBounced(mail_id=m.id, mail_type=m.type, to=m.to, code="5.1.1") for m in back]
    if contact_id in case.contacts:
        happened.append(e.ContactDisabled(contact_id=contact_id, reason="bounced"))
    case = _after(case, happened, now)
    if case.standing_at:
        return case, ()
    onward = next_contact(case)
    if onward:
        return _after(case, _sent(onward, case.last_seq, now), now), (
            MailEffect(MailType.CONTACT_REQUEST, onward, now),
        )
    return (_after(case, [e.CaseUnreachable()], now) if nobody_left(case) else case), ()


def _sent(to: str, seq: int, now: datetime) -> list[e.Event]:
    mail_id, kind = f"supposed-{seq}", MailType.CONTACT_REQUEST
    queued = e.MailQueued(mail_id=mail_id, mail_type=kind, to=to, language=Language.FR, not_before=now)
    return [queued, e.MailRelayed(mail_id=mail_id, mail_type=kind, to=to, attempt=1, reply="")]


def _after(case: Case, happened: list[e.Event], now: datetime) -> Case:
    for event in happened:
        case = apply(case, e.Entry(case.last_seq + 1, now, e.MACHINE, event))
    return case
