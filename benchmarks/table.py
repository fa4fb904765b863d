"""Rows of figures, as a table or as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. ``target`` is a bound in ``unit``: a floor when ``at_least``, else a ceiling; None: only shown.

    ``beside`` is what the figure is to be read with: the bare floor's own figure, the spread, the counts.
    """

    figure: str
    measured: float
    unit: str
    target: float | None = None
    at_least: bool = False
    beside: str = ""

    @property
    def reached(self) -> bool | None:
        """None where there is nothing to reach."""
        if self.target is None:
            return None
        return self.measured >= self.target if self.at_least else self.measured <= self.target


Measure = Callable[..., Iterable[Row]]
HEADINGS = ("figure", "target", "measured", "", "beside")


def share(values: Sequence[float], part: float) -> float:
    """The value that ``part`` (0…1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]


def spread(values: Sequence[float], unit: str) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{len(values)} rounds: {low:.3g} / {middle:.3g} / {high:.3g} {unit}"


def as_json(rows: Iterable[Row]) -> list[dict[str, object]]:
    return [asdict(row) | {"reached": row.reached} for row in rows]


def as_text(rows: Iterable[Row]) -> str:
    """One line per row, columns as wide as they need to be."""
    lines = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    target = "" if row.target is None else f"{'>=' if row.at_least else '<='} {row.target:g} {row.unit}"
    verdict = {None: "", True: "ok", False: "missed"}[row.reached]
    return row.figure, target.rstrip(), f"{row.measured:.3g} {row.unit}".rstrip(), verdict, row.beside
