"""A contact URI becomes somebody who can be reached, or a reason why not (ST-14 to ST-16, DT-02). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from disclosure.discovery.names import is_deceptive, to_domain
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address, Channel, Domain


class Flaw(StrEnum):
    """Why a contact URI is not, or not as it stands, of use."""

    NO_URI = "no_uri"  # no URI at all, or one that RFC 3986 does not allow
    NO_HTTPS = "no_https"
    REFUSED_SCHEME = "refused_scheme"  # javascript, data, file
    OTHER_SCHEME = "other_scheme"  # kept to be shown, not offered (ST-14)
    INVALID_ADDRESS = "invalid_address"
    INVALID_PHONE = "invalid_phone"
    INVALID_URL = "invalid_url"  # user information, an IP address for a host


class Note(StrEnum):
    """What a person should know of a contact that can be used."""

    REPAIRED = "repaired"  # ST-16: bare address, or a blank after "mailto:"
    DECEPTIVE_NAME = "deceptive_name"  # ST-15: needs a person
    HEADERS_DROPPED = "headers_dropped"  # what stood after "?" is never copied


@dataclass(frozen=True)
class Contact:
    """Somebody named in a field: ``address`` is a mail address, an https URL or a telephone number."""

    kind: Channel
    address: str
    raw: str
    line: int | None = None
    notes: tuple[Note, ...] = ()


class ContactReading(NamedTuple):
    contacts: tuple[Contact, ...] = ()
    flaws: tuple[Flaw, ...] = ()


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31}):", re.ASCII)
_ESCAPE = re.compile(r"%(?:([0-9A-Fa-f]{2})|)", re.ASCII)
REFUSED_SCHEMES = frozenset({"javascript", "data", "file", "vbscript", "blob", "about"})
# RFC 3966, with the blanks that people put between groups. One run of one class: linear.
_PHONE = re.compile(r"\+?[0-9().\s-]{3,40}", re.ASCII)
_VISUAL = re.compile(r"[().\s-]", re.ASCII)
_E164 = range(3, 16)  # digits; short numbers exist within a country
_OF_A_URL = frozenset(":/?#")
_NOT_IN_URI = re.compile(r"[^!#$%&'()*+,/:;=?@\[\]A-Za-z0-9._~-]", re.ASCII)


def read_contact(value: str, *, repair: bool, line: int | None = None) -> ContactReading:
    """Contacts that ``value`` names, all of that ``line``.

    ``repair``: take a bare address, and a blank after ``mailto:`` (ST-16).
    """
    found = _SCHEME.match(value)
    scheme = found[1].lower() if found else ""
    rest = value[found.end() :] if found else value
    if not scheme:
        return _bare(value, line) if repair else ContactReading(flaws=(Flaw.NO_URI,))
    if scheme in REFUSED_SCHEMES:
        return ContactReading(flaws=(Flaw.REFUSED_SCHEME,))
    if scheme == "mailto":
        return _mailto(value, rest, line, repair=repair)
    if scheme == "tel":
        return _phone(value, rest, line)
    if not is_uri(value):
        return ContactReading(flaws=(Flaw.NO_URI,))
    if scheme == "https":
        return _form(value, line)
    return ContactReading(flaws=(Flaw.NO_HTTPS if scheme == "http" else Flaw.OTHER_SCHEME,))


def scheme_of(value: str) -> str:
    """The scheme in lower case; empty where there is none."""
    found = _SCHEME.match(value)
    return found[1].lower() if found else ""


def is_uri(value: str) -> bool:
    """Whether only characters of RFC 3986 stand in ``value``; blanks and letters beyond ASCII do not."""
    return not _NOT_IN_URI.search(value)


def _bare(value: str, line: int | None) -> ContactReading:
    # ST-16: an address and nothing else. Prose around it would have to be understood.
    contact = _address(value, value, line, (Note.REPAIRED,))
    return ContactReading((contact,) if contact else (), (Flaw.NO_URI,))


def _mailto(raw: str, rest: str, line: int | None, *, repair: bool) -> ContactReading:
    notes: tuple[Note, ...] = ()
    flaws: list[Flaw] = [] if is_uri(raw) else [Flaw.NO_URI]
    if rest != rest.lstrip(" \t"):
        if not repair:
            return ContactReading(flaws=(Flaw.NO_URI,))
        rest, notes = rest.lstrip(" \t"), (Note.REPAIRED,)
    recipients = rest.partition("?")[0].partition("#")[0]
    if recipients != rest:
        notes = (*notes, Note.HEADERS_DROPPED)
    contacts: list[Contact] = []
    # RFC 6068: a comma between addresses stands as itself; an encoded one belongs to an address.
    for part in recipients.split(","):
        contact = _address(_decoded(part), raw, line, notes)
        if contact:
            contacts.append(contact)
        else:
            flaws.append(Flaw.INVALID_ADDRESS)
    return ContactReading(tuple(contacts), tuple(dict.fromkeys(flaws)))


def _decoded(text: str) -> str:
    """Percent-decoded; a bad escape or bad UTF-8 becomes a character that no address holds."""
    if "%" not in text:
        return text
    out = bytearray()
    end = 0
    for escape in _ESCAPE.finditer(text):
        out += text[end : escape.start()].encode() + (bytes.fromhex(escape[1]) if escape[1] else b"\0")
        end = escape.end()
    return (out + text[end:].encode()).decode(errors="replace")


def _address(text: str, raw: str, line: int | None, notes: tuple[Note, ...]) -> Contact | None:
    local, _, host = text.rpartition("@")
    try:
        domain, deceptive = _mail_domain(host)
        address = Address(local, domain)
    except InvalidInput:
        return None
    return Contact(Channel.MAIL, str(address), raw, line, (*notes, Note.DECEPTIVE_NAME) if deceptive else notes)


@lru_cache(maxsize=64)
def _mail_domain(host: str) -> tuple[Domain, bool]:
    """The domain, and whether it needs a person's eyes. Remembered: the addresses of a file mostly share one.

    Raises InvalidInput.
    """
    # A pasted URL, or blanks around a name, are forgiven to a person, not to a file.
    if host != host.strip() or not _OF_A_URL.isdisjoint(host):
        raise InvalidInput({"domain": "not_a_host_name"})
    domain = to_domain(host)
    return domain, is_deceptive(domain)


def _form(url: str, line: int | None) -> ContactReading:
    domain = None
    try:
        parts = urlsplit(url)
        if parts.username is None and parts.password is None and parts.port != 0:
            domain = to_domain(parts.hostname or "")
    except (ValueError, InvalidInput):
        pass
    if not domain:
        return ContactReading(flaws=(Flaw.INVALID_URL,))
    notes = (Note.DECEPTIVE_NAME,) if is_deceptive(domain) else ()
    return ContactReading((Contact(Channel.FORM, url, url, line, notes),))


def _phone(raw: str, rest: str, line: int | None) -> ContactReading:
    flaws = () if is_uri(raw) else (Flaw.NO_URI,)
    number, semicolon, parameters = _decoded(rest).partition(";")
    digits = _VISUAL.sub("", number).lstrip("+")
    if not _PHONE.fullmatch(number) or len(digits) not in _E164 or not parameters.isprintable():
        return ContactReading(flaws=(*flaws, Flaw.INVALID_PHONE))
    # An extension says who picks up; every other parameter is for machines.
    extension = next(_extensions(parameters), "") if semicolon else ""
    plus = "+" if number.startswith("+") else ""
    return ContactReading((Contact(Channel.PHONE, plus + digits + extension, raw, line),), flaws)


def _extensions(parameters: str) -> Iterator[str]:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        digits = _VISUAL.sub("", value)
        if name.lower() == "ext" and digits.isascii() and digits.isdigit():
            yield f";ext={digits}"
