"""A case is the fold of its events: one step per event that changes what is so.

Two house rules. Whatever affects a move lives in axes.py and guards.py; what follows in time lives in ladder.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from disclosure.protocol import contactcertificates, publicity
from disclosure.protocol import events as e
from disclosure.protocol.axes import moved
from disclosure.protocol.codes import MailType, Rung
from disclosure.protocol.errors import IllegalMove, Refused
from disclosure.protocol.guards import forbidden
from disclosure.protocol.returns import ABSENCE
from disclosure.protocol.state import (
    Approval,
    Case,
    Climbed,
    Contact,
    ContactSearch,
    Mail,
    MailState,
    Person,
    Referred,
    Still,
    Task,
)
from disclosure.protocol.values import Party, Standing


def fold(entries: Iterable[e.Entry]) -> Case:
    case = Case()
    for entry in entries:
        case = apply(case, entry)
    return case


def apply(case: Case, entry: e.Entry) -> Case:
    """One step of the fold. Raises IllegalMove or Refused; what is raised is never stored."""
    forbidden(case, entry)
    case = case.but(axes=moved(case.axes, entry.event), last_seq=entry.seq, last_at=entry.at)
    step = _STEPS.get(type(entry.event))
    if step:
        case = step(case, entry, entry.event)
    # While the release is ours to give, no clock of theirs goes on: our lateness is nobody's silence (R33, R12).
    return _still(case, "ours", entry.at, on=case.release_is_ours) if case.persons else case


def _still(case: Case, why: str, at: datetime, *, on: bool) -> Case:
    """Open or close the stretch of stillness for this reason; asking twice changes nothing."""
    if case.stands_still(why) == on:
        return case
    if on:
        return case.but(stills=(*case.stills, Still(at, None, why)))
    ended = tuple(replace(s, end=at) if s.why == why and s.end is None else s for s in case.stills)
    return case.but(stills=ended)


def _person(case: Case, person_id: str, **changes: Any) -> Case:
    return case.but(persons={**case.persons, person_id: replace(case.persons[person_id], **changes)})


def _opened(case: Case, entry: e.Entry, event: e.CaseOpened) -> Case:
    return case.but(role=event.role, number=event.number, policy_version=event.policy_version, opened_at=entry.at)


def _found(case: Case, entry: e.Entry, event: e.ContactFound) -> Case:
    """Found again, a contact takes what the newer evidence says; a bounce or a coordinator's word outlives that."""
    held = case.contacts.get(event.contact_id)
    contact = Contact(
        event.contact_id,
        entry.seq,
        event.channel,
        event.source,
        event.rank,
        event.confidence,
        event.reason,
        event.flags,
        event.domain_id,
        event.review,
        disabled=held.disabled if held else "",
        languages=event.languages,
        answered_at=event.answered_at,
        doubted=event.review and held is not None and (held.doubted or not held.review),
        found_at=entry.at,
    )
    return case.but(contacts={**case.contacts, contact.id: contact})


def _settled_on(case: Case, contact_ids: tuple[str, ...]) -> Case:
    """A person named them, and so decided what newer evidence had put in doubt (R17)."""
    decided = {cid: replace(case.contacts[cid], doubted=False) for cid in contact_ids if case.contacts[cid].doubted}
    return case.but(contacts={**case.contacts, **decided}) if decided else case


def _entered(case: Case, entry: e.Entry, event: e.ContactEntered) -> Case:
    contact = Contact(
        event.contact_id, entry.seq, event.channel, "manual", intermediary=event.intermediary, manual=True
    )
    return case.but(contacts={**case.contacts, contact.id: contact})


def _suggested(case: Case, entry: e.Entry, event: e.ContactSuggested) -> Case:
    contact = Contact(
        event.contact_id, entry.seq, event.channel, "organisation", reason="named_by_them", suggested=True
    )
    return case.but(contacts={**case.contacts, contact.id: contact})


def _disabled(case: Case, entry: e.Entry, event: e.ContactDisabled) -> Case:
    contact = replace(case.contacts[event.contact_id], disabled=event.reason)
    return case.but(contacts={**case.contacts, contact.id: contact})


