"""Both readers against anything: they answer, quickly, and never more than they were told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.discovery import dnstxt, securitytxt
from disclosure.discovery.contacts import is_uri
from disclosure.protocol.values import Address, Channel
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


@settings(max_examples=300, deadline=None)
@given(st.lists(BODIES, max_size=6))
def test_dns_security_txt(records: list[bytes]) -> None:
    answer = dnstxt.read(records, now=NOW)
    assert answer.records <= len(records)
    assert all(contact.address.isascii() and contact.address.isprintable() for contact in answer.contacts)
    assert answer.records or answer == dnstxt.DnsSecurityTxt()


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
