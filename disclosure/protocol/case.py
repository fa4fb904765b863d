"""A case is the fold of its events. Whatever affects a move lives here; what follows in time lives in ladder.py.

Two house rules. One table per axis (R9): an event that an axis knows is legal only from the states the table names; an
illegal move is a failed look-up. Axes are coupled by the few rules in ``_forbidden``; nothing else couples them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from disclosure.protocol import events as e
from disclosure.protocol.codes import Act, Clock, EmbargoEnd, MailType, OwnClock, Proof, Rung, TaskKind
from disclosure.protocol.errors import IllegalMove, Refused
from disclosure.protocol.values import Channel, Language, Party, Role, Standing


class Axis(StrEnum):
    """R9: axes are kept apart. "Escalated" is a rung, not a state."""

    LIFE = "life"
    CONTACT = "contact"
    NOTICE = "notice"
    ACKNOWLEDGEMENT = "acknowledgement"
    REMEDIATION = "remediation"
    PUBLICITY = "publicity"
    TRIAGE = "triage"


# axis → first state, and (state, event) → state. The README's diagrams are drawn from this.
_Table = Mapping[tuple[str, type[e.Event]], str]
FIRST: Mapping[Axis, str] = {
    Axis.LIFE: "open",
    Axis.CONTACT: "searching",
    Axis.NOTICE: "none",
    Axis.ACKNOWLEDGEMENT: "none",
    Axis.REMEDIATION: "none",
    Axis.PUBLICITY: "embargoed",
    Axis.TRIAGE: "received",
}
TRANSITIONS: Mapping[Axis, _Table] = {
    Axis.LIFE: {
        ("open", e.CaseClosed): "closed",
        ("closed", e.CaseReopened): "open",
    },
    Axis.CONTACT: {
        ("searching", e.FirstContactReleased): "requested",
        ("requested", e.FirstContactReleased): "requested",
        ("unreachable", e.FirstContactReleased): "requested",
        ("confirmed", e.FirstContactReleased): "confirmed",
        ("searching", e.CaseUnreachable): "unreachable",
        ("requested", e.CaseUnreachable): "unreachable",
        ("requested", e.PersonConfirmed): "requested",
        ("unreachable", e.PersonConfirmed): "requested",
        ("confirmed", e.PersonConfirmed): "confirmed",
        ("requested", e.StandingShown): "confirmed",
        ("confirmed", e.StandingShown): "confirmed",
    },
    Axis.NOTICE: {
        ("none", e.NoticeDrafted): "drafted",
        ("drafted", e.NoticeDrafted): "drafted",
        ("released", e.NoticeDrafted): "released",
        ("delivered", e.NoticeDrafted): "delivered",
        ("opened", e.NoticeDrafted): "opened",
        ("drafted", e.NoticeReleased): "released",
        ("released", e.NoticeReleased): "released",
        ("delivered", e.NoticeReleased): "released",
        ("opened", e.NoticeReleased): "opened",
        ("released", e.MailDelivered): "delivered",
        ("delivered", e.MailDelivered): "delivered",
        ("opened", e.MailDelivered): "opened",
        ("released", e.NoticeOpened): "opened",
        ("delivered", e.NoticeOpened): "opened",
        ("opened", e.NoticeOpened): "opened",
    },
    Axis.ACKNOWLEDGEMENT: {
        ("none", e.NoticeAcknowledged): "acknowledged",
        ("acknowledged", e.NoticeAcknowledged): "acknowledged",
        ("contested", e.NoticeAcknowledged): "acknowledged",
        ("none", e.NoticeContested): "contested",
        ("acknowledged", e.NoticeContested): "contested",
        ("contested", e.NoticeContested): "contested",
        ("contested", e.ContestSettled): "contested",
    },
    Axis.REMEDIATION: {
        ("none", e.RemediationPlanned): "planned",
        ("planned", e.RemediationPlanned): "planned",
        ("claimed", e.RemediationPlanned): "planned",
        ("none", e.RemediationClaimed): "claimed",
        ("planned", e.RemediationClaimed): "claimed",
        ("claimed", e.RemediationClaimed): "claimed",
    },
    Axis.PUBLICITY: {
        ("embargoed", e.CasePublished): "published",
        ("retracted", e.CasePublished): "published",
        ("published", e.PublicationRetracted): "retracted",
    },
    Axis.TRIAGE: {
        ("received", e.ReportRead): "read",
        ("received", e.ReportAccepted): "accepted",
        ("read", e.ReportAccepted): "accepted",
        ("received", e.ReportDeclined): "declined",
        ("read", e.ReportDeclined): "declined",
        ("received", e.ReportWithdrawn): "withdrawn",
        ("read", e.ReportWithdrawn): "withdrawn",
        ("accepted", e.ReportWithdrawn): "withdrawn",
    },
}
NOTICE_MAILS = frozenset({MailType.NOTICE, MailType.NOTICE_READY})
# An event moves the axis only when this holds; otherwise it is a fact beside it.
_ONLY_WHEN: Mapping[type[e.Event], Callable[[Any], bool]] = {
    e.MailDelivered: lambda event: event.mail_type in NOTICE_MAILS,
    e.ReportWithdrawn: lambda event: event.before_first_contact,  # R5: later it is a request
}
_KNOWN_TO: Mapping[type[e.Event], Axis] = {kind: axis for axis, table in TRANSITIONS.items() for _, kind in table}


def move(axis: Axis, state: str, event: e.Event) -> str:
    """The state after ``event``: one look-up."""
    try:
        return TRANSITIONS[axis][state, type(event)]
    except KeyError:
        raise IllegalMove(axis, state, type(event).__name__) from None


def _moved(axes: Mapping[Axis, str], event: e.Event) -> Mapping[Axis, str]:
    axis = _KNOWN_TO.get(type(event))
    if axis is None or axis not in axes or not _ONLY_WHEN.get(type(event), lambda _: True)(event):
        return axes
    return {**axes, axis: move(axis, axes[axis], event)}


# --- reports ---


@dataclass(frozen=True)
class Report:
    """Fold of a report's stream."""

    received_at: datetime | None = None
    read_at: datetime | None = None
    axes: Mapping[Axis, str] = field(default_factory=lambda: {Axis.TRIAGE: FIRST[Axis.TRIAGE]})
    cases: tuple[str, ...] = ()
    withdrawal_asked: bool = False
    erased: bool = False
    last_seq: int = 0

    @property
    def triage(self) -> str:
        return self.axes[Axis.TRIAGE]


