"""Rows of a parsed TOML file, each value asked for by its kind; all that is wrong is named, not the first only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address, country

Word = TypeVar("Word", bound=StrEnum)


class TableRow:
    """One table of the file. What is wrong is noted with its place; the value read then stands in for nothing."""

    def __init__(self, held: object, place: str, problems: dict[str, str]) -> None:
        self.held: Mapping[str, object] = held if isinstance(held, Mapping) else {}
        self.place, self.problems = place, problems
        if not isinstance(held, Mapping):
            self.problems[place] = "not_a_table"

    def called(self, name: str) -> None:
        """From now on problems name the row too, not only its number."""
        self.place += f" ({name})" if name else ""

    def wrong(self, key: str, why: str) -> None:
        self.problems.setdefault(f"{self.place} {key}", why)

    def only(self, keys: str) -> None:
        """Whatever else stands in the row is a slip of the pen, and is said to be one."""
        for key in self.held.keys() - set(keys.split()):
            self.wrong(key, "unknown_key")

    def text(self, key: str, *, needed: bool = True) -> str:
        value = self.held.get(key, "")
        if not isinstance(value, str) or value != value.strip() or (needed and not value):
            self.wrong(key, "not_a_text" if key in self.held else "missing")
            return ""
        return value

    def matching(self, key: str, pattern: re.Pattern[str], *, needed: bool = True) -> str:
        """A text of a given form."""
        text = self.text(key, needed=needed)
        if text and not pattern.fullmatch(text):
            self.wrong(key, "not_of_this_form")
        return text

    def flag(self, key: str) -> bool:
        value = self.held.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "true_or_false")
        return value is True

    def day(self, key: str) -> date:
        """A date without a time of day: TOML has both, and a date is what was checked."""
        value = self.held.get(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self.wrong(key, "not_a_day" if key in self.held else "missing")
        return date.min

    def one_of(self, key: str, words: type[Word]) -> Word:
        """One of a closed list of words."""
        text = self.text(key)
        if text and text not in set(words):
            self.wrong(key, "unknown_word")
        return next((word for word in words if word == text), next(iter(words)))

    def some_of(self, key: str, words: type[Word]) -> tuple[Word, ...]:
        """A list of words of a closed list; none when the key is absent."""
        values = self.held.get(key, [])
        if not isinstance(values, list) or not set(map(str, values)) <= set(words):
            self.wrong(key, "unknown_word")
            return ()
        return tuple(words(str(value)) for value in values)

    def country(self, key: str) -> str:
        text = self.text(key)
        try:
            return country(text) if text else ""
        except InvalidInput:
            self.wrong(key, "not_a_country")
            return ""

    def address(self, key: str) -> None:
        try:
            Address.parse(self.text(key))
        except InvalidInput:
            self.wrong(key, "not_an_address")

    def tables(self, key: str, word: str) -> Iterator[TableRow]:
        """The rows under ``key``, each with its number in its place."""
        values = self.held.get(key, [])
        if not isinstance(values, list):
            self.wrong(key, "not_a_list")
            return
        for n, value in enumerate(values, 1):
            yield TableRow(value, f"{self.place} {word} {n}", self.problems)
