"""One whole conversation through real servers: Postfix takes and delivers, Dovecot shows the answers, gpg writes them.

The notice goes out, a reply comes in by IMAP, a bounce by the pipe; and nothing of it acknowledges the case (R27, R31).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import CliRunner

from disclosure.casework import accounts, answering, coordination, delivery, filing, receiving, verification
from disclosure.casework.answering import Visit
from disclosure.casework.coordination import EnterContact
from disclosure.cli import main
from disclosure.demo import stage
from disclosure.demo.certificates import make_certificate
from disclosure.demo.world_pages import Authority
from disclosure.protocol import events as e
from disclosure.protocol.state import MailState
from disclosure.protocol.values import Audience, Channel, Domain, Standing
from disclosure.store import ledger
from tests.casework import desk
from tests.casework.desk import OWN, SECURITY, House
from tests.mail.faulty import Relay, Say
from tests.office import T0
from tests.story.conftest import gpg
from tests.story.mailservers import HOST, PASSWORD, Postfix, dovecot, postfix, room

GONE = "former.officer@org.example"
OURS = "coordination.example"
RETURNS, REPLIES = f"bounce@{OURS}", f"reply@{OURS}"
OPERATOR = {
    "DISCLOSURE_PUBLIC_URL": "https://alerts.coordination.example",
    "DISCLOSURE_MAIL_FROM_ADDRESS": f"alerts@{OURS}",
    "DISCLOSURE_OPERATOR_LEGAL_NAME": "Coordination Example",
    "DISCLOSURE_OPERATOR_REGISTER_NUMBER": "W000000000",
    "DISCLOSURE_OPERATOR_POSTAL_ADDRESS": "1 rue de l'Exemple",
    "DISCLOSURE_OPERATOR_PHONE": "+33 1 99 00 00 00",
    "DISCLOSURE_OPERATOR_MAIL": f"contact@{OURS}",
}


@dataclass
class Post:
    """The house, with real ways out and in; what its relay took is in the mailboxes."""

    house: House
    postfix: Postfix

    def out(self) -> delivery.Delivered:
        """The outbox, once; the clock goes on."""
        return delivery.deliver(self.house.office, self.house.later())

    def back(self, *, at_least: int = 1) -> None:
        """What came to the envelope senders goes through the pipe, as a transport of the relay would hand it over."""
        for message in self.postfix.take(RETURNS, at_least=at_least):
            to = message_from_bytes(message)["X-Original-To"] or message_from_bytes(message)["Delivered-To"]
            environ = {"DISCLOSURE_INSTANCE": str(self.house.office.settings.instance)}
            done = CliRunner().invoke(main, ["receive", "--recipient", to, "--sender", ""], input=message, env=environ)
            assert done.exit_code == 0, done.output
        filing.file_waiting(self.house.office, self.house.later())

    def collect(self) -> None:
        """The mailbox over IMAP."""
        assert receiving.collect(self.house.office, self.house.later()) > 0
        filing.file_waiting(self.house.office, self.house.later())

    def facts(self, case_id: str, kind: type[e.Event]) -> list[e.Event]:
        with self.house.office.store.reading() as connection:
            entries = ledger.read(self.house.office.store, connection, case_id, parts=ledger.EVERY_PART)
        return [entry.event for entry in entries if isinstance(entry.event, kind)]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    authority = Authority(tmp_path / "authority")
    with Relay(faults={"rcpt": Say("550 5.1.1 no such user here")}).running() as elsewhere, room() as folder:
        addresses = (SECURITY, OWN, desk.OFFICE_MAIL, RETURNS, REPLIES)
        with (
            postfix(folder, authority, addresses, {GONE: elsewhere.port}) as relay,
            dovecot(folder, authority, REPLIES, relay.folder(REPLIES)) as imap,
        ):
            ways = {
                "DISCLOSURE_RELAY_HOST": HOST,
                "DISCLOSURE_RELAY_PORT": str(relay.port),
                "DISCLOSURE_RELAY_SECURITY": "starttls",
                "DISCLOSURE_RELAY_CA_FILE": str(authority.file),
                "DISCLOSURE_IMAP_HOST": HOST,
                "DISCLOSURE_IMAP_PORT": str(imap),
                "DISCLOSURE_IMAP_USERNAME": REPLIES,
                "DISCLOSURE_IMAP_PASSWORD": PASSWORD,
                "DISCLOSURE_IMAP_CA_FILE": str(authority.file),
            }
            house = desk.build(tmp_path / "instance", **OPERATOR, **ways)
            yield Post(house, relay)
            house.office.store.engine.dispose()


def asked(post: Post) -> str:
    """A case whose first contact left the organisation, and whose second one reads its mail."""
    house = post.house
    case_id = house.opened()
    hand = house.hand(case_id)
    coordination.tie_domain(hand, Domain.parse(desk.DOMAIN), "imprint")
    entered = [
        coordination.enter_contact(hand, EnterContact(Channel.MAIL, one, "", "imprint")) for one in (GONE, SECURITY)
    ]
    coordination.choose_contacts(hand, entered)
    coordination.release_first_contact(house.hand(case_id), entered[0])
    return case_id


def confirmed(post: Post, case_id: str, certificate: bytes) -> Visit:
    """A person opens the link, names an own address, types the code that came there, hands in a certificate."""
    house = post.house
    visit = confirm(post, case_id)
    answering.hand_in_certificate(visit, certificate)
    answering.name_address(visit, OWN)
    post.out()
    code = stage.read_mail(stage.body_of(post.postfix.take(OWN)[-1])).code
    visit = Visit(house.office, case_id, visit.person_id, house.later())
    answering.give_second_code(visit, code)
    return visit


def confirm(post: Post, case_id: str) -> Visit:

    mail = stage.read_mail(stage.body_of(post.postfix.take(SECURITY)[-1]))
    house = post.house
    session = answering.confirm(house.office, mail.token, mail.code, "N. Name", "DPO", house.later())
    held = accounts.read_session(house.office, Audience.ORGANISATION, session, house.now)
    assert held is not None
    return Visit(house.office, case_id, held.subject, house.now)


def test_notice_out_reply_in_bounce_in(post: Post, home: Path) -> None:
    house = post.house
    secret, public = make_certificate(f"N. Name <{OWN}>", now=T0 - timedelta(days=100))
    gpg(home, "--import", data=secret.encode())
    gpg(home, "--import", data=house.office.service_certificate_path.read_bytes())
    case_id = asked(post)
    the_first_contact_is_gone(post, case_id)
    post.out()
    post.back()
    assert len(post.facts(case_id, e.MailDelivered)) == 1, "the relay took it, and their server put it into a mailbox"
    visit = confirmed(post, case_id, public)
    notice = noticed(post, visit, home)
    answered(post, visit, home, notice)

    # The answer goes out encrypted, and only the person's own act acknowledges.
    coordination.answer_organisation(house.hand(case_id), "Thank you. Is the copy gone as well?")
    post.out()
    assert b"Is the copy gone" not in post.postfix.take(OWN)[-1]
    answering.open_notice(Visit(house.office, case_id, visit.person_id, house.later()))
    answering.acknowledge(Visit(house.office, case_id, visit.person_id, house.later()))
    assert house.case(case_id).acknowledged_at is not None
    assert verification.verify(house.office).ok


def the_first_contact_is_gone(post: Post, case_id: str) -> None:
    """Postfix takes the mail, the server behind refuses it, and a report comes back (R31)."""
    assert post.out().relayed == 1
    post.back()
    (came_back,) = post.facts(case_id, e.MailBounced)
    assert isinstance(came_back, e.MailBounced)
    assert (came_back.code, "no such user here" in came_back.diagnostic) == ("5.1.1", True)
    case = post.house.case(case_id)
    assert case.contacts[came_back.to].disabled
    assert [mail.state for mail in case.mails.values()] == [MailState.DEAD, MailState.QUEUED], "the next one, at once"


def noticed(post: Post, visit: Visit, home: Path) -> EmailMessage:
    """The notice is released and leaves; nothing of it can be read on the way, and gpg reads it."""
    house, case_id = post.house, visit.case_id
    person = house.case(case_id).persons[visit.person_id]
    assert person.standing is Standing.S2
    coordination.draft_notice(house.hand(case_id), desk.NOTICE)
    release = coordination.ReleaseNotice(person.id, person.standing, person.fingerprint, True, True)
    coordination.release_notice(house.hand(case_id), release)
    post.out()
    raw = post.postfix.take(OWN)[-1]
    assert b"Technical explanation" not in raw
    notice = message_from_bytes(raw, policy=policy.default)
    assert isinstance(notice, EmailMessage)
    ciphertext = next(part for part in notice.walk() if part.get_content_type() == "application/octet-stream")
    shown = gpg(home, "--trust-model", "always", "--decrypt", data=ciphertext.get_content())
    assert b"Technical explanation" in shown.stdout
    assert b"Good signature" in shown.stderr
    return notice


def answered(post: Post, visit: Visit, home: Path, notice: EmailMessage) -> None:
    """A reply that gpg signed and encrypted comes by IMAP, an absence too; neither acknowledges anything."""
    house, case_id = post.house, visit.case_id
    said = b"Content-Type: text/plain; charset=utf-8\r\n\r\nThank you, we have closed the export.\r\n"
    ours = str(house.office.settings.mail.from_address)
    sealed = gpg(home, *f"--trust-model always --armor --sign --encrypt -u {OWN} -r {ours}".split(), data=said)
    post.postfix.send(reply(notice, sealed.stdout), sender=OWN, to=str(notice["Reply-To"]))
    post.postfix.send(absence(notice), sender="", to=str(notice["Reply-To"]))
    post.postfix.mail(REPLIES, at_least=2)
    house.now = max(house.now, datetime.now(UTC))  # gpg signs by the clock of this machine
    post.collect()
    (mailed,) = post.facts(case_id, e.OrganisationMailed)
    assert isinstance(mailed, e.OrganisationMailed)
    assert mailed.words == "Thank you, we have closed the export."
    assert (mailed.encrypted, mailed.signed, mailed.by) == (True, "good", "token")
    noted = [fact.what for fact in post.facts(case_id, e.MailNoted) if isinstance(fact, e.MailNoted)]
    assert noted[-1] == "auto_reply"
    assert house.case(case_id).acknowledged_at is None, "whatever it says (R27)"


def reply(notice: EmailMessage, armour: bytes) -> bytes:
    """PGP/MIME as a mail program writes it (RFC 3156), the outer subject as it was."""
    head = f"From: N. Name <{OWN}>\r\nTo: {notice['Reply-To'].upper()}\r\nSubject: Re: ...\r\n"
    return (
        (
            f"{head}In-Reply-To: {notice['Message-ID']}\r\nMessage-ID: <reply@org.example>\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"\r\n\r\n'
            "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
            "--b\r\nContent-Type: application/octet-stream\r\n\r\n"
        ).encode()
        + armour.replace(b"\n", b"\r\n")
        + b"\r\n--b--\r\n"
    )


def absence(notice: EmailMessage) -> bytes:
    return (
        f"From: {OWN}\r\nTo: {notice['Reply-To']}\r\nSubject: Absence\r\nAuto-Submitted: auto-replied\r\n"
        "Message-ID: <away@org.example>\r\n\r\nJe suis absente jusqu'au 4 décembre.\r\n"
    ).encode()


def test_a_relay_that_does_not_know_the_recipient_says_so_at_once(post: Post) -> None:
    """No bounce is waited for: the refusal is the fact, and the next contact is written to."""
    house = post.house
    case_id = house.opened()
    coordination.tie_domain(house.hand(case_id), Domain.parse(desk.DOMAIN), "imprint")
    ids = [
        coordination.enter_contact(house.hand(case_id), EnterContact(Channel.MAIL, one, "", "imprint"))
        for one in ("nobody.knows@org.example", SECURITY)
    ]
    coordination.choose_contacts(house.hand(case_id), ids)
    coordination.release_first_contact(house.hand(case_id), ids[0])
    done = post.out()
    assert (done.refused, done.relayed) == (1, 1)
    assert post.postfix.take(SECURITY)
    assert house.case(case_id).contacts[ids[0]].disabled
