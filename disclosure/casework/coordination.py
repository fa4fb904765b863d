"""What coordinators do: open a case, tie domains, choose contacts, release, answer, record. Each act is an event."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select

from disclosure.casework import approvals, casefile, conversing, freshness, noticepictures, reporting, searching
from disclosure.casework.casefile import CaseFile, Fact, Hand, coordinator
from disclosure.casework.notices import NoticeText
from disclosure.casework.office import Office, new_id
from disclosure.casework.queueing import queued, to_each
from disclosure.discovery.names import organisational_domain
from disclosure.protocol import events as e
from disclosure.protocol.codes import REFERRALS, Act, Clock, EmbargoEnd, MailType, Proof, TaskKind
from disclosure.protocol.errors import InvalidInput, Refused
from disclosure.protocol.publicity import WITHDRAWN
from disclosure.protocol.state import Case
from disclosure.protocol.values import (
    NUMBER_BITS,
    Address,
    AlertKind,
    AlertNumber,
    Answer,
    Channel,
    Domain,
    Role,
    Sector,
    Severity,
    Standing,
)
from disclosure.protocol.worktime import add
from disclosure.store import ledger
from disclosure.store.tables import case_reports, domain_tokens, streams


@dataclass(frozen=True)
class Assessment:
    """The coordinator's judgement (R10, R17a). ``reason`` is asked when it changes."""

    kind: AlertKind
    severity: Severity
    personal_data: Answer
    sector: Sector
    country: str
    host_compromised: Answer
    reason: str = ""

    def event(self) -> e.CaseAssessed:
        return e.CaseAssessed(
            kind=self.kind,
            severity=self.severity,
            personal_data=self.personal_data,
            sector=self.sector,
            country=self.country,
            host_compromised=self.host_compromised,
            reason=self.reason,
        )


@dataclass(frozen=True)
class OpenCase:
    """R7: one organisation in one role; from one or more reports."""

    report_ids: tuple[str, ...]
    organisation: str
    address: str
    role: Role
    assessment: Assessment
    known: int | None = None  # cases that the reports were tied to when the coordinator looked; None: not asked


@dataclass(frozen=True)
class EnterContact:
    """A contact by hand with its source (R14, R17). ``address``: mail address, number, postal lines or form URL."""

    channel: Channel
    address: str
    name: str
    source: str
    intermediary: bool = False


@dataclass(frozen=True)
class ReleaseNotice:
    """R20: what is asked at release, of every item. Fingerprint, standing and pictures are those that were shown."""

    person_id: str
    standing: Standing
    fingerprint: str
    personal_data_masked: bool
    source_unrecognisable: bool
    pictures: tuple[str, ...] = ()


# --- opening ---


def open_case(office: Office, command: OpenCase, coordinator_id: str, now: datetime) -> str:
    """A case with its own stream and key; each report is accepted and tied. Returns the case's id."""
    case_id = office.store.keyring.new_stream()
    number = str(AlertNumber.from_bits(secrets.randbits(NUMBER_BITS)))
    actor = coordinator(coordinator_id)
    facts: list[Fact] = [
        (
            actor,
            e.CaseOpened(
                role=command.role,
                policy_version=office.policy.current.version,
                number=number,
                organisation=command.organisation,
                address=command.address,
            ),
        ),
        (actor, command.assessment.event()),
        (actor, e.CoordinatorAssigned(coordinator_id=coordinator_id)),
    ]
    with office.store.reading() as connection:
        for report_id in command.report_ids:
            commitment = reporting.commitment(office, connection, report_id)
            facts.append((actor, e.ReportLinked(report_id=report_id, commitment=commitment)))
        assessed = Case(assessed=command.assessment.event(), policy_version=office.policy.current.version)
        rules = casefile.rules_for(office, connection, assessed)
    with office.store.writing() as tx:
        ledger.hold(tx, command.report_ids)  # two clicks at the same moment: the second counts after the first
        _refuse_a_second_click(tx, command)
        ledger.open_stream(office.store, tx, case_id, "case", now)
        casefile.write(office, tx, CaseFile(case_id, Case(), rules), now, facts)
        for report_id in command.report_ids:
            _tie_report(Hand(office, case_id, coordinator_id, now), tx, report_id)
    return case_id


