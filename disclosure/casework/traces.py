"""Where something failed, for the log: without the words of the error, which may quote what a person wrote (R2)."""

from __future__ import annotations

import traceback


def trace(error: BaseException) -> str:
    """Kind and way of the error and of what it came from; lines of our code, never a value."""
    told, seen = [], set[int]()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        told.append(f"{type(current).__name__}\n{''.join(traceback.format_tb(current.__traceback__))}")
        current = current.__cause__ or current.__context__
    return "after ".join(told)
