"""Forward requests, answers in a conversation, publication and what is withdrawn: who gets which mail, and who none."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pysequoia
import pytest

from disclosure.casework import (
    answering,
    approvals,
    casefile,
    casepage,
    clockwork,
    coordination,
    filing,
    forwarding,
    mailpreviews,
    organisations,
    publishing,
    receiving,
    verification,
)
from disclosure.casework.coordination import EnterContact
from disclosure.casework.receiving import Kept
from disclosure.demo import stage
from disclosure.demo.certificates import make_certificate
from disclosure.language import format_when
from disclosure.mail.inbound import MailClass
from disclosure.protocol import events as e
from disclosure.protocol.codes import EmbargoEnd, MailType, TaskKind
from disclosure.protocol.errors import Refused
from disclosure.protocol.values import AlertKind, Answer, Channel, Domain, Language, Severity
from tests.casework.desk import BO, HOUR, OWN, SECURITY, House, build, heard
from tests.office import T0

ABUSE = "abuse@hoster.example"
WORDS = "Canary-answer: keep the logs."


@pytest.fixture(scope="module")
def house(database: str, tmp_path_factory: pytest.TempPathFactory) -> House:
    return build(tmp_path_factory.mktemp("onward") / "instance")


def types_to(house: House, case_id: str, to: str) -> list[MailType]:
    return [mail.type for mail in house.case(case_id).mails.values() if mail.to == to]


# --- the forward request ---


def intermediary(house: House, case_id: str) -> str:
    entered = EnterContact(Channel.MAIL, ABUSE, "Hoster", "RDAP of the network", intermediary=True)
    return coordination.enter_contact(house.hand(case_id), entered)


def unreachable(house: House) -> tuple[str, str]:
    case_id = house.tied()
    contact_id = intermediary(house, case_id)
    coordination.declare_unreachable(house.hand(case_id))
    return case_id, contact_id


def test_the_intermediary_gets_what_was_shown(house: House) -> None:
    case_id, contact_id = unreachable(house)
    house.deliver()  # what other tests left in the outbox
    shown = mailpreviews.preview_forward_request(house.office, case_id, contact_id, house.now)
    assert shown.to == ABUSE
    assert shown.encrypted_to == ()
    forwarding.release(house.hand(case_id), contact_id)
    house.deliver()
    raw = house.relay.to(ABUSE)[-1]
    assert b"multipart/signed" in raw
    assert stage.body_of(raw).split() == shown.body.split(), "nothing is added when it leaves"
    assert "/a/" not in shown.body, "no link that opens anything"
    with pytest.raises(Refused) as refused:
        forwarding.release(house.hand(case_id), contact_id)
    assert refused.value.reason == "already_written_to"


def test_not_before_the_own_contacts_failed(house: House) -> None:
    case_id = house.requested()
    contact_id = intermediary(house, case_id)
    with pytest.raises(Refused) as refused:
        forwarding.release(house.hand(case_id), contact_id)
    assert (refused.value.rule, refused.value.reason) == ("R14b", "own_contacts_not_failed")
    assert not types_to(house, case_id, contact_id)


def test_the_number_can_be_checked_once_a_forward_request_left(house: House) -> None:
    """R24: the customer who gets our words passed on types number and domain, though no mail of ours reached them."""
    case_id, contact_id = unreachable(house)
    number, domain = house.case(case_id).number, Domain.parse("org.example")
    assert organisations.check_number(house.office, number, domain) is None
    forwarding.release(house.hand(case_id), contact_id)
    house.later()
    house.deliver()
    assert organisations.check_number(house.office, number, domain) == house.now


@pytest.mark.usefixtures("database")
def test_two_coordinators_where_policy_wants_two(tmp_path: Path) -> None:
    """R12: it tells a third party that an alert exists."""
    shipped = Path("disclosure/data/policy.toml").read_text(encoding="utf-8")
    strict = build(tmp_path / "instance", policy=re.sub(r"(?m)^first_contact = \d+", "first_contact = 2", shipped))
    case_id, contact_id = unreachable(strict)
    forwarding.release(strict.hand(case_id), contact_id)
    assert not types_to(strict, case_id, contact_id), "asked for, not sent"
    (approval,) = strict.case(case_id).approvals
    approvals.approve(strict.hand(case_id, BO), approval)
    forwarding.release(strict.hand(case_id), contact_id)
    assert types_to(strict, case_id, contact_id) == [MailType.FORWARD_REQUEST]


# --- a third identical mail ---


@pytest.fixture(scope="module")
def quiet(database: str, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Where no other case climbs."""
    return build(tmp_path_factory.mktemp("quiet") / "instance")


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.NORMAL])
@pytest.mark.parametrize(("mail_contacts", "why"), [(1, "nobody else to write to"), (2, "one more"), (4, "many more")])
def test_silence_brings_no_third_identical_mail(quiet: House, severity: Severity, mail_contacts: int, why: str) -> None:
    """Another contact or another channel: a contact request once to each, one reminder to one of them, then calls."""
    case_id = quiet.opened(severity=severity)
    hand = quiet.hand(case_id)
    coordination.tie_domain(hand, Domain.parse("org.example"), "imprint")
    addresses = [(Channel.MAIL, f"a{n}@org.example") for n in range(mail_contacts)] + [
        (Channel.PHONE, "01 99 00 00 01")
    ]
    entered = [EnterContact(channel, address, "", "imprint") for channel, address in addresses]
    ids = [coordination.enter_contact(hand, one) for one in entered]
    coordination.choose_contacts(hand, ids)
    coordination.release_first_contact(hand, ids[0])
    for _ in range(16):  # a month and a half, with every task done
        quiet.deliver()
        clockwork.tick(quiet.office, quiet.later(timedelta(days=3)))
        for task in quiet.case(case_id).tasks.values():
            if task.open:
                coordination.task_done(quiet.hand(case_id), task.id, "called", "", none_given=True)
    sent = [(mail.type, mail.to) for mail in quiet.case(case_id).mails.values()]
    first = {MailType.CONTACT_REQUEST, MailType.REMINDER}
    assert all(sent.count(one) == 1 for one in sent if one[0] in first), why
    assert len([one for one in sent if one[0] in first]) >= 2, "the ladder was climbed"  # noqa: PLR2004
    coordination.close(quiet.hand(case_id), "referred", "enough")


