"""A case with a long history: look-ups, contacts, mails and words as a stubborn case gathers them, through casework."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count, islice

from disclosure.casework import casefile, coordination
from disclosure.casework.casefile import CaseFile, Fact, Hand
from disclosure.casework.coordination import Assessment, EnterContact, OpenCase
from disclosure.casework.office import Office, new_id, sha256
from disclosure.protocol import events as e
from disclosure.protocol.codes import LookupOutcome, MailType
from disclosure.protocol.values import AlertKind, Answer, Channel, Domain, Language, Role, Sector, Severity

CONTACTS = 12


def build(office: Office, coordinator_id: str, length: int, now: datetime) -> str:
    """A case whose stream has ``length`` entries (at least 30), begun a month before ``now``. Returns its id."""
    at = now - timedelta(days=30)
    case_id = coordination.open_case(office, _order(), coordinator_id, at)
    hand = Hand(office, case_id, coordinator_id, at)
    coordination.tie_domain(hand, Domain("officines-littoral.example"), "Named in the imprint.")
    contacts = tuple(_contact(hand, number) for number in range(CONTACTS))
    coordination.choose_contacts(hand, contacts)
    coordination.release_first_contact(hand, contacts[0])
    casefile.change(office, case_id, at + timedelta(hours=1), _fill(length, hand.actor, contacts))
    return case_id


def _order() -> OpenCase:
    judged = Assessment(
        kind=AlertKind.DATA_LEAK,
        severity=Severity.CRITICAL,
        personal_data=Answer.YES,
        sector=Sector.HEALTH,
        country="FR",
        host_compromised=Answer.NO,
    )
    return OpenCase((), "Groupement imaginaire des Officines du Littoral", "1 quai Fictif", Role.CONTROLLER, judged)


def _contact(hand: Hand, number: int) -> str:
    address = f"service-{number}@officines-littoral.example"
    return coordination.enter_contact(hand, EnterContact(Channel.MAIL, address, f"Service {number}", "imprint"))


def _fill(length: int, actor: e.Actor, contacts: tuple[str, ...]) -> Callable[[CaseFile], list[Fact]]:
    return lambda file: list(islice(_history(actor, contacts), length - file.case.last_seq))


def _history(actor: e.Actor, contacts: tuple[str, ...]) -> Iterator[Fact]:
    for turn in count():
        to, search_id = contacts[turn % len(contacts)], new_id()
        for outcome in LookupOutcome:
            yield e.MACHINE, _lookup(search_id, outcome, turn)
        yield from ((e.MACHINE, event) for event in _mail(to))
        yield actor, e.NoteWritten(text=f"{turn + 1}. Rappel : personne n'a répondu au standard, message laissé.")
        yield actor, e.OrganisationAnswered(words="Nous restons à votre disposition pour vérifier qui nous sommes.")


def _lookup(search_id: str, outcome: LookupOutcome, turn: int) -> e.LookupRecorded:
    return e.LookupRecorded(
        search_id=search_id,
        probe_id=new_id(),
        purpose="security_txt",
        outcome=outcome,
        evidence_sha256=sha256(search_id.encode()),
        question=f"https://site-{turn}.officines-littoral.example/.well-known/security.txt",
    )


def _mail(to: str) -> Iterator[e.Event]:
    """From the queue to the recipient's server, as the ladder and the relay record it."""
    mail_id, kind, epoch = new_id(), MailType.LATER_FACT, datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    yield e.MailQueued(mail_id=mail_id, mail_type=kind, to=to, language=Language.FR, not_before=epoch)
    yield e.MailPrepared(mail_id=mail_id, sha256=sha256(mail_id.encode()), encrypted_to=())
    yield e.MailRelayed(mail_id=mail_id, mail_type=kind, to=to, attempt=1, reply="250 2.0.0 queued as 4F1B2C3D")
    yield e.MailDelivered(mail_id=mail_id, mail_type=kind, to=to)
