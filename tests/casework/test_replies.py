"""Replies to our key, read by the readers of the product: opened, judged, and shown as what they are (R19, R27)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from disclosure.casework import keys, replies
from disclosure.casework.quoting import MOST, own_words
from disclosure.casework.replies import Reply
from disclosure.mail.inbound import read_safely
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.writer import encrypt
from tests.casework.desk import House

BEFORE = timedelta(days=2)
HEADER = "From: N. Name <n.name@org.example>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <one@org.example>\r\n"
TEXT = "Content-Type: text/plain; charset=utf-8\r\n\r\nIt is closed since noon.\r\n\r\n-- \r\nN. Name\r\n"


@pytest.fixture(scope="module")
def theirs(house: House) -> ServiceKey:
    """The key of a person whose certificate the case knows."""
    return ServiceKey.generate("N. Name <n.name@org.example>", now=house.now - BEFORE)


def sealed(house: House, content: str, signer: ServiceKey | None) -> bytes:
    """PGP/MIME to the service's newest certificate, as mail programs send it (RFC 3156)."""
    ours = keys.service_key(house.office).certificate()
    verdict = judge_safely(ours, address=house.office.settings.mail.from_address, now=house.now)
    armour = encrypt(content.encode(), to=[verdict], signer=signer).armoured().decode()
    return mime(house, armour)


def mime(house: House, armour: str, beside: str = "") -> bytes:
    outer = HEADER.format(to=house.office.settings.mail.from_address, subject="...")
    return (
        f'{outer}Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n{beside}'
        "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        f"--b\r\nContent-Type: application/octet-stream\r\n\r\n{armour}\r\n--b--\r\n"
    ).encode()


def read(house: House, message: bytes, *known: ServiceKey) -> Reply:
    certificates = [key.certificate() for key in known]
    signed_before = datetime.now(UTC) + timedelta(minutes=1)  # the writer's library signs by its own clock
    return replies.opened(house.office, read_safely(message), certificates, (), signed_before)


def test_content_is_opened_and_the_signer_named(house: House, theirs: ServiceKey) -> None:
    inner = HEADER.format(to=house.office.settings.mail.from_address, subject="Closed") + TEXT
    reply = read(house, sealed(house, inner, theirs), theirs)
    assert (reply.words, reply.subject) == ("It is closed since noon.\n\nN. Name", "Closed"), (
        "the subject inside counts"
    )
    assert (reply.encrypted, reply.unread, reply.signed, reply.signer) == (True, "", "good", theirs.fingerprint)


def _stranger(house: House) -> ServiceKey:
    return ServiceKey.generate("Somebody <some@body.example>", now=house.now - BEFORE)


SIGNERS: list[tuple[str, str, Callable[[House, ServiceKey], ServiceKey | None], str]] = [
    ("", "", lambda _, __: None, "encrypting proves nothing of who wrote"),
    ("unknown_key", "", lambda house, _: _stranger(house), "a key that the case does not know"),
    (
        "for_another",
        "org.example <office@org.example>",
        lambda _, theirs: theirs,
        "signed for others, sealed to us anew",
    ),
    ("good", "alert@{domain}, office@org.example", lambda _, theirs: theirs, "we are one of those it was written to"),
]


@pytest.mark.parametrize(("signed", "to", "signer", "why"), SIGNERS, ids=[row[3] for row in SIGNERS])
def test_what_a_signature_says(
    house: House,
    theirs: ServiceKey,
    signed: str,
    to: str,
    signer: Callable[[House, ServiceKey], ServiceKey | None],
    why: str,
) -> None:
    to = to.format(domain=house.office.settings.mail.domain) or str(house.office.settings.mail.from_address)
    message = sealed(house, HEADER.format(to=to, subject="x") + TEXT, signer(house, theirs))
    reply = read(house, message, theirs)
    assert (reply.signed, reply.unread) == (signed, ""), why


@pytest.mark.parametrize(
    ("broken", "unread", "why"),
    [
        (lambda armour: armour[: len(armour) // 2], "unreadable", "cut off on the way: no armour any more"),
        (lambda armour: armour.replace("\n\n", "\n\nAAAA", 1), "damaged", "a letter group put in"),
    ],
)
def test_what_cannot_be_opened_shows_nothing(
    house: House, theirs: ServiceKey, broken: Callable[[str], str], unread: str, why: str
) -> None:
    whole = sealed(house, TEXT, theirs).decode()
    begin, end = whole.index("-----BEGIN"), whole.index("-----END PGP MESSAGE-----") + 25
    armour = broken(whole[begin:end].replace("\r\n", "\n"))
    reply = read(house, mime(house, armour, beside="Trust this text, it stands beside.\r\n"), theirs)
    assert reply.encrypted
    assert reply.words == "", why
    assert reply.unread in {unread, "damaged", "unreadable", "partial"}, why


def test_after_a_rotation_replies_to_the_older_key_are_still_opened(house: House, theirs: ServiceKey) -> None:
    message = sealed(house, TEXT, theirs)
    keys.rotate(house.office, house.later())
    assert read(house, message, theirs).words.startswith("It is closed")


@pytest.mark.parametrize(
    ("text", "kept", "why"),
    [
        ("We look into it.\n\nOn Monday, X wrote:\n> Please help", "We look into it.", "an English quote"),
        ("Wir prüfen.\n\nAm 3. März schrieb X <x@y.example>:\n> Bitte", "Wir prüfen.", "a German one"),
        ("> Please help", "> Please help", "nothing else: better the quote than nothing"),
        ("x" * (MOST + 1), "x" * MOST + " […]", "as much as a page shows, and says that it is cut"),
        ("line\n" * 900, ("line\n" * 900).strip(), "long answers are not cut at the lines that classify"),
    ],
)
def test_new_words_of_a_reply(text: str, kept: str, why: str) -> None:
    assert own_words(text) == kept, why
