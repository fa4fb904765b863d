"""Signed security.txt files on the command line and at the desk: who hands in the verifier, and what people read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pysequoia
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from disclosure.casework import probes, searching
from disclosure.cli import main
from disclosure.discovery.certificates import CertificateFindings
from disclosure.discovery.evidence import Purpose
from disclosure.discovery.finder import findings
from disclosure.openpgp.sandbox import verify_safely
from disclosure.protocol.values import Address, Answer, Language
from disclosure.store import tables
from tests.casework import desk
from tests.casework.desk import House
from tests.casework.test_batch import demo  # noqa: F401 - fixture
from tests.casework.test_searching import started
from tests.discovery.conftest import ca, world  # noqa: F401 - fixtures
from tests.discovery.world import World, page

NOW = datetime.now(UTC) + timedelta(days=1)  # pysequoia signs by its own clock, whenever the tests come to it
KEY_AT = "https://example.org/key.asc"
EVIL = b"Contact: mailto:evil@evil.example\n"
TEXT = f"Contact: mailto:psirt@example.org\nExpires: {NOW.year + 1}-01-01T00:00:00Z\nEncryption: {KEY_AT}\n"


@dataclass(frozen=True)
class Publication:
    file: bytes
    certificate: bytes
    fingerprint: str


@pytest.fixture(scope="module")
def signed() -> Publication:
    key = pysequoia.Tsk.generate("S <s@example.org>")
    file = bytes(pysequoia.sign(key.signer(), TEXT.encode(), mode=pysequoia.SignatureMode.CLEAR))
    certificate = key.extract_certificate()
    return Publication(file, bytes(certificate), certificate.fingerprint.upper())


def said(*words: str, given: str = "") -> Any:
    done = CliRunner().invoke(main, [*words, "--json"] if "--file" not in words else list(words), input=given)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


# --- searches --------------------------------------------------------------------------------------------------------


def test_one_search_verifies_and_a_list_does_not(demo: World, signed: Publication) -> None:  # noqa: F811
    demo.host("example.org")
    demo.zone.set("example.org", "MX", "10 mail.example.org.")
    demo.serve("https://example.org/.well-known/security.txt", page(signed.file))
    demo.serve(KEY_AT, page(signed.certificate, content_type="application/octet-stream"))
    one = said("discover", "example.org", "--now", NOW.isoformat())
    assert one["ranked"][0]["params"] == {"signature": "good", "signer": signed.fingerprint}
    assert "good_signature" in one["ranked"][0]["flags"]
    many = said("discover", "--file", "-", "--now", NOW.isoformat(), given="example.org\n")
    assert (many["ranked"][0]["address"], many["ranked"][0]["flags"]) == ("psirt@example.org", [])
    assert "encryption_uri" not in {probe["purpose"] for probe in many["probes"]}, "a list is asked sparingly"


def test_a_forged_file_announces_no_certificate(house: House, signed: Publication) -> None:
    """Its address is a guess too, which nobody published: that the guess is ranked does not vouch for the file."""
    abuse = f"abuse@{desk.DOMAIN}"
    forged = signed.file.replace(b"psirt@example.org", abuse.encode())
    file, exchanger = desk.read_file(forged).probes
    key = replace(file, id="p3", purpose=Purpose.ENCRYPTION_URI, question=KEY_AT, body=signed.certificate)
    probes_ = (file, exchanger, key)
    found = findings(file.subject, probes_, now=file.asked_at, host_compromised=Answer.NO, verify=verify_safely)
    assert [(who.address, who.source) for who in found.ranked if who.address == abuse] == [(abuse, "rfc2142")]
    announced: dict[str, Sequence[str]] = {}

    def seek(address: Address, encryption: Sequence[str], *rest: Any) -> CertificateFindings:
        announced[str(address)] = encryption
        return desk.certificates()(address, encryption, *rest)

    started(house)
    searching.search(house.office, house.now, lambda *_: found, seek)
    assert announced[abuse] == ()


@pytest.mark.parametrize(
    ("purpose", "code", "words"),
    [
        (Purpose.ENCRYPTION_URI, "expired", "il a expiré"),
        (Purpose.SECURITY_TXT, "expired", "security.txt a expiré"),
        (Purpose.ENCRYPTION_URI, "secret_key", "une clé privée a été publiée\xa0; rien n'en a été gardé"),
        (Purpose.ENCRYPTION_URI, "tls_failed", "le chiffrement a échoué"),
        (Purpose.ENCRYPTION_URI, "no_such_code", "no such code"),
    ],
)
def test_what_the_desk_reads_of_a_look_up(house: House, purpose: Purpose, code: str, words: str) -> None:
    """A code of a certificate is not taken for one of a file."""
    case_id = started(house)
    found = desk.findings("a@org.example")
    asked = tuple(replace(probe, purpose=purpose, problems=(code,)) for probe in found.probes)
    searching.search(house.office, house.now, lambda *_: replace(found, probes=asked))
    with house.office.store.reading() as connection:
        probe_id = connection.scalar(select(tables.probes.c.id).where(tables.probes.c.case_id == case_id))
    assert probe_id
    assert probes.evidence(house.office, case_id, probe_id, Language.FR).problems == (words,)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, signed: Publication) -> dict[str, str]:
    content = {
        "plain": TEXT.encode(),
        "signed": signed.file,
        "changed": signed.file.replace(b"psirt@", b"evil@"),
        "around": EVIL + signed.file + EVIL,
        "large": TEXT.encode() + b"# \n" * 20_000,
        "certificate": signed.certificate,
        "other": bytes(pysequoia.Tsk.generate("O <o@example.org>").extract_certificate()),
    }
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in content}


COMMAND = [
    ("plain", ["certificate"], ("none", "yes"), "not signed at all"),
    ("signed", [], ("unchecked", "yes"), "no certificate was named"),
    ("signed", ["certificate"], ("good", "yes"), "by the one that was"),
    ("signed", ["other"], ("unchecked", "yes"), "an unknown key proves nothing (ST-24)"),
    ("signed", ["other", "certificate"], ("good", "yes"), "several may be named"),
    ("signed", ["plain"], ("unchecked", "yes"), "what is no certificate is as if it were not there"),
    ("changed", ["certificate"], ("bad", "review"), "a person decides (R17)"),
    ("changed", [], ("unchecked", "yes"), "which nobody notices without the certificate"),
    ("around", ["certificate"], ("good", "review"), "lines stand outside (ST-23)"),
    ("large", ["certificate"], ("none", "no"), "refused as a whole (ST-09)"),
]


@pytest.mark.parametrize(("file", "keys", "said_", "why"), COMMAND, ids=[row[3] for row in COMMAND])
def test_the_command(
    files: dict[str, str], signed: Publication, file: str, keys: list[str], said_: tuple[str, str], why: str
) -> None:
    signature, usable = said_
    given = [word for key in keys for word in ("--certificate", files[key])]
    url = "https://example.org/.well-known/security.txt"
    (row,) = said("securitytxt", files[file], "--url", url, "--now", NOW.isoformat(), *given)
    assert (row["file"], row["signature"], row["usable"]) == (files[file], signature, usable), why
    assert row["signed"] is (signature != "none"), why
    assert row["signer"] == (signed.fingerprint if signature in {"good", "bad"} else ""), why
    codes = {problem["code"] for problem in row["problems"]}
    assert ("pgp_signature_error" in codes) is (signature == "bad"), why
    expected = [] if file == "large" else ["evil@example.org" if file == "changed" else "psirt@example.org"]
    assert [contact["address"] for contact in row["contacts"]] == expected, why
    assert {"rfc9116_valid", "encryption", "expires", "expired"} <= set(row), why


def test_the_command_in_words(files: dict[str, str]) -> None:
    done = CliRunner().invoke(
        main, ["securitytxt", files["changed"], files["plain"], "--now", NOW.isoformat(),
               "--certificate", files["certificate"]]
    )  # fmt: skip
    first, second = done.stdout.splitlines()
    assert first.startswith("review  ")
    assert "signature bad (differs)" in first
    assert "pgp_signature_error" in first
    assert second.startswith("yes     ")


def test_the_command_looks_at_the_url_and_the_clock(files: dict[str, str]) -> None:
    (row,) = said("securitytxt", files["plain"], "--url", "http://example.org/security.txt")
    assert {"invalid_uri_scheme", "location"} <= {problem["code"] for problem in row["problems"]}
    late = (NOW + timedelta(days=800)).isoformat()
    (row,) = said("securitytxt", files["plain"], "--now", late)
    assert (row["expired"], row["usable"]) == (True, "review")
