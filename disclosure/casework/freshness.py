"""Whether what is known of a contact is young enough to write to it by; what is too old is looked up again (EV-03)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from disclosure.casework import casefile, certsearching, lastsearch, searching
from disclosure.casework.casefile import CaseFile, Hand
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.errors import Refused
from disclosure.protocol.state import Contact
from disclosure.store.tables import searches

OLD = timedelta(hours=24)
# Ours: a certificate that is being looked for is worth this much of a mail's time; what the mail says needs none (R19).
PATIENCE = timedelta(minutes=10)


def refresh(hand: Hand, contact_id: str) -> None:
    """Before a coordinator's release. Starts the search that is missing and raises Refused, and a person comes back.

    A search that came to nothing is a look at the evidence too: the desk says what is not known, a person decides.
    """
    file = casefile.look(hand.office, hand.case_id)
    if _contact_is_old(hand.office, file, contact_id, hand.now, hand.actor):
        raise Refused("EV-03", "evidence_old")


def must_wait(office: Office, file: CaseFile, contact_id: str, queued_at: datetime, now: datetime) -> str:
    """Why a mail that the ladder sends has to wait, as a code of the outbox; empty when it may leave."""
    if _contact_is_old(office, file, contact_id, now, e.MACHINE):
        return "evidence_old"
    case, case_id = file.case, file.id
    contact = case.contacts.get(contact_id)
    if contact is None or contact.doubted:
        return ""  # a person who answered rests on no look-up; whom newer evidence speaks against is not written to
    search = case.certificate_searches.get(contact_id)
    if search and search.ended_at and now - search.ended_at > OLD:
        casefile.change(office, case_id, now, lambda _: [(e.MACHINE, certsearching.asked(contact_id))])
        search = None
    elif search is None or search.ended_at:
        return ""
    return "certificate_looked_for" if now - queued_at < PATIENCE else ""


def _contact_is_old(office: Office, file: CaseFile, contact_id: str, now: datetime, by: e.Actor) -> bool:
    """What a person entered or named rests on no look-up, and does not grow old."""
    contact = file.case.contacts.get(contact_id)
    if contact is None or not contact.by_search:
        return False
    # A contact that was found stands in one commit with the end of its search: what is young needs no second look.
    if contact.found_at and now - contact.found_at <= OLD:
        return False
    with office.store.reading() as connection:
        last = lastsearch.newest(connection, file.id).get(contact.domain_id)
    if last is None or now - last.at <= OLD:
        return False
    if not _is_asked(office, file, contact):
        searching.ask(office, file.id, contact.domain_id, by, now)
    return True


def _is_asked(office: Office, file: CaseFile, contact: Contact) -> bool:
    waiting = select(searches.c.id).where(
        searches.c.case_id == file.id,
        searches.c.domain_id == contact.domain_id,
        searches.c.contact_id.is_(None),
        searches.c.state != "ended",
    )
    with office.store.reading() as connection:
        return connection.scalar(waiting.limit(1)) is not None
