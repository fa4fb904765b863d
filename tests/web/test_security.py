"""What every answer carries and every POST must pass: hosts, proxies, cookies, tokens, errors that tell nothing."""

from __future__ import annotations

import logging
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest

from disclosure.casework import organisations, reporting
from disclosure.web.security import Limits
from tests.web.browser import Browser
from tests.web.conftest import Build
from tests.web.house import House
from tests.web.test_pages import HEADERS
from tests.web.walk import REPORT, Alert

CANARY = "canari-9f3b"


def carries_the_headers(browser: Browser) -> None:
    for name, begin in HEADERS.items():
        assert browser.response.headers.get(name, "").startswith(begin), name
    assert browser.response.headers["Cache-Control"] == "no-store"


# --- errors ---


@pytest.mark.parametrize(
    ("method", "path", "status", "why"),
    [
        ("GET", "/nowhere", 404, "no such page"),
        ("GET", f"/{CANARY}", 404, "what was asked for is not repeated"),
        ("GET", "/static/nothing.css", 404, "a missing file is not kept for a year"),
        ("GET", "/static/../settings.toml", 404, "nor one that lies elsewhere"),
        ("GET", "/case/address", 405, "a way that only takes POSTs"),
        ("POST", "/rules", 405, "a page that only shows"),
        ("PUT", "/report", 405, "a method that nothing takes"),
        ("DELETE", "/desk/", 405, "a method that nothing takes"),
        ("GET", "/case", 404, "no session, and no hint that there could be one"),
    ],
)
def test_pages_that_cannot_be_shown(shared: House, method: str, path: str, status: int, why: str) -> None:
    browser = shared.browser().open("/")
    answer = browser.client.open(path, method=method, base_url=browser.base, headers={"Accept-Language": "en"})
    browser._show(path, answer)
    assert browser.status == status, why
    carries_the_headers(browser)
    assert CANARY not in browser.page.words
    assert "Traceback" not in browser.html
    if browser.status in {404, 405}:
        assert "The address is not known, no longer valid, or not for you." in browser.page.words
    if browser.status == 405:
        assert browser.response.headers["Allow"]


