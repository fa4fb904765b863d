"""How much goes to one place: so many a minute to a domain, so many a day to one address (facts: mail 3.1, 3.2).

Both are counted from the outbox's own rows, which all workers share. Whoever is over the first waits; what is over the
second is a loop of ours until a person says otherwise: it is held, shown and not lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from disclosure.casework.office import Office
from disclosure.casework.outboxrows import URGENT, Claim
from disclosure.casework.projecting import urgency
from disclosure.store.tables import outbox

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
_LATELY = (
    select(func.count(), func.min(outbox.c.started_at))
    .select_from(outbox)
    .where(outbox.c.domain_token == bindparam("domain"), outbox.c.started_at > bindparam("since"))
)
_WAITING = (
    select(func.count())
    .select_from(outbox)
    .where(
        outbox.c.domain_token == bindparam("domain"),
        outbox.c.state == "prepared",
        outbox.c.next_try_at > bindparam("now"),
        outbox.c.last_code == bindparam("word"),
    )
)
_TO_ONE = (
    select(func.count())
    .select_from(outbox)
    .where(
        outbox.c.case_id == bindparam("case_id"),
        outbox.c.address_token == bindparam("address"),
        outbox.c.started_at > bindparam("since"),
        outbox.c.id != bindparam("its_id"),
    )
)
FULL_MINUTE, TOO_MANY = "domain_rate", "too_many_to_one"


def too_many(office: Office, tx: Connection, claim: Claim, address_token: str, now: datetime) -> bool:
    """More than so many mails of this case to this address in a day, by machine."""
    if claim.resent_at or not claim.of_a_case:
        return False
    values = {"case_id": claim.case_id, "address": address_token, "since": now - DAY, "its_id": claim.id}
    return (tx.scalar(_TO_ONE, values) or 0) >= office.settings.mail.per_address_per_day


def wait_until(office: Office, tx: Connection, claim: Claim, domain_token: str, now: datetime) -> datetime | None:
    """When the domain may have this mail; None: now. A code for which a person waits is counted and never waits."""
    if urgency(claim.mail_type) == URGENT:
        return None
    most = office.settings.mail.per_domain_per_minute
    lately, first = tx.execute(_LATELY, {"domain": domain_token, "since": now - MINUTE}).one()
    if lately < most:
        return None
    # Behind those that wait already: each is looked at once, not every minute.
    ahead = tx.scalar(_WAITING, {"domain": domain_token, "now": now, "word": FULL_MINUTE}) or 0
    at: datetime = first + MINUTE
    return at + MINUTE * (ahead // most)
