"""Contacts and persons of a case as rows: where each comes from, how sure it is, what became of it (R16, R29)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from disclosure.casework import deskwords
from disclosure.casework.casefile import CaseFile
from disclosure.casework.rows import Tone
from disclosure.casework.sight import Sight
from disclosure.casework.words import short, source_word, standing_word, word
from disclosure.protocol import events as e
from disclosure.protocol.codes import Proof
from disclosure.protocol.contactcertificates import certificate_for
from disclosure.protocol.state import Contact, Person
from disclosure.protocol.values import Channel, Language, Standing

TONES: Mapping[str, Tone] = {
    "queued": Tone.WAITING,
    "prepared": Tone.WAITING,
    "ambiguous": Tone.CONTESTED,
    "relayed": Tone.ACKNOWLEDGED,
    "delivered": Tone.ACKNOWLEDGED,
    "dead": Tone.HARM,
}


@dataclass(frozen=True)
class ContactRow:
    """``place``: from 1 in the order that the ladder goes; 0 while it is not in it. ``state``: what became of it."""

    id: str
    channel: Channel
    word: str
    address: str
    name: str
    source: str
    confidence: str
    reason: str
    marks: tuple[str, ...]
    place: int
    state: str
    tone: Tone
    usable: bool
    off: bool
    for_review: bool
    written_to: bool
    answered_at: datetime | None = None  # in an earlier case
    fingerprint: str = ""  # of the certificate that mails to it are encrypted to
    certificates: int = 0  # how many are known and not refused
    searching: bool = False  # they are being looked for
    to_forward: bool = False  # an intermediary that can be asked now (R14b)


@dataclass(frozen=True)
class Contacts:
    ranked: tuple[ContactRow, ...] = ()
    by_hand: tuple[ContactRow, ...] = ()
    review: tuple[ContactRow, ...] = ()
    intermediaries: tuple[ContactRow, ...] = ()

    @property
    def all(self) -> tuple[ContactRow, ...]:
        return (*self.ranked, *self.by_hand, *self.review, *self.intermediaries)


@dataclass(frozen=True)
class PersonRow:
    id: str
    name: str
    role: str
    standing: Standing
    standing_words: str
    proof: str
    confirmed_at: datetime
    came_through: str
    own_address: str
    fingerprint: str
    objected: bool
    released_at: datetime | None
    opened_at: datetime | None
    acknowledged_at: datetime | None


def contacts_of(file: CaseFile, said: Mapping[int, e.Event], language: Language) -> Contacts:
    held = [(c, _contact(file, c, said.get(c.seq), language)) for c in file.case.contacts.values()]
    ranked = sorted((x for x in held if not (x[0].manual or x[0].review or x[0].suggested)), key=lambda x: x[0].rank)
    return Contacts(
        ranked=tuple(row for _, row in ranked),
        by_hand=tuple(row for c, row in held if (c.manual and not c.intermediary) or c.suggested),
        review=tuple(row for c, row in held if c.review),
        intermediaries=tuple(row for c, row in held if c.intermediary),
    )


def _contact(file: CaseFile, contact: Contact, event: e.Event | None, language: Language) -> ContactRow:
    case = file.case
    state, tone = _state_of(file, contact, language)
    used = certificate_for(case, contact.id)
    source = event.source if isinstance(event, e.ContactEntered) else source_word(contact.source, language)
    return ContactRow(
        id=contact.id,
        channel=contact.channel,
        word=short(contact.channel, language),
        address=getattr(event, "address", ""),
        name=getattr(event, "name", ""),
        source=source,
        confidence=deskwords.say(deskwords.CONFIDENCES, contact.confidence, language),
        reason=deskwords.say(deskwords.REASONS, contact.reason, language),
        marks=tuple(deskwords.say(deskwords.MARKS, flag, language) for flag in contact.flags),
        place=case.chosen.index(contact.id) + 1 if contact.id in case.chosen else 0,
        state=state,
        tone=tone,
        usable=not (contact.disabled or contact.intermediary),
        off=bool(contact.disabled),
        for_review=contact.review,
        written_to=any(mail.to == contact.id for mail in case.mails.values()),
        answered_at=contact.answered_at,
        fingerprint=used.fingerprint if used and not used.reason else "",
        certificates=sum(c.contact_id == contact.id and not c.reason for c in case.certificates.values()),
        to_forward=contact.intermediary
        and contact.channel is Channel.MAIL
        and not contact.disabled
        and case.own_contacts_failed,
        searching=contact.id in case.certificate_searches and case.certificate_searches[contact.id].ended_at is None,
    )


def _state_of(file: CaseFile, contact: Contact, language: Language) -> tuple[str, Tone]:
    if contact.disabled:
        return deskwords.say(deskwords.MARKS, contact.disabled, language), Tone.LAPSED
    last = next((m for m in reversed(list(file.case.mails.values())) if m.to == contact.id), None)
    if last is None:
        return "", Tone.NEUTRAL
    return deskwords.say(deskwords.MAIL_STATES, last.state, language), TONES[last.state]


def person_of(person: Person, said: Mapping[int, e.Event], sight: Sight) -> PersonRow:
    confirmed, named = said.get(person.seq), said.get(person.address_seq)
    return PersonRow(
        id=person.id,
        name=confirmed.name if isinstance(confirmed, e.PersonConfirmed) else "",
        role=confirmed.role if isinstance(confirmed, e.PersonConfirmed) else "",
        standing=person.standing,
        standing_words=standing_word(person.standing, sight.language),
        proof=word(person.proof if person.standing > Standing.S1 else Proof.LINK_AND_CODE, sight.language),
        confirmed_at=person.confirmed_at,
        came_through=sight.name(person.contact_id),
        own_address=named.address if isinstance(named, e.OwnAddressNamed) else "",
        fingerprint=person.fingerprint,
        objected=person.objected,
        released_at=person.released_at,
        opened_at=person.opened_at,
        acknowledged_at=person.acknowledged_at,
    )
