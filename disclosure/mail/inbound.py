"""A message that arrived, read and classified: pure, bounded, never raises (design.md section 6, mail facts 3.3).

The order: report by MIME type, RFC 3834, vendors' fields, null return path, words in the new text, flufl.bounce. What
is unsure says so. A machine's mail is never an acknowledgement, and a person's is none by itself (R27).
"""

from __future__ import annotations

import atexit
import json
from collections.abc import Collection
from dataclasses import replace

from disclosure.mail import bodytext, bounces, envelope, fields, robots, wording
from disclosure.mail.deliveryreports import Found, report
from disclosure.mail.mime import Part, TooMuch, header_of, parse
from disclosure.mail.received import Attached, FailedRecipient, MailClass, Received, quarantined
from disclosure.mail.wording import Wording
from disclosure.openpgp.child import Child, OverLimit

__all__ = ["MOST_BYTES", "Attached", "FailedRecipient", "MailClass", "Received", "read", "read_safely"]

MOST_BYTES = 25 * 1024 * 1024
_PROOF = 2


def read(
    message: bytes, *, tokens: Collection[str] = (), message_ids: Collection[str] = (), authserv_id: str = ""
) -> Received:
    """What ``message`` is. ``tokens`` and ``message_ids``: what we used outgoing; none given, form alone decides.

    ``authserv_id``: our relay's name in Authentication-Results. Never raises.
    """
    if len(message) > MOST_BYTES:
        return quarantined("too_large")
    try:
        return _read(message, tokens, message_ids, authserv_id)
    except TooMuch:
        return envelope.outside(header_of(message), quarantined("over_limit"))
    except Exception:  # one message must never stop the others; the quarantine view shows it
        return quarantined("reader_broke")


def _read(message: bytes, tokens: Collection[str], message_ids: Collection[str], authserv_id: str) -> Received:
    root = parse(message)
    marked, _ = bodytext.text_of(root)
    text = bodytext.shown(marked)
    found = _classified(root, marked, text)
    octets, signature = envelope.signed(root)
    seen = envelope.outside(root.header, Received(found.mail_class, found.because, found.unsure))
    references = tuple(dict.fromkeys((*found.references, *seen.references)))
    matched = envelope.matches(seen.tokens, references, tokens, message_ids)
    mail_class, because, unsure = _placed(root, found, matched, bool(tokens or message_ids))
    return replace(
        seen,
        mail_class=mail_class,
        because=because,
        unsure=unsure,
        may_acknowledge=mail_class is MailClass.HUMAN_REPLY,
        recipients=found.recipients,
        references=references,
        envelope_id=found.envelope_id,
        text=text,
        attachments=envelope.attachments(root),
        openpgp=envelope.ciphertext(root, text),
        signed=octets,
        signature=signature,
        authentication=envelope.authentication(root.header, authserv_id),
    )


def _placed(root: Part, found: Found, matched: bool, asked: bool) -> tuple[MailClass, str, bool]:
    """Whether the mail has to do with us: lists and newsletters without a reference are unrelated."""
    header = root.header
    refers = matched if asked else "in-reply-to" in header.names or "references" in header.names
    soft = found.mail_class in {MailClass.HUMAN_REPLY, MailClass.AUTO_REPLY, MailClass.TICKET_AUTO_ACK}
    # A robot that answers is often bulk as well; a newsletter says how to leave it.
    leaves = (
        "list-unsubscribe" in header.names or "feedback-id" in header.names or found.mail_class is MailClass.HUMAN_REPLY
    )
    if soft and not refers and robots.bulk(header) and leaves:
        return MailClass.UNRELATED, "bulk", False
    if found.mail_class is MailClass.HUMAN_REPLY and asked and not matched:
        return MailClass.HUMAN_REPLY_UNMATCHED, found.because, found.unsure
    return found.mail_class, found.because, found.unsure


