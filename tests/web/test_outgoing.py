"""Outgoing mail at the desk, by pages and forms alone: how the relay is, what stands still, a person's two acts."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from disclosure.casework import breaker, coordination, delivery
from disclosure.mail.relay import Kind, Outcome
from disclosure.store.tables import outbox
from tests.casework import desk as casedesk
from tests.web.house import House

SAID = "550 5.7.23 Canary-answer of a <b>server</b>"
REFUSED = Outcome(Kind.REFUSED_PERMANENT, "550 5.7.23", SAID)
DOWN = Outcome(Kind.NOT_SENT, "relay_not_reached", "connection refused")


def stands(house: House) -> str:
    """A contact request that was refused; returns its id."""
    work = casedesk.House(house.office, casedesk.Relay(), house.now)
    casedesk.hire(house.office, casedesk.ADA)
    case_id = work.tied()
    coordination.release_first_contact(work.hand(case_id), work.case(case_id).chosen[0])
    delivery.deliver(house.office, house.now, lambda m, s, r, i: REFUSED)
    return next(iter(work.case(case_id).mails))


def state(house: House, mail_id: str) -> str | None:
    with house.office.store.reading() as connection:
        return connection.scalar(select(outbox.c.state).where(outbox.c.id == mail_id))


@pytest.mark.parametrize(
    ("act", "after", "done"),
    [("again", "recipe", "It is in the outbox again."), ("cancel", "cancelled", "It is cancelled")],
)
def test_a_person_acts_on_a_mail_that_stands_still(house: House, act: str, after: str, done: str) -> None:
    mail_id, browser = stands(house), house.desk("en")
    browser.open("/desk/")
    assert any(link.href == "/desk/mails" for link in browser.page.links), "from the navigation"
    browser.open("/desk/mails")
    (link,) = (link for link in browser.page.links if mail_id in link.href)
    browser.open(link.href)
    assert "something of ours has to be mended" in browser.page.words
    assert SAID in browser.page.words, "the relay's own words, as text"
    assert "<b>server" not in browser.html
    browser.send(f"/desk/mails/{mail_id}/{act}")
    assert done in browser.page.words
    assert state(house, mail_id) == after
    browser.open(link.href)
    assert not [form for form in browser.page.forms if mail_id in form.action], "nothing more to do"
    browser.open("/desk/mails")
    assert mail_id not in browser.html


def test_what_somebody_else_did_first_is_said(house: House) -> None:
    mail_id, one, two = stands(house), house.desk("en"), house.desk("en")
    one.open(f"/desk/mails/{mail_id}")
    two.open(f"/desk/mails/{mail_id}").send(f"/desk/mails/{mail_id}/cancel")
    one.send(f"/desk/mails/{mail_id}/again")
    assert one.status == 409
    assert "somebody else has acted" in one.page.words
    assert state(house, mail_id) == "cancelled"


def test_the_desk_says_how_the_relay_is(house: House) -> None:
    browser = house.desk("en")
    assert "Nothing leaves" not in browser.open("/desk/").page.words
    breaker.failed(house.office, house.now, DOWN.code)
    assert "The relay failed lately: our relay cannot be reached" in browser.open("/desk/").page.words
    for _ in range(breaker.FAILURES):
        breaker.failed(house.office, house.now, DOWN.code)
    for page in ("/desk/", "/desk/mails"):
        assert "Nothing leaves: our relay cannot be reached" in browser.open(page).page.words
    breaker.worked(house.office)
    assert "Nothing leaves" not in browser.open("/desk/mails").page.words


def test_a_page_for_a_mail_that_is_none(house: House) -> None:
    assert house.desk("en").open(f"/desk/mails/{'f' * 32}").status == 404
