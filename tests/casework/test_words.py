"""Every code and every event has words (style rule 12: data is defined in one place, and a gap fails the build)."""

from __future__ import annotations

from enum import StrEnum

import pytest

from disclosure.casework import timeline, words
from disclosure.protocol import codes, values
from disclosure.protocol.axes import FIRST, TRANSITIONS
from disclosure.protocol.events import EVENT_TYPES
from disclosure.protocol.values import Language, Standing


def test_every_event_has_a_sentence() -> None:
    assert set(timeline.SENTENCES) == set(EVENT_TYPES.values())


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
