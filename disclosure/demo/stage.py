"""The demonstration: a whole alert against the small local world, and a desk filled with six cases.

Time is handed in: the stories begin six days ago and every step names its instant; nothing is slept for. The steps are
those of the people in front of the product, so the whole-story tests walk the same way.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import click
import pyotp
from flask import Flask

from disclosure import create_app
from disclosure.casework import (
    accounts,
    answering,
    authorities,
    certsearching,
    clockwork,
    coordination,
    delivery,
    identity,
    keys,
    lookups,
    noticepictures,
    reporting,
    searching,
)
from disclosure.casework.answering import Visit
from disclosure.casework.casefile import Hand, look
from disclosure.casework.coordination import Assessment, EnterContact, OpenCase, ReleaseNotice
from disclosure.casework.notices import Basis, NoticeFact, NoticeText
from disclosure.casework.office import Office
from disclosure.demo.certificates import make_certificate
from disclosure.demo.pharmacies import DemoOrganisation, build
from disclosure.demo.reports import DemoReport, reports
from disclosure.demo.screenshot import screenshot
from disclosure.demo.world import World
from disclosure.protocol.codes import Proof, TaskKind
from disclosure.protocol.values import Answer, Audience, Channel, Language, Severity
from disclosure.settings import load

AGO = timedelta(days=6)
HOUR = timedelta(hours=1)
LINK = re.compile(r"/a/([A-Za-z0-9_-]{40,120})")
CODE = re.compile(r"^\s*([0-9A-Z]{5}-[0-9A-Z]{5})\s*$", re.MULTILINE)
SEVERITIES = {
    "pharmacies": Severity.CRITICAL,
    "town": Severity.CRITICAL,
    "school": Severity.HIGH,
    "manufacturer": Severity.NORMAL,
    "hoster": Severity.HIGH,
    "association": Severity.LOW,
}


@dataclass(frozen=True)
class Cast:
    """Who and what is on the stage."""

    office: Office
    world: World
    organisations: dict[str, DemoOrganisation]
    reports: dict[str, DemoReport]
    coordinator_id: str
    start: datetime


def environment(world: World, folder: Path) -> dict[str, str]:
    """Settings of a server that lives in the small world."""
    return {
        "DISCLOSURE_INSTANCE": str(folder),
        "DISCLOSURE_DEMO": "true",
        "DISCLOSURE_RELAY_HOST": "127.0.0.1",
        "DISCLOSURE_RELAY_PORT": str(world.smtp_port),
        "DISCLOSURE_RELAY_SECURITY": "none",
        "DISCLOSURE_DEMO_WORLD_NAMESERVER": f"{world.dns_address}:{world.dns_port}",
        "DISCLOSURE_DEMO_WORLD_HTTPS": f"127.0.0.1:{world.https_port}",
        "DISCLOSURE_DEMO_WORLD_CA_FILE": str(world.ca_file),
        "DISCLOSURE_LETTERS_BUDGET": "10",
    }


# --- reading the mails that arrived, as their recipients do ---


@dataclass(frozen=True)
class Opened:
    """A mail as its recipient sees it: the link's token and the code that stands in the body."""

    text: str
    token: str
    code: str


def newest_mail(world: World, address: str) -> Opened:
    data = world.mail_to(address)[-1].data
    return read_mail(body_of(data))


def body_of(data: bytes) -> str:
    message = message_from_bytes(data, policy=policy.default)
    part = message.get_body(("plain",))
    return str(part.get_content()) if part is not None else ""


def read_mail(text: str) -> Opened:
    link, code = LINK.search(text), CODE.search(text)
    return Opened(text, link.group(1) if link else "", code.group(1) if code else "")


# --- steps of the story ---


def report_in(cast: Cast, key: str, now: datetime) -> str:
    """The reporter's form, as it arrives; returns the report's id."""
    told = cast.reports[key]
    pictures = (screenshot(),) if told.with_picture else ()
    receipt = reporting.submit(cast.office, reporting.SubmitReport.of(told, pictures, secrets.token_hex(16)), now)
    return reporting.enter(cast.office, receipt.codename)


def open_case(cast: Cast, key: str, report_id: str, now: datetime) -> Hand:
    """A coordinator reads, opens a case, ties the domain with a reason."""
    organisation, told = cast.organisations[key], cast.reports[key]
    reporting.mark_read(cast.office, report_id, cast.coordinator_id, now)
    post = next((c.text for c in organisation.contacts if c.channel is Channel.POST), "")
    command = OpenCase(
        (report_id,),
        organisation.legal_name,
        post,
        organisation.role,
        Assessment(
            told.kind, SEVERITIES[key], told.personal_data, organisation.sector, organisation.country, Answer.NO
        ),
    )
    case_id = coordination.open_case(cast.office, command, cast.coordinator_id, now)
    hand = Hand(cast.office, case_id, cast.coordinator_id, now)
    reason = "Mentions légales du site : même raison sociale, même adresse de siège."
    coordination.tie_domain(hand, organisation.domain, reason)
    return hand


