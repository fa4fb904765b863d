"""From a queued recipe to fixed bytes: who it goes to, what it says, its link and code, signed or encrypted.

No transaction is open here. What goes to a contact holds no detail: it is encrypted where a judged certificate of the
contact exists, else signed only (R19). A notice or a referral leaves only as ciphertext; where the certificate is not
usable any more the mail is unsendable and a person decides, never a fall-back to clear text (R20).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from email.headerregistry import Address as Mailbox

from disclosure.casework import casefile, keys, recipients
from disclosure.casework.drafting import CODE_LIFETIME, Draft, draft_of, recipient_of
from disclosure.casework.locking import Lock, judged
from disclosure.casework.office import Office
from disclosure.casework.opened import Opened
from disclosure.casework.outboxrows import Claim
from disclosure.mail import compose, pgpmime
from disclosure.mail.pgpmime import Envelope, random_token
from disclosure.protocol.codes import MailType
from disclosure.protocol.values import Address

ENCRYPTED = frozenset({MailType.NOTICE, MailType.ANSWER, MailType.REFERRAL, MailType.LATER_FACT})


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


def prepare(office: Office, claim: Claim, now: datetime) -> Prepared:
    """Compose, judge, sign, encrypt. Raises Unsendable with a code that the desk shows."""
    key = keys.service_key(office)
    if claim.case_id is None or not claim.of_a_case:
        with office.store.reading() as connection:
            recipient, language = recipients.of_coordinator(connection, claim.to)
        draft = Draft(compose.CoordinatorsCalled(f"{office.settings.public_url}/desk/"), recipient)
    else:
        language = claim.language
        with office.store.reading() as connection:
            file = claim.file or casefile.load(office, connection, claim.case_id)
            draft = draft_of(Opened(office, connection, file, now), claim, key.fingerprint)
    text = compose.compose(draft.mail, language)
    envelope, tokens = _envelope(office, draft.recipient.address, now)
    if claim.mail_type in ENCRYPTED:
        draft = replace(draft, lock=Lock(judged(draft.recipient, now)))
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
        judged(recipient_of(office, connection, file, claim.mail_type, claim.to), now)


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


def _code_row(office: Office, claim: Claim, draft: Draft, now: datetime) -> dict[str, object]:
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
