"""What a coordinator may do with a mail that stands still: send it again, or give it up. Nothing is lost either way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, update

from disclosure.casework import casefile, onward, outboxrows
from disclosure.casework.casefile import CaseFile, Fact, coordinator
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import NotFound, Refused
from disclosure.protocol.state import MailState
from disclosure.store.tables import links, outbox, second_codes

STANDS = frozenset({"held", "dead"})


def goes_anew(row: Row[Any]) -> bool:
    """Composed and judged as of now, unless it may have arrived: then only the same bytes are seen once."""
    return row.sealed is None or row.ambiguous == 0


def resend(office: Office, mail_id: str, coordinator_id: str, now: datetime) -> None:
    """It goes again at once; what held it back by machine holds it no more. Raises NotFound, Refused."""
    row = _standing(office, mail_id)
    anew = goes_anew(row)
    fact = e.MailResent(mail_id=row.id, mail_type=MailType(row.mail_type), to=row.recipient, anew=anew)
    values: dict[str, object] = {"state": "prepared", "next_try_at": now}
    if anew:
        values |= {"state": "recipe", "attempts": 0}
        values |= dict.fromkeys(("sealed", "sha256", "message_id", "reply_token", "return_token"))
        values |= dict.fromkeys(("address_token", "domain_token"))
    values |= {"lease_until": None, "finished_at": None, "full_since": None, "resent_at": now}

    def rows(tx: Connection) -> None:
        _move(tx, row, **values)
        if anew:
            # The one that opens something is in the mail that leaves now.
            tx.execute(update(links).where(links.c.mail_id == row.id).values(revoked_at=now))
            tx.execute(delete(second_codes).where(second_codes.c.mail_id == row.id))

    _act(office, row, now, lambda _: [(coordinator(coordinator_id), fact)], rows)


def cancel(office: Office, mail_id: str, coordinator_id: str, now: datetime) -> None:
    """It does not go again. Where it was alive until now, the next contact is written to (R31)."""
    row = _standing(office, mail_id)
    fact = e.MailCancelled(mail_id=row.id, mail_type=MailType(row.mail_type), to=row.recipient)

    def decide(file: CaseFile) -> list[Fact]:
        facts: list[Fact] = [(coordinator(coordinator_id), fact)]
        mail, after = file.case.mails.get(row.id), file.after(now, facts)
        if mail is None or mail.state is MailState.DEAD or after.case.mails[row.id].state is not MailState.DEAD:
            return facts  # the ladder has gone on already, or it may have arrived
        return facts + onward.next_now(office, after, to=fact.to, mail_type=fact.mail_type, now=now)

    _act(office, row, now, decide, lambda tx: _move(tx, row, state="cancelled", finished_at=now))


def _standing(office: Office, mail_id: str) -> Row[Any]:
    with office.store.reading() as connection:
        row = outboxrows.of(connection, mail_id)
    if row is None:
        raise NotFound("mail")
    if row.state not in STANDS:
        raise Refused("R31", "mail_stands_no_more")
    return row


def _move(tx: Connection, row: Row[Any], **values: object) -> None:
    """As it was read, or nothing: somebody else may have acted meanwhile."""
    mine = (outbox.c.id == row.id) & (outbox.c.state == row.state) & (outbox.c.fence == row.fence)
    if tx.execute(update(outbox).where(mine).values(fence=row.fence + 1, **values)).rowcount != 1:
        raise Refused("R31", "mail_stands_no_more")


def _act(office: Office, row: Row[Any], now: datetime, decide: Any, rows: Any) -> None:
    if row.case_id is None or row.mail_type == MailType.COORDINATORS_CALLED:
        with office.store.writing() as tx:
            rows(tx)
        return
    casefile.change(office, row.case_id, now, decide, lambda tx, _: rows(tx))
