"""Searches nobody has seen yet: built as evidence is built, ranked, stored, read again, and the same each time (CF-02).

Every value in them is what a stranger could have sent; what is ranked without a person may not depend on his word for
more than the rules allow.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.discovery import ranking
from disclosure.discovery.candidates import Source
from disclosure.discovery.evidence import Certificate, DnsEvidence, Hop, Outcome, Probe, Purpose
from disclosure.discovery.finder import Findings, findings
from disclosure.discovery.names import organisational_domain
from disclosure.protocol.values import Address, Answer, Channel, Domain
from tests.discovery.registry import domain as registration
from tests.discovery.registry import entity, network
from tests.discovery.world import NOW

HOST, ORG = Domain("www.example.org"), Domain("example.org")
NAMES = ("example.org", "www.example.org", "mail.example.org", "example.net", "cdn.example.net", "xn--gthub-n4a.com")
ADDRESSES = ("198.51.100.1", "198.51.100.2", "2001:db8::1")
MAILS = st.sampled_from(
    [
        *("security@example.org", "Security@Example.ORG", "cert@www.example.org", "abuse@example.net", "a@gmail.com"),
        *(
            "a@xn--gthub-n4a.com",
            "noc@registrar.example",
            "a@b",
            "@",
            "a@example.org?bcc=x@example.net",
            "\udcff@x.org",
        ),
    ]
)
VALUES = MAILS.map("mailto:{}".format) | st.sampled_from(
    ["https://www.example.org/report", "https://example.net/r", "tel:+33199000000", "javascript:x", "http://x.example/"]
)
DATES = st.sampled_from(["2027-03-01T00:00:00Z", "2020-01-01T00:00:00Z", "soon", "9" * 400])
LINES = st.one_of(
    VALUES.map("Contact: {}".format),
    DATES.map("Expires: {}".format),
    st.sampled_from(
        [
            *("Canonical: https://www.example.org/.well-known/security.txt", "Canonical: https://example.net/"),
            *("Policy: https://example.org/p", "Encryption: openpgp4fpr:" + "A" * 40, "Preferred-Languages: fr, en"),
            *("-----BEGIN PGP SIGNED MESSAGE-----", "", "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"),
            *("# Hello", "<html>", "\x00", "Contact: https://github.com/go-gitea/gitea/issues"),
        ]
    ),
)
# Most files are in order but for a line or two: what is wrong everywhere is refused at the first fault.
GOOD = MAILS.map("Contact: mailto:{}\nExpires: 2027-03-01T00:00:00Z".format)
BODIES = st.builds(
    lambda good, lines: "".join(f"{one}\n" for one in [*good, *lines]).encode(errors="replace"),
    st.lists(GOOD, min_size=1, max_size=1) | st.lists(GOOD, max_size=1),
    st.just([]) | st.lists(LINES, max_size=1) | st.lists(LINES, max_size=8),
)
CERTIFICATES = st.builds(
    Certificate,
    subject=st.just("commonName=x"),
    issuer=st.text(max_size=5),
    serial=st.just("0A"),
    not_after=st.just(NOW + timedelta(days=30)),
    sha256=st.just("0" * 64),
)
HOPS = st.builds(
    Hop,
    url=st.sampled_from(NAMES).map("https://{}/.well-known/security.txt".format),
    addresses=st.lists(st.sampled_from(ADDRESSES), max_size=2).map(tuple),
    peer=st.sampled_from(ADDRESSES),
    certificate=st.none() | CERTIFICATES,
    status=st.sampled_from([None, 200, 302]),
    location=st.sampled_from(["", "/x"]),
    content_type=st.sampled_from([None, "", "text/plain", "text/html; charset=é"]),
)


def presented(rdtype: dns.rdatatype.RdataType, wire: bytes) -> str:
    """As our resolver keeps a record that came over the wire."""
    return dns.rdata.from_wire(dns.rdataclass.IN, rdtype, wire, 0, len(wire)).to_text()


def txt(text: bytes) -> str:
    parts = [text[at : at + 255] for at in range(0, len(text), 255)] or [b""]
    return presented(dns.rdatatype.TXT, b"".join(bytes([len(part)]) + part for part in parts))


def iodef(value: bytes) -> str:
    return presented(dns.rdatatype.CAA, b"\0\x05iodef" + value)


TXT = st.one_of(
    VALUES.map(lambda value: f"security_contact={value}".encode(errors="replace")),
    DATES.map(lambda date: f"security_expires={date}".encode()),
    st.sampled_from([b"v=spf1", b"v=DMARC1; rua=mailto:d@example.org", b"security_policy=https://example.org/p"]),
    st.binary(max_size=20),
).map(txt)
CAA = st.one_of(
    (VALUES.map(lambda value: value.encode(errors="surrogateescape")) | st.binary(max_size=30)).map(iodef),
    st.sampled_from(['0 issue ";"', '0 iodef "https://example.org/i"']),
)
SOA = st.sampled_from(
    [
        f"ns.x. {name} 1 1 1 1 1"
        for name in ("h.example.org.", "h.example.net.", ".", "a\\.b.example.org.", "\\000.org.")
    ]
)
MX = st.sampled_from(["10 mail.example.org.", "0 .", "5 mx.example.net."])
OF_TYPE = {
    Purpose.DNS_SECURITY_TXT: TXT,
    Purpose.DMARC: TXT,
    Purpose.TLS_RPT: TXT,
    Purpose.CAA: CAA,
    Purpose.SOA: SOA,
    Purpose.MAIL_EXCHANGER: MX,
}
ROLES = st.sampled_from(["abuse", "technical", "registrant", "registrar", "\ud800", "noc"])
PERSONS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.builds(lambda roles, mail: entity(*roles, mail=mail, cc="FR"), st.lists(ROLES, min_size=1, max_size=2), MAILS),
    lambda inner: st.builds(
        lambda roles, inside: entity(*roles, inside=inside),
        st.lists(ROLES, max_size=2),
        st.lists(inner, min_size=1, max_size=2),
    ),
    max_leaves=3,
)
REGISTRATIONS = st.lists(PERSONS, min_size=1, max_size=3).map(lambda found: registration(*found))
OF_BODY = {
    Purpose.SECURITY_TXT: BODIES,
    Purpose.RDAP: REGISTRATIONS | st.binary(max_size=9),
    Purpose.RDAP_NETWORK: st.lists(PERSONS, max_size=2).map(lambda found: network(*found)),
    Purpose.HUMANS_TXT: BODIES,
    Purpose.LEGAL_PAGE: BODIES.map(lambda body: b"<html>DPO &#64; " + body),
}


NAMING = (Purpose.SECURITY_TXT, Purpose.RDAP, Purpose.DNS_SECURITY_TXT, Purpose.CAA)  # whoever can be ranked


@st.composite
def probes(draw: st.DrawFn) -> Probe:
    purpose = draw(st.sampled_from([*OF_BODY, *OF_TYPE, *NAMING * 3]))
    subject = ORG if purpose is Purpose.RDAP else draw(st.sampled_from([HOST, ORG]))  # as a search asks
    outcome = draw(st.sampled_from([Outcome.FOUND] * 4 + [Outcome.NONE, Outcome.UNKNOWN]))
    probe = Probe("", purpose, subject, f"https://{subject}/.well-known/security.txt", NOW, outcome, "ST-01")
    if purpose in OF_BODY:
        body = draw(OF_BODY[purpose] | OF_BODY[purpose] | st.none())
        straight = st.sampled_from([(), *((one,) for one in ADDRESSES)]).map(lambda at: [Hop(probe.question, at)])
        way = straight | straight | st.lists(HOPS, max_size=3)
        return replace(probe, hops=tuple(draw(way)), body=body)
    rrset = tuple(sorted(draw(st.lists(OF_TYPE[purpose], min_size=1, max_size=4))))
    if purpose is Purpose.DNS_SECURITY_TXT:
        rrset = (*rrset, *draw(st.sampled_from([(), (txt(b"security_expires=2027-03-01T00:00:00Z"),)])))
    owner = draw(st.sampled_from(["", *NAMES, "_security.example.org", "_security.example.net"]))
    flags = draw(st.tuples(st.booleans(), st.booleans()))
    return replace(probe, dns=DnsEvidence("127.0.0.1", flags[0], 300, rrset, flags[1], owner))


SEARCHES = st.lists(probes(), max_size=9).map(
    lambda found: tuple(replace(one, id=f"p{number}") for number, one in enumerate(found, 1))
)
ANSWERS = st.sampled_from(list(Answer))
on_every_run = settings(max_examples=200, deadline=None)


def ranked(found: tuple[Probe, ...], compromised: Answer) -> Findings:
    return findings(HOST, found, now=NOW, host_compromised=compromised)


@on_every_run
@given(SEARCHES, ANSWERS)
def test_what_is_stored_says_the_same(found: tuple[Probe, ...], compromised: Answer) -> None:
    """CF-02: whatever way the evidence went, by JSON of either kind, it gives the same list."""
    first = ranked(found, compromised)
    for ascii_only in (True, False):
        stored = json.loads(json.dumps(first.to_json(), ensure_ascii=ascii_only).encode())
        assert Findings.from_json(stored) == first
        assert ranked(tuple(Probe.from_json(one) for one in stored["probes"]), compromised) == first


@on_every_run
@given(SEARCHES, ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_ranks_nobody(
    found: tuple[Probe, ...], compromised: Answer, dice: random.Random
) -> None:
    mixed = list({(one.purpose, one.subject): one for one in found}.values())  # as a search asks: each question once
    first = ranked(tuple(mixed), compromised)
    dice.shuffle(mixed)
    second = ranked(tuple(mixed), compromised)
    for name in ("ranked", "review", "intermediaries"):
        shown = [[(w.channel, w.address, w.source, w.rank) for w in getattr(one, name)] for one in (first, second)]
        assert shown[0] == shown[1], name


@on_every_run
@given(SEARCHES, ANSWERS)
def test_nobody_is_ranked_who_must_wait(found: tuple[Probe, ...], compromised: Answer) -> None:
    result = ranked(found, compromised)
    lists = (result.ranked, result.review, result.intermediaries)
    for one in lists:
        assert [who.rank for who in one] == list(range(1, len(one) + 1))
        assert len({(who.channel, who.address.lower()) for who in one}) >= len(one) - sum(
            who.channel is Channel.FORM for who in one
        ), "each once"
    for who in (*result.ranked, *result.review):
        assert who.source is not Source.RDAP_NETWORK, "the network's owner is an intermediary (RD-04)"
        assert who.channel is not Channel.MAIL or str(Address.parse(who.address)) == who.address
    for who in result.ranked:
        assert not {"deceptive_name", "expired", "no_expire", "offsite_redirect", "another_zone", "no_mx",
                    "host_may_be_compromised"} & set(who.flags)  # fmt: skip
        if who.source in {Source.RDAP, Source.CAA_IODEF, Source.SOA_RNAME}:
            assert organisational_domain(Address.parse(who.address).domain) == ORG, "a hoster's, a registrar's"
        if compromised is not Answer.NO:
            assert who.source is not Source.SECURITY_TXT, "the host's own word about itself (R17a)"


@settings(max_examples=60, deadline=None)
@given(SEARCHES)
def test_what_is_not_known_is_never_none(found: tuple[Probe, ...]) -> None:
    """R15: a search that nobody answered may not end as *none*."""
    deaf = tuple(replace(one, outcome=Outcome.UNKNOWN, body=None, dns=None) for one in found)
    asked = {one.purpose for one in found} - {Purpose.RDAP_NETWORK, Purpose.DMARC, Purpose.TLS_RPT,
                                              Purpose.HUMANS_TXT, Purpose.LEGAL_PAGE}  # fmt: skip
    result = ranked(deaf, Answer.NO)
    assert result.status is (Outcome.UNKNOWN if asked else Outcome.NONE)
    assert (result.ranked, result.review, result.intermediaries) == ((), (), ())


@settings(max_examples=60, deadline=None)
@given(SEARCHES)
def test_which_exchangers_are_asked_for(found: tuple[Probe, ...]) -> None:
    asked = ranking.mail_domains(HOST, found)
    assert asked[0] == ORG
    assert len(set(asked)) == len(asked)
