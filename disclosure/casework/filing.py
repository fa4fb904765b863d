"""Stored mail, read and put where it belongs: a fact of a case, a person's to decide, or set aside (R27, R31).

Claimed with a lease and a fence; read with no transaction open, in a child process; then one writing transaction. What
breaks the reader goes to quarantine and blocks nothing. No mail acknowledges a case, whatever it says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from disclosure.casework import casefile, clockwork, onward, receiving, replies, signers
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.matching import Match, match
from disclosure.casework.office import Office
from disclosure.casework.receiving import Kept
from disclosure.casework.replies import Reply
from disclosure.casework.traces import trace
from disclosure.mail.inbound import MailClass, Received, read_safely
from disclosure.mail.refusals import About, about
from disclosure.protocol import events as e
from disclosure.protocol.codes import FIRST_MAILS, MailType
from disclosure.protocol.errors import CannotStore, Conflict
from disclosure.protocol.returns import ABSENCE, Waits, bounce_waits, brings_the_next_forward
from disclosure.store.claims import take_first
from disclosure.store.sealing import SYSTEM
from disclosure.store.tables import inbox

LEASE = timedelta(minutes=5)
MOST_TRIES = 3
RUN = timedelta(minutes=2)
PERSONS = frozenset({MailClass.HUMAN_REPLY, MailClass.HUMAN_REPLY_UNMATCHED})
BOUNCES = frozenset({MailClass.BOUNCE_PERMANENT, MailClass.BOUNCE_TEMPORARY, MailClass.BOUNCE_UNPARSED})
# Somebody must do something before our mail is seen at all, or has called it unwanted.
FOR_A_PERSON = frozenset({MailClass.CHALLENGE, MailClass.LIST_HOLD, MailClass.ARF})
TO_AUTHORITIES = frozenset({MailType.REFERRAL, MailType.LATER_FACT})
log = logging.getLogger(__name__)
Read = Callable[..., Received]


@dataclass(frozen=True)
class Filed:
    """Counts of one run."""

    filed: int = 0
    triage: int = 0
    aside: int = 0
    quarantine: int = 0


@dataclass(frozen=True)
class Stored:
    """A row that this process holds; ``fence`` tells its writes from those of a later holder."""

    id: str
    fence: int
    attempts: int
    kept: Kept
    sha256: str


def file_waiting(
    office: Office,
    now: datetime,
    read: Read = read_safely,
    *,
    most: int = 500,
    clock: Callable[[], datetime] | None = None,
) -> Filed:
    """Read what waits, the oldest first; returns when nothing does."""
    clock = clock or (lambda: now)
    counts = dict.fromkeys(("filed", "triage", "aside", "quarantine"), 0)
    for _ in range(most):
        if clock() - now > RUN:
            break
        stored = _claim(office, clock())
        if stored is None:
            break
        counts[_handled(office, stored, clock(), read)] += 1
    return Filed(**counts)


def _claim(office: Office, now: datetime) -> Stored | None:
    free = or_(inbox.c.lease_until.is_(None), inbox.c.lease_until <= now)
    due = select(inbox).where(inbox.c.state == "stored", free).order_by(inbox.c.received_at, inbox.c.id).limit(1)

    def mark(tx: Connection, row: Row[Any]) -> Row[Any]:
        claimed = {"fence": row.fence + 1, "attempts": row.attempts + 1, "lease_until": now + LEASE}
        tx.execute(update(inbox).where(inbox.c.id == row.id).values(claimed))
        return row

    row = take_first(office.store, due, mark)
    if row is None:
        return None
    kept = receiving.unseal(office, row.case_id or SYSTEM, row.id, row.sealed)
    return Stored(row.id, row.fence + 1, row.attempts + 1, kept, row.sha256)


def _handled(office: Office, stored: Stored, now: datetime, read: Read) -> str:
    if stored.attempts > MOST_TRIES:  # whoever read it before has died over it, each time
        return _put(office, stored, "quarantine", why="reader_broke")
    try:
        return _filed(office, stored, now, read)
    except (CannotStore, Conflict):
        raise
    except Exception as error:
        log.error("mail %s not read: %s", stored.id, trace(error))
        return _put(office, stored, "quarantine", why="reader_broke")


def _filed(office: Office, stored: Stored, now: datetime, read: Read) -> str:
    received = read(stored.kept.message, authserv_id=office.settings.mail.authserv_id)
    said = received.mail_class
    if said is MailClass.QUARANTINE:
        return _put(office, stored, "quarantine", why=received.because, said=said)
    with office.store.reading() as connection:
        found = match(office, connection, received, stored.kept.recipient)
    if found is None:
        wants_eyes = said in PERSONS or received.unsure
        return _put(office, stored, "triage" if wants_eyes else "aside", why="unmatched", said=said)
    return into_case(office, stored, received, found, now)


def _put(office: Office, stored: Stored, where: str, *, why: str, said: MailClass | None = None) -> str:
    state = {"aside": "set_aside"}.get(where, where)
    with office.store.writing() as tx:
        _fenced(tx, stored.id, stored.fence, state=state, why=why[:40], mail_class=said, lease_until=None)
    return where


def _fenced(tx: Connection, inbox_id: str, fence: int, **values: object) -> None:
    """Only while the row is ours; Conflict rolls the fact back with it."""
    mine = (inbox.c.id == inbox_id) & (inbox.c.fence == fence)
    if tx.execute(update(inbox).where(mine).values(values)).rowcount != 1:
        raise Conflict(inbox_id)


# --- into a case ---


def into_case(office: Office, stored: Stored, received: Received, found: Match, now: datetime) -> str:
    """The mail as a fact of its case, sealed under the case's key from here on; returns where it went."""
    reply = _reply(office, received, found, now) if received.mail_class in PERSONS else None
    returned = _Returned(office, stored, received, found, now)
    where: dict[str, str | None] = {}

    def decide(file: CaseFile) -> list[Fact]:
        waits = "" if reply else returned.waits(file)
        where.update(state="triage" if waits else "filed", why=waits or None)
        return [(e.MACHINE, returned.mailed(reply))] if reply else returned.facts(file, waits)

    def within(tx: Connection, _: CaseFile) -> None:
        values = {
            "case_id": found.case_id,
            "mail_id": found.mail_id,
            "mail_class": received.mail_class,
            "sealed": receiving.seal(office, found.case_id, stored.id, stored.kept),
            "lease_until": None,
        }
        _fenced(tx, stored.id, stored.fence, **values, **where)

    casefile.change(office, found.case_id, now, decide, within)
    return str(where["state"])


