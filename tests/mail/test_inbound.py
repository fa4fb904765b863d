"""Mail that arrives: its class, what is read of it, and that no bytes break, freeze or deceive the reader."""

# ruff: noqa: E501 - a message stands in one line, as its table has one row for it
from __future__ import annotations

import base64
import json
import os
import random
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure.cli import main
from disclosure.mail import bounces, envelope, fields, inbound, mime
from disclosure.mail.bodytext import MOST_TEXT, from_html, new_text
from disclosure.mail.inbound import Attached, MailClass, Received, read, read_safely
from disclosure.openpgp.child import OverLimit
from tests.mail.postbag import FAILED, OURS, US, Row, all_rows, dsn, group, mdn, message, multipart

ROWS = all_rows()
BOUNCES = {MailClass.BOUNCE_DELAYED, MailClass.BOUNCE_PERMANENT, MailClass.BOUNCE_TEMPORARY, MailClass.BOUNCE_UNPARSED}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_message_is_what_it_is(row: Row) -> None:
    got = read(row.message)
    assert got.mail_class is row.mail_class, f"{row.why}; said because {got.because}"
    assert got.may_acknowledge is (row.mail_class is MailClass.HUMAN_REPLY)


def test_the_postbag_is_whole() -> None:
    kinds = Counter(row.mail_class for row in ROWS)
    assert len(ROWS) >= 150
    made = set(MailClass) - {MailClass.HUMAN_REPLY_UNMATCHED}  # that one is a question of what we sent
    assert set(kinds) == made
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("Nous avons corrigé.", "something was done"),
        ("De quoi s'agit-il ?", "something is asked"),
        ("Bien.\n\nLe mar. 24 nov. 2026 à 09:00, Desk a écrit :\n> Bonjour, alerte", "our mail is quoted"),
        ("-----BEGIN PGP MESSAGE-----\n\nwcBM\n-----END PGP MESSAGE-----", "encrypted"),
    ],
)
def test_who_does_or_asks_something_is_surely_a_person(body: str, why: str) -> None:
    got = read(message(body))
    assert (got.mail_class, got.unsure) == (MailClass.HUMAN_REPLY, False), why


@pytest.mark.parametrize(
    "body",
    [
        "Nous vous informons que votre sollicitation a été reçue par le support niveau 1.",
        "Votre courrier électronique est arrivé dans notre boîte générique. Délai moyen de traitement : 3 jours.",
        "Je prends quelques jours de repos et reviens le 2 décembre.",
        "We've logged your request and assigned it to our service desk.",
        "I'll be back at my desk on 1 December. My deputy is sam@organisation.example.",
        "Danke für Ihre Mail! Ihr Anliegen hat die Nummer 4711.",
        "Derzeit im Mutterschutz. Vertretung: Frau Klein.",
        "Su incidencia ha quedado registrada con el código 5512.",
        "Estaré de regreso el 1 de diciembre.",
        "ご連絡を受領しました。順次対応いたします。",
    ],
)
def test_a_robot_whose_words_we_do_not_know_is_doubted(body: str) -> None:
    """Written after the phrases and kept out of them: the net below the words (mail facts 3.3: what is unsure is shown)."""
    assert read(message(body)).unsure


def test_a_robot_told_by_soft_words_is_always_unsure() -> None:
    for row in ROWS:
        if row.name.startswith("soft") and row.mail_class is not MailClass.HUMAN_REPLY:
            assert read(row.message).unsure, row.name


def test_bounces_name_whom_we_wrote_to() -> None:
    for row in ROWS:
        if row.mail_class in BOUNCES - {MailClass.BOUNCE_UNPARSED} and "rfc6533" not in row.name:
            assert FAILED in {one.address for one in read(row.message).recipients}, row.name


def test_beside_flufl_bounce() -> None:
    """Its word on the same bounces: what it does not find we do, and what it finds is the same address."""
    ours = theirs = 0
    for row in ROWS:
        if row.mail_class in BOUNCES - {MailClass.BOUNCE_UNPARSED}:
            root = mime.parse(row.message)
            found = bounces.scan(root, read(row.message).text)
            theirs += bool(found and FAILED in {one.address for one in found.recipients})
            ours += FAILED in {one.address for one in read(row.message).recipients}
    assert ours > theirs > 0


