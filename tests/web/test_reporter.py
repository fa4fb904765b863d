"""The reporter's side: a codename shown once, messages, withdrawal (R5, R11); and the check of a mail (R24)."""

from __future__ import annotations

import re

import pytest

from disclosure.casework import casefile
from disclosure.protocol.axes import Axis
from tests.web.browser import Browser
from tests.web.conftest import Build
from tests.web.house import House, statements
from tests.web.walk import DOMAIN, ORGANISATION, REPORT, Alert, walked


@pytest.fixture
def reporter(house: House) -> Browser:
    """On the receipt, with the seven words."""
    return house.browser().open("/report").send("/report", **REPORT)


def words(browser: Browser) -> str:
    return " ".join(re.findall(r"<span>([a-z]+)</span>", browser.html))


# --- the receipt ---


def test_i_have_kept_it_is_forced(reporter: Browser) -> None:
    codename = words(reporter)
    assert len(codename.split()) == 7
    form = reporter.form("/report/kept")
    reporter.send("/report/kept")
    assert reporter.status == 422
    assert "#kept" in {link.href for link in reporter.page.links}
    assert words(reporter) == codename, "still there, until it is kept"
    assert reporter.client.get_cookie("reporter", domain="127.0.0.1") is None
    assert form.controls["kept"].sends is None, "not ticked beforehand"
    assert reporter.send("/report/kept", kept="yes").at == "/mine/report"


def test_the_codename_is_shown_once(house: House, reporter: Browser) -> None:
    codename = words(reporter)
    reporter.send("/report/kept", kept="yes")
    for browser in (
        reporter.open("/mine/report"),
        reporter.open("/report"),
        reporter.open("/mine/"),
        house.desk().open("/desk/reports"),
    ):
        assert not any(word in browser.page.words.split() for word in codename.split())


def test_nothing_leads_away_from_the_receipt(reporter: Browser) -> None:
    """The other language, or another page of ours, would lose the words."""
    main = reporter.html.partition("<main")[0]
    assert "?lang=" not in main
    assert "/check" not in main


def test_what_the_receipt_says(reporter: Browser) -> None:
    for said in ("Do not download, buy, keep or pass on", "Do not test anything", "do not write to the organisation"):
        assert said in reporter.page.words
    assert re.search(r"[0-9A-Z]{5}-[0-9A-Z]{5}", reporter.page.words), "the reporter's own reference"


@pytest.mark.parametrize(
    ("change", "opens", "why"),
    [
        (str.upper, True, "capitals"),
        (lambda text: text.replace(" ", "-"), True, "dashes"),
        (lambda text: f"  {text.replace(' ', '   ')}\n", True, "blanks"),
        (lambda text: text.replace("a", "à"), True, "an accent that a telephone puts in"),
        (lambda text: " ".join(reversed(text.split())), False, "another order"),
        (lambda text: " ".join(text.split()[:6]), False, "six words"),
        (lambda text: "", False, "nothing"),
        (lambda text: "x" * 100_000, False, "far too long"),
        (lambda text: "日本語 " * 7, False, "another script"),
    ],
)
def test_a_codename_as_people_type_it(house: House, reporter: Browser, change, opens: bool, why: str) -> None:  # type: ignore[no-untyped-def]  # noqa: FBT001
    codename = words(reporter)
    browser = house.browser().open("/mine/")
    browser.post("/mine/", browser.tokens() | {"codename": change(codename)})
    assert (browser.at == "/mine/report") == opens, why
    if not opens:
        assert browser.status == 422
        assert not browser.form().controls["codename"].sends, "a codename is never sent back"


