"""Codenames (R5): seven words, over 80 bits, typed as people type, never echoed in a message."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from disclosure.casework import codenames, reporting
from disclosure.casework.codenames import WORDS, WORDS_IN_CODENAME, codename_of, echoes, normalised
from disclosure.protocol.errors import InvalidInput, NotFound
from tests.casework.desk import REPORT, House
from tests.office import everything

NAME = "bado fula gimo lupa mira nosu pavo"


def test_seven_words_hold_over_eighty_bits() -> None:
    assert len(set(WORDS)) == len(WORDS)
    assert WORDS_IN_CODENAME * math.log2(len(WORDS)) >= 80
    made = {codename_of(n.to_bytes(16)) for n in range(200)}
    assert len(made) == 200
    assert {len(name.split()) for name in made} == {7}
    assert codename_of(bytes(16)) == codename_of(bytes(16)), "a second click shows the same receipt"


def test_the_words_are_written_alike_in_both_languages() -> None:
    for word in WORDS:
        assert word.isascii()
        assert word.isalpha()
        assert word.islower()
        assert not set(word) & set("cehjkqwxy"), f"{word}: sounds or accents differ"
    assert not [word for word in WORDS if any(bad in word for bad in codenames._BLOCKED)]


@pytest.mark.parametrize(
    "typed",
    [
        NAME.upper(),
        NAME.replace(" ", "-"),
        NAME.replace(" ", "\n"),
        f"  {NAME.replace(' ', '   ')}.",
        NAME.replace("a", "à").replace("o", "ô"),
        NAME.replace(" ", "\u00a0"),
        NAME.replace(" ", ", "),
    ],
)
def test_typed_as_people_type(typed: str) -> None:
    assert normalised(typed) == NAME


@pytest.mark.parametrize(
    ("text", "found", "why"),
    [
        (NAME, True, "itself"),
        (f"Hello, my codename is {NAME}, thank you", True, "in a sentence"),
        (NAME.upper().replace(" ", " - "), True, "spelled out"),
        (NAME.replace(" ", "\n"), True, "line by line"),
        (" ".join(NAME.split()[:6]), False, "six of seven are not it"),
        (" ".join(reversed(NAME.split())), False, "in another order"),
        ("", False, "nothing"),
    ],
)
def test_a_message_that_echoes_the_codename_is_noticed(text: str, found: bool, why: str) -> None:
    assert echoes("hash of " + NAME, text, lambda words: "hash of " + words) is found, why


def test_the_way_back_in(house: House) -> None:
    receipt = reporting.submit(house.office, replace(REPORT, token="way-back"), house.now)
    report_id = reporting.enter(house.office, receipt.codename.upper())
    assert reporting.page(house.office, report_id).reference == receipt.reference
    with pytest.raises(NotFound):
        reporting.enter(house.office, NAME)
    with pytest.raises(InvalidInput):
        reporting.write(house.office, report_id, f"I am {receipt.codename}", house.now)
    assert not reporting.page(house.office, report_id).said, "nothing of it is stored"
    assert receipt.codename.encode() not in everything(house.office)