# --- whom it belongs to ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "message_ids", "expected", "why"),
    [
        ((), (), "human_reply", "form alone"),
        (("reply+K7X2M9Q4",), (), "human_reply", "local part, whatever case"),
        (("k7x2m9q4",), (), "human_reply", "the plus part"),
        ((US,), (), "human_reply", "the address"),
        ((), (OURS,), "human_reply", "In-Reply-To"),
        ((), ("0f4a1c@desk.example",), "human_reply", "without brackets"),
        (("other",), (), "human_reply_unmatched", "another token"),
        ((), ("<other@desk.example>",), "human_reply_unmatched", "another mail"),
        (("k7x2",), (), "human_reply_unmatched", "the beginning of a token is none"),
    ],
)
def test_what_a_person_answers(tokens: tuple[str, ...], message_ids: tuple[str, ...], expected: str, why: str) -> None:
    got = read(message("Nous avons corrigé."), tokens=tokens, message_ids=message_ids)
    assert got.mail_class == expected, why
    assert got.may_acknowledge is (expected == "human_reply")


def test_a_list_without_reference_is_unrelated_and_with_one_is_not() -> None:
    mail = message("Nous avons corrigé.", List_Id="<security.x.example>")
    assert read(mail, message_ids=[OURS]).mail_class is MailClass.HUMAN_REPLY
    assert read(mail, message_ids=["<other@desk.example>"]).mail_class is MailClass.UNRELATED


def test_a_bounce_keeps_its_class_whoever_it_names() -> None:
    assert read(dsn(group("failed", "5.1.1")), tokens=["other"]).mail_class is MailClass.BOUNCE_PERMANENT


# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_delivery_report_in_full() -> None:
    both = f"Original-Recipient: rfc822;{FAILED}\nFinal-Recipient: rfc822; alias@elsewhere.example\nAction: failed"
    mail = dsn(
        f"{both}\nStatus: 5.1.1 (bad mailbox)\nDiagnostic-Code: smtp; 550 5.1.1\n no such user\x07", envelope="a+2Bb+3D"
    )
    got = read(mail)
    (one,) = got.recipients
    assert (one.address, one.action, one.status) == (FAILED, "failed", "5.1.1")
    assert one.diagnostic == "smtp; 550 5.1.1 no such user", "one line, printable"
    assert got.envelope_id == "a+b="
    assert got.references[0] == OURS, "the returned original"
    assert got.because == "report_type"


@pytest.mark.parametrize(
    ("status", "diagnostic", "expected", "why"),
    [
        ("", "smtp; 550 5.7.1 no", "5.7.1", "in the diagnostic"),
        ("", "smtp; 550 no", "5.0.0", "a bare reply code"),
        ("4.4.7", "smtp; 550 5.1.1", "4.4.7", "the field decides"),
        ("", "", "", "nowhere"),
    ],
)
def test_the_status(status: str, diagnostic: str, expected: str, why: str) -> None:
    said = f"Final-Recipient: rfc822; {FAILED}\nAction: failed\nStatus: {status}\nDiagnostic-Code: {diagnostic}"
    assert read(dsn(said)).recipients[0].status == expected, why


def test_some_got_it_and_others_did_not() -> None:
    got = read(dsn(group("delivered", "2.0.0", address="a@x.example"), group("failed", "5.1.1")))
    assert got.unsure
    assert [one.action for one in got.recipients] == ["delivered", "failed"]


def test_an_international_address_is_read() -> None:
    row = next(row for row in ROWS if row.name == "dsn rfc6533")
    assert read(row.message).recipients[0].address == "sécurité@organisation.example"


def test_a_reading_report_names_the_mail() -> None:
    got = read(mdn(f"Final-Recipient: rfc822; {FAILED}\nOriginal-Message-ID: <a@b>\nDisposition: x/y; displayed/error"))
    assert (got.mail_class, got.references[0]) == (MailClass.MDN_DISPLAYED, "<a@b>")


