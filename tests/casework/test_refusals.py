"""What follows a refusal: next contact, another shape, slowly, or a person; never clear text (R19, R20, R31)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from sqlalchemy import Row, select

from disclosure.casework import answering, coordination, deadletters, delivery, verification
from disclosure.discovery.evidence import Purpose
from disclosure.mail.relay import PATIENCE, SLOW_STEPS, Kind, Outcome
from disclosure.protocol.codes import MailType
from disclosure.protocol.values import Address, Severity
from disclosure.store.tables import links, outbox
from tests.casework import desk
from tests.casework.desk import House
from tests.casework.test_contact_certificates import public, searched

REQUEST = MailType.CONTACT_REQUEST


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return desk.build(tmp_path_factory.mktemp("refusals"))


def refused(code: str, kind: Kind = Kind.REFUSED_PERMANENT) -> Outcome:
    return Outcome(kind, code, f"{code} says the relay")


def first(outcome: Outcome, then: Outcome | None = None) -> Callable[[bytes, str, Address, str], Outcome]:
    """The first mail meets this; what comes after is taken, or meets the other."""
    asked: list[str] = []

    def send(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        asked.append(envelope_id)
        if envelope_id == asked[0]:
            return outcome
        return then or Outcome(Kind.ACCEPTED, "250", "250 ok")

    return send


def rows(house: House, case_id: str) -> list[Row[Any]]:
    """In the order in which the case's events name them."""
    with house.office.store.reading() as connection:
        held = {row.id: row for row in connection.execute(select(outbox).where(outbox.c.case_id == case_id))}
    return [held[mail_id] for mail_id in house.case(case_id).mails]


@pytest.mark.parametrize(
    ("code", "disabled", "next_contact", "why"),
    [
        ("550 5.1.1", True, True, "dead: switched off, the next one now"),
        ("554 5.7.1", False, True, "signed only has no other shape: the address lives, the next one now"),
        ("550", False, True, "nobody knows: the next one now, and this one may be used again"),
        ("550 5.7.23", False, False, "SPF is ours: every contact would say the same, a person mends it"),
    ],
)
def test_of_a_mail_that_is_signed_only(house: House, code: str, disabled: bool, next_contact: bool, why: str) -> None:
    case_id = house.tied()
    one, two = house.case(case_id).chosen[:2]
    coordination.release_first_contact(house.hand(case_id), one)
    done = delivery.deliver(house.office, house.now, first(refused(code)))
    assert done.refused == 1
    case = house.case(case_id)
    assert bool(case.contacts[one].disabled) is disabled, why
    expected = [(one, "dead")] + [(two, "relayed")] * next_contact
    assert [(row.recipient, row.state) for row in rows(house, case_id)] == expected, why
    assert not any(row.signed_only for row in rows(house, case_id))
    assert verification.verify(house.office).ok


