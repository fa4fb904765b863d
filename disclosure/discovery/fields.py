"""The fields of security.txt, one line after another (ST-11 to ST-22). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from disclosure.discovery.cleartext import Line
from disclosure.discovery.contacts import REFUSED_SCHEMES, Contact, Flaw, is_uri, read_contact, scheme_of
from disclosure.discovery.instants import a_year_after, date_time
from disclosure.discovery.languages import is_language_tag
from disclosure.discovery.problems import Code, Problem
from disclosure.protocol.values import Channel

MAX_FIELD = 2_048  # RFC 9116 section 5.4

# ST-27: software that ships a file of its own, known by a contact that is its project's.
_SHIPPED_WITH_SOFTWARE = ("https://github.com/go-gitea/gitea/",)


@dataclass
class Reading:
    """What has been read so far."""

    now: datetime
    problems: list[Problem]
    # By what they are reached at: a file may name thousands, and each once (ST-25 comes later).
    contacts: dict[tuple[Channel, str], Contact] = field(default_factory=dict)
    contact_fields: int = 0
    others: list[str] = field(default_factory=list)
    encryption: list[str] = field(default_factory=list)
    encryption_fields: int = 0
    expires: list[datetime | None] = field(default_factory=list)
    canonical: list[str] = field(default_factory=list)
    languages: dict[str, None] = field(default_factory=dict)  # each once, in their order
    language_fields: int = 0
    policy: list[str] = field(default_factory=list)
    csaf: int = 0
    fields: int = 0
    signed: bool = False

    def fault(self, code: Code, line: int | None, **params: str) -> None:
        self.problems.append(Problem(code, line, tuple(params.items())))


# RFC 5322 ftext: printable ASCII without the colon.
_NAME = re.compile(r"[!-9;-~]+", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def read_line(reading: Reading, line: Line) -> None:
    """One line, and all that is wrong with it. A field may count only if its line could be read."""
    if not line.text or line.text.startswith("#"):
        return
    if len(line.text) > MAX_FIELD:
        reading.fault(Code.FIELD_TOO_LONG, line.number)
        return
    if _CONTROL.search(line.text):
        reading.fault(Code.CONTROL_CHARACTER, line.number)
        return
    name, colon, value = line.text.partition(":")
    if not colon:
        reading.fault(Code.INVALID_LINE, line.number)
        return
    key = _key(reading, name, line.number)
    value = _value(reading, value, line.number)
    if not key or not value:
        return
    reader = _FIELDS.get(key)
    if reader:
        reading.fields += 1
        reader(reading, value, line.number)
    else:
        reading.fault(Code.UNKNOWN_FIELD, line.number, field=key)


def _key(reading: Reading, name: str, line: int) -> str:
    """The field's name in lower case; empty where the line is none. Blank faults are reported and read (ST-12)."""
    if name != name.rstrip(" \t"):
        reading.fault(Code.PREC_WS, line)
    key = name.strip(" \t").lower()
    if not key:
        reading.fault(Code.EMPTY_KEY, line)
    elif not _NAME.fullmatch(key):
        reading.fault(Code.INVALID_LINE, line)  # prose with a colon in it
        return ""
    elif name[0] in " \t":
        reading.fault(Code.INVALID_LINE, line)
    return key


def _value(reading: Reading, rest: str, line: int) -> str:
    value = rest.strip(" \t")
    if not value:
        reading.fault(Code.EMPTY_VALUE, line)
    elif not rest.startswith(" "):
        reading.fault(Code.NO_SPACE, line)
    elif rest[1] in " \t":
        reading.fault(Code.EXTRA_SPACE, line)
    return value


# --- fields ----------------------------------------------------------------------------------------------------------

_OF_FLAW = {flaw: Code(flaw.value) for flaw in Flaw}


def _contact(reading: Reading, value: str, line: int) -> None:
    reading.contact_fields += 1
    if value.lower().startswith(_SHIPPED_WITH_SOFTWARE):
        reading.fault(Code.DEFAULT_FILE, line)
    found = read_contact(value, repair=True, line=line)
    for flaw in found.flaws:
        reading.fault(_OF_FLAW[flaw], line)
    if not found.contacts and {Flaw.OTHER_SCHEME, Flaw.NO_HTTPS} & set(found.flaws):
        reading.others.append(value)
    for contact in found.contacts:
        reading.contacts.setdefault((contact.kind, contact.address), contact)


def _expires(reading: Reading, value: str, line: int) -> None:
    at = date_time(value)
    reading.expires.append(at)
    if at is None:
        reading.fault(Code.INVALID_EXPIRY, line)
    elif at < reading.now:
        reading.fault(Code.EXPIRED, line)
    elif at > a_year_after(reading.now):
        reading.fault(Code.LONG_EXPIRY, line)


_FINGERPRINT = re.compile(r"openpgp4fpr:(?:[0-9a-f]{40}|[0-9a-f]{64})", re.ASCII | re.IGNORECASE)


def _encryption(reading: Reading, value: str, line: int) -> None:
    """ST-19: a URI, never a key."""
    reading.encryption_fields += 1
    scheme = scheme_of(value)
    if scheme == "openpgp4fpr" and not _FINGERPRINT.fullmatch(value):
        reading.fault(Code.INVALID_FINGERPRINT, line)
    elif scheme in {"https", "dns", "openpgp4fpr"} and is_uri(value):
        reading.encryption.append(value)
    else:
        _uri_fault(reading, value, line)


def _uri_fault(reading: Reading, value: str, line: int) -> None:
    """What is wrong with a value that had to be an https URI where it names the web."""
    scheme = scheme_of(value)
    if scheme in REFUSED_SCHEMES:
        reading.fault(Code.REFUSED_SCHEME, line)
    elif not scheme or not is_uri(value):
        reading.fault(Code.NO_URI, line)
    elif scheme == "http":
        reading.fault(Code.NO_HTTPS, line)


def _canonical(reading: Reading, value: str, line: int) -> None:
    _uri_fault(reading, value, line)
    reading.canonical.append(value)


def _policy(reading: Reading, value: str, line: int) -> None:
    _uri_fault(reading, value, line)
    if scheme_of(value) == "https" and is_uri(value):
        reading.policy.append(value)


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _csaf(reading: Reading, value: str, line: int) -> None:
    _uri_fault(reading, value, line)
    reading.csaf += 1
    if not _path_of(value).endswith("/provider-metadata.json"):
        reading.fault(Code.NO_CSAF_FILE, line)
    if reading.csaf == 2:  # noqa: PLR2004 - said once, at the second
        reading.fault(Code.MULTIPLE_CSAF_FIELDS, line)


def _languages(reading: Reading, value: str, line: int) -> None:
    reading.language_fields += 1
    tags = [tag.strip(" \t") for tag in value.split(",")]
    if not all(is_language_tag(tag) for tag in tags):
        reading.fault(Code.INVALID_LANG, line)
    reading.languages.update(dict.fromkeys(tag for tag in tags if is_language_tag(tag)))


def _kept_unread(_reading: Reading, _value: str, _line: int) -> None:
    """Bug-Bounty: registered, and of no use to us."""


_FIELDS: Mapping[str, Callable[[Reading, str, int], None]] = {
    "contact": _contact,
    "expires": _expires,
    "encryption": _encryption,
    "canonical": _canonical,
    "policy": _policy,
    "preferred-languages": _languages,
    "acknowledgments": _uri_fault,
    "hiring": _uri_fault,
    "csaf": _csaf,
    "bug-bounty": _kept_unread,
}