def test_the_header_is_read() -> None:
    got = read(
        message(
            "x",
            sender='=?utf-8?q?Ren=C3=A9e?= =?utf-8?b?IMOJ?= "o\'x" <Renee@organisation.example>',
            subject="=?iso-2022-jp?b?GyRCSVQ6XxsoQg==?= =?utf-8?q?a=C3?= =?utf-8?q?=A9?=",
            Delivered_To="Bounce+ABC@desk.example",
            Cc="Desk <other+t@desk.example>, nobody@desk.example",
            References="<a@x> <b@x>\r\n <c@x>",
        )
    )
    assert got.sender_address == "Renee@organisation.example"
    assert got.sender_name.startswith("Renée É")
    assert got.subject == "不在aé", "neighbours of one charset are one text"
    assert got.tokens == ("reply+k7x2m9q4", "other+t", "bounce+abc")
    assert got.references == (OURS, "<c@x>", "<b@x>", "<a@x>"), "In-Reply-To, then the newest first"
    assert got.date
    assert got.date.isoformat() == "2026-11-24T08:00:00+00:00"
    assert got.message_id == "<m1@organisation.example>"


def test_text_and_files() -> None:
    parts = [
        ("Content-Type: text/html; charset=utf-8", "<p>Bonjour</p>"),
        ("Content-Type: application/pdf\nContent-Disposition: attachment;\n filename*0*=utf-8''r%C3%A9; filename*1=sum.pdf\nContent-Transfer-Encoding: base64", "AAAA\nAAA="),
    ]  # fmt: skip
    got = read(multipart("multipart/mixed", parts))
    assert got.text == "Bonjour"
    assert got.attachments == (Attached("résum.pdf", "application/pdf", 5),)


def test_plain_text_is_preferred() -> None:
    parts = [("Content-Type: text/plain", "plain"), ("Content-Type: text/html", "<b>rich</b>")]
    assert read(multipart("multipart/alternative", parts)).text == "plain"
    parts[0] = ("Content-Type: text/plain", "  ")
    assert read(multipart("multipart/alternative", parts)).text == "rich", "an empty one says nothing"


@pytest.mark.parametrize(
    ("page", "expected", "why"),
    [
        ("<p>a</p><p>b &amp; c&nbsp;d</p>", "a\n\nb & c d", "blocks end lines"),
        ("<style>x</style>a<script>alert(1)</script>b<!-- c -->d", "abd", "what is no text"),
        ("<SCRIPT>x</SCRIPT>a", "a", "whatever case"),
        ("a<br>b<img src='http://x/'>", "a\nb", "nothing is fetched"),
        ("a<b", "a", "a tag that never ends"),
        ("a<!--b", "a", "a comment that never ends"),
        ("&#99999999999999999999;a", ";a", "a number too long for a character"),
    ],
)
def test_html_is_made_text(page: str, expected: str, why: str) -> None:
    assert from_html(page) == expected, why


@pytest.mark.parametrize(
    ("text", "new", "why"),
    [
        ("a\n> b\nc", "a\nc", "answers between the lines"),
        ("a\nOn Tue, X <x@y> wrote:\nb", "a", "English"),
        ("a\nLe mar. 24 nov. 2026 à 09:00, X a écrit :\nb", "a", "French"),
        ("a\nAm 24.11.2026 um 09:00 schrieb X:\nb", "a", "German"),
        ("a\nEl mar, 24 nov 2026, X escribió:\nb", "a", "Spanish"),
        ("a\n2026年11月24日 X のメール:\nb", "a", "Japanese"),
        ("a\n-----Message d'origine-----\nb", "a", "Outlook's line"),
        ("a\nVon: X\nGesendet: Dienstag\nb", "a", "Outlook's block"),
        ("a\nDe : moi\nb", "a\nDe : moi\nb", "one such line is no block"),
        ("a\n-- \nb", "a", "signature"),
        ("On the other hand, he wrote a letter.\nb", "On the other hand, he wrote a letter.\nb", "a sentence"),
    ],
)
def test_what_is_new_in_a_text(text: str, new: str, why: str) -> None:
    assert new_text(text)[0] == new, why


ARMOUR = "-----BEGIN PGP MESSAGE-----\n\nwcBM\n=abcd\n-----END PGP MESSAGE-----\n"


