"""Nothing fires while the clock cannot be trusted, and nothing leaves after a restore, until a person says so (R31)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from disclosure.casework import (
    casefile,
    clockwork,
    coordination,
    delivery,
    maintenance,
    outages,
    searching,
    verification,
)
from disclosure.casework.outages import Jump
from disclosure.protocol import ladder
from disclosure.protocol.codes import Rung
from disclosure.protocol.ladder import Planned
from disclosure.protocol.values import Severity
from disclosure.store.tables import heartbeats
from tests.casework import desk
from tests.casework.desk import HOUR, MINUTE, House
from tests.office import T0

DAY = timedelta(days=1)


@pytest.fixture
def alert(tmp_path: Path) -> Iterator[tuple[House, str]]:
    """A case of high severity whose contact request left at T0: a reminder is due two working days later."""
    house = desk.build(tmp_path / "instance")
    case_id = house.requested(severity=Severity.HIGH)
    clockwork.turn(house.office, T0)
    yield house, case_id
    house.office.store.engine.dispose()


def beating(house: House, hours: float) -> None:
    """The worker's rounds up to so many hours after the beginning."""
    with house.office.store.writing() as tx:
        outages.set_beat(tx, "clock", T0 + hours * HOUR - MINUTE)
    clockwork.turn(house.office, T0 + hours * HOUR)


@pytest.mark.parametrize(
    ("last", "now", "jump", "why"),
    [
        (None, T0, None, "a first start knows no before"),
        (T0, T0, None, "no time has passed"),
        (T0, T0 - 2 * MINUTE, None, "machines may differ by this much"),
        (T0, T0 - 3 * MINUTE, Jump.BACK, "no clock that is kept right goes back like that"),
        (T0, T0 - HOUR, Jump.BACK, "somebody set it"),
        (T0, T0 + 7 * DAY, None, "a week off is an outage, and credited"),
        (T0, T0 + 31 * DAY, None, "so is a month"),
        (T0, T0 + 32 * DAY, Jump.FORWARD, "likelier a wrong clock"),
    ],
)
def test_what_is_a_jump(last: datetime | None, now: datetime, jump: Jump | None, why: str) -> None:
    assert outages.jumped(last, now) is jump, why


def test_a_clock_that_goes_back_holds_until_the_jump_is_over(alert: tuple[House, str]) -> None:
    house, case_id = alert
    beating(house, 47.9)
    clockwork.turn(house.office, T0 + 47 * HOUR)
    assert outages.held(house.office, T0 + 47 * HOUR), "an hour back"
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[1])
    taken = len(house.relay.taken)
    assert delivery.deliver(house.office, T0 + 47 * HOUR, house.relay) == delivery.Delivered(), "no mail either"
    assert len(house.relay.taken) == taken
    assert clockwork.tick(house.office, T0 + 47 * HOUR) == clockwork.NOTHING, "by hand neither"
    assert outages.held(house.office, T0 + 48 * HOUR) is None
    assert clockwork.turn(house.office, T0 + 48 * HOUR).rungs == 1, "and it goes on where it stood, once"
    assert house.case(case_id).stills == (), "that time has passed for them too"


def test_a_clock_that_went_forward_by_a_year_fires_nothing(alert: tuple[House, str]) -> None:
    house, case_id = alert
    wrong = T0 + 365 * DAY
    for minutes in (0, 1, 2):
        assert clockwork.turn(house.office, wrong + minutes * MINUTE) == clockwork.NOTHING
    assert house.case(case_id).rungs == {}
    assert outages.held(house.office, T0 + HOUR + MINUTE) is None, "set right again, it is over by itself"


def test_an_operator_says_that_the_clock_is_right(alert: tuple[House, str]) -> None:
    house, case_id = alert
    late = T0 + 40 * DAY
    assert outages.held(house.office, late)
    assert outages.clock_is_right(house.office, late) == 1, "forty days away are credited"
    assert outages.held(house.office, late) is None
    assert clockwork.turn(house.office, late).rungs == 0, "nothing fires for our own absence"
    back = late - HOUR
    assert outages.held(house.office, back)
    assert outages.clock_is_right(house.office, back) == 0
    assert outages.held(house.office, back) is None
    assert house.case(case_id).stands_still("outage") is False
    assert verification.verify(house.office).ok


def test_after_a_restore_nothing_leaves_and_nothing_fires(alert: tuple[House, str]) -> None:
    house, case_id = alert
    office, later = house.office, T0 + 30 * HOUR
    contact = house.case(case_id).chosen[1]
    coordination.release_first_contact(house.hand(case_id), contact)
    asked = house.tied()
    searching.start(house.hand(asked), next(iter(house.case(asked).domains)))
    maintenance.begin(office.store, "restored from the backup of Monday", later)
    maintenance.begin(office.store, "a second time", later + HOUR)
    held = maintenance.current(office)
    assert held == maintenance.Maintenance(later, "restored from the backup of Monday"), "as begun first"
    taken = len(house.relay.taken)
    assert delivery.deliver(office, later, house.relay) == delivery.Delivered()
    assert clockwork.turn(office, later) == clockwork.tick(office, later) == clockwork.NOTHING
    assert searching.search(office, later, _no_look_up) == 0
    assert len(house.relay.taken) == taken
    with office.store.reading() as connection:
        assert connection.scalar(select(heartbeats.c.at).where(heartbeats.c.name == "clock")) == T0, "no beat"


def _no_look_up(*_: object) -> object:
    raise AssertionError("nothing may be asked")


def test_the_end_of_maintenance_credits_the_time(alert: tuple[House, str]) -> None:
    house, case_id = alert
    office, done = house.office, T0 + 50 * HOUR
    maintenance.begin(office.store, "restored", T0 + 49 * HOUR)
    assert maintenance.end(office, done) == 1, "from the last beat before the backup on"
    assert maintenance.current(office) is None
    assert maintenance.end(office, done) == 0, "once"
    assert clockwork.turn(office, done).rungs == 0, "two days have not passed for them: we were away"
    still = house.case(case_id).stills[-1]
    assert (still.start, still.end) == (T0, done)
    due = next(p.due_at for p in _plan(house, case_id) if p.rung is Rung.REMINDER)
    assert due == T0 + 6 * DAY + 2 * HOUR, "two working days from Thursday, 11:00 in Paris"
    assert verification.verify(office).ok


def _plan(house: House, case_id: str) -> tuple[Planned, ...]:
    file = casefile.look(house.office, case_id)
    return ladder.plan(file.case, file.rules)


def test_a_short_maintenance_is_credited_too(alert: tuple[House, str]) -> None:
    house, case_id = alert
    maintenance.begin(house.office.store, "restored", T0 + MINUTE)
    assert maintenance.end(house.office, T0 + 5 * MINUTE) == 1, "shorter than what counts as an outage elsewhere"
    assert house.case(case_id).stills[-1].why == "outage"
