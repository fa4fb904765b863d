"""Bad input, each kind in a row: a clear outcome, bounded octets and memory, evidence kept, nobody else connected to.

Times are bounded by a deadline that is handed in and by octets that are counted; no clock is looked at.
"""

from __future__ import annotations

import ipaddress
import zlib

import pytest

from disclosure.discovery.dns import Resolver
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.fetch import MAX_BODY, Fetcher, LocalWorld, Trouble
from disclosure.discovery.wire import MOST_AROUND
from tests.discovery.test_names import INSIDE
from tests.discovery.watch import watching
from tests.discovery.world import (
    AGENT,
    HERE,
    NOW,
    Page,
    Place,
    Request,
    World,
    drip,
    flood,
    free_port,
    page,
    raw,
    raw_server,
    redirect,
)

URL = "https://example.org/.well-known/security.txt"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n"
READ_AHEAD = 16_384  # what a buffer takes beyond what was asked for
MOST_MEMORY = 1_000_000  # bytes; the largest part is what a hundred headers may hold
SOON = 0.5  # seconds that a row may take which ends by its deadline

# --- answers over HTTPS ----------------------------------------------------------------------------------------------


def _growing(request: Request) -> None:
    redirect(request.path + "/.")(request)


def _packed(window: int) -> bytes:
    """64 MB in 64 kB, never held unpacked."""
    packer = zlib.compressobj(wbits=window)
    return b"".join(packer.compress(b"#" * 1_000_000) for _ in range(64)) + packer.flush()


