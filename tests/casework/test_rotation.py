"""Keys change while mails and links are under way, and one key signs whenever a process dies (R24, R25)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pysequoia
import pytest

from disclosure.casework import accounts, casefile, delivery, keys, linkkeys, servicekeys
from disclosure.casework.office import Office, open_office
from disclosure.mail.relay import Kind, Outcome
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.writer import encrypt
from disclosure.protocol.errors import Refused
from disclosure.protocol.values import Language
from tests.casework.desk import HOUR, House
from tests.casework.test_linking import case_id, found, made  # noqa: F401 - the first is a fixture
from tests.conftest import need
from tests.office import T0, forget, make_office


@pytest.fixture
def office(database: str, tmp_path: Path):  # type: ignore[no-untyped-def]
    held = make_office(tmp_path / "instance")
    keys.ensure_service_key(held, T0)
    yield held
    forget(held)


def fingerprints(office: Office) -> list[str]:
    return [key.fingerprint for key in keys.held_keys(office)]


def test_the_first_key_is_made_once_and_listed(office: Office) -> None:
    before = office.service_key_path.read_bytes()
    keys.ensure_service_key(office, T0)
    assert office.service_key_path.read_bytes() == before
    (first,) = keys.held_keys(office)
    assert (first.fingerprint, first.since, first.until) == (keys.service_key(office).fingerprint, T0, None)


@pytest.mark.parametrize("lost", [servicekeys.LIST, servicekeys.FIRST_CERTIFICATE])
def test_what_follows_from_the_key_is_made_again(office: Office, lost: str) -> None:
    before = fingerprints(office)
    (office.settings.instance / lost).unlink()
    keys.ensure_service_key(office, T0)
    assert fingerprints(office) == before
    assert len(keys.service_certificates(office)) == 1


def test_the_new_key_signs_and_the_old_ones_are_kept_newest_first(office: Office) -> None:
    first = keys.service_key(office).fingerprint
    second, third = (keys.rotate(office, T0).fingerprint for _ in range(2))
    assert fingerprints(office) == [third, second, first]
    assert keys.service_key(office).fingerprint == third
    assert [key.until for key in keys.held_keys(office)] == [None, T0, T0]
    held = [judge_safely(one, address=office.settings.mail.from_address, now=T0) for one in
            keys.service_certificates(office)]  # fmt: skip
    assert [(one.usable, one.fingerprint, one.flags) for one in held] == [
        (True, one, ()) for one in (third, second, first)
    ]
    for file in office.settings.instance.glob("*.key.asc"):
        assert file.stat().st_mode & 0o777 == 0o600, file.name


def test_a_reply_to_any_of_our_keys_can_be_read(office: Office) -> None:
    keys.rotate(office, T0)
    for certificate, secret in zip(keys.service_certificates(office), keys.service_secrets(office), strict=True):
        verdict = judge_safely(certificate, address=None, now=T0)
        sealed = encrypt(b"answer", to=[verdict], signer=None)
        opened = pysequoia.decrypt(sealed.binary, decryptor=pysequoia.Tsk.from_bytes(secret).decryptor())
        assert opened.bytes == b"answer"


def test_a_damaged_list_stops_the_service_instead_of_making_another_key(office: Office) -> None:
    (office.settings.instance / servicekeys.LIST).write_text('{"keys": [{}]}')
    with pytest.raises(servicekeys.BadKeyList):
        keys.ensure_service_key(office, T0)
    with pytest.raises(servicekeys.BadKeyList):
        keys.service_key(office)


# --- whenever a process dies ---

# Every system call that makes something last is a place to die at; a fork for each, so that modules load once.
DIES = """
import os, shutil, sys
from datetime import timedelta
from pathlib import Path
from disclosure.casework import keys, linkkeys
from tests.office import forget, T0, make_office
from disclosure.openpgp import pgp

folder, what = Path(sys.argv[1]), sys.argv[2]
act = {"rotate": lambda office: keys.rotate(office, T0 + timedelta(days=1)),
       "first": lambda office: keys.ensure_service_key(office, T0),
       "links": lambda office: linkkeys.rotate(office.settings.instance)}[what]
pgp._pgpy()
for place in range(100):
    copy = folder.with_name(f"{what}-{place}")
    shutil.copytree(folder, copy)
    child = os.fork()
    if child == 0:
        office, seen = make_office(copy), 0
        def counted(call):
            def run(*arguments, **named):
                global seen
                if seen == place:
                    os._exit(9)
                seen += 1
                return call(*arguments, **named)
            return run
        for name in ("fsync", "replace", "link", "unlink"):
            setattr(os, name, counted(getattr(os, name)))
        act(office)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(copy, flush=True)
    if status != 9:
        sys.exit(status)
