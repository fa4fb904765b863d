"""DNS Security TXT as of July 2026 (draft-ellis-dns-security-contact-00; DT-01 to DT-07). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from disclosure.discovery.contacts import Contact, Note, is_uri, read_contact, scheme_of
from disclosure.discovery.instants import date_time
from disclosure.discovery.problems import Code, Problem
from disclosure.discovery.securitytxt import Usable

LABEL = "_security"
MAX_RECORD = 4_096  # SF-10; the draft asks for at least 2,048
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# DT-04: any of these and the set counts only once a person has looked. Real zones are older than the date field.
_KILLS = frozenset({Code.NO_EXPIRE, Code.MULTI_EXPIRE, Code.INVALID_EXPIRY, Code.EXPIRED})


@dataclass(frozen=True)
class DnsSecurityTxt:
    """What the records say. ``records``: how many are of this kind; 0: none published (SF-12)."""

    records: int = 0
    contacts: tuple[Contact, ...] = ()
    policy: tuple[str, ...] = ()
    expires: datetime | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def codes(self) -> frozenset[Code]:
        return frozenset(problem.code for problem in self.problems)

    @property
    def usable(self) -> Usable:
        if not self.contacts:
            return Usable.NO
        only_deceptive = all(Note.DECEPTIVE_NAME in contact.notes for contact in self.contacts)
        return Usable.REVIEW if only_deceptive or self.codes & _KILLS else Usable.YES


@dataclass
class _Reading:
    contacts: list[Contact] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    expires: list[datetime | None] = field(default_factory=list)
    records: int = 0
    problems: list[Problem] = field(default_factory=list)


def read(records: Iterable[bytes], *, now: datetime) -> DnsSecurityTxt:
    """What the TXT records of ``_security.<domain>`` say, each already joined from its strings (DT-03).

    Records have no order, so contacts come back sorted by what they say. Problems count records in that order.
    """
    reading = _Reading()
    for number, record in enumerate(sorted(records), 1):
        _read_record(reading, record, number)
    if reading.records:
        _judge_expires(reading, now)
    return DnsSecurityTxt(
        records=reading.records,
        contacts=tuple(dict.fromkeys(reading.contacts)),
        policy=tuple(reading.policy),
        expires=reading.expires[0] if len(reading.expires) == 1 else None,
        problems=tuple(reading.problems),
    )


def _read_record(reading: _Reading, record: bytes, number: int) -> None:
    name, _, rest = record.partition(b"=")
    key = name.strip().lower()
    if key not in {b"security_contact", b"security_policy", b"security_expires"}:
        return  # wildcards answer here too (SF-12)
    reading.records += 1
    value = rest.decode("ascii", errors="replace")
    fault = _fault(record, name, value)
    if fault:
        reading.problems.append(Problem(fault, number))
        if key == b"security_expires":
            reading.expires.append(None)
    elif key == b"security_contact":
        _read_contact(reading, value, number)
    elif key == b"security_expires":
        # DT-02: RFC 3339 with Z; an offset is another spelling of the same instant, and is not in the draft.
        reading.expires.append(date_time(value) if value[-1] in "Zz" else None)
    elif scheme_of(value) == "https":
        reading.policy.append(value)
    else:
        reading.problems.append(Problem(Code.NO_HTTPS, number))


def _fault(record: bytes, name: bytes, value: str) -> Code | None:
    """Why a record drops out alone (DT-04)."""
    if len(record) > MAX_RECORD:
        return Code.FIELD_TOO_LONG
    if _CONTROL.search(value):
        return Code.CONTROL_CHARACTER
    if not value.strip():
        return Code.EMPTY_VALUE
    if name != name.strip() or value != value.strip():
        return Code.PREC_WS
    return None if is_uri(value) and "#" not in value else Code.NO_URI


def _read_contact(reading: _Reading, value: str, number: int) -> None:
    found = read_contact(value, repair=False)
    reading.problems += [Problem(Code(flaw.value), number) for flaw in found.flaws]
    reading.contacts += found.contacts


def _judge_expires(reading: _Reading, now: datetime) -> None:
    if not reading.expires:
        reading.problems.append(Problem(Code.NO_EXPIRE))
    elif len(reading.expires) > 1:
        reading.problems.append(Problem(Code.MULTI_EXPIRE))
    elif reading.expires[0] is None:
        reading.problems.append(Problem(Code.INVALID_EXPIRY))
    elif reading.expires[0] < now:
        reading.problems.append(Problem(Code.EXPIRED))
