"""One ledger, one view per audience (R43): the newest events as rows.

Every event has a sentence (sentences.py); an audience sees the events that name it and the sealed parts that are its
own.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from disclosure.casework.casefile import CaseFile, addresses
from disclosure.casework.details import details_of
from disclosure.casework.office import Office
from disclosure.casework.rows import TimelineRow, Tone
from disclosure.casework.sentences import SENTENCES
from disclosure.casework.sight import Sight
from disclosure.language import N_
from disclosure.protocol import events as e
from disclosure.protocol.codes import LookupOutcome
from disclosure.protocol.values import Audience, Party
from disclosure.store import ledger
from disclosure.store.tables import coordinators, events

PAGE = 100  # rows of a page; older ones by keyset
TONES: Mapping[type[e.Event], Tone] = {
    e.MailRefused: Tone.CONTESTED,
    e.MailGivenUp: Tone.HARM,
    e.MailAmbiguous: Tone.CONTESTED,
    e.MailHeld: Tone.CONTESTED,
    e.MailBounced: Tone.CONTESTED,
    e.OrganisationMailed: Tone.WAITING,
    e.AuthorityMailed: Tone.WAITING,
    e.StandingShown: Tone.ACKNOWLEDGED,
    e.NoticeAcknowledged: Tone.ACKNOWLEDGED,
    e.RemediationClaimed: Tone.ACKNOWLEDGED,
    e.RemediationPlanned: Tone.ACKNOWLEDGED,
    e.NoticeContested: Tone.CONTESTED,
    e.StandingObjected: Tone.HARM,
    e.RungClimbed: Tone.LAPSED,
    e.AuthorityReferred: Tone.REFERRED,
    e.CoordinatorsCalled: Tone.HARM,
    e.OutageCredited: Tone.HARM,
    e.CaseUnreachable: Tone.LAPSED,
    e.CaseClosed: Tone.CLOSED,
}
PINNED = frozenset({e.EmbargoEnded, e.CaseUnreachable, e.StandingObjected})
# Events of the machine that fold into one line when they follow each other.
RUNS: Mapping[type[e.Event], str] = {
    e.LookupRecorded: "lookups",
    e.ContactFound: "lookups",
    e.CertificateSearchStarted: "lookups",
    e.CertificateFound: "lookups",
    e.CertificateSearchEnded: "lookups",
    e.MailQueued: "mail",
    e.MailPrepared: "mail",
}


def names(office: Office, connection: Connection, file: CaseFile) -> dict[str, str]:
    """What ids stand for: contacts by address, persons and coordinators by name, authorities by short name."""
    known = addresses(office, connection, file)
    people = {p.seq: p.id for p in file.case.persons.values()}
    for entry in ledger.read(office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=tuple(people)):
        if isinstance(entry.event, e.PersonConfirmed):
            known[people[entry.seq]] = entry.event.name
    known.update({row.id: row.name for row in connection.execute(select(coordinators.c.id, coordinators.c.name))})
    known.update({a.id: a.short_name or a.name for a in office.policy.authorities})
    return known


def rows(
    office: Office,
    connection: Connection,
    file: CaseFile,
    sight: Sight,
    *,
    before: int | None = None,
    most: int = PAGE,
) -> tuple[TimelineRow, ...]:
    """The newest ``most`` events before entry ``before`` (all: None), oldest first, as this audience sees them."""
    seqs = _page(connection, file.id, before, most, sight.audience)
    parts = ledger.EVERY_PART if sight.audience is Audience.COORDINATOR else frozenset({str(sight.audience)})
    entries = ledger.read(office.store, connection, file.id, parts=parts, seqs=seqs) if seqs else ()
    return tuple(row_of(entry, sight) for entry in entries)


def _page(connection: Connection, stream_id: str, before: int | None, most: int, audience: Audience) -> list[int]:
    query = select(events.c.seq).where(events.c.stream_id == stream_id)
    if before is not None:
        query = query.where(events.c.seq < before)
    if audience is not Audience.COORDINATOR:
        seen = [name for name, kind in e.EVENT_TYPES.items() if audience in kind.audiences]
        query = query.where(events.c.type.in_(seen))
    return list(connection.scalars(query.order_by(events.c.seq.desc()).limit(most)))


def row_of(entry: e.Entry, sight: Sight) -> TimelineRow:
    kind = type(entry.event)
    coordinator = sight.audience is Audience.COORDINATOR
    return TimelineRow(
        seq=entry.seq,
        at=entry.at,
        party=entry.actor.party,
        actor=sight.name(entry.actor.ref) if coordinator or entry.actor.party is not Party.COORDINATOR else "",
        sentence=_late(SENTENCES[kind](entry.event, sight), entry, sight),
        tone=_tone(entry.event),
        details=details_of(entry.event, sight) if coordinator else (),
        pinned=kind in PINNED,
        run=RUNS.get(kind, ""),
    )


def _tone(event: e.Event) -> Tone:
    if isinstance(event, e.LookupRecorded) and event.outcome is LookupOutcome.UNKNOWN:
        return Tone.WAITING  # R15: asked again
    if isinstance(event, e.MailNoted) and event.waits:
        return Tone.WAITING
    if isinstance(event, e.OrganisationMailed) and event.quotes_notice:
        return Tone.HARM
    return TONES.get(type(event), Tone.NEUTRAL)


ANSWERS = (e.NoticeAcknowledged, e.NoticeContested, e.RemediationPlanned, e.RemediationClaimed)


def _late(sentence: str, entry: e.Entry, sight: Sight) -> str:
    """R33: a late answer is always welcome, and shown as late."""
    if not isinstance(entry.event, ANSWERS) or sight.told_at is None or entry.at <= sight.told_at:
        return sentence
    return sight.say(N_("%(sentence)s, late: after an authority was told"), sentence=sentence)