# --- messages ---


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (lambda codename: codename, "the codename itself"),
        (lambda codename: f"Mon code est {codename}, merci.", "inside a sentence"),
        (lambda codename: codename.upper().replace(" ", ", "), "with other signs between the words"),
        (lambda codename: codename.replace(" ", "\n"), "word by word below each other"),
    ],
)
def test_a_message_with_the_codename_is_refused(house: House, reporter: Browser, say, why: str) -> None:  # type: ignore[no-untyped-def]
    codename = words(reporter)
    reporter.send("/report/kept", kept="yes")
    before = house.rows()
    typed = say(codename)
    reporter.send("/mine/message", text=typed)
    assert reporter.status == 422, why
    assert "#text" in {link.href for link in reporter.page.links}
    assert 'id="text-problem"' in reporter.html
    assert reporter.form("/mine/message").controls["text"].sends == typed, "kept, to be mended"
    assert house.rows() == before, "and not stored"


@pytest.mark.parametrize(("typed", "why"), [("", "nothing"), (" \n ", "blanks"), ("x" * 10_001, "too long")])
def test_messages_that_cannot_be_taken(house: House, reporter: Browser, typed: str, why: str) -> None:
    reporter.send("/report/kept", kept="yes")
    before = house.rows()
    reporter.send("/mine/message", text=typed)
    assert reporter.status == 422, why
    assert reporter.form("/mine/message").controls["text"].sends == typed
    assert house.rows() == before


def test_six_of_the_seven_words_are_an_ordinary_message(reporter: Browser) -> None:
    codename = words(reporter)
    reporter.send("/report/kept", kept="yes")
    reporter.send("/mine/message", text=" ".join(codename.split()[:6]))
    assert reporter.status == 200


# --- withdrawal ---


def test_withdrawal_before_first_contact_erases(house: House, reporter: Browser) -> None:
    reporter.send("/report/kept", kept="yes").send("/mine/message", text="Un message.")
    keys = len(house.rows()["keys.db.stream_keys"])
    unsure = reporter.send("/mine/withdrawal")
    assert "withdrawn" not in unsure.page.words, "without the tick nothing happens"
    assert len(house.rows()["keys.db.stream_keys"]) == keys
    reporter.send("/mine/withdrawal", sure="yes")
    assert "Your report was withdrawn" in reporter.page.words
    rows = house.rows()
    assert len(rows["keys.db.stream_keys"]) == keys - 1, "the key is gone, and with it every sealed word"
    assert not rows["disclosure.db.pictures"]
    assert not rows["disclosure.db.domain_tokens"]
    assert "Un message" not in reporter.page.words


def test_what_is_sent_after_a_withdrawal_is_no_error_page(house: House, reporter: Browser) -> None:
    """Two windows: the second one still shows the forms."""
    reporter.send("/report/kept", kept="yes")
    tokens, desk = reporter.tokens("/mine/message"), house.desk()
    reporter.send("/mine/withdrawal", sure="yes")
    before = house.rows()
    for way, sent in (("/mine/message", {"text": "Encore un mot."}), ("/mine/withdrawal", {"sure": "yes"})):
        reporter.post(way, tokens | sent)
        assert reporter.status == 409, way
        assert house.rows() == before
    with house.office.store.reading() as connection:
        report_id = connection.exec_driver_sql("SELECT id FROM reports").scalar()
    desk.open(f"/desk/reports/{report_id}")
    desk.post(f"/desk/reports/{report_id}/answer", desk.tokens("/answer") | {"text": "Un mot de nous."})
    assert desk.status == 409, "nor for a coordinator"
    assert "Un mot de nous." in desk.html
    assert house.rows() == before


def test_withdrawal_after_first_contact_is_a_request_that_stops_nothing(house: House) -> None:
    alert = walked(house, 3)
    case_id = alert.case.rsplit("/", 1)[1]
    before = casefile.look(house.office, case_id).case
    keys = len(house.rows()["keys.db.stream_keys"])
    alert.reporter.open("/mine/report?lang=en").send("/mine/withdrawal", sure="yes")
    assert "it stops nothing by itself" in alert.reporter.page.words
    assert "withdrawn" not in alert.reporter.page.words.partition("Messages")[0].replace("asked to withdraw", "")
    assert len(house.rows()["keys.db.stream_keys"]) == keys, "nothing is erased"
    after = casefile.look(house.office, case_id).case
    assert after.state(Axis.CONTACT) == before.state(Axis.CONTACT)
    assert after.contact_started_at == before.contact_started_at
    with house.office.store.reading() as connection:
        report_id = connection.exec_driver_sql("SELECT id FROM reports").scalar()
    assert "withdraw" in house.desk().open(f"/desk/reports/{report_id}").page.words.lower(), "a coordinator sees it"


