"""Look-up evidence for the desk: every question of a case, and one of them with all that came back (R15, R16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from disclosure.casework import casefile, deskwords, searching
from disclosure.casework.office import Office
from disclosure.casework.rows import Tone
from disclosure.casework.words import short
from disclosure.discovery.evidence import Hop, Probe, Purpose
from disclosure.protocol import events as e
from disclosure.protocol.errors import NotFound
from disclosure.protocol.values import Language
from disclosure.store import ledger
from disclosure.store.tables import events, streams

MAX_BODY = 32_768  # ST-09: what a file may hold; more is cut where it is shown
_OF_CERTIFICATES = frozenset({Purpose.ENCRYPTION_URI, Purpose.WEB_KEY_DIRECTORY, Purpose.OPENPGPKEY, Purpose.KEYSERVER})
_TONES = {"found": Tone.ACKNOWLEDGED, "none": Tone.NEUTRAL, "unknown": Tone.CONTESTED}


@dataclass(frozen=True)
class LookupRow:
    probe_id: str
    at: datetime
    question: str
    outcome: str
    tone: Tone
    sha256: str


@dataclass(frozen=True)
class Evidence:
    """One look-up as it was recorded; ``body`` is text with what cannot be shown replaced."""

    probe_id: str
    purpose: str
    subject: str
    question: str
    asked_at: datetime
    outcome: str
    tone: Tone
    rule: str
    problems: tuple[str, ...]  # in words
    hops: tuple[Hop, ...]
    resolver: str
    validated: bool
    ttl: int | None
    records: tuple[str, ...]
    body: str
    body_length: int | None
    body_sha256: str


@dataclass(frozen=True)
class LookupGroup:
    """The look-ups of one search. ``certificates``: of a contact's address; else for the contacts of a domain."""

    subject: str
    certificates: bool
    rows: tuple[LookupRow, ...]


_OF_SEARCHES = (e.SearchStarted, e.CertificateSearchStarted, e.LookupRecorded)


def recorded(office: Office, case_id: str, language: Language) -> tuple[LookupGroup, ...]:
    """Every look-up of the case by its search, the newest first, those for contacts before those for certificates.

    Raises NotFound when there is no such case.
    """
    names = tuple(kind.__name__ for kind in _OF_SEARCHES)
    with office.store.reading() as connection:
        if connection.scalar(select(streams.c.id).where(streams.c.id == case_id, streams.c.kind == "case")) is None:
            raise NotFound("case")
        file = casefile.load(office, connection, case_id)
        domains = casefile.domains_of(office, connection, file)
        addresses = casefile.addresses(office, connection, file)
        query = select(events.c.seq).where(events.c.stream_id == case_id, events.c.type.in_(names))
        seqs = tuple(connection.scalars(query))
        entries = ledger.read(office.store, connection, case_id, parts=ledger.EVERY_PART, seqs=seqs) if seqs else ()
    subjects: dict[str, tuple[str, bool]] = {}
    rows: dict[str, list[LookupRow]] = {}
    for entry in entries:
        match entry.event:
            case e.SearchStarted(search_id=search_id, domain_id=domain_id):
                subjects[search_id] = (str(domains.get(domain_id, "")), False)
            case e.CertificateSearchStarted(search_id=search_id, contact_id=contact_id):
                subjects[search_id] = (addresses.get(contact_id, ""), True)
            case e.LookupRecorded() as said:
                rows.setdefault(said.search_id, []).insert(0, _row(entry.at, said, language))
    groups = [LookupGroup(*subjects[key], tuple(held)) for key, held in reversed(rows.items())]
    return tuple(sorted(groups, key=lambda group: group.certificates))


def _row(at: datetime, said: e.LookupRecorded, language: Language) -> LookupRow:
    outcome = short(said.outcome, language)
    return LookupRow(said.probe_id, at, said.question, outcome, _TONES[said.outcome], said.evidence_sha256)


def evidence(office: Office, case_id: str, probe_id: str, language: Language) -> Evidence:
    """Raises NotFound unless the look-up belongs to this case."""
    probe = Probe.from_json(searching.evidence(office, case_id, probe_id))
    dns = probe.dns
    return Evidence(
        probe_id=probe_id,
        purpose=deskwords.say(deskwords.PURPOSES, probe.purpose, language),
        subject=str(probe.subject),
        question=probe.question,
        asked_at=probe.asked_at,
        outcome=deskwords.say(deskwords.OUTCOMES, probe.outcome, language),
        tone=_TONES[probe.outcome],
        rule=probe.rule,
        problems=tuple(_trouble(probe.purpose, code, language) for code in probe.problems),
        hops=probe.hops,
        resolver=dns.resolver if dns else "",
        validated=bool(dns and dns.ad and dns.validating),
        ttl=dns.ttl if dns else None,
        records=dns.rrset if dns else (),
        body=(probe.body or b"")[:MAX_BODY].decode("utf-8", "replace"),
        body_length=probe.body_length,
        body_sha256=probe.body_sha256,
    )


def _trouble(purpose: Purpose, code: str, language: Language) -> str:
    first = (deskwords.CERTIFICATE_REASONS,) if purpose in _OF_CERTIFICATES else ()
    tables: tuple[Mapping[str, str], ...] = (*first, deskwords.TROUBLES)
    table = next((table for table in tables if code in table), deskwords.MARKS)
    return deskwords.say(table, code, language)
