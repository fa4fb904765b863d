"""The outbox, emptied: recipe → prepared → sending → relayed, held or dead (design.md section 3; facts: mail 1.4, 3.1).

Each step is claimed with a lease and a fence. A mail is composed, signed and encrypted with no transaction open; its
bytes, Message-ID and Date are fixed before the first attempt. ``sending`` is committed before the first byte goes to
the relay, so that a process that dies leaves a row whose state says that nobody knows.
"""

from __future__ import annotations

import json
import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from disclosure.casework import casefile, freshness, maintenance, onward, writing
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office, sha256
from disclosure.casework.recipients import Unsendable
from disclosure.casework.traces import trace
from disclosure.casework.writing import ENCRYPTED, FIRST_MAILS, Claim, Prepared
from disclosure.mail import localbox
from disclosure.mail import relay as mail_relay
from disclosure.mail.relay import Kind, Outcome
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import CannotStore, Conflict, DisclosureError
from disclosure.protocol.values import Address, Language
from disclosure.store.sealing import SYSTEM
from disclosure.store.tables import links, outbox, second_codes

# Longer than the relay's total time and the database's busy time-out together (facts: mail 1.4).
LEASE = timedelta(minutes=5)
# R23, facts 3.1: an authority that may already have the referral is not written to again by a machine.
HOLD_WHEN_AMBIGUOUS = frozenset({MailType.REFERRAL, MailType.LATER_FACT})
MAX_AMBIGUOUS = 3
# A run ends soon enough that the worker's watchdog never takes a slow relay for a stuck job.
RUN = timedelta(minutes=2)
log = logging.getLogger(__name__)
Send = Callable[[bytes, str, Address, str], Outcome]
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Delivered:
    """Counts of one run. ``unreached``: of those for later, how many because the relay itself could not be used."""

    relayed: int = 0
    refused: int = 0
    later: int = 0
    unreached: int = 0
    ambiguous: int = 0
    held: int = 0


def sender(office: Office) -> Send:
    """The way out: the operator's relay, or in trial mode the local mailbox."""
    settings = office.settings.relay
    if settings is None:
        folder = office.mailbox
        return lambda message, sender, recipient, _: localbox.deliver_to_folder(
            message, folder=folder, sender=sender, recipient=recipient
        )
    held = mail_relay.RelaySettings.of(settings)
    return lambda message, sender, recipient, envelope_id: mail_relay.deliver(
        message, sender=sender, recipient=recipient, envelope_id=envelope_id, relay=held
    )


def deliver(
    office: Office, now: datetime, send: Send | None = None, *, most: int = 1000, clock: Clock | None = None
) -> Delivered:
    """Send what is due; returns when nothing is due, ``most`` rows were handled, or the relay cannot be used.

    ``clock`` tells the time while a run lasts (the worker's own); without it the whole run happens at ``now``. Leases
    and the instant at which a relay took a mail would be wrong by the length of the run.
    """
    if maintenance.current(office):
        return Delivered()  # after a restore: what is in the outbox may have left already
    send, clock = send or sender(office), clock or (lambda: now)
    done = Delivered()
    for _ in range(most):
        if clock() - now > RUN or done.unreached:
            return done
        claim = _claim(office, clock())
        if claim is None:
            return done
        try:
            done = _advance(office, claim, clock, send, done)
        except (Superseded, Conflict) as error:
            # The row's lease ends and it is looked at again; if bytes had left, it is found ``sending``.
            log.warning("outbox row left to its lease", extra={"mail_id": claim.id, "fault": type(error).__name__})
    return done


