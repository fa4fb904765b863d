"""RDAP (RD-01 to RD-05): whose contact is whose, which server is asked, and answers that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.discovery import rdap
from disclosure.discovery.bootstrap import Directory
from disclosure.discovery.contacts import is_uri
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.finder import Findings, find, findings
from disclosure.discovery.rdap import Fault, Whose
from disclosure.protocol.values import Address, Answer, Channel, Domain
from tests.discovery.registry import Json, domain, entity, network
from tests.discovery.watch import watching
from tests.discovery.world import HERE, NOW, Page, World, page, redirect

ORG = Domain("example.org")
RDAP = "application/rdap+json"
ABUSE = entity("abuse", mail="abuse@example.org")
TECHNICAL = entity("technical", mail="tech@example.org")
REGISTRAR = entity("registrar", fn="A registrar", inside=[entity("abuse", mail="abuse@registrar.example")])

WHOSE: list[tuple[list[Json], list[str], list[str], str]] = [
    ([ABUSE, TECHNICAL], ["abuse@example.org", "tech@example.org"], [], "direct"),
    ([entity("registrant", inside=[ABUSE])], ["abuse@example.org"], [], "under the registrant"),
    ([REGISTRAR], [], ["abuse@registrar.example"], "abuse under the registrar is the registrar (RD-02)"),
    ([REGISTRAR, entity("technical", mail="noc@registrar.example")], [],
     ["noc@registrar.example", "abuse@registrar.example"], "a registrar entered as somebody's technical contact"),
    ([entity("technical", "registrar", mail="a@registrar.example")], [], ["a@registrar.example"], "both in one"),
    ([entity("reseller", inside=[entity("technical", mail="a@shop.example")])], [], ["a@shop.example"], "a reseller"),
    ([entity("registrant", inside=[entity("registrar", inside=[ABUSE])])], [], ["abuse@example.org"],
     "under a registrar under the registrant"),
    ([entity("administrative", inside=[ABUSE])], [], ["abuse@example.org"], "under somebody who is not the registrant"),
    ([entity("registrant", mail="jane@example.org")], [], [], "a person's own address is nobody's channel"),
    ([entity("administrative", "billing", mail="bill@example.org")], [], [], "nor is the accounts department"),
    ([entity("registrant", uri="https://relay.example/c/1")], [], ["https://relay.example/c/1"],
     "a form instead of a redacted address (RD-03)"),
    ([entity("ABUSE", mail="abuse@example.org")], ["abuse@example.org"], [], "roles have no case"),
    ([entity("abuse", mail=["a@example.org", "b@example.org"])], ["a@example.org", "b@example.org"], [], "two"),
    ([entity("abuse", mail="a@example.org?bcc=x@example.net")], ["a@example.org"], [], "no header comes along"),
    ([entity("abuse", mail="a@example.org\r\nBcc: x@example.net")], [], [], "nor a line of one"),
    ([entity("abuse", mail="REDACTED FOR PRIVACY")], [], [], "no address"),
    ([entity("abuse", mail="\ud800@example.org")], [], [], "half a character"),
    ([entity("abuse", uri="javascript:alert(1)")], [], [], "no form"),
    ([entity("registrar", "a\ud800" * 99, inside=[entity("\ud800", mail="a@registrar.example")])], [],
     ["a@registrar.example"], "roles that no standard knows"),
]  # fmt: skip


@pytest.mark.parametrize(("entities", "own", "others", "why"), WHOSE, ids=[row[3] for row in WHOSE])
def test_whose_contact_it_is(entities: list[Json], own: list[str], others: list[str], why: str) -> None:
    read = rdap.read_domain(domain(*entities), ORG)
    assert read.fault is None
    assert [one.contact.address for one in read.named if one.whose is Whose.OWN] == own, why
    assert [one.contact.address for one in read.named if one.whose is Whose.REGISTRAR] == others, why
    assert {one.role for one in read.named} <= {"", *rdap.ROLES}, "stored and shown: nothing of a stranger's making"


def test_whoever_is_named_for_an_address_is_the_network(world: World) -> None:
    """RD-04."""
    read = rdap.read_network(network(entity("registrant", inside=[entity("abuse", mail="abuse@net.example")]), ABUSE))
    assert {one.whose for one in read.named} == {Whose.NETWORK}
    assert len(read.named) == 2


def test_the_country_of_the_registrant(world: World) -> None:
    """OT-02."""
    registrant = entity("registrant", cc="fr")
    assert rdap.read_domain(domain(REGISTRAR, registrant), ORG).country == "FR"
    assert rdap.read_domain(domain(entity("registrar", cc="US")), ORG).country == ""
    assert rdap.read_domain(domain(entity("registrant", cc="France")), ORG).country == ""


DEEP = b'{"objectClassName":"domain","entities":' + b"[" * 1_000 + b"]" * 1_000 + b"}"
FAULTS: list[tuple[bytes, Fault, str]] = [
    (b"", Fault.NOT_RDAP, "nothing"),
    (b"<html>maintenance</html>", Fault.NOT_RDAP, "a page"),
    (b"[]", Fault.NOT_RDAP, "JSON, and no object"),
    (b'{"errorCode": 404}', Fault.NOT_RDAP, "an error with status 200"),
    (b'{"objectClassName": "entity"}', Fault.NOT_RDAP, "another kind of object"),
    (b'{"objectClassName": "domain", "x": ' + b"9" * 5_000 + b"}", Fault.NOT_RDAP, "a number that Python refuses"),
    (b'{"objectClassName": "domain"' + b"\xff}", Fault.NOT_RDAP, "no UTF-8"),
    (domain(ABUSE, name="example.net"), Fault.ANOTHER_OBJECT, "the answer to another question"),
    (DEEP, Fault.NESTED_TOO_DEEP, "1,000 deep"),
    (b'{"a":' * 1_000 + b"1" + b"}" * 1_000, Fault.NESTED_TOO_DEEP, "objects too"),
    (b"[" * 100_000, Fault.NESTED_TOO_DEEP, "never closed"),
    (domain(ABUSE, notices="x" * rdap.MAX_BODY), Fault.TOO_LARGE, "too large"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "fault", "why"), FAULTS, ids=[row[2] for row in FAULTS])
def test_what_is_no_answer(body: bytes, fault: Fault, why: str) -> None:
    assert rdap.read_domain(body, ORG) == rdap.Registration(fault=fault), why


def test_brackets_in_texts_are_no_depth() -> None:
    notices = "[{" * 500 + '\\"['
    assert rdap.read_domain(domain(ABUSE, notices=notices), ORG).fault is None


@pytest.mark.parametrize("body", [b'\\"' * 60_000, b'"\\' * 60_000, b'"' * 120_001, b'"' + b"\\" * 120_001])
def test_a_text_that_never_ends_is_looked_at_once(body: bytes) -> None:
    """It matches to the end. If it did not match, every later quote would begin the same way again: its square."""
    assert rdap._TOKENS.search(body) is not None
    assert [token.end() for token in rdap._TOKENS.finditer(body)][-1] == len(body)
    assert rdap.read_domain(body, ORG).fault is Fault.NOT_RDAP


def test_a_crowd_is_cut() -> None:
    crowd = [entity("abuse", mail=f"a{n}@example.org") for n in range(500)]
    assert len(rdap.read_domain(domain(*crowd), ORG).named) == rdap.MOST_ENTITIES
    one = entity("abuse", mail=[f"a{n}@example.org" for n in range(500)])
    assert len(rdap.read_domain(domain(one), ORG).named) == rdap.MOST_ADDRESSES


# --- which server ----------------------------------------------------------------------------------------------------


def directory(**services: list[object]) -> Directory:
    empty: dict[str, object] = {"dns": [], "ipv4": [], "ipv6": []}
    return Directory.of(date(2026, 11, 1), "tests", empty | services)


BOOK = directory(
    dns=[[["org"], ["http://rdap.example.net/", "https://rdap.example.net/v1"]]],
    ipv4=[[["127.0.0.0/8"], ["https://rir.example.net/"]]],
)


def search(world: World, name: str = "example.org", *, book: Directory | None = BOOK, thorough: bool = False,
           compromised: Answer = Answer.NO) -> Findings:  # fmt: skip
    world.host("rdap.example.net", "rir.example.net", "registrar.example.net")
    world.zone.set("example.org", "MX", "10 mail.example.org.")
    return find(
        Domain(name), resolver=world.resolver(), fetcher=world.fetcher(), now=NOW, directory=book,
        thorough=thorough, host_compromised=compromised,
    )  # fmt: skip


def serve(world: World, answer: Page, path: str = "/v1/domain/example.org") -> None:
    world.serve(f"https://rdap.example.net{path}", answer)


def asked(found: Findings, purpose: str = "rdap") -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(p.question, str(p.outcome), p.rule, p.problems) for p in found.probes if p.purpose == purpose]


def test_contacts_of_the_registrant_and_the_registrar_apart(world: World) -> None:
    serve(world, page(domain(TECHNICAL, REGISTRAR, ABUSE, entity("registrant", cc="FR")), content_type=RDAP))
    found = search(world, "www.example.org")
    assert [(w.address, str(w.reason), dict(w.params), str(w.confidence), str(w.scope)) for w in found.ranked[:2]] == [
        ("abuse@example.org", "registration_data", {"role": "abuse"}, "medium", "parent"),
        ("tech@example.org", "registration_data", {"role": "technical"}, "medium", "parent"),
    ]
    assert [(w.address, str(w.reason)) for w in found.intermediaries] == [("abuse@registrar.example", "registrar")]
    assert [(str(h.kind), h.value) for h in found.hints] == [("country", "FR")]
    assert asked(found) == [("https://rdap.example.net/v1/domain/example.org", "found", "RD-02", ())]
    again = findings(found.domain, found.probes, now=NOW, host_compromised=Answer.NO)
    assert again == found, "a pure function of what is stored (CF-02)"


def test_an_address_elsewhere_needs_a_person(world: World) -> None:
    serve(world, page(domain(entity("technical", mail="web@agency.example")), content_type=RDAP))
    found = search(world)
    assert [(w.address, w.flags) for w in found.review] == [("web@agency.example", ("another_organisation", "no_mx"))]


@pytest.mark.parametrize(("mail", "why"), [("a@xn--pypal-4ve.com", "a look-alike"), ("a@gmail.com", "anybody's")])
def test_names_that_deceive_need_a_person(world: World, mail: str, why: str) -> None:
    world.zone.set(mail.partition("@")[2], "MX", "10 mail.example.net.")
    serve(world, page(domain(entity("abuse", mail=mail)), content_type=RDAP))
    assert [w.address for w in search(world).review] == [mail], why


def test_agreement_of_registry_and_zone_raises(world: World) -> None:
    """CF-01."""
    serve(world, page(domain(entity("abuse", mail="Cert@example.org")), content_type=RDAP))
    world.zone.set("example.org", "CAA", '0 iodef "mailto:cert@example.org"')
    who = search(world).ranked[0]
    assert (str(who.source), str(who.confidence), dict(who.params)["also"]) == ("caa_iodef", "high", "rdap")


@pytest.mark.parametrize(
    ("compromised", "first"), [(Answer.NO, "security_txt"), (Answer.YES, "rdap"), (Answer.UNKNOWN, "rdap")]
)
def test_the_order_turns_where_the_host_may_be_compromised(world: World, compromised: Answer, first: str) -> None:
    """R17a, ST-26."""
    world.host("example.org")
    serve(world, page(domain(ABUSE), content_type=RDAP))
    world.serve(
        "https://example.org/.well-known/security.txt",
        page("Contact: mailto:security@example.org\nExpires: 2027-03-01T00:00:00Z\n"),
    )
    found = search(world, compromised=compromised)
    assert str(found.ranked[0].source) == first


WRONG: list[tuple[Page, Outcome, str, tuple[str, ...], str]] = [
    (page("", status=404), Outcome.NONE, "ST-01", ("absent",), "the registry does not know the name"),
    (page("<html>later</html>"), Outcome.UNKNOWN, "RD-05", ("not_rdap",), "a maintenance page is not knowledge"),
    (page(b"[" * 130_000), Outcome.UNKNOWN, "RD-05", ("nested_too_deep",), "130,000 deep, never closed"),
    (page(b'{"a":' + b"9" * 100_000 + b"}"), Outcome.UNKNOWN, "RD-05", ("not_rdap",), "a number of 100,000 digits"),
    (page(DEEP), Outcome.UNKNOWN, "RD-05", ("nested_too_deep",), "1,000 deep"),
    (page(b"9" * 300_000), Outcome.UNKNOWN, "RD-05", ("too_large",), "no more than the bound is read"),
    (page("", status=429), Outcome.UNKNOWN, "ST-08", ("blocked",), "asked too often"),
    (page("", status=503), Outcome.UNKNOWN, "ST-08", ("server_error",), "out of order"),
    (redirect("http://rdap.example.net/"), Outcome.UNKNOWN, "ST-06", ("invalid_uri_scheme",), "to clear text"),
    (redirect("https://127.0.0.1/"), Outcome.UNKNOWN, "PS-02", ("ip_literal",), "inside"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "outcome", "rule", "problems", "why"), WRONG, ids=[row[4] for row in WRONG])
def test_answers_that_are_none(  # noqa: PLR0913, PLR0917 - a row is as wide as what it says
    world: World, monkeypatch: pytest.MonkeyPatch, answer: Page, outcome: Outcome, rule: str,
    problems: tuple[str, ...], why: str,
) -> None:  # fmt: skip
    serve(world, answer)
    with watching(monkeypatch) as seen:
        found = search(world)
    assert seen.stayed_within(world), seen.connects
    assert seen.peak < 3_000_000, "bytes: the answer, and what JSON makes of it"
    assert asked(found) == [("https://rdap.example.net/v1/domain/example.org", str(outcome), rule, problems)], why
    assert found.status is (Outcome.UNKNOWN if outcome is Outcome.UNKNOWN else Outcome.FOUND)
    probe = next(p for p in found.probes if p.purpose == "rdap")
    assert len(probe.body or b"") <= rdap.MAX_BODY
    assert (probe.body is not None) == (rule == "RD-05"), "what came back is kept (EV-02)"


def test_a_thin_registry_points_to_the_registrar_once(world: World) -> None:
    """RD-05: the pointer is a stranger's URL; what it leads to points no further."""
    link = {"rel": "related", "type": RDAP, "href": "https://registrar.example.net/domain/example.org"}
    serve(world, page(domain(REGISTRAR, links=[link]), content_type=RDAP))
    further = {**link, "href": "https://registrar.example.net/again"}
    answer = page(domain(ABUSE, links=[further]), content_type=RDAP)
    world.serve("https://registrar.example.net/domain/example.org", answer)
    found = search(world)
    assert [question for question, *_ in asked(found)] == [
        "https://rdap.example.net/v1/domain/example.org",
        "https://registrar.example.net/domain/example.org",
    ]
    assert found.ranked[0].address == "abuse@example.org"