def _refuse_a_second_click(tx: Connection, command: OpenCase) -> None:
    """A report may belong to several cases (R7), but not because a button was pressed twice."""
    tied = select(func.count()).select_from(case_reports).where(case_reports.c.report_id.in_(command.report_ids))
    if command.known is not None and tx.scalar(tied) != command.known:
        raise Refused("R7", "opened_meanwhile")


def _tie_report(hand: Hand, tx: Connection, report_id: str) -> None:
    tx.execute(insert(case_reports).values(case_id=hand.case_id, report_id=report_id))
    reporting.tie(hand.office, tx, report_id, hand.case_id, hand.actor, hand.now)


def link_report(hand: Hand, report_id: str) -> None:
    """A duplicate or a further report: linked, never merged into the text; adds no domain and no contact (R7)."""
    with hand.office.store.reading() as connection:
        commitment = reporting.commitment(hand.office, connection, report_id)
    fact = e.ReportLinked(report_id=report_id, commitment=commitment)

    def decide(file: CaseFile) -> list[Fact]:
        if report_id in file.case.reports:
            raise Refused("R7", "already_linked")
        return [(hand.actor, fact)]

    casefile.change(
        hand.office,
        hand.case_id,
        hand.now,
        decide,
        lambda tx, _: _tie_report(hand, tx, report_id),
    )


def assess(hand: Hand, assessment: Assessment) -> None:
    if not assessment.reason.strip():
        raise InvalidInput({"reason": "required"})
    casefile.record(hand, assessment.event())


def tie_domain(hand: Hand, domain: Domain, reason: str) -> None:
    """R14a: why this domain is the organisation's own. Counts the reports of this case that named it."""
    if not reason.strip():
        raise InvalidInput({"reason": "required"})
    if _is_public_suffix(domain):
        raise InvalidInput({"domain": "public_suffix"})
    token = hand.office.store.token("domain", str(domain))

    def decide(file: CaseFile) -> list[Fact]:
        if token in file.case.domains:
            raise Refused("R14a", "already_tied")
        named_by = _named_by(hand.office, file, token)
        tied = e.DomainTied(domain_id=token, named_by=named_by, domain=str(domain), reason=reason)
        return [(hand.actor, tied)]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def _is_public_suffix(domain: Domain) -> bool:
    """Names below it belong to others: at a tied ``gouv.fr`` anybody's mailbox would show S2."""
    below = Domain(f"x.{domain.name}")
    return organisational_domain(below) == below


def _named_by(office: Office, file: CaseFile, token: str) -> int:
    query = select(domain_tokens.c.stream_id).where(
        domain_tokens.c.token == token, domain_tokens.c.stream_id.in_(tuple(file.case.reports))
    )
    with office.store.reading() as connection:
        return len(connection.execute(query).all())


def related(office: Office, stream_id: str) -> tuple[tuple[str, str], ...]:
    """(kind, id) of other cases and reports that name one of the same domains: shown before anything leaves (R7)."""
    with office.store.reading() as connection:
        tokens = select(domain_tokens.c.token).where(domain_tokens.c.stream_id == stream_id)
        query = (
            select(streams.c.kind, streams.c.id)
            .join(domain_tokens, domain_tokens.c.stream_id == streams.c.id)
            .where(domain_tokens.c.token.in_(tokens), streams.c.id != stream_id)
            .distinct()
        )
        return tuple((row.kind, row.id) for row in connection.execute(query))


# --- contacts ---


def enter_contact(hand: Hand, command: EnterContact) -> str:
    """Returns the contact's id. A mail address must be one; every entry names where it comes from."""
    if not command.source.strip():
        raise InvalidInput({"source": "required"})
    address = str(Address.parse(command.address)) if command.channel is Channel.MAIL else command.address.strip()
    if not address:
        raise InvalidInput({"address": "required"})
    contact_id = new_id()
    entered = e.ContactEntered(
        contact_id=contact_id,
        channel=command.channel,
        intermediary=command.intermediary,
        address=address,
        name=command.name.strip(),
        source=command.source.strip(),
    )
    casefile.record(hand, entered)
    return contact_id


