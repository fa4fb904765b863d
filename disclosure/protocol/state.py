"""What is so in a case now, as values. How it came to be so is case.py; ids are ours, nothing here a stranger wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from disclosure.protocol import events as e
from disclosure.protocol.axes import FIRST, Axis
from disclosure.protocol.codes import Act, Clock, EmbargoEnd, MailType, OwnClock, Proof, Rung, TaskKind
from disclosure.protocol.values import Channel, Language, Role, Standing


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
    languages: tuple[str, ...] = ()  # of ours, that they say they read (ST-21)
    answered_at: datetime | None = None  # in an earlier case (R17)
    doubted: bool = False  # newer evidence sent it to review after a person had settled on it (R17)
    found_at: datetime | None = None  # by the newest search that said something of it

    @property
    def by_search(self) -> bool:
        """Whether it rests on look-ups, which grow old (EV-03), and not on what a person entered or named."""
        return not (self.manual or self.suggested)


@dataclass(frozen=True)
class ContactCertificate:
    """What is known of one certificate for one contact (R18). ``reason``: why it is refused; else it was judged usable.

    ``manual``: entered by a coordinator. ``seq``: the newest entry about it.
    """

    id: str
    contact_id: str
    seq: int
    fingerprint: str
    source: str
    found_at: datetime
    search_id: str = ""
    rank: int = 0
    confidence: str = "manual"
    review: bool = False
    reason: str = ""
    flags: tuple[str, ...] = ()
    probe_ids: tuple[str, ...] = ()
    manual: bool = False


@dataclass(frozen=True)
class CertificateSearch:
    """The newest search for a contact's certificates; ``ended_at`` None: it has not ended once."""

    id: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True)
class ContactSearch:
    """The newest search for a domain's contacts; ``outcome`` of its last try, empty before the first has ended."""

    id: str
    outcome: str = ""


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
    certificate_id: str = ""  # of the contact: what the mail was encrypted to
    answered_at: datetime | None = None  # by a person, by mail
    bounced_at: datetime | None = None  # it counted (R31)
    absent: bool = False  # an absence has brought the next contact forward (R27)


@dataclass(frozen=True)
class Person:
    """Somebody at the organisation. ``seq``: sealed name and role; ``address_seq``: sealed own address.

    ``changed_seq``: the last change of own address or certificate.
    """

    id: str
    contact_id: str
    seq: int
    confirmed_at: datetime
    standing: Standing = Standing.S1
    proof: Proof = Proof.LINK_AND_CODE
    standing_at: datetime | None = None
    address_seq: int = 0
    changed_seq: int = 0
    certificate_id: str = ""
    fingerprint: str = ""
    objected: bool = False
    released_at: datetime | None = None
    release_seq: int = 0
    opened_at: datetime | None = None
    acknowledged_at: datetime | None = None

    @property
    def may_read(self) -> bool:
        """R29: a release named this person's standing and certificate, and neither has changed since."""
        return self.released_at is not None and self.standing >= Standing.S2 and self.changed_seq < self.release_seq


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
    taken_by: str = ""  # a coordinator's id; empty: it is the case's own coordinator's

    @property
    def open(self) -> bool:
        return self.done_at is None and not self.cancelled


