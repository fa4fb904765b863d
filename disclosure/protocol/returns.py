"""What a returned mail counts for (R27, R31). A bounce ends a contact, so that nobody may be able to forge one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from disclosure.protocol.state import Case, Mail, MailState

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
