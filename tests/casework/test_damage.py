"""A case whose record is damaged stands still and says so; every other one goes on, and is seen (R42)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from disclosure.casework import approvalpage, clockwork, coordination, delivery, overview
from disclosure.policy import DATA, PolicyBook, read_version
from disclosure.protocol.values import Language, Severity
from disclosure.store.tables import cases, event_parts, events, outbox, policies
from tests.casework import desk
from tests.casework.desk import BO, HOUR, House
from tests.office import T0

TWICE = (DATA / "policy.toml").read_text(encoding="utf-8").replace("referral = 0", "referral = 1")
SLOWER = TWICE.replace('marks = ["PT24H", "PT48H", "PT72H"]', 'marks = ["PT36H", "PT48H", "PT72H"]')


def without_policy(house: House, case_id: str) -> None:
    with house.office.store.writing() as tx:
        tx.execute(delete(policies).where(policies.c.version == house.case(case_id).policy_version))


def without_json(house: House, case_id: str) -> None:
    with house.office.store.writing() as tx:
        tx.execute(update(events).where(events.c.stream_id == case_id, events.c.seq == 2).values(body=b"{"))


def with_another_name(house: House, case_id: str) -> None:
    with house.office.store.writing() as tx:
        its = (event_parts.c.stream_id == case_id) & (event_parts.c.seq == 1)
        tx.execute(update(event_parts).where(its).values(sealed=b"\0" * 80))


Damage = Callable[[House, str], None]
EVERY: list[Damage] = [without_policy, without_json, with_another_name]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return desk.build(tmp_path / "instance", policy=TWICE)


def restarted(house: House) -> House:
    """With another policy: only then does a case need the text that was kept."""
    office = house.office
    book = PolicyBook(read_version(SLOWER, office.policy.authorities), office.policy.authorities)
    return House(replace(office, policy=book), house.relay, house.now)


@pytest.mark.parametrize("damage", [without_policy, without_json])
def test_its_mails_wait_and_the_others_leave(house: House, damage: Damage) -> None:
    """Not sent, not given up, and with the reason; without an event, which it could not have."""
    broken = house.tied()
    coordination.release_first_contact(house.hand(broken), house.case(broken).chosen[0])
    then = restarted(house)
    sound = then.tied()
    coordination.release_first_contact(then.hand(sound), then.case(sound).chosen[0])
    damage(then, broken)
    for hours in range(0, 24 * 6, 6):
        delivery.deliver(then.office, then.now + hours * HOUR, then.relay)
    with then.office.store.reading() as connection:
        rows = {row.case_id: row for row in connection.execute(select(outbox))}
    assert rows[sound].state == "relayed"
    assert (rows[broken].state, rows[broken].last_code, rows[broken].attempts) == ("recipe", "BrokenChain", 0)


@pytest.mark.parametrize("damage", EVERY)
def test_the_desk_shows_it_and_every_other_one(house: House, damage: Damage) -> None:
    broken = house.requested(severity=Severity.CRITICAL)
    then = restarted(house)
    sound = then.requested(severity=Severity.CRITICAL)
    for hours in (24, 48):
        clockwork.tick(then.office, T0 + hours * HOUR)
        for case_id in (broken, sound):
            for task in [t for t in then.case(case_id).tasks.values() if t.open and hours == 24]:
                coordination.task_done(then.hand(case_id), task.id, "spoken to", "")
    damage(then, broken)
    now = T0 + 49 * HOUR
    rows = {row.id: row for row in overview.open_cases(then.office, Language.EN, now).rows}
    assert [state.word for state in rows[broken].states] == ["Record damaged"]
    assert rows[sound].picture
    assert rows[sound].organisation == "Org"
    assert {row.case_id for row in overview.open_tasks(then.office, Language.EN, now).rows} == {broken, sound}
    overview.inbox(then.office, Language.FR, now)


@pytest.mark.parametrize("damage", [without_json, with_another_name])
def test_of_what_waits_for_approval_the_others_are_listed(tmp_path: Path, damage: Damage) -> None:
    then = desk.build(tmp_path / "two", policy=TWICE.replace("first_contact = 1", "first_contact = 2"))
    broken, sound = then.tied(), then.tied()
    for case_id in (broken, sound):
        coordination.release_first_contact(then.hand(case_id), then.case(case_id).chosen[0])
    damage(then, broken)
    waiting = approvalpage.waiting(then.office, BO, Language.EN, then.now).rows
    assert [row.case_id for row in waiting] == [sound]


def test_a_case_that_is_due_is_marked(house: House) -> None:
    broken, sound = house.requested(severity=Severity.CRITICAL), house.requested(severity=Severity.CRITICAL)
    without_json(house, broken)
    assert clockwork.tick(house.office, T0 + 24 * HOUR).stuck == 1
    with house.office.store.reading() as connection:
        stuck = dict(connection.execute(select(cases.c.id, cases.c.stuck_why)).all())
    assert "an entry cannot be read" in stuck[broken]
    assert stuck[sound] is None
    assert house.case(sound).rungs