def disable_contact(hand: Hand, contact_id: str) -> None:
    casefile.record(hand, e.ContactDisabled(contact_id=contact_id, reason="by_coordinator"))


def choose_contacts(hand: Hand, contact_ids: Sequence[str]) -> None:
    """The order in which the ladder writes and calls."""
    if not contact_ids:
        raise InvalidInput({"contacts": "required"})
    casefile.record(hand, e.ContactsChosen(contact_ids=tuple(contact_ids)))


def release_first_contact(hand: Hand, contact_id: str) -> None:
    """R19: one recipient; the others follow by the ladder. Needs the approvals that policy asks (R12).

    Evidence of more than a day is looked up again first: raises Refused, and the worker has the search (EV-03).
    """
    freshness.refresh(hand, contact_id)

    def decide(file: CaseFile) -> list[Fact]:
        case = file.case
        contact = case.contacts.get(contact_id)
        if contact is None or contact.channel is not Channel.MAIL:
            raise Refused("R19", "not_a_mail_contact")
        if any(m.to == contact_id and m.type is MailType.CONTACT_REQUEST for m in case.mails.values()):
            raise Refused("R19", "already_written_to")
        facts: list[Fact] = [
            (hand.actor, e.FirstContactReleased(contact_ids=(contact_id,))),
            (e.MACHINE, queued(hand.office, case, MailType.CONTACT_REQUEST, contact_id, hand.now)),
        ]
        return approvals.or_propose(file, Act.FIRST_CONTACT, contact_id, hand, facts)

    casefile.change(hand.office, hand.case_id, hand.now, decide)


# --- notice ---


def draft_notice(hand: Hand, text: NoticeText) -> None:
    """Report fields are source text only (R20); pictures are those of this case's reports. Raises InvalidInput."""
    noticepictures.check(hand.office, hand.case_id, text.pictures)
    casefile.record(hand, e.NoticeDrafted(draft=text.to_text()))


def release_notice(hand: Hand, command: ReleaseNotice) -> None:
    """R20, R22, R29: to one person of S2 or S3; encrypted to the certificate handed in, or read on the page."""
    copies = noticepictures.copies(hand.office, hand.case_id, command.pictures)

    def decide(file: CaseFile) -> list[Fact]:
        if not file.case.draft_seq:
            raise Refused("R20", "no_draft")
        actor = hand.actor
        with hand.office.store.reading() as connection:
            drafted = ledger.one(hand.office.store, connection, hand.case_id, file.case.draft_seq)
        assert isinstance(drafted, e.NoticeDrafted)  # noqa: S101 - draft_seq points nowhere else
        if NoticeText.read(drafted.draft).pictures != command.pictures:
            raise Refused("R29", "release_names_another_state")
        released = e.NoticeReleased(
            person_id=command.person_id,
            standing=command.standing,
            fingerprint=command.fingerprint,
            personal_data_masked=command.personal_data_masked,
            source_unrecognisable=command.source_unrecognisable,
            pictures=tuple(copy.id for copy in copies),
            text=drafted.draft,
        )
        mail_type = MailType.NOTICE if command.fingerprint else MailType.NOTICE_READY
        mail = queued(hand.office, file.case, mail_type, command.person_id, hand.now)
        facts = [*((actor, copy.event) for copy in copies), (actor, released), (e.MACHINE, mail)]
        return approvals.or_propose(file, Act.RELEASE, command.person_id, hand, facts)

    def within(tx: Connection, file: CaseFile) -> None:
        if file.case.persons[command.person_id].released_at == hand.now:  # not when a second coordinator is asked first
            noticepictures.keep(hand.office, tx, hand.case_id, copies)

    casefile.change(hand.office, hand.case_id, hand.now, decide, within)


