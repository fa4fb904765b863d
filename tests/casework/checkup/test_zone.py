"""What the doctor says of records, each check in each of its states; a reason per row."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from disclosure.casework.checkup import spf, zone
from disclosure.casework.checkup.findings import Finding, Records, State, tags

OK, WARNING, FAULT = State
DOMAIN = "org.example"


def said(name: str, *texts: str) -> Records:
    return Records(name, texts)


SILENT = Records(DOMAIN, known=False)


def test_each_finding_that_is_not_ok_says_what_to_do() -> None:
    found = [
        *(zone.mx(SILENT), zone.dmarc(SILENT, None), zone.tls_rpt(SILENT), zone.dkim(None, None, DOMAIN)),
        *(zone.mta_sts(SILENT, None, SILENT), spf.judge(SILENT, (), nobody), zone.ptr({}, {}, ours=True)),
        *(
            zone.dkim(SILENT, "s1", DOMAIN),
            zone.web_key(DOMAIN, SILENT, None, ""),
            zone.ptr({"x": SILENT}, {}, ours=True),
        ),
    ]
    for one in found:
        assert (one.state, bool(one.do)) == (WARNING, True), "not known is a warning, never a fault and never ok"


def nobody(name: str, rdtype: str) -> Records:
    raise AssertionError(f"unexpected question: {name} {rdtype}")


# --- SPF ---

ZONE = {
    ("_spf.relay.example", "TXT"): ("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",),
    ("soft.example", "TXT"): ("v=spf1 include:_spf.relay.example ~all",),
    ("two.example", "TXT"): ("v=spf1 -all", "v=spf1 +all"),
    ("loop.example", "TXT"): ("v=spf1 include:loop.example -all",),
    (DOMAIN, "A"): ("192.0.2.7",),
    (DOMAIN, "MX"): ("10 mx.org.example.",),
    ("mx.org.example", "A"): ("192.0.2.7",),
    ("out.org.example", "A"): ("192.0.2.200",),
}


def lookup(name: str, rdtype: str) -> Records:
    if name == "silent.example":
        return Records(name, known=False)
    return Records(name, ZONE.get((name, rdtype), ()))


RELAY = ("192.0.2.7",)


@pytest.mark.parametrize(
    ("records", "relay", "state", "word", "why"),
    [
        ((), RELAY, FAULT, "no SPF record", "none at all"),
        (("google-site-verification=1", "v=spf10 -all"), RELAY, FAULT, "no SPF record", "one that looks alike"),
        (("v=spf1 -all", "v=spf1 mx -all"), RELAY, FAULT, "2 SPF records", "two are none"),
        (("v=spf1 ip4:192.0.2.7 -all",), RELAY, OK, "names the relay", "by its address"),
        (("V=SPF1 IP4:192.0.2.0/24 -ALL",), RELAY, OK, "names the relay", "letters of any case"),
        (("v=spf1 include:_spf.relay.example -all",), RELAY, OK, "names the relay", "by its provider's record"),
        (("v=spf1 include:soft.example ~all",), RELAY, OK, "names the relay", "two records further"),
        (("v=spf1 mx -all",), RELAY, OK, "names the relay", "the mail server is the relay"),
        (("v=spf1 a -all",), RELAY, OK, "names the relay", "the domain itself"),
        (("v=spf1 a:out.org.example/24 -all",), RELAY, OK, "names the relay", "a network around a host"),
        (("v=spf1 redirect=_spf.relay.example",), RELAY, OK, "names the relay", "somebody else's whole record"),
        (("v=spf1 exp=why.org.example ip4:192.0.2.7 foo=bar -all",), RELAY, OK, "names", "what is not known"),
        (("v=spf1 ip4:192.0.2.7 ip6:2001:db8::1 -all",), (*RELAY, "2001:db8::2"), WARNING, "every", "one of two"),
        (("v=spf1 ip4:198.51.100.1 -all",), RELAY, WARNING, "does not name the relay", "another machine"),
        (("v=spf1 -ip4:192.0.2.7 -all",), RELAY, WARNING, "does not name the relay", "named to be refused"),
        (("v=spf1 -all ip4:192.0.2.7",), RELAY, WARNING, "does not name the relay", "behind all nothing counts"),
        (("v=spf1 exists:%{i}.org.example -all",), RELAY, WARNING, "does not name", "needs a mail to evaluate"),
        (("v=spf1 include:silent.example -all",), RELAY, WARNING, "could not be looked up", "no answer is no answer"),
        (("v=spf1 mx -all",), (), WARNING, "is not known", "nobody knows where mail leaves from"),
        (("v=spf1 ip4:192.0.2.7",), RELAY, WARNING, "does not refuse", "no end: neutral"),
        (("v=spf1 ip4:192.0.2.7 ?all",), RELAY, WARNING, "does not refuse", "neutral"),
        (("v=spf1 +all",), RELAY, FAULT, "does not refuse", "the whole world"),
        (("v=spf1 all",), RELAY, FAULT, "does not refuse", "the same, shorter"),
        (("v=spf1 ip4:192.0.2.300 -all",), RELAY, FAULT, "no address", "syntax"),
        (("v=spf1 a:out.org.example/99 -all",), RELAY, FAULT, "no prefix length", "syntax"),
        (("v=spf1 ipv4:192.0.2.7 -all",), RELAY, FAULT, "no mechanism", "a usual slip"),
        (("v=spf1 include:two.example -all",), RELAY, FAULT, "2 SPF records", "of the provider"),
        (("v=spf1 include:none.example -all",), RELAY, FAULT, "0 SPF records", "the provider has gone"),
        (("v=spf1 include:loop.example -all",), RELAY, FAULT, "more than 10", "a circle ends"),
        (("v=spf1 " + "a:out.org.example " * 11 + "-all",), RELAY, FAULT, "more than 10", "RFC 7208, 4.6.4"),
        (("v=spf1 " + "a:out.org.example/24 " * 10 + "-all",), RELAY, OK, "names the relay", "ten are allowed"),
    ],
)  # fmt: skip
def test_spf(records: tuple[str, ...], relay: tuple[str, ...], state: State, word: str, why: str) -> None:
    found = spf.judge(said(DOMAIN, *records), relay, lookup)
    assert (found.state, word in found.meaning) == (state, True), (why, found)
    assert bool(found.do) is (state is not OK)
    assert found.facts.get("lookups", 0) <= 11


def test_spf_says_what_it_did_not_follow() -> None:
    found = spf.judge(said(DOMAIN, "v=spf1 ptr exists:%{i}.x.example ip4:192.0.2.7 -all"), RELAY, lookup)
    assert (found.state, found.facts["not_followed"]) == (OK, ["ptr", "exists:%{i}.x.example"])
    assert found.facts["names"] == ["ip4:192.0.2.7"]


# --- DKIM ---


def rsa_key(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def ed_key() -> str:
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b64encode(raw).decode()


LONG, SHORT = rsa_key(2048), rsa_key(1024)


@pytest.mark.parametrize(
    ("texts", "state", "why"),
    [
        ((f"v=DKIM1; k=rsa; p={LONG}",), OK, "2,048 bits"),
        ((f"p={LONG[:100]} {LONG[100:]}",), OK, "version and kind may be left out, blanks stand in keys"),
        ((f"v=DKIM1; k=ed25519; p={ed_key()}",), OK, "the newer kind"),
        ((f"v=DKIM1; p={SHORT}",), WARNING, "1,024 bits"),
        ((f"v=DKIM1; t=y:s; p={LONG}",), WARNING, "receivers treat it as unsigned"),
        ((), FAULT, "no such selector"),
        (("v=DKIM1; p=",), FAULT, "revoked"),
        (("v=DKIM1; p=bm8ga2V5",), FAULT, "no key"),
        (("v=DKIM1; k=ed25519; p=bm8ga2V5",), FAULT, "no key of that kind"),
        ((f"p={LONG}", f"p={SHORT}"), FAULT, "two keys"),
    ],
)
def test_dkim(texts: tuple[str, ...], state: State, why: str) -> None:
    assert zone.dkim(said("s1._domainkey.org.example", *texts), "s1", DOMAIN).state is state, why


# --- DMARC ---

OWN, ABOVE = "_dmarc.mail.org.example", "_dmarc.org.example"


@pytest.mark.parametrize(
    ("own", "above", "state", "policy", "why"),
    [
        (("v=DMARC1; p=reject",), None, OK, "reject", "the end of the way"),
        (("v=DMARC1;p=quarantine; rua=mailto:a@b.example",), None, OK, "quarantine", "good as well"),
        (("v=DMARC1; p=none",), None, WARNING, "none", "only watches"),
        ((), None, WARNING, None, "there is none"),
        ((), (), WARNING, None, "nor above"),
        ((), ("v=DMARC1; p=reject",), OK, "reject", "the organisation's own holds for what lies below"),
        ((), ("v=DMARC1; p=reject; sp=none",), WARNING, "none", "unless it says otherwise for that"),
        (("v=DMARC1; p=none",), ("v=DMARC1; p=reject",), WARNING, "none", "the nearer one counts"),
        (("v=DMARC1; p=rejct",), None, FAULT, "rejct", "a slip"),
        (("v=DMARC1; p=none", "v=DMARC1; p=reject"), None, FAULT, None, "two are none"),
    ],
)
def test_dmarc(own: tuple[str, ...], above: tuple[str, ...] | None, state: State, policy: str | None, why: str) -> None:
    found = zone.dmarc(said(OWN, *own), None if above is None else said(ABOVE, *above))
    assert (found.state, found.facts.get("policy")) == (state, policy), why


# --- MX, PTR ---


@pytest.mark.parametrize(
    ("texts", "state", "why"),
    [
        (("10 mx.org.example.",), OK, "as usual"),
        (("0 .",), FAULT, "takes no mail (RFC 7505)"),
        ((), FAULT, "bounces would get lost"),
    ],
)
def test_mx(texts: tuple[str, ...], state: State, why: str) -> None:
    assert zone.mx(said(DOMAIN, *texts)).state is state, why


@pytest.mark.parametrize(
    ("names", "back", "ours", "state", "why"),
    [
        (("mx.org.example.",), ("192.0.2.7",), True, OK, "there and back"),
        (("other.example.", "MX.org.example."), ("192.0.2.7",), True, OK, "one of two leads back"),
        (("mx.org.example.",), ("192.0.2.8",), True, FAULT, "leads elsewhere"),
        ((), (), True, FAULT, "no name, and mail leaves from here"),
        ((), (), False, WARNING, "no name, and the relay is somebody else's"),
    ],
)
def test_ptr(names: tuple[str, ...], back: tuple[str, ...], ours: bool, state: State, why: str) -> None:
    hosts = {"mx.org.example": said("mx.org.example", *back), "other.example": said("other.example")}
    assert zone.ptr({"192.0.2.7": said("7.2.0.192", *names)}, hosts, ours=ours).state is state, why


# --- MTA-STS, TLS-RPT ---

STS = ("v=STSv1; id=20261124",)
POLICY = "version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("texts", "mode", "pattern", "state", "why"),
    [
        (STS, "enforce", "mx.org.example", OK, "as it should be"),
        (STS, "enforce", "*.org.example", OK, "one label is free"),
        (STS, "testing", "mx.org.example", WARNING, "does not bind"),
        (STS, "none", "mx.elsewhere.example", WARNING, "taken back"),
        ((), "enforce", "mx.org.example", WARNING, "not announced"),
        (STS, None, "", FAULT, "announced, and no policy"),
        ((*STS, *STS), "enforce", "mx.org.example", FAULT, "two records are none"),
        (STS, "enforce", "mx.elsewhere.example", FAULT, "our own exchanger is left out"),
        (STS, "enforce", "*.example", FAULT, "one label, not two"),
        (STS, "strict", "mx.org.example", FAULT, "no mode"),
    ],
)
def test_mta_sts(texts: tuple[str, ...], mode: str | None, pattern: str, state: State, why: str) -> None:
    policy = POLICY.format(mode=mode, mx=pattern).encode() if mode else None
    found = zone.mta_sts(said(f"_mta-sts.{DOMAIN}", *texts), policy, said(DOMAIN, "10 mx.org.example."))
    assert found.state is state, (why, found)


@pytest.mark.parametrize(
    ("texts", "state", "why"),
    [
        (("v=TLSRPTv1; rua=mailto:tls@org.example",), OK, "reports come"),
        (("v=TLSRPTv1;",), WARNING, "to nobody"),
        ((), WARNING, "none"),
    ],
)
def test_tls_rpt(texts: tuple[str, ...], state: State, why: str) -> None:
    assert zone.tls_rpt(said(f"_smtp._tls.{DOMAIN}", *texts)).state is state, why


@pytest.mark.parametrize(
    ("ours", "state", "why"),
    [(True, OK, "found"), (None, WARNING, "not found"), (False, FAULT, "somebody else's key under our name")],
)
def test_web_key(ours: bool | None, state: State, why: str) -> None:
    found: Finding = zone.web_key(DOMAIN, said(f"openpgpkey.{DOMAIN}"), ours, "https://org.example/x")
    assert (found.state, f"openpgpkey.{DOMAIN}" in found.do) == (state, state is not OK), why


def test_tags_take_the_first_of_two() -> None:
    assert tags("v=A; P = x ;p=y;;z") == {"v": "A", "p": "x"}
