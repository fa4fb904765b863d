"""A canary in every field of a report, and a whole ladder: none of them in anything that leaves in the clear (R19-R23).

Subject, body, headers, envelope, file names, every part decoded, the log of the whole run, and every encoding that a
mail could hide it in. What leaves encrypted is opened as its reader would: nothing of the source is in there (R21).
"""

from __future__ import annotations

import io
import logging
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from urllib.parse import quote

import pysequoia
import pytest
from sqlalchemy import select

from disclosure.casework import (
    answering,
    authorities,
    clockwork,
    coordination,
    forwarding,
    noticepictures,
    publishing,
    writing,
)
from disclosure.casework.coordination import EnterContact, ReleaseNotice
from disclosure.casework.notices import Basis, NoticeFact, NoticeText
from disclosure.demo.certificates import make_certificate
from disclosure.mail import relay
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType, OwnClock
from disclosure.protocol.values import Address, Channel, Severity
from disclosure.store.tables import outbox, reports
from tests.casework import desk
from tests.casework.desk import ADA, OWN, SECURITY
from tests.office import T0
from tests.web.house import House, Prepared
from tests.web.walk import (
    EXIF,
    FILE_NAME,
    FORWARDED,
    MESSAGE,
    REFERER,
    REPORT,
    REPORTER_CANARIES,
    USER_AGENT,
    begun,
    told,
)

ABUSE, SECOND_OWN, ANSSI = "abuse@hoster.example", "second@org.example", "cert@anssi.example"
BESIDE = (EXIF, FILE_NAME, USER_AGENT, FORWARDED, REFERER, MESSAGE)
CANARIES = (*REPORTER_CANARIES, *BESIDE)
# R21, R4: in no notice and in no dossier, though the coordinator reads them. A name without consent is one of them.
OF_THE_SOURCE = (REPORT["how_obtained"], REPORT["reporter_name"], *BESIDE)


@dataclass
class Taking(desk.Relay):
    """A relay that keeps the envelope too: sender, recipient, id, beside the mail."""

    envelopes: list[str] = field(default_factory=list)

    def __call__(self, message: bytes, sender: str, recipient: Address, envelope_id: str) -> relay.Outcome:
        self.envelopes.append(f"{sender} {recipient} {envelope_id}")
        return super().__call__(message, sender, recipient, envelope_id)


# --- looking for a canary in whatever way it may be written ---


def disguises(canary: str) -> Iterator[bytes]:
    """The bytes of it, lower-cased, in the encodings that mail and web know."""
    for charset in ("utf-8", "latin-1", "utf-16-le", "utf-7"):
        for whole in {canary.encode(charset), canary.lower().encode(charset), canary.upper().encode(charset)}:
            yield whole.lower()
            yield whole.hex().encode()
            for shift in range(3):  # where it falls in the groups of three
                coded = b64encode(b"\0" * shift + whole)
                yield coded[4 if shift else 0 : (shift + len(whole)) // 3 * 4].lower()
    yield quote(canary.lower()).lower().encode()


def readings(data: bytes) -> Iterator[bytes]:
    """The bytes as they are, without soft line ends and without any, and each part and header decoded."""
    yield data
    yield data.replace(b"=\r\n", b"").replace(b"=\n", b"")
    yield b"".join(data.split())
    yield from _decoded(message_from_bytes(data, policy=policy.default))


def _decoded(message: Message) -> Iterator[bytes]:
    for part in message.walk():
        for name, value in part.items():
            yield f"{name}: {value}".encode()
        yield (part.get_filename() or "").encode()
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield content
            yield content.decode(part.get_content_charset() or "utf-8", "replace").encode()


def leaks(data: bytes, canaries: tuple[str, ...] = CANARIES) -> set[str]:
    """Which canaries are in there."""
    read = [reading.lower() for reading in readings(data)]
    return {
        canary
        for canary in canaries
        if any(disguise in reading for disguise in disguises(canary) if len(disguise) > 6 for reading in read)  # noqa: PLR2004
    }


def _mail(
    subject: str = "s", body: str = "b", *, cte: str = "quoted-printable", charset: str = "utf-8"
) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = subject
    message.set_content(body, charset=charset, cte=cte)
    return message


def _with_file(name: str, content: bytes) -> EmailMessage:
    message = _mail()
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message


CANARY = REPORT["affected"]  # with an accent: the worst to find


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (_mail(subject=f"Alerte {CANARY}"), "subject, encoded as a word"),
        (_mail(body="x" * 70 + CANARY), "quoted-printable, broken by a soft line end"),
        (_mail(body=CANARY, cte="base64"), "base64"),
        (_mail(body=f"abc {CANARY}", charset="latin-1"), "another character set"),
        (_with_file(f"{CANARY}.txt", b""), "a file's name"),
        (_with_file("x.bin", f"..{CANARY}".encode()), "a file"),
        (_mail(body=b64encode(f"a{CANARY}bcdef".encode()).decode()), "base64 by hand, inside the text"),
        (_mail(body=quote(CANARY)), "as in an address of the web"),
        (_mail(body=CANARY.encode("utf-7").decode()), "UTF-7"),
        (_mail(body=CANARY.encode().hex()), "hexadecimal"),
        (_mail(body=CANARY.upper()), "in capitals"),
    ],
)
def test_the_search_finds_what_is_hidden(message: EmailMessage, why: str) -> None:
    assert CANARY in leaks(message.as_bytes()), why


