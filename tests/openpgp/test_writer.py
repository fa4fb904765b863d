"""Writing: no clear text, no other key, and a library that is kept alive (R20; facts: openpgp 1 and 4)."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path

import pysequoia
import pytest
from packaging.requirements import Requirement

from disclosure.demo.certificates import make_certificate
from disclosure.openpgp import pgp, writer
from disclosure.openpgp.clearsigned import read_clear_signed
from disclosure.openpgp.judge import judge
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.sandbox import verify_safely
from disclosure.openpgp.verdict import Reason, Verdict, refuse
from disclosure.openpgp.writer import Ciphertext, encrypt
from disclosure.protocol.errors import Refused
from disclosure.store import files
from tests.openpgp.zoo import DAY, NOW

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def secret_and_verdict() -> tuple[str, Verdict]:
    secret, public = make_certificate("D <d@org.example>", now=NOW - 30 * DAY)
    return secret, judge(public, address=None, now=NOW)


@pytest.fixture(scope="module")
def service() -> ServiceKey:
    return ServiceKey.generate("Service <s@desk.example>", now=NOW - 30 * DAY)


def test_ciphertext_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError):
        Ciphertext(b"clear text", ())


def test_no_usable_certificate_no_message(service: ServiceKey, secret_and_verdict: tuple[str, Verdict]) -> None:
    good = secret_and_verdict[1]
    for to in ([], [refuse(Reason.EXPIRED)], [good, refuse(Reason.REVOKED)], [replace(good, encrypts_to=())]):
        with pytest.raises(Refused):
            encrypt(b"x", to=to, signer=service)


def test_a_message_to_another_key_never_leaves(
    service: ServiceKey, secret_and_verdict: tuple[str, Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a library does: who can open a message is read back from it."""
    other = pysequoia.Tsk.generate("Other <o@evil.example>").extract_certificate()
    astray = pysequoia.encrypt(b"x", recipients=[other], armor=False)
    monkeypatch.setattr(writer.pgp, "sign_and_encrypt", lambda *_: astray)
    with pytest.raises(Refused, match="another_key"):
        encrypt(b"x", to=[secret_and_verdict[1]], signer=service)


def test_the_primary_key_is_no_subkey(secret_and_verdict: tuple[str, Verdict], service: ServiceKey) -> None:
    """A verdict whose certificate lacks the key that it names is no base for a message."""
    with pytest.raises(KeyError):
        encrypt(b"x", to=[replace(secret_and_verdict[1], encrypts_to=("00" * 20,))], signer=service)


REMOVED = """
import warnings
warnings.simplefilter("ignore")
from cryptography.hazmat.primitives.ciphers import algorithms, modes
del modes.CFB
for name in ("IDEA", "CAST5", "Blowfish", "TripleDES", "Camellia"):
    if hasattr(algorithms, name):
        delattr(algorithms, name)
assert not hasattr(modes, "CFB")
warnings.simplefilter("error")
import sys
from datetime import datetime, timedelta
from disclosure.openpgp.judge import judge
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.writer import encrypt
now = datetime.fromisoformat(sys.argv[1])
service = ServiceKey.generate("S <s@desk.example>", now=now - timedelta(days=1))
verdict = judge(sys.stdin.buffer.read(), address=None, now=now)
sys.stdout.buffer.write(encrypt(b"still here", to=[verdict], signer=service).binary)
"""


def test_the_writer_survives_the_removal_of_cfb(secret_and_verdict: tuple[str, Verdict]) -> None:
    """cryptography has announced that CFB and old ciphers leave their place; here they are gone."""
    secret, verdict = secret_and_verdict
    command = [sys.executable, "-c", REMOVED, NOW.isoformat()]
    done = subprocess.run(command, input=verdict.certificate, capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    key = pysequoia.Tsk.from_bytes(secret.encode())
    assert pysequoia.decrypt(done.stdout, decryptor=key.decryptor()).bytes == b"still here"


def test_the_shim_is_what_saves_it() -> None:
    from cryptography.hazmat.primitives.ciphers import modes  # noqa: PLC0415

    assert pgp._pgpy().symenc.modes is not modes


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_exactly_one_distribution_brings_pgpy(version: str) -> None:
    """PGPy and PGPym are one folder: pip lays them over each other in silence."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    lock = [
        Requirement(line.rstrip(" \\"))
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line.lower().startswith("pgpy")
    ]
    about = {"python_version": version, "python_full_version": f"{version}.0"}
    for requirements in (wanted, lock):
        ours = [r for r in requirements if r.name.lower().startswith("pgpy")]
        fitting = [r for r in ours if r.marker and r.marker.evaluate(about)]
        assert len(fitting) == 1, version


def test_exactly_one_is_installed() -> None:
    names = {d.metadata["Name"].lower() for d in distributions()}
    assert len(names & {"pgpy", "pgpym", "pgpy13"}) == 1


def test_the_service_key_is_private_and_not_overwritten(tmp_path: Path, service: ServiceKey) -> None:
    path = tmp_path / "key"
    assert files.create(path, service.secret_bytes())
    assert path.stat().st_mode & 0o777 == 0o600
    assert not files.create(path, b"another")
    assert ServiceKey.load(path).fingerprint == service.fingerprint
    assert repr(service) == f"ServiceKey({service.fingerprint})"


def test_what_is_signed_in_clear_text_is_what_readers_hash(service: ServiceKey) -> None:
    """Blanks before a line's end, dashes, an empty line at the end: where frames of other programs go wrong."""
    text = "Contact: x \t\n- dash\n-----BEGIN PGP SIGNATURE-----\nFrom é\n\n"
    frame = service.clear_signed(text, now=NOW)
    assert read_clear_signed(frame).text.decode().split("\r\n")[:2] == ["Contact: x", "- dash"]
    certificate = service.certificate_armoured().encode()
    assert verify_safely(frame, certificates=[certificate], now=NOW).state == "good"
    spoiled = frame.replace(b"Contact: x", b"Contact: y")
    assert verify_safely(spoiled, certificates=[certificate], now=NOW).state == "bad"
