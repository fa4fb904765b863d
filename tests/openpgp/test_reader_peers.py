"""Replies as people's programs write them, and who signed: by the judge's rules, at the instant handed in."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pysequoia
import pytest
from pysequoia.packet import PacketPile, Tag

from disclosure.openpgp.dearmour import dearmour
from disclosure.openpgp.envelope import read_envelope
from disclosure.openpgp.framing import contents
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.opened import FOR_ANOTHER, NotOpened, NotOpenedReason, Opened, Signed
from disclosure.openpgp.opening import check_signature, open_message
from disclosure.openpgp.reader import check_signature_safely, open_safely
from disclosure.openpgp.sealed import unsealed
from disclosure.openpgp.sessionkeys import locks_of, session_key
from disclosure.openpgp.writer import recipients
from tests.conftest import need
from tests.openpgp.conftest import need_sq
from tests.openpgp.messages import COMPRESSED, LITERAL, TEXT, literal, sealed_to
from tests.openpgp.zoo import DAY, DOMAIN, MADE, NOW, Zoo, fingerprint, framed

LATER = NOW + DAY  # sq and pysequoia sign by their own clock, whenever the tests come to it
SIGNED_AT = MADE + 10 * DAY
ENCRYPT = ("--trust-model", "always", "--encrypt")


@dataclass
class Post:
    """Who writes to us. ``certificates``: as they are known today, by name."""

    zoo: Zoo
    service: ServiceKey
    other: ServiceKey  # somebody else's, to whom one may also write
    certificates: dict[str, bytes] = field(default_factory=dict)
    messages: dict[str, bytes] = field(default_factory=dict)

    @property
    def secrets(self) -> list[bytes]:
        return [self.service.secret_bytes()]

    def gpg(self, *args: str, at: datetime = SIGNED_AT, data: bytes = TEXT, to: ServiceKey | None = None) -> bytes:
        return self.zoo.gpg(*ENCRYPT, "-r", (to or self.service).fingerprint, *args, at=at, data=data)

    def opened(self, message: bytes, *known: str, now: datetime = LATER) -> Opened | NotOpened:
        certificates = [self.certificates[name] for name in known]
        return open_message(message, secrets=self.secrets, certificates=certificates, now=now)

    def fingerprint(self, name: str) -> str:
        return fingerprint(self.certificates[name]).upper()


def _of_gpg(post: Post) -> None:
    zoo, out = post.zoo, post.messages
    for key in (post.service, post.other):
        zoo.gpg("--import", data=key.certificate())
    for name, lasts in (("ann", "never"), ("ben", "never"), ("eve", "20d"), ("rob", "never"), ("rsa2048", "never")):
        kind = name if name == "rsa2048" else "ed25519"
        zoo.gpg("--quick-gen-key", f"{name}@{DOMAIN}", kind, "sign", lasts, at=MADE)
    sign = {name: ("--sign", "-u", f"{name}@{DOMAIN}") for name in ("ann", "ben", "eve", "rob", "rsa2048")}
    out["unsigned"] = post.gpg()
    out["armoured"] = post.gpg("--armor")
    for name in ("ann", "ben", "eve", "rob"):
        out[name] = post.gpg(*sign[name])
    out["packed"] = post.gpg(*sign["ann"], "--compress-algo", "zlib", data=TEXT * 999)
    out["text mode"] = post.gpg(*sign["ann"], "--textmode")
    out["two signers"] = post.gpg(*sign["ann"], "-u", f"ben@{DOMAIN}")
    out["SHA-1"] = post.gpg(*sign["rsa2048"], "--allow-weak-digest-algos", "--digest-algo", "SHA1")
    out["hidden"] = post.gpg(*sign["ann"], "--throw-keyids")
    out["also to somebody else"] = post.gpg(*sign["ann"], "-r", post.other.fingerprint)
    out["signature expired"] = post.gpg(*sign["ann"], "--default-sig-expire", "5d")
    out["tomorrow"] = post.gpg(*sign["ann"], at=NOW + 9 * DAY)
    out["somebody else's"] = post.gpg(*sign["ann"], to=post.other)
    written = (zoo.home / "openpgp-revocs.d" / f"{fingerprint(zoo.export('rob')).upper()}.rev").read_bytes()
    zoo.gpg("--import", data=written.replace(b":-----BEGIN", b"-----BEGIN"))
    for name in ("ann", "ben", "eve", "rob", "rsa2048"):
        post.certificates[name] = zoo.export(name)


def _of_sq(post: Post) -> None:
    zoo = post.zoo
    files = {"service": post.service.certificate(), "other": post.other.certificate(), "text": TEXT}
    paths = {name: zoo.folder / name for name in files}
    for name, data in files.items():
        paths[name].write_bytes(data)
    secret = zoo.folder / "sq.pgp"
    zoo.sq("key", "generate", "-u", f"Sq <sq@{DOMAIN}>", "-e", str(secret))
    post.certificates["sq"] = zoo.sq("key", "extract-cert", "-B", str(secret))

    def encrypted(to: str, *more: str) -> bytes:
        return zoo.sq("encrypt", "--recipient-cert", str(paths[to]), *more, str(paths["text"]))

    post.messages["sq"] = encrypted("service", "--signer-key", str(secret))
    post.messages["sq, unsigned"] = encrypted("service")
    post.messages["sq, to somebody else"] = encrypted("other", "--signer-key", str(secret))


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    need("gpg", package="gnupg")
    need_sq()
    zoo = Zoo(tmp_path_factory.mktemp("post"))
    zoo.home.mkdir(mode=0o700)
    keys = (ServiceKey.generate(f"{name} <{name}@desk.example>", now=MADE) for name in ("Service", "Other"))
    made = Post(zoo, *keys)
    try:
        _of_gpg(made)
        _of_sq(made)
        yield made
    finally:
        subprocess.run(["gpgconf", "--homedir", str(zoo.home), "--kill", "all"], check=False)


# message, certificates at hand, signed, signer, weak, why
ROWS = [
    ("unsigned", (), Signed.NONE, "", "", "GnuPG"),
    ("armoured", (), Signed.NONE, "", "", "GnuPG, in armour"),
    ("sq, unsigned", (), Signed.NONE, "", "", "Sequoia"),
    ("ann", ("ann",), Signed.GOOD, "ann", "", "GnuPG's usual key"),
    ("ann", ("ben", "sq", "ann"), Signed.GOOD, "ann", "", "among others"),
    ("sq", ("sq",), Signed.GOOD, "sq", "", "Sequoia names us as the one it wrote to"),
    ("text mode", ("ann",), Signed.GOOD, "ann", "", "a signature over lines"),
    ("two signers", ("ben",), Signed.GOOD, "ben", "", "one of two is known"),
    ("two signers", ("ann",), Signed.GOOD, "ann", "", "the other one"),
    ("hidden", ("ann",), Signed.GOOD, "ann", "", "it does not say whom it is for"),
    ("also to somebody else", ("ann",), Signed.GOOD, "ann", "", "to several"),
    ("ann", (), Signed.UNKNOWN_KEY, "", "", "no certificate at hand"),
    ("ann", ("ben",), Signed.UNKNOWN_KEY, "", "", "another's certificate at hand"),
    ("eve", ("eve",), Signed.UNKNOWN_KEY, "eve", "certificate_expired", "it has run out since"),
    ("rob", ("rob",), Signed.UNKNOWN_KEY, "rob", "certificate_revoked", "revoked since"),
    ("SHA-1", ("rsa2048",), Signed.UNKNOWN_KEY, "rsa2048", "weak_hash", "anybody could find another text"),
    ("signature expired", ("ann",), Signed.UNKNOWN_KEY, "ann", "signature_expired", "its own date is past"),
    ("tomorrow", ("ann",), Signed.UNKNOWN_KEY, "ann", "signature_of_tomorrow", "a clock that is wrong, or a lie"),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[-1] for row in ROWS])
def test_who_signed(post: Post, row: tuple[str, tuple[str, ...], Signed, str, str, str]) -> None:
    name, known, signed, signer, weak, why = row
    who = post.fingerprint(signer) if signer else ""
    assert post.opened(post.messages[name], *known) == Opened(TEXT, signed, who, weak), why


def test_a_long_text_is_packed(post: Post) -> None:
    found = post.opened(post.messages["packed"], "ann")
    assert found == Opened(TEXT * 999, Signed.GOOD, post.fingerprint("ann"))
    assert len(post.messages["packed"]) < 10_000


def test_the_instant_decides(post: Post) -> None:
    """The same message and certificate, before the certificate ran out."""
    found = post.opened(post.messages["eve"], "eve", now=SIGNED_AT + DAY)
    assert found == Opened(TEXT, Signed.GOOD, post.fingerprint("eve"))


def test_hidden_means_that_no_key_is_named(post: Post) -> None:
    assert recipients(post.messages["hidden"]) == ["0" * 16]


def test_a_message_to_somebody_else(post: Post) -> None:
    assert post.opened(post.messages["somebody else's"], "ann") == NotOpened(NotOpenedReason.NOT_FOR_US)


def test_with_a_password_only(post: Post) -> None:
    message = post.zoo.gpg("--passphrase", "x", "--symmetric", data=TEXT)
    assert post.opened(message) == NotOpened(NotOpenedReason.NOT_FOR_US)


def test_signed_and_not_encrypted(post: Post) -> None:
    message = post.zoo.gpg("--sign", "-u", f"ann@{DOMAIN}", at=SIGNED_AT, data=TEXT)
    assert post.opened(message, "ann") == NotOpened(NotOpenedReason.UNREADABLE)


def test_a_cipher_of_the_past(post: Post) -> None:
    """Our certificate asks for AES; who insists on something else is told, and nothing is guessed."""
    message = post.gpg("--cipher-algo", "3DES")
    assert post.opened(message) == NotOpened(NotOpenedReason.UNREADABLE)


# --- whoever can write to us can pack anything ----------------------------------------------------------------------


def unpacked(message: bytes, key: ServiceKey) -> list[tuple[int, bytes]]:
    """The packets inside, as its rightful reader sees them."""
    envelope = read_envelope(message)
    session, _ = session_key(envelope.session_keys, locks_of([key.secret_bytes()]))
    pile = list(contents(unsealed(envelope.sealed, session)))
    return list(contents(zlib.decompressobj(-15).decompress(pile[0][1][1:]))) if pile[0][0] == COMPRESSED else pile


def again(pile: list[tuple[int, bytes]]) -> bytes:
    return b"".join(framed(tag, body) for tag, body in pile)


def of(post: Post, name: str, key: ServiceKey | None = None) -> list[tuple[int, bytes]]:
    return unpacked(post.messages[name], key or post.service)


def _another_text(pile: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    return [(tag, body + b"x" if tag == LITERAL else body) for tag, body in pile]


def test_another_text_under_a_signature(post: Post) -> None:
    message = sealed_to(post.service, again(_another_text(of(post, "ann"))))
    assert post.opened(message, "ann") == Opened(TEXT + b"x", Signed.BAD, post.fingerprint("ann"))
    assert post.opened(message, "ben") == Opened(TEXT + b"x", Signed.UNKNOWN_KEY), "nobody at hand has signed it"


def test_the_signature_taken_away(post: Post) -> None:
    pile = [(tag, body) for tag, body in of(post, "ann") if tag == LITERAL]
    assert post.opened(sealed_to(post.service, again(pile)), "ann") == Opened(TEXT, Signed.NONE)


def test_a_text_added_behind_a_signed_one(post: Post) -> None:
    message = sealed_to(post.service, again(of(post, "ann")) + literal(b"and pay"))
    assert post.opened(message, "ann") == NotOpened(NotOpenedReason.PARTIAL)


def test_a_signature_in_front(post: Post) -> None:
    """The older form: the signature comes first, with nothing to announce it."""
    _, (_, body), (_, signature) = of(post, "ann")
    message = sealed_to(post.service, framed(2, signature) + framed(LITERAL, body))
    assert post.opened(message, "ann") == Opened(TEXT, Signed.GOOD, post.fingerprint("ann"))


def test_what_was_signed_for_another(post: Post) -> None:
    """Whoever got a signed message can pass it on to us as if it had been written to us. Sequoia names the reader."""
    message = sealed_to(post.service, again(of(post, "sq, to somebody else", post.other)))
    assert post.opened(message, "sq") == Opened(TEXT, Signed.BAD, post.fingerprint("sq"), FOR_ANOTHER)


def test_what_names_no_reader_cannot_be_told(post: Post) -> None:
    """GnuPG does not: the caller compares the entity's own To (see Opened)."""
    message = sealed_to(post.service, again(of(post, "somebody else's", post.other)))
    assert post.opened(message, "ann") == Opened(TEXT, Signed.GOOD, post.fingerprint("ann"))


