"""Mail that comes in: sealed first, then read, then a fact of its case. None of it acknowledges anything (R27, R31)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from disclosure.casework import casefile, coordination, delivery, filing, incoming, receiving, verification
from disclosure.casework.filing import Filed
from disclosure.casework.receiving import Kept
from disclosure.mail.inbound import FailedRecipient, MailClass, Received
from disclosure.protocol import events as e
from disclosure.protocol.axes import Axis
from disclosure.protocol.errors import CannotStore, InvalidInput, Refused
from disclosure.protocol.state import Mail, MailState
from disclosure.protocol.values import Language
from disclosure.store import ledger
from tests.casework import desk
from tests.casework.desk import ADA, OFFICE_MAIL, SECURITY, House, heard
from tests.office import everything, one

DAY = timedelta(days=1)
GONE = FailedRecipient(SECURITY, "failed", "5.1.1", "no such user")


BOUNCE = heard(MailClass.BOUNCE_PERMANENT, recipients=(GONE,))
PERSON = heard(MailClass.HUMAN_REPLY, text="We look into it.", sender_address="n.name@org.example")


def reading(said: Received) -> filing.Read:
    return lambda *_, **__: said


@pytest.fixture(autouse=True)
def nothing_waits(house: House) -> None:
    """What another test left unread is none of this one's."""
    filing.file_waiting(house.office, house.later(filing.LEASE), reading(heard(MailClass.UNRELATED)))


def first_mail(house: House, case_id: str) -> Mail:
    return next(iter(house.case(case_id).mails.values()))


def back(house: House, address: str = SECURITY) -> str:
    """The envelope sender of the newest mail to this address."""
    pairs = zip(house.relay.taken, house.relay.senders, strict=True)
    return [sender for (to, _), sender in pairs if to == address][-1]


def reply_to(house: House, address: str = SECURITY) -> str:
    message = house.relay.to(address)[-1]
    line = next(line for line in message.split(b"\r\n") if line.lower().startswith(b"reply-to:"))
    return line.split(b":", 1)[1].strip().decode()


def message_id(house: House, address: str = SECURITY) -> str:
    message = house.relay.to(address)[-1]
    line = next(line for line in message.split(b"\r\n") if line.lower().startswith(b"message-id:"))
    return line.split(b":", 1)[1].strip().decode()


def comes(house: House, said: Received, recipient: str = "", body: bytes = b"") -> str:
    """Stored and read; the row's id."""
    house.later()
    kept = Kept(body or f"Subject: {house.now}\r\n\r\nx".encode(), recipient)
    inbox_id = receiving.receive(house.office, kept, house.now, source="pipe")
    filing.file_waiting(house.office, house.now, reading(said))
    return inbox_id


def facts(house: House, case_id: str, kind: type[e.Event]) -> list[Any]:
    with house.office.store.reading() as connection:
        entries = ledger.read(house.office.store, connection, case_id, parts=ledger.EVERY_PART)
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def state(house: House, inbox_id: str) -> tuple[str, str | None]:
    return one(house.office, "SELECT state, why FROM inbox WHERE id = ?", inbox_id)


# --- stored first ---


def test_it_is_sealed_before_anything_reads_it(house: House) -> None:
    canary = b"canary-of-the-mail"
    inbox_id = receiving.receive(house.office, Kept(canary, "x@y.example"), house.now, source="pipe")
    assert inbox_id.encode() in everything(house.office)
    assert canary not in everything(house.office)
    with house.office.store.reading() as connection:
        assert receiving.read(house.office, connection, inbox_id) == Kept(canary, "x@y.example")
    incoming.set_aside(house.office, comes(house, heard(MailClass.UNRELATED)))


def test_taken_twice_it_is_kept_once(house: House) -> None:
    """A mailbox or a relay that was interrupted offers it again."""
    one, two = (receiving.receive(house.office, Kept(b"twice"), house.now, source="imap") for _ in range(2))
    assert one == two
    assert receiving.receive(house.office, Kept(b"twice", "other@x.example"), house.now, source="imap") != one


