"""Where registries are (RFC 9224): the stored file, and what a refresh would store."""

from __future__ import annotations

import json
from datetime import date

import pytest

from disclosure.discovery.bootstrap import IANA, Directory, stored
from disclosure.policy import DATA
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Domain

DAY = date(2026, 11, 24)
FILES = {
    "dns": b'{"services": [[["org", "ORG.uk"], ["http://a.example/", "https://b.example/x"]], [["uk"], ["https://c.example/"]]]}',
    "ipv4": b'{"services": [[["198.0.0.0/8"], ["https://d.example/"]], [["198.18.0.0/16"], ["https://e.example/"]]]}',
    "ipv6": b'{"services": [[["2001:db8::/32"], ["https://f.example/"]]]}',
}


def test_the_longest_match_wins() -> None:
    book = Directory.read(stored(DAY, "tests", FILES))
    assert (book.checked_on, book.source) == (DAY, "tests")
    assert {name: book.for_domain(Domain(name)) for name in ("x.org", "x.org.uk", "x.co.uk", "x.test")} == {
        "x.org": "https://b.example/x/",  # https of two, with a slash at its end
        "x.org.uk": "https://b.example/x/",
        "x.co.uk": "https://c.example/",
        "x.test": "",
    }
    assert {text: book.for_address(text) for text in ("198.1.2.3", "198.18.1.1", "2001:db8::1", "192.0.2.1", "x")} == {
        "198.1.2.3": "https://d.example/",
        "198.18.1.1": "https://e.example/",
        "2001:db8::1": "https://f.example/",
        "192.0.2.1": "",
        "x": "",
    }


BROKEN = [
    (b"", "nothing"),
    (b"[]", "no object"),
    (b"[" * 100_000, "nested"),
    (b"{}", "no services"),
    (b'{"services": [[["org"]]]}', "no servers"),
    (b'{"services": [["org", "https://a.example/"]]}', "texts for lists"),
    (b'{"services": []}', "empty: it would forget every server"),
    (b'{"services": [[["org"], ["http://a.example/"]]]}', "no server that may be asked"),
]


@pytest.mark.parametrize(("body", "why"), BROKEN, ids=[row[1] for row in BROKEN])
def test_a_broken_file_is_refused_whole(body: bytes, why: str) -> None:
    for name in ("dns", "ipv4"):
        files = FILES | {name: body, "ipv6": body} if name == "ipv4" else FILES | {name: body}
        with pytest.raises(InvalidInput):
            stored(DAY, "tests", files)


def test_ranges_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidInput):
        stored(DAY, "tests", FILES | {"ipv4": b'{"services": [[["300.0.0.0/8"], ["https://a.example/"]]]}'})


def test_the_file_that_comes_along() -> None:
    """With its day and its source, and only servers that may be asked."""
    body = (DATA / "rdap.json").read_bytes()
    book = Directory.read(body)
    assert book.checked_on <= DAY
    assert "whoisit" in book.source
    assert book.for_domain(Domain("example.fr")) == "https://rdap.nic.fr/"
    assert book.for_domain(Domain("example.com")).startswith("https://")
    assert book.for_address("2.0.0.1") == "https://rdap.db.ripe.net/"
    assert book.for_address("127.0.0.1") == book.for_address("10.0.0.1") == ""
    servers = [url for name in IANA for _, urls in json.loads(body)[name] for url in urls]
    assert all(url.startswith("https://") and url.endswith("/") for url in servers)
