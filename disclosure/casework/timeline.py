"""One ledger, one view per audience (R43): events as sentences, the rungs to come, the ladder as a picture.

Every event has a sentence here; an audience sees the events that name it and the sealed parts that are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, select

from disclosure.casework import deskwords, incomingwords, words
from disclosure.casework.casefile import CaseFile, addresses
from disclosure.casework.notices import NoticeText
from disclosure.casework.office import Office
from disclosure.casework.rows import (
    ComingRow,
    Detail,
    Flag,
    LadderPicture,
    Notch,
    RungMark,
    Span,
    TimelineRow,
    Tone,
)
from disclosure.casework.words import short, word
from disclosure.language import N_, format_when, translate
from disclosure.protocol import events as e
from disclosure.protocol.codes import LookupOutcome
from disclosure.protocol.effects import MailEffect
from disclosure.protocol.preview import Step, preview
from disclosure.protocol.state import Case
from disclosure.protocol.values import Audience, Language, Party, Standing
from disclosure.store import ledger
from disclosure.store.tables import coordinators, events

PAGE = 100  # rows of a page; older ones by keyset


@dataclass(frozen=True)
class Sight:
    """Who looks, in which language, and the names that ids stand for."""

    audience: Audience
    language: Language
    names: Mapping[str, str]
    told_at: datetime | None = None  # when the first authority was told: what is answered later is late, and welcome

    def name(self, ref: str) -> str:
        return self.names.get(ref, "")

    def say(self, message: str, **parameters: object) -> str:
        return translate(self.language, message, **parameters)


Words = Callable[[Any, Sight], str]


def _fixed(message: str) -> Words:
    return lambda event, sight: sight.say(message)


def _mail_words(message: str) -> Words:
    """``%(mail)s`` and ``%(to)s`` filled in."""

    def say(event: Any, sight: Sight) -> str:
        return sight.say(message, mail=word(event.mail_type, sight.language), to=sight.name(event.to))

    return say


def _of(message: str, **readers: Callable[[Any, Sight], object]) -> Words:
    def say(event: Any, sight: Sight) -> str:
        return sight.say(message, **{name: read(event, sight) for name, read in readers.items()})

    return say


def _named(field: str) -> Callable[[Any, Sight], str]:
    return lambda event, sight: sight.name(getattr(event, field))


def _coded(field: str) -> Callable[[Any, Sight], str]:
    """The code's words as they stand in the middle of a sentence."""

    def read(event: Any, sight: Sight) -> str:
        return _inside(short(getattr(event, field), sight.language))

    return read


def _inside(said: str) -> str:
    """As it stands inside a sentence; "DNS proof" keeps its capitals."""
    return said if said[1:2].isupper() else said[:1].lower() + said[1:]


def _text(field: str) -> Callable[[Any, Sight], object]:
    return lambda event, sight: getattr(event, field)


def _instant(field: str) -> Callable[[Any, Sight], str]:
    return lambda event, sight: format_when(getattr(event, field), sight.language)


def _certificate_found(event: Any, sight: Sight) -> str:
    address, source = sight.name(event.contact_id), words.source_word(event.source, sight.language)
    if event.reason:
        why = deskwords.say(deskwords.CERTIFICATE_REASONS, event.reason, sight.language)
        return sight.say(
            N_("Certificate for %(address)s refused: %(why)s (%(source)s)"), address=address, why=why, source=source
        )
    return sight.say(N_("Certificate found for %(address)s (%(source)s)"), address=address, source=source)


def _mailed(event: Any, sight: Sight) -> str:
    """Never in words that sound like an acknowledgement (R27)."""
    sender = getattr(event, "sender", "")
    if event.unread:
        return sight.say(N_("An encrypted mail came from %(sender)s; it could not be opened"), sender=sender)
    if not sender:
        return sight.say(N_("A mail came in answer to ours"))
    if event.encrypted:
        return sight.say(N_("An encrypted mail came from %(sender)s"), sender=sender)
    return sight.say(N_("A mail came from %(sender)s"), sender=sender)


