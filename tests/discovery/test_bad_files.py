"""Bad files and bad records through a whole search: the outcome, who is named, what is kept, what it cost."""

from __future__ import annotations

import contextlib
import json
import socketserver
import struct
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rrset
import pytest

from disclosure.discovery.candidates import Source
from disclosure.discovery.dns import Resolver
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.fetch import MAX_BODY
from disclosure.discovery.finder import Findings, find, findings
from disclosure.protocol.values import Answer, Domain
from tests.discovery.watch import watching
from tests.discovery.world import HERE, NOW, Fails, Place, Silence, World, Zone, _serving, page

ORG = Domain("example.org")
URL = "https://example.org/.well-known/security.txt"
CONTACT, EXPIRES = b"Contact: mailto:cert@example.org\n", b"Expires: 2027-03-01T00:00:00Z\n"
MOST_MEMORY = 3_000_000  # bytes, for a whole search: a file, what was read of it, and a few dozen answers


def search(world: World) -> Findings:
    world.zone.set(ORG.name, "MX", "10 mail.example.org.")
    return find(ORG, resolver=world.resolver(), fetcher=world.fetcher(), now=NOW)


def published(found: Findings) -> list[str]:
    """Whom somebody named; what is only guessed stands behind."""
    return [who.address for who in found.ranked if who.source is not Source.RFC2142]


def the(found: Findings, purpose: Purpose) -> Probe:
    return next(probe for probe in found.probes if probe.purpose is purpose)


def again(found: Findings) -> Findings:
    """The same from what is stored (CF-02)."""
    kept = [Probe.from_json(json.loads(json.dumps(probe.to_json(), ensure_ascii=False))) for probe in found.probes]
    return findings(found.domain, tuple(kept), now=NOW, host_compromised=Answer.NO)


# body, content type → outcome of the first path, its rule, problems among others, whom it names, who waits.
F, N = Outcome.FOUND, Outcome.NONE
CERT = "cert@example.org"
Row = tuple[bytes, str, tuple[Outcome, str], set[str], list[str], list[str], str]
FILES: list[Row] = [
    (CONTACT + EXPIRES, "text/plain", (F, "ST-01"), set(), [CERT], [], "a good one"),
    (b"<!DOCTYPE html><html>Contact: mailto:a@example.org</html>", "text/html", (N, "ST-02"), {"no_security_txt"},
     [], [], "HTML with status 200"),
    (b"\xef\xbb\xbf\n <html>\nContact: mailto:a@example.org\n", "text/plain", (N, "ST-02"), {"no_security_txt"},
     [], [], "the same, called plain text"),
    (b"", "text/plain", (N, "ST-02"), {"no_contact"}, [], [], "nothing"),
    (b"\x1f\x8b\x08" + bytes(range(256)) * 20, "text/plain", (N, "ST-02"), {"utf8"}, [], [], "packed, without a word"),
    ((CONTACT + EXPIRES).decode().encode("utf-16"), "text/plain", (N, "ST-02"), {"utf8", "control_character"}, [], [],
     "UTF-16"),
    ((CONTACT + EXPIRES).decode().encode("utf-16-be"), "text/plain", (N, "ST-02"), {"control_character"}, [], [],
     "UTF-16 that does not say so"),
    ((CONTACT + EXPIRES).replace(b"\n", b"\r"), "text/plain", (N, "ST-02"), {"control_character"}, [], [],
     "a lone CR ends no line (ST-10)"),
    (CONTACT + b"Contact: mailto:b@example.org\rBcc: x@example.net\n" + EXPIRES, "text/plain", (F, "ST-01"),
     {"control_character"}, [CERT], [], "a lone CR within one line: the line is gone"),
    (CONTACT + b"Contact: mailto:b@example.org\0.example.net\n" + EXPIRES, "text/plain", (F, "ST-01"),
     {"control_character"}, [CERT], [], "NUL"),
    (CONTACT + "Contact: mailto:b@example.org\u2028Contact: mailto:c@example.org\n".encode() + EXPIRES, "text/plain",
     (F, "ST-01"), {"control_character"}, [CERT], [], "a line end of Unicode"),
    (b"".join(b"Contact: mailto:a%d@example.org\n" % n for n in range(9_999)) + EXPIRES, "text/plain", (F, "ST-09"),
     {"too_large"}, [], [], "9,999 contacts: refused whole rather than read in part"),
    (b"".join(b"Contact: tel:+%d\n" % (10_000 + n) for n in range(1_001)), "text/plain", (F, "ST-09"),
     {"too_many_lines"}, [], [], "a thousand and one, in 32 kB"),
    (b"Contact: mailto:" + b",".join(b"a%d@example.org" % n for n in range(100)) + b"\n" + EXPIRES, "text/plain",
     (F, "ST-01"), set(), [f"a{n}@example.org" for n in range(5)], [], "a hundred in one line: five (ST-25)"),
    (CONTACT + b"Expires: " + b"9" * 1_000 + b"\n", "text/plain", (F, "ST-01"), {"invalid_expiry"}, [], [CERT],
     "a date of a thousand digits"),
    (CONTACT + b"Expires: 2027-03-01T00:00:00." + b"9" * 1_900 + b"Z\n", "text/plain", (F, "ST-01"), set(), [CERT], [],
     "a second of 1,900 digits"),
    (CONTACT + b"Expires: 9999-12-31T23:59:60-23:59\n", "text/plain", (F, "ST-01"), set(), [CERT], [],
     "an instant that Python cannot hold"),
    (CONTACT + b"Expires: 2027-03-01T00:00:00Z" + b"0" * 2_030 + b"\n", "text/plain", (F, "ST-09"),
     {"field_too_long"}, [], [], "a field of more than 2,048"),
    (b"Contact: mailto:security@ex\xd0\xb0mple.org\n" + EXPIRES, "text/plain", (F, "ST-01"), set(), [],
     ["security@xn--exmple-4nf.org"], "a look-alike in letters"),
    (b"Contact: https://xn--gthub-n4a.com/report\n" + EXPIRES, "text/plain", (F, "ST-01"), set(), [],
     ["https://xn--gthub-n4a.com/report"], "a look-alike in A-labels"),
    (b"Contact: https://127.0.0.1/report\nContact: https://a@example.org/\n" + EXPIRES, "text/plain", (F, "ST-01"),
     {"invalid_url"}, [], [], "forms at an address, or with a user"),
    (b"Contact: javascript:alert(1)\nContact: data:text/html,x\n" + EXPIRES, "text/plain", (F, "ST-01"),
     {"refused_scheme"}, [], [], "forms that run"),
    (b"-----BEGIN PGP SIGNED MESSAGE-----\n" * 900, "text/plain", (N, "ST-02"), {"signed_format_issue"}, [], [],
     "what freezes others"),
    (b"#" * 40_000, "text/plain", (F, "ST-09"), {"too_large"}, [], [], "more than 32 kB"),
    (b"\n" * 32_768, "text/plain", (F, "ST-09"), {"too_many_lines"}, [], [], "32,768 lines"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "media", "said", "problems", "named", "waiting", "why"), FILES, ids=[row[6] for row in FILES]
)
def test_a_bad_file(  # noqa: PLR0913, PLR0917 - a row is as wide as what it says
    world: World, monkeypatch: pytest.MonkeyPatch, body: bytes, media: str, said: tuple[Outcome, str],
    problems: set[str], named: list[str], waiting: list[str], why: str,
) -> None:  # fmt: skip
    world.host("example.org")
    world.serve(URL, page(body, content_type=media))
    with watching(monkeypatch) as seen:
        found = search(world)
    probe = the(found, Purpose.SECURITY_TXT)
    assert (probe.outcome, probe.rule) == said, why
    assert problems <= set(probe.problems), why
    assert published(found) == named, why
    assert [who.address for who in found.review] == waiting, why
    assert probe.body == body[:MAX_BODY], "the bytes as they came are the evidence"
    assert (probe.body_length, len(probe.body_sha256), probe.hops[0].status) == (min(len(body), MAX_BODY), 64, 200)
    assert seen.stayed_within(world), seen.connects
    assert seen.peak < MOST_MEMORY, why
    assert again(found) == found, "and say the same again"


