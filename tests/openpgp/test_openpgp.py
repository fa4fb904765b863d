"""Judging and writing: what must be refused is refused, and what is written gpg decrypts and verifies (R18, R20)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysequoia.packet import PacketPile, Tag

from disclosure.demo.certificates import make_certificate
from disclosure.openpgp import pgp, sandbox
from disclosure.openpgp.dearmour import BadArmour, dearmour
from disclosure.openpgp.judge import MAX_INPUT, Reason, Verdict, judge
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.writer import Ciphertext, encrypt
from disclosure.protocol.errors import Refused
from disclosure.protocol.values import Address
from tests.conftest import need

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
WHO = Address.parse("d@org.example")


@pytest.fixture(scope="module")
def pair() -> tuple[str, bytes]:
    return make_certificate(f"D. Exemple <{WHO}>", now=NOW - 30 * DAY)


@pytest.fixture(scope="module")
def service() -> ServiceKey:
    return ServiceKey.generate("Service <s@desk.example>", now=NOW - 30 * DAY)


def verdict(data: bytes, now: datetime = NOW, address: Address | None = WHO) -> Verdict:
    return judge(data, address=address, now=now)


def armoured(data: bytes) -> bytes:
    import pysequoia  # noqa: PLC0415

    return pysequoia.armor(data, pysequoia.ArmorKind.PublicKey).encode()


def test_a_good_certificate_is_usable(pair: tuple[str, bytes]) -> None:
    found = verdict(pair[1])
    assert (found.usable, found.reason, found.flags, found.version) == (True, None, (), 4)
    assert len(found.encrypts_to) == 1
    assert found.encrypts_to[0] != found.fingerprint, "to the subkey, not to the primary"


def test_the_verdict_survives_storage(pair: tuple[str, bytes]) -> None:
    found = verdict(pair[1])
    assert Verdict.from_json(found.to_json()) == found


def test_another_address_is_a_flag(pair: tuple[str, bytes]) -> None:
    assert verdict(pair[1], address=Address.parse("x@org.example")).flags == ("uid_mismatch",)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda a: a.replace(b"\n", b"\r\n"), "CRLF"),
        (lambda a: b"\xef\xbb\xbf" + a, "a byte-order mark"),
        (lambda a: b"  " + a.replace(b"\n", b"\n  "), "indented"),
        (lambda a: b"Dear all,\n" + a + b"-- \nregards\n", "text around the armour"),
        (lambda a: b"\n".join(line for line in a.split(b"\n") if not line.startswith(b"=")), "no CRC line"),
        (lambda a: a.replace(b"\n\n", b"\nComment: x\n\n", 1), "a header line"),
    ],
)
def test_armour_as_it_really_comes(pair: tuple[str, bytes], change, why: str) -> None:  # type: ignore[no-untyped-def]
    assert verdict(change(armoured(pair[1]))).usable, why


@pytest.mark.parametrize(
    ("data", "reason", "why"),
    [
        (b"", Reason.NOT_A_KEY, "nothing"),
        (b"<html>404</html>", Reason.NOT_A_KEY, "a page"),
        (b"\x99\x00\x01\x02", Reason.CORRUPT, "a packet cut off"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", Reason.CORRUPT, "never closed"),
        (
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n***\n-----END PGP PUBLIC KEY BLOCK-----\n",
            Reason.CORRUPT,
            "no base64",
        ),
        (b"x" * (MAX_INPUT + 1), Reason.TOO_LARGE, "too large to look at"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" + b"a: a\n" * 500, Reason.CORRUPT, "a bomb of header lines"),
    ],
)
def test_garbage_is_refused(data: bytes, reason: Reason, why: str) -> None:
    assert verdict(data).reason is reason, why


def test_a_private_key_is_refused_in_every_dress(pair: tuple[str, bytes]) -> None:
    secret = pair[0].encode()
    for data in (secret, secret.replace(b"PRIVATE", b"PUBLIC"), dearmour(secret)[0].content):
        found = verdict(data)
        assert found.reason is Reason.SECRET_KEY
        assert found.certificate == b"", "and no byte of it goes on"


@pytest.mark.parametrize(
    ("now", "reason", "why"),
    [
        (NOW - 31 * DAY, Reason.NOT_YET_VALID, "before it was made"),
        (NOW + 800 * DAY, Reason.EXPIRED, "after two years; libraries would still encrypt"),
    ],
)
def test_time_is_handed_in(pair: tuple[str, bytes], now: datetime, reason: Reason, why: str) -> None:
    assert verdict(pair[1], now).reason is reason, why


def test_without_self_signatures_it_is_refused(pair: tuple[str, bytes]) -> None:
    bare = b"".join(bytes(p) for p in PacketPile.from_bytes(pair[1]) if p.tag != Tag.Signature)
    assert verdict(bare).reason is Reason.NO_VALID_SELF_SIGNATURE


def test_an_injected_subkey_is_never_encrypted_to(pair: tuple[str, bytes]) -> None:
    """Placed first, with its own binding from another key: the attack on naive writers (facts: openpgp 2)."""
    _, attacker = make_certificate("A <a@attacker.example>", now=NOW - 30 * DAY)
    foreign = list(PacketPile.from_bytes(attacker))
    at = next(n for n, p in enumerate(foreign) if p.tag == Tag.PublicSubkey)
    own = list(PacketPile.from_bytes(pair[1]))
    first = next(n for n, p in enumerate(own) if p.tag == Tag.PublicSubkey)
    mixed = b"".join(bytes(p) for p in [*own[:first], *foreign[at:], *own[first:]])
    assert verdict(mixed).encrypts_to == verdict(pair[1]).encrypts_to


def test_a_certificate_that_only_signs_is_refused(pair: tuple[str, bytes]) -> None:
    own = list(PacketPile.from_bytes(pair[1]))
    first = next(n for n, p in enumerate(own) if p.tag == Tag.PublicSubkey)
    assert verdict(b"".join(bytes(p) for p in own[:first])).reason is Reason.NO_ENCRYPTION_SUBKEY


def test_of_several_the_one_that_fits_is_taken(pair: tuple[str, bytes]) -> None:
    _, other = make_certificate("X <x@org.example>", now=NOW - DAY)
    assert verdict(other + pair[1]).fingerprint == verdict(pair[1]).fingerprint


def test_an_expected_fingerprint_must_be_the_one(pair: tuple[str, bytes]) -> None:
    assert not judge(pair[1], address=None, now=NOW, expected_fingerprint="00" * 20).usable


@given(st.binary(max_size=400))
def test_dearmour_answers_or_says_why(data: bytes) -> None:
    try:
        blocks = dearmour(data)
    except BadArmour:
        return
    assert sum(len(block.content) for block in blocks) <= len(data)


# --- the child process ---


def test_the_child_judges_alike(pair: tuple[str, bytes]) -> None:
    assert judge_safely(pair[1], address=WHO, now=NOW) == verdict(pair[1])


def test_a_dead_child_is_replaced(pair: tuple[str, bytes]) -> None:
    judge_safely(pair[1], address=WHO, now=NOW)
    process = sandbox._CHILD._process
    assert process is not None
    process.kill()
    process.wait()
    assert judge_safely(pair[1], address=WHO, now=NOW).usable


# --- writing ---


def test_ciphertext_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError):
        Ciphertext(b"clear text", ())


def test_no_usable_certificate_no_message(service: ServiceKey) -> None:
    for to in ([], [verdict(b"")]):
        with pytest.raises(Refused):
            encrypt(b"x", to=to, signer=service)


def test_the_writer_survives_the_removal_of_cfb(pair: tuple[str, bytes], service: ServiceKey) -> None:
    """cryptography has announced that ``modes.CFB`` leaves its old place; pgpy must not be looking there."""
    held = pgp._pgpy()
    from cryptography.hazmat.primitives.ciphers import modes  # noqa: PLC0415

    assert held.symenc.modes is not modes
    assert encrypt(b"x", to=[verdict(pair[1])], signer=service).binary


def test_the_service_key_is_private_and_not_overwritten(tmp_path: Path, service: ServiceKey) -> None:
    path = tmp_path / "key"
    service.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        service.save(path)
    assert ServiceKey.load(path).fingerprint == service.fingerprint
    assert "Ed25519" not in repr(service)


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    need("gpg", package="gnupg")
    folder = tmp_path_factory.mktemp("g")
    folder.chmod(0o700)
    yield folder
    subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=False)


@pytest.mark.parametrize("content", [b"", b"one\r\ntwo\n\r", b"\x00\xff" * 5000, "é ".encode() * 3000])
def test_gpg_decrypts_and_verifies(pair: tuple[str, bytes], service: ServiceKey, home: Path, content: bytes) -> None:
    for key in (pair[0].encode(), service.certificate()):
        subprocess.run(["gpg", "--homedir", str(home), "--batch", "-q", "--import"], input=key, check=True)
    message = encrypt(content, to=[verdict(pair[1])], signer=service)
    command = ["gpg", "--homedir", str(home), "--batch", "--status-fd", "2", "--decrypt"]
    done = subprocess.run(command, input=message.armoured(), capture_output=True, check=False)
    assert done.stdout == content, "the same bytes"
    assert b"GOODSIG" in done.stderr
    assert b"GOODMDC" in done.stderr


def test_gpg_verifies_a_detached_signature(service: ServiceKey, home: Path, tmp_path: Path) -> None:
    subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "-q", "--import"], input=service.certificate(), check=True
    )
    (tmp_path / "s").write_bytes(service.sign_detached(b"text\r\n", now=NOW))
    (tmp_path / "d").write_bytes(b"text\r\n")
    command = ["gpg", "--homedir", str(home), "--batch", "--status-fd", "1", "--verify"]
    done = subprocess.run([*command, str(tmp_path / "s"), str(tmp_path / "d")], capture_output=True, check=False)
    assert b"GOODSIG" in done.stdout


def test_gpgs_own_kinds_of_certificates(home: Path) -> None:
    """What people really bring: RSA, NIST curves, Curve25519; and what must be refused."""
    rows = [
        ("rsa3072 Cv", "rsa3072", True, None),
        ("weak", "rsa1024", False, Reason.WEAK_KEY),
        ("nist", "nistp256", True, None),
        ("future", "future-default", True, None),
    ]
    for name, algorithm, usable, reason in rows:
        who = f"{name.split()[0]}@org.example"
        base = ["gpg", "--homedir", str(home), "--batch", "-q", "--passphrase", "", "--quick-gen-key", who]
        if algorithm == "future-default":
            subprocess.run([*base, "future-default", "default", "never"], check=True, capture_output=True)
        else:
            subprocess.run([*base, algorithm, "cert", "never"], check=True, capture_output=True)
            listing = ["gpg", "--homedir", str(home), "--with-colons", "--list-keys", who]
            listed = subprocess.run(listing, capture_output=True, check=True).stdout.decode()
            fingerprint = next(row.split(":")[9] for row in listed.splitlines() if row.startswith("fpr"))
            subprocess.run(
                ["gpg", "--homedir", str(home), "--batch", "-q", "--passphrase", "", "--quick-add-key", fingerprint]
                + [algorithm, "encr", "never"],
                check=True,
                capture_output=True,
            )
        export = subprocess.run(
            ["gpg", "--homedir", str(home), "--export", who], capture_output=True, check=True
        ).stdout
        found = judge(export, address=Address.parse(who), now=datetime.now(UTC) + timedelta(minutes=1))
        assert (found.usable, found.reason) == (usable, reason), algorithm
