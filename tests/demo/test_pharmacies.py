"""The invented setting: invented it must be, and each organisation must be found the way its line says."""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.exception
import dns.resolver
import pysequoia
import pytest
from PIL import Image

from disclosure.demo import pharmacies
from disclosure.demo.pharmacies import DemoOrganisation, DemoReport, build, make_certificate, reports, screenshot
from disclosure.demo.world import World
from disclosure.protocol.events import ReportReceived
from disclosure.protocol.values import Address, AlertKind, Answer, Channel, Domain, Language
from tests.conftest import need

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
PLENTY, HARDLY = 10.0, 0.2
# ARCEP keeps these for fiction.
FICTION = re.compile(r"\+33 (?:1 99 00|2 61 91|3 53 01|4 65 71|5 36 49|6 39 98) \d\d \d\d")
KEYS = ["pharmacies", "town", "school", "manufacturer", "hoster", "association"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(folder=tmp_path_factory.mktemp("world")) as world:
        build(world, now=NOW, certificate=b"certificate")
        yield world


@pytest.fixture
def organisations(tmp_path: Path) -> tuple[DemoOrganisation, ...]:
    return build(World(folder=tmp_path), now=NOW)


def resolve(world: World, name: str, rdtype: str, wait: float = PLENTY) -> list[str]:
    """Texts of the records; the name of the failure where there are none."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [world.dns_address], world.dns_port, wait
    try:
        return sorted(str(record) for record in resolver.resolve(name, rdtype))
    except dns.exception.DNSException as error:
        return [type(error).__name__]


class Line(http.client.HTTPSConnection):
    """To the world, whatever the host's name."""

    def __init__(self, world: World, host: str) -> None:
        super().__init__(host, timeout=PLENTY)
        self._world = world

    def connect(self) -> None:
        plain = socket.create_connection((self._world.dns_address, self._world.https_port), PLENTY)
        context = ssl.create_default_context(cafile=self._world.ca_file)
        self.sock = context.wrap_socket(plain, server_hostname=self.host)


def get(world: World, host: str, path: str) -> tuple[int, str]:
    with contextlib.closing(Line(world, host)) as line:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("name", "rdtype", "found", "why"),
    [
        ("officines-littoral.example", "MX", ["10 mail.officines-littoral.example."], "the group has mail"),
        ("officines-littoral.example", "A", ["127.0.0.1"], "and a site"),
        (
            "_security.officines-littoral.example",
            "TXT",
            [
                '"security_contact=mailto:securite@officines-littoral.example"',
                '"security_expires=2027-11-24T09:00:00Z"',
            ],
            "and a live DNS Security TXT",
        ),
        ("ville-exemple.example", "MX", ["10 mail.ville-exemple.example."], "the town's mailboxes can be guessed"),
        ("_security.ville-exemple.example", "TXT", ["NXDOMAIN"], "but nothing names one"),
        ("lycee-trois-moulins.example", "MX", ["10 mail.lycee-trois-moulins.example."], "the school has mail"),
        ("serrures-imaginaires.example", "A", ["NoAnswer"], "the manufacturer has a domain"),
        ("serrures-imaginaires.example", "MX", ["NoAnswer"], "without mail"),
        ("_security.serrures-imaginaires.example", "TXT", ["NXDOMAIN"], "without anything"),
        ("nuage-imaginaire.example", "A", ["NoNameservers"], "the hoster's servers fail"),
        ("nuage-imaginaire.example", "SOA", ["NoNameservers"], "for every question"),
        ("mains-ouvertes.example", "MX", ["NoAnswer"], "the association has no mail, so nothing can be guessed"),
    ],
)
def test_what_the_names_say(world: World, name: str, rdtype: str, found: list[str], why: str) -> None:
    assert resolve(world, name, rdtype) == found, why


@pytest.mark.parametrize(
    ("name", "rdtype"), [("nuage-imaginaire.example", "MX"), ("_security.nuage-imaginaire.example", "TXT")]
)
def test_the_hoster_stays_silent_when_asked_for_contacts(world: World, name: str, rdtype: str) -> None:
    assert resolve(world, name, rdtype, HARDLY) == ["LifetimeTimeout"]


@pytest.mark.parametrize(
    ("host", "contacts", "expires", "why"),
    [
        (
            "officines-littoral.example",
            ["mailto:securite@officines-littoral.example", "tel:+33-1-99-00-12-34"],
            NOW + timedelta(days=365),
            "live for a year",
        ),
        (
            "lycee-trois-moulins.example",
            ["mailto:informatique@lycee-trois-moulins.example"],
            NOW - timedelta(days=90),
            "expired some months ago",
        ),
        (
            "mains-ouvertes.example",
            ["https://mains-ouvertes.example/contact"],
            NOW + timedelta(days=365),
            "a form only",
        ),
    ],
)
def test_what_the_files_say(world: World, host: str, contacts: list[str], expires: datetime, why: str) -> None:
    status, text = get(world, host, "/.well-known/security.txt")
    values = [line.partition(": ")[::2] for line in text.splitlines() if not line.startswith("#")]
    assert status == 200, why
    assert [value for name, value in values if name == "Contact"] == contacts, why
    assert [datetime.fromisoformat(value) for name, value in values if name == "Expires"] == [expires], why
    assert dict(values)["Canonical"] == f"https://{host}/.well-known/security.txt"


def test_the_certificate_is_published_where_the_file_says(world: World) -> None:
    _, text = get(world, "officines-littoral.example", "/.well-known/security.txt")
    (uri,) = re.findall(r"^Encryption: https://officines-littoral\.example(/\S+)$", text, re.MULTILINE)
    assert get(world, "officines-littoral.example", uri) == (200, "certificate")


