"""A whole search against the small world: what is asked, what it comes to, what is kept."""

from __future__ import annotations

import json

import pytest

from disclosure.discovery.evidence import Outcome, Probe
from disclosure.discovery.finder import Findings, find, findings
from disclosure.protocol.values import Answer, Domain
from tests.discovery.world import NOW, Fails, World, page, redirect

WELL_KNOWN = "https://{}/.well-known/security.txt"
ORG, HOST = "example.org", "www.example.org"
FILE = "Contact: mailto:security@example.org\nExpires: 2027-03-01T00:00:00Z\n"


def search(world: World, name: str = HOST, compromised: Answer = Answer.NO) -> Findings:
    return find(Domain(name), resolver=world.resolver(), fetcher=world.fetcher(), now=NOW, host_compromised=compromised)


def asked(found: Findings) -> list[tuple[str, str, str]]:
    return [(probe.question.removeprefix("https://"), str(probe.outcome), probe.rule) for probe in found.probes]


def test_everything_is_there(world: World) -> None:
    world.host(HOST, ORG)
    world.serve(WELL_KNOWN.format(HOST), page("Contact: mailto:a@example.net\nExpires: 2027-03-01T00:00:00Z\n"))
    world.serve("https://example.org/security.txt", page(FILE))
    world.zone.set("_security.example.org", "TXT", '"security_contact=mailto:security@example.org"')
    world.zone.set(ORG, "MX", "10 mail.example.org.")
    world.zone.set("example.net", "MX", "10 mail.example.net.")
    found = search(world)
    assert asked(found) == [
        ("www.example.org/.well-known/security.txt", "found", "ST-01"),
        ("example.org/.well-known/security.txt", "none", "ST-01"),
        ("example.org/security.txt", "found", "ST-01"),
        ("_security.www.example.org TXT", "none", "DT-01"),
        ("_security.example.org TXT", "found", "DT-01"),
        ("www.example.org CAA", "none", "CA-02"),
        ("example.org CAA", "none", "CA-02"),
        ("example.org SOA", "none", "SO-02"),
        ("example.org MX", "found", "ML-02"),
        ("example.net MX", "found", "ML-02"),
    ]
    assert found.status is Outcome.FOUND
    assert [(who.address, str(who.source)) for who in found.ranked] == [
        ("a@example.net", "security_txt"),
        ("security@example.org", "security_txt_parent"),
        ("abuse@example.org", "rfc2142"),
        ("noc@example.org", "rfc2142"),
    ]
    assert found.review == (), "the dateless record names somebody who is ranked by better right"
    assert [probe.id for probe in found.probes] == [f"p{n}" for n in range(1, 11)]
    assert found.ranked[0].probes == ("p1",)


def test_a_body_is_kept_with_its_hash_and_its_problems(world: World) -> None:
    world.host(ORG)
    world.serve(WELL_KNOWN.format(ORG), page(FILE.rstrip("\n"), content_type="text/html"))
    probe = search(world, ORG).probes[0]
    assert (probe.body, probe.body_length) == (FILE.rstrip("\n").encode(), len(FILE) - 1)
    assert len(probe.body_sha256) == 64
    assert probe.problems == ("invalid_media", "no_line_separators")


def test_the_organisational_domain_itself_is_asked_once(world: World) -> None:
    world.host(ORG)
    world.serve(WELL_KNOWN.format(ORG), page(FILE))
    found = search(world, ORG)
    assert len({probe.question for probe in found.probes}) == len(found.probes) == 5
    assert str(found.ranked[0].scope if found.ranked else found.review[0].scope) == "host"


def test_a_platform_is_never_asked_for_its_customer(world: World) -> None:
    """PS-01."""
    found = search(world, "site.github.io")
    assert {probe.subject for probe in found.probes} == {Domain("site.github.io")}
    assert not any(name in {"github.io", "_security.github.io"} for name, _ in world.zone.asked)


STATUS: list[tuple[str, str, Outcome, str]] = [
    ("nothing", "", Outcome.NONE, "everybody answered, nobody published"),
    ("blocked", "", Outcome.UNKNOWN, "a firewall hides what there may be"),
    ("servfail", "", Outcome.UNKNOWN, "so does a broken zone"),
    ("nothing", "10 mail.example.org.", Outcome.FOUND, "guesses are all there is"),
    ("blocked", "10 mail.example.org.", Outcome.UNKNOWN, "a guess is not a find while a file may be there"),
    ("blocked", "0 .", Outcome.UNKNOWN, "null MX: no guess"),
    ("nothing", "0 .", Outcome.NONE, "null MX, and nothing else"),
    ("stale", "", Outcome.FOUND, "something for a person is something"),
]


