"""What a person at the organisation sees of the case: filtered by audience, and by what was released to this person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from disclosure.casework import answering, casefile, conversing, noticepictures, timeline
from disclosure.casework.answering import Visit
from disclosure.casework.conversing import Message
from disclosure.casework.dossiers import basis_word
from disclosure.casework.notices import defang
from disclosure.casework.rows import TimelineRow
from disclosure.casework.sight import Sight, told_at
from disclosure.casework.words import standing_word, word
from disclosure.protocol import events as e
from disclosure.protocol.authorities import When
from disclosure.protocol.codes import Rung
from disclosure.protocol.errors import LinkRefused, NotFound
from disclosure.protocol.ladder import CHAIN
from disclosure.protocol.preview import preview
from disclosure.protocol.state import Person
from disclosure.protocol.values import Answer, Audience, Language, Standing
from disclosure.store import ledger


@dataclass(frozen=True)
class CasePage:
    """``step`` says what this person can do next: address, code, wait, read, answer, done."""

    number: str
    organisation: str
    name: str
    role: str
    standing: str
    step: str
    own_address: str
    fingerprint: str
    domains: tuple[str, ...]
    released_at: datetime | None
    acknowledged_at: datetime | None
    late: bool
    told: tuple[tuple[str, datetime | None], ...]  # authorities: name, and when they were or will be told
    next_at: datetime | None  # the next rung of the ladder; our own calls beside it are no deadline of theirs
    rows: tuple[TimelineRow, ...]
    messages: tuple[Message, ...] = ()
    answers_wait: bool = False  # this person has not shown enough to read our answers (R29)


def page(visit: Visit, language: Language) -> CasePage:
    """Raises LinkRefused when the person is not one of this case."""
    office = visit.office
    with office.store.reading() as connection:
        file = casefile.load(office, connection, visit.case_id)
        person = file.case.persons.get(visit.person_id)
        if person is None:
            raise LinkRefused
        names = timeline.names(office, connection, file)
        sight = Sight(Audience.ORGANISATION, language, names, told_at(file.case))
        opened = ledger.one(office.store, connection, file.id, 1)
        said = ledger.one(office.store, connection, file.id, person.seq)
        named = ledger.one(office.store, connection, file.id, person.address_seq) if person.address_seq else None
        domains = casefile.domains_of(office, connection, file)
        rows = timeline.rows(office, connection, file, sight)
        messages = conversing.messages(office, connection, file, person, names)
    case = file.case
    return CasePage(
        number=case.number,
        organisation=opened.organisation if isinstance(opened, e.CaseOpened) else "",
        name=said.name if isinstance(said, e.PersonConfirmed) else "",
        role=said.role if isinstance(said, e.PersonConfirmed) else "",
        standing=standing_word(person.standing, language),
        step=_step(person),
        own_address=named.address if isinstance(named, e.OwnAddressNamed) else "",
        fingerprint=person.fingerprint,
        domains=tuple(sorted(str(domain) for domain in domains.values())),
        released_at=person.released_at,
        acknowledged_at=person.acknowledged_at,
        late=Rung.AUTHORITIES in case.rungs,
        told=_told(file, names, visit.now),
        next_at=next((s.planned.due_at for s in preview(case, file.rules, visit.now) if s.planned.rung in CHAIN), None),
        rows=rows,
        messages=messages,
        answers_wait=not conversing.reads_answers(person),
    )


def _step(person: Person) -> str:
    if person.acknowledged_at:
        return "done"
    if person.may_read:
        return "answer" if person.opened_at else "read"
    if person.standing >= Standing.S2:
        return "wait"
    return "code" if person.address_seq else "address"


def _told(file: casefile.CaseFile, names: dict[str, str], now: datetime) -> tuple[tuple[str, datetime | None], ...]:
    """R34, announced: who was told and when, and who will be if nobody answers."""
    done = [(names.get(aid, aid), referred.at) for aid, referred in file.case.referred.items()]
    ahead = next(
        (s.planned.due_at for s in preview(file.case, file.rules, now) if s.planned.rung is Rung.AUTHORITIES),
        None,
    )
    coming = [
        (names.get(r.authority_id, r.authority_id), ahead)
        for r in file.rules.told(file.case)
        if ahead and r.when is not When.NEVER
    ]
    return tuple(done + coming)


@dataclass(frozen=True)
class PictureLine:
    id: str
    width: int
    height: int
    sha256: str


@dataclass(frozen=True)
class NoticePage:
    """The released notice as this person reads it: what the encrypted mail says, links made unclickable (R20)."""

    alert_on: datetime
    severity: str
    personal_data: bool
    presentation: str
    technical: str
    advice: str
    facts: tuple[tuple[str, str], ...]  # what it rests on, and the fact
    pictures: tuple[PictureLine, ...]


def notice(visit: Visit, language: Language) -> NoticePage:
    """Raises Refused unless it was released to this person as they are now."""
    text, released = answering.read_notice(visit)
    with visit.office.store.reading() as connection:
        case = casefile.load(visit.office, connection, visit.case_id).case
        held = [noticepictures.read(visit.office, connection, visit.case_id, pid) for pid in released.pictures]
    assert case.assessed is not None  # noqa: S101 - nothing is released before it was assessed
    assert case.opened_at is not None  # noqa: S101
    return NoticePage(
        alert_on=case.opened_at,
        severity=word(case.assessed.severity, language),
        personal_data=case.assessed.personal_data is not Answer.NO,
        presentation=defang(text.presentation),
        technical=defang(text.technical),
        advice=defang(text.advice),
        facts=tuple((basis_word(f.basis, f.on, language), defang(f.text)) for f in text.facts),
        pictures=tuple(PictureLine(p.id, p.width, p.height, p.event.sha256) for p in held),
    )


def picture(visit: Visit, picture_id: str) -> tuple[str, bytes]:
    """(media type, content) of a picture of the notice that this person has opened. Raises NotFound, Refused."""
    _, released = answering.read_notice(visit)
    with visit.office.store.reading() as connection:
        person = casefile.load(visit.office, connection, visit.case_id).case.persons[visit.person_id]
        if picture_id not in released.pictures or person.opened_at is None:
            raise NotFound("picture")
        held = noticepictures.read(visit.office, connection, visit.case_id, picture_id)
    return held.media_type, held.content
