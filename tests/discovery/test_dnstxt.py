"""DNS Security TXT as of July 2026."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from disclosure.discovery.dnstxt import read
from disclosure.discovery.securitytxt import Usable
from tests.discovery.world import NOW

CONTACT = b"security_contact=mailto:security@example.org"
EXPIRES = b"security_expires=2027-03-01T00:00:00Z"

SETS: list[tuple[list[bytes], list[str], set[str], Usable, str]] = [
    ([CONTACT, EXPIRES], ["security@example.org"], set(), Usable.YES, "a live set"),
    ([EXPIRES, b"security_contact=https://example.org/r", CONTACT, b"security_policy=https://example.org/p"],
     ["https://example.org/r", "security@example.org"], set(), Usable.YES, "several, in no order (DT-03)"),
    ([b"Security_CONTACT=mailto:a@example.org", EXPIRES], ["a@example.org"], set(), Usable.YES, "names have no case"),
    ([CONTACT], ["security@example.org"], {"no_expire"}, Usable.REVIEW, "older than the date field (DT-04)"),
    ([CONTACT, EXPIRES, EXPIRES], ["security@example.org"], {"multi_expire"}, Usable.REVIEW, "two dates"),
    ([CONTACT, b"security_expires=2026-01-01T00:00:00Z"], ["security@example.org"], {"expired"}, Usable.REVIEW, "past"),
    ([CONTACT, b"security_expires=soon"], ["security@example.org"], {"invalid_expiry"}, Usable.REVIEW, "no date"),
    ([CONTACT, b"security_expires=2027-03-01T00:00:00+01:00"], ["security@example.org"], {"invalid_expiry"},
     Usable.REVIEW, "an offset instead of Z"),
    ([CONTACT, b"security_expires= 2027-03-01T00:00:00Z"], ["security@example.org"], {"prec_ws", "invalid_expiry"},
     Usable.REVIEW, "a blank spoils the date, and a set has one"),
    ([CONTACT, EXPIRES, b"security_contact = mailto:b@example.org"], ["security@example.org"], {"prec_ws"}, Usable.YES,
     "an invalid record drops out alone"),
    ([CONTACT, EXPIRES, b"security_contact=b@example.org"], ["security@example.org"], {"no_uri"}, Usable.YES,
     "nothing is repaired here"),
    ([CONTACT, EXPIRES, b"security_contact=mailto: b@example.org"], ["security@example.org"], {"no_uri"}, Usable.YES,
     "not even a blank"),
    ([CONTACT, EXPIRES, b"security_contact=https://example.org/#form"], ["security@example.org"], {"no_uri"},
     Usable.YES, "no fragments"),
    ([CONTACT, EXPIRES, b"security_contact=http://example.org/"], ["security@example.org"], {"no_https"}, Usable.YES,
     "clear text"),
    ([CONTACT, EXPIRES, b"security_policy=http://example.org/"], ["security@example.org"], {"no_https"}, Usable.YES,
     "clear text for a policy"),
    ([CONTACT, EXPIRES, b"security_contact="], ["security@example.org"], {"empty_value"}, Usable.YES, "no value"),
    ([CONTACT, EXPIRES, b"security_contact=mailto:a\xff@example.org"], ["security@example.org"], {"no_uri"},
     Usable.YES, "not ASCII"),
    ([CONTACT, EXPIRES, b"security_contact=mailto:a@example.org\nX"], ["security@example.org"],
     {"control_character"}, Usable.YES, "a line end"),
    ([CONTACT, EXPIRES, b"security_contact=https://example.org/" + b"a" * 2_011], ["https://example.org/" + "a" * 2_011,
     "security@example.org"], set(), Usable.YES, "2,048 octets must be supported"),
    ([CONTACT, EXPIRES, b"security_contact=https://example.org/" + b"a" * 5_000], ["security@example.org"],
     {"field_too_long"}, Usable.YES, "longer ones may be refused"),
    ([b"security_contact=mailto:a@xn--80ak6aa92e.com", EXPIRES], ["a@xn--80ak6aa92e.com"], set(), Usable.REVIEW,
     "a deceptive name needs a person"),
    ([EXPIRES], [], set(), Usable.NO, "nobody named"),
    ([b"v=spf1 -all", b"security_contactx=mailto:a@example.org", b"=x", b""], [], set(), Usable.NO,
     "a wildcard answers here too: no record of ours (SF-12)"),
]  # fmt: skip


@pytest.mark.parametrize(("records", "found", "wrong", "usable", "why"), SETS, ids=[row[4] for row in SETS])
def test_sets(records: list[bytes], found: list[str], wrong: set[str], usable: Usable, why: str) -> None:
    answer = read(records, now=NOW)
    assert [contact.address for contact in answer.contacts] == found, why
    assert (set(map(str, answer.codes)), answer.usable) == (wrong, usable), why
    assert read(list(reversed(records)), now=NOW) == answer, "records have no order"


def test_what_is_no_record_does_not_count() -> None:
    assert read([b"v=spf1 -all"], now=NOW).records == 0
    answer = read([CONTACT, EXPIRES, b"v=spf1 -all", b"security_policy=https://example.org/p"], now=NOW)
    assert (answer.records, answer.policy) == (3, ("https://example.org/p",))
    assert answer.expires == datetime(2027, 3, 1, tzinfo=UTC)


def test_the_date_counts_at_each_use() -> None:
    """DT-04: a TTL extends nothing."""
    later = datetime(2027, 3, 1, 0, 0, 1, tzinfo=UTC)
    assert read([CONTACT, EXPIRES], now=later).usable is Usable.REVIEW
