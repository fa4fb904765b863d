"""Bounces in words: of mail systems that send no report (qmail, Exim, Exchange, older Gmail), or a broken one.

flufl.bounce is the last step: it finds more addresses than we do in odd formats, and it takes some mail of people for
bounces (mail facts 3.3). It gets a flat message of what we read, never the stranger's own structure.
"""

from __future__ import annotations

import re
from email.message import Message

from disclosure.mail import fields, phrases
from disclosure.mail.bodytext import fold
from disclosure.mail.deliveryreports import MOST_RECIPIENTS, Found
from disclosure.mail.mime import Part
from disclosure.mail.received import FailedRecipient, MailClass

_MOST_READ = 8_192  # characters: what a system says stands before what it returns
_MOST_SCANNED = 32_768
_COPY = re.compile(
    r"(?im)^[ \t>]*(-{2,}[ \t]*(below this line|this is a copy|original message|the following"
    r"|returned message|message header)"
    r"|-{5,}[ \t]*this is a copy|original message headers|en-tetes|ursprungliche kopfzeilen|received:[ \t])"
)
_CODE = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_REPLY = re.compile(r"(?<![\d.:-])([45])\d\d(?=[ -][\w<])")
_MESSAGE_ID = re.compile(r"(?im)^[> \t]{0,8}message-id:[ \t\n]{0,4}(<[^<>\s]{3,250}>)")
_DAEMONS = frozenset(
    {"mailer-daemon", "mailerdaemon", "postmaster", "mail-daemon", "mdaemon", "microsoftexchange", "mailsystem"}
)


_DELAYED = phrases.listed(
    """
    will continue to try | will be retried | will keep trying | has not yet been delivered |
    not been delivered yet | no action is required on your part | you do not need to resend |
    do not need to resend | delivery attempts will continue | is still being tried | delayed |
    weitere zustellversuche | verzogert | nouvelle tentative | sera retente | n'a pas encore ete |
    nouvelles tentatives | il n'est pas necessaire de renvoyer | se seguira intentando | 引き続き
    """
)

_FAILED = phrases.listed(
    """
    could not be delivered | couldn't be delivered | wasn't delivered | was not delivered | was undeliverable |
    is undeliverable | did not reach | unable to deliver | wasn't able to deliver | failed permanently |
    permanent error | permanent failure | delivery to the following recipient | returned to sender |
    i've given up | giving up | user unknown | no such user | does not exist | mailbox unavailable |
    unknown user | mailbox full | address not found | message blocked | recipient rejected | mailbox is full |
    over quota | has failed | delivery failed | n'a pas pu etre | n'a pas ete remis | impossible de remettre |
    n'existe pas | adresse introuvable | boite aux lettres est pleine | boite pleine | utilisateur inconnu |
    konnte nicht zugestellt | nicht zugestellt werden | existiert nicht | empfanger unbekannt |
    postfach ist voll | no se pudo entregar | no ha podido ser | no se ha podido entregar | no existe |
    usuario desconocido | buzon lleno | 配信できませんでした | 配信されませんでした | 届けられませんでした |
    存在しません
    """
)


def from_daemon(address: str, name: str) -> bool:
    """Whether the sender is a mail system by name; ``MicrosoftExchange329e…@`` is Exchange's."""
    local = address.split("@", maxsplit=1)[0].lower()
    return local in _DAEMONS or local.startswith("microsoftexchange") or "mail delivery s" in name.lower()


def told(root: Part, text: str, *, because: str) -> Found:
    """What a system that reports in words says; ``bounce_unparsed`` when nothing is clear."""
    said = text[:_MOST_READ]
    copy = _COPY.search(said)
    said = said[: copy.start()] if copy and copy.start() > 40 else said  # noqa: PLR2004 - a report has a sentence
    folded = " ".join(fold(said).split())
    subject = fold(fields.words(root.header.get("subject")))
    recipients = _recipients(root, said)
    mail_class = _class(subject, folded)
    if mail_class is MailClass.BOUNCE_UNPARSED or not recipients:
        scanned = scan(root, text)
        if scanned and mail_class is MailClass.BOUNCE_UNPARSED:
            mail_class, because = scanned.mail_class, "flufl"
        recipients = recipients or [one.address for one in scanned.recipients] if scanned else recipients
    found = tuple(_failed(address, mail_class, folded) for address in recipients)
    references = tuple(dict.fromkeys(_MESSAGE_ID.findall(text)))
    return Found(mail_class, because, found, mail_class is MailClass.BOUNCE_UNPARSED, references=references)


