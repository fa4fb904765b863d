"""Who speaks for the organisation (R29): S1, S2, S3, what proves nothing, and what a passed-on mail opens (R19)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from disclosure.casework import accounts, answering, certkeeping, coordination, verification
from disclosure.casework.answering import Visit
from disclosure.casework.coordination import ReleaseNotice
from disclosure.casework.notices import NoticeText
from disclosure.demo.certificates import make_certificate
from disclosure.protocol.codes import MailType, Proof
from disclosure.protocol.errors import DisclosureError, InvalidInput, LinkRefused, Refused
from disclosure.protocol.values import Answer, Audience, Domain, Standing
from tests.casework.desk import ASSESSMENT, NOTICE, OFFICE_MAIL, OWN, SECURITY, House
from tests.office import T0

DAY = timedelta(days=1)


def standing(house: House, visit: Visit) -> Standing:
    return house.case(visit.case_id).persons[visit.person_id].standing


def reason(error: DisclosureError) -> str:
    return error.reason if isinstance(error, Refused) else ",".join(getattr(error, "problems", {}).values())


def assessed(house: House, case_id: str, host: Answer) -> None:
    about = replace(ASSESSMENT, host_compromised=host, reason="seen again")
    coordination.assess(house.hand(case_id), about)


# --- S1 ---


def test_link_and_code_prove_reading_and_nothing_more(house: House) -> None:
    case_id = house.requested()
    visit = house.confirmed(case_id)
    assert standing(house, visit) is Standing.S1
    coordination.draft_notice(house.hand(case_id), NOTICE)
    with pytest.raises(Refused) as refused:
        house.released(case_id, visit.person_id)
    assert reason(refused.value) == "standing_too_low"
    with pytest.raises(Refused):
        answering.read_notice(visit)
    with pytest.raises(Refused):
        answering.acknowledge(visit)


def test_a_double_confirmation_is_no_error_and_records_nothing_twice(house: House) -> None:
    case_id = house.requested()
    first, again = house.confirmed(case_id), house.confirmed(case_id, "N. Name, again")
    assert first.person_id == again.person_id
    assert len(house.case(case_id).persons) == 1


# --- S2 by an own address ---


def test_a_code_at_an_own_address_at_the_tied_domain_shows_s2(house: House) -> None:
    case_id = house.requested()
    visit = house.confirmed(case_id)
    answering.name_address(visit, OWN)
    with pytest.raises(InvalidInput) as refused:
        answering.give_second_code(visit, "00000-00000")
    assert reason(refused.value) == "code_not_sent_yet"
    house.deliver()
    with pytest.raises(InvalidInput) as refused:
        answering.give_second_code(visit, "00000-00000")
    assert reason(refused.value) == "wrong_code"
    with pytest.raises(InvalidInput):
        answering.give_second_code(visit, house.relay.newest(SECURITY).code)
    assert standing(house, visit) is Standing.S1, "the code of the first mail is not the second"
    answering.give_second_code(visit, house.relay.newest(OWN).code)
    person = house.case(case_id).persons[visit.person_id]
    assert (person.standing, person.proof) == (Standing.S2, Proof.OWN_ADDRESS)


@pytest.mark.parametrize(
    ("address", "problem", "why"),
    [
        ("n@gmail.com", "public_webmail", "anybody's"),
        ("n@free.fr", "public_webmail", "French ones too"),
        ("n@mail.gmail.com", "public_webmail", "and what lies below them"),
        ("n@untied.example", "not_at_a_tied_domain", "nobody has tied it to this organisation"),
        ("n@org.example.evil.example", "not_at_a_tied_domain", "ours in front of somebody else's"),
        ("n@notorg.example", "not_at_a_tied_domain", "a longer label is another name"),
        ("n@example", "not_an_address", "a single label"),
        ("n", "not_an_address", "no address"),
        ("n@org.example\nbcc: x@y.example", "not_an_address", "no header is smuggled in"),
    ],
)
def test_what_is_no_own_address(house: House, address: str, problem: str, why: str) -> None:
    visit = house.confirmed(house.requested())
    with pytest.raises(InvalidInput) as refused:
        answering.name_address(visit, address)
    assert reason(refused.value) == problem, why
    assert not [m for m in house.case(visit.case_id).mails.values() if m.type is MailType.SECOND_CODE]


@pytest.mark.parametrize("address", ["n@org.example", "n@mail.org.example", "N.Name@ORG.example"])
def test_what_is_one(house: House, address: str) -> None:
    answering.name_address(house.confirmed(house.requested()), address)


def test_public_webmail_proves_nothing_even_for_its_own_operator(house: House) -> None:
    """The organisation may be an access provider: its domain can be tied, its customers' mailboxes prove nothing."""
    case_id = house.requested()
    coordination.tie_domain(house.hand(case_id), Domain.parse("orange.fr"), "its own")
    with pytest.raises(InvalidInput) as refused:
        answering.name_address(house.confirmed(case_id), "n@orange.fr")
    assert reason(refused.value) == "public_webmail"


