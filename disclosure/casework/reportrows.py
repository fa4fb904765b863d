"""Every row that follows from a report's events, for ``disclosure verify`` (R42)."""

from __future__ import annotations

from sqlalchemy import Connection, select

from disclosure.casework.caserows import opened, sealer_of
from disclosure.casework.comparing import Place, compare
from disclosure.casework.office import Office, domain_tokens_of, sha256
from disclosure.protocol import events as e
from disclosure.protocol.report import fold_report
from disclosure.store import ledger
from disclosure.store.tables import case_reports, domain_tokens, pictures, reports


def check(office: Office, connection: Connection, report_id: str) -> None:
    """Raises BrokenChain at the first row that differs from what the events say."""
    entries = ledger.read(office.store, connection, report_id, parts=ledger.EVERY_PART)
    report, received = fold_report(entries), entries[0].event
    assert isinstance(received, e.ReportReceived)  # noqa: S101 - a stream of this kind starts so
    place = Place(report_id, report.last_seq)
    said = {
        "triage": report.triage,
        "kind": received.kind,
        "severity_seen": received.severity_seen,
        "language": received.language,
        "received_at": report.received_at,
        "read_at": report.read_at,
        "head_seq": report.last_seq,
    }
    rows = connection.execute(select(reports).where(reports.c.id == report_id))
    compare(place, "reports", {report_id: said}, rows, lambda row: row.id)
    tied = connection.execute(select(case_reports).where(case_reports.c.report_id == report_id))
    compare(place, "case_reports", {case_id: {} for case_id in report.cases}, tied, lambda row: row.case_id)
    domains = () if report.erased else received.domains
    tokens: dict[str, dict[str, object]] = {token: {} for token in domain_tokens_of(office, domains)}
    named = connection.execute(select(domain_tokens).where(domain_tokens.c.stream_id == report_id))
    compare(place, "domain_tokens", tokens, named, lambda row: row.token)
    _pictures(office, connection, place, () if report.erased else entries)


def _pictures(office: Office, connection: Connection, place: Place, entries: tuple[e.Entry, ...]) -> None:
    kept = {entry.event.file_id: entry.event for entry in entries if isinstance(entry.event, e.PictureKept)}
    said = {
        key: {"media_type": p.media_type, "width": p.width, "height": p.height, "sha256": p.sha256}
        for key, p in kept.items()
    }
    rows = connection.execute(select(pictures).where(pictures.c.report_id == place.stream_id)).all()
    compare(place, "pictures", said, rows, lambda row: row.id)
    sealer = sealer_of(office, place.stream_id)
    for row in rows if sealer else ():
        if sha256(opened(place, sealer, row.sealed, "pictures", row.id)) != row.sha256:
            raise place.fault(f"pictures.sealed of {row.id} is another picture")
