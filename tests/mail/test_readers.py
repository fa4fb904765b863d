"""What we send, read by what people read mail with: notmuch, gpg and Python's own parser (facts: openpgp 5)."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from typing import Any

import pytest

from disclosure.mail import compose, pgpmime
from disclosure.mail.compose import MailText
from disclosure.mail.pgpmime import HIDDEN_SUBJECT, MAX_LINE, Attachment, Envelope
from disclosure.openpgp.judge import judge
from disclosure.openpgp.keys import ServiceKey
from disclosure.protocol.values import Address, Language
from tests.conftest import need
from tests.mail.samples import NUMBER, SAMPLES, SENDER
from tests.openpgp.zoo import MADE, NOW, Zoo

TO = Address.parse("securite@org.example")
NAME = "Capture d'écran – clients.png"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
OUTER = (
    *("From", "To", "Reply-To", "Date", "Message-ID", "Subject"),
    *("Auto-Submitted", "X-Auto-Response-Suppress"),
)
STRUCTURAL = ("MIME-Version", "Content-Type")


@dataclass(frozen=True)
class Mail:
    text: MailText
    envelope: Envelope
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return parsed(self.raw)


def parsed(raw: bytes) -> EmailMessage:
    read = message_from_bytes(raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert not [part.defects for part in read.walk() if part.defects]
    return read


@dataclass(frozen=True)
class House:
    """The organisation's machine: a keyring with its secret key and our certificate, and a mailbox."""

    zoo: Zoo
    certificate: bytes
    service: ServiceKey

    def notmuch(self, *args: str) -> Any:
        environment = os.environ | {
            "NOTMUCH_CONFIG": str(self.zoo.folder / "notmuch"),
            "GNUPGHOME": str(self.zoo.home),
            "HOME": str(self.zoo.folder),
        }
        done = subprocess.run(["notmuch", *args], env=environment, capture_output=True, check=True)
        return json.loads(done.stdout) if done.stdout.startswith(b"[") else done.stdout

    def read(self, mail: Mail) -> Any:
        """The message as notmuch shows it: its part of the thread, headers, body, what is proven."""
        name = mail.envelope.message_id.strip("<>")
        shown = self.notmuch("show", "--format=json", "--decrypt=true", "--verify", f"id:{name}")
        return shown[0][0][0]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    need("gpg", package="gnupg")
    need("notmuch", package="notmuch")
    zoo = Zoo(tmp_path_factory.mktemp("h"))
    zoo.home.mkdir(mode=0o700)
    service = ServiceKey.generate(f"{SENDER.operator.legal_name} <{SENDER.operator.mail}>", now=MADE)
    zoo.gpg("--import", data=service.certificate())
    # As somebody does who has compared the fingerprint with the one in the contact request.
    zoo.gpg("--import-ownertrust", data=f"{service.fingerprint}:6:\n".encode())
    zoo.gpg("--quick-gen-key", f"Securite <{TO}>", "future-default", "default", "never", at=MADE)
    (zoo.folder / "mail" / "new").mkdir(parents=True)
    (zoo.folder / "notmuch").write_text(f"[database]\npath={zoo.folder / 'mail'}\n[user]\nprimary_email={TO}\n")
    try:
        yield House(zoo, zoo.gpg("--export", str(TO)), service)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(zoo.home), "--kill", "all"], check=False)


def envelope() -> Envelope:
    return Envelope(
        from_=f'"{SENDER.operator.legal_name}" <{SENDER.operator.mail}>',
        to=TO,
        reply_to=f"reply+{pgpmime.random_token()}@coordination.example",
        message_id=f"<{pgpmime.random_token()}@coordination.example>",
        date=NOW - timedelta(hours=1),
    )


@pytest.fixture(scope="module")
def request_(house: House) -> Mail:
    text, around = compose.compose(SAMPLES["contact_request"], Language.FR), envelope()
    return Mail(text, around, pgpmime.signed(text, around, house.service, now=NOW))


@pytest.fixture(scope="module")
def notice(house: House) -> Mail:
    text, around = compose.compose(SAMPLES["notice"], Language.FR), envelope()
    verdict = judge(house.certificate, address=TO, now=NOW)
    pictures = [Attachment(NAME, "image/png", PICTURE)]
    return Mail(text, around, pgpmime.encrypted(text, pictures, around, [verdict], house.service))


