"""Who we are, for anybody to check: key page, certificates, Web Key Directory, security.txt (R24; KD-02, RFC 9116)."""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from disclosure import create_app
from disclosure.casework import identity, keys, reading
from disclosure.casework.office import Office
from disclosure.discovery import securitytxt
from disclosure.discovery.certificates import find_certificates
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.finder import find
from disclosure.discovery.keyplaces import web_key_urls, zbase32
from disclosure.openpgp.dearmour import dearmour
from disclosure.openpgp.sandbox import judge_safely, verify_safely
from disclosure.protocol.values import Address
from disclosure.settings import load
from tests.conftest import need
from tests.discovery.conftest import ca, world  # noqa: F401 - fixtures
from tests.discovery.world import World, page
from tests.office import T0
from tests.web.browser import Browser

DAY = timedelta(days=1)
SITE, SENDER = "https://www.example.org", "Alertes@example.org"
HASHED = zbase32(hashlib.sha1(b"alertes", usedforsecurity=False).digest())
DIRECT = f"/.well-known/openpgpkey/hu/{HASHED}"
ADVANCED = f"/.well-known/openpgpkey/example.org/hu/{HASHED}"
WELL_KNOWN = "/.well-known/security.txt"


@dataclass
class Ours:
    app: Flask
    office: Office

    def get(self, path: str, *, host: str = "www.example.org", method: str = "GET"):  # type: ignore[no-untyped-def]
        return self.app.test_client().open(path, method=method, base_url=f"https://{host}")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """A service at a host of its own whose mail domain is another, after one rotation."""
    environ = {"DISCLOSURE_PUBLIC_URL": SITE, "DISCLOSURE_MAIL_FROM_ADDRESS": SENDER}
    app = create_app(load(tmp_path_factory.mktemp("ours"), environ))
    office: Office = app.extensions["office"]
    app.extensions["clock"] = lambda: T0
    office.prepare(T0)
    keys.ensure_service_key(office, T0 - 400 * DAY)
    keys.rotate(office, T0 - 30 * DAY)
    identity.keep_published(office, T0)
    yield Ours(app, office)
    office.store.engine.dispose()


def binaries(office: Office) -> list[bytes]:
    return [dearmour(one)[0].content for one in keys.service_certificates(office)]


# --- Web Key Directory ---


