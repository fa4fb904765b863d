"""R31: where a mail does not reach its contact, the next one is written to now; with none left: unreachable."""

from __future__ import annotations

from datetime import datetime

from disclosure.casework import clockwork
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office
from disclosure.casework.writing import FIRST_MAILS
from disclosure.protocol import events as e
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import MailType
from disclosure.protocol.state import MailState

_ALIVE = frozenset({MailState.QUEUED, MailState.PREPARED, MailState.RELAYED, MailState.DELIVERED, MailState.AMBIGUOUS})


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
    if mail_type not in FIRST_MAILS or file.case.standing_at:
        return facts
    ahead = file.after(now, facts)
    onward = clockwork.next_contact_facts(office, ahead.case, now) if moves else []
    if onward:
        return facts + onward
    alive = any(m.state in _ALIVE for m in ahead.case.mails.values() if m.type in FIRST_MAILS)
    if not alive and ahead.case.state(Axis.CONTACT) != "unreachable":
        facts.append((e.MACHINE, e.CaseUnreachable()))
    return facts