# --- answers in a conversation ---


def test_an_answer_is_told_without_a_word_of_it(house: House) -> None:
    visit = house.noticed()
    before = len(house.relay.to(OWN))
    coordination.answer_organisation(house.hand(visit.case_id), WORDS)
    house.deliver()
    (mail,) = house.relay.to(OWN)[before:]
    assert "Canary-answer" not in stage.body_of(mail)
    assert house.case(visit.case_id).number in stage.body_of(mail)
    page = casepage.page(visit, Language.EN)
    assert [one.words for one in page.messages] == [WORDS], "and it stands on the page"


def test_who_only_read_our_mail_gets_no_answer(house: House) -> None:
    """R29: S1 may be anybody to whom the first mail was passed on."""
    case_id = house.requested()
    visit = house.confirmed(case_id)
    coordination.answer_organisation(house.hand(case_id), WORDS)
    assert MailType.ANSWER_READY not in types_to(house, case_id, visit.person_id)
    page = casepage.page(visit, Language.EN)
    assert (page.messages, page.answers_wait) == ((), True)


def test_nor_does_somebody_who_was_objected_to(house: House) -> None:
    visit = house.noticed()
    objected = e.StandingObjected(person_id=visit.person_id, text="not ours")
    casefile.change(house.office, visit.case_id, house.now, lambda _: [(e.MACHINE, objected)])
    coordination.answer_organisation(house.hand(visit.case_id), WORDS)
    assert MailType.ANSWER_READY not in types_to(house, visit.case_id, visit.person_id)
    assert casepage.page(visit, Language.EN).messages == ()


