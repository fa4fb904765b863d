"""Writing the notice: the last draft to begin from, and the reports' own words beside it as source text (R20)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from disclosure.casework import casefile, noticepictures, reportpage, wholecase
from disclosure.casework.noticepictures import Offered
from disclosure.casework.notices import NoticeText
from disclosure.casework.office import Office
from disclosure.casework.reportpage import ReportPage
from disclosure.casework.wholecase import WholeCase
from disclosure.protocol import events as e
from disclosure.protocol.errors import NotFound
from disclosure.protocol.values import Language
from disclosure.store import ledger


@dataclass(frozen=True)
class NoticeDesk:
    """``begin``: form field → text of the last draft; without one, empty. ``chosen``: pictures of that draft."""

    case: WholeCase
    sources: tuple[ReportPage, ...]
    begin: Mapping[str, str]
    pictures: tuple[Offered, ...] = ()
    chosen: tuple[str, ...] = ()


def writing(office: Office, case_id: str, coordinator_id: str, language: Language, now: datetime) -> NoticeDesk:
    """Raises NotFound. A report that was erased is left out."""
    case = wholecase.page(office, case_id, coordinator_id, language, now, before=1)
    sources = []
    for report in case.reports:
        try:
            sources.append(reportpage.page(office, report.id, coordinator_id, language, now))
        except NotFound:
            continue
    with office.store.reading() as connection:
        pictures = noticepictures.offered(connection, case_id)
    drafted = _drafted(office, case_id)
    return NoticeDesk(
        case, tuple(sources), fields(drafted) if drafted else {}, pictures, drafted.pictures if drafted else ()
    )


def _drafted(office: Office, case_id: str) -> NoticeText | None:
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        if not file.case.draft_seq:
            return None
        drafted = ledger.one(office.store, connection, case_id, file.case.draft_seq)
    return NoticeText.read(drafted.draft) if isinstance(drafted, e.NoticeDrafted) and drafted.draft else None


def drafted_pictures(office: Office, case_id: str) -> tuple[Offered, ...]:
    """The pictures of the last draft, in its order, to be looked at before it is released."""
    drafted = _drafted(office, case_id)
    with office.store.reading() as connection:
        known = {one.id: one for one in noticepictures.offered(connection, case_id)}
    return tuple(known[pid] for pid in drafted.pictures if pid in known) if drafted else ()


def fields(text: NoticeText) -> Mapping[str, str]:
    """A notice as the fields of its form."""
    held = {"presentation": text.presentation, "technical": text.technical, "advice": text.advice}
    for place, fact in enumerate(text.facts, 1):
        held[f"fact-{place}"] = fact.text
        held[f"basis-{place}"] = str(fact.basis)
        held[f"on-{place}"] = fact.on.isoformat() if fact.on else ""
    return held
