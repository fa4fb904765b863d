"""Every event of the ledger as one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from disclosure.casework import deskwords, incomingwords, words
from disclosure.casework.sight import Sight
from disclosure.casework.words import short, word
from disclosure.language import N_, format_when
from disclosure.protocol import events as e
from disclosure.protocol.values import Standing

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


def _called(event: Any, sight: Sight) -> str:
    clock = _coded("clock")(event, sight)
    if event.to:
        return sight.say(N_("%(name)s called: %(clock)s. This delay is ours."), name=sight.name(event.to), clock=clock)
    return sight.say(N_("Coordinators called: %(clock)s. This delay is ours."), clock=clock)


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
    e.TaskTaken: _of(N_("Task taken by %(name)s"), name=_named("coordinator_id")),
    e.TaskDone: lambda event, sight: sight.say(
        N_("Task done, with proof; the authority gave no reference")
        if event.none_given
        else N_("Task done, with proof")
    ),
    e.TaskCancelled: _fixed(N_("Task no longer needed")),
    e.CoordinatorsCalled: _called,
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
