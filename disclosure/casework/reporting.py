"""Reports: the form becomes a sealed stream, the reporter keeps a way back in, nothing else is kept (R1–R8)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from disclosure.casework import codenames, pictures, reporteraddress
from disclosure.casework.casefile import Fact, coordinator
from disclosure.casework.codenames import normalised
from disclosure.casework.office import Office, domain_tokens_of, sha256
from disclosure.casework.pictures import Cleaned
from disclosure.casework.reporteraddress import Left
from disclosure.protocol import events as e
from disclosure.protocol.errors import IllegalMove, InvalidInput, NotFound, Refused
from disclosure.protocol.report import Report, apply_to_report, fold_report
from disclosure.protocol.values import AlertKind, Answer, Language, Sector, Severity, spell
from disclosure.store import ledger
from disclosure.store.sealing import quarter_of
from disclosure.store.tables import (
    access_log,
    case_reports,
    cases,
    domain_tokens,
    events,
    reports,
    streams,
    submissions,
)
from disclosure.store.tables import pictures as picture_rows
from disclosure.store.transactions import once

MAX_MESSAGE = 10_000
_NEWS = (e.ReportRead, e.ReporterAnswered, e.ReportDeclined, e.ReportAccepted)
SHOWN_AGAIN = timedelta(minutes=10)
# Built once: building a statement costs as much as running it.
_SUBMISSION, _REPORT = insert(submissions), insert(reports)
_DOMAIN, _PICTURE = insert(domain_tokens), insert(picture_rows)


@dataclass(frozen=True, kw_only=True)
class SubmitReport:
    """R6, parsed at the edge. ``token`` belongs to one rendered form: a second POST of it is recognised."""

    token: str
    kind: AlertKind
    severity_seen: Severity
    organisation: str
    domains: tuple[str, ...]
    country: str
    sector: Sector
    affected: str
    personal_data: Answer
    personal_data_kinds: str
    people_affected: str
    where_seen: str
    seen_when: str
    on_sale: Answer
    how_obtained: str
    description: str
    reporter_name: str
    consent_text: str
    wishes_anonymity: bool
    language: Language
    text_only: bool = False
    pictures: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, told: Any, sent: Sequence[bytes], token: str) -> SubmitReport:
        """From anything that has the same field names, such as the demonstration's reports."""
        names = [field.name for field in fields(cls) if field.name not in {"token", "text_only", "pictures"}]
        return cls(token=token, pictures=tuple(sent), **{name: getattr(told, name) for name in names})


@dataclass(frozen=True)
class Receipt:
    """Shown once: the server keeps only a keyed hash of the codename (R5)."""

    reference: str
    codename: str


def submit(office: Office, report: SubmitReport, now: datetime) -> Receipt:
    """One transaction for stream, events, rows and pictures. A second POST of a form stores nothing: ``again``."""
    cleaned = [pictures.clean(data) for data in report.pictures]
    report_id = office.store.keyring.new_stream()
    receipt = Receipt(spell(secrets.randbits(50)), _codename(office, report.token))
    kept = [(secrets.token_hex(16), picture) for picture in cleaned]
    facts: list[Fact] = [(e.REPORTER, _received(report))]
    facts += [(e.REPORTER, _kept(picture_id, picture)) for picture_id, picture in kept]
    stream = ledger.new_stream(office.store, report_id, "report", now, facts)
    row = {"id": report_id, **_row(office, receipt, report, now, len(facts))}
    named = _domains(office, report_id, report.domains)
    drawn = _pictures(office, report_id, kept)
    try:
        # Everything is made ready before: one gate lets all writers through, one at a time.
        with office.store.writing() as tx:
            tx.execute(_SUBMISSION, {"token_hash": sha256(report.token.encode()), "at": now})
            stream.write(tx)
            tx.execute(_REPORT, row)
            if named:
                tx.execute(_DOMAIN, named)
            if drawn:
                tx.execute(_PICTURE, drawn)
    except IntegrityError as error:
        if "submissions" in str(error.orig):
            return again(office, report.token, now)
        raise
    return receipt


