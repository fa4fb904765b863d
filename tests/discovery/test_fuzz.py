"""Both readers against anything: they answer, quickly, and never more than they were told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date
from functools import partial
from random import Random

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.discovery import dnstxt, securitytxt
from disclosure.discovery.bootstrap import IANA, Directory, stored
from disclosure.discovery.contacts import is_uri
from disclosure.discovery.dns import txt_bytes
from disclosure.discovery.keyplaces import UriKind, read_encryption
from disclosure.discovery.records import DMARC, MOST_RUA, TLS_RPT, iodefs, report_addresses, rname
from disclosure.openpgp.verification import State, Verification
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address, Channel, Domain
from tests.discovery.world import NOW

PIECES = st.sampled_from(
    [
        *(b"Contact", b"Expires", b"Encryption", b"Canonical", b"Preferred-Languages", b"CSAF", b"Hash", b"# "),
        *(b":", b" ", b"\t", b"\n", b"\r\n", b"\r", b"\x0b", b"\x00", b"\xff", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"- "),
        *(b"mailto:", b"tel:+", b"https://", b"http://", b"javascript:", b"a@example.org", b"%0d%0a", b"%", b",", b"?"),
        *(b"2027-03-01T00:00:00Z", b"9999-12-31T23:59:60-23:59", b"0000-01-01T00:00:00Z", b"1" * 300, b"<html>"),
        *(b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP SIGNATURE-----", b"-----END PGP SIGNATURE-----"),
        *(
            "ß".encode(),
            "а".encode(),
            "١".encode(),
            b"xn--",
            b"[::1]",
            b"@",
            b"security_contact=",
            b"security_expires=",
        ),
    ]
)
BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----\n"
BODIES = st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=60).map(b"".join))
URLS = st.one_of(st.sampled_from(["", "https://example.org/.well-known/security.txt", "https://[", "x:"]), st.text())


@settings(max_examples=300, deadline=None)
@given(BODIES, URLS, st.none() | URLS, st.none() | st.text(max_size=50))
def test_security_txt(body: bytes, url: str, final_url: str | None, content_type: str | None) -> None:
    file = securitytxt.read(body, url=url, final_url=final_url, now=NOW, content_type=content_type)
    json.dumps(file.to_json())
    lines = body.count(b"\n") + 1
    for contact in file.contacts:
        assert contact.line is not None
        assert 1 <= contact.line <= lines
        assert contact.address.isascii()
        assert contact.address.isprintable()
        if contact.kind is Channel.MAIL:
            assert str(Address.parse(contact.address)) == contact.address
        if contact.kind is Channel.FORM:
            assert contact.address.lower().startswith("https://")
            assert is_uri(contact.address)
    assert all(problem.line is None or 1 <= problem.line <= lines for problem in file.problems)
    assert file.contacts or file.usable is securitytxt.Usable.NO


@settings(max_examples=200, deadline=None)
@given(BODIES, st.sampled_from(State), BODIES, st.integers(1, 1_000))
def test_a_signed_security_txt(body: bytes, state: State, text: bytes, first_line: int) -> None:
    """Whatever a verifier hands in: it is read, and where it is good, nothing but its text counts."""
    verified = Verification(state, None, "AB", text, first_line)
    file = securitytxt.read(BEGIN + body, url="", now=NOW, verified=verified)
    json.dumps(file.to_json())
    if state is State.GOOD:
        bare = securitytxt.read(BEGIN, url="", now=NOW, verified=verified)
        assert (file.contacts, file.others, file.encryption) == (bare.contacts, bare.others, bare.encryption)
        assert (file.expires, file.canonical, file.policy) == (bare.expires, bare.canonical, bare.policy)


FIELDS = st.sampled_from(
    [
        *("Contact: mailto:a@example.org", "Contact: mailto:b@example.org,c@example.org", "Contact: tel:+33199000000"),
        *(
            "contact:https://example.org/r",
            "Expires: 2027-03-01T00:00:00Z",
            "Expires: soon",
            "Policy: https://x.example/",
        ),
        *("Encryption: openpgp4fpr:" + "a" * 40, "Encryption: https://example.org/k", "Encryption: mQINBF"),
        *("Preferred-Languages: fr, en", "Preferred-Languages: cz", "Canonical: https://example.org/security.txt"),
        *("# Contact: mailto:no@example.org", "", "Contact: mailto:d@example.org\x00", "X-Y: z", "prose, and no field"),
    ]
)
SHEETS = st.lists(FIELDS, max_size=12)


@settings(max_examples=200, deadline=None)
@given(SHEETS, SHEETS, SHEETS, st.sampled_from(["\n", "\r\n", " \t\n"]))
def test_only_what_is_signed_counts(before: list[str], inside: list[str], after: list[str], end: str) -> None:
    """ST-23: GnuPG passes lines around the signed block; here they change nothing but the problems."""
    block = ["-----BEGIN PGP SIGNED MESSAGE-----", "Hash: SHA512", "", *inside, "-----BEGIN PGP SIGNATURE-----", "",
             "iQ==", "-----END PGP SIGNATURE-----"]  # fmt: skip
    files = [("".join(line + end for line in lines)).encode() for lines in ([*before, *block, *after], block, inside)]
    around, alone, plain = (securitytxt.read(body, url="", now=NOW) for body in files)
    for one in (around, alone):
        assert [c.address for c in one.contacts] == [c.address for c in plain.contacts]
        assert (one.encryption, one.expires, one.policy) == (plain.encryption, plain.expires, plain.policy)
        assert one.signed
    assert not ((before or any(after)) and around.usable is securitytxt.Usable.YES), "a person looks at such a file"


@settings(max_examples=200, deadline=None)
@given(SHEETS)
def test_a_file_means_the_same_however_it_is_set(sheet: list[str]) -> None:
    """Line ends, case of names, comments and blank lines say nothing; a second copy of each line adds nobody."""

    def said(text: str) -> tuple[object, ...]:
        read = securitytxt.read(text.encode(), url="", now=NOW)
        assert all(
            uri.lower().startswith(("https:", "dns:", "openpgp4fpr:")) and is_uri(uri) for uri in read.encryption
        )
        assert read.expires is None or read.expires.tzinfo is UTC
        assert len({(c.kind, c.address) for c in read.contacts}) == len(read.contacts)
        return ([(c.kind, c.address, c.notes) for c in read.contacts], read.expires, read.encryption, read.languages)

    first = said("".join(f"{line}\n" for line in sheet))
    assert said("".join(f"{line} \r\n# x\r\n\r\n" for line in sheet)) == first
    assert (
        said(
            "".join(f"{name.upper()}{colon}{value}\n" for name, colon, value in (line.partition(":") for line in sheet))
        )
        == first
    )
    assert (
        said("".join(f"{line}\n" for line in sheet) + "".join(f"{line}\n" for line in sheet if "ontact" in line))
        == first
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(BODIES, max_size=6))
def test_dns_security_txt(records: list[bytes]) -> None:
    answer = dnstxt.read(records, now=NOW)
    assert answer.records <= len(records)
    assert all(contact.address.isascii() and contact.address.isprintable() for contact in answer.contacts)
    assert answer.records or answer == dnstxt.DnsSecurityTxt()


NAMES = st.sampled_from(
    [*(b"security_contact", b"SECURITY_contact", b"security_policy", b"security_expires", b"security_other", b"v")]
)
VALUES = st.sampled_from(
    [
        *(
            b"mailto:a@example.org",
            b"mailto:b@example.org,c@example.org",
            b"https://example.org/r",
            b"http://x.example/",
        ),
        *(b"2027-03-01T00:00:00Z", b"2020-01-01T00:00:00Z", b"9" * 999, b"mailto: a@example.org", b"", b" ", b"\xff"),
    ]
)
RECORDS = st.lists(st.tuples(NAMES, st.sampled_from([b"=", b"=", b" = ", b""]), VALUES).map(b"".join), max_size=8)


@settings(max_examples=200, deadline=None)
@given(RECORDS, st.randoms(use_true_random=False))
def test_a_set_of_records_has_no_order(records: list[bytes], dice: Random) -> None:
    """DT-03, DT-04: whatever is wrong with one, the others say what they say without it."""
    answer = dnstxt.read(records, now=NOW)
    mixed = list(records)
    dice.shuffle(mixed)
    assert dnstxt.read(mixed, now=NOW) == answer
    assert dnstxt.read([*records, b"v=spf1 -all"], now=NOW) == replace(answer, problems=answer.problems)
    alone = [dnstxt.read([record], now=NOW).contacts for record in records]
    assert set(answer.contacts) == {contact for contacts in alone for contact in contacts}
    live = [record for record in records if record.lower().startswith(b"security_expires")]
    assert answer.usable is not securitytxt.Usable.YES or len(live) == 1, "one date, or a person decides"
    assert answer.expires is None or answer.expires.tzinfo is UTC
    assert all(url.lower().startswith("https:") and is_uri(url) for url in answer.policy)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=255), min_size=1, max_size=5))
def test_a_record_survives_its_presentation(strings: list[bytes]) -> None:
    """What is stored is text; what is read from it are the bytes that came (DT-03)."""
    wire = b"".join(bytes([len(part)]) + part for part in strings)
    stored = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.TXT, wire, 0, len(wire)).to_text()
    assert stored.isascii()
    assert stored.isprintable()
    assert txt_bytes(stored) == b"".join(strings)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"iodef", b"IODEF", b"issue"]), st.binary(max_size=600) | VALUES)
def test_a_property_of_caa(tag: bytes, value: bytes) -> None:
    wire = b"\0" + bytes([len(tag)]) + tag + value
    stored = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.CAA, wire, 0, len(wire)).to_text()
    found = iodefs([stored])
    if tag.lower() != b"iodef":
        assert found == ()
    elif value.isascii() and len(value) <= 500:
        assert found == (value.decode(),)
    else:
        assert all(len(one) <= 1_000 for one in found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=63) | st.sampled_from([b"host.master", b"org", b"x"]), max_size=3))
def test_the_name_of_whoever_runs_a_zone(labels: list[bytes]) -> None:
    """SO-01: the first label is the local part; an address, or nobody."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    wire = b"\0" + name + b"\0" * 20
    stored = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.SOA, wire, 0, len(wire)).to_text()
    address = rname(stored)
    if address is not None:
        assert Address.parse(str(address)) == address
        assert labels[0].decode() == address.local


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["rua=", "RUA = ", "mailto:a@x.org", "https://x.org/", "!10m", ",", ";", " ", "\xff", "ruf="])
    )
)
def test_report_addresses(parts: list[str]) -> None:
    for label, start in ((DMARC, "v=DMARC1;"), (TLS_RPT, "v=TLSRPTv1;")):
        found = report_addresses(label, [f"{start}{''.join(parts)}".encode("latin-1")] * 3)
        assert len(found) == len(set(found)) <= MOST_RUA
        assert all(uri.lower().startswith(("mailto:", "https:")) and uri.isprintable() for uri in found)
        assert report_addresses(label, ["".join(parts).encode("latin-1")]) == (), "no version, no record"


