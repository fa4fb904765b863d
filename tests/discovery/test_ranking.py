"""Evidence to lists: pure tables, no network."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from disclosure.discovery.candidates import Candidate
from disclosure.discovery.evidence import DnsEvidence, Hop, Outcome, Probe, Purpose
from disclosure.discovery.ranking import Ranking, mail_domains, rank
from disclosure.protocol.values import Answer, Channel, Domain
from tests.discovery.registry import domain as registration
from tests.discovery.registry import entity
from tests.discovery.world import NOW

ORG, HOST = Domain("example.org"), Domain("www.example.org")
EXPIRES = "Expires: 2027-03-01T00:00:00Z\n"
LIVE_TXT = "security_expires=2027-03-01T00:00:00Z"


def file(subject: Domain, body: str, *hops: str, id: str = "") -> Probe:  # noqa: A002 - the field's name
    url = f"https://{subject}/.well-known/security.txt"
    return Probe(
        id=id or f"file:{subject}",
        purpose=Purpose.SECURITY_TXT,
        subject=subject,
        question=url,
        asked_at=NOW,
        outcome=Outcome.FOUND,
        rule="ST-01",
        hops=tuple(Hop(url=place, content_type="text/plain") for place in (url, *hops)),
        body=body.encode(),
    )


def txt(subject: Domain, *records: str, ad: bool = False, validating: bool = True) -> Probe:
    rrset = tuple(f'"{record}"' for record in records)
    return Probe(
        id=f"txt:{subject}",
        purpose=Purpose.DNS_SECURITY_TXT,
        subject=subject,
        question=f"_security.{subject} TXT",
        asked_at=NOW,
        outcome=Outcome.FOUND,
        rule="DT-01",
        dns=DnsEvidence("127.0.0.1", ad, 300, rrset, validating),
    )


def mx(subject: Domain, *records: str, outcome: Outcome | None = None) -> Probe:
    return Probe(
        id=f"mx:{subject}",
        purpose=Purpose.MAIL_EXCHANGER,
        subject=subject,
        question=f"{subject} MX",
        asked_at=NOW,
        outcome=outcome or (Outcome.FOUND if records else Outcome.NONE),
        rule="ML-02",
        dns=DnsEvidence("127.0.0.1", False, 300, records),
    )


def contact(*values: str) -> str:
    return "".join(f"Contact: {value}\n" for value in values)


def ranked(probes: Sequence[Probe], *, domain: Domain = HOST, compromised: Answer = Answer.NO) -> Ranking:
    return rank(domain, probes, host_compromised=compromised)


def short(candidates: Sequence[Candidate]) -> list[tuple[int, str, str, str]]:
    return [(who.rank, who.address, str(who.source), str(who.confidence)) for who in candidates]


MAIL = "mailto:security@example.org"
A, B = "mailto:a@example.org", "mailto:b@example.org"


def test_the_order_of_sources() -> None:
    """R14, whatever the order of the probes."""
    probes = [
        mx(ORG, "10 mail.example.org."),
        txt(HOST, "security_contact=mailto:c@example.org", LIVE_TXT),
        txt(ORG, "security_contact=mailto:d@example.org", LIVE_TXT),
        file(ORG, contact(B) + EXPIRES),
        file(HOST, contact(A, "https://www.example.org/report", "tel:+33199000000") + EXPIRES),
    ]
    expected = [
        (1, "a@example.org", "security_txt", "high"),
        (2, "https://www.example.org/report", "security_txt", "high"),
        (3, "+33199000000", "security_txt", "high"),
        (4, "b@example.org", "security_txt_parent", "medium"),
        (5, "c@example.org", "dns_security_txt", "medium"),
        (6, "d@example.org", "dns_security_txt", "medium"),
        (7, "security@example.org", "rfc2142", "low"),
        (8, "abuse@example.org", "rfc2142", "low"),
        (9, "noc@example.org", "rfc2142", "low"),
    ]
    assert short(ranked(probes).ranked) == expected
    random.Random(1).shuffle(probes)  # noqa: S311 - an order, not a secret
    assert short(ranked(probes).ranked) == expected, "the same evidence gives the same list (CF-02)"


def test_every_candidate_says_why() -> None:
    probes = [
        file(HOST, contact(A) + EXPIRES),
        file(ORG, contact(B) + EXPIRES),
        txt(ORG, "security_contact=mailto:d@example.org", LIVE_TXT, ad=True),
        mx(ORG, "10 mail.example.org."),
    ]
    reasons = [(str(c.reason), dict(c.params), str(c.scope), c.probes) for c in ranked(probes).ranked][:4]
    assert reasons == [
        ("published_by_host", {}, "host", ("file:www.example.org",)),
        ("published_by_organisation", {}, "parent", ("file:example.org",)),
        ("published_in_zone", {"signed": "yes"}, "parent", ("txt:example.org",)),
        ("conventional_mailbox", {}, "parent", ("mx:example.org",)),
    ]


@pytest.mark.parametrize(
    ("ad", "validating", "confidence", "why"),
    [
        (True, True, "high", "validated"),
        (False, True, "medium", "unsigned data is usable (DT-06)"),
        (True, False, "medium", "anybody on the way can set the flag"),
    ],
)
def test_dnssec_raises_a_record(ad: bool, validating: bool, confidence: str, why: str) -> None:
    found = ranked([txt(HOST, f"security_contact={A}", LIVE_TXT, ad=ad, validating=validating)]).ranked
    assert short(found) == [(1, "a@example.org", "dns_security_txt", confidence)], why


def test_a_contact_stands_once_and_agreement_raises_it() -> None:
    """CF-01."""
    probes = [
        file(ORG, contact("mailto:A@Example.org", B) + EXPIRES),
        txt(ORG, f"security_contact={A}", "security_contact=mailto:d@example.org", LIVE_TXT),
    ]
    found = ranked(probes).ranked
    assert short(found) == [
        (1, "A@example.org", "security_txt_parent", "high"),
        (2, "b@example.org", "security_txt_parent", "medium"),
        (3, "d@example.org", "dns_security_txt", "medium"),
    ]
    assert found[0].probes == ("file:example.org", "txt:example.org")
    assert ("named_twice" in found[0].flags, dict(found[0].params)) == (True, {"also": "dns_security_txt"})
    assert not any("sources_disagree" in who.flags for who in found)


def test_two_files_of_one_publisher_do_not_confirm_each_other() -> None:
    found = ranked([file(HOST, contact(A) + EXPIRES), file(ORG, contact(A) + EXPIRES)]).ranked
    assert short(found) == [(1, "a@example.org", "security_txt", "high")]
    assert found[0].flags == ()


def test_a_guess_confirms_nothing() -> None:
    probes = [file(ORG, contact(MAIL) + EXPIRES), mx(ORG, "10 mail.example.org.")]
    best = ranked(probes).ranked[0]
    assert (best.address, str(best.confidence), best.flags) == ("security@example.org", "medium", ())


def test_web_and_zone_that_disagree_both_say_so() -> None:
    """DT-07."""
    probes = [
        file(HOST, contact(A) + EXPIRES),
        txt(HOST, f"security_contact={B}", LIVE_TXT),
        mx(ORG, "10 mail.example.org."),
    ]
    flags = {who.address: "sources_disagree" in who.flags for who in ranked(probes).ranked}
    assert flags["a@example.org"]
    assert flags["b@example.org"]
    assert not flags["abuse@example.org"], "a guess is nobody's word"


REVIEW: list[tuple[Probe, str, str]] = [
    (file(HOST, contact(A)), "no_expire", "dateless"),
    (file(HOST, contact(A) + "Expires: 2020-01-01T00:00:00Z\n"), "expired", "stale"),
    (file(HOST, contact(A) + EXPIRES * 2), "multi_expire", "two dates"),
    (file(HOST, contact(A) + "Expires: soon\n"), "invalid_expiry", "no date"),
    (file(HOST, contact(A) + EXPIRES + "Canonical: https://example.net/s\n"), "no_canonical_match", "somebody else's"),
    (file(HOST, contact(A) + EXPIRES, "https://example.net/s"), "offsite_redirect", "served by another organisation"),
    (file(HOST, contact(A) + EXPIRES, "https://example.net/s", "https://example.org/s"), "offsite_redirect",
     "not even on the way"),
    (file(HOST, contact("mailto:a@xn--pypal-4ve.com") + EXPIRES), "deceptive_name", "a look-alike"),
    (txt(HOST, f"security_contact={A}"), "no_expire", "a dateless record"),
    (txt(HOST, f"security_contact={A}", "security_expires=2020-01-01T00:00:00Z"), "expired", "a stale one"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "flag", "why"), REVIEW, ids=[row[2] for row in REVIEW])
def test_what_a_person_decides(probe: Probe, flag: str, why: str) -> None:
    """R17."""
    found = ranked([probe])
    assert found.ranked == (), why
    assert [(who.rank, flag in who.flags) for who in found.review] == [(1, True)], why


def test_a_stale_file_neither_confirms_nor_shadows() -> None:
    stale = file(HOST, contact(A, B) + "Expires: 2020-01-01T00:00:00Z\n")
    found = ranked([stale, txt(HOST, f"security_contact={A}", LIVE_TXT)])
    assert short(found.ranked) == [(1, "a@example.org", "dns_security_txt", "medium")]
    assert "named_twice" not in found.ranked[0].flags
    assert short(found.review) == [(1, "b@example.org", "security_txt", "high")]


@pytest.mark.parametrize("compromised", [Answer.YES, Answer.UNKNOWN])
def test_a_host_that_may_be_compromised_does_not_speak_for_itself(compromised: Answer) -> None:
    """R17a: unknown is not no."""
    probes = [
        file(HOST, contact(A) + EXPIRES),
        file(ORG, contact(B, "https://www.example.org/form") + EXPIRES),
        txt(HOST, "security_contact=mailto:c@example.org", LIVE_TXT),
        mx(ORG, "10 mail.example.org."),
    ]
    found = ranked(probes, compromised=compromised)
    assert [who.address for who in found.ranked][:2] == ["c@example.org", "b@example.org"], "the zone before the web"
    assert [who.address for who in found.review] == ["https://www.example.org/form", "a@example.org"]
    assert all("host_may_be_compromised" in who.flags for who in found.review)


def test_nor_through_a_redirect_to_it() -> None:
    probe = file(ORG, contact(B) + EXPIRES, "https://www.example.org/s")
    assert ranked([probe], compromised=Answer.YES).ranked == ()
    assert len(ranked([probe]).ranked) == 1


@pytest.mark.parametrize(("ad", "first"), [(True, "c@example.org"), (False, "abuse@example.org")])
def test_where_the_host_is_in_doubt_a_proven_record_comes_before_the_registry(ad: bool, first: str) -> None:
    """ST-26; an unsigned one after it."""
    body = registration(entity("abuse", mail="abuse@example.org"))
    registry = replace(file(ORG, ""), id="rdap", purpose=Purpose.RDAP, body=body)
    record = txt(ORG, "security_contact=mailto:c@example.org", LIVE_TXT, ad=ad)
    assert ranked([registry, record], compromised=Answer.YES).ranked[0].address == first


@pytest.mark.parametrize(
    ("address", "ranks", "why"),
    [
        ("192.0.2.1", False, "the same machine under another name"),
        ("192.0.2.2", True, "another machine of the organisation"),
    ],
)
def test_nor_does_its_machine_under_another_name(address: str, ranks: bool, why: str) -> None:
    """R17a."""
    own = file(HOST, "")
    own = replace(own, outcome=Outcome.NONE, body=None, hops=(replace(own.hops[0], addresses=("192.0.2.1",)),))
    other = file(ORG, contact(B) + EXPIRES)
    other = replace(other, hops=(replace(other.hops[0], addresses=(address,)),))
    for compromised, expected in ((Answer.UNKNOWN, ranks), (Answer.NO, True)):
        assert bool(ranked([own, other], compromised=compromised).ranked) is expected, why


def test_an_independent_word_for_the_same_contact_stands() -> None:
    probes = [file(HOST, contact(A) + EXPIRES), txt(ORG, f"security_contact={A}", LIVE_TXT, ad=True)]
    found = ranked(probes, compromised=Answer.YES)
    assert short(found.ranked) == [(1, "a@example.org", "dns_security_txt", "high")]
    assert found.review == ()


def test_five_recipients_of_one_file() -> None:
    """ST-25."""
    many = [f"mailto:a{n}@example.org" for n in range(9)] + ["https://example.org/report"]
    found = ranked([file(HOST, contact(*many) + EXPIRES)])
    assert [who.address for who in found.ranked] == [f"a{n}@example.org" for n in range(5)] + [
        "https://example.org/report"
    ]
    assert [(str(hint.kind), hint.value) for hint in found.hints] == [("more_contacts", "4")]


EXCHANGERS: list[tuple[Probe, list[str], list[str], list[str], str]] = [
    (mx(ORG, "10 mail.example.org."), ["a@example.org", "security@example.org", "abuse@example.org",
     "noc@example.org"], [], [], "a real one: guesses too"),
    (mx(ORG, "0 ."), [], [], ["a@example.org"], "null MX forbids guesses and voids what was published (ML-02)"),
    (mx(ORG), [], ["a@example.org"], [], "none: the domain may be nobody's any more"),
    (mx(ORG, outcome=Outcome.UNKNOWN), ["a@example.org"], [], [], "unknown: no guess, no verdict"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "found", "review", "void", "why"), EXCHANGERS, ids=[row[4] for row in EXCHANGERS])
def test_mail_exchangers(probe: Probe, found: list[str], review: list[str], void: list[str], why: str) -> None:
    result = ranked([file(ORG, contact(A) + EXPIRES), probe], domain=ORG)
    assert [who.address for who in result.ranked] == found, why
    assert [who.address for who in result.review] == review, why
    assert [hint.value for hint in result.hints if hint.kind == "null_mx"] == void, why


def test_an_unknown_exchanger_is_said() -> None:
    result = ranked([file(ORG, contact(A) + EXPIRES), mx(ORG, outcome=Outcome.UNKNOWN)])
    assert result.ranked[0].flags == ("mx_unknown",)


def test_an_exchanger_that_was_not_asked_for_is_unknown() -> None:
    """A search asks about a few domains: what lies beyond is not taken for reachable."""
    result = ranked([file(ORG, contact(A, "mailto:soc@example.net") + EXPIRES), mx(ORG, "10 mail.example.org.")])
    assert [(who.address, who.flags) for who in result.ranked[:2]] == [
        ("a@example.org", ()),
        ("soc@example.net", ("another_organisation", "mx_unknown")),
    ]


def test_no_guess_without_an_answer() -> None:
    assert ranked([]).ranked == ()


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        ("mailto:someone@gmail.com", "public_webmail"),
        ("mailto:soc@example.net", "another_organisation"),
        ("https://example.net/report", "another_organisation"),
    ],
)
def test_addresses_elsewhere_are_said(value: str, flag: str) -> None:
    (who,) = ranked([file(HOST, contact(value) + EXPIRES)]).ranked
    assert who.flags == (flag,)


def test_which_domains_to_ask_for_mail() -> None:
    probes = [file(HOST, contact("mailto:a@example.net", A, "tel:+33199000000") + EXPIRES)]
    assert mail_domains(HOST, probes) == (ORG, Domain("example.net"))


def test_hints_are_shown_and_never_written_to() -> None:
    body = (
        contact(A, "xmpp:x@example.org")
        + EXPIRES
        + "Policy: https://example.org/policy\nEncryption: https://example.org/key\nPreferred-Languages: fr\n"
    )
    found = ranked([file(HOST, body, id="p1")])
    assert {(str(hint.kind), hint.value, hint.probe) for hint in found.hints} == {
        ("policy", "https://example.org/policy", "p1"),
        ("encryption", "https://example.org/key", "p1"),
        ("language", "fr", "p1"),
        ("other_contact", "xmpp:x@example.org", "p1"),
    }


def test_a_file_too_large_is_a_hint() -> None:
    found = ranked([file(HOST, contact(A) + EXPIRES + "#" * 40_000)])
    assert (found.ranked, found.review) == ((), ())
    assert [(str(hint.kind), hint.value) for hint in found.hints] == [("refused_file", "too_large")]


def test_probes_without_a_find_offer_nothing() -> None:
    absent = replace(file(HOST, contact(A) + EXPIRES), outcome=Outcome.NONE)
    assert ranked([absent]).ranked == ()


def test_channels() -> None:
    found = ranked([file(HOST, contact(A, "tel:+33199000000", "https://example.org/") + EXPIRES)]).ranked
    assert [who.channel for who in found] == [Channel.MAIL, Channel.PHONE, Channel.FORM]


def test_a_candidate_survives_json() -> None:
    for who in ranked([file(HOST, contact(A) + EXPIRES, "https://example.org/s")]).ranked:
        assert Candidate.from_json(who.to_json()) == who