def _claim(office: Office, now: datetime) -> Claim | None:
    due = (
        select(outbox)
        .where(
            outbox.c.state.in_(("recipe", "prepared", "sending")),
            outbox.c.next_try_at <= now,
            or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now),
        )
        .order_by(outbox.c.next_try_at, outbox.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with office.store.reading() as connection:
        if connection.execute(due).first() is None:
            return None  # nothing to do costs no lock
    with office.store.writing() as tx:
        row = tx.execute(due).first()
        if row is None:
            return None
        fence = row.fence + 1
        tx.execute(
            update(outbox)
            .where(outbox.c.id == row.id, outbox.c.fence == row.fence)
            .values(fence=fence, lease_until=now + LEASE)
        )
    return _claim_of(row, fence)


def _claim_of(row: Row[Any], fence: int) -> Claim:
    return Claim(
        row.id,
        row.case_id,
        MailType(row.mail_type),
        row.recipient,
        Language(row.language),
        row.state,
        row.attempts,
        row.ambiguous,
        fence,
        row.queued_at,
    )


def _advance(office: Office, claim: Claim, clock: Clock, send: Send, done: Delivered) -> Delivered:
    if claim.state == "sending":
        return _found_sending(office, claim, clock(), done)
    waits_for = _waits_for(office, claim, clock())
    if waits_for:
        return _put_back(office, claim, clock(), waits_for, done)
    try:
        prepared = _prepared(office, claim, clock())
    except Unsendable as error:
        _give_up(office, claim, clock(), error.reason)
        return replace(done, held=done.held + 1)
    except (Superseded, Conflict, CannotStore):
        raise
    except Exception as error:
        # A fault of ours in one mail must not stop the others: it stays in the outbox with its reason, for later.
        log.error("mail %s not prepared: %s", claim.id, trace(error))
        return _put_back(office, claim, clock(), type(error).__name__, done)
    attempt = _start(office, claim, clock())
    if attempt is None:
        return done  # the lease ran out while composing; whoever holds it now goes on
    outcome = send(prepared.message, prepared.sender, prepared.recipient, claim.id)
    return _finish(office, replace(claim, attempts=attempt), clock(), outcome, done)


def _waits_for(office: Office, claim: Claim, now: datetime) -> str:
    """EV-03: a first mail that is not composed yet waits until what is known of the contact is young enough."""
    if claim.mail_type not in FIRST_MAILS or claim.state != "recipe" or claim.case_id is None:
        return ""
    return freshness.must_wait(office, claim.case_id, claim.to, claim.queued_at, now)


def _put_back(office: Office, claim: Claim, now: datetime, reason: str, done: Delivered) -> Delivered:
    """Again after a while, as long as a relay would be tried; then a person sees it. Ours: no other contact is next."""
    again_at = now + LEASE
    if again_at - claim.queued_at > mail_relay.PATIENCE:
        _give_up(office, claim, now, reason, goes_on=False)
        return replace(done, held=done.held + 1)
    with office.store.writing() as tx:
        _fenced(tx, claim, None, next_try_at=again_at, lease_until=None, last_code=reason[:40])
    return replace(done, later=done.later + 1)


# --- prepare: no transaction open while composing ---


def _prepared(office: Office, claim: Claim, now: datetime) -> Prepared:
    if claim.state == "prepared":
        with office.store.reading() as connection:
            row = connection.execute(select(outbox).where(outbox.c.id == claim.id)).one()
        if claim.mail_type in ENCRYPTED:
            writing.judge_again(office, claim, now)  # R18: each passes the judge when stored and again when used
        return _unseal(office, claim, row)
    prepared = writing.prepare(office, claim, now)
    rows = _prepared_rows(office, claim, prepared)

    def within(tx: Connection, _: CaseFile | None = None) -> None:
        _fenced(tx, claim, now, **rows)
        if prepared.link:
            tx.execute(insert(links).values(**prepared.link))
        if prepared.second_code:
            tx.execute(insert(second_codes).values(**prepared.second_code))

    fact = e.MailPrepared(
        mail_id=claim.id,
        sha256=sha256(prepared.message),
        encrypted_to=prepared.encrypted_to,
        certificate_id=prepared.certificate_id,
        not_encrypted=prepared.not_encrypted,
    )
    _record(office, claim, now, fact, within)
    return prepared


def _prepared_rows(office: Office, claim: Claim, prepared: Prepared) -> dict[str, object]:
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
    }


