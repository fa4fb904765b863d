"""Names, as people paste them and as organisations own them; and which addresses are public."""

from __future__ import annotations

import ipaddress

import pytest

from disclosure.discovery.guard import is_public
from disclosure.discovery.names import is_deceptive, is_public_webmail, organisational_domain, to_domain
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Domain

PASTED = [
    ("example.org", "example.org", "plain"),
    ("  Example.ORG. \n", "example.org", "blanks, capitals, the final dot"),
    ("https://www.example.org/a?b#c", "www.example.org", "a URL"),
    ("https://example.org:8443/a", "example.org", "with a port"),
    ("example.org:443", "example.org", "a port without scheme"),
    ("example.org/contact", "example.org", "a path without scheme"),
    ("ftp://example.org/", "example.org", "whatever it was meant for"),
    ("straße.example", "xn--strae-oqa.example", "IDNA 2008, not strasse"),
    ("BÜCHER.example", "xn--bcher-kva.example", "capitals beyond ASCII"),
    ("例え。jp", "xn--r8jz45g.jp", "a full stop of another script"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example", "an A-label"),
    ("r1---sn-x.example.org", "r1---sn-x.example.org", "hyphens that only IDNA minds"),
]


@pytest.mark.parametrize(("text", "name", "why"), PASTED)
def test_what_a_person_pastes(text: str, name: str, why: str) -> None:
    assert to_domain(text) == Domain(name), why


NOT_NAMES = [
    ("192.0.2.1", "ip_literal", "publicsuffixlist would answer 2.1 (PS-02)"),
    ("https://192.0.2.1/", "ip_literal", "in a URL"),
    ("192.0.2.1:80", "ip_literal", "with a port"),
    ("[2001:db8::1]", "ip_literal", "v6 in brackets"),
    ("2001:db8::1", "ip_literal", "v6 without"),
    ("https://[::1]:443/", "ip_literal", "v6 in a URL"),
    ("::ffff:127.0.0.1", "ip_literal", "mapped"),
    ("127.1", "ip_literal", "short"),
    ("2130706433", "ip_literal", "decimal"),
    ("0x7f.1", "ip_literal", "hexadecimal"),
    ("0x7F000001", "ip_literal", "in one number"),
    ("１２７．０．０．１", "ip_literal", "wide digits"),
    ("example.0x", "ip_literal", "0x alone is a number to some program"),
    ("", "not_a_host_name", "nothing"),
    ("localhost", "not_a_host_name", "one label"),
    ("a_b.example.org", "not_a_host_name", "an underscore"),
    ("-a.example.org", "not_a_host_name", "a hyphen first"),
    ("a..example.org", "not_a_host_name", "an empty label"),
    ("security@example.org", "not_a_host_name", "a mail address"),
    ("https://user:pw@example.org/", "not_a_host_name", "user information"),
    ("example.org\\@evil.example", "not_a_host_name", "parsers disagree on backslashes"),
    ("exa mple.org", "not_a_host_name", "a blank"),
    ("exa\nmple.org", "not_a_host_name", "a line end"),
    ("example.org:http", "not_a_host_name", "a port that is none"),
    ("xn--zzzzzzzzz.example", "not_a_host_name", "an A-label of nothing"),
    ("☃.example", "not_a_host_name", "a symbol"),
    ("a" * 64 + ".example", "not_a_host_name", "a label of 64"),
    ("a." * 200 + "example", "not_a_host_name", "a name too long"),
    ("é" * 3_000, "not_a_host_name", "far too long"),
]


@pytest.mark.parametrize(("text", "code", "why"), NOT_NAMES, ids=[row[0][:30] or "nothing" for row in NOT_NAMES])
def test_what_is_no_host_name(text: str, code: str, why: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        to_domain(text)
    assert caught.value.problems == {"domain": code}, why


@pytest.mark.parametrize(
    ("name", "organisation", "why"),
    [
        ("a.b.example.org", "example.org", "two labels up"),
        ("example.org", "example.org", "already there"),
        ("www.victim.co.uk", "victim.co.uk", "a suffix of two labels"),
        ("site.github.io", "site.github.io", "a customer of a platform is its own (PS-01)"),
        ("deep.site.pages.dev", "site.pages.dev", "the same"),
        ("github.io", "github.io", "a suffix stays what it is"),
        ("co.uk", "co.uk", "the same"),
        ("a.b.test", "b.test", "a suffix that is not listed"),
        ("www.xn--strae-oqa.de", "xn--strae-oqa.de", "an international name"),
    ],
)
def test_where_an_organisation_begins(name: str, organisation: str, why: str) -> None:
    assert organisational_domain(Domain(name)) == Domain(organisation), why


@pytest.mark.parametrize(
    ("name", "webmail"),
    [
        ("gmail.com", True),
        ("laposte.net", True),
        ("mail.yahoo.fr", True),
        ("example.org", False),
        ("notgmail.com", False),
    ],
)
def test_public_webmail(name: str, webmail: bool) -> None:
    assert is_public_webmail(Domain(name)) is webmail


@pytest.mark.parametrize(
    ("text", "deceptive", "why"),
    [
        ("example.org", False, "ASCII"),
        ("straße.example", False, "Latin"),
        ("пример.example", False, "Cyrillic that looks like nothing else"),
        ("例え.jp", False, "Japanese in two scripts"),
        ("한국.example", False, "Korean"),
        ("аррӏе.com", True, "Cyrillic, drawn like apple"),
        ("pаypal.com", True, "one Cyrillic letter among Latin ones"),
        ("gοοgle.com", True, "Greek among Latin"),
        ("gıthub.com", True, "an i without its dot: Latin, and no ASCII"),
        ("ɡoogle.com", True, "a script g"),
        ("goᴏgle.com", True, "a small capital"),
        ("œuvre-à-çaen.fr", False, "French"),
        ("łódź.pl", False, "Polish"),
        ("þjóð.is", False, "Icelandic"),
        ("kärnten-öl.at", False, "German"),
        ("paypаl.example.org", True, "in whatever label"),
        ("օpen.com", True, "Armenian among Latin"),
    ],
)
def test_look_alikes(text: str, deceptive: bool, why: str) -> None:
    assert is_deceptive(to_domain(text)) is deceptive, why


INSIDE = [
    ("0.0.0.0", "this host"),  # noqa: S104 - an address to be refused
    ("0.1.2.3", "this network"),
    ("10.0.0.1", "RFC 1918"),
    ("172.16.0.1", "RFC 1918"),
    ("172.31.255.255", "RFC 1918, its end"),
    ("192.168.1.1", "RFC 1918"),
    ("100.64.0.1", "carrier NAT"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback, its end"),
    ("169.254.169.254", "link-local: a cloud's secrets"),
    ("192.0.0.8", "protocol assignments"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4 relay"),
    ("198.18.0.1", "benchmarks"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("168.63.129.16", "inside every Azure network"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::127.0.0.1", "IPv4-compatible"),
    ("::8.8.8.8", "the same with a public one: nobody means that"),
    ("::ffff:127.0.0.1", "mapped loopback"),
    ("::ffff:10.0.0.1", "mapped RFC 1918"),
    ("::ffff:169.254.169.254", "mapped link-local"),
    ("64:ff9b::7f00:1", "NAT64 of loopback"),
    ("64:ff9b::a00:1", "NAT64 of RFC 1918"),
    ("64:ff9b:1::1", "NAT64 for local use"),
    ("100::1", "discard"),
    ("2001::1", "Teredo"),
    ("2001:10::1", "ORCHID"),
    ("2001:db8::1", "documentation"),
    ("2002:7f00:1::", "6to4 of loopback"),
    ("2002:808:808::1", "6to4 of a public one"),
    ("3fff::1", "documentation"),
    ("4000::1", "handed out to nobody"),
    ("5f00::1", "segment routing"),
    ("fc00::1", "unique local"),
    ("fd12:3456::1", "unique local"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "with a zone"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("localhost", "no address"),
    ("127.1", "no address in canonical form"),
    ("0177.0.0.1", "octal"),
    ("", "nothing"),
]


@pytest.mark.parametrize(("address", "why"), INSIDE)
def test_addresses_that_are_never_connected_to(address: str, why: str) -> None:
    assert not is_public(address), why


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("8.8.8.8", "public"),
        ("172.32.0.1", "just after RFC 1918"),
        ("100.128.0.1", "just after carrier NAT"),
        ("2606:4700::1111", "public, v6"),
        ("2001:4860:4860::8888", "public, near the protocol assignments"),
        ("::ffff:8.8.8.8", "mapped: leads where the IPv4 address does"),
        ("64:ff9b::808:808", "NAT64, on networks without IPv4"),
    ],
)
def test_addresses_that_may_be_connected_to(address: str, why: str) -> None:
    assert is_public(address), why


# SF-02, range by range: both ends of each, and what a mapped or translated address leads to.
DENIED: list[tuple[str, str]] = [
    ("10.0.0.0/8", "RFC 1918"),
    ("172.16.0.0/12", "RFC 1918"),
    ("192.168.0.0/16", "RFC 1918"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local, and the secrets of clouds"),
    ("100.64.0.0/10", "carrier NAT"),
    ("0.0.0.0/8", "this network"),
    ("192.0.0.0/24", "protocol assignments"),
    ("198.18.0.0/15", "benchmarks"),
    ("192.0.2.0/24", "documentation"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, and broadcast"),
    ("168.63.129.16/32", "the platform's own service in Azure"),
    ("fc00::/7", "unique local"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("::/96", "IPv4 in its oldest disguise, ::127.0.0.1 among them"),
    ("::ffff:10.0.0.0/104", "mapped RFC 1918"),
    ("::ffff:127.0.0.0/104", "mapped loopback"),
    ("::ffff:168.63.129.16/128", "mapped Azure"),
    ("64:ff9b::10.0.0.0/104", "NAT64 of RFC 1918"),
    ("64:ff9b::169.254.0.0/112", "NAT64 of link-local"),
    ("64:ff9b:1::/48", "NAT64 for local use"),
    ("2002::/16", "6to4"),
    ("2001::/32", "Teredo"),
]


@pytest.mark.parametrize(("network", "why"), DENIED)
def test_ranges_that_are_denied_from_end_to_end(network: str, why: str) -> None:
    net = ipaddress.ip_network(network)
    for address in (net[0], net[-1], net[net.num_addresses // 2], net[net.num_addresses // 3]):
        assert not is_public(str(address)), why
        if address.version == 4:
            assert not is_public(f"::ffff:{address}"), f"{why}, mapped"
            assert not is_public(f"64:ff9b::{address}"), f"{why}, NAT64"


def test_the_operators_own_ranges() -> None:
    own = (ipaddress.ip_network("8.8.0.0/16"), ipaddress.ip_network("2606:4700::/32"))
    assert not is_public("8.8.8.8", own)
    assert not is_public("::ffff:8.8.8.8", own)
    assert not is_public("2606:4700::1111", own)
    assert is_public("9.9.9.9", own)
