"""What cannot be taken at the desk and on the case page: said beside the field, kept, and nothing half stored."""

from __future__ import annotations

import pysequoia
import pytest

from disclosure.demo.certificates import make_certificate
from disclosure.openpgp.dearmour import dearmour
from disclosure.web.desk.acts import ACTS
from tests.web.browser import Browser
from tests.web.conftest import Build
from tests.web.house import House
from tests.web.walk import DOMAIN, NOTICE, ORGANISATION, OWN, Alert, acknowledged, released, walked

FIELDS = {"organisation", "address", "role", "code", "name", "days", "by", "words", "text", "certificate"}
FIELDS |= {"place-x", "fact-1", "basis-1", "on-1", "standing", "pictures", "number", "domain", "codename", "known"}
LEFT_OUT = frozenset({"desk.sign_out", "public.send_report", "desk.signed_in"})  # tables of their own
HUGE, TEXT = "9" * 5000, "z" * 10_001
NASTY = ("\x00", "'\"><b>", "{{ 7*7 }}", "é" * 11_000, HUGE, "-1", "²", "٣", " ", "../../etc", "\u202e", "💥" * 300)


def refused(browser: Browser, house: House, field: str, typed: str, why: str) -> None:
    assert browser.status == 422, (why, browser.page.words[:300])
    hrefs = {link.href for link in browser.page.links}
    assert f"#{field}" in hrefs, (why, hrefs)
    assert field in browser.page.ids, "the summary's link leads to the field"
    assert f'id="{field}-problem"' in browser.html
    controls = [c for form in browser.page.forms for c in form.controls.values() if field in {c.name, c.id}]
    if not any(control.values for control in controls):
        assert typed in [control.sends for control in controls], (why, "what was typed is kept")


# --- the case page ---


@pytest.fixture(scope="module")
def contacted(build: Build) -> Alert:
    """The first mail has left; a person came as far as S1."""
    alert = walked(build(), 3)
    alert.organisation.open(alert.link).send(name="D. Canari", role="Déléguée", code=alert.code)
    return alert


LINK = [
    ("name", {"name": ""}, "compulsory"),
    ("role", {"role": " "}, "compulsory"),
    ("name", {"name": "n" * 201}, "too long"),
    ("role", {"role": "r" * 201}, "too long"),
    ("code", {"code": ""}, "no code"),
    ("code", {"code": "12345"}, "half a code"),
    ("code", {"code": "00000-00000"}, "another code"),
    ("code", {"code": HUGE}, "far too long"),
]


@pytest.fixture(scope="module")
def waiting(build: Build) -> Alert:
    """The first mail has left. A refused form moves nothing, so one does for the whole table."""
    return walked(build(), 3)


@pytest.mark.parametrize(("field", "typed", "why"), LINK)
def test_the_link(waiting: Alert, field: str, typed: dict[str, str], why: str) -> None:
    alert = waiting
    before = alert.house.rows()["disclosure.db.events"]
    sent = {"name": "Dominique", "role": "DPO", "code": alert.code} | typed
    browser = alert.house.browser().open(alert.link)
    browser.post(alert.link, browser.tokens() | sent)
    refused(browser, alert.house, field, typed[field], why)
    for name, value in sent.items():
        assert browser.form().controls[name].sends == value, "all of it is kept"
    after = alert.house.rows()["disclosure.db.events"]
    assert [row for row in after if row not in before and "LinkOpened" not in repr(row)] == []
    alert.house.at(minutes=6)  # a wrong code slows the next one


CASE = [
    ("/case/address", "address", "", "nothing"),
    ("/case/address", "address", "someone", "no address"),
    ("/case/address", "address", "a@b", "no domain"),
    ("/case/address", "address", f"a b@{DOMAIN}", "a blank inside"),
    ("/case/address", "address", f'"quoted"@{DOMAIN}', "quoting"),
    ("/case/address", "address", f"{'x' * 65}@{DOMAIN}", "a local part holds 64"),
    ("/case/address", "address", f"a@{DOMAIN}\r\nBcc: b@example.org", "a line of its own"),
    ("/case/address", "address", "someone@gmail.com", "public webmail"),
    ("/case/address", "address", "someone@elsewhere.example", "a domain that is tied to nobody"),
    ("/case/address", "address", f"someone@not{DOMAIN}", "a domain that ends like theirs"),
    ("/case/contact", "address", "", "nothing"),
    ("/case/contact", "address", "nobody", "no address"),
    ("/case/message", "words", "", "nothing"),
    ("/case/message", "words", TEXT, "too long"),
    ("/case/certificate", "certificate", "", "nothing"),
    ("/case/certificate", "certificate", "hello", "no certificate"),
    ("/case/time", "days", "soon", "no number"),
    ("/case/time", "days", HUGE, "more digits than a number has"),
    ("/case/time", "days", "-3", "backwards"),
    ("/case/time", "days", "٣", "digits of another script"),
]


