"""``disclosure verify``: the chain, signed heads, sealed parts, and every row that follows from the fold (R42)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from disclosure.casework import caserows, inboxrows, mailrows, policies, reportrows
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.errors import BrokenChain, DisclosureError, NotFound
from disclosure.protocol.values import AlertNumber
from disclosure.store import ledger
from disclosure.store.tables import cases, events, streams

FIRST_EVENTS = {"report": e.ReportReceived.__name__, "case": e.CaseOpened.__name__}


@dataclass(frozen=True)
class Verified:
    """``fault`` says where: the stream, the entry, and what is wrong there; empty when all is well."""

    ok: bool
    streams: int
    events: int
    fault: str = ""


def verify(office: Office, case: str | None = None) -> Verified:
    """One case (alert number or id), or every stream. Raises NotFound or InvalidInput for a case that is none."""
    done = count = 0
    with office.store.reading() as connection:
        wanted = [(case_id(connection, case), "case")] if case is not None else ledger.all_streams(connection)
        try:
            for stream_id, kind in wanted:
                count += _stream(office, connection, stream_id, kind)
                done += 1
            if case is None:
                _beside(office, connection)
        except DisclosureError as fault:
            return Verified(False, done, count, str(fault))
    return Verified(True, done, count)


def _stream(office: Office, connection: Connection, stream_id: str, kind: str) -> int:
    """Check one stream; returns how many entries it has. Whatever cannot be read is a fault there, no crash."""
    try:
        head = ledger.verify(office.store, connection, stream_id)
        _row_of(connection, stream_id, kind)
        (reportrows if kind == "report" else caserows).check(office, connection, stream_id)
    except DisclosureError:
        raise
    except Exception as error:
        raise BrokenChain(stream_id, 0, f"rows that cannot be read ({type(error).__name__})") from error
    return head.seq


def _row_of(connection: Connection, stream_id: str, kind: str) -> None:
    """The stream's own row beside the signed columns."""
    row = connection.execute(select(streams).where(streams.c.id == stream_id)).one()
    mine = select(events.c.type, events.c.at).where(events.c.stream_id == stream_id)
    first = connection.execute(mine.where(events.c.seq == 1)).one_or_none()
    if first is None or first.type != FIRST_EVENTS.get(kind):
        raise BrokenChain(stream_id, 1, f"streams.kind says {kind}, the first event says otherwise")
    if first.at != row.created_at:
        raise BrokenChain(stream_id, 1, f"streams.created_at says {row.created_at}, the first event {first.at}")
    # Without this a mark in the row would be enough to have the sealed parts passed over.
    erased = connection.execute(mine.where(events.c.type == e.ContentErased.__name__)).first()
    if row.erased_at != (erased.at if erased else None):
        raise BrokenChain(stream_id, row.head_seq, f"streams.erased_at says {row.erased_at}, the events say otherwise")


def _beside(office: Office, connection: Connection) -> None:
    """What belongs to no stream that was walked: entries of a stream whose row is gone, calls about reports."""
    lost = select(events.c.stream_id).where(events.c.stream_id.not_in(select(streams.c.id))).limit(1)
    stream_id = connection.scalar(lost)
    if stream_id is not None:
        raise BrokenChain(stream_id, 0, "streams: the row of this stream is missing")
    mailrows.check_calls(office, connection)
    mailrows.check_owners(connection)
    inboxrows.check_unfiled(office, connection)
    policies.check(connection)


def case_id(connection: Connection, case: str) -> str:
    """The id of an alert number or of an id. Raises NotFound."""
    found = connection.scalar(select(cases.c.id).where(cases.c.id == case))
    if found is None:
        number = str(AlertNumber.parse(case))
        found = connection.scalar(select(cases.c.id).where(cases.c.number == number))
    if found is None:
        raise NotFound("case")
    return str(found)
