"""Certificates of contacts: found, judged, used for the first mail, and what that mail then proves (R17–R19, R29)."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from functools import cache
from typing import Any

import pysequoia
import pytest
from sqlalchemy import select

from disclosure.casework import (
    accounts,
    answering,
    casefile,
    certificatepage,
    certsearching,
    coordination,
    delivery,
    searching,
    verification,
    wholecase,
)
from disclosure.casework.answering import Visit
from disclosure.casework.certsearching import Seek
from disclosure.casework.coordination import EnterContact
from disclosure.casework.office import new_id
from disclosure.demo import stage
from disclosure.demo.certificates import VALID_FOR, make_certificate
from disclosure.discovery.evidence import Purpose
from disclosure.openpgp import sandbox
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType, Proof
from disclosure.protocol.contactcertificates import certificate_for
from disclosure.protocol.errors import InvalidInput, NotFound, Refused
from disclosure.protocol.state import ContactCertificate, MailState
from disclosure.protocol.values import Address, Answer, Audience, Channel, Domain, Language, Standing
from disclosure.store import ledger
from disclosure.store.tables import certificates, outbox
from tests.casework import desk
from tests.casework.desk import ADA, DOMAIN, HOUR, SECURITY, House
from tests.office import T0

WKD = Purpose.WEB_KEY_DIRECTORY


@pytest.fixture(scope="module")
def house(database: str, tmp_path_factory: pytest.TempPathFactory) -> House:
    return desk.build(tmp_path_factory.mktemp("certificates"))


def key(address: str = SECURITY, name: str = "Security") -> tuple[str, bytes]:
    """(secret, certificate), the same for the same names."""
    return _made(address, name)


@cache
def _made(address: str, name: str) -> tuple[str, bytes]:
    return make_certificate(f"{name} <{address}>", now=T0 - timedelta(days=300))


def public(address: str = SECURITY, name: str = "Security") -> bytes:
    return key(address, name)[1]


def searched(house: House, seek: Seek, *addresses: str, **assessed: object) -> str:
    """A tied domain; its contacts and their certificates were looked for, and the order is chosen."""
    case_id = house.opened(**assessed)
    coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), "imprint")
    again(house, case_id, seek, *addresses or (SECURITY,))
    coordination.choose_contacts(house.hand(case_id), list(house.case(case_id).contacts))
    return case_id


def again(house: House, case_id: str, seek: Seek, *addresses: str) -> None:
    searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
    searching.search(house.office, house.now, lambda *_: desk.findings(*addresses), seek)


def first_mail(house: House, case_id: str) -> None:
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    house.deliver()


def opened(message: bytes, secret: str) -> str:
    """What the holder of the key reads."""
    payload = next(
        part.get_payload(decode=True)
        for part in message_from_bytes(message, policy=policy.SMTP).walk()
        if part.get_content_type() == "application/octet-stream"
    )
    assert isinstance(payload, bytes)
    clear = pysequoia.decrypt(payload, decryptor=pysequoia.Tsk.from_bytes(secret.encode()).decryptor()).bytes
    assert clear is not None
    return stage.body_of(clear)


def known(house: House, case_id: str) -> list[ContactCertificate]:
    """Of the first contact: whom earlier tests reached at this domain comes after it, as a candidate (R17)."""
    case = house.case(case_id)
    return [one for one in case.certificates.values() if one.contact_id == next(iter(case.contacts))]


def used(house: House, case_id: str) -> ContactCertificate | None:
    case = house.case(case_id)
    return certificate_for(case, next(iter(case.contacts)))


def prepared(house: House, case_id: str) -> list[e.MailPrepared]:
    with house.office.store.reading() as connection:
        entries = ledger.read(house.office.store, connection, case_id)
    return [entry.event for entry in entries if isinstance(entry.event, e.MailPrepared)]


# --- found and used ---


def test_the_first_mail_leaves_encrypted_to_what_was_found(house: House) -> None:
    """R18, R19: judged when stored and again when used; the holder reads it, nobody else learns the subject."""
    case_id = searched(house, desk.certificates((WKD, public())))
    certificate = used(house, case_id)
    assert certificate is not None
    assert (certificate.source, certificate.review, certificate.reason) == ("web_key_directory", False, "")
    first_mail(house, case_id)
    message = house.relay.to(SECURITY)[-1]
    assert message_from_bytes(message)["Subject"] == "[...]"
    body = opened(message, key()[0])
    assert house.case(case_id).number in body
    (event,) = prepared(house, case_id)
    assert event.certificate_id == certificate.id
    assert event.encrypted_to == sandbox.judge_safely(public(), address=None, now=house.now).encrypts_to
    assert verification.verify(house.office).ok


def test_without_a_certificate_it_is_signed_only(house: House) -> None:
    case_id = searched(house, desk.certificates())
    first_mail(house, case_id)
    assert message_from_bytes(house.relay.to(SECURITY)[-1]).get_content_type() == "multipart/signed"
    assert prepared(house, case_id)[0].encrypted_to == ()


@pytest.mark.parametrize(
    ("body", "reason", "why"),
    [
        (b"<html>not here</html>", "not_a_key", "a page"),
        (key()[0].encode(), "secret_key", "a private key: nothing of it is kept"),
        (public()[:200], "corrupt", "half of one"),
    ],
)
def test_what_is_refused_is_not_kept_and_says_why(house: House, body: bytes, reason: str, why: str) -> None:
    case_id = searched(house, desk.certificates((WKD, body)))
    assert used(house, case_id) is None, why
    assert [one.reason for one in known(house, case_id)] == [reason], why
    with house.office.store.reading() as connection:
        kept = connection.execute(select(certificates).where(certificates.c.case_id == case_id)).all()
    assert kept == []
    rows = page(house, case_id).rows
    assert [row.choosable for row in rows] == [False] * len(rows)
    assert verification.verify(house.office).ok


def test_another_name_waits_for_a_person(house: House) -> None:
    """KD-03, R17: an announced certificate that names somebody else is used once a coordinator says so."""
    case_id = searched(house, desk.certificates((Purpose.ENCRYPTION_URI, public("somebody@else.example"))))
    (one,) = known(house, case_id)
    assert one.review
    assert used(house, case_id) is None
    certificatepage.choose(house.hand(case_id), one.contact_id, one.id)
    assert used(house, case_id) == house.case(case_id).certificates[one.id]
    first_mail(house, case_id)
    assert house.case(case_id).number in opened(house.relay.to(SECURITY)[-1], key("somebody@else.example")[0])


def test_only_encryption_fields_of_an_accepted_file_are_followed(house: House) -> None:
    """A file that waits for review announces nothing until a person settled on its contact."""
    asked: dict[str, tuple[str, ...]] = {}

    def seek(
        address: Address, encryption: Sequence[str], suspect: Domain | None, compromised: Answer, now: datetime
    ) -> object:
        asked[str(address)] = tuple(encryption)
        return desk.certificates()(address, encryption, suspect, compromised, now)

    text = "Contact: mailto:cert@org.example\nEncryption: https://org.example/key.asc\n"
    for expires, announced in (
        ("Expires: 2027-06-01T00:00:00Z\n", ("https://org.example/key.asc",)),
        ("", ()),
    ):
        case_id = house.opened()
        coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), "imprint")
        searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
        body = (text + expires).encode()
        searching.search(house.office, house.now, lambda *_, body=body: desk.read_file(body), seek)  # type: ignore[arg-type]
        assert asked["cert@org.example"] == announced, f"expires: {expires or 'never said'}"
        assert asked["abuse@org.example"] == (), "a guess was named by no file"
        contact_id = min(house.case(case_id).contacts.values(), key=lambda c: c.source != "security_txt").id
        coordination.choose_contacts(house.hand(case_id), [contact_id])
        certsearching.start(house.hand(case_id), contact_id)
        searching.search(house.office, house.now, lambda *_: desk.findings(), seek)  # type: ignore[arg-type]
        assert asked["cert@org.example"] == ("https://org.example/key.asc",), "a coordinator settled on it"


# --- again ---


def test_a_new_search_keeps_what_is_there_once_and_doubts_what_is_gone(house: House) -> None:
    case_id = searched(house, desk.certificates((WKD, public())))
    before = used(house, case_id)
    again(house, case_id, desk.certificates((WKD, public())), SECURITY)
    assert [one.id for one in known(house, case_id)] == [before.id] if before else False
    again(house, case_id, desk.certificates(unknown=True), SECURITY)
    assert used(house, case_id), "a place that did not answer takes nothing away (R15)"
    again(house, case_id, desk.certificates(), SECURITY)
    (gone,) = known(house, case_id)
    assert "not_found_again" in gone.flags
    assert used(house, case_id) is None, "a person decides"
    again(house, case_id, desk.certificates((WKD, public())), SECURITY)
    assert used(house, case_id), "and there it is again"
    assert verification.verify(house.office).ok


def test_a_revocation_reaches_a_certificate_that_was_in_use(house: House) -> None:
    secret, certificate = key("rev@org.example")
    case_id = searched(house, desk.certificates((WKD, certificate)), "rev@org.example")
    assert used(house, case_id)
    again(house, case_id, desk.certificates((WKD, revoked(secret))), "rev@org.example")
    one = used(house, case_id)
    assert one is None
    assert [c.reason for c in known(house, case_id)] == ["revoked"]
    first_mail(house, case_id)
    assert prepared(house, case_id)[0].encrypted_to == ()


def revoked(secret: str) -> bytes:
    """The certificate with its owner's revocation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pgpy's imghdr
        pgpy: Any = importlib.import_module("pgpy")
    key, _ = pgpy.PGPKey.from_blob(secret)
    key |= key.revoke(key, comment="lost", created=T0 - timedelta(days=1))
    return bytes(key.pubkey)