@pytest.mark.parametrize(
    ("path", "host", "status", "why"),
    [
        (DIRECT, "www.example.org", 200, "direct method"),
        (ADVANCED, "www.example.org", 200, "advanced method, behind a proxy that changes the host name"),
        (ADVANCED, "openpgpkey.example.org", 200, "advanced method under its own host name"),
        (f"{ADVANCED}?l=Alertes", "openpgpkey.example.org", 200, "as programs ask"),
        (f"{ADVANCED}?l=ALERTES", "openpgpkey.example.org", 200, "mailboxes of ours know no case"),
        (ADVANCED.replace("example.org", "Example.ORG"), "openpgpkey.example.org", 200, "nor do domains"),
        (f"{ADVANCED}?l=autre", "openpgpkey.example.org", 404, "the hash is of another local part, they say"),
        (DIRECT.upper().replace("/.WELL-KNOWN/OPENPGPKEY/HU/", "/.well-known/openpgpkey/hu/"), "www.example.org", 404,
         "the hash has one spelling"),
        (ADVANCED.replace("example.org", "example.net"), "openpgpkey.example.org", 404, "not our mail domain"),
        ("/.well-known/openpgpkey/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q", "www.example.org", 404, "nobody of ours"),
        ("/.well-known/openpgpkey/policy", "www.example.org", 200, "direct method"),
        ("/.well-known/openpgpkey/example.org/policy", "openpgpkey.example.org", 200, "advanced method"),
        ("/.well-known/openpgpkey/example.net/policy", "openpgpkey.example.org", 404, "not our mail domain"),
        ("/key", "openpgpkey.example.org", 404, "that host name has the directory and nothing else"),
        ("/desk/", "openpgpkey.example.org", 404, "no way in"),
        (DIRECT, "openpgpkey.example.net", 400, "not our host name at all"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_directory_answers_for_our_address_alone(
    ours: Ours, path: str, host: str, status: int, why: str, method: str
) -> None:
    answer = ours.get(path, host=host, method=method)
    assert answer.status_code == status, why
    if status == 200:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        if "/hu/" in path:
            assert answer.headers["Content-Type"] == "application/octet-stream"
            held = b"".join(binaries(ours.office))
            assert int(answer.headers["Content-Length"]) == len(held)
            assert answer.data == (held if method == "GET" else b""), "binary, newest first"
        else:
            assert answer.data == b""


def serve_ours(ours: Ours, world: World, *paths: str, host: str = "www.example.org") -> None:  # noqa: F811
    """The answers of the application, at the world's HTTPS server."""
    for path in paths:
        answer = ours.get(path, host=host)
        world.serve(f"https://{host}{path}", page(answer.data, content_type=answer.headers["Content-Type"]))


@pytest.mark.parametrize("method", [0, 1], ids=["advanced", "direct"])
def test_our_own_search_finds_the_certificate(ours: Ours, world: World, method: int) -> None:  # noqa: F811
    address = Address.parse(SENDER)
    url = web_key_urls(address)[method]
    host, _, path = url.removeprefix("https://").partition("/")
    world.host(host)
    app_host = host if method == 0 else "www.example.org"  # the operator's site hands the path on to us
    answer = ours.get(f"/{path}", host=app_host)
    world.serve(url, page(answer.data, content_type=answer.headers["Content-Type"]))
    found = find_certificates(
        address, resolver=world.resolver(), fetcher=world.fetcher(), keyserver=None, judge=judge_safely, now=T0
    )
    assert found.best is not None
    assert found.best.verdict.fingerprint == keys.held_keys(ours.office)[0].fingerprint, "the one that signs now"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    need("gpg", package="gnupg")
    folder = tmp_path_factory.mktemp("g")
    folder.chmod(0o700)
    yield folder
    subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=False)


def gpg(home: Path, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--status-fd", "1", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_gpg_takes_every_certificate_of_the_body_and_trusts_the_new_through_the_old(ours: Ours, home: Path) -> None:
    said = gpg(home, "--import", data=ours.get(DIRECT).data).stdout.decode()
    assert re.findall(r"IMPORT_OK \d+ ([0-9A-F]{40})", said) == [k.fingerprint for k in keys.held_keys(ours.office)]
    new, old = (key.fingerprint for key in keys.held_keys(ours.office))
    listed = gpg(home, "--with-colons", "--check-sigs", new).stdout.decode()
    assert re.search(rf"^sig:!:.*:{old[-16:]}:", listed, re.MULTILINE), "certified by the key before"


# --- security.txt ---


def test_our_reader_and_gpg_take_our_file(ours: Ours, home: Path) -> None:
    answer = ours.get(WELL_KNOWN)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    read = reading.read(answer.data, f"{SITE}{WELL_KNOWN}", T0, keys.service_certificates(ours.office)[:1])
    said = read.to_json()
    assert (said["rfc9116_valid"], said["usable"], said["problems"]) == (True, "yes", [])
    assert (said["signed"], said["signature"]) == (True, "good")
    assert [contact["address"] for contact in said["contacts"]] == [SENDER, "contact@coordination.example"]
    assert said["encryption"] == [f"{SITE}/key.asc", f"openpgp4fpr:{keys.held_keys(ours.office)[0].fingerprint}"]
    gpg(home, "--import", data=ours.get("/key.asc").data)
    assert b"GOODSIG" in gpg(home, "--verify", data=answer.data).stdout


def test_our_own_search_ranks_us_first_and_follows_the_key(ours: Ours, world: World) -> None:  # noqa: F811
    world.host("www.example.org")
    world.zone.set("example.org", "MX", "10 mx.example.org.")
    serve_ours(ours, world, WELL_KNOWN, "/key.asc")
    found = find(
        Address.parse("x@www.example.org").domain,
        resolver=world.resolver(), fetcher=world.fetcher(), now=T0, judge=judge_safely, verify=verify_safely,
    )  # fmt: skip
    assert found.status is Outcome.FOUND
    assert (found.ranked[0].address, found.ranked[0].rank) == (SENDER, 1)
    assert "good_signature" in found.ranked[0].flags, "verified by the key that the file itself leads to"


def test_the_old_place_leads_to_the_new_one(ours: Ours) -> None:
    answer = ours.get("/security.txt")
    assert (answer.status_code, answer.headers["Location"]) == (302, WELL_KNOWN)


@pytest.mark.parametrize(
    ("later", "anew", "why"),
    [
        (0, False, "just made"),
        (89, False, "more than half of its life is left"),
        (90, True, "half of it is gone"),
        (400, True, "nobody was at work for a year"),
    ],
)
def test_it_is_signed_anew_before_it_lapses(ours: Ours, later: int, anew: bool, why: str) -> None:
    file = ours.office.settings.instance / identity.SECURITY_TXT
    before, now = file.read_bytes(), T0 + later * DAY
    try:
        assert identity.keep_published(ours.office, now) is anew, why
        read = securitytxt.read(file.read_bytes(), url=f"{SITE}{WELL_KNOWN}", now=now)
        assert read.expires is not None
        assert timedelta(days=89) < read.expires - now < timedelta(days=365)
        assert not identity.keep_published(ours.office, now), "once is enough"
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda file: file.unlink(), "gone"),
        (lambda file: file.write_bytes(b""), "empty"),
        (lambda file: file.write_bytes(file.read_bytes().replace(b"Policy", b"Hiring")), "says something else"),
        (lambda file: file.write_bytes(re.sub(rb"openpgp4fpr:.{40}", b"openpgp4fpr:" + b"A" * 40, file.read_bytes())),
         "names another key"),
        (lambda file: file.write_bytes(re.sub(rb"Expires: .*", b"Expires: soon", file.read_bytes())), "dateless"),
    ],
)  # fmt: skip
def test_it_is_signed_anew_when_it_is_not_true(ours: Ours, spoil, why: str) -> None:  # type: ignore[no-untyped-def]
    spoil(ours.office.settings.instance / identity.SECURITY_TXT)
    assert identity.keep_published(ours.office, T0), why
    assert ours.get(WELL_KNOWN).data.count(b"Policy: https://www.example.org/rules") == 1


