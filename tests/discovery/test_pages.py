"""Hints on an organisation's own pages (OT-01): by pattern, from its own https pages only, never a recipient."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.discovery import pages
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.finder import Findings, find
from disclosure.protocol.values import Address, Answer, Domain
from tests.discovery.world import NOW, Page, World, page, redirect

ORG = Domain("example.org")
HTML = "text/html; charset=utf-8"

SEEN: list[tuple[str, list[tuple[str, bool]], str]] = [
    ("Délégué à la protection des données : <a href='mailto:jane@example.org'>x</a>", [("jane@example.org", True)],
     "words before it say whose it is; the target of a link counts"),
    ("<p>Contact: info@example.org", [("info@example.org", False)], "nobody in particular"),
    ("info@example.org dpo@example.org", [("dpo@example.org", True), ("info@example.org", False)], "the officer first"),
    ("DPO&nbsp;: dpo [at] example.org", [("dpo@example.org", True)], "spelt out"),
    ("Datenschutzbeauftragter: x&#64;example.org", [("x@example.org", True)], "with an entity"),
    ("rgpd@cabinet.example", [("rgpd@cabinet.example", True)], "a law firm's is shown too"),
    ("a@example.org A@Example.ORG".lower() + " a@example.org", [("a@example.org", False)], "once"),
    ("logo@2x.png image@example", [("logo@2x.png", False)], "what has the form of an address is shown to a person"),
    ("a@[127.0.0.1] a@127.0.0.1 @example.org", [], "no address"),
    ("&#" + "9" * 5_000 + "; dpo@example.org", [("dpo@example.org", True)], "a number that Python refuses to read"),
    ("&#x" + "f" * 5_000 + "; dpo@example.org", [("dpo@example.org", True)], "likewise, hexadecimal"),
    (" ".join(f"a{n}@example.org" for n in range(50)), [(f"a{n}@example.org", False) for n in range(5)], "five"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found", "why"), SEEN, ids=[row[2] for row in SEEN])
def test_addresses(text: str, found: list[tuple[str, bool]], why: str) -> None:
    assert [(seen.address, seen.is_dpo) for seen in pages.addresses(text.encode())] == found, why


LINKS: list[tuple[str, list[str], str]] = [
    ('<a href="/mentions-legales">Mentions légales</a>', ["https://example.org/mentions-legales"], "by its path"),
    ("<a class=x href=/p?id=3>Vie privée</a>", ["https://example.org/p?id=3"], "by its words, without quotes"),
    ('<a href="/i">Impressum</a><a href="/p">Privacy</a>', ["https://example.org/p", "https://example.org/i"],
     "privacy first: that is where the officer is named"),
    ('<a href="/p1">privacy</a><a href="/p2">RGPD</a><a href="/i">imprint</a>',
     ["https://example.org/p1", "https://example.org/i"], "two, one of each kind"),
    ('<a href="https://www.example.org/privacy#top">x</a>', ["https://www.example.org/privacy"], "another host of it"),
    ('<a href="https://example.net/privacy">privacy</a>', [], "somebody else's"),
    ('<a href="http://example.org/privacy">privacy</a>', [], "in clear"),
    ('<a href="https://example.org:8443/privacy">privacy</a>', ["https://example.org:8443/privacy"],
     "another port: the fetcher refuses it"),
    ('<a href="javascript:privacy()">privacy</a><a href="mailto:privacy@example.org">x</a>', [], "no page"),
    ('<a href="https://[privacy">privacy</a>', [], "no URL"),
    ('<a href="https://еxample.org/privacy">privacy</a>', [], "a look-alike"),
    ('<a href="/shop">Shop</a>', [], "nothing legal"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "links", "why"), LINKS, ids=[row[2] for row in LINKS])
def test_links(text: str, links: list[str], why: str) -> None:
    assert list(pages.legal_links(text.encode(), "https://example.org/", ORG)) == links, why


def search(world: World, name: str = "example.org", compromised: Answer = Answer.NO) -> Findings:
    return find(
        Domain(name),
        resolver=world.resolver(),
        fetcher=world.fetcher(),
        now=NOW,
        host_compromised=compromised,
        thorough=True,
    )


def hints(found: Findings) -> list[tuple[str, str]]:
    return [(str(hint.kind), hint.value) for hint in found.hints]


def test_hints_with_the_page_they_stand_on(world: World) -> None:
    world.host("example.org")
    world.serve("https://example.org/humans.txt", page("Team: Jane, jane@example.org\n"))
    world.serve("https://example.org/", page('<html><a href="/rgpd">RGPD</a></html>', content_type=HTML))
    world.serve("https://example.org/rgpd", page("<html>DPO: dpo@example.org</html>", content_type=HTML))
    found = search(world, "www.example.org")
    assert hints(found) == [
        ("humans", "jane@example.org"),
        ("legal_page", "https://example.org/rgpd"),
        ("dpo_address", "dpo@example.org"),
    ]
    assert (found.ranked, found.review) == ((), ()), "never a recipient by itself"
    assert found.status is Outcome.NONE


ELSEWHERE: list[tuple[Page, str]] = [
    (redirect("https://example.net/rgpd"), "a redirect to another organisation"),
    (page("", status=404), "gone"),
    (page("", status=403), "refused"),
    (page("DPO: dpo@example.org"), "no page for people"),
]


@pytest.mark.parametrize(("answer", "why"), ELSEWHERE, ids=[row[1] for row in ELSEWHERE])
def test_only_from_its_own_pages(world: World, answer: Page, why: str) -> None:
    world.host("example.org", "example.net")
    world.serve("https://example.net/rgpd", page("<html>dpo@example.net</html>", content_type=HTML))
    world.serve("https://example.org/", page('<html><a href="/rgpd">RGPD</a></html>', content_type=HTML))
    world.serve("https://example.org/rgpd", answer)
    found = search(world)
    assert hints(found) == [], why
    assert found.status is Outcome.NONE, "and nothing to wait for"


def test_a_host_that_refuses_is_not_asked_for_more(world: World) -> None:
    """Section 4."""
    world.host("example.org")
    world.serve("https://example.org/humans.txt", page("", status=403))
    search(world)
    assert not any(visit.path == "/" for visit in world.web.visits)


def test_a_host_in_doubt_is_not_opened(world: World) -> None:
    world.host("example.org")
    search(world, compromised=Answer.UNKNOWN)
    assert not {"/", "/humans.txt"} & {visit.path for visit in world.web.visits}


def test_a_batch_opens_no_pages(world: World) -> None:
    world.host("example.org")
    find(Domain("example.org"), resolver=world.resolver(), fetcher=world.fetcher(), now=NOW)
    assert {visit.path for visit in world.web.visits} == {"/.well-known/security.txt", "/security.txt"}


def test_a_large_page_is_read_in_part_and_kept_as_read(world: World) -> None:
    world.host("example.org")
    body = "<html>" + "x" * 3_000_000 + '<a href="/rgpd">'
    world.serve("https://example.org/", page(body, content_type=HTML))
    probe = next(p for p in search(world).probes if p.purpose == "home_page")
    assert probe.body_length == len(probe.body or b"") == pages.MAX_BODY


PIECES = st.sampled_from(
    [
        *("<a", "<a href=", '"', "'", ">", "</a", "mailto:", "https://", "//", "example.org", "dpo@", "@", "[at]", "("),
        *("&#64;", "&amp;", "&", "&#" + "9" * 5_000, "&#xd800;", "&#x" + "f" * 99, "&lt", "privacy", "impressum"),
        *("Délégué à la protection", "\x00", "\ud7ff", "\ufdfa" * 9, "а", "xn--", "a." * 30, "\\", "<!--", "<" * 99),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=10), max_size=60).map("".join))
def test_any_page_is_read(text: str) -> None:
    body = text.encode(errors="replace")
    for url in pages.legal_links(body, "https://example.org/", ORG):
        assert pages.is_own(url, ORG)
    for seen in pages.addresses(body):
        assert str(Address.parse(seen.address)) == seen.address
