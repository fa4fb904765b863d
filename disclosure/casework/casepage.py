"""What a person at the organisation sees of the case: filtered by audience, and by what was released to this person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from disclosure.casework import answering, casefile, timeline
from disclosure.casework.answering import Visit
from disclosure.casework.notices import NoticeText
from disclosure.casework.rows import TimelineRow
from disclosure.casework.words import standing_word
from disclosure.protocol import events as e
from disclosure.protocol.authorities import When
from disclosure.protocol.codes import Rung
from disclosure.protocol.errors import LinkRefused
from disclosure.protocol.preview import preview
from disclosure.protocol.state import Person
from disclosure.protocol.values import Audience, Language, Standing
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
    next_at: datetime | None
    rows: tuple[TimelineRow, ...]


def page(visit: Visit, language: Language) -> CasePage:
    """Raises LinkRefused when the person is not one of this case."""
    office = visit.office
    with office.store.reading() as connection:
        file = casefile.load(office, connection, visit.case_id)
        person = file.case.persons.get(visit.person_id)
        if person is None:
            raise LinkRefused
        names = timeline.names(office, connection, file)
        sight = timeline.Sight(Audience.ORGANISATION, language, names, timeline.told_at(file.case))
        opened = ledger.one(office.store, connection, file.id, 1)
        said = ledger.one(office.store, connection, file.id, person.seq)
        named = ledger.one(office.store, connection, file.id, person.address_seq) if person.address_seq else None
        domains = casefile.domains_of(office, connection, file)
        rows = timeline.rows(office, connection, file, sight)
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
        next_at=next((s.planned.due_at for s in preview(case, file.rules, visit.now)), None),
        rows=rows,
    )


def _step(person: Person) -> str:
    if person.acknowledged_at:
        return "done"
    if person.released_at and person.standing >= Standing.S2:
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


def notice(visit: Visit) -> NoticeText:
    return answering.read_notice(visit)