SERVICES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(
        ["org", "ORG", "192.0.2.0/24", "2001:db8::/32", "300.0.0.0/8", "https://rdap.example/", "http://x.example/",
         "https://[", "\ud800", "https://rdap.example/\ud800"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=20,
)  # fmt: skip
ENTRIES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["org", "co.uk", "192.0.2.0/24", "2001:db8::/32", "::/0"]), max_size=2),
        st.lists(st.sampled_from(["https://rdap.example/", "https://r.example/v1", "http://x.example/"]), max_size=2),
    ).map(list),
    max_size=3,
)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({name: SERVICES | ENTRIES for name in IANA}, optional={"x": SERVICES}),
    st.sampled_from(["2026-11-01", "yesterday", "", 7]),
    st.binary(max_size=30),
)
def test_a_bootstrap_file_is_read_or_refused(services: dict[str, object], day: object, raw: bytes) -> None:
    document = json.dumps({"checked_on": day, "source": "tests", **services}).encode()
    for body in (document, raw, document[: len(document) // 2]):
        try:
            book = Directory.read(body)
        except InvalidInput:
            continue
        for server in (book.for_domain(Domain("a.example.org")), book.for_address("192.0.2.1"), book.for_address("x")):
            assert server == "" or (server.startswith("https://") and server.endswith("/"))
    try:
        again = stored(
            date(2026, 11, 1), "tests", {name: json.dumps({"services": services[name]}).encode() for name in IANA}
        )
    except InvalidInput:
        return
    assert Directory.read(again).checked_on == date(2026, 11, 1), "what is stored can be read"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "https:",
                    "dns:",
                    "DNS:",
                    "openpgp4fpr:",
                    "//",
                    "[",
                    "a" * 56,
                    "ß" * 60,
                    "._openpgpkey.",
                    "example.org",
                ),
                *("?type=OPENPGPKEY", ";class=IN", ";", "=", "%", "%2e", "%ff", "0" * 40, "F" * 64, " ", "\x00", "."),
            ]
        ),
        max_size=8,
    ).map("".join)
    | st.sampled_from(["a" * 56, "A" * 56, "ß" * 60, "١" * 9, "a" * 99, "%61", "", "a.b"]).map(
        "dns:{}._openpgpkey.example.org?type=OPENPGPKEY".format
    )
    | st.text(max_size=40)
)
def test_an_encryption_field_leads_to_a_key_or_nowhere(uri: str) -> None:
    """ST-19: nothing but a page, a record of RFC 7929 or a fingerprint is ever asked for on a file's word."""
    read = read_encryption(uri)
    if read is None:
        return
    if read.kind is UriKind.FINGERPRINT:
        assert len(read.value) in {40, 64}
        assert set(read.value) <= set("0123456789ABCDEF")
    elif read.kind is UriKind.DNS:
        head, found, domain = read.value.partition("._openpgpkey.")
        assert found
        assert head.isascii(), "a name for DNS, not for people"
        assert head.isalnum()
        assert len(head) <= 63
        assert Domain.parse(domain).name == domain
    else:
        assert read.value.lower().startswith("https:")


