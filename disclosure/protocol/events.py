"""What happened: frozen facts in the past tense, who may see each of them, and what is sealed in each (R42, R43).

House rules: an event says what happened, never what it means; meaning is in case.py. A field without ``sealed`` stands
in the clear in the chain for five years: it holds codes, counts, hashes and ids of ours, never a word that somebody
wrote, a name, an address or a domain. Sealed fields are encrypted under the stream's key, one part per audience.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from disclosure.protocol.codes import (
    Act,
    Clock,
    EmbargoEnd,
    LookupOutcome,
    MailType,
    OwnClock,
    Proof,
    Rung,
    TaskKind,
)
from disclosure.protocol.values import (
    AlertKind,
    Answer,
    Audience,
    Channel,
    Language,
    Party,
    Role,
    Sector,
    Severity,
    Standing,
)

# --- the shape of an event ---


@dataclass(frozen=True)
class Actor:
    """Who did it: the party, and our own id of the person (a coordinator, a person at the organisation), or nothing."""

    party: Party
    ref: str = ""


MACHINE = Actor(Party.MACHINE)
REPORTER = Actor(Party.REPORTER)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events. ``audiences``: who besides coordinators may see that it happened."""

    audiences: ClassVar[frozenset[Audience]] = frozenset()


def sealed(audience: Audience = Audience.COORDINATOR, **kwargs: Any) -> Any:
    """A field that is encrypted; ``audience`` is who may read it besides coordinators."""
    return field(metadata={"part": audience}, **kwargs)


@dataclass(frozen=True)
class Entry:
    """An event as it stands in a stream: its number from 1, its instant (UTC), who did it."""

    seq: int
    at: datetime
    actor: Actor
    event: Event


_TO_REPORTER = frozenset({Audience.REPORTER})
_TO_ORGANISATION = frozenset({Audience.ORGANISATION})
_TO_BOTH = frozenset({Audience.REPORTER, Audience.ORGANISATION})

# --- a report's stream (R5–R8) ---


@dataclass(frozen=True, kw_only=True)
class ReportReceived(Event):
    """R6. What the reporter chose from our lists is open; what the reporter wrote is sealed."""

    audiences = _TO_REPORTER
    kind: AlertKind
    severity_seen: Severity
    personal_data: Answer
    language: Language
    wishes_anonymity: bool
    text_only: bool
    country: str = sealed()
    sector: Sector = sealed()
    organisation: str = sealed()
    domains: tuple[str, ...] = sealed()
    affected: str = sealed()
    personal_data_kinds: str = sealed()
    people_affected: str = sealed()
    where_seen: str = sealed()
    seen_when: str = sealed()
    on_sale: Answer = sealed()
    how_obtained: str = sealed()
    description: str = sealed()
    reporter_name: str = sealed()
    consent_text: str = sealed()


@dataclass(frozen=True, kw_only=True)
class PictureKept(Event):
    """R45: the cleaned copy that we made, never the original."""

    audiences = _TO_REPORTER
    file_id: str
    media_type: str
    width: int
    height: int
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ReportRead(Event):
    audiences = _TO_REPORTER


@dataclass(frozen=True, kw_only=True)
class ReportAccepted(Event):
    audiences = _TO_REPORTER


@dataclass(frozen=True, kw_only=True)
class ReportDeclined(Event):
    audiences = _TO_REPORTER
    reason: str = sealed(Audience.REPORTER)


@dataclass(frozen=True, kw_only=True)
class ReportWithdrawn(Event):
    """R5: before first contact this closes and erases; later it is a request that stops nothing by itself."""

    audiences = _TO_REPORTER
    before_first_contact: bool


@dataclass(frozen=True, kw_only=True)
class ReportTied(Event):
    case_id: str


@dataclass(frozen=True, kw_only=True)
class ReporterWrote(Event):
    audiences = _TO_REPORTER
    text: str = sealed(Audience.REPORTER)


@dataclass(frozen=True, kw_only=True)
class ReporterAnswered(Event):
    """A coordinator wrote to the reporter."""

    audiences = _TO_REPORTER
    text: str = sealed(Audience.REPORTER)


@dataclass(frozen=True, kw_only=True)
class ContentErased(Event):
    """R42: the stream's key is gone; the chain stays."""

    audiences = _TO_BOTH
    reason: str


# --- a case's stream: what it is about (R7, R10, R14a, R17a) ---


@dataclass(frozen=True, kw_only=True)
class CaseOpened(Event):
    role: Role
    policy_version: str
    number: str
    organisation: str = sealed(Audience.ORGANISATION)
    address: str = sealed(Audience.ORGANISATION, default="")


