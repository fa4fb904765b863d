"""The words of the field as values: parsed once at the edge, true everywhere inside. Stdlib only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Self

from disclosure.protocol.errors import InvalidInput


class AlertKind(StrEnum):
    """R1: three kinds."""

    VULNERABILITY = "vulnerability"
    DATA_LEAK = "data_leak"
    MALICIOUS_ACTIVITY = "malicious_activity"


class Severity(StrEnum):
    """R10: four levels, ours; severity chooses the clock profile."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Answer(StrEnum):
    """Yes, no, or we do not know: "unknown" is never read as "no"."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """R7: in which role the one organisation of a case is concerned."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"
    MANUFACTURER = "manufacturer"
    HOST = "host"


class Sector(StrEnum):
    """Sectors that route to a CERT or an authority of their own (facts: authorities), and the rest."""

    HEALTH = "health"
    FINANCE = "finance"
    ENERGY = "energy"
    TRANSPORT = "transport"
    AVIATION = "aviation"
    MARITIME = "maritime"
    TELECOM = "telecom"
    DIGITAL = "digital"
    PUBLIC = "public"
    EDUCATION_RESEARCH = "education_research"
    DEFENCE = "defence"
    SOCIAL = "social"
    RETAIL = "retail"
    OTHER = "other"


class Channel(StrEnum):
    """How somebody is reached. Only mail leaves by itself; the others are tasks of a person (R37a)."""

    MAIL = "mail"
    PHONE = "phone"
    POST = "post"
    FORM = "form"


class Party(StrEnum):
    """Who acts, and whose move it is."""

    REPORTER = "reporter"
    COORDINATOR = "coordinator"
    ORGANISATION = "organisation"
    AUTHORITY = "authority"
    MACHINE = "machine"


class Audience(StrEnum):
    """R43: each audience sees its own filtered view of the ledger. Coordinators see everything."""

    COORDINATOR = "coordinator"
    REPORTER = "reporter"
    ORGANISATION = "organisation"
    AUTHORITY = "authority"


class Standing(IntEnum):
    """R29: how far a person has shown to speak for the organisation."""

    NONE = 0
    S1 = 1  # read the mail: link and code
    # Code at the person's own address at a tied domain, or the mail was encrypted to a published certificate.
    S2 = 2
    # DNS TXT proof, code from a letter to the registered seat, or call-back to a number found independently.
    S3 = 3


class Purpose(StrEnum):
    """R25: a link is for one purpose; a link of one purpose is useless for another."""

    CONFIRM = "confirm"  # from a contact request or reminder: confirm (S1) and answer
    NOTICE = "notice"  # to the person to whom a notice was released: read, acknowledge, answer


class Language(StrEnum):
    FR = "fr"
    EN = "en"


_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}", re.ASCII)
# Crockford's base 32: no I, L, O, U, so that a number survives a telephone call.
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
MAX_DOMAIN_LENGTH = 253  # RFC 1035: 255 octets on the wire
NUMBER_BITS = 50  # R24, R25: alert numbers and typed codes hold 50 random bits, ten characters


@dataclass(frozen=True, order=True)
class Domain:
    """A host name in A-label form, lower case, without the final dot. Never an IP address."""

    name: str

    def __post_init__(self) -> None:
        labels = self.name.split(".")
        if (
            len(self.name) > MAX_DOMAIN_LENGTH
            or len(labels) < 2  # noqa: PLR2004 - a single label is no public name
            or not all(_LABEL.fullmatch(label) for label in labels)
            or labels[-1].isdigit()
        ):
            raise InvalidInput({"domain": "not_a_host_name"})

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, text: str) -> Self:
        """An ASCII name; international names become A-labels before (discovery/names.py)."""
        return cls(text.strip().removesuffix(".").lower())

    def is_within(self, parent: Domain) -> bool:
        """Whether this is ``parent`` or one of its sub-domains."""
        return self == parent or self.name.endswith(f".{parent.name}")


@dataclass(frozen=True, order=True)
class Address:
    """A mail address that we may write to: ASCII local part, no quoting, no comment."""

    local: str
    domain: Domain

    def __post_init__(self) -> None:
        if (
            not _LOCAL_PART.fullmatch(self.local)
            or self.local.startswith(".")
            or self.local.endswith(".")
            or ".." in self.local
        ):
            raise InvalidInput({"address": "not_an_address"})

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @classmethod
    def parse(cls, text: str) -> Self:
        local, at, domain = text.strip().rpartition("@")
        if not at:
            raise InvalidInput({"address": "not_an_address"})
        try:
            return cls(local, Domain.parse(domain))
        except InvalidInput:
            raise InvalidInput({"address": "not_an_address"}) from None


def spell(bits: int) -> str:
    """50 bits as ten characters in two groups: ``7K2QF-0M9TX``."""
    letters = "".join(_CROCKFORD[bits >> shift & 31] for shift in range(NUMBER_BITS - 5, -5, -5))
    return f"{letters[:5]}-{letters[5:]}"


def unspell(text: str, field: str) -> str:
    """What a person typed, as :func:`spell` writes it: case, blanks, dashes and O/0, I/1, L/1 forgiven."""
    letters = re.sub(r"[\s–—-]", "", text).upper().translate(_MISREAD)
    if len(letters) != NUMBER_BITS // 5 or any(letter not in _CROCKFORD for letter in letters):
        raise InvalidInput({field: "not_a_code"})
    return f"{letters[:5]}-{letters[5:]}"


@dataclass(frozen=True, order=True)
class AlertNumber:
    """What the organisation quotes. Random: it says nothing of date or count. Exists once a mail has left (R24)."""

    text: str

    def __str__(self) -> str:
        return self.text

    @classmethod
    def from_bits(cls, bits: int) -> Self:
        return cls(spell(bits))

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(unspell(text, "number"))


@dataclass(frozen=True)
class Operator:
    """Who runs this server, as every mail names it (R19). ``phone`` is one that a person answers."""

    legal_name: str
    register_number: str
    postal_address: str
    phone: str
    mail: Address
    country: str = "FR"  # ISO 3166-1 alpha-2


_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def country(text: str) -> str:
    """ISO 3166-1 alpha-2 in capitals; whether the code is assigned is for the edge, which shows a list."""
    code = text.strip().upper()
    if not _COUNTRY.fullmatch(code):
        raise InvalidInput({"country": "not_a_country"})
    return code
