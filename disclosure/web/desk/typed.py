"""What was typed into a form of the desk, read field by field; every problem is found before the first is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar

from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import country
from disclosure.web.numbers import whole

Code = TypeVar("Code", bound=StrEnum)
MAX_LINE = 200
MAX_TEXT = 10_000


class Typed:
    """Reads what it can, remembers what it cannot; ``check`` raises InvalidInput with all of it."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form
        self.problems: dict[str, str] = {}

    def text(self, name: str, *, required: bool = False, most: int = MAX_LINE) -> str:
        value = self._form.get(name, "").replace("\r\n", "\n").strip()
        if required and not value:
            self.problems[name] = "required"
        elif len(value) > most:
            self.problems[name] = "too_long"
        return value

    def words(self, name: str, *, required: bool = False) -> str:
        return self.text(name, required=required, most=MAX_TEXT)

    def flag(self, name: str) -> bool:
        return self._form.get(name, "") == "yes"

    def code(self, name: str, kind: type[Code]) -> Code:
        """One of our own codes; what stands in when it is none is never used, because ``check`` raises."""
        try:
            return kind(self._form.get(name, ""))
        except ValueError:
            self.problems[name] = "not_a_choice"
            return next(iter(kind))

    def country(self, name: str) -> str:
        try:
            return country(self._form.get(name, ""))
        except InvalidInput as error:
            self.problems[name] = error.problems["country"]
            return ""

    def number(self, name: str, *, least: int = 1, most: int = 365) -> int:
        number = whole(self._form.get(name, ""))
        if number is None or not least <= number <= most:
            self.problems[name] = "not_a_number_of_days"
            return least
        return number

    def day(self, name: str) -> date | None:
        """Empty is no day; another word is a problem."""
        value = self._form.get(name, "").strip()
        if not value:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.problems[name] = "not_a_date"
            return None

    def check(self) -> None:
        if self.problems:
            raise InvalidInput(self.problems)