@pytest.mark.parametrize(
    "target",
    [
        *("https://127.0.0.1/x", "http://registrar.example.net/", "https://inside.example.net:8443/x"),
        *("https://\ud800.example.net/x", "https://registrar.example.net/x\x00", "https://registrar.example.net/ x"),
        "https://registrar.example.net/x" + "a" * 5_000,
    ],
)
def test_a_pointer_inside_is_not_followed(world: World, target: str) -> None:
    link = {"rel": "related", "type": RDAP, "href": target}
    serve(world, page(domain(ABUSE, links=[link]), content_type=RDAP))
    found = search(world)
    assert found.ranked[0].address == "abuse@example.org"
    assert [visit.host for visit in world.web.visits if visit.path.startswith("/x")] == []
    json.dumps(found.to_json(), ensure_ascii=False).encode()  # a half character would end whoever stores it


@pytest.mark.parametrize("book", [directory(), None])
def test_where_no_server_is_known_nothing_is_asked(world: World, book: Directory | None) -> None:
    found = search(world, book=book, thorough=True)
    assert asked(found) == []
    assert found.status is Outcome.FOUND, "by its mail exchanger; nothing waits for a registry"


def test_the_network_of_the_host_is_an_intermediary(world: World) -> None:
    """RD-04, R14b."""
    world.host("example.org")
    answer = network(entity("registrant", fn="A hoster", inside=[entity("abuse", mail="abuse@hoster.example")]))
    world.serve(f"https://rir.example.net/ip/{HERE}", page(answer, content_type=RDAP))
    found = search(world, thorough=True)
    assert [(w.address, str(w.reason), str(w.source)) for w in found.intermediaries] == [
        ("abuse@hoster.example", "network_owner", "rdap_network")
    ]
    assert "abuse@hoster.example" not in {w.address for w in (*found.ranked, *found.review)}