def test_without_https_it_says_nothing_that_would_be_invalid(tmp_path: Path) -> None:
    app = create_app(load(tmp_path, {}))
    office: Office = app.extensions["office"]
    office.prepare(T0)
    keys.ensure_service_key(office, T0)
    assert app.test_client().get(WELL_KNOWN).status_code == 404, "nothing was signed yet"
    identity.keep_published(office, T0)
    content = app.test_client().get(WELL_KNOWN).data
    visitor = Browser(app, "en")
    assert visitor.open("/key").status == 200
    assert "transition" not in visitor.html, "no key came before"
    assert visitor.open("/key/transition.txt").status == 404
    office.store.engine.dispose()
    read = reading.read(content, f"https://127.0.0.1{WELL_KNOWN}", T0, keys.service_certificates(office))
    assert (read.to_json()["rfc9116_valid"], read.to_json()["signature"], b"http:" in content) == (True, "good", False)


# --- pages ---


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("path", ["/key", "/key/print"])
def test_a_person_finds_fingerprint_telephone_and_code(ours: Ours, path: str, language: str) -> None:
    html = ours.get(f"{path}?lang={language}").get_data(as_text=True)
    now_signing, _ = keys.held_keys(ours.office)
    groups = re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", html))
    assert now_signing.fingerprint in groups
    for needed in ("+33 1 99 00 00 00", SENDER, "<svg", "qrline"):
        assert needed in html, needed
    assert "style=" not in html, "the policy of our pages forbids it"


def test_earlier_keys_stay_on_the_page_and_can_be_fetched(ours: Ours) -> None:
    html = ours.get("/key").get_data(as_text=True)
    new, old = keys.held_keys(ours.office)
    assert f"/key/{old.fingerprint}.asc" in html
    assert old.until is not None
    assert old.since.isoformat() in html
    assert old.until.isoformat() in html
    for key in (new, old):
        verdict = judge_safely(ours.get(f"/key/{key.fingerprint}.asc").data, address=None, now=T0)
        assert (verdict.usable, verdict.fingerprint) == (True, key.fingerprint)
    assert judge_safely(ours.get("/key.asc").data, address=None, now=T0).fingerprint == new.fingerprint
    assert ours.get(f"/key/{'A' * 40}.asc").status_code == 404
    assert ours.get("/key/service-keys.asc").status_code == 404


def test_the_old_key_speaks_for_the_new_one(ours: Ours, home: Path) -> None:
    new, old = keys.held_keys(ours.office)
    said = ours.get("/key/transition.txt")
    gpg(home, "--import", data=ours.get(f"/key/{old.fingerprint}.asc").data)
    assert f"VALIDSIG {old.fingerprint}".encode() in gpg(home, "--verify", data=said.data).stdout
    for fingerprint in (new.fingerprint, old.fingerprint):
        assert fingerprint in re.sub(r"\s+", "", said.get_data(as_text=True))
