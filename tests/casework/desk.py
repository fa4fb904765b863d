"""What tests of casework do over and over: people at the desk, reports, cases up to a given step, a relay that keeps.

Everything goes through casework, as pages do; nothing leaves the process. Where a test needs a second case or person,
it asks again: ids are fresh each time, so that one office serves a whole module.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from disclosure.casework import accounts, answering, casefile, coordination, delivery, keys, noticepictures, reporting
from disclosure.casework.answering import Visit
from disclosure.casework.casefile import Hand
from disclosure.casework.certsearching import Seek
from disclosure.casework.coordination import Assessment, EnterContact, OpenCase, ReleaseNotice
from disclosure.casework.notices import Basis, NoticeFact, NoticeText
from disclosure.casework.office import Office
from disclosure.casework.reporting import SubmitReport
from disclosure.demo import stage
from disclosure.discovery.candidates import Candidate, Confidence, Reason, Scope, Source
from disclosure.discovery.certificates import CertificateFindings
from disclosure.discovery.certificates import findings as certificate_findings
from disclosure.discovery.certranking import Question
from disclosure.discovery.evidence import DnsEvidence, Hop, Outcome, Probe, Purpose
from disclosure.discovery.finder import Findings
from disclosure.discovery.finder import findings as read_findings
from disclosure.mail import relay
from disclosure.mail.inbound import MailClass, Received
from disclosure.openpgp.sandbox import judge_safely
from disclosure.protocol.state import Case
from disclosure.protocol.values import (
    Address,
    AlertKind,
    Answer,
    Audience,
    Channel,
    Domain,
    Language,
    Role,
    Sector,
    Severity,
)
from disclosure.store.tables import coordinators
from tests.office import T0, make_office

ADA, BO = "ada", "bo"  # coordinators: id and login
DOMAIN = "org.example"
SECURITY, OFFICE_MAIL = "security@org.example", "office@org.example"
OWN = "n.name@org.example"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOTICE = NoticeText(
    presentation="Presentation.",
    technical="Technical explanation.",
    advice="Advice.",
    facts=(NoticeFact(Basis.REPORTED, None, "A list was seen."),),
)
REPORT = SubmitReport(
    token="",
    kind=AlertKind.DATA_LEAK,
    severity_seen=Severity.HIGH,
    organisation="Org",
    domains=(DOMAIN,),
    country="FR",
    sector=Sector.HEALTH,
    affected="customers",
    personal_data=Answer.YES,
    personal_data_kinds="mail addresses",
    people_affected="150",
    where_seen="a channel",
    seen_when="yesterday",
    on_sale=Answer.YES,
    how_obtained="seen",
    description="A file is on sale.",
    reporter_name="",
    consent_text="",
    wishes_anonymity=True,
    language=Language.FR,
)
ASSESSMENT = Assessment(AlertKind.DATA_LEAK, Severity.HIGH, Answer.YES, Sector.HEALTH, "FR", Answer.NO)


def heard(said: MailClass, **more: Any) -> Received:
    """Incoming mail, as its reader would have told of it."""
    return Received(said, "by_the_test", **more)


@dataclass
class Relay:
    """Takes every mail and keeps it, newest last."""

    taken: list[tuple[str, bytes]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)  # of the envelope, in the same order

    def __call__(self, message: bytes, sender: str, recipient: Address, envelope_id: str) -> relay.Outcome:
        self.taken.append((str(recipient), message))
        self.senders.append(sender)
        return relay.Outcome(relay.Kind.ACCEPTED, "250 2.0.0", "250 2.0.0 Ok: queued as 4F", "relay.example", "TLSv1.3")

    def to(self, address: str) -> list[bytes]:
        return [message for recipient, message in self.taken if recipient == address]

    def newest(self, address: str, number: str = "") -> stage.Opened:
        """The newest mail to this address (about this alert), as its recipient reads it."""
        bodies = (stage.body_of(message) for message in reversed(self.to(address)))
        return stage.read_mail(next(body for body in bodies if number in body))


@dataclass
class House:
    """One office for a module, its relay, and an instant that only goes forward."""

    office: Office
    relay: Relay
    now: datetime = T0

    def later(self, by: timedelta = MINUTE) -> datetime:
        self.now += by
        return self.now

    def deliver(self) -> None:
        delivery.deliver(self.office, self.now, self.relay)

    def hand(self, case_id: str, coordinator_id: str = ADA) -> Hand:
        return Hand(self.office, case_id, coordinator_id, self.now)

    def case(self, case_id: str) -> Case:
        return casefile.look(self.office, case_id).case

    # --- up to a given step ---

    def report(self, **changes: object) -> str:
        told = replace(REPORT, token=secrets.token_hex(8), **changes)  # type: ignore[arg-type]
        return reporting.enter(self.office, reporting.submit(self.office, told, self.now).codename)

    def opened(self, *reports: str, organisation: str = "Org", **assessed: object) -> str:
        about = replace(ASSESSMENT, **assessed)  # type: ignore[arg-type]
        command = OpenCase(reports, organisation, "1 street", Role.CONTROLLER, about)
        return coordination.open_case(self.office, command, ADA, self.now)

    def tied(self, *reports: str, domain: str = DOMAIN, **assessed: object) -> str:
        """With a domain, two mail contacts and a phone, in this order."""
        case_id = self.opened(*reports, **assessed)  # type: ignore[arg-type]
        hand = self.hand(case_id)
        coordination.tie_domain(hand, Domain.parse(domain), "imprint")
        ids = [
            coordination.enter_contact(hand, EnterContact(channel, address, "", "imprint"))
            for channel, address in (
                (Channel.MAIL, SECURITY),
                (Channel.MAIL, OFFICE_MAIL),
                (Channel.PHONE, "01 99 00 00 01"),
            )
        ]
        coordination.choose_contacts(hand, ids)
        return case_id

    def requested(self, *reports: str, **assessed: object) -> str:
        """The contact request was taken by the relay."""
        case_id = self.tied(*reports, **assessed)  # type: ignore[arg-type]
        coordination.release_first_contact(self.hand(case_id), self.case(case_id).chosen[0])
        self.deliver()
        return case_id

    def confirmed(self, case_id: str, name: str = "N. Name", address: str = SECURITY) -> Visit:
        """S1: link and code of the newest mail to ``address``."""
        mail = self.relay.newest(address, self.case(case_id).number)
        session = answering.confirm(self.office, mail.token, mail.code, name, "DPO", self.later())
        held = accounts.read_session(self.office, Audience.ORGANISATION, session, self.now)
        assert held is not None
        return Visit(self.office, case_id, held.subject, self.now)

    def shown(self, visit: Visit, address: str = OWN) -> Visit:
        """S2: an own address at the tied domain and the code sent there."""
        answering.name_address(visit, address)
        self.deliver()
        again = replace(visit, now=self.later())
        answering.give_second_code(again, self.relay.newest(address, self.case(visit.case_id).number).code)
        return again

    def released(self, case_id: str, person_id: str) -> None:
        hand = self.hand(case_id)
        with self.office.store.reading() as connection:
            pictures = tuple(one.id for one in noticepictures.offered(connection, case_id))
        coordination.draft_notice(hand, replace(NOTICE, pictures=pictures))
        person = self.case(case_id).persons[person_id]
        command = ReleaseNotice(person_id, person.standing, person.fingerprint, True, True, pictures)
        coordination.release_notice(hand, command)
        self.deliver()

    def noticed(self, *reports: str, **assessed: object) -> Visit:
        """A case whose notice was released to one person of S2."""
        case_id = self.requested(*reports, **assessed)
        visit = self.shown(self.confirmed(case_id))
        self.released(case_id, visit.person_id)
        return replace(visit, now=self.later())


def hire(office: Office, login: str, *, active: bool = True) -> None:
    """A coordinator without a password: Argon2 costs a tenth of a second, and nobody signs in here."""
    with office.store.writing() as tx:
        tx.execute(
            coordinators.insert().values(
                id=login,
                login=login,
                name=login.capitalize(),
                address=f"{login}@desk.example",
                language="fr",
                password_hash="x",
                totp_sealed=b"x",
                totp_step=0,
                active=active,
                created_at=T0,
            )
        )


def build(folder: Path, *, policy: str = "", **environ: str) -> House:
    """An office with a service key and two coordinators; ``policy``: replacements in the shipped file, "a=b\\n…"."""
    folder.mkdir(parents=True, exist_ok=True)
    if policy:
        (folder / "policy.toml").write_text(policy, encoding="utf-8")
    office = make_office(folder, **environ)
    keys.ensure_service_key(office, T0 - timedelta(days=30))
    for login in (ADA, BO):
        hire(office, login)
    return House(office, Relay())


def findings(*addresses: str, status: Outcome = Outcome.FOUND, review: tuple[str, ...] = ()) -> Findings:
    """What a search of DOMAIN came to: one look-up, these mail addresses."""
    domain = Domain.parse(DOMAIN)
    probe = Probe(
        id="p1",
        purpose=Purpose.SECURITY_TXT,
        subject=domain,
        question=f"https://{DOMAIN}/.well-known/security.txt",
        asked_at=T0,
        outcome=status,
        rule="ST-01",
    )
    found = [
        Candidate(
            channel=Channel.MAIL,
            address=address,
            source=Source.SECURITY_TXT,
            rank=rank,
            confidence=Confidence.HIGH,
            reason=Reason.PUBLISHED_BY_HOST,
            params=(),
            scope=Scope.HOST,
            probes=("p1",),
            flags=(),
        )
        for rank, address in enumerate((*addresses, *review), 1)
    ]
    ranked, kept = tuple(found[: len(addresses)]), tuple(found[len(addresses) :])
    return Findings(domain, T0, Answer.NO, status, ranked, kept, (), (), (probe,))


def read_file(body: bytes) -> Findings:
    """What a search of DOMAIN came to that found this security.txt, and mail exchangers."""
    domain = Domain.parse(DOMAIN)
    url = f"https://{DOMAIN}/.well-known/security.txt"
    hop = Hop(url, ("192.0.2.1",), "192.0.2.1", "TLSv1.3", None, 200, "", "text/plain")
    file = Probe("p1", Purpose.SECURITY_TXT, domain, url, T0, Outcome.FOUND, "ST-01", hops=(hop,), body=body)
    taken = DnsEvidence("192.0.2.53", False, 300, (f"10 mx.{DOMAIN}.",))
    exchanger = Probe("p2", Purpose.MAIL_EXCHANGER, domain, f"{DOMAIN} MX", T0, Outcome.FOUND, "ML-02", dns=taken)
    return read_findings(domain, (file, exchanger), now=T0, host_compromised=Answer.NO)


def certificates(*found: tuple[Purpose, bytes], unknown: bool = False, url: str = "", only: str = "") -> Seek:
    """What a search for certificates of any address comes to, judged by the real judge.

    ``found``: place and body of each find, for this address only if ``only`` names one.
    ``unknown``: the key server did not answer. ``url``: where the redirect of each find ended.
    """

    def seek(
        address: Address, encryption: Sequence[str], suspect: Domain | None, compromised: Answer, now: datetime
    ) -> CertificateFindings:
        finds = found if only in {"", str(address)} else ()
        hops = tuple(Hop(one) for one in (f"https://{address.domain}/x", url) if one)
        probes = [
            Probe(
                f"c{n}",
                purpose,
                address.domain,
                f"https://{address.domain}/x{n}",
                now,
                Outcome.FOUND,
                "KD-01",
                hops=hops,
                body=body,
            )
            for n, (purpose, body) in enumerate(finds, 1)
        ]
        if unknown:
            failed = Probe("c0", Purpose.KEYSERVER, address.domain, "key server", now, Outcome.UNKNOWN, "KD-06")
            probes.append(failed)
        question = Question(address, tuple(encryption), suspect, compromised)
        return certificate_findings(question, probes, judge=judge_safely, now=now)

    return seek


class Refusing:
    """A relay that says for good that there is no such mailbox."""

    def __call__(self, message: bytes, sender: str, recipient: Address, envelope_id: str) -> relay.Outcome:
        return relay.Outcome(relay.Kind.REFUSED_PERMANENT, "550 5.1.1", "550 5.1.1 No such user")
