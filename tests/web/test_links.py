"""Links from mails (R25): one answer for every link that opens nothing, codes that slow and never lock, one event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from disclosure.casework import casefile, linking
from disclosure.store.tables import links
from tests.web.conftest import Build
from tests.web.house import House, statements
from tests.web.walk import PERSON, Alert, walked

WHO = {"name": PERSON, "role": "Déléguée"}


@pytest.fixture(scope="module")
def alert(build: Build) -> Alert:
    """A person came through the first link; the notice waits behind the second."""
    return walked(build(), 5)


@pytest.fixture
def fresh(house: House) -> Alert:
    """The first mail has left and nobody has opened it."""
    return walked(house, 3)


def case_of(alert: Alert) -> str:
    return alert.case.rsplit("/", 1)[1]


# --- links that open nothing ---


def _revoked(alert: Alert) -> str:
    with alert.house.office.store.writing() as tx:
        tx.execute(update(links).where(links.c.purpose == "confirm").values(revoked_at=alert.house.now))
    return alert.link


def _last_letter(alert: Alert) -> str:
    return alert.ready_link[:-1] + ("A" if alert.ready_link[-1] != "A" else "B")


REFUSED: dict[str, Callable[[Alert], str]] = {
    "never made": lambda alert: "/a/01" + "A" * 64,
    "not even of our shape": lambda alert: "/a/%C3%A9%00;--",
    "short": lambda alert: "/a/x",
    "one letter changed": _last_letter,
    "of a signing key that we do not know": lambda alert: alert.ready_link.replace("/a/01", "/a/02"),
    "revoked": _revoked,
}


def _answers(alert: Alert, path: str) -> dict[str, tuple[int, str, list[str]]]:
    """Status, page without its own address, and what the database was asked: per way of using a link."""
    out = {}
    for way in ("", "/not-ours"):
        for method in ("get", "post"):
            browser = alert.house.browser()
            tokens = browser.open("/check").tokens("/check")
            with statements(alert.house) as asked:
                if method == "get":
                    browser.open(path + way)
                else:
                    browser.post(path + way, tokens | WHO | {"code": alert.code, "words": "Pas des nôtres."})
            out[f"{method} {way}"] = (browser.status, browser.page.words, list(asked))
    return out


@pytest.mark.parametrize("why", REFUSED)
def test_every_link_that_opens_nothing_gets_one_answer_after_the_same_work(
    alert: Alert, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, before = REFUSED[why](alert), alert.house.rows()
    signed: list[object] = []
    real = linking._mac
    monkeypatch.setattr(linking, "_mac", lambda *a: signed.append(a) or real(*a))
    answers = _answers(alert, path)
    monkeypatch.undo()
    assert len(signed) == len(answers), "the signature is computed each time, also for a link that is in no row"
    neutral = _answers(alert, "/a/01" + "C" * 64)
    assert answers == neutral
    assert {status for status, _, _ in answers.values()} == {404}
    assert alert.house.rows() == before, "nothing is counted either"


def test_an_expired_link_is_as_unknown_as_any(fresh: Alert) -> None:
    assert fresh.house.browser().open(fresh.link).status == 200
    fresh.house.at(days=400)
    assert _answers(fresh, fresh.link) == _answers(fresh, "/a/01" + "C" * 64)


def test_the_very_instant_of_expiry_is_too_late(fresh: Alert) -> None:
    with fresh.house.office.store.reading() as connection:
        expires = connection.execute(links.select()).one().expires_at
    fresh.house.now = expires - timedelta(seconds=1)
    assert fresh.house.browser().open(fresh.link).status == 200
    fresh.house.now = expires
    assert fresh.house.browser().open(fresh.link).status == 404


def test_a_link_of_another_purpose_cannot_object(alert: Alert) -> None:
    """The link that says "the notice waits" is the person's own: an objection comes from somebody else written to."""
    ways = _answers(alert, alert.ready_link)
    neutral = _answers(alert, "/a/01" + "C" * 64)
    assert ways["get /not-ours"] == neutral["get /not-ours"]
    assert ways["post /not-ours"] == neutral["post /not-ours"]