def test_a_fault_of_ours_tells_the_visitor_nothing_and_the_log_no_word_that_was_typed(
    shared: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ValueError(f"invalid: {CANARY}") from KeyError(CANARY)

    monkeypatch.setattr(organisations, "check_number", broken)
    with caplog.at_level(logging.DEBUG):
        browser = shared.browser().open("/check").send(number=CANARY, domain=f"{CANARY}.example")
    assert browser.status == 500
    carries_the_headers(browser)
    assert "Something went wrong on our side" in browser.page.words
    assert CANARY + ".example" in browser.page.words, "what was typed is kept"
    assert "invalid" not in browser.page.words
    assert "ValueError" in caplog.text, "what kind of fault, and the way to it"
    assert "in broken" in caplog.text
    assert CANARY not in "".join(logging.Formatter().format(record) for record in caplog.records)


def test_the_database_repeats_no_value_in_its_errors(shared: House) -> None:
    assert shared.office.store.engine.hide_parameters


# --- other sites ---


@pytest.mark.parametrize(
    ("headers", "status", "why"),
    [
        ({"Sec_Fetch_Site": "cross-site"}, 403, "the browser says that another site sent it"),
        ({"Sec_Fetch_Site": "same-site"}, 403, "a neighbour under the same domain is another site too"),
        ({"Origin": "https://evil.example"}, 403, "an older browser says from where"),
        ({"Origin": "http://127.0.0.1:5001"}, 403, "another port is another origin"),
        ({"Origin": "null", "Sec_Fetch_Site": "same-origin"}, 200, "our own no-referrer makes it null"),
        ({"Origin": "http://127.0.0.1:5000", "Sec_Fetch_Site": "same-origin"}, 200, "our own page"),
        ({}, 200, "a browser that says nothing has the token"),
    ],
)
def test_a_post_comes_from_a_page_of_ours(shared: House, headers: dict[str, str], status: int, why: str) -> None:
    browser = shared.browser().open("/check")
    sent = browser.filled(browser.form(), {"number": "00000-00000", "domain": f"{CANARY}.example"})
    browser.post("/check", sent, **headers)
    assert browser.status == status, why
    if status == 403:
        assert CANARY not in browser.page.words, "another site's words are not shown as the visitor's own"
    carries_the_headers(browser)


POSTS = ("/check", "/mine/", "/desk/sign-in", "/report", "/report/kept")


@pytest.mark.parametrize("path", POSTS)
def test_no_form_is_taken_without_its_token(shared: House, path: str) -> None:
    before = shared.rows()
    browser = shared.browser().post(path, REPORT | {"domain": f"{CANARY}.example", "password": "secret-word"})
    assert browser.status == 400
    assert shared.rows() == before
    assert "secret-word" not in browser.html, "a password is never sent back"
    if path != "/report":
        assert f"{CANARY}.example" in browser.page.words, "what was typed is kept"


def test_every_post_of_the_site_asks_for_a_token(filled: Alert) -> None:
    """Signed in as everybody at once, with the right cookies and no token: nothing moves."""
    house, browser = filled.house, filled.house.desk()
    before = house.rows()
    for other, name in ((filled.reporter, "reporter"), (filled.organisation, "organisation")):
        cookie = other.client.get_cookie(name, domain="127.0.0.1")
        assert cookie
        browser.client.set_cookie(name, cookie.value, domain="127.0.0.1")
    adapter = house.app.url_map.bind("127.0.0.1:5000")
    case_id = filled.case.rsplit("/", 1)[1]
    for rule in house.app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            values = {name: case_id if name == "case_id" else "x" for name in rule.arguments}
            browser.post(adapter.build(rule.endpoint, values, method="POST"), {"words": CANARY, "text": CANARY})
            assert browser.status == 400, rule
    assert house.rows() == before


def test_a_session_that_ended_gives_the_words_back(house: House) -> None:
    reporter = house.browser().open("/report").send("/report", **REPORT).send("/report/kept", kept="yes")
    before = house.rows()
    house.at(hours=3)
    reporter.send("/mine/message", text="Un long message, écrit lentement.")
    assert reporter.status == 403
    assert "Un long message, écrit lentement." in reporter.page.words
    assert house.rows() == before


# --- hosts and proxies ---


@pytest.mark.parametrize(
    ("host", "status", "why"),
    [
        ("127.0.0.1:5000", 200, "where it listens"),
        ("localhost:5000", 200, "this machine's other name"),
        ("evil.example", 400, "somebody else's name in front of our server"),
        ("127.0.0.1.evil.example", 400, "one that begins like ours"),
        ("evil.example:5000", 400, "the right port does not help"),
    ],
)
def test_only_our_own_host_names_are_served(shared: House, host: str, status: int, why: str) -> None:
    for path in ("/", "/report", "/nowhere"):
        answer = shared.app.test_client().get(path, headers={"Host": host})
        assert answer.status_code == (404 if status == 200 and path == "/nowhere" else status), why
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if status == 400:
            assert host not in answer.get_data(as_text=True)


FORWARDED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "4443",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=https",
}


def test_forwarded_headers_say_nothing_without_a_trusted_proxy(shared: House) -> None:
    answer = shared.app.test_client().get("/", base_url="http://127.0.0.1:5000", headers=FORWARDED)
    assert answer.status_code == 200, "the host is the real one"
    assert "Strict-Transport-Security" not in answer.headers, "nor is it TLS because somebody says so"
    assert "evil" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("proxies", "refused", "why"),
    [
        ("0", True, "whoever calls may write any address: all are one caller"),
        ("1", False, "our proxy names the caller"),
    ],
)
def test_who_calls(build: Build, proxies: str, refused: bool, why: str) -> None:  # noqa: FBT001
    house = build(DISCLOSURE_TRUSTED_PROXIES=proxies)
    seen = set()
    for n in range(25):
        browser = house.browser(X_Forwarded_For=f"203.0.113.{n}").open("/check")
        seen.add(browser.send(number="x", domain="example.org").status)
    assert seen == ({200, 429} if refused else {200}), why


def test_behind_a_trusted_proxy_tls_is_believed_and_hosts_are_not(build: Build) -> None:
    house = build(DISCLOSURE_PUBLIC_URL="https://alerte.example", DISCLOSURE_TRUSTED_PROXIES="1")
    ours = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "alerte.example"}
    answer = house.app.test_client().get("/", base_url="http://127.0.0.1:5000", headers=ours)
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"]
    answer = house.app.test_client().get(
        "/", base_url="http://127.0.0.1:5000", headers=ours | {"X-Forwarded-Host": "evil.example"}
    )
    assert answer.status_code == 400
    two = ours | {"X-Forwarded-Host": "evil.example, alerte.example"}
    assert house.app.test_client().get("/", base_url="http://127.0.0.1:5000", headers=two).status_code == 200, (
        "the nearest"
    )