# --- anything --------------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(
    [
        *(
            "abuse",
            "technical",
            "registrar",
            "registrant",
            "a@example.org",
            "b@registrar.example",
            "https://x.example/",
        ),
        *(
            "mailto:",
            "vcard",
            "email",
            "fn",
            "adr",
            "contact-uri",
            "domain",
            "related",
            RDAP,
            "\ud800",
            "\x00",
            "%0a",
            "https://\ud800.example/",
        ),
    ]
) | st.text(max_size=20)
KEYS = st.sampled_from(
    ["objectClassName", "entities", "roles", "vcardArray", "links", "rel", "href", "type", "cc", "ldhName"]
)
ROLES = st.sampled_from([*sorted(rdap.ROLES), "ABUSE", "\ud800", "x" * 500, ""])
MAILS = st.sampled_from(
    [
        *("a@example.org", "A@Example.ORG ", "b@registrar.example", "c@gmail.com", "d@xn--pypal-4ve.com", "e@10.0.0.1"),
        *("f@example.org?bcc=x@example.net", "g@example.org,h@example.org", "i@example.org\nBcc: x@example.net"),
        *("%6a@example.org", "REDACTED", "@", "\ud800@example.org", "k@" + "a." * 200 + "org", ""),
    ]
)
URIS = st.sampled_from(
    ["https://relay.example/c", "https://user@relay.example/", "http://x.example/", "data:x", "\x00"]
)
ITEMS = st.one_of(
    st.tuples(st.just("email"), st.just({}), st.just("text"), MAILS | TEXTS),
    st.tuples(st.just("fn"), st.just({}), st.just("text"), TEXTS),
    st.tuples(st.just("contact-uri"), st.just({}), st.just("uri"), URIS | TEXTS),
    st.tuples(st.just("adr"), st.dictionaries(st.just("cc"), st.sampled_from(["fr", "ß", "FRA", 7]), max_size=1),
              st.just("text"), TEXTS),
    st.tuples(TEXTS, st.dictionaries(KEYS, TEXTS, max_size=2), TEXTS, TEXTS),
    st.tuples(TEXTS),
).map(list)  # fmt: skip
OF_ONE = {
    "roles": st.lists(ROLES, max_size=3),
    "vcardArray": st.lists(ITEMS, max_size=5).map(lambda items: ["vcard", items]),
}
ENTITIES = st.recursive(
    st.fixed_dictionaries(OF_ONE),
    lambda inner: st.fixed_dictionaries({**OF_ONE, "entities": st.lists(inner, max_size=3)}),
    max_leaves=8,
)
LINKS = st.lists(
    st.fixed_dictionaries(
        {"rel": st.just("related"), "type": st.sampled_from([RDAP, "x"]), "href": URIS | TEXTS}, optional={"x": TEXTS}
    ),
    max_size=2,
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=30,
)
WHOLE = st.fixed_dictionaries(
    {"objectClassName": st.just("domain"), "entities": st.lists(ENTITIES, max_size=4)},
    optional={"links": LINKS, "ldhName": st.sampled_from(["example.org", "EXAMPLE.ORG.", "example.net", "\ud800"])},
)
DOCUMENTS = st.dictionaries(KEYS, ANYTHING, max_size=5).map(lambda d: {**d, "objectClassName": "domain"}) | WHOLE


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200) | (DOCUMENTS | ANYTHING).map(lambda d: json.dumps(d).encode()))
def test_any_answer_is_read(body: bytes) -> None:
    readers: list[Callable[[], rdap.Registration]] = [
        lambda: rdap.read_domain(body, ORG),
        lambda: rdap.read_network(body.replace(b'"domain"', b'"ip network"')),
    ]
    for read in (reader() for reader in readers):
        for one in read.named:
            assert one.contact.address.isascii()
            assert one.contact.address.isprintable()
            one.name.encode()
            assert one.role in {"", *rdap.ROLES}
            assert one.contact.kind is not Channel.MAIL or str(Address.parse(one.contact.address))
        assert not read.related or (read.related.lower().startswith("https:") and is_uri(read.related))
        assert len(read.country) in {0, 2}
        assert read.fault is None or not read.named


@settings(max_examples=200, deadline=None)
@given(WHOLE)
def test_nobody_under_a_registrar_is_the_organisation(document: Json) -> None:
    """RD-02, whatever stands around it: cut out what stands under somebody else, and the own contacts are the same."""
    read = rdap.read_domain(json.dumps(document).encode(), ORG)
    own = {one.contact.address for one in read.named if one.whose is Whose.OWN}
    said = rdap.read_domain(json.dumps({**document, "entities": kept(document)}).encode(), ORG)
    assert own <= {one.contact.address for one in said.named if one.whose is Whose.OWN}
    assert all(one.contact.kind is Channel.MAIL for one in read.named if one.whose is Whose.OWN)


def kept(plain: Json) -> list[Json]:
    """Entities without those of registrars and their like, and without what stands under anybody but the registrant."""
    out = []
    for one in plain.get("entities", []):
        roles = {role.lower() for role in one["roles"]}
        if not roles & {"registrar", "reseller", "sponsor", "proxy"}:
            out.append({**one, "entities": kept(one) if "registrant" in roles else []})
    return out
