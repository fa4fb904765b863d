"""R14b: an intermediary is asked to pass our words on, once the organisation's own contacts have failed."""

from __future__ import annotations

from disclosure.casework import approvals, casefile
from disclosure.casework.casefile import CaseFile, Fact, Hand
from disclosure.casework.queueing import queued
from disclosure.protocol import events as e
from disclosure.protocol.codes import Act, MailType
from disclosure.protocol.errors import Refused


def release(hand: Hand, contact_id: str) -> None:
    """One intermediary, once. Raises Refused before the own contacts have failed (protocol/guards.py).

    It tells a third party that an alert exists: policy asks the approvals of a first contact (R12).
    """

    def decide(file: CaseFile) -> list[Fact]:
        case, released = file.case, e.ForwardRequestReleased(contact_id=contact_id)
        if any(mail.to == contact_id and mail.type is MailType.FORWARD_REQUEST for mail in case.mails.values()):
            raise Refused("R14b", "already_written_to")
        file.after(hand.now, [(hand.actor, released)])  # what a rule forbids, before a mail is thought of
        mail = queued(hand.office, case, MailType.FORWARD_REQUEST, contact_id, hand.now)
        facts: list[Fact] = [(hand.actor, released), (e.MACHINE, mail)]
        return approvals.or_propose(file, Act.FIRST_CONTACT, contact_id, hand, facts)

    casefile.change(hand.office, hand.case_id, hand.now, decide)