def test_the_worst_file_of_the_allowed_size_is_read() -> None:
    """Linear: what froze other readers for minutes (6.2) has no chance to."""
    header = b"-----BEGIN PGP SIGNED MESSAGE-----\n" + b"Hash: SHA256\n" + b" \n" * 900
    for body in (header, b"Contact: " + b"(" * 2_000 + b"\n", b"Contact: mailto:" + b"a@b.c," * 300 + b"\n",
                 b"Preferred-Languages: " + b"a-" * 1_000 + b"\n", b"Expires: " + b"9" * 2_000 + b"\n",
                 b"Contact: tel:+" + b"1-" * 1_000 + b"\n", b"Contact: mailto:" + b"%" * 2_000 + b"\n"):  # fmt: skip
        for times in (1, 15):
            securitytxt.read(body * times, url="https://example.org/security.txt", now=NOW)


def steps(read: Callable[[], object]) -> int:
    """Lines of Python that ran, loops counted each time round: work, and no clock."""
    count = 0

    def see(_frame: object, event: str, _arg: object) -> object:
        nonlocal count
        count += event == "line"
        return see

    before = sys.gettrace()
    sys.settrace(see)  # type: ignore[arg-type]
    try:
        read()
    finally:
        sys.settrace(before)
    return count


CROWDS: list[tuple[Callable[[int], bytes], str]] = [
    (lambda n: b"".join(b"Contact: tel:+%d\n" % (10_000 + i) for i in range(n)), "a contact a line"),
    (lambda n: b"".join(b"Contact: mailto:a%d@b.cc,b%d@b.cc\n" % (i, i) for i in range(n)), "two a line"),
    (lambda n: b"Contact: mailto:a@b.cc\n" * n, "the same again and again"),
    (lambda n: b"".join(b"Preferred-Languages: en-%03d\n" % i for i in range(n)), "a language a line"),
    (lambda n: b"-----BEGIN PGP SIGNED MESSAGE-----\n" * n, "headers of a signature"),
    (lambda n: b"-\n" * n, "dashes"),
]


@pytest.mark.parametrize(("crowd", "why"), CROWDS, ids=[row[1] for row in CROWDS])
def test_twice_the_file_is_twice_the_work(crowd: Callable[[int], bytes], why: str) -> None:
    once = steps(partial(securitytxt.read, crowd(400), url="", now=NOW))
    twice = steps(partial(securitytxt.read, crowd(800), url="", now=NOW))
    assert twice < 2.2 * once, why
