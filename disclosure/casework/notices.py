"""The notice's content, as a coordinator writes it from the reports (R20). Each fact says on what it rests."""

from __future__ import annotations

import json
import re
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


# What a mail program makes clickable: a scheme, www, or a name with a path. Capitals and brackets do not save anybody.
_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.|(?:[\w-]+\.)+[a-z]{2,}/)\S*", re.IGNORECASE)


def defang(text: str) -> str:
    """Links of strangers become text that no program follows: ``hxxps://example[.]org`` (R20)."""
    return _LINK.sub(lambda link: _dead(link.group()), text)


def _dead(link: str) -> str:
    scheme, colon, rest = link.partition("://")
    if not colon:
        return link.replace(".", "[.]")
    name = scheme.lower()
    dead = name.replace("http", "hxxp") + "://" if name in {"http", "https"} else f"{scheme}[:]//"
    return dead + rest.replace(".", "[.]")
