"""Looking for contacts (R13–R17): a coordinator's choice, evidence kept, unknown retried, manual contacts survive."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture(autouse=True)
def _nothing_is_left(house: House) -> Iterator[None]:
    """The house serves the whole module: what one test leaves waiting would be the next one's search."""
    yield
    searching.search(house.office, house.now + timedelta(days=1), lambda *_: desk.findings(status=Outcome.NONE))


def never(*_: object):  # type: ignore[no-untyped-def]
    raise AssertionError("nobody asked for this look-up")


def started(house: House, *reports: str, **assessed: object) -> str:
    case_id = house.opened(*reports, **assessed)
    coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), "imprint")
    searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
    return case_id


def row(house: House, case_id: str):  # type: ignore[no-untyped-def]
    (found,) = (row for row in rows(house, case_id) if row.contact_id is None)
    return found


def rows(house: House, case_id: str):  # type: ignore[no-untyped-def]
    with house.office.store.reading() as connection:
        return connection.execute(select(searches).where(searches.c.case_id == case_id)).all()


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
    waits = [row.contact_id for row in rows(house, case_id) if row.contact_id]
    assert sorted(waits) == sorted(case.contacts), "then the certificates of each mail contact are looked for"
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


def again(house: House, case_id: str, *found: str, **kind: object) -> None:
    """A second search of the same domain that comes to this."""
    searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
    searching.search(house.office, house.now, lambda *_: desk.findings(*found, **kind))  # type: ignore[arg-type]


def by_address(house: House, case_id: str) -> dict[str, tuple[bool, int, tuple[str, ...]]]:
    file = casefile.look(house.office, case_id)
    with house.office.store.reading() as connection:
        held = casefile.addresses(house.office, connection, file)
    contacts = file.case.contacts
    return {held[c.id]: (c.review, c.rank, c.flags) for c in contacts.values()}


def test_a_second_search_moves_a_contact_and_keeps_it_one(house: House) -> None:
    """EV-03: what went stale meanwhile goes to review, what became good comes out of it; ids and orders hold."""
    case_id = started(house)
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example", review=("b@org.example",)))
    before = {c.rank: c.id for c in house.case(case_id).contacts.values()}
    again(house, case_id, "B@org.example", review=("a@org.example",))
    assert by_address(house, case_id) == {"B@org.example": (False, 1, ()), "a@org.example": (True, 2, ())}
    assert {c.rank: c.id for c in house.case(case_id).contacts.values()} == {1: before[2], 2: before[1]}
    assert verification.verify(house.office).ok


def test_the_same_answers_again_write_no_contact(house: House) -> None:
    case_id = started(house)
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))
    seqs = [c.seq for c in house.case(case_id).contacts.values()]
    again(house, case_id, "a@org.example")
    assert [c.seq for c in house.case(case_id).contacts.values()] == seqs


GONE = [
    (Outcome.FOUND, True, "others are named now"),
    (Outcome.NONE, True, "nobody is named any more"),
    (Outcome.UNKNOWN, False, "what failed says nothing about anybody (R15)"),
]


@pytest.mark.parametrize(("status", "gone", "why"), GONE, ids=[row[2] for row in GONE])
def test_who_is_not_found_again_goes_to_review(house: House, status: Outcome, gone: bool, why: str) -> None:
    case_id = started(house)
    coordination.enter_contact(house.hand(case_id), EnterContact(Channel.MAIL, "hand@org.example", "", "imprint"))
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))
    again(house, case_id, *(["b@org.example"] if status is Outcome.FOUND else []), status=status)
    review, _, flags = by_address(house, case_id)["a@org.example"]
    assert (review, "not_found_again" in flags) == (gone, gone), why
    assert by_address(house, case_id)["hand@org.example"][0] is False, "a manual contact survives (R17)"
    again(house, case_id, "a@org.example")
    assert by_address(house, case_id)["a@org.example"] == (False, 1, ()), "found again, it is as good as new"


def test_a_contact_switched_off_stays_off_when_it_is_found_again(house: House) -> None:
    case_id = started(house)
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))
    (contact,) = house.case(case_id).contacts
    coordination.disable_contact(house.hand(case_id), contact)
    again(house, case_id, review=("a@org.example",))
    assert house.case(case_id).contacts[contact].disabled == "by_coordinator"


