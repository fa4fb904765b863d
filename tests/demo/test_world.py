"""The small world is asked the way the product asks it: dnspython, requests, ssl, smtplib."""

from __future__ import annotations

import gc
import mailbox
import math
import os
import smtplib
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import pytest
import requests
import urllib3

from disclosure.demo.world import Site, World

PLENTY = 10.0  # seconds; a bound for a broken test, never a measure
HARDLY = 0.2  # seconds; for what must not come
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
# asyncio closes the line before OpenSSL's alert is out; a later one may not.
NO_NAME = {"TLSV1_UNRECOGNIZED_NAME", "UNEXPECTED_EOF_WHILE_READING"}
LONG = "security_policy=https://x.example/" + "a" * 600


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(folder=tmp_path / "world") as world:
        yield world


def ask(world: World, name: str, rdtype: str, *, tcp: bool = False, wait: float = PLENTY) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, world.dns_address, port=world.dns_port, timeout=wait)


def resolver(world: World) -> dns.resolver.Resolver:
    found = dns.resolver.Resolver(configure=False)
    found.nameservers, found.port, found.lifetime = [world.dns_address], world.dns_port, PLENTY
    return found


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize(
    ("question", "rcode", "answers", "soa", "why"),
    [
        ("here.example MX", "NOERROR", 1, False, "a record that is there"),
        ("HERE.example MX", "NOERROR", 1, False, "names have no case"),
        ("here.example CAA", "NOERROR", 0, True, "the name is there, the type is not: NODATA"),
        ("empty.here.example TXT", "NOERROR", 0, True, "nothing of its own, but something below: exists (RFC 8020)"),
        ("nobody.here.example A", "NXDOMAIN", 0, True, "unknown inside the zone"),
        ("here.example SOA", "NOERROR", 1, False, "a zone has one without being told"),
        ("here.example NS", "NOERROR", 1, False, "and a name server"),
        ("ns.here.example A", "NOERROR", 1, False, "whose address is known"),
        ("elsewhere.example A", "REFUSED", 0, False, "no authority for it, and no recursion"),
        ("example A", "REFUSED", 0, False, "above every zone"),
        ("x.wild.example TXT", "NOERROR", 1, False, "made from *.wild.example"),
        ("a.b.wild.example TXT", "NOERROR", 1, False, "a wildcard reaches several labels deep"),
        ("x.wild.example A", "NOERROR", 0, True, "the wildcard has no such type"),
        ("child.own.example TXT", "NOERROR", 0, True, "the zone that an SOA opened below another"),
        ("www.alias.example A", "NOERROR", 2, False, "alias and target, both ours"),
        ("away.alias.example A", "NOERROR", 1, False, "the target is somebody else's: the alias alone"),
        ("lost.alias.example A", "NXDOMAIN", 1, True, "the target does not exist"),
        ("loop.alias.example A", "NOERROR", 16, False, "an alias of itself ends where resolvers give up"),
    ],
)
def test_answers(world: World, tcp: bool, question: str, rcode: str, answers: int, soa: bool, why: str) -> None:  # noqa: PLR0917 - one row
    world.zone("here.example", "MX", "10 mail.here.example.")
    world.zone("a.empty.here.example", "TXT", "text")
    world.zone("*.wild.example", "TXT", "text")
    world.zone("own.example", "TXT", "text")
    world.zone("child.own.example", "SOA", "ns.own.example. hostmaster.own.example. 1 2 3 4 5")
    world.zone("alias.example", "A", "127.0.0.1")
    world.zone("www.alias.example", "CNAME", "alias.example.")
    world.zone("away.alias.example", "CNAME", "www.elsewhere.example.")
    world.zone("lost.alias.example", "CNAME", "nobody.alias.example.")
    world.zone("loop.alias.example", "CNAME", "loop.alias.example.")
    response = ask(world, *question.split(), tcp=tcp)
    assert dns.rcode.to_text(response.rcode()) == rcode, why
    # A section joins records of one owner and type, so an alias of itself counts once.
    assert len(response.answer) == (1 if answers == 16 else answers), why
    assert [rrset.rdtype for rrset in response.authority] == ([dns.rdatatype.SOA] if soa else []), why
    assert bool(response.flags & dns.flags.AA) == (rcode != "REFUSED"), why
    assert not response.flags & (dns.flags.AD | dns.flags.RA | dns.flags.TC), why


