"""CAA iodef, SOA RNAME and report addresses: who is named in a zone, and who only runs it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.discovery import records
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.finder import Findings, find
from disclosure.protocol.values import Answer, Domain
from tests.discovery.world import NOW, Fails, World

ORG, HOST = "example.org", "www.example.org"
SOA = "ns.example.org. {} 1 3600 600 604800 300"


def search(
    world: World, name: str = HOST, *, mx: bool = True, thorough: bool = False, compromised: Answer = Answer.NO
) -> Findings:
    if mx:
        world.zone.set(ORG, "MX", "10 mail.example.org.")
    return find(
        Domain(name),
        resolver=world.resolver(),
        fetcher=world.fetcher(),
        now=NOW,
        host_compromised=compromised,
        thorough=thorough,
    )


def named(found: Findings) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(source, address) of those ranked, (reason, address) of intermediaries."""
    return (
        [(str(who.source), who.address) for who in found.ranked if who.source != "rfc2142"],
        [(str(who.reason), who.address) for who in found.intermediaries],
    )


# --- CAA -------------------------------------------------------------------------------------------------------------

CAA: list[tuple[list[str], list[str], list[str], Outcome, str]] = [
    (['0 issue "ca.example"', '0 iodef "mailto:cert@example.org"'], ["cert@example.org"], [], Outcome.FOUND,
     "a mailto is a contact"),
    (['0 IODEF "mailto:cert@example.org?subject=x"'], ["cert@example.org"], [], Outcome.FOUND,
     "tags have no case; what stands after ? is never copied"),
    (['0 iodef "https://example.org/iodef"'], [], ["https://example.org/iodef"], Outcome.FOUND,
     "an https address is for machines"),
    (['0 iodef "javascript:alert(1)"'], [], [], Outcome.FOUND, "nothing else is anything"),
    (['0 iodef "mailto:"'], [], [], Outcome.FOUND, "nor is half of one"),
    (['0 iodef "mailto:a@example.org\\010Bcc:x@example.net"'], [], [], Outcome.FOUND, "nor a line of a header"),
    (['0 issue ";"'], [], [], Outcome.NONE, "a set without iodef names nobody"),
    ([], [], [], Outcome.NONE, "no set"),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "contacts", "hints", "outcome", "why"), CAA, ids=[row[4] for row in CAA])
def test_iodef(
    world: World, texts: list[str], contacts: list[str], hints: list[str], outcome: Outcome, why: str
) -> None:
    """CA-01."""
    world.zone.set(ORG, "CAA", *texts)
    found = search(world, ORG)
    assert named(found)[0] == [("caa_iodef", address) for address in contacts], why
    assert [hint.value for hint in found.hints if hint.kind == "incident_endpoint"] == hints, why
    assert next(probe.outcome for probe in found.probes if probe.purpose == "caa") is outcome, why


def test_the_climb_ends_at_the_organisation(world: World) -> None:
    """CA-02: label by label, never the suffix's own record."""
    world.zone.set("co.uk", "CAA", '0 iodef "mailto:registry@example.net"')
    found = search(world, "a.b.victim.co.uk")
    assert [p.question for p in found.probes if p.purpose == "caa"] == [
        "a.b.victim.co.uk CAA",
        "b.victim.co.uk CAA",
        "victim.co.uk CAA",
    ]
    assert ("co.uk", "CAA") not in world.zone.asked
    assert named(found) == ([], [])


def test_the_climb_is_bounded_and_always_asks_the_organisation(world: World) -> None:
    found = search(world, "a." * 40 + ORG)
    asked = [p.subject.name for p in found.probes if p.purpose == "caa"]
    assert (len(asked), asked[-1]) == (6, ORG)


def test_the_nearest_iodef_ends_the_climb(world: World) -> None:
    world.zone.set(HOST, "CAA", '0 iodef "mailto:web@example.org"')
    world.zone.set(ORG, "CAA", '0 iodef "mailto:cert@example.org"')
    assert named(search(world))[0] == [("caa_iodef", "web@example.org")]
    assert (ORG, "CAA") not in world.zone.asked


