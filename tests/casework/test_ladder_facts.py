"""What comes back feeds the ladder as a fact: dead addresses move it now, and unknown moves nothing (R15, R31)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from disclosure.casework import (
    casefile,
    clockwork,
    coordination,
    delivery,
    filing,
    incoming,
    receiving,
    searching,
    verification,
)
from disclosure.casework.receiving import Kept
from disclosure.discovery.evidence import Outcome
from disclosure.mail import relay
from disclosure.mail.inbound import FailedRecipient, MailClass
from disclosure.mail.relay import Kind
from disclosure.protocol import events as e
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import MailType, Rung, TaskKind
from disclosure.protocol.errors import Refused
from disclosure.protocol.state import MailState
from disclosure.protocol.values import Address, Domain, Severity
from disclosure.store import ledger
from disclosure.store.tables import deadlines
from tests.casework import desk
from tests.casework.desk import DOMAIN, HOUR, MINUTE, OFFICE_MAIL, SECURITY, House
from tests.office import forget

UNREACHABLE = {TaskKind.PHONE_CALL, TaskKind.LETTER, TaskKind.UNREACHABLE_REFERRAL}
REPORT_OF_THE_BOUNCE = b"Subject: Undelivered\r\n\r\nThe mailbox is gone."


@pytest.fixture
def quiet(database: str, tmp_path) -> Iterator[House]:  # type: ignore[no-untyped-def]
    held = desk.build(tmp_path / "instance")
    yield held
    forget(held.office)


def saying(kind: Kind, code: str) -> delivery.Send:
    def send(message: bytes, sender: str, recipient: Address, envelope_id: str) -> relay.Outcome:
        return relay.Outcome(kind, code, code, "relay.example", "TLSv1.3")

    return send


def facts(house: House, case_id: str, kind: type[e.Event]) -> list[Any]:
    with house.office.store.reading() as connection:
        entries = ledger.read(house.office.store, connection, case_id, parts=ledger.EVERY_PART)
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def requests(house: House, case_id: str) -> list[tuple[str, MailState]]:
    """The contact requests, in order: to which address, and where each stands."""
    mails = house.case(case_id).mails.values()
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, case_id)
        held = casefile.addresses(house.office, connection, file)
    return [(held[mail.to], mail.state) for mail in mails if mail.type is MailType.CONTACT_REQUEST]


def open_tasks(house: House, case_id: str) -> set[TaskKind]:
    return {task.kind for task in house.case(case_id).tasks.values() if task.open}


def pending(house: House, case_id: str) -> list[str]:
    query = select(deadlines.c.rung).where(deadlines.c.case_id == case_id, deadlines.c.state == "pending")
    with house.office.store.reading() as connection:
        return list(connection.scalars(query))


# --- each way in which a mail can fail to reach its contact ---


def bounces(house: House, address: str = SECURITY, status: str = "5.1.1") -> str:
    """A report of the recipient's server about the newest mail to ``address``; the row's id."""
    pairs = zip(house.relay.taken, house.relay.senders, strict=True)
    sender = [sender for (to, _), sender in pairs if to == address][-1]
    house.later()
    body = REPORT_OF_THE_BOUNCE + f"\r\n{house.now}".encode()
    inbox_id = receiving.receive(house.office, Kept(body, sender), house.now, source="pipe")
    gone = FailedRecipient(address, "failed", status, "no such user")
    said = desk.heard(MailClass.BOUNCE_PERMANENT, recipients=(gone,))
    filing.file_waiting(house.office, house.now, lambda *_, **__: said)
    return inbox_id


def bounced(house: House) -> str:
    case_id = house.requested()
    bounces(house)
    return case_id


def released(house: House) -> str:
    case_id = house.tied()
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    return case_id


def only(house: House, address: str, kind: Kind, code: str) -> delivery.Send:
    """A relay that says so of this address, and takes what goes elsewhere."""
    dead = saying(kind, code)

    def send(message: bytes, sender: str, recipient: Address, envelope_id: str) -> relay.Outcome:
        to = dead if str(recipient) == address else house.relay
        return to(message, sender, recipient, envelope_id)

    return send


GONE = (Kind.REFUSED_PERMANENT, "550 5.1.1")
LATER = (Kind.REFUSED_TEMPORARY, "451 4.3.0")


def refused(house: House) -> str:
    """An ordinary 5xx of the recipient."""
    case_id = released(house)
    delivery.deliver(house.office, house.now, only(house, SECURITY, *GONE))
    return case_id


def given_up(house: House) -> str:
    """Put off again and again by the recipient's server, until our patience ends."""
    case_id = released(house)
    (first,) = house.case(case_id).mails
    for _ in range(200):
        delivery.deliver(house.office, house.now, only(house, SECURITY, *LATER))
        if house.case(case_id).mails[first].state is MailState.DEAD:
            return case_id
        house.later(HOUR)
    raise AssertionError("our patience has no end")