BOMB, PACKED = _packed(31), _packed(15)  # gzip and zlib
T = Trouble
ANSWERS: list[tuple[str, Page, Trouble | None, int]] = [
    # Bodies: how long they say they are, and how they end. The last number is of hops.
    ("five gigabytes, announced", flood(HEAD + b"Content-Length: 5000000000\r\n\r\n", b"#" * 65_536), None, 1),
    ("five gigabytes, without end", flood(HEAD + b"\r\n", b"#" * 65_536), None, 1),
    ("five gigabytes, in pieces", flood(CHUNKED, b"10000\r\n" + b"#" * 65_536 + b"\r\n"), None, 1),
    ("in pieces of one octet", flood(CHUNKED, b"1\r\n#\r\n" * 999), T.BROKEN_ANSWER, 1),
    ("pieces with a label of 60 kB", flood(CHUNKED, b"1;" + b"x" * 60_000 + b"\r\n#\r\n"), T.BROKEN_ANSWER, 1),
    ("a last piece, and headers for ever", flood(CHUNKED + b"0\r\n", b"A: b\r\n" * 999), T.BROKEN_ANSWER, 1),
    ("a negative length", flood(HEAD + b"Content-Length: -1\r\n\r\n", b"#" * 65_536), None, 1),
    ("a length of a thousand digits", flood(HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", b"#" * 999),
     None, 1),
    ("two lengths", flood(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"#"), T.BROKEN_ANSWER, 1),
    # Packed bodies.
    ("gzip, 64 MB in 64 kB", page(BOMB, Content_Encoding="gzip"), T.ENCODED_BODY, 1),
    ("deflate", page(PACKED, Content_Encoding="deflate"), T.ENCODED_BODY, 1),
    ("twice gzip", page(BOMB, Content_Encoding="gzip, gzip"), T.ENCODED_BODY, 1),
    ("an encoding nobody knows", page(b"x", Content_Encoding="zz"), T.ENCODED_BODY, 1),
    ("gzip that calls itself plain", page(BOMB), None, 1),
    ("gzip as a transfer encoding", flood(HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + BOMB, b"\0"), None, 1),
    # Dripped: every octet comes in time, and the whole never does.
    ("dripped status line", drip(b"HTTP/1.1 2", b"0"), T.DEADLINE, 1),
    ("dripped headers", drip(HEAD + b"X-Slow: ", b"a"), T.DEADLINE, 1),
    ("dripped body", drip(HEAD + b"Content-Length: 30000\r\n\r\n", b"a"), T.DEADLINE, 1),
    ("dripped pieces", drip(CHUNKED, b"1\r\na\r\n"), T.DEADLINE, 1),
    ("dripped end", drip(CHUNKED + b"0\r\n", b"A: b\r\n"), T.DEADLINE, 1),
    ("dripped '100 Continue'", drip(b"", CONTINUE + b"\r\n"), T.DEADLINE, 1),
    # Floods before any body.
    ("a flood of '100 Continue'", flood(b"", (CONTINUE + b"\r\n") * 99), T.BROKEN_ANSWER, 1),
    ("the same with headers of 60 kB", flood(b"", CONTINUE + b"A: " + b"b" * 60_000 + b"\r\n\r\n"),
     T.BROKEN_ANSWER, 1),
    ("headers without end", flood(HEAD, b"A: b\r\n" * 999), T.BROKEN_ANSWER, 1),
    ("a hundred headers of 60 kB", flood(HEAD, b"A: " + b"b" * 60_000 + b"\r\n"), T.BROKEN_ANSWER, 1),
    ("a status line without end", flood(b"HTTP/1.1 200 ", b"O" * 9_000), T.BROKEN_ANSWER, 1),
    ("cookies without end", flood(HEAD, b"Set-Cookie: a=b; expires=" + b" ;" * 9_000 + b"\r\n"),
     T.BROKEN_ANSWER, 1),
    # No answers.
    ("nothing at all", raw(b""), T.BROKEN_ANSWER, 1),
    ("not HTTP", raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), T.BROKEN_ANSWER, 1),
    ("five thousand headers", raw(HEAD + b"A: b\r\n" * 5_000 + b"\r\n"), T.BROKEN_ANSWER, 1),
    ("half a body", raw(HEAD + b"Content-Length: 100\r\n\r\nContact"), T.BROKEN_ANSWER, 1),
    ("a bad piece", raw(CHUNKED + b"zz\r\n"), T.BROKEN_ANSWER, 1),
    # Redirects.
    ("onto itself", redirect(URL), T.TOO_MANY_REDIRECTS, 6),
    ("onto itself, with an endless body", flood(b"HTTP/1.1 302 X\r\nLocation: " + URL.encode() + b"\r\n\r\n",
     b"#" * 65_536), T.TOO_MANY_REDIRECTS, 6),
    ("a path that grows", _growing, T.TOO_MANY_REDIRECTS, 6),
    ("between two hosts", lambda r: redirect(f"https://{'www.' * (r.host[0] != 'w')}example.org/")(r),
     T.TOO_MANY_REDIRECTS, 6),
    ("a target too long, cut to one that fits", redirect("https://example.org/" + "a" * 5_000), T.URL_REFUSED, 2),
    ("another port", redirect("https://example.org:6379/"), T.PORT_REFUSED, 2),
    ("clear text", redirect("http://example.org/"), T.INVALID_URI_SCHEME, 2),
    ("another protocol", redirect("gopher://example.org/"), T.INVALID_URI_SCHEME, 2),
    ("a file of ours", redirect("file:///etc/passwd"), T.INVALID_URI_SCHEME, 2),
    ("an address", redirect("https://169.254.169.254/latest/meta-data/"), T.IP_LITERAL, 2),
    ("an address in disguise", redirect("https://0x7f.1/"), T.IP_LITERAL, 2),
    ("a private name", redirect("https://private.example.org/"), T.ADDRESS_REFUSED, 2),
    ("public and private at once", redirect("https://mixed.example.org/"), T.ADDRESS_REFUSED, 2),
    ("a look-alike in letters", redirect("https://еxample.org/".encode().decode("latin-1")), T.URL_REFUSED, 2),
]  # fmt: skip