@pytest.mark.parametrize("code", ["554 5.7.1", "554 5.6.1", "552 5.3.4", "552 5.2.3"])
def test_what_was_encrypted_goes_once_as_signed_only(house: House, code: str) -> None:
    """R19 allows both shapes, for a contact request holds no detail."""
    case_id = searched(house, desk.certificates((Purpose.WEB_KEY_DIRECTORY, public())))
    contact = house.case(case_id).chosen[0]
    coordination.release_first_contact(house.hand(case_id), contact)
    got: list[bytes] = []

    def send(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        got.append(message)
        return refused(code) if len(got) == 1 else Outcome(Kind.ACCEPTED, "250", "250 ok")

    done = delivery.deliver(house.office, house.now, send)
    assert (done.refused, done.relayed) == (1, 1)
    kinds = [message_from_bytes(message).get_content_type() for message in got]
    assert kinds == ["multipart/encrypted", "multipart/signed"]
    assert [(row.recipient, row.state, row.signed_only) for row in rows(house, case_id)] == [
        (contact, "dead", False),
        (contact, "relayed", True),
    ]
    assert not house.case(case_id).contacts[contact].disabled
    assert verification.verify(house.office).ok


def test_and_no_third_time(house: House) -> None:
    case_id = searched(house, desk.certificates((Purpose.WEB_KEY_DIRECTORY, public())), desk.SECURITY, desk.OFFICE_MAIL)
    one, two = house.case(case_id).chosen[:2]
    coordination.release_first_contact(house.hand(case_id), one)
    delivery.deliver(house.office, house.now, lambda m, s, to, i: refused("554 5.7.1"))
    tried = [(row.recipient, row.signed_only) for row in rows(house, case_id)]
    assert tried[:3] == [(one, False), (one, True), (two, False)], "then the next contact, encrypted again"
    assert not any(tried.count(one_try) > 1 for one_try in tried)


def test_a_notice_has_no_other_shape(house: House) -> None:
    """R20: ciphertext with content never becomes clear text; a person decides."""
    case_id = house.requested()
    visit = house.shown(house.confirmed(case_id))
    answering.hand_in_certificate(visit, public(desk.OWN, "N"))
    house.shown(visit)
    before = len(house.case(case_id).mails)
    house.relay.taken.clear()
    hand = house.hand(case_id)
    coordination.draft_notice(hand, desk.NOTICE)
    person = house.case(case_id).persons[visit.person_id]
    coordination.release_notice(
        hand, coordination.ReleaseNotice(person.id, person.standing, person.fingerprint, True, True, ())
    )
    delivery.deliver(house.office, house.now, lambda m, s, to, i: refused("554 5.7.1"))
    new = list(house.case(case_id).mails.values())[before:]
    assert [mail.type for mail in new] == [MailType.NOTICE]
    assert rows(house, case_id)[-1].state == "dead"


@pytest.mark.parametrize("kind", [Kind.REFUSED_PERMANENT, Kind.REFUSED_TEMPORARY])
def test_a_full_mailbox_is_tried_slowly_and_the_next_contact_asked_now(house: House, kind: Kind) -> None:
    case_id = house.tied()
    one, two = house.case(case_id).chosen[:2]
    coordination.release_first_contact(house.hand(case_id), one)
    code = "552 5.2.2" if kind is Kind.REFUSED_PERMANENT else "452 4.2.2"
    full = refused(code, kind)

    def send(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        return full if str(recipient) == desk.SECURITY else Outcome(Kind.ACCEPTED, "250", "250 ok")

    started, steps = house.now, []
    while rows(house, case_id)[0].state in {"recipe", "prepared"}:
        delivery.deliver(house.office, house.now, send)
        row = rows(house, case_id)[0]
        assert row.full_since == started
        if row.state == "prepared":
            steps.append(row.next_try_at - house.now)
            house.now = row.next_try_at
    assert all(a <= b <= a * 1.25 for a, b in zip(SLOW_STEPS, steps, strict=False)), "hours, with a little chance"
    assert min(steps[len(SLOW_STEPS) :]) >= SLOW_STEPS[-1]
    assert PATIENCE - timedelta(hours=16) < house.now - started <= PATIENCE, "and an end"
    assert [(r.recipient, r.state) for r in rows(house, case_id)] == [(one, "dead"), (two, "relayed")]
    assert rows(house, case_id)[0].last_code == "mailbox_full"
    assert not house.case(case_id).contacts[one].disabled, "it lives"
    assert house.case(case_id).unreachable_at is None
    assert verification.verify(house.office).ok


def test_whoever_puts_us_off_for_a_day_does_not_keep_the_next_contact_waiting(house: House) -> None:
    """A critical alert's reminder interval: until then greylisting and the like have passed (facts: mail 3.1)."""
    case_id = house.tied(severity=Severity.CRITICAL)
    one, two = house.case(case_id).chosen[:2]
    coordination.release_first_contact(house.hand(case_id), one)
    put_off = refused("451 4.3.0", Kind.REFUSED_TEMPORARY)

    def send(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        return put_off if str(recipient) == desk.SECURITY else Outcome(Kind.ACCEPTED, "250", "250 ok")

    started = house.now
    while rows(house, case_id)[0].state in {"recipe", "prepared"}:
        delivery.deliver(house.office, house.now, send)
        asked = [row.recipient for row in rows(house, case_id)]
        late = house.now - started >= timedelta(hours=24)
        assert asked == [one, two] if late else [one], "both, once it is a day"
        house.now = max(house.now, rows(house, case_id)[0].next_try_at)
    assert [(r.recipient, r.state) for r in rows(house, case_id)] == [(one, "dead"), (two, "relayed")]
    case = house.case(case_id)
    assert case.contact_started_at
    assert timedelta(hours=24) <= case.contact_started_at - started <= timedelta(hours=27), "and their clock runs"
    assert not case.contacts[one].disabled
    assert case.unreachable_at is None
    assert verification.verify(house.office).ok


def test_our_own_relay_that_is_down_asks_nobody_else(house: House) -> None:
    case_id = house.tied(severity=Severity.CRITICAL)
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    started = house.now
    while house.now - started < timedelta(days=3):
        delivery.deliver(house.office, house.now, lambda m, s, to, i: Outcome(Kind.NOT_SENT, "", "no route"))
        house.now += timedelta(hours=3)
    assert len(rows(house, case_id)) == 1
    assert house.case(case_id).contact_started_at is None


def test_a_mailbox_that_is_emptied_gets_its_mail(house: House) -> None:
    case_id = house.tied()
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    delivery.deliver(house.office, house.now, lambda m, s, to, i: refused("552 5.2.2"), most=1)
    again = rows(house, case_id)[0].next_try_at
    delivery.deliver(house.office, again, house.relay)
    assert rows(house, case_id)[0].state == "relayed"
    with house.office.store.reading() as connection:
        assert connection.scalar(select(links.c.revoked_at).where(links.c.case_id == case_id)) is None


def test_a_case_that_is_unreachable_already_does_not_stop_the_outbox(house: House) -> None:
    """Its last mail, sent again by a person, is refused again; that nobody is left is no news."""
    case_id = house.tied()
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    delivery.deliver(house.office, house.now, lambda m, s, to, i: refused("550"))
    assert house.case(case_id).unreachable_at == house.now
    deadletters.resend(house.office, rows(house, case_id)[0].id, desk.ADA, house.later())
    done = delivery.deliver(house.office, house.now, lambda m, s, to, i: refused("550"))
    assert done.refused == 1
    assert rows(house, case_id)[0].state == "dead"
    assert verification.verify(house.office).ok
