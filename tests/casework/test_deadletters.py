"""A mail that stands still: sent again or cancelled by a person, judged again, and nothing lost (R18-R23, R31)."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from sqlalchemy import Row, select

from disclosure.casework import (
    answering,
    casefile,
    coordination,
    deadletters,
    delivery,
    outgoing,
    projecting,
    verification,
    writing,
)
from disclosure.casework.recipients import Unsendable
from disclosure.mail.relay import STEPS, Kind, Outcome
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import NotFound, Refused
from disclosure.protocol.state import MailState
from disclosure.protocol.values import Language
from disclosure.store import ledger
from disclosure.store.tables import links, outbox, second_codes
from tests.casework import desk
from tests.casework.desk import ADA, OWN, House
from tests.casework.test_contact_certificates import public

FILTER = Outcome(Kind.REFUSED_PERMANENT, "554 5.7.1", "554 5.7.1 says a filter")
DOUBT = Outcome(Kind.AMBIGUOUS, "relay_dropped_the_line", "the other side hung up")
SPF = Outcome(Kind.REFUSED_PERMANENT, "550 5.7.23", "550 5.7.23 SPF")


@pytest.fixture
def house(tmp_path: Any) -> House:
    return desk.build(tmp_path / "instance")


def say(outcome: Outcome) -> delivery.Send:
    return lambda message, sender, recipient, envelope_id: outcome


def row(house: House, mail_id: str) -> Row[Any]:
    with house.office.store.reading() as connection:
        return connection.execute(select(outbox).where(outbox.c.id == mail_id)).one()


def standing(house: House, outcome: Outcome, times: int = 1) -> tuple[str, str]:
    """A contact request that came to a stand by this outcome: (case, mail)."""
    case_id = house.tied()
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    mail_id = next(iter(house.case(case_id).mails))
    for _ in range(times):
        delivery.deliver(house.office, house.now, say(outcome), most=1)
        house.now += 2 * STEPS[0]
    return case_id, mail_id


def told(house: House, case_id: str, *kinds: type[e.Event]) -> list[Any]:
    with house.office.store.reading() as connection:
        entries = ledger.read(house.office.store, connection, case_id)
    return [entry.event for entry in entries if isinstance(entry.event, kinds)]


def test_what_never_arrived_is_written_anew(house: House) -> None:
    """Its date by which we hope to hear has moved, its link and code are its own, the old ones open nothing."""
    case_id, mail_id = standing(house, SPF)
    before = row(house, mail_id)
    deadletters.resend(house.office, mail_id, ADA, house.now)
    assert (row(house, mail_id).state, row(house, mail_id).sealed) == ("recipe", None)
    assert house.case(case_id).mails[mail_id].state is MailState.QUEUED
    house.deliver()
    after = row(house, mail_id)
    assert (after.state, after.attempts) == ("relayed", 1)
    assert after.message_id != before.message_id
    assert after.reply_token != before.reply_token
    with house.office.store.reading() as connection:
        held = connection.execute(select(links).where(links.c.mail_id == mail_id)).all()
    assert sorted(link.revoked_at is not None for link in held) == [False, True]
    (resent,) = told(house, case_id, e.MailResent)
    assert resent.anew
    assert verification.verify(house.office).ok


def test_what_may_have_arrived_keeps_its_bytes(house: House) -> None:
    """R23: whoever has it already sees it once."""
    case_id, mail_id = standing(house, DOUBT, times=3)
    before = row(house, mail_id)
    assert before.state == "held"
    deadletters.resend(house.office, mail_id, ADA, house.now)
    house.deliver()
    after = row(house, mail_id)
    assert (after.state, after.message_id, after.sha256) == ("relayed", before.message_id, before.sha256)
    (message,) = house.relay.to(desk.SECURITY)
    assert message_from_bytes(message)["Message-ID"] == before.message_id
    assert not told(house, case_id, e.MailResent)[0].anew
    assert verification.verify(house.office).ok


def test_what_died_before_it_was_composed_can_be_sent_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = house.tied()
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    mail_id = next(iter(house.case(case_id).mails))

    def broken(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(writing, "prepare", broken)
        while row(house, mail_id).state == "recipe":
            delivery.deliver(house.office, house.now, house.relay)
            house.now += timedelta(hours=12)
    assert (row(house, mail_id).state, row(house, mail_id).sealed) == ("dead", None)
    shown = outgoing.one(house.office, mail_id, Language.EN)
    assert (shown.stands, shown.anew, shown.size) == (True, True, 0)
    deadletters.resend(house.office, mail_id, ADA, house.now)
    house.deliver()
    assert row(house, mail_id).state == "relayed"
    assert house.case(case_id).contact_started_at == house.now
    assert verification.verify(house.office).ok


def test_its_patience_begins_again(house: House) -> None:
    """Else the first bad hour after a person's act would be its last."""
    case_id, mail_id = standing(house, SPF)
    house.now += timedelta(days=10)
    deadletters.resend(house.office, mail_id, ADA, house.now)
    delivery.deliver(house.office, house.now, say(Outcome(Kind.REFUSED_TEMPORARY, "450 4.2.0", "450 later")))
    assert row(house, mail_id).state == "prepared"