def test_a_revocation_in_one_place_speaks_for_every_copy(house: House) -> None:
    """The copy in the organisation's own directory was taken before, or somebody hides the revocation."""
    secret, certificate = key("old@org.example")
    finds = ((WKD, certificate), (Purpose.KEYSERVER, revoked(secret)))
    case_id = searched(house, desk.certificates(*finds), "old@org.example")
    assert used(house, case_id) is None
    assert {one.reason for one in known(house, case_id)} == {"revoked"}


# --- by hand ---


def test_one_by_hand_wins_and_survives(house: House) -> None:
    case_id = searched(house, desk.certificates((WKD, public())))
    (contact_id,) = house.case(case_id).contacts
    mine = public(SECURITY, "By hand")
    certificatepage.enter(house.hand(case_id), contact_id, mine, "read over the phone")
    chosen = used(house, case_id)
    assert chosen is not None
    assert chosen.manual
    again(house, case_id, desk.certificates((WKD, public())), SECURITY)
    assert used(house, case_id) == house.case(case_id).certificates[chosen.id]
    first_mail(house, case_id)
    assert house.case(case_id).number in opened(house.relay.to(SECURITY)[-1], key(SECURITY, "By hand")[0])
    assert verification.verify(house.office).ok


@pytest.mark.parametrize(
    ("pasted", "source", "problem"),
    [
        (key()[0].encode(), "phone", {"certificate": "secret_key"}),
        (b"hello", "phone", {"certificate": "not_a_key"}),
        (public(), " ", {"source": "required"}),
    ],
)
def test_a_refused_entry_leaves_nothing(house: House, pasted: bytes, source: str, problem: dict[str, str]) -> None:
    case_id = searched(house, desk.certificates())
    before = house.case(case_id).last_seq
    with pytest.raises(InvalidInput) as refused:
        certificatepage.enter(house.hand(case_id), house.case(case_id).chosen[0], pasted, source)
    assert refused.value.problems == problem
    assert house.case(case_id).last_seq == before