@pytest.fixture(scope="module")
def delivered(house: House, request_: Mail, notice: Mail) -> House:
    for number, mail in enumerate((request_, notice)):
        # A mailbox holds lines as this machine ends them; a signature holds for CRLF (RFC 3156, 5).
        (house.zoo.folder / "mail" / "new" / str(number)).write_bytes(mail.raw.replace(b"\r\n", b"\n"))
    house.notmuch("new")
    return house


# --- notmuch ---------------------------------------------------------------------------------------------------------


def signatures(status: Any) -> list[tuple[str, str]]:
    return [(one["status"], one["fingerprint"]) for one in status]


def test_notmuch_verifies_the_request(delivered: House, request_: Mail) -> None:
    shown = delivered.read(request_)
    assert shown["crypto"].keys() == {"signed"}
    signed = shown["crypto"]["signed"]
    assert signatures(signed["status"]) == [("good", delivered.service.fingerprint)]
    assert "Subject" in signed["headers"], "the subject is under the signature"
    assert shown["headers"]["Subject"] == request_.text.subject
    text, signature = shown["body"][0]["content"]
    assert text["content"].strip() == request_.text.body.strip()
    assert signature["content-type"] == "application/pgp-signature"


def test_notmuch_opens_the_notice(delivered: House, notice: Mail) -> None:
    shown = delivered.read(notice)
    crypto = shown["crypto"]
    assert crypto["decrypted"] == {"status": "full", "header-mask": {"Subject": HIDDEN_SUBJECT}}
    assert signatures(crypto["signed"]["status"]) == [("good", delivered.service.fingerprint)]
    assert crypto["signed"]["encrypted"] is True, "signed before it was encrypted"
    assert shown["headers"]["Subject"] == notice.text.subject
    _, inner = shown["body"][0]["content"]
    text, picture = inner["content"]
    assert text["content"].strip() == notice.text.body.strip()
    assert picture["filename"] == NAME


def test_notmuch_would_notice(delivered: House, request_: Mail) -> None:
    """The test above can fail: one word changed, and the signature is bad."""
    name = f"<{pgpmime.random_token()}@coordination.example>"
    raw = request_.raw.replace(request_.envelope.message_id.encode(), name.encode(), 1).replace(b"Bonjour", b"Bonsoir")
    (delivered.zoo.folder / "mail" / "new" / "changed").write_bytes(raw.replace(b"\r\n", b"\n"))
    delivered.notmuch("new")
    shown = delivered.notmuch("show", "--format=json", "--verify", f"id:{name.strip('<>')}")[0][0][0]
    assert [one["status"] for one in shown["crypto"]["signed"]["status"]] == ["bad"]


# --- gpg and Python's parser -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def inner(house: House, notice: Mail) -> bytes:
    """The entity that gpg decrypts out of the second part."""
    _, part = notice.message.iter_parts()
    said = house.zoo.folder / "status"
    plain = house.zoo.gpg("--status-file", str(said), "--decrypt", data=str(part.get_payload()).encode())
    status = said.read_text(encoding="utf-8")
    for word in ("GOODSIG", "VALIDSIG", "GOODMDC", "DECRYPTION_OKAY"):
        assert word in status
    return plain


def test_gpg_gives_back_the_entity(inner: bytes, notice: Mail) -> None:
    message = parsed(inner)
    text, picture = message.iter_parts()
    assert message["Subject"] == notice.text.subject
    assert str(text.get_content()).replace("\r\n", "\n") == notice.text.body
    assert picture.get_filename() == NAME
    assert picture.get_content() == PICTURE


def test_the_protected_headers(inner: bytes, notice: Mail) -> None:
    """Both words for it, and under RFC 9788 what each outer field looked like."""
    message, outer = parsed(inner), notice.message
    assert message.get_param("hp") == "cipher"
    assert message.get_param("protected-headers") == "v1"
    assert {name: message[name] for name in OUTER} == {name: outer[name] for name in OUTER} | {
        "Subject": notice.text.subject
    }
    assert stated(inner) == [(name, as_written(notice.raw)[name]) for name in OUTER]


