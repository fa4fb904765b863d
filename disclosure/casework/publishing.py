"""R46: publication is announced, decided by a coordinator, and can be taken back. Off unless somebody does it."""

from __future__ import annotations

from datetime import datetime

from disclosure.casework import casefile, coordination
from disclosure.casework.casefile import CaseFile, Fact, Hand
from disclosure.casework.queueing import to_each
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import InvalidInput


def announce(hand: Hand, not_before: datetime) -> None:
    """The heads-up with its date to everybody at the organisation who was written to; at least 24 hours before."""

    def decide(file: CaseFile) -> list[Fact]:
        case, announced = file.case, e.PublicationAnnounced(not_before=not_before)
        everyone = (*case.addressed(), *case.own_addresses())
        mails = to_each(hand.office, case, MailType.PUBLICATION_HEADS_UP, everyone, hand.now)
        return [(hand.actor, announced), *mails]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def publish(hand: Hand, text: str) -> None:
    """Records what was published, once the announced date is there; authorities that were told learn of it (R39)."""
    if not text.strip():
        raise InvalidInput({"text": "required"})

    def decide(file: CaseFile) -> list[Fact]:
        told = coordination.later_facts(hand.office, file, hand.now)
        return [(hand.actor, e.CasePublished(text=text.strip())), *told]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def retract(hand: Hand, reason: str) -> None:
    """Reaches all who received anything: contacts, intermediaries, persons, authorities (R39)."""
    if not reason.strip():
        raise InvalidInput({"reason": "required"})

    def decide(file: CaseFile) -> list[Fact]:
        retracted = e.PublicationRetracted(reason=reason.strip())
        return [(hand.actor, retracted), *coordination.taken_back(hand.office, file, hand.now)]

    casefile.change(hand.office, hand.case_id, hand.now, decide)