def test_no_zone_invents_a_contact(world: World) -> None:
    world.zone("here.example", "A", "127.0.0.1")
    (soa,) = resolver(world).resolve("here.example", "SOA")
    assert soa.rname.to_text() == "."


def test_a_negative_answer_names_the_right_zone(world: World) -> None:
    world.zone("own.example", "A", "127.0.0.1")
    world.zone("child.own.example", "SOA", "ns.own.example. . 1 2 3 4 5")
    assert ask(world, "child.own.example", "A").authority[0].name.to_text() == "child.own.example."
    assert ask(world, "other.own.example", "A").authority[0].name.to_text() == "own.example."


@pytest.mark.parametrize(
    ("given", "read", "why"),
    [
        ("v=spf1 -all", "v=spf1 -all", "without quotes the blanks belong to the text"),
        ('"v=spf1" " -all"', "v=spf1 -all", "with quotes as a zone file has it"),
        ("security_contact=mailto:s@x.example;#", "security_contact=mailto:s@x.example;#", "no comment starts there"),
        (r"a\b", r"a\b", "a backslash is a backslash"),
        ('say "x"', 'say "x"', "quotes inside"),
        ("clé", "clé", "UTF-8 octets"),
        (LONG, LONG, "longer than one string"),
        ("", "", "an empty record is one empty string"),
    ],
)
def test_txt_arrives_as_it_was_written(world: World, given: str, read: str, why: str) -> None:
    world.zone("here.example", "TXT", given)
    (record,) = resolver(world).resolve("here.example", "TXT")
    assert b"".join(record.strings).decode() == read, why


def test_a_set_replaces_the_one_before_and_nothing_takes_it_away(world: World) -> None:
    world.zone("here.example", "MX", "10 a.here.example.", "20 b.here.example.")
    world.zone("here.example", "MX", "10 c.here.example.", ttl=60)
    answer = resolver(world).resolve("here.example", "MX")
    assert [(record.exchange.to_text(), answer.rrset and answer.rrset.ttl) for record in answer] == [
        ("c.here.example.", 60)
    ]
    world.zone("here.example", "MX")
    world.zone("here.example", "SOA")
    with pytest.raises(dns.resolver.NoAnswer):
        resolver(world).resolve("here.example", "MX")


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_a_question_fails_and_heals(world: World, tcp: bool) -> None:
    world.zone("here.example", "TXT", "text")
    world.fail("here.example", "TXT", "SERVFAIL")
    assert ask(world, "here.example", "TXT", tcp=tcp).rcode() == dns.rcode.SERVFAIL
    assert ask(world, "here.example", "A", tcp=tcp).rcode() == dns.rcode.NOERROR
    world.fail("here.example", "TXT", "timeout")
    with pytest.raises(dns.exception.Timeout):
        ask(world, "here.example", "TXT", tcp=tcp, wait=HARDLY)
    world.fail("here.example", "TXT", "NOERROR")
    assert len(ask(world, "here.example", "TXT", tcp=tcp).answer) == 1


def test_a_misspelt_failure_fails_the_test_that_wrote_it(world: World) -> None:
    with pytest.raises(dns.exception.DNSException):
        world.fail("here.example", "TXT", "SERVFALI")


def test_what_does_not_fit_is_cut_and_comes_whole_over_tcp(world: World) -> None:
    world.zone("here.example", "TXT", *(f"{number} {'x' * 200}" for number in range(20)))
    assert ask(world, "here.example", "TXT").flags & dns.flags.TC
    whole = ask(world, "here.example", "TXT", tcp=True)
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 20
    assert len(resolver(world).resolve("here.example", "TXT")) == 20, "as a resolver does by itself"