def test_a_row_whose_purpose_was_changed_opens_nothing(fresh: Alert) -> None:
    """Purpose, case, recipient and expiry are under the signature: rewriting the row does not widen a link."""
    for change in (
        {"purpose": "notice"},
        {"recipient": "0" * 32},
        {"expires_at": fresh.house.now + timedelta(days=900)},
    ):
        with fresh.house.office.store.writing() as tx:
            held = tx.execute(links.select()).one()
            tx.execute(update(links).values(**change))
        assert fresh.house.browser().open(fresh.link).status == 404, change
        with fresh.house.office.store.writing() as tx:
            tx.execute(update(links).values(**{name: getattr(held, name) for name in change}))
    assert fresh.house.browser().open(fresh.link).status == 200, "unchanged it opens"


# --- openings ---


def test_openings_are_counted_and_told_once(fresh: Alert) -> None:
    office, case_id = fresh.house.office, case_of(fresh)
    before = casefile.look(office, case_id).case.last_seq
    browser = fresh.house.browser()
    for _ in range(3):
        browser.open(fresh.link)
    browser.client.head(fresh.link, base_url=browser.base)
    browser.open(f"{fresh.link}/not-ours")
    with office.store.reading() as connection:
        assert connection.execute(links.select()).one().openings == 5
    assert casefile.look(office, case_id).case.last_seq == before + 1, "one LinkOpened, and nothing else"


def test_a_wrong_code_is_no_opening(fresh: Alert) -> None:
    browser = fresh.house.browser().open(fresh.link)
    browser.send(**WHO, code="00000-00000")
    assert browser.status == 422
    with fresh.house.office.store.reading() as connection:
        assert connection.execute(links.select()).one().openings == 1


# --- codes ---


def test_wrong_codes_slow_and_never_lock(fresh: Alert) -> None:
    house = fresh.house
    browser = house.browser().open(fresh.link)
    for _ in range(5):
        assert browser.send(**WHO, code="00000-00000").status == 422, "five slips cost nothing"
    assert "not the code from the mail" in browser.page.words
    browser.send(**WHO, code="00000-00000")
    slowed = browser.send(**WHO, code=fresh.code)
    assert slowed.status == 429, "now the right one has to wait too"
    assert slowed.form().controls["name"].sends == PERSON, "and what was typed is kept"
    for _ in range(15):
        house.at(minutes=5)
        assert browser.send(**WHO, code="00000-00000").status == 422
    house.at(minutes=5)
    assert browser.send(**WHO, code=fresh.code).at == "/case", "after five minutes at most, for ever"


def test_wrong_second_codes_slow_and_never_lock(fresh: Alert) -> None:
    house, person = fresh.house, fresh.organisation.open(fresh.link)
    person.send(**WHO, code=fresh.code)
    person.send("/case/address", address="d.canari@fabrique-canari.example")
    assert person.send("/case/code", code="00000-00000").status == 422
    assert "on its way" in person.page.words, "it has not left yet, and that is said"
    house.deliver()
    for _ in range(6):
        person.send("/case/code", code="00000-00000")
        assert person.status == 422
    assert person.send("/case/code", code="00000-00000").status == 429
    house.at(minutes=5)
    for _ in range(12):
        person.send("/case/code", code="00000-00000")
        house.at(minutes=5)
    second = next(mail for mail in house.mails() if mail.to.startswith("d.canari"))
    code = next(line.strip() for line in second.text.splitlines() if len(line.strip()) == 11 and "-" in line)
    assert person.send("/case/code", code=code).status == 200


def test_a_link_that_was_used_comes_back_to_the_same_person(fresh: Alert) -> None:
    """R28: double is no error, and records nothing twice."""
    first = fresh.house.browser().open(fresh.link).send(**WHO, code=fresh.code)
    assert first.at == "/case"
    before = fresh.house.rows("sessions")
    again = fresh.house.browser().open(fresh.link).send(code=fresh.code)
    assert again.at == "/case"
    assert PERSON in again.page.words
    assert fresh.house.rows("sessions") == before
