"""R17: whom an earlier case of the organisation reached is a dated candidate; "verified" lapses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from disclosure.casework import answering, coordination, searching, verification, wholecase
from disclosure.discovery.evidence import DnsEvidence, Outcome, Probe, Purpose
from disclosure.discovery.finder import Findings, findings
from disclosure.protocol.state import Contact
from disclosure.protocol.values import Answer, Domain, Language, Standing
from tests.casework import desk
from tests.casework.desk import ADA, DOMAIN, OWN, House
from tests.discovery.registry import domain as registration
from tests.discovery.registry import entity
from tests.office import T0

MX, NS = (f"10 mx.{DOMAIN}.",), (f"ns1.{DOMAIN}.", f"ns2.{DOMAIN}.")
LOST = None  # the look-up failed


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return desk.build(tmp_path_factory.mktemp("earlier"))


def found(
    mx: tuple[str, ...] | None = MX, ns: tuple[str, ...] | None = NS, owner: str = "Org SA", domain: str = DOMAIN
) -> Findings:
    """A search that finds no file; what it learns of the zone and of the registrant."""
    subject = Domain(domain)
    organisation = Domain(DOMAIN)
    probes = [_dns(Purpose.MAIL_EXCHANGER, organisation, mx), _dns(Purpose.NAMESERVERS, organisation, ns)]
    if owner:
        body = registration(entity("registrant", fn=owner), name=DOMAIN)
        asked = f"https://rdap.example/domain/{DOMAIN}"
        probes.append(Probe("r", Purpose.RDAP, organisation, asked, T0, Outcome.FOUND, "RD-02", body=body))
    numbered = tuple(replace(probe, id=f"p{n}") for n, probe in enumerate(probes))
    return findings(subject, numbered, now=T0, host_compromised=Answer.NO)


def _dns(purpose: Purpose, subject: Domain, texts: tuple[str, ...] | None) -> Probe:
    held = DnsEvidence("192.0.2.53", False, 300, tuple(sorted(texts or ())))
    outcome = Outcome.UNKNOWN if texts is None else Outcome.FOUND
    return Probe("", purpose, subject, f"{subject} {purpose}", T0, outcome, "R17", dns=held)


def search(house: House, case_id: str, came_to: Findings) -> None:
    searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
    searching.search(house.office, house.now, lambda *_: came_to)


def answered(house: House, came_to: Findings) -> None:
    """A case in which somebody showed standing from an address of their own, after this search."""
    case_id = house.requested()
    search(house, case_id, came_to)
    house.shown(house.confirmed(case_id))


def new_case(house: House, came_to: Findings, domain: str = DOMAIN) -> tuple[str, dict[str, Contact]]:
    case_id = house.opened()
    coordination.tie_domain(house.hand(case_id), Domain.parse(domain), "imprint")
    search(house, case_id, came_to)
    page = wholecase.page(house.office, case_id, ADA, Language.EN, house.now)
    contacts = house.case(case_id).contacts
    return case_id, {row.address: contacts[row.id] for row in page.contacts.all}


def test_a_dated_candidate_that_a_person_decides_about(house: House) -> None:
    answered(house, found())
    at = house.now
    house.later(timedelta(days=30))
    case_id, contacts = new_case(house, found())
    one = contacts[OWN]
    assert (one.source, one.review, one.flags) == ("earlier_case", True, ("verified_before",))
    assert one.answered_at == at
    assert OWN not in {address for address, contact in contacts.items() if not contact.review}, "never by itself"
    assert house.case(case_id).persons == {}, "R29: standing is shown anew"
    page = wholecase.page(house.office, case_id, ADA, Language.EN, house.now)
    assert any("an earlier case of this organisation" in row.source for row in page.contacts.review)
    assert verification.verify(house.office).ok


@pytest.mark.parametrize(
    ("days", "now", "mark", "why"),
    [
        (364, found(), "verified_before", "less than twelve months, and nothing changed"),
        (365, found(), "verification_lapsed", "twelve months"),
        (1, found(mx=("10 mx.elsewhere.example.",)), "verification_lapsed", "another mail server"),
        (1, found(mx=(f"20 mx.{DOMAIN}.",)), "verified_before", "a preference is no server"),
        (1, found(ns=("ns.hoster.example.",)), "verification_lapsed", "other name servers"),
        (1, found(ns=LOST), "verification_lapsed", "nobody knows whether they are the same"),
        (1, found(owner="Somebody else"), "verification_lapsed", "another registrant"),
        (1, found(owner=""), "verification_lapsed", "the registrant is not told any more"),
    ],
)
def test_verified_lapses(house: House, days: int, now: Findings, mark: str, why: str) -> None:
    answered(house, found())
    house.later(timedelta(days=days) - (timedelta(0) if days == 365 else timedelta(minutes=5)))
    _, contacts = new_case(house, now)
    assert contacts[OWN].flags == (mark,), why


def test_of_another_host_of_the_organisation_too(house: House) -> None:
    answered(house, found())
    _, contacts = new_case(house, found(domain=f"shop.{DOMAIN}"), domain=f"shop.{DOMAIN}")
    assert OWN in contacts


def test_what_is_published_keeps_its_place_and_says_so(house: House) -> None:
    answered(house, desk.findings("security@org.example"))
    case_id = house.opened()
    coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), "imprint")
    search(house, case_id, desk.findings(OWN.upper().replace("ORG.EXAMPLE", "org.example")))
    (one,) = house.case(case_id).contacts.values()
    assert (one.source, one.review) == ("security_txt", False)
    assert one.answered_at is not None


@pytest.mark.parametrize("why", ["S1 only", "objected to", "another organisation"])
def test_who_is_no_candidate(house: House, why: str) -> None:
    case_id = house.requested()
    search(house, case_id, found())
    visit = house.confirmed(case_id)
    if why != "S1 only":
        visit = house.shown(visit)
    if why == "objected to":
        mail = house.relay.newest(desk.SECURITY, house.case(case_id).number)
        coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[1])
        house.deliver()
        other = house.relay.newest(desk.OFFICE_MAIL, house.case(case_id).number)
        assert mail.token != other.token
        answering.object_to(house.office, other.token, other.code, "Not ours.", house.later())
    assert house.case(case_id).persons[visit.person_id].standing is (Standing.S1 if why == "S1 only" else Standing.S2)
    domain = "other.example" if why == "another organisation" else DOMAIN
    _, contacts = new_case(house, found(domain=domain), domain=domain)
    assert OWN not in contacts, why
