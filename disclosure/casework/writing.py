"""From a queued recipe to fixed bytes: who it goes to, what it says, its link and code, signed or encrypted.

No transaction is open here. What goes to a contact holds no detail: it is encrypted where a judged certificate of the
contact exists, else signed only (R19). A notice or a referral leaves only as ciphertext; where the certificate is not
usable any more the mail is unsendable and a person decides, never a fall-back to clear text (R20).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.headerregistry import Address as Mailbox
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from disclosure.casework import casefile, conversing, keys, noticepictures, recipients, references
from disclosure.casework.casefile import CaseFile, Fact, domains_of, is_tied
from disclosure.casework.dossiers import basis_word
from disclosure.casework.linking import NewLink, sign
from disclosure.casework.noticepictures import Copy
from disclosure.casework.notices import NoticeText, defang
from disclosure.casework.office import Office, new_code, sha256
from disclosure.casework.recipients import Recipient, Unsendable
from disclosure.casework.words import grouped, state_word, word
from disclosure.language import N_, format_when, translate
from disclosure.mail import byhand, compose, pgpmime
from disclosure.mail.compose import Door, MailText, Sender
from disclosure.mail.pgpmime import Attachment, Envelope, random_token
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.verdict import Reason, Verdict
from disclosure.protocol import codes
from disclosure.protocol import events as e
from disclosure.protocol.authorities import When
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import MailType, Rung
from disclosure.protocol.contactcertificates import is_published
from disclosure.protocol.errors import DisclosureError
from disclosure.protocol.ladder import profile_of
from disclosure.protocol.preview import preview
from disclosure.protocol.state import Case
from disclosure.protocol.values import Address, AlertNumber, Answer, Domain, Language, Purpose, Standing
from disclosure.protocol.worktime import add
from disclosure.store import ledger

LINK_LIFETIME = timedelta(days=180)  # ours: a letter's answer may take months; R25 lets us revoke earlier
CODE_LIFETIME = timedelta(hours=24)
# These bytes were judged usable when they were stored, and no time makes them unreadable: our own judge has failed.
_NOT_OF_THE_CERTIFICATE = frozenset({Reason.CORRUPT, Reason.TOO_LARGE})
# R29: their content is for one person in the state that a release named.
_TO_THE_RELEASED = frozenset({MailType.NOTICE, MailType.ANSWER})
FIRST_MAILS = codes.FIRST_MAILS
ENCRYPTED = frozenset({MailType.NOTICE, MailType.ANSWER, MailType.REFERRAL, MailType.LATER_FACT})


class NotJudged(DisclosureError):
    """The judge could not be asked, or did not answer: nothing is known of the certificate, and nothing leaves."""


@dataclass(frozen=True)
class Claim:
    """A row that this process holds until the lease ends; ``fence`` tells its writes from those of a later holder."""

    id: str
    case_id: str | None
    mail_type: MailType
    to: str
    language: Language
    state: str
    attempts: int
    ambiguous: int
    fence: int
    queued_at: datetime
    signed_only: bool = False
    full_since: datetime | None = None
    resent_at: datetime | None = None
    taken_at: datetime | None = None  # of a mail being sent: when the relay said yes
    taken_code: str = ""
    file: CaseFile | None = None  # the case as it was a moment ago, for whoever has just read it

    @property
    def since(self) -> datetime:
        """From when it is known for how long to try."""
        return self.resent_at or self.queued_at

    @property
    def of_a_case(self) -> bool:
        """A call to coordinators says nothing of the case that it comes from."""
        return self.case_id is not None and self.mail_type is not MailType.COORDINATORS_CALLED


@dataclass(frozen=True)
class Prepared:
    """What is fixed before the first attempt, and the rows that make its link and code work."""

    message: bytes
    sender: str
    recipient: Address
    message_id: str
    reply_token: str
    return_token: str
    encrypted_to: tuple[str, ...] = ()
    certificate_id: str = ""
    not_encrypted: str = ""
    link: dict[str, object] | None = None
    second_code: dict[str, object] | None = None


@dataclass(frozen=True)
class Preview:
    """What would leave, exactly, with marks where link and code will stand."""

    subject: str
    body: str
    to: str
    language: Language
    signed_by: str
    encrypted_to: tuple[str, ...]
    not_encrypted: str = ""


@dataclass(frozen=True)
class _Lock:
    """What a mail is encrypted to; ``why_not``: why the certificate that is there was not used.

    ``certificate_id``: of a contact's certificate. ``proves``: whoever opens it has shown the organisation's own key.
    """

    verdict: Verdict | None = None
    certificate_id: str = ""
    why_not: str = ""
    proves: bool = False


@dataclass(frozen=True)
class _Draft:
    """A mail that is composed but not yet closed."""

    mail: compose.Mail
    recipient: Recipient
    link: NewLink | None = None
    code: str = ""
    attachments: tuple[Attachment, ...] = ()
    lock: _Lock = field(default_factory=_Lock)

    @property
    def encrypted_to(self) -> tuple[str, ...]:
        return self.lock.verdict.encrypts_to if self.lock.verdict else ()


def prepare(office: Office, claim: Claim, now: datetime) -> Prepared:
    """Compose, judge, sign, encrypt. Raises Unsendable with a code that the desk shows."""
    key = keys.service_key(office)
    if claim.case_id is None or not claim.of_a_case:
        with office.store.reading() as connection:
            recipient, language = recipients.of_coordinator(connection, claim.to)
        draft = _Draft(compose.CoordinatorsCalled(f"{office.settings.public_url}/desk/"), recipient)
    else:
        language = claim.language
        with office.store.reading() as connection:
            file = claim.file or casefile.load(office, connection, claim.case_id)
            draft = _draft(_Opened(office, connection, file, now), claim, key.fingerprint)
    text = compose.compose(draft.mail, language)
    envelope, tokens = _envelope(office, draft.recipient.address, now)
    if claim.mail_type in ENCRYPTED:
        draft = replace(draft, lock=_Lock(_judged(draft.recipient, now)))
    if draft.lock.verdict:
        message = pgpmime.encrypted(text, draft.attachments, envelope, [draft.lock.verdict], key)
    else:
        message = pgpmime.signed(text, envelope, key, now=now)
    return Prepared(
        message,
        f"bounce+{tokens[1]}@{office.settings.mail.domain}",
        draft.recipient.address,
        envelope.message_id,
        tokens[0],
        tokens[1],
        draft.encrypted_to,
        draft.lock.certificate_id,
        draft.lock.why_not,
        draft.link.row if draft.link else None,
        _code_row(office, claim, draft, now) if draft.code else None,
    )


def judge_again(office: Office, claim: Claim, now: datetime) -> None:
    """R18: a certificate that was good when the bytes were made may be revoked or expired when they leave."""
    assert claim.case_id is not None  # noqa: S101 - encrypted mails belong to a case
    with office.store.reading() as connection:
        file = casefile.load(office, connection, claim.case_id)
        _judged(_recipient(office, connection, file, claim.mail_type, claim.to), now)


def _judged(recipient: Recipient, now: datetime) -> Verdict:
    if not recipient.certificate:
        raise Unsendable("no_certificate")
    verdict = judge_safely(recipient.certificate, address=None, now=now)
    if verdict.reason in _NOT_OF_THE_CERTIFICATE:
        raise NotJudged  # not the end of the mail: it stays in the outbox
    if not verdict.usable:
        raise Unsendable(f"certificate_{verdict.reason}")
    if recipient.fingerprint and verdict.fingerprint != recipient.fingerprint:
        raise Unsendable("certificate_is_another_one")
    return verdict


def _lock(opened: _Opened, recipient: Recipient) -> _Lock:
    """R19. What is not usable any more is no obstacle here, for the mail holds no detail; it is recorded why (R18)."""
    known = recipient.known
    if known is None:
        return _Lock()
    if recipient.refused:
        return _Lock(why_not=f"certificate_{recipient.refused}")
    try:
        verdict = _judged(recipient, opened.now)
    except Unsendable as error:
        return _Lock(why_not=error.reason)
    published = is_published(known) and is_tied(recipient.address, opened.domains)
    return _Lock(verdict, known.id, proves=published and _unsuspected(opened.case))


def _unsuspected(case: Case) -> bool:
    """R29: a proof that runs over a system said to be in an intruder's hands does not count."""
    return case.assessed is not None and case.assessed.host_compromised is not Answer.YES


