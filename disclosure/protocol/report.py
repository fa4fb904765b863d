"""A report is the fold of its stream: triage, the cases it was tied to, what became of it (R5, R7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from disclosure.protocol import events as e
from disclosure.protocol.axes import FIRST, Axis, moved


@dataclass(frozen=True)
class Report:
    """Fold of a report's stream."""

    received_at: datetime | None = None
    read_at: datetime | None = None
    axes: Mapping[Axis, str] = field(default_factory=lambda: {Axis.TRIAGE: FIRST[Axis.TRIAGE]})
    cases: tuple[str, ...] = ()
    withdrawal_asked: bool = False
    erased: bool = False
    last_seq: int = 0

    @property
    def triage(self) -> str:
        return self.axes[Axis.TRIAGE]


def fold_report(entries: Iterable[e.Entry]) -> Report:
    report = Report()
    for entry in entries:
        report = apply_to_report(report, entry)
    return report


def apply_to_report(report: Report, entry: e.Entry) -> Report:
    report = replace(report, axes=moved(report.axes, entry.event), last_seq=entry.seq)
    match entry.event:
        case e.ReportReceived():
            return replace(report, received_at=entry.at)
        case e.ReportRead() | e.ReportAccepted() | e.ReportDeclined():
            return replace(report, read_at=report.read_at or entry.at)
        case e.ReportTied(case_id=case_id):
            return replace(report, cases=(*report.cases, case_id))
        case e.ReportWithdrawn(before_first_contact=False):
            return replace(report, withdrawal_asked=True)
        case e.ContentErased():
            return replace(report, erased=True)
    return report
