"""Signed files in a search: what is fetched for them, what a good and a bad signature do (ST-23, ST-24, R17)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pysequoia
import pytest

from disclosure.discovery.cleartext import Verified
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.finder import Findings, find, findings
from disclosure.discovery.problems import Code
from disclosure.discovery.securitytxt import Signature, Usable, read
from disclosure.openpgp.judge import judge
from disclosure.openpgp.verification import State, Verification, Why, bad, unchecked
from disclosure.openpgp.verify import verify
from disclosure.protocol.values import Answer, Domain
from tests.discovery.world import World, page, redirect

ORG, HOST = Domain("example.org"), Domain("www.example.org")
FILE_AT, KEY_AT = "https://{}/.well-known/security.txt", "https://{}/key.asc"
EVIL = b"Contact: mailto:evil@evil.example\n"
# pysequoia signs by its own clock and no other: the search is held the day after, however long the tests before took.
NOW = datetime.now().astimezone() + timedelta(days=1)


@dataclass(frozen=True)
class Signer:
    key: pysequoia.Tsk
    certificate: bytes

    def sign(self, text: str) -> bytes:
        return bytes(pysequoia.sign(self.key.signer(), text.encode(), mode=pysequoia.SignatureMode.CLEAR))

    @property
    def fingerprint(self) -> str:
        return judge(self.certificate, address=None, now=NOW).fingerprint


@pytest.fixture(scope="module")
def signer() -> Signer:
    key = pysequoia.Tsk.generate("Security <psirt@example.org>")
    return Signer(key, bytes(key.extract_certificate()))


@pytest.fixture(scope="module")
def stranger() -> Signer:
    key = pysequoia.Tsk.generate("Somebody <else@example.com>")
    return Signer(key, bytes(key.extract_certificate()))


def text(*uris: str, contact: str = "psirt@example.org") -> str:
    encryption = "".join(f"Encryption: {uri}\n" for uri in uris or (KEY_AT.format(ORG),))
    return f"Contact: mailto:{contact}\nExpires: {NOW.year + 1}-01-01T00:00:00Z\n{encryption}"


# --- the reader: pure ------------------------------------------------------------------------------------------------

_HEAD, _TAIL = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n", b"-----BEGIN PGP SIGNATURE-----\n\nAA==\n"
_END = b"-----END PGP SIGNATURE-----\n"
INSIDE = text().encode()
SIGNED = _HEAD + INSIDE + _TAIL + _END
COVERED = INSIDE.replace(b"\n", b"\r\n").removesuffix(b"\r\n")
GOOD = Verification(State.GOOD, None, "AB" * 20, COVERED, 4)


@pytest.mark.parametrize(
    ("file", "said", "signature", "usable", "why"),
    [
        (SIGNED, None, Signature.UNCHECKED, Usable.YES, "nobody checked"),
        (SIGNED, GOOD, Signature.GOOD, Usable.YES, "good, and no better than without"),
        (SIGNED, bad(Why.DIFFERS, "AB" * 20), Signature.BAD, Usable.REVIEW, "a person decides (R17)"),
        (SIGNED, unchecked(Why.NO_CERTIFICATE), Signature.UNCHECKED, Usable.YES, "an unknown key proves nothing"),
        (SIGNED, unchecked(Why.CERTIFICATE_EXPIRED, "AB"), Signature.UNCHECKED, Usable.YES, "nor does an old one"),
        (EVIL + SIGNED, replace(GOOD, first_line=5), Signature.GOOD, Usable.REVIEW, "lines stand outside"),
        (SIGNED + EVIL, GOOD, Signature.GOOD, Usable.REVIEW, "behind it too"),
        (INSIDE, GOOD, Signature.NONE, Usable.YES, "what is not signed has no signature, whatever was said"),
    ],
)
def test_what_a_signature_does_to_a_file(
    file: bytes, said: Verification | None, signature: Signature, usable: Usable, why: str
) -> None:
    found = read(file, url="", now=NOW, verified=said)
    assert (found.signature, found.usable) == (signature, usable), why
    assert [contact.address for contact in found.contacts] == ["psirt@example.org"], why
    assert (Code.PGP_SIGNATURE_ERROR in found.codes) is (signature is Signature.BAD), why
    checked = said if found.signed and said else unchecked(Why.NO_CERTIFICATE)
    plain = found.to_json()
    assert (plain["signature"], plain["signer"]) == (str(signature), checked.fingerprint)
    assert plain["signature_why"] == (str(checked.why or "") if found.signed and said else "")


def test_fields_come_from_the_text_under_the_signature() -> None:
    """Were the two ever to differ, the verified one counts; lines keep their numbers in the file."""
    covered = b"# note\r\nContact: mailto:signed@example.org"
    found = read(SIGNED, url="", now=NOW, verified=replace(GOOD, text=covered, first_line=4))
    assert [(contact.address, contact.line) for contact in found.contacts] == [("signed@example.org", 5)]
    assert found.encryption == ()


def test_a_line_end_before_the_signature_belongs_to_nobody() -> None:
    assert Code.NO_LINE_SEPARATORS not in read(SIGNED, url="", now=NOW, verified=GOOD).codes


# --- the search ------------------------------------------------------------------------------------------------------


def search(world: World, name: Domain = ORG, compromised: Answer = Answer.NO) -> Findings:
    return find(
        name,
        resolver=world.resolver(),
        fetcher=world.fetcher(),
        now=NOW,
        host_compromised=compromised,
        judge=judge,
        verify=verify,
    )


def place(world: World, file: bytes, certificate: bytes | None, host: Domain = ORG) -> None:
    world.host(host.name)
    world.serve(FILE_AT.format(host), page(file))
    world.zone.set(ORG.name, "MX", "10 mail.example.org.")
    if certificate is not None:
        world.serve(KEY_AT.format(host), page(certificate, content_type="application/octet-stream"))


def keys_asked(found: Findings) -> list[Probe]:
    return [probe for probe in found.probes if probe.purpose is Purpose.ENCRYPTION_URI]


def published(found: Findings) -> list[tuple[str, bool]]:
    """(address, whether it waits for a person) of what the file offers."""
    lists = ((found.ranked, False), (found.review, True))
    return [(who.address, waits) for given, waits in lists for who in given if who.source == "security_txt"]


def test_a_good_signature(world: World, signer: Signer) -> None:
    place(world, signer.sign(text()), signer.certificate)
    found = search(world)
    who = found.ranked[0]
    assert (who.address, "good_signature" in who.flags) == ("psirt@example.org", True)
    assert dict(who.params) == {"signature": "good", "signer": signer.fingerprint}
    (asked,) = keys_asked(found)
    assert (asked.question, asked.subject, asked.rule) == (KEY_AT.format(ORG), ORG, "KD-01")
    assert asked.body == signer.certificate
    plain = find(ORG, resolver=world.resolver(), fetcher=world.fetcher(), now=NOW)
    assert (who.rank, who.confidence) == (plain.ranked[0].rank, plain.ranked[0].confidence), "it raises nothing"
    assert (keys_asked(plain), plain.ranked[0].params) == ([], ()), "and without a verifier nothing is fetched"


def test_a_changed_text(world: World, signer: Signer) -> None:
    forged = signer.sign(text()).replace(b"psirt@example.org", b"evil@example.org")
    place(world, forged, signer.certificate)
    found = search(world)
    assert published(found) == [("evil@example.org", True)]
    assert found.review[0].flags == ("pgp_signature_error",)
    assert found.review[0].params == ()


CERTIFICATES = [
    (404, "the place is empty"),
    ("stranger", "somebody else's certificate: which signs the file nobody knows"),
    ("page", "a page about the key (ST-19)"),
    ("secret", "a private key: whoever reads it can sign"),
    ("large", "more than a certificate may have"),
    ("broken", "the server fails"),
]


@pytest.mark.parametrize(("there", "why"), CERTIFICATES, ids=[str(row[0]) for row in CERTIFICATES])
def test_no_certificate_that_could_have_made_it(
    world: World, signer: Signer, stranger: Signer, there: str | int, why: str
) -> None:
    contents = {
        "stranger": page(stranger.certificate),
        "page": page("<html>our key</html>", content_type="text/html"),
        "secret": page(bytes(signer.key)),
        "large": page(signer.certificate + b"\0" * 1_100_000),
        "broken": page("", status=500),
    }
    place(world, signer.sign(text()), None)
    if isinstance(there, str):
        world.serve(KEY_AT.format(ORG), contents[there])
    found = search(world)
    assert published(found) == [("psirt@example.org", False)], why
    assert (found.ranked[0].params, found.ranked[0].flags) == ((), ()), why
    assert (found.status, found.is_complete) == (Outcome.FOUND, True), "nothing to wait for"
    (asked,) = keys_asked(found)
    if there in {"secret", "large"}:
        assert (asked.body, asked.body_sha256) == (None, ""), "not one byte is kept"
    assert there != "broken" or asked.outcome is Outcome.UNKNOWN


def test_a_certificate_that_cannot_be_had_leaves_nothing_unknown(world: World, signer: Signer) -> None:
    """R15: a file without a contact, whose certificate fails: the search is over all the same."""
    nobody = text().replace("Contact: mailto:psirt@example.org\n", "")
    place(world, signer.sign(nobody), None)
    world.serve(KEY_AT.format(ORG), page("", status=500))
    world.zone.set(ORG.name, "MX", "0 .")
    found = search(world)
    assert (found.status, found.is_complete) == (Outcome.NONE, True)


def test_at_most_two_places_are_asked(world: World, signer: Signer) -> None:
    """Those of the host's own file first; one place of both files once."""
    world.host(ORG.name, HOST.name, "keys.example.org")
    world.zone.set(ORG.name, "MX", "10 mail.example.org.")
    places = [f"https://keys.example.org/{n}" for n in range(4)]
    world.serve(FILE_AT.format(HOST), page(signer.sign(text("openpgp4fpr:" + "ab" * 20, places[0]))))
    world.serve(FILE_AT.format(ORG), page(signer.sign(text(*places))))
    world.serve(places[1], page(signer.certificate))
    found = search(world, HOST)
    assert [(probe.question, probe.subject) for probe in keys_asked(found)] == [(places[0], HOST), (places[1], ORG)]
    (who,) = (who for who in found.ranked if who.source == "security_txt")
    assert who.params == (), "the parent's certificate says nothing of the host's file"


