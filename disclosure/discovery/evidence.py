"""Probe: what was asked, of whom, what came back (EV-01, EV-02). Plain data that survives JSON unchanged."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from disclosure.protocol.values import Domain


class Outcome(StrEnum):
    """R15: three outcomes. Unknown means that the question has to be asked again."""

    FOUND = "found"
    NONE = "none"
    UNKNOWN = "unknown"


class Purpose(StrEnum):
    """What a question was asked for."""

    SECURITY_TXT = "security_txt"
    DNS_SECURITY_TXT = "dns_security_txt"
    CAA = "caa"
    RDAP = "rdap"
    SOA = "soa"
    MAIL_EXCHANGER = "mail_exchanger"
    ENCRYPTION_URI = "encryption_uri"  # what the Encryption field of a security.txt points to (ST-19)
    WEB_KEY_DIRECTORY = "web_key_directory"  # KD-02
    OPENPGPKEY = "openpgpkey"  # KD-04
    KEYSERVER = "keyserver"  # KD-06
    # Below: for a person's eyes, or about somebody else. None of them can end a search (R15).
    RDAP_NETWORK = "rdap_network"
    NAMESERVERS = "nameservers"  # whether the zone is still in the same hands (R17)
    DMARC = "dmarc"
    TLS_RPT = "tls_rpt"
    HUMANS_TXT = "humans_txt"
    HOME_PAGE = "home_page"
    LEGAL_PAGE = "legal_page"


@dataclass(frozen=True)
class Certificate:
    """The certificate that a server showed and that was verified for its name."""

    subject: str
    issuer: str
    serial: str  # hexadecimal, as printed
    not_after: datetime  # aware, UTC
    sha256: str  # of the DER bytes, lower-case hexadecimal


@dataclass(frozen=True)
class Hop:
    """One request of a chain of redirects; empty where it did not come so far."""

    url: str
    addresses: tuple[str, ...] = ()  # every address of the name; all were checked before one was used
    peer: str = ""
    tls_version: str = ""
    certificate: Certificate | None = None
    status: int | None = None
    location: str = ""
    content_type: str | None = None


@dataclass(frozen=True)
class DnsEvidence:
    """One answer. ``rrset`` holds records in presentation form, sorted; ``ad``: the answer carried the AD flag."""

    resolver: str
    ad: bool
    ttl: int | None
    rrset: tuple[str, ...]
    # Whether the resolver is one whose AD flag means something (KD-04, KD-05): validating, and reached safely.
    validating: bool = False
    owner: str = ""  # the name at which the records stand; aliases may have led elsewhere (CA-03)


@dataclass(frozen=True)
class Probe:
    """One question about ``subject`` and all that is known of its answer.

    ``rule`` is the rule of the decision, ``problems`` its codes. ``body`` is at most 32 KB and one byte of a file
    (ST-09), 128 KB of a registry's answer or a page, 1 MiB where a certificate was asked for (KD-07).
    """

    id: str
    purpose: Purpose
    subject: Domain
    question: str
    asked_at: datetime
    outcome: Outcome
    rule: str
    problems: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()
    body: bytes | None = field(default=None, repr=False)
    body_length: int | None = None
    body_sha256: str = ""
    dns: DnsEvidence | None = None

    def to_json(self) -> dict[str, Any]:
        """Values that JSON can hold; the body in base 64, instants in ISO 8601 with zone."""
        plain = dict(vars(self))  # a deep copy of all this, for thousands of domains, is work for nothing
        plain["subject"] = self.subject.name
        plain["asked_at"] = self.asked_at.astimezone(UTC).isoformat()
        plain["problems"] = list(self.problems)
        plain["hops"] = [_hop_json(hop) for hop in self.hops]
        plain["body"] = None if self.body is None else base64.b64encode(self.body).decode("ascii")
        if self.dns:
            plain["dns"] = vars(self.dns) | {"rrset": list(self.dns.rrset)}
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The probe that :meth:`to_json` was made of."""
        read = dict(plain)
        read["purpose"] = Purpose(plain["purpose"])
        read["subject"] = Domain(plain["subject"])
        read["asked_at"] = datetime.fromisoformat(plain["asked_at"])
        read["outcome"] = Outcome(plain["outcome"])
        read["problems"] = tuple(plain["problems"])
        read["hops"] = tuple(_hop(hop) for hop in plain["hops"])
        read["body"] = None if plain["body"] is None else base64.b64decode(plain["body"])
        if plain["dns"]:
            read["dns"] = DnsEvidence(**dict(plain["dns"]) | {"rrset": tuple(plain["dns"]["rrset"])})
        return cls(**read)


def _hop_json(hop: Hop) -> dict[str, Any]:
    shown = hop.certificate
    certificate = vars(shown) | {"not_after": shown.not_after.isoformat()} if shown else None
    return vars(hop) | {"addresses": list(hop.addresses), "certificate": certificate}


def _hop(plain: Mapping[str, Any]) -> Hop:
    read = dict(plain)
    read["addresses"] = tuple(plain["addresses"])
    if plain["certificate"]:
        shown = dict(plain["certificate"])
        shown["not_after"] = datetime.fromisoformat(shown["not_after"])
        read["certificate"] = Certificate(**shown)
    return Hop(**read)