def _unseal(office: Office, claim: Claim, row: Row[Any]) -> Prepared:
    sealer = office.store.keyring.sealer(claim.case_id or SYSTEM)
    held = json.loads(sealer.open(row.sealed, f"outbox|sealed|{claim.id}"))
    message = b64decode(held["message"])
    return Prepared(message, held["sender"], Address.parse(held["recipient"]), row.message_id, "", "")


def message_of(office: Office, connection: Connection, mail_id: str) -> bytes:
    """The bytes of a prepared mail, for the desk: what left, exactly."""
    row = connection.execute(select(outbox).where(outbox.c.id == mail_id)).one()
    return _unseal(office, _claim_of(row, row.fence), row).message if row.sealed else b""


def _start(office: Office, claim: Claim, now: datetime) -> int | None:
    """Commit ``sending`` before the first byte goes out; None when the lease is no longer ours."""
    with office.store.writing() as tx:
        moved = tx.execute(
            update(outbox)
            .where(outbox.c.id == claim.id, outbox.c.fence == claim.fence, outbox.c.lease_until > now)
            .values(state="sending", attempts=claim.attempts + 1, lease_until=now + LEASE)
        )
    return claim.attempts + 1 if moved.rowcount == 1 else None


# --- what the relay said ---


def _finish(office: Office, claim: Claim, now: datetime, outcome: Outcome, done: Delivered) -> Delivered:
    match outcome.kind:
        case Kind.ACCEPTED:
            _relayed(office, claim, now, outcome)
            return replace(done, relayed=done.relayed + 1)
        case Kind.REFUSED_PERMANENT:
            _dead(office, claim, now, outcome)
            return replace(done, refused=done.refused + 1)
        case Kind.AMBIGUOUS:
            # The same bytes again a second later would make a relay that hangs after the dot a source of copies.
            held = _ambiguous(office, claim, now, again_at=now + mail_relay.STEPS[0])
            return replace(done, ambiguous=done.ambiguous + 1, held=done.held + held)
        case Kind.REFUSED_TEMPORARY | Kind.NOT_SENT:
            _later(office, claim, now, outcome)
            unreached = int(outcome.kind is Kind.NOT_SENT)
            return replace(done, later=done.later + 1, unreached=done.unreached + unreached)


def _relayed(office: Office, claim: Claim, now: datetime, outcome: Outcome) -> None:
    fact = e.MailRelayed(
        mail_id=claim.id, mail_type=claim.mail_type, to=claim.to, attempt=claim.attempts, reply=outcome.reply
    )
    _record(office, claim, now, fact, _moves(claim, state="relayed", last_code=outcome.code, finished_at=now))


def _refused(claim: Claim, outcome: Outcome, *, permanent: bool) -> e.MailRefused:
    return e.MailRefused(
        mail_id=claim.id,
        mail_type=claim.mail_type,
        to=claim.to,
        attempt=claim.attempts,
        permanent=permanent,
        code=outcome.code,
        reply=outcome.reply,
    )


def _dead(office: Office, claim: Claim, now: datetime, outcome: Outcome) -> None:
    refused = _refused(claim, outcome, permanent=True)
    disable = "refused" if outcome.address_is_dead else ""
    _record(
        office,
        claim,
        now,
        refused,
        _moves(claim, state="dead", last_code=outcome.code, finished_at=now),
        after=lambda file: onward.next_now(
            office, file, to=claim.to, mail_type=claim.mail_type, now=now, disable=disable
        ),
    )


def _later(office: Office, claim: Claim, now: datetime, outcome: Outcome) -> None:
    """Nothing reached the recipient: again after a while, or the end of patience (facts: mail 3.1)."""
    again_at = mail_relay.next_try(
        claim.attempts, now=now, first=claim.queued_at, jitter=secrets.randbelow(1000) / 1000
    )
    if again_at is None:
        # R31: where our own relay was the fault, nobody's address is dead, and nobody is unreachable.
        _give_up(office, claim, now, "patience_ended", goes_on=outcome.kind is not Kind.NOT_SENT)
        return
    row = _moves(claim, state="prepared", next_try_at=again_at, lease_until=None, last_code=outcome.code)
    _record(office, claim, now, _refused(claim, outcome, permanent=False), row)