def again(office: Office, token: str, now: datetime) -> Receipt:
    """The receipt of a form that was sent before, within minutes: a browser that sends twice shows the second answer
    only, and the seven words would be lost. Refused later: they are shown once (R5). NotFound: it was never sent."""
    codename = _codename(office, token)
    sent = select(submissions.c.at).where(submissions.c.token_hash == sha256(token.encode()))
    held = select(reports.c.reference).where(reports.c.codename_hash == codename_hash(office, codename))
    with office.store.reading() as connection:
        at, reference = connection.scalar(sent), connection.scalar(held)
    if at is None:
        raise NotFound("submission")
    if reference is None or now - at > SHOWN_AGAIN:
        raise Refused("R5", "already_sent")
    return Receipt(reference, codename)


def _codename(office: Office, token: str) -> str:
    """From the form's token, which only the browser that got the form holds, under a key that only we hold."""
    return codenames.codename_of(office.secrets.code_hash("form", token).encode())


def _received(report: SubmitReport) -> e.ReportReceived:
    return e.ReportReceived(**{field.name: getattr(report, field.name) for field in fields(e.ReportReceived)})


def _kept(picture_id: str, picture: Cleaned) -> e.PictureKept:
    return e.PictureKept(
        file_id=picture_id,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        size=len(picture.content),
        sha256=sha256(picture.content),
    )


def _row(office: Office, receipt: Receipt, report: SubmitReport, now: datetime, seq: int) -> dict[str, object]:
    return {
        "reference": receipt.reference,
        "codename_hash": codename_hash(office, receipt.codename),
        "triage": "received",
        "kind": report.kind,
        "severity_seen": report.severity_seen,
        "language": report.language,
        "received_at": now,
        "head_seq": seq,
    }


def codename_hash(office: Office, codename: str) -> str:
    return office.secrets.code_hash("codename", normalised(codename))


def _domains(office: Office, report_id: str, named: Sequence[str]) -> list[dict[str, object]]:
    return [{"token": token, "stream_id": report_id} for token in domain_tokens_of(office, named)]


def _pictures(office: Office, report_id: str, kept: Sequence[tuple[str, Cleaned]]) -> list[dict[str, object]]:
    if not kept:
        return []
    sealer = office.store.keyring.sealer(report_id)
    return [
        {
            "id": picture_id,
            "report_id": report_id,
            "media_type": picture.media_type,
            "width": picture.width,
            "height": picture.height,
            "sha256": sha256(picture.content),
            "sealed": sealer.seal(picture.content, f"pictures|sealed|{picture_id}"),
        }
        for picture_id, picture in kept
    ]


# --- one door for every change ---


def _change(office: Office, report_id: str, now: datetime, facts: Sequence[Fact]) -> Report:
    with office.store.writing() as tx:
        return _write(office, tx, report_id, now, facts)


def _write(office: Office, tx: Connection, report_id: str, now: datetime, facts: Sequence[Fact]) -> Report:
    ledger.hold(tx, [report_id])
    report = look(office, tx, report_id)
    if report.erased:  # its key is gone, so nothing can be sealed any more
        raise IllegalMove("triage", report.triage, type(facts[0][1]).__name__)
    entries = ledger.append(office.store, tx, report_id, report.last_seq, now, facts)
    for entry in entries:
        report = apply_to_report(report, entry)
    row = {"triage": report.triage, "read_at": report.read_at, "head_seq": report.last_seq}
    tx.execute(update(reports).where(reports.c.id == report_id).values(row))
    if any(isinstance(fact, _NEWS) for _, fact in facts):
        reporteraddress.tell(tx, report_id, now)
    return report


def look(office: Office, connection: Connection, report_id: str) -> Report:
    entries = ledger.read(office.store, connection, report_id)
    if not entries or not isinstance(entries[0].event, e.ReportReceived):
        raise NotFound("report")
    return fold_report(entries)


# --- the coordinators' side ---


@dataclass(frozen=True)
class ReportWords:
    """Everything that the reporter wrote, for coordinators."""

    id: str
    reference: str
    triage: str
    received_at: datetime
    words: e.ReportReceived
    pictures: tuple[str, ...]
    entries: tuple[e.Entry, ...]
    withdrawal_asked: bool


