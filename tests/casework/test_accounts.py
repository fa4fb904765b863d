"""Coordinators and sessions: password and TOTP, both; a code once; wrong ones slow; nothing of a secret in a row."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from disclosure.casework import accounts
from disclosure.casework.accounts import NewCoordinator
from disclosure.protocol.errors import InvalidInput, NotFound, Refused, TooMany
from disclosure.protocol.values import Audience, Language
from disclosure.store.tables import coordinators, sessions
from tests.casework.desk import HOUR, House

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _nobody_has_tried() -> None:
    accounts._TRIES.clear()  # a process's memory


@pytest.fixture(scope="module")
def ada(house: House) -> NewCoordinator:
    return accounts.add(house.office, " Anna ", "Anna Name", "anna@desk.example", Language.FR, house.now)


def code(account: NewCoordinator, at) -> str:  # type: ignore[no-untyped-def]
    totp = pyotp.parse_uri(account.totp_uri)
    assert isinstance(totp, pyotp.TOTP)
    return totp.at(at)


def test_the_row_holds_no_password_and_no_secret(house: House, ada: NewCoordinator) -> None:
    with house.office.store.reading() as connection:
        row = connection.execute(select(coordinators).where(coordinators.c.id == ada.id)).one()
    secret = pyotp.parse_uri(ada.totp_uri).secret
    assert row.password_hash.startswith("$argon2id$")
    assert ada.password not in repr(row)
    assert secret not in repr(row)
    assert (ada.login, row.login) == ("anna", "anna"), "however it was typed"


def test_both_are_needed_and_a_code_is_good_once(house: House, ada: NewCoordinator) -> None:
    now = house.later(HOUR)
    right = code(ada, now)
    for login, password, typed in (
        (ada.login, "wrong", right),
        (ada.login, ada.password, "000000"),
        (ada.login, ada.password, ""),
        ("nobody", ada.password, right),
    ):
        with pytest.raises(Refused) as refused:
            accounts.sign_in(house.office, login, password, typed, now)
        assert refused.value.reason == "sign_in", "one refusal for whichever is wrong"
    token = accounts.sign_in(house.office, " ANNA", ada.password, f"{right[:3]} {right[3:]}", now)
    held = accounts.read_session(house.office, Audience.COORDINATOR, token, now)
    assert held is not None
    assert held.subject == ada.id
    with pytest.raises(Refused):
        accounts.sign_in(house.office, ada.login, ada.password, right, now)


@pytest.mark.parametrize(
    ("drift", "taken", "why"),
    [
        (-30, True, "a clock half a minute slow"),
        (30, True, "or fast"),
        (-90, False, "a code of a minute and a half ago"),
        (90, False, "or to come"),
    ],
)
def test_a_clock_may_drift_by_one_step(house: House, ada: NewCoordinator, drift: int, taken: bool, why: str) -> None:
    now = house.later(HOUR)
    typed = code(ada, now + drift * SECOND)
    if taken:
        assert accounts.sign_in(house.office, ada.login, ada.password, typed, now), why
    else:
        with pytest.raises(Refused):
            accounts.sign_in(house.office, ada.login, ada.password, typed, now)


def test_wrong_sign_ins_slow_by_name_and_lock_nobody_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_fits", lambda *_: False)  # Argon2 takes a tenth of a second each
    now = house.later(HOUR)
    for _ in range(accounts.FREE_TRIES):
        with pytest.raises(Refused):
            accounts.sign_in(house.office, "guess", "x", "1", now)
    with pytest.raises(TooMany) as slow:
        accounts.sign_in(house.office, "guess", "x", "1", now)
    assert 1 <= slow.value.retry_after <= 2
    with pytest.raises(Refused):
        accounts.sign_in(house.office, "other", "x", "1", now)
    with pytest.raises(Refused):
        accounts.sign_in(house.office, "guess", "x", "1", now + timedelta(minutes=5))


@pytest.mark.parametrize(("old", "new", "problem"), [("wrong", "long enough, really", "old"), (None, "short", "new")])
def test_a_password_is_changed_with_the_old_one(
    house: House, ada: NewCoordinator, old: str | None, new: str, problem: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.change_password(house.office, ada.id, old or ada.password, new)
    assert list(refused.value.problems) == [problem]


def test_a_new_password_ends_every_session(house: House) -> None:
    eve = accounts.add(house.office, "eve", "Eve", "eve@desk.example", Language.EN, house.now)
    now = house.later(HOUR)
    token = accounts.sign_in(house.office, "eve", eve.password, code(eve, now), now)
    accounts.change_password(house.office, eve.id, eve.password, "another one, long enough")
    assert accounts.read_session(house.office, Audience.COORDINATOR, token, now) is None
    now = house.later(HOUR)
    again = accounts.sign_in(house.office, "eve", "another one, long enough", code(eve, now), now)
    accounts.disable(house.office, "eve")
    assert accounts.read_session(house.office, Audience.COORDINATOR, again, now) is None
    now = house.later(HOUR)
    with pytest.raises(Refused):
        accounts.sign_in(house.office, "eve", "another one, long enough", code(eve, now), now)
    with pytest.raises(NotFound):
        accounts.disable(house.office, "nobody")
    assert accounts.coordinator(house.office, eve.id).active is False
    with pytest.raises(NotFound):
        accounts.coordinator(house.office, "nobody")


@pytest.mark.parametrize(("login", "name"), [("", "X"), (" ", "X"), ("x", " "), ("ANNA ", "X")])
def test_who_cannot_be_added(house: House, ada: NewCoordinator, login: str, name: str) -> None:
    with pytest.raises(InvalidInput):
        accounts.add(house.office, login, name, "x@desk.example", Language.FR, house.now)


# --- sessions ---


def opened(house: House, audience: Audience = Audience.REPORTER) -> str:
    return accounts.open_session(
        house.office, audience, "subject", house.now, stream_id="s", idle=HOUR, longest=24 * HOUR
    )


def test_a_session_is_of_one_audience_and_its_row_holds_a_hash(house: House) -> None:
    token = opened(house)
    assert accounts.read_session(house.office, Audience.REPORTER, token, house.now) is not None
    for other in (Audience.COORDINATOR, Audience.ORGANISATION):
        assert accounts.read_session(house.office, other, token, house.now) is None
    assert accounts.read_session(house.office, Audience.REPORTER, token + "x", house.now) is None
    with house.office.store.reading() as connection:
        assert token not in repr(connection.execute(select(sessions)).all())


def test_a_session_ends_by_idleness_by_age_and_by_hand(house: House) -> None:
    idle = house.office.settings.sessions.reporter_idle
    token, start = opened(house), house.now
    assert accounts.read_session(house.office, Audience.REPORTER, token, start + idle) is not None, "the very instant"
    assert accounts.read_session(house.office, Audience.REPORTER, token, start + 2 * idle) is not None, "seen meanwhile"
    assert accounts.read_session(house.office, Audience.REPORTER, token, start + 3 * idle + SECOND) is None, "idle"
    fresh = opened(house)
    assert accounts.read_session(house.office, Audience.REPORTER, fresh, start + 24 * HOUR) is None, "too old"
    third = opened(house)
    accounts.sign_out(house.office, third)
    assert accounts.read_session(house.office, Audience.REPORTER, third, house.now) is None