def _envelope(office: Office, to: Address, now: datetime) -> tuple[Envelope, tuple[str, str]]:
    """Reply-To and envelope sender are two random tokens; Message-ID a third (R23)."""
    settings = office.settings
    reply, back = random_token(), random_token()
    domain = settings.mail.domain
    return (
        Envelope(
            # A legal name may hold quotation marks, commas and accents; the library writes them as RFC 5322 wants.
            from_=str(Mailbox(settings.operator.legal_name, addr_spec=str(settings.mail.from_address))),
            to=to,
            reply_to=f"reply+{reply}@{domain}",
            message_id=f"<{random_token()}@{domain}>",
            date=now,
        ),
        (reply, back),
    )


def _code_row(office: Office, claim: Claim, draft: _Draft, now: datetime) -> dict[str, object]:
    assert claim.case_id is not None  # noqa: S101 - second codes belong to a case
    with office.store.reading() as connection:
        person = casefile.load(office, connection, claim.case_id).case.persons[claim.to]
    return {
        "mail_id": claim.id,
        "case_id": claim.case_id,
        "person_id": claim.to,
        "address_seq": person.address_seq,
        "code_hash": office.secrets.code_hash("code", draft.code),
        "expires_at": now + CODE_LIFETIME,
        "tries": 0,
    }


