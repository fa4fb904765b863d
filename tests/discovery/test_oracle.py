"""Our reader of security.txt beside sectxt's: the same codes for the same file, or a reason why not (facts 1.4).

sectxt is an oracle and no more: it runs in a child process with a time limit, for some files freeze it (facts 6.2).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from disclosure.discovery import securitytxt
from disclosure.discovery.problems import Code
from tests.discovery.world import NOW

URL = "https://example.org/.well-known/security.txt"
ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds for all files together; they take two
SEED, GENERATED = 9116, 3_000
GOOD = "Contact: mailto:security@example.org\nExpires: 2027-06-01T00:00:00Z\n"


SIGNED = (
    f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{GOOD}"
    f"-----BEGIN PGP SIGNATURE-----\n\n{'A' * 64}\n=AAAA\n-----END PGP SIGNATURE-----\n"
).encode()


def theirs(files: Sequence[bytes]) -> list[frozenset[str]]:
    asked = {"now": NOW.isoformat(), "url": URL, "files": [b64encode(file).decode() for file in files]}
    done = subprocess.run(
        [sys.executable, "-m", "tests.discovery.sectxt_child"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE,
        check=True,
    )
    return [frozenset(codes) for codes in json.loads(done.stdout)]


def ours(file: bytes) -> frozenset[str]:
    return frozenset(str(code) for code in securitytxt.read(file, url=URL, now=NOW).codes)


# --- one file for each code that both know ---

# Code → a file of which both say it. RFC 9116 section, or rule of the facts, beside it.
SHARED: dict[str, tuple[bytes, str]] = {
    "no_expire": (b"Contact: mailto:a@example.org\n", "2.5.5"),
    "multi_expire": (f"{GOOD}Expires: 2027-05-01T00:00:00Z\n".encode(), "2.5.5"),
    "invalid_expiry": (b"Contact: mailto:a@example.org\nExpires: tomorrow\n", "2.5.5, ST-17"),
    "expired": (b"Contact: mailto:a@example.org\nExpires: 2026-01-01T00:00:00Z\n", "2.5.5"),
    "long_expiry": (b"Contact: mailto:a@example.org\nExpires: 2029-01-01T00:00:00Z\n", "2.5.5, ST-18"),
    "no_contact": (b"Expires: 2027-06-01T00:00:00Z\n", "2.5.3"),
    "no_canonical": (SIGNED, "2.3: recommended for a signed file"),
    "no_canonical_match": (f"{GOOD}Canonical: https://other.example/security.txt\n".encode(), "2.5.2, ST-20"),
    "multi_lang": (f"{GOOD}Preferred-Languages: fr\nPreferred-Languages: en\n".encode(), "2.5.8"),
    "invalid_lang": (f"{GOOD}Preferred-Languages: English, French\n".encode(), "2.5.8, ST-21"),
    "no_uri": (f"{GOOD}Contact: a@example.org\n".encode(), "2.5.3, ST-16"),
    "no_https": (f"{GOOD}Policy: http://example.org/policy\n".encode(), "2.5.7"),
    "prec_ws": (f"{GOOD}Policy : https://example.org/policy\n".encode(), "4, ST-12"),
    "no_space": (f"{GOOD}Policy:https://example.org/policy\n".encode(), "4, ST-12"),
    "empty_key": (f"{GOOD}: value\n".encode(), "4"),
    "empty_value": (f"{GOOD}Policy:\n".encode(), "4"),
    "invalid_line": (f"{GOOD}a line of prose\n".encode(), "4"),
    "no_line_separators": (GOOD.encode().rstrip(), "4"),
    "bom_in_file": (b"\xef\xbb\xbf" + GOOD.encode(), "3: plain UTF-8"),
    "utf8": (GOOD.encode() + b"# \xff\n", "3: plain UTF-8"),
    "no_csaf_file": (f"{GOOD}CSAF: https://example.org/csaf.html\n".encode(), "the CSAF registration"),
    "multiple_csaf_fields": (
        GOOD.encode() + 2 * b"CSAF: https://example.org/.well-known/csaf/provider-metadata.json\n",
        "the CSAF registration",
    ),
    "no_encryption": (GOOD.encode(), "2.5.4"),
    "not_signed": (GOOD.encode(), "2.3"),
    "unknown_field": (f"{GOOD}Disclosure: full\n".encode(), "2.4, ST-13"),
}
# Of what both have a name for, these tell how a file was fetched, or need a signature or a body that is no text.
ELSEWHERE = frozenset(
    {
        *("no_security_txt", "location", "invalid_uri_scheme", "invalid_cert"),
        *("no_content_type", "invalid_media", "invalid_charset"),
        *("signed_format_issue", "data_after_sig", "pgp_signature_error"),
    }
)
# facts/discovery.md, 1.4: every name of sectxt 0.9.8 that is one of ours too.
THEIR_CODES = frozenset({*SHARED, *ELSEWHERE, "pgp_data_error", "pgp_error", "too_many_line_separators"})


def test_every_shared_code_has_its_file() -> None:
    assert set(SHARED) == {str(code) for code in Code} & THEIR_CODES - ELSEWHERE


def test_both_name_the_same_fault() -> None:
    said = theirs([file for file, _ in SHARED.values()])
    for (code, (file, why)), their in zip(SHARED.items(), said, strict=True):
        assert code in their, (code, why, "the oracle")
        assert code in ours(file), (code, why)


# --- many files ---

LINES = (
    *("Contact: mailto:security@example.org", "Contact: https://example.org/report", "Contact: tel:+33-1-99-00-00-01"),
    *("Contact: security@example.org", "Contact: http://example.org/", "Contact: mailto: a@example.org"),
    *("Contact:mailto:a@example.org", "Contact : mailto:a@example.org", "Contact:", " Contact: mailto:b@example.org"),
    *("Expires: 2027-06-01T00:00:00Z", "Expires: 2027-06-01T00:00:00+02:00", "expires: 2027-06-01t00:00:00z"),
    *("Expires: 2026-01-01T00:00:00Z", "Expires: 2029-01-01T00:00:00Z", "Expires: tomorrow", "Expires: 2027-06-01"),
    *("Expires: 2027-06-01 00:00:00Z", "Expires: Tue, 1 Jun 2027 00:00:00 +0000"),
    *("Encryption: https://example.org/key.asc", "Encryption: http://example.org/key", "Encryption: key.asc"),
    "Encryption: openpgp4fpr:5f2de5521c63a801ab59ccb603d49de44b29100f",
    "Encryption: dns:5d2d37ab76d47d36._openpgpkey.example.com?type=OPENPGPKEY",
    *("Acknowledgments: https://example.org/thanks", "Acknowledgements: https://example.org/thanks"),
    *("Preferred-Languages: fr, en", "Preferred-Languages: cz", "Preferred-Languages: English, French"),
    *("Preferred-Languages: fr;en", "Preferred-Languages: en-GB"),
    *(f"Canonical: {URL}", "Canonical: https://other.example/.well-known/security.txt"),
    *("Policy: https://example.org/policy", "Policy: http://example.org/policy", "Hiring: https://example.org/jobs"),
    "CSAF: https://example.org/.well-known/csaf/provider-metadata.json",
    *("CSAF: https://example.org/csaf.html", "# comment", "", "   ", "no colon here", ": value", "X-Field: y"),
    *("Bug-Bounty: True", "Signature: https://example.org/sig"),
)


def generated() -> Iterator[bytes]:
    """The same files in every run."""
    dice = random.Random(SEED)  # noqa: S311 - no secret
    for _ in range(GENERATED):
        lines = dice.choices(LINES, k=dice.randint(1, 9))
        if dice.random() < 0.7:  # noqa: PLR2004 - most files have what they need
            lines += GOOD.splitlines()
        dice.shuffle(lines)
        end = dice.choice(["\n", "\n", "\r\n"])
        yield (end.join(lines) + dice.choice([end, end, ""])).encode()


# (code, who alone says it) → why. Each must be seen, and no other may be.
DIFFERENCES: dict[tuple[str, str], str] = {
    ("unknown_field", "theirs"): "Bug-Bounty is in IANA's registry (facts 1)",
    ("invalid_line", "ours"): "a blank before a name: no field by section 4; we read it, and report it (ST-12)",
    ("no_contact", "theirs"): "the same: they take no contact from that line",
    ("no_uri", "ours"): "mailto: with a blank behind it is no URI; a gap of theirs (facts 1.4)",
    ("invalid_expiry", "ours"): "RFC 3339's grammar has a T between date and time",
    ("no_encryption", "ours"): "a bare address is a mail contact for us (ST-16), so a certificate is advised",
    ("no_line_separators", "ours"): "the last line is blanks, and ends in no line end (section 4)",
}


@cache
def differences() -> dict[tuple[str, str], bytes]:
    """(code, who alone says it) → the shortest file of which that is so."""
    files = list(generated())
    found: dict[tuple[str, str], bytes] = {}
    for file, their in zip(files, theirs(files), strict=True):
        our = ours(file)
        alone = {(code, "ours") for code in our - their} | {(code, "theirs") for code in their - our}
        for one in alone:
            if one[0] in SHARED and (one not in found or len(file) < len(found[one])):
                found[one] = file
    return found


def test_no_difference_is_unknown() -> None:
    assert {one: file for one, file in differences().items() if one not in DIFFERENCES} == {}


@pytest.mark.parametrize("one", DIFFERENCES)
def test_every_known_difference_is_seen(one: tuple[str, str]) -> None:
    assert one in differences(), DIFFERENCES[one]


def test_the_example_of_the_standard() -> None:
    """RFC 9116, section 2.6, first example, with a date to come."""
    file = (
        b"# Our security address\nContact: mailto:security@example.com\n\n"
        b"# Our OpenPGP key\nEncryption: https://example.com/pgp-key.txt\n\n"
        b"# Our security policy\nPolicy: https://example.com/security-policy.html\n\n"
        b"# Our security acknowledgments page\nAcknowledgments: https://example.com/hall-of-fame.html\n\n"
        b"Expires: 2027-06-01T00:00:00z\n"
    )
    (their,) = theirs([file])
    assert ours(file) == their == {"not_signed"}