@pytest.mark.parametrize(("way", "field", "typed", "why"), CASE)
def test_the_case_page(contacted: Alert, way: str, field: str, typed: str, why: str) -> None:
    person, before = contacted.organisation.open("/case"), contacted.house.rows()
    person.post(way, person.tokens(way) | {field: typed, "reason": "Une raison."})
    refused(person, contacted.house, f"{way.rpartition('/')[2]}-{field}", typed, why)
    assert contacted.house.rows() == before
    assert person.form(way), "and the same form stands there again"


def test_a_private_key_is_refused_said_and_never_shown_again(contacted: Alert) -> None:
    secret, _ = make_certificate(f"D. Canari <{OWN}>", now=contacted.house.now)
    person, before = contacted.organisation.open("/case"), contacted.house.rows()
    person.post("/case/certificate", person.tokens("/case/certificate") | {"certificate": secret})
    assert person.status == 422
    assert "PRIVATE key" in person.page.words
    assert secret.splitlines()[3] not in person.html
    assert contacted.house.rows() == before
    sent = [("key.asc", secret.encode(), "file")]
    person.open("/case").post("/case/certificate", person.tokens("/case/certificate"), sent, multipart=True)
    assert person.status == 422
    assert contacted.house.rows() == before


def test_a_private_key_under_the_name_of_a_public_one_is_not_shown_again(contacted: Alert) -> None:
    secret, _ = make_certificate(f"D. Canari <{OWN}>", now=contacted.house.now)
    (block,) = dearmour(secret.encode())
    dressed = pysequoia.armor(block.content, pysequoia.ArmorKind.PublicKey)
    assert "PRIVATE" not in dressed
    person = contacted.organisation.open("/case")
    person.post("/case/certificate", person.tokens("/case/certificate") | {"certificate": dressed})
    assert person.status == 422
    assert "PRIVATE key" in person.page.words
    assert dressed.splitlines()[3] not in person.html


def test_a_file_that_is_no_certificate(contacted: Alert) -> None:
    person, before = contacted.organisation.open("/case"), contacted.house.rows()
    for content in (b"\x99" * 50, b"MZ" + b"\0" * 2_000_000, b"%PDF-1.7"):
        sent = [("key.asc", content, "file")]
        person.open("/case").post("/case/certificate", person.tokens("/case/certificate"), sent, multipart=True)
        assert person.status == 422
        assert "#certificate-certificate" in {link.href for link in person.page.links}
    assert contacted.house.rows() == before


LATER = [
    ("/case/plan", "by", "", "no day"),
    ("/case/plan", "by", "tomorrow", "no day"),
    ("/case/plan", "by", "2020-01-01", "in the past"),
    ("/case/plan", "by", "9999999-01-01", "no year"),
    ("/case/plan", "words", TEXT, "too long"),
    ("/case/contest", "words", "", "a contest needs a reason"),
    ("/case/contest", "words", TEXT, "too long"),
    ("/case/remediation", "words", TEXT, "too long"),
    ("/case/acknowledgement", "words", TEXT, "too long"),
]


@pytest.fixture(scope="module")
def readable(build: Build) -> Alert:
    return opened(build())


def opened(house: House) -> Alert:
    """The notice was opened and not acknowledged."""
    alert = walked(house, 5)
    alert.organisation.open(alert.ready_link).send(code=alert.ready_code).send("/case/notice")
    return alert


@pytest.mark.parametrize(("way", "field", "typed", "why"), LATER)
def test_answers(readable: Alert, way: str, field: str, typed: str, why: str) -> None:
    person, before = readable.organisation.open("/case"), readable.house.rows()
    sent = person.tokens(way) | {"by": "2027-01-01", "words": "Des mots."} | {field: typed}
    person.post(way, sent)
    refused(person, readable.house, f"{way.rpartition('/')[2]}-{field}", typed, why)
    assert readable.house.rows() == before


def test_double_is_no_error(house: House) -> None:
    """R28: the same answer twice, from two windows or two clicks."""
    alert = walked(house, 5)
    acknowledged(alert)
    person, before = alert.organisation.open("/case"), house.rows("outbox")
    token = person.tokens("/case/message")
    for way in ("/case/acknowledgement", "/case/notice"):
        person.post(way, token)
        assert person.status == 200, way
    assert house.rows("outbox") == before, "nothing is recorded twice"


# --- the desk ---


@pytest.fixture(scope="module")
def open_case(build: Build) -> Alert:
    return walked(build(), 2)