def test_a_full_disk_takes_nothing_and_says_so(house: House) -> None:
    full = replace(house.office, settings=replace(house.office.settings, free_space_floor_bytes=10**15))
    with pytest.raises(CannotStore):
        receiving.receive(full, Kept(b"no room"), house.now, source="pipe")


def test_what_is_too_large_waits_for_a_person_as_far_as_it_goes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "MOST_BYTES", 10)
    inbox_id = receiving.receive(house.office, Kept(b"0123456789-and-more"), house.now, source="pipe")
    assert state(house, inbox_id) == ("quarantine", "too_large")
    assert incoming.content(house.office, inbox_id) == b"0123456789"


def test_what_breaks_the_reader_blocks_nothing(house: House) -> None:
    def read(message: bytes, **_: object) -> Received:
        if b"poison" in message:
            raise RecursionError
        return heard(MailClass.UNRELATED)

    broken = receiving.receive(house.office, Kept(b"poison"), house.now, source="pipe")
    after = receiving.receive(house.office, Kept(b"plain words"), house.now, source="pipe")
    filing.file_waiting(house.office, house.now, read)
    assert state(house, broken) == ("quarantine", "reader_broke")
    assert state(house, after)[0] == "set_aside"
    assert broken in {line.id for line in incoming.listing(house.office, Language.EN)}
    assert incoming.one(house.office, broken, Language.FR, reading(PERSON)).text == "", "not read to be shown"
    incoming.read_again(house.office, broken)
    filing.file_waiting(house.office, house.now, reading(heard(MailClass.UNRELATED)))
    assert state(house, broken)[0] == "set_aside"


def test_a_reader_that_takes_the_process_along_is_given_up(house: House) -> None:
    """Killed at each try: the claim was committed before, and the fourth try is none."""

    class Killed(BaseException):
        pass

    def dies(*_: object, **__: object) -> Received:
        raise Killed

    inbox_id = receiving.receive(house.office, Kept(b"kills"), house.now, source="pipe")
    for _ in range(filing.MOST_TRIES):
        with pytest.raises(Killed):
            filing.file_waiting(house.office, house.now, dies)
        house.later(filing.LEASE + desk.MINUTE)
    assert filing.file_waiting(house.office, house.now, dies) == Filed(quarantine=1)
    assert state(house, inbox_id) == ("quarantine", "reader_broke")


# --- a person answers ---

WAYS: list[tuple[str, Callable[[House], tuple[str, Received]], str]] = [
    ("token", lambda h: (reply_to(h), PERSON), "Reply-To, in the envelope"),
    ("token", lambda h: (reply_to(h).upper(), PERSON), "local parts get changed to other cases on the way"),
    ("token", lambda h: ("", replace(PERSON, tokens=(reply_to(h).partition("@")[0],))), "Reply-To, in the To field"),
    ("token", lambda h: (back(h), PERSON), "some programs answer to the envelope sender"),
    ("message_id", lambda h: ("", replace(PERSON, references=(message_id(h),))), "the plus part was taken off"),
]


@pytest.mark.parametrize(("by", "way", "why"), WAYS, ids=[row[2] for row in WAYS])
def test_a_persons_answer_is_in_the_thread_and_acknowledges_nothing(
    house: House, by: str, way: Callable[[House], tuple[str, Received]], why: str
) -> None:
    case_id = house.requested()
    recipient, said = way(house)
    before = house.case(case_id)
    comes(house, said, recipient)
    (mailed,) = facts(house, case_id, e.OrganisationMailed)
    assert (mailed.by, mailed.words, mailed.to) == (by, "We look into it.", before.chosen[0]), why
    after = house.case(case_id)
    assert after.axes == before.axes, "no axis moves"
    assert after.stills == before.stills
    assert after.persons == {}
    assert casefile.look(house.office, case_id).case.standing_at is None
    assert verification.verify(house.office, case_id).ok