def show_standing(hand: Hand, person_id: str, proof: Proof, note: str) -> None:
    """S3 by a coordinator's call-back, a letter's code or a DNS record (R29)."""
    if not note.strip():
        raise InvalidInput({"note": "required"})
    if proof not in {Proof.CALL_BACK, Proof.LETTER_CODE, Proof.DNS_TXT}:
        raise Refused("R29", "not_a_coordinators_proof")
    shown = e.StandingShown(person_id=person_id, standing=Standing.S3, proof=proof, note=note)
    casefile.record(hand, shown)


def record_acknowledgement(hand: Hand, person_id: str, words: str) -> None:
    """An answer by phone or mail, recorded in the coordinator's own words (R26, R27)."""
    if not words.strip():
        raise InvalidInput({"words": "required"})
    casefile.change(
        hand.office,
        hand.case_id,
        hand.now,
        lambda file: [
            (hand.actor, e.NoticeAcknowledged(person_id=person_id, words=words)),
            *later_facts(hand.office, file, hand.now),
        ],
    )


def answer_organisation(hand: Hand, words: str) -> None:
    """The words stand on the case page for whoever showed standing; a mail tells them (conversing.py)."""
    if not words.strip():
        raise InvalidInput({"words": "required"})

    def decide(file: CaseFile) -> list[Fact]:
        answered = e.OrganisationAnswered(words=words.strip())
        return [(hand.actor, answered), *conversing.tell(hand.office, file.case, hand.now)]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def settle_contest(hand: Hand, *, upheld: bool, words: str) -> None:
    """Raises Refused where none waits: a second click would write to everybody again."""
    if not words.strip():
        raise InvalidInput({"words": "required"})
    settled = e.ContestSettled(upheld=upheld, words=words)

    def decide(file: CaseFile) -> list[Fact]:
        if not file.case.contest_waits:
            raise Refused("R33", "no_contest_waits")
        # Upheld, it is a correction; the contest itself was sent on when it came.
        told = later_facts(hand.office, file, hand.now) if upheld else []
        return [(hand.actor, settled), *told, *conversing.tell(hand.office, file.case, hand.now)]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def later_facts(office: Office, file: CaseFile, now: datetime) -> list[Fact]:
    """R39: later acknowledgement, contest, remediation and correction go to every authority that was told.

    By mail, or where none is sendable as a task; one that is still open stands for all that has come since.
    """
    case = file.case
    waiting = {t.target for t in case.tasks.values() if t.open and t.kind is TaskKind.LATER_FACT}
    due_at = add(now, file.rules.policy.task_within, file.rules.calendar)
    facts: list[Fact] = []
    for authority_id, referred in case.referred.items():
        if referred.channel is Channel.MAIL:
            facts.append((e.MACHINE, queued(office, case, MailType.LATER_FACT, authority_id, now)))
        elif authority_id not in waiting:
            facts.append((e.MACHINE, _tell(authority_id, referred.channel, due_at)))
    return facts


def taken_back(office: Office, file: CaseFile, now: datetime) -> list[Fact]:
    """R39: what is taken back reaches all who received anything, intermediaries and authorities too."""
    told = to_each(office, file.case, MailType.RETRACTION, file.case.received_anything(), now)
    return [*told, *later_facts(office, file, now)]


def _tell(authority_id: str, channel: Channel, due_at: datetime) -> e.TaskOpened:
    return e.TaskOpened(
        task_id=new_id(),
        kind=TaskKind.LATER_FACT,
        channel=channel,
        target=authority_id,
        due_at=due_at,
        rung=None,
        blocking=False,
    )


# --- clocks, tasks, notes, the end ---


def extension_facts(file: CaseFile, clock: Clock, by: timedelta, reason: str, actor: e.Actor) -> list[Fact]:
    """R35: either side, with a reason; policy caps the sum."""
    if not reason.strip():
        raise InvalidInput({"reason": "required"})
    total = timedelta(seconds=file.case.extensions.get(clock, 0)) + by
    if by <= timedelta(0) or total > file.rules.policy.max_extension:
        raise Refused("R35", "beyond_the_cap")
    return [(actor, e.ClockExtended(clock=clock, seconds=int(by.total_seconds()), reason=reason))]


