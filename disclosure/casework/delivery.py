"""The outbox, emptied: recipe → prepared → sending → relayed, held or dead (design.md section 3; facts: mail 1.4, 3.1).

Rows are claimed a few at a time. They are composed, signed and encrypted with no transaction open; their bytes,
Message-ID and Date are fixed before the first attempt. ``sending`` is committed for one mail before its first byte goes
to the relay, so that a process that dies leaves a row whose state says that nobody knows, and only that one.
"""

from __future__ import annotations

import contextlib
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Row, insert

from disclosure.casework import breaker, freshness, maintenance, outboxrows, outcomes, throttle, together, writing
from disclosure.casework.breaker import Breaker
from disclosure.casework.mailrows import tokens_of
from disclosure.casework.office import Office, sha256
from disclosure.casework.outboxrows import LEASE, Claim
from disclosure.casework.outcomes import Delivered
from disclosure.casework.recipients import Unsendable
from disclosure.casework.together import Change
from disclosure.casework.traces import trace
from disclosure.casework.writing import ENCRYPTED, Prepared
from disclosure.mail import localbox
from disclosure.mail import relay as mail_relay
from disclosure.mail.relay import Kind, Outcome
from disclosure.protocol import events as e
from disclosure.protocol.codes import FIRST_MAILS
from disclosure.protocol.errors import CannotStore, Conflict
from disclosure.protocol.values import Address
from disclosure.store.manyrows import ManyRows, RowKind
from disclosure.store.sealing import SYSTEM
from disclosure.store.tables import links, second_codes

# Ours: a commit is shared by so many, and so many wait for a lease when a process dies.
BATCH = 16
# Ours: how long the ledger may not know that a mail has left; far below a lease, for the row waits for it.
TOLD_WITHIN = timedelta(seconds=2)
# A run ends soon enough that the worker's watchdog never takes a slow relay for a stuck job.
RUN = timedelta(minutes=2)
log = logging.getLogger(__name__)
Send = Callable[[bytes, str, Address, str], Outcome]
Clock = Callable[[], datetime]
Ready = tuple[Claim, Prepared]


@contextlib.contextmanager
def sender(office: Office) -> Iterator[Send]:
    """The way out, for one run: the operator's relay, or in trial mode the local mailbox."""
    settings = office.settings.relay
    if settings is None:
        folder = office.mailbox
        yield lambda message, sender, recipient, _: localbox.deliver_to_folder(
            message, folder=folder, sender=sender, recipient=recipient
        )
        return
    line = mail_relay.Line(mail_relay.RelaySettings.of(settings))
    try:
        yield line
    finally:
        line.close()


def deliver(
    office: Office,
    now: datetime,
    send: Send | None = None,
    *,
    most: int = 1000,
    clock: Clock | None = None,
    urgent: bool = False,
) -> Delivered:
    """Send what is due; returns when nothing is due, ``most`` rows were handled, or the relay cannot be used.

    ``clock`` tells the time while a run lasts (the worker's own); without it the whole run happens at ``now``. Leases
    and the instant at which a relay took a mail would be wrong by the length of the run. ``urgent``: only what a person
    waits for (R29), which goes first in any run.
    """
    if maintenance.stands(office, now):
        return Delivered()
    with contextlib.nullcontext(send) if send else sender(office) as out:
        return _Run(office, out, clock or (lambda: now), now, urgent).go(most)


class _Start(Enum):
    NOW = auto()
    LATER = auto()
    TOO_MANY = auto()
    LEASE_ENDED = auto()