@pytest.mark.parametrize(
    ("edns", "payload", "cut", "why"),
    [
        (-1, 0, True, "without EDNS 512 octets"),
        (0, 1232, False, "with EDNS as much as was offered"),
        (0, 100, True, "less than 512 counts as 512 (RFC 6891)"),
        (0, 65535, False, "more than we send is no harm"),
    ],
)
def test_the_size_limit_is_the_asker_s(world: World, edns: int, payload: int, cut: bool, why: str) -> None:
    world.zone("here.example", "TXT", "x" * 700)
    query = dns.message.make_query("here.example", "TXT", use_edns=edns, payload=payload or None)
    response = dns.query.udp(query, world.dns_address, port=world.dns_port, timeout=PLENTY)
    assert bool(response.flags & dns.flags.TC) == cut, why
    assert response.edns == edns, why


def test_several_questions_go_through_one_connection(world: World) -> None:
    world.zone("here.example", "TXT", "text")
    with socket.create_connection((world.dns_address, world.dns_port), PLENTY) as line:
        for _ in range(3):
            response = dns.query.tcp(dns.message.make_query("here.example", "TXT"), "", timeout=PLENTY, sock=line)
            assert len(response.answer) == 1


def _query(**changes: int) -> dns.message.Message:
    query = dns.message.make_query("here.example", "A", use_edns=0)
    query.set_opcode(dns.opcode.Opcode(changes.get("opcode", 0)))
    if "edns" in changes:
        query.use_edns(changes["edns"])
    if "rdclass" in changes:
        query.question[0].rdclass = dns.rdataclass.RdataClass(changes["rdclass"])
    if changes.get("questions") == 0:
        query.question.clear()
    return query


@pytest.mark.parametrize(
    ("query", "rcode", "why"),
    [
        (_query(opcode=4), "NOTIMP", "NOTIFY"),
        (_query(questions=0), "FORMERR", "no question"),
        (_query(edns=1), "BADVERS", "an EDNS version to come"),
        (_query(rdclass=3), "REFUSED", "class CHAOS"),
    ],
)
def test_what_is_no_plain_question(world: World, query: dns.message.Message, rcode: str, why: str) -> None:
    world.zone("here.example", "A", "127.0.0.1")
    response = dns.query.udp(query, world.dns_address, port=world.dns_port, timeout=PLENTY)
    assert dns.rcode.to_text(response.rcode()) == rcode, why


def test_noise_gets_no_answer_and_does_no_harm(world: World) -> None:
    world.zone("here.example", "A", "127.0.0.1")
    answer_to_nobody = dns.message.make_response(_query()).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(HARDLY)
        for noise in (b"", b"x", b"\xff" * 40, answer_to_nobody):
            line.sendto(noise, (world.dns_address, world.dns_port))
        with pytest.raises(TimeoutError):
            line.recv(512)
    assert ask(world, "here.example", "A").answer


def test_a_secure_world_says_so(tmp_path: Path) -> None:
    with World(folder=tmp_path, secure=True) as world:
        world.zone("here.example", "A", "127.0.0.1")
        world.fail("here.example", "MX", "SERVFAIL")
        assert ask(world, "here.example", "A").flags & dns.flags.AD
        assert ask(world, "none.here.example", "A").flags & dns.flags.AD, "absence is proven too"
        assert not ask(world, "here.example", "MX").flags & dns.flags.AD, "bogus is failure"
        assert not ask(world, "elsewhere.example", "MX").flags & dns.flags.AD


def test_questions_are_remembered(world: World) -> None:
    ask(world, "_security.here.example", "TXT")
    assert world.questions == [("_security.here.example", "TXT")]


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[requests.Session]:
    """A session for which every host of the world is where the world listens, on the port of its URL."""

    def connection(address: tuple[str, int], *args: object, **options: object) -> socket.socket:
        (found,) = resolver(world).resolve(address[0], "A")
        return plain((found.to_text(), address[1]), PLENTY)

    plain = socket.create_connection
    monkeypatch.setattr(urllib3.util.connection, "create_connection", connection)
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(world.ca_file)
        yield session