def test_an_answer_from_somebody_elses_zone_is_not_the_victims(world: World) -> None:
    """CA-03: a resolver follows aliases for CAA too."""
    world.zone.aliases[HOST] = "edge.example.net"
    world.zone.set("edge.example.net", "CAA", '0 iodef "mailto:security@example.net"')
    world.zone.set(ORG, "CAA", '0 iodef "mailto:cert@example.org"')
    found = search(world)
    assert named(found) == (
        [("caa_iodef", "cert@example.org")],
        [("named_by_another_zone", "security@example.net")],
    )
    assert [(p.rule, p.problems) for p in found.probes if p.purpose == "caa"][0] == ("CA-03", ("another_zone",))


@pytest.mark.parametrize(
    ("mail", "flag", "why"),
    [
        ("abuse@hoster.example.net", "another_organisation", "whoever runs the zone may have entered himself"),
        ("someone@gmail.com", "public_webmail", "anybody's"),
        ("cert@xn--xample-2of.org", "deceptive_name", "a look-alike"),
    ],
)
def test_an_iodef_elsewhere_waits_for_a_person(world: World, mail: str, flag: str, why: str) -> None:
    """R14b: a hoster is not the organisation because it writes the organisation's records."""
    world.zone.set(ORG, "CAA", f'0 iodef "mailto:{mail}"')
    world.zone.set(mail.partition("@")[2], "MX", "10 mail.example.net.")
    found = search(world, ORG)
    assert named(found)[0] == [], why
    assert [(who.address, flag in who.flags) for who in found.review] == [(mail, True)], why


TXT = ('"security_contact=mailto:sec@example.org"', '"security_expires=2027-03-01T00:00:00Z"')
ALIASES: list[tuple[str, bool, str]] = [
    ("_security.edge.example.org", True, "within the organisation"),
    ("security-records.example.org", True, "likewise"),
    ("_security.hoster.example.net", False, "at whoever runs the platform, or at nobody any more"),
    ("_a._b.example.net", False, "likewise, under labels that are no host names"),
]


@pytest.mark.parametrize(("target", "own", "why"), ALIASES, ids=[row[0] for row in ALIASES])
def test_a_security_txt_in_another_zone_waits_for_a_person(world: World, target: str, own: bool, why: str) -> None:
    """CA-03 of the other record that names people: an alias, be it a wildcard's, made somebody else answer."""
    world.zone.aliases[f"_security.{ORG}"] = target
    world.zone.set(target, "TXT", *TXT)
    found = search(world, ORG)
    assert named(found)[0] == ([("dns_security_txt", "sec@example.org")] if own else []), why
    assert [who.flags for who in found.review] == ([] if own else [("another_zone",)]), why


def test_an_alias_within_the_organisation_stays_its_own(world: World) -> None:
    world.zone.aliases[HOST] = "web.example.org"
    world.zone.set("web.example.org", "CAA", '0 iodef "mailto:cert@example.org"')
    assert named(search(world)) == ([("caa_iodef", "cert@example.org")], [])


def test_a_huge_value_is_left_out_and_said_to_be(world: World) -> None:
    """SF-10: 50 kB in one record come through a resolver without complaint."""
    world.zone.set(ORG, "CAA", f'0 iodef "mailto:{"a" * 50_000}@example.org"', '0 iodef "mailto:cert@example.org"')
    found = search(world, ORG)
    assert named(found)[0] == [("caa_iodef", "cert@example.org")]
    assert next(p.problems for p in found.probes if p.purpose == "caa") == ("record_too_long",)


# --- SOA -------------------------------------------------------------------------------------------------------------

RNAMES: list[tuple[str, list[str], list[str], str]] = [
    ("hostmaster.example.org.", ["hostmaster@example.org"], [], "the first label is the local part (SO-01)"),
    ("first\\.last.example.org.", ["first.last@example.org"], [], "a dot inside a label stays in the local part"),
    ("dns.hoster.example.net.", [], ["dns@hoster.example.net"], "outside: who runs the name servers (SO-03)"),
    (".", [], [], "nobody"),
    ("hostmaster.", [], [], "a mailbox at no domain"),
    ("host\\010master.example.org.", [], [], "a control character"),
    ("host\\ master.example.org.", [], [], "a blank"),
    ("\\255\\254.example.org.", [], [], "bytes"),
]


