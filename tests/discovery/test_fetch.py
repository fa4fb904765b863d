"""The fetcher against a world that does not mean well: nothing inside is reached, nothing takes longer than allowed."""

from __future__ import annotations

import socket

import pytest

from disclosure.discovery.evidence import Outcome
from disclosure.discovery.fetch import Fetcher, LocalWorld, Trouble
from tests.discovery.world import (
    AGENT,
    ELSEWHERE,
    HERE,
    NOW,
    Authority,
    Fails,
    Place,
    Silence,
    World,
    free_port,
    page,
    redirect,
)

URL = "https://example.org/.well-known/security.txt"
FILE = "Contact: mailto:security@example.org\n"


def test_a_file_comes_back_with_its_evidence(world: World) -> None:
    world.host("example.org")
    world.serve(URL, page(FILE))
    fetched = world.fetcher().get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem, fetched.final_url) == (Outcome.FOUND, None, URL)
    assert fetched.body == FILE.encode()
    assert fetched.content_type == "text/plain; charset=utf-8"
    (hop,) = fetched.hops
    assert (hop.addresses, hop.peer, hop.status, hop.tls_version) == ((HERE,), HERE, 200, "TLSv1.3")
    assert hop.certificate
    assert hop.certificate.subject == "commonName=common"
    assert hop.certificate.issuer == "commonName=Test authority"
    assert len(hop.certificate.sha256) == 64
    assert hop.certificate.not_after.tzinfo