def look_for_contacts(cast: Cast, hand: Hand, key: str) -> None:
    """The search against the small world, and the contacts that a person read from the legal notice."""
    for domain_id in look(cast.office, hand.case_id).case.domains:
        searching.start(hand, domain_id)
    find, seek = lookups.finder(cast.office), lookups.seeker(cast.office)
    searching.search(cast.office, hand.now, find, seek)
    for contact in cast.organisations[key].contacts:
        entered = EnterContact(contact.channel, contact.text, contact.office, "Mentions légales du site, lues ce jour")
        certsearching.after_entry(hand, coordination.enter_contact(hand, entered))
    searching.search(cast.office, hand.now, find, seek)


def choose(cast: Cast, hand: Hand) -> list[str]:
    """Ranked contacts first, then those entered by hand, mail before phone and post. Returns the mail contacts."""
    case = look(cast.office, hand.case_id).case
    usable = [c for c in case.contacts.values() if not c.review and not c.disabled and not c.intermediary]
    order = sorted(usable, key=lambda c: (c.channel is not Channel.MAIL, c.manual, c.rank, c.seq))
    if order:
        coordination.choose_contacts(hand, [c.id for c in order])
    return [c.id for c in order if c.channel is Channel.MAIL]


def first_contact(cast: Cast, hand: Hand) -> str:
    """Release the contact request to the first contact; returns the address it went to."""
    first = choose(cast, hand)[0]
    coordination.release_first_contact(hand, first)
    delivery.deliver(cast.office, hand.now)
    return cast.world.received[-1].recipients[0]


def confirm(cast: Cast, hand: Hand, address: str, name: str, role: str, now: datetime) -> Visit:
    """A person opens the link and types name, role and the code from the mail: S1."""
    mail = newest_mail(cast.world, address)
    answering.open_link(cast.office, mail.token, now)
    session = answering.confirm(cast.office, mail.token, mail.code, name, role, now)
    held = accounts.read_session(cast.office, Audience.ORGANISATION, session, now)
    assert held is not None  # noqa: S101 - it was opened a line above
    return Visit(cast.office, hand.case_id, held.subject, now)


def show_standing(cast: Cast, visit: Visit, address: str) -> None:
    """An own address at the tied domain, and the second code that was sent there: S2."""
    answering.name_address(visit, address)
    delivery.deliver(cast.office, visit.now)
    answering.give_second_code(visit, newest_mail(cast.world, address).code)


def pictures_of(cast: Cast, hand: Hand) -> tuple[str, ...]:
    with cast.office.store.reading() as connection:
        return tuple(one.id for one in noticepictures.offered(connection, hand.case_id))


def notice_of(cast: Cast, key: str, pictures: tuple[str, ...]) -> NoticeText:
    told = cast.reports[key]
    return NoticeText(
        presentation=told.affected,
        technical=told.description,
        advice="Vérifiez les accès aux systèmes concernés, conservez les journaux, changez les secrets exposés.",
        facts=(
            NoticeFact(Basis.REPORTED, None, f"Vu : {told.where_seen}"),
            NoticeFact(Basis.REPORTED, None, f"Personnes concernées : {told.people_affected or 'nombre inconnu'}"),
        ),
        pictures=pictures,
    )


def write_notice(cast: Cast, hand: Hand, key: str) -> None:
    coordination.draft_notice(hand, notice_of(cast, key, pictures_of(cast, hand)))


def release(cast: Cast, hand: Hand, person_id: str) -> None:
    person = look(cast.office, hand.case_id).case.persons[person_id]
    coordination.release_notice(
        hand,
        ReleaseNotice(person_id, person.standing, person.fingerprint, True, True, pictures_of(cast, hand)),
    )
    delivery.deliver(cast.office, hand.now)


def until(cast: Cast, now: datetime, *, done: Callable[[datetime], None] = lambda now: None) -> None:
    """Tick and deliver hour by hour from the story's start up to ``now``; ``done`` may do the tasks of each hour."""
    at = cast.start
    while at <= now:
        clockwork.tick(cast.office, at)
        delivery.deliver(cast.office, at)
        done(at)
        at += HOUR


_CALLED = ("Appel passé : message laissé à l'accueil, sans détail.", "")
_PROOFS = {
    TaskKind.REFERRAL: ("Lettre recommandée avec le dossier, accusé de réception signé.", "SAI-26-0417 (essai)"),
    TaskKind.UNREACHABLE_REFERRAL: ("Formulaire envoyé, copie d'écran conservée.", "INC-26-0093 (essai)"),
}


def do_open_tasks(cast: Cast, case_id: str, now: datetime) -> None:
    hand = Hand(cast.office, case_id, cast.coordinator_id, now)
    for task in look(cast.office, case_id).case.tasks.values():
        if task.open and task.opened_at + 2 * HOUR <= now:
            coordination.task_done(hand, task.id, *_PROOFS.get(task.kind, _CALLED))