@dataclass(frozen=True, kw_only=True)
class CaseAssessed(Event):
    """The coordinator's judgement as a whole; said again in full when any of it changes."""

    kind: AlertKind
    severity: Severity
    personal_data: Answer
    sector: Sector
    country: str
    host_compromised: Answer
    reason: str = sealed(default="")


@dataclass(frozen=True, kw_only=True)
class ReportLinked(Event):
    """R7: the case refers to the report by the hash of its first event."""

    report_id: str
    commitment: str


@dataclass(frozen=True, kw_only=True)
class DomainTied(Event):
    """R14a. ``named_by`` counts the reports that named it; a domain that only one named is marked on its contacts."""

    domain_id: str
    named_by: int
    domain: str = sealed(Audience.ORGANISATION)
    reason: str = sealed()


@dataclass(frozen=True, kw_only=True)
class CoordinatorAssigned(Event):
    coordinator_id: str


@dataclass(frozen=True, kw_only=True)
class NoteWritten(Event):
    text: str = sealed()


# --- searching and contacts (R13–R17) ---


@dataclass(frozen=True, kw_only=True)
class SearchStarted(Event):
    search_id: str
    domain_id: str


@dataclass(frozen=True, kw_only=True)
class LookupRecorded(Event):
    """One look-up with its evidence row; ``evidence_sha256`` is over the stored evidence (EV-01)."""

    search_id: str
    probe_id: str
    purpose: str
    outcome: LookupOutcome
    evidence_sha256: str
    question: str = sealed()


@dataclass(frozen=True, kw_only=True)
class SearchEnded(Event):
    search_id: str
    outcome: LookupOutcome
    found: int
    review: int


@dataclass(frozen=True, kw_only=True)
class ContactFound(Event):
    """R16. ``reason`` and ``flags`` are codes. ``review``: a person must confirm before it is used (R17)."""

    contact_id: str
    channel: Channel
    source: str
    rank: int
    confidence: str
    reason: str
    review: bool
    domain_id: str
    flags: tuple[str, ...] = ()
    search_id: str = ""
    languages: tuple[str, ...] = ()  # of ours, that they say they read (ST-21)
    answered_at: datetime | None = None  # somebody showed standing from there in an earlier case (R17)
    address: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class ContactEntered(Event):
    """A coordinator's own entry with its source: it wins and survives a new search (R17)."""

    contact_id: str
    channel: Channel
    intermediary: bool
    address: str = sealed(Audience.ORGANISATION)
    name: str = sealed(Audience.ORGANISATION, default="")
    source: str = sealed()


@dataclass(frozen=True, kw_only=True)
class ContactsChosen(Event):
    """The order in which the ladder will write and call; what is not named is not used."""

    contact_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ContactDisabled(Event):
    contact_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ContactSuggested(Event):
    """Somebody at the organisation named another contact: a candidate, never written to by itself (R23)."""

    audiences = _TO_ORGANISATION
    contact_id: str
    channel: Channel
    person_id: str
    address: str = sealed(Audience.ORGANISATION)


# --- certificates of contacts (R18) ---


@dataclass(frozen=True, kw_only=True)
class CertificateSearchStarted(Event):
    """Certificates are looked for at one contact's address."""

    search_id: str
    contact_id: str


@dataclass(frozen=True, kw_only=True)
class CertificateSearchEnded(Event):
    """Unknown: it is asked again, and ends again (R15)."""

    search_id: str
    contact_id: str
    outcome: LookupOutcome
    found: int
    review: int


@dataclass(frozen=True, kw_only=True)
class CertificateFound(Event):
    """What a place of KD-01 had for a contact, judged. ``reason``: why it is refused, and then its bytes are not kept.

    Found again, it is this one that counts. ``review``: a person must say "use this one" first (R17, R17a).
    ``probe_ids``: its evidence.
    """

    certificate_id: str
    contact_id: str
    search_id: str
    fingerprint: str
    source: str
    rank: int
    confidence: str
    review: bool
    reason: str = ""
    flags: tuple[str, ...] = ()
    probe_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CertificateEntered(Event):
    """A coordinator's own entry with its source, past the same judge: it is used, and survives a new search."""

    certificate_id: str
    contact_id: str
    fingerprint: str
    flags: tuple[str, ...] = ()
    source: str = sealed()


@dataclass(frozen=True, kw_only=True)
class CertificateChosen(Event):
    """ "Use this one", or none: an empty id means that mails to this contact are signed and not encrypted."""

    contact_id: str
    certificate_id: str = ""


