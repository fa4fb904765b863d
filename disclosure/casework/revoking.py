"""Links taken back by a coordinator: a mail went to a wrong address, or was passed on to somebody else (R25)."""

from __future__ import annotations

from disclosure.casework import casefile, linking
from disclosure.casework.casefile import CaseFile, Fact, Hand
from disclosure.protocol import events as e
from disclosure.protocol.errors import InvalidInput, Refused


def revoke(hand: Hand, recipient: str, reason: str) -> None:
    """Of one contact or person. What they said stands; a mail that has not left yet and carries such a link leaves with
    a dead one, every later mail with a new one. Raises InvalidInput, Refused."""
    if not reason.strip():
        raise InvalidInput({"reason": "required"})

    def decide(file: CaseFile) -> list[Fact]:
        if all(mail.to != recipient for mail in file.case.mails.values()):
            raise Refused("R25", "nothing_sent_to_this_contact")
        return [(hand.actor, e.LinksRevoked(recipient=recipient, reason=reason.strip()))]

    casefile.change(
        hand.office,
        hand.case_id,
        hand.now,
        decide,
        lambda tx, _: linking.revoke_all(tx, hand.case_id, recipient, hand.now),
    )