def test_a_second_code_is_of_one_address_and_one_day(house: House) -> None:
    visit = house.confirmed(house.requested())
    answering.name_address(visit, OWN)
    house.deliver()
    code = house.relay.newest(OWN).code
    with pytest.raises(InvalidInput) as refused:
        answering.give_second_code(replace(visit, now=visit.now + DAY), code)
    assert reason(refused.value) == "code_not_sent_yet", "a day later it has expired"
    answering.name_address(replace(visit, now=house.later()), "other@org.example")
    house.deliver()
    with pytest.raises(InvalidInput) as refused:
        answering.give_second_code(visit, code)
    assert reason(refused.value) == "wrong_code", "the code of the address named before"
    answering.give_second_code(visit, house.relay.newest("other@org.example").code)
    with pytest.raises(InvalidInput):
        answering.give_second_code(visit, house.relay.newest("other@org.example").code)
    assert standing(house, visit) is Standing.S2, "used up, and what it showed stands"


@pytest.mark.parametrize("change", ["address", "certificate"])
def test_another_address_or_certificate_starts_again_at_s1(house: House, change: str) -> None:
    visit = house.shown(house.confirmed(house.requested()))
    if change == "address":
        answering.name_address(visit, "other@org.example")
    else:
        answering.hand_in_certificate(visit, make_certificate(f"N <{OWN}>", now=T0 - DAY)[1])
    assert standing(house, visit) is Standing.S1
    with pytest.raises(Refused):
        house.released(visit.case_id, visit.person_id)


# --- S3 by a coordinator ---


@pytest.mark.parametrize(
    ("proof", "note", "taken", "why"),
    [
        (Proof.CALL_BACK, "number of the register", True, "a call to a number found independently"),
        (Proof.LETTER_CODE, "letter of 3 November", True, "a code from a letter to the seat"),
        (Proof.DNS_TXT, "record seen", True, "a record in the organisation's zone"),
        (Proof.CALL_BACK, " ", False, "with a note: who was spoken to"),
        (Proof.OWN_ADDRESS, "he told me", False, "not a proof that a coordinator records"),
        (Proof.LINK_AND_CODE, "he told me", False, "nor this"),
        (Proof.PUBLISHED_CERTIFICATE, "he told me", False, "nor this"),
    ],
)
def test_s3_is_recorded_with_its_proof(house: House, proof: Proof, note: str, taken: bool, why: str) -> None:
    visit = house.confirmed(house.requested())
    if taken:
        coordination.show_standing(house.hand(visit.case_id), visit.person_id, proof, note)
    else:
        with pytest.raises((Refused, InvalidInput)):
            coordination.show_standing(house.hand(visit.case_id), visit.person_id, proof, note)
    assert standing(house, visit) is (Standing.S3 if taken else Standing.S1), why


def test_nobody_has_standing_who_never_confirmed(house: House) -> None:
    with pytest.raises(Refused):
        coordination.show_standing(house.hand(house.requested()), "a stranger", Proof.CALL_BACK, "note")


# --- a system in an intruder's hands (R29, R17a) ---


def _own_address(house: House, visit: Visit) -> None:
    house.shown(visit)


def _by(proof: Proof) -> Callable[[House, Visit], None]:
    return lambda house, visit: coordination.show_standing(house.hand(visit.case_id), visit.person_id, proof, "note")