# --- mails (R19–R24, R31) ---


@dataclass(frozen=True, kw_only=True)
class FirstContactReleased(Event):
    audiences = _TO_ORGANISATION
    contact_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ForwardRequestReleased(Event):
    """R14b: to an intermediary, who passes our words on and never confirms."""

    audiences = _TO_ORGANISATION
    contact_id: str


@dataclass(frozen=True, kw_only=True)
class MailQueued(Event):
    """A recipe in the outbox. ``to`` is a contact's, person's or authority's id.

    ``signed_only``: the mail before was encrypted, and a filter would not have it in that shape (R19 allows both).
    """

    mail_id: str
    mail_type: MailType
    to: str
    language: Language
    not_before: datetime
    rung: Rung | None = None
    signed_only: bool = False


@dataclass(frozen=True, kw_only=True)
class MailPrepared(Event):
    """Bytes, Message-ID and Date are fixed (design.md section 3); ``encrypted_to`` are fingerprints of (sub)keys.

    Of a mail to a contact: ``certificate_id`` says whose, and ``not_encrypted`` why the certificate there is was not
    used (R19: what holds no detail may leave signed only).
    """

    mail_id: str
    sha256: str
    encrypted_to: tuple[str, ...]
    certificate_id: str = ""
    not_encrypted: str = ""


@dataclass(frozen=True, kw_only=True)
class MailRelayed(Event):
    """The relay answered 250 to the final dot: attempted is over, delivered is another fact."""

    audiences = _TO_ORGANISATION
    mail_id: str
    mail_type: MailType
    to: str
    attempt: int
    reply: str = sealed()


@dataclass(frozen=True, kw_only=True)
class MailRefused(Event):
    mail_id: str
    mail_type: MailType
    to: str
    attempt: int
    permanent: bool
    code: str
    reply: str = sealed()


@dataclass(frozen=True, kw_only=True)
class MailAmbiguous(Event):
    """The line broke after the final dot: it may have arrived (facts: mail 3.1)."""

    mail_id: str
    mail_type: MailType
    to: str
    attempt: int
    again: bool


@dataclass(frozen=True, kw_only=True)
class MailGivenUp(Event):
    mail_id: str
    mail_type: MailType
    to: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class MailHeld(Event):
    """Before it left: something speaks against sending it by a machine, and a person decides (facts: mail 3.2)."""

    mail_id: str
    mail_type: MailType
    to: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class MailResent(Event):
    """By a coordinator. ``anew``: nothing of it has arrived, so it is composed and judged as of now."""

    mail_id: str
    mail_type: MailType
    to: str
    anew: bool


@dataclass(frozen=True, kw_only=True)
class MailCancelled(Event):
    """By a coordinator: a mail that stood still does not go again."""

    mail_id: str
    mail_type: MailType
    to: str


@dataclass(frozen=True, kw_only=True)
class MailDelivered(Event):
    """The recipient's server said so in a delivery report: more than relayed, less than opened (R31)."""

    mail_id: str
    mail_type: MailType
    to: str


@dataclass(frozen=True, kw_only=True)
class MailBounced(Event):
    """Only by R31's conditions, or by a coordinator's word. ``inbox_id``: the report itself, kept sealed."""

    mail_id: str
    mail_type: MailType
    to: str
    code: str
    inbox_id: str = ""
    sha256: str = ""
    diagnostic: str = sealed(default="")


@dataclass(frozen=True, kw_only=True)
class MailNoted(Event):
    """What came back about a mail of ours and changes nothing by itself: delays, robots, absences, reports (R27, R31).

    ``what``: the class of design.md section 6. ``waits``: why a person must look, as a code; empty when nobody must.
    ``by``: how it was tied to the mail (token, envelope_id, message_id, by_hand).
    """

    mail_id: str
    mail_type: MailType
    to: str
    what: str
    by: str
    inbox_id: str
    sha256: str
    waits: str = ""
    code: str = ""
    diagnostic: str = sealed(default="")