def test_and_nothing_where_there_is_nothing() -> None:
    assert leaks(_mail(body="Canari, tout court.").as_bytes()) == set()


def test_every_field_of_a_report_that_takes_words_has_its_canary() -> None:
    sealed = {name for name, held in e.ReportReceived.__dataclass_fields__.items() if held.type == "str"}
    codes_and_ours = {
        "country": "from a list",
        "consent_text": "a sentence of ours, kept when the box is ticked; here it is not",
    }
    assert {name for name in sealed | {"domains"} if "anari" not in REPORT.get(name, "")} == set(codes_and_ours)
    assert len(set(CANARIES)) == len(CANARIES), "each its own"


# --- the whole ladder ---


@dataclass
class Run:
    relay: Taking
    secrets: dict[str, str]
    log: str
    types: set[MailType]


class Play(desk.House):
    """tests/casework's steps with a relay that keeps envelopes."""

    def silence(self, case_id: str, days: int) -> None:
        """Nobody answers; every task is done, but nobody learns anything by it."""
        for _ in range(days):
            self.deliver()
            clockwork.tick(self.office, self.later(timedelta(days=1)))
            for task in self.case(case_id).tasks.values():
                if task.open:
                    coordination.task_done(self.hand(case_id), task.id, "called", "", none_given=True)
        self.deliver()


def begin(house: House, taking: Taking) -> tuple[Play, str]:
    """The report through the form, with everything that a browser tells; a case of it, with contacts."""
    told(begun(house))
    desk.hire(house.office, ADA)
    play = Play(house.office, taking, house.now)
    report_id = newest(house)
    case_id = play.tied(report_id, severity=Severity.CRITICAL)
    return play, case_id


def newest(house: House) -> str:
    with house.office.store.reading() as connection:
        return str(connection.scalar(select(reports.c.id)))


def draft(play: Play, case_id: str) -> tuple[str, ...]:
    """A notice that quotes what may be quoted, and shows the picture."""
    with play.office.store.reading() as connection:
        pictures = tuple(one.id for one in noticepictures.offered(connection, case_id))
    assert pictures, "the report came with one"
    quoted = NoticeText(
        presentation=REPORT["description"],
        technical=REPORT["where_seen"],
        advice="Advice.",
        facts=(NoticeFact(Basis.REPORTED, None, REPORT["affected"]),),
        pictures=pictures,
    )
    coordination.draft_notice(play.hand(case_id), quoted)
    return pictures


def release(play: Play, case_id: str, person_id: str, pictures: tuple[str, ...]) -> None:
    person = play.case(case_id).persons[person_id]
    command = ReleaseNotice(person_id, person.standing, person.fingerprint, True, True, pictures)
    coordination.release_notice(play.hand(case_id), command)
    play.deliver()


def certified(play: Play, case_id: str, address: str) -> tuple[answering.Visit, str]:
    secret, public = make_certificate(f"Second <{address}>", now=T0 - timedelta(days=1))
    visit = play.confirmed(case_id, "Second")
    answering.hand_in_certificate(visit, public)
    return play.shown(visit, address), secret