def _classified(root: Part, marked: str, text: str) -> Found:
    because = robots.automatic(root.header)
    reported = report(root, machine=bool(because))
    if reported:
        if reported.mail_class is MailClass.BOUNCE_UNPARSED:
            told = bounces.told(root, text, because="report_type")
            return replace(told, envelope_id=reported.envelope_id, references=reported.references or told.references)
        return reported
    words = wording.read(root.header, marked)
    return _by_machine(root, words, text, because) if because else _by_words(root, words, text)


def _by_machine(root: Part, words: Wording, text: str, because: str) -> Found:
    """No person sent it: which machine did?"""
    header = root.header
    kind, proof, clear = wording.kind(words)
    daemon = bounces.from_daemon(*fields.sender(header.get("from"))) or "x-failed-recipients" in header.names
    if robots.challenges(header):
        return Found(MailClass.CHALLENGE, because)
    if wording.refused_by_list(words):
        return Found(MailClass.BOUNCE_PERMANENT, because, unsure=True)
    if proof >= _PROOF and kind not in {MailClass.AUTO_REPLY, MailClass.TICKET_AUTO_ACK}:
        return Found(kind, because)
    if daemon or wording.bounced(words):
        return bounces.told(root, text, because=because)
    if proof >= _PROOF:
        return Found(kind, because, unsure=not clear or wording.work(words) > 1)
    if because == "null_return_path":
        told = bounces.told(root, text, because=because)
        return replace(told, unsure=True)
    kind = MailClass.TICKET_AUTO_ACK if proof or wording.suspicions(words) > 1 else MailClass.AUTO_REPLY
    return Found(kind, because, unsure=wording.work(words) > 0)


def _by_words(root: Part, words: Wording, text: str) -> Found:
    """The header is a person's: words decide, and doubt is said."""
    kind, proof, clear = wording.kind(words)
    person, suspicions = wording.work(words), wording.suspicions(words)
    if wording.refused_by_list(words) and not person:
        return Found(MailClass.BOUNCE_PERMANENT, "phrase", unsure=True)
    if proof >= _PROOF:
        machine = proof + suspicions > 2 * person
        return Found(
            kind if machine else MailClass.HUMAN_REPLY, "phrase", unsure=bool(person) or not machine or not clear
        )
    if wording.bounced(words) and not person:
        return replace(bounces.told(root, text, because="phrase"), unsure=True)
    if proof and suspicions and not person:
        return Found(MailClass.TICKET_AUTO_ACK, "phrase", unsure=True)
    if robots.nobody_reads(fields.sender(root.header.get("from"))[0]) and not person:
        return Found(MailClass.AUTO_REPLY, "sender", unsure=True)
    scanned = None if person or words.answers else bounces.scan(root, bodytext.new_text(text)[0])
    if scanned:
        return scanned
    # Robots say new things every day: who neither does nor asks anything, nor quotes us, nor encrypts, is doubted.
    doubt = not person and bool(
        proof or suspicions or not (words.quotes or "-----BEGIN PGP" in text or _encrypted(root))
    )
    return Found(MailClass.HUMAN_REPLY, "nothing_automatic", unsure=doubt)


def _encrypted(root: Part) -> bool:
    return root.media_type in {"multipart/encrypted", "multipart/signed"}


# --- in a child ------------------------------------------------------------------------------------------------------


def read_safely(
    message: bytes, *, tokens: Collection[str] = (), message_ids: Collection[str] = (), authserv_id: str = ""
) -> Received:
    """:func:`read` in a child with limits on CPU, memory and time. What breaks it or exceeds one is quarantined."""
    if len(message) > MOST_BYTES:
        return quarantined("too_large")
    asked = json.dumps({"tokens": list(tokens), "message_ids": list(message_ids), "authserv_id": authserv_id}).encode()
    try:
        answer = _CHILD.ask(len(asked).to_bytes(4, "big") + asked + message)
    except OverLimit:
        return quarantined("over_limit")
    return envelope.unpacked(answer) if answer else quarantined("reader_broke")


_CHILD = Child("disclosure.mail.inboundchild")
atexit.register(_CHILD.stop)
