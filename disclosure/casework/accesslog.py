"""Who looked at sealed content: beside the ledger, one row per person, stream and quarter of an hour (design.md 4).

The desk's lists show one name per row and are not logged; a log in which everybody saw everything would say nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from disclosure.casework.office import Office
from disclosure.store.sealing import quarter_of
from disclosure.store.tables import access_log


def looked(office: Office, coordinator_id: str, stream_id: str, now: datetime) -> None:
    """Record that this coordinator opened this case or report. The second look within the quarter costs no lock."""
    row = {"coordinator_id": coordinator_id, "stream_id": stream_id, "quarter": quarter_of(now)}
    known = select(access_log.c.quarter).where(*(access_log.c[name] == value for name, value in row.items()))
    with office.store.reading() as connection:
        if connection.execute(known).first() is not None:
            return
    try:
        with office.store.writing() as tx:
            tx.execute(insert(access_log).values(row))
    except IntegrityError:
        return  # the same person in a second window, in the same moment
