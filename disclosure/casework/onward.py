"""R31: where a mail does not reach its contact, the next one is written to now; with none left: unreachable."""

from __future__ import annotations

from datetime import datetime

from disclosure.casework import clockwork
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import FIRST_MAILS, MailType
from disclosure.protocol.returns import nobody_found, nobody_left


def next_now(
    office: Office,
    file: CaseFile,
    *,
    to: str,
    mail_type: MailType,
    now: datetime,
    disable: str = "",
    moves: bool = True,
) -> list[Fact]:
    """``file``: after the fact that the mail is dead. ``disable``: why its contact is switched off; empty: it lives.

    ``moves`` is False where the next contact was written to before the mail was given up.
    """
    facts: list[Fact] = []
    contact = file.case.contacts.get(to)
    if disable and contact and not contact.disabled:
        facts.append((e.MACHINE, e.ContactDisabled(contact_id=to, reason=disable)))
    if mail_type not in FIRST_MAILS or file.case.standing_at or not file.case.open:
        return facts
    ahead = file.after(now, facts)
    onward = clockwork.next_contact_facts(office, ahead.case, now) if moves else []
    if onward:
        return facts + onward
    if nobody_left(ahead.case):
        facts.append((e.MACHINE, e.CaseUnreachable()))
    return facts


def after_search(file: CaseFile) -> list[Fact]:
    """``file``: after the fact that a search ended. What was unknown when the last mail died is known now (R15)."""
    return [(e.MACHINE, e.CaseUnreachable())] if nobody_found(file.case) else []