PROOFS = [
    (_own_address, False, "the code went to the intruder's mail server"),
    (_by(Proof.DNS_TXT), False, "the intruder writes the zone"),
    (_by(Proof.LETTER_CODE), True, "a letter goes past the host"),
    (_by(Proof.CALL_BACK), True, "and so does a call"),
]


@pytest.mark.parametrize(("show", "counts", "why"), PROOFS)
def test_a_proof_over_a_compromised_host_does_not_count(
    house: House, show: Callable[[House, Visit], None], counts: bool, why: str
) -> None:
    visit = house.confirmed(house.requested(host_compromised=Answer.YES))
    if counts:
        show(house, visit)
    else:
        with pytest.raises(Refused) as refused:
            show(house, visit)
        assert reason(refused.value) == "host_may_be_compromised"
    assert (standing(house, visit) >= Standing.S2) is counts, why


@pytest.mark.parametrize(("show", "counts", "why"), PROOFS)
def test_what_was_shown_before_the_host_was_said_to_be_compromised_does_not_count_either(
    house: House, show: Callable[[House, Visit], None], counts: bool, why: str
) -> None:
    visit = house.confirmed(house.requested())
    show(house, visit)
    assessed(house, visit.case_id, Answer.YES)
    if counts:
        house.released(visit.case_id, visit.person_id)
    else:
        with pytest.raises(Refused) as refused:
            house.released(visit.case_id, visit.person_id)
        assert reason(refused.value) == "host_may_be_compromised", why
        assessed(house, visit.case_id, Answer.NO)
        house.released(visit.case_id, visit.person_id)


# --- the release names what the coordinator saw ---


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"standing": Standing.S3}, "another standing"),
        ({"fingerprint": "0" * 40}, "another certificate"),
        ({"personal_data_masked": False}, "personal data masked?"),
        ({"source_unrecognisable": False}, "source recognisable?"),
        ({"person_id": "a stranger"}, "somebody else"),
    ],
)
def test_a_release_is_refused_when_it_names_something_else(house: House, changes: dict[str, object], why: str) -> None:
    visit = house.shown(house.confirmed(house.requested()))
    hand = house.hand(visit.case_id)
    coordination.draft_notice(hand, NOTICE)
    release = ReleaseNotice(visit.person_id, Standing.S2, "", True, True)
    with pytest.raises(Refused):
        coordination.release_notice(hand, replace(release, **changes))  # type: ignore[arg-type]
    assert house.case(visit.case_id).released is None, why
    coordination.release_notice(hand, release)
    assert house.case(visit.case_id).released is not None


def test_the_notice_is_read_by_the_person_it_was_released_to_and_by_nobody_else(house: House) -> None:
    visit = house.noticed()
    assert answering.read_notice(visit)[0] == NOTICE
    case_id = visit.case_id
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[1])
    house.deliver()
    other = house.confirmed(case_id, "O. Other", OFFICE_MAIL)
    for _ in range(2):
        with pytest.raises(Refused):
            answering.read_notice(other)
        house.shown(other, "o.other@org.example")
    stranger = Visit(house.office, case_id, "f" * 32, house.now)
    with pytest.raises(DisclosureError):
        answering.read_notice(stranger)
    assert NoticeText.read(NOTICE.to_text()) == NOTICE


# --- a mail that was passed on (R19: nobody sees details without further proof) ---


def session_of(house: House, name: str) -> tuple[str, Visit]:
    """Somebody who holds the first mail types its code; the session's token and the visit that it opens."""
    mail = house.relay.newest(SECURITY)
    token = answering.confirm(house.office, mail.token, mail.code, name, "role", house.later())
    held = accounts.read_session(house.office, Audience.ORGANISATION, token, house.now)
    assert held is not None
    assert held.stream_id is not None
    return token, Visit(house.office, held.stream_id, held.subject, house.now)