@dataclass(frozen=True)
class Waiting:
    """An inbox row."""

    id: str
    reference: str
    kind: AlertKind
    severity_seen: Severity
    language: Language
    triage: str
    received_at: datetime


def waiting(office: Office) -> tuple[Waiting, ...]:
    """Reports that are not accepted, declined or withdrawn yet, oldest first."""
    query = select(reports).where(reports.c.triage.in_(("received", "read"))).order_by(reports.c.received_at)
    with office.store.reading() as connection:
        return tuple(
            Waiting(
                row.id,
                row.reference,
                AlertKind(row.kind),
                Severity(row.severity_seen),
                Language(row.language),
                row.triage,
                row.received_at,
            )
            for row in connection.execute(query)
        )


def read_report(office: Office, report_id: str, coordinator_id: str, now: datetime) -> ReportWords:
    """The sealed words; that somebody looked goes to the access log (one row per person and quarter of an hour)."""
    seen(office, coordinator_id, report_id, now)
    with office.store.reading() as connection:
        row = connection.execute(select(reports).where(reports.c.id == report_id)).one_or_none()
        entries = ledger.read(office.store, connection, report_id, parts=ledger.EVERY_PART)
    if row is None or not entries or not isinstance(entries[0].event, e.ReportReceived):
        raise NotFound("report")
    files = tuple(entry.event.file_id for entry in entries if isinstance(entry.event, e.PictureKept))
    asked = fold_report(entries).withdrawal_asked
    return ReportWords(report_id, row.reference, row.triage, row.received_at, entries[0].event, files, entries, asked)


def seen(office: Office, coordinator_id: str, stream_id: str, now: datetime) -> None:
    """Views of sealed content are on record, outside the ledger (design.md section 4)."""
    key = {"coordinator_id": coordinator_id, "stream_id": stream_id, "quarter": quarter_of(now)}
    query = select(access_log.c.quarter).filter_by(**key)
    with office.store.reading() as connection:
        if connection.execute(query).first():
            return
    with office.store.writing() as tx:
        once(tx, access_log, key)


def picture(office: Office, report_id: str, picture_id: str) -> tuple[str, bytes]:
    """(media type, content) of a cleaned picture."""
    query = select(picture_rows).where(picture_rows.c.id == picture_id, picture_rows.c.report_id == report_id)
    with office.store.reading() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("picture")
    return row.media_type, office.store.keyring.sealer(report_id).open(row.sealed, f"pictures|sealed|{picture_id}")


def mark_read(office: Office, report_id: str, coordinator_id: str, now: datetime) -> None:
    """Once; reading again changes nothing."""
    with office.store.reading() as connection:
        if look(office, connection, report_id).triage != "received":
            return
    _change(office, report_id, now, [(coordinator(coordinator_id), e.ReportRead())])


def decline(office: Office, report_id: str, reason: str, coordinator_id: str, now: datetime) -> None:
    if not reason.strip():
        raise InvalidInput({"reason": "required"})
    _change(office, report_id, now, [(coordinator(coordinator_id), e.ReportDeclined(reason=reason.strip()))])


def answer(office: Office, report_id: str, text: str, coordinator_id: str, now: datetime) -> None:
    _message(text)
    _change(office, report_id, now, [(coordinator(coordinator_id), e.ReporterAnswered(text=text.strip()))])


def tie(office: Office, tx: Connection, report_id: str, case_id: str, actor: e.Actor, now: datetime) -> None:
    """Accept the report, if that is still to be done, and tie it to the case. Refused once it was withdrawn."""
    facts: list[Fact] = [(actor, e.ReportTied(case_id=case_id))]
    ledger.hold(tx, [report_id])
    report = look(office, tx, report_id)
    if report.triage == "withdrawn" or report.erased:
        raise Refused("R5", "report_withdrawn")
    if report.triage in {"received", "read"}:
        facts.insert(0, (actor, e.ReportAccepted()))
    _write(office, tx, report_id, now, facts)


def commitment(office: Office, connection: Connection, report_id: str) -> str:
    """R7: a case refers to a report by the hash of its first event."""
    query = select(events.c.hash).where(events.c.stream_id == report_id, events.c.seq == 1)
    found = connection.scalar(query)
    if found is None:
        raise NotFound("report")
    return str(found)