"""


def died_everywhere(folder: Path, what: str) -> list[Path]:
    """Copies of ``folder`` after a process that died at its first, second, … write; the last one lived."""
    run = subprocess.run([sys.executable, "-c", DIES, str(folder), what], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    copies = [Path(line) for line in run.stdout.split()]
    assert len(copies) > 2, "it died somewhere"
    return copies


def usable(office: Office) -> None:
    """One truth: the key that signs is the first that is published, and whatever it signs verifies against that."""
    signing = keys.service_key(office)
    published = keys.service_certificates(office)
    assert fingerprints(office)[0] == signing.fingerprint
    assert len(published) == len(keys.service_secrets(office)) == len(fingerprints(office))
    verdicts = [judge_safely(one, address=None, now=T0).fingerprint for one in published]
    assert verdicts == fingerprints(office)


def test_a_rotation_that_dies_anywhere_leaves_the_old_key_or_the_new_one(office: Office) -> None:
    before = fingerprints(office)
    seen = []
    for copy in died_everywhere(office.settings.instance, "rotate"):
        again = make_office(copy)
        usable(again)
        assert fingerprints(again)[-1:] == before, "the old one is never lost"
        seen.append(len(fingerprints(again)))
        keys.rotate(again, T0)
        usable(again)
        assert len(fingerprints(again)) == seen[-1] + 1, "and what was left half done is in nobody's way"
        forget(again)
    assert seen == sorted(seen)
    assert set(seen) == {1, 2}


def test_a_first_start_that_dies_anywhere_is_made_good_by_the_next(tmp_path: Path) -> None:
    empty = make_office(tmp_path / "empty")
    forget(empty)
    for copy in died_everywhere(empty.settings.instance, "first"):
        again = make_office(copy)
        keys.ensure_service_key(again, T0)
        usable(again)
        assert len(fingerprints(again)) == 1
        forget(again)


def test_a_rotation_of_links_keys_that_dies_anywhere_loses_none(office: Office) -> None:
    linkkeys.rotate(office.settings.instance)
    before = dict(office.secrets.link_keys)
    for copy in died_everywhere(office.settings.instance, "links"):
        again = make_office(copy)
        assert dict(again.secrets.link_keys).items() >= before.items()
        forget(again)


# --- mails and links under way ---


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    need("gpg", package="gnupg")
    folder = tmp_path_factory.mktemp("g")
    folder.chmod(0o700)
    yield folder
    subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=False)


def signer_of(home: Path, mail: bytes) -> str:
    """Who signed a multipart/signed mail, by the certificates that ``home`` holds."""
    boundary = re.search(rb'boundary="([^"]+)"', mail)
    assert boundary
    cut = mail.split(b"\r\n--" + boundary.group(1))
    (home / "entity").write_bytes(cut[1].removeprefix(b"\r\n"))
    (home / "signature").write_bytes(cut[2].split(b"\r\n\r\n", 1)[1])
    command = ["gpg", "--homedir", str(home), "--batch", "--status-fd", "1", "--verify"]
    said = subprocess.run([*command, "signature", "entity"], cwd=home, capture_output=True, check=False).stdout
    found = re.search(rb"VALIDSIG ([0-9A-F]{40})", said)
    return found.group(1).decode() if found else ""


def test_a_prepared_mail_leaves_as_it_is_and_verifies_by_the_key_before(office: Office, home: Path) -> None:
    accounts.add(office, "ada", "Ada Exemple", "ada@coordination.example", Language.FR, T0)
    seen: list[bytes] = []

    def send(message: bytes, *_: object) -> Outcome:
        seen.append(message)
        return Outcome(Kind.NOT_SENT if len(seen) == 1 else Kind.ACCEPTED, "250")

    for at in (T0, T0 + 3 * HOUR):
        with office.store.writing() as tx:
            casefile.call_coordinators(tx, office.policy.current.version, at)
        if at == T0:
            assert delivery.deliver(office, at, send).unreached == 1, "prepared, and still here"
            keys.rotate(office, at + HOUR)
    delivery.deliver(office, T0 + 4 * HOUR, send)
    again, fresh = (mail for mail in seen[1:])
    for certificate in keys.service_certificates(office):
        subprocess.run(["gpg", "--homedir", str(home), "--batch", "--import"], input=certificate, check=True,
                       capture_output=True)  # fmt: skip
    new, old = fingerprints(office)
    assert again == seen[0], "to the byte"
    assert (signer_of(home, again), signer_of(home, fresh)) == (old, new)


def test_links_signed_before_go_on_working_and_the_new_key_signs(house: House, case_id: str) -> None:  # noqa: F811
    office = house.office
    link = made(office, case_id)
    another_process = open_office(office.settings)
    assert list(another_process.secrets.link_keys) == ["01"]
    assert linkkeys.rotate(office.settings.instance) == "02"
    fresh = made(office, case_id)
    assert (link.token[:2], fresh.token[:2]) == ("01", "02")
    for held in (office, another_process):
        assert found(held, fresh.token), "no process needs a restart"
    linkkeys.rotate(office.settings.instance)
    third = made(another_process, case_id)
    assert third.token[:2] == "03", "nor at the next change"
    assert found(office, third.token)
    assert found(office, link.token)
    forget(another_process)


def test_link_keys_end_before_their_ids_do(office: Office) -> None:
    file = office.settings.instance / linkkeys.FILE
    file.write_text(json.dumps({f"{number:02}": "00" * 32 for number in range(2, 100)}))
    with pytest.raises(Refused):
        linkkeys.rotate(office.settings.instance)
    assert list(office.secrets.link_keys)[-1] == "99"


def test_secrets_are_not_printed(office: Office) -> None:
    linkkeys.rotate(office.settings.instance)
    key = office.secrets.link_keys["02"]
    assert key.hex() not in repr(office)
    assert repr(office.secrets.link_keys) == "LinkKeys(01, 02)"
    assert keys.service_secrets(office)[0].hex() not in repr(keys.service_key(office))