def url(world: World, host: str, path: str) -> str:
    return f"https://{host}:{world.https_port}{path}"


def test_a_site_is_served_under_its_own_certificate(world: World, browser: requests.Session) -> None:
    files = {
        "/.well-known/security.txt": (200, TEXT, "Contact: mailto:a@x.example\n# été\n".encode()),
        "/moved": (301, {"Location": "/"}, b""),
        "/hu/abc?l=joe": (200, TEXT, b"with query"),
        "/hu/abc": (200, TEXT, b"without"),
        "/teapot": (418, {}, b"short and stout"),
        "/odd": (599, {}, b""),
    }
    world.site(Site("www.here.example", files))
    for path, (status, headers, body) in files.items():
        response = browser.get(url(world, "www.here.example", path), allow_redirects=False)
        assert (response.status_code, response.content) == (status, body)
        assert headers.items() <= response.headers.items()
    assert browser.get(url(world, "www.here.example", "/hu/abc?l=ann")).content == b"without"
    assert browser.get(url(world, "www.here.example", "/none")).status_code == 404
    assert browser.post(url(world, "www.here.example", "/hu/abc")).status_code == 405
    assert world.requests[0] == ("www.here.example", "/.well-known/security.txt")
    assert len(world.requests) == len(files) + 3


def test_a_site_can_change_while_it_is_served(world: World, browser: requests.Session) -> None:
    world.site(Site("here.example", {"/": (200, TEXT, b"one")}))
    assert browser.get(url(world, "here.example", "/")).content == b"one"
    world.site(Site("here.example", {"/": (200, TEXT, b"two")}))
    assert browser.get(url(world, "here.example", "/")).content == b"two"


def handshake(world: World, host: str, *, trusted: bool = True) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=world.ca_file if trusted else None)
    if hasattr(ssl, "VERIFY_X509_STRICT"):
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    line = socket.create_connection((world.dns_address, world.https_port), PLENTY)
    try:
        return context.wrap_socket(line, server_hostname=host)
    except BaseException:
        line.close()
        raise


def test_certificates_are_one_per_host_and_stay_the_same(world: World) -> None:
    seen = []
    for host in ("a.example.test", "b.example.test", "a.example.test"):
        world.site(Site(host, {}))
        with handshake(world, host) as tls:
            seen.append(tls.getpeercert(binary_form=True))
            names = (tls.getpeercert() or {}).get("subjectAltName")
        assert names == (("DNS", host),)
    assert seen[0] == seen[2] != seen[1]


@pytest.mark.parametrize(
    ("host", "trusted", "reasons", "why"),
    [
        ("here.example", False, {"CERTIFICATE_VERIFY_FAILED"}, "nobody else trusts the authority"),
        ("unknown.example", True, NO_NAME, "no site, no certificate"),
        ("127.0.0.1", True, NO_NAME, "no name, no certificate"),
    ],
)
def test_who_gets_no_connection(world: World, host: str, trusted: bool, reasons: set[str], why: str) -> None:
    world.site(Site("here.example", {}))
    with pytest.raises(ssl.SSLError) as refused:
        handshake(world, host, trusted=trusted).close()
    assert refused.value.reason in reasons, why


@pytest.mark.parametrize(
    ("request_head", "status", "why"),
    [
        (b"GET / HTTP/1.1\r\nHost: here.example\r\nConnection: close\r\n\r\n", b"200", "the same host"),
        (b"GET / HTTP/1.0\r\nHost: HERE.example:443\r\n\r\n", b"200", "with a port, in capitals, and an old version"),
        (b"GET / HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n", b"421", "another site's name"),
        (b"GET / HTTP/1.0\r\n\r\n", b"421", "no name at all"),
        (b"\r\n\r\n", b"421", "no request"),
    ],
)
def test_one_connection_answers_for_one_host(world: World, request_head: bytes, status: bytes, why: str) -> None:
    for host in ("here.example", "other.example"):
        world.site(Site(host, {"/": (200, TEXT, b"ok")}))
        handshake(world, host).close()
    with handshake(world, "here.example") as tls:
        tls.sendall(request_head)
        assert tls.recv(4096).split(b" ")[1] == status, why


