"""The mails of one case: where each stands, and the exact bytes that left or would leave (R31)."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from disclosure.casework import casefile, deadletters, delivery, deskwords, timeline
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office
from disclosure.casework.people import TONES
from disclosure.casework.rows import Tone
from disclosure.casework.sight import Sight
from disclosure.casework.words import short
from disclosure.protocol.errors import NotFound
from disclosure.protocol.state import Mail
from disclosure.protocol.values import Audience, Language
from disclosure.store.tables import outbox

_STANDS = deadletters.STANDS
_ENDED = _STANDS | {"cancelled"}
_WAITS = frozenset({"recipe", "prepared"})


@dataclass(frozen=True)
class MailLine:
    id: str
    kind: str
    to: str
    state: str
    tone: Tone
    at: datetime
    relayed_at: datetime | None
    next_try_at: datetime | None
    attempts: int
    reason: str
    has_bytes: bool
    stands: bool


@dataclass(frozen=True)
class MailPage:
    """``text``: the readable part; empty when the whole is ciphertext. ``headers`` as they stand in the bytes."""

    line: MailLine
    headers: tuple[tuple[str, str], ...]
    text: str
    sha256: str
    size: int


def lines(connection: Connection, file: CaseFile, sight: Sight, most: int) -> tuple[MailLine, ...]:
    """The newest ``most`` mails, the newest first."""
    newest = list(file.case.mails.values())[: -most - 1 : -1]
    query = select(outbox).where(outbox.c.id.in_([mail.id for mail in newest]))
    held = {row.id: row for row in connection.execute(query)}
    return tuple(_line(mail, held.get(mail.id), sight) for mail in newest)


def _line(mail: Mail, row: Row[Any] | None, sight: Sight) -> MailLine:
    state = row.state if row is not None else ""
    known = deskwords.say(deskwords.MAIL_STATES, mail.state, sight.language)
    return MailLine(
        id=mail.id,
        kind=short(mail.type, sight.language),
        to=sight.name(mail.to),
        state=deskwords.say(deskwords.OUTBOX, state, sight.language) if state in _ENDED else known,
        tone=Tone.HARM if state in _STANDS else TONES[mail.state],
        at=mail.queued_at,
        relayed_at=mail.relayed_at,
        next_try_at=row.next_try_at if row is not None and state in _WAITS else None,
        attempts=row.attempts if row is not None else 0,
        reason=_reason(row, sight.language),
        has_bytes=row is not None and row.sealed is not None,
        stands=state in _STANDS,
    )


def _reason(row: Row[Any] | None, language: Language) -> str:
    """Why it stands or waits; what the relay said of a mail that it took says nothing."""
    if row is None or row.state == "relayed" or not row.last_code:
        return ""
    return deskwords.why(row.last_code, language)


def _file(office: Office, connection: Connection, case_id: str, language: Language) -> tuple[CaseFile, Sight]:
    file = casefile.load(office, connection, case_id)
    return file, Sight(Audience.COORDINATOR, language, timeline.names(office, connection, file))


def listing(office: Office, case_id: str, language: Language) -> tuple[MailLine, ...]:
    """Every mail of the case, the newest first. Raises NotFound."""
    with office.store.reading() as connection:
        file, sight = _file(office, connection, case_id, language)
        return lines(connection, file, sight, len(file.case.mails))


def one(office: Office, case_id: str, mail_id: str, language: Language) -> MailPage:
    """Raises NotFound unless the mail is one of this case."""
    with office.store.reading() as connection:
        file, sight = _file(office, connection, case_id, language)
        mail = _of(file.case.mails, mail_id)
        row = connection.execute(select(outbox).where(outbox.c.id == mail_id)).one_or_none()
        content = delivery.message_of(office, connection, mail_id) if row is not None else b""
    headers, text = _read(content)
    digest = row.sha256 if row is not None and row.sha256 else ""
    return MailPage(_line(mail, row, sight), headers, text, digest, len(content))


def content(office: Office, case_id: str, mail_id: str) -> bytes:
    """The bytes as they were fixed before the first attempt. Raises NotFound while there are none."""
    with office.store.reading() as connection:
        _of(casefile.load(office, connection, case_id).case.mails, mail_id)
        held = delivery.message_of(office, connection, mail_id)
    if not held:
        raise NotFound("mail")
    return held


def _of(mails: Mapping[str, Mail], mail_id: str) -> Mail:
    if mail_id not in mails:
        raise NotFound("mail")
    return mails[mail_id]


def _read(content: bytes) -> tuple[tuple[tuple[str, str], ...], str]:
    if not content:
        return (), ""
    message = email.message_from_bytes(content, policy=email.policy.default)
    part = message.get_body(("plain",)) if message.get_content_type() != "multipart/encrypted" else None
    text = str(part.get_content()) if part is not None else ""
    return tuple((name, str(value)) for name, value in message.items()), text
