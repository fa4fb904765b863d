"""What people at the organisation do: open a link, confirm, show standing, read, acknowledge, contest, plan (R25–R29).

A GET counts an opening and changes no case. Every POST is a person's: the code from the mail first, then a session that
belongs to one link and one person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from disclosure.casework import accounts, casefile, certkeeping, linking, proofs
from disclosure.casework.casefile import CaseFile, Fact, domains_of
from disclosure.casework.coordination import extension_facts, later_facts
from disclosure.casework.notices import NoticeText
from disclosure.casework.office import Office, new_id
from disclosure.casework.queueing import queued, to_each
from disclosure.discovery.names import is_public_webmail
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType, Proof, TaskKind
from disclosure.protocol.errors import InvalidInput, LinkRefused, Refused
from disclosure.protocol.ladder import running
from disclosure.protocol.state import Case, Person
from disclosure.protocol.values import Address, Audience, Channel, Party, Purpose, Standing
from disclosure.store import ledger
from disclosure.store.tables import links, second_codes

MAX_WORDS = 10_000
CODE_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class Visit:
    """A person of the organisation acts through one session (which belongs to one link), now."""

    office: Office
    case_id: str
    person_id: str
    now: datetime

    @property
    def actor(self) -> e.Actor:
        return e.Actor(Party.ORGANISATION, self.person_id)


@dataclass(frozen=True)
class LinkPage:
    """What the GET of a link shows: nothing of the case but its number."""

    number: str
    purpose: Purpose
    known_person: bool


def open_link(office: Office, token: str, now: datetime, *, only: Purpose | None = None) -> LinkPage:
    """Count the opening; at most one event per link. Opened by something, never "read"."""
    row, page = _linked(office, token, now, only)
    if row.openings == 0:
        casefile.change(office, row.case_id, now, lambda _: _opened_once(row.id, row.mail_id), _count_opening(row.id))
    else:
        with office.store.writing() as tx:
            _count_opening(row.id)(tx)
    return page


def link_page(office: Office, token: str, now: datetime) -> LinkPage:
    """The page again, with what is wrong with what was typed: no opening."""
    return _linked(office, token, now, None)[1]


def _linked(office: Office, token: str, now: datetime, only: Purpose | None) -> tuple[Row[Any], LinkPage]:
    with office.store.reading() as connection:
        row = linking.find(office, connection, token, now, only=only)
        case = casefile.load(office, connection, row.case_id).case
    return row, LinkPage(case.number, Purpose(row.purpose), _who(case, row) is not None)


def _who(case: Case, row: Row[Any]) -> str | None:
    """Who comes through this link, if that is known. A link to the contact stands in a mail that may have been passed
    on (R19): once somebody has shown more than that mail, the mail alone brings a new person, at S1 (R29)."""
    if row.purpose == Purpose.NOTICE:
        return str(row.recipient)
    person = case.persons.get(row.person_id or "")
    return person.id if person and person.standing < Standing.S2 else None


def _opened_once(link_id: str, mail_id: str) -> list[Fact]:
    return [(e.MACHINE, e.LinkOpened(link_id=link_id, mail_id=mail_id))]


def _count_opening(link_id: str):  # type: ignore[no-untyped-def]
    def within(tx: Connection, _: CaseFile | None = None) -> None:
        tx.execute(update(links).where(links.c.id == link_id).values(openings=links.c.openings + 1))

    return within


# --- S1 ---


def confirm(office: Office, token: str, code: str, name: str, role: str, now: datetime) -> str:
    """S1: the code from the mail's body, a name and a role; S2 if the mail proves it. Returns the session token.

    A second POST of the same person's link opens a session again, ends the one before and records nothing twice (R28):
    whoever shows standing later is the only one who sits behind this link.
    """
    problems = {field: "required" for field, value in (("name", name), ("role", role)) if not value.strip()}
    problems |= {field: "too_long" for field, value in (("name", name), ("role", role)) if len(value) > 200}  # noqa: PLR2004
    with office.store.reading() as connection:
        row = linking.find(office, connection, token, now)
        known = _who(casefile.load(office, connection, row.case_id).case, row)
    if problems and known is None:
        raise InvalidInput(problems)
    linking.check_code(office, links, links.c.id == row.id, row, code, now)
    person_id = known or _confirm_person(office, row, name.strip(), role.strip(), now)
    accounts.end_sessions(office, Audience.ORGANISATION, person_id)
    return _session(office, row.case_id, person_id, row.id, now)


def _confirm_person(office: Office, row: Row[Any], name: str, role: str, now: datetime) -> str:
    person_id = new_id()

    def decide(file: CaseFile) -> list[Fact]:
        actor = e.Actor(Party.ORGANISATION, person_id)
        confirmed = e.PersonConfirmed(person_id=person_id, contact_id=row.recipient, name=name, role=role)
        # Of the first who comes through this link; another person starts again at S1 (R29).
        proof = None if row.person_id else proofs.by_certificate(office, file, person_id, row.mail_id, now)
        shown = [(actor, proof), *_cancel_calls(file.case)] if proof else []
        return [(actor, confirmed), *shown, *_tell_the_others(office, file.case, row.recipient, now)]

    def within(tx: Connection, _: CaseFile) -> None:
        as_read = links.c.person_id.is_(None) if row.person_id is None else links.c.person_id == row.person_id
        tx.execute(update(links).where(links.c.id == row.id, as_read).values(person_id=person_id))

    casefile.change(office, row.case_id, now, decide, within)
    return person_id


def _tell_the_others(office: Office, case: Case, contact_id: str, now: datetime) -> list[Fact]:
    """R29: everybody already written to is told that somebody confirmed, and may object; persons at their own address,
    for whoever comes through a mail that was passed on is a stranger to those who answered before."""
    others = [cid for cid in case.live_contacts() if cid != contact_id]
    return to_each(office, case, MailType.SOMEBODY_CONFIRMED, (*others, *case.own_addresses()), now)


def _session(office: Office, case_id: str, person_id: str, link_id: str, now: datetime) -> str:
    idle = office.settings.sessions.organisation_idle
    return accounts.open_session(
        office, Audience.ORGANISATION, person_id, now, stream_id=case_id, link_id=link_id, idle=idle, longest=idle * 8
    )


# --- S2 ---


def name_address(visit: Visit, text: str) -> None:
    """An own address at a tied domain, never public webmail; the second code goes there (R29)."""
    address = Address.parse(text)
    if is_public_webmail(address.domain):
        raise InvalidInput({"address": "public_webmail"})
    office = visit.office

    def decide(file: CaseFile) -> list[Fact]:
        with office.store.reading() as connection:
            tied = domains_of(office, connection, file)
        domain_id = next((key for key, domain in tied.items() if casefile.is_tied(address, [domain])), None)
        if domain_id is None:
            raise InvalidInput({"address": "not_at_a_tied_domain"})
        code = queued(office, file.case, MailType.SECOND_CODE, visit.person_id, visit.now)
        named = e.OwnAddressNamed(person_id=visit.person_id, domain_id=domain_id, address=str(address))
        return [(visit.actor, named), (e.MACHINE, code)]

    casefile.change(office, visit.case_id, visit.now, decide)


def give_second_code(visit: Visit, code: str) -> None:
    """S2 when the code is the one sent to the address named last."""
    office = visit.office
    with office.store.reading() as connection:
        case = casefile.load(office, connection, visit.case_id).case
        person = _person(case, visit.person_id)
        query = (
            select(second_codes)
            .where(
                second_codes.c.person_id == visit.person_id,
                second_codes.c.address_seq == person.address_seq,
                second_codes.c.used_at.is_(None),
                second_codes.c.expires_at > visit.now,
            )
            .order_by(second_codes.c.expires_at.desc())
            .limit(1)
        )
        row = connection.execute(query).first()
    if row is None:
        raise InvalidInput({"code": "code_not_sent_yet"})
    linking.check_code(office, second_codes, second_codes.c.mail_id == row.mail_id, row, code, visit.now)
    shown = e.StandingShown(person_id=visit.person_id, standing=Standing.S2, proof=Proof.OWN_ADDRESS)

    def decide(file: CaseFile) -> list[Fact]:
        if _person(file.case, visit.person_id).address_seq != row.address_seq:
            raise InvalidInput({"code": "code_not_sent_yet"})  # another address was named while this was typed
        return [(visit.actor, shown), *_cancel_calls(file.case)]

    def within(tx: Connection, _: CaseFile) -> None:
        tx.execute(update(second_codes).where(second_codes.c.mail_id == row.mail_id).values(used_at=visit.now))

    casefile.change(office, visit.case_id, visit.now, decide, within)


def _cancel_calls(case: Case) -> list[Fact]:
    """Somebody answered: phone calls and forms of the contact clock have nothing left to ask."""
    asking = {TaskKind.PHONE_CALL, TaskKind.CONTACT_FORM}
    calls = [task for task in case.tasks.values() if task.open and task.kind in asking]
    return [(e.MACHINE, e.TaskCancelled(task_id=task.id, reason="answered")) for task in calls]


def _person(case: Case, person_id: str) -> Person:
    person = case.persons.get(person_id)
    if person is None:
        raise LinkRefused
    return person


def hand_in_certificate(visit: Visit, pasted: bytes) -> None:
    """Judged now and again at every use; a refused one is not stored, and says why (R18). Starts again at S1 (R29)."""
    office = visit.office
    verdict = certkeeping.judged(pasted, None, visit.now)
    certificate_id = new_id()
    handed = e.CertificateHandedIn(
        person_id=visit.person_id,
        certificate_id=certificate_id,
        fingerprint=verdict.fingerprint,
        flags=tuple(verdict.flags),
    )

    def within(tx: Connection, _: CaseFile) -> None:
        certkeeping.keep(office, tx, visit.case_id, certificate_id, verdict.fingerprint, verdict.certificate)

    casefile.change(office, visit.case_id, visit.now, lambda _: [(visit.actor, handed)], within)


# --- the notice, and answers to it ---


def read_notice(visit: Visit) -> tuple[NoticeText, e.NoticeReleased]:
    """The released notice, for the person to whom it was released and nobody else; opening it is an event, once."""
    office = visit.office
    with office.store.reading() as connection:
        case = casefile.load(office, connection, visit.case_id).case
        person = _person(case, visit.person_id)
        if not person.may_read:
            raise Refused("R29", "nothing_released_to_this_person")
        released = ledger.one(office.store, connection, visit.case_id, person.release_seq)
    assert isinstance(released, e.NoticeReleased)  # noqa: S101 - release_seq points nowhere else
    return NoticeText.read(released.text), released


def open_notice(visit: Visit) -> None:
    """By POST: the person asked to read. Recorded once."""

    def decide(file: CaseFile) -> list[Fact]:
        person = _person(file.case, visit.person_id)
        return [] if person.opened_at else [(visit.actor, e.NoticeOpened(person_id=visit.person_id))]

    casefile.change(visit.office, visit.case_id, visit.now, decide)


def acknowledge(visit: Visit, words: str = "") -> None:
    """ "I have read this": admits nothing (R26). Double is no error: the first stands (R28)."""
    _within_length(words)

    def decide(file: CaseFile) -> list[Fact]:
        case, person = file.case, _person(file.case, visit.person_id)
        if person.acknowledged_at:
            return []
        facts: list[Fact] = []
        if person.opened_at is None:
            facts.append((visit.actor, e.NoticeOpened(person_id=visit.person_id)))
        facts.append((visit.actor, e.NoticeAcknowledged(person_id=visit.person_id, words=words.strip())))
        facts.append((e.MACHINE, queued(visit.office, case, MailType.THANKS, visit.person_id, visit.now)))
        return facts + later_facts(visit.office, file, visit.now)

    casefile.change(visit.office, visit.case_id, visit.now, decide)


def contest(visit: Visit, words: str) -> None:
    _needed(words)
    _say(visit, e.NoticeContested(person_id=visit.person_id, words=words.strip()), tell_authorities=True)


def plan_remediation(visit: Visit, by: date, words: str) -> None:
    _within_length(words)
    if by < visit.now.date():
        raise InvalidInput({"by": "in_the_past"})
    planned = e.RemediationPlanned(person_id=visit.person_id, by=by, words=words.strip())
    _say(visit, planned, tell_authorities=True)


def claim_remediation(visit: Visit, words: str) -> None:
    _within_length(words)
    claimed = e.RemediationClaimed(person_id=visit.person_id, words=words.strip())
    _say(visit, claimed, tell_authorities=True)


def write(visit: Visit, words: str) -> None:
    """A question or a message on the case page."""
    _needed(words)
    _say(visit, e.OrganisationWrote(person_id=visit.person_id, words=words.strip()), tell_authorities=False)


def _say(visit: Visit, event: e.Event, *, tell_authorities: bool) -> None:
    def decide(file: CaseFile) -> list[Fact]:
        _person(file.case, visit.person_id)
        told = later_facts(visit.office, file, visit.now) if tell_authorities else []
        return [(visit.actor, event), *told]

    casefile.change(visit.office, visit.case_id, visit.now, decide)


def ask_for_time(visit: Visit, days: int, reason: str) -> None:
    """R35: the running clock, within the cap."""

    def decide(file: CaseFile) -> list[Fact]:
        run = running(file.case, file.rules.policy)
        if run is None:
            raise Refused("R35", "no_clock_runs")
        return extension_facts(file, run.clock, timedelta(days=days), reason, visit.actor)

    casefile.change(visit.office, visit.case_id, visit.now, decide)


def suggest_contact(visit: Visit, channel: Channel, text: str) -> None:
    """R23: a candidate for the coordinator; never written to by itself."""
    address = str(Address.parse(text)) if channel is Channel.MAIL else text.strip()[:200]
    if not address:
        raise InvalidInput({"address": "required"})
    suggested = e.ContactSuggested(contact_id=new_id(), channel=channel, person_id=visit.person_id, address=address)
    _say(visit, suggested, tell_authorities=False)


def object_to(office: Office, token: str, code: str, words: str, now: datetime) -> None:
    """Somebody written to before says that the one who confirmed is not theirs (R29)."""
    with office.store.reading() as connection:
        row = linking.find(office, connection, token, now, only=Purpose.CONFIRM)
    _needed(words)
    linking.check_code(office, links, links.c.id == row.id, row, code, now)

    def decide(file: CaseFile) -> list[Fact]:
        actor = e.Actor(Party.ORGANISATION, row.recipient)
        mine = {row.recipient, row.person_id}
        others = [p.id for p in file.case.persons.values() if not (p.objected or p.contact_id in mine or p.id in mine)]
        return [(actor, e.StandingObjected(person_id=pid, text=words.strip())) for pid in others]

    casefile.change(office, row.case_id, now, decide)


def _needed(words: str) -> None:
    if not words.strip():
        raise InvalidInput({"words": "required"})
    _within_length(words)


def _within_length(words: str) -> None:
    if len(words) > MAX_WORDS:
        raise InvalidInput({"words": "too_long"})
