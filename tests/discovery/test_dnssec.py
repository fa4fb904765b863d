"""Signatures checked by a real validating resolver against really signed zones (DT-06, KD-04, KD-05)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from disclosure.discovery.dns import Dnssec, Resolver
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.fetch import Fetcher
from disclosure.discovery.finder import find
from disclosure.protocol.values import Domain
from tests.conftest import need
from tests.discovery.signed import PARENT, unbound
from tests.discovery.world import AGENT, NOW, Place


@pytest.fixture(scope="module")
def resolver_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("signed")
    with unbound(need("unbound", package="unbound"), folder) as place:
        yield place


STATES: list[tuple[str, str, Dnssec, Outcome, str]] = [
    ("_security.good", "TXT", Dnssec.SECURE, Outcome.FOUND, "signed, up to the anchor"),
    ("nothing.good", "TXT", Dnssec.SECURE, Outcome.NONE, "proven not to be there"),
    ("good", "MX", Dnssec.SECURE, Outcome.NONE, "the name is there, the type proven not to be"),
    ("_security.plain", "TXT", Dnssec.INSECURE, Outcome.FOUND, "the parent proves that nothing is signed below"),
    ("_security.forged", "TXT", Dnssec.BOGUS, Outcome.UNKNOWN, "one record was changed: not unsigned, not absent"),
    ("_25.forged", "TXT", Dnssec.SECURE, Outcome.FOUND, "the other records of that zone are sound"),
    ("_security.expired", "TXT", Dnssec.BOGUS, Outcome.UNKNOWN, "signatures have run out"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rdtype", "state", "outcome", "why"), STATES, ids=[row[4] for row in STATES])
def test_what_a_validating_resolver_tells(
    resolver_at: Place, name: str, rdtype: str, state: Dnssec, outcome: Outcome, why: str
) -> None:
    answer = Resolver([resolver_at], validating=True).lookup(f"{name}.{PARENT}", rdtype, now=NOW)
    assert (answer.dnssec, answer.outcome) == (state, outcome), why
    if state is Dnssec.BOGUS:
        assert (answer.texts, answer.failure) == ((), "dnssec_bogus"), "what was refused is never used"


def test_the_same_flag_proves_nothing_where_nobody_vouches_for_the_resolver(resolver_at: Place) -> None:
    answer = Resolver([resolver_at]).lookup(f"_security.good.{PARENT}", "TXT", now=NOW)
    assert (answer.ad, answer.dnssec) == (True, Dnssec.UNCHECKED)
    assert not answer.evidence().validating


def test_a_dead_server_is_not_bogus(resolver_at: Place) -> None:
    """KD-05: the question is asked once more without checking; here nobody answers that either."""
    dead = replace(resolver_at, port=1)
    answer = Resolver([dead], validating=True).lookup(f"_security.good.{PARENT}", "TXT", now=NOW, within=0.3)
    assert (answer.outcome, answer.dnssec) == (Outcome.UNKNOWN, Dnssec.UNCHECKED)


RANKED: list[tuple[str, list[str], Outcome, str]] = [
    ("good", ["security@good.parent.example"], Outcome.FOUND, "signed: high, whatever the web says"),
    ("forged", [], Outcome.UNKNOWN, "what an intruder wrote into the zone is nobody's contact; asked again (R15)"),
]


@pytest.mark.parametrize(("name", "addresses", "status", "why"), RANKED, ids=[row[3] for row in RANKED])
def test_a_search_over_it(resolver_at: Place, name: str, addresses: list[str], status: Outcome, why: str) -> None:
    resolver = Resolver([resolver_at], validating=True)
    found = find(Domain(f"{name}.{PARENT}"), resolver=resolver, fetcher=Fetcher(resolver, user_agent=AGENT), now=NOW)
    everybody = [who for who in (*found.ranked, *found.review) if "_security" in who.source or "txt" in who.source]
    assert [who.address for who in everybody] == addresses, why
    assert found.status is status
    assert all(dict(who.params).get("signed") == "yes" for who in everybody)
