"""Beside contacts: intermediaries and hints from stored evidence, authorities as fallback (R14b, OT-01, OT-02)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from disclosure.casework import clues, coordination, fallbacks, searching
from disclosure.discovery.evidence import DnsEvidence, Outcome, Probe, Purpose
from disclosure.discovery.finder import Findings, findings
from disclosure.policy import PolicyBook
from disclosure.protocol.values import Answer, Domain, Language
from disclosure.settings import PolicyFiles
from tests.casework.desk import DOMAIN, House
from tests.discovery.registry import domain, entity
from tests.office import T0

TABLE = PolicyBook.load(PolicyFiles(None, None, None)).authorities
REGISTRAR = entity("registrar", fn="A registrar", inside=[entity("abuse", mail="abuse@registrar.example")])


def probe(purpose: Purpose, **more: object) -> Probe:
    subject = Domain(DOMAIN)
    return replace(Probe("p1", purpose, subject, f"about {purpose}", T0, Outcome.FOUND, "x"), **more)  # type: ignore[arg-type]


def found() -> Findings:
    evidence = (
        probe(Purpose.RDAP, body=domain(REGISTRAR, entity("registrant", cc="FR"), name=DOMAIN)),
        probe(Purpose.DMARC, id="p2", dns=DnsEvidence("x", False, 1, ('"v=DMARC1; rua=mailto:d@vendor.example"',))),
    )
    return findings(Domain(DOMAIN), evidence, now=T0, host_compromised=Answer.NO)


def searched(house: House, *found: Findings) -> str:
    case_id = house.tied()
    for one in found:
        searching.start(house.hand(case_id), next(iter(house.case(case_id).domains)))
        searching.search(house.office, house.now, lambda *_, one=one: one)  # type: ignore[misc]
    return case_id


def test_intermediaries_are_a_list_of_their_own_and_no_contacts(house: House) -> None:
    case_id = searched(house, found())
    (beside,) = clues.of_case(house.office, case_id, Language.EN)
    assert [(one.value, one.name) for one in beside.intermediaries] == [("abuse@registrar.example", "A registrar")]
    assert [one.value for one in beside.hints] == ["FR", "mailto:d@vendor.example"]
    assert all(
        searching.evidence(house.office, case_id, one.probe_id) for one in (*beside.intermediaries, *beside.hints)
    )
    assert [c.manual for c in house.case(case_id).contacts.values()] == [True] * 3, "none of them became a contact"


@pytest.mark.parametrize("language", list(Language))
def test_reasons_are_in_the_language(house: House, language: Language) -> None:
    (beside,) = clues.of_case(house.office, searched(house, found()), language)
    assert "registrar" in beside.intermediaries[0].reason if language is Language.EN else True
    said = {one.reason for one in (*beside.intermediaries, *beside.hints)}
    assert not any("_" in reason for reason in said)


def test_only_the_newest_search_counts(house: House) -> None:
    nothing = findings(Domain(DOMAIN), (), now=T0, host_compromised=Answer.NO)
    (beside,) = clues.of_case(house.office, searched(house, found(), nothing), Language.EN)
    assert (beside.intermediaries, beside.hints) == ((), ())


def test_of_a_repeated_search_only_the_last_time_round_counts(house: House) -> None:
    """R15: an unknown search keeps its id when it is asked again."""
    case_id = searched(house, replace(found(), status=Outcome.UNKNOWN))
    nothing = findings(Domain(DOMAIN), (), now=T0, host_compromised=Answer.NO)
    assert searching.search(house.office, house.now + searching.RETRY[0], lambda *_: nothing) == 1
    (beside,) = clues.of_case(house.office, case_id, Language.EN)
    assert (beside.intermediaries, beside.hints) == ((), ())


def test_a_case_that_was_not_searched_has_none(house: House) -> None:
    assert clues.of_case(house.office, house.tied(), Language.EN) == ()


COUNTRY: list[tuple[str, str, str, list[tuple[str, str]], str]] = [
    ("example.fr", "BE", "DE", [("fr-anssi", "domain"), ("fr-cnil", "domain")], "the ending first"),
    ("example.re", "", "", [("fr-anssi", "domain"), ("fr-cnil", "domain")], "a French island"),
    ("example.com", "FR", "DE", [("fr-anssi", "registrant"), ("fr-cnil", "registrant")], "then the registrant"),
    ("example.io", "", "FR", [("fr-anssi", "coordinator"), ("fr-cnil", "coordinator")], "an ending sold to anybody"),
    ("example.eu", "", "", [], "no country at all"),
    ("example.com", "ZZ", "FR", [], "a country that the table does not know is not another"),
]


@pytest.mark.parametrize(("name", "registrant", "assessed", "told", "why"), COUNTRY, ids=[row[4] for row in COUNTRY])
def test_the_fallback(name: str, registrant: str, assessed: str, told: list[tuple[str, str]], why: str) -> None:
    """OT-02."""
    shown = fallbacks.fallbacks(TABLE, Domain(name), registrant, assessed)
    assert [(one.authority.id, one.because) for one in shown] == told, why


def test_the_united_kingdom_is_gb() -> None:
    assert fallbacks.country_of(Domain("example.co.uk")) == "GB"


def test_a_fallback_is_never_a_contact(house: House) -> None:
    case_id = searched(house, found())
    (beside,) = clues.of_case(house.office, case_id, Language.EN)
    assert [(row.name, row.country) for row in beside.fallbacks] == [("ANSSI", "FR"), ("CNIL", "FR")]
    with pytest.raises(Exception, match=r"unknown_contact|not_a_mail_contact"):
        coordination.release_first_contact(house.hand(case_id), beside.fallbacks[0].authority_id)
