"""The conversation with the organisation: who is told of an answer, and who reads its words (R20, R29)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office
from disclosure.casework.queueing import queued
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.state import Case, Person
from disclosure.protocol.values import Audience, Party, Standing
from disclosure.store import ledger
from disclosure.store.tables import events

ANSWERS = (e.OrganisationAnswered, e.ContestSettled)
_BY_PERSONS = (
    *(e.OrganisationWrote, e.NoticeContested),
    *(e.NoticeAcknowledged, e.RemediationPlanned, e.RemediationClaimed),
)
_MESSAGES = (*ANSWERS, *_BY_PERSONS, e.OrganisationMailed)


def reads_answers(person: Person) -> bool:
    """An answer may touch on details: whoever only read our mail (S1), or was objected to, does not get it (R29)."""
    return person.standing >= Standing.S2 and not person.objected


def tell(office: Office, case: Case, now: datetime) -> list[Fact]:
    """To everybody who may read answers: the words, encrypted, where the notice was released to this person's
    certificate; else that an answer waits on the case page, and nothing of it."""
    return [
        (e.MACHINE, queued(office, case, _mail_for(person), person.id, now))
        for person in case.persons.values()
        if reads_answers(person)
    ]


def _mail_for(person: Person) -> MailType:
    return MailType.ANSWER if person.may_read and person.fingerprint else MailType.ANSWER_READY


def answer_at(office: Office, connection: Connection, file: CaseFile, at: datetime) -> str:
    """The words of the answer that was given at that instant; empty when there is none."""
    entries = _read(office, connection, file, ANSWERS)
    return next((words for entry, words in entries if entry.at == at), "")


@dataclass(frozen=True)
class Message:
    """``name``: who of the organisation wrote; empty for ours. ``by_mail``: whom our mail went to that this answers."""

    at: datetime
    name: str
    words: str
    by_mail: str = ""


def messages(
    office: Office, connection: Connection, file: CaseFile, reader: Person, names: dict[str, str]
) -> tuple[Message, ...]:
    """What was written on the case page and by mail, one thread, oldest first; the own words alone for somebody who
    may not read answers."""
    kinds = _MESSAGES if reads_answers(reader) else _BY_PERSONS
    return tuple(
        _message(entry, words, names)
        for entry, words in _read(office, connection, file, kinds)
        if words and (kinds is _MESSAGES or getattr(entry.event, "person_id", "") == reader.id)
    )


def _message(entry: e.Entry, words: str, names: dict[str, str]) -> Message:
    if isinstance(entry.event, e.OrganisationMailed):
        return Message(entry.at, "", words, names.get(entry.event.to, ""))
    return Message(entry.at, names.get(entry.actor.ref, "") if entry.actor.party is Party.ORGANISATION else "", words)


def _read(
    office: Office, connection: Connection, file: CaseFile, kinds: tuple[type[e.Event], ...]
) -> Iterator[tuple[e.Entry, str]]:
    of_kind = events.c.type.in_([kind.__name__ for kind in kinds])
    query = select(events.c.seq).where(events.c.stream_id == file.id, of_kind).order_by(events.c.seq)
    seqs = tuple(connection.scalars(query))
    parts = frozenset({str(Audience.ORGANISATION)})
    for entry in ledger.read(office.store, connection, file.id, parts=parts, seqs=seqs) if seqs else ():
        yield entry, str(getattr(entry.event, "words", ""))
