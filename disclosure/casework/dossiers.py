"""The dossier for an authority (R39, R40): facts, chronology, proven attempts only; the reporter with consent only.

Plain text, in the authority's language. It is written once, at the referral, and kept sealed in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from disclosure.casework import timeline
from disclosure.casework.casefile import CaseFile
from disclosure.casework.notices import Basis, NoticeText, defang
from disclosure.casework.office import Office
from disclosure.casework.sight import Sight
from disclosure.casework.words import short, standing_word, state_word, word
from disclosure.language import N_, format_day, format_when, translate
from disclosure.protocol import events as e
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import MailType
from disclosure.protocol.values import Audience, Language
from disclosure.store import ledger
from disclosure.store.tables import events

RULE = "-" * 72
# What an authority is told of the way: attempts that left, answers that came, rungs. Not our notes, not the reports.
_CHRONOLOGY = (
    e.CaseOpened,
    e.DomainTied,
    e.MailRelayed,
    e.MailRefused,
    e.MailBounced,
    e.MailDelivered,
    e.PersonConfirmed,
    e.StandingShown,
    e.NoticeReleased,
    e.NoticeOpened,
    e.NoticeAcknowledged,
    e.NoticeContested,
    e.RemediationPlanned,
    e.RemediationClaimed,
    e.RungClimbed,
    e.TaskDone,
    e.EmbargoEnded,
    e.OutageCredited,
    e.AuthorityReferred,
)
_BASIS = {
    Basis.REPORTED: N_("reported to us"),
    Basis.PUBLIC: N_("publicly visible on %(day)s"),
    Basis.ORGANISATION: N_("said by the organisation"),
}


def write(office: Office, connection: Connection, file: CaseFile, authority_id: str, now: datetime) -> str:
    """The dossier's text for one authority, as things stand at ``now``."""
    language = office.policy.language_of_authority(authority_id)
    entries = ledger.read(office.store, connection, file.id, parts=ledger.EVERY_PART)
    sight = Sight(Audience.COORDINATOR, language, timeline.names(office, connection, file))
    sections = (
        _head(file, entries, language, now),
        _facts(entries, language),
        _chronology(entries, sight, _hashes(connection, file.id)),
        _answers(file, sight),
        _source(office, connection, file, language),
    )
    return f"\n\n{RULE}\n\n".join(section for section in sections if section) + "\n"


def _say(language: Language, message: str, **parameters: object) -> str:
    return translate(language, message, **parameters)


def _lines(pairs: Iterable[tuple[str, str]], language: Language) -> str:
    return "\n".join(_say(language, N_("%(label)s: %(value)s"), label=label, value=value) for label, value in pairs)


def _head(file: CaseFile, entries: tuple[e.Entry, ...], language: Language, now: datetime) -> str:
    opened = next(entry.event for entry in entries if isinstance(entry.event, e.CaseOpened))
    assessed = file.case.assessed
    assert assessed is not None  # noqa: S101 - nothing is referred before it was assessed
    domains = ", ".join(entry.event.domain for entry in entries if isinstance(entry.event, e.DomainTied))
    pairs = [
        (_say(language, N_("Alert number")), file.case.number),
        (_say(language, N_("Dossier written")), format_when(now, language)),
        (_say(language, N_("Organisation")), f"{opened.organisation} ({short(opened.role, language)})"),
        (_say(language, N_("Domains")), domains),
        (_say(language, N_("Kind")), word(assessed.kind, language)),
        (_say(language, N_("Severity (our scale)")), word(assessed.severity, language)),
        (_say(language, N_("Personal data")), word(assessed.personal_data, language)),
        (_say(language, N_("Sector")), word(assessed.sector, language)),
        (_say(language, N_("Country")), assessed.country),
    ]
    return _say(language, N_("DOSSIER")) + "\n\n" + _lines(pairs, language)


