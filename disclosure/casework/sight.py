"""Who looks at a case, in which language, and the names that ids stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from disclosure.language import translate
from disclosure.protocol.state import Case
from disclosure.protocol.values import Audience, Language


@dataclass(frozen=True)
class Sight:
    """Who looks, in which language, and the names that ids stand for."""

    audience: Audience
    language: Language
    names: Mapping[str, str]
    told_at: datetime | None = None  # when the first authority was told: what is answered later is late, and welcome

    def name(self, ref: str) -> str:
        return self.names.get(ref, "")

    def say(self, message: str, **parameters: object) -> str:
        return translate(self.language, message, **parameters)


def told_at(case: Case) -> datetime | None:
    return min((referred.at for referred in case.referred.values()), default=None)