# --- the whole demonstration ---


def confirm_channels(cast: Cast, now: datetime) -> str:
    """The operator confirms ANSSI's mail channel with a test certificate; returns that certificate's secret key."""
    who = "CERT-FR (certificat d'essai) <cert-fr@ssi.gouv.fr>"
    secret, public = make_certificate(who, now=now - timedelta(days=30))
    authorities.confirm_channel(cast.office, "fr-anssi:mail", public, cast.coordinator_id, now)
    return secret


def prepare(folder: Path, world: World, now: datetime) -> tuple[Cast, accounts.NewCoordinator, Flask]:
    """An empty instance in the small world, with one coordinator."""
    settings = load(folder, environment(world, folder))
    app = create_app(settings)
    office: Office = app.extensions["office"]
    office.prepare(now)
    start = now - AGO
    keys.ensure_service_key(office, start - timedelta(days=30))
    identity.keep_published(office, start)
    account = accounts.add(
        office, "camille", "Camille Exemple", "camille@coordination.example", Language.FR, start - timedelta(days=30)
    )
    organisations = {o.key: o for o in build(world, now=now)}
    told = {r.about: r for r in reports(now=start)}
    return Cast(office, world, organisations, told, account.id, start), account, app


def fill(cast: Cast, now: datetime) -> None:
    """Six cases in six states."""
    confirm_channels(cast, cast.start)
    hands = {}
    for place, key in enumerate(cast.organisations):
        at = cast.start + place * timedelta(minutes=20)
        hands[key] = open_case(cast, key, report_in(cast, key, at), at + timedelta(minutes=5))
        look_for_contacts(cast, hands[key], key)
    to = {key: first_contact(cast, hands[key]) for key in ("pharmacies", "town", "school")}
    # The pharmacies answer: S1, S2, notice on the case page, acknowledged.
    at = cast.start + 3 * HOUR
    visit = confirm(cast, hands["pharmacies"], to["pharmacies"], "Dominique Exemple", "Déléguée à la protection", at)
    show_standing(cast, visit, "d.exemple@officines-littoral.example")
    hand = Hand(cast.office, visit.case_id, cast.coordinator_id, at + HOUR)
    write_notice(cast, hand, "pharmacies")
    release(cast, hand, visit.person_id)
    later = Visit(cast.office, visit.case_id, visit.person_id, at + 2 * HOUR)
    answering.open_notice(later)
    answering.acknowledge(later)
    delivery.deliver(cast.office, later.now)
    answering.claim_remediation(Visit(cast.office, visit.case_id, visit.person_id, at + 8 * HOUR), "Accès fermé.")
    # The town never answers: the ladder climbs to the authorities.
    # The school confirmed by call-back and has not read the notice yet.
    at = cast.start + 5 * HOUR
    visit = confirm(cast, hands["school"], to["school"], "Alix Exemple", "Proviseur adjoint", at)
    hand = Hand(cast.office, visit.case_id, cast.coordinator_id, at + HOUR)
    coordination.show_standing(hand, visit.person_id, Proof.CALL_BACK, "Rappel au standard de l'établissement.")
    write_notice(cast, hand, "school")
    release(cast, hand, visit.person_id)
    until(cast, now, done=lambda instant: do_open_tasks(cast, hands["town"].case_id, instant))
    # Nobody at the association can be reached by mail; the manufacturer and the hoster wait for a coordinator.
    coordination.declare_unreachable(Hand(cast.office, hands["association"].case_id, cast.coordinator_id, now))
    clockwork.tick(cast.office, now)
    delivery.deliver(cast.office, now)


def play(folder: Path, *, once: bool) -> int:
    """Fill a fresh demonstration folder, say who may sign in, and serve until stopped."""
    from disclosure.serve import private_umask, serve  # noqa: PLC0415 - the parent of web and worker, not for stories

    private_umask()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    now = datetime.now(UTC).replace(microsecond=0)
    with World(folder=folder / "world", mailbox=folder / "world" / "mailbox") as world:
        click.echo("A small world on this machine: names, pages, mail. Nothing leaves it.")
        cast, account, _ = prepare(folder, world, now)
        fill(cast, now)
        click.echo("Six cases in six states are on the desk.")
        _say_who(account)
        cast.office.close()
        if once:
            return 0
        settings = load(folder, environment(world, folder))
        return serve(settings, dict(os.environ) | environment(world, folder))


def _say_who(account: accounts.NewCoordinator) -> None:
    secret = pyotp.parse_uri(account.totp_uri)
    code = secret.now() if isinstance(secret, pyotp.TOTP) else ""
    click.echo(f"\n  desk      /desk/\n  login     {account.login}\n  password  {account.password}")
    click.echo(f"  TOTP      {account.totp_uri}\n  now       {code} (each code is good once)\n")