def fold_report(entries: Iterable[e.Entry]) -> Report:
    report = Report()
    for entry in entries:
        report = apply_to_report(report, entry)
    return report


def apply_to_report(report: Report, entry: e.Entry) -> Report:
    report = replace(report, axes=_moved(report.axes, entry.event), last_seq=entry.seq)
    match entry.event:
        case e.ReportReceived():
            return replace(report, received_at=entry.at)
        case e.ReportRead() | e.ReportAccepted() | e.ReportDeclined():
            return replace(report, read_at=report.read_at or entry.at)
        case e.ReportTied(case_id=case_id):
            return replace(report, cases=(*report.cases, case_id))
        case e.ReportWithdrawn(before_first_contact=False):
            return replace(report, withdrawal_asked=True)
        case e.ContentErased():
            return replace(report, erased=True)
    return report


# --- cases ---


class MailState(StrEnum):
    """Attempted, relayed, bounced are separate facts (R31)."""

    QUEUED = "queued"
    PREPARED = "prepared"
    AMBIGUOUS = "ambiguous"
    RELAYED = "relayed"
    DELIVERED = "delivered"
    DEAD = "dead"  # refused for good, given up, or bounced


@dataclass(frozen=True)
class Contact:
    """``seq``: the entry that holds its sealed address. ``order``: who wins is ranking.py's matter."""

    id: str
    seq: int
    channel: Channel
    source: str
    rank: int = 0
    confidence: str = "manual"
    reason: str = "entered_by_hand"
    flags: tuple[str, ...] = ()
    domain_id: str = ""
    review: bool = False
    intermediary: bool = False
    manual: bool = False
    suggested: bool = False
    disabled: str = ""


@dataclass(frozen=True)
class Mail:
    id: str
    type: MailType
    to: str
    language: Language
    rung: Rung | None
    queued_at: datetime
    state: MailState = MailState.QUEUED
    relayed_at: datetime | None = None


