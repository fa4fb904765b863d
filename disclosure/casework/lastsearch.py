"""The newest finished search of each tied domain, and whether it is young enough to send by (EV-03)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from disclosure.casework import casefile, searching
from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import LookupOutcome
from disclosure.protocol.errors import Refused
from disclosure.store import ledger
from disclosure.store.tables import events, searches

OLD = timedelta(hours=24)
_OF_A_SEARCH = tuple(kind.__name__ for kind in (e.SearchStarted, e.LookupRecorded, e.SearchEnded))


@dataclass(frozen=True)
class Newest:
    """``probe_ids``: the look-ups of the last time round, in the order of their questions."""

    search_id: str
    at: datetime
    outcome: LookupOutcome
    probe_ids: tuple[str, ...]


def newest(office: Office, connection: Connection, case_id: str) -> dict[str, Newest]:
    """Domain id → its newest search that came to an end, whatever the outcome."""
    query = select(events.c.seq).where(events.c.stream_id == case_id, events.c.type.in_(_OF_A_SEARCH))
    seqs = tuple(connection.scalars(query))
    domains: dict[str, str] = {}
    asked: dict[str, list[str]] = {}
    found: dict[str, Newest] = {}
    for entry in ledger.read(office.store, connection, case_id, seqs=seqs) if seqs else ():
        match entry.event:
            case e.SearchStarted(search_id=search_id, domain_id=domain_id):
                domains[search_id] = domain_id
            case e.LookupRecorded(search_id=search_id, probe_id=probe_id):
                asked.setdefault(search_id, []).append(probe_id)
            case e.SearchEnded(search_id=search_id, outcome=outcome):
                # A search that is repeated ends once for each time round.
                ids = tuple(asked.pop(search_id, ()))
                found[domains[search_id]] = Newest(search_id, entry.at, outcome, ids)
            case _:
                pass
    return found


def refresh(hand: Hand, contact_id: str) -> None:
    """EV-03: evidence of more than 24 hours is looked up again before a send. Starts that search and raises Refused.

    What a person entered or named rests on no look-up. A search that came to nothing is a look at the evidence too:
    the desk says what is not known, and a person decides.
    """
    contact = casefile.look(hand.office, hand.case_id).case.contacts.get(contact_id)
    if contact is None or contact.manual or contact.suggested:
        return
    with hand.office.store.reading() as connection:
        last = newest(hand.office, connection, hand.case_id).get(contact.domain_id)
        waits = connection.scalar(
            select(searches.c.id)
            .where(
                searches.c.case_id == hand.case_id,
                searches.c.domain_id == contact.domain_id,
                searches.c.state != "ended",
            )
            .limit(1)
        )
    # A contact that was found stands in one commit with the end of its search: without one there is no evidence to age.
    if last is None or hand.now - last.at <= OLD:
        return
    if waits is None:
        searching.start(hand, contact.domain_id)
    raise Refused("EV-03", "evidence_old")
