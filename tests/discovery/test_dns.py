"""Our resolver against a name server of our own: what it knows, and what it knows that it does not know (R15)."""

from __future__ import annotations

import dns.rcode
import dns.resolver
import pytest

from disclosure.discovery.dns import MAX_TXT, Resolver, txt_bytes
from disclosure.discovery.evidence import Outcome
from disclosure.protocol.errors import NotConfigured
from disclosure.protocol.values import Domain
from tests.discovery.world import NOW, Fails, Silence, World

NAME = "_security.example.org"


def test_an_answer_with_its_evidence(world: World) -> None:
    world.zone.set(NAME, "TXT", '"b" "c"', '"a"')
    answer = world.resolver().lookup(NAME, "TXT", now=NOW)
    assert (answer.outcome, answer.texts, answer.ttl) == (Outcome.FOUND, ('"a"', '"b" "c"'), 300)
    assert (answer.question, answer.asked_at, answer.failure) == (f"{NAME} TXT", NOW, "")
    assert [txt_bytes(text) for text in answer.texts] == [b"a", b"bc"], "strings are joined without blanks (DT-03)"
    evidence = answer.evidence()
    assert (evidence.resolver, evidence.rrset) == (world.nameserver.address, answer.texts)


ABSENT = [
    ({}, "no such name"),
    ({"A": "127.0.0.1"}, "the name is there, the type is not"),
]


@pytest.mark.parametrize(("records", "why"), ABSENT)
def test_absent_is_known(world: World, records: dict[str, str], why: str) -> None:
    for rdtype, text in records.items():
        world.zone.set(NAME, rdtype, text)
    answer = world.resolver().lookup(NAME, "TXT", now=NOW)
    assert (answer.outcome, answer.texts, answer.failure) == (Outcome.NONE, (), ""), why


FAILED = [
    (Fails(), "dns_failure", "SERVFAIL: a bogus signature looks like this (DT-06)"),
    (Fails(dns.rcode.REFUSED), "dns_failure", "refused"),
    (Silence(), "dns_timeout", "nobody answers"),
]


@pytest.mark.parametrize(("how", "failure", "why"), FAILED, ids=[row[2] for row in FAILED])
def test_failed_is_not_absent(world: World, how: Fails | Silence, failure: str, why: str) -> None:
    world.zone.fail(NAME, "TXT", how)
    answer = world.resolver().lookup(NAME, "TXT", now=NOW, within=0.3)
    assert (answer.outcome, answer.failure) == (Outcome.UNKNOWN, failure), why


def test_alias_loops_and_long_chains_failed(world: World) -> None:
    """SF-11."""
    world.zone.aliases |= {"a.example.org": "b.example.org", "b.example.org": "a.example.org"}
    world.zone.aliases |= {f"c{n}.example.org": f"c{n + 1}.example.org" for n in range(19)}
    world.zone.set("c19.example.org", "TXT", '"x"')
    for name in ("a.example.org", "c0.example.org"):
        assert world.resolver().lookup(name, "TXT", now=NOW, within=0.5).outcome is Outcome.UNKNOWN


def test_an_alias_is_followed(world: World) -> None:
    world.zone.aliases["www.example.org"] = "example.net"
    world.zone.set("example.net", "A", "127.0.0.1")
    assert world.resolver().lookup("www.example.org", "A", now=NOW).texts == ("127.0.0.1",)


def test_large_answers_come_over_tcp_and_huge_records_are_ignored(world: World) -> None:
    """SF-10: a logical TXT above 4 kB is left out, and said to be."""
    fits, huge = " ".join(['"' + "a" * 250 + '"'] * 16), " ".join(['"' + "b" * 250 + '"'] * 200)
    world.zone.set(NAME, "TXT", fits, huge)
    answer = world.resolver().lookup(NAME, "TXT", now=NOW)
    assert [len(txt_bytes(text)) for text in answer.texts] == [4_000]
    assert (answer.ignored, MAX_TXT) == (1, 4_096)


def test_bytes_of_every_kind_survive(world: World) -> None:
    world.zone.set(NAME, "TXT", '"\\000\\255\\"; \\\\"')
    (text,) = world.resolver().lookup(NAME, "TXT", now=NOW).texts
    assert txt_bytes(text) == b'\x00\xff"; \\'


@pytest.mark.parametrize("authenticated", [True, False])
def test_the_ad_flag_is_recorded_with_who_said_it(world: World, authenticated: bool) -> None:
    world.zone.authenticated = authenticated
    world.zone.set(NAME, "TXT", '"a"')
    evidence = world.resolver(validating=True).lookup(NAME, "TXT", now=NOW).evidence()
    assert (evidence.ad, evidence.validating) == (authenticated, True)
    assert world.resolver().lookup(NAME, "TXT", now=NOW).evidence().validating is False


def test_addresses_of_both_families(world: World) -> None:
    host = Domain("example.org")
    assert world.resolver().addresses(host, now=NOW).outcome is Outcome.NONE
    world.zone.set("example.org", "A", "127.0.0.1", "127.0.0.2")
    world.zone.set("example.org", "AAAA", "::1")
    assert world.resolver().addresses(host, now=NOW).texts == ("127.0.0.1", "127.0.0.2", "::1")


def test_one_family_that_fails_does_not_hide_the_other(world: World) -> None:
    host = Domain("example.org")
    world.zone.fail("example.org", "AAAA", Fails())
    assert world.resolver().addresses(host, now=NOW).outcome is Outcome.UNKNOWN
    world.zone.set("example.org", "A", "127.0.0.1")
    found = world.resolver().addresses(host, now=NOW)
    assert (found.outcome, found.texts, found.failure) == (Outcome.FOUND, ("127.0.0.1",), "")


def test_a_system_without_name_servers_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr("dns.resolver.Resolver.read_resolv_conf", nothing)
    with pytest.raises(NotConfigured, match="nameservers"):
        Resolver()


def test_a_name_too_long_cannot_exist(world: World) -> None:
    longest = ".".join(["a" * 61] * 4)
    assert world.resolver().lookup(f"_security.{longest}", "TXT", now=NOW).outcome is Outcome.NONE
