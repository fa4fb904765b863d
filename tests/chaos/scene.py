"""An instance in which much is due at once, and the way back into it: what every test of this folder begins from.

At ``DUE`` the clock owes one case a second contact and another its referral, a report waits unread, and a search waits:
one mail that goes again when in doubt, one that waits for a person, one that belongs to no case.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from disclosure.casework import accounts, authorities, clockwork, coordination, delivery, keys, reporting, searching
from disclosure.casework.casefile import Hand, look
from disclosure.casework.office import Office, open_office
from disclosure.demo.certificates import make_certificate
from disclosure.discovery.evidence import Outcome as Found
from disclosure.discovery.evidence import Probe, Purpose
from disclosure.discovery.finder import Findings, findings
from disclosure.mail.relay import Kind, Outcome
from disclosure.protocol.values import AlertKind, Answer, Domain, Language, Sector, Severity
from disclosure.settings import load
from disclosure.store.tables import coordinators
from tests.office import T0, copy_database, make_office, put, shut
from tests.protocol.builders import H, Story

DUE = T0 + 72 * H
LATER = timedelta(minutes=6)  # past every lease
TAKEN = Outcome(Kind.ACCEPTED, "250", "250 ok")


@dataclass(frozen=True)
class Scene:
    """Ids in the prepared instance: ``reminded`` gets a second contact at DUE, ``referred`` its referral."""

    folder: Path
    reminded: str
    referred: str

    def copy(self, to: Path) -> Scene:
        shutil.copytree(self.folder, to)
        copy_database(self.folder, to)
        return Scene(to, self.reminded, self.referred)


def reopen(folder: Path, port: int = 0) -> Office:
    """The office of a prepared folder, as a process that starts finds it; ``port``: a relay on this machine."""
    relay = {
        "DISCLOSURE_DEMO": "true",
        "DISCLOSURE_RELAY_HOST": "127.0.0.1",
        "DISCLOSURE_RELAY_PORT": str(port),
        "DISCLOSURE_RELAY_SECURITY": "none",
    }
    settings = load(folder, relay if port else {})
    return open_office(settings)


def take(message: bytes, sender: str, recipient: object, envelope_id: str) -> Outcome:
    return TAKEN


def do_tasks(office: Office, case_id: str, now: datetime) -> None:
    hand = Hand(office, case_id, "ada", now)
    for task in look(office, case_id).case.tasks.values():
        if task.open:
            coordination.task_done(hand, task.id, "Standard, 10 h 12 : transmis.", "")


def contacted(office: Office, story: Story, now: datetime) -> str:
    """A case whose first mail the relay took at ``now``, with its phone call done."""
    case_id = put(office, story)
    coordination.release_first_contact(Hand(office, case_id, "ada", now), "c1")
    delivery.deliver(office, now, take)
    clockwork.tick(office, now)
    do_tasks(office, case_id, now)
    return case_id


def a_report(office: Office, now: datetime, token: str = "t" * 32) -> str:
    report = reporting.SubmitReport(
        token=token,
        kind=AlertKind.DATA_LEAK,
        severity_seen=Severity.HIGH,
        organisation="Exemple",
        domains=("org.example",),
        country="FR",
        sector=Sector.OTHER,
        affected="",
        personal_data=Answer.YES,
        personal_data_kinds="",
        people_affected="",
        where_seen="",
        seen_when="",
        on_sale=Answer.NO,
        how_obtained="lu",
        description="d",
        reporter_name="",
        consent_text="",
        wishes_anonymity=True,
        language=Language.FR,
    )
    return reporting.enter(office, reporting.submit(office, report, now).codename)


def prepare(folder: Path) -> Scene:
    office = make_office(folder)
    keys.ensure_service_key(office, T0 - timedelta(days=30))
    ada = accounts.add(office, "ada", "Ada Exemple", "ada@coordination.example", Language.FR, T0 - timedelta(days=30))
    with office.store.writing() as tx:  # the stories of tests call their coordinator by this id
        tx.execute(update(coordinators).where(coordinators.c.id == ada.id).values(id="ada"))
    _, public = make_certificate("CERT (essai) <cert@anssi.example>", now=T0 - timedelta(days=30))
    authorities.confirm_channel(office, "fr-anssi:mail", public, "ada", T0)
    referred = contacted(office, Story(), T0)
    for hours in (24, 48):
        clockwork.tick(office, T0 + hours * H)
        delivery.deliver(office, T0 + hours * H, take)
        do_tasks(office, referred, T0 + hours * H)
    reminded = contacted(office, Story(), T0 + 48 * H)
    a_report(office, DUE - 48 * H)
    # Of a domain that none of the contacts comes from: nobody is put in doubt by what it does not find.
    hand = Hand(office, reminded, "ada", DUE)
    coordination.tie_domain(hand, Domain("other.example"), "imprint")
    searching.start(hand, next(key for key in look(office, reminded).case.domains if key != "d1"))
    clockwork.beat(office, "clock", DUE - timedelta(minutes=1))
    shut(office)
    return Scene(folder, reminded, referred)


def found(domain: Domain, compromised: Answer, now: datetime, outcome: Found = Found.NONE) -> Findings:
    """What a search of two questions comes to, without a network."""
    probes = tuple(
        Probe(f"p{n}", purpose, domain, f"question {n}", now, outcome, "R14", ("dns_timeout",) * (outcome == "unknown"))
        for n, purpose in enumerate((Purpose.SECURITY_TXT, Purpose.MAIL_EXCHANGER), 1)
    )
    return findings(domain, probes, now=now, host_compromised=compromised)