def test_none_is_a_choice(house: House) -> None:
    case_id = searched(house, desk.certificates((WKD, public())))
    certificatepage.choose(house.hand(case_id), house.case(case_id).chosen[0], "")
    assert used(house, case_id) is None
    first_mail(house, case_id)
    assert prepared(house, case_id)[0].encrypted_to == ()


def test_what_is_not_this_contacts_cannot_be_chosen(house: House) -> None:
    case_id = searched(house, desk.certificates((WKD, public())))
    other = searched(house, desk.certificates((WKD, public())))
    theirs = known(house, other)[0].id
    contact_id = house.case(case_id).chosen[0]
    with pytest.raises(Refused) as refused:
        certificatepage.choose(house.hand(case_id), contact_id, theirs)
    assert refused.value.reason == "unknown_certificate"
    with pytest.raises(NotFound):
        certificatepage.page(house.office, case_id, "nobody", ADA, Language.EN, house.now)


def test_an_intermediary_and_a_phone_have_none(house: House) -> None:
    case_id = house.tied()
    hand = house.hand(case_id)
    hoster = EnterContact(Channel.MAIL, "abuse@hoster.example", "", "registry", intermediary=True)
    for contact_id, reason in (
        (coordination.enter_contact(hand, hoster), "intermediary"),
        (house.case(case_id).chosen[2], "not_a_mail_contact"),
    ):
        with pytest.raises(Refused) as refused:
            certsearching.start(hand, contact_id)
        assert refused.value.reason == reason