@pytest.mark.parametrize(("why", "play", "trouble", "hops"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_hostile_answers(
    world: World, monkeypatch: pytest.MonkeyPatch, why: str, play: Page, trouble: Trouble | None, hops: int
) -> None:
    world.host("example.org", "www.example.org")
    world.zone.set("private.example.org", "A", "10.0.0.1")
    world.zone.set("mixed.example.org", "A", HERE, "10.0.0.1")
    world.web.otherwise = play
    fetcher = world.fetcher(seconds=SOON if trouble is Trouble.DEADLINE else 8.0)
    with watching(monkeypatch) as seen:
        fetched = fetcher.get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem) == (Outcome.UNKNOWN if trouble else Outcome.FOUND, trouble), why
    assert (fetched.body is None) is (trouble is not None), "found with its body, or asked again"
    assert len(fetched.body or b"") <= MAX_BODY, "no more is kept than may be read"
    assert seen.octets <= (MAX_BODY + MOST_AROUND + READ_AHEAD) * len(fetched.hops), "nor is more received"
    assert seen.peak < MOST_MEMORY, "nor more held at any instant"
    assert seen.stayed_within(world), seen.connects
    assert (len(fetched.hops), fetched.hops[0].url, fetched.asked_at) == (hops, URL, NOW), "evidence of every hop"
    assert (fetched.hops[0].addresses, fetched.hops[0].peer) == ((HERE,), HERE)
    if trouble not in {Trouble.DEADLINE, Trouble.BROKEN_ANSWER}:
        assert fetched.hops[0].status, "what the server said is kept (EV-02)"


HANDSHAKES: list[tuple[bytes, bytes, Trouble, str]] = [
    (b"", b"", Trouble.DEADLINE, "no word"),
    (b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03", b"\x00", Trouble.DEADLINE, "one octet after another"),
    (b"HTTP/1.1 200 OK\r\n\r\n", b"Contact: ", Trouble.TLS_FAILED, "clear text at the port of TLS"),
    (b"\x15\x03\x03\x00\x02\x02\x28", b"", Trouble.TLS_FAILED, "an alert"),
]


@pytest.mark.parametrize(("head", "drop", "trouble", "why"), HANDSHAKES, ids=[row[3] for row in HANDSHAKES])
def test_handshakes_that_come_to_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, head: bytes, drop: bytes, trouble: Trouble, why: str
) -> None:
    world.host("example.org")
    with raw_server(head, drop) as place, watching(monkeypatch) as seen:
        fetcher = Fetcher(
            world.resolver(), user_agent=AGENT, local_world=LocalWorld(place, world.ca_file), seconds=SOON
        )
        fetched = fetcher.get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem) == (Outcome.UNKNOWN, trouble), why
    assert seen.connects <= {(place.address, place.port), (world.nameserver.address, world.nameserver.port)}
    assert (seen.octets, fetched.hops[0].addresses, fetched.hops[0].certificate) == (0, (HERE,), None)


# --- addresses -------------------------------------------------------------------------------------------------------

ADDRESSES = [(text, why) for text, why in INSIDE if text and "%" not in text and text[0] in "0123456789abcdef:"]
REAL = [(text, why) for text, why in ADDRESSES if text not in {"127.1", "0177.0.0.1"}]


def test_there_are_enough_of_them() -> None:
    assert len(ADDRESSES) >= 40


@pytest.mark.parametrize(("address", "why"), ADDRESSES)
def test_an_address_in_place_of_a_name(monkeypatch: pytest.MonkeyPatch, address: str, why: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    nobody = Resolver([Place(HERE, free_port())])
    with watching(monkeypatch) as seen:
        fetched = Fetcher(nobody, user_agent=AGENT).get(f"https://{literal}/", now=NOW)
    assert (fetched.outcome, fetched.problem, fetched.rule) == (Outcome.UNKNOWN, Trouble.IP_LITERAL, "PS-02"), why
    assert (seen.connects, fetched.hops[0].url) == (set(), f"https://{literal}/")


@pytest.mark.parametrize(("address", "why"), REAL)
def test_a_name_that_leads_there(world: World, monkeypatch: pytest.MonkeyPatch, address: str, why: str) -> None:
    """SF-01: every address is checked, of both families, before one is used; nothing opens a way here."""
    for beside in ("", "8.8.8.8", "2606:4700::1111"):
        texts = [text for text in (beside, address) if text]
        for rdtype, colon in (("A", False), ("AAAA", True)):
            world.zone.set("example.org", rdtype, *(text for text in texts if (":" in text) is colon))
        with watching(monkeypatch) as seen:
            fetched = Fetcher(world.resolver(), user_agent=AGENT).get(URL, now=NOW)
        said = (fetched.outcome, fetched.problem, fetched.rule)
        assert said == (Outcome.UNKNOWN, Trouble.ADDRESS_REFUSED, "SF-02"), why
        kept = {ipaddress.ip_address(text) for text in fetched.hops[0].addresses}
        assert kept == {ipaddress.ip_address(text) for text in texts}, "what the name answered is evidence"
        asked = {(world.nameserver.address, world.nameserver.port)}
        assert seen.connects <= asked, "the name server was asked, and nobody else"