@pytest.mark.parametrize(("web", "mx", "status", "why"), STATUS, ids=[row[3] for row in STATUS])
def test_what_a_search_comes_to(world: World, web: str, mx: str, status: Outcome, why: str) -> None:
    """R15."""
    world.host(ORG)
    if web == "blocked":
        world.serve(WELL_KNOWN.format(ORG), page("", status=403))
    if web == "stale":
        world.serve(WELL_KNOWN.format(ORG), page("Contact: mailto:a@example.org\nExpires: 2020-01-01T00:00:00Z\n"))
    if web == "servfail":
        world.zone.fail("_security.example.org", "TXT", Fails())
    if mx:
        world.zone.set(ORG, "MX", mx)
    assert search(world, ORG).status is status, why


SECOND: list[tuple[str, int, str]] = [
    ("absent", 2, "not there: the legacy place is asked"),
    ("html", 2, "a page for people is not a file (ST-02)"),
    ("large html", 2, "nor when it is large"),
    ("soft 404", 2, "nor is an excuse in plain text"),
    ("found", 1, "the first wins (ST-01)"),
    ("stale", 1, "also when it is no good"),
    ("large", 1, "also when it is too large to be read"),
    ("blocked", 1, "stop at 403"),
    ("clear", 1, "a redirect to clear text is not followed, and not known"),
]


@pytest.mark.parametrize(("first", "visits", "why"), SECOND, ids=[row[0] for row in SECOND])
def test_when_the_second_place_is_asked(world: World, first: str, visits: int, why: str) -> None:
    pages = {
        "html": page("<html>\nContact: mailto:a@example.org\n", content_type="text/html"),
        "large html": page("<html>" + "a" * 50_000),
        "soft 404": page("not found\n"),
        "found": page(FILE),
        "stale": page("Contact: mailto:a@example.org\nExpires: 2020-01-01T00:00:00Z\n"),
        "large": page(FILE + "#" * 50_000),
        "blocked": page("", status=403),
        "clear": redirect("http://example.org/"),
    }
    world.host(ORG)
    if first in pages:
        world.serve(WELL_KNOWN.format(ORG), pages[first])
    world.serve("https://example.org/security.txt", page(FILE))
    found = search(world, ORG)
    assert len(world.web.visits) == visits, why
    assert len([probe for probe in found.probes if probe.hops]) == visits


def test_a_wildcard_that_answers_everything_is_no_record(world: World) -> None:
    world.zone.set("_security.example.org", "TXT", '"v=spf1 -all"')
    probe = next(p for p in search(world, ORG).probes if p.question == "_security.example.org TXT")
    assert (probe.outcome, probe.rule, probe.problems) == (Outcome.NONE, "SF-12", ("not_a_security_record",))
    assert probe.dns
    assert probe.dns.rrset == ('"v=spf1 -all"',)


def test_a_host_that_may_be_compromised(world: World) -> None:
    world.host(HOST, ORG)
    world.serve(WELL_KNOWN.format(HOST), page("Contact: mailto:evil@example.net\nExpires: 2027-03-01T00:00:00Z\n"))
    world.serve(WELL_KNOWN.format(ORG), page(FILE))
    world.zone.set(ORG, "MX", "10 mail.example.org.")
    found = search(world, compromised=Answer.UNKNOWN)
    assert found.ranked[0].address == "security@example.org"
    assert [who.address for who in found.review] == ["evil@example.net"]


def test_findings_survive_json_and_rank_the_same_again(world: World) -> None:
    """CF-02, EV-01: nothing is lost, and stored evidence says the same."""
    world.host(HOST, ORG)
    world.serve(WELL_KNOWN.format(HOST), redirect("https://example.org/s"))
    world.serve("https://example.org/s", page(FILE + "Policy: https://example.org/p\n# \0\n"))
    world.zone.set("_security.example.org", "TXT", '"security_contact=mailto:\\255@example.org"')
    world.zone.set(ORG, "MX", "10 mail.example.org.")
    found = search(world)
    again = Findings.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert all(Probe.from_json(probe.to_json()) == probe for probe in found.probes)
    assert findings(found.domain, again.probes, now=NOW, host_compromised=Answer.NO) == found


def test_the_keys_that_scripts_read(world: World) -> None:
    plain = search(world, ORG).to_json()
    assert {"status", "ranked", "review", "intermediaries", "hints", "probes"} <= set(plain)
    assert plain["status"] == "none"