SENTENCES: Mapping[type[e.Event], Words] = {
    e.ReportReceived: _of(N_("Report received: %(kind)s"), kind=_coded("kind")),
    e.PictureKept: _fixed(N_("A picture was cleaned and kept")),
    e.ReportRead: _fixed(N_("Report read")),
    e.ReportAccepted: _fixed(N_("Report accepted")),
    e.ReportDeclined: _fixed(N_("Report declined")),
    e.ReportWithdrawn: _fixed(N_("Report withdrawn by its reporter")),
    e.ReportTied: _fixed(N_("Report tied to a case")),
    e.ReporterWrote: _fixed(N_("The reporter wrote")),
    e.ReporterAnswered: _fixed(N_("A coordinator wrote to the reporter")),
    e.ContentErased: _fixed(N_("Content erased; the chain of facts stays")),
    e.CaseOpened: _of(N_("Case %(number)s opened"), number=_text("number")),
    e.CaseAssessed: _of(
        N_("Assessed: %(kind)s, severity %(severity)s, personal data %(data)s, host compromised %(host)s"),
        kind=_coded("kind"),
        severity=_coded("severity"),
        data=_coded("personal_data"),
        host=_coded("host_compromised"),
    ),
    e.ReportLinked: _fixed(N_("A report was linked to the case")),
    e.DomainTied: _of(N_("Domain tied to the organisation: %(domain)s"), domain=_text("domain")),
    e.CoordinatorAssigned: _of(N_("Coordinator of the case: %(name)s"), name=_named("coordinator_id")),
    e.NoteWritten: _fixed(N_("Note")),
    e.SearchStarted: _fixed(N_("Search for contacts asked for")),
    e.LookupRecorded: _of(
        N_("Look-up: %(question)s: %(outcome)s"), question=_text("question"), outcome=_coded("outcome")
    ),
    e.SearchEnded: _of(
        N_("Search ended: %(outcome)s, %(found)s offered, %(review)s for review"),
        outcome=_coded("outcome"),
        found=_text("found"),
        review=_text("review"),
    ),
    e.ContactFound: _of(
        N_("Contact found: %(address)s (%(source)s)"),
        address=_text("address"),
        source=lambda event, sight: words.source_word(event.source, sight.language),
    ),
    e.ContactEntered: _of(N_("Contact entered by hand: %(address)s"), address=_text("address")),
    e.CertificateSearchStarted: _of(N_("Search for certificates asked for: %(address)s"), address=_named("contact_id")),
    e.CertificateFound: _certificate_found,
    e.CertificateSearchEnded: _of(
        N_("Search for certificates ended: %(address)s: %(outcome)s"),
        address=_named("contact_id"),
        outcome=_coded("outcome"),
    ),
    e.CertificateEntered: _of(N_("Certificate entered by hand for %(address)s"), address=_named("contact_id")),
    e.CertificateChosen: lambda event, sight: sight.say(
        N_("Certificate chosen for %(address)s")
        if event.certificate_id
        else N_("Mails to %(address)s are signed and not encrypted from here on"),
        address=sight.name(event.contact_id),
    ),
    e.ContactsChosen: _of(
        N_("Order of contacts chosen: %(names)s"),
        names=lambda event, sight: ", ".join(sight.name(cid) for cid in event.contact_ids),
    ),
    e.ContactDisabled: _of(N_("Contact no longer used: %(name)s"), name=_named("contact_id")),
    e.ContactSuggested: _of(N_("The organisation named another contact: %(address)s"), address=_text("address")),
    e.FirstContactReleased: _of(
        N_("First contact released to %(names)s"),
        names=lambda event, sight: ", ".join(sight.name(cid) for cid in event.contact_ids),
    ),
    e.ForwardRequestReleased: _of(N_("Forward request released to %(name)s"), name=_named("contact_id")),
    e.MailQueued: _mail_words(N_("%(mail)s to %(to)s: in the outbox")),
    e.MailPrepared: lambda event, sight: sight.say(
        N_("Mail composed, signed and encrypted; its bytes are fixed")
        if event.encrypted_to
        else N_("Mail composed and signed; its bytes are fixed")
    ),
    e.MailRelayed: _mail_words(N_("%(mail)s to %(to)s: taken by the relay")),
    e.MailRefused: _mail_words(N_("%(mail)s to %(to)s: refused")),
    e.MailAmbiguous: _mail_words(N_("%(mail)s to %(to)s: the line broke at the end, it may have arrived")),
    e.MailGivenUp: _mail_words(N_("%(mail)s to %(to)s: given up")),
    e.MailHeld: _mail_words(N_("%(mail)s to %(to)s: held for a person before it left")),
    e.MailResent: _mail_words(N_("%(mail)s to %(to)s: sent again by hand")),
    e.MailCancelled: _mail_words(N_("%(mail)s to %(to)s: cancelled by hand, it does not go again")),
    e.MailDelivered: _mail_words(N_("%(mail)s to %(to)s: delivered, says the recipient's server")),
    e.MailBounced: _mail_words(N_("%(mail)s to %(to)s: came back")),
    e.MailNoted: _of(
        N_("About the %(mail)s to %(to)s: %(what)s"),
        mail=_coded("mail_type"),
        to=_named("to"),
        what=lambda event, sight: _inside(deskwords.say(incomingwords.KINDS, event.what, sight.language)),
    ),
    e.OrganisationMailed: _mailed,
    e.AuthorityMailed: _mailed,
    e.LinksRevoked: _of(N_("Links revoked: %(to)s"), to=_named("recipient")),
    e.LinkOpened: _fixed(N_("The link was opened by something: a person or a scanner")),
    e.PersonConfirmed: _of(
        N_("%(name)s (%(role)s) confirmed with link and code: S1"), name=_text("name"), role=_text("role")
    ),
    e.OwnAddressNamed: _of(N_("Own address named: %(address)s"), address=_text("address")),
    e.CertificateHandedIn: _fixed(N_("OpenPGP certificate handed in and judged usable; standing starts again at S1")),
    e.StandingShown: _of(
        N_("%(name)s showed standing %(standing)s: %(proof)s"),
        name=_named("person_id"),
        standing=lambda event, sight: Standing(event.standing).name,
        proof=_coded("proof"),
    ),
    e.StandingObjected: _of(N_("Somebody written to before objects to %(name)s"), name=_named("person_id")),
    e.NoticeDrafted: _fixed(N_("Notice drafted")),
    e.NoticePictureKept: _fixed(N_("A picture of a report was copied into the case, for the notice")),
    e.NoticeReleased: _of(
        N_("Notice released to %(name)s, %(standing)s, %(how)s"),
        name=_named("person_id"),
        standing=lambda event, sight: Standing(event.standing).name,
        how=lambda event, sight: sight.say(
            N_("encrypted to the certificate") if event.fingerprint else N_("to be read on the case page")
        ),
    ),
    e.NoticeOpened: _of(N_("Notice opened by %(name)s"), name=_named("person_id")),
    e.NoticeAcknowledged: _of(N_("Notice acknowledged by %(name)s"), name=_named("person_id")),
    e.NoticeContested: _of(N_("Contested by %(name)s"), name=_named("person_id")),
    e.ContestSettled: lambda event, sight: sight.say(
        N_("The contest was upheld") if event.upheld else N_("The contest was answered; the clock goes on")
    ),
    e.RemediationPlanned: _of(N_("Remediation planned for %(by)s"), by=_text("by")),
    e.RemediationClaimed: _fixed(N_("The organisation says that it is remediated")),
    e.OrganisationWrote: _of(N_("%(name)s wrote"), name=_named("person_id")),
    e.OrganisationAnswered: _fixed(N_("A coordinator wrote to the organisation")),
    e.ClockExtended: _of(
        N_("Clock extended by %(hours)s h: %(clock)s"),
        hours=lambda event, sight: event.seconds // 3600,
        clock=_coded("clock"),
    ),
    e.ClockPaused: _fixed(N_("Clock paused")),
    e.ClockResumed: _fixed(N_("Clock resumed")),
    e.OutageCredited: _of(
        N_("Our server was away from %(start)s to %(end)s: that time counts for nobody"),
        start=_instant("started_at"),
        end=_instant("ended_at"),
    ),
    e.EmbargoEnded: _of(N_("Embargo ended: %(cause)s"), cause=_coded("cause")),
    e.RungClimbed: _of(N_("Rung: %(rung)s (due %(due)s)"), rung=_coded("rung"), due=_instant("due_at")),
    e.TaskOpened: _of(N_("Task: %(kind)s, due %(due)s"), kind=_coded("kind"), due=_instant("due_at")),
    e.TaskDone: _fixed(N_("Task done, with proof")),
    e.TaskCancelled: _fixed(N_("Task no longer needed")),
    e.CoordinatorsCalled: _of(N_("Coordinators called: %(clock)s. This delay is ours."), clock=_coded("clock")),
    e.ApprovalProposed: _of(N_("Approval asked for: %(act)s"), act=_coded("act")),
    e.ApprovalGiven: _fixed(N_("Approval given")),
    e.ApprovalRefused: _fixed(N_("Approval refused")),
    e.ApprovalExpired: _fixed(N_("Approval expired")),
    e.ApprovalVoided: _fixed(N_("Approval void: what was shown is so no more")),
    e.AuthorityReferred: _of(
        N_("Referred to %(name)s: %(channel)s"), name=_named("authority_id"), channel=_coded("channel")
    ),
    e.AuthorityAnswered: _of(
        N_("%(name)s answered, reference %(reference)s"), name=_named("authority_id"), reference=_text("reference")
    ),
    e.CaseUnreachable: _fixed(N_("Nobody can be reached by mail")),
    e.PublicationAnnounced: _of(N_("Publication announced, not before %(at)s"), at=_instant("not_before")),
    e.CasePublished: _fixed(N_("Published")),
    e.PublicationRetracted: _fixed(N_("Publication retracted")),
    e.PolicyMoved: _of(N_("Policy version %(version)s from here on"), version=_text("version")),
    e.CaseClosed: _fixed(N_("Case closed")),
    e.CaseReopened: _fixed(N_("Case reopened")),
}
TONES: Mapping[type[e.Event], Tone] = {
    e.MailRefused: Tone.CONTESTED,
    e.MailGivenUp: Tone.HARM,
    e.MailAmbiguous: Tone.CONTESTED,
    e.MailHeld: Tone.CONTESTED,
    e.MailBounced: Tone.CONTESTED,
    e.OrganisationMailed: Tone.WAITING,
    e.AuthorityMailed: Tone.WAITING,
    e.StandingShown: Tone.ACKNOWLEDGED,
    e.NoticeAcknowledged: Tone.ACKNOWLEDGED,
    e.RemediationClaimed: Tone.ACKNOWLEDGED,
    e.RemediationPlanned: Tone.ACKNOWLEDGED,
    e.NoticeContested: Tone.CONTESTED,
    e.StandingObjected: Tone.HARM,
    e.RungClimbed: Tone.LAPSED,
    e.AuthorityReferred: Tone.REFERRED,
    e.CoordinatorsCalled: Tone.HARM,
    e.OutageCredited: Tone.HARM,
    e.CaseUnreachable: Tone.LAPSED,
    e.CaseClosed: Tone.CLOSED,
}
PINNED = frozenset({e.EmbargoEnded, e.CaseUnreachable, e.StandingObjected})
# Events of the machine that fold into one line when they follow each other.
RUNS: Mapping[type[e.Event], str] = {
    e.LookupRecorded: "lookups",
    e.ContactFound: "lookups",
    e.CertificateSearchStarted: "lookups",
    e.CertificateFound: "lookups",
    e.CertificateSearchEnded: "lookups",
    e.MailQueued: "mail",
    e.MailPrepared: "mail",
}
_HIDDEN = frozenset(
    {
        "certificate_id",
        "probe_ids",
        "mail_id",
        "contact_id",
        "person_id",
        "search_id",
        "probe_id",
        "task_id",
        "domain_id",
        "to",
        "inbox_id",
        "mail_type",
    }
)
_LABELS: Mapping[str, str] = {
    "reason": N_("Reason"),
    "reply": N_("The relay said"),
    "code": N_("Code"),
    "attempt": N_("Attempt"),
    "sha256": N_("SHA-256 of the bytes"),
    "evidence_sha256": N_("SHA-256 of the evidence"),
    "commitment": N_("Hash of the report's first event"),
    "encrypted_to": N_("Encrypted to"),
    "answered_at": N_("Answered in an earlier case"),
    "not_encrypted": N_("Not encrypted, because"),
    "fingerprint": N_("Fingerprint"),
    "proof": N_("Proof"),
    "reference": N_("Reference"),
    "words": N_("Words"),
    "text": N_("Text"),
    "note": N_("Note"),
    "source": N_("Source"),
    "flags": N_("Marks"),
    "confidence": N_("Confidence"),
    "rung": N_("Rung"),
    "clock": N_("Clock"),
    "dossier_sha256": N_("SHA-256 of the dossier"),
    "purpose": N_("Purpose"),
    "named_by": N_("Named by reports"),
    "not_before": N_("Not before"),
    "mails": N_("Mails"),
    "tasks": N_("Tasks"),
    "channel": N_("Channel"),
    "language": N_("Language"),
    "subject": N_("Subject"),
    "waits": N_("A person must look, because"),
    "by": N_("Tied to our mail by"),
    "diagnostic": N_("The other server said"),
    "authenticated": N_("Our relay's check of the sender"),
    "unread": N_("Not opened, because"),
    "signed": N_("Signature"),
    "signer": N_("Signed by"),
    "quotes_notice": N_("Repeats the notice in clear text"),
    "attachments": N_("Attachments"),
}
# Codes of others than the protocol; what somebody typed into such a field is in no table and stands as it is.
_TABLES: Mapping[str, Mapping[str, str]] = {
    "source": words.SOURCES,
    "confidence": deskwords.CONFIDENCES,
    "reason": {
        **deskwords.REASONS,
        **deskwords.MARKS,
        **deskwords.FAULTS,
        **deskwords.CLOSINGS,
        **deskwords.CERTIFICATE_REASONS,
    },
    "not_encrypted": deskwords.FAULTS,
    "flags": deskwords.MARKS,
    "purpose": deskwords.PURPOSES,
    "quotes_notice": {"true": N_("yes: what the notice says was readable on the way")},
    "waits": incomingwords.WHY,
    "by": incomingwords.TIES,
    "authenticated": incomingwords.AUTHENTICATED,
    "unread": incomingwords.UNREAD,
    "signed": incomingwords.SIGNED,
}
_FINGERPRINTS = frozenset({"fingerprint", "encrypted_to", "signer"})
_MONO = frozenset(
    {
        *("sha256", "evidence_sha256", "commitment", "fingerprint", "dossier_sha256", "reply", "encrypted_to"),
        *("signer", "diagnostic"),
    }
)


