"""Reports that say what they are by MIME type: delivery (RFC 3464, 6533), reading (RFC 8098), abuse (RFC 5965), TLS
(RFC 8460), DMARC (RFC 7489)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from disclosure.mail import fields
from disclosure.mail.mime import Header, Part, header_of
from disclosure.mail.received import FailedRecipient, MailClass

MOST_RECIPIENTS = 100
_CODE_POINTS = 0x110000
_MOST_STATUS = 131_072  # bytes of one status part
_STATUS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_REPLY = re.compile(r"(?:^|[;\s])([245])\d\d(?=[\s-])")
_DELIVERY = frozenset({"message/delivery-status", "message/global-delivery-status"})
_DISPOSITION = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_ORIGINAL = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers"}
)
_DMARC_FILE = re.compile(
    r"[\w.-]{1,255}![\w.-]{1,255}!\d{6,12}!\d{6,12}(![\w.-]{1,100})?\.(xml|xml\.gz|zip|gz)", re.IGNORECASE
)


@dataclass(frozen=True)
class Found:
    """What a message is, and what decided it."""

    mail_class: MailClass
    because: str
    recipients: tuple[FailedRecipient, ...] = ()
    unsure: bool = False
    envelope_id: str = ""
    references: tuple[str, ...] = field(default=())


def report(root: Part, *, machine: bool) -> Found | None:
    """What the MIME types of ``root`` say. ``machine``: its header shows that no person sent it, so that a report which
    stands in a plain multipart counts too; a person's forwarded one does not."""
    # Inside a signature or a list's footer a report is still one; inside message/rfc822 it is somebody else's.
    body = root
    if root.media_type != "multipart/report":
        body = next((part for part in root.parts if part.media_type == "multipart/report" and machine), root)
    reports = body.media_type == "multipart/report"
    kinds = {part.media_type: part for part in reversed(body.parts)}
    if reports or machine:
        for types, reader in ((_DELIVERY, _delivery), (_DISPOSITION, _disposition)):
            part = next((kinds[kind] for kind in kinds if kind in types), None)
            if part:
                return reader(part, originals(root))
    if reports and "message/feedback-report" in kinds:
        return Found(MailClass.ARF, "report_type", references=originals(root))
    return _aggregate(root, body) or (_typed(body, originals(root)) if reports else None)


def _aggregate(root: Part, body: Part) -> Found | None:
    """TLS and DMARC reports, which carry a compressed file."""
    leaves = [part for part in root.walk() if not part.parts]
    tls = any(part.media_type in {"application/tlsrpt+gzip", "application/tlsrpt+json"} for part in leaves)
    if tls or (body.media_type == "multipart/report" and body.parameters.get("report-type", "").lower() == "tlsrpt"):
        return Found(MailClass.REPORT_TLS, "report_type")
    forwarded = re.match(r"\s*(re|fwd?|tr|wg|aw|rv)\s*:", root.header.get("subject"), re.IGNORECASE)
    if not forwarded and any(_DMARC_FILE.fullmatch(part.name) for part in leaves):
        return Found(MailClass.REPORT_DMARC, "report_type")
    return None


def _typed(body: Part, references: tuple[str, ...]) -> Found | None:
    """A report that says its type and lacks the part that goes with it."""
    kind = body.parameters.get("report-type", "").lower()
    if kind == "feedback-report":
        return Found(MailClass.ARF, "report_type", references=references)
    if kind == "disposition-notification":
        return Found(MailClass.AUTO_REPLY, "report_type", unsure=True, references=references)
    return None


# --- delivery --------------------------------------------------------------------------------------------------------


def _delivery(part: Part, references: tuple[str, ...]) -> Found:
    envelope_id, recipients = "", list[FailedRecipient]()
    for block in _blocks(part):
        envelope_id = envelope_id or fields.printable(fields.xtext(block.get("original-envelope-id")), 200)
        if block.names & {"final-recipient", "original-recipient", "action"} and len(recipients) < MOST_RECIPIENTS:
            recipients.append(_recipient(block))
    mail_class, mixed = worst(recipients)
    return Found(mail_class, "report_type", tuple(recipients), mixed, envelope_id, references)


