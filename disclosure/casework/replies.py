"""A person's mail, opened: deciphered where it is ciphertext, its signature judged, what is new in it (R19, R27).

No transaction is open here. What cannot be opened is said so, and nothing of it is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from disclosure.casework import keys
from disclosure.casework.office import Office
from disclosure.casework.quoting import own_words, repeats
from disclosure.mail import inbound
from disclosure.mail.inbound import Received
from disclosure.openpgp import reader
from disclosure.openpgp.opened import FOR_ANOTHER
from disclosure.openpgp.reader import Opened, Signed

_METHOD = re.compile(r"\b(dmarc|dkim|spf)\s*=\s*([a-z]+)", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Reply:
    """``unread``: why the ciphertext could not be opened. ``signed``: good, bad, unknown_key, for_another, or empty."""

    words: str
    sender: str
    subject: str
    authenticated: str
    encrypted: bool = False
    unread: str = ""
    signed: str = ""
    signer: str = ""
    quotes_notice: bool = False
    attachments: int = 0


def opened(
    office: Office, received: Received, certificates: Sequence[bytes], notice: Sequence[str], now: datetime
) -> Reply:
    """``certificates``: of whom we know in the case. ``notice``: texts that must not stand in a clear mail."""
    plain = Reply(
        own_words(received.text),
        f"{received.sender_name} <{received.sender_address}>".strip(),
        received.subject,
        authenticated(received.authentication),
        attachments=len(received.attachments),
    )
    if received.openpgp:
        return _deciphered(office, received, plain, certificates, now)
    signed, signer = "", ""
    if received.signature:
        said, signer, weak = reader.check_signature_safely(
            received.signed, received.signature, certificates=certificates, now=now
        )
        signed = _signed(said, weak)
    return replace(plain, signed=signed, signer=signer, quotes_notice=repeats(received.text, notice))


def _deciphered(
    office: Office, received: Received, plain: Reply, certificates: Sequence[bytes], now: datetime
) -> Reply:
    secrets = keys.service_secrets(office)
    said = reader.open_safely(received.openpgp, secrets=secrets, certificates=certificates, now=now)
    if not isinstance(said, Opened):
        return replace(plain, words="", encrypted=True, unread=str(said.reason))
    inner = inbound.read_safely(said.content) if _is_entity(said.content) else None
    text = inner.text if inner else said.content.decode("utf-8", "replace")
    # What stands in the clear beside the ciphertext is anybody's: only the inside is shown as what was said.
    return replace(
        plain,
        words=own_words(text),
        subject=(inner.subject if inner and inner.subject else plain.subject),
        encrypted=True,
        signed=_signed(said.signed, said.weak if _names_us(office, inner) else FOR_ANOTHER),
        signer=said.signer,
        attachments=len(inner.attachments) if inner else 0,
    )


def _is_entity(content: bytes) -> bool:
    """PGP/MIME holds a MIME entity; inline ciphertext holds words."""
    head = content[:4096].lower()
    return head.startswith(b"content-type:") or b"\ncontent-type:" in head.split(b"\r\n\r\n")[0].split(b"\n\n")[0]


def _names_us(office: Office, inner: Received | None) -> bool:
    """Signed text says who wrote it and not to whom: somebody may have encrypted another's mail to us anew."""
    mail = office.settings.mail
    ours = {str(mail.from_address).lower()}
    named = inner.addressed if inner else ()
    return not named or any(one in ours or one.endswith(f"@{mail.domain}") for one in named)


def _signed(said: Signed, weak: str) -> str:
    if said is Signed.NONE:
        return ""
    return FOR_ANOTHER if weak == FOR_ANOTHER else str(said)


def authenticated(findings: Sequence[str]) -> str:
    """What our own relay found (RFC 8601): pass by DMARC; fail; or none, where nothing vouches for the visible name."""
    said: dict[str, set[str]] = {}
    for finding in findings:
        bare = _COMMENT.sub(" ", finding)
        for method, result in _METHOD.findall(bare):
            said.setdefault(method.lower(), set()).add(result.lower())
    if "dmarc" in said and said["dmarc"] != {"none"}:
        return "pass" if said["dmarc"] == {"pass"} else "fail"
    if not said:
        return "none"
    # Without DMARC nothing ties what passed to the name that people see.
    return "fail" if any("fail" in results for results in said.values()) else "none"