def test_a_subkey_that_was_never_bound(post: Post) -> None:
    """A key pushed into somebody's certificate does not sign for them."""
    thief = pysequoia.Tsk.generate("T <t@evil.example>", profile=pysequoia.Profile.RFC4880)
    ours = pysequoia.Cert.from_bytes(post.service.certificate())
    whole = bytes(pysequoia.encrypt(TEXT, recipients=[ours], signer=thief.signer(), armor=False))
    pile = list(PacketPile.from_bytes(bytes(thief.extract_certificate())))
    at = next(n for n, packet in enumerate(pile) if packet.tag == Tag.PublicSubkey)
    stolen = b"".join(bytes(packet) for packet in pile[at:])
    post.certificates["grafted"] = post.certificates["ann"] + stolen
    found = post.opened(whole, "grafted")
    assert isinstance(found, Opened)
    assert (found.signed, found.weak) == (Signed.UNKNOWN_KEY, "certificate_unsound")


# --- detached --------------------------------------------------------------------------------------------------------

Change = Callable[[bytes], bytes]
SHA1 = ("--allow-weak-digest-algos", "--digest-algo", "SHA1")


def as_sent(text: bytes) -> bytes:
    return text


def bare(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n")


# who, how, what became of the text, signed, signer, weak, why
DETACHED = [
    ("ann", (), as_sent, Signed.GOOD, "ann", "", "binary"),
    ("ann", ("--armor",), as_sent, Signed.GOOD, "ann", "", "as multipart/signed has it"),
    ("ann", ("--textmode",), as_sent, Signed.GOOD, "ann", "", "over lines"),
    ("ann", ("--textmode",), bare, Signed.GOOD, "ann", "", "over lines, whatever ends them"),
    ("ann", (), bare, Signed.BAD, "ann", "", "a gateway changed line ends"),
    ("ann", (), lambda text: text + b"x", Signed.BAD, "ann", "", "changed"),
    ("ben", (), as_sent, Signed.UNKNOWN_KEY, "", "", "not at hand"),
    ("eve", (), as_sent, Signed.UNKNOWN_KEY, "eve", "certificate_expired", "run out"),
    ("rsa2048", SHA1, as_sent, Signed.UNKNOWN_KEY, "rsa2048", "weak_hash", "weak"),
]


@pytest.mark.parametrize("row", DETACHED, ids=[row[-1] for row in DETACHED])
def test_detached(post: Post, row: tuple[str, tuple[str, ...], Change, Signed, str, str, str]) -> None:
    who, how, change, signed, signer, weak, why = row
    signature = post.zoo.gpg("--detach-sign", "-u", f"{who}@{DOMAIN}", *how, at=SIGNED_AT, data=TEXT)
    known = [post.certificates[name] for name in ("ann", "eve", "rsa2048")]
    found = check_signature(change(TEXT), signature, certificates=known, now=LATER)
    assert found == (signed, post.fingerprint(signer) if signer else "", weak), why


NO_SIGNATURES = [
    (b"", "empty"),
    (b"text", "text"),
    (b"-----BEGIN PGP SIGNATURE-----\n", "cut off"),
    (framed(LITERAL, b"b" + bytes(5)), "a packet of text"),
    (framed(2, b"\4" * 9) * 99, "without end"),
]


@pytest.mark.parametrize(("signature", "why"), NO_SIGNATURES, ids=[why for _, why in NO_SIGNATURES])
def test_what_is_no_signature(signature: bytes, why: str) -> None:
    found = check_signature(TEXT, signature, certificates=[], now=LATER)
    assert found == (Signed.BAD, "", "unreadable"), why


def test_the_child_judges_alike(post: Post, tmp_path: Path) -> None:
    known = [post.certificates["ann"]]
    signature = post.zoo.gpg("--detach-sign", "--armor", "-u", f"ann@{DOMAIN}", at=SIGNED_AT, data=TEXT)
    assert dearmour(signature)[0].kind == "SIGNATURE"
    good = (Signed.GOOD, post.fingerprint("ann"), "")
    assert check_signature_safely(TEXT, signature, certificates=known, now=LATER) == good
    found = open_safely(post.messages["ann"], secrets=post.secrets, certificates=known, now=LATER)
    assert found == Opened(TEXT, *good)
