"""A case opened to write one mail of it, and what every mail of a case says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from disclosure.casework import recipients
from disclosure.casework.casefile import CaseFile, domains_of
from disclosure.casework.office import Office
from disclosure.casework.words import grouped
from disclosure.mail.compose import Sender
from disclosure.openpgp.sandbox import judge_safely
from disclosure.protocol.state import Case
from disclosure.protocol.values import AlertNumber, Domain


@dataclass(frozen=True)
class Opened:
    """A case opened to write one mail of it; ``queued_at``: of that mail, where it is in the outbox already."""

    office: Office
    connection: Connection
    file: CaseFile
    now: datetime
    queued_at: datetime | None = None

    @property
    def case(self) -> Case:
        return self.file.case

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        return tuple(domains_of(self.office, self.connection, self.file).values())

    @property
    def domain(self) -> str:
        return ", ".join(sorted(str(domain) for domain in self.domains))


def common_of(opened: Opened, fingerprint: str) -> dict[str, Any]:
    """What every mail of a case says: who writes, under which number, and how to check it."""
    url = opened.office.settings.public_url
    name = recipients.coordinator_name(opened.connection, opened.case.coordinator_id)
    sender = Sender(opened.office.settings.operator, name, f"{url}/check", f"{url}/rules", grouped(fingerprint))
    return {"sender": sender, "number": AlertNumber(opened.case.number)}


def service_fingerprint(office: Office, now: datetime) -> str:
    """From the public certificate, so that web processes need no secret and no pgpy."""
    return judge_safely(office.service_certificate_path.read_bytes(), address=None, now=now).fingerprint