WAYS: list[tuple[Callable[[House], str], type[e.Event], str, str]] = [
    (bounced, e.MailBounced, "bounced", "a bounce"),
    (refused, e.MailRefused, "refused", "an ordinary 5xx"),
    (given_up, e.MailGivenUp, "", "a mail given up: the address may live, and nobody waits for it"),
]


@pytest.mark.parametrize(("way", "fact", "off", "why"), WAYS, ids=[row[3] for row in WAYS])
def test_the_next_contact_is_written_to_at_once(
    quiet: House, way: Callable[[House], str], fact: type[e.Event], off: str, why: str
) -> None:
    case_id = way(quiet)
    case = quiet.case(case_id)
    assert [address for address, _ in requests(quiet, case_id)] == [SECURITY, OFFICE_MAIL], why
    assert requests(quiet, case_id)[0][1] is MailState.DEAD
    assert facts(quiet, case_id, fact), "and it is a fact of the ledger"
    assert case.contacts[case.chosen[0]].disabled == off
    assert case.state(Axis.CONTACT) == "requested"
    assert not open_tasks(quiet, case_id), "somebody is still written to"
    quiet.deliver()
    assert quiet.relay.taken[-1][0] == OFFICE_MAIL, "in the same minute, without a tick"
    assert verification.verify(quiet.office, case_id).ok


def test_the_report_of_a_bounce_lies_with_the_case(quiet: House) -> None:
    case_id = quiet.requested()
    inbox_id = bounces(quiet)
    (fact,) = facts(quiet, case_id, e.MailBounced)
    assert (fact.inbox_id, fact.code, fact.diagnostic) == (inbox_id, "5.1.1", "no such user")
    assert incoming.content(quiet.office, inbox_id).startswith(REPORT_OF_THE_BOUNCE), "byte by byte, under its key"
    assert verification.verify(quiet.office, case_id).ok, "and its hash is in the chain"


def all_bounced(house: House) -> str:
    case_id = bounced(house)
    house.deliver()
    house.later(2 * HOUR)  # a second bounce within the hour would wait for a person
    bounces(house, OFFICE_MAIL)
    return case_id


def all_refused(house: House) -> str:
    case_id = released(house)
    delivery.deliver(house.office, house.now, desk.Refusing())
    return case_id


def all_given_up(house: House) -> str:
    case_id = released(house)
    for _ in range(300):
        delivery.deliver(house.office, house.later(HOUR), saying(*LATER))
    return case_id


@pytest.mark.parametrize("way", [all_bounced, all_refused, all_given_up])
def test_all_dead_opens_the_tasks_of_the_unreachable_at_once(quiet: House, way: Callable[[House], str]) -> None:
    case_id = way(quiet)
    assert requests(quiet, case_id) == [(SECURITY, MailState.DEAD), (OFFICE_MAIL, MailState.DEAD)]
    assert quiet.case(case_id).state(Axis.CONTACT) == "unreachable"
    clockwork.tick(quiet.office, quiet.now)
    assert open_tasks(quiet, case_id) == UNREACHABLE, "in the very next tick, whatever the severity"
    assert verification.verify(quiet.office, case_id).ok


def test_a_closed_case_writes_to_nobody_else(quiet: House) -> None:
    case_id = quiet.requested()
    coordination.close(quiet.hand(case_id), "done", "done")
    bounces(quiet)
    assert [address for address, _ in requests(quiet, case_id)] == [SECURITY]
    assert quiet.case(case_id).contacts[quiet.case(case_id).chosen[0]].disabled == "bounced", "the fact stays a fact"


def test_the_clock_stands_still_while_nothing_usable_is_out(quiet: House) -> None:
    """R31: days in which nobody could read us are nobody's silence."""
    case_id = quiet.requested(severity=Severity.HIGH)
    bounces(quiet)
    quiet.deliver()
    quiet.later(2 * HOUR)
    bounces(quiet, OFFICE_MAIL)
    for _ in range(30):
        clockwork.tick(quiet.office, quiet.later(timedelta(days=1)))
    case = quiet.case(case_id)
    assert set(case.rungs) == {Rung.UNREACHABLE}
    assert not case.referred


@pytest.mark.parametrize(("status", "why"), [("5.2.2", "a full mailbox"), ("5.7.1", "a filter")])
def test_what_is_not_about_the_address_moves_on_and_leaves_the_contact(quiet: House, status: str, why: str) -> None:
    case_id = quiet.requested()
    bounces(quiet, status=status)
    case = quiet.case(case_id)
    assert not case.contacts[case.chosen[0]].disabled, why
    assert [address for address, _ in requests(quiet, case_id)] == [SECURITY, OFFICE_MAIL]


# --- our own faults and what we do not know are nobody's silence ---


def test_a_relay_of_ours_that_fails_calls_nobody_unreachable(quiet: House) -> None:
    case_id = released(quiet)
    for _ in range(200):
        delivery.deliver(quiet.office, quiet.later(HOUR), saying(Kind.NOT_SENT, "connect"))
        clockwork.tick(quiet.office, quiet.now)
    assert quiet.case(case_id).state(Axis.CONTACT) == "requested"
    assert [address for address, _ in requests(quiet, case_id)] == [SECURITY]
    assert not open_tasks(quiet, case_id)
    assert not pending(quiet, case_id), "and no clock of theirs has started"


