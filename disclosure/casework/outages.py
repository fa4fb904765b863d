"""Time in which our own server was away, or its clock could not be trusted (R30, R31; facts: mail 1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select, update

from disclosure.casework import casefile
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol import ladder
from disclosure.store.tables import cases, heartbeats
from disclosure.store.transactions import once

# Ours: a restart takes seconds and an upgrade minutes; a quarter of an hour without a beat is an outage that counts.
OUTAGE = timedelta(minutes=15)
# Ours: a clock that is being kept right moves back by less than a second; two machines may differ by some.
BACK = timedelta(minutes=2)
# Ours: after more than a month a wrong clock is likelier than an outage. Up to then the outage is credited, so that a
# clock that is set forward fires nothing early either.
FORWARD = timedelta(days=31)


class Jump(StrEnum):
    """How the clock on the wall differs from the database's last heartbeat."""

    BACK = "back"
    FORWARD = "forward"


@dataclass(frozen=True)
class Hold:
    """Nothing fires while this lasts: until the jump is over, or an operator says that the clock is right."""

    jump: Jump
    last: datetime
    now: datetime


def jumped(last: datetime | None, now: datetime) -> Jump | None:
    """Pure: the two bounds."""
    if last is None:
        return None
    if last - now > BACK:
        return Jump.BACK
    return Jump.FORWARD if now - last > FORWARD else None


def held(office: Office, now: datetime) -> Hold | None:
    with office.store.reading() as connection:
        return held_in(connection, now)


def held_in(connection: Connection, now: datetime) -> Hold | None:
    last = _last(connection)
    jump = jumped(last, now)
    return Hold(jump, last, now) if jump and last else None


def _last(connection: Connection) -> datetime | None:
    return connection.scalar(select(heartbeats.c.at).where(heartbeats.c.name == "clock"))


def clock_is_right(office: Office, now: datetime) -> int:
    """The operator's word on ``now``: firing goes on. A stretch forward is credited; returns to how many cases."""
    hold = held(office, now)
    credited = credit(office, hold.last, now) if hold and hold.jump is Jump.FORWARD else 0
    with office.store.writing() as tx:
        set_beat(tx, "clock", now)
    return credited


def set_beat(tx: Connection, name: str, at: datetime) -> None:
    """Whatever stood there, also a later instant."""
    if not once(tx, heartbeats, {"name": name, "at": at}):
        tx.execute(update(heartbeats).where(heartbeats.c.name == name).values(at=at))


def uncredited(office: Office, now: datetime) -> bool:
    """We were away longer than ``OUTAGE``, and nobody has credited it yet."""
    with office.store.reading() as connection:
        last = _last(connection)
    return last is not None and now - last >= OUTAGE


def credit_outage(office: Office, now: datetime) -> int:
    """R31: where we were away longer than ``OUTAGE``, that time counts for no running clock. Returns how many cases.

    Called by the worker before it ticks: an outage is known only to whoever comes back from it.
    """
    with office.store.reading() as connection:
        last = _last(connection)
    if last is None or now - last < OUTAGE or jumped(last, now):
        return 0
    credited = credit(office, last, now)
    with office.store.writing() as tx:
        set_beat(tx, "clock", now)
    return credited


def credit(office: Office, last: datetime, now: datetime) -> int:
    """The stretch stands still in every open case with a running clock; said twice, it counts once."""
    with office.store.reading() as connection:
        ids = list(connection.scalars(select(cases.c.id).where(cases.c.life == "open")))
    return sum(_credit(office, case_id, last, now) for case_id in ids)


def _credit(office: Office, case_id: str, last: datetime, now: datetime) -> int:
    def decide(file: CaseFile) -> list[Fact]:
        run = ladder.running(file.case, file.rules.policy)
        covered = any(s.why == "outage" and s.end and s.end >= now for s in file.case.stills)
        if run is None or run.started_at >= now or covered:
            return []
        return [(e.MACHINE, e.OutageCredited(started_at=max(last, run.started_at), ended_at=now))]

    before = casefile.look(office, case_id).case.last_seq
    return int(casefile.change(office, case_id, now, decide).case.last_seq > before)
