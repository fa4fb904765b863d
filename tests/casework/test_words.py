"""Every code and every event has words (style rule 12: data is defined in one place, and a gap fails the build)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from disclosure.casework import deskwords, words
from disclosure.casework.sentences import SENTENCES
from disclosure.discovery.candidates import Confidence, Flag, HintKind, Reason, Source
from disclosure.discovery.evidence import Purpose
from disclosure.discovery.fetch import Trouble
from disclosure.discovery.problems import NEEDS_A_PERSON
from disclosure.discovery.rdap import Fault
from disclosure.openpgp import verdict
from disclosure.protocol import codes, values
from disclosure.protocol.axes import FIRST, TRANSITIONS
from disclosure.protocol.events import EVENT_TYPES
from disclosure.protocol.values import Language, Standing


def test_every_event_has_a_sentence() -> None:
    assert set(SENTENCES) == set(EVENT_TYPES.values())


_SHOWN = [
    kind
    for module in (codes, values)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, StrEnum) and kind not in {StrEnum, values.Language, values.Audience}
]


@pytest.mark.parametrize("kind", sorted(set(_SHOWN), key=lambda kind: kind.__name__))
def test_every_code_has_words(kind: type[StrEnum]) -> None:
    assert set(words.CODES[kind]) == {member.value for member in kind}


def test_every_state_has_words() -> None:
    for axis, table in TRANSITIONS.items():
        states = {FIRST[axis]} | {state for state, _ in table} | set(table.values())
        assert set(words.STATES[axis]) == states


@pytest.mark.parametrize("language", list(Language))
def test_words_are_in_the_language(language: Language) -> None:
    said = words.standing_word(Standing.S2, language)
    assert said.startswith("S2")


# What discovery says in codes, and where its words are (R16: every candidate with its reason).
_DISCOVERED: list[tuple[set[str], Mapping[str, str], str]] = [
    (set(Source), words.SOURCES, "sources"),
    (set(Reason), deskwords.REASONS, "reasons"),
    (set(Confidence), deskwords.CONFIDENCES, "confidence"),
    (set(Flag) | set(NEEDS_A_PERSON), deskwords.MARKS, "marks"),
    (set(Purpose), deskwords.PURPOSES, "purposes"),
    (set(HintKind), deskwords.HINTS, "hints"),
    (set(verdict.Reason), deskwords.CERTIFICATE_REASONS, "certificates"),
    (set(Trouble) | set(Fault), {**deskwords.TROUBLES, **deskwords.MARKS}, "troubles"),
]


@pytest.mark.parametrize(("codes", "table", "what"), _DISCOVERED, ids=[row[2] for row in _DISCOVERED])
def test_what_discovery_says_has_words(codes: set[str], table: Mapping[str, str], what: str) -> None:
    assert {str(code) for code in codes} <= set(table), what