def _class(subject: str, said: str) -> MailClass:
    codes = [found[1] for found in _CODE.finditer(said)] or [found[1] for found in _REPLY.finditer(said)]
    delayed = phrases.begins(subject, phrases.SUBJECTS[MailClass.BOUNCE_DELAYED]) or phrases.says(said, _DELAYED) > 1
    gave_up = phrases.says(
        said, ("giving up", "i've given up", "will not be retried", "gave up", "permanent error", "no further attempts")
    )
    if delayed and not gave_up and "5" not in codes:
        return MailClass.BOUNCE_DELAYED
    if codes:
        if "5" in codes:
            return MailClass.BOUNCE_PERMANENT
        if "4" in codes:
            return MailClass.BOUNCE_TEMPORARY
    if phrases.says(
        said,
        (
            "timed out",
            "timeout",
            "retry time",
            "retry timeout exceeded",
            "temporar",
            "too long",
            "delai depasse",
            "queue too long",
        ),
    ):
        return MailClass.BOUNCE_TEMPORARY
    if phrases.says(said, _FAILED) or phrases.begins(subject, phrases.SUBJECTS[MailClass.BOUNCE_PERMANENT]):
        return MailClass.BOUNCE_PERMANENT
    return MailClass.BOUNCE_DELAYED if phrases.says(said, _DELAYED) else MailClass.BOUNCE_UNPARSED


def _recipients(root: Part, said: str) -> list[str]:
    named = [one for value in root.header.all("x-failed-recipients") for one in fields.addresses(value)]
    if not named:
        ours = {one.lower() for name in ("to", "from", "cc") for one in fields.addresses(root.header.get(name))}
        named = [one.rstrip(".") for one in fields.addresses(said) if one.lower().rstrip(".") not in ours]
    return list(dict.fromkeys(named))[:MOST_RECIPIENTS]


def _failed(address: str, mail_class: MailClass, said: str) -> FailedRecipient:
    code = _CODE.search(said)
    at = max(said.find(address.lower()), 0)
    action = "delayed" if mail_class is MailClass.BOUNCE_DELAYED else "failed"
    return FailedRecipient(
        fields.printable(address, 320), action, code[0] if code else "", fields.printable(said[at:], 500)
    )


def scan(root: Part, text: str) -> Found | None:
    """flufl.bounce's word about what we read."""
    from flufl.bounce import all_failures  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 - the web loads none of it

    try:
        temporary, permanent = all_failures(_flat(root, text))
    except Exception:  # heuristics over strangers' mail: what breaks them has told us nothing
        return None
    mail_class = MailClass.BOUNCE_PERMANENT if permanent else MailClass.BOUNCE_TEMPORARY
    named = sorted(one.decode("ascii", "replace") for one in (permanent or temporary))[:MOST_RECIPIENTS]
    told = [FailedRecipient(fields.printable(one, 320), "failed", "", "") for one in named]
    return Found(mail_class, "flufl", tuple(told), unsure=True) if told else None


def _flat(root: Part, text: str) -> Message:
    """One level of parts, each of at most 32 KB, under the fields that the detectors look at."""
    message = Message()
    for name in ("From", "To", "Subject", "Return-Path", "X-Failed-Recipients", "Date", "X-Mailer"):
        if value := root.header.get(name.lower()):
            message[name] = fields.printable(value)
    leaves = [part for part in root.walk() if not part.parts and part.media_type in {"text/plain", "text/html"}][:10]
    kind = root.media_type if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", root.media_type, re.ASCII) else "text/plain"
    if not root.parts:
        message["Content-Type"] = kind if kind.startswith("text/") else "text/plain"
        message.set_payload(text[:_MOST_SCANNED].encode("ascii", "replace").decode())
        return message
    message["Content-Type"] = kind
    message.set_payload([])
    for part in leaves:
        one = Message()
        one["Content-Type"] = part.media_type
        one["Content-Description"] = fields.printable(part.header.get("content-description"), 80)
        one.set_payload(part.text(_MOST_SCANNED).encode("ascii", "replace").decode())
        message.attach(one)
    return message
