"""The notice's content, as a coordinator writes it from the reports (R20). Each fact says on what it rests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from disclosure.protocol.errors import InvalidInput

MAX_TEXT = 20_000


class Basis(StrEnum):
    """R20: each fact is worded as one of these, never as our own finding."""

    REPORTED = "reported"
    PUBLIC = "public"
    ORGANISATION = "organisation"


@dataclass(frozen=True)
class NoticeFact:
    basis: Basis
    on: date | None
    text: str


@dataclass(frozen=True)
class NoticeText:
    """Strangers' material enters as plain text only."""

    presentation: str
    technical: str
    advice: str
    facts: tuple[NoticeFact, ...] = ()
    pictures: tuple[str, ...] = ()  # ids: of the reports' pictures while drafted

    def __post_init__(self) -> None:
        problems = {
            name: "required" for name in ("presentation", "technical", "advice") if not getattr(self, name).strip()
        }
        problems |= {
            name: "too_long" for name in ("presentation", "technical", "advice") if len(getattr(self, name)) > MAX_TEXT
        }
        if any(fact.basis is Basis.PUBLIC and fact.on is None for fact in self.facts):
            problems["facts"] = "public_needs_a_date"
        if problems:
            raise InvalidInput(problems)

    def to_text(self) -> str:
        """Canonical JSON, for the ledger."""
        facts = [[f.basis, f.on.isoformat() if f.on else None, f.text] for f in self.facts]
        held = {
            "presentation": self.presentation,
            "technical": self.technical,
            "advice": self.advice,
            "facts": facts,
            "pictures": list(self.pictures),
        }
        return json.dumps(held, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> NoticeText:
        held = json.loads(text)
        facts = tuple(
            NoticeFact(Basis(basis), date.fromisoformat(on) if on else None, words)
            for basis, on, words in held["facts"]
        )
        pictures = tuple(held.get("pictures", ()))
        return cls(held["presentation"], held["technical"], held["advice"], facts, pictures)


def defang(text: str) -> str:
    """Links of strangers become text that no program follows: ``hxxps://example[.]org`` (R20)."""
    out = text.replace("http://", "hxxp://").replace("https://", "hxxps://")
    words = [
        word.replace(".", "[.]") if word.startswith(("hxxp://", "hxxps://", "www.")) else word for word in _split(out)
    ]
    return "".join(words)


def _split(text: str) -> list[str]:
    """Words and the blanks between them, so that joining gives the text again."""
    pieces: list[str] = []
    for char in text:
        blank = char.isspace()
        if pieces and blank == pieces[-1][-1].isspace():
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces
