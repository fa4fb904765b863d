"""A case keeps the policy version that it started with; moving it is an act that says what changes (R12, R33)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from disclosure.casework import casefile, clockwork, policies, policymoves, verification
from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office
from disclosure.policy import DATA, PolicyBook, read_version
from disclosure.protocol import ladder
from disclosure.protocol.codes import Rung
from disclosure.protocol.errors import Refused
from disclosure.protocol.values import Severity
from disclosure.store.tables import cases
from disclosure.store.tables import policies as kept
from tests.casework import desk
from tests.casework.desk import ADA, HOUR, House
from tests.office import T0

SHIPPED = (DATA / "policy.toml").read_text(encoding="utf-8")
SLOWER = SHIPPED.replace('marks = ["PT24H", "PT48H", "PT72H"]', 'marks = ["PT48H", "PT96H", "PT144H"]')


def restarted(house: House, text: str) -> House:
    """The same server after its operator changed the file."""
    office = house.office
    book = PolicyBook(read_version(text, office.policy.authorities), office.policy.authorities)
    return House(replace(office, policy=book), house.relay, house.now)


def due(office: Office, case_id: str, rung: Rung) -> float:
    """Hours after the beginning at which this rung is planned."""
    file = casefile.look(office, case_id)
    return next((p.due_at - T0) / HOUR for p in ladder.plan(file.case, file.rules) if p.rung is rung)


@pytest.fixture
def first(tmp_path: Path) -> House:
    return desk.build(tmp_path / "instance")


def test_a_changed_file_does_not_change_a_running_case(first: House) -> None:
    case_id = first.requested(severity=Severity.CRITICAL)
    before = due(first.office, case_id, Rung.REMINDER)
    then = restarted(first, SLOWER)
    assert due(then.office, case_id, Rung.REMINDER) == before == 24
    assert clockwork.tick(then.office, T0 + 24 * HOUR).rungs, "the worker too goes by the version of the case"
    assert due(then.office, then.requested(severity=Severity.CRITICAL), Rung.REMINDER) == 48, "a new case: the new one"
    assert verification.verify(then.office).ok


def test_what_cases_run_under_is_kept_once(first: House) -> None:
    for _ in range(2):
        first.opened()
    with first.office.store.reading() as connection:
        assert list(connection.scalars(select(kept.c.text))) == [SHIPPED]
    then = restarted(first, SLOWER)
    assert [(v.in_force, v.open_cases) for v in policies.every(then.office)] == [(True, 0), (False, 2)]


def test_a_version_that_is_gone_is_found(first: House) -> None:
    first.opened()
    with first.office.store.writing() as tx:
        tx.execute(delete(kept))
    found = verification.verify(first.office)
    assert not found.ok
    assert "policies.version" in found.fault


def test_no_case_climbs_by_rules_that_it_did_not_start_with(first: House) -> None:
    """Its version is lost: the case stands still and a person is told; the others go on."""
    lost = first.requested(severity=Severity.CRITICAL)
    then = restarted(first, SLOWER)
    sound = then.requested(severity=Severity.CRITICAL)
    with first.office.store.writing() as tx:
        tx.execute(delete(kept).where(kept.c.version == first.office.policy.current.version))
    done = clockwork.tick(then.office, T0 + 100 * HOUR)
    assert (done.stuck, bool(then.case(sound).rungs)) == (1, True)
    with then.office.store.reading() as connection:
        why = connection.scalar(select(cases.c.stuck_why).where(cases.c.id == lost))
    assert "policies.version" in str(why)


def test_a_case_is_moved_by_an_act_that_says_what_changes(first: House) -> None:
    case_id = first.requested(severity=Severity.CRITICAL)
    then = restarted(first, SLOWER)
    hand = Hand(then.office, case_id, ADA, T0)
    changes = policymoves.changes(then.office, case_id, T0)
    moved = {c.rung: (c.before, c.after) for c in changes}
    assert moved[Rung.REMINDER] == (T0 + 24 * HOUR, T0 + 48 * HOUR)
    assert Rung.PHONE_FIRST not in moved, "what stays is not listed"
    policymoves.move(hand)
    assert casefile.look(then.office, case_id).case.policy_version == then.office.policy.current.version
    assert due(then.office, case_id, Rung.REMINDER) == 48
    assert policymoves.changes(then.office, case_id, T0) == ()
    assert verification.verify(then.office).ok, "the rows follow in the same transaction"
    with pytest.raises(Refused):
        policymoves.move(hand)