def _found_sending(office: Office, claim: Claim, now: datetime, done: Delivered) -> Delivered:
    """A lapsed ``sending`` row: whoever held it died or froze, and may have handed the mail over."""
    held = _ambiguous(office, claim, now, again_at=now)
    return replace(done, ambiguous=done.ambiguous + 1, held=done.held + held)


def _ambiguous(office: Office, claim: Claim, now: datetime, *, again_at: datetime) -> int:
    """A state that people see. Notices go again with the same Message-ID; referrals wait for a person."""
    hold = claim.mail_type in HOLD_WHEN_AMBIGUOUS or claim.ambiguous + 1 >= MAX_AMBIGUOUS
    fact = e.MailAmbiguous(
        mail_id=claim.id, mail_type=claim.mail_type, to=claim.to, attempt=claim.attempts, again=not hold
    )
    row: dict[str, object] = {"ambiguous": claim.ambiguous + 1, "lease_until": None, "last_code": "ambiguous"}
    row |= {"state": "held", "finished_at": now} if hold else {"state": "prepared", "next_try_at": again_at}
    _record(office, claim, now, fact, _moves(claim, **row))
    return int(hold)


def _give_up(office: Office, claim: Claim, now: datetime, reason: str, *, goes_on: bool = True) -> None:
    fact = e.MailGivenUp(mail_id=claim.id, mail_type=claim.mail_type, to=claim.to, reason=reason)
    _record(
        office,
        claim,
        now,
        fact,
        _moves(claim, state="dead", last_code=reason[:40], finished_at=now),
        after=(lambda file: onward.next_now(office, file, to=claim.to, mail_type=claim.mail_type, now=now))
        if goes_on
        else None,
    )


# --- one transaction for the row and its fact ---


def _moves(claim: Claim, **values: object) -> Callable[..., None]:
    return lambda tx, _=None: _fenced(tx, claim, None, **values)


def _fenced(tx: Connection, claim: Claim, now: datetime | None, **values: object) -> None:
    """Write the row only while the claim is ours; Conflict rolls the fact back with it."""
    held = (outbox.c.id == claim.id) & (outbox.c.fence == claim.fence)
    if now is not None:
        held &= outbox.c.lease_until > now
    if tx.execute(update(outbox).where(held).values(**values)).rowcount != 1:
        raise Superseded(claim.id)


class Superseded(DisclosureError):
    """Another process holds the row by now, and has recorded that what this one did is not known."""


def _record(
    office: Office,
    claim: Claim,
    now: datetime,
    fact: e.Event,
    row: Callable[..., None],
    after: Callable[[CaseFile], list[Fact]] | None = None,
) -> None:
    """The row and, for a case's own mail, its event, together. A mail to coordinators has a row only."""
    if claim.case_id is None or claim.mail_type is MailType.COORDINATORS_CALLED:
        with office.store.writing() as tx:
            row(tx)
        return

    def decide(file: CaseFile) -> list[Fact]:
        facts: list[Fact] = [(e.MACHINE, fact)]
        return facts + (after(file.after(now, facts)) if after else [])

    casefile.change(office, claim.case_id, now, decide, row)


# --- what a coordinator may do with a row that stands still ---


def resend(office: Office, mail_id: str, now: datetime) -> None:
    """A held or dead prepared mail goes out again, the same bytes and Message-ID."""
    with office.store.writing() as tx:
        tx.execute(
            update(outbox)
            .where(outbox.c.id == mail_id, outbox.c.state.in_(("held", "dead")), outbox.c.sealed.is_not(None))
            .values(state="prepared", next_try_at=now, lease_until=None, finished_at=None)
        )