def extend(hand: Hand, clock: Clock, by: timedelta, reason: str) -> None:
    def decide(file: CaseFile) -> list[Fact]:
        return extension_facts(file, clock, by, reason, hand.actor)

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def pause(hand: Hand, reason: str) -> None:
    if not reason.strip():
        raise InvalidInput({"reason": "required"})
    casefile.record(hand, e.ClockPaused(reason=reason))


def resume(hand: Hand, reason: str) -> None:
    casefile.record(hand, e.ClockResumed(reason=reason))


def end_embargo(hand: Hand, cause: EmbargoEnd, reason: str) -> None:
    if not reason.strip():
        raise InvalidInput({"reason": "required"})
    casefile.record(hand, e.EmbargoEnded(cause=cause, reason=reason))


def take_task(hand: Hand, task_id: str, owner: str) -> None:
    """From here on the task is this coordinator's. ``owner``: whose it was when the page was read; a second click and a
    colleague who was quicker are no quarrel."""

    def decide(file: CaseFile) -> list[Fact]:
        task = file.case.tasks.get(task_id)
        if task and task.open and task.taken_by == hand.coordinator_id:
            return []
        if task and task.open and file.case.owner_of(task) != owner:
            raise Refused("R37a", "task_taken_meanwhile")
        return [(hand.actor, e.TaskTaken(task_id=task_id, coordinator_id=hand.coordinator_id))]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def task_done(hand: Hand, task_id: str, proof: str, reference: str, *, none_given: bool = False) -> None:
    """R37a: counts only with its proof: who was spoken to and when, or the letter's tracking number.

    R39: a referral also with the authority's reference, or with the word that it gave none.
    """
    proof, reference = proof.strip(), reference.strip()
    if not proof:
        raise InvalidInput({"proof": "required"})

    def decide(file: CaseFile) -> list[Fact]:
        task = file.case.tasks.get(task_id)
        refers = task is not None and task.kind in REFERRALS
        if refers and bool(reference) == none_given:
            raise InvalidInput({"reference": "reference_and_none" if reference else "reference_or_none"})
        none = none_given and refers
        return [(hand.actor, e.TaskDone(task_id=task_id, none_given=none, proof=proof, reference=reference))]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def authority_answered(hand: Hand, authority_id: str, reference: str, words: str) -> None:
    if not reference.strip() and not words.strip():
        raise InvalidInput({"reference": "required"})
    answered = e.AuthorityAnswered(authority_id=authority_id, reference=reference, words=words)
    casefile.record(hand, answered)


def declare_unreachable(hand: Hand) -> None:
    """R31: nothing found, or all bounced: phone and letter tasks come at once. Unknown is not none (R15)."""
    with hand.office.store.reading() as connection:
        if searching.still_open(connection, hand.case_id):
            raise Refused("R15", "search_not_over")
    casefile.record(hand, e.CaseUnreachable())


def note(hand: Hand, text: str) -> None:
    if not text.strip():
        raise InvalidInput({"text": "required"})
    casefile.record(hand, e.NoteWritten(text=text))


def close(hand: Hand, outcome: str, reason: str) -> None:
    """No unsent mail is left behind unseen: the desk shows what would still leave, and asks for the alert number.

    An alert that turns out unfounded, or another organisation's, is taken back wherever it went (R39).
    """
    if not reason.strip():
        raise InvalidInput({"reason": "required"})

    def decide(file: CaseFile) -> list[Fact]:
        told = taken_back(hand.office, file, hand.now) if outcome in WITHDRAWN else []
        return [(hand.actor, e.CaseClosed(outcome=outcome, reason=reason)), *told]

    casefile.change(hand.office, hand.case_id, hand.now, decide)


def reopen(hand: Hand, reason: str) -> None:
    casefile.record(hand, e.CaseReopened(reason=reason))