ACCEPT = [
    ("organisation", "", "compulsory"),
    ("organisation", "o" * 201, "too long"),
    ("address", TEXT, "too long"),
    ("role", "boss", "no role of ours"),
    ("kind", "gossip", "no kind of ours"),
    ("severity", "apocalyptic", "no severity of ours"),
    ("personal_data", "perhaps", "no answer of ours"),
    ("sector", "", "nothing"),
    ("country", "FRA", "three letters"),
    ("host_compromised", "", "nothing"),
]


def accept(alert: Alert) -> Browser:
    """The form that opens a case from the one report."""
    with alert.house.office.store.reading() as connection:
        report_id = connection.exec_driver_sql("SELECT id FROM reports").scalar()
    return alert.desk.open(f"/desk/reports/{report_id}/accept")


@pytest.fixture(scope="module")
def reported(build: Build) -> Alert:
    return walked(build(), 1)


@pytest.mark.parametrize(("field", "typed", "why"), ACCEPT)
def test_opening_a_case(reported: Alert, field: str, typed: str, why: str) -> None:
    alert, desk = reported, accept(reported)
    form, before = desk.form("/accept"), alert.house.rows()
    right = {"organisation": ORGANISATION, "address": "1 rue", "role": "controller", "host_compromised": "no"}
    sent = desk.filled(form, right)
    sent[field] = typed
    desk.post(form.action, sent)
    refused(desk, alert.house, field, typed, why)
    assert alert.house.rows() == before


DESK = [
    ("domain", {"domain": "not a domain", "reason": "x"}, "domain", "no domain"),
    ("domain", {"domain": "", "reason": "x"}, "domain", "nothing"),
    ("domain", {"domain": "192.0.2.1", "reason": "x"}, "domain", "an address is no domain"),
    ("domain", {"domain": "other.example", "reason": ""}, "reason", "why is it theirs?"),
    ("domain", {"domain": "other.example", "reason": TEXT}, "reason", "too long"),
    ("contact", {"channel": "mail", "address": "nobody", "source": "x"}, "address", "no mail address"),
    (
        "contact",
        {"channel": "mail", "address": f"a@{DOMAIN}\r\nBcc: x@y.example", "source": "x"},
        "address",
        "a line more",
    ),
    ("contact", {"channel": "phone", "address": "", "source": "x"}, "address", "nothing"),
    ("contact", {"channel": "pigeon", "address": "x", "source": "x"}, "channel", "no channel of ours"),
    ("contact", {"channel": "phone", "address": "01", "source": ""}, "source", "from where?"),
    ("contact", {"channel": "phone", "address": "01", "source": "x", "name": "n" * 201}, "name", "too long"),
    ("extend", {"clock": "contact", "days": HUGE, "reason": "x"}, "days", "more digits than a number has"),
    ("extend", {"clock": "contact", "days": "²", "reason": "x"}, "days", "no digit"),
    ("extend", {"clock": "contact", "days": "0", "reason": "x"}, "days", "no time at all"),
    ("extend", {"clock": "contact", "days": "366", "reason": "x"}, "days", "more than a year"),
    ("extend", {"clock": "cuckoo", "days": "1", "reason": "x"}, "clock", "no clock of ours"),
    ("pause", {"reason": ""}, "reason", "nothing"),
    ("note", {"text": TEXT}, "text", "too long"),
    ("answer", {"words": ""}, "words", "nothing"),
    ("close", {"outcome": "boredom", "reason": "x", "number": "RIGHT"}, "outcome", "no outcome of ours"),
    ("close", {"outcome": "other", "reason": "x", "number": "00000-00000"}, "number", "another case's number"),
    ("close", {"outcome": "other", "reason": "", "number": "RIGHT"}, "reason", "nothing"),
    ("link", {"reference": "00000-00000"}, "reference", "no report has it"),
    ("embargo", {"cause": "weather", "reason": "x"}, "cause", "no cause of ours"),
    ("assess", {"reason": ""}, "reason", "why?"),
]


@pytest.mark.parametrize(("act", "typed", "field", "why"), DESK)
def test_acts(open_case: Alert, act: str, typed: dict[str, str], field: str, why: str) -> None:
    desk, before = open_case.desk.open(f"{open_case.case}/do/{act}"), open_case.house.rows()
    sent = desk.filled(desk.form(f"/do/{act}"), {})
    for name, value in typed.items():
        sent[name] = open_case.number if value == "RIGHT" else value
    desk.post(f"{open_case.case}/do/{act}", sent)
    refused(desk, open_case.house, field, typed[field].replace("\r\n", "\r\n"), why)
    assert open_case.house.rows() == before


NOTICES = [
    ({"presentation": ""}, "presentation", "compulsory"),
    ({"technical": " "}, "technical", "compulsory"),
    ({"advice": "a" * 20_001}, "advice", "too long"),
    ({"fact-1": "Vu en ligne.", "basis-1": "public", "on-1": ""}, "on-1", "publicly visible, but when?"),
    ({"fact-1": "Vu en ligne.", "basis-1": "public", "on-1": "hier"}, "on-1", "no date"),
]


