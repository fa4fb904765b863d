"""What follows what a relay said of a mail: its row and its facts (R31; facts: mail 3.1).

A dead address is switched off and the next contact written to; a full mailbox is tried slowly; what a filter would not
have in one shape goes once in the other one where that is honest; what is about us waits for a person.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from disclosure.casework import onward, outboxrows
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office, new_id
from disclosure.casework.outboxrows import Claim
from disclosure.casework.together import Change
from disclosure.mail import relay as mail_relay
from disclosure.mail.refusals import About
from disclosure.mail.relay import Kind, Outcome
from disclosure.protocol import events as e
from disclosure.protocol.codes import FIRST_MAILS, MailType
from disclosure.protocol.ladder import patience

# R23, facts 3.1: an authority that may already have the referral is not written to again by a machine.
HOLD_WHEN_AMBIGUOUS = frozenset({MailType.REFERRAL, MailType.LATER_FACT})
MAX_AMBIGUOUS = 3


@dataclass(frozen=True)
class Delivered:
    """Counts of one run. ``unreached``: of those for later, how many because the relay itself could not be used."""

    relayed: int = 0
    refused: int = 0
    later: int = 0
    unreached: int = 0
    ambiguous: int = 0
    held: int = 0

    def and_one(self, *names: str) -> Delivered:
        return replace(self, **{name: getattr(self, name) + 1 for name in names})


@dataclass(frozen=True)
class Followed:
    """``counts``: names of what this adds one to in a run's count."""

    change: Change
    counts: tuple[str, ...]


def follow(office: Office, claim: Claim, now: datetime, outcome: Outcome) -> Followed:
    """``claim``: with the case as it was read, and with the attempt that had this outcome."""
    match outcome.kind:
        case Kind.ACCEPTED:
            return Followed(_relayed(claim, now, outcome), ("relayed",))
        case Kind.AMBIGUOUS:
            # The same bytes again a second later would make a relay that hangs after the dot a source of copies.
            return ambiguous(claim, now, again_at=now + mail_relay.STEPS[0])
        case Kind.NOT_SENT:
            return Followed(_later(office, claim, now, outcome), ("later", "unreached"))
    if outcome.about is About.FULL:
        return Followed(_slowly(office, claim, now, outcome), ("later",))
    if outcome.kind is Kind.REFUSED_TEMPORARY:
        return Followed(_later(office, claim, now, outcome), ("later",))
    return Followed(_dead(office, claim, now, outcome), ("refused",))


def _change(
    claim: Claim,
    now: datetime,
    fact: e.Event,
    row: dict[str, object],
    after: Callable[[CaseFile], list[Fact]] | None = None,
) -> Change:
    """The row and, for a case's own mail, its event, together. ``after`` answers on the case with that fact in it."""

    def decide(file: CaseFile) -> list[Fact]:
        facts: list[Fact] = [(e.MACHINE, fact)]
        return facts + (after(file.after(now, facts)) if after else [])

    return Change(claim.id, now, outboxrows.fenced(claim, None, **row), claim.file, decide)


def _relayed(claim: Claim, now: datetime, outcome: Outcome) -> Change:
    fact = e.MailRelayed(
        mail_id=claim.id, mail_type=claim.mail_type, to=claim.to, attempt=claim.attempts, reply=outcome.reply
    )
    return _change(claim, now, fact, {"state": "relayed", "last_code": outcome.code, "finished_at": now})


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


def _dead(office: Office, claim: Claim, now: datetime, outcome: Outcome) -> Change:
    def after(file: CaseFile) -> list[Fact]:
        if outcome.about is About.US:
            return []  # every other contact would be refused as well: a person mends it first
        if outcome.about is About.SHAPE and _has_another_shape(claim, file):
            return [(e.MACHINE, _signed_only(claim, now))]
        disable = "refused" if outcome.address_is_dead else ""
        return _next(office, claim, now, disable=disable)(file)

    row: dict[str, object] = {"state": "dead", "last_code": outcome.code, "finished_at": now}
    return _change(claim, now, _refused(claim, outcome, permanent=True), row, after)


def _has_another_shape(claim: Claim, file: CaseFile) -> bool:
    """R19: a first mail holds no detail and may leave signed only. Ciphertext with content has no other (R20)."""
    mail = file.case.mails.get(claim.id)
    return claim.mail_type in FIRST_MAILS and mail is not None and bool(mail.certificate_id) and not claim.signed_only


def _signed_only(claim: Claim, now: datetime) -> e.MailQueued:
    return e.MailQueued(
        mail_id=new_id(),
        mail_type=claim.mail_type,
        to=claim.to,
        language=claim.language,
        not_before=now,
        signed_only=True,
    )