def _blocks(part: Part) -> Iterator[Header]:
    """Groups of fields; a second Final-Recipient without an empty line between begins a group of its own."""
    for count, block in enumerate(re.split(rb"\r?\n[ \t]*\r?\n", part.content(_MOST_STATUS))):
        if count > 2 * MOST_RECIPIENTS:
            return
        entries, seen = list[tuple[str, str]](), set[str]()
        for name, value in header_of(block.lstrip(b"\r\n") + b"\n").entries:
            if name in seen & {"final-recipient", "original-recipient"}:
                yield Header(tuple(entries))
                entries, seen = [], set()
            entries.append((name, value))
            seen.add(name)
        if entries:
            yield Header(tuple(entries))


def _recipient(block: Header) -> FailedRecipient:
    diagnostic = fields.printable(fields.words(block.get("diagnostic-code")), 500)
    found = _STATUS.search(block.get("status")) or _STATUS.search(diagnostic)
    # As we wrote it, where the report says so: an alias's target is nobody we know.
    address = _address(block.get("original-recipient")) or _address(block.get("final-recipient"))
    action = fields.printable(fields.keyword(block.get("action")).split(" ")[0], 40)
    if not action and found:
        action = {"2": "delivered", "4": "delayed", "5": "failed"}[found[1]]
    status = found[0] if found else ""
    if not status and (reply := _REPLY.search(diagnostic)):
        status = f"{reply[1]}.0.0"
    return FailedRecipient(address, "failed" if action == "error" else action, status, diagnostic)


def _address(value: str) -> str:
    """Of ``rfc822; a@b`` or ``utf-8; …`` (RFC 6533 section 3: ``\\x{…}`` is a character)."""
    kind, separator, text = value.partition(";")
    text = (text if separator else kind).strip().strip("<>").strip()
    text = re.sub(r"\\x\{([0-9A-Fa-f]{2,6})\}", lambda found: _character(found[1]), text)
    found = next(fields.addresses(text), "")
    return fields.printable(found, 320) if found else fields.printable(text, 320) if "@" in text else ""


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number < _CODE_POINTS else ""


def worst(recipients: list[FailedRecipient]) -> tuple[MailClass, bool]:
    """The class of what matters most, and whether some got it and others did not: then a person looks."""
    classes = {_class(one) for one in recipients}
    order = (
        *(MailClass.BOUNCE_PERMANENT, MailClass.BOUNCE_TEMPORARY, MailClass.BOUNCE_DELAYED),
        *(MailClass.DSN_RELAYED, MailClass.DSN_DELIVERED),
    )
    found = next((one for one in order if one in classes), MailClass.BOUNCE_UNPARSED)
    reached = classes & {MailClass.DSN_RELAYED, MailClass.DSN_DELIVERED}
    return found, found is MailClass.BOUNCE_UNPARSED or bool(reached and found in order[:3])


def _class(one: FailedRecipient) -> MailClass:
    if one.action == "failed":  # with 4.x.x: the sending system tried until it gave up
        return MailClass.BOUNCE_TEMPORARY if one.status.startswith("4") else MailClass.BOUNCE_PERMANENT
    return {
        "delayed": MailClass.BOUNCE_DELAYED,
        "delivered": MailClass.DSN_DELIVERED,
        "relayed": MailClass.DSN_RELAYED,
        "expanded": MailClass.DSN_RELAYED,  # to a list's members: no further report will come (RFC 3464, 2.3.3)
    }.get(one.action, MailClass.BOUNCE_UNPARSED)


# --- reading ---------------------------------------------------------------------------------------------------------


def _disposition(part: Part, references: tuple[str, ...]) -> Found:
    block = header_of(part.content(_MOST_STATUS) + b"\n")
    said = fields.without_comments(block.get("disposition")).lower().replace(" ", "")
    kind = said.split(";")[-1].split("/")[0]
    own = tuple(fields.message_ids(block.get("original-message-id")))
    recipient = _address(block.get("original-recipient")) or _address(block.get("final-recipient"))
    mail_class = {"displayed": MailClass.MDN_DISPLAYED, "deleted": MailClass.MDN_DELETED}.get(kind)
    told = (FailedRecipient(recipient, fields.printable(kind, 40), "", ""),) if recipient else ()
    references = tuple(dict.fromkeys(own + references))
    # Processed, dispatched, denied: a machine's word about itself, and nobody saw anything.
    return Found(mail_class or MailClass.AUTO_REPLY, "report_type", told, mail_class is None, "", references)


def originals(root: Part) -> tuple[str, ...]:
    """Message-IDs of the messages that came back with this one."""
    found = list[str]()
    for part in root.walk():
        if part.media_type in _ORIGINAL:
            found += fields.message_ids(header_of(part.content(65_536).lstrip(b"\r\n") + b"\n").get("message-id"))
    return tuple(dict.fromkeys(found))