def names(office: Office, connection: Connection, file: CaseFile) -> dict[str, str]:
    """What ids stand for: contacts by address, persons and coordinators by name, authorities by short name."""
    known = addresses(office, connection, file)
    people = {p.seq: p.id for p in file.case.persons.values()}
    for entry in ledger.read(office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=tuple(people)):
        if isinstance(entry.event, e.PersonConfirmed):
            known[people[entry.seq]] = entry.event.name
    known.update({row.id: row.name for row in connection.execute(select(coordinators.c.id, coordinators.c.name))})
    known.update({a.id: a.short_name or a.name for a in office.policy.authorities})
    return known


def rows(
    office: Office,
    connection: Connection,
    file: CaseFile,
    sight: Sight,
    *,
    before: int | None = None,
    most: int = PAGE,
) -> tuple[TimelineRow, ...]:
    """The newest ``most`` events before entry ``before`` (all: None), oldest first, as this audience sees them."""
    seqs = _page(connection, file.id, before, most, sight.audience)
    parts = ledger.EVERY_PART if sight.audience is Audience.COORDINATOR else frozenset({str(sight.audience)})
    entries = ledger.read(office.store, connection, file.id, parts=parts, seqs=seqs) if seqs else ()
    return tuple(row_of(entry, sight) for entry in entries)