@pytest.mark.parametrize(("rname", "contacts", "operators", "why"), RNAMES, ids=[row[3] for row in RNAMES])
def test_rname(world: World, rname: str, contacts: list[str], operators: list[str], why: str) -> None:
    world.zone.set(ORG, "SOA", SOA.format(rname))
    found = search(world)
    assert named(found) == ([("soa_rname", a) for a in contacts], [("dns_operator", a) for a in operators]), why
    assert all(str(who.confidence) == "low" for who in found.ranked), "below everything that was published for this"
    expected = Outcome.FOUND if contacts or operators else Outcome.NONE
    assert next(probe.outcome for probe in found.probes if probe.purpose == "soa") is expected, why


def test_a_platforms_zone_is_not_its_customers(world: World) -> None:
    """SO-02: the SOA in the authority section is that of the zone around the name."""
    world.zone.authority["site.github.io"] = "github.io", "ns.github.io. admin.github.io. 1 3600 600 604800 300"
    found = search(world, "site.github.io")
    assert named(found) == ([], [("dns_operator", "admin@github.io")])


# --- what everybody has in common ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rdtype"), [(ORG, "CAA"), (ORG, "SOA")])
def test_a_zone_that_fails_is_unknown_and_asked_again(world: World, name: str, rdtype: str) -> None:
    """R15."""
    world.zone.fail(name, rdtype, Fails())
    assert search(world).status is Outcome.UNKNOWN


def test_two_records_of_one_zone_do_not_confirm_each_other(world: World) -> None:
    """CF-01: one publisher through one door."""
    world.zone.set(ORG, "CAA", '0 iodef "mailto:hostmaster@example.org"')
    world.zone.set(ORG, "SOA", SOA.format("hostmaster.example.org."))
    who = search(world).ranked[0]
    assert (str(who.source), str(who.confidence), who.flags) == ("caa_iodef", "medium", ())


# --- report addresses ------------------------------------------------------------------------------------------------

RUA: list[tuple[str, str, list[str], str]] = [
    ("_dmarc", "v=DMARC1; p=none; rua=mailto:d@example.org!10m, mailto:v@example.net", ["mailto:d@example.org",
     "mailto:v@example.net"], "two, the limit of size left out"),
    ("_smtp._tls", "v=TLSRPTv1; rua=https://example.net/tls", ["https://example.net/tls"], "for machines"),
    ("_dmarc", "v=spf1 -all", [], "a wildcard's answer is no record"),
    ("_dmarc", "v=DMARC1; rua=javascript:x,ftp://x", [], "other schemes"),
    ("_dmarc", "v=DMARC1; rua=" + ",".join(f"mailto:a{n}@example.org" for n in range(99)),
     [f"mailto:a{n}@example.org" for n in range(5)], "a flood"),
]  # fmt: skip


@pytest.mark.parametrize(("label", "text", "values", "why"), RUA, ids=[row[3] for row in RUA])
def test_report_addresses_are_hints_and_never_recipients(
    world: World, label: str, text: str, values: list[str], why: str
) -> None:
    """ML-04."""
    parts = " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))
    world.zone.set(f"{label}.{ORG}", "TXT", parts)
    found = search(world, mx=False, thorough=True)
    assert [hint.value for hint in found.hints] == values, why
    assert (found.ranked, found.review, found.intermediaries) == ((), (), ())
    assert found.status is Outcome.NONE


def test_hints_that_fail_leave_nothing_to_wait_for(world: World) -> None:
    world.zone.fail(f"_dmarc.{ORG}", "TXT", Fails())
    assert search(world, mx=False, thorough=True).status is Outcome.NONE


# --- anything --------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=80) | st.sampled_from(['0 iodef "mailto:a@b.c"', ". . 1 1 1 1 1", "\\# 2 00ff"])))
def test_the_readers_never_fall(texts: list[str]) -> None:
    records.iodefs(texts)
    for text in texts:
        address = records.rname(text)
        assert address is None or str(address).isascii()
    for label in (records.DMARC, records.TLS_RPT):
        given = [b"v=DMARC1;v=TLSRPTv1;" + text.encode(errors="replace") for text in texts]
        assert len(records.report_addresses(label, given)) <= records.MOST_RUA