def with_certificate(house: House) -> tuple[answering.Visit, str]:
    """The notice was released to a person who handed in a certificate."""
    secret, public = make_certificate(f"N. Name <{OWN}>", now=T0 - timedelta(days=1))
    case_id = house.requested()
    visit = house.confirmed(case_id)
    answering.hand_in_certificate(visit, public)
    shown = house.shown(visit)
    house.released(case_id, visit.person_id)
    return shown, secret


def test_whoever_got_the_notice_encrypted_gets_the_answer_so(house: House) -> None:
    visit, secret = with_certificate(house)
    coordination.answer_organisation(house.hand(visit.case_id), WORDS + " See https://evil.example/x")
    assert types_to(house, visit.case_id, visit.person_id)[-1] is MailType.ANSWER
    house.deliver()
    raw = house.relay.to(OWN)[-1]
    assert b"Canary-answer" not in raw
    inner = opened(raw, secret)
    assert "Canary-answer" in inner
    assert "https://evil" not in inner, "links are made unclickable, as in the notice"


def opened(raw: bytes, secret: str) -> str:
    """The body inside the ciphertext."""
    outer = message_from_bytes(raw, policy=policy.default)
    armoured = next(part for part in outer.iter_parts() if part.get_content_type() == "application/octet-stream")
    decryptor = pysequoia.Tsk.from_bytes(secret.encode()).decryptor()
    return stage.body_of(pysequoia.decrypt(armoured.get_content(), decryptor=decryptor).bytes)


def test_an_answer_in_the_outbox_never_falls_back_to_clear_text(house: House) -> None:
    """The certificate changed between the answer and its composition: the mail is given up and a person decides."""
    visit, _ = with_certificate(house)
    coordination.answer_organisation(house.hand(visit.case_id), WORDS)
    _, other = make_certificate(f"N. Name <{OWN}>", now=T0 - timedelta(days=1))
    answering.hand_in_certificate(visit, other)
    before = len(house.relay.to(OWN))
    house.deliver()
    assert len(house.relay.to(OWN)) == before
    (mail,) = (m for m in house.case(visit.case_id).mails.values() if m.type is MailType.ANSWER)
    assert str(mail.state) == "dead"


def test_each_answer_is_sent_with_its_own_words(house: House) -> None:
    visit, secret = with_certificate(house)
    for words in ("First.", "Second."):
        coordination.answer_organisation(house.hand(visit.case_id), words)
        house.later()
    before = len(house.relay.to(OWN))
    house.deliver()
    bodies = [opened(raw, secret) for raw in house.relay.to(OWN)[before:]]
    assert sorted(("First." in body, "Second." in body) for body in bodies) == [(False, True), (True, False)]


def test_the_answer_to_a_contest_is_told_too(house: House) -> None:
    visit = house.noticed()
    answering.open_notice(visit)
    answering.contest(visit, "We see nothing.")
    coordination.settle_contest(house.hand(visit.case_id), upheld=False, words=WORDS)
    assert types_to(house, visit.case_id, visit.person_id)[-1] is MailType.ANSWER_READY
    said = [(one.name, one.words) for one in casepage.page(visit, Language.EN).messages]
    assert said == [("N. Name", "We see nothing."), ("", WORDS)]


# --- somebody confirmed ---