def _page(connection: Connection, stream_id: str, before: int | None, most: int, audience: Audience) -> list[int]:
    query = select(events.c.seq).where(events.c.stream_id == stream_id)
    if before is not None:
        query = query.where(events.c.seq < before)
    if audience is not Audience.COORDINATOR:
        seen = [name for name, kind in e.EVENT_TYPES.items() if audience in kind.audiences]
        query = query.where(events.c.type.in_(seen))
    return list(connection.scalars(query.order_by(events.c.seq.desc()).limit(most)))


def row_of(entry: e.Entry, sight: Sight) -> TimelineRow:
    kind = type(entry.event)
    coordinator = sight.audience is Audience.COORDINATOR
    return TimelineRow(
        seq=entry.seq,
        at=entry.at,
        party=entry.actor.party,
        actor=sight.name(entry.actor.ref) if coordinator or entry.actor.party is not Party.COORDINATOR else "",
        sentence=_late(SENTENCES[kind](entry.event, sight), entry, sight),
        tone=_tone(entry.event),
        details=_details(entry.event, sight) if coordinator else (),
        pinned=kind in PINNED,
        run=RUNS.get(kind, ""),
    )


def _tone(event: e.Event) -> Tone:
    if isinstance(event, e.LookupRecorded) and event.outcome is LookupOutcome.UNKNOWN:
        return Tone.WAITING  # R15: asked again
    if isinstance(event, e.MailNoted) and event.waits:
        return Tone.WAITING
    if isinstance(event, e.OrganisationMailed) and event.quotes_notice:
        return Tone.HARM
    return TONES.get(type(event), Tone.NEUTRAL)