def test_the_head_alone(world: World) -> None:
    world.site(Site("here.example", {"/": (200, TEXT, b"seven octets and more")}))
    with handshake(world, "here.example") as tls, tls.makefile("rb") as answer:
        tls.sendall(b"HEAD / HTTP/1.1\r\nHost: here.example\r\nConnection: close\r\n\r\n")
        lines = answer.read().split(b"\r\n")
    assert b"Content-Length: 21" in lines
    assert lines[-2:] == [b"", b""]


def test_a_slow_site_keeps_a_client_waiting(world: World, browser: requests.Session) -> None:
    world.site(Site("here.example", {"/": (200, TEXT, b"ok")}))
    world.slow("here.example", math.inf)
    with pytest.raises(requests.ReadTimeout):
        browser.get(url(world, "here.example", "/"), timeout=(PLENTY, HARDLY))
    world.slow("here.example", 0)
    assert browser.get(url(world, "here.example", "/"), timeout=PLENTY).content == b"ok"


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with World(folder=folder) as world:
        world.site(Site("here.example", {}))
        handshake(world, "here.example").close()
    assert {path.name for path in folder.iterdir()} == {"ca.pem", "here.example.pem"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert b"PRIVATE" not in (folder / "ca.pem").read_bytes()


# --- mail ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def relay(world: World) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(world.dns_address, world.smtp_port, "client.example", timeout=PLENTY) as relay:
        yield relay


def mail(to: str, text: str = "Bonjour\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "us@alerts.example", to, "Alerte"
    message.set_content(text)
    return message


def test_a_mail_is_kept_as_it_was_sent(world: World, relay: smtplib.SMTP) -> None:
    data = b"Subject: x\r\n\r\n.a dot\r\n..two\r\n" + "été\r\n".encode()
    relay.ehlo()
    assert relay.mail("token@bounces.example", ["SIZE=100", "BODY=8BITMIME", "RET=HDRS", "ENVID=ab"])[0] == 250
    assert relay.rcpt("Sec@here.example", ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Sec@here.example"])[0] == 250
    code, reply = relay.data(data)
    assert code == 250
    assert reply.startswith(b"2.0.0 Ok: queued as ")
    (kept,) = world.wait_for(1, PLENTY)
    assert (kept.sender, kept.recipients, kept.data, kept.at_index) == (
        "token@bounces.example",
        ("Sec@here.example",),
        data,
        0,
    )
    assert kept.options == ("RET=HDRS", "ENVID=ab", "NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Sec@here.example")


def test_what_the_server_says_it_can(relay: smtplib.SMTP) -> None:
    relay.ehlo()
    assert {"size", "8bitmime", "enhancedstatuscodes", "dsn"} <= relay.esmtp_features.keys()
    assert "starttls" not in relay.esmtp_features


def test_options_of_one_mail_do_not_stay_for_the_next(world: World, relay: smtplib.SMTP) -> None:
    relay.sendmail("a@x.example", ["b@y.example"], b"x", ["RET=FULL"], ["NOTIFY=NEVER"])
    relay.sendmail("a@x.example", ["b@y.example"], b"x")
    assert [mail.options for mail in world.received] == [("RET=FULL", "NOTIFY=NEVER"), ()]


def test_a_report_has_no_sender(world: World, relay: smtplib.SMTP) -> None:
    relay.sendmail("", ["us@alerts.example"], b"Subject: bounce\r\n\r\n")
    assert world.received[0].sender == ""


@pytest.mark.parametrize(
    ("refused", "reply", "recipient", "taken", "why"),
    [
        ("gone@here.example", "550 5.1.1 no such user", "Gone@Here.example", False, "one address, in any case"),
        ("gone@here.example", "550 5.1.1 no such user", "alive@here.example", True, "its neighbour lives"),
        ("here.example", "451 4.7.1 try later", "any@here.example", False, "a whole domain"),
        ("here.example", "451 4.7.1 try later", "any@sub.here.example", True, "not what lies below it"),
        ("*", "421 4.3.2 closing", "any@elsewhere.example", False, "everybody"),
    ],
)
def test_refusals(world: World, refused: str, reply: str, recipient: str, taken: bool, why: str) -> None:
    world.refuse(refused, reply)
    with smtplib.SMTP(world.dns_address, world.smtp_port, "client.example", timeout=PLENTY) as relay:
        relay.ehlo()
        relay.mail("us@alerts.example")
        code, text = relay.rcpt(recipient)
        assert f"{code} {text.decode()}" == ("250 2.1.5 Ok" if taken else reply), why
        world.accept(refused)
        assert relay.rcpt(recipient)[0] == 250, "taken back"


def test_the_narrowest_refusal_counts(world: World, relay: smtplib.SMTP) -> None:
    world.refuse("*", "450 4.0.0 all")
    world.refuse("here.example", "451 4.0.0 domain")
    world.refuse("a@here.example", "550 5.1.1 address")
    relay.ehlo()
    relay.mail("us@alerts.example")
    codes = [relay.rcpt(address)[0] for address in ("a@here.example", "b@here.example", "c@x.example")]
    assert codes == [550, 451, 450]
    assert world.received == []


@pytest.mark.parametrize("reply", ["250 2.0.0 fine", "no", "550", "550 a\r\nb"])
def test_a_refusal_is_a_refusal(world: World, reply: str) -> None:
    with pytest.raises(ValueError, match="not an SMTP refusal"):
        world.refuse("here.example", reply)


def test_mail_is_found_by_recipient_and_counted(world: World, relay: smtplib.SMTP) -> None:
    relay.send_message(mail("a@here.example"), to_addrs=["a@here.example", "b@here.example"])
    relay.send_message(mail("b@here.example"))
    assert [kept.at_index for kept in world.mail_to("B@here.example")] == [0, 1]
    assert [kept.at_index for kept in world.mail_to("a@here.example")] == [0]
    assert world.mail_to("here.example") == []
    world.received.clear()
    assert len(world.received) == 2, "what one gets is a copy"


def test_waiting_ends_when_the_mail_comes(world: World) -> None:
    waiting: list[int] = []
    # It may wait far longer than we wait for it: what ends the waiting is the mail.
    thread = threading.Thread(target=lambda: waiting.append(len(world.wait_for(2, 6 * PLENTY))), daemon=True)
    thread.start()
    with smtplib.SMTP(world.dns_address, world.smtp_port, "client.example", timeout=PLENTY) as relay:
        relay.send_message(mail("a@here.example"))
        relay.send_message(mail("b@here.example"))
    thread.join(PLENTY)
    assert waiting == [2]


def test_waiting_in_vain_says_what_came(world: World, relay: smtplib.SMTP) -> None:
    relay.send_message(mail("a@here.example"))
    with pytest.raises(TimeoutError, match=r"1 of 2 mails .*a@here\.example"):
        world.wait_for(2, HARDLY)


def test_a_line_that_no_server_takes_is_not_taken_here(world: World, relay: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPDataError):
        relay.sendmail("a@x.example", ["b@y.example"], b"x" * 1100)
    assert world.received == []


def test_a_mailbox_keeps_files(tmp_path: Path) -> None:
    with World(folder=tmp_path / "world", mailbox=tmp_path / "mail") as world:
        with smtplib.SMTP(world.dns_address, world.smtp_port, "client.example", timeout=PLENTY) as relay:
            relay.send_message(mail("a@here.example", "été\n"), from_addr="token@bounces.example")
        world.wait_for(1, PLENTY)
    box = mailbox.Maildir(tmp_path / "mail", create=False)
    (content,) = [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118 - a Maildir iterates over messages
    assert content.startswith(b"Return-Path: <token@bounces.example>\nDelivered-To: a@here.example\nFrom: us@")
    assert b"\r" not in content


# --- beginning and end -----------------------------------------------------------------------------------------------


def test_what_it_says_of_itself(world: World) -> None:
    told = world.describe()
    assert told == {
        "dns_address": "127.0.0.1",
        "dns_port": world.dns_port,
        "https_port": world.https_port,
        "smtp_port": world.smtp_port,
        "ca_file": str(world.ca_file),
    }
    assert len({world.dns_port, world.https_port, world.smtp_port}) == 3


def test_a_world_lies_on_loopback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not on loopback"):
        World(address="0.0.0.0", folder=tmp_path)  # noqa: S104 - what must be refused


def test_before_and_after_there_are_no_ports(tmp_path: Path) -> None:
    world = World(folder=tmp_path)
    world.zone("here.example", "A", "127.0.0.1")
    with pytest.raises(RuntimeError, match="not running"):
        _ = world.dns_port
    with world:
        assert ask(world, "here.example", "A").answer, "set before the start"
    with pytest.raises(RuntimeError, match="not running"):
        _ = world.smtp_port


def test_two_worlds_do_not_meet(tmp_path: Path) -> None:
    with World(folder=tmp_path / "one") as one, World(folder=tmp_path / "two") as two:
        one.zone("here.example", "A", "127.0.0.1")
        two.zone("there.example", "A", "127.0.0.1")
        assert ask(one, "there.example", "A").rcode() == dns.rcode.REFUSED
        assert ask(two, "here.example", "A").rcode() == dns.rcode.REFUSED


def _hold(world: World) -> list[socket.socket]:
    """Conversations in every state in which a client can be left standing."""
    here = world.dns_address
    world.site(Site("here.example", {"/": (200, TEXT, b"ok")}))
    idle = [socket.create_connection((here, port), PLENTY) for port in (world.dns_port, world.https_port)]
    half = socket.create_connection((here, world.dns_port), PLENTY)
    half.sendall(b"\x00")
    mute = socket.create_connection((here, world.smtp_port), PLENTY)
    mute.recv(100)
    talking = socket.create_connection((here, world.smtp_port), PLENTY)
    talking.recv(100)
    for line in (b"EHLO x\r\n", b"MAIL FROM:<a@x.example>\r\n", b"RCPT TO:<b@y.example>\r\n", b"DATA\r\n"):
        talking.sendall(line)
        talking.recv(1000)
    talking.sendall(b"Subject: unfinished\r\n")
    kept = handshake(world, "here.example")
    kept.sendall(b"GET / HTTP/1.1\r\nHost: here.example\r\n\r\n")
    kept.recv(1000)
    world.slow("here.example", math.inf)
    hung = handshake(world, "here.example")
    hung.sendall(b"GET / HTTP/1.1\r\nHost: here.example\r\n\r\n")
    return [*idle, half, mute, talking, kept, hung]


def test_the_end_leaves_nothing_behind(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    files = set(os.listdir("/proc/self/fd"))
    with World(folder=tmp_path) as world:
        ports = world.dns_port, world.https_port, world.smtp_port
        held = _hold(world)
    assert set(threading.enumerate()) == threads
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), PLENTY).close()
    for line in held:
        line.close()
    gc.collect()  # a socket that was forgotten warns here, and a warning fails the test
    assert set(os.listdir("/proc/self/fd")) <= files
    assert world.received == [], "what was not finished was not received"


def test_an_error_inside_is_not_swallowed_and_still_closes(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError), World(folder=tmp_path):
        _ = 1 / 0
    assert set(threading.enumerate()) == threads


def test_the_data_can_be_read_without_the_test_extra() -> None:
    script = "import disclosure.demo.world, sys; print('aiosmtpd' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
