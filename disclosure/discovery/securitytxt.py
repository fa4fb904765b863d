"""RFC 9116: bytes to SecurityTxt. Strict in the report, lenient in the reading (CF-03). Pure and linear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from disclosure.discovery.cleartext import Verified, covered, text_of
from disclosure.discovery.contacts import Contact, Note, scheme_of
from disclosure.discovery.fields import Reading, read_line
from disclosure.discovery.names import organisational_domain, to_domain
from disclosure.discovery.problems import NEEDS_A_PERSON, REFUSES, Code, Level, Problem
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Channel

# RFC 9116 section 5.4 offers these limits; real files are under 2 kB.
MAX_BYTES = 32_768
MAX_LINES = 1_000
WELL_KNOWN = "/.well-known/security.txt"
LEGACY = "/security.txt"


class Usable(StrEnum):
    """Whether contacts may be used: yes, after a person looked, no."""

    YES = "yes"
    REVIEW = "review"
    NO = "no"


class Signature(StrEnum):
    """ST-24: good by a certificate at hand; bad, where that one did not sign this text; unchecked is neither."""

    NONE = "none"
    UNCHECKED = "unchecked"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class SecurityTxt:
    """What a file says. ``others`` are contact URIs that are shown and not offered (ST-14).

    ``signer``: fingerprint of the certificate by which the file is signed, or says that it is; ``signature_why``: code
    of why a signature is not good. Both are empty where nobody checked.
    ``canonical_match``: which URL of the retrieval the Canonical field names, "first" or "last"; empty: neither.
    """

    contacts: tuple[Contact, ...] = ()
    others: tuple[str, ...] = ()
    encryption: tuple[str, ...] = ()
    expires: datetime | None = None
    expired: bool = False
    canonical: tuple[str, ...] = ()
    canonical_match: str = ""
    languages: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    signed: bool = False
    signature: Signature = Signature.NONE
    signer: str = ""
    signature_why: str = ""
    fields: int = 0  # of those that RFC 9116 and its registry name; 0: this is no security.txt
    problems: tuple[Problem, ...] = ()

    @property
    def codes(self) -> frozenset[Code]:
        return frozenset(problem.code for problem in self.problems)

    @property
    def rfc9116_valid(self) -> bool:
        return not any(problem.level is Level.ERROR for problem in self.problems)

    @property
    def usable(self) -> Usable:
        if not self.contacts or self.codes & REFUSES:
            return Usable.NO
        only_deceptive = all(Note.DECEPTIVE_NAME in contact.notes for contact in self.contacts)
        return Usable.REVIEW if only_deceptive or self.codes & NEEDS_A_PERSON else Usable.YES

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it (design.md section 6), without words."""
        return {
            "rfc9116_valid": self.rfc9116_valid,
            "usable": str(self.usable),
            "contacts": [
                {
                    "kind": str(c.kind),
                    "address": c.address,
                    "raw": c.raw,
                    "line": c.line,
                    "notes": list(map(str, c.notes)),
                }
                for c in self.contacts
            ],
            "other_contacts": list(self.others),
            "encryption": list(self.encryption),
            "expires": self.expires.astimezone(UTC).isoformat() if self.expires else None,
            "expired": self.expired,
            "canonical": list(self.canonical),
            "canonical_match": self.canonical_match,
            "languages": list(self.languages),
            "policy": list(self.policy),
            "signed": self.signed,
            "signature": str(self.signature),
            "signer": self.signer,
            "signature_why": self.signature_why,
            "problems": [problem.to_json() for problem in self.problems],
        }


def read(
    body: bytes,
    *,
    url: str,
    final_url: str | None = None,
    now: datetime,
    content_type: str | None = None,
    verified: Verified | None = None,
) -> SecurityTxt:
    """What ``body`` says, fetched from ``url`` and, after redirects, ``final_url``; ``url`` may be empty: unknown.

    ``content_type``: the header; empty when the server sent none, None when there was no server. ``verified``: what a
    verifier said of these bytes; with a good signature fields come from the text under it and from nowhere else.
    """
    served = [*_served(url, final_url), *_typed(content_type)]
    if is_html(body):
        return SecurityTxt(problems=(*served, Problem(Code.NO_SECURITY_TXT)))
    if len(body) > MAX_BYTES:
        return SecurityTxt(problems=(*served, Problem(Code.TOO_LARGE)))
    if body.count(b"\n") + (not body.endswith(b"\n")) > MAX_LINES:
        return SecurityTxt(problems=(*served, Problem(Code.TOO_MANY_LINES)))
    text = text_of(body)
    reading = Reading(now, [*served, *text.problems], signed=text.signed)
    checked = verified if text.signed else None
    if checked and checked.state == Signature.BAD:
        reading.fault(Code.PGP_SIGNATURE_ERROR, None, why=str(checked.why or ""))
    for line in covered(checked) if checked and checked.state == Signature.GOOD else text.lines:
        read_line(reading, line)
    if any(problem.code in REFUSES for problem in reading.problems):
        return SecurityTxt(problems=tuple(reading.problems))
    return _signed(_whole(reading, url, final_url or url), checked)