@dataclass
class _Run:
    """One run over the outbox: what it works with, and what came of it so far."""

    office: Office
    send: Send
    clock: Clock
    began: datetime
    urgent: bool
    done: Delivered = Delivered()
    trouble: Breaker | None = None
    relayed: list[Change] = field(default_factory=list)  # the relay took them; the ledger is told of several at once
    last: tuple[Claim, Outcome, datetime] | None = None  # of them: its row says so with the start of the next mail
    since: datetime | None = None  # the oldest of them

    def go(self, most: int) -> Delivered:
        while most > 0 and not self._over():
            claims = self._claim(min(BATCH, most))
            if not claims:
                break
            most -= len(claims)
            self._work(claims)
        return self.done

    def _over(self) -> bool:
        return self.clock() - self.began > RUN or self.done.unreached > 0

    def _claim(self, most: int) -> list[Claim]:
        """While the relay is left alone: nothing. When its pause is over: one mail, by one process."""
        self.trouble = breaker.look(self.office)
        tries = self.trouble is not None and self.trouble.open
        if self.trouble and self.trouble.rests(self.clock()):
            return []
        claims = outboxrows.claim(self.office, self.clock(), 1 if tries else most, urgent=self.urgent)
        if self.trouble and tries and claims and not breaker.may_try(self.office, self.trouble, self.clock()):
            outboxrows.release(self.office, claims)
            return []
        return claims

    def _work(self, claims: Sequence[Claim]) -> None:
        ready = self._prepare([claim for claim in claims if self._looked_at(claim)])
        try:
            for place, (claim, prepared) in enumerate(ready):
                if self._over():
                    outboxrows.release(self.office, [claim for claim, _ in ready[place:]])
                    return
                self._hand_over(claim, prepared)
        finally:
            self._settle()

    def _looked_at(self, claim: Claim) -> bool:
        """False for a lapsed ``sending`` row: whoever held it died or froze, and may have handed the mail over.

        Or has, and did not live to tell the ledger: then the row says when.
        """
        if claim.state != "sending":
            return True
        for held in self._with_files([claim]):
            followed = outcomes.left_sending(held, self.clock())
            self._store(followed.change, *followed.counts)
        return False

    def _with_files(self, claims: Sequence[Claim]) -> list[Claim]:
        """Without those whose case cannot be read: each stays as it is, with the reason, and the others go on."""
        try:
            return outboxrows.with_files(self.office, claims)
        except CannotStore:
            raise
        except Exception as error:
            if len(claims) == 1:
                log.error("mail %s waits, its case cannot be read: %s", claims[0].id, trace(error))
                self._wait(claims[0], type(error).__name__)
                return []
        return [held for claim in claims for held in self._with_files([claim])]

    # --- prepare: no transaction open while composing ---

    def _prepare(self, claims: Sequence[Claim]) -> list[Ready]:
        """What can be sent now. All that is new is stored in one transaction."""
        known: list[Ready] = []
        fresh: list[tuple[Ready, Change]] = []
        for held in self._with_files(claims):
            prepared = self._prepared(held)
            if prepared and held.state == "prepared":
                known.append((held, prepared))
            elif prepared:
                fresh.append(((held, prepared), _prepared_change(self.office, held, prepared, self.clock())))
        files = together.store(self.office, [change for _, change in fresh])
        stored = [
            (replace(held, file=file), prepared)
            for ((held, prepared), _), file in zip(fresh, files, strict=True)
            if file or not held.of_a_case
        ]
        return known + stored

    def _prepared(self, claim: Claim) -> Prepared | None:
        """Its bytes; None when it has to wait or never goes, which is stored."""
        waits_for = _waits_for(self.office, claim, self.clock())
        if waits_for:
            self._put_back(claim, waits_for)
            return None
        try:
            return _read_or_compose(self.office, claim, self.clock())
        except Unsendable as error:
            self._store(outcomes.given_up(self.office, claim, self.clock(), error.reason), "held")
        except CannotStore:
            raise
        except Exception as error:
            # A fault of ours in one mail must not stop the others: it stays in the outbox with its reason, for later.
            log.error("mail %s not prepared: %s", claim.id, trace(error))
            self._put_back(claim, type(error).__name__)
        return None

    def _put_back(self, claim: Claim, reason: str) -> None:
        """Again after a while, as long as a relay would be tried; then a person sees it. Ours: nobody is next."""
        now = self.clock()
        if now + LEASE - claim.since > mail_relay.PATIENCE:
            self._store(outcomes.given_up(self.office, claim, now, reason, goes_on=False), "held")
        else:
            self._wait(claim, reason)

    def _wait(self, claim: Claim, reason: str) -> None:
        """No attempt, no event: the row alone says when it is looked at again, and why."""
        now = self.clock()
        row = outboxrows.fenced(claim, next_try_at=now + LEASE, lease_until=None, last_code=reason[:40])
        self._store(Change(claim.id, now, row), "later")

    def _store(self, change: Change, *counts: str) -> None:
        self.done = self.done.and_one(*counts)
        together.store(self.office, [change])

    # --- one mail to the relay ---

    def _hand_over(self, claim: Claim, prepared: Prepared) -> None:
        started = self._start(claim, prepared)
        if not started:
            return
        claim = replace(claim, attempts=claim.attempts + 1)
        outcome = self.send(prepared.message, prepared.sender, prepared.recipient, claim.id)
        now = self.clock()
        followed = outcomes.follow(self.office, claim, now, outcome)
        self.done = self.done.and_one(*followed.counts)
        self.relayed.append(followed.change)
        self.last, self.since = (claim, outcome, now), self.since or now
        if outcome.kind is not Kind.ACCEPTED or now - self.since > TOLD_WITHIN:
            self._settle()
        self._judge_relay(outcome)

    def _start(self, claim: Claim, prepared: Prepared) -> bool:
        """In one transaction with the mark of the mail before. False when it does not go now."""
        now, tokens = self.clock(), tokens_of(self.office, prepared.recipient)
        with self.office.store.writing() as tx:
            if self.last:
                outboxrows.taken(tx, *self.last)
            decided = self._decide(tx, claim, tokens, now)
        self.last = None
        if decided is _Start.TOO_MANY:
            self._store(outcomes.held(claim, now, throttle.TOO_MANY), "held")
        if decided is _Start.LATER:
            self.done = self.done.and_one("later")
        return decided is _Start.NOW

    def _decide(self, tx: Connection, claim: Claim, tokens: dict[str, str], now: datetime) -> _Start:
        if throttle.too_many(self.office, tx, claim, tokens["address_token"], now):
            return _Start.TOO_MANY
        if until := throttle.wait_until(self.office, tx, claim, tokens["domain_token"], now):
            outboxrows.postpone(tx, claim, until, throttle.FULL_MINUTE)
            return _Start.LATER
        return _Start.NOW if outboxrows.start(tx, claim, now) else _Start.LEASE_ENDED

    def _settle(self) -> None:
        """Tell the ledger what the relay said. Who dies before leaves rows that say so for whoever claims them next."""
        changes, self.relayed, self.last, self.since = self.relayed, [], None, None
        together.store(self.office, changes)

    def _judge_relay(self, outcome: Outcome) -> None:
        """One mail that the relay did not take at all speaks against it; any answer about a mail speaks for it."""
        if outcome.kind is Kind.NOT_SENT:
            breaker.failed(self.office, self.clock(), outcome.code)
        elif self.trouble and outcome.kind is not Kind.AMBIGUOUS:
            breaker.worked(self.office)
            self.trouble = None