@dataclass(frozen=True)
class Person:
    """Somebody at the organisation. ``seq``: sealed name and role; ``address_seq``: sealed own address."""

    id: str
    contact_id: str
    seq: int
    confirmed_at: datetime
    standing: Standing = Standing.S1
    proof: Proof = Proof.LINK_AND_CODE
    standing_at: datetime | None = None
    address_seq: int = 0
    certificate_id: str = ""
    fingerprint: str = ""
    objected: bool = False
    released_at: datetime | None = None
    release_seq: int = 0
    opened_at: datetime | None = None
    acknowledged_at: datetime | None = None


@dataclass(frozen=True)
class Task:
    id: str
    kind: TaskKind
    channel: Channel
    target: str
    opened_at: datetime
    due_at: datetime
    rung: Rung | None
    blocking: bool
    done_at: datetime | None = None
    cancelled: bool = False

    @property
    def open(self) -> bool:
        return self.done_at is None and not self.cancelled


@dataclass(frozen=True)
class Approval:
    id: str
    act: Act
    subject: str
    proposed_at: datetime
    proposed_by: str
    expires_at: datetime
    given_by: tuple[str, ...] = ()
    refused: bool = False
    expired: bool = False


@dataclass(frozen=True)
class Still:
    """Time in which the clock stands still (R31, R35); ``end`` is None while it lasts."""

    start: datetime
    end: datetime | None
    why: str


@dataclass(frozen=True)
class Climbed:
    at: datetime
    due_at: datetime
    clock: Clock


@dataclass(frozen=True)
class Referred:
    at: datetime
    channel: Channel
    by: str  # a mail's or a task's id


@dataclass(frozen=True)
class Case:
    """What is so now. Ids are ours; nothing here was written by a stranger."""

    role: Role = Role.CONTROLLER
    number: str = ""
    policy_version: str = ""
    opened_at: datetime | None = None
    assessed: e.CaseAssessed | None = None
    coordinator_id: str = ""
    axes: Mapping[Axis, str] = field(
        default_factory=lambda: {axis: state for axis, state in FIRST.items() if axis is not Axis.TRIAGE}
    )
    reports: Mapping[str, str] = field(default_factory=dict)
    domains: Mapping[str, int] = field(default_factory=dict)  # domain id → seq of its entry
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    released_to: tuple[str, ...] = ()
    mails: Mapping[str, Mail] = field(default_factory=dict)
    persons: Mapping[str, Person] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    rungs: Mapping[Rung, Climbed] = field(default_factory=dict)
    referred: Mapping[str, Referred] = field(default_factory=dict)
    calls: Mapping[tuple[OwnClock, str], datetime] = field(default_factory=dict)
    stills: tuple[Still, ...] = ()
    extensions: Mapping[Clock, int] = field(default_factory=dict)  # seconds
    contact_started_at: datetime | None = None
    s1_at: datetime | None = None
    standing_at: datetime | None = None
    draft_seq: int = 0
    acknowledged_at: datetime | None = None
    answered_at: datetime | None = None  # remediation claimed, dated plan, or a contest upheld: the action clock's end
    embargo_ended_at: datetime | None = None
    embargo_end: EmbargoEnd | None = None
    unreachable_at: datetime | None = None
    erased: bool = False
    last_seq: int = 0
    last_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.axes[Axis.LIFE] == "open"

    def state(self, axis: Axis) -> str:
        return self.axes[axis]

    @property
    def released(self) -> Person | None:
        """The person to whom the notice was released last; the notice clock runs on this person (R33)."""
        held = [person for person in self.persons.values() if person.released_at]
        return max(held, key=lambda person: (person.released_at, person.release_seq), default=None)

    def written_to(self) -> tuple[str, ...]:
        """Contacts to whom a mail of ours was relayed and did not come back, in the order of writing."""
        alive = {MailState.RELAYED, MailState.DELIVERED, MailState.AMBIGUOUS}
        ids = (mail.to for mail in self.mails.values() if mail.state in alive and mail.to in self.contacts)
        return tuple(dict.fromkeys(ids))

    def live_contacts(self) -> tuple[str, ...]:
        return tuple(cid for cid in self.written_to() if not self.contacts[cid].disabled)


def fold(entries: Iterable[e.Entry]) -> Case:
    case = Case()
    for entry in entries:
        case = apply(case, entry)
    return case


