"""What we write is read by others: decrypted, the same bytes, a good signature (facts: openpgp 4)."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pysequoia
import pytest
from pysequoia.packet import PacketPile, Tag

from disclosure.openpgp.judge import judge
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.verdict import Verdict
from disclosure.openpgp.writer import encrypt, recipients
from tests.openpgp.zoo import MADE, NOW, Zoo

TEXTS = [b"", b"one\r\ntwo\n\r", b"\x00\xff" * 5_000, "é ".encode() * 3_000]
BY_GPG = ["cv25519", "p256", "p384", "p521", "rsa2048", "rsa-single", "sq-cv25519", "sq-rsa3k"]
NEW = ["v6", "v6-pqc", "v4-x25519", "v4-x448"]


@pytest.fixture(scope="module")
def service(zoo: Zoo) -> ServiceKey:
    key = ServiceKey.generate("Service <s@desk.example>", now=MADE)
    zoo.gpg("--import", data=key.certificate())
    for name in BY_GPG:
        zoo.gpg("--import", data=zoo.secrets[name])
    return key


def judged(zoo: Zoo, name: str) -> Verdict:
    return judge(
        zoo.certificates[name], address=None, now=NOW + timedelta(hours=1)
    )  # they are made while the tests run


def opened_by_gpg(zoo: Zoo, message: bytes) -> tuple[bytes, bytes]:
    command = ["gpg", "--homedir", str(zoo.home), "--batch", "--no-tty", "--status-fd", "2", "--decrypt"]
    done = subprocess.run(command, input=message, capture_output=True, check=False)
    return done.stdout, done.stderr


def opened_by_sq(folder: Path, message: bytes, secret: bytes, signer: bytes) -> tuple[bytes, bytes]:
    (folder / "secret").write_bytes(secret)
    (folder / "signer").write_bytes(signer)
    keys = ["--recipient-key", str(folder / "secret"), "--signer-cert", str(folder / "signer"), "-n", "1"]
    done = subprocess.run(["sq", "decrypt", *keys], input=message, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("name", BY_GPG)
def test_gpg_opens_and_verifies(zoo: Zoo, service: ServiceKey, name: str) -> None:
    for text in TEXTS if name == "cv25519" else TEXTS[1:2]:
        found, status = opened_by_gpg(zoo, encrypt(text, to=[judged(zoo, name)], signer=service).armoured())
        assert found == text
        assert b"GOODSIG" in status
        assert b"GOODMDC" in status
        assert b"DECRYPTION_INFO 2 9" in status, "an integrity check, and AES-256"


@pytest.mark.parametrize("name", ["cv25519", "p256", "p521", "rsa2048", "rsa-single", "sq-cv25519", "sq-rsa3k"])
def test_sq_opens_and_verifies(zoo: Zoo, service: ServiceKey, tmp_path: Path, name: str) -> None:
    for text in TEXTS if name == "sq-cv25519" else TEXTS[1:2]:
        message = encrypt(text, to=[judged(zoo, name)], signer=service)
        found, said = opened_by_sq(tmp_path, message.armoured(), zoo.secrets[name], service.certificate())
        assert found == text
        assert b"1 good signature" in said


@pytest.mark.parametrize("name", NEW)
def test_pysequoia_opens_what_it_alone_can_write(zoo: Zoo, service: ServiceKey, name: str) -> None:
    """No peer of this machine reads these; that the keys and the signature are right can be seen all the same."""
    message = encrypt(TEXTS[1], to=[judged(zoo, name)], signer=service)
    secrets = pysequoia.Tsk.from_bytes(zoo.secrets[name])
    ours = pysequoia.Cert.from_bytes(service.certificate())
    found = pysequoia.decrypt(message.binary, decryptor=secrets.decryptor(), store=lambda _: [ours])
    assert found.bytes == TEXTS[1]
    assert [sig.certificate.upper() for sig in found.valid_sigs] == [service.fingerprint]


def test_one_message_for_several(zoo: Zoo, service: ServiceKey, tmp_path: Path) -> None:
    to = [judged(zoo, name) for name in ("cv25519", "sq-rsa3k", "two-good-subkeys")]
    message = encrypt(b"x", to=to, signer=service)
    assert len(message.encrypted_to) == len(set(message.encrypted_to)) == 4
    assert opened_by_gpg(zoo, message.armoured())[0] == b"x"
    assert opened_by_sq(tmp_path, message.binary, zoo.secrets["sq-rsa3k"], service.certificate())[0] == b"x"


def test_old_and_new_together(zoo: Zoo, service: ServiceKey) -> None:
    """Then the newer writer writes for both."""
    message = encrypt(b"x", to=[judged(zoo, "cv25519"), judged(zoo, "v6")], signer=service)
    secrets = pysequoia.Tsk.from_bytes(zoo.secrets["v6"])
    assert pysequoia.decrypt(message.binary, decryptor=secrets.decryptor()).bytes == b"x"


def test_without_a_signature(zoo: Zoo, service: ServiceKey) -> None:
    found, status = opened_by_gpg(zoo, encrypt(b"x", to=[judged(zoo, "cv25519")], signer=None).binary)
    assert found == b"x"
    assert b"SIG" not in status


EXACT = [
    ("first-subkey-expired", "not to the one that ran out"),
    ("injected-first", "not to the attacker's"),
    ("two-good-subkeys", "to both"),
    ("rsa-single", "to the primary key"),
    ("v6", "by the other writer"),
    ("v6-pqc", "likewise"),
]


@pytest.mark.parametrize(("name", "why"), EXACT)
def test_to_exactly_the_judged_subkeys(zoo: Zoo, service: ServiceKey, name: str, why: str) -> None:
    verdict = judged(zoo, name)
    message = encrypt(b"x", to=[verdict], signer=service)
    ids = [key[-16:] if verdict.version == 4 else key for key in verdict.encrypts_to]
    assert recipients(message.binary) == ids, why
    assert message.encrypted_to == verdict.encrypts_to


def test_the_other_writer_chooses_nothing_itself(zoo: Zoo, service: ServiceKey) -> None:
    """Of two good subkeys the one that was judged; beside a version 6 certificate pysequoia writes for both."""
    two = judged(zoo, "two-good-subkeys")
    for chosen in two.encrypts_to:
        message = encrypt(b"x", to=[replace(two, encrypts_to=(chosen,)), judged(zoo, "v6")], signer=service)
        assert {name[-16:] for name in recipients(message.binary)} >= {chosen[-16:]}
        assert len(recipients(message.binary)) == 2


def test_the_form_that_old_readers_need(zoo: Zoo, service: ServiceKey) -> None:
    message = encrypt(b"x" * 10_000, to=[judged(zoo, "cv25519")], signer=service)
    tags = [packet.tag for packet in PacketPile.from_bytes(message.binary)]
    assert tags == [Tag.PKESK, Tag.SEIP]
    lines = message.armoured().splitlines()
    assert lines[0] == b"-----BEGIN PGP MESSAGE-----"
    assert lines[-2].startswith(b"="), "the CRC"


def test_gpg_verifies_a_detached_signature(zoo: Zoo, service: ServiceKey, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(service.sign_detached(b"text\r\n", now=NOW))
    (tmp_path / "d").write_bytes(b"text\r\n")
    status = zoo.gpg("--status-fd", "1", "--verify", str(tmp_path / "s"), str(tmp_path / "d"), check=False)
    assert b"GOODSIG" in status