def ages(house: House, case_id: str) -> str:
    """What the release of the first contact says."""
    (contact,) = (c.id for c in house.case(case_id).contacts.values() if not c.manual)
    try:
        coordination.release_first_contact(house.hand(case_id), contact)
    except Refused as refused:
        return refused.reason
    return "released"


DAY = timedelta(hours=24)


@pytest.mark.parametrize(("age", "said", "why"), [
    (DAY, "released", "24 hours to the instant are young enough"),
    (DAY + timedelta(seconds=1), "evidence_old", "a second more is not"),
])  # fmt: skip
def test_old_evidence_is_looked_up_again_before_the_first_mail(
    house: House, age: timedelta, said: str, why: str
) -> None:
    """EV-03."""
    case_id = started(house)
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))
    house.later(age)
    assert ages(house, case_id) == said, why
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))


def test_the_search_is_started_once_and_then_the_mail_goes(house: House) -> None:
    case_id = started(house)
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))
    house.later(2 * DAY)
    assert [ages(house, case_id), ages(house, case_id)] == ["evidence_old", "evidence_old"]
    assert searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example")) == 1, "one, not two"
    assert ages(house, case_id) == "released"


def test_a_look_that_came_to_nothing_is_a_look_and_a_person_decides(house: House) -> None:
    case_id = started(house)
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))
    house.later(2 * DAY)
    assert ages(house, case_id) == "evidence_old"
    searching.search(house.office, house.now, lambda *_: desk.findings(status=Outcome.UNKNOWN))
    assert ages(house, case_id) == "released", "the page before says that the search goes on"


def test_what_a_person_entered_rests_on_no_evidence(house: House) -> None:
    case_id = house.tied()
    house.later(30 * DAY)
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])


@pytest.mark.parametrize(("reports", "marked"), [(0, False), (1, True), (2, False)])
def test_a_contact_from_a_domain_that_one_reporter_named_is_marked(house: House, reports: int, marked: bool) -> None:
    case_id = started(house, *(house.report() for _ in range(reports)))
    searching.search(house.office, house.now, lambda *_: desk.findings("a@org.example"))
    (contact,) = house.case(case_id).contacts.values()
    assert ("domain_named_by_one_reporter" in contact.flags) is marked, "R14a"


def test_a_search_whose_holder_died_is_taken_over_and_the_late_one_writes_nothing(house: House) -> None:
    case_id = started(house)
    late = searching._claim(house.office, house.now, certificates=False)
    assert late is not None
    assert searching.search(house.office, house.now, never) == 0, "leased"
    after = house.now + searching.LEASE
    assert searching.search(house.office, after, lambda *_: desk.findings("new@org.example")) == 1
    before = house.case(case_id).last_seq
    with pytest.raises(Exception):  # noqa: B017, PT011 - Conflict, or what change() makes of it
        searching._do(house.office, late, after, lambda *_: desk.findings("old@org.example"), None)
    assert house.case(case_id).last_seq == before, "what the fence refuses leaves no event"
    assert casefile.look(house.office, case_id).case.contacts


@pytest.mark.parametrize(
    ("said", "country", "language", "why"),
    [
        ("Preferred-Languages: en\n", "FR", Language.EN, "they ask for English"),
        ("Preferred-Languages: fr-CA, de\n", "DE", Language.FR, "a region of French is French"),
        ("Preferred-Languages: en, fr\n", "FR", Language.FR, "the list has no order: the country decides"),
        ("Preferred-Languages: de, nl\n", "FR", Language.FR, "none of ours: the country decides"),
        ("", "BR", Language.EN, "nothing is said"),
    ],
)
def test_their_file_says_in_which_language_we_write(
    house: House, said: str, country: str, language: Language, why: str
) -> None:
    """ST-21, R19."""
    case_id = started(house, country=country)
    body = f"Contact: mailto:cert@org.example\nExpires: 2027-06-01T00:00:00Z\n{said}".encode()
    searching.search(house.office, house.now, lambda *_: desk.read_file(body))
    case = house.case(case_id)
    contact = next(contact for contact in case.contacts.values() if contact.source == "security_txt")
    assert house.office.policy.language_for(case, contact.id) is language, why