ANSWERS = (e.NoticeAcknowledged, e.NoticeContested, e.RemediationPlanned, e.RemediationClaimed)


def told_at(case: Case) -> datetime | None:
    return min((referred.at for referred in case.referred.values()), default=None)


def _late(sentence: str, entry: e.Entry, sight: Sight) -> str:
    """R33: a late answer is always welcome, and shown as late."""
    if not isinstance(entry.event, ANSWERS) or sight.told_at is None or entry.at <= sight.told_at:
        return sentence
    return sight.say(N_("%(sentence)s, late: after an authority was told"), sentence=sentence)


def _details(event: e.Event, sight: Sight) -> tuple[Detail, ...]:
    held = []
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in _HIDDEN or field.name not in _LABELS or value in ("", (), None) or value is False:
            continue
        if isinstance(event, e.NoticeReleased) and field.name == "text":
            value = _as_read(value)
        held.append(Detail(sight.say(_LABELS[field.name]), _shown(field.name, value, sight), field.name in _MONO))
    return tuple(held)


def _as_read(released: str) -> str:
    """The words of a notice, not the form in which the ledger keeps them."""
    notice = NoticeText.read(released)
    facts = (fact.text for fact in notice.facts)
    return "\n\n".join((notice.presentation, notice.technical, *facts, notice.advice))


