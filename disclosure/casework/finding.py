"""Finding one case or report again, when somebody calls with a number, a reference or a domain."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, select

from disclosure.casework.office import Office
from disclosure.discovery.names import to_domain
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import AlertNumber, Domain
from disclosure.store.tables import cases, domain_tokens, reports, streams

MOST = 20


@dataclass(frozen=True)
class Found:
    """``kind``: case or report; ``label``: its number or reference."""

    kind: str
    id: str
    label: str


def parse_domain(text: str) -> Domain:
    """What a person typed, international names too, as a domain. Raises InvalidInput."""
    return to_domain(text)


def find(office: Office, text: str) -> tuple[Found, ...]:
    """By alert number, by a report's reference, or by a domain, which is looked up by its keyed hash."""
    wanted = text.strip()
    with office.store.reading() as connection:
        return _by_number(connection, wanted) or _by_domain(office, connection, wanted)


def _by_number(connection: Connection, wanted: str) -> tuple[Found, ...]:
    spellings = {wanted, wanted.upper()}
    with suppress(InvalidInput):
        spellings.add(str(AlertNumber.parse(wanted)))
    held = connection.execute(select(cases.c.id, cases.c.number).where(cases.c.number.in_(spellings)))
    told = connection.execute(select(reports.c.id, reports.c.reference).where(reports.c.reference.in_(spellings)))
    return (*(Found("case", r.id, r.number) for r in held), *(Found("report", r.id, r.reference) for r in told))


def _by_domain(office: Office, connection: Connection, wanted: str) -> tuple[Found, ...]:
    try:
        token = office.store.token("domain", str(parse_domain(wanted)))
    except InvalidInput:
        return ()
    named = (
        select(streams.c.id, streams.c.kind)
        .join(domain_tokens, domain_tokens.c.stream_id == streams.c.id)
        .where(domain_tokens.c.token == token)
        .order_by(streams.c.created_at, streams.c.id)
        .limit(MOST)
    )
    return labelled(connection, [(row.kind, row.id) for row in connection.execute(named)])


def labelled(connection: Connection, found: Sequence[tuple[str, str]]) -> tuple[Found, ...]:
    """(kind, id) with the number or reference that people say."""
    ids = [item_id for _, item_id in found]
    held = connection.execute(select(cases.c.id, cases.c.number).where(cases.c.id.in_(ids)))
    told = connection.execute(select(reports.c.id, reports.c.reference).where(reports.c.id.in_(ids)))
    known = {row.id: row.number for row in held} | {row.id: row.reference for row in told}
    return tuple(Found(kind, item_id, known.get(item_id, "")) for kind, item_id in found)
