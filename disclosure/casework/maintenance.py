"""Maintenance: nothing leaves and no deadline fires until a person has confirmed; reports and answers still come in.

After a restore the database knows nothing of what happened after the backup: mails that it calls unsent may have left,
organisations may have answered. Only a person can know.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, insert, select

from disclosure.casework.office import Office
from disclosure.store.tables import facts

NAME = "maintenance"


def begin(office: Office, reason: str, now: datetime) -> None:
    """``reason``: a code. Beginning again changes nothing."""
    with office.store.writing() as tx:
        if tx.scalar(select(facts.c.value).where(facts.c.name == NAME)) is None:
            tx.execute(insert(facts).values(name=NAME, value=f"{reason} {now.astimezone(UTC).isoformat()}"))


def reason(office: Office) -> str:
    """Why, and since when; empty while the house works."""
    with office.store.reading() as connection:
        return connection.scalar(select(facts.c.value).where(facts.c.name == NAME)) or ""


def end(office: Office) -> None:
    """A person has looked: from the next tick on everything goes on, late rather than never."""
    with office.store.writing() as tx:
        tx.execute(delete(facts).where(facts.c.name == NAME))
