"""A word of its own in every field, header and file: after the whole story it is nowhere in the clear (R2, R19-R23)."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select

from disclosure.casework import clockwork, delivery
from disclosure.discreet import DiscreetLog
from disclosure.serve import _gunicorn_options
from disclosure.store.tables import reports
from tests.web.conftest import Build
from tests.web.house import House
from tests.web.walk import (
    CONTACT,
    DOMAIN,
    EXIF,
    FILE_NAME,
    FORWARDED,
    MESSAGE,
    NOTICE,
    OWN,
    PERSON,
    REFERER,
    REPORT,
    REPORTER_CANARIES,
    USER_AGENT,
    Alert,
    do,
    picture,
    walked,
)

TOLD_UNASKED = (USER_AGENT, FORWARDED, REFERER, EXIF, FILE_NAME, "127.0.0.1")
REPORTERS = (*REPORTER_CANARIES, "canari-domaine.example", "Canari-message", "canari-adresse")
# Sealed too: people and addresses at the organisation, and what coordinators wrote (design.md section 4).
ORGANISATIONS = (PERSON, OWN, CONTACT, DOMAIN, "Canari-Raison", "Canari-rattachement", "Canari-fait", "Canari-accusé")
EVERYTHING = (*REPORTERS, *TOLD_UNASKED, *ORGANISATIONS, *NOTICE.values())


class Heard(logging.Handler):
    """Every record of every logger, as a file would hold it: message, arguments, traceback, extra."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {vars(record)!r}")


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    """Everything is listened to, down to DEBUG."""
    handler, root = Heard(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="module")
def story(heard: Heard, build: Build) -> Alert:
    """The whole alert, days of silence, a refused report, a wrong codename, a page that is not there."""
    alert = walked(build())
    house = alert.house
    do(alert, "contact", channel="mail", address=f"autre-canari@{DOMAIN}", name="Autre", source="Mentions légales")
    house.at(days=4)
    clockwork.tick(house.office, house.now)
    delivery.deliver(house.office, house.now)
    stranger = alert.reporter
    stranger.open("/report").send("/report", [(FILE_NAME, b"MZ" + EXIF.encode())], **REPORT)
    assert stranger.status == 422
    stranger.open("/mine/").send(codename="Canari-codename")
    stranger.open("/Canari-page")
    return alert


@pytest.fixture(scope="module")
def silent(build: Build) -> Alert:
    """A case in which nobody answers: the reminder and the heads-up have left."""
    alert = walked(build(), 3)
    for _ in range(3 * 24):
        alert.house.at(hours=1)
        clockwork.tick(alert.house.office, alert.house.now)
        delivery.deliver(alert.house.office, alert.house.now)
    return alert


# --- logs ---


def test_no_log_record_holds_a_word(story: Alert, heard: Heard) -> None:
    logging.getLogger("disclosure.test").debug("the handler listens")
    assert any("the handler listens" in line for line in heard.lines)
    for canary in (*EVERYTHING, story.codename, story.code, story.link.removeprefix("/a/"), "Canari-page"):
        assert not [line for line in heard.lines if canary in line], canary


def test_the_web_server_keeps_no_access_log(story: Alert) -> None:
    options = list(_gunicorn_options(story.house.office.settings))
    assert not [option for option in options if "access" in option], "R2: gunicorn has none unless asked for"
    assert options[options.index("--log-level") + 1] == "error", "warnings would hold callers' addresses"
    assert options[options.index("--logger-class") + 1] == f"{DiscreetLog.__module__}.{DiscreetLog.__name__}"


# --- the database and every file of the instance ---