# --- what it proves ---


def confirmed(house: House, case_id: str, secret: str, name: str = "N. Name") -> Visit:
    mail = stage.read_mail(opened(house.relay.to(SECURITY)[-1], secret))
    session = answering.confirm(house.office, mail.token, mail.code, name, "DPO", house.later())
    held = accounts.read_session(house.office, Audience.ORGANISATION, session, house.now)
    assert held is not None
    return Visit(house.office, case_id, held.subject, house.now)


def test_who_answers_by_the_encrypted_mail_has_shown_standing(house: House) -> None:
    """R29, S2 by a published certificate; the notice goes to that same one, and a second person starts at S1."""
    case_id = searched(house, desk.certificates((WKD, public())))
    first_mail(house, case_id)
    body = opened(house.relay.to(SECURITY)[-1], key()[0])
    assert "encrypted to the certificate that your organisation publishes" in " ".join(body.split())
    visit = confirmed(house, case_id, key()[0])
    person = house.case(case_id).persons[visit.person_id]
    assert (person.standing, person.proof) == (Standing.S2, Proof.PUBLISHED_CERTIFICATE)
    published = used(house, case_id)
    assert published is not None
    assert (person.certificate_id, person.fingerprint) == (published.id, published.fingerprint)
    house.released(case_id, visit.person_id)
    assert "Technical explanation." in opened(house.relay.to(SECURITY)[-1], key()[0])
    second = stage.read_mail(body)
    session = answering.confirm(house.office, second.token, second.code, "A. Other", "Clerk", house.later())
    held = accounts.read_session(house.office, Audience.ORGANISATION, session, house.now)
    assert held is not None
    assert held.subject != visit.person_id
    assert house.case(case_id).persons[held.subject].standing is Standing.S1
    assert verification.verify(house.office).ok