# --- the check page ---


@pytest.fixture(scope="module")
def written(build: Build) -> Alert:
    return walked(build(), 3)


@pytest.fixture(scope="module")
def unwritten(build: Build) -> Alert:
    """Opened, and no mail has left: the number does not exist outside (R24)."""
    alert = walked(build(), 2)
    found = re.search(r"[0-9A-Z]{5}-[0-9A-Z]{5}", alert.desk.open(alert.case).page.words)
    assert found
    alert.number = found.group()
    return alert


def check(alert: Alert, number: str, domain: str) -> Browser:
    alert.house.at(hours=1)
    return alert.house.browser().open("/check").send(number=number, domain=domain)


def test_number_and_domain_together_are_confirmed(written: Alert) -> None:
    for number, domain in (
        (written.number, DOMAIN),
        (written.number.lower().replace("-", " "), f" {DOMAIN.upper()}. "),
    ):
        said = check(written, number, domain).page.words
        assert "Yes. We wrote to that domain about this alert" in said
        assert "24 November 2026" in said
        assert ORGANISATION not in said


NOT_CONFIRMED = [
    ("", DOMAIN, "a domain alone"),
    ("00000-00000", DOMAIN, "another number"),
    ("not a number", DOMAIN, "no number at all"),
    ("x" * 20, DOMAIN, "longer than a number"),
    ("RIGHT", "example.org", "another domain"),
    ("RIGHT", f"www.{DOMAIN}", "the mail did not arrive there"),
    ("RIGHT", "canari-domaine.example", "named by the reporter, never tied by a coordinator"),
    ("REFERENCE", DOMAIN, "the reporter's reference is another thing"),
]


@pytest.mark.parametrize(("number", "domain", "why"), NOT_CONFIRMED)
def test_everything_else_gets_one_neutral_answer_after_the_same_work(
    written: Alert, number: str, domain: str, why: str
) -> None:
    with written.house.office.store.reading() as connection:
        reference = str(connection.exec_driver_sql("SELECT reference FROM reports").scalar())
    typed = {"RIGHT": written.number, "REFERENCE": reference}.get(number, number)
    answers = []
    for asked in ((typed, domain), ("11111-11111", "nobody.example")):
        with statements(written.house) as queries:
            browser = check(written, *asked)
        assert browser.status == 200
        answers.append((browser.html.count("We cannot confirm this"), list(queries)))
    assert answers[0] == answers[1], why
    assert answers[0][0] == 1


def test_a_number_exists_once_a_mail_has_left(unwritten: Alert) -> None:
    assert "We cannot confirm this" in check(unwritten, unwritten.number, DOMAIN).page.words


@pytest.mark.parametrize("domain", ["", "not a domain", "192.0.2.1", "contact@", "x" * 253])
def test_what_is_no_domain_is_said_beside_the_field(written: Alert, domain: str) -> None:
    browser = check(written, written.number, domain)
    assert browser.status == 422
    assert "#domain" in {link.href for link in browser.page.links}
    assert 'id="domain-problem"' in browser.html
    assert browser.form().controls["number"].sends == written.number, "what was typed is kept"
    assert browser.form().controls["domain"].sends == domain


def test_asking_changes_nothing(written: Alert) -> None:
    before = written.house.rows()
    check(written, written.number, DOMAIN)
    check(written, "00000-00000", DOMAIN)
    assert written.house.rows() == before


def test_asking_has_a_cap_that_ends(written: Alert) -> None:
    written.house.at(hours=1)
    browser = written.house.browser().open("/check")
    seen = [browser.open("/check").send(number="x", domain=DOMAIN).status for _ in range(21)]
    assert seen == [200] * 20 + [429]
    assert check(written, written.number, DOMAIN).status == 200, "an hour later"
