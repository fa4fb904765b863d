"""Mails as they leave: through casework and a real conversation, read as whoever gets them does, and checked by gpg."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from disclosure.casework import accounts, casefile, coordination, delivery, keys, writing
from disclosure.casework.casefile import Fact, Hand
from disclosure.casework.office import Office, new_id, sha256
from disclosure.protocol import events as e
from disclosure.protocol.codes import EmbargoEnd, MailType
from disclosure.protocol.values import AlertKind, Answer, Channel, Language, Severity
from disclosure.store.tables import outbox
from tests.chaos.scene import reopen
from tests.conftest import need
from tests.mail.faulty import Relay
from tests.office import T0, make_office, put
from tests.protocol.builders import COORDINATOR, H, Story

TOKEN = r"[a-z2-7]{24}"


@dataclass(frozen=True)
class Sent:
    """One conversation: the envelope, the bytes, and the bytes read."""

    sender: str
    recipient: str
    data: bytes

    @property
    def message(self) -> EmailMessage:
        read = message_from_bytes(self.data, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office") / "instance"
    held = make_office(folder)
    keys.ensure_service_key(held, T0 - timedelta(days=30))
    accounts.add(held, "ada", "Ada Exemple", "ada@coordination.example", Language.FR, T0 - timedelta(days=30))
    yield held
    held.store.engine.dispose()


def sent(office: Office) -> list[Sent]:
    """Everything that is due, over SMTP."""
    with Relay().running() as relay:
        out = reopen(office.settings.instance, relay.port)
        # The same operator's address everywhere: only the way out is the test's.
        with delivery.sender(out) as send:
            delivery.deliver(office, T0 + H, send)
        out.store.engine.dispose()
    assert all(command.upper().count("RCPT TO") <= 1 for command in relay.commands)
    rcpts = sum(command.upper().startswith("RCPT") for command in relay.commands)
    assert rcpts == len(relay.kept), "one recipient per mail (R23)"
    return [Sent(*kept) for kept in relay.kept]


def requested(office: Office, story: Story, *more: e.Event) -> str:
    case_id = put(office, story)
    facts: list[Fact] = [(COORDINATOR, event) for event in more]
    if facts:
        casefile.change(office, case_id, T0, lambda _: facts)
    coordination.release_first_contact(Hand(office, case_id, "ada", T0), "c1")
    return case_id


@pytest.fixture(scope="module")
def mails(office: Office) -> dict[MailType, Sent]:
    """One of each type that leaves in the clear, by type."""
    case_id = requested(office, Story())
    asked = sent(office)
    story = Story().released().standing(T0).notice(T0).acknowledged(T0)
    hoster = e.ContactEntered(
        contact_id="i1", channel=Channel.MAIL, intermediary=True, address="abuse@hoster.example", source="RDAP"
    )
    ended = e.EmbargoEnded(cause=EmbargoEnd.EXPLOITED, reason="seen")
    story.happens(T0, hoster, ended, e.PublicationAnnounced(not_before=T0 + 24 * H))
    other = put(office, story)
    person = casefile.look(office, other).case.persons["who"]
    types = {
        MailType.SECOND_CODE: person.id,
        MailType.NOTICE_READY: person.id,
        MailType.THANKS: person.id,
        MailType.SOMEBODY_CONFIRMED: "c1",
        MailType.HEADS_UP: "c1",
        MailType.REMINDER: "c1",
        MailType.FORWARD_REQUEST: "i1",
        MailType.ANSWER_READY: person.id,
        MailType.PUBLICATION_HEADS_UP: "c1",
        MailType.RETRACTION: "c1",
    }
    queued = [
        e.MailQueued(mail_id=new_id(), mail_type=kind, to=to, language=Language.FR, not_before=T0)
        for kind, to in types.items()
    ]
    casefile.change(office, other, T0, lambda _: [(e.MACHINE, event) for event in queued])
    with office.store.writing() as tx:
        casefile.call_coordinators(tx, office.policy.current.version, T0)
    asked += sent(office)
    with office.store.reading() as connection:
        rows = connection.execute(select(outbox.c.message_id, outbox.c.mail_type).where(outbox.c.state == "relayed"))
        names = {row.message_id: MailType(row.mail_type) for row in rows}
    assert case_id
    by_type = {names[one.message["Message-ID"]]: one for one in asked}
    assert set(by_type) == {*types, MailType.CONTACT_REQUEST, MailType.COORDINATORS_CALLED}
    return by_type


CLEAR = [kind for kind in MailType if kind not in writing.ENCRYPTED]
each = pytest.mark.parametrize("kind", CLEAR)


@each
def test_bytes_that_no_relay_has_a_reason_to_touch(mails: dict[MailType, Sent], kind: MailType) -> None:
    data = mails[kind].data
    assert max(data) < 128, "7bit"
    assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r"), "CRLF"
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    assert b"\r\n.\r\n" not in data


@each
def test_headers(mails: dict[MailType, Sent], kind: MailType) -> None:
    mail, message = mails[kind], mails[kind].message
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    for absent in ("Precedence", "Cc", "Bcc", "Resent-To", "Sender", "X-Mailer", "User-Agent"):
        assert message[absent] is None
    assert not [name for name in message if name.lower().startswith("list-")]
    assert [address.addr_spec for address in message["To"].addresses] == [mail.recipient]
    assert len(message.get_all("Message-ID")) == len(message.get_all("Date")) == len(message.get_all("From")) == 1


@each
def test_tokens_say_nothing(mails: dict[MailType, Sent], kind: MailType) -> None:
    """R23: Message-ID, Reply-To and envelope sender are three random tokens; none repeats, none is the number."""
    mail, message = mails[kind], mails[kind].message
    domain = r"@[a-z.-]+"
    found = [
        re.fullmatch(rf"<({TOKEN}){domain}>", message["Message-ID"]),
        re.fullmatch(rf"reply\+({TOKEN}){domain}", message["Reply-To"].addresses[0].addr_spec),
        re.fullmatch(rf"bounce\+({TOKEN}){domain}", mail.sender),
    ]
    tokens = [match[1] for match in found if match]
    assert len(set(tokens)) == 3
    elsewhere = "".join(str(other.data) for other_kind, other in mails.items() if other_kind is not kind)
    assert not any(token in elsewhere for token in tokens)


@each
def test_multipart_signed(mails: dict[MailType, Sent], kind: MailType) -> None:
    message = mails[kind].message
    assert message.get_content_type() == "multipart/signed"
    assert message.get_param("micalg") == "pgp-sha512"
    assert message.get_param("protocol") == "application/pgp-signature"
    text, signature = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert text["Content-Transfer-Encoding"] == "quoted-printable"
    assert text["Subject"] == message["Subject"], "the subject is under the signature too"
    assert signature.get_filename() == "signature.asc"
    assert signature.get_content_type() == "application/pgp-signature"


def parts(data: bytes) -> tuple[bytes, bytes]:
    """The exact bytes that were signed, and the signature (RFC 3156, 5)."""
    boundary = re.search(rb'boundary="([^"]+)"', data)
    assert boundary
    cut = data.split(b"\r\n--" + boundary.group(1))
    return cut[1].removeprefix(b"\r\n"), cut[2].split(b"\r\n\r\n", 1)[1]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, office: Office) -> Iterator[Path]:
    gpg = need("gpg", package="gnupg")
    folder = tmp_path_factory.mktemp("g", numbered=True)
    folder.chmod(0o700)
    command = [gpg, "--homedir", str(folder), "--batch", "--import", str(office.service_certificate_path)]
    subprocess.run(command, check=True, capture_output=True)
    yield folder
    subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=False)


def verified(home: Path, folder: Path, entity: bytes, signature: bytes) -> bytes:
    (folder / "entity").write_bytes(entity)
    (folder / "signature.asc").write_bytes(signature)
    command = ["gpg", "--homedir", str(home), "--batch", "--status-fd", "1", "--verify"]
    files = [str(folder / "signature.asc"), str(folder / "entity")]
    return subprocess.run([*command, *files], check=False, capture_output=True).stdout


@each
def test_gpg_verifies_what_came_over_the_wire(
    mails: dict[MailType, Sent], kind: MailType, home: Path, tmp_path: Path
) -> None:
    entity, signature = parts(mails[kind].data)
    assert b"GOODSIG" in verified(home, tmp_path, entity, signature)
    assert b"VALIDSIG" in (said := verified(home, tmp_path, entity, signature))
    assert re.search(rb"VALIDSIG \S+ \S+ \d+ \d+ \d+ \d+ 22 10 ", said), "Ed25519 with SHA-512, as micalg says"
    changed = entity.replace(b"Bonjour", b"bonjour", 1)
    assert b"BADSIG" in verified(home, tmp_path, changed, signature), "and it would notice"


def test_the_bytes_at_the_relay_are_those_on_record(office: Office, mails: dict[MailType, Sent]) -> None:
    with office.store.reading() as connection:
        hashes = dict(connection.execute(select(outbox.c.message_id, outbox.c.sha256)).all())
        for mail in mails.values():
            assert hashes[mail.message["Message-ID"]] == sha256(mail.data)


def test_from_is_the_operator_whatever_the_name(office: Office) -> None:
    """A quotation mark, a comma or an accent in the legal name must not make another address of it."""
    operator = replace(office.settings.operator, legal_name='Association "Alerte, santé" <x@evil.example>')
    named = replace(office, settings=replace(office.settings, operator=operator))
    requested(named, Story())
    (mail,) = sent(named)
    (who,) = mail.message["From"].addresses
    assert who.display_name == operator.legal_name
    assert who.addr_spec == str(office.settings.mail.from_address)


# --- R19: one text for every alert ---


def neutral(mail: Sent) -> str:
    """The text without what may differ: number, link, code, date, names of the domain."""
    text = " ".join(f"{mail.message['Subject']}\n{mail.text}".replace("\N{NO-BREAK SPACE}", " ").split())
    text = re.sub(r"/a/[\w-]+", "LINK", text)
    text = re.sub(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b", "NUMBER", text)
    return re.sub(r"\w+ \d{1,2}(?:er)? \w+ \d{4}, \d\d(?: h |:)\d\d \(Paris\)", "DATE", text)


def test_the_contact_request_is_the_same_for_every_alert(office: Office) -> None:
    sent(office)
    looks = itertools.product(Severity, AlertKind, (Answer.YES, Answer.NO))
    for severity, kind, personal in looks:
        story = Story(severity)
        assessed = story.case.assessed
        assert assessed is not None
        requested(office, story, replace(assessed, kind=kind, personal_data=personal, reason="r"))
    mails = sent(office)
    assert len(mails) == len(Severity) * len(AlertKind) * 2
    (text,) = {neutral(mail) for mail in mails}
    assert [text.count(mark) for mark in ("LINK", "DATE", "NUMBER")] == [2, 2, 5], "what may differ, and only that"
    heads = {tuple(mail.message) for mail in mails}
    assert len(heads) == 1
    assert len({mail.data.count(b"\r\n--") for mail in mails}) == 1