def test_a_person_may_pass_the_guard_against_loops(tmp_path: Any) -> None:
    house = desk.build(tmp_path / "strict", DISCLOSURE_MAIL_PER_ADDRESS_PER_DAY="1")
    case_id = house.requested()
    case = house.case(case_id)
    queued = casefile.e.MailQueued(
        mail_id="m" * 32, mail_type=MailType.THANKS, to=case.chosen[0], language=Language.EN, not_before=house.now
    )
    casefile.change(house.office, case_id, house.now, lambda _: [(e.MACHINE, queued)])
    house.deliver()
    assert row(house, "m" * 32).last_code == "too_many_to_one"
    deadletters.resend(house.office, "m" * 32, ADA, house.now)
    house.deliver()
    assert row(house, "m" * 32).state == "relayed"
    assert verification.verify(house.office).ok


def test_a_second_code_is_a_new_one(house: House) -> None:
    """The old one was good for a day and never arrived."""
    visit = house.confirmed(house.requested())
    answering.name_address(visit, OWN)
    delivery.deliver(house.office, house.now, say(SPF))
    mail_id = next(m.id for m in house.case(visit.case_id).mails.values() if m.type is MailType.SECOND_CODE)
    with house.office.store.reading() as connection:
        old = connection.scalar(select(second_codes.c.code_hash).where(second_codes.c.mail_id == mail_id))
    house.now += timedelta(days=3)
    deadletters.resend(house.office, mail_id, ADA, house.now)
    house.deliver()
    with house.office.store.reading() as connection:
        new = connection.execute(select(second_codes).where(second_codes.c.mail_id == mail_id)).one()
    assert new.code_hash != old
    assert new.expires_at > house.now
    number = house.case(visit.case_id).number
    answering.give_second_code(desk.replace(visit, now=house.now), house.relay.newest(OWN, number).code)
    assert verification.verify(house.office).ok


def test_a_certificate_that_is_good_no_more_stops_it_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """R18, R20: judged again when used; never clear text instead."""
    visit = house.requested()
    shown = house.shown(house.confirmed(visit))
    answering.hand_in_certificate(shown, public(OWN, "N"))
    house.shown(shown)
    hand = house.hand(visit)
    coordination.draft_notice(hand, desk.NOTICE)
    person = house.case(visit).persons[shown.person_id]
    coordination.release_notice(
        hand, coordination.ReleaseNotice(person.id, person.standing, person.fingerprint, True, True, ())
    )
    mail_id = list(house.case(visit).mails)[-1]
    delivery.deliver(house.office, house.now, say(FILTER))

    def refuses(*_: object) -> None:
        raise Unsendable("certificate_revoked")

    monkeypatch.setattr(writing, "judged", refuses)
    deadletters.resend(house.office, mail_id, ADA, house.now)
    sent = len(house.relay.taken)
    house.deliver()
    assert len(house.relay.taken) == sent
    assert (row(house, mail_id).state, row(house, mail_id).last_code) == ("dead", "certificate_revoked")


