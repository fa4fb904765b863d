"""Looking for contacts (R13–R17): a coordinator's choice, evidence kept, unknown retried, manual contacts survive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from disclosure.casework import casefile, coordination, searching, verification, wholecase
from disclosure.casework.coordination import EnterContact
from disclosure.discovery.evidence import Outcome
from disclosure.protocol.codes import LookupOutcome
from disclosure.protocol.errors import NotFound, Refused
from disclosure.protocol.values import Channel, Domain, Language
from disclosure.store.tables import probes, searches
from tests.casework import desk
from tests.casework.desk import ADA, DOMAIN, House

MINUTES = timedelta(minutes=1)


def never(*_: object):  # type: ignore[no-untyped-def]
    raise AssertionError("nobody asked for this look-up")


def started(house: House, *reports: str) -> str:
    case_id = house.opened(*reports)
    coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), "imprint")
    searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
    return case_id


def row(house: House, case_id: str):  # type: ignore[no-untyped-def]
    with house.office.store.reading() as connection:
        return connection.execute(select(searches).where(searches.c.case_id == case_id)).one()


def contacts(house: House, case_id: str) -> list[str]:
    page = wholecase.page(house.office, case_id, ADA, Language.EN, house.now)
    return [contact.address for contact in page.contacts.all]


def test_nothing_is_looked_up_before_a_coordinator_asks_and_the_domain_is_tied(house: House) -> None:
    case_id = house.opened(house.report())
    assert searching.search(house.office, house.now, never) == 0, "a domain in a report is a claim (R13, R14a)"
    with pytest.raises(Refused) as refused:
        searching.start(house.hand(case_id), house.office.store.token("domain", DOMAIN))
    assert refused.value.reason == "domain_not_tied"


def test_what_was_found_is_kept_with_its_evidence(house: House) -> None:
    case_id = started(house)
    found = desk.findings("a@org.example", review=("r@org.example",))
    assert searching.search(house.office, house.now, lambda *_: found) == 1
    case = house.case(case_id)
    assert [(c.review, c.rank) for c in case.contacts.values()] == [(False, 1), (True, 2)]
    assert (row(house, case_id).state, row(house, case_id).outcome) == ("ended", "found")
    with house.office.store.reading() as connection:
        probe_id = connection.scalar(select(probes.c.id).where(probes.c.case_id == case_id))
        sealed = connection.scalar(select(probes.c.sealed).where(probes.c.case_id == case_id))
    assert DOMAIN.encode() not in sealed
    evidence = searching.evidence(house.office, case_id, probe_id)
    assert evidence["question"] == f"https://{DOMAIN}/.well-known/security.txt"
    with pytest.raises(NotFound):
        searching.evidence(house.office, house.opened(), probe_id)
    assert searching.search(house.office, house.now + timedelta(days=1), never) == 0, "once"
    assert verification.verify(house.office).ok


def test_unknown_is_retried_later_and_later_and_then_waits_for_a_person(house: House) -> None:
    case_id = started(house)
    at = house.now
    for wait in searching.RETRY:
        assert searching.search(house.office, at, lambda *_: desk.findings(status=Outcome.UNKNOWN)) == 1
        assert (row(house, case_id).state, row(house, case_id).next_try_at) == ("waiting", at + wait)
        assert searching.search(house.office, at + wait - MINUTES, never) == 0, "not before"
        at += wait
    assert searching.search(house.office, at, lambda *_: desk.findings(status=Outcome.UNKNOWN)) == 1
    assert row(house, case_id).state == "ended"
    case = house.case(case_id)
    assert case.contact_started_at is None, "unknown starts no clock (R15)"
    assert case.unreachable_at is None, "and is not none"


def test_none_is_knowledge_and_is_not_asked_again(house: House) -> None:
    case_id = started(house)
    searching.search(house.office, house.now, lambda *_: desk.findings(status=Outcome.NONE))
    assert (row(house, case_id).state, row(house, case_id).outcome) == ("ended", str(LookupOutcome.NONE))


def test_a_second_search_lists_nothing_twice_and_leaves_manual_contacts_alone(house: House) -> None:
    case_id = started(house)
    by_hand = EnterContact(Channel.MAIL, "a@org.example", "", "imprint")
    manual = coordination.enter_contact(house.hand(case_id), by_hand)
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example", "b@org.example"))
    assert sorted(contacts(house, case_id)) == ["a@org.example", "b@org.example"]
    searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
    searching.search(house.office, house.now, lambda *_: desk.findings("b@org.example", "c@org.example"))
    assert sorted(contacts(house, case_id)) == ["a@org.example", "b@org.example", "c@org.example"]
    assert house.case(case_id).contacts[manual].manual, "a manual contact wins and survives (R17)"


@pytest.mark.parametrize(("reports", "marked"), [(0, False), (1, True), (2, False)])
def test_a_contact_from_a_domain_that_one_reporter_named_is_marked(house: House, reports: int, marked: bool) -> None:
    case_id = started(house, *(house.report() for _ in range(reports)))
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))
    (contact,) = house.case(case_id).contacts.values()
    assert ("domain_named_by_one_reporter" in contact.flags) is marked, "R14a"


def test_a_search_whose_holder_died_is_taken_over_and_the_late_one_writes_nothing(house: House) -> None:
    case_id = started(house)
    late = searching._claim(house.office, house.now)
    assert late is not None
    assert searching.search(house.office, house.now, never) == 0, "leased"
    after = house.now + searching.LEASE
    assert searching.search(house.office, after, lambda *_: desk.findings("new@org.example")) == 1
    before = house.case(case_id).last_seq
    with pytest.raises(Exception):  # noqa: B017, PT011 - Conflict, or what change() makes of it
        searching._do(house.office, late, after, lambda *_: desk.findings("old@org.example"))
    assert house.case(case_id).last_seq == before, "what the fence refuses leaves no event"
    assert casefile.look(house.office, case_id).case.contacts
