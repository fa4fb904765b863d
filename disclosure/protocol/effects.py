"""What a rung does: mails and tasks, to whom, when (R33–R37a). Deciding is here; doing is casework's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from disclosure.protocol.codes import Clock, MailType, Rung, TaskKind
from disclosure.protocol.ladder import HEADS_UP_GRACE, Planned, Referral, Rules, profile_of
from disclosure.protocol.state import Case, Person
from disclosure.protocol.values import Channel, Standing
from disclosure.protocol.worktime import add

# After an outage several rungs come out in one tick; the same person gets them apart (R30).
CATCH_UP_SPACING = timedelta(hours=4)


@dataclass(frozen=True)
class MailEffect:
    """``to``: contact's, person's or authority's id."""

    type: MailType
    to: str
    not_before: datetime


@dataclass(frozen=True)
class TaskEffect:
    kind: TaskKind
    channel: Channel
    target: str
    due_at: datetime
    blocking: bool


Effect = MailEffect | TaskEffect


def effects_of(case: Case, planned: Planned, rules: Rules, at: datetime) -> tuple[Effect, ...]:
    """Mails and tasks of one rung, climbed at ``at``. Deciding is here; doing is casework's."""
    match planned.rung:
        case Rung.PHONE_FIRST:
            profile = profile_of(case, rules)
            due = add(planned.due_at, profile.phone_within or rules.policy.task_within, rules.calendar)
            return (TaskEffect(TaskKind.PHONE_CALL, Channel.PHONE, _by_channel(case, Channel.PHONE), due, True),)
        case Rung.REMINDER:
            return _reminder(case, planned, rules, at)
        case Rung.SECOND_CONTACT:
            written = _reminder(case, planned, rules, at, first_again=False)
            return (_phone(case, rules, at, blocking=True), *_forms(case, rules, at), *written)
        case Rung.LETTER:
            return (_letter(case, rules, at),)
        case Rung.HEADS_UP | Rung.AT_ONCE_HEADS_UP:
            everyone = (*case.addressed(), *case.own_addresses())
            mails = tuple(MailEffect(MailType.HEADS_UP, to, _spaced(case, to, planned, at)) for to in everyone)
            # R34: at once means in the same hour, whatever the hour.
            return mails if planned.rung is Rung.AT_ONCE_HEADS_UP else _after_quiet(case, rules, mails)
        case Rung.AUTHORITIES:
            return _refer(rules.told(case), rules, at)
        case Rung.AT_ONCE_AUTHORITIES:
            return _refer(rules.at_once(case), rules, at)
        case Rung.UNREACHABLE:
            due = add(at, rules.policy.task_within, rules.calendar)
            referral = TaskEffect(TaskKind.UNREACHABLE_REFERRAL, Channel.FORM, "", due, False)
            by_hand = (*_forms(case, rules, at), _letter(case, rules, at))
            return (_phone(case, rules, at, blocking=False), *by_hand, referral)


def next_contact(case: Case) -> str | None:
    """The next mail contact in the coordinator's order to whom no contact mail was queued yet."""
    written = {mail.to for mail in case.mails.values()}
    order = case.chosen or case.released_to
    return next((cid for cid in order if cid not in written and _writable(case, cid)), None)


def _writable(case: Case, contact_id: str) -> bool:
    contact = case.contacts[contact_id]
    usable = not (contact.disabled or contact.intermediary or contact.doubted)
    return contact.channel is Channel.MAIL and usable


def _reminder(
    case: Case, planned: Planned, rules: Rules, at: datetime, *, first_again: bool = True
) -> tuple[Effect, ...]:
    """R33: over the next contact. Once a person answered, to that person; with no other contact, to the first, once."""
    return _after_quiet(case, rules, _reminders(case, planned, at, first_again=first_again))


def _after_quiet(case: Case, rules: Rules, mails: tuple[MailEffect, ...]) -> tuple[MailEffect, ...]:
    """Quiet hours make a mail wait, never the rung: the instants of the ladder stay those of its marks.

    A heads-up that waits delays the referral it announces, as any heads-up does that is not out yet (R34).
    """
    quiet = profile_of(case, rules).quiet
    if quiet is None:
        return mails
    return tuple(replace(mail, not_before=quiet.after(mail.not_before, rules.calendar.zone)) for mail in mails)


def _reminders(case: Case, planned: Planned, at: datetime, *, first_again: bool) -> tuple[MailEffect, ...]:
    person = _answering_person(case)
    if planned.clock is not Clock.CONTACT and person:
        return (MailEffect(MailType.REMINDER, person.id, _spaced(case, person.id, planned, at)),)
    other = next_contact(case)
    if other:
        return (MailEffect(MailType.CONTACT_REQUEST, other, at),)
    if first_again and case.live_contacts():
        first = case.live_contacts()[0]
        return (MailEffect(MailType.REMINDER, first, _spaced(case, first, planned, at)),)
    return ()


def _answering_person(case: Case) -> Person | None:
    return case.released or next((p for p in case.persons.values() if p.standing >= Standing.S2), None)


def _spaced(case: Case, to: str, planned: Planned, at: datetime) -> datetime:
    """On time: now. Catching up after an outage: four hours after the last mail to the same person (R30)."""
    if at - planned.due_at <= HEADS_UP_GRACE:
        return at
    last = max((m.relayed_at or m.queued_at for m in case.mails.values() if m.to == to), default=None)
    return max(at, last + CATCH_UP_SPACING) if last else at


def _by_channel(case: Case, channel: Channel) -> str:
    """The contact for a call or a letter: the coordinator's order first, then whatever was entered."""
    ids = (*case.chosen, *case.contacts)
    usable = (case.contacts[cid] for cid in ids if not case.contacts[cid].disabled)
    return next((c.id for c in usable if c.channel is channel and not c.intermediary), "")


def _phone(case: Case, rules: Rules, at: datetime, *, blocking: bool) -> TaskEffect:
    due = add(at, rules.policy.task_within, rules.calendar)
    return TaskEffect(TaskKind.PHONE_CALL, Channel.PHONE, _by_channel(case, Channel.PHONE), due, blocking)


def _forms(case: Case, rules: Rules, at: datetime) -> tuple[TaskEffect, ...]:
    """R14: a form is a task with the text to paste. Of those in the coordinator's order, each once; it blocks nothing,
    for nobody knows who reads it."""
    asked = {task.target for task in case.tasks.values() if task.kind is TaskKind.CONTACT_FORM}
    due = add(at, rules.policy.task_within, rules.calendar)
    held = (case.contacts[cid] for cid in case.chosen if cid not in asked)
    usable = (c for c in held if c.channel is Channel.FORM and not (c.disabled or c.intermediary or c.doubted))
    return tuple(TaskEffect(TaskKind.CONTACT_FORM, Channel.FORM, c.id, due, blocking=False) for c in usable)


def _letter(case: Case, rules: Rules, at: datetime) -> TaskEffect:
    due = add(at, rules.policy.task_within, rules.calendar)
    return TaskEffect(TaskKind.LETTER, Channel.POST, _by_channel(case, Channel.POST), due, blocking=False)


def _refer(referrals: tuple[Referral, ...], rules: Rules, at: datetime) -> tuple[Effect, ...]:
    due = add(at, rules.policy.task_within, rules.calendar)
    return tuple(
        MailEffect(MailType.REFERRAL, r.authority_id, at)
        if r.channel is Channel.MAIL
        else TaskEffect(TaskKind.REFERRAL, r.channel, r.authority_id, due, blocking=False)
        for r in referrals
    )