@dataclass(frozen=True)
class Approval:
    """``state``: what was shown, as codes (approvals.shown). ``seq``: the entry that proposed it."""

    id: str
    act: Act
    subject: str
    proposed_at: datetime
    proposed_by: str
    expires_at: datetime
    state: str = ""
    seq: int = 0
    given_by: tuple[str, ...] = ()
    refused: bool = False
    expired: bool = False
    void: bool = False

    @property
    def open(self) -> bool:
        return not (self.refused or self.expired or self.void)


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
class Announced:
    """R46: when publication was announced, and from when on it may come."""

    at: datetime
    not_before: datetime


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
    certificates: Mapping[str, ContactCertificate] = field(default_factory=dict)
    certificates_chosen: Mapping[str, str] = field(default_factory=dict)  # contact → certificate, or "": none
    certificate_searches: Mapping[str, CertificateSearch] = field(default_factory=dict)  # contact → its newest
    contact_searches: Mapping[str, ContactSearch] = field(default_factory=dict)  # domain id → its newest
    chosen: tuple[str, ...] = ()
    released_to: tuple[str, ...] = ()
    mails: Mapping[str, Mail] = field(default_factory=dict)
    persons: Mapping[str, Person] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    rungs: Mapping[Rung, Climbed] = field(default_factory=dict)
    heads_ups: Mapping[Clock, datetime] = field(default_factory=dict)  # when each clock's lapse was announced (R34)
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
    contest_waits: bool = False  # for a coordinator's answer, whether it holds the ladder (R33) or came too early to
    corrected_at: datetime | None = None  # a contest was upheld: what was said of the organisation is taken back
    embargo_ended_at: datetime | None = None
    embargo_end: EmbargoEnd | None = None
    unreachable_at: datetime | None = None
    forwarded_at: datetime | None = None  # the first mail to an intermediary was relayed (R14b)
    announced: Announced | None = None  # a publication that has not come yet
    published_at: datetime | None = None
    withdrawn_at: datetime | None = None  # closed as unfounded or as another organisation's
    erased: bool = False
    last_seq: int = 0
    last_at: datetime | None = None

    def but(self, **changes: Any) -> Case:
        """This case with other values: ``dataclasses.replace`` at a tenth of its cost, for folds of many events."""
        changed = object.__new__(Case)
        changed.__dict__.update(self.__dict__, **changes)
        if len(changed.__dict__) != len(_NAMES):  # a case has them all: one more is none of its
            raise TypeError(f"a case has no {', '.join(changes.keys() - _NAMES)}")
        return changed

    @property
    def open(self) -> bool:
        return self.axes[Axis.LIFE] == "open"

    def state(self, axis: Axis) -> str:
        return self.axes[axis]

    def owner_of(self, task: Task) -> str:
        """Whoever took it; until somebody does, whoever has the case."""
        return task.taken_by or self.coordinator_id

    @property
    def released(self) -> Person | None:
        """The person to whom the notice was released last; the notice clock runs on this person (R33)."""
        held = [person for person in self.persons.values() if person.released_at]
        return max(held, key=lambda person: (person.released_at, person.release_seq), default=None)

    def waits_for_release(self, person: Person) -> bool:
        """Standing is shown and the release is ours to give: for the first time, or again after a change (R29)."""
        if person.standing < Standing.S2 or self.acknowledged_at or self.answered_at:
            return False
        return self.released is None or (self.released.id == person.id and not person.may_read)

    @property
    def release_is_ours(self) -> bool:
        return any(self.waits_for_release(person) for person in self.persons.values())

    def stands_still(self, why: str) -> bool:
        return any(still.why == why and still.end is None for still in self.stills)

    @property
    def own_contacts_failed(self) -> bool:
        """R14b: nobody showed standing, and the second contact was tried in vain or nobody can be reached by mail."""
        in_vain = Rung.SECOND_CONTACT in self.rungs or self.axes[Axis.CONTACT] == "unreachable"
        return in_vain and self.standing_at is None

    def written_to(self) -> tuple[str, ...]:
        """The organisation's contacts to whom a mail of ours was relayed and did not come back, in that order."""
        alive = {MailState.RELAYED, MailState.DELIVERED, MailState.AMBIGUOUS}
        ids = (mail.to for mail in self.mails.values() if mail.state in alive)
        return tuple(cid for cid in dict.fromkeys(ids) if cid in self.contacts and not self.contacts[cid].intermediary)

    def received_anything(self) -> tuple[str, ...]:
        """R39: whom a mail of ours has reached or is about to, intermediaries too; persons by their own address."""
        ids = (mail.to for mail in self.mails.values() if mail.state is not MailState.DEAD)
        usable = (cid for cid in dict.fromkeys(ids) if cid in self.contacts and not self.contacts[cid].disabled)
        return (*usable, *self.own_addresses())

    def own_addresses(self) -> tuple[str, ...]:
        """Persons who named an address of their own."""
        return tuple(person.id for person in self.persons.values() if person.address_seq)

    def addressed(self) -> tuple[str, ...]:
        """Of them, the organisation's own contacts: a heads-up concerns them too. Intermediaries get no link (R14b)."""
        ids = self.received_anything()
        return tuple(cid for cid in ids if cid in self.contacts and not self.contacts[cid].intermediary)

    def live_contacts(self) -> tuple[str, ...]:
        return tuple(cid for cid in self.written_to() if not self.contacts[cid].disabled)


_NAMES = frozenset(Case.__dataclass_fields__)