@dataclass(frozen=True, kw_only=True)
class OrganisationMailed(Event):
    """A person answered a mail of ours by mail. Whatever it says, it acknowledges nothing by itself (R27).

    ``authenticated``: pass, fail or none, as our own relay found. ``encrypted``; ``unread``: why the ciphertext could
    not be opened. ``signed`` with ``signer``: as judged. ``quotes_notice``: clear text that repeats the notice.
    ``words`` leave out what was quoted.
    """

    audiences = _TO_ORGANISATION
    mail_id: str
    mail_type: MailType
    to: str
    by: str
    inbox_id: str
    sha256: str
    authenticated: str
    encrypted: bool = False
    unread: str = ""
    signed: str = ""
    signer: str = ""
    quotes_notice: bool = False
    unsure: bool = False
    attachments: int = 0
    sender: str = sealed()
    subject: str = sealed()
    words: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class AuthorityMailed(Event):
    """As OrganisationMailed, from somebody who answered a referral: for coordinators only."""

    mail_id: str
    mail_type: MailType
    to: str
    by: str
    inbox_id: str
    sha256: str
    authenticated: str
    encrypted: bool = False
    unread: str = ""
    signed: str = ""
    signer: str = ""
    unsure: bool = False
    attachments: int = 0
    sender: str = sealed()
    subject: str = sealed()
    words: str = sealed()


@dataclass(frozen=True, kw_only=True)
class LinkOpened(Event):
    """Opened by something, never "read": at most one per link (R25)."""

    link_id: str
    mail_id: str


@dataclass(frozen=True, kw_only=True)
class LinksRevoked(Event):
    """No link that this contact or person was sent opens anything any more; the next mail brings a new one (R25)."""

    recipient: str
    reason: str = sealed()


# --- standing (R25, R26, R29) ---


@dataclass(frozen=True, kw_only=True)
class PersonConfirmed(Event):
    """S1: link and code. Proves that the mail was read, not standing."""

    audiences = _TO_ORGANISATION
    person_id: str
    contact_id: str
    name: str = sealed(Audience.ORGANISATION)
    role: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class OwnAddressNamed(Event):
    audiences = _TO_ORGANISATION
    person_id: str
    domain_id: str
    address: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class CertificateHandedIn(Event):
    """A change of certificate starts again at S1 (R29). Only usable certificates are stored."""

    audiences = _TO_ORGANISATION
    person_id: str
    certificate_id: str
    fingerprint: str
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StandingShown(Event):
    """Proof by a published certificate names it: the notice is encrypted to that one (R29)."""

    audiences = _TO_ORGANISATION
    person_id: str
    standing: Standing
    proof: Proof
    certificate_id: str = ""
    fingerprint: str = ""
    note: str = sealed(default="")


@dataclass(frozen=True, kw_only=True)
class StandingObjected(Event):
    """Somebody written to before objects to the one who confirmed (R29)."""

    audiences = _TO_ORGANISATION
    person_id: str
    text: str = sealed(Audience.ORGANISATION)


# --- notice and answers (R20–R22, R26, R28) ---


@dataclass(frozen=True, kw_only=True)
class NoticeDrafted(Event):
    draft: str = sealed()


@dataclass(frozen=True, kw_only=True)
class NoticePictureKept(Event):
    """A report's cleaned picture, copied under the case's key for the notice that follows (R20)."""

    picture_id: str
    media_type: str
    width: int
    height: int
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class NoticeReleased(Event):
    """R20, R29: the release names person, standing and fingerprint; no fingerprint means: read on the case page."""

    audiences = _TO_ORGANISATION
    person_id: str
    standing: Standing
    fingerprint: str
    personal_data_masked: bool
    source_unrecognisable: bool
    pictures: tuple[str, ...] = ()
    text: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class NoticeOpened(Event):
    audiences = _TO_ORGANISATION
    person_id: str


@dataclass(frozen=True, kw_only=True)
class NoticeAcknowledged(Event):
    """By POST, or by a coordinator who recorded an answer in own words (R26, R27)."""

    audiences = _TO_ORGANISATION
    person_id: str
    words: str = sealed(Audience.ORGANISATION, default="")


@dataclass(frozen=True, kw_only=True)
class NoticeContested(Event):
    audiences = _TO_ORGANISATION
    person_id: str
    words: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class ContestSettled(Event):
    """A coordinator answered the contest; ``upheld`` ends the case's clocks, otherwise they go on."""

    audiences = _TO_ORGANISATION
    upheld: bool
    words: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class RemediationPlanned(Event):
    audiences = _TO_ORGANISATION
    person_id: str
    by: date
    words: str = sealed(Audience.ORGANISATION, default="")


@dataclass(frozen=True, kw_only=True)
class RemediationClaimed(Event):
    """We record; we do not test (R13)."""

    audiences = _TO_ORGANISATION
    person_id: str
    words: str = sealed(Audience.ORGANISATION, default="")