def apply(case: Case, entry: e.Entry) -> Case:
    """One step of the fold. Raises IllegalMove or Refused; what is raised is never stored."""
    _forbidden(case, entry)
    case = replace(case, axes=_moved(case.axes, entry.event), last_seq=entry.seq, last_at=entry.at)
    step = _STEPS.get(type(entry.event))
    return step(case, entry, entry.event) if step else case


# --- rules that couple the axes ---


def _forbidden(case: Case, entry: e.Entry) -> None:
    """Raise where a rule forbids the event in this case, whatever the axis says."""
    rule = _RULES.get(type(entry.event))
    if rule:
        rule(case, entry.event)


def _release_needs_standing(case: Case, event: e.NoticeReleased) -> None:
    person = case.persons.get(event.person_id)
    if person is None:
        raise Refused("R29", "unknown_person")
    if person.standing < Standing.S2:
        raise Refused("R29", "standing_too_low")
    if event.standing != person.standing or event.fingerprint != person.fingerprint:
        raise Refused("R29", "release_names_another_state")  # the coordinator saw something older
    if not (event.personal_data_masked and event.source_unrecognisable):
        raise Refused("R20", "release_questions")


def _needs_release(case: Case, event: e.NoticeOpened | e.NoticeAcknowledged) -> None:
    person = case.persons.get(event.person_id)
    if person is None or person.released_at is None:
        raise Refused("R26", "nothing_released_to_this_person")


def _needs_confirmed(case: Case, event: Any) -> None:
    if event.person_id not in case.persons:
        raise Refused("R29", "unknown_person")


def _own_address_needs_tied_domain(case: Case, event: e.OwnAddressNamed) -> None:
    _needs_confirmed(case, event)
    if event.domain_id not in case.domains:
        raise Refused("R29", "domain_not_tied")


def _rung_once(case: Case, event: e.RungClimbed) -> None:
    if event.rung in case.rungs:
        raise IllegalMove("ladder", event.rung, "RungClimbed")
    if not case.open:
        raise IllegalMove(Axis.LIFE, "closed", "RungClimbed")


def _contacts_usable(case: Case, event: e.FirstContactReleased | e.ContactsChosen) -> None:
    for contact_id in event.contact_ids:
        contact = case.contacts.get(contact_id)
        if contact is None:
            raise Refused("R16", "unknown_contact")
        if contact.intermediary and isinstance(event, e.FirstContactReleased):
            raise Refused("R14b", "intermediary")
        if contact.disabled:
            raise Refused("R31", "contact_disabled")
    if isinstance(event, e.FirstContactReleased) and not case.domains:
        raise Refused("R14a", "no_domain_tied")


def _task_open(case: Case, event: e.TaskDone | e.TaskCancelled) -> None:
    task = case.tasks.get(event.task_id)
    if task is None or not task.open:
        raise IllegalMove("task", "done" if task else "unknown", type(event).__name__)


def _paused_once(case: Case, event: e.ClockPaused | e.ClockResumed) -> None:
    paused = _standing_still(case, "paused")
    if paused == isinstance(event, e.ClockPaused):
        raise IllegalMove("clock", "paused" if paused else "running", type(event).__name__)


def _publish_needs_end(case: Case, event: e.CasePublished) -> None:
    if case.state(Axis.REMEDIATION) == "none" and case.embargo_ended_at is None and Rung.AUTHORITIES not in case.rungs:
        raise Refused("R46", "embargo_running")


def _approval_open(case: Case, event: e.ApprovalGiven | e.ApprovalRefused | e.ApprovalExpired) -> None:
    approval = case.approvals.get(event.approval_id)
    if approval is None or approval.refused or approval.expired:
        raise IllegalMove("approval", "closed", type(event).__name__)


def _embargo_after_contact(case: Case, _: e.EmbargoEnded) -> None:
    if case.contact_started_at is None:
        raise Refused("R36", "before_first_contact")  # what was public before sets severity only


