"""What of a reply is new, and whether it repeats a notice in the clear. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from disclosure.mail.bodytext import new_text

RUN = 6  # words in a row, of a notice: no sentence of ours stands in every mail and in a notice alike
MOST = 20_000  # characters shown; the message itself is kept whole, and can be opened
_WORD = re.compile(r"\w+")


def own_words(text: str) -> str:
    """Without what was quoted; everything, where nothing would be left. What is cut ends in […]."""
    kept = "\n\n".join(part for part in new_text(text, len(text)) if part) or text.strip()
    return kept if len(kept) <= MOST else kept[:MOST] + " […]"


def repeats(reply: str, notice: Iterable[str]) -> bool:
    """Whether ``RUN`` words in a row of the notice stand in the reply, whatever their case and line breaks."""
    said = set(_runs(reply))
    return any(run in said for part in notice for run in _runs(part))


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    words = [word.casefold() for word in _WORD.findall(text)]
    return (tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1))
