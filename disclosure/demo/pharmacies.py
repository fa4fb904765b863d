"""The invented setting of the demonstration: a group of pharmacies whose customer file is on sale, and five others.

Nobody here exists. Names end in .example (RFC 2606), telephones lie in the ranges that ARCEP keeps for fiction
(01 99 00, 02 61 91, 03 53 01, 04 65 71, 05 36 49, 06 39 98), post codes begin with 00.

    pharmacies    live security.txt and DNS Security TXT, with a certificate if one is handed in
    town          no security.txt, but mail: mailboxes to guess, and a web key directory for the one that is known
    school        security.txt that has expired, and mail
    manufacturer  a zone, and nothing in it
    hoster        name servers that fail or stay silent
    association   security.txt that names a web form and no address
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from disclosure.demo.certificates import make_certificate
from disclosure.demo.reports import DemoReport, reports
from disclosure.demo.screenshot import screenshot
from disclosure.demo.world import Site, World
from disclosure.discovery.keyplaces import web_key_urls
from disclosure.protocol.values import Address, Channel, Domain, Role, Sector

__all__ = ["DemoContact", "DemoOrganisation", "DemoReport", "build", "make_certificate", "reports", "screenshot"]

LIVE_FOR = timedelta(days=365)  # RFC 9116 2.5.5: less than a year ahead is recommended, and ours is read after `now`
EXPIRED_FOR = timedelta(days=90)
CERTIFICATE_PATH = "/.well-known/securite.pgp"
FILE_PATH = "/.well-known/security.txt"
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_HTML = {"Content-Type": "text/html; charset=utf-8"}
_BINARY = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class DemoContact:
    """What a person finds in a legal notice or a register (R14). ``text``: an address, a number or postal lines."""

    channel: Channel
    office: str  # whom it reaches, in French
    text: str


@dataclass(frozen=True)
class DemoOrganisation:
    key: str
    legal_name: str
    domains: tuple[Domain, ...]
    country: str  # ISO 3166-1 alpha-2
    sector: Sector
    role: Role
    contacts: tuple[DemoContact, ...]
    security: Address | None = None  # where its own people read mail about security

    @property
    def domain(self) -> Domain:
        return self.domains[0]


PHARMACIES = DemoOrganisation(
    key="pharmacies",
    legal_name="Groupement imaginaire des Officines du Littoral",
    domains=(Domain("officines-littoral.example"),),
    country="FR",
    sector=Sector.HEALTH,
    role=Role.CONTROLLER,
    contacts=(
        DemoContact(Channel.MAIL, "Direction générale", "direction@officines-littoral.example"),
        DemoContact(Channel.MAIL, "Délégué à la protection des données", "dpo@officines-littoral.example"),
        DemoContact(Channel.MAIL, "Service de presse", "presse@officines-littoral.example"),
        DemoContact(Channel.PHONE, "Standard", "+33 1 99 00 12 34"),
        DemoContact(Channel.POST, "Siège", "1 quai de l'Exemple\n00150 Port-Fictif"),
    ),
    security=Address.parse("securite@officines-littoral.example"),
)
TOWN = DemoOrganisation(
    key="town",
    legal_name="Commune imaginaire de Ville-Exemple",
    domains=(Domain("ville-exemple.example"),),
    country="FR",
    sector=Sector.PUBLIC,
    role=Role.CONTROLLER,
    contacts=(
        DemoContact(Channel.MAIL, "Secrétariat de mairie", "mairie@ville-exemple.example"),
        DemoContact(Channel.PHONE, "Accueil de la mairie", "+33 2 61 91 20 10"),
        DemoContact(Channel.POST, "Mairie", "Place de l'Exemple\n00260 Ville-Exemple"),
    ),
)
SCHOOL = DemoOrganisation(
    key="school",
    legal_name="Lycée imaginaire des Trois-Moulins",
    domains=(Domain("lycee-trois-moulins.example"),),
    country="FR",
    sector=Sector.EDUCATION_RESEARCH,
    role=Role.CONTROLLER,
    contacts=(
        DemoContact(Channel.MAIL, "Secrétariat du proviseur", "secretariat@lycee-trois-moulins.example"),
        DemoContact(Channel.PHONE, "Vie scolaire", "+33 3 53 01 45 60"),
    ),
)
MANUFACTURER = DemoOrganisation(
    key="manufacturer",
    legal_name="Serrures Imaginaires SRL",
    domains=(Domain("serrures-imaginaires.example"),),
    country="BE",
    sector=Sector.OTHER,
    role=Role.MANUFACTURER,
    contacts=(DemoContact(Channel.POST, "Siège", "3 rue de l'Exemple\n0000 Bourg-Fictif\nBelgique"),),
)
HOSTER = DemoOrganisation(
    key="hoster",
    legal_name="Nuage Imaginaire SAS",
    domains=(Domain("nuage-imaginaire.example"),),
    country="FR",
    sector=Sector.DIGITAL,
    role=Role.HOST,
    contacts=(DemoContact(Channel.PHONE, "Astreinte technique", "+33 4 65 71 80 90"),),
)
ASSOCIATION = DemoOrganisation(
    key="association",
    legal_name="Association imaginaire Les Mains Ouvertes",
    domains=(Domain("mains-ouvertes.example"),),
    country="FR",
    sector=Sector.SOCIAL,
    role=Role.CONTROLLER,
    contacts=(
        DemoContact(Channel.FORM, "Formulaire de contact", "https://mains-ouvertes.example/contact"),
        DemoContact(Channel.PHONE, "Présidence", "+33 6 39 98 07 70"),
        DemoContact(Channel.POST, "Siège", "5 impasse de l'Exemple\n00539 Bois-Fictif"),
    ),
)


def build(world: World, *, now: datetime, certificate: bytes | None = None) -> tuple[DemoOrganisation, ...]:
    """Put the six organisations into ``world``, the pharmacies first. ``certificate``: theirs, to be published.

    ``now`` dates what they publish: their files expire a year after it, the school's did some months before.
    """
    _pharmacies(world, now, certificate)
    _mail(world, TOWN)
    world.site(_town(now))
    _mail(world, SCHOOL)
    world.site(
        _site(SCHOOL, _security_txt(SCHOOL, now - EXPIRED_FOR, "mailto:informatique@lycee-trois-moulins.example"))
    )
    world.zone(str(MANUFACTURER.domain), "SOA", f"ns.{MANUFACTURER.domain}. . 1 3600 600 604800 300")
    _hoster(world)
    world.site(_site(ASSOCIATION, _security_txt(ASSOCIATION, now + LIVE_FOR, "https://mains-ouvertes.example/contact")))
    return PHARMACIES, TOWN, SCHOOL, MANUFACTURER, HOSTER, ASSOCIATION


def _town(now: datetime) -> Site:
    """With a certificate of the registry's mailbox in its web key directory, at the direct place (KD-02)."""
    address = Address.parse(TOWN.contacts[0].text)
    _, certificate = make_certificate(f"{TOWN.contacts[0].office} <{address}>", now=now - timedelta(days=200))
    path = web_key_urls(address)[1].partition(str(TOWN.domain))[2]
    site = _site(TOWN)
    return Site(site.host, {**site.files, path: (200, _BINARY, certificate)})