def test_cancelled_it_does_not_go_again(house: House) -> None:
    case_id, mail_id = standing(house, SPF)
    deadletters.cancel(house.office, mail_id, ADA, house.now)
    assert row(house, mail_id).state == "cancelled"
    house.now += timedelta(days=2)
    house.deliver()
    assert house.relay.taken == []
    assert [event.mail_id for event in told(house, case_id, e.MailCancelled)] == [mail_id]
    for act in (deadletters.resend, deadletters.cancel):
        with pytest.raises(Refused):
            act(house.office, mail_id, ADA, house.now)
    assert verification.verify(house.office).ok


def test_the_ladder_goes_on_where_it_waited_for_it(tmp_path: Any) -> None:
    """Held before it left, it was still to come; cancelled, the next contact is written to now."""
    house = desk.build(tmp_path / "strict", DISCLOSURE_MAIL_PER_ADDRESS_PER_DAY="1")
    case_id = house.tied()
    one, two = house.case(case_id).chosen[:2]
    facts = [
        (e.MACHINE, e.MailQueued(mail_id=letter * 32, mail_type=kind, to=one, language=Language.EN, not_before=at))
        for letter, kind, at in (("a", MailType.THANKS, house.now), ("b", MailType.CONTACT_REQUEST, house.later()))
    ]
    casefile.change(house.office, case_id, house.now, lambda _: facts)
    house.deliver()
    assert (row(house, "b" * 32).state, row(house, "b" * 32).last_code) == ("held", "too_many_to_one")
    deadletters.cancel(house.office, "b" * 32, ADA, house.now)
    queued = [m for m in house.case(case_id).mails.values() if m.type is MailType.CONTACT_REQUEST]
    assert [(m.to, m.state) for m in queued] == [(one, MailState.DEAD), (two, MailState.QUEUED)]
    assert verification.verify(house.office).ok


def test_what_may_have_arrived_may_have_arrived_whoever_gives_it_up(house: House) -> None:
    case_id, mail_id = standing(house, DOUBT, times=3)
    started = house.case(case_id).contact_started_at
    deadletters.cancel(house.office, mail_id, ADA, house.now)
    assert house.case(case_id).mails[mail_id].state is MailState.AMBIGUOUS
    assert house.case(case_id).contact_started_at == started is not None
    assert len(house.case(case_id).mails) == 1, "no other contact because of it"


@pytest.mark.parametrize("act", [deadletters.resend, deadletters.cancel])
def test_only_what_stands_still(house: House, act: Any) -> None:
    case_id = house.requested()
    with pytest.raises(Refused):
        act(house.office, next(iter(house.case(case_id).mails)), ADA, house.now)
    with pytest.raises(NotFound):
        act(house.office, "f" * 32, ADA, house.now)


def test_two_coordinators_act_once(house: House) -> None:
    _, mail_id = standing(house, SPF)
    held = row(house, mail_id)
    deadletters.cancel(house.office, mail_id, ADA, house.now)
    with house.office.store.writing() as tx, pytest.raises(Refused):
        deadletters._move(tx, held, state="prepared")


def test_a_call_of_ours_that_belongs_to_no_case(house: House) -> None:
    with house.office.store.writing() as tx:
        projecting.call_coordinators(tx, "p", house.now)
    delivery.deliver(house.office, house.now, say(SPF))
    with house.office.store.reading() as connection:
        mail_id = connection.scalar(select(outbox.c.id).where(outbox.c.state == "dead").limit(1))
    assert mail_id is not None
    assert outgoing.one(house.office, mail_id, Language.EN).to in {"Ada", "Bo"}
    deadletters.resend(house.office, mail_id, ADA, house.now)
    house.deliver()
    assert row(house, mail_id).state == "relayed"
