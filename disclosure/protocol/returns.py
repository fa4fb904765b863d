"""What a returned mail counts for (R27, R31). A bounce ends a contact, so that nobody may be able to forge one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import FIRST_MAILS, LookupOutcome
from disclosure.protocol.effects import next_contact
from disclosure.protocol.state import Case, Mail, MailState
from disclosure.protocol.values import Channel

ABSENCE = "auto_reply"  # the class of design.md section 6
WITHIN = timedelta(days=5)
ALONE_FOR = timedelta(hours=1)


class Waits(StrEnum):
    """Why a bounce does not count by itself, and a person must look."""

    BY_MESSAGE_ID = "by_message_id"  # tied by a Message-ID alone, which everybody sees who was sent a copy
    NEVER_LEFT = "never_left"
    TOO_LATE = "too_late"
    DELIVERED = "delivered_before"
    ANSWERED = "answered_before"
    SECOND = "second_within_hour"
    ANOTHER = "another_recipient"  # a list or a forward of theirs: one address behind ours is dead, perhaps not ours
    UNSURE = "unsure"


def bounce_waits(case: Case, mail_id: str, *, token: bool, at: datetime) -> Waits | None:
    """None: it counts. ``token``: it came to this mail's own envelope sender, or names its envelope id.

    A second one within an hour, of whatever mail of the case, waits: so does everything that comes in a burst.
    """
    mail = case.mails[mail_id]
    if not token:
        return Waits.BY_MESSAGE_ID
    if mail.relayed_at is None:
        return Waits.NEVER_LEFT
    if at - mail.relayed_at > WITHIN:
        return Waits.TOO_LATE
    if mail.state is MailState.DELIVERED:
        return Waits.DELIVERED
    if _human(case, mail):
        return Waits.ANSWERED
    if any(m.bounced_at is not None and at - m.bounced_at < ALONE_FOR for m in case.mails.values()):
        return Waits.SECOND
    return None


def _human(case: Case, mail: Mail) -> bool:
    """Somebody answered this mail, by mail or through its link: it has arrived."""
    if mail.answered_at is not None:
        return True
    since = [p.confirmed_at for p in case.persons.values() if p.contact_id == mail.to]
    since += [p.opened_at for p in case.persons.values() if p.id == mail.to and p.opened_at]
    return any(mail.relayed_at is None or at >= mail.relayed_at for at in since)


def brings_the_next_forward(case: Case, mail_id: str) -> bool:
    """R27: an absence, once per mail, as long as nobody has shown standing."""
    return not case.mails[mail_id].absent and case.standing_at is None and case.open


def nothing_is_out(case: Case) -> bool:
    """R31: the organisation was written to, and none of it is or will be with anybody. The next move is ours."""
    first = [mail.state for mail in case.mails.values() if mail.type in FIRST_MAILS]
    return bool(first) and set(first) == {MailState.DEAD} and case.standing_at is None


def nobody_left(case: Case) -> bool:
    """R31: all that was tried is dead, nobody is next, and nothing is unknown: it cannot be reached by mail.

    R15: a search that is not over, or that ended as unknown, may still name somebody. Then a coordinator decides.
    """
    unknown = {"", str(LookupOutcome.UNKNOWN)}
    known = all(search.outcome not in unknown for search in case.contact_searches.values())
    asked = case.open and case.state(Axis.CONTACT) == "requested"
    return asked and known and nothing_is_out(case) and next_contact(case) is None


def nobody_found(case: Case) -> bool:
    """As :func:`nobody_left`, after a search: whom it has found anew a coordinator may write to."""
    written = {mail.to for mail in case.mails.values()}
    fresh = (c for c in case.contacts.values() if c.channel is Channel.MAIL and c.id not in written)
    usable = (c for c in fresh if not (c.disabled or c.intermediary or c.review or c.doubted))
    return nobody_left(case) and next(usable, None) is None