def test_a_second_person_is_announced_to_the_first(house: House) -> None:
    """R29, everybody already written to: whoever comes through a mail that was passed on is a stranger to the first."""
    case_id = house.requested()
    first = house.shown(house.confirmed(case_id, "First"))
    second = house.confirmed(case_id, "Second")
    assert second.person_id != first.person_id
    at = house.now
    house.later(HOUR)
    house.deliver()
    body = house.relay.to(OWN)[-1]
    assert MailType.SOMEBODY_CONFIRMED in types_to(house, case_id, first.person_id)
    text = " ".join(stage.body_of(body).replace("\u00a0", " ").split())
    assert "une autre personne" in text
    when = " ".join(format_when(at, Language.FR).replace("\u00a0", " ").split())
    assert when in text, "the hour of this confirmation, not of the first"
    assert SECURITY not in text


# --- publication, and what is withdrawn ---


def referred(house: House) -> str:
    """Written to, forwarded, and the embargo ended: the authorities were told."""
    case_id = house.requested()
    contact_id = intermediary(house, case_id)
    coordination.end_embargo(house.hand(case_id), EmbargoEnd.EXPLOITED, "seen in the wild")
    for _ in range(8):
        house.deliver()
        clockwork.tick(house.office, house.later(timedelta(days=1)))
        for task in house.case(case_id).tasks.values():
            if task.open and task.kind is TaskKind.PHONE_CALL:
                coordination.task_done(house.hand(case_id), task.id, "called", "")
    assert house.case(case_id).referred
    if house.case(case_id).own_contacts_failed:
        forwarding.release(house.hand(case_id), contact_id)
    house.deliver()
    return case_id


def test_publication_is_announced_then_recorded_then_retracted(house: House) -> None:
    case_id = referred(house)
    case, own = house.case(case_id), [cid for cid in house.case(case_id).addressed()]
    told = set(case.referred)
    publishing.announce(house.hand(case_id), house.now + timedelta(days=2))
    announced = [m for m in house.case(case_id).mails.values() if m.type is MailType.PUBLICATION_HEADS_UP]
    assert [m.to for m in announced] == own
    shown = mailpreviews.preview_publication(house.office, case_id, own[0], house.now + timedelta(days=2), house.now)
    house.deliver()
    house.later(timedelta(days=2))
    assert shown.subject in {"Alerte " + case.number + "\u00a0: publication annoncée"}
    publishing.publish(house.hand(case_id), "A text without detail.")
    house.later()
    publishing.retract(house.hand(case_id), "A mistake of ours.")
    mails = list(house.case(case_id).mails.values())
    retracted = {m.to for m in mails if m.type is MailType.RETRACTION}
    assert retracted == set(case.received_anything()), "all who received anything"
    by_mail = {aid for aid in told if case.referred[aid].channel is Channel.MAIL}
    assert len([m for m in mails if m.type is MailType.LATER_FACT]) == 2 * len(by_mail), "published, retracted"
    assert {t.target for t in house.case(case_id).tasks.values() if t.kind is TaskKind.LATER_FACT} == told - by_mail
    house.deliver()
    body = stage.body_of(house.relay.to(SECURITY)[-1])
    assert "retirons le texte" in " ".join(body.split())


def test_an_unfounded_alert_is_withdrawn_wherever_it_went(house: House) -> None:
    case_id = referred(house)
    case = house.case(case_id)
    coordination.close(house.hand(case_id), "unfounded", "an old list")
    mails = list(house.case(case_id).mails.values())
    assert {m.to for m in mails if m.type is MailType.RETRACTION} == set(case.received_anything())
    by_mail = {m.to for m in mails if m.type is MailType.LATER_FACT}
    by_task = {t.target for t in house.case(case_id).tasks.values() if t.kind is TaskKind.LATER_FACT}
    assert by_mail | by_task == set(case.referred), "and the authorities"
    house.deliver()
    assert "elle était infondée" in " ".join(stage.body_of(house.relay.to(SECURITY)[-1]).split())


def test_an_alert_that_was_true_is_closed_in_silence(house: House) -> None:
    case_id = house.requested()
    coordination.close(house.hand(case_id), "remediated", "they said so")
    assert not any(m.type is MailType.RETRACTION for m in house.case(case_id).mails.values())


