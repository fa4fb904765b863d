"""Signing in at the desk: password (Argon2id) and a TOTP code, both compulsory; sessions end, tries slow."""

from __future__ import annotations

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from disclosure.casework import accounts
from disclosure.store.tables import coordinators, sessions
from tests.web.browser import Browser
from tests.web.house import House, statements

LOGIN = "camille"


@pytest.fixture(autouse=True)
def _no_tries() -> None:
    accounts._TRIES.clear()


@pytest.fixture(scope="module", autouse=True)
def _cheap_hashes():  # type: ignore[no-untyped-def]
    """The cost of a hash is a parameter inside it; one test is about ours, the others need not pay it."""
    patch = pytest.MonkeyPatch()
    patch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts._nobody.cache_clear()
    yield
    patch.undo()
    accounts._nobody.cache_clear()


@pytest.fixture
def door(house: House) -> House:
    """The coordinator's hash costs little here."""
    with house.office.store.writing() as tx:
        tx.execute(update(coordinators).values(password_hash=accounts._hash(house.account.password)))
    return house


def enter(house: House, browser: Browser | None = None, **typed: str) -> Browser:
    right = {"login": LOGIN, "password": house.account.password, "code": ""} | typed
    if not typed.get("code") and "code" not in typed:
        right["code"] = house.code()
    return (browser or house.browser()).open("/desk/sign-in").send(**right)


def test_password_and_code_open_the_desk(door: House) -> None:
    browser = enter(door)
    assert browser.at == "/desk/"
    assert browser.status == 200


def test_the_hash_is_argon2id_at_the_cost_of_rfc_9106(prepared) -> None:  # type: ignore[no-untyped-def]
    """Its second recommendation: 64 MiB, three passes; read from what a fresh installation holds."""
    from tests.web.house import COUNTERS, dump  # noqa: PLC0415

    row = repr(dump(prepared.folder / "disclosure.db", COUNTERS)["coordinators"])
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in row
    assert prepared.account.password not in row


WRONG = [
    ({"login": "nobody"}, "nobody of that name"),
    ({"login": ""}, "no name"),
    ({"password": "not the password"}, "another password"),
    ({"password": ""}, "a code alone does not open"),
    ({"code": "000000"}, "another code"),
    ({"code": ""}, "a password alone does not open"),
    ({"login": "nobody", "password": "x", "code": "000000"}, "nothing is right"),
]


@pytest.mark.parametrize(("typed", "why"), WRONG)
def test_whatever_is_wrong_gets_the_same_answer(door: House, typed: dict[str, str], why: str) -> None:
    browser = enter(door, **typed)
    assert browser.status == 422, why
    login = browser.form().controls["login"].sends
    assert login == typed.get("login", LOGIN), "the name is kept"
    assert not browser.form().controls["password"].sends
    assert door.account.password not in browser.html, "the password is never sent back"
    assert "Login, password and code do not go together" in browser.page.words
    assert not door.rows()["disclosure.db.sessions"]