# --- one mail type after the other ---


def _recipient(office: Office, connection: Connection, file: CaseFile, mail_type: MailType, to: str) -> Recipient:
    if mail_type in {MailType.REFERRAL, MailType.LATER_FACT}:
        return recipients.of_authority(office, connection, to)
    contact = file.case.contacts.get(to)
    if contact and contact.doubted and mail_type in FIRST_MAILS:
        raise Unsendable("contact_in_doubt")  # R17: newer evidence sent it to review; a person decides again
    if to in file.case.persons:
        if mail_type in _TO_THE_RELEASED and not file.case.persons[to].may_read:
            raise Unsendable("released_to_another_state")
        return recipients.of_person(office, connection, file, to)
    return recipients.of_contact(office, connection, file, to)


@dataclass(frozen=True)
class _Opened:
    """A case opened to write one mail of it; ``queued_at``: of that mail, where it is in the outbox already."""

    office: Office
    connection: Connection
    file: CaseFile
    now: datetime
    queued_at: datetime | None = None

    @property
    def case(self) -> Case:
        return self.file.case

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        return tuple(domains_of(self.office, self.connection, self.file).values())

    @property
    def domain(self) -> str:
        return ", ".join(sorted(str(domain) for domain in self.domains))


def _draft(opened: _Opened, claim: Claim, fingerprint: str) -> _Draft:
    office, file = opened.office, opened.file
    recipient = _recipient(office, opened.connection, file, claim.mail_type, claim.to)
    common = _common(opened, fingerprint)
    if claim.mail_type is MailType.SECOND_CODE:
        code, hours = new_code(), int(CODE_LIFETIME.total_seconds()) // 3600
        return _Draft(compose.SecondCode(**common, code=code, hours=hours), recipient, code=code)
    if claim.mail_type in {MailType.REFERRAL, MailType.LATER_FACT}:
        return _Draft(_to_authority(opened, claim, common), recipient)
    doorless = _without_door(opened, claim.mail_type, common, claim.queued_at)
    if doorless:
        return _Draft(doorless, recipient)
    purpose = Purpose.NOTICE if claim.to in file.case.persons else Purpose.CONFIRM
    link = sign(office, purpose, file.id, claim.to, mail_id=claim.id, expires_at=opened.now + LINK_LIFETIME)
    door = Door(f"{office.settings.public_url}/a/{link.token}", link.code)
    queued = file.case.mails.get(claim.id)
    lock = _Lock(why_not="refused_as_ciphertext") if claim.signed_only else _lock(opened, recipient)
    rung = queued.rung if queued else None
    opened = replace(opened, queued_at=claim.queued_at)
    mail = _with_door(opened, claim.mail_type, claim.to, common | {"door": door}, lock, rung=rung)
    attachments = _attachments(opened, claim.to) if claim.mail_type is MailType.NOTICE else ()
    return _Draft(mail, recipient, link, attachments=attachments, lock=lock)


