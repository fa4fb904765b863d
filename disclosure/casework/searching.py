"""Searches: a coordinator asks, the worker does them, every look-up is kept as evidence (R13–R18).

Of a tied domain: its contacts. Of a contact: the certificates of its address (certsearching.py).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, Row, insert, or_, select, update

from disclosure.casework import casefile, certsearching, earlier, knowncontacts, maintenance, onward
from disclosure.casework.casefile import CaseFile, Fact, Hand, domains_of
from disclosure.casework.certsearching import Seek
from disclosure.casework.earlier import Earlier
from disclosure.casework.office import Office, new_id, sha256
from disclosure.casework.traces import trace
from disclosure.discovery.candidates import Candidate
from disclosure.discovery.evidence import Outcome, Probe
from disclosure.protocol import events as e
from disclosure.protocol.codes import LookupOutcome
from disclosure.protocol.errors import CannotStore, Conflict, NotFound, Refused
from disclosure.protocol.values import Answer, Channel, Domain, Language
from disclosure.store.claims import take_first
from disclosure.store.tables import probes, searches

if TYPE_CHECKING:  # web processes ask for searches, the worker does them: only it needs DNS and HTTP
    from disclosure.discovery.finder import Findings

LEASE = timedelta(minutes=5)
RUN = timedelta(minutes=2)  # as in delivery.py: a run of slow searches is not a stuck job
# R15: unknown means retry. Minutes first, for a server that restarts; then hours; then a person decides.
RETRY = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))
log = logging.getLogger(__name__)
Find: TypeAlias = "Callable[[Domain, Answer, datetime], Findings]"


@dataclass(frozen=True)
class Search:
    """``contact_id``: empty when it is for the contacts of a domain."""

    id: str
    case_id: str
    domain_id: str
    contact_id: str
    attempts: int
    fence: int


def start(hand: Hand, domain_id: str) -> str:
    """R13: a coordinator's choice, after acceptance. Returns the search's id; the worker does the rest."""
    return ask(hand.office, hand.case_id, domain_id, hand.actor, hand.now)


def ask(office: Office, case_id: str, domain_id: str, by: e.Actor, now: datetime) -> str:
    """As :func:`start`; the machine asks again where evidence has grown old (EV-03)."""
    search_id = new_id()

    def decide(file: CaseFile) -> list[Fact]:
        if domain_id not in file.case.domains:
            raise Refused("R14a", "domain_not_tied")
        return [(by, e.SearchStarted(search_id=search_id, domain_id=domain_id))]

    casefile.change(office, case_id, now, decide)
    return search_id


def search(
    office: Office,
    now: datetime,
    find: Find,
    seek: Seek | None = None,
    *,
    most: int = 100,
    clock: Callable[[], datetime] | None = None,
) -> int:
    """Do the searches that wait; returns how many. No transaction is open while the network is asked.

    ``seek`` looks for certificates; without it those searches wait for a worker that can. ``clock`` tells the time
    while a run lasts (the worker's own); without it the whole run happens at ``now``.
    """
    if maintenance.stands(office, now):
        return 0  # no question leaves either
    clock = clock or (lambda: now)
    for done in range(most):
        claimed = _claim(office, clock(), certificates=seek is not None) if clock() - now <= RUN else None
        if claimed is None:
            return done
        try:
            _do(office, claimed, clock(), find, seek)
        except Conflict:
            log.warning("search left to its lease", extra={"search_id": claimed.id})
        except CannotStore:
            raise
        except Exception as error:
            # A fault of ours in one search must not stop the others; it is as unknown as a look-up that failed (R15).
            log.error("search %s failed: %s", claimed.id, trace(error))
            _put_back(office, claimed, clock())
    return most


def _put_back(office: Office, claimed: Search, now: datetime) -> None:
    came_to: dict[str, Any] = {"search_id": claimed.id, "outcome": LookupOutcome.UNKNOWN, "found": 0, "review": 0}
    contact_id = claimed.contact_id
    ended = e.CertificateSearchEnded(contact_id=contact_id, **came_to) if contact_id else e.SearchEnded(**came_to)
    row = _next_row(claimed, Outcome.UNKNOWN, now)
    casefile.change(
        office, claimed.case_id, now, lambda _: [(e.MACHINE, ended)], lambda tx, _: _fenced(tx, claimed, row)
    )


def _fenced(tx: Connection, claimed: Search, row: dict[str, object]) -> None:
    """Write the row only while the claim is ours; Conflict rolls everything back with it."""
    mine = (searches.c.id == claimed.id) & (searches.c.fence == claimed.fence)
    if tx.execute(update(searches).where(mine).values(**row)).rowcount != 1:
        raise Conflict(claimed.id)


def _claim(office: Office, now: datetime, *, certificates: bool) -> Search | None:
    due = (
        select(searches)
        .where(
            searches.c.state != "ended",
            searches.c.next_try_at <= now,
            or_(searches.c.lease_until.is_(None), searches.c.lease_until <= now),
        )
        .order_by(searches.c.next_try_at, searches.c.id)
        .limit(1)
    )
    if not certificates:
        due = due.where(searches.c.contact_id.is_(None))

    def mark(tx: Connection, row: Row[Any]) -> Search:
        mine = (searches.c.id == row.id) & (searches.c.fence == row.fence)
        tx.execute(update(searches).where(mine).values(fence=row.fence + 1, lease_until=now + LEASE, state="running"))
        return Search(row.id, row.case_id, row.domain_id, row.contact_id or "", row.attempts, row.fence + 1)

    return take_first(office.store, due, mark)


def _do(office: Office, claimed: Search, now: datetime, find: Find, seek: Seek | None) -> None:
    if not claimed.contact_id:
        _keep(office, claimed, now, _contacts(office, claimed, now, find))
    elif seek:
        _keep(office, claimed, now, _certificates(office, claimed, now, seek))


@dataclass(frozen=True)
class _Answered:
    """What a search came to. ``facts``: of the case as it is then, and the id under which each probe is kept."""

    status: Outcome
    probes: Sequence[Probe]
    facts: Callable[[CaseFile, Mapping[str, str]], list[Fact]]
    rows: Callable[[Connection, CaseFile], None] = lambda tx, file: None


def _contacts(office: Office, claimed: Search, now: datetime, find: Find) -> _Answered:
    with office.store.reading() as connection:
        file = casefile.load(office, connection, claimed.case_id)
        domain = domains_of(office, connection, file)[claimed.domain_id]
    found = find(domain, file.case.assessed.host_compromised if file.case.assessed else Answer.UNKNOWN, now)

    with office.store.reading() as connection:
        before = earlier.contacts(office, connection, claimed.case_id, domain, found.probes, now)

    def facts(file: CaseFile, _: Mapping[str, str]) -> list[Fact]:
        held = knowncontacts.known(office, file)
        offered = _facts(claimed, found, before)
        settled = list(knowncontacts.settled(held, offered, domain_id=claimed.domain_id, complete=found.is_complete))
        if found.status is Outcome.UNKNOWN:
            return settled
        ahead = file.after(now, settled)
        asked = certsearching.after_search(ahead.case, claimed.domain_id)
        return [*settled[:-1], *asked, settled[-1], *onward.after_search(ahead)]  # what follows from the search's end

    return _Answered(found.status, found.probes, facts)


def _certificates(office: Office, claimed: Search, now: datetime, seek: Seek) -> _Answered:
    found = certsearching.ask(office, claimed.case_id, claimed.contact_id, now, seek)
    return _Answered(
        found.status,
        found.probes,
        lambda file, ids: certsearching.facts(file, claimed.contact_id, claimed.id, found, ids),
        lambda tx, file: certsearching.keep(office, tx, file, claimed.id, found),
    )


def _keep(office: Office, claimed: Search, now: datetime, answered: _Answered) -> None:
    """Evidence, what follows from it and the search's row, in one commit."""
    kept = [(new_id(), probe, _bytes(probe)) for probe in answered.probes]
    ids = {probe.id: probe_id for probe_id, probe, _ in kept}
    row = _next_row(claimed, answered.status, now)

    def within(tx: Connection, file: CaseFile) -> None:
        sealer = office.store.keyring.sealer(claimed.case_id)
        for probe_id, _probe, content in kept:
            tx.execute(
                insert(probes).values(
                    id=probe_id,
                    case_id=claimed.case_id,
                    search_id=claimed.id,
                    sha256=sha256(content),
                    sealed=sealer.seal(content, f"probes|sealed|{probe_id}"),
                )
            )
        answered.rows(tx, file)
        _fenced(tx, claimed, row)

    recorded = [_recorded(claimed, *one) for one in kept]
    casefile.change(
        office, claimed.case_id, now, lambda file: [*recorded, *answered.facts(file.after(now, recorded), ids)], within
    )


def _recorded(claimed: Search, probe_id: str, probe: Probe, content: bytes) -> Fact:
    return e.MACHINE, e.LookupRecorded(
        search_id=claimed.id,
        probe_id=probe_id,
        purpose=str(probe.purpose),
        outcome=LookupOutcome(str(probe.outcome)),
        evidence_sha256=sha256(content),
        question=probe.question,
    )


def _bytes(probe: Probe) -> bytes:
    return json.dumps(probe.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _facts(claimed: Search, found: Findings, before: Sequence[Earlier]) -> list[Fact]:
    contacts = [_contact(claimed, candidate, review=False) for candidate in found.ranked]
    contacts += [_contact(claimed, candidate, review=True) for candidate in found.review]
    contacts = [*_dated(contacts, before), *_from_before(claimed, contacts, before)]
    facts: list[Fact] = [(e.MACHINE, contact) for contact in contacts]
    ended = e.SearchEnded(
        search_id=claimed.id,
        outcome=LookupOutcome(str(found.status)),
        found=len(found.ranked),
        review=len(found.review),
    )
    return [*facts, (e.MACHINE, ended)]


def _contact(claimed: Search, candidate: Candidate, *, review: bool) -> e.ContactFound:
    return e.ContactFound(
        contact_id=new_id(),
        channel=candidate.channel,
        source=str(candidate.source),
        rank=candidate.rank,
        confidence=str(candidate.confidence),
        reason=str(candidate.reason),
        review=review,
        domain_id=claimed.domain_id,
        flags=tuple(str(flag) for flag in candidate.flags),
        search_id=claimed.id,
        languages=_languages(candidate),
        address=candidate.address,
    )


def _dated(contacts: Sequence[e.ContactFound], before: Sequence[Earlier]) -> Iterator[e.ContactFound]:
    """What is published and was answered from before says so; its place stays that of its source."""
    known = {one.address.lower(): one for one in before}
    for contact in contacts:
        one = known.get(contact.address.lower())
        yield replace(contact, answered_at=one.at, flags=(*contact.flags, _mark(one))) if one else contact


def _from_before(
    claimed: Search, contacts: Sequence[e.ContactFound], before: Sequence[Earlier]
) -> Iterator[e.ContactFound]:
    """R17: what only an earlier case knows is a candidate for a person's eyes."""
    published = {contact.address.lower() for contact in contacts}
    left = [one for one in before if one.address.lower() not in published]
    for place, one in enumerate(left, len(contacts) + 1):
        yield e.ContactFound(
            contact_id=new_id(),
            channel=Channel.MAIL,
            source="earlier_case",
            rank=place,
            confidence="medium" if one.verified else "low",
            reason="answered_before",
            review=True,
            domain_id=claimed.domain_id,
            flags=(_mark(one),),
            search_id=claimed.id,
            answered_at=one.at,
            address=one.address,
        )


def _mark(one: Earlier) -> str:
    return "verified_before" if one.verified else "verification_lapsed"


def _languages(candidate: Candidate) -> tuple[str, ...]:
    said = dict(candidate.params).get("languages", "").split(", ")
    primary = {tag.lower().partition("-")[0] for tag in said}
    return tuple(str(language) for language in Language if language in primary)


def _next_row(claimed: Search, status: Outcome, now: datetime) -> dict[str, object]:
    row: dict[str, object] = {"attempts": claimed.attempts + 1, "lease_until": None, "outcome": str(status)}
    if status is Outcome.UNKNOWN and claimed.attempts < len(RETRY):
        return row | {"state": "waiting", "next_try_at": now + RETRY[claimed.attempts]}
    return row | {"state": "ended", "next_try_at": None}


def still_open(connection: Connection, case_id: str) -> bool:
    """A search for contacts waits, runs, or is to be repeated because its outcome is unknown (R15)."""
    mine = (searches.c.case_id == case_id) & searches.c.contact_id.is_(None)
    return (
        connection.execute(select(searches.c.id).where(mine, searches.c.state != "ended").limit(1)).first() is not None
    )


def evidence(office: Office, case_id: str, probe_id: str) -> dict[str, object]:
    """One look-up as it was recorded (EV-01)."""
    with office.store.reading() as connection:
        query = select(probes.c.sealed).where(probes.c.id == probe_id, probes.c.case_id == case_id)
        sealed = connection.scalar(query)
    if sealed is None:
        raise NotFound("evidence")
    content = office.store.keyring.sealer(case_id).open(sealed, f"probes|sealed|{probe_id}")
    read: dict[str, object] = json.loads(content)
    return read