def test_an_intermediary_learns_of_the_retraction(house: House) -> None:
    case_id, contact_id = unreachable(house)
    forwarding.release(house.hand(case_id), contact_id)
    house.deliver()
    coordination.close(house.hand(case_id), "not_theirs", "another owner of the name")
    assert types_to(house, case_id, contact_id) == [MailType.FORWARD_REQUEST, MailType.RETRACTION]


# --- one text for every alert (R19) ---

MAILS = (MailType.CONTACT_REQUEST, MailType.REMINDER, MailType.FORWARD_REQUEST)


def test_no_mail_to_strangers_depends_on_the_alert(house: House) -> None:
    """Every kind, severity (and so every clock profile), personal data or not: byte for byte the same text."""
    kinds = [(kind, severity, data) for kind in AlertKind for severity in Severity for data in (Answer.YES, Answer.NO)]
    texts: dict[str, set[tuple[str, str]]] = {str(mail_type): set() for mail_type in MAILS}
    for kind, severity, data in kinds:
        case_id = house.tied(kind=kind, severity=severity, personal_data=data)
        abuse = intermediary(house, case_id)
        for mail_type in MAILS:
            to = abuse if mail_type is MailType.FORWARD_REQUEST else house.case(case_id).chosen[0]
            shown = mailpreviews._preview(house.office, case_id, to, mail_type, house.now)
            texts[str(mail_type)].add((shown.subject, neutral(shown.body, house.case(case_id).number)))
            texts[str(mail_type)] = {
                (s.replace(house.case(case_id).number, "NUMBER"), b) for s, b in texts[str(mail_type)]
            }
    assert {name: len(found) for name, found in texts.items()} == {str(mail_type): 1 for mail_type in MAILS}


def neutral(body: str, number: str) -> str:
    """Without the number and the date by which we hope to hear: its wording is the same, its day the profile's."""
    flat = " ".join(body.replace("\u00a0", " ").replace(number, "NUMBER").split())
    days = r"d'ici au \w+ \d\S* \S+ \d{4}, \d\d h \d\d \(Paris\)|by \w+ \d+ \w+ \d{4}, \d\d:\d\d \(Paris\)"
    flat, found = re.subn(days, "DATE", flat)
    assert found in {0, 2}, "the date stands once in each language, or not at all"
    return flat


def test_the_record_of_all_this_verifies(house: House) -> None:
    """Rows, links and hashes of every case above fit their events."""
    assert verification.verify(house.office).ok


# --- one thread ---


def test_mail_and_page_are_one_thread(house: House) -> None:
    visit = house.noticed()
    answering.write(visit, "On the page.")
    number = house.case(visit.case_id).number
    raw = next(one for one in reversed(house.relay.to(OWN)) if number in stage.body_of(one)).decode()
    token = next(line for line in raw.splitlines() if line.startswith("Reply-To:")).removeprefix("Reply-To: ").strip()
    house.later()
    receiving.receive(house.office, Kept(b"From: x\r\n\r\nBy mail.", token), house.now, source="pipe")
    filing.file_waiting(house.office, house.now, lambda *_, **__: heard(MailClass.HUMAN_REPLY, text="By mail."))
    coordination.answer_organisation(house.hand(visit.case_id), "Ours.")
    said = [(one.name, one.by_mail, one.words) for one in casepage.page(visit, Language.EN).messages]
    assert said == [("N. Name", "", "On the page."), ("", "N. Name", "By mail."), ("", "", "Ours.")]


def test_who_may_not_read_answers_reads_the_own_words(house: House) -> None:
    case_id = house.requested()
    visit = house.confirmed(case_id)
    answering.write(visit, "Who are you?")
    coordination.answer_organisation(house.hand(case_id), "Somebody.")
    page = casepage.page(visit, Language.EN)
    assert ([one.words for one in page.messages], page.answers_wait) == (["Who are you?"], True)
