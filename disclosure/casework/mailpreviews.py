"""What would leave, exactly, with marks where link and code will stand; and what a person says or posts (R37a)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from disclosure.casework import casefile, noticemail, noticepictures, recipients
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.drafting import recipient_of, with_door, without_door
from disclosure.casework.locking import Lock, lock_of
from disclosure.casework.notices import NoticeText
from disclosure.casework.office import Office
from disclosure.casework.opened import Opened, common_of, service_fingerprint
from disclosure.casework.recipients import Recipient, Unsendable
from disclosure.mail import byhand, compose
from disclosure.mail.compose import Door, MailText
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.values import Language, Standing
from disclosure.store import ledger


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
    return recipient_of(office, connection, file, held, to)


def _preview(
    office: Office, case_id: str, to: str, mail_type: MailType, now: datetime, *, first: Sequence[Fact] = ()
) -> Preview:
    """``first``: what the act itself records before the mail is composed."""
    fingerprint, lock = service_fingerprint(office, now), Lock()
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id).after(now, first)
        opened = Opened(office, connection, file, now)
        recipient = _recipient_of_preview(office, connection, file, to)
        language = office.policy.language_for(file.case, to)
        door = Door(f"{office.settings.public_url}/a/…", "•••••-•••••")
        common = common_of(opened, fingerprint)
        doorless = without_door(opened, mail_type, common, now)
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
            mail = noticemail.notice_of(opened, text, pictures, common)
        else:
            lock = lock_of(opened, recipient)
            mail = with_door(opened, mail_type, to, common, lock)
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


def contact_by_hand(
    office: Office, connection: Connection, file: CaseFile, who: str, now: datetime, *, fingerprint: bool
) -> byhand.ContactByHand:
    """R19 for a letter, a form and a call. ``who``: the coordinator who speaks."""
    opened = Opened(office, connection, file, now)
    common = common_of(opened, service_fingerprint(office, now) if fingerprint else "")
    sender = replace(common["sender"], coordinator=recipients.coordinator_name(connection, who))
    announces = file.rules.policy.announce_in_first_mail
    return byhand.ContactByHand(sender, common["number"], opened.domain, announces=announces)