@pytest.mark.parametrize(("typed", "field", "why"), NOTICES)
def test_the_notice(open_case: Alert, typed: dict[str, str], field: str, why: str) -> None:
    desk, before = open_case.desk.open(f"{open_case.case}/notice"), open_case.house.rows()
    sent = desk.filled(desk.form("/notice"), NOTICE)
    for name, value in typed.items():
        sent[name] = value
    desk.post(f"{open_case.case}/notice", sent)
    refused(desk, open_case.house, field, typed[field], why)
    for name, value in (NOTICE | typed).items():
        assert desk.form("/notice").controls[name].sends == value, "all of it is kept"
    assert open_case.house.rows() == before


def test_a_release_asks_its_questions(house: House) -> None:
    alert = walked(house, 4)
    desk = alert.desk.open(f"{alert.case}/notice").send("/notice", **NOTICE)
    release = next(link.href for link in desk.open(alert.case).page.links if "/release/" in link.href)
    desk.open(release)
    before = house.rows()
    desk.send(release)
    assert desk.status == 409
    assert "Both questions must be answered" in desk.page.words
    assert house.rows() == before


def test_a_second_click_releases_nothing_twice(house: House) -> None:
    alert = walked(house, 2)
    desk = alert.desk.open(alert.case)
    request = next(link.href for link in desk.page.links if "/request/" in link.href)
    sent = desk.open(request).filled(desk.form(request), {})
    desk.post(request, sent)
    before = house.rows()
    desk.post(request, sent)
    assert desk.status == 409
    assert "written to already" in desk.page.words
    assert house.rows() == before


def test_a_second_click_opens_no_second_case(house: House) -> None:
    desk = accept(walked(house, 1))
    sent, path = desk.filled(desk.form("/accept"), {"organisation": ORGANISATION, "host_compromised": "no"}), desk.at
    desk.post(path, sent)
    before = house.rows()
    desk.post(path, sent)
    assert desk.status == 409
    assert "A case was opened from this report in the meantime" in desk.page.words
    assert [link for link in desk.page.links if "/desk/cases/" in link.href], "and there it is"
    assert house.rows() == before
    assert len(before["disclosure.db.cases"]) == 1
    desk.send("/accept", organisation="Un autre organisme", host_compromised="no")
    assert len(house.rows()["disclosure.db.cases"]) == 2, "a report may belong to two (R7), by a decision"


# --- anything at all ---


@pytest.mark.parametrize("turn", [0, 6])
def test_whatever_is_typed_anywhere_is_no_error_of_ours(house: House, turn: int) -> None:
    """Every POST of desk and case page, odd words in every field: taken or refused, and a refusal stores nothing."""
    alert = opened(house)
    desk, person, case_id = alert.desk, alert.organisation, alert.case.rsplit("/", 1)[1]
    with house.office.store.reading() as connection:
        report_id = str(connection.exec_driver_sql("SELECT id FROM reports").scalar())
    ids = {"case_id": case_id, "report_id": report_id, "channel_id": "fr-anssi:mail"}
    ids |= dict.fromkeys(
        ("mail_id", "person_id", "contact_id", "picture_id", "inbox_id", "approval_id", "token"), "0" * 32
    )
    fields = sorted({f.name for act in ACTS.values() for f in act.fields} | FIELDS)
    typed = {name: NASTY[(place + turn) % len(NASTY)] for place, name in enumerate(fields)}
    adapter = house.app.url_map.bind("127.0.0.1:5000")
    tokens = [
        browser.page.forms[-1].controls["csrf_token"].sends or ""
        for browser in (desk.open("/desk/"), person.open("/case"))
    ]
    before = house.rows()
    for rule in house.app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.endpoint in LEFT_OUT or rule.endpoint.startswith("reporter."):
            continue
        browser, token = (desk, tokens[0]) if rule.endpoint.startswith("desk.") else (person, tokens[1])
        for act in ACTS if rule.endpoint == "desk.do" else ("",):
            path = adapter.build(rule.endpoint, {name: ids.get(name, act) for name in rule.arguments}, method="POST")
            browser.post(path, typed | {"csrf_token": token})
            assert browser.status in {200, 400, 404, 409, 422}, (path, browser.status)
            after = house.rows() if browser.status == 200 else before
            assert browser.status == 200 or house.rows() == before, path
            before = after


def test_the_story_ends_where_it_should(house: House) -> None:
    """What the tables above refuse, done rightly, goes through: the forms are not simply closed."""
    alert = walked(house, 4)
    released(alert)
    acknowledged(alert)
    assert "Thank you, the notice is acknowledged" in alert.organisation.page.words