def as_written(raw: bytes) -> dict[str, str]:
    """Header fields as they stand there, unfolded and not decoded."""
    return {name: " ".join(value.split()) for name, value in message_from_bytes(raw, policy=policy.compat32).items()}


def stated(entity: bytes) -> list[tuple[str, str]]:
    """What the inner entity says of the outer fields."""
    fields = message_from_bytes(entity, policy=policy.compat32).get_all("HP-Outer", [])
    parted = [" ".join(field.split()).partition(": ") for field in fields]
    return [(name, value) for name, _, value in parted]


@pytest.mark.parametrize("name", ["Société « Alerte »", 'Alerte, "santé"', "Œuvre " * 15])
def test_what_is_stated_is_what_stands_there(house: House, name: str) -> None:
    """RFC 9788, 2.2: the same octets; a name with accents is encoded outside, and its copy must be too."""
    around = replace(envelope(), from_=str(HeaderAddress(name.strip(), addr_spec=str(SENDER.operator.mail))))
    verdict = judge(house.certificate, address=TO, now=NOW)
    raw = pgpmime.encrypted(MailText("S", "T\n", ("fr",)), [], around, [verdict], house.service)
    entity = house.zoo.gpg("--decrypt", data=raw)
    assert stated(entity) == [(field, as_written(raw)[field]) for field in OUTER]
    assert parsed(entity)["From"] == parsed(raw)["From"]


def test_the_outer_mail_of_a_notice(notice: Mail) -> None:
    outer = notice.message
    assert tuple(outer) == (*OUTER, *STRUCTURAL)
    assert outer["Subject"] == HIDDEN_SUBJECT == "[...]"
    assert outer.get_content_type() == "multipart/encrypted"
    assert outer.get_param("protocol") == "application/pgp-encrypted"
    version, part = outer.iter_parts()
    assert (version.get_content_type(), version.get_payload()) == ("application/pgp-encrypted", "Version: 1")
    assert version["Content-Transfer-Encoding"] is None, "never base64"
    assert (part.get_content_type(), part.get_filename()) == ("application/octet-stream", "encrypted.asc")
    assert str(part.get_payload()).startswith("-----BEGIN PGP MESSAGE-----")


def test_the_outer_mail_of_a_request(request_: Mail) -> None:
    text, _ = request_.message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert text.get_param("hp") == "clear"
    assert text.get_param("protected-headers") == "v1"
    assert request_.message.get_param("micalg") == "pgp-sha512"
    assert {name: text[name] for name in OUTER} == {name: request_.message[name] for name in OUTER}
    assert text["HP-Outer"] is None, "nothing is hidden, so there is nothing to state"


@pytest.mark.parametrize("which", ["request_", "notice"])
def test_bytes_that_no_relay_has_a_reason_to_touch(which: str, request: pytest.FixtureRequest) -> None:
    raw = request.getfixturevalue(which).raw
    assert max(raw) < 128, "7bit"
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r"), "CRLF"
    assert max(len(line) for line in raw.split(b"\r\n")) <= MAX_LINE == 998


def test_no_word_of_a_notice_is_on_the_wire(house: House, notice: Mail, inner: bytes) -> None:
    """Around the ciphertext stands the same for any content: no subject, text, file name, number, link, code."""
    verdict = judge(house.certificate, address=TO, now=NOW)
    other = pgpmime.encrypted(MailText("S", "T\n", ("en",)), [], notice.envelope, [verdict], house.service)
    assert around_ciphertext(notice.raw) == around_ciphertext(other)
    raw = notice.raw.decode("ascii")
    codes = re.findall(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b", notice.text.body)
    assert str(NUMBER) in codes
    for whole in (*codes, NAME, "ecran", "image/png"):
        assert whole not in raw
    assert b"HP-Outer" in inner
    assert "HP-Outer" not in raw


def around_ciphertext(raw: bytes) -> tuple[bytes, bytes]:
    head, _, rest = re.sub(rb"=_[a-z2-7]{24}", b"BOUNDARY", raw).partition(b"-----BEGIN PGP MESSAGE-----")
    return head, rest.partition(b"-----END PGP MESSAGE-----")[2]