def _attachments(opened: _Opened, person_id: str) -> tuple[Attachment, ...]:
    """The pictures of the notice, inside the ciphertext, under names that say nothing."""
    seq = opened.case.persons[person_id].release_seq
    released = ledger.one(opened.office.store, opened.connection, opened.file.id, seq)
    if not isinstance(released, e.NoticeReleased):
        raise Unsendable("nothing_released")
    return tuple(
        Attachment(f"image-{place}.{picture.media_type.rpartition('/')[2]}", picture.media_type, picture.content)
        for place, picture in enumerate(_released_pictures(opened, released), 1)
    )


def _common(opened: _Opened, fingerprint: str) -> dict[str, Any]:
    """What every mail of a case says: who writes, under which number, and how to check it."""
    url = opened.office.settings.public_url
    name = recipients.coordinator_name(opened.connection, opened.case.coordinator_id)
    sender = Sender(opened.office.settings.operator, name, f"{url}/check", f"{url}/rules", grouped(fingerprint))
    return {"sender": sender, "number": AlertNumber(opened.case.number)}


def _without_door(
    opened: _Opened, mail_type: MailType, common: dict[str, Any], queued_at: datetime
) -> compose.Mail | None:
    """The mails that open nothing; None for any other."""
    match mail_type:
        case MailType.THANKS:
            return compose.Thanks(**common)
        case MailType.FORWARD_REQUEST:
            return compose.ForwardRequest(**common, domain=opened.domain)
        case MailType.RETRACTION:
            published_at = None if opened.case.withdrawn_at == queued_at else opened.case.published_at
            return compose.Retraction(
                **common, domain=opened.domain, published_on=published_at.date() if published_at else None
            )
    return None


def _with_door(
    opened: _Opened, mail_type: MailType, to: str, common: dict[str, Any], lock: _Lock, *, rung: Rung | None = None
) -> compose.Mail:
    case, calendar, now = opened.case, opened.file.rules.calendar, opened.now
    match mail_type:
        case MailType.CONTACT_REQUEST:
            assert case.assessed is not None  # noqa: S101 - nothing is released before it was assessed
            marks = profile_of(case, opened.file.rules).marks
            hoped_by = add(max(case.contact_started_at or now, now), marks[0], calendar)
            return compose.ContactRequest(
                **common,
                domain=opened.domain,
                hoped_by=hoped_by,
                encrypted=lock.verdict is not None,
                proves=lock.proves,
                announces=opened.file.rules.policy.announce_in_first_mail,
            )
        case MailType.REMINDER if to in case.persons:
            return compose.PersonReminder(**common, acknowledged=case.acknowledged_at is not None)
        case MailType.REMINDER:
            first = case.contact_started_at or now
            return compose.Reminder(**common, domain=opened.domain, first_written_at=first, proves=lock.proves)
        case MailType.NOTICE_READY:
            return compose.NoticeReady(**common)
        case MailType.NOTICE:
            return _notice(opened, to, common)
        case MailType.HEADS_UP:
            at_once = rung is Rung.AT_ONCE_HEADS_UP
            at, told = announced(opened.office, opened.file, now, at_once=at_once)
            return compose.HeadsUp(**common, domain=opened.domain, authorities=told, at=at or now, at_once=at_once)
    return _further_with_door(opened, mail_type, to, common)


