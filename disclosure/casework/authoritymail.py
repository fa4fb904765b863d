"""What an authority is sent, or told by hand: the referral, and every later fact (R39, R40)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from disclosure.casework import references
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office
from disclosure.casework.opened import Opened, common_of, service_fingerprint
from disclosure.casework.outboxrows import Claim
from disclosure.casework.recipients import Unsendable
from disclosure.casework.words import state_word
from disclosure.language import N_, format_when, translate
from disclosure.mail import compose
from disclosure.protocol import events as e
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import MailType
from disclosure.protocol.state import Case
from disclosure.protocol.values import Language
from disclosure.store import ledger


def to_authority(opened: Opened, claim: Claim, common: dict[str, Any]) -> compose.Mail:
    office, file = opened.office, opened.file
    common |= _about(opened, claim.to)
    if claim.mail_type is MailType.REFERRAL:
        others = tuple(office.policy.authority(a).name for a in file.case.referred if a != claim.to)
        dossier = _dossier(opened, claim.to)
        first = file.case.contact_started_at
        return compose.Referral(**common, first_written_at=first, others_told=others, dossier=dossier)
    return _later_fact_to(opened, claim.to, claim.queued_at, common)


def _about(opened: Opened, authority_id: str) -> dict[str, str]:
    first_entry = ledger.one(opened.office.store, opened.connection, opened.file.id, 1)
    organisation = first_entry.organisation if isinstance(first_entry, e.CaseOpened) else ""
    return {"authority": opened.office.policy.authority(authority_id).name, "organisation": organisation}


def _later_fact_to(opened: Opened, authority_id: str, at: datetime, common: dict[str, Any]) -> compose.LaterFact:
    reference = references.of_authorities(opened.office, opened.connection, opened.file.id).get(authority_id, "")
    return compose.LaterFact(**common, fact=_later_fact(opened.file), at=at, reference=reference)


def _dossier(opened: Opened, authority_id: str) -> str:
    for entry in ledger.read(opened.office.store, opened.connection, opened.file.id, parts=ledger.EVERY_PART):
        if isinstance(entry.event, e.AuthorityReferred) and entry.event.authority_id == authority_id:
            return entry.event.dossier
    raise Unsendable("no_dossier")


def _later_fact(file: CaseFile) -> dict[Language, str]:
    """Where the organisation's answers stand, in words: all of it, so that an older mail in flight misleads nobody."""
    axes = (Axis.ACKNOWLEDGEMENT, Axis.REMEDIATION)
    said = {lang: [state_word(axis, file.case.state(axis), lang) for axis in axes] for lang in Language}
    at = file.case.acknowledged_at
    words = {lang: "; ".join(said[lang]) + (f" ({format_when(at, lang)})" if at else "") for lang in Language}
    for added in _taken_back(file.case):
        words = {lang: f"{words[lang]}. {translate(lang, added)}" for lang in Language}
    return words


def _taken_back(case: Case) -> Iterator[str]:
    if case.corrected_at:
        yield N_("Correction: the organisation contested the alert, and we agree")
    if case.withdrawn_at:
        yield N_("Correction: we have withdrawn the alert; it was unfounded, or concerns another organisation")
    if case.state(Axis.PUBLICITY) == "published":
        yield N_("We have published a text about it")
    if case.state(Axis.PUBLICITY) == "retracted":
        yield N_("We have retracted what we had published about it")


def later_fact_by_hand(
    office: Office, connection: Connection, file: CaseFile, authority_id: str, at: datetime, now: datetime
) -> str:
    """The words that a mail to this authority would have, in its language (R39)."""
    opened = Opened(office, connection, file, now)
    common = common_of(opened, service_fingerprint(office, now)) | _about(opened, authority_id)
    mail = _later_fact_to(opened, authority_id, at, common)
    text = compose.compose(mail, office.policy.language_of_authority(authority_id))
    return f"{text.subject}\n\n{text.body}"