def _facts(entries: tuple[e.Entry, ...], language: Language) -> str:
    """The notice as released last, or as drafted: each fact with what it rests on."""
    released = [entry.event.text for entry in entries if isinstance(entry.event, e.NoticeReleased)]
    drafted = [entry.event.draft for entry in entries if isinstance(entry.event, e.NoticeDrafted)]
    texts = released or drafted  # what a coordinator released goes before what is still being written
    if not texts:
        return _say(
            language,
            N_("FACTS\n\nNo notice was written yet: nobody at the organisation has shown that they speak for it."),
        )
    notice = NoticeText.read(texts[-1])
    stated = [f"- ({basis_word(fact.basis, fact.on, language)}) {defang(fact.text)}" for fact in notice.facts]
    parts = [_say(language, N_("FACTS")), defang(notice.presentation), defang(notice.technical), *stated]
    return "\n\n".join(part for part in parts if part)


def basis_word(basis: Basis, on: object, language: Language) -> str:
    day = format_day(on, language) if on else ""  # type: ignore[arg-type]
    return _say(language, _BASIS[basis], day=day) if basis is Basis.PUBLIC else _say(language, _BASIS[basis])


def _hashes(connection: Connection, case_id: str) -> dict[int, str]:
    rows = connection.execute(select(events.c.seq, events.c.hash).where(events.c.stream_id == case_id))
    return {row.seq: row.hash for row in rows}


def _chronology(entries: tuple[e.Entry, ...], sight: Sight, hashes: dict[int, str]) -> str:
    """Attempts that left and answers that came, each with the hash that the ledger holds."""
    rows = []
    for entry in entries:
        if not isinstance(entry.event, _CHRONOLOGY) or _is_internal(entry.event):
            continue
        row = timeline.row_of(entry, sight)
        said = f"    {row.sentence}{_proof(entry.event)}\n    {hashes[entry.seq]}"
        rows.append(f"{format_when(entry.at, sight.language)}\n{said}")
    head = N_("CHRONOLOGY (hour of Paris), each entry with its SHA-256 in our ledger")
    return _say(sight.language, head) + "\n\n" + "\n".join(rows)


def _is_internal(event: e.Event) -> bool:
    return isinstance(event, e.MailRelayed) and event.mail_type is MailType.SECOND_CODE


def _proof(event: e.Event) -> str:
    match event:
        case e.MailRelayed(reply=reply) if reply:
            return f"\n    < {reply}"
        case e.TaskDone(proof=proof, reference=reference):
            return f"\n    {proof} {reference}".rstrip()
    return ""


def _answers(file: CaseFile, sight: Sight) -> str:
    case, language = file.case, sight.language
    others = ", ".join(sorted(sight.name(authority_id) for authority_id in case.referred))
    pairs = [
        (
            _say(language, N_("Persons who confirmed")),
            ", ".join(standing_word(p.standing, language) for p in case.persons.values()) or _say(language, N_("none")),
        ),
        (_say(language, N_("Acknowledgement")), _state(file, Axis.ACKNOWLEDGEMENT, language)),
        (_say(language, N_("Remediation")), _state(file, Axis.REMEDIATION, language)),
        (_say(language, N_("Others told")), others or _say(language, N_("none"))),
    ]
    return _say(language, N_("WHAT THE ORGANISATION ANSWERED")) + "\n\n" + _lines(pairs, language)


def _state(file: CaseFile, axis: Axis, language: Language) -> str:
    return state_word(axis, file.case.state(axis), language)


def _source(office: Office, connection: Connection, file: CaseFile, language: Language) -> str:
    """R21: nothing about the source, unless the written consent is stored."""
    named = []
    for report_id in file.case.reports:
        received = ledger.one(office.store, connection, report_id, 1)
        if isinstance(received, e.ReportReceived) and received.consent_text and received.reporter_name:
            named.append(f"{received.reporter_name}: {received.consent_text}")
    if not named:
        return _say(language, N_("SOURCE\n\nThe source is protected and is not named."))
    return _say(language, N_("SOURCE, with written consent")) + "\n\n" + "\n".join(named)