# --- the reporter's side ---


@dataclass(frozen=True)
class Said:
    """A message between reporter and coordinators."""

    at: datetime
    ours: bool
    text: str


@dataclass(frozen=True)
class ReporterPage:
    """R11: received, read, under way, closed, by day."""

    reference: str
    status: str  # received | read | under_way | closed | declined | withdrawn
    received_at: datetime
    since: datetime | None
    said: tuple[Said, ...]
    withdrawal_asked: bool
    erased: bool
    address: Left | None = None


def enter(office: Office, codename: str) -> str:
    """The report of a codename. NotFound for every other word, after the same work."""
    query = select(reports.c.id).where(reports.c.codename_hash == codename_hash(office, codename))
    with office.store.reading() as connection:
        found = connection.scalar(query)
    if found is None:
        raise NotFound("codename")
    return str(found)


def page(office: Office, report_id: str) -> ReporterPage:
    with office.store.reading() as connection:
        row = connection.execute(select(reports).where(reports.c.id == report_id)).one_or_none()
        if row is None:
            raise NotFound("report")
        entries = ledger.read(office.store, connection, report_id, parts={"reporter"})
        lives = select(cases.c.life).join(case_reports, case_reports.c.case_id == cases.c.id)
        life = set(connection.scalars(lives.where(case_reports.c.report_id == report_id)))
        left = reporteraddress.look(office, connection, report_id)
    report = fold_report(entries)
    said = tuple(
        Said(entry.at, isinstance(entry.event, e.ReporterAnswered | e.ReportDeclined), _said(entry.event))
        for entry in entries
        if isinstance(entry.event, e.ReporterWrote | e.ReporterAnswered | e.ReportDeclined)
    )
    status = {"accepted": "closed" if life == {"closed"} else "under_way"}.get(report.triage, report.triage)
    since = report.read_at if report.triage != "received" else None
    return ReporterPage(
        row.reference, status, row.received_at, since, said, report.withdrawal_asked, report.erased, left
    )


def _said(event: e.Event) -> str:
    return str(getattr(event, "text", "") or getattr(event, "reason", ""))


def write(office: Office, report_id: str, text: str, now: datetime) -> None:
    """A message from the reporter; one that echoes the codename is refused and not stored (R5)."""
    _message(text)
    with office.store.reading() as connection:
        held = connection.scalar(select(reports.c.codename_hash).where(reports.c.id == report_id))
    if codenames.echoes(str(held), text, lambda words: codename_hash(office, words)):
        raise InvalidInput({"text": "holds_the_codename"})
    _change(office, report_id, now, [(e.REPORTER, e.ReporterWrote(text=text.strip()))])


def withdraw(office: Office, report_id: str, now: datetime) -> bool:
    """Before first contact: closed and erased, True. Later it is a request that stops nothing by itself."""
    with office.store.reading() as connection:
        contacted = select(cases.c.number_known_at).join(case_reports, case_reports.c.case_id == cases.c.id)
        known = contacted.where(case_reports.c.report_id == report_id, cases.c.contact != "searching")
        before = connection.execute(known).first() is None
    facts: list[Fact] = [(e.REPORTER, e.ReportWithdrawn(before_first_contact=before))]
    if before:
        facts.append((e.REPORTER, e.ContentErased(reason="withdrawn")))
    with office.store.writing() as tx:
        _write(office, tx, report_id, now, facts)
        if before:
            tx.execute(update(streams).where(streams.c.id == report_id).values(erased_at=now))
            tx.execute(picture_rows.delete().where(picture_rows.c.report_id == report_id))
            tx.execute(domain_tokens.delete().where(domain_tokens.c.stream_id == report_id))
            reporteraddress.remove(tx, report_id)
    if before:
        office.store.keyring.erase(report_id)  # after the commit: the event says that it was done, then it is done
    return before


def _message(text: str) -> None:
    if not text.strip():
        raise InvalidInput({"text": "required"})
    if len(text) > MAX_MESSAGE:
        raise InvalidInput({"text": "too_long"})
