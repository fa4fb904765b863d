"""Certificates for an address: where they are looked for, what is made of them, what is never kept (R18, KD-01)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from disclosure.demo.certificates import make_certificate
from disclosure.discovery.certificates import CertificateFindings, find_certificates, findings
from disclosure.discovery.certranking import Question, rank_certificates
from disclosure.discovery.evidence import Hop, Outcome, Probe, Purpose
from disclosure.discovery.keyplaces import openpgpkey_owner, read_encryption, web_key_urls, zbase32
from disclosure.discovery.keyserver import Allowance, Keyserver
from disclosure.openpgp.judge import judge
from disclosure.protocol.values import Address, Answer, Domain
from tests.discovery.world import ELSEWHERE, NOW, Fails, World, page, redirect

WHO = Address.parse("security@example.org")
VKS = Domain("keys.example.net")
URI = "https://www.example.org/key.asc"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    secret: str
    public: bytes

    @property
    def fingerprint(self) -> str:
        return judge(self.public, address=None, now=NOW).fingerprint

    @property
    def record(self) -> str:
        return b64encode(self.public).decode()


def pair(name: str, made: int = 30) -> Pair:
    return Pair(*make_certificate(name, now=NOW - made * DAY))


@pytest.fixture(scope="module")
def good() -> Pair:
    return pair(f"Security <{WHO}>")


@pytest.fixture(scope="module")
def other() -> Pair:
    return pair(f"Security, again <{WHO}>", made=10)


@pytest.fixture(scope="module")
def nameless() -> Pair:
    return pair("Somebody <else@example.com>")


@pytest.fixture(scope="module")
def expired() -> Pair:
    return pair(f"Long ago <{WHO}>", made=800)


def binary(content: bytes, **more: Any) -> Any:
    return page(content, content_type="application/octet-stream", **more)


def by_mail() -> str:
    return f"https://{VKS}/vks/v1/by-email/security%40example.org"


def by_fingerprint(of: Pair) -> str:
    return f"https://{VKS}/vks/v1/by-fingerprint/{of.fingerprint}"


def look(world: World, encryption: Sequence[str] = (), *, validating: bool = True, **more: Any) -> CertificateFindings:
    fetcher = world.fetcher()
    return find_certificates(
        WHO,
        encryption=encryption,
        resolver=world.resolver(validating=validating),
        fetcher=fetcher,
        keyserver=more.pop("keyserver", None) or Keyserver(fetcher, host=VKS),
        judge=judge,
        now=NOW,
        **more,
    )


def asked(found: CertificateFindings) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(str(p.purpose), str(p.outcome), p.rule, p.problems) for p in found.probes]


# --- places ----------------------------------------------------------------------------------------------------------


def test_the_vectors_of_the_drafts() -> None:
    joe = Address.parse("Joe.Doe@Example.ORG")
    advanced, direct = web_key_urls(joe)
    place = "hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe"
    assert advanced == f"https://openpgpkey.example.org/.well-known/openpgpkey/example.org/{place}"
    assert direct == f"https://example.org/.well-known/openpgpkey/{place}"
    hugh = openpgpkey_owner(Address.parse("hugh@example.com"))
    assert hugh == "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._openpgpkey.example.com"


@pytest.mark.parametrize(("data", "text"), [(b"", ""), (b"\xff", "9h"), (b"\0", "yy"), (b"hello", "pb1sa5dx")])
def test_zbase32(data: bytes, text: str) -> None:
    assert zbase32(data) == text


FPR = "0123456789ABCDEF0123456789ABCDEF01234567"
OWNER = f"{'a' * 56}._openpgpkey.example.org"
URIS: list[tuple[str, str | None, str]] = [
    (URI, f"https {URI}", "a page or a file"),
    ("HTTPS://example.org/k", "https HTTPS://example.org/k", "schemes have no case"),
    (f"openpgp4fpr:{FPR}", f"openpgp4fpr {FPR}", "version 4"),
    (f"OPENPGP4FPR:{FPR.lower()}", f"openpgp4fpr {FPR}", "any case"),
    (f"openpgp4fpr:{FPR}{'0' * 24}", f"openpgp4fpr {FPR}{'0' * 24}", "version 6"),
    (f"openpgp4fpr:{FPR[:-1]}", None, "a digit is missing"),
    (f"openpgp4fpr:{FPR[-16:]}", None, "a key id is no fingerprint"),
    (f"dns:{OWNER}?type=OPENPGPKEY", f"dns {OWNER}", "RFC 4501"),
    (f"dns:{OWNER.upper()}.?TYPE=openpgpkey;CLASS=IN", f"dns {OWNER}", "any case, and the root"),
    (f"dns://192.0.2.1/{OWNER}?type=OPENPGPKEY", f"dns {OWNER}", "the server that it names is not asked"),
    (f"dns:{OWNER}?type=TXT", None, "another type"),
    (f"dns:{OWNER}", None, "no type means A"),
    ("dns:localhost?type=OPENPGPKEY", None, "no such record can stand there"),
    ("dns:x._openpgpkey.localhost?type=OPENPGPKEY", None, "nor there"),
    ("http://example.org/k", None, "clear text"),
    ("-----BEGIN PGP PUBLIC KEY BLOCK-----", None, "a key in place of its address"),
    ("", None, "nothing"),
]


@pytest.mark.parametrize(("uri", "read", "why"), URIS, ids=[row[2] for row in URIS])
def test_encryption_uris(uri: str, read: str | None, why: str) -> None:
    found = read_encryption(uri)
    assert (f"{found.kind} {found.value}" if found else None) == read, why


# --- whom we ask -----------------------------------------------------------------------------------------------------


def test_nothing_anywhere(world: World) -> None:
    world.host("example.org", str(VKS))
    found = look(world)
    assert found.status is Outcome.NONE
    assert found.best is None
    assert asked(found) == [
        ("web_key_directory", "none", "ST-01", ("no_address",)),
        ("web_key_directory", "none", "ST-01", ("absent",)),
        ("openpgpkey", "none", "KD-04", ()),
        ("keyserver", "none", "KD-06", ("absent",)),
    ]


def test_every_place_in_its_order(world: World, good: Pair) -> None:
    world.host("www.example.org", "openpgpkey.example.org", str(VKS))
    world.serve(URI, page(b"<html><pre>" + armour(good) + b"</pre>"))
    world.serve(web_key_urls(WHO)[0], binary(good.public))
    world.zone.authenticated = True
    world.zone.set(openpgpkey_owner(WHO), "OPENPGPKEY", good.record)
    found = look(world, [URI])
    assert asked(found) == [
        ("encryption_uri", "found", "KD-01", ()),
        ("web_key_directory", "found", "KD-01", ()),
        ("openpgpkey", "found", "KD-04", ()),
    ]
    assert not [visit for visit in world.web.visits if visit.host == str(VKS)], "who has a certificate needs no other"
    (only,) = found.ranked
    assert (str(only.source), only.probes, str(only.confidence)) == ("encryption_uri", ("c1", "c2", "c3"), "high")
    assert only.flags == ("found_twice",)
    assert found.best == only


def armour(of: Pair) -> bytes:
    import pysequoia  # noqa: PLC0415

    return pysequoia.armor(of.public, pysequoia.ArmorKind.PublicKey).encode()


DIRECT: list[tuple[str, int, str]] = [
    ("nothing", 1, "the sub-domain exists and has no certificate: the direct place is not asked"),
    ("blocked", 1, "nor when it does not say"),
    ("servfail", 1, "nor when its name is not known"),
    ("astray", 1, "nor when it leads to a name that does not exist"),
    ("no such name", 2, "only where it does not exist"),
]


@pytest.mark.parametrize(("advanced", "probes", "why"), DIRECT, ids=[row[0] for row in DIRECT])
def test_when_the_direct_place_is_asked(world: World, good: Pair, advanced: str, probes: int, why: str) -> None:
    """KD-02."""
    world.host("example.org", str(VKS))
    if advanced == "servfail":
        world.zone.fail("openpgpkey.example.org", "A", Fails())
        world.zone.fail("openpgpkey.example.org", "AAAA", Fails())
    elif advanced != "no such name":
        world.host("openpgpkey.example.org")
    if advanced == "blocked":
        world.serve(web_key_urls(WHO)[0], page("", status=403))
    if advanced == "astray":
        world.serve(web_key_urls(WHO)[0], redirect("https://nowhere.example.org/"))
    world.serve(web_key_urls(WHO)[1], binary(good.public))
    found = look(world)
    assert len([p for p in found.probes if p.purpose == "web_key_directory"]) == probes, why
    assert (found.best is not None) is (probes == 2)
    if advanced in {"blocked", "servfail"}:
        assert found.status is Outcome.UNKNOWN, "R15: ask again"


RECORDS: list[tuple[bool, str, tuple[str, ...], str]] = [
    (True, "found", (), "validated"),
    (False, "none", ("not_validated",), "an unsigned zone proves nothing"),
]


@pytest.mark.parametrize(("ad", "outcome", "problems", "why"), RECORDS, ids=[row[3] for row in RECORDS])
def test_records_need_dnssec(
    world: World, good: Pair, ad: bool, outcome: str, problems: tuple[str, ...], why: str
) -> None:
    """KD-04."""
    world.zone.authenticated = ad
    world.zone.set(openpgpkey_owner(WHO), "OPENPGPKEY", good.record)
    found = look(world, [f"dns:{openpgpkey_owner(WHO)}?type=OPENPGPKEY"])
    assert [row for row in asked(found) if row[2] == "KD-04"] == [
        ("encryption_uri", outcome, "KD-04", problems),
        ("openpgpkey", outcome, "KD-04", problems),
    ]
    assert (found.best is not None) is ad, why


def test_without_a_validating_resolver_nobody_is_asked(world: World, good: Pair) -> None:
    world.zone.set(openpgpkey_owner(WHO), "OPENPGPKEY", good.record)
    look(world, [f"dns:{openpgpkey_owner(WHO)}?type=OPENPGPKEY"], validating=False)
    assert not [name for name, kind in world.zone.asked if kind == "OPENPGPKEY"]


def test_a_bogus_zone_is_unknown(world: World) -> None:
    world.zone.fail(openpgpkey_owner(WHO), "OPENPGPKEY", Fails())
    found = look(world)
    assert ("openpgpkey", "unknown", "DT-06", ("dns_failure",)) in asked(found)
    assert found.status is Outcome.UNKNOWN


# --- the keyserver ---------------------------------------------------------------------------------------------------


def test_the_keyserver_comes_last(world: World, good: Pair) -> None:
    world.host(str(VKS))
    world.serve(by_mail(), page(armour(good)))
    found = look(world)
    assert found.best
    assert (str(found.best.source), str(found.best.confidence)) == ("keyserver", "medium")


def test_answers_are_remembered_for_a_day(world: World, good: Pair) -> None:
    """KD-06, whatever became of it: found and none are remembered, unknown is asked again."""
    world.host(str(VKS))
    server = Keyserver(world.fetcher(), host=VKS)
    world.serve(by_mail(), page("", status=429))
    assert server.by_mail(WHO, now=NOW).outcome is Outcome.UNKNOWN  # type: ignore[union-attr]
    world.serve(by_mail(), page(armour(good)))
    first = server.by_mail(WHO, now=NOW + DAY / 24)
    assert server.by_mail(WHO, now=NOW + DAY) is first
    assert len(world.web.visits) == 2
    assert server.by_mail(WHO, now=NOW + DAY / 24 + DAY) is not first
    assert len(world.web.visits) == 3


def test_its_limits_are_kept(world: World) -> None:
    allowance = Allowance(2, timedelta(minutes=1))
    minutes = [0, 0, 0, 0.5, 1, 1, 60, 60, 60]
    assert [allowance.take(NOW + timedelta(minutes=m)) for m in minutes] == [
        *(True, True, False),  # two at once
        *(False, True, False),  # one a minute
        *(True, True, False),  # and no more than two after a pause
    ]


def test_who_may_not_ask_does_not_know(world: World) -> None:
    world.host(str(VKS))
    server = Keyserver(world.fetcher(), host=VKS)
    for number in range(20):
        server.by_mail(replace(WHO, local=f"a{number}"), now=NOW)
    before = len(world.web.visits)
    found = look(world, keyserver=server)
    assert asked(found)[-1] == ("keyserver", "unknown", "KD-06", ("rate_limited",))
    assert found.status is Outcome.UNKNOWN
    assert len([v for v in world.web.visits if v.host == str(VKS)]) == before


# --- what is made of them --------------------------------------------------------------------------------------------


def test_an_announced_fingerprint_beats_all(world: World, good: Pair, other: Pair) -> None:
    world.host("openpgpkey.example.org", str(VKS))
    world.serve(web_key_urls(WHO)[0], binary(other.public))
    world.serve(by_fingerprint(good), page(armour(good)))
    found = look(world, [f"openpgp4fpr:{good.fingerprint}"])
    assert [one.verdict.fingerprint for one in found.ranked] == [good.fingerprint]
    assert found.ranked[0].flags == ("announced_fingerprint",)
    assert [(one.verdict.fingerprint, one.reason) for one in found.refused] == [
        (other.fingerprint, "fingerprint_mismatch")
    ]


def test_an_announced_one_needs_no_name(world: World, nameless: Pair) -> None:
    world.host(str(VKS))
    world.serve(by_fingerprint(nameless), page(armour(nameless)))
    found = look(world, [f"openpgp4fpr:{nameless.fingerprint}"])
    assert found.best
    assert found.review == ()


def test_the_announced_one_is_chosen_from_a_file(world: World, good: Pair, other: Pair) -> None:
    world.host("www.example.org", str(VKS))
    world.serve(URI, binary(other.public + good.public))
    for wanted in (good, other):
        found = look(world, [URI, f"openpgp4fpr:{wanted.fingerprint}"])
        assert found.best
        assert found.best.verdict.fingerprint == wanted.fingerprint


NAMELESS: list[tuple[str, str, str]] = [
    ("uri", "review", "published for this purpose: a person confirms"),
    ("wkd", "refused", "only the address says that it is meant (KD-03)"),
    ("dns", "refused", "likewise"),
    ("vks", "refused", "likewise"),
]


@pytest.mark.parametrize(("where", "becomes", "why"), NAMELESS, ids=[row[0] for row in NAMELESS])
def test_a_certificate_of_another_name(world: World, nameless: Pair, where: str, becomes: str, why: str) -> None:
    put(world, nameless, where)
    found = look(world, [URI])
    assert len(getattr(found, becomes)) == 1, why
    assert len(found.ranked + found.review + found.refused) == 1
    if becomes == "refused":
        assert found.refused[0].reason == "uid_mismatch"


def put(world: World, what: Pair, where: str) -> None:
    world.host("www.example.org", "openpgpkey.example.org", str(VKS))
    world.zone.authenticated = True
    if where == "uri":
        world.serve(URI, binary(what.public))
    elif where == "wkd":
        world.serve(web_key_urls(WHO)[0], binary(what.public))
    elif where == "vks":
        world.serve(by_mail(), page(armour(what)))
    else:
        world.zone.set(openpgpkey_owner(WHO), "OPENPGPKEY", what.record)


@pytest.mark.parametrize("where", ["uri", "wkd", "dns", "vks"])
def test_a_refused_one_says_why(world: World, expired: Pair, where: str) -> None:
    put(world, expired, where)
    found = look(world, [URI])
    assert (found.status, found.best) == (Outcome.NONE, None)
    assert [one.reason for one in found.refused] == ["expired"]
    assert found.refused[0].to_json()["verdict"] == "refuse"


def test_the_next_place_helps_where_the_first_has_expired(world: World, expired: Pair, good: Pair) -> None:
    put(world, expired, "wkd")
    put(world, good, "vks")
    found = look(world)
    assert found.best
    assert found.best.verdict.fingerprint == good.fingerprint
    assert [one.reason for one in found.refused] == ["expired"]


def test_two_sources_that_disagree_say_so(world: World, good: Pair, other: Pair) -> None:
    put(world, good, "wkd")
    put(world, other, "dns")
    found = look(world)
    assert [one.verdict.fingerprint for one in found.ranked] == [good.fingerprint, other.fingerprint]
    assert all("sources_disagree" in one.flags for one in found.ranked)


def test_a_way_that_leaves_the_organisation_needs_a_person(world: World, good: Pair) -> None:
    world.host("www.example.org", "example.net", str(VKS))
    world.serve(URI, redirect("https://example.net/key"))
    world.serve("https://example.net/key", binary(good.public))
    found = look(world, [URI])
    assert found.best is None
    assert found.review[0].flags == ("offsite_redirect",)


SUSPECT: list[tuple[Answer, str, tuple[str, str], str]] = [
    (Answer.NO, "www.example.org", ("uri", "ranked"), "the host is sound"),
    (Answer.UNKNOWN, "www.example.org", ("uri", "review"), "what it publishes may be the intruder's (R17a)"),
    (Answer.YES, "www.example.org", ("uri", "review"), "likewise"),
    (Answer.YES, "elsewhere.example.org", ("uri", "review"), "whoever holds a host points wherever he likes"),
    (Answer.NO, "example.org", ("wkd", "ranked"), "the host is sound"),
    (Answer.YES, "example.org", ("wkd", "review"), "openpgpkey.example.org lies within it"),
    (Answer.UNKNOWN, "example.org", ("wkd", "review"), "likewise"),
    (Answer.YES, "www.example.org", ("wkd", "review"), "another name, the same machine"),
    (Answer.YES, "elsewhere.example.org", ("wkd", "ranked"), "another name and another machine"),
    (Answer.YES, "www.example.org", ("dns", "ranked"), "a signed zone is an independent source (ST-26)"),
    (Answer.YES, "www.example.org", ("vks", "ranked"), "so is the keyserver, whatever address it has"),
]


@pytest.mark.parametrize(("compromised", "suspect", "found_and_becomes", "why"), SUSPECT)
def test_a_host_that_may_be_compromised(
    world: World, good: Pair, compromised: Answer, suspect: str, found_and_becomes: tuple[str, str], why: str
) -> None:
    where, becomes = found_and_becomes
    put(world, good, where)
    world.zone.set("elsewhere.example.org", "A", ELSEWHERE)
    found = look(world, [URI], suspect=Domain(suspect), host_compromised=compromised)
    assert len(getattr(found, becomes)) == len(found.ranked + found.review + found.refused) == 1, why
    flagged = "host_may_be_compromised" in getattr(found, becomes)[0].flags
    assert flagged is (becomes == "review"), why


ADDRESS_OF_IT, ANOTHER = "198.51.100.7", "198.51.100.8"
WAYS: list[tuple[Sequence[tuple[str, str]], bool, str]] = [
    ([("example.org", ANOTHER)], True, "the host itself"),
    ([("openpgpkey.example.org", ANOTHER)], True, "a name within it"),
    ([("www.example.org", ANOTHER)], True, "likewise"),
    ([("keys.example.net", ANOTHER), ("example.org", ANOTHER)], True, "a redirect leads there"),
    ([("example.org", ANOTHER), ("keys.example.net", ANOTHER)], True, "or comes from there"),
    ([("keys.example.net", ADDRESS_OF_IT)], True, "another name, the same address"),
    ([("badexample.org", ANOTHER)], False, "a name that only ends alike"),
    ([("org.example", ANOTHER)], False, "somebody else"),
]


@pytest.mark.parametrize(("way", "flagged", "why"), WAYS, ids=[row[2] for row in WAYS])
@pytest.mark.parametrize("compromised", [Answer.YES, Answer.UNKNOWN, Answer.NO])
def test_whose_machine_published_it(
    good: Pair, way: Sequence[tuple[str, str]], flagged: bool, why: str, compromised: Answer
) -> None:
    """R17a: by its name, by names within it, and by its address under any name."""
    hops = tuple(Hop(f"https://{host}/key", (address, "2001:db8::9")) for host, address in way)
    probe = Probe("c1", Purpose.WEB_KEY_DIRECTORY, WHO.domain, "q", NOW, Outcome.FOUND, "KD-01",
                  hops=hops, body=good.public)  # fmt: skip
    question = Question(WHO, (), Domain("example.org"), compromised, (ADDRESS_OF_IT,))
    ranking = rank_certificates(question, [probe], judge=judge, now=NOW)
    (found,) = ranking.ranked + ranking.review
    expected = flagged and compromised is not Answer.NO
    assert ("host_may_be_compromised" in found.flags) is expected, why
    assert not (expected and ranking.ranked), "never used without a person"


def test_the_way_to_the_suspect_shows_its_address(good: Pair, other: Pair) -> None:
    """Where nobody looked its address up beforehand: the evidence says it."""
    url, wkd = (
        Probe("c1", purpose, WHO.domain, "q", NOW, outcome, "KD-01", hops=(Hop(url, (ADDRESS_OF_IT,)),), body=body)
        for purpose, outcome, url, body in (
            (Purpose.ENCRYPTION_URI, Outcome.NONE, "https://www.example.org/key", None),
            (Purpose.WEB_KEY_DIRECTORY, Outcome.FOUND, "https://openpgpkey.example.org/", good.public),
        )
    )
    question = Question(WHO, (), Domain("www.example.org"), Answer.YES)
    ranking = rank_certificates(question, [url, wkd], judge=judge, now=NOW)
    assert (ranking.ranked, len(ranking.review)) == ((), 1)


def test_an_intruders_announcement_is_none(world: World, good: Pair, other: Pair) -> None:
    """Anybody may put a certificate on a keyserver: its fingerprint in a file of the intruder's proves nothing."""
    put(world, good, "vks")
    world.serve(by_fingerprint(other), page(armour(other)))
    announced = [f"openpgp4fpr:{other.fingerprint}"]
    for compromised, best in ((Answer.NO, other), (Answer.UNKNOWN, good), (Answer.YES, good)):
        found = look(world, announced, suspect=Domain("elsewhere.example.org"), host_compromised=compromised)
        assert found.best
        assert found.best.verdict.fingerprint == best.fingerprint, compromised
    assert [one.verdict.fingerprint for one in found.review] == [other.fingerprint]
    assert found.refused == (), "nor does it refuse the true one"