_RULES: Mapping[type[e.Event], Callable[[Case, Any], None]] = {
    e.NoticeReleased: _release_needs_standing,
    e.NoticeOpened: _needs_release,
    e.NoticeAcknowledged: _needs_release,
    e.NoticeContested: _needs_confirmed,
    e.RemediationPlanned: _needs_confirmed,
    e.RemediationClaimed: _needs_confirmed,
    e.OrganisationWrote: _needs_confirmed,
    e.StandingShown: _needs_confirmed,
    e.StandingObjected: _needs_confirmed,
    e.CertificateHandedIn: _needs_confirmed,
    e.OwnAddressNamed: _own_address_needs_tied_domain,
    e.RungClimbed: _rung_once,
    e.FirstContactReleased: _contacts_usable,
    e.ContactsChosen: _contacts_usable,
    e.TaskDone: _task_open,
    e.TaskCancelled: _task_open,
    e.ClockPaused: _paused_once,
    e.ClockResumed: _paused_once,
    e.CasePublished: _publish_needs_end,
    e.ApprovalGiven: _approval_open,
    e.ApprovalRefused: _approval_open,
    e.ApprovalExpired: _approval_open,
    e.EmbargoEnded: _embargo_after_contact,
}


# --- steps of the fold: one per event that changes what is so ---


def _standing_still(case: Case, why: str) -> bool:
    return any(still.why == why and still.end is None for still in case.stills)


def _still(case: Case, why: str, at: datetime, *, on: bool) -> Case:
    """Open or close the stretch of stillness for this reason; asking twice changes nothing."""
    if _standing_still(case, why) == on:
        return case
    if on:
        return replace(case, stills=(*case.stills, Still(at, None, why)))
    ended = tuple(replace(s, end=at) if s.why == why and s.end is None else s for s in case.stills)
    return replace(case, stills=ended)


def _person(case: Case, person_id: str, **changes: Any) -> Case:
    return replace(case, persons={**case.persons, person_id: replace(case.persons[person_id], **changes)})


def _opened(case: Case, entry: e.Entry, event: e.CaseOpened) -> Case:
    return replace(case, role=event.role, number=event.number, policy_version=event.policy_version, opened_at=entry.at)


def _found(case: Case, entry: e.Entry, event: e.ContactFound) -> Case:
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
    )
    return replace(case, contacts={**case.contacts, contact.id: contact})


def _entered(case: Case, entry: e.Entry, event: e.ContactEntered) -> Case:
    contact = Contact(
        event.contact_id, entry.seq, event.channel, "manual", intermediary=event.intermediary, manual=True
    )
    return replace(case, contacts={**case.contacts, contact.id: contact})


def _suggested(case: Case, entry: e.Entry, event: e.ContactSuggested) -> Case:
    contact = Contact(
        event.contact_id, entry.seq, event.channel, "organisation", reason="named_by_them", suggested=True
    )
    return replace(case, contacts={**case.contacts, contact.id: contact})


def _disabled(case: Case, entry: e.Entry, event: e.ContactDisabled) -> Case:
    contact = replace(case.contacts[event.contact_id], disabled=event.reason)
    return replace(case, contacts={**case.contacts, contact.id: contact})


def _first_contact(case: Case, entry: e.Entry, event: e.FirstContactReleased) -> Case:
    return replace(case, released_to=tuple(dict.fromkeys((*case.released_to, *event.contact_ids))), unreachable_at=None)


def _queued(case: Case, entry: e.Entry, event: e.MailQueued) -> Case:
    mail = Mail(event.mail_id, event.mail_type, event.to, event.language, event.rung, entry.at)
    return replace(case, mails={**case.mails, mail.id: mail})


_CLOCK_MAILS = frozenset({MailType.CONTACT_REQUEST, MailType.REMINDER})
_USABLE = frozenset({MailState.RELAYED, MailState.DELIVERED, MailState.AMBIGUOUS})


def _mail_is(state: MailState) -> Callable[[Case, e.Entry, Any], Case]:
    def step(case: Case, entry: e.Entry, event: Any) -> Case:
        mail = case.mails.get(event.mail_id)
        if mail is None or (mail.state is MailState.DEAD and state is not MailState.RELAYED):
            return case
        relayed_at = entry.at if state in {MailState.RELAYED, MailState.AMBIGUOUS} else mail.relayed_at
        mail = replace(mail, state=state, relayed_at=relayed_at)
        case = replace(case, mails={**case.mails, mail.id: mail})
        return _contact_clock(case, entry.at) if mail.type in _CLOCK_MAILS else case

    return step