def _reply(office: Office, received: Received, found: Match, now: datetime) -> Reply:
    certificates, notice = signers.of_case(office, found)
    return replies.opened(office, received, certificates, notice, now)


@dataclass(frozen=True)
class _Returned:
    """What came back, and the mail of ours that it is about."""

    office: Office
    stored: Stored
    received: Received
    found: Match
    now: datetime

    @property
    def about(self) -> dict[str, Any]:
        return {
            "mail_id": self.found.mail_id,
            "mail_type": self.found.mail_type,
            "to": self.found.to,
            "inbox_id": self.stored.id,
            "sha256": self.stored.sha256,
        }

    @property
    def told(self) -> dict[str, Any]:
        """What the first failed recipient's server said."""
        first = self.received.recipients[0] if self.received.recipients else None
        return {"code": first.status, "diagnostic": first.diagnostic} if first else {"code": "", "diagnostic": ""}

    @property
    def about_address(self) -> bool:
        """A full mailbox, a filter or our own domain's fault ends the mail, and leaves the contact for later (R31)."""
        return about(self.told["code"]) in {About.ADDRESS, About.UNSAID}

    def waits(self, file: CaseFile) -> str:
        """Why a person must look; empty when the facts speak for themselves."""
        said = self.received.mail_class
        if self.received.unsure or said is MailClass.BOUNCE_UNPARSED:
            return str(Waits.UNSURE)
        if said not in BOUNCES:
            return str(said) if said in FOR_A_PERSON else ""
        named = {one.address.lower() for one in self.received.recipients if one.address}
        if named and self.found.address.lower() not in named:
            return str(Waits.ANOTHER)
        return str(bounce_waits(file.case, self.found.mail_id, token=self.found.by_token, at=self.now) or "")

    def facts(self, file: CaseFile, waits: str) -> list[Fact]:
        said = self.received.mail_class
        noted = e.MailNoted(what=str(said), waits=waits, by=self.found.by, **self.about, **self.told)
        if waits:
            return [(e.MACHINE, noted)]
        if said in BOUNCES:
            dead = said is MailClass.BOUNCE_PERMANENT and self.about_address
            return bounced(self.office, file, e.MailBounced(**self.about, **self.told), self.now, e.MACHINE, dead=dead)
        if said is MailClass.DSN_DELIVERED and self.found.by_token:
            about: dict[str, Any] = {
                "mail_id": self.found.mail_id,
                "mail_type": self.found.mail_type,
                "to": self.found.to,
            }
            return [(e.MACHINE, e.MailDelivered(**about)), (e.MACHINE, noted)]
        facts: list[Fact] = [(e.MACHINE, noted)]
        absent = said == ABSENCE and self.found.mail_type in FIRST_MAILS
        if absent and brings_the_next_forward(file.case, self.found.mail_id):
            facts += clockwork.next_contact_facts(self.office, file.after(self.now, facts).case, self.now)
        return facts

    def mailed(self, reply: Reply) -> e.OrganisationMailed | e.AuthorityMailed:
        said = asdict(reply)
        quotes_notice = said.pop("quotes_notice")
        both: dict[str, Any] = {**self.about, "by": self.found.by, "unsure": self.received.unsure, **said}
        if self.found.mail_type in TO_AUTHORITIES:
            return e.AuthorityMailed(**both)
        return e.OrganisationMailed(**both, quotes_notice=quotes_notice)


def bounced(
    office: Office, file: CaseFile, fact: e.MailBounced, now: datetime, actor: e.Actor, *, dead: bool
) -> list[Fact]:
    """R31: the mail came back; a dead address is switched off; the next contact is written to now."""
    facts: list[Fact] = [(actor, fact)]
    why = "bounced" if dead else ""
    ahead = file.after(now, facts)
    return facts + onward.next_now(office, ahead, to=fact.to, mail_type=fact.mail_type, now=now, disable=why)