def _further_with_door(opened: _Opened, mail_type: MailType, to: str, common: dict[str, Any]) -> compose.Mail:
    """Of those that follow once somebody answered."""
    case, now = opened.case, opened.now
    match mail_type:
        case MailType.ANSWER_READY:
            return compose.AnswerReady(**common)
        case MailType.ANSWER:
            words = conversing.answer_at(opened.office, opened.connection, opened.file, opened.queued_at or now)
            if not words:
                raise Unsendable("no_answer")
            return compose.AnswerGiven(**common, words=defang(words))
        case MailType.SOMEBODY_CONFIRMED:
            at = opened.queued_at or now  # in the same transaction as the confirmation
            return compose.SomebodyConfirmed(**common, confirmed_at=at, known=to in case.persons)
        case MailType.PUBLICATION_HEADS_UP:
            if case.announced is None:
                raise Unsendable("not_announced")
            return compose.PublicationHeadsUp(**common, domain=opened.domain, at=case.announced.not_before)
    raise Unsendable("unknown_mail_type")


def announced(
    office: Office, file: CaseFile, now: datetime, *, at_once: bool = False
) -> tuple[datetime | None, tuple[str, ...]]:
    """When the authorities will be told at the earliest if nobody answers, and which (R34); None: no clock leads there.

    ``at_once``: only those that are told whether somebody answers or not.
    """
    rungs = {Rung.AT_ONCE_AUTHORITIES} if at_once else {Rung.AUTHORITIES, Rung.AT_ONCE_AUTHORITIES}
    steps = [s for s in preview(file.case, file.rules, now) if s.planned.rung in rungs]
    names = tuple(
        office.policy.authority(r.authority_id).name
        for r in file.rules.referrals
        if r.when in ({When.AT_ONCE} if at_once else {When.AT_ONCE, When.ON_LAPSE})
        and r.authority_id not in file.case.referred
    )
    return (steps[0].planned.due_at if steps else None), names


def _notice(opened: _Opened, person_id: str, common: dict[str, Any]) -> compose.Notice:
    seq = opened.case.persons[person_id].release_seq
    released = ledger.one(opened.office.store, opened.connection, opened.file.id, seq)
    if not isinstance(released, e.NoticeReleased):
        raise Unsendable("nothing_released")
    return _notice_of(opened, NoticeText.read(released.text), _released_pictures(opened, released), common)


def _released_pictures(opened: _Opened, released: e.NoticeReleased) -> list[Copy]:
    return [
        noticepictures.read(opened.office, opened.connection, opened.file.id, picture_id)
        for picture_id in released.pictures
    ]


def _notice_of(opened: _Opened, text: NoticeText, pictures: Sequence[Copy], common: dict[str, Any]) -> compose.Notice:
    case = opened.case
    assert case.assessed is not None  # noqa: S101
    assert case.opened_at is not None  # noqa: S101
    at, names = announced(opened.office, opened.file, opened.now)
    return compose.Notice(
        **common,
        alert_on=case.opened_at.date(),
        severity_words={language: word(case.assessed.severity, language) for language in Language},
        personal_data=case.assessed.personal_data is not Answer.NO,
        presentation=defang(text.presentation),
        technical=defang(text.technical),
        facts={language: _stated(text, language) for language in Language},
        advice=defang(text.advice),
        # Whom no clock leads to is not announced.
        told=(*_already_told(opened), *(compose.Told(name, at) for name in names if at)),
        pictures=tuple(sha256(picture.content) for picture in pictures),
    )


def _already_told(opened: _Opened) -> tuple[compose.Told, ...]:
    """R20, who else is told and when: a late reader learns of the referrals that have gone out, by whatever channel."""
    name = opened.office.policy.authority
    told = {aid: _told_at(opened.case, referred.by) for aid, referred in opened.case.referred.items()}
    return tuple(compose.Told(name(aid).name, at, done=at is not None) for aid, at in told.items())


def _told_at(case: Case, by: str) -> datetime | None:
    """When a referral's mail was relayed, or its task done; None while neither is so."""
    if by in case.mails:
        return case.mails[by].relayed_at
    return case.tasks[by].done_at if by in case.tasks else None