def _waits_for(office: Office, claim: Claim, now: datetime) -> str:
    """EV-03: a first mail that is not composed yet waits until what is known of the contact is young enough."""
    if claim.mail_type not in FIRST_MAILS or claim.state != "recipe" or claim.file is None:
        return ""
    return freshness.must_wait(office, claim.file, claim.to, claim.queued_at, now)


def _read_or_compose(office: Office, claim: Claim, now: datetime) -> Prepared:
    if claim.state != "prepared":
        return writing.prepare(office, claim, now)
    with office.store.reading() as connection:
        row = outboxrows.of(connection, claim.id)
    if row is None:
        raise Conflict(claim.id)
    if claim.mail_type in ENCRYPTED:
        writing.judge_again(office, claim, now)  # R18: each passes the judge when stored and again when used
    return _unseal(office, claim, row)


def _prepared_change(office: Office, claim: Claim, prepared: Prepared, now: datetime) -> Change:
    row = outboxrows.fenced(claim, now, **_prepared_row(office, claim, prepared))

    def add(rows: ManyRows) -> None:
        row(rows)
        if prepared.link:
            rows.add(_NEW_LINK, prepared.link)
        if prepared.second_code:
            rows.add(_NEW_CODE, prepared.second_code)

    fact = e.MailPrepared(
        mail_id=claim.id,
        sha256=sha256(prepared.message),
        encrypted_to=prepared.encrypted_to,
        certificate_id=prepared.certificate_id,
        not_encrypted=prepared.not_encrypted,
    )
    return Change(claim.id, now, add, claim.file, lambda _: [(e.MACHINE, fact)])


_NEW_LINK, _NEW_CODE = RowKind(21, insert(links)), RowKind(21, insert(second_codes))


def _prepared_row(office: Office, claim: Claim, prepared: Prepared) -> dict[str, object]:
    clear = json.dumps(
        {
            "sender": prepared.sender,
            "recipient": str(prepared.recipient),
            "message": b64encode(prepared.message).decode(),
        }
    ).encode()
    sealed = office.store.keyring.sealer(claim.case_id or SYSTEM).seal(clear, f"outbox|sealed|{claim.id}")
    return {
        "state": "prepared",
        "sealed": sealed,
        "sha256": sha256(prepared.message),
        "message_id": prepared.message_id,
        "reply_token": office.store.token("reply", prepared.reply_token),
        "return_token": office.store.token("return", prepared.return_token),
        **tokens_of(office, prepared.recipient),
    }


def _unseal(office: Office, claim: Claim, row: Row[Any]) -> Prepared:
    sealer = office.store.keyring.sealer(claim.case_id or SYSTEM)
    held = json.loads(sealer.open(row.sealed, f"outbox|sealed|{claim.id}"))
    message = b64decode(held["message"])
    return Prepared(message, held["sender"], Address.parse(held["recipient"]), row.message_id, "", "")


def message_of(office: Office, connection: Connection, mail_id: str) -> bytes:
    """The bytes of a prepared mail, for the desk: what left, exactly."""
    row = outboxrows.of(connection, mail_id)
    return _unseal(office, outboxrows.claim_of(row, row.fence), row).message if row and row.sealed else b""
