"""``disclosure verify``: the chain, signed heads, sealed parts, and every row that follows from the fold (R42)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from disclosure.casework import casefile, noticepictures
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office, sha256
from disclosure.protocol import events as e
from disclosure.protocol import ladder
from disclosure.protocol.errors import BrokenChain, DisclosureError, NotFound
from disclosure.protocol.report import fold_report
from disclosure.protocol.values import AlertNumber
from disclosure.store import ledger
from disclosure.store.sealing import Erased
from disclosure.store.tables import cases, deadlines, notice_pictures, outbox, probes, reports, tasks


@dataclass(frozen=True)
class Verified:
    """``fault`` says where: the stream, the entry, and what is wrong there; empty when all is well."""

    ok: bool
    streams: int
    events: int
    fault: str = ""


def verify(office: Office, case: str | None = None) -> Verified:
    """One case (alert number or id), or every stream."""
    streams = count = 0
    with office.store.reading() as connection:
        try:
            for stream_id, kind in _streams(connection, case):
                head = ledger.verify(office.store, connection, stream_id)
                streams, count = streams + 1, count + head.seq
                _verify_rows(office, connection, stream_id, kind)
        except (BrokenChain, DisclosureError) as fault:
            return Verified(False, streams, count, str(fault))
    return Verified(True, streams, count)


def _streams(connection: Connection, case: str | None) -> list[tuple[str, str]]:
    if case is None:
        return list(ledger.all_streams(connection))
    return [(case_id(connection, case), "case")]


def case_id(connection: Connection, case: str) -> str:
    """The id of an alert number or of an id. Raises NotFound."""
    found = connection.scalar(select(cases.c.id).where(cases.c.id == case))
    if found is None:
        number = str(AlertNumber.parse(case))
        found = connection.scalar(select(cases.c.id).where(cases.c.number == number))
    if found is None:
        raise NotFound("case")
    return str(found)


def _verify_rows(office: Office, connection: Connection, stream_id: str, kind: str) -> None:
    if kind == "report":
        _verify_report(office, connection, stream_id)
    else:
        _verify_case(office, connection, casefile.load(office, connection, stream_id))


def _verify_report(office: Office, connection: Connection, stream_id: str) -> None:
    report = fold_report(ledger.read(office.store, connection, stream_id))
    row = connection.execute(select(reports).where(reports.c.id == stream_id)).one_or_none()
    if row is None:
        raise BrokenChain(stream_id, report.last_seq, "the report's row is missing")
    said = {"triage": report.triage, "received_at": report.received_at, "head_seq": report.last_seq}
    _compare(stream_id, report.last_seq, said, row)


def _verify_case(office: Office, connection: Connection, file: CaseFile) -> None:
    case, last = file.case, file.case.last_seq
    row = connection.execute(select(cases).where(cases.c.id == file.id)).one_or_none()
    if row is None:
        raise BrokenChain(file.id, last, "the case's row is missing")
    said = casefile.case_row(case, file.rules) | {"number": case.number, "opened_at": case.opened_at}
    _compare(file.id, last, said, row)
    _verify_deadlines(connection, file)
    held = {
        r.id: r.state for r in connection.execute(select(tasks.c.id, tasks.c.state).where(tasks.c.case_id == file.id))
    }
    states = {t.id: "open" if t.open else "cancelled" if t.cancelled else "done" for t in case.tasks.values()}
    _same(file.id, last, "tasks", states, held)
    _verify_mails(office, connection, file)
    _verify_pictures(office, connection, file)
    _verify_evidence(office, connection, file)


def _verify_deadlines(connection: Connection, file: CaseFile) -> None:
    rows = connection.execute(
        select(deadlines).where(deadlines.c.case_id == file.id, deadlines.c.state != "superseded")
    )
    held = {(r.rung, r.clock): (r.state, r.due_at) for r in rows}
    said = casefile.deadline_rows(file.case, ladder.plan(file.case, file.rules))
    _same(file.id, file.case.last_seq, "deadlines", said, held)


def _verify_mails(office: Office, connection: Connection, file: CaseFile) -> None:
    """Escalated if and only if an outbox row exists; prepared bytes are those whose hash the ledger holds."""
    rows = {r.id: r for r in connection.execute(select(outbox).where(outbox.c.case_id == file.id))}
    queued = {mail.id for mail in file.case.mails.values()}
    of_case = {key for key, r in rows.items() if r.mail_type != "coordinators_called"}
    if queued != of_case:
        raise BrokenChain(file.id, file.case.last_seq, "the outbox and the ledger name different mails")
    for entry in ledger.read(office.store, connection, file.id):
        if isinstance(entry.event, e.MailPrepared) and rows[entry.event.mail_id].sha256 != entry.event.sha256:
            raise BrokenChain(file.id, entry.seq, "the prepared mail is not the one whose hash was recorded")


def _verify_pictures(office: Office, connection: Connection, file: CaseFile) -> None:
    """Every picture of a notice is there, and is the one whose hash was recorded."""
    entries = ledger.read(office.store, connection, file.id)
    kept = [(x.seq, x.event) for x in entries if isinstance(x.event, e.NoticePictureKept)]
    rows = connection.scalars(select(notice_pictures.c.id).where(notice_pictures.c.case_id == file.id))
    _same(
        file.id,
        file.case.last_seq,
        "notice_pictures",
        dict.fromkeys((event.picture_id for _, event in kept), 1),
        dict.fromkeys(rows, 1),
    )
    for seq, event in kept:
        try:
            content = noticepictures.read(office, connection, file.id, event.picture_id).content
        except Erased:
            return
        except Exception:
            raise BrokenChain(file.id, seq, "a picture of the notice was changed") from None
        if sha256(content) != event.sha256:
            raise BrokenChain(file.id, seq, "a picture of the notice is another one")


def _verify_evidence(office: Office, connection: Connection, file: CaseFile) -> None:
    rows = {r.id: r.sealed for r in connection.execute(select(probes).where(probes.c.case_id == file.id))}
    try:
        sealer = office.store.keyring.sealer(file.id)
    except Erased:
        return
    for entry in ledger.read(office.store, connection, file.id):
        if not isinstance(entry.event, e.LookupRecorded):
            continue
        sealed = rows.get(entry.event.probe_id)
        if sealed is None:
            raise BrokenChain(file.id, entry.seq, "the evidence of a look-up is missing")
        try:
            content = sealer.open(sealed, f"probes|sealed|{entry.event.probe_id}")
        except Exception:
            raise BrokenChain(file.id, entry.seq, "the evidence of a look-up was changed") from None
        if sha256(content) != entry.event.evidence_sha256:
            raise BrokenChain(file.id, entry.seq, "the evidence of a look-up is another one")


def _compare(stream_id: str, seq: int, said: dict[str, Any], row: Any) -> None:
    for column, value in said.items():
        stored = getattr(row, column)
        if _flat(stored) != _flat(value):
            raise BrokenChain(stream_id, seq, f"column {column} says {stored!s}, the events say {value!s}")


def _same(stream_id: str, seq: int, what: str, said: dict[Any, Any], held: dict[Any, Any]) -> None:
    if said != held:
        keys = sorted(str(key) for key in said.keys() ^ held.keys()) or sorted(
            str(key) for key in said if said[key] != held[key]
        )
        raise BrokenChain(stream_id, seq, f"{what}: the rows differ from the events at {keys[0]}")


def _flat(value: Any) -> Any:
    return value if isinstance(value, datetime | None) else str(value)