def _contact_clock(case: Case, at: datetime) -> Case:
    """R31: starts when the relay accepts the first mail, stands still while nothing usable is out."""
    usable = any(mail.state in _USABLE for mail in case.mails.values() if mail.type in _CLOCK_MAILS)
    if usable and case.contact_started_at is None:
        return replace(case, contact_started_at=at)
    return _still(case, "nothing_out", at, on=not usable) if case.contact_started_at else case


def _refused(case: Case, entry: e.Entry, event: e.MailRefused) -> Case:
    return _mail_is(MailState.DEAD)(case, entry, event) if event.permanent else case


def _confirmed(case: Case, entry: e.Entry, event: e.PersonConfirmed) -> Case:
    person = Person(event.person_id, event.contact_id, entry.seq, entry.at)
    return replace(case, persons={**case.persons, person.id: person}, s1_at=case.s1_at or entry.at)


def _own_address(case: Case, entry: e.Entry, event: e.OwnAddressNamed) -> Case:
    # Another address is another claim: whatever was shown before was shown for the old one (R29).
    return _person(case, event.person_id, address_seq=entry.seq, standing=Standing.S1)


def _certificate(case: Case, entry: e.Entry, event: e.CertificateHandedIn) -> Case:
    return _person(
        case,
        event.person_id,
        certificate_id=event.certificate_id,
        fingerprint=event.fingerprint,
        standing=Standing.S1,  # R29: a change of certificate starts again at S1
    )


def _standing(case: Case, entry: e.Entry, event: e.StandingShown) -> Case:
    case = _person(case, event.person_id, standing=event.standing, proof=event.proof, standing_at=entry.at)
    return replace(case, standing_at=case.standing_at or entry.at)


def _released(case: Case, entry: e.Entry, event: e.NoticeReleased) -> Case:
    return _person(case, event.person_id, released_at=entry.at, release_seq=entry.seq)


def _notice_opened(case: Case, entry: e.Entry, event: e.NoticeOpened) -> Case:
    person = case.persons[event.person_id]
    return _person(case, person.id, opened_at=person.opened_at or entry.at)


def _acknowledged(case: Case, entry: e.Entry, event: e.NoticeAcknowledged) -> Case:
    person = case.persons[event.person_id]
    case = _person(case, person.id, acknowledged_at=person.acknowledged_at or entry.at)
    case = _still(case, "contested", entry.at, on=False)
    return replace(case, acknowledged_at=case.acknowledged_at or entry.at)


def _contested(case: Case, entry: e.Entry, event: e.NoticeContested) -> Case:
    # R33: contesting before the notice was opened stops nothing; after opening it holds the ladder for a coordinator.
    if case.persons[event.person_id].opened_at is None:
        return case
    return _still(case, "contested", entry.at, on=True)


def _settled(case: Case, entry: e.Entry, event: e.ContestSettled) -> Case:
    case = _still(case, "contested", entry.at, on=False)
    return replace(case, answered_at=case.answered_at or entry.at) if event.upheld else case


def _answered(case: Case, entry: e.Entry, event: e.Event) -> Case:
    return replace(case, answered_at=case.answered_at or entry.at)


def _extended(case: Case, entry: e.Entry, event: e.ClockExtended) -> Case:
    total = case.extensions.get(event.clock, 0) + event.seconds
    return replace(case, extensions={**case.extensions, event.clock: total})


def _credited(case: Case, entry: e.Entry, event: e.OutageCredited) -> Case:
    return replace(case, stills=(*case.stills, Still(event.started_at, event.ended_at, "outage")))


def _climbed(case: Case, entry: e.Entry, event: e.RungClimbed) -> Case:
    return replace(case, rungs={**case.rungs, event.rung: Climbed(entry.at, event.due_at, event.clock)})


def _task(case: Case, entry: e.Entry, event: e.TaskOpened) -> Case:
    task = Task(
        event.task_id, event.kind, event.channel, event.target, entry.at, event.due_at, event.rung, event.blocking
    )
    return replace(case, tasks={**case.tasks, task.id: task})


def _task_ended(case: Case, entry: e.Entry, event: e.TaskDone | e.TaskCancelled) -> Case:
    done = isinstance(event, e.TaskDone)
    task = replace(case.tasks[event.task_id], done_at=entry.at if done else None, cancelled=not done)
    return replace(case, tasks={**case.tasks, task.id: task})


def _referred(case: Case, entry: e.Entry, event: e.AuthorityReferred) -> Case:
    referred = Referred(entry.at, event.channel, event.by)
    return replace(case, referred={**case.referred, event.authority_id: referred})