@dataclass(frozen=True, kw_only=True)
class OrganisationWrote(Event):
    audiences = _TO_ORGANISATION
    person_id: str
    words: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class OrganisationAnswered(Event):
    """A coordinator wrote to the organisation on the case page."""

    audiences = _TO_ORGANISATION
    words: str = sealed(Audience.ORGANISATION)


# --- clocks and ladder (R30–R37a) ---


@dataclass(frozen=True, kw_only=True)
class ClockExtended(Event):
    """R35: by either side, with a reason, capped by policy."""

    audiences = _TO_ORGANISATION
    clock: Clock
    seconds: int
    reason: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class ClockPaused(Event):
    audiences = _TO_ORGANISATION
    reason: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class ClockResumed(Event):
    audiences = _TO_ORGANISATION
    reason: str = sealed(Audience.ORGANISATION, default="")


@dataclass(frozen=True, kw_only=True)
class OutageCredited(Event):
    """R31: our own server could not be reached; that time is nobody's silence."""

    audiences = _TO_ORGANISATION
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, kw_only=True)
class EmbargoEnded(Event):
    audiences = _TO_ORGANISATION
    cause: EmbargoEnd
    reason: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class RungClimbed(Event):
    """``due_at`` is the instant the rule gave; the entry's own instant says how late we were."""

    audiences = _TO_ORGANISATION
    rung: Rung
    clock: Clock
    due_at: datetime
    mails: int
    tasks: int


@dataclass(frozen=True, kw_only=True)
class TaskOpened(Event):
    """``target`` is a contact's or authority's id, or empty when the person must find one."""

    task_id: str
    kind: TaskKind
    channel: Channel
    target: str
    due_at: datetime
    rung: Rung | None
    blocking: bool


@dataclass(frozen=True, kw_only=True)
class TaskDone(Event):
    """R37a: counts with its proof only."""

    audiences = _TO_ORGANISATION
    task_id: str
    proof: str = sealed()
    reference: str = sealed(default="")


@dataclass(frozen=True, kw_only=True)
class TaskCancelled(Event):
    task_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CoordinatorsCalled(Event):
    """R12: a mail without content to every coordinator; the lapse is ours."""

    clock: OwnClock
    subject: str


@dataclass(frozen=True, kw_only=True)
class ApprovalProposed(Event):
    """``state``: what is shown to whoever approves, as codes; another state needs another approval."""

    approval_id: str
    act: Act
    subject: str
    expires_at: datetime
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class ApprovalGiven(Event):
    approval_id: str


@dataclass(frozen=True, kw_only=True)
class ApprovalRefused(Event):
    approval_id: str
    reason: str = sealed()


@dataclass(frozen=True, kw_only=True)
class ApprovalExpired(Event):
    approval_id: str


@dataclass(frozen=True, kw_only=True)
class ApprovalVoided(Event):
    """What was shown is no longer so: another draft, certificate, standing or authority (R12, R29)."""

    approval_id: str


# --- authorities, publication, the end (R38–R46) ---


@dataclass(frozen=True, kw_only=True)
class AuthorityReferred(Event):
    """The referral to one authority is in the outbox or is a task; ``dossier_sha256`` is over its text."""

    audiences = _TO_ORGANISATION
    authority_id: str
    channel: Channel
    by: str
    dossier_sha256: str
    dossier: str = sealed()


@dataclass(frozen=True, kw_only=True)
class AuthorityAnswered(Event):
    authority_id: str
    reference: str = sealed()
    words: str = sealed(default="")


@dataclass(frozen=True, kw_only=True)
class CaseUnreachable(Event):
    """R31: none found, or all bounced."""


@dataclass(frozen=True, kw_only=True)
class PublicationAnnounced(Event):
    """R46: the heads-up that names the date; nothing is published before ``not_before``."""

    audiences = _TO_ORGANISATION
    not_before: datetime


@dataclass(frozen=True, kw_only=True)
class CasePublished(Event):
    audiences = _TO_BOTH
    text: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class PublicationRetracted(Event):
    audiences = _TO_BOTH
    reason: str = sealed(Audience.ORGANISATION)


@dataclass(frozen=True, kw_only=True)
class PolicyMoved(Event):
    version: str


@dataclass(frozen=True, kw_only=True)
class CaseClosed(Event):
    audiences = _TO_ORGANISATION
    outcome: str
    reason: str = sealed(default="")


@dataclass(frozen=True, kw_only=True)
class CaseReopened(Event):
    audiences = _TO_ORGANISATION
    reason: str = sealed(default="")


EVENT_TYPES: Mapping[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}