def _next(
    office: Office, claim: Claim, now: datetime, *, disable: str = "", moves: bool = True
) -> Callable[[CaseFile], list[Fact]]:
    return lambda file: onward.next_now(
        office, file, to=claim.to, mail_type=claim.mail_type, now=now, disable=disable, moves=moves
    )


def _again_at(claim: Claim, now: datetime, *, slowly: bool = False) -> datetime | None:
    jitter = secrets.randbelow(1000) / 1000
    steps = mail_relay.SLOW_STEPS if slowly else mail_relay.STEPS
    return mail_relay.next_try(claim.attempts, now=now, first=claim.since, jitter=jitter, steps=steps)


def _later(office: Office, claim: Claim, now: datetime, outcome: Outcome) -> Change:
    """Nothing reached the recipient: again after a while, or the end of patience (facts: mail 3.1)."""
    # R31: where our own relay was the fault, nobody's address is dead, and nobody is unreachable.
    theirs = outcome.kind is not Kind.NOT_SENT
    moves = claim.full_since is None
    again_at = _again_at(claim, now)
    if again_at is None:
        return given_up(office, claim, now, "patience_ended", goes_on=theirs, moves=moves)
    row: dict[str, object] = {"state": "prepared", "next_try_at": again_at, "lease_until": None}
    row |= {"last_code": outcome.code}
    after = None
    if theirs and moves and _is_put_off_too_long(claim, now):
        row |= {"full_since": now}
        after = _next(office, claim, now)
    return _change(claim, now, _refused(claim, outcome, permanent=False), row, after)


def _is_put_off_too_long(claim: Claim, now: datetime) -> bool:
    file = claim.file
    if file is None or file.case.assessed is None or claim.mail_type not in FIRST_MAILS:
        return False
    return now >= patience(file.case, file.rules, claim.since)


def _slowly(office: Office, claim: Claim, now: datetime, outcome: Outcome) -> Change:
    """The address lives, and nobody reads there now: the next contact at once, and this one again in hours (R31)."""
    again_at = _again_at(claim, now, slowly=True)
    moves = claim.full_since is None
    if again_at is None:
        return given_up(office, claim, now, "mailbox_full", moves=moves)
    row: dict[str, object] = {"state": "prepared", "next_try_at": again_at, "lease_until": None}
    row |= {"last_code": outcome.code, "full_since": claim.full_since or now}
    after = _next(office, claim, now) if moves else None
    return _change(claim, now, _refused(claim, outcome, permanent=False), row, after)


def left_sending(claim: Claim, now: datetime) -> Followed:
    """Of a mail whose sender ended in the middle: the relay's word where the row holds it, else nobody knows.

    It counts from now: a clock of theirs never starts before the ledger could show it (R31).
    """
    if claim.taken_at is None:
        return ambiguous(claim, now, again_at=now)
    return Followed(_relayed(claim, now, Outcome(Kind.ACCEPTED, claim.taken_code)), ("relayed",))


def ambiguous(claim: Claim, now: datetime, *, again_at: datetime) -> Followed:
    """A state that people see. Notices go again with the same Message-ID; referrals wait for a person."""
    hold = claim.mail_type in HOLD_WHEN_AMBIGUOUS or claim.ambiguous + 1 >= MAX_AMBIGUOUS
    fact = e.MailAmbiguous(
        mail_id=claim.id, mail_type=claim.mail_type, to=claim.to, attempt=claim.attempts, again=not hold
    )
    row: dict[str, object] = {"ambiguous": claim.ambiguous + 1, "lease_until": None, "last_code": "ambiguous"}
    row |= {"state": "held", "finished_at": now} if hold else {"state": "prepared", "next_try_at": again_at}
    return Followed(_change(claim, now, fact, row), ("ambiguous", "held") if hold else ("ambiguous",))


def given_up(
    office: Office, claim: Claim, now: datetime, reason: str, *, goes_on: bool = True, moves: bool = True
) -> Change:
    """``goes_on``: it is the contact's silence, not ours. ``moves``: the next contact was not written to already."""
    fact = e.MailGivenUp(mail_id=claim.id, mail_type=claim.mail_type, to=claim.to, reason=reason)
    row: dict[str, object] = {"state": "dead", "last_code": reason[:40], "finished_at": now}
    return _change(claim, now, fact, row, _next(office, claim, now, moves=moves) if goes_on else None)


def held(claim: Claim, now: datetime, reason: str) -> Change:
    """Before it left: a person decides, and nothing is lost."""
    fact = e.MailHeld(mail_id=claim.id, mail_type=claim.mail_type, to=claim.to, reason=reason)
    row: dict[str, object] = {"state": "held", "last_code": reason[:40], "finished_at": now, "lease_until": None}
    return _change(claim, now, fact, row)
