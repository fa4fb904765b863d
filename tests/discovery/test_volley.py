"""Questions in flight at once: answered as one by one, told apart, and none of them by whoever only guesses."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import dns.message
import dns.rcode
import dns.rrset
import pytest

from disclosure.discovery.dns import Resolver
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.finder import find
from disclosure.discovery.volley import TRIES, ask_at_once
from disclosure.protocol.values import Answer, Domain
from tests.discovery.world import HERE, NOW, Fails, Place, Silence, World

NAME = "_security.example.org"
OTHERS = [("example.org", "MX"), ("example.org", "SOA")]


def _found(world: World) -> None:
    world.zone.set(NAME, "TXT", '"b" "c"', '"a"')


def _proven(world: World) -> None:
    world.zone.authenticated = True
    world.zone.set(NAME, "TXT", '"a"')


def _proven_absence(world: World) -> None:
    world.zone.authenticated = True


def _another_type(world: World) -> None:
    world.zone.set(NAME, "A", HERE)


def _alias(world: World) -> None:
    world.zone.aliases[NAME] = "example.net"
    world.zone.set("example.net", "TXT", '"a"')


def _loop(world: World) -> None:
    world.zone.aliases |= {NAME: "b.example.org", "b.example.org": NAME}


def _too_large(world: World) -> None:
    world.zone.set(NAME, "TXT", " ".join(['"' + "a" * 250 + '"'] * 16))


def _zone_around(world: World) -> None:
    world.zone.authority["example.org"] = ("org", "ns.org. hostmaster.org. 1 2 3 4 5")


SAME = [
    (_found, 1, "records"),
    (_proven, 1, "the AD flag"),
    (lambda _: None, 1, "no such name"),
    (_proven_absence, 1, "no such name, and the AD flag"),
    (_another_type, 1, "the name is there, the type is not"),
    (_alias, 1, "an alias is followed"),
    (_zone_around, 1, "asked for the SOA inside a zone (SO-02)"),
    (_too_large, 3, "truncated: asked again over TCP, which asks over UDP first"),
    (_loop, 2, "an alias loop is not known, and asked with all we can"),
    (lambda world: world.zone.fail(NAME, "TXT", Fails()), 2, "SERVFAIL is asked with all we can"),
    (lambda world: world.zone.fail(NAME, "TXT", Fails(dns.rcode.REFUSED)), 2, "refused"),
    (lambda world: world.zone.fail(NAME, "TXT", Silence()), TRIES, "nobody answers; two tries, and no third"),
]


@pytest.mark.parametrize(("prepare", "times", "why"), SAME, ids=[row[2] for row in SAME])
@pytest.mark.parametrize("validating", [True, False])
def test_an_answer_is_the_same_alone_and_among_others(
    world: World, prepare: Callable[[World], None], times: int, why: str, validating: bool
) -> None:
    prepare(world)
    resolver = world.resolver(validating=validating)
    questions = [(NAME, "TXT"), *OTHERS]
    # Long enough for a machine that is busy with other things; where nobody answers it is waited out.
    within = 1.0 if times == TRIES else 10.0
    having = resolver.having_asked(questions, now=NOW, within=within)
    together = [having.lookup(*question, now=NOW, within=within) for question in questions]
    if not validating:  # who validates asks once more, to tell bogus from dead (KD-05)
        assert world.zone.asked[NAME, "TXT"] == times, why
    assert together == [resolver.lookup(*question, now=NOW, within=within) for question in questions]


def test_what_was_asked_is_not_asked_again(world: World) -> None:
    """Also the second file of a host is fetched from the addresses that were checked for the first (SF-01)."""
    world.host("example.org")
    find(Domain("www.example.org"), resolver=world.resolver(), fetcher=world.fetcher(), now=NOW)
    assert set(world.zone.asked.values()) == {1}
    assert ("www.example.org", "AAAA") in world.zone.asked


def test_a_resolver_itself_remembers_nothing(world: World) -> None:
    resolver = world.resolver()
    resolver.having_asked([(NAME, "TXT")], now=NOW)
    _found(world)
    assert resolver.lookup(NAME, "TXT", now=NOW).outcome is Outcome.FOUND


def test_a_name_too_long_for_a_question_hides_no_other(world: World) -> None:
    host = Domain(".".join(["a" * 60] * 4 + ["example", "org"])[-253:])
    world.zone.set(host.name, "A", HERE)
    found = find(host, resolver=world.resolver(), fetcher=world.fetcher(), now=NOW, host_compromised=Answer.NO)
    assert found.probes[0].hops[0].addresses == (HERE,)


# --- a name server that plays by hand --------------------------------------------------------------------------------

Play = Callable[[list[bytes]], list[bytes]]


@contextlib.contextmanager
def server(play: Play) -> Iterator[Place]:
    """``play`` is told all datagrams so far, after each one, and says what is sent to the last one's sender."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((HERE, 0))

        def serve() -> None:
            came: list[bytes] = []
            while True:
                data, sender = wire.recvfrom(65_535)
                if not data:
                    return
                came.append(data)
                for answer in play(came):
                    wire.sendto(answer, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Place(HERE, wire.getsockname()[1])
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", wire.getsockname())
            thread.join()


def told(query: bytes, text: str = '"right"') -> bytes:
    message = dns.message.from_wire(query)
    reply = dns.message.make_response(message)
    reply.answer.append(dns.rrset.from_text(message.question[0].name, 300, "IN", "TXT", text))
    return reply.to_wire()


def texts(place: Place, *names: str, within: float = 2.0) -> list[tuple[str, ...]]:
    having = Resolver([place]).having_asked([(name, "TXT") for name in names], now=NOW, within=within)
    return [having.lookup(name, "TXT", now=NOW).texts for name in names]


def test_all_are_asked_before_one_is_answered() -> None:
    names = ["a.example.org", "b.example.org", "c.example.org"]

    def play(came: list[bytes]) -> list[bytes]:
        return [told(query) for query in reversed(came)] if len(came) == len(names) else []

    with server(play) as place:
        assert texts(place, *names) == [('"right"',)] * 3


def _with_another_id(query: bytes) -> bytes:
    return (int.from_bytes(query[:2], "big") ^ 1).to_bytes(2, "big") + told(query, '"forged"')[2:]


def _to_another_question(query: bytes) -> bytes:
    other = dns.message.make_query("example.net", "TXT")
    other.id = int.from_bytes(query[:2], "big")
    return told(other.to_wire(), '"forged"')


IGNORED = [
    (_with_another_id, "somebody guessed an id, and wrongly"),
    (_to_another_question, "the id, and another question"),
    (lambda query: query, "the question itself, thrown back"),
    (lambda query: query[:2], "cut off after the id"),
    (lambda query: query[:2] + b"\xff" * 40, "garbage after the id"),
    (lambda _: b"\0", "no id at all"),
]


@pytest.mark.parametrize(("forged", "why"), IGNORED, ids=[row[1] for row in IGNORED])
def test_what_is_no_answer_is_not_taken_for_one(forged: Callable[[bytes], bytes], why: str) -> None:
    with server(lambda came: [forged(came[-1]), told(came[-1])]) as place:
        assert texts(place, NAME) == [('"right"',)], why


def test_a_lost_datagram_is_sent_again_and_only_that() -> None:
    """The first question of two gets no answer at the first try."""
    came_in: list[bytes] = []

    def play(came: list[bytes]) -> list[bytes]:
        came_in[:] = came
        return [] if len(came) == 1 else [told(came[-1])]

    with server(play) as place:
        assert texts(place, "a.example.org", "b.example.org", within=0.6) == [('"right"',)] * 2
    assert came_in[0] == came_in[2]
    assert len(came_in) == 3


def test_the_second_try_goes_to_the_second_server(world: World) -> None:
    _found(world)
    with server(lambda _: []) as deaf:
        answer = Resolver([deaf, world.nameserver]).having_asked([(NAME, "TXT")], now=NOW, within=0.6)
        assert answer.lookup(NAME, "TXT", now=NOW).outcome is Outcome.FOUND


def test_queries_of_one_id_are_told_apart() -> None:
    queries = [dns.message.make_query(name, "TXT") for name in ("a.example.org", "b.example.org")]
    for query in queries:
        query.id = 7
    with server(lambda came: [told(came[-1])]) as place:
        answers = ask_at_once(queries, [(place.address, place.port)], seconds=2)
    assert len(answers) == 2
    assert all(query.is_response(answers[query.id][0]) for query in queries)


def test_a_server_that_cannot_be_sent_to_is_left_to_the_caller(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    _found(world)

    def unreachable(*_: object) -> None:
        raise OSError("network is unreachable")

    with monkeypatch.context() as patched:
        patched.setattr("disclosure.discovery.volley._connected", unreachable)
        having = world.resolver().having_asked([(NAME, "TXT")], now=NOW)
    assert having.lookup(NAME, "TXT", now=NOW).outcome is Outcome.FOUND
