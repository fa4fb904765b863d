"""What holds mails back: a relay in trouble, a domain that has enough, a loop of ours. And what goes before them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select, update

from disclosure import worker
from disclosure.casework import answering, breaker, casefile, coordination, delivery, outboxrows, queueing, verification
from disclosure.casework.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE
from disclosure.casework.casefile import Fact
from disclosure.mail.relay import STEPS, Kind, Outcome
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.values import Address
from disclosure.store.tables import outbox
from tests.casework import desk
from tests.casework.desk import MINUTE, OWN, House

DOWN = Outcome(Kind.NOT_SENT, "relay_not_reached", "connection refused")
TAKEN = Outcome(Kind.ACCEPTED, "250", "250 ok")


class Relay:
    """Says what it is told to say, and counts who asked."""

    def __init__(self, says: Outcome = TAKEN) -> None:
        self.says, self.asked = says, list[str]()

    def __call__(self, message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        self.asked.append(envelope_id)
        return self.says


@pytest.fixture
def house(tmp_path: Any) -> House:
    return desk.build(tmp_path / "instance")


def waiting(house: House, count: int) -> list[str]:
    """So many cases, each with a contact request in the outbox."""
    made = []
    for _ in range(count):
        case_id = house.tied()
        coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
        made.append(case_id)
    return made


def rows(house: House) -> Sequence[Row[Any]]:
    with house.office.store.reading() as connection:
        return connection.execute(select(outbox).order_by(outbox.c.queued_at, outbox.c.id)).all()


# --- R29: a person waits ---


def test_the_second_code_goes_before_everything(house: House) -> None:
    visit = house.confirmed(house.requested())
    waiting(house, 40)
    house.later()
    answering.name_address(visit, OWN)
    got: list[str] = []

    def send(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        got.append(str(recipient))
        return TAKEN

    delivery.deliver(house.office, house.now, send, most=5)
    assert got[0] == OWN


def test_it_has_a_run_of_its_own_beside_a_slow_one(house: House) -> None:
    """A relay that takes minutes for another mail keeps one thread; the other one sends what a person waits for."""
    visit = house.confirmed(house.requested())
    waiting(house, 3)
    answering.name_address(visit, OWN)
    delivery.deliver(house.office, house.now, house.relay, urgent=True)
    assert house.relay.taken[-1][0] == OWN
    left = [row for row in rows(house) if row.state == "recipe"]
    assert len(left) >= 3, "the others were not touched"
    assert {"codes", "outbox"} <= set(worker.EVERY)
    assert worker.EVERY["codes"] <= 1, "seconds: with a second to compose it, five are enough"


def test_a_domain_that_has_had_enough_still_gets_its_code(house: House, tmp_path: Any) -> None:
    few = desk.build(tmp_path / "few", DISCLOSURE_MAIL_PER_DOMAIN_PER_MINUTE="2")
    visit = few.confirmed(few.requested())
    waiting(few, 4)
    few.deliver()
    answering.name_address(visit, OWN)
    few.deliver()
    assert few.relay.to(OWN)


# --- the breaker ---


def failing(house: House) -> Relay:
    """The relay has just failed so often that it is left alone."""
    relay = Relay(DOWN)
    for _ in range(FAILURES):
        delivery.deliver(house.office, house.now, relay)
    return relay


def test_a_relay_that_cannot_be_used_is_left_alone_by_all(house: House) -> None:
    waiting(house, 8)
    relay = failing(house)
    assert len(relay.asked) == FAILURES
    for seconds in range(0, 60, 5):
        delivery.deliver(house.office, house.now + timedelta(seconds=seconds), relay)
    assert len(relay.asked) == FAILURES, "no mail waits for its time-out in turn"
    assert [row.attempts for row in rows(house)].count(0) == 8 - FAILURES, "the patience of the others has not begun"
    state = breaker.look(house.office)
    assert state is not None
    assert (state.open, state.code, state.since) == (True, "relay_not_reached", house.now)


def test_after_its_pause_one_mail_tries_for_all(house: House) -> None:
    waiting(house, 30)
    relay, now = failing(house), house.now
    pauses = []
    for _ in range(7):
        state = breaker.look(house.office)
        assert state is not None
        pauses.append(state.retry_at - now)
        now, before = state.retry_at, len(relay.asked)
        delivery.deliver(house.office, now, relay)
        delivery.deliver(house.office, now, relay)
        assert len(relay.asked) == before + 1, "one, whoever asks"
    assert pauses[:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert max(pauses) == LONGEST_PAUSE
    relay.says = TAKEN
    state = breaker.look(house.office)
    assert state is not None
    done = delivery.deliver(house.office, state.retry_at, relay)
    assert done.relayed > 1, "it works: the others at once"
    assert breaker.look(house.office) is None
    delivery.deliver(house.office, state.retry_at + LONGEST_PAUSE * 16, relay)
    assert {row.state for row in rows(house)} == {"relayed"}, "none was lost by the pauses"
    assert verification.verify(house.office).ok


def test_whoever_tries_for_all_may_die(house: House) -> None:
    waiting(house, 5)
    failing(house)
    state = breaker.look(house.office)
    assert state is not None
    assert breaker.may_try(house.office, state, state.retry_at)
    assert not breaker.may_try(house.office, state, state.retry_at), "one only"
    relay = Relay()
    assert delivery.deliver(house.office, state.retry_at, relay).relayed == 0
    assert delivery.deliver(house.office, state.retry_at + outboxrows.LEASE, relay).relayed > 1


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (Outcome(Kind.REFUSED_TEMPORARY, "450 4.2.0", "450"), "it talks"),
        (Outcome(Kind.REFUSED_PERMANENT, "550 5.1.1", "550"), "it talks"),
        (TAKEN, "it takes"),
    ],
)
def test_any_answer_about_a_mail_speaks_for_the_relay(house: House, says: Outcome, why: str) -> None:
    waiting(house, 6)
    relay = Relay(DOWN)
    for _ in range(FAILURES - 1):
        delivery.deliver(house.office, house.now, relay)
    relay.says = says
    delivery.deliver(house.office, house.now, relay, most=1)
    assert breaker.look(house.office) is None, why


def test_nothing_due_uses_up_no_try(house: House) -> None:
    waiting(house, 1)
    relay = failing(house)  # one mail: tried once, then later
    delivery.deliver(house.office, house.now + STEPS[0] * 2, relay)
    delivery.deliver(house.office, house.now + STEPS[0] * 6, relay)
    state = breaker.look(house.office)
    assert state is not None
    assert state.open
    relay.says = TAKEN
    now = state.retry_at
    assert delivery.deliver(house.office, now, relay).relayed == 0, "not due"
    assert breaker.look(house.office) == state


# --- so many a minute, so many a day ---


def test_a_domain_gets_so_many_a_minute_and_loses_none(tmp_path: Any) -> None:
    house = desk.build(tmp_path / "instance", DISCLOSURE_MAIL_PER_DOMAIN_PER_MINUTE="3")
    waiting(house, 8)
    relay, started, arrived = Relay(), house.now, []
    for minute in range(4):
        before = len(relay.asked)
        done = delivery.deliver(house.office, started + minute * MINUTE, relay)
        arrived.append(len(relay.asked) - before)
        assert done.unreached == 0
    assert arrived == [3, 3, 2, 0]
    assert {row.attempts for row in rows(house)} == {1}, "waiting its turn is no attempt"
    assert verification.verify(house.office).ok


def test_each_that_waits_is_looked_at_once(tmp_path: Any) -> None:
    house = desk.build(tmp_path / "instance", DISCLOSURE_MAIL_PER_DOMAIN_PER_MINUTE="2")
    waiting(house, 7)
    delivery.deliver(house.office, house.now, Relay())
    waits = sorted(row.next_try_at - house.now for row in rows(house) if row.state == "prepared")
    assert waits == [MINUTE, MINUTE, 2 * MINUTE, 2 * MINUTE, 3 * MINUTE]


def test_another_domain_does_not_wait(tmp_path: Any) -> None:
    house = desk.build(tmp_path / "instance", DISCLOSURE_MAIL_PER_DOMAIN_PER_MINUTE="1")
    waiting(house, 3)
    case_id = house.tied()
    entered = coordination.EnterContact(desk.Channel.MAIL, "it@other.example", "", "imprint")
    contact = coordination.enter_contact(house.hand(case_id), entered)
    coordination.choose_contacts(house.hand(case_id), [contact])
    coordination.release_first_contact(house.hand(case_id), contact)
    relay = Relay()
    delivery.deliver(house.office, house.now, relay)
    assert len(relay.asked) == 2


def looping(house: House, most: int) -> str:
    """A case in which something of ours queues one mail more than is sane to the same contact."""
    (case_id,) = waiting(house, 1)
    case = house.case(case_id)
    facts: list[Fact] = [
        (e.MACHINE, queueing.queued(house.office, case, MailType.THANKS, case.chosen[0], house.now))
        for _ in range(most)
    ]
    casefile.change(house.office, case_id, house.now, lambda _: facts)
    return case_id


def test_a_loop_of_ours_stops_and_a_person_is_asked(tmp_path: Any) -> None:
    house = desk.build(tmp_path / "instance", DISCLOSURE_MAIL_PER_ADDRESS_PER_DAY="5")
    case_id = looping(house, 5)
    relay = Relay()
    done = delivery.deliver(house.office, house.now, relay)
    assert (len(relay.asked), done.held) == (5, 1)
    (held,) = [row for row in rows(house) if row.state == "held"]
    assert held.last_code == "too_many_to_one"
    with house.office.store.reading() as connection:
        told = [entry.event for entry in casefile.ledger.read(house.office.store, connection, case_id)]
    assert [event.mail_id for event in told if isinstance(event, e.MailHeld)] == [held.id], "not silently"
    assert delivery.deliver(house.office, house.now + timedelta(days=2), relay).relayed == 0, "until a person acts"
    assert verification.verify(house.office).ok


def test_the_next_day_begins_at_nothing(tmp_path: Any) -> None:
    house = desk.build(tmp_path / "instance", DISCLOSURE_MAIL_PER_ADDRESS_PER_DAY="3")
    case_id = looping(house, 2)
    delivery.deliver(house.office, house.now, Relay())
    house.now += timedelta(days=1)
    case = house.case(case_id)
    queued = queueing.queued(house.office, case, MailType.THANKS, case.chosen[0], house.now)
    casefile.change(house.office, case_id, house.now, lambda _: [(e.MACHINE, queued)])
    assert delivery.deliver(house.office, house.now, Relay()).relayed == 1


def test_a_mail_that_is_tried_again_does_not_count_itself(tmp_path: Any) -> None:
    house = desk.build(tmp_path / "instance", DISCLOSURE_MAIL_PER_ADDRESS_PER_DAY="1")
    waiting(house, 1)
    later = Relay(Outcome(Kind.REFUSED_TEMPORARY, "450 4.2.0", "450"))
    now = house.now
    for _ in range(3):
        delivery.deliver(house.office, now, later)
        now = rows(house)[0].next_try_at
    assert len(later.asked) == 3


def test_rows_that_were_counted_before_the_columns_came_are_no_fault(house: House) -> None:
    waiting(house, 1)
    house.deliver()
    with house.office.store.writing() as tx:
        tx.execute(update(outbox).values(address_token=None, domain_token=None, started_at=None))
    assert verification.verify(house.office).ok