def find(status: Outcome, *addresses: str) -> searching.Find:
    return lambda *_: desk.findings(*addresses, status=status)


def looked(house: House, case_id: str, status: Outcome, *addresses: str) -> None:
    """A search for contacts of the tied domain that came to this, so far."""
    searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
    searching.search(house.office, house.later(), find(status, *addresses))


def test_unknown_starts_no_clock_and_no_unreachable(quiet: House) -> None:
    case_id = quiet.opened()
    coordination.tie_domain(quiet.hand(case_id), Domain.parse(DOMAIN), "imprint")
    looked(quiet, case_id, Outcome.UNKNOWN)
    with pytest.raises(Refused, match="search_not_over"):
        coordination.declare_unreachable(quiet.hand(case_id))
    for _ in range(5):
        clockwork.tick(quiet.office, quiet.later(timedelta(days=2)))
    case = quiet.case(case_id)
    assert case.contact_started_at is None
    assert (case.state(Axis.CONTACT), case.rungs, case.tasks) == ("searching", {}, {})
    assert not pending(quiet, case_id)


def all_back(house: House, case_id: str) -> None:
    bounces(house)
    house.deliver()
    house.later(2 * HOUR)
    bounces(house, OFFICE_MAIL)


def test_all_dead_while_a_look_up_is_unknown_is_not_unreachable_yet(quiet: House) -> None:
    """R15: unknown means retry. What it finds may still be written to; what it does not find says so then."""
    case_id = quiet.requested()
    looked(quiet, case_id, Outcome.UNKNOWN)
    all_back(quiet, case_id)
    clockwork.tick(quiet.office, quiet.later())
    case = quiet.case(case_id)
    assert (case.state(Axis.CONTACT), case.tasks) == ("requested", {})
    assert ours(quiet, case_id), "and a coordinator sees that it is our move"
    searching.search(quiet.office, quiet.later(HOUR), find(Outcome.NONE))
    assert quiet.case(case_id).state(Axis.CONTACT) == "unreachable", "now it is known"
    clockwork.tick(quiet.office, quiet.now)
    assert open_tasks(quiet, case_id) == UNREACHABLE
    assert verification.verify(quiet.office, case_id).ok


def test_what_the_repeated_look_up_finds_is_a_coordinators_to_write_to(quiet: House) -> None:
    case_id = quiet.requested()
    looked(quiet, case_id, Outcome.UNKNOWN)
    all_back(quiet, case_id)
    searching.search(quiet.office, quiet.later(HOUR), find(Outcome.FOUND, "cert@org.example"))
    case = quiet.case(case_id)
    assert case.state(Axis.CONTACT) == "requested"
    assert ours(quiet, case_id)
    found = next(c.id for c in case.contacts.values() if c.by_search)
    coordination.release_first_contact(quiet.hand(case_id), found)
    assert requests(quiet, case_id)[-1] == ("cert@org.example", MailState.QUEUED)
    assert not ours(quiet, case_id)


def test_unknown_to_the_end_is_a_coordinators_to_decide(quiet: House) -> None:
    """The retries end one day; that is still no knowledge, so the machine says nothing."""
    case_id = quiet.requested()
    looked(quiet, case_id, Outcome.UNKNOWN)
    all_back(quiet, case_id)
    for _ in range(40):
        searching.search(quiet.office, quiet.later(6 * HOUR), find(Outcome.UNKNOWN))
        clockwork.tick(quiet.office, quiet.now)
    case = quiet.case(case_id)
    assert (case.state(Axis.CONTACT), case.tasks) == ("requested", {})
    assert ours(quiet, case_id)
    coordination.declare_unreachable(quiet.hand(case_id))
    clockwork.tick(quiet.office, quiet.later(MINUTE))
    assert open_tasks(quiet, case_id) == UNREACHABLE


@pytest.mark.parametrize("before", [Outcome.NONE, Outcome.FOUND])
def test_a_search_that_is_over_holds_nothing_up(quiet: House, before: Outcome) -> None:
    case_id = quiet.requested()
    looked(quiet, case_id, before)
    all_back(quiet, case_id)
    assert quiet.case(case_id).state(Axis.CONTACT) == "unreachable"


def test_a_search_that_ends_while_a_mail_is_out_says_nothing(quiet: House) -> None:
    case_id = quiet.requested()
    looked(quiet, case_id, Outcome.UNKNOWN)
    searching.search(quiet.office, quiet.later(HOUR), find(Outcome.NONE))
    assert quiet.case(case_id).state(Axis.CONTACT) == "requested"


def ours(house: House, case_id: str) -> bool:
    with house.office.store.reading() as connection:
        return casefile.load(house.office, connection, case_id).row["whose_move"] == "coordinator"