def test_ciphertext_is_handed_on() -> None:
    parts = [
        ("Content-Type: application/pgp-encrypted", "Version: 1"),
        ("Content-Type: application/octet-stream", ARMOUR),
    ]
    for kind in ("multipart/encrypted", "multipart/mixed"):
        assert read(multipart(kind, parts)).openpgp.replace(b"\r", b"").strip() == ARMOUR.strip().encode(), kind
    assert read(message("Bonjour\n" + ARMOUR)).openpgp.startswith(b"-----BEGIN PGP MESSAGE-----")
    assert read(message("".join("> " + line + "\n" for line in ARMOUR.splitlines()))).openpgp == b"", "quoted"
    assert read(message("-----BEGIN PGP MESSAGE-----\n\nwcBM")).openpgp == b"", "never closed"


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"], ids=["as sent", "as stored"])
def test_signed_octets_are_exact(newline: bytes) -> None:
    inner = b'Content-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\n\r\na\r\n--b1--\r\n'
    body = b"--b12\r\n" + inner + b"\r\n--b12\r\nContent-Type: application/pgp-signature\r\n\r\nSIG\r\n--b12--\r\n"
    kind = 'multipart/signed; protocol="application/pgp-signature"; boundary="b12"'
    got = read(message(body, kind=kind).replace(b"\r\n", newline))
    assert got.signed == inner
    assert got.signature == b"SIG"


TRUSTED = "Authentication-Results: mx.desk.example; dkim=pass header.d=x.example"
BORDER = "Received: from mail.x.example by mx.desk.example"


@pytest.mark.parametrize(
    ("head", "count", "why"),
    [
        ([TRUSTED, BORDER], 1, "above"),
        (["Received: from mx.desk.example by store.mx.desk.example", TRUSTED, BORDER], 1, "after our own hop"),
        ([BORDER, TRUSTED, "Received: from a by mail.x.example"], 1, "a milter writes below the relay's line"),
        (["Received: from a by mail.x.example", TRUSTED], 0, "below the first Received of others"),
        ([BORDER, "Received: from a by mx.desk.example", TRUSTED], 0, "a line that only claims to be ours"),
        ([TRUSTED.replace("mx.", "evil."), BORDER], 0, "another id"),
        ([TRUSTED.replace("mx.desk", "(c) MX.desk"), BORDER], 1, "comment and case"),
    ],
)
def test_only_our_relays_verdict(head: list[str], count: int, why: str) -> None:
    mail = "\r\n".join(head).encode() + b"\r\n" + message("x")
    assert len(read(mail, authserv_id="mx.desk.example").authentication) == count, why
    assert read(mail).authentication == (), "no id, no verdict"


# --- hostile ---------------------------------------------------------------------------------------------------------


def _nested(depth: int) -> bytes:
    opened = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return opened.encode() + b"\nx"