def whole_ladder(house: House, taking: Taking) -> tuple[Play, dict[str, str]]:
    play, case_id = begin(house, taking)
    secret, public = make_certificate(f"CERT <{ANSSI}>", now=T0 - timedelta(days=1))
    authorities.confirm_channel(play.office, "fr-anssi:mail", public, ADA, play.now)
    abuse = coordination.enter_contact(
        play.hand(case_id), EnterContact(Channel.MAIL, ABUSE, "Hoster", "RDAP", intermediary=True)
    )
    security, _, phone = play.case(case_id).chosen
    coordination.choose_contacts(play.hand(case_id), [security, phone])  # one mailbox alone is reminded itself
    coordination.release_first_contact(play.hand(case_id), security)
    pictures = draft(play, case_id)
    play.silence(case_id, 6)
    assert play.case(case_id).referred, "up to the authorities"
    forwarding.release(play.hand(case_id), abuse)
    called = e.CoordinatorsCalled(clock=OwnClock.TASK_OVERDUE, subject="x")
    coordination.casefile.change(play.office, case_id, play.now, lambda _: [(e.MACHINE, called)])
    play.deliver()
    first = play.shown(play.confirmed(case_id, "First"))
    release(play, case_id, first.person_id, pictures)
    second, second_secret = certified(play, case_id, SECOND_OWN)
    release(play, case_id, second.person_id, pictures)
    coordination.answer_organisation(play.hand(case_id), f"Answer: {REPORT['description']}")
    play.silence(case_id, 4)
    answering.acknowledge(replace(second, now=play.later()))
    answering.claim_remediation(replace(second, now=play.later()), "done")
    publishing.announce(play.hand(case_id), play.now + timedelta(days=2))
    play.silence(case_id, 2)
    publishing.publish(play.hand(case_id), "A text.")
    play.later()
    publishing.retract(play.hand(case_id), "A mistake.")
    play.deliver()
    return play, {SECOND_OWN: second_secret, ANSSI: secret}


@pytest.fixture(scope="module")
def run(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    house, taking, stream = House(prepared, tmp_path_factory.mktemp("run") / "instance"), Taking(), io.StringIO()
    listener = logging.StreamHandler(stream)
    listener.setFormatter(_Everything())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        logging.getLogger("canaries").debug("the listener hears")
        _, secrets = whole_ladder(house, taking)
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
    sent = {MailType(kind) for kind in types(house)}
    yield Run(taking, secrets, stream.getvalue(), sent)
    house.close()


class _Everything(logging.Formatter):
    """What a formatter of an operator's own could print: the whole record."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {record.__dict__!r}"


def types(house: House) -> set[str]:
    with house.office.store.reading() as connection:
        return set(connection.scalars(select(outbox.c.mail_type).where(outbox.c.state == "relayed")))


def test_every_mail_of_the_protocol_left(run: Run) -> None:
    assert run.types == set(MailType)
    assert {recipient for recipient, _ in run.relay.taken} >= {SECURITY, ABUSE, OWN, SECOND_OWN, ANSSI}


def test_no_canary_leaves_in_the_clear(run: Run) -> None:
    assert not [(recipient, held) for recipient, message in run.relay.taken if (held := leaks(message))]
    assert not leaks("\n".join(run.relay.envelopes).encode())
    assert len(run.relay.envelopes) == len(run.relay.taken)


def test_no_canary_is_in_the_log(run: Run) -> None:
    assert "the listener hears" in run.log
    assert leaks(run.log.encode()) == set()


def inside(message: bytes, secret: str) -> bytes:
    outer = message_from_bytes(message, policy=policy.default)
    armoured = next(part for part in outer.iter_parts() if part.get_content_type() == "application/octet-stream")
    decryptor = pysequoia.Tsk.from_bytes(secret.encode()).decryptor()
    return bytes(pysequoia.decrypt(armoured.get_content(), decryptor=decryptor).bytes)


def test_nothing_of_the_source_is_in_what_was_encrypted(run: Run) -> None:
    opened = [
        inside(message, run.secrets[recipient])
        for recipient, message in run.relay.taken
        if recipient in run.secrets and b"multipart/encrypted" in message
    ]
    assert opened
    assert any(leaks(clear, (REPORT["description"],)) for clear in opened), "what may be quoted is in there, and found"
    assert any(b"image-1.png" in clear for clear in opened), "the picture, under a name of ours"
    assert [leaks(clear, OF_THE_SOURCE) for clear in opened] == [set()] * len(opened)


def test_a_canary_in_a_subject_would_be_found(
    prepared: Prepared, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The product broken on purpose: one field of the report in the contact request's subject."""
    house, taking = House(prepared, tmp_path_factory.mktemp("broken") / "instance"), Taking()
    compose = writing.compose.compose
    monkeypatch.setattr(
        writing.compose, "compose", lambda mail, first: replace(compose(mail, first), subject=REPORT["organisation"])
    )
    play, case_id = begin(house, taking)
    coordination.release_first_contact(play.hand(case_id), play.case(case_id).chosen[0])
    play.deliver()
    (message,) = taking.to(SECURITY)
    assert REPORT["organisation"] in leaks(message)
    house.close()
