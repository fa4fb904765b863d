"""Approvals at the desk (R12): what waits is listed, looked at as it would leave, given or refused; by forms alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from disclosure.casework import clockwork, coordination
from disclosure.casework.casefile import look
from disclosure.policy import DATA, PolicyBook, read_version
from disclosure.protocol.codes import Act
from disclosure.protocol.state import Approval
from tests.casework import desk as casedesk
from tests.casework.desk import ADA
from tests.web.house import House

TWO = (DATA / "policy.toml").read_text(encoding="utf-8").replace("first_contact = 1", "first_contact = 2")


@pytest.fixture
def asked(house: House) -> tuple[House, str, Approval]:
    """Ada asks for a first contact; the other coordinator is the one who is signed in."""
    two = TWO.replace("release = 1", "release = 2")
    book = PolicyBook(read_version(two, house.office.policy.authorities), house.office.policy.authorities)
    house.office = replace(house.office, policy=book)
    house.app.extensions["office"] = house.office
    casedesk.hire(house.office, ADA)
    work = casedesk.House(house.office, casedesk.Relay(), house.now)
    case_id = work.tied()
    coordination.release_first_contact(work.hand(case_id), work.case(case_id).chosen[0])
    house.now = work.now
    (approval,) = work.case(case_id).approvals.values()
    return house, case_id, approval


def approval_of(house: House, case_id: str, approval: Approval) -> Approval:
    return look(house.office, case_id).case.approvals[approval.id]


def test_it_waits_on_the_desk_and_is_looked_at_as_it_would_leave(asked: tuple[House, str, Approval]) -> None:
    house, case_id, approval = asked
    desk = house.desk().open("/desk/")
    page = f"/desk/cases/{case_id}/approvals/{approval.id}"
    assert any(link.href == page for link in desk.page.links)
    assert "Approvals that wait" in desk.page.words
    assert any(link.href == page for link in desk.open("/desk/approvals").page.links)
    assert any(link.href == page for link in desk.open(f"/desk/cases/{case_id}").page.links)
    before = house.rows("access_log")
    desk.open(page)
    assert house.rows("access_log") == before, "looking decides nothing"
    for words in ("Ada asks for a second voice", casedesk.SECURITY, look(house.office, case_id).case.number):
        assert words in desk.page.words, words
    desk.send(f"{page}/give")
    assert desk.status == 200, desk.page.words
    assert approval_of(house, case_id, approval).given_by == (house.account.id,)
    assert "Approved, to be done" in desk.page.words
    desk.open(page)
    assert "There are voices enough." in desk.page.words
    assert not [form for form in desk.page.forms if form.action.endswith("/give")]


def test_a_refusal_wants_a_reason(asked: tuple[House, str, Approval]) -> None:
    house, case_id, approval = asked
    page = f"/desk/cases/{case_id}/approvals/{approval.id}"
    desk = house.desk().open(page).send(f"{page}/refuse", reason="")
    assert desk.status == 422
    assert approval_of(house, case_id, approval).open
    desk.send(f"{page}/refuse", reason="Another address is better.")
    assert desk.status == 200
    assert approval_of(house, case_id, approval).refused
    assert not [form for form in desk.open(page).page.forms if "/approvals/" in form.action]
    assert "Approvals that wait" not in desk.open("/desk/").page.words


def test_what_changed_while_somebody_was_reading_is_not_approved(asked: tuple[House, str, Approval]) -> None:
    house, case_id, approval = asked
    page = f"/desk/cases/{case_id}/approvals/{approval.id}"
    desk = house.desk().open(page)
    coordination.disable_contact(casedesk.Hand(house.office, case_id, ADA, house.now), approval.subject)
    desk.send(f"{page}/give")
    assert desk.status == 409
    assert "has changed since" in desk.page.words
    assert approval_of(house, case_id, approval).given_by == ()
    assert not [form for form in desk.page.forms if form.action.endswith("/give")]
    clockwork.tick(house.office, house.now)
    assert approval_of(house, case_id, approval).void
    assert "decided, done or has expired" in desk.open(page).page.words


def test_whoever_asked_may_take_it_back_but_not_give_it(asked: tuple[House, str, Approval]) -> None:
    house, case_id, _ = asked
    contact = look(house.office, case_id).case.chosen[1]
    hand = casedesk.Hand(house.office, case_id, house.account.id, house.now)
    coordination.release_first_contact(hand, contact)
    mine = next(a for a in look(house.office, case_id).case.approvals.values() if a.proposed_by == house.account.id)
    assert mine.act is Act.FIRST_CONTACT
    page = f"/desk/cases/{case_id}/approvals/{mine.id}"
    desk = house.desk().open(page)
    assert "You asked for this" in desk.page.words
    assert not [form for form in desk.page.forms if form.action.endswith("/give")]
    desk.send(f"{page}/refuse", reason="A mistake of mine.")
    assert approval_of(house, case_id, mine).refused


def test_a_page_that_is_none(house: House) -> None:
    assert house.desk().open(f"/desk/cases/{'0' * 32}/approvals/{'0' * 32}").status == 404