def _pharmacies(world: World, now: datetime, certificate: bytes | None) -> None:
    domain, expires = PHARMACIES.domain, now + LIVE_FOR
    contact = f"mailto:{PHARMACIES.security}"
    lines = [f"Encryption: https://{domain}{CERTIFICATE_PATH}"] if certificate else []
    site = _site(PHARMACIES, _security_txt(PHARMACIES, expires, contact, "tel:+33-1-99-00-12-34", extra=lines))
    files = {**site.files, **({CERTIFICATE_PATH: (200, _BINARY, certificate)} if certificate else {})}
    world.site(Site(site.host, files))
    _mail(world, PHARMACIES)
    world.zone(f"_security.{domain}", "TXT", f"security_contact={contact}", f"security_expires={_instant(expires)}")


def _mail(world: World, organisation: DemoOrganisation) -> None:
    domain = organisation.domain
    world.zone(str(domain), "MX", f"10 mail.{domain}.")
    world.zone(f"mail.{domain}", "A", "127.0.0.1")


def _hoster(world: World) -> None:
    """Every look-up ends as unknown (R15). Most fail at once: a demonstration should not wait for each of them."""
    domain = str(HOSTER.domain)
    for name, rdtype in ((domain, "MX"), (f"_security.{domain}", "TXT")):
        world.fail(name, rdtype, "timeout")
    for rdtype in ("A", "AAAA", "NS", "SOA", "TXT", "CAA"):
        world.fail(domain, rdtype, "SERVFAIL")


def _site(organisation: DemoOrganisation, security_txt: str = "") -> Site:
    files = {"/": (200, _HTML, _page(organisation, "")), "/mentions-legales": (200, _HTML, _legal_notice(organisation))}
    if security_txt:
        files[FILE_PATH] = (200, _TEXT, security_txt.encode())
    return Site(str(organisation.domain), files)


def _security_txt(
    organisation: DemoOrganisation, expires: datetime, *contacts: str, extra: list[str] | None = None
) -> str:
    """RFC 9116, in the order in which its example stands."""
    lines = [
        f"# {organisation.legal_name}",
        *(f"Contact: {contact}" for contact in contacts),
        f"Expires: {_instant(expires)}",
        *(extra or []),
        "Preferred-Languages: fr, en",
        f"Canonical: https://{organisation.domain}{FILE_PATH}",
    ]
    return "\n".join([*lines, ""])


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _legal_notice(organisation: DemoOrganisation) -> bytes:
    lines = (f"<dt>{contact.office}</dt><dd>{contact.text}</dd>" for contact in organisation.contacts)
    return _page(organisation, f"<h2>Mentions légales</h2><dl>{''.join(lines)}</dl>")


def _page(organisation: DemoOrganisation, body: str) -> bytes:
    name = organisation.legal_name
    head = f'<!doctype html><html lang="fr"><meta charset="utf-8"><title>{name}</title>'
    return f"{head}<h1>{name}</h1><p>Cet organisme n'existe pas.</p>{body}</html>\n".encode()
