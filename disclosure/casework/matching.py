"""Which mail of ours a returned one is about: by the tokens that only its recipient was told, else by Message-ID."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from disclosure.casework import casefile, recipients
from disclosure.casework.office import Office
from disclosure.casework.recipients import Unsendable
from disclosure.mail.inbound import Received
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import InvalidInput, NotFound
from disclosure.store.tables import outbox


@dataclass(frozen=True)
class Match:
    """``by``: token, envelope_id, message_id or by_hand. ``address``: whom the mail went to, empty when unknown."""

    case_id: str
    mail_id: str
    mail_type: MailType
    to: str
    by: str
    address: str = ""
    returned: bool = False  # by the token of the envelope sender, which nobody but mail servers is told

    @property
    def by_token(self) -> bool:
        """R31: what a bounce must have to count."""
        return self.returned or self.by == "envelope_id"


def match(office: Office, connection: Connection, received: Received, recipient: str) -> Match | None:
    """None: no mail of a case of ours. ``recipient``: of the envelope, where the way in tells it; it comes first."""
    tokens = (_token(recipient), *received.tokens)
    for column, kind in ((outbox.c.return_token, "return"), (outbox.c.reply_token, "reply")):
        prefix = {"return": "bounce", "reply": "reply"}[kind]
        ours = [office.store.token(kind, t.partition("+")[2]) for t in tokens if t.startswith(f"{prefix}+")]
        row = _first(connection, column.in_(ours)) if ours else None
        if row is not None:
            return _match(office, connection, row, "token", returned=kind == "return")
    if received.envelope_id:
        row = _first(connection, outbox.c.id == received.envelope_id)
        if row is not None:
            return _match(office, connection, row, "envelope_id")
    for message_id in received.references:
        row = _first(connection, outbox.c.message_id == message_id)
        if row is not None:
            return _match(office, connection, row, "message_id")
    return None


def _token(address: str) -> str:
    return address.partition("@")[0].lower()


def _first(connection: Connection, which: Any) -> Row[Any] | None:
    mine = outbox.c.case_id.is_not(None) & (outbox.c.mail_type != MailType.COORDINATORS_CALLED)
    return connection.execute(select(outbox).where(which, mine).limit(1)).first()


def _match(office: Office, connection: Connection, row: Row[Any], by: str, *, returned: bool = False) -> Match:
    address = address_of(office, connection, row.case_id, MailType(row.mail_type), row.recipient)
    return Match(row.case_id, row.id, MailType(row.mail_type), row.recipient, by, address, returned)


def address_of(office: Office, connection: Connection, case_id: str, mail_type: MailType, to: str) -> str:
    """As it is known today; empty for whom nothing is known any more."""
    try:
        file = casefile.load(office, connection, case_id)
        if to in file.case.contacts:
            return casefile.addresses(office, connection, file).get(to, "")
        if to in file.case.persons:
            return str(recipients.of_person(office, connection, file, to).address)
        return str(recipients.of_authority(office, connection, to).address)
    except (Unsendable, NotFound, InvalidInput, KeyError):
        return ""