def test_the_request_is_honest_and_carries_nothing_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """SF-04: no proxy, netrc, cookie or encoding from the environment; Host without the local world's port."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{HERE}:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    world.host("example.org")
    world.serve(URL, redirect("/there", body=b"moved"))
    world.serve("https://example.org/there", page(FILE, Set_Cookie="a=b"))
    assert world.fetcher().get(URL, now=NOW).body == FILE.encode()
    for visit in world.web.visits:
        assert visit.headers == {
            "host": "example.org",
            "user-agent": AGENT,
            "accept": "text/plain, */*;q=0.1",
            "accept-encoding": "identity",
            "connection": "close",
        }


def test_each_redirect_is_a_hop_of_its_own(world: World) -> None:
    world.host("example.org", "www.example.org")
    world.serve(URL, redirect("https://www.example.org/a"))
    world.serve("https://www.example.org/a", redirect("/b", status=308))
    world.serve("https://www.example.org/b", page(FILE))
    fetched = world.fetcher().get(URL, now=NOW)
    assert fetched.body == FILE.encode()
    assert [(hop.url, hop.status, hop.location) for hop in fetched.hops] == [
        (URL, 302, "https://www.example.org/a"),
        ("https://www.example.org/a", 308, "/b"),
        ("https://www.example.org/b", 200, ""),
    ]
    assert fetched.final_url == "https://www.example.org/b"


STATUS = [
    (404, Outcome.NONE, Trouble.ABSENT, "no such file"),
    (410, Outcome.NONE, Trouble.ABSENT, "gone"),
    (401, Outcome.UNKNOWN, Trouble.BLOCKED, "asks who we are"),
    (403, Outcome.UNKNOWN, Trouble.BLOCKED, "a firewall is not an absence (ST-08)"),
    (429, Outcome.UNKNOWN, Trouble.BLOCKED, "asked too often"),
    (500, Outcome.UNKNOWN, Trouble.SERVER_ERROR, "broken today"),
    (503, Outcome.UNKNOWN, Trouble.SERVER_ERROR, "maintenance, or a bot challenge"),
    (204, Outcome.UNKNOWN, Trouble.UNEXPECTED_STATUS, "success without a file"),
    (206, Outcome.UNKNOWN, Trouble.UNEXPECTED_STATUS, "a part that nobody asked for"),
    (304, Outcome.UNKNOWN, Trouble.UNEXPECTED_STATUS, "not modified since when"),
    (418, Outcome.UNKNOWN, Trouble.UNEXPECTED_STATUS, "whatever this is"),
]


@pytest.mark.parametrize(("status", "outcome", "trouble", "why"), STATUS)
def test_what_a_status_means(world: World, status: int, outcome: Outcome, trouble: Trouble, why: str) -> None:
    world.host("example.org")
    world.serve(URL, page(b"", status=status))
    fetched = world.fetcher().get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem) == (outcome, trouble), why
    assert fetched.hops[0].status == status


# --- where it does not go --------------------------------------------------------------------------------------------

REFUSED = [
    ("http://example.org/x", Trouble.INVALID_URI_SCHEME, "clear text"),
    ("ftp://example.org/x", Trouble.INVALID_URI_SCHEME, "another protocol"),
    ("file:///etc/passwd", Trouble.INVALID_URI_SCHEME, "a file of this machine"),
    ("gopher://example.org:70/x", Trouble.INVALID_URI_SCHEME, "a protocol that speaks others"),
    ("javascript:alert(1)", Trouble.INVALID_URI_SCHEME, "no place at all"),
    ("//example.org/x", Trouble.INVALID_URI_SCHEME, "no scheme"),
    ("https://example.org:6379/", Trouble.PORT_REFUSED, "another service"),
    ("https://example.org:0/", Trouble.PORT_REFUSED, "port 0"),
    ("https://example.org:99999/", Trouble.URL_REFUSED, "no port"),
    ("https://user@example.org/", Trouble.USER_INFO_REFUSED, "credentials"),
    ("https://example.org@evil.example/", Trouble.USER_INFO_REFUSED, "a name that pretends"),
    ("https://example.org:443@evil.example/", Trouble.USER_INFO_REFUSED, "a port that pretends"),
    ("https://example.org\\@evil.example/", Trouble.URL_REFUSED, "parsers disagree on backslashes"),
    ("https://example.org /", Trouble.URL_REFUSED, "a blank"),
    ("https://example.org/\r\nX: y", Trouble.URL_REFUSED, "a second header"),
    ("https://exa\tmple.org/", Trouble.URL_REFUSED, "a tab, which urlsplit drops"),
    ("https://localhost/", Trouble.URL_REFUSED, "a name of one label"),
    ("https:///x", Trouble.URL_REFUSED, "no host"),
    ("https://ex%61mple.org/", Trouble.URL_REFUSED, "an escape in a host"),
    ("https://under_score.example.org/", Trouble.URL_REFUSED, "no host name"),
    ("https://straße.example/", Trouble.URL_REFUSED, "letters beyond ASCII are for people, not for URLs"),
    ("https://[::1/", Trouble.URL_REFUSED, "an open bracket"),
    ("https://example.org/" + "a" * 3000, Trouble.URL_REFUSED, "a path that grows"),
    ("https://127.0.0.1/", Trouble.IP_LITERAL, "loopback"),
    ("https://127.1/", Trouble.IP_LITERAL, "loopback, short"),
    ("https://2130706433/", Trouble.IP_LITERAL, "loopback, decimal"),
    ("https://0x7f000001/", Trouble.IP_LITERAL, "loopback, hexadecimal"),
    ("https://0177.0.0.1/", Trouble.IP_LITERAL, "loopback, octal"),
    ("https://0x7f.0.0.1/", Trouble.IP_LITERAL, "loopback, mixed"),
    ("https://127.0.0.1./", Trouble.IP_LITERAL, "loopback with a final dot"),
    ("https://169.254.169.254/latest/meta-data/", Trouble.IP_LITERAL, "a cloud's secrets"),
    ("https://[::1]/", Trouble.IP_LITERAL, "loopback, v6"),
    ("https://[::ffff:127.0.0.1]/", Trouble.IP_LITERAL, "loopback, mapped"),
    ("https://[fe80::1%25eth0]/", Trouble.IP_LITERAL, "link-local with a zone"),
    ("https://8.8.8.8/", Trouble.IP_LITERAL, "public, but no name to check a certificate for"),
    ("https://[2606:4700::1111]/", Trouble.IP_LITERAL, "the same, v6"),
]


class _NoConnection:
    """Any attempt to connect fails the test, not only the request."""

    def __call__(self, *args: object, **_: object) -> socket.socket:
        pytest.fail(f"unexpected connection: {args!r}")


@pytest.mark.parametrize(("url", "trouble", "why"), REFUSED)
def test_urls_that_are_never_asked(
    world: World, monkeypatch: pytest.MonkeyPatch, url: str, trouble: Trouble, why: str
) -> None:
    monkeypatch.setattr("socket.create_connection", _NoConnection())
    fetched = world.fetcher().get(url, now=NOW)
    assert (fetched.outcome, fetched.problem) == (Outcome.UNKNOWN, trouble), why
    assert not world.zone.asked, "not even resolved"


@pytest.mark.parametrize(("url", "trouble", "why"), REFUSED[:3] + REFUSED[6:7] + REFUSED[9:13] + REFUSED[23:])
def test_nor_after_a_redirect(world: World, url: str, trouble: Trouble, why: str) -> None:
    world.host("example.org")
    world.serve(URL, redirect(url))
    fetched = world.fetcher().get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem) == (Outcome.UNKNOWN, trouble), why
    assert len(world.web.visits) == 1
    assert fetched.hops[1].url == url


PRIVATE_ANSWERS = [
    ([ELSEWHERE], [], "an address inside"),
    ([HERE, ELSEWHERE], [], "public and private together: every address is checked"),
    ([ELSEWHERE, HERE], [], "in the other order"),
    ([HERE], ["::1"], "private in the other family only"),
    ([HERE], ["fd00::1"], "the same, unique local"),
    (["169.254.169.254"], [], "a cloud's secrets by name"),
    (["192.0.2.10"], [], "nor does a local world leave the machine"),
]


@pytest.mark.parametrize(("v4", "v6", "why"), PRIVATE_ANSWERS)
def test_names_that_lead_inside(
    world: World, monkeypatch: pytest.MonkeyPatch, v4: list[str], v6: list[str], why: str
) -> None:
    monkeypatch.setattr("socket.create_connection", _NoConnection())
    world.zone.in_turn("example.org", "A", v4)
    world.zone.in_turn("example.org", "AAAA", v6)
    fetched = world.fetcher().get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem, fetched.rule) == (Outcome.UNKNOWN, Trouble.ADDRESS_REFUSED, "SF-02"), why
    assert set(fetched.hops[0].addresses) == {*v4, *v6}


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "168.63.129.16"])
def test_without_a_local_world_only_public_addresses(
    world: World, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr("socket.create_connection", _NoConnection())
    world.zone.set("example.org", "A", address)
    fetched = Fetcher(world.resolver(), user_agent=AGENT).get(URL, now=NOW)
    assert fetched.problem is Trouble.ADDRESS_REFUSED


def test_a_redirect_to_a_name_that_leads_inside(world: World) -> None:
    world.host("example.org")
    world.zone.set("inside.example.org", "A", ELSEWHERE)
    world.serve(URL, redirect("https://inside.example.org/"))
    fetched = world.fetcher().get(URL, now=NOW)
    assert (fetched.problem, len(world.web.visits)) == (Trouble.ADDRESS_REFUSED, 1)


def test_a_name_that_changes_its_mind_is_asked_once(world: World) -> None:
    """Rebinding: between the check and the connection nobody is asked again (SF-01)."""
    world.zone.in_turn("example.org", "A", [HERE], [ELSEWHERE])
    world.serve(URL, page(FILE))
    fetched = world.fetcher().get(URL, now=NOW)
    assert (fetched.outcome, fetched.hops[0].peer) == (Outcome.FOUND, HERE)
    assert world.zone.asked["example.org", "A"] == 1


def test_and_checked_anew_for_every_hop(world: World) -> None:
    world.zone.in_turn("example.org", "A", [HERE], [ELSEWHERE])
    world.serve(URL, redirect("/again"))
    assert world.fetcher().get(URL, now=NOW).problem is Trouble.ADDRESS_REFUSED


def test_a_dead_address_first_and_a_live_one_second(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.create_connection
    tried: list[str] = []

    def first_is_dead(address: tuple[str, int], timeout: float) -> socket.socket:
        tried.append(address[0])
        if len(tried) == 1:
            raise OSError("no route")
        return connect((HERE, address[1]), timeout=timeout)

    monkeypatch.setattr("socket.create_connection", first_is_dead)
    monkeypatch.setattr(Fetcher, "may_connect", lambda *_: True)
    world.zone.set("example.org", "A", ELSEWHERE, HERE)
    world.serve(URL, page(FILE))
    assert world.fetcher().get(URL, now=NOW).outcome is Outcome.FOUND
    assert len(tried) == 2


# --- names, certificates, chains -------------------------------------------------------------------------------------


def test_a_host_without_address_has_no_file(world: World) -> None:
    fetched = world.fetcher().get("https://nowhere.example.org/", now=NOW)
    assert (fetched.outcome, fetched.problem) == (Outcome.NONE, Trouble.NO_ADDRESS)


@pytest.mark.parametrize(
    ("how", "trouble"), [(Fails(), Trouble.DNS_FAILURE), (Silence(), Trouble.DNS_TIMEOUT)], ids=["servfail", "silence"]
)
def test_a_name_server_that_fails_says_nothing_of_the_file(
    world: World, how: Fails | Silence, trouble: Trouble
) -> None:
    world.zone.fail("example.org", "A", how)
    fetched = world.fetcher(seconds=0.6).get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem) == (Outcome.UNKNOWN, trouble)


def test_nobody_listens(world: World) -> None:
    world.host("example.org")
    deaf = LocalWorld(Place(HERE, free_port()), world.ca_file)
    fetched = Fetcher(world.resolver(), user_agent=AGENT, local_world=deaf).get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem) == (Outcome.UNKNOWN, Trouble.CONNECT_FAILED)


@pytest.mark.parametrize(
    ("hosts", "days", "why"),
    [
        (["www.example.net"], 1, "for another host"),
        (["*.example.org"], 1, "a wildcard does not cover its own root"),
        (["example.org"], -1, "run out"),
    ],
)
def test_a_certificate_that_does_not_fit_ends_it(
    world: World, ca: Authority, hosts: list[str], days: int, why: str
) -> None:
    """ST-07: never tried again without verification."""
    world.host("example.org")
    world.web.shows["example.org"] = ca.context("unfit", hosts, days=days)
    world.serve(URL, page(FILE))
    fetched = world.fetcher().get(URL, now=NOW)
    assert (fetched.outcome, fetched.problem, fetched.rule) == (Outcome.UNKNOWN, Trouble.INVALID_CERT, "ST-07"), why
    assert not world.web.visits


def test_an_authority_that_nobody_knows(world: World) -> None:
    world.host("example.org")
    world.serve(URL, page(FILE))
    world.ca_file = world.ca_file.with_name("other.pem")
    world.ca_file.write_bytes(b"")
    with pytest.raises(OSError, match=r"no certificate|PEM|NO_CERTIFICATE"):
        world.fetcher()


def test_one_host_never_rides_on_anothers_certificate(world: World, ca: Authority) -> None:
    """SF-05: the same address, one connection after the other, each checked for its own name."""
    world.host("example.org", "example.net")
    world.web.shows["example.net"] = ca.context("only-org", ["example.org"])
    world.serve(URL, redirect("https://example.net/"))
    world.serve("https://example.net/", page(FILE))
    assert world.fetcher().get(URL, now=NOW).problem is Trouble.INVALID_CERT


CHAINS: list[tuple[str, str, Trouble, int, str]] = [
    ("/a", "/a", Trouble.TOO_MANY_REDIRECTS, 6, "onto itself"),
    ("/a", "/b", Trouble.ABSENT, 3, "to nothing"),
    ("", "", Trouble.BAD_REDIRECT, 1, "a redirect without a target"),
    ("https://[bad/", "", Trouble.BAD_REDIRECT, 1, "a target that is no URL"),
]


@pytest.mark.parametrize(("first", "then", "trouble", "hops", "why"), CHAINS)
def test_chains_that_lead_nowhere(world: World, first: str, then: str, trouble: Trouble, hops: int, why: str) -> None:
    world.host("example.org")
    world.serve(URL, redirect(first))
    world.serve("https://example.org/a", redirect(then))
    fetched = world.fetcher().get(URL, now=NOW)
    assert (fetched.problem, len(fetched.hops)) == (trouble, hops), why


def test_five_redirects_are_followed_and_a_sixth_is_not(world: World) -> None:
    world.host("example.org")
    for number in range(6):
        world.serve(f"https://example.org/{number}", redirect(f"/{number + 1}"))
    world.serve("https://example.org/6", page(FILE))
    assert world.fetcher().get("https://example.org/1", now=NOW).outcome is Outcome.FOUND
    fetched = world.fetcher().get("https://example.org/0", now=NOW)
    assert (fetched.problem, len(fetched.hops)) == (Trouble.TOO_MANY_REDIRECTS, 6)