def _stated(text: NoticeText, language: Language) -> tuple[compose.StatedFact, ...]:
    return tuple(compose.StatedFact(basis_word(f.basis, f.on, language), defang(f.text)) for f in text.facts)


def _to_authority(opened: _Opened, claim: Claim, common: dict[str, Any]) -> compose.Mail:
    office, file = opened.office, opened.file
    common |= _about(opened, claim.to)
    if claim.mail_type is MailType.REFERRAL:
        others = tuple(office.policy.authority(a).name for a in file.case.referred if a != claim.to)
        dossier = _dossier(opened, claim.to)
        first = file.case.contact_started_at
        return compose.Referral(**common, first_written_at=first, others_told=others, dossier=dossier)
    return _later_fact_to(opened, claim.to, claim.queued_at, common)


def _about(opened: _Opened, authority_id: str) -> dict[str, str]:
    first_entry = ledger.one(opened.office.store, opened.connection, opened.file.id, 1)
    organisation = first_entry.organisation if isinstance(first_entry, e.CaseOpened) else ""
    return {"authority": opened.office.policy.authority(authority_id).name, "organisation": organisation}


def _later_fact_to(opened: _Opened, authority_id: str, at: datetime, common: dict[str, Any]) -> compose.LaterFact:
    reference = references.of_authorities(opened.office, opened.connection, opened.file.id).get(authority_id, "")
    return compose.LaterFact(**common, fact=_later_fact(opened.file), at=at, reference=reference)


def _dossier(opened: _Opened, authority_id: str) -> str:
    for entry in ledger.read(opened.office.store, opened.connection, opened.file.id, parts=ledger.EVERY_PART):
        if isinstance(entry.event, e.AuthorityReferred) and entry.event.authority_id == authority_id:
            return entry.event.dossier
    raise Unsendable("no_dossier")


def _later_fact(file: CaseFile) -> dict[Language, str]:
    """Where the organisation's answers stand, in words: all of it, so that an older mail in flight misleads nobody."""
    axes = (Axis.ACKNOWLEDGEMENT, Axis.REMEDIATION)
    said = {lang: [state_word(axis, file.case.state(axis), lang) for axis in axes] for lang in Language}
    at = file.case.acknowledged_at
    words = {lang: "; ".join(said[lang]) + (f" ({format_when(at, lang)})" if at else "") for lang in Language}
    for added in _taken_back(file.case):
        words = {lang: f"{words[lang]}. {translate(lang, added)}" for lang in Language}
    return words


def _taken_back(case: Case) -> Iterator[str]:
    if case.corrected_at:
        yield N_("Correction: the organisation contested the alert, and we agree")
    if case.withdrawn_at:
        yield N_("Correction: we have withdrawn the alert; it was unfounded, or concerns another organisation")
    if case.state(Axis.PUBLICITY) == "published":
        yield N_("We have published a text about it")
    if case.state(Axis.PUBLICITY) == "retracted":
        yield N_("We have retracted what we had published about it")


# --- what a person says or posts, where no mail of ours goes (R37a) ---


def later_fact_by_hand(
    office: Office, connection: Connection, file: CaseFile, authority_id: str, at: datetime, now: datetime
) -> str:
    """The words that a mail to this authority would have, in its language (R39)."""
    opened = _Opened(office, connection, file, now)
    common = _common(opened, service_fingerprint(office, now)) | _about(opened, authority_id)
    mail = _later_fact_to(opened, authority_id, at, common)
    text = compose.compose(mail, office.policy.language_of_authority(authority_id))
    return f"{text.subject}\n\n{text.body}"


def contact_by_hand(
    office: Office, connection: Connection, file: CaseFile, who: str, now: datetime, *, fingerprint: bool
) -> byhand.ContactByHand:
    """R19 for a letter, a form and a call. ``who``: the coordinator who speaks."""
    opened = _Opened(office, connection, file, now)
    common = _common(opened, service_fingerprint(office, now) if fingerprint else "")
    sender = replace(common["sender"], coordinator=recipients.coordinator_name(connection, who))
    announces = file.rules.policy.announce_in_first_mail
    return byhand.ContactByHand(sender, common["number"], opened.domain, announces=announces)


