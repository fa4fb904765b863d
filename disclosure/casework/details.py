"""What an event holds beside its sentence, for the coordinator: label and value, codes in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any

from disclosure.casework import deskwords, incomingwords, words
from disclosure.casework.notices import NoticeText
from disclosure.casework.rows import Detail
from disclosure.casework.sight import Sight
from disclosure.casework.words import word
from disclosure.language import N_, format_when
from disclosure.protocol import events as e

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


def details_of(event: e.Event, sight: Sight) -> tuple[Detail, ...]:
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