def test_what_names_no_mail_of_ours_waits_for_a_person(house: House) -> None:
    case_id = house.requested()
    number = house.case(case_id).number
    lost = comes(house, replace(PERSON, sender_address=SECURITY), "alertes@coordination.example")
    assert state(house, lost) == ("triage", "unmatched")
    with pytest.raises(InvalidInput):
        incoming.put_into_case(house.office, lost, "0000000000", house.now, reading(PERSON))
    incoming.put_into_case(house.office, lost, number, house.now, reading(PERSON))
    (mailed,) = facts(house, case_id, e.OrganisationMailed)
    assert mailed.by == "by_hand"
    assert state(house, lost)[0] == "filed"
    with pytest.raises(Refused):
        incoming.put_into_case(house.office, lost, number, house.now, reading(PERSON))
    assert verification.verify(house.office).ok


def test_the_content_moves_under_the_key_of_its_case(house: House) -> None:
    case_id = house.requested()
    inbox_id = comes(house, PERSON, reply_to(house), b"Subject: x\r\n\r\nof the case")
    (sealed,) = one(house.office, "SELECT sealed FROM inbox WHERE id = ?", inbox_id)
    assert receiving.unseal(house.office, case_id, inbox_id, sealed).message.endswith(b"of the case")


def test_words_of_a_notice_in_a_clear_answer_are_flagged(house: House) -> None:
    text = replace(desk.NOTICE, technical="The table of customers stands open under the path slash export")
    visit = house.noticed()
    coordination.draft_notice(house.hand(visit.case_id), text)
    person = house.case(visit.case_id).persons[visit.person_id]
    command = coordination.ReleaseNotice(person.id, person.standing, person.fingerprint, True, True)
    coordination.release_notice(house.hand(visit.case_id), command)
    house.deliver()
    quoted = "Thanks.\n> The table of CUSTOMERS stands\n> open under the path slash export\n"
    comes(house, replace(PERSON, text=quoted), reply_to(house, desk.OWN))
    comes(house, replace(PERSON, text="Thanks, the table is closed."), reply_to(house, desk.OWN))
    flagged, plain = facts(house, visit.case_id, e.OrganisationMailed)
    assert (flagged.quotes_notice, flagged.words) == (True, "Thanks.")
    assert not plain.quotes_notice
    assert house.case(visit.case_id).acknowledged_at is None


FOUND = [
    ((), "none", "our relay said nothing"),
    (("mx.us.example; dmarc=pass (p=reject) header.from=org.example; spf=fail",), "pass", "DMARC decides"),
    (("mx.us.example; dmarc=fail header.from=org.example; dkim=pass",), "fail", "DMARC decides"),
    (("mx.us.example; dkim=pass header.d=other.example",), "none", "another domain may have signed"),
    (("mx.us.example; spf=fail",), "fail", "SPF speaks against it"),
    (("mx.us.example; dmarc=fail (dmarc=pass)",), "fail", "a comment says nothing"),
    (("mx.us.example; dmarc=pass", "mx.us.example; dmarc=fail"), "fail", "two that disagree"),
    (("mx.us.example; none",), "none", "nothing was checked"),
]


@pytest.mark.parametrize(("findings", "word", "why"), FOUND, ids=[row[2] for row in FOUND])
def test_what_our_own_relay_found(findings: tuple[str, ...], word: str, why: str) -> None:
    from disclosure.casework.replies import authenticated  # noqa: PLC0415

    assert authenticated(findings) == word, why


# --- machines answer ---


def test_a_bounce_ends_its_contact_and_goes_on_at_once(house: House) -> None:
    case_id = house.requested()
    inbox_id = comes(house, BOUNCE, back(house))
    case = house.case(case_id)
    assert first_mail(house, case_id).state is MailState.DEAD
    assert case.contacts[case.chosen[0]].disabled == "bounced"
    (bounced,) = facts(house, case_id, e.MailBounced)
    assert (bounced.code, bounced.diagnostic, bounced.inbox_id) == ("5.1.1", "no such user", inbox_id)
    house.deliver()
    assert house.relay.taken[-1][0] == OFFICE_MAIL, "the next contact, now"
    assert verification.verify(house.office, case_id).ok