# --- previews for the desk ---


def preview_contact_request(office: Office, case_id: str, contact_id: str, now: datetime) -> Preview:
    """Exactly what will leave to this contact, with marks where link and code will stand."""
    return _preview(office, case_id, contact_id, MailType.CONTACT_REQUEST, now)


def preview_notice(office: Office, case_id: str, person_id: str, now: datetime) -> Preview:
    """The notice as drafted, as this person would get it: encrypted to the certificate, or on the case page."""
    return _preview(office, case_id, person_id, MailType.NOTICE, now)


def preview_forward_request(office: Office, case_id: str, contact_id: str, now: datetime) -> Preview:
    """Exactly what will leave to this intermediary (R14b)."""
    return _preview(office, case_id, contact_id, MailType.FORWARD_REQUEST, now)


def preview_publication(office: Office, case_id: str, to: str, not_before: datetime, now: datetime) -> Preview:
    """The heads-up as this recipient would get it, with that date (R46)."""
    announced = e.PublicationAnnounced(not_before=not_before)
    return _preview(office, case_id, to, MailType.PUBLICATION_HEADS_UP, now, first=[(e.MACHINE, announced)])


def _recipient_of_preview(office: Office, connection: Connection, file: CaseFile, to: str) -> Recipient:
    """As the mail would find them; a notice is looked at before it is released."""
    held = MailType.NOTICE_READY if to in file.case.persons else MailType.CONTACT_REQUEST
    return _recipient(office, connection, file, held, to)


def _preview(
    office: Office, case_id: str, to: str, mail_type: MailType, now: datetime, *, first: Sequence[Fact] = ()
) -> Preview:
    """``first``: what the act itself records before the mail is composed."""
    fingerprint, lock = service_fingerprint(office, now), _Lock()
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id).after(now, first)
        opened = _Opened(office, connection, file, now)
        recipient = _recipient_of_preview(office, connection, file, to)
        language = office.policy.language_for(file.case, to)
        door = Door(f"{office.settings.public_url}/a/…", "•••••-•••••")
        common = _common(opened, fingerprint)
        doorless = _without_door(opened, mail_type, common, now)
        common |= {"door": door}
        if doorless:
            mail: compose.Mail = doorless
        elif mail_type is MailType.NOTICE:
            drafted = ledger.one(office.store, connection, case_id, file.case.draft_seq)
            text = NoticeText.read(drafted.draft) if isinstance(drafted, e.NoticeDrafted) else None
            if text is None:
                raise Unsendable("no_draft")
            pictures = noticepictures.copies(office, case_id, text.pictures)
            opened = replace(opened, file=_as_released(file, to, text, now))
            mail = _notice_of(opened, text, pictures, common)
        else:
            lock = _lock(opened, recipient)
            mail = _with_door(opened, mail_type, to, common, lock)
    composed: MailText = compose.compose(mail, language)
    encrypted = lock.verdict is not None or (mail_type is MailType.NOTICE and bool(recipient.fingerprint))
    return Preview(
        composed.subject,
        composed.body,
        str(recipient.address),
        language,
        fingerprint,
        (recipient.fingerprint,) if encrypted else (),
        lock.why_not,
    )


def _as_released(file: CaseFile, person_id: str, text: NoticeText, now: datetime) -> CaseFile:
    """The case as it would be a moment after the release: the notice names the dates that its clock will give (R34)."""
    person = file.case.persons[person_id]
    if person.standing < Standing.S2:
        return file  # the page says that it cannot be released
    released = e.NoticeReleased(
        person_id=person_id,
        standing=person.standing,
        fingerprint=person.fingerprint,
        personal_data_masked=True,
        source_unrecognisable=True,
        text=text.to_text(),
    )
    return file.after(now, [(e.MACHINE, released)])


def service_fingerprint(office: Office, now: datetime) -> str:
    """From the public certificate, so that web processes need no secret and no pgpy."""
    return judge_safely(office.service_certificate_path.read_bytes(), address=None, now=now).fingerprint