# --- records ---------------------------------------------------------------------------------------------------------


def _strings(text: str) -> str:
    return " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))


def _huge(zone: Zone) -> None:
    zone.set("_security.example.org", "TXT", _strings("security_contact=https://example.org/" + "a" * 50_000))


def _huge_beside(zone: Zone) -> None:
    good = ('"security_contact=mailto:sec@example.org"', '"security_expires=2027-03-01T00:00:00Z"')
    zone.set("_security.example.org", "TXT", _strings("b" * 50_000), *good)


def _crowd(zone: Zone) -> None:
    many = [f'"security_contact=mailto:a{n}@example.org"' for n in range(300)]
    zone.set("_security.example.org", "TXT", '"security_expires=2027-03-01T00:00:00Z"', *many)


def _loop(zone: Zone) -> None:
    zone.aliases |= {"_security.example.org": "b.example.org", "b.example.org": "_security.example.org"}


def _chain(zone: Zone) -> None:
    zone.aliases["_security.example.org"] = "c0.example.org"
    zone.aliases |= {f"c{n}.example.org": f"c{n + 1}.example.org" for n in range(40)}
    zone.set("c40.example.org", "TXT", '"security_contact=mailto:sec@example.org"')


def _fails(zone: Zone) -> None:
    zone.fail("_security.example.org", "TXT", Fails())


def _silent(zone: Zone) -> None:
    zone.fail("_security.example.org", "TXT", Silence())


U = Outcome.UNKNOWN
RECORDS: list[tuple[Callable[[Zone], None], tuple[Outcome, tuple[str, ...]], list[str], str]] = [
    (_huge, (N, ("record_too_long",)), [], "50 kB: left out, and said to be"),
    (_huge_beside, (F, ()), ["sec@example.org"], "50 kB beside a good set"),
    (_crowd, (F, ()), [f"a{n}@example.org" for n in (0, 100, 101, 102, 103)], "three hundred contacts: five"),
    (_loop, (U, ("dns_failure",)), [], "an alias loop"),
    (_chain, (U, ("dns_failure",)), [], "a chain of forty aliases"),
    (_fails, (U, ("dns_failure",)), [], "SERVFAIL"),
    (_silent, (U, ("dns_timeout",)), [], "no answer"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "said", "named", "why"), RECORDS, ids=[row[3] for row in RECORDS])
