"""One report as coordinators read it: every word as plain text, and what belongs to it (R7, R13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from disclosure.casework import coordination, reporting
from disclosure.casework.finding import Found, labelled
from disclosure.casework.office import Office
from disclosure.casework.overview import TONES, State
from disclosure.casework.reporting import Said
from disclosure.casework.rows import Tone
from disclosure.casework.words import state_word, word
from disclosure.language import N_, translate
from disclosure.protocol import events as e
from disclosure.protocol.axes import Axis
from disclosure.protocol.values import Answer, Language
from disclosure.store.tables import case_reports, pictures

# What the reporter wrote, in the order of the form; lists are joined, empty ones left out.
_WORDS = (
    ("organisation", N_("Organisation")),
    ("domains", N_("Domains or addresses")),
    ("country", N_("Country")),
    ("affected", N_("What is affected")),
    ("personal_data_kinds", N_("Which personal data")),
    ("people_affected", N_("How many people")),
    ("where_seen", N_("Where it was seen")),
    ("seen_when", N_("When it was seen")),
    ("description", N_("Description")),
)
# R4, R21: for coordinators only; stands in no notice, dossier or bundle.
_PRIVATE = (
    ("how_obtained", N_("How it was obtained")),
    ("reporter_name", N_("Name given")),
    ("consent_text", N_("Written consent to be named")),
)


@dataclass(frozen=True)
class PictureRow:
    id: str
    width: int
    height: int
    sha256: str


@dataclass(frozen=True)
class ReportPage:
    """``begin``: what the form that opens a case starts from: the reporter's choices, to be judged again."""

    id: str
    reference: str
    state: State
    triage: str
    received_at: datetime
    chosen: tuple[tuple[str, str], ...]
    words: tuple[tuple[str, str], ...]
    private: tuple[tuple[str, str], ...]
    pictures: tuple[PictureRow, ...]
    said: tuple[Said, ...]
    related: tuple[Found, ...]
    cases: tuple[Found, ...]
    withdrawal_asked: bool
    text_only: bool
    begin: Mapping[str, str]

    @property
    def undecided(self) -> bool:
        return self.triage in {"received", "read"}


def page(office: Office, report_id: str, coordinator_id: str, language: Language, now: datetime) -> ReportPage:
    """Raises NotFound. That somebody looked is on record."""
    held = reporting.read_report(office, report_id, coordinator_id, now)
    related = coordination.related(office, report_id)
    with office.store.reading() as connection:
        tied = connection.scalars(select(case_reports.c.case_id).where(case_reports.c.report_id == report_id))
        cases = labelled(connection, [("case", case_id) for case_id in tied])
        others = labelled(connection, related)
        rows = connection.execute(select(pictures).where(pictures.c.report_id == report_id)).all()
    known = {row.id: PictureRow(row.id, row.width, row.height, row.sha256) for row in rows}
    state = State(state_word(Axis.TRIAGE, held.triage, language), TONES.get(held.triage, Tone.NEUTRAL))
    return ReportPage(
        id=report_id,
        reference=held.reference,
        state=state,
        triage=held.triage,
        received_at=held.received_at,
        chosen=_chosen(held.words, language),
        words=_said(held.words, _WORDS, language),
        private=_said(held.words, _PRIVATE, language),
        pictures=tuple(known[file_id] for file_id in held.pictures if file_id in known),
        said=tuple(_message(entry) for entry in held.entries if _is_message(entry.event)),
        related=tuple(found for found in others if found.id not in {case.id for case in cases}),
        cases=cases,
        withdrawal_asked=held.withdrawal_asked,
        text_only=held.words.text_only,
        begin=_begin(held.words),
    )


def _chosen(words: e.ReportReceived, language: Language) -> tuple[tuple[str, str], ...]:
    """What was picked from our own lists."""
    yes_no = Answer.YES if words.wishes_anonymity else Answer.NO
    pairs = [
        (N_("Kind"), word(words.kind, language)),
        (N_("Severity as the reporter sees it"), word(words.severity_seen, language)),
        (N_("Personal data"), word(words.personal_data, language)),
        (N_("On sale"), word(words.on_sale, language) if words.on_sale else ""),
        (N_("Sector"), word(words.sector, language) if words.sector else ""),
        (N_("Language"), {"fr": "français", "en": "English"}[words.language]),
        (N_("Wishes to stay unnamed"), word(yes_no, language)),
    ]
    return tuple((translate(language, label), value) for label, value in pairs if value)


def _said(
    words: e.ReportReceived, fields: tuple[tuple[str, str], ...], language: Language
) -> tuple[tuple[str, str], ...]:
    pairs = ((label, _text(getattr(words, name, ""))) for name, label in fields)
    return tuple((translate(language, label), value) for label, value in pairs if value)


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value or "")


def _is_message(event: e.Event) -> bool:
    return isinstance(event, e.ReporterWrote | e.ReporterAnswered | e.ReportDeclined)


def _message(entry: e.Entry) -> Said:
    event = entry.event
    text = str(getattr(event, "text", "") or getattr(event, "reason", ""))
    return Said(entry.at, not isinstance(event, e.ReporterWrote), text)


def _begin(words: e.ReportReceived) -> Mapping[str, str]:
    return {
        "organisation": words.organisation,
        "kind": str(words.kind),
        "severity": str(words.severity_seen),
        "personal_data": str(words.personal_data),
        "sector": str(words.sector),
        "country": words.country,
    }