def test_without_a_certificate_none_is_announced(tmp_path: Path) -> None:
    with World(folder=tmp_path) as world:
        build(world, now=NOW)
        assert "Encryption" not in get(world, "officines-littoral.example", "/.well-known/security.txt")[1]


def test_the_town_has_pages_but_no_file(world: World) -> None:
    assert get(world, "ville-exemple.example", "/.well-known/security.txt")[0] == 404
    status, page = get(world, "ville-exemple.example", "/mentions-legales")
    assert status == 200
    assert "+33 2 61 91 20 10" in page
    assert "n'existe pas" in page


def test_six_organisations_the_pharmacies_first(organisations: tuple[DemoOrganisation, ...]) -> None:
    assert [organisation.key for organisation in organisations] == KEYS
    assert len({organisation.domain for organisation in organisations}) == len(KEYS)


def test_every_contact_is_invented(organisations: tuple[DemoOrganisation, ...]) -> None:
    for organisation in organisations:
        assert all(domain.name.endswith(".example") for domain in organisation.domains)
        assert re.search("imaginaire", organisation.legal_name, re.IGNORECASE)
        for contact in organisation.contacts:
            if contact.channel is Channel.PHONE:
                assert FICTION.fullmatch(contact.text), contact
            if contact.channel is Channel.MAIL:
                assert Address.parse(contact.text).domain in organisation.domains
            if contact.channel is Channel.POST:
                # No French department is 00, no Belgian post code begins with 0.
                assert re.search(r"^00", contact.text, re.MULTILINE), contact


def test_no_name_outside_the_reserved_ones_is_written_down() -> None:
    folder = Path(pharmacies.__file__).parent
    text = "\n".join((folder / name).read_text("utf-8") for name in ("pharmacies.py", "reports.py", "screenshot.py"))
    hosts = re.findall(r"\b(?:[a-z0-9-]+\.)+(?:fr|com|org|net|eu|be|io|me|info)\b", text)
    assert hosts == []


def test_one_report_each_in_french_and_one_in_english(organisations: tuple[DemoOrganisation, ...]) -> None:
    told = reports(now=NOW)
    assert [report.about for report in told] == KEYS
    assert [report.language for report in told].count(Language.EN) == 1
    assert {report.kind for report in told} == set(AlertKind)
    for report, organisation in zip(told, organisations, strict=True):
        assert report.organisation == organisation.legal_name
        assert tuple(map(Domain, report.domains)) == organisation.domains
        assert (report.country, report.sector) == (organisation.country, organisation.sector)
        assert all((report.affected, report.where_seen, report.seen_when, report.how_obtained, report.description))


def test_a_report_has_the_fields_that_are_received() -> None:
    received = {field.name for field in fields(ReportReceived)}
    # text_only is the server's decision (R8).
    assert received - {field.name for field in fields(DemoReport)} == {"text_only"}


def test_the_model_story_is_told() -> None:
    report = reports(now=NOW)[0]
    told = " ".join(str(getattr(report, field.name)) for field in fields(report))
    for fact in (
        "Telegram",
        "150 pharmacies",
        "150 000",
        "mutuelle",
        "carte Vitale",
        "fidélité",
        "d'extorsion",
        "fixe",
    ):
        assert fact in told
    assert (report.kind, report.personal_data, report.on_sale) == (AlertKind.DATA_LEAK, Answer.YES, Answer.YES)
    assert report.seen_when.startswith("22/11/2026")


def test_the_picture_is_a_small_png_without_metadata() -> None:
    content = screenshot()
    assert content == screenshot()
    assert len(content) < 100_000
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (900, 620))
        assert picture.info == {}


USER_ID = "Sécurité <securite@officines-littoral.example>"


def test_a_certificate_is_dated_as_told_and_works() -> None:
    made_at = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    secret, public = make_certificate(USER_ID, now=made_at)
    certificate = pysequoia.Cert.from_bytes(public)
    assert [str(user_id) for user_id in certificate.user_ids] == [USER_ID]
    assert certificate.expiration == made_at + timedelta(days=730)
    assert secret.startswith("-----BEGIN PGP PRIVATE KEY BLOCK-----")
    assert b"PRIVATE" not in public


def test_two_certificates_are_two() -> None:
    assert make_certificate(USER_ID, now=NOW)[1] != make_certificate(USER_ID, now=NOW)[1]


def test_gpg_can_encrypt_to_it_and_its_owner_reads(tmp_path: Path) -> None:
    gpg, gpgconf = need("gpg", package="gnupg"), need("gpgconf", package="gnupg")
    secret, public = make_certificate(USER_ID, now=datetime.now(UTC) - timedelta(hours=1))
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    recipient = ("--trust-model", "always", "--recipient", "securite@officines-littoral.example")
    try:
        for home, key in ((theirs, secret.encode()), (ours, public)):
            home.mkdir(mode=0o700)
            _gpg(gpg, home, key, "--import")
        ciphertext = _gpg(gpg, ours, "été".encode(), *recipient, "--encrypt")
        assert _gpg(gpg, theirs, ciphertext, "--decrypt") == "été".encode()
    finally:
        for home in (theirs, ours):
            subprocess.run([gpgconf, "--homedir", str(home), "--kill", "all"], check=True)


def _gpg(gpg: str, home: Path, content: bytes, *options: str) -> bytes:
    command = [gpg, "--homedir", str(home), "--batch", "--quiet", *options]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout
