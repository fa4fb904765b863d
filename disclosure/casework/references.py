"""R39: an authority's own reference is kept and quoted in whatever it is told later."""

from __future__ import annotations

from sqlalchemy import Connection

from disclosure.casework import casefile
from disclosure.casework.office import Office
from disclosure.protocol import events as e


def of_authorities(office: Office, connection: Connection, case_id: str) -> dict[str, str]:
    """Authority → the reference that it gave last: with an answer, or when the referral was filed by hand."""
    told: dict[str, str] = {}  # by a mail's or task's id
    found: dict[str, str] = {}
    for entry in casefile.said_in(office, connection, case_id, e.AuthorityReferred, e.TaskDone, e.AuthorityAnswered):
        match entry.event:
            case e.AuthorityReferred(authority_id=authority_id, by=by):
                told[by] = authority_id
            case e.TaskDone(task_id=task_id, reference=reference) if reference and task_id in told:
                found[told[task_id]] = reference
            case e.AuthorityAnswered(authority_id=authority_id, reference=reference) if reference:
                found[authority_id] = reference
    return found
