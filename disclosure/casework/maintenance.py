"""Maintenance: nothing leaves and no deadline fires until a person has confirmed; reports and answers still come in.

After a restore the database knows nothing of what happened after the backup: mails that it calls unsent may have left,
organisations may have answered. Only a person can know.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from disclosure.casework.office import Office
from disclosure.store.tables import facts
from disclosure.store.transactions import Store

_NAME = "maintenance"


@dataclass(frozen=True)
class Maintenance:
    since: datetime
    reason: str


def begin(store: Store, reason: str, now: datetime) -> None:
    """``reason``: a word of ours. Begun twice it stays as begun first."""
    with store.writing() as tx:
        if state(tx) is None:
            value = json.dumps({"since": now.isoformat(), "reason": reason})
            tx.execute(insert(facts).values(name=_NAME, value=value))


def state(connection: Connection) -> Maintenance | None:
    value = connection.scalar(select(facts.c.value).where(facts.c.name == _NAME))
    if value is None:
        return None
    held = json.loads(value)
    return Maintenance(datetime.fromisoformat(held["since"]), held["reason"])


def current(office: Office) -> Maintenance | None:
    with office.store.reading() as connection:
        return state(connection)


def end(office: Office, now: datetime) -> int:
    """A person has looked: from the next tick on everything goes on. Returns for how many cases time was credited."""
    with office.store.writing() as tx:
        tx.execute(delete(facts).where(facts.c.name == _NAME))
    return 0
