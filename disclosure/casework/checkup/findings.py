"""What the doctor says of one thing: its state, the facts it rests on, what that means and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from disclosure.discovery.dns import DnsAnswer, txt_bytes
from disclosure.discovery.evidence import Outcome


class State(StrEnum):
    """``fault``: mail does not arrive, proves nothing, or a promise is broken. A warning may wait for a working day."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """One line. ``meaning``: one sentence; ``do``: what to do, empty when nothing is to be done."""

    check: str
    state: State
    meaning: str
    do: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "state": str(self.state),
            "facts": dict(self.facts),
            "meaning": self.meaning,
            "do": self.do,
        }


@dataclass(frozen=True)
class Records:
    """What a name server said of one name and type. ``known`` False: it did not say, which is not the same as none."""

    name: str
    texts: tuple[str, ...] = ()
    known: bool = True

    @classmethod
    def of(cls, answer: DnsAnswer) -> Records:
        """TXT records as the text that their strings make together; others in presentation form."""
        name, _, rdtype = answer.question.rpartition(" ")
        texts = answer.texts
        if rdtype == "TXT":
            texts = tuple(txt_bytes(text).decode("utf-8", "replace") for text in texts)
        return cls(name, texts, answer.outcome is not Outcome.UNKNOWN)

    def tagged(self, version: str) -> tuple[str, ...]:
        """Those that begin with ``version`` as their first word or tag, in any case."""
        return tuple(text for text in self.texts if _first(text) == version.lower())


def _first(text: str) -> str:
    words = text.replace(";", " ; ").split(maxsplit=1)
    return words[0].lower() if words else ""


def unknown(check: str, records: Records, **facts: Any) -> Finding:
    return Finding(
        check,
        State.WARNING,
        f"The name servers did not answer for {records.name}: nothing is known.",
        "Run the doctor again; if it stays so, look at the setting nameservers and at the domain's own name servers.",
        {"name": records.name, **facts},
    )


def tags(text: str) -> dict[str, str]:
    """``v=DMARC1; p=none`` as a mapping; names in lower case, the first of two wins."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), value.strip())
    return found
