"""The certificates of one contact at the desk: where from, when, what the judge says now, which is used (R18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from disclosure.casework import casefile, certkeeping, certsearching, deskwords, recipients, wholecase
from disclosure.casework.casefile import CaseFile, Fact, Hand, addresses
from disclosure.casework.office import Office, new_id
from disclosure.casework.people import ContactRow
from disclosure.casework.recipients import Unsendable
from disclosure.casework.rows import Tone
from disclosure.casework.wholecase import WholeCase
from disclosure.casework.words import source_word
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.verdict import Verdict
from disclosure.protocol import events as e
from disclosure.protocol.contactcertificates import certificate_for
from disclosure.protocol.errors import InvalidInput, NotFound, Refused
from disclosure.protocol.state import CertificateSearch, ContactCertificate
from disclosure.protocol.values import Address, Channel, Language
from disclosure.store import ledger


@dataclass(frozen=True)
class CertificateRow:
    """``words``: the verdict of this minute. ``choosable``: "use this one" makes sense."""

    id: str
    fingerprint: str
    source: str
    found_at: datetime
    words: str
    tone: Tone
    marks: tuple[str, ...]
    user_ids: tuple[str, ...]
    expires_at: datetime | None
    used: bool
    choosable: bool
    probe_ids: tuple[str, ...]


@dataclass(frozen=True)
class CertificatePage:
    """``outcome``: words for what the newest search came to; empty before the first. ``none_chosen``: sign only."""

    case: WholeCase
    contact: ContactRow
    rows: tuple[CertificateRow, ...]
    searching: bool
    searched_at: datetime | None
    outcome: str
    none_chosen: bool

    @property
    def encrypts(self) -> bool:
        return any(row.used for row in self.rows)


def page(
    office: Office, case_id: str, contact_id: str, coordinator_id: str, language: Language, now: datetime
) -> CertificatePage:
    """Raises NotFound for what is no mail contact of the case."""
    case = wholecase.page(office, case_id, coordinator_id, language, now, before=1)
    contact = next((row for row in case.contacts.all if row.id == contact_id and row.channel is Channel.MAIL), None)
    if contact is None:
        raise NotFound("contact")
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        rows = _rows(office, connection, file, contact, language, now)
    search = file.case.certificate_searches.get(contact_id)
    return CertificatePage(
        case=case,
        contact=contact,
        rows=rows,
        searching=certsearching.waits(file.case, contact_id),
        searched_at=search.ended_at if search else None,
        outcome=_outcome(search, language),
        none_chosen=file.case.certificates_chosen.get(contact_id) == "",
    )


def _outcome(search: CertificateSearch | None, language: Language) -> str:
    return deskwords.say(deskwords.OUTCOMES, search.outcome, language) if search and search.outcome else ""


def _rows(
    office: Office, connection: Connection, file: CaseFile, contact: ContactRow, language: Language, now: datetime
) -> tuple[CertificateRow, ...]:
    used = certificate_for(file.case, contact.id)
    newest = file.case.certificate_searches.get(contact.id)
    mine = [
        c
        for c in file.case.certificates.values()
        # What an earlier search refused is history, and stands in the timeline.
        if c.contact_id == contact.id and (not c.reason or (newest and c.search_id == newest.id))
    ]
    mine.sort(key=lambda c: (c is not used, bool(c.reason), c.review, c.rank, c.seq))
    entered = {c.seq for c in mine if c.manual}
    entries = ledger.read(office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=tuple(entered))
    said = {x.seq: x.event.source for x in entries if isinstance(x.event, e.CertificateEntered)} if entered else {}
    return tuple(_row(office, connection, file, c, said, used=c is used, language=language, now=now) for c in mine)


def _row(
    office: Office,
    connection: Connection,
    file: CaseFile,
    certificate: ContactCertificate,
    said: Mapping[int, str],
    *,
    used: bool,
    language: Language,
    now: datetime,
) -> CertificateRow:
    verdict = None if certificate.reason else _verdict(office, connection, file.id, certificate.id, now)
    reason = certificate.reason or (str(verdict.reason) if verdict and not verdict.usable else "")
    words, tone = _verdict_words(reason, review=certificate.review and not used, language=language)
    return CertificateRow(
        id=certificate.id,
        fingerprint=certificate.fingerprint,
        source=said.get(certificate.seq, "") or source_word(certificate.source, language),
        found_at=certificate.found_at,
        words=words,
        tone=tone,
        marks=tuple(deskwords.say(deskwords.MARKS, flag, language) for flag in certificate.flags),
        user_ids=verdict.user_ids if verdict else (),
        expires_at=verdict.expires_at if verdict else None,
        used=used and not reason,
        choosable=not (used or reason),
        probe_ids=certificate.probe_ids,
    )


def _verdict_words(reason: str, *, review: bool, language: Language) -> tuple[str, Tone]:
    if reason:
        return deskwords.say(deskwords.CERTIFICATE_REASONS, reason, language), Tone.HARM
    code = "review" if review else "usable"
    return deskwords.say(deskwords.VERDICTS, code, language), Tone.CONTESTED if review else Tone.ACKNOWLEDGED


def _verdict(
    office: Office, connection: Connection, case_id: str, certificate_id: str, now: datetime
) -> Verdict | None:
    try:
        content = recipients.certificate(office, connection, case_id, certificate_id)
    except Unsendable:
        return None
    return judge_safely(content, address=None, now=now)


# --- acts ---


def choose(hand: Hand, contact_id: str, certificate_id: str) -> None:
    """ "Use this one"; an empty id: sign only. Judged once more, for it may have lapsed since (R18)."""
    if certificate_id:
        with hand.office.store.reading() as connection:
            file = casefile.load(hand.office, connection, hand.case_id)
            if certificate_id not in file.case.certificates:
                raise Refused("R18", "unknown_certificate")
            verdict = _verdict(hand.office, connection, hand.case_id, certificate_id, hand.now)
        if verdict is None or not verdict.usable:
            raise Refused("R18", "certificate_refused")
    casefile.record(hand, e.CertificateChosen(contact_id=contact_id, certificate_id=certificate_id))


def enter(hand: Hand, contact_id: str, pasted: bytes, source: str) -> None:
    """A certificate that a coordinator has from elsewhere, past the same judge; it is used from here on (R17, R18)."""
    if not source.strip():
        raise InvalidInput({"source": "required"})
    office = hand.office
    with office.store.reading() as connection:
        file = casefile.load(office, connection, hand.case_id)
        held = addresses(office, connection, file)
    if contact_id not in held or file.case.contacts[contact_id].channel is not Channel.MAIL:
        raise Refused("R18", "not_a_mail_contact")
    verdict = certkeeping.judged(pasted, Address.parse(held[contact_id]), hand.now)
    certificate_id = new_id()
    entered = e.CertificateEntered(
        certificate_id=certificate_id,
        contact_id=contact_id,
        fingerprint=verdict.fingerprint,
        flags=tuple(verdict.flags),
        source=source.strip(),
    )

    def within(tx: Connection, _: CaseFile) -> None:
        certkeeping.keep(office, tx, hand.case_id, certificate_id, verdict.fingerprint, verdict.certificate)

    facts: list[Fact] = [(hand.actor, entered)]
    casefile.change(office, hand.case_id, hand.now, lambda _: facts, within)