def _chosen(case: Case, entry: e.Entry, event: e.ContactsChosen) -> Case:
    return _settled_on(case, event.contact_ids).but(chosen=event.contact_ids)


def _first_contact(case: Case, entry: e.Entry, event: e.FirstContactReleased) -> Case:
    case = _settled_on(case, event.contact_ids)
    return case.but(released_to=tuple(dict.fromkeys((*case.released_to, *event.contact_ids))), unreachable_at=None)


def _queued(case: Case, entry: e.Entry, event: e.MailQueued) -> Case:
    mail = Mail(event.mail_id, event.mail_type, event.to, event.language, event.rung, entry.at)
    return case.but(mails={**case.mails, mail.id: mail})


_CLOCK_MAILS = frozenset({MailType.CONTACT_REQUEST, MailType.REMINDER})
_USABLE = frozenset({MailState.RELAYED, MailState.DELIVERED, MailState.AMBIGUOUS})


def _mail_is(state: MailState) -> Callable[[Case, e.Entry, Any], Case]:
    def step(case: Case, entry: e.Entry, event: Any) -> Case:
        mail = case.mails.get(event.mail_id)
        if mail is None or (mail.state is MailState.DEAD and state is not MailState.RELAYED):
            return case
        relayed_at = entry.at if state in {MailState.RELAYED, MailState.AMBIGUOUS} else mail.relayed_at
        mail = replace(mail, state=state, relayed_at=relayed_at)
        case = case.but(mails={**case.mails, mail.id: mail})
        if mail.type is MailType.FORWARD_REQUEST and case.forwarded_at is None:
            return case.but(forwarded_at=mail.relayed_at)
        return _contact_clock(case, entry.at) if mail.type in _CLOCK_MAILS else case

    return step


def _prepared(case: Case, entry: e.Entry, event: e.MailPrepared) -> Case:
    """Who reads it is judged by the certificate it left for: one prepared anew forgets the first."""
    case = _mail_is(MailState.PREPARED)(case, entry, event)
    if event.mail_id not in case.mails:
        return case
    mail = replace(case.mails[event.mail_id], certificate_id=event.certificate_id)
    return case.but(mails={**case.mails, mail.id: mail})


def _contact_clock(case: Case, at: datetime) -> Case:
    """R31: starts when the relay accepts the first mail, stands still while nothing usable is out."""
    usable = any(mail.state in _USABLE for mail in case.mails.values() if mail.type in _CLOCK_MAILS)
    if usable and case.contact_started_at is None:
        return case.but(contact_started_at=at)
    return _still(case, "nothing_out", at, on=not usable) if case.contact_started_at else case


def _refused(case: Case, entry: e.Entry, event: e.MailRefused) -> Case:
    return _mail_is(MailState.DEAD)(case, entry, event) if event.permanent else case


def _resent(case: Case, entry: e.Entry, event: e.MailResent) -> Case:
    """Alive again, unless it is known to be out or may be."""
    mail = case.mails.get(event.mail_id)
    if mail is None or mail.state is not MailState.DEAD:
        return case
    return _mail_with(case, mail.id, state=MailState.QUEUED if event.anew else MailState.PREPARED)


def _cancelled(case: Case, entry: e.Entry, event: e.MailCancelled) -> Case:
    """What may have arrived may have arrived, whoever gives it up."""
    mail = case.mails.get(event.mail_id)
    return case if mail and mail.state in _USABLE else _mail_is(MailState.DEAD)(case, entry, event)


def _mail_with(case: Case, mail_id: str, **changes: Any) -> Case:
    mail = case.mails.get(mail_id)
    return case.but(mails={**case.mails, mail_id: replace(mail, **changes)}) if mail else case


def _bounced(case: Case, entry: e.Entry, event: e.MailBounced) -> Case:
    return _mail_with(_mail_is(MailState.DEAD)(case, entry, event), event.mail_id, bounced_at=entry.at)


