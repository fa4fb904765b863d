"""Hints from the organisation's own pages, each with the page that it stands on (OT-01). Pure."""

from __future__ import annotations

from disclosure.discovery import pages
from disclosure.discovery.candidates import Hint, HintKind
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.discovery.offers import Evidence, Found


def own_pages(evidence: Evidence, found: Found) -> None:
    for purpose in (Purpose.HUMANS_TXT, Purpose.LEGAL_PAGE):
        for probe in evidence.of(purpose):
            if probe.outcome is Outcome.FOUND and probe.body is not None:
                found.hints += _hints(probe, is_text=purpose is Purpose.HUMANS_TXT)


def _hints(probe: Probe, *, is_text: bool) -> list[Hint]:
    other = HintKind.HUMANS if is_text else HintKind.PAGE_ADDRESS
    hints = [] if is_text else [Hint(HintKind.LEGAL_PAGE, probe.question, probe.id)]
    for seen in pages.addresses(probe.body or b""):
        hints.append(Hint(HintKind.DPO_ADDRESS if seen.is_dpo else other, seen.address, probe.id))
    return hints