def is_html(body: bytes) -> bool:
    """ST-02: a page for people, whatever the server calls it."""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(b"<")


# --- how it was served -----------------------------------------------------------------------------------------------


def _served(url: str, final_url: str | None) -> Iterator[Problem]:
    if not url:
        return
    if any(scheme_of(place) == "http" for place in (url, final_url or url)):
        yield Problem(Code.INVALID_URI_SCHEME)
    if _path(url) == LEGACY:
        yield Problem(Code.LOCATION)
    if final_url and _organisation(url) != _organisation(final_url):
        yield Problem(Code.OFFSITE_REDIRECT, params=(("url", final_url),))


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _organisation(url: str) -> str:
    try:
        return organisational_domain(to_domain(urlsplit(url).hostname or "")).name
    except (ValueError, InvalidInput):
        return url


def _typed(content_type: str | None) -> Iterator[Problem]:
    if content_type is None:
        return
    if not content_type:
        yield Problem(Code.NO_CONTENT_TYPE)
        return
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media != "text/plain":
        yield Problem(Code.INVALID_MEDIA, params=(("media", media),))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in {"utf-8", "csutf8"}:
            yield Problem(Code.INVALID_CHARSET, params=(("charset", value.strip()),))


# --- the whole file --------------------------------------------------------------------------------------------------


def _whole(reading: Reading, url: str, final_url: str) -> SecurityTxt:
    match = _canonical_match(reading.canonical, url, final_url)
    for code in _missing(reading, mismatch=bool(url and reading.canonical and not match)):
        reading.fault(code, None)
    dates = [at for at in reading.expires if at]
    return SecurityTxt(
        contacts=tuple(reading.contacts.values()),
        others=tuple(reading.others),
        encryption=tuple(reading.encryption),
        expires=reading.expires[0] if len(reading.expires) == 1 else None,
        expired=bool(dates) and all(at < reading.now for at in dates),
        canonical=tuple(reading.canonical),
        canonical_match=match,
        languages=tuple(reading.languages),
        policy=tuple(reading.policy),
        signed=reading.signed,
        signature=Signature.UNCHECKED if reading.signed else Signature.NONE,
        fields=reading.fields,
        problems=tuple(reading.problems),
    )


def _signed(read: SecurityTxt, checked: Verified | None) -> SecurityTxt:
    if checked is None:
        return read
    why = str(checked.why or "")
    return replace(read, signature=Signature(str(checked.state)), signer=checked.fingerprint, signature_why=why)


def _missing(reading: Reading, *, mismatch: bool) -> Iterator[Code]:
    """What the file lacks, or has twice."""
    mails = any(kind is Channel.MAIL for kind, _ in reading.contacts)
    said = {
        Code.NO_SECURITY_TXT: not reading.fields,
        Code.NO_CONTACT: not reading.contact_fields,
        Code.NO_EXPIRE: not reading.expires,
        Code.MULTI_EXPIRE: len(reading.expires) > 1,
        Code.MULTI_LANG: reading.language_fields > 1,
        Code.NO_CANONICAL_MATCH: mismatch,
        Code.NO_CANONICAL: reading.signed and not reading.canonical,
        Code.NO_ENCRYPTION: mails and not reading.encryption_fields,
        Code.NOT_SIGNED: not reading.signed,
    }
    return (code for code, holds in said.items() if holds)


def _canonical_match(canonical: list[str], url: str, final_url: str) -> str:
    """ST-20: either end of the redirect chain counts, and which one is shown."""
    named = {_normal(value) for value in canonical}
    if url and _normal(url) in named:
        return "first"
    return "last" if final_url and _normal(final_url) in named else ""


def _normal(url: str) -> str:
    """RFC 3986 6.2.2 and 6.2.3: case of scheme and host, the default port, an empty path."""
    try:
        parts = urlsplit(url)
        port = "" if parts.port in {None, 443} else f":{parts.port}"
    except ValueError:
        return url
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