def test_whoever_holds_the_first_mail_does_not_become_the_person_who_showed_standing(house: House) -> None:
    case_id = house.requested()
    _, visit = session_of(house, "N. Name")
    house.shown(visit)
    house.released(case_id, visit.person_id)
    mail = house.relay.newest(SECURITY)
    assert not answering.open_link(house.office, mail.token, house.now).known_person, "name and role are asked for"
    _, second = session_of(house, "Somebody who was sent a copy")
    assert second.person_id != visit.person_id
    assert standing(house, second) is Standing.S1, "another person starts at S1"
    with pytest.raises(Refused):
        answering.read_notice(second)
    assert verification.verify(house.office).ok
    assert answering.read_notice(visit)[0] == NOTICE, "the first one still reads"


def test_nobody_waits_behind_the_same_link_until_another_shows_standing(house: House) -> None:
    house.requested()
    early, _ = session_of(house, "Somebody who was sent a copy")
    token, visit = session_of(house, "N. Name")
    now = house.later()
    assert accounts.read_session(house.office, Audience.ORGANISATION, early, now) is None, "the newest session only"
    house.shown(visit)
    assert accounts.read_session(house.office, Audience.ORGANISATION, token, house.now) is not None


def test_the_link_in_the_mail_to_the_own_address_brings_the_person_back(house: House) -> None:
    visit = house.noticed()
    mail = house.relay.newest(OWN)
    assert answering.open_link(house.office, mail.token, house.now).known_person
    back = answering.confirm(house.office, mail.token, mail.code, "", "", house.later())
    held = accounts.read_session(house.office, Audience.ORGANISATION, back, house.now)
    assert held is not None
    assert held.subject == visit.person_id


# --- the others are told, and may object ---


def two_written_to(house: House) -> tuple[str, Visit]:
    case_id = house.requested()
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[1])
    house.deliver()
    visit = house.confirmed(case_id)
    house.deliver()
    return case_id, visit


def test_everybody_already_written_to_is_told_that_somebody_confirmed(house: House) -> None:
    case_id, visit = two_written_to(house)
    told = [m for m in house.case(case_id).mails.values() if m.type is MailType.SOMEBODY_CONFIRMED]
    assert [m.to for m in told] == [house.case(case_id).chosen[1]], "the others, not the one who confirmed"
    body = house.relay.newest(OFFICE_MAIL).text
    assert "N. Name" not in body, "that somebody did, not who"
    assert visit.person_id


def test_they_may_object_with_the_code_from_their_own_mail(house: House) -> None:
    case_id, visit = two_written_to(house)
    mail = house.relay.newest(OFFICE_MAIL)
    with pytest.raises(InvalidInput):
        answering.object_to(house.office, mail.token, "00000-00000", "Not ours.", house.later())
    with pytest.raises(InvalidInput):
        answering.object_to(house.office, mail.token, mail.code, " ", house.later())
    assert not house.case(case_id).persons[visit.person_id].objected
    for _ in range(2):
        answering.object_to(house.office, mail.token, mail.code, "Not ours.", house.later())
    assert house.case(case_id).persons[visit.person_id].objected, "twice is no error (R28)"
    assert verification.verify(house.office).ok


def test_nobody_objects_to_oneself(house: House) -> None:
    visit = house.noticed()
    mail = house.relay.newest(SECURITY)
    answering.object_to(house.office, mail.token, mail.code, "Not ours.", house.later())
    mail = house.relay.newest(OWN)
    with pytest.raises(LinkRefused):  # the link of a notice is for its reader, who has nobody to object to
        answering.object_to(house.office, mail.token, mail.code, "Not ours.", house.later())
    assert not house.case(visit.case_id).persons[visit.person_id].objected


# --- certificates ---


@pytest.mark.parametrize(
    ("pasted", "problem"),
    [(b"", "not_a_key"), (b"hello", "not_a_key"), (b"x" * (certkeeping.MAX_CERTIFICATE + 1), "too_large")],
)
def test_a_refused_certificate_is_not_stored_and_says_why(house: House, pasted: bytes, problem: str) -> None:
    visit = house.confirmed(house.requested())
    with pytest.raises(InvalidInput) as refused:
        answering.hand_in_certificate(visit, pasted)
    assert reason(refused.value) == problem
    assert not house.case(visit.case_id).persons[visit.person_id].certificate_id
