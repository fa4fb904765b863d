"""An invented case that shows a clock profile at work: written to, and never answered (R37)."""

from __future__ import annotations

from datetime import datetime

from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.state import Case, Contact, Mail, MailState
from disclosure.protocol.values import AlertKind, Answer, Channel, Language, Sector, Severity


def specimen(severity: Severity, kind: AlertKind, country: str, at: datetime) -> Case:
    """The contact request was relayed at ``at``; there is a second contact, a telephone and a postal address."""
    assessed = e.CaseAssessed(
        kind=kind,
        severity=severity,
        personal_data=Answer.YES if kind is AlertKind.DATA_LEAK else Answer.NO,
        sector=Sector.OTHER,
        country=country,
        host_compromised=Answer.NO,
    )
    ways = {"first": Channel.MAIL, "second": Channel.MAIL, "phone": Channel.PHONE, "post": Channel.POST}
    contacts = {name: Contact(name, 0, channel, "manual", manual=True) for name, channel in ways.items()}
    mail = Mail("mail", MailType.CONTACT_REQUEST, "first", Language.FR, None, at, MailState.RELAYED, at)
    return Case().but(
        assessed=assessed,
        opened_at=at,
        last_at=at,
        contacts=contacts,
        chosen=tuple(ways),
        released_to=("first",),
        mails={mail.id: mail},
        contact_started_at=at,
    )