def _proposed(case: Case, entry: e.Entry, event: e.ApprovalProposed) -> Case:
    approval = Approval(event.approval_id, event.act, event.subject, entry.at, entry.actor.ref, event.expires_at)
    return replace(case, approvals={**case.approvals, approval.id: approval})


def _approval_given(case: Case, entry: e.Entry, event: e.ApprovalGiven) -> Case:
    approval = case.approvals[event.approval_id]
    if entry.actor.party is Party.COORDINATOR and entry.actor.ref == approval.proposed_by:
        raise Refused("R12", "same_person")
    if entry.actor.ref in approval.given_by:
        return case
    given = replace(approval, given_by=(*approval.given_by, entry.actor.ref))
    return replace(case, approvals={**case.approvals, approval.id: given})


def _approval_ended(case: Case, entry: e.Entry, event: e.ApprovalRefused | e.ApprovalExpired) -> Case:
    refused = isinstance(event, e.ApprovalRefused)
    ended = replace(case.approvals[event.approval_id], refused=refused, expired=not refused)
    return replace(case, approvals={**case.approvals, ended.id: ended})


_STEPS: Mapping[type[e.Event], Callable[[Case, e.Entry, Any], Case]] = {
    e.CaseOpened: _opened,
    e.CaseAssessed: lambda case, entry, event: replace(case, assessed=event),
    e.ReportLinked: lambda case, entry, event: replace(
        case, reports={**case.reports, event.report_id: event.commitment}
    ),
    e.DomainTied: lambda case, entry, event: replace(case, domains={**case.domains, event.domain_id: entry.seq}),
    e.CoordinatorAssigned: lambda case, entry, event: replace(case, coordinator_id=event.coordinator_id),
    e.ContactFound: _found,
    e.ContactEntered: _entered,
    e.ContactSuggested: _suggested,
    e.ContactDisabled: _disabled,
    e.ContactsChosen: lambda case, entry, event: replace(case, chosen=event.contact_ids),
    e.FirstContactReleased: _first_contact,
    e.MailQueued: _queued,
    e.MailPrepared: _mail_is(MailState.PREPARED),
    e.MailRelayed: _mail_is(MailState.RELAYED),
    e.MailDelivered: _mail_is(MailState.DELIVERED),
    e.MailAmbiguous: _mail_is(MailState.AMBIGUOUS),
    e.MailRefused: _refused,
    e.MailGivenUp: _mail_is(MailState.DEAD),
    e.MailBounced: _mail_is(MailState.DEAD),
    e.PersonConfirmed: _confirmed,
    e.OwnAddressNamed: _own_address,
    e.CertificateHandedIn: _certificate,
    e.StandingShown: _standing,
    e.StandingObjected: lambda case, entry, event: _person(case, event.person_id, objected=True),
    e.NoticeDrafted: lambda case, entry, event: replace(case, draft_seq=entry.seq),
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
    e.TaskDone: _task_ended,
    e.TaskCancelled: _task_ended,
    e.CoordinatorsCalled: lambda case, entry, event: replace(
        case, calls={**case.calls, (event.clock, event.subject): entry.at}
    ),
    e.ApprovalProposed: _proposed,
    e.ApprovalGiven: _approval_given,
    e.ApprovalRefused: _approval_ended,
    e.ApprovalExpired: _approval_ended,
    e.AuthorityReferred: _referred,
    e.CaseUnreachable: lambda case, entry, event: replace(case, unreachable_at=entry.at),
    e.PolicyMoved: lambda case, entry, event: replace(case, policy_version=event.version),
    e.ContentErased: lambda case, entry, event: replace(case, erased=True),
}
# Facts that change nothing of what is so: the timeline shows them, the fold passes over them.
FACTS_ONLY = frozenset(
    {
        e.NoteWritten,
        e.SearchStarted,
        e.LookupRecorded,
        e.SearchEnded,
        e.LinkOpened,
        e.OrganisationWrote,
        e.OrganisationAnswered,
        e.AuthorityAnswered,
        e.CasePublished,
        e.PublicationRetracted,
        e.CaseClosed,
        e.CaseReopened,
        e.PictureKept,
        e.ReporterWrote,
        e.ReporterAnswered,
    }
)
