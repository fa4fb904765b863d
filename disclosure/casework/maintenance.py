"""Maintenance after a restore: nothing leaves and nothing fires until an operator says that all is well (R30, R31).

A restored database knows nothing of what happened after its backup: mails that had left would leave again, answers that
had come would count as silence. The time until the confirmation, from the last heartbeat on, counts for nobody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from disclosure.casework import outages
from disclosure.casework.office import Office
from disclosure.store.tables import facts, heartbeats
from disclosure.store.transactions import Store

_NAME = "maintenance"
_LONGEST = 200  # of a reason


@dataclass(frozen=True)
class Maintenance:
    since: datetime
    reason: str


def begin(store: Store, reason: str, now: datetime) -> None:
    """Called by ``disclosure restore`` on the restored database before anything else may open it."""
    with store.writing() as tx:
        begin_in(tx, reason, now)


def begin_in(tx: Connection, reason: str, now: datetime) -> None:
    """The same, where there is a transaction and no store yet. Begun twice it stays as begun first."""
    if state(tx) is None:
        value = json.dumps({"since": now.isoformat(), "reason": reason[:_LONGEST]}, ensure_ascii=False)
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


@dataclass(frozen=True)
class Standing:
    """Why nothing leaves and nothing fires; either, or both."""

    maintenance: Maintenance | None
    hold: outages.Hold | None


def standing(office: Office, now: datetime) -> Standing | None:
    """For the desk; None while all goes on."""
    with office.store.reading() as connection:
        found = Standing(state(connection), outages.held_in(connection, now))
    return found if found.maintenance or found.hold else None


def stands(office: Office, now: datetime) -> bool:
    """Nothing leaves and nothing fires: in maintenance, or while the clock on the wall cannot be trusted.

    A mail that left under a wrong clock would start theirs at a wrong instant, and one that waits would leave early.
    """
    return standing(office, now) is not None


def end(office: Office, now: datetime) -> int:
    """The operator's word. Returns for how many cases the time was credited; run again after a crash it goes on."""
    with office.store.reading() as connection:
        held = state(connection)
        beat = connection.scalar(select(heartbeats.c.at).where(heartbeats.c.name == "clock"))
    if held is None:
        return 0
    credited = outages.credit(office, min(filter(None, (beat, held.since))), now)
    with office.store.writing() as tx:
        outages.set_beat(tx, "clock", now)
        tx.execute(delete(facts).where(facts.c.name == _NAME))
    return credited
