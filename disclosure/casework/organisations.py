"""What anyone may ask about a number: "did you write to us?" (R24)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from disclosure.casework.office import Office
from disclosure.discovery.names import to_domain
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import AlertNumber, Domain
from disclosure.store.tables import cases, domain_tokens


def parse_domain(text: str) -> Domain:
    """What a person typed or pasted, as a domain in A-label form. InvalidInput {"domain": code}."""
    return to_domain(text)


def check_number(office: Office, number: str, domain: Domain) -> datetime | None:
    """When we first wrote, if number and domain belong together; else None, after the same look-ups."""
    try:
        parsed = str(AlertNumber.parse(number))
    except InvalidInput:
        parsed = ""
    token = office.store.token("domain", str(domain))
    query = (
        select(cases.c.number_known_at)
        .join(domain_tokens, domain_tokens.c.stream_id == cases.c.id)
        .where(cases.c.number == parsed, domain_tokens.c.token == token)
    )
    with office.store.reading() as connection:
        found: datetime | None = connection.scalar(query)
    return found
