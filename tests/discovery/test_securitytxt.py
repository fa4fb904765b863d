"""RFC 9116: strict in the report, lenient in the reading. A reason stands in every row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from disclosure.discovery.contacts import Note
from disclosure.discovery.problems import ADVICE, NEEDS_A_PERSON, NOTICES, REFUSES, Code, Level, Problem
from disclosure.discovery.securitytxt import SecurityTxt, Signature, Usable, read
from tests.discovery.world import NOW

URL = "https://example.org/.well-known/security.txt"
EXPIRES = "Expires: 2027-03-01T00:00:00Z\n"
CONTACT = "Contact: mailto:security@example.org\n"
GOOD = CONTACT + EXPIRES


def of(body: str | bytes, **how: str | None) -> SecurityTxt:
    content = body.encode() if isinstance(body, str) else body
    url = str(how.get("url", URL))
    return read(content, url=url, final_url=how.get("final_url"), now=NOW, content_type=how.get("content_type"))


def errors(read: SecurityTxt) -> set[str]:
    return {str(problem.code) for problem in read.problems if problem.level is Level.ERROR}


def addresses(read: SecurityTxt) -> list[str]:
    return [contact.address for contact in read.contacts]


def test_a_whole_file() -> None:
    file = of(
        "# Our security address\r\n"
        "Contact: mailto:security@example.org\r\n"
        "contact: https://example.org/report\r\n"
        "CONTACT: tel:+1-201-555-0123\r\n"
        "Expires: 2027-03-01T00:00:00Z\r\n"
        "Encryption: openpgp4fpr:5f2de5521c63a801ab59ccb603d49de44b29100f\r\n"
        "Encryption: dns:5d2d37ab76d47d36._openpgpkey.example.com?type=OPENPGPKEY\r\n"
        "Canonical: https://example.org/.well-known/security.txt\r\n"
        "Policy: https://example.org/policy\r\n"
        "Preferred-Languages: fr, en\r\n"
        "Hiring: https://example.org/jobs\r\n"
        "Acknowledgments: https://example.org/thanks\r\n"
        "CSAF: https://example.org/.well-known/csaf/provider-metadata.json\r\n"
        "Bug-Bounty: True\r\n",
        content_type="text/plain; charset=utf-8",
    )
    assert [(str(c.kind), c.address, c.line) for c in file.contacts] == [
        ("mail", "security@example.org", 2),
        ("form", "https://example.org/report", 3),
        ("phone", "+12015550123", 4),
    ]
    assert file.contacts[2].raw == "tel:+1-201-555-0123"
    assert (file.expires, file.expired) == (datetime(2027, 3, 1, tzinfo=UTC), False)
    assert len(file.encryption) == 2
    assert (file.languages, file.policy) == (("fr", "en"), ("https://example.org/policy",))
    assert (file.canonical_match, file.signed, file.signature) == ("first", False, Signature.NONE)
    assert (file.rfc9116_valid, file.usable) == (True, Usable.YES)
    assert file.problems == (Problem(Code.NOT_SIGNED),)


# --- bytes and lines -------------------------------------------------------------------------------------------------

LINES = [
    (GOOD, set(), ["security@example.org"], "the smallest valid file"),
    (GOOD.replace("\n", "\r\n"), set(), ["security@example.org"], "CRLF is a line end"),
    (GOOD.replace("\n", " \t\r\n"), set(), ["security@example.org"], "blanks before the line end belong to it"),
    ("\n \t\n" + GOOD, set(), ["security@example.org"], "blank lines, also of blanks"),
    ("# a: b\n#\n" + GOOD, set(), ["security@example.org"], "comments, with a colon or empty"),
    ("# é \u2028 \u0085 x\n" + GOOD, set(), ["security@example.org"], "a comment may hold anything beyond ASCII"),
    (GOOD.rstrip("\n"), {"no_line_separators"}, ["security@example.org"], "no final line end: 18 % of live files"),
    (GOOD.replace("\n", "\r"), {"control_character", "no_contact", "no_expire", "no_line_separators",
     "no_security_txt"}, [], "a lone CR ends no line (ST-10)"),
    (f"X: a\vContact: mailto:evil@evil.example\n{GOOD}", {"control_character"}, ["security@example.org"],
     "a vertical tab ends no line"),
    (f"X: a\u2028Contact: mailto:evil@evil.example\n{GOOD}", {"control_character"}, ["security@example.org"],
     "nor U+2028"),
    (f"X: a\u0085Contact: mailto:evil@evil.example\n{GOOD}", {"control_character"}, ["security@example.org"],
     "nor NEL"),
    (f"X: a\fContact: mailto:evil@evil.example\n{GOOD}", {"control_character"}, ["security@example.org"],
     "nor a form feed"),
    (f"X: a\x1eContact: mailto:evil@evil.example\n{GOOD}", {"control_character"}, ["security@example.org"],
     "nor a record separator"),
    ("# x\rContact: mailto:evil@evil.example\n" + GOOD, set(), ["security@example.org"],
     "a CR inside a comment hides no field"),
    ("Contact: mailto:a@example.org\0\n" + GOOD, {"control_character"}, ["security@example.org"], "a NUL in a value"),
    ("\ufeff" + GOOD, {"bom_in_file"}, ["security@example.org"], "a byte order mark"),
    (b"# caf\xe9\n" + GOOD.encode(), {"utf8"}, ["security@example.org"], "Latin-1 in a comment"),
    (b"Contact: mailto:caf\xe9@example.org\n" + GOOD.encode(), {"utf8", "no_uri", "invalid_address"},
     ["security@example.org"], "Latin-1 in an address"),
    ("hello\n" + GOOD, {"invalid_line"}, ["security@example.org"], "a line that is no field"),
    ("See also: https://example.org/\n" + GOOD, {"invalid_line"}, ["security@example.org"], "prose with a colon"),
    (" # indented\n" + GOOD, {"invalid_line"}, ["security@example.org"], "an indented comment is none"),
    (" " + GOOD, {"invalid_line"}, ["security@example.org"], "an indented field is read all the same"),
    (GOOD.replace("Contact:", "Contact :"), {"prec_ws"}, ["security@example.org"], "a blank before the colon"),
    (GOOD.replace("Contact: ", "Contact:"), {"no_space"}, ["security@example.org"], "no blank after it"),
    (GOOD.replace("Contact: ", "Contact:\t"), {"no_space"}, ["security@example.org"], "a tab is no space"),
    (GOOD.replace("Contact: ", "Contact:  "), {"extra_space"}, ["security@example.org"], "one blank, not two"),
    (": x\n" + GOOD, {"empty_key"}, ["security@example.org"], "no name"),
    (" : x\n" + GOOD, {"prec_ws", "empty_key"}, ["security@example.org"], "a blank for a name"),
    ("Policy:\n" + GOOD, {"empty_value"}, ["security@example.org"], "no value"),
    ("Policy: \t \n" + GOOD, {"empty_value"}, ["security@example.org"], "blanks for a value"),
    ("Acknowledgements: https://example.org/\n" + GOOD, set(), ["security@example.org"],
     "a near-miss is an unknown field, and unknown fields are ignored"),
    ("", {"no_contact", "no_expire", "no_security_txt"}, [], "nothing"),
    ("not found\n", {"invalid_line", "no_contact", "no_expire", "no_security_txt"}, [], "a soft 404 in plain text"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wrong", "found", "why"), LINES, ids=[row[3] for row in LINES])
def test_lines(body: str | bytes, wrong: set[str], found: list[str], why: str) -> None:
    file = of(body)
    assert (errors(file), addresses(file)) == (wrong, found), why


LIMITS = [
    (b"#" * 32_766 + b"\n" + b"x", Code.NO_CONTACT, "32 KB are read"),
    (GOOD.encode() + b"#" * 40_000, Code.TOO_LARGE, "above 32 KB nothing is taken, also not what came first"),
    (GOOD.encode() + b"\n" * 998, Code.NOT_SIGNED, "a thousand lines are read"),
    (GOOD.encode() + b"\n" * 999, Code.TOO_MANY_LINES, "one more is not"),
    (GOOD.encode() + b"\n" * 998 + b"x", Code.TOO_MANY_LINES, "nor one more without its line end"),
    (GOOD.encode() + b"Policy: https://example.org/" + b"a" * 2_050 + b"\n", Code.FIELD_TOO_LONG, "a field too long"),
    (GOOD.encode() + b"# " + b"a" * 3_000 + b"\n", Code.NOT_SIGNED, "a comment may be long"),
]


@pytest.mark.parametrize(("body", "code", "why"), LIMITS, ids=[row[2] for row in LIMITS])
def test_limits(body: bytes, code: Code, why: str) -> None:
    file = of(body)
    assert code in file.codes, why
    if code in REFUSES:
        assert (file.contacts, file.usable, file.rfc9116_valid) == ((), Usable.NO, False), why


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE html>\n" + GOOD,
        " \r\n\t<html>" + GOOD,
        "\ufeff<html>",
        "<" + "a" * 50_000,
        "<?xml version='1.0'?>\n" + GOOD,
    ],
    ids=["doctype", "after blanks", "after a byte order mark", "too large as well", "xml"],
)
def test_a_page_for_people_is_no_file(body: str) -> None:
    """ST-02: whatever the server calls it."""
    assert of(body).fields == 0
    assert of(body).codes == {Code.NO_SECURITY_TXT}


# --- contacts --------------------------------------------------------------------------------------------------------

CONTACTS: list[tuple[str, set[str], list[str], str]] = [
    ("mailto:a@example.org", set(), ["a@example.org"], "plain"),
    ("MAILTO:a@Example.ORG", set(), ["a@example.org"], "schemes and hosts have no case"),
    ("mailto:Security.Team@example.org", set(), ["Security.Team@example.org"], "a local part may have"),
    ("mailto:a%2Bb@example.org", set(), ["a+b@example.org"], "percent-decoded"),
    ("mailto:a@example.org,b@example.net", set(), ["a@example.org", "b@example.net"], "a list"),
    ("mailto:a@example.org,,b@example.net", {"invalid_address"}, ["a@example.org", "b@example.net"], "with a hole"),
    ("mailto:a@example.org?subject=x&bcc=evil@evil.example", set(), ["a@example.org"], "headers are dropped"),
    ("mailto:a@example.org#,b@evil.example", set(), ["a@example.org"], "a fragment names nobody"),
    ("mailto:?to=evil@evil.example", {"invalid_address"}, [], "an address in a header is none"),
    ("mailto:a%0d%0aBcc:evil@evil.example", {"invalid_address"}, [], "a line end after decoding"),
    ("mailto:a%00@example.org", {"invalid_address"}, [], "a NUL after decoding"),
    ("mailto:a%zz@example.org", {"invalid_address"}, [], "a bad escape"),
    ("mailto:a%ff@example.org", {"invalid_address"}, [], "bad UTF-8 after decoding"),
    ("mailto:a%2Cb@example.org", {"invalid_address"}, [], "an encoded comma belongs to the address, which has none"),
    ("mailto:a@b@example.org", {"invalid_address"}, [], "two at-signs"),
    ("mailto:%22a%20b%22@example.org", {"invalid_address"}, [], "quoted local parts are not written to"),
    ("mailto:a@[192.0.2.1]", {"invalid_address"}, [], "an address literal"),
    ("mailto:a@192.0.2.1", {"invalid_address"}, [], "the same, without brackets"),
    ("mailto:a@localhost", {"invalid_address"}, [], "a name of one label"),
    ("mailto:a@example.org%20", {"invalid_address"}, [], "a blank inside is no blank at the end"),
    ("mailto:" + "a" * 65 + "@example.org", {"invalid_address"}, [], "a local part of 65 characters"),
    ("mailto:a@straße.example", {"no_uri"}, ["a@xn--strae-oqa.example"],
     "IDNA 2008: not strasse, which is another domain; and no URI as it stands"),
    ("mailto:a@xn--strae-oqa.example", set(), ["a@xn--strae-oqa.example"], "an A-label"),
    ("mailto:a@xn--zzzzzzzzz.example", {"invalid_address"}, [], "an A-label of nothing"),
    ("mailto: a@example.org", {"no_uri"}, ["a@example.org"], "a blank after mailto: is repaired and flagged"),
    ("a@example.org", {"no_uri"}, ["a@example.org"], "so is a bare address (14 % of live files)"),
    ("a@example.org,b@example.org", {"no_uri"}, [], "a bare list is not"),
    ("Security <a@example.org>", {"no_uri"}, [], "nor is a display name"),
    ("write to a@example.org", {"no_uri"}, [], "nor is prose"),
    ("form link https://example.org/", {"no_uri"}, [], "not even with a link in it"),
    ("example.org/contact", {"no_uri"}, [], "a URL without scheme"),
    ("https://example.org/report?x=1#form", set(), ["https://example.org/report?x=1#form"], "a form"),
    ("https://example.org:8443/report", set(), ["https://example.org:8443/report"], "opened by a person: any port"),
    ("https://user@example.org/", {"invalid_url"}, [], "a name that pretends"),
    ("https://192.0.2.1/", {"invalid_url"}, [], "an IP address"),
    ("https://example.org:x/", {"invalid_url"}, [], "a port that is none"),
    ("https:///report", {"invalid_url"}, [], "no host"),
    ("https://example.org/a b", {"no_uri"}, [], "a blank inside"),
    ("https://example.org/\u202egpj", {"no_uri"}, [], "a direction mark"),
    ("http://example.org/report", {"no_https"}, [], "clear text is an error"),
    ("tel:+1-201-555-0123", set(), ["+12015550123"], "the RFC's own example"),
    ("tel:+33%201%2099%2000%2000%2000", set(), ["+33199000000"], "blanks, encoded"),
    ("tel:+33 1 99 00 00 00", {"no_uri"}, ["+33199000000"], "blanks, as people write them"),
    ("tel:+33199000000;ext=12;x=y", set(), ["+33199000000;ext=12"], "an extension says who picks up"),
    ("tel:17", {"invalid_phone"}, [], "too short"),
    ("tel:+123456789012345678", {"invalid_phone"}, [], "too long"),
    ("tel:call-me", {"invalid_phone"}, [], "letters"),
    ("tel:+33199\u0660\u0660\u0660\u0660", {"no_uri", "invalid_phone"}, [], "digits of another script"),
    ("javascript:alert(1)", {"refused_scheme"}, [], "a program"),
    ("data:text/html,x", {"refused_scheme"}, [], "a document"),
    ("file:///etc/passwd", {"refused_scheme"}, [], "a file"),
    ("xmpp:a@example.org", set(), [], "another scheme is allowed, kept and not offered"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "wrong", "found", "why"), CONTACTS, ids=[row[0][:40] for row in CONTACTS])
def test_contacts(value: str, wrong: set[str], found: list[str], why: str) -> None:
    file = of(f"Contact: {value}\n{EXPIRES}")
    assert (errors(file), addresses(file)) == (wrong, found), why
    assert file.usable is (Usable.YES if found else Usable.NO)


@pytest.mark.parametrize(
    ("value", "note", "why"),
    [
        ("a@example.org", Note.REPAIRED, "bare"),
        ("mailto: a@example.org", Note.REPAIRED, "blank"),
        ("mailto:a@example.org?subject=x", Note.HEADERS_DROPPED, "headers"),
        ("mailto:a@xn--80ak6aa92e.com", Note.DECEPTIVE_NAME, "Cyrillic, drawn like apple"),
        ("mailto:a@xn--pypal-4ve.com", Note.DECEPTIVE_NAME, "one Cyrillic letter among Latin ones"),
        ("https://xn--pypal-4ve.com/", Note.DECEPTIVE_NAME, "the same as a form"),
    ],
)
def test_what_a_person_should_know(value: str, note: Note, why: str) -> None:
    (contact,) = of(f"Contact: {value}\n{EXPIRES}").contacts
    assert (contact.notes, contact.raw) == ((note,), value), why


def test_of_a_contact_said_twice_the_first_stands() -> None:
    (contact,) = of(f"Contact: mailto:a@example.org?subject=x\nContact: mailto:a@EXAMPLE.org\n{EXPIRES}").contacts
    assert (contact.line, contact.notes) == (1, (Note.HEADERS_DROPPED,))


def test_only_a_deceptive_name_needs_a_person() -> None:
    body = f"Contact: mailto:a@xn--80ak6aa92e.com\n{EXPIRES}"
    assert of(body).usable is Usable.REVIEW
    assert of(body + CONTACT).usable is Usable.YES, "ranking keeps the deceptive one apart"


def test_other_schemes_are_kept_and_a_contact_stands_once() -> None:
    file = of(f"{CONTACT}Contact: xmpp:a@example.org\nContact: http://example.org/\n{CONTACT}{EXPIRES}")
    assert file.others == ("xmpp:a@example.org", "http://example.org/")
    assert addresses(file) == ["security@example.org"]


# --- dates -----------------------------------------------------------------------------------------------------------

DATES: list[tuple[str, set[str], Usable, str]] = [
    ("2027-03-01T00:00:00Z", set(), Usable.YES, "plain"),
    ("2027-03-01t00:00:00z", set(), Usable.YES, "lower case is legal"),
    ("2027-03-01T00:00:00+01:00", set(), Usable.YES, "an offset is legal"),
    ("2026-12-31T23:59:60Z", set(), Usable.YES, "so is a leap second"),
    ("2027-03-01T00:00:00." + "1" * 1_900 + "Z", set(), Usable.YES, "and any number of digits"),
    ("2026-11-24T09:00:00Z", set(), Usable.YES, "the very instant is not past"),
    ("2026-11-24T08:59:59Z", {"expired"}, Usable.REVIEW, "a second before is"),
    ("2026-11-24T09:30:00+01:00", {"expired"}, Usable.REVIEW, "in another zone"),
    ("0000-02-29T00:00:00Z", {"expired"}, Usable.REVIEW, "a year that Python cannot hold"),
    ("0001-01-01T00:00:00+23:59", {"expired"}, Usable.REVIEW, "an instant that it cannot hold"),
    ("9999-12-31T23:59:60-23:59", set(), Usable.YES, "nor this one"),
    ("2027-03-01", {"invalid_expiry"}, Usable.REVIEW, "a day is no instant"),
    ("2027-03-01T00:00Z", {"invalid_expiry"}, Usable.REVIEW, "no seconds"),
    ("2027-03-01T00:00:00", {"invalid_expiry"}, Usable.REVIEW, "no zone"),
    ("2027-03-01 00:00:00Z", {"invalid_expiry"}, Usable.REVIEW, "a blank for the T"),
    ("2027-03-01T00:00:00+0100", {"invalid_expiry"}, Usable.REVIEW, "an offset without colon"),
    ("2027-02-29T00:00:00Z", {"invalid_expiry"}, Usable.REVIEW, "no such day"),
    ("2027-13-01T00:00:00Z", {"invalid_expiry"}, Usable.REVIEW, "no such month"),
    ("2027-00-01T00:00:00Z", {"invalid_expiry"}, Usable.REVIEW, "nor this"),
    ("2027-03-01T24:00:00Z", {"invalid_expiry"}, Usable.REVIEW, "no such hour"),
    ("2027-03-01T00:60:00Z", {"invalid_expiry"}, Usable.REVIEW, "no such minute"),
    ("2027-03-01T00:00:61Z", {"invalid_expiry"}, Usable.REVIEW, "no such second"),
    ("2027-03-01T00:00:00+24:00", {"invalid_expiry"}, Usable.REVIEW, "no such offset"),
    ("2027-03-01T00:00:00+00:60", {"invalid_expiry"}, Usable.REVIEW, "nor this"),
    ("٢٠٢٧-03-01T00:00:00Z", {"invalid_expiry"}, Usable.REVIEW, "digits of another script"),
    ("Thu, 15 Apr 2027 06:03:46 -0700", {"invalid_expiry"}, Usable.REVIEW, "the date of a mail"),
    ("1" * 2_000, {"invalid_expiry"}, Usable.REVIEW, "digits without end"),
]


@pytest.mark.parametrize(("value", "wrong", "usable", "why"), DATES, ids=[row[3] for row in DATES])
def test_dates(value: str, wrong: set[str], usable: Usable, why: str) -> None:
    file = of(f"{CONTACT}Expires: {value}\n")
    assert (errors(file), file.usable) == (wrong, usable), why
    assert file.expired is ("expired" in wrong)
    assert addresses(file) == ["security@example.org"], "contacts stay readable"


@pytest.mark.parametrize(
    ("expires", "wrong", "expired", "why"),
    [
        ("", {"no_expire"}, False, "41 % of live files"),
        (EXPIRES * 2, {"multi_expire"}, False, "the same twice is twice"),
        (EXPIRES + "Expires: 2020-01-01T00:00:00Z\n", {"multi_expire", "expired"}, False, "one of them is past"),
        ("Expires: 2020-01-01T00:00:00Z\n" * 2, {"multi_expire", "expired"}, True, "all of them are"),
    ],
)
def test_none_or_two_dates(expires: str, wrong: set[str], expired: bool, why: str) -> None:
    file = of(CONTACT + expires)
    assert (errors(file), file.usable, file.expired, file.expires) == (wrong, Usable.REVIEW, expired, None), why


@pytest.mark.parametrize(
    ("value", "long", "why"),
    [
        ("2027-11-24T09:00:00Z", False, "a year ahead"),
        ("2027-11-24T09:00:01Z", True, "a second more"),
        ("2099-01-01T00:00:00Z", True, "seen live"),
    ],
)
def test_more_than_a_year_is_a_breach_of_advice_only(value: str, long: bool, why: str) -> None:
    file = of(f"{CONTACT}Expires: {value}\n")
    assert ((Code.LONG_EXPIRY in file.codes), file.rfc9116_valid) == (long, True), why


def test_a_year_after_29_february() -> None:
    leap_day = datetime(2028, 2, 29, tzinfo=UTC)
    file = read(f"{CONTACT}Expires: 2029-03-01T00:00:01Z\n".encode(), url=URL, now=leap_day)
    assert Code.LONG_EXPIRY in file.codes


# --- other fields ----------------------------------------------------------------------------------------------------

FIELDS: list[tuple[str, set[str], str]] = [
    ("Encryption: https://example.org/key.asc", set(), "a link"),
    ("Encryption: openpgp4fpr:" + "A" * 64, set(), "a fingerprint of version 6"),
    ("Encryption: openpgp4fpr:" + "a" * 16, {"invalid_fingerprint"}, "a key id is no fingerprint"),
    ("Encryption: http://example.org/key.asc", {"no_https"}, "clear text"),
    ("Encryption: -----BEGIN PGP PUBLIC KEY BLOCK-----", {"no_uri"}, "a key is no URI"),
    ("Encryption: javascript:x", {"refused_scheme"}, "a program"),
    ("Policy: http://example.org/", {"no_https"}, "web means https"),
    ("Policy: example.org", {"no_uri"}, "no URI"),
    ("Hiring: http://example.org/", {"no_https"}, "web means https"),
    ("Acknowledgments: example.org", {"no_uri"}, "no URI"),
    ("CSAF: https://example.org/csaf/", {"no_csaf_file"}, "not the provider's metadata"),
    ("Canonical: http://example.org/.well-known/security.txt", {"no_https", "no_canonical_match"}, "clear text"),
    ("Preferred-Languages: en, fr-CA, zh-Hant-TW, x-own, gsw", set(), "tags"),
    ("Preferred-Languages: EN , Fr", set(), "without case, with blanks"),
    ("Preferred-Languages: cz", {"invalid_lang"}, "the country, not the language"),
    ("Preferred-Languages: English, French", {"invalid_lang"}, "names of languages"),
    ("Preferred-Languages: en; fr", {"invalid_lang"}, "semicolons"),
    ("Preferred-Languages: en,", {"invalid_lang"}, "an empty tag"),
    ("Preferred-Languages: en\nPreferred-Languages: fr", {"multi_lang"}, "twice"),
    ("Preferred-Languages: " + "a-" * 900, {"invalid_lang"}, "a tag without end"),
]


@pytest.mark.parametrize(("line", "wrong", "why"), FIELDS, ids=[row[0][:50] for row in FIELDS])
def test_fields(line: str, wrong: set[str], why: str) -> None:
    assert errors(of(f"{GOOD}{line}\n")) == wrong, why


def test_readable_languages_are_kept() -> None:
    assert of(f"{GOOD}Preferred-Languages: cz, fr, English, en\n").languages == ("fr", "en")


CANONICAL: list[tuple[str, str, str, str | None, bool, str]] = [
    ("", URL, "", None, True, "no field, nothing to say"),
    (URL, URL, "first", None, True, "the URL asked for"),
    ("HTTPS://Example.org:443/.well-known/security.txt", URL, "first", None, True, "the same, written otherwise"),
    ("https://www.example.org/s", URL, "last", "https://www.example.org/s", True, "the URL it came from"),
    ("https://www.example.org/s", URL, "", None, False, "neither: 16 % of live files"),
    ("https://example.org/.well-known/Security.txt", URL, "", None, False, "paths have case"),
    ("https://www.example.org/s", "", "", None, True, "a file of unknown origin cannot disagree"),
]


@pytest.mark.parametrize(("canonical", "url", "match", "final_url", "fits", "why"), CANONICAL)
def test_canonical(canonical: str, url: str, match: str, final_url: str | None, fits: bool, why: str) -> None:
    line = f"Canonical: {canonical}\n" if canonical else ""
    file = of(GOOD + line, url=url, final_url=final_url)
    assert file.canonical_match == match, why
    assert (Code.NO_CANONICAL_MATCH not in file.codes) is fits, why
    assert file.usable is (Usable.YES if fits else Usable.REVIEW)


SERVED: list[tuple[dict[str, str | None], set[str], Usable, str]] = [
    ({}, set(), Usable.YES, "where it belongs"),
    ({"url": "https://example.org/security.txt"}, {"location"}, Usable.YES, "the legacy place"),
    ({"url": "http://example.org/.well-known/security.txt"}, {"invalid_uri_scheme"}, Usable.REVIEW, "clear text"),
    ({"final_url": "http://example.org/s"}, {"invalid_uri_scheme"}, Usable.REVIEW, "clear text at the end"),
    ({"final_url": "https://www.example.org/s"}, set(), Usable.YES, "another host of the same organisation"),
    ({"final_url": "https://example.net/s"}, set(), Usable.REVIEW, "another organisation: a person decides (ST-05)"),
    ({"content_type": "text/plain"}, set(), Usable.YES, "no charset is fine (ST-04)"),
    ({"content_type": 'Text/Plain;  CharSet="UTF-8"'}, set(), Usable.YES, "in any spelling"),
    ({"content_type": ""}, {"no_content_type"}, Usable.YES, "no header"),
    ({"content_type": "text/html"}, {"invalid_media"}, Usable.YES, "the wrong type, and still a file"),
    ({"content_type": "text/plain; charset=iso-8859-1"}, {"invalid_charset"}, Usable.YES, "another charset"),
]


@pytest.mark.parametrize(("how", "wrong", "usable", "why"), SERVED, ids=[row[3] for row in SERVED])
def test_how_it_was_served(how: dict[str, str | None], wrong: set[str], usable: Usable, why: str) -> None:
    file = of(GOOD, **how)
    assert (errors(file), file.usable) == (wrong, usable), why


def test_a_file_that_came_with_the_software() -> None:
    """ST-27: its contact is the project, not the organisation."""
    project = "https://github.com/go-gitea/gitea/blob/main/SECURITY.md"
    file = of(f"Contact: {project}\nPolicy: {project}\nPreferred-Languages: en\n{EXPIRES}")
    assert (Code.DEFAULT_FILE in file.codes, file.usable, file.rfc9116_valid) == (True, Usable.REVIEW, True)


# --- signed files ----------------------------------------------------------------------------------------------------

BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----\n"
SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEB\n=abcd\n-----END PGP SIGNATURE-----\n"
EVIL = "Contact: mailto:evil@evil.example\n"
SIGNED: list[tuple[str, set[str], str]] = [
    (f"{BEGIN}Hash: SHA256\n\n{GOOD}{SIGNATURE}", set(), "as GnuPG writes it"),
    (f"{BEGIN}Hash: SHA256\nHash: SHA512\n\n{GOOD}\n{SIGNATURE}\n\n", set(), "two hashes, blank lines after"),
    (f"{BEGIN}\n{GOOD}{SIGNATURE}", set(), "no Hash line at all"),
    (f"{BEGIN}Hash: SHA256\n\n{GOOD}{SIGNATURE}".replace("\n", " \r\n"), set(), "CRLF and blanks"),
    (f"{BEGIN}Hash: SHA256\n\n- {GOOD}{SIGNATURE}", set(), "any line may be dash-escaped"),
    (f"{EVIL}{BEGIN}Hash: SHA256\n\n{GOOD}{SIGNATURE}", {"signed_format_issue"},
     "before the header: GnuPG says GOODSIG, and nobody signed it"),
    (f"\n{BEGIN}Hash: SHA256\n\n{GOOD}{SIGNATURE}", {"signed_format_issue"}, "not even a blank line"),
    (f"{BEGIN}Hash: SHA256\n{EVIL}\n{GOOD}{SIGNATURE}", {"signed_format_issue"}, "among the armour headers"),
    (f"{BEGIN}Hash: SHA256\n\n{GOOD}{SIGNATURE}{EVIL}", {"data_after_sig"}, "after the signature"),
    (f"{BEGIN}Hash: SHA256\n\n{GOOD}-----BEGIN PGP SIGNATURE-----\n\n{EVIL}-----END PGP SIGNATURE-----\n", set(),
     "inside the armour"),
    (f"{BEGIN}Hash: SHA256\n\n{GOOD}{SIGNATURE}{BEGIN}\n{EVIL}{SIGNATURE}", {"data_after_sig"}, "a second block"),
    (f"{BEGIN}Hash: SHA256\n\n{GOOD}{BEGIN}Hash: SHA256\n{SIGNATURE}", {"signed_format_issue"},
     "a header inside the text, not escaped"),
    (f"{BEGIN}Hash: SHA256\n\n{GOOD}", {"signed_format_issue"}, "no signature"),
    (f"{BEGIN}Hash: SHA256\n\n{GOOD}-----BEGIN PGP SIGNATURE-----\nabc\n", {"signed_format_issue"}, "a cut one"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wrong", "why"), SIGNED, ids=[row[2] for row in SIGNED])
def test_only_what_stands_inside_the_signed_block_counts(body: str, wrong: set[str], why: str) -> None:
    file = of(body)
    assert addresses(file) == ["security@example.org"], why
    assert errors(file) - {"unknown_field", "invalid_line"} == wrong, why
    assert (file.signed, file.signature) == (True, Signature.UNCHECKED)
    assert file.usable is (Usable.REVIEW if wrong else Usable.YES)
    assert Code.NO_CANONICAL in file.codes, "a signed file should say where it belongs"


def test_headers_without_end_leave_no_text() -> None:
    file = of(BEGIN + "Hash: SHA256\n" * 200 + CONTACT)
    assert (file.contacts, file.usable) == ((), Usable.NO)


# --- the report ------------------------------------------------------------------------------------------------------


def test_as_the_command_line_prints_it() -> None:
    plain = of(f"Contact: a@example.org\nContact: xmpp:x@y\nOdd: 1\n{EXPIRES}").to_json()
    assert plain["rfc9116_valid"] is False
    assert plain["usable"] == "yes"
    assert plain["contacts"] == [
        {"kind": "mail", "address": "a@example.org", "raw": "a@example.org", "line": 1, "notes": ["repaired"]}
    ]
    assert (plain["expires"], plain["expired"]) == ("2027-03-01T00:00:00+00:00", False)
    assert (plain["signed"], plain["signature"], plain["other_contacts"]) == (False, "none", ["xmpp:x@y"])
    assert plain["problems"] == [
        {"code": "no_uri", "line": 1, "level": "error", "params": {}},
        {"code": "other_scheme", "line": 2, "level": "notice", "params": {}},
        {"code": "unknown_field", "line": 3, "level": "notice", "params": {"field": "odd"}},
        {"code": "no_encryption", "line": None, "level": "advice", "params": {}},
        {"code": "not_signed", "line": None, "level": "advice", "params": {}},
    ]


def test_every_code_has_one_level_and_consequence() -> None:
    assert not ADVICE & NOTICES
    assert not REFUSES & (NEEDS_A_PERSON | ADVICE | NOTICES)
    assert {Problem(code).level for code in Code} == set(Level)
