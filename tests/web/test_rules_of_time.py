"""The rules of time at the desk: drawn, kept per case, moved by an act; what-if; and why nothing leaves (R31-R37)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from disclosure.casework import casefile, clockwork, maintenance
from disclosure.policy import DATA, PolicyBook, read_version
from disclosure.protocol.values import Severity
from tests.casework import desk as casedesk
from tests.web.house import House

SHIPPED = (DATA / "policy.toml").read_text(encoding="utf-8")
SLOWER = SHIPPED.replace('marks = ["PT24H", "PT48H", "PT72H"]', 'marks = ["PT48H", "PT96H", "P30D"]')
LEAKS = SLOWER.replace('version = "2026-11-24"', 'version = "leaks"').replace(
    "[ladder]",
    '[profiles."high:data_leak"]\nmarks = ["P1D", "P2D", "P3D"]\nquiet_hours = ["20:00", "07:30"]\n\n[ladder]',
)


def requested(house: House) -> str:
    work = casedesk.House(house.office, casedesk.Relay(), house.now)
    casedesk.hire(house.office, casedesk.ADA)
    case_id = work.requested(severity=Severity.CRITICAL)
    house.now = work.now
    return case_id


def changed(house: House, text: str) -> None:
    """The operator's file is another one since the last start."""
    book = PolicyBook(read_version(text, house.office.policy.authorities), house.office.policy.authorities)
    house.office = replace(house.office, policy=book)
    house.app.extensions["office"] = house.office


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Rules of time", "2 working days", "72 h", "told when nobody answers", "30 days")),
        ("fr", ("Règles de délai", "2 jours ouvrés", "72 h", "30 jours")),
    ],
)
def test_each_profile_is_drawn(house: House, language: str, words: tuple[str, ...]) -> None:
    browser = house.desk(language).open("/desk/policy")
    assert house.office.policy.current.version in browser.page.words
    for word in words:
        assert word in browser.page.words, word
    assert browser.html.count('<svg class="ladder wide"') == len(Severity)
    assert "<script" not in browser.html.replace("<script src=", ""), "nothing but what every page has"
    changed(house, LEAKS)
    drawn = house.desk("en").open("/desk/policy")
    assert drawn.html.count('<svg class="ladder wide"') == len(Severity) + 1, "one kind has a clock of its own"
    assert "20:00 – 07:30" in drawn.page.words


def test_a_version_that_nobody_knows(house: House) -> None:
    assert house.desk().open("/desk/policy?version=none").status == 404


def test_a_case_keeps_its_version_until_somebody_moves_it(house: House) -> None:
    case_id = requested(house)
    browser = house.desk("en")
    assert "earlier version" not in browser.open(f"/desk/cases/{case_id}").page.words
    before = house.office.policy.current.version
    changed(house, SLOWER)
    assert "earlier version" in browser.open(f"/desk/cases/{case_id}").page.words
    kept = browser.open("/desk/policy").page
    assert before in kept.words
    assert any(link.href == f"/desk/policy?version={before.replace('+', '%2B')}" for link in kept.links)
    browser.open(f"/desk/cases/{case_id}/do/policy")
    assert "What comes at another time" in browser.page.words
    now_in_force = house.office.policy.current.version
    browser.send(f"/desk/cases/{case_id}/do/policy", version=now_in_force)
    assert "runs under the version in force now" in browser.page.words
    assert f"Policy version {now_in_force} from here on" in browser.page.words, "an event in the timeline"
    assert casefile.look(house.office, case_id).case.policy_version == now_in_force
    assert "earlier version" not in browser.open(f"/desk/cases/{case_id}").page.words


def test_what_was_changed_meanwhile_is_looked_at_again(house: House) -> None:
    case_id, browser = requested(house), house.desk("en")
    changed(house, SLOWER)
    browser.open(f"/desk/cases/{case_id}/do/policy")
    seen = house.office.policy.current.version
    changed(house, LEAKS)
    browser.send(f"/desk/cases/{case_id}/do/policy", version=seen)
    assert browser.status == 409
    assert "Look again at what the move changes" in browser.page.words


@pytest.mark.parametrize(
    ("query", "words", "why"),
    [
        ("severity=low", "What would happen then", "another clock"),
        ("at_once=yes", "Authorities, at once", "told at once"),
        ("bounces=yes", "at this moment", "the next contact is written to now"),
        ("severity=none&x=y", "What would happen then", "what is no severity supposes nothing"),
    ],
)
def test_what_if_stores_nothing(house: House, query: str, words: str, why: str) -> None:
    case_id, browser = requested(house), house.desk("en")
    browser.open(f"/desk/cases/{case_id}")
    assert any(link.href == f"/desk/cases/{case_id}/what-if" for link in browser.page.links)
    before = house.rows()
    page = browser.open(f"/desk/cases/{case_id}/what-if?{query}")
    assert page.status == 200
    assert words in page.page.words, why
    assert '<svg class="ladder wide"' in page.html
    assert house.rows() == before


def test_what_never_left_cannot_come_back(house: House) -> None:
    work = casedesk.House(house.office, casedesk.Relay(), house.now)
    casedesk.hire(house.office, casedesk.ADA)
    page = house.desk("en").open(f"/desk/cases/{work.tied()}/what-if?bounces=yes")
    assert page.status == 200
    assert "none can come back" in page.page.words


def test_the_desk_says_why_nothing_leaves(house: House) -> None:
    browser = house.desk("en")
    for path in ("/desk/", "/desk/mails"):
        assert "Maintenance, since" not in browser.open(path).page.words
        assert "clock" not in browser.open(path).page.words
    clockwork.turn(house.office, house.now + timedelta(hours=2))
    maintenance.begin(house.office.store, "restored", house.now)
    for path in ("/desk/", "/desk/mails"):
        words = browser.open(path).page.words
        assert "disclosure maintenance end" in words
        assert "The server's clock went back" in words
        assert "disclosure clock confirm" in words


def test_our_public_rules_promise_what_the_policy_in_force_says(house: House) -> None:
    browser = house.browser("en")
    assert "72 h" in browser.open("/rules").page.words
    changed(house, LEAKS)
    words = browser.open("/rules").page.words
    assert "4 days" in words
    assert "30 days" in words
    assert "High, data leak" in words, "the kind with a clock of its own too"