def test_what_waits_for_a_person_confirms_nothing(world: World, good: Pair) -> None:
    put(world, good, "uri")
    put(world, good, "vks")
    for compromised, confidence in ((Answer.NO, "high"), (Answer.YES, "medium")):
        found = look(world, [URI], suspect=Domain("elsewhere.example.org"), host_compromised=compromised)
        assert found.best
        assert (str(found.best.confidence), found.review) == (confidence, ())


def test_independent_sources_come_first(world: World, good: Pair, other: Pair) -> None:
    put(world, other, "uri")
    put(world, good, "vks")
    found = look(world, [URI], suspect=Domain("www.example.org"), host_compromised=Answer.YES)
    assert found.best
    assert found.best.verdict.fingerprint == good.fingerprint
    assert [one.verdict.fingerprint for one in found.review] == [other.fingerprint]


# --- evidence --------------------------------------------------------------------------------------------------------


def test_what_is_kept_says_the_same_again(world: World, good: Pair, other: Pair, expired: Pair) -> None:
    """CF-02, and R18: judged again when used."""
    for what, where in ((good, "uri"), (other, "wkd"), (expired, "dns")):
        put(world, what, where)
    found = look(world, [URI])
    stored = [Probe.from_json(json.loads(json.dumps(probe.to_json()))) for probe in found.probes]
    assert tuple(stored) == found.probes
    assert findings(found.question, stored, judge=judge, now=NOW) == found
    later = findings(found.question, stored, judge=judge, now=NOW + 900 * DAY)
    assert (later.ranked, {one.reason for one in later.refused}) == ((), {"expired"})
    json.dumps(found.to_json())