def _shown(name: str, value: Any, sight: Sight) -> str:
    if name in _TABLES:
        codes = value if isinstance(value, tuple) else ("true",) if value is True else (value,)
        return ", ".join(deskwords.say(_TABLES[name], str(code), sight.language) for code in codes)
    if isinstance(value, datetime):
        return format_when(value, sight.language)
    if isinstance(value, Enum) and type(value) in words.CODES:
        return word(value, sight.language)  # type: ignore[arg-type]
    items = [str(item) for item in value] if isinstance(value, tuple) else [str(value)]
    return ", ".join(map(words.grouped, items) if name in _FINGERPRINTS else items)


# --- what happens next, and the picture ---


def coming(file: CaseFile, sight: Sight, now: datetime) -> tuple[ComingRow, ...]:
    """What will be sent to whom, when, if nobody answers (R37)."""
    return tuple(_coming(step, file, sight) for step in preview(file.case, file.rules, now))


def _coming(step: Step, file: CaseFile, sight: Sight) -> ComingRow:
    details = []
    for effect in step.effects:
        if isinstance(effect, MailEffect):
            to = sight.name(effect.to) or effect.to
            details.append(Detail(word(effect.type, sight.language), to))
        else:
            target = sight.name(effect.target) or sight.say(N_("to be found"))
            details.append(
                Detail(word(effect.kind, sight.language), f"{short(effect.channel, sight.language)}: {target}")
            )
    blocked = ""
    if step.planned.blocked_by:
        blocked = sight.say(N_("waits for a task that is not recorded as done"))
    elif step.planned.approval:
        blocked = sight.say(N_("waits for an approval"))
    return ComingRow(step.planned.due_at, word(step.planned.rung, sight.language), tuple(details), blocked)