def _cells(path: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(path)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names from SQLite itself
            names = [column[0] for column in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    content = value if isinstance(value, bytes) else str(value).encode()
                    yield f"{table}.{name}", content


@pytest.mark.parametrize("database", ["disclosure.db", "keys.db"])
def test_no_column_holds_a_word_in_the_clear(story: Alert, database: str) -> None:
    cells = list(_cells(story.house.folder / database))
    assert cells
    for canary in EVERYTHING:
        found = {place for place, content in cells if canary.encode() in content}
        assert not found, canary


def test_codename_codes_and_links_are_held_as_hashes(story: Alert) -> None:
    cells = list(_cells(story.house.folder / "disclosure.db"))
    secrets = (
        story.codename,
        story.code,
        story.code.replace("-", ""),
        story.link.removeprefix("/a/"),
        story.ready_code,
    )
    for secret in secrets:
        assert not {place for place, content in cells if secret.encode() in content}, secret


def test_no_file_of_the_instance_holds_a_word(story: Alert) -> None:
    """Databases with their logs and free pages, keys, whatever else lies there; mails have tests of their own."""
    held = [path for path in story.house.folder.rglob("*") if path.is_file() and "mailbox" not in path.parts]
    assert len(held) > 5
    for path in held:
        content = path.read_bytes()
        for canary in EVERYTHING:
            if canary != "127.0.0.1":
                assert canary.encode() not in content, (path.name, canary)


def test_no_name_of_a_file_holds_a_word(story: Alert) -> None:
    names = " ".join(str(path.relative_to(story.house.folder)) for path in story.house.folder.rglob("*"))
    assert "anari" not in names
    assert story.number not in names


def test_the_picture_that_is_kept_tells_nothing(story: Alert) -> None:
    with story.house.office.store.reading() as connection:
        report = f"/desk/reports/{connection.scalar(select(reports.c.id))}"
    desk = story.house.desk().open(report)
    source = desk.html.partition(f'src="{report}/pictures/')[2].partition('"')[0]
    answer = desk.client.get(f"{report}/pictures/{source}", base_url=desk.base)
    assert answer.mimetype == "image/png"
    assert EXIF.encode() in picture()
    assert EXIF.encode() not in answer.data
    assert b"eXIf" not in answer.data
    assert FILE_NAME not in str(answer.headers)


# --- mails ---


def _mails(house: House) -> list[bytes]:
    return [path.read_bytes() for path in (house.office.mailbox / "new").glob("*.eml")]


def test_no_mail_holds_a_word_of_the_report(story: Alert, silent: Alert) -> None:
    """Run A: the notice is read on the case page, so no mail holds a detail, of the notice either."""
    for mails in (_mails(story.house), _mails(silent.house)):
        assert len(mails) >= 3
        for data in mails:
            message = message_from_bytes(data, policy=policy.default)
            body = message.get_body(("plain",))
            text = f"{message.items()} {body.get_content() if body else ''}"
            for canary in (*REPORTERS, *TOLD_UNASKED[:-1], *NOTICE.values(), "Canari-fait"):
                assert canary not in text, canary
                assert canary.encode() not in data, canary


def test_no_mail_before_the_notice_names_an_authority_severity_or_kind(silent: Alert) -> None:
    """R19: contact request and reminder are one text for every alert; the heads-up names authority and date (R34)."""
    seen = set()
    for data in _mails(silent.house):
        message = message_from_bytes(data, policy=policy.default)
        body = message.get_body(("plain",))
        text = str(body.get_content()) if body else ""
        if "/a/" not in text or "ANSSI" in text:
            continue
        seen.add(str(message["Subject"]).partition(":")[0])
        for word in ("CNIL", "critique", "critical", "Fuite", "leak", "santé", "health", "en vente"):
            assert word.lower() not in text.lower().replace("coordination", ""), word
    assert seen


def test_no_header_holds_the_number_but_for_the_subject(story: Alert, silent: Alert) -> None:
    """R23: Message-ID, Reply-To and the envelope's sender are random."""
    for alert in (story, silent):
        for data in _mails(alert.house):
            message = message_from_bytes(data, policy=policy.default)
            for name, value in message.items():
                if name.lower() != "subject":
                    assert alert.number not in str(value), name
                    assert alert.number.replace("-", "").lower() not in str(value).lower(), name
            assert not {"received", "x-originating-ip", "user-agent", "x-mailer"} & {name.lower() for name in message}


def test_the_organisation_learns_nothing_of_the_source(story: Alert) -> None:
    """R4, R21: neither who nor how; the reporter's own words only as far as a coordinator wrote them."""
    page = story.organisation.open("/case")
    assert page.status in {200, 404}
    back = story.house.browser().open(story.ready_link).send(code=story.ready_code)
    assert NOTICE["technical"] in back.page.words
    for canary in (*REPORTERS, MESSAGE, REPORT["how_obtained"], *TOLD_UNASKED):
        if canary != "127.0.0.1":
            assert canary not in back.html, canary


def test_the_reporter_learns_no_opening_contact_or_referral(story: Alert) -> None:
    """R11: received, read, under way, closed, by day."""
    page = story.house.browser().open("/mine/").send(codename=story.codename)
    assert page.at == "/mine/report"
    for word in (*ORGANISATIONS, *NOTICE.values(), story.number, "ANSSI", "CNIL"):
        assert word not in page.html.partition("<main")[2].partition("</main>")[0], word