WAITS: list[tuple[str, Callable[[House], tuple[str, Received]], str]] = [
    ("by_message_id", lambda h: ("", replace(BOUNCE, references=(message_id(h),))), "anybody knows a Message-ID"),
    ("by_message_id", lambda h: (reply_to(h), BOUNCE), "the address for answers is known to whoever got the mail"),
    (
        "another_recipient",
        lambda h: (back(h), replace(BOUNCE, recipients=(replace(GONE, address="b@org.example"),))),
        "one member of their list is gone",
    ),
    ("unsure", lambda h: (back(h), heard(MailClass.BOUNCE_UNPARSED)), "nobody knows whom it speaks of"),
    ("unsure", lambda h: (back(h), replace(BOUNCE, unsure=True)), "the reader is not sure"),
]


@pytest.mark.parametrize(("reason", "way", "why"), WAITS, ids=[row[2] for row in WAITS])
def test_a_bounce_that_may_be_forged_waits_for_a_person(
    house: House, reason: str, way: Callable[[House], tuple[str, Received]], why: str
) -> None:
    case_id = house.requested()
    recipient, said = way(house)
    inbox_id = comes(house, said, recipient)
    assert state(house, inbox_id) == ("triage", reason), why
    assert first_mail(house, case_id).state is MailState.RELAYED
    assert not house.case(case_id).contacts[house.case(case_id).chosen[0]].disabled
    incoming.count_bounce(house.office, inbox_id, ADA, house.now, reading(said))
    assert house.case(case_id).contacts[house.case(case_id).chosen[0]].disabled == "bounced"
    assert state(house, inbox_id)[0] == "filed"
    with pytest.raises(Refused):
        incoming.count_bounce(house.office, inbox_id, ADA, house.now, reading(said))
    assert verification.verify(house.office, case_id).ok


def test_a_bounce_by_our_number_counts_too(house: House) -> None:
    case_id = house.requested()
    comes(house, replace(BOUNCE, envelope_id=first_mail(house, case_id).id))
    assert first_mail(house, case_id).state is MailState.DEAD


def test_after_five_days_it_waits(house: House) -> None:
    case_id, sender = house.requested(), back(house)
    house.later(5 * DAY + desk.HOUR)
    assert state(house, comes(house, BOUNCE, sender)) == ("triage", "too_late")
    assert first_mail(house, case_id).state is MailState.RELAYED


def test_after_delivery_or_a_persons_answer_it_waits(house: House) -> None:
    delivered, sender = house.requested(), back(house)
    comes(house, heard(MailClass.DSN_DELIVERED), sender)
    assert first_mail(house, delivered).state is MailState.DELIVERED
    assert state(house, comes(house, BOUNCE, sender)) == ("triage", "delivered_before")
    answered, sender = house.requested(), back(house)
    comes(house, PERSON, reply_to(house))
    assert state(house, comes(house, BOUNCE, sender)) == ("triage", "answered_before")
    confirmed, sender = house.requested(), back(house)
    house.confirmed(confirmed)
    assert state(house, comes(house, BOUNCE, sender)) == ("triage", "answered_before")
    assert first_mail(house, answered).state is MailState.RELAYED


def test_a_second_within_an_hour_waits(house: House) -> None:
    case_id = house.requested()
    comes(house, BOUNCE, back(house))
    house.deliver()
    second = replace(BOUNCE, recipients=(replace(GONE, address=OFFICE_MAIL),))
    assert state(house, comes(house, second, back(house, OFFICE_MAIL))) == ("triage", "second_within_hour")
    later = house.requested()
    house.later(desk.HOUR)
    comes(house, BOUNCE, back(house))
    assert first_mail(house, later).state is MailState.DEAD, "another case has its own hour"
    assert len(facts(house, case_id, e.MailBounced)) == 1


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        (MailClass.BOUNCE_TEMPORARY, "4.2.2", "full, and their server gave up"),
        (MailClass.BOUNCE_PERMANENT, "5.2.2", "full, and their server does not wait"),
        (MailClass.BOUNCE_PERMANENT, "5.7.1", "a filter would not have it: somebody is there"),
        (MailClass.BOUNCE_PERMANENT, "5.7.26", "our own domain's fault"),
    ],
)
def test_what_is_not_about_the_address_ends_the_mail_and_not_the_contact(
    house: House, said: MailClass, status: str, why: str
) -> None:
    case_id = house.requested()
    comes(house, heard(said, recipients=(replace(GONE, status=status),)), back(house))
    case = house.case(case_id)
    assert first_mail(house, case_id).state is MailState.DEAD
    assert not case.contacts[case.chosen[0]].disabled, why
    assert len(case.mails) == 2, "the next contact is written to now"