def test_a_file_that_is_not_signed_has_nothing_fetched(world: World, signer: Signer) -> None:
    place(world, text().encode(), signer.certificate)
    assert keys_asked(search(world)) == []


def test_a_redirect_leads_to_the_certificate(world: World, signer: Signer) -> None:
    world.host("keys.example.net")
    place(world, signer.sign(text()), None)
    world.serve(KEY_AT.format(ORG), redirect("https://keys.example.net/k"))
    world.serve("https://keys.example.net/k", page(signer.certificate))
    assert "good_signature" in search(world).ranked[0].flags


def test_where_the_host_may_be_compromised_nothing_changes(world: World, signer: Signer) -> None:
    """R17a: its key is there too."""
    place(world, signer.sign(text()), signer.certificate)
    found = search(world, compromised=Answer.UNKNOWN)
    assert published(found) == [("psirt@example.org", True)]
    assert {"good_signature", "host_may_be_compromised"} <= set(found.review[0].flags)


def test_lines_outside_the_signature_name_nobody(world: World, signer: Signer) -> None:
    """ST-23, from end to end: GnuPG exits 0 for this file."""
    place(world, EVIL + signer.sign(text()) + EVIL, signer.certificate)
    found = search(world)
    assert published(found) == [("psirt@example.org", True)]
    assert {"signed_format_issue", "data_after_sig", "good_signature"} == set(found.review[0].flags)
    assert not any("evil" in who.address for who in (*found.ranked, *found.review))


def test_the_same_evidence_says_the_same_again(world: World, signer: Signer) -> None:
    """CF-02: from stored probes, asking nobody, and at the instant of the probes, not of the reading."""
    place(world, signer.sign(text()), signer.certificate)
    found = search(world)
    stored = tuple(Probe.from_json(json.loads(json.dumps(probe.to_json()))) for probe in found.probes)
    assert findings(ORG, stored, now=NOW, host_compromised=Answer.NO, verify=verify) == found
    instants = []

    def noting(file: bytes, *, certificates: Sequence[bytes], now: datetime) -> Verified:
        instants.append(now)
        return verify(file, certificates=certificates, now=now)

    findings(ORG, stored, now=NOW + timedelta(days=900), host_compromised=Answer.NO, verify=noting)
    assert instants == [NOW]
    assert Findings.from_json(json.loads(json.dumps(found.to_json()))) == found
