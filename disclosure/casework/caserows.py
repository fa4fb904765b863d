"""Every row that follows from a case's events, for ``disclosure verify`` (R42; design.md section 4).

What the worker notes for itself (leases, fences, next tries, a case's being stuck) is no fact of the case and is not
compared; tests/casework/test_verification.py lists each such column with its reason.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from disclosure.casework import casefile, inboxrows, mailrows, projecting
from disclosure.casework.casefile import CaseFile
from disclosure.casework.comparing import Place, compare
from disclosure.casework.office import Office, domain_tokens_of, sha256
from disclosure.protocol import events as e
from disclosure.protocol.case import fold
from disclosure.protocol.state import Task
from disclosure.store import ledger
from disclosure.store.sealing import Erased, Sealer
from disclosure.store.tables import (
    approvals,
    case_reports,
    cases,
    certificates,
    deadlines,
    domain_tokens,
    events,
    inbox,
    notice_pictures,
    probes,
    searches,
    tasks,
)

Entries = Sequence[e.Entry]
_CAME = (e.MailBounced, e.MailNoted, e.OrganisationMailed, e.AuthorityMailed)


def check(office: Office, connection: Connection, case_id: str) -> None:
    """Raises BrokenChain at the first row that differs from what the events say."""
    entries = ledger.read(office.store, connection, case_id)
    case = fold(entries)
    file = CaseFile(case_id, case, casefile.rules_for(office, connection, case))
    _case(connection, file)
    _reports(connection, file)
    _domains(office, connection, file)
    _deadlines(connection, file, entries)
    _tasks(connection, file)
    _approvals(connection, file)
    _searches(connection, file, entries)
    sealer = sealer_of(office, case_id)
    _probes(connection, file, entries, sealer)
    _certificates(connection, file, entries, sealer)
    _pictures(connection, file, entries, sealer)
    _inbox(office, connection, file, entries, sealer)
    mailrows.check(office, connection, file, entries, sealer)


def sealer_of(office: Office, stream_id: str) -> Sealer | None:
    """None once the stream was erased: its sealed rows cannot be read by anybody any more."""
    try:
        return office.store.keyring.sealer(stream_id)
    except Erased:
        return None


def end_of(file: CaseFile) -> Place:
    return Place(file.id, file.case.last_seq)


def _case(connection: Connection, file: CaseFile) -> None:
    case = file.case
    said = file.row | {"number": case.number, "opened_at": case.opened_at}
    rows = connection.execute(select(cases).where(cases.c.id == file.id))
    compare(end_of(file), "cases", {file.id: said}, rows, lambda row: row.id)


def _reports(connection: Connection, file: CaseFile) -> None:
    """R7: the rows name the reports that the events name, and each is still the one that was committed to."""
    rows = connection.execute(select(case_reports).where(case_reports.c.case_id == file.id))
    compare(end_of(file), "case_reports", {key: {} for key in file.case.reports}, rows, lambda row: row.report_id)
    firsts = select(events.c.stream_id, events.c.hash).where(
        events.c.stream_id.in_(tuple(file.case.reports)), events.c.seq == 1
    )
    held = {row.stream_id: row.hash for row in connection.execute(firsts)}
    for report_id, commitment in file.case.reports.items():
        if held.get(report_id) != commitment:
            raise end_of(file).fault(f"events: the report {report_id} is not the one that the case refers to")


def _domains(office: Office, connection: Connection, file: CaseFile) -> None:
    names = [str(domain) for domain in casefile.domains_of(office, connection, file).values()]
    if len(names) != len(file.case.domains):
        return  # erased: the names are gone, and nobody can say any more which tokens are theirs
    tokens = dict.fromkeys((*file.case.domains, *domain_tokens_of(office, names)))
    rows = connection.execute(select(domain_tokens).where(domain_tokens.c.stream_id == file.id))
    compare(end_of(file), "domain_tokens", {token: {} for token in tokens}, rows, lambda row: row.token)


def _deadlines(connection: Connection, file: CaseFile, entries: Entries) -> None:
    """Rows that were superseded are left as they are: nothing follows from them."""
    said: dict[Hashable, dict[str, Any]] = {
        (str(p.rung), str(p.clock)): {"state": "pending", "due_at": p.due_at, "fired_at": None} for p in file.plan
    }
    for entry in entries:
        if isinstance(entry.event, e.RungClimbed):
            key = (str(entry.event.rung), str(entry.event.clock))
            said[key] = {"state": "fired", "due_at": entry.event.due_at, "fired_at": entry.at}
    live = (deadlines.c.case_id == file.id) & (deadlines.c.state != "superseded")
    rows = connection.execute(select(deadlines).where(live))
    compare(end_of(file), "deadlines", said, rows, lambda row: (row.rung, row.clock))


def _tasks(connection: Connection, file: CaseFile) -> None:
    said = {
        t.id: {"kind": t.kind, "channel": t.channel, "due_at": t.due_at, "state": _state_of(t)}
        for t in file.case.tasks.values()
    }
    rows = connection.execute(select(tasks).where(tasks.c.case_id == file.id))
    compare(end_of(file), "tasks", said, rows, lambda row: row.id)


def _state_of(task: Task) -> str:
    if task.open:
        return "open"
    return "cancelled" if task.cancelled else "done"


def _approvals(connection: Connection, file: CaseFile) -> None:
    case = file.case
    said = {
        a.id: {"act": a.act, "expires_at": a.expires_at, "state": projecting.approval_state(case, a)}
        for a in case.approvals.values()
    }
    rows = connection.execute(select(approvals).where(approvals.c.case_id == file.id))
    compare(end_of(file), "approvals", said, rows, lambda row: row.id)


# --- searches and what they found ---


def _searches(connection: Connection, file: CaseFile, entries: Entries) -> None:
    said: dict[Hashable, dict[str, Any]] = {}
    for entry in entries:
        match entry.event:
            case e.SearchStarted(search_id=search_id, domain_id=domain_id):
                said[search_id] = {"domain_id": domain_id, "contact_id": None, "outcome": None}
            case e.CertificateSearchStarted(search_id=search_id, contact_id=contact_id):
                domain_id = file.case.contacts[contact_id].domain_id
                said[search_id] = {"domain_id": domain_id, "contact_id": contact_id, "outcome": None}
            case (
                e.SearchEnded(search_id=search_id, outcome=outcome)
                | e.CertificateSearchEnded(search_id=search_id, outcome=outcome)
            ) if search_id in said:
                said[search_id]["outcome"] = outcome
    rows = connection.execute(select(searches).where(searches.c.case_id == file.id))
    compare(end_of(file), "searches", said, rows, lambda row: row.id)


def _probes(connection: Connection, file: CaseFile, entries: Entries, sealer: Sealer | None) -> None:
    """The evidence of every look-up (EV-01)."""
    found = {x.event.probe_id: (x.seq, x.event) for x in entries if isinstance(x.event, e.LookupRecorded)}
    said = {key: {"search_id": event.search_id, "sha256": event.evidence_sha256} for key, (_, event) in found.items()}
    rows = connection.execute(select(probes).where(probes.c.case_id == file.id)).all()
    compare(end_of(file), "probes", said, rows, lambda row: row.id)
    for row in rows if sealer else ():
        place = Place(file.id, found[row.id][0])
        if sha256(opened(place, sealer, row.sealed, "probes", row.id)) != row.sha256:
            raise place.fault(f"probes.sealed of {row.id} is not the evidence that was recorded")


def _certificates(connection: Connection, file: CaseFile, entries: Entries, sealer: Sealer | None) -> None:
    said: dict[Hashable, dict[str, Any]] = {}
    for entry in entries:
        match entry.event:
            case e.CertificateFound(reason=reason) if reason:
                pass  # refused: its bytes were not kept; refused later, the row of before stays as it was
            case (
                e.CertificateHandedIn(certificate_id=key, fingerprint=fingerprint)
                | e.CertificateFound(certificate_id=key, fingerprint=fingerprint)
                | e.CertificateEntered(certificate_id=key, fingerprint=fingerprint)
            ):
                said[key] = {"fingerprint": fingerprint}
    rows = connection.execute(select(certificates).where(certificates.c.case_id == file.id)).all()
    compare(end_of(file), "certificates", said, rows, lambda row: row.id)
    for row in rows if sealer else ():
        opened(end_of(file), sealer, row.sealed, "certificates", row.id)


def _pictures(connection: Connection, file: CaseFile, entries: Entries, sealer: Sealer | None) -> None:
    """Pictures of notices: each is the one whose hash was recorded."""
    kept = {x.event.picture_id: (x.seq, x.event) for x in entries if isinstance(x.event, e.NoticePictureKept)}
    said = {
        key: {"media_type": p.media_type, "width": p.width, "height": p.height, "sha256": p.sha256}
        for key, (_, p) in kept.items()
    }
    rows = connection.execute(select(notice_pictures).where(notice_pictures.c.case_id == file.id)).all()
    compare(end_of(file), "notice_pictures", said, rows, lambda row: row.id)
    for row in rows if sealer else ():
        place = Place(file.id, kept[row.id][0])
        if sha256(opened(place, sealer, row.sealed, "notice_pictures", row.id)) != row.sha256:
            raise place.fault(f"notice_pictures.sealed of {row.id} is another picture")


def _inbox(office: Office, connection: Connection, file: CaseFile, entries: Entries, sealer: Sealer | None) -> None:
    """Mail that came in: each is the one whose hash was recorded, and about the mail that the events say."""
    said: dict[Hashable, dict[str, Any]] = {}
    places: dict[str, Place] = {}
    for entry in entries:
        if isinstance(entry.event, _CAME) and entry.event.inbox_id:
            said[entry.event.inbox_id] = {"mail_id": entry.event.mail_id, "sha256": entry.event.sha256}
            places[entry.event.inbox_id] = Place(file.id, entry.seq)
    rows = connection.execute(select(inbox).where(inbox.c.case_id == file.id)).all()
    compare(end_of(file), "inbox", said, rows, lambda row: row.id)
    for row in rows if sealer else ():
        inboxrows.check(office, places[row.id], row, sealer)


def opened(place: Place, sealer: Sealer | None, sealed: bytes, table: str, row_id: str) -> bytes:
    """The content of a sealed column; a fault when anything of it, or its place, was changed."""
    assert sealer is not None  # noqa: S101 - asked for only while the key exists
    try:
        return sealer.open(sealed, f"{table}|sealed|{row_id}")
    except Exception:
        raise place.fault(f"{table}.sealed of {row_id} was changed") from None