@pytest.mark.parametrize(
    ("place", "assessed", "why"),
    [
        (Purpose.KEYSERVER, {}, "whoever read one mail could have put it there"),
        (WKD, {"host_compromised": Answer.YES}, "said to be in an intruder's hands"),
    ],
)
def test_what_proves_nothing_leaves_a_person_at_s1(
    house: House, place: Purpose, assessed: dict[str, object], why: str
) -> None:
    case_id = searched(house, desk.certificates((place, public())), **assessed)
    (one,) = known(house, case_id)
    certificatepage.choose(house.hand(case_id), one.contact_id, one.id)
    first_mail(house, case_id)
    text = " ".join(opened(house.relay.to(SECURITY)[-1], key()[0]).split())
    assert "encrypted to the certificate that your organisation publishes" not in text
    visit = confirmed(house, case_id, key()[0])
    assert house.case(case_id).persons[visit.person_id].standing is Standing.S1, why


def test_one_by_hand_proves_nothing(house: House) -> None:
    case_id = searched(house, desk.certificates())
    certificatepage.enter(house.hand(case_id), house.case(case_id).chosen[0], public(), "sent to us by somebody")
    first_mail(house, case_id)
    visit = confirmed(house, case_id, key()[0])
    assert house.case(case_id).persons[visit.person_id].standing is Standing.S1


def test_another_domains_certificate_proves_nothing(house: House) -> None:
    """The address lies outside what a coordinator has tied: standing is for this organisation (R29)."""
    case_id = searched(house, desk.certificates((WKD, public("soc@vendor.example"))), "soc@vendor.example")
    first_mail(house, case_id)
    mail = stage.read_mail(opened(house.relay.to("soc@vendor.example")[-1], key("soc@vendor.example")[0]))
    answering.confirm(house.office, mail.token, mail.code, "S. Oc", "Analyst", house.later())
    (person,) = house.case(case_id).persons.values()
    assert person.standing is Standing.S1


def test_a_contact_switched_off_meanwhile_proves_nothing(house: House) -> None:
    case_id = searched(house, desk.certificates((WKD, public())))
    first_mail(house, case_id)
    coordination.disable_contact(house.hand(case_id), house.case(case_id).chosen[0])
    visit = confirmed(house, case_id, key()[0])
    assert house.case(case_id).persons[visit.person_id].standing is Standing.S1


# --- young enough to write by ---


def test_the_ladder_waits_for_newer_evidence(house: House) -> None:
    """EV-03: the second contact is looked up again before it is written to, and the mail leaves when that is done."""
    house.later(HOUR)
    case_id = searched(house, desk.certificates(), SECURITY, "b@org.example")
    first_mail(house, case_id)
    mail_id = queue_second(house, case_id, after=timedelta(hours=30))
    house.deliver()
    assert outbox_of(house, mail_id).last_code == "evidence_old"
    assert house.case(case_id).mails[mail_id].state is MailState.QUEUED
    searching.search(house.office, house.now, lambda *_: desk.findings(SECURITY, "b@org.example"), desk.certificates())
    house.later(delivery.LEASE)
    house.deliver()
    assert house.case(case_id).mails[mail_id].state is MailState.RELAYED


def test_whom_newer_evidence_puts_in_doubt_is_not_written_to(house: House) -> None:
    house.later(HOUR)
    case_id = searched(house, desk.certificates(), SECURITY, "b@org.example")
    first_mail(house, case_id)
    mail_id = queue_second(house, case_id, after=timedelta(hours=30))
    house.deliver()
    searching.search(house.office, house.now, lambda *_: desk.findings(SECURITY), desk.certificates())
    house.later(delivery.LEASE)
    house.deliver()
    case = house.case(case_id)
    assert case.mails[mail_id].state is MailState.DEAD
    assert outbox_of(house, mail_id).last_code == "contact_in_doubt"
    assert house.relay.to("b@org.example") == [] or case.number not in str(house.relay.to("b@org.example"))
    assert [move.act for move in whole(house, case_id).moves][:1] == ["order"], "the desk says that a person decides"
    coordination.choose_contacts(house.hand(case_id), list(case.chosen))
    assert not any(contact.doubted for contact in house.case(case_id).contacts.values()), "giving a place confirms it"