def _noted(case: Case, entry: e.Entry, event: e.MailNoted) -> Case:
    return _mail_with(case, event.mail_id, absent=True) if event.what == ABSENCE and not event.waits else case


def _mailed(case: Case, entry: e.Entry, event: e.OrganisationMailed | e.AuthorityMailed) -> Case:
    return _mail_with(case, event.mail_id, answered_at=entry.at)


def _confirmed(case: Case, entry: e.Entry, event: e.PersonConfirmed) -> Case:
    person = Person(event.person_id, event.contact_id, entry.seq, entry.at)
    return case.but(persons={**case.persons, person.id: person}, s1_at=case.s1_at or entry.at)


def _own_address(case: Case, entry: e.Entry, event: e.OwnAddressNamed) -> Case:
    # Another address is another claim: whatever was shown before was shown for the old one (R29).
    return _person(case, event.person_id, address_seq=entry.seq, changed_seq=entry.seq, standing=Standing.S1)


def _certificate(case: Case, entry: e.Entry, event: e.CertificateHandedIn) -> Case:
    return _person(
        case,
        event.person_id,
        certificate_id=event.certificate_id,
        fingerprint=event.fingerprint,
        changed_seq=entry.seq,
        standing=Standing.S1,  # R29: a change of certificate starts again at S1
    )


def _standing(case: Case, entry: e.Entry, event: e.StandingShown) -> Case:
    case = _person(case, event.person_id, standing=event.standing, proof=event.proof, standing_at=entry.at)
    if event.certificate_id:
        named = {"certificate_id": event.certificate_id, "fingerprint": event.fingerprint, "changed_seq": entry.seq}
        case = _person(case, event.person_id, **named)
    return case.but(standing_at=case.standing_at or entry.at)


def _released(case: Case, entry: e.Entry, event: e.NoticeReleased) -> Case:
    return _person(case, event.person_id, released_at=entry.at, release_seq=entry.seq)


def _notice_opened(case: Case, entry: e.Entry, event: e.NoticeOpened) -> Case:
    person = case.persons[event.person_id]
    return _person(case, person.id, opened_at=person.opened_at or entry.at)


def _acknowledged(case: Case, entry: e.Entry, event: e.NoticeAcknowledged) -> Case:
    person = case.persons[event.person_id]
    case = _person(case, person.id, acknowledged_at=person.acknowledged_at or entry.at)
    case = _still(case, "contested", entry.at, on=False)
    return case.but(acknowledged_at=case.acknowledged_at or entry.at, contest_waits=False)


def _contested(case: Case, entry: e.Entry, event: e.NoticeContested) -> Case:
    # R33: contesting before the notice was opened stops nothing; after opening it holds the ladder for a coordinator.
    case = case.but(contest_waits=True)
    if case.persons[event.person_id].opened_at is None:
        return case
    return _still(case, "contested", entry.at, on=True)


def _settled(case: Case, entry: e.Entry, event: e.ContestSettled) -> Case:
    case = _still(case, "contested", entry.at, on=False).but(contest_waits=False)
    if not event.upheld:
        return case
    return case.but(answered_at=case.answered_at or entry.at, corrected_at=case.corrected_at or entry.at)


def _answered(case: Case, entry: e.Entry, event: e.RemediationPlanned | e.RemediationClaimed) -> Case:
    # R29, R33: who was released nothing has read our mail and no more; such words are kept and stop no clock.
    if case.persons[event.person_id].released_at is None:
        return case
    return case.but(answered_at=case.answered_at or entry.at)


def _extended(case: Case, entry: e.Entry, event: e.ClockExtended) -> Case:
    total = case.extensions.get(event.clock, 0) + event.seconds
    return case.but(extensions={**case.extensions, event.clock: total})


def _credited(case: Case, entry: e.Entry, event: e.OutageCredited) -> Case:
    return case.but(stills=(*case.stills, Still(event.started_at, event.ended_at, "outage")))


