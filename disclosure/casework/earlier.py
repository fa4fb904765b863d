"""Whom earlier cases of the same organisation reached: dated candidates for a coordinator's eyes (R17).

Nothing of this is used by itself, and nothing of it is standing in the new case: whoever answers shows it again (R29).
What a retention rule erased is forgotten here too, for it is read from the earlier cases themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from disclosure.casework import casefile, lastsearch
from disclosure.casework.casefile import CaseFile, addresses, domains_of, is_tied
from disclosure.casework.office import Office
from disclosure.discovery.anchors import Anchors, anchors, unchanged
from disclosure.discovery.evidence import Probe
from disclosure.discovery.names import organisational_domain
from disclosure.protocol import events as e
from disclosure.protocol.state import Person
from disclosure.protocol.values import Address, Domain, Standing
from disclosure.store import ledger
from disclosure.store.tables import domain_tokens, streams

VERIFIED_FOR = timedelta(days=365)  # R17: twelve months
MOST = 5  # ours, as of one file (ST-25)


@dataclass(frozen=True)
class Earlier:
    """``at``: when standing was shown from there. ``verified``: not lapsed, by time or by what changed since."""

    address: str
    at: datetime
    verified: bool


def contacts(
    office: Office, connection: Connection, case_id: str, domain: Domain, probes: Sequence[Probe], now: datetime
) -> tuple[Earlier, ...]:
    """Each address once, the newest first. ``probes``: of the search that has just ended."""
    organisation = organisational_domain(domain)
    today = anchors(organisation, probes)
    found: dict[str, Earlier] = {}
    for other in _cases(office, connection, case_id, organisation):
        then = _anchors(office, connection, other, organisation)
        same = any(unchanged(one, today) for one in then)
        for address, at in _reached(office, connection, other, organisation):
            one = Earlier(address, at, same and now - at < VERIFIED_FOR)
            if address not in found or found[address].at < at:
                found[address] = one
    return tuple(sorted(found.values(), key=lambda one: (one.at, one.address), reverse=True))[:MOST]


def _cases(office: Office, connection: Connection, case_id: str, organisation: Domain) -> Iterator[CaseFile]:
    token = office.store.token("domain", str(organisation))
    query = (
        select(streams.c.id)
        .join(domain_tokens, domain_tokens.c.stream_id == streams.c.id)
        .where(domain_tokens.c.token == token, streams.c.kind == "case", streams.c.id != case_id)
        .distinct()
    )
    for other in connection.scalars(query).all():
        file = casefile.load(office, connection, other)
        if not file.case.erased:
            yield file


def _anchors(office: Office, connection: Connection, file: CaseFile, organisation: Domain) -> list[Anchors]:
    newest = lastsearch.newest(connection, file.id).values()
    return [anchors(organisation, lastsearch.evidence(office, connection, file.id, last)) for last in newest]


def _reached(
    office: Office, connection: Connection, file: CaseFile, organisation: Domain
) -> Iterator[tuple[str, datetime]]:
    tied = [d for d in domains_of(office, connection, file).values() if organisational_domain(d) == organisation]
    held = addresses(office, connection, file)
    for person in file.case.persons.values():
        if person.standing < Standing.S2 or person.standing_at is None or person.objected:
            continue
        address = _address(office, connection, file, person, held)
        if address and is_tied(Address.parse(address), tied):
            yield address, person.standing_at


def _address(office: Office, connection: Connection, file: CaseFile, person: Person, held: dict[str, str]) -> str:
    """The own address, else the contact's through which the person came."""
    if not person.address_seq:
        return held.get(person.contact_id, "")
    named = ledger.one(office.store, connection, file.id, person.address_seq)
    return named.address if isinstance(named, e.OwnAddressNamed) else ""