def test_a_mail_waits_for_certificates_and_not_for_ever(house: House) -> None:
    house.later(HOUR)
    case_id = house.opened()
    coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), "imprint")
    searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
    searching.search(house.office, house.now, lambda *_: desk.findings("slow@org.example"))
    coordination.choose_contacts(house.hand(case_id), list(house.case(case_id).contacts))
    first_mail(house, case_id)
    (mail,) = house.case(case_id).mails.values()
    assert outbox_of(house, mail.id).last_code == "certificate_looked_for"
    house.later(delivery.LEASE)
    house.deliver()
    assert house.relay.to("slow@org.example") == []
    house.later(delivery.LEASE)
    house.deliver()
    assert len(house.relay.to("slow@org.example")) == 1, "ten minutes are enough: it holds no detail (R19)"


def queue_second(house: House, case_id: str, *, after: timedelta) -> str:
    """The mail to the second contact, as the ladder queues it."""
    house.later(after)
    second = house.case(case_id).chosen[1]
    queued = e.MailQueued(
        mail_id=new_id(),
        mail_type=MailType.CONTACT_REQUEST,
        to=second,
        language=Language.FR,
        not_before=house.now,
    )
    casefile.change(house.office, case_id, house.now, lambda _: [(e.MACHINE, queued)])
    return queued.mail_id


def outbox_of(house: House, mail_id: str):  # type: ignore[no-untyped-def]
    with house.office.store.reading() as connection:
        return connection.execute(select(outbox).where(outbox.c.id == mail_id)).one()


# --- the page ---


def whole(house: House, case_id: str) -> wholecase.WholeCase:
    return wholecase.page(house.office, case_id, ADA, Language.EN, house.now)


def page(house: House, case_id: str) -> certificatepage.CertificatePage:
    contact_id = next(iter(house.case(case_id).contacts))
    return certificatepage.page(house.office, case_id, contact_id, ADA, Language.EN, house.now)


def test_the_page_says_where_from_when_and_what_the_judge_says(house: House) -> None:
    found = (
        (WKD, public()),
        (Purpose.KEYSERVER, public(SECURITY, "Older")),
        (WKD, key(SECURITY, "Leaked")[0].encode()),
    )
    case_id = searched(house, desk.certificates(*found))
    rows = page(house, case_id).rows
    assert [(row.words, row.used, row.choosable) for row in rows] == [
        ("usable", True, False),
        ("usable", False, True),
        ("a private key was published; nothing of it was kept", False, False),
    ]
    assert rows[0].user_ids == (f"Security <{SECURITY}>",)
    assert rows[0].source == "web key directory of the address's domain"
    assert all(row.probe_ids for row in rows)
    assert page(house, case_id).outcome == "found"
    (contact,) = whole(house, case_id).contacts.all
    assert contact.fingerprint == rows[0].fingerprint
    sentences = [row.sentence for row in whole(house, case_id).rows]
    assert any("refused: a private key was published" in sentence for sentence in sentences)


def test_a_certificate_that_has_lapsed_since_is_shown_so_and_not_used(house: House) -> None:
    house.later(HOUR)
    made = house.now - VALID_FOR + timedelta(days=40)
    lapses = make_certificate(f"Security <{SECURITY}>", now=made)[1]
    case_id = searched(house, desk.certificates((WKD, lapses)))
    assert page(house, case_id).encrypts
    house.later(timedelta(days=41))
    (row,) = page(house, case_id).rows
    assert (row.words, row.used, row.choosable) == ("it has expired", False, False)
    with pytest.raises(Refused):
        certificatepage.choose(house.hand(case_id), house.case(case_id).chosen[0], row.id)
    again(house, case_id, desk.certificates((WKD, lapses)), SECURITY)
    first_mail(house, case_id)
    assert [one.encrypted_to for one in prepared(house, case_id)] == [()]
