"""The outbox against the ledger, and the links and codes that mails carried, for ``disclosure verify``.

A mail was queued if and only if its row exists; the bytes are those whose hash was recorded; a row that says "relayed"
cannot be made to leave again unseen.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from disclosure.casework.casefile import CaseFile
from disclosure.casework.comparing import Place, compare
from disclosure.casework.office import Office, sha256
from disclosure.casework.projecting import urgency
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.values import Address, Purpose
from disclosure.store.sealing import SYSTEM, Sealer
from disclosure.store.tables import cases, deadlines, links, outbox, second_codes

CALL = str(MailType.COORDINATORS_CALLED)  # has a row only: it says nothing of the case
UNSENT = frozenset({"prepared", "sending"})
_AGAIN = re.compile(rb"^(Message-ID|Reply-To): *(\S+)", re.MULTILINE | re.IGNORECASE)


def check(
    office: Office, connection: Connection, file: CaseFile, entries: Sequence[e.Entry], sealer: Sealer | None
) -> None:
    """Raises BrokenChain at the first row that differs from what the events say."""
    place = Place(file.id, file.case.last_seq)
    query = select(outbox, deadlines.c.rung).outerjoin(deadlines, deadlines.c.id == outbox.c.deadline_id)
    rows = connection.execute(query.where(outbox.c.case_id == file.id)).all()
    mails = [row for row in rows if row.mail_type != CALL]
    compare(place, "outbox", _queued(entries), mails, lambda row: row.id)
    _states(file, entries, {row.id: row for row in mails})
    _calls(place, entries, [row for row in rows if row.mail_type == CALL])
    if sealer:
        _bytes(office, place, [row for row in rows if row.sealed is not None], sealer)
    _links(connection, file)
    _codes(connection, file, entries)


def check_calls(office: Office, connection: Connection) -> None:
    """Calls that belong to no case (a report waits to be read): their bytes are those whose hash the row holds."""
    rows = connection.execute(select(outbox).where(outbox.c.case_id.is_(None))).all()
    for row in rows:
        if row.mail_type != CALL:
            raise Place(SYSTEM, 0).fault(f"outbox: the row {row.id} belongs to no case")
    sealed = [row for row in rows if row.sealed is not None]
    _bytes(office, Place(SYSTEM, 0), sealed, office.store.keyring.sealer(SYSTEM))


def check_owners(connection: Connection) -> None:
    """Links and second codes belong to a case that is there: those of each are compared with its own."""
    for table in (links, second_codes):
        nobodys = select(table.c.mail_id).where(table.c.case_id.not_in(select(cases.c.id))).limit(1)
        mail_id = connection.scalar(nobodys)
        if mail_id is not None:
            raise Place(SYSTEM, 0).fault(f"{table.name}.case_id of the mail {mail_id} is no case")


def _queued(entries: Sequence[e.Entry]) -> dict[Hashable, dict[str, Any]]:
    said: dict[Hashable, dict[str, Any]] = {}
    version = ""
    for entry in entries:
        match entry.event:
            case e.CaseOpened(policy_version=opened_with):
                version = opened_with
            case e.PolicyMoved(version=moved_to):
                version = moved_to
            case e.MailQueued() as queued:
                said[queued.mail_id] = {
                    "mail_type": queued.mail_type,
                    "recipient": queued.to,
                    "language": queued.language,
                    "policy_version": version,
                    "queued_at": entry.at,
                    "report_id": None,
                    "rung": queued.rung,  # of the deadline that the row names
                    "ambiguous": 0,
                    "sha256": None,
                    "urgency": urgency(queued.mail_type),
                    "signed_only": queued.signed_only,
                }
            case e.MailPrepared(mail_id=mail_id, sha256=digest) if mail_id in said:
                said[mail_id]["sha256"] = digest
            case e.MailResent(mail_id=mail_id, anew=True) if mail_id in said:
                said[mail_id]["sha256"] = None
            case e.MailAmbiguous(mail_id=mail_id) if mail_id in said:
                said[mail_id]["ambiguous"] += 1
    return said


def _states(file: CaseFile, entries: Sequence[e.Entry], rows: dict[str, Row[Any]]) -> None:
    last: dict[str, tuple[int, Collection[str]]] = {}
    for entry in entries:
        states = _states_after(entry.event)
        if states:
            last[entry.event.mail_id] = (entry.seq, states)  # type: ignore[attr-defined]
    for mail_id, (seq, states) in last.items():
        state = rows[mail_id].state
        if state not in states:
            fault = f"outbox.state of {mail_id} says {state}, the events say {' or '.join(sorted(states))}"
            raise Place(file.id, seq).fault(fault)


_STATES_AFTER: Mapping[type[e.Event], Callable[[Any], Collection[str]]] = {
    e.MailQueued: lambda event: {"recipe"},
    e.MailPrepared: lambda event: UNSENT,
    e.MailRelayed: lambda event: {"relayed"},
    e.MailDelivered: lambda event: {"relayed"},
    e.MailBounced: lambda event: {"relayed"},
    e.MailRefused: lambda event: {"dead"} if event.permanent else UNSENT,
    e.MailGivenUp: lambda event: {"dead"},
    e.MailAmbiguous: lambda event: UNSENT if event.again else {"held"},
    e.MailHeld: lambda event: {"held"},
    e.MailResent: lambda event: {"recipe"} if event.anew else UNSENT,
    e.MailCancelled: lambda event: {"cancelled"},
}


def _states_after(event: e.Event) -> Collection[str]:
    after = _STATES_AFTER.get(type(event))
    return after(event) if after else ()


def _calls(place: Place, entries: Sequence[e.Entry], rows: Sequence[Row[Any]]) -> None:
    called: set[datetime] = {entry.at for entry in entries if isinstance(entry.event, e.CoordinatorsCalled)}
    for row in rows:
        if row.queued_at not in called:
            raise place.fault(f"outbox: no event knows the row {row.id}")


def _bytes(office: Office, place: Place, rows: Sequence[Row[Any]], sealer: Sealer) -> None:
    """The bytes have their hash, and the columns beside them say what stands in them."""
    for row in rows:
        try:
            held = json.loads(sealer.open(row.sealed, f"outbox|sealed|{row.id}"))
        except Exception:
            raise place.fault(f"outbox.sealed of {row.id} was changed") from None
        message = b64decode(held["message"])
        if sha256(message) != row.sha256:
            raise place.fault(f"outbox.sha256 of {row.id} is not the hash of its bytes")
        written = {name.lower(): value.decode("ascii", "replace") for name, value in _AGAIN.findall(message)}
        said = {
            "message_id": written.get(b"message-id", ""),
            "reply_token": office.store.token("reply", _token(written.get(b"reply-to", ""))),
            "return_token": office.store.token("return", _token(held["sender"])),
            # Rows of before revision 0005 have none.
            **(tokens_of(office, Address.parse(held["recipient"])) if row.address_token else {}),
        }
        compare(place, "outbox", {row.id: said}, [row], lambda row: row.id)


def tokens_of(office: Office, recipient: Address) -> dict[str, str]:
    """The columns by which mails to one recipient are counted; they say nothing to whoever has only the database."""
    kinds = {"address_token": ("to", str(recipient).lower()), "domain_token": ("to domain", str(recipient.domain))}
    return {column: office.store.token(kind, value) for column, (kind, value) in kinds.items()}


def _token(address: str) -> str:
    return address.partition("+")[2].partition("@")[0]


def _links(connection: Connection, file: CaseFile) -> None:
    """A link belongs to the recipient of its mail, and whoever confirmed through it came from there.

    One that was moved to another case is found there: that one has no such mail (and ``check_owners``).
    """
    place, case = Place(file.id, file.case.last_seq), file.case
    for row in connection.execute(select(links).where(links.c.case_id == file.id)):
        mail = case.mails.get(row.mail_id)
        if mail is None:
            raise place.fault(f"links: no event knows the mail of the row {row.id}")
        purpose = Purpose.NOTICE if mail.to in case.persons else Purpose.CONFIRM
        said = {"case_id": file.id, "recipient": mail.to, "purpose": purpose}
        compare(place, "links", {row.id: said}, [row], lambda row: row.id)
        if row.person_id is None:
            continue
        person = case.persons.get(row.person_id)
        if person is None or mail.to not in {person.id, person.contact_id}:
            raise place.fault(f"links.person_id of {row.id} is nobody who came through this link")


def _codes(connection: Connection, file: CaseFile, entries: Sequence[e.Entry]) -> None:
    """A second code was sent to the person's own address."""
    place = Place(file.id, file.case.last_seq)
    named = {entry.seq: entry.event.person_id for entry in entries if isinstance(entry.event, e.OwnAddressNamed)}
    for row in connection.execute(select(second_codes).where(second_codes.c.case_id == file.id)):
        mail = file.case.mails.get(row.mail_id)
        if mail is None or mail.type is not MailType.SECOND_CODE:
            raise place.fault(f"second_codes: no event knows the mail of the row {row.mail_id}")
        said = {"case_id": file.id, "person_id": mail.to}
        compare(place, "second_codes", {row.mail_id: said}, [row], lambda row: row.mail_id)
        if named.get(row.address_seq) != row.person_id:
            raise place.fault(f"second_codes.address_seq of {row.mail_id} is no address of this person")