SECRETS: list[tuple[str, bool, int | None, str]] = [
    ("uri", True, None, "behind the pointer of a file"),
    ("wkd", True, None, "in a directory"),
    ("dns", True, None, "in a signed zone"),
    ("vks", True, None, "on a keyserver"),
    ("dns", False, None, "in a zone that nobody signed, whose records are not even looked at"),
    ("uri", True, 40, "broken off within its first packet"),
]


@pytest.mark.parametrize(("where", "signed", "length", "why"), SECRETS, ids=[row[3] for row in SECRETS])
def test_a_secret_is_never_kept(
    world: World, good: Pair, where: str, signed: bool, length: int | None, why: str
) -> None:
    """Somebody published a private key: refused, and no byte of it stays, nor its hash."""
    import pysequoia  # noqa: PLC0415

    secret = bytes(pysequoia.Tsk.from_bytes(good.secret.encode()))[:length]
    put(world, Pair(good.secret, secret), where)
    world.zone.authenticated = signed
    found = look(world, [URI])
    assert [one.reason for one in found.refused] == ["secret_key"] * signed, why
    kept = json.dumps([probe.to_json() for probe in found.probes])
    assert not [n for n in range(0, len(secret) - 30, 3) if b64encode(secret[n : n + 30]).decode() in kept], why
    assert [p.body_sha256 for p in found.probes if {"secret_key", "not_validated"} & set(p.problems)] == [""], why


def test_a_large_file_is_not_read_to_its_end(world: World, good: Pair) -> None:
    world.host("www.example.org", str(VKS))
    world.serve(URI, binary(good.public + b"\0" * 1_100_000))
    found = look(world, [URI])
    assert [one.reason for one in found.refused] == ["too_large"]
    assert all(probe.body is None for probe in found.probes)


def test_a_page_is_no_certificate(world: World) -> None:
    world.host("www.example.org", str(VKS))
    world.serve(URI, page("<html>Our keys</html>"))
    found = look(world, [URI])
    assert asked(found)[0] == ("encryption_uri", "none", "KD-01", ("not_a_key",))
    assert found.refused == ()


def test_few_uris_of_one_file_are_followed(world: World) -> None:
    world.host("www.example.org", str(VKS))
    found = look(world, [f"https://www.example.org/{n}" for n in range(9)] + ["http://www.example.org/"])
    assert len([probe for probe in found.probes if probe.purpose == "encryption_uri"]) == 5
