"""What a message that arrived turned out to be: facts of its form, and a class with what decided it.

Nothing here trusts the message. Which case it belongs to, and whether a bounce counts (R31), is decided elsewhere from
tokens, envelope id, references and recipients.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self


class MailClass(StrEnum):
    """Names that other people's scripts read (design.md section 6)."""

    ARF = "arf"
    AUTO_REPLY = "auto_reply"
    BOUNCE_DELAYED = "bounce_delayed"
    BOUNCE_PERMANENT = "bounce_permanent"
    BOUNCE_TEMPORARY = "bounce_temporary"
    BOUNCE_UNPARSED = "bounce_unparsed"
    CHALLENGE = "challenge"
    DSN_DELIVERED = "dsn_delivered"
    DSN_RELAYED = "dsn_relayed"
    HUMAN_REPLY = "human_reply"
    HUMAN_REPLY_UNMATCHED = "human_reply_unmatched"
    LIST_HOLD = "list_hold"
    MDN_DELETED = "mdn_deleted"
    MDN_DISPLAYED = "mdn_displayed"
    QUARANTINE = "quarantine"
    REPORT_DMARC = "report_dmarc"
    REPORT_TLS = "report_tls"
    TICKET_AUTO_ACK = "ticket_auto_ack"
    UNRELATED = "unrelated"


BOUNCES = frozenset(
    {MailClass.BOUNCE_DELAYED, MailClass.BOUNCE_PERMANENT, MailClass.BOUNCE_TEMPORARY, MailClass.BOUNCE_UNPARSED}
)


@dataclass(frozen=True)
class FailedRecipient:
    """One recipient that a report names. ``address`` as we wrote it where the report says so (Original-Recipient)."""

    address: str
    action: str
    status: str
    diagnostic: str


@dataclass(frozen=True)
class Attached:
    """``size`` in bytes, decoded; for base64 counted from its letters."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True)
class Received:
    """``because``: code of what decided. ``unsure``: a person should look at the class.

    ``may_acknowledge`` is never an acknowledgement: a person wrote, and a coordinator may record it as one (R27).
    ``references`` are Message-IDs with their angle brackets, best first. ``addressed``: whom To and Cc name.
    ``signed``: the octets that ``signature`` (detached, decoded) is over, lines ending in CRLF.
    """

    mail_class: MailClass
    because: str
    unsure: bool = False
    may_acknowledge: bool = False
    recipients: tuple[FailedRecipient, ...] = ()
    tokens: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    envelope_id: str = ""
    addressed: tuple[str, ...] = ()
    sender_address: str = ""
    sender_name: str = ""
    subject: str = ""
    message_id: str = ""
    date: datetime | None = None
    text: str = ""
    attachments: tuple[Attached, ...] = ()
    openpgp: bytes = b""
    signed: bytes = b""
    signature: bytes = b""
    authentication: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "date": self.date.isoformat() if self.date else None,
            "openpgp": b64encode(self.openpgp).decode(),
            "signed": b64encode(self.signed).decode(),
            "signature": b64encode(self.signature).decode(),
        }

    @classmethod
    def from_json(cls, held: dict[str, Any]) -> Self:
        """The other way round. Raises KeyError, TypeError or ValueError for what :meth:`to_json` did not write."""
        return cls(
            **held
            | {
                "mail_class": MailClass(held["mail_class"]),
                "recipients": tuple(FailedRecipient(**one) for one in held["recipients"]),
                "attachments": tuple(Attached(**one) for one in held["attachments"]),
                "tokens": tuple(held["tokens"]),
                "references": tuple(held["references"]),
                "addressed": tuple(held["addressed"]),
                "authentication": tuple(held["authentication"]),
                "date": datetime.fromisoformat(held["date"]) if held["date"] else None,
                "openpgp": b64decode(held["openpgp"]),
                "signed": b64decode(held["signed"]),
                "signature": b64decode(held["signature"]),
            }
        )


def quarantined(because: str) -> Received:
    """A message that nothing could be read of."""
    return Received(MailClass.QUARANTINE, because, unsure=True)