def picture(file: CaseFile, sight: Sight, now: datetime) -> LadderPicture:
    """The ladder as a track in time: passed rungs, coming ones, pauses, and what fell between."""
    case = file.case
    steps = preview(case, file.rules, now)
    marks = [RungMark(short(rung, sight.language), c.at, Notch.PASSED) for rung, c in case.rungs.items()]
    for step in steps:
        notch = Notch.BLOCKED if step.planned.blocked_by or step.planned.approval else Notch.COMING
        marks.append(RungMark(short(step.planned.rung, sight.language), step.planned.due_at, notch))
    flags = _flags(file, sight)
    start = case.contact_started_at or case.opened_at or now
    instants = [start, now, *(m.at for m in marks), *(f.at for f in flags)]
    return LadderPicture(
        title=sight.say(N_("Ladder of case %(number)s"), number=case.number),
        start=min(instants),
        end=max(instants),
        now=now,
        rungs=tuple(sorted(marks, key=lambda m: m.at)),
        flags=flags,
        paused=tuple(Span(s.start, s.end or now) for s in case.stills),
    )


def _flags(file: CaseFile, sight: Sight) -> tuple[Flag, ...]:
    case = file.case
    flags = []
    if case.s1_at:
        flags.append(Flag(sight.say(N_("S1")), case.s1_at, Tone.WAITING))
    if case.standing_at:
        flags.append(Flag(sight.say(N_("Standing shown")), case.standing_at, Tone.ACKNOWLEDGED))
    if case.released and case.released.released_at:
        flags.append(Flag(sight.say(N_("Notice released")), case.released.released_at, Tone.NEUTRAL))
    if case.acknowledged_at:
        told = told_at(case)
        late = told is not None and case.acknowledged_at > told
        said = N_("Acknowledged, late") if late else N_("Acknowledged")
        flags.append(Flag(sight.say(said), case.acknowledged_at, Tone.ACKNOWLEDGED))
    return tuple(flags)