def test_the_same_work_for_an_unknown_name(door: House, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    real = accounts._fits
    monkeypatch.setattr(accounts, "_fits", lambda held, typed: hashed.append(typed) or real(held, typed))
    asked = []
    for typed in ({"login": "nobody"}, {"password": "not the password"}):
        with statements(door) as queries:
            enter(door, **typed)
        asked.append(list(queries))
    assert asked[0] == asked[1]
    assert len(hashed) == 2, "one password is hashed in either case"


def test_a_code_is_good_once(door: House) -> None:
    code = door.code()
    assert enter(door, code=code).at == "/desk/"
    assert enter(door, code=code).status == 422, "the one who looked over the shoulder comes too late"
    assert enter(door).at == "/desk/", "the next one is good"


def test_an_older_code_is_not_good_after_a_newer_one(door: House) -> None:
    older = door.code()
    newer = door.code()
    assert enter(door, code=newer).at == "/desk/"
    assert enter(door, code=older).status == 422, "within the drift, and still refused"


@pytest.mark.parametrize(
    ("late", "opens", "why"),
    [(30, True, "one step of drift"), (-30, True, "either way"), (90, False, "no more than one")],
)
def test_drift_of_the_clock(door: House, late: int, opens: bool, why: str) -> None:  # noqa: FBT001
    code = door.code()
    door.at(seconds=late)
    assert (enter(door, code=code).at == "/desk/") == opens, why


# --- sessions ---


def test_a_session_ends_without_a_request(door: House) -> None:
    idle = door.office.settings.sessions.desk_idle
    browser = enter(door)
    door.now += idle
    assert browser.open("/desk/").at == "/desk/", "the very instant is still in time"
    door.now += idle + timedelta(seconds=1)
    assert browser.open("/desk/").at == "/desk/sign-in"


def test_a_session_ends_in_any_case(door: House) -> None:
    held = door.office.settings.sessions
    browser, end = enter(door), door.now + held.desk_longest
    while door.now + held.desk_idle < end:
        door.now += held.desk_idle
        assert browser.open("/desk/").at == "/desk/"
    door.now = end - timedelta(seconds=1)
    assert browser.open("/desk/").at == "/desk/"
    door.now = end
    assert browser.open("/desk/").at == "/desk/sign-in", "however busy"


def test_signing_out_ends_it_on_the_server(door: House) -> None:
    browser = enter(door)
    token = browser.client.get_cookie("coordinator", domain="127.0.0.1")
    assert token
    browser.open("/desk/").send("/desk/sign-out")
    assert browser.at == "/desk/sign-in"
    assert browser.client.get_cookie("coordinator", domain="127.0.0.1") is None
    browser.client.set_cookie("coordinator", token.value, domain="127.0.0.1")
    assert browser.open("/desk/").at == "/desk/sign-in", "a copied cookie opens nothing any more"
    assert not door.rows()["disclosure.db.sessions"]


def test_each_sign_in_has_a_token_of_its_own(door: House) -> None:
    """Whoever planted a cookie before does not hold the session afterwards."""
    browser = door.browser()
    browser.client.set_cookie("coordinator", "planted", domain="127.0.0.1")
    enter(door, browser)
    token = browser.client.get_cookie("coordinator", domain="127.0.0.1")
    assert token
    assert token.value != "planted"
    assert len(token.value) >= 43, "256 bits"
    assert token.value not in repr(door.rows()), "the row holds its hash"


def test_a_session_of_one_audience_opens_nothing_of_another(door: House) -> None:
    browser = enter(door)
    token = browser.client.get_cookie("coordinator", domain="127.0.0.1")
    assert token
    for name in ("reporter", "organisation"):
        browser.client.set_cookie(name, token.value, domain="127.0.0.1")
    assert browser.open("/mine/report").at == "/mine/"
    assert browser.open("/case").status == 404


def test_a_coordinator_who_is_disabled_is_out_at_once(door: House) -> None:
    browser = enter(door)
    accounts.disable(door.office, LOGIN)
    assert browser.open("/desk/").at == "/desk/sign-in"
    assert enter(door).status == 422


def test_a_new_password_ends_what_the_old_one_opened(door: House) -> None:
    browser = enter(door)
    accounts.change_password(door.office, door.account.id, door.account.password, "twelve letters and more")
    assert browser.open("/desk/").at == "/desk/sign-in"
    assert enter(door).status == 422
    assert enter(door, password="twelve letters and more").at == "/desk/"


# --- tries ---


def test_wrong_tries_slow_and_never_lock(door: House) -> None:
    for _ in range(5):
        assert enter(door, password="wrong", code="000000").status == 422, "five slips cost nothing"
    slowed = enter(door, code="000000")
    assert slowed.status == 429
    assert "Please wait" in slowed.page.words
    assert slowed.form().controls["login"].sends == LOGIN, "what was typed is kept"
    for _ in range(15):
        door.at(minutes=5)
        assert enter(door, password="wrong", code="000000").status == 422
    assert enter(door).status == 429, "also for the right one, for a moment"
    door.at(minutes=5)
    assert enter(door).at == "/desk/", "five minutes at most, however many went before"
    assert enter(door, password="wrong", code="000000").status == 422, "and the count begins anew"


def test_tries_at_one_name_slow_no_other(door: House) -> None:
    for _ in range(8):
        enter(door, login="somebody", password="wrong", code="000000")
    assert enter(door).at == "/desk/"


def test_tries_at_thousands_of_names_fill_no_memory(door: House) -> None:
    for n in range(accounts.MOST_NAMES + 50):
        accounts._count(f"name-{n}", door.now)
    assert len(accounts._TRIES) <= accounts.MOST_NAMES


def test_the_door_shows_nothing_of_who_exists(door: House) -> None:
    with door.office.store.reading() as connection:
        assert connection.execute(select(sessions)).first() is None
    assert enter(door, login=LOGIN.upper() + " ", password="x").page.words.count("do not go together") == 1