def _climbed(case: Case, entry: e.Entry, event: e.RungClimbed) -> Case:
    climbed = case.but(rungs={**case.rungs, event.rung: Climbed(entry.at, event.due_at, event.clock)})
    if event.rung is not Rung.HEADS_UP:
        return climbed
    return climbed.but(heads_ups={**case.heads_ups, event.clock: entry.at})


def _search_started(case: Case, entry: e.Entry, event: e.SearchStarted) -> Case:
    return case.but(contact_searches={**case.contact_searches, event.domain_id: ContactSearch(event.search_id)})


def _search_ended(case: Case, entry: e.Entry, event: e.SearchEnded) -> Case:
    """One that a newer search of the same domain has replaced says nothing any more."""
    found = next((d for d, s in case.contact_searches.items() if s.id == event.search_id), None)
    if found is None:
        return case
    ended = ContactSearch(event.search_id, str(event.outcome))
    return case.but(contact_searches={**case.contact_searches, found: ended})


def _task(case: Case, entry: e.Entry, event: e.TaskOpened) -> Case:
    task = Task(
        event.task_id, event.kind, event.channel, event.target, entry.at, event.due_at, event.rung, event.blocking
    )
    return case.but(tasks={**case.tasks, task.id: task})


def _task_ended(case: Case, entry: e.Entry, event: e.TaskDone | e.TaskCancelled) -> Case:
    done = isinstance(event, e.TaskDone)
    task = replace(case.tasks[event.task_id], done_at=entry.at if done else None, cancelled=not done)
    return case.but(tasks={**case.tasks, task.id: task})


def _taken(case: Case, entry: e.Entry, event: e.TaskTaken) -> Case:
    task = replace(case.tasks[event.task_id], taken_by=event.coordinator_id)
    return case.but(tasks={**case.tasks, task.id: task})


def _referred(case: Case, entry: e.Entry, event: e.AuthorityReferred) -> Case:
    referred = Referred(entry.at, event.channel, event.by)
    return case.but(referred={**case.referred, event.authority_id: referred})


def _proposed(case: Case, entry: e.Entry, event: e.ApprovalProposed) -> Case:
    approval = Approval(
        event.approval_id,
        event.act,
        event.subject,
        entry.at,
        entry.actor.ref,
        event.expires_at,
        event.state,
        entry.seq,
    )
    return case.but(approvals={**case.approvals, approval.id: approval})


def _approval_given(case: Case, entry: e.Entry, event: e.ApprovalGiven) -> Case:
    approval = case.approvals[event.approval_id]
    if entry.at >= approval.expires_at:  # a lapse is derived: no scheduler has to have noticed it first (R30)
        raise IllegalMove("approval", "closed", "ApprovalGiven")
    if entry.actor.party is Party.COORDINATOR and entry.actor.ref == approval.proposed_by:
        raise Refused("R12", "same_person")
    if entry.actor.ref in approval.given_by:
        return case
    given = replace(approval, given_by=(*approval.given_by, entry.actor.ref))
    return case.but(approvals={**case.approvals, approval.id: given})


def _approval_ended(
    case: Case, entry: e.Entry, event: e.ApprovalRefused | e.ApprovalExpired | e.ApprovalVoided
) -> Case:
    ended = replace(
        case.approvals[event.approval_id],
        refused=isinstance(event, e.ApprovalRefused),
        expired=isinstance(event, e.ApprovalExpired),
        void=isinstance(event, e.ApprovalVoided),
    )
    return case.but(approvals={**case.approvals, ended.id: ended})


