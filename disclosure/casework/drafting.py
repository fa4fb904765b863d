"""One mail of a case in words: who it goes to and what it says, by its type; nothing is closed or signed here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from disclosure.casework import conversing, noticemail, recipients
from disclosure.casework.authoritymail import to_authority
from disclosure.casework.casefile import CaseFile
from disclosure.casework.linking import NewLink, sign
from disclosure.casework.locking import Lock, lock_of
from disclosure.casework.notices import defang
from disclosure.casework.office import Office, new_code
from disclosure.casework.opened import Opened, common_of
from disclosure.casework.outboxrows import Claim
from disclosure.casework.recipients import Recipient, Unsendable
from disclosure.mail import compose
from disclosure.mail.compose import Door
from disclosure.mail.pgpmime import Attachment
from disclosure.protocol.codes import FIRST_MAILS, MailType, Rung
from disclosure.protocol.ladder import profile_of
from disclosure.protocol.values import Purpose
from disclosure.protocol.worktime import add

LINK_LIFETIME = timedelta(days=180)  # ours: a letter's answer may take months; R25 lets us revoke earlier
CODE_LIFETIME = timedelta(hours=24)
# R29: their content is for one person in the state that a release named.
_TO_THE_RELEASED = frozenset({MailType.NOTICE, MailType.ANSWER})


@dataclass(frozen=True)
class Draft:
    """A mail that is composed but not yet closed."""

    mail: compose.Mail
    recipient: Recipient
    link: NewLink | None = None
    code: str = ""
    attachments: tuple[Attachment, ...] = ()
    lock: Lock = field(default_factory=Lock)

    @property
    def encrypted_to(self) -> tuple[str, ...]:
        return self.lock.verdict.encrypts_to if self.lock.verdict else ()


def recipient_of(office: Office, connection: Connection, file: CaseFile, mail_type: MailType, to: str) -> Recipient:
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


def draft_of(opened: Opened, claim: Claim, fingerprint: str) -> Draft:
    office, file = opened.office, opened.file
    recipient = recipient_of(office, opened.connection, file, claim.mail_type, claim.to)
    common = common_of(opened, fingerprint)
    if claim.mail_type is MailType.SECOND_CODE:
        code, hours = new_code(), int(CODE_LIFETIME.total_seconds()) // 3600
        return Draft(compose.SecondCode(**common, code=code, hours=hours), recipient, code=code)
    if claim.mail_type in {MailType.REFERRAL, MailType.LATER_FACT}:
        return Draft(to_authority(opened, claim, common), recipient)
    doorless = without_door(opened, claim.mail_type, common, claim.queued_at)
    if doorless:
        return Draft(doorless, recipient)
    purpose = Purpose.NOTICE if claim.to in file.case.persons else Purpose.CONFIRM
    link = sign(office, purpose, file.id, claim.to, mail_id=claim.id, expires_at=opened.now + LINK_LIFETIME)
    door = Door(f"{office.settings.public_url}/a/{link.token}", link.code)
    queued = file.case.mails.get(claim.id)
    lock = Lock(why_not="refused_as_ciphertext") if claim.signed_only else lock_of(opened, recipient)
    rung = queued.rung if queued else None
    opened = replace(opened, queued_at=claim.queued_at)
    mail = with_door(opened, claim.mail_type, claim.to, common | {"door": door}, lock, rung=rung)
    attachments = noticemail.attachments(opened, claim.to) if claim.mail_type is MailType.NOTICE else ()
    return Draft(mail, recipient, link, attachments=attachments, lock=lock)


def without_door(
    opened: Opened, mail_type: MailType, common: dict[str, Any], queued_at: datetime
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


def with_door(
    opened: Opened, mail_type: MailType, to: str, common: dict[str, Any], lock: Lock, *, rung: Rung | None = None
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
            return noticemail.notice(opened, to, common)
        case MailType.HEADS_UP:
            at_once = rung is Rung.AT_ONCE_HEADS_UP
            at, told = noticemail.announced(opened.office, opened.file, now, at_once=at_once)
            return compose.HeadsUp(**common, domain=opened.domain, authorities=told, at=at or now, at_once=at_once)
    return _further_with_door(opened, mail_type, to, common)


def _further_with_door(opened: Opened, mail_type: MailType, to: str, common: dict[str, Any]) -> compose.Mail:
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