# --- cookies ---


def _cookies(browser: Browser) -> dict[str, SimpleCookie]:
    found = {}
    for line in browser.response.headers.getlist("Set-Cookie"):
        cookie: SimpleCookie = SimpleCookie(line)
        found.update(dict.fromkeys(cookie, cookie))
    return found


@pytest.mark.parametrize(
    ("url", "secure", "why"),
    [
        ("http://127.0.0.1:5000", False, "plain HTTP, on this machine only: browsers refuse the prefix there"),
        ("https://alerte.example", True, "over TLS the browser itself keeps them to this host"),
    ],
)
def test_cookies(build: Build, url: str, secure: bool, why: str) -> None:  # noqa: FBT001
    house, seen = build(DISCLOSURE_PUBLIC_URL=url), {}
    browser = Browser(house.app, "en", url)
    seen.update(_cookies(browser.open("/report?lang=fr")))
    browser.send("/report", **REPORT)
    form = browser.filled(browser.form("/report/kept"), {"kept": "yes"})
    browser.response = browser.client.post("/report/kept", data=form, base_url=url)
    seen.update(_cookies(browser))
    browser.open("/mine/report")
    browser.response = browser.client.post("/mine/leave", data=browser.tokens("/mine/leave"), base_url=url)
    left = _cookies(browser)
    assert browser.response.headers["Clear-Site-Data"]
    prefix = "__Host-" if secure else ""
    assert set(seen) == {f"{prefix}{name}" for name in ("form", "lang", "reporter")}, why
    for name, cookie in (*seen.items(), *left.items()):
        held = cookie[name]
        assert held["httponly"], name
        assert held["samesite"] == "Lax", name
        assert held["path"] == "/", name
        assert bool(held["secure"]) == secure, name
        assert not held["domain"], name
    assert left[f"{prefix}reporter"][f"{prefix}reporter"].value == ""


def test_the_signed_cookie_holds_a_token_and_nothing_of_who_calls(shared: House) -> None:
    """R2: neither address nor browser name."""
    browser = shared.browser(User_Agent=CANARY, X_Forwarded_For="203.0.113.9").open("/report")
    with browser.client.session_transaction(base_url=browser.base) as held:
        assert set(held) == {"csrf_token"}


# --- rate limits ---


def test_limits_hold_a_hash_and_forget_it_with_the_day(shared: House) -> None:
    limits, at = Limits(), shared.now
    hour = timedelta(hours=1)
    assert [limits.over("x", at, most=2, window=hour, caller=CANARY) for _ in range(3)] == [False, False, True]
    assert not limits.over("x", at, most=2, window=hour, caller="somebody else")
    assert not limits.over("x", at + hour, most=2, window=hour, caller=CANARY), "the window ends"
    assert CANARY not in repr(vars(limits))
    before = {who for _, who, _ in limits._counts}
    limits.over("x", at + timedelta(days=1), most=2, window=hour, caller=CANARY)
    assert not before & {who for _, who, _ in limits._counts}, "another key each day: no count leads to the day before"


def test_wrong_codenames_slow_and_shut_nobody_out(house: House) -> None:
    browser = house.browser().open("/report").send("/report", **REPORT)
    token = browser.form("/report/kept").controls["codename"].sends
    other = house.browser()
    seen = [other.open("/mine/").send(codename="ba bi bo bu da di do").status for _ in range(22)]
    assert seen == [422] * 20 + [429] * 2
    assert other.open("/mine/").send(codename=token).at == "/mine/report", "the right one opens at any time"
    house.at(hours=1)
    assert other.open("/mine/").send(codename="ba bi bo bu da di do").status == 422
    assert reporting.enter(house.office, token or "")


# --- whoever watches from outside ---


def test_readiness_is_one_word(house: House) -> None:
    browser = house.browser().open("/readyz")
    assert (browser.status, browser.html) == (200, "ready\n")
    carries_the_headers(browser)
    (house.folder / "kek.key").unlink()
    browser.open("/readyz")
    assert (browser.status, browser.html) == (503, "no_key\n")
    assert browser.open("/healthz").status == 200, "the process lives: restarting it would mend nothing"
