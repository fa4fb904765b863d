"""What a search hands over: candidates, hints, and the codes that explain them (R16). Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from disclosure.protocol.values import Channel

Params = tuple[tuple[str, str], ...]


class Source(StrEnum):
    """Where a candidate comes from, in the order of R14."""

    SECURITY_TXT = "security_txt"
    SECURITY_TXT_PARENT = "security_txt_parent"
    DNS_SECURITY_TXT = "dns_security_txt"
    CAA_IODEF = "caa_iodef"
    RDAP = "rdap"
    SOA_RNAME = "soa_rname"
    RDAP_NETWORK = "rdap_network"  # whose network the host's address is: always an intermediary (RD-04)
    RFC2142 = "rfc2142"


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Reason(StrEnum):
    """Why a candidate stands where it stands; words are looked up when shown."""

    PUBLISHED_BY_HOST = "published_by_host"
    PUBLISHED_BY_ORGANISATION = "published_by_organisation"
    PUBLISHED_IN_ZONE = "published_in_zone"  # param "signed": yes or no
    CERTIFICATE_INCIDENTS = "certificate_incidents"
    REGISTRATION_DATA = "registration_data"  # param "role": abuse or technical
    ZONE_ADMINISTRATOR = "zone_administrator"
    CONVENTIONAL_MAILBOX = "conventional_mailbox"
    # Why somebody is an intermediary (R14b); param "name": what they call themselves.
    REGISTRAR = "registrar"
    NETWORK_OWNER = "network_owner"
    DNS_OPERATOR = "dns_operator"
    NAMED_BY_ANOTHER_ZONE = "named_by_another_zone"  # CA-03: the record lies at a CDN or platform
    RELAY_FORM = "relay_form"  # RD-03: a form that stands for a redacted address


class Scope(StrEnum):
    """ST-03: for the host that was asked about, or for the organisational domain above it."""

    HOST = "host"
    PARENT = "parent"


class Flag(StrEnum):
    """What a person should see beside a candidate. Problem codes of its source stand beside these."""

    HOST_MAY_BE_COMPROMISED = "host_may_be_compromised"  # R17a
    GOOD_SIGNATURE = "good_signature"  # by the certificate that the file itself points to; params "signature", "signer"
    NAMED_TWICE = "named_twice"  # CF-01: independent sources agree
    SOURCES_DISAGREE = "sources_disagree"  # DT-07
    NO_MX = "no_mx"
    MX_UNKNOWN = "mx_unknown"
    PUBLIC_WEBMAIL = "public_webmail"
    ANOTHER_ZONE = "another_zone"  # the record stands in somebody else's zone, which an alias leads to
    ANOTHER_ORGANISATION = "another_organisation"  # the address or form lies at somebody else's domain


@dataclass(frozen=True)
class Candidate:
    """Somebody to write to, call or fill in a form for. ``rank`` counts from 1 within its list."""

    channel: Channel
    address: str
    source: Source
    rank: int
    confidence: Confidence
    reason: Reason
    params: Params
    scope: Scope
    probes: tuple[str, ...]
    flags: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        plain = vars(self)
        lists = {"params": dict(self.params), "probes": list(self.probes), "flags": list(self.flags)}
        codes = ("channel", "source", "confidence", "reason", "scope")
        return plain | lists | {name: str(plain[name]) for name in codes}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        return cls(
            channel=Channel(plain["channel"]),
            address=plain["address"],
            source=Source(plain["source"]),
            rank=plain["rank"],
            confidence=Confidence(plain["confidence"]),
            reason=Reason(plain["reason"]),
            params=tuple(plain["params"].items()),
            scope=Scope(plain["scope"]),
            probes=tuple(plain["probes"]),
            flags=tuple(plain["flags"]),
        )


class HintKind(StrEnum):
    """What is shown to a coordinator and never written to."""

    POLICY = "policy"  # ST-22: to be read before sending
    ENCRYPTION = "encryption"
    LANGUAGE = "language"  # ST-21: drives the language of our mails
    OTHER_CONTACT = "other_contact"  # a URI of a scheme that we do not offer (ST-14)
    MORE_CONTACTS = "more_contacts"  # ST-25: how many were left out
    NULL_MX = "null_mx"  # ML-02: the address was published, its domain takes no mail
    REFUSED_FILE = "refused_file"  # ST-09: there is a file, too large to be read
    INCIDENT_ENDPOINT = "incident_endpoint"  # CA-01: an https iodef is for machines
    DMARC_REPORTS = "dmarc_reports"  # ML-04: where machines send reports, often a vendor
    TLS_REPORTS = "tls_reports"
    HUMANS = "humans"  # OT-01: an address in humans.txt
    LEGAL_PAGE = "legal_page"  # OT-01: where an imprint or privacy page is
    DPO_ADDRESS = "dpo_address"  # OT-01: right for personal data, not for technical detail
    PAGE_ADDRESS = "page_address"  # any other mail address on such a page
    COUNTRY = "country"  # OT-02: of the registrant, two letters


@dataclass(frozen=True)
class Hint:
    kind: HintKind
    value: str
    probe: str

    def to_json(self) -> dict[str, Any]:
        return {"kind": str(self.kind), "value": self.value, "probe": self.probe}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        return cls(HintKind(plain["kind"]), plain["value"], plain["probe"])