_STEPS: Mapping[type[e.Event], Callable[[Case, e.Entry, Any], Case]] = {
    e.CaseOpened: _opened,
    e.CaseAssessed: lambda case, entry, event: case.but(assessed=event),
    e.ReportLinked: lambda case, entry, event: replace(
        case, reports={**case.reports, event.report_id: event.commitment}
    ),
    e.DomainTied: lambda case, entry, event: case.but(domains={**case.domains, event.domain_id: entry.seq}),
    e.CoordinatorAssigned: lambda case, entry, event: case.but(coordinator_id=event.coordinator_id),
    e.ContactFound: _found,
    e.ContactEntered: _entered,
    e.ContactSuggested: _suggested,
    e.ContactDisabled: _disabled,
    e.ContactsChosen: _chosen,
    e.SearchStarted: _search_started,
    e.SearchEnded: _search_ended,
    e.CertificateSearchStarted: contactcertificates.search_started,
    e.CertificateSearchEnded: contactcertificates.search_ended,
    e.CertificateFound: contactcertificates.found,
    e.CertificateEntered: contactcertificates.entered,
    e.CertificateChosen: contactcertificates.chosen,
    e.FirstContactReleased: _first_contact,
    e.MailQueued: _queued,
    e.MailPrepared: _prepared,
    e.MailRelayed: _mail_is(MailState.RELAYED),
    e.MailDelivered: _mail_is(MailState.DELIVERED),
    e.MailAmbiguous: _mail_is(MailState.AMBIGUOUS),
    e.MailRefused: _refused,
    e.MailGivenUp: _mail_is(MailState.DEAD),
    e.MailResent: _resent,
    e.MailCancelled: _cancelled,
    e.MailBounced: _bounced,
    e.MailNoted: _noted,
    e.OrganisationMailed: _mailed,
    e.AuthorityMailed: _mailed,
    e.PersonConfirmed: _confirmed,
    e.OwnAddressNamed: _own_address,
    e.CertificateHandedIn: _certificate,
    e.StandingShown: _standing,
    e.StandingObjected: lambda case, entry, event: _person(case, event.person_id, objected=True),
    e.NoticeDrafted: lambda case, entry, event: case.but(draft_seq=entry.seq),
    e.NoticeReleased: _released,
    e.NoticeOpened: _notice_opened,
    e.NoticeAcknowledged: _acknowledged,
    e.NoticeContested: _contested,
    e.ContestSettled: _settled,
    e.RemediationPlanned: _answered,
    e.RemediationClaimed: _answered,
    e.ClockExtended: _extended,
    e.ClockPaused: lambda case, entry, event: _still(case, "paused", entry.at, on=True),
    e.ClockResumed: lambda case, entry, event: _still(case, "paused", entry.at, on=False),
    e.OutageCredited: _credited,
    e.EmbargoEnded: lambda case, entry, event: replace(
        case, embargo_ended_at=case.embargo_ended_at or entry.at, embargo_end=event.cause
    ),
    e.RungClimbed: _climbed,
    e.TaskOpened: _task,
    e.TaskTaken: _taken,
    e.TaskDone: _task_ended,
    e.TaskCancelled: _task_ended,
    e.CoordinatorsCalled: lambda case, entry, event: replace(
        case, calls={**case.calls, (event.clock, event.subject): entry.at}
    ),
    e.ApprovalProposed: _proposed,
    e.ApprovalGiven: _approval_given,
    e.ApprovalRefused: _approval_ended,
    e.ApprovalExpired: _approval_ended,
    e.ApprovalVoided: _approval_ended,
    e.AuthorityReferred: _referred,
    e.PublicationAnnounced: publicity.announced,
    e.CasePublished: publicity.published,
    e.CaseClosed: publicity.closed,
    e.CaseReopened: lambda case, entry, event: case.but(withdrawn_at=None),
    e.CaseUnreachable: lambda case, entry, event: case.but(unreachable_at=entry.at),
    e.PolicyMoved: lambda case, entry, event: case.but(policy_version=event.version),
    e.ContentErased: lambda case, entry, event: case.but(erased=True),
}
# Facts that change nothing of what is so: the timeline shows them, the fold passes over them.
FACTS_ONLY = frozenset(
    {
        e.NoteWritten,
        e.ForwardRequestReleased,
        e.LookupRecorded,
        e.LinkOpened,
        e.LinksRevoked,
        e.MailHeld,
        e.OrganisationWrote,
        e.OrganisationAnswered,
        e.AuthorityAnswered,
        e.PublicationRetracted,
        e.PictureKept,
        e.NoticePictureKept,
        e.ReporterWrote,
        e.ReporterAnswered,
    }
)