def test_an_absence_brings_the_next_contact_forward_once(house: House) -> None:
    case_id, sender = house.requested(), back(house)
    comes(house, heard(MailClass.AUTO_REPLY), sender)
    case = house.case(case_id)
    assert [mail.to for mail in case.mails.values()] == list(case.chosen[:2])
    assert first_mail(house, case_id).state is MailState.RELAYED, "an absence is no bounce"
    assert case.state(Axis.ACKNOWLEDGEMENT) == "none"
    comes(house, heard(MailClass.AUTO_REPLY), sender)
    assert len(house.case(case_id).mails) == 2, "once"


NOTED = [
    (MailClass.BOUNCE_DELAYED, ""),
    (MailClass.DSN_RELAYED, ""),
    (MailClass.MDN_DISPLAYED, ""),
    (MailClass.MDN_DELETED, ""),
    (MailClass.TICKET_AUTO_ACK, ""),
    (MailClass.CHALLENGE, "challenge"),
    (MailClass.LIST_HOLD, "list_hold"),
    (MailClass.ARF, "arf"),
]


@pytest.mark.parametrize(("said", "waits"), NOTED, ids=[str(row[0]) for row in NOTED])
def test_what_machines_say_is_noted_and_moves_nothing(house: House, said: MailClass, waits: str) -> None:
    case_id = house.requested()
    before = house.case(case_id)
    inbox_id = comes(house, heard(said), back(house))
    (noted,) = facts(house, case_id, e.MailNoted)
    assert (noted.what, noted.waits) == (str(said), waits)
    assert state(house, inbox_id)[0] == ("triage" if waits else "filed")
    assert house.case(case_id).mails == before.mails
    assert house.case(case_id).axes == before.axes


def test_what_concerns_nobody_is_deleted_after_a_while(house: House) -> None:
    inbox_id = comes(house, heard(MailClass.REPORT_DMARC))
    assert state(house, inbox_id)[0] == "set_aside"
    lost = comes(house, PERSON)
    receiving.forget(house.office, house.later(31 * DAY))
    with pytest.raises(TypeError):
        state(house, inbox_id)
    assert state(house, lost)[0] == "triage", "what waits for a person waits"


def test_an_authority_that_answers_is_for_coordinators_only(house: House) -> None:
    assert e.AuthorityMailed.audiences == frozenset()
    assert "words" not in {f for f, p in _parts(e.AuthorityMailed).items() if p == "organisation"}


def _parts(kind: type[e.Event]) -> dict[str, str]:
    return {name: str(field.metadata.get("part", "")) for name, field in kind.__dataclass_fields__.items()}


def test_a_frozen_reader_cannot_file_what_another_has_filed(house: House) -> None:
    """The fence: it thaws after its lease ended, and its fact and its row are refused together."""
    case_id, sender = house.requested(), back(house)
    receiving.receive(house.office, Kept(b"slow", sender), house.later(), source="pipe")

    def thaws(*_: object, **__: object) -> Received:
        filing.file_waiting(house.office, house.later(filing.LEASE + desk.MINUTE), reading(BOUNCE))
        return BOUNCE

    from disclosure.protocol.errors import Conflict  # noqa: PLC0415

    with pytest.raises(Conflict):
        filing.file_waiting(house.office, house.now, thaws)
    assert len(facts(house, case_id, e.MailBounced)) == 1
    assert verification.verify(house.office, case_id).ok
    assert delivery is not None