HOSTILE = {
    "nothing": (b"", None),
    "nul": (b"\0" * 1_000, None),
    "lone cr": (b"From: a@b\rSubject: x\r\rbody\r" * 100, None),
    "no header": (b"\r\nbody", None),
    "header only": (b"Subject: x", None),
    "header bomb": (b"".join(b"X-%d: y\n" % n for n in range(60_000)) + b"\nx", "over_limit"),
    "one endless field": (b"Subject: " + b"a" * 400_000 + b"\n\nx", "over_limit"),
    "10,000 nested multiparts": (_nested(10_000), "over_limit"),
    "20 nested multiparts": (_nested(20), None),
    "21 nested multiparts": (_nested(21), "over_limit"),
    "1,000 parts": (b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 1_000, "over_limit"),
    "a million lines": (b"Subject: x\n\n" + b"x\n" * 1_000_000, None),
    "a million hyphens": (b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--x\n" * 1_000_000, "over_limit"),
    "encoded word bomb": (b"Subject: " + b"=?utf-8?b?YQ==?= " * 6_000 + b"\n\nx", None),
    "words that never end": (b"Subject: " + b"=?a?b?" * 20_000 + b"\n\nx", None),
    "rfc 2231 flood": (b"Content-Type: text/plain" + b"".join(b"; a*%d*=x" % n for n in range(9_000)) + b"\n\nx", None),
    "rfc 2231 nonsense": (b"Content-Type: text/plain; charset*=x'y; name*9999999999*=%; a*b*c=d\n\nx", None),
    "quoted parameter": (b'Content-Type: text/plain; a="' + b"\\" * 60_000 + b"\n\nx", None),
    "comments": (b"Auto-Submitted: " + b"(" * 60_000 + b"\n\nx", None),
    "bad charset": (b"Content-Type: text/plain; charset=idna\nSubject: =?undefined?q?x?=\n\n\xff\xfe", None),
    "code points": (dsn("Final-Recipient: utf-8; \\x{FFFFFF}\\x{D800}@x\nAction: failed\nStatus: 5.1.1"), None),
    "uuencode": (b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n" + b"M" * 100_000, None),
    "base64 bomb": (b"Content-Transfer-Encoding: base64\n\n" + base64.b64encode(b"a" * 5_000_000), None),
    "broken base64": (b"Content-Transfer-Encoding: base64\n\n" + b"A=B=C" * 10_000, None),
    "html bomb": (b"Content-Type: text/html\n\n" + b"<!--<p <![" * 50_000, None),
    "html nested": (b"Content-Type: text/html\n\n" + b"<div><script" * 50_000, None),
    "html entities": (b"Content-Type: text/html\n\n" + b"&#" + b"9" * 100_000 + b";&" * 50_000, None),
    "addresses": (b"To: " + b"a+b" * 5_000 + b"@x\nFrom: " + b"<" * 15_000 + b"\n\nx", None),
    "dates": (b"Date: " + b"9" * 10_000 + b"\n\nx", None),
    "status flood": (dsn(*("Final-Recipient: rfc822; a@b\nAction: failed",) * 3_000), None),
    "quote lines": (b"Subject: x\n\n" + b"On a\nwrote b:\n" * 40_000, None),
    "message-id flood": (b"References: " + b"<a@b>" * 40_000 + b"\n\nx", None),
    "daemon's words": (b"From: mailer-daemon@x\n\n" + b"<a@b>: 550 \n" * 50_000, None),
    "spaces for patterns": (b"From: mailer-daemon@x\nSubject: x\n\n" + b" " * 300_000 + b"\n<" * 30_000, None),
    "boundary of bytes": (b'Content-Type: multipart/mixed; boundary="\xff\xfe"\n\n--\xff\xfe\n\nx', None),
    "empty boundary": (b'Content-Type: multipart/mixed; boundary=""\n\n----\n\nx', None),
    "same boundary twice": (b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b--\n', None),
}  # fmt: skip


def assert_bounded(got: Received) -> None:
    assert got.may_acknowledge is (got.mail_class is MailClass.HUMAN_REPLY)
    assert len(got.text.encode()) <= MOST_TEXT
    assert len(got.recipients) <= 100
    assert len(got.attachments) <= 50
    assert len(got.references) <= 1_000
    for text in (got.subject, got.sender_name, got.sender_address, got.message_id, got.envelope_id, *got.tokens):
        assert len(text) <= 998
        assert not text or text.isprintable()
    for one in got.recipients:
        assert len(one.address) <= 320
        assert len(one.diagnostic) <= 500
        assert (one.address + one.action + one.status + one.diagnostic + " ").isprintable()
    assert Received.from_json(json.loads(json.dumps(got.to_json()))) == got


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_bounded(name: str) -> None:
    """Through the child too: what takes more than its seconds of processor would come back as over_limit."""
    mail, refused = HOSTILE[name]
    got = read(mail)
    assert_bounded(got)
    assert (got.because if got.mail_class is MailClass.QUARANTINE else None) == refused
    assert read_safely(mail) == got


def test_boundaries_that_begin_alike_are_different() -> None:
    mail = b"""Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: multipart/mixed; boundary="b--"

--b--x
--b2
--b----
--b
Content-Type: text/plain

second
--b--
"""
    root = mime.parse(mail)
    assert [part.media_type for part in root.parts] == ["multipart/mixed", "text/plain"]
    assert read(mail).text.strip() == "second"


def test_too_large_is_not_opened() -> None:
    mail = bytes(inbound.MOST_BYTES + 1)
    assert read(mail).because == read_safely(mail).because == "too_large"


def test_what_breaks_the_reader_is_quarantined(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: bytes) -> None:
        raise RuntimeError("words of a library")

    monkeypatch.setattr(inbound, "parse", broken)
    got = read(message("x"))
    assert (got.mail_class, got.because, got.may_acknowledge) == (MailClass.QUARANTINE, "reader_broke", False)


def test_a_child_that_ends_is_a_quarantine(monkeypatch: pytest.MonkeyPatch) -> None:
    def over(_: bytes) -> bytes:
        raise OverLimit

    monkeypatch.setattr(inbound._CHILD, "ask", lambda _: None)
    assert read_safely(b"").because == "reader_broke"
    monkeypatch.setattr(inbound._CHILD, "ask", over)
    assert read_safely(b"").because == "over_limit"


def test_the_child_reads_alike_and_is_replaced() -> None:
    big = message(b"a\n" * 4_000_000, kind="application/octet-stream")
    for mail in (big, ROWS[0].message, ROWS[-1].message):
        assert read_safely(mail, tokens=["k7x2m9q4"], message_ids=["<x@y>"], authserv_id="mx") == read(
            mail, tokens=["k7x2m9q4"], message_ids=["<x@y>"], authserv_id="mx"
        )
    pid = inbound._CHILD.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert read_safely(ROWS[0].message).mail_class is ROWS[0].mail_class
    assert inbound._CHILD.pid != pid


def test_what_comes_back_from_the_child_is_whole() -> None:
    got = replace(read(ROWS[0].message), openpgp=b"\0a", signed=b"bb", signature=b"ccc")
    assert envelope.unpacked(envelope.packed(got)) == got


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FUZZ
@given(st.binary(max_size=3_000))
def test_any_bytes(mail: bytes) -> None:
    assert_bounded(read(mail))


@FUZZ
@given(st.sampled_from(ROWS), st.integers(0, 2**32), st.integers(1, 12))
def test_mail_that_was_damaged(row: Row, seed: int, times: int) -> None:
    chance, mail = random.Random(seed), bytearray(row.message)  # noqa: S311 - no secret
    for _ in range(times):
        at = chance.randrange(len(mail) + 1)
        piece = bytes(mail[at : at + chance.randrange(40)])
        mail[at : at + chance.randrange(30)] = chance.choice(
            [b"", b"\0", b"\r", b"\n\n", b"--b1\n", b'"', b"=?", piece * 3, b"\xff"]
        )
    assert_bounded(read(bytes(mail), tokens=["k7x2m9q4"]))


NAMES = ["Content-Type", "Subject", "From", "Auto-Submitted", "Date", "Return-Path", "Content-Transfer-Encoding", "To"]
VALUES = st.one_of(
    st.sampled_from(
        [
            *("multipart/mixed; boundary=b", "multipart/report; report-type=delivery-status; boundary=b", "text/html"),
            *("message/delivery-status", "base64", "quoted-printable", "<>", "auto-replied", "=?utf-8?b?w6k=?=", "a@b"),
        ]
    ),
    st.text(max_size=40),
)
LINES = st.one_of(
    st.sampled_from(["", "--b", "--b--", "Action: failed", "Final-Recipient: rfc822; a@b", "> a"]), st.text(max_size=60)
)


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8), st.lists(LINES, max_size=30))
def test_mail_by_grammar(head: list[tuple[str, str]], lines: list[str]) -> None:
    mail = "".join(f"{name}: {value}\n" for name, value in head) + "\n" + "\n".join(lines)
    assert_bounded(read(mail.encode("utf-8", "surrogatepass")))


@given(st.text(max_size=300))
def test_fields_never_raise(value: str) -> None:
    fields.parameters(value)
    fields.sender(value)
    fields.date(value)
    fields.xtext(value)
    assert len(fields.keyword(value)) <= 120
    assert fields.printable(fields.words(value)).isprintable()


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path) -> None:
    bounce, person = tmp_path / "bounce.eml", tmp_path / "person.eml"
    bounce.write_bytes(dsn(group("failed", "5.1.1")))
    person.write_bytes(message("Nous avons corrigé."))
    ran = CliRunner().invoke(main, ["classify", str(bounce), str(person), "--token", "other", "--json"])
    assert ran.exit_code == 0, ran.output
    first, second = json.loads(ran.stdout)
    assert (first["file"], first["class"], first["because"]) == (str(bounce), "bounce_permanent", "report_type")
    assert first["recipients"] == [{"address": FAILED, "action": "failed", "status": "5.1.1", "diagnostic": ""}]
    assert (second["class"], second["may_acknowledge"], second["unsure"]) == ("human_reply_unmatched", False, False)
    assert second["tokens"] == ["reply+k7x2m9q4"]
    assert second["references"] == [OURS]
    told = CliRunner().invoke(main, ["classify", str(person), "--message-id", OURS])
    assert told.stdout.startswith("human_reply ")
