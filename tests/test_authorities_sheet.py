"""The shipped authorities against the fact sheet they were taken from, row by row; skipped where it is not at hand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from disclosure.policy import DATA
from disclosure.protocol.authorities import Authority, AuthorityRole, Confidence, from_mapping
from disclosure.protocol.values import Channel

SHEET = Path(__file__).parents[2] / "shared" / "facts" / "authorities.md"
TABLE = from_mapping(tomllib.loads((DATA / "authorities.toml").read_text(encoding="utf-8")))
MAIL = re.compile(r"[\w.+-]+@[\w.-]+\.[a-z]{2,}")
PHONE = re.compile(r"0 [\d ]*\d")
# Rows that stand for what the sheet says in words: BfDI's row speaks of the authorities of the Länder.
IN_WORDS = {"de-dpa-land"}


@cache
def sheet() -> str:
    if not SHEET.exists():
        pytest.skip("the fact sheet on authorities is not beside this folder")
    return SHEET.read_text(encoding="utf-8")


def section(number: str) -> str:
    text = sheet().partition(f"### {number} ")[2]
    assert text, number
    return text.partition("\n### ")[0]


def rows(number: str) -> Iterator[list[str]]:
    """The lines of a table that begin with a country's two letters."""
    for line in section(number).splitlines():
        if re.match(r"\| [A-Z]{2} \|", line):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def ours(cell: str, role: AuthorityRole) -> list[Authority]:
    country = {"UK": "GB"}.get(cell, cell)
    return [a for a in TABLE if a.country == country and a.role is role and a.id not in IN_WORDS]


def known_mails(cell: str) -> set[str]:
    """An address that stands behind "U" is named in order to be left out."""
    return set() if cell.startswith("U") else set(MAIL.findall(cell))


def mails(held: list[Authority]) -> dict[str, Confidence]:
    return {c.address: c.confidence for a in held for c in a.channels if c.channel is Channel.MAIL}


def test_every_data_protection_authority() -> None:
    seen = 0
    for cc, _, domain, mail, form, confidence in rows("2.3"):
        held = ours(cc, AuthorityRole.DPA)
        assert len(held) == 1, cc
        assert held[0].website in domain, cc
        grade = Confidence.DIFFERING if confidence.startswith("C") else Confidence.LISTED
        assert mails(held) == dict.fromkeys(known_mails(mail), grade), cc
        forms = [c for c in held[0].channels if c.channel is Channel.FORM]
        assert bool(forms) is bool(form), cc
        if fingerprint := re.search(r"fpr ((?:[0-9A-F]{4} ?){10})", mail):
            (channel,) = (c for c in held[0].channels if c.channel is Channel.MAIL)
            assert channel.certificate_fingerprint == fingerprint.group(1).replace(" ", ""), cc
        seen += 1
    assert seen == 32, "27 Member States, Iceland, Liechtenstein, Norway, United Kingdom, Switzerland"


def test_every_national_csirt() -> None:
    seen = 0
    for cc, _, domain, page, mail, confidence in rows("2.4"):
        held = ours(cc, AuthorityRole.NATIONAL_CSIRT)
        assert held, cc
        assert all(not a.website or a.website in domain for a in held), cc
        grade = Confidence(confidence[0]) if confidence[0] in "ABC" else Confidence.UNKNOWN
        assert mails(held) == dict.fromkeys(known_mails(mail), grade), f"{cc}: C and U carry no address at all"
        for channel in (c for a in held for c in a.channels if c.channel is Channel.FORM):
            assert channel.address in f"{domain} {page}", (cc, channel.address)
        seen += 1
    assert seen == 33, "the 32 of the table above and the Union's own"


def test_a_csirt_whose_sources_differ_offers_nothing_that_leaves_by_itself() -> None:
    doubtful = [cc for cc, *_, confidence in rows("2.4") if confidence.startswith("C")]
    assert len(doubtful) > 5
    for cc in doubtful:
        grades = {c.confidence for a in ours(cc, AuthorityRole.NATIONAL_CSIRT) for c in a.channels}
        assert grades <= {Confidence.DIFFERING}, cc


def test_france_is_complete() -> None:
    table = section("2.2")
    certs = next(line for line in table.splitlines() if line.startswith("| Sector CERTs"))
    named = re.findall(r"CERT Santé|M-CERT|CERT Aviation|CERT Renater|CERT Social|CERT Entreprises Défense", certs)
    held = [a for a in TABLE if a.role is AuthorityRole.SECTOR_CSIRT]
    assert sorted(a.short_name.removesuffix(" (DRSD)") for a in held) == sorted(named)
    assert all(not a.website or a.website in certs for a in held)
    assert {a.id for a in ours("FR", AuthorityRole.NATIONAL_CSIRT)} == {"fr-anssi"}
    assert mails(ours("FR", AuthorityRole.NATIONAL_CSIRT)) == {"cert-fr@ssi.gouv.fr": Confidence.READ}
    assert mails(ours("FR", AuthorityRole.DPA)) == {}


def test_every_regional_csirt() -> None:
    text = section("2.2").partition("Regional CSIRTs (")[2].partition(":\n")[2].partition(" ARA:")[0]
    named = [place.strip().rstrip(".") for place in text.replace("\n", " ").split(" · ")]
    held = ours("FR", AuthorityRole.REGIONAL_CSIRT)
    assert len(named) == len(held) == 15
    for place in named:
        found = [a for a in held if all(c.address in place for c in a.channels) and a.website in place]
        assert len(found) == 1, place
        phones = {c.address for c in found[0].channels if c.channel is Channel.PHONE}
        assert phones == set(PHONE.findall(place)), place
        held.remove(found[0])
    assert not held, "a region that the sheet does not know"
    assert not mails(ours("FR", AuthorityRole.REGIONAL_CSIRT)), "no mail address is known of any"


@pytest.mark.parametrize("authority", TABLE, ids=lambda a: a.id)
def test_nothing_is_invented(authority: Authority) -> None:
    """Every address, site and name stands in the sheet, letter by letter."""
    text = sheet()
    assert not authority.website or authority.website in text
    for channel in authority.channels:
        for part in re.split(r"; from abroad | or ", channel.address):
            assert part in text, part
    name = re.sub(
        r" \((?:[A-Z][a-z]+|data protection, \w+|national cyber centre)\)$|^Regional CSIRT: ", "", authority.name
    )
    if authority.role in {AuthorityRole.REGIONAL_CSIRT} or authority.id in IN_WORDS:
        return  # named after the region, as the sheet's codes do
    assert all(word in text for word in re.split(r", ", name)) or authority.short_name in text, name


@pytest.mark.parametrize(
    ("words", "youngest", "why"),
    [
        ("datenanfragen/data, an open register", date(2026, 7, 1), "a snapshot of July: the month's first day"),
        ("ENISA's public CSIRTs-network repository", date(2026, 8, 1), "August"),
        ("a public register that quotes", date(2026, 9, 3), "3-4 September"),
        ("two unofficial lists that agree", date(2026, 4, 1), "the elder of the two is of April"),
        ("disclose.io diodb", date(2026, 7, 1), "July"),
        ("", date(2026, 11, 23), "the day on which the sheet was put together"),
    ],
)
def test_no_row_looks_younger_than_its_source(words: str, youngest: date, why: str) -> None:
    for authority in TABLE:
        for channel in authority.channels:
            if channel.source.startswith(words):
                assert channel.checked_on <= youngest, (authority.id, why)
