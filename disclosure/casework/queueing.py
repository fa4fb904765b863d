"""A mail of a case as the event that puts it into the outbox: whom it goes to, and in which language."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from disclosure.casework.casefile import Fact
from disclosure.casework.office import Office, new_id
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.state import Case


def queued(office: Office, case: Case, mail_type: MailType, to: str, now: datetime) -> e.MailQueued:
    """``to``: a contact's, person's or authority's id."""
    return e.MailQueued(
        mail_id=new_id(), mail_type=mail_type, to=to, language=office.policy.language_for(case, to), not_before=now
    )


def to_each(office: Office, case: Case, mail_type: MailType, to: Iterable[str], now: datetime) -> list[Fact]:
    """R23: one recipient per mail."""
    return [(e.MACHINE, queued(office, case, mail_type, one, now)) for one in to]