def test_bad_records(
    world: World, monkeypatch: pytest.MonkeyPatch, make: Callable[[Zone], None],
    said: tuple[Outcome, tuple[str, ...]], named: list[str], why: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("disclosure.discovery.dns.LIFETIME", 1.5)
    make(world.zone)
    with watching(monkeypatch) as seen:
        found = search(world)
    probe = the(found, Purpose.DNS_SECURITY_TXT)
    assert (probe.outcome, probe.problems) == said, why
    assert published(found) == named, why
    assert found.is_complete is (said[0] is not U), "not known is not none (R15)"
    assert probe.dns, why
    assert (probe.question, bool(probe.dns.rrset)) == ("_security.example.org TXT", bool(named)), "evidence is kept"
    assert seen.stayed_within(world), seen.connects
    assert seen.peak < MOST_MEMORY, why
    assert again(found) == found


# --- name servers that lie -------------------------------------------------------------------------------------------


def _answered(query: dns.message.Message) -> dns.message.Message:
    reply = dns.message.make_response(query, recursion_available=True)
    name = query.question[0].name
    reply.answer.append(dns.rrset.from_text(name, 300, "IN", "TXT", '"security_contact=mailto:evil@example.net"'))
    return reply


def _truncated(query: dns.message.Message) -> bytes:
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.TC
    return reply.to_wire()


def _of_another_id(query: dns.message.Message) -> bytes:
    reply = _answered(query)
    reply.id ^= 1
    return reply.to_wire()


def _of_another_name(query: dns.message.Message) -> bytes:
    other = dns.message.make_query("www.example.net", "TXT")
    other.id = query.id
    return _answered(other).to_wire()


def _pointing_at_itself(query: dns.message.Message) -> bytes:
    head = _answered(query).to_wire()[:12]
    return head + b"\xc0\x0c" * 40


def _with_a_thousand_questions(query: dns.message.Message) -> bytes:
    wire = bytearray(_answered(query).to_wire())
    wire[4:6] = b"\xff\xff"
    return bytes(wire)


LIES: list[tuple[Callable[[dns.message.Message], bytes], str]] = [
    (_truncated, "truncated, and nobody answers over TCP"),
    (_of_another_id, "an answer with another number"),
    (_of_another_name, "an answer to another question"),
    (_pointing_at_itself, "a name that points at itself"),
    (_with_a_thousand_questions, "65,535 questions announced"),
    (lambda _: b"", "an empty packet"),
    (lambda _: b"\xff" * 60_000, "60 kB of nothing"),
    (lambda query: query.to_wire(), "the question sent back"),
    (lambda query: _answered(query).to_wire()[:-5], "cut off"),
]


@pytest.mark.parametrize(("lie", "why"), LIES, ids=[row[1] for row in LIES])
def test_a_name_server_that_lies_is_not_known(
    monkeypatch: pytest.MonkeyPatch, lie: Callable[[dns.message.Message], bytes], why: str
) -> None:
    with liar(lie) as place, watching(monkeypatch) as seen:
        answer = Resolver([place]).lookup("_security.example.org", "TXT", now=NOW, within=0.4)
    assert answer.outcome is Outcome.UNKNOWN, why
    assert answer.failure in {"dns_failure", "dns_timeout"}, why
    assert (answer.texts, answer.evidence().rrset) == ((), ()), "not one record of it counts"
    assert seen.connects <= {(place.address, place.port)}
    assert seen.peak < MOST_MEMORY, why


def test_an_answer_cut_off_over_tcp_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(query: dns.message.Message) -> bytes:
        wire = _answered(query).to_wire()
        return struct.pack("!H", len(wire) + 60_000) + wire

    with liar(_truncated, half) as place, watching(monkeypatch) as seen:
        answer = Resolver([place]).lookup("_security.example.org", "TXT", now=NOW, within=0.4)
    assert (answer.outcome, answer.texts) == (Outcome.UNKNOWN, ())
    assert seen.connects == {(place.address, place.port)}, "asked again over TCP"


@contextlib.contextmanager
def liar(
    over_udp: Callable[[dns.message.Message], bytes], over_tcp: Callable[[dns.message.Message], bytes] | None = None
) -> Iterator[Place]:
    """A name server of which every answer is made by hand; over TCP it hangs up, or says what it is told."""

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            sock.sendto(over_udp(dns.message.from_wire(data)), self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = self.rfile.read(struct.unpack("!H", self.rfile.read(2))[0])
            self.wfile.write(over_tcp(dns.message.from_wire(asked)) if over_tcp else b"")

    with socketserver.ThreadingUDPServer((HERE, 0), Udp) as udp, _serving(udp):
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        with socketserver.ThreadingTCPServer((HERE, udp.server_address[1]), Tcp) as tcp, _serving(tcp):
            yield Place(HERE, udp.server_address[1])
