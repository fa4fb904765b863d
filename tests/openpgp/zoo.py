"""A zoo of certificates, made when the tests run by gpg, sq and pysequoia, and then damaged with care.

Everything is built in one folder by some twenty short processes; no key stays behind.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pysequoia
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
MADE = NOW - 60 * DAY
DOMAIN = "org.example"
Pile = list[Packet]


class Zoo:
    """``certificates`` and, where messages are to be opened, ``secrets``; binary, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates: dict[str, bytes] = {}
        self.secrets: dict[str, bytes] = {}

    @property
    def home(self) -> Path:
        return self.folder / "gnupg"

    def gpg(self, *args: str, at: datetime | None = None, data: bytes | None = None, check: bool = True) -> bytes:
        """Standard output of gpg with this home, at ``at`` by its clock."""
        clock = ["--faked-system-time", f"{at:%Y%m%dT%H%M%S}!"] if at else []  # "!": it stands still
        quiet = [
            "--batch",
            "-q",
            "--no-tty",
            "--no-auto-check-trustdb",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
        ]
        command = ["gpg", "--homedir", str(self.home), *quiet, *clock, *args]
        return subprocess.run(command, input=data, capture_output=True, check=check).stdout

    def sq(self, *args: str, data: bytes | None = None) -> bytes:
        return subprocess.run(["sq", "-f", *args], input=data, capture_output=True, check=True).stdout

    def export(self, name: str) -> bytes:
        return self.gpg("--export", f"{name}@{DOMAIN}")


def packets(data: bytes) -> Pile:
    return list(PacketPile.from_bytes(data))


def join(pile: Iterable[Packet]) -> bytes:
    return b"".join(bytes(packet) for packet in pile)


def armoured(data: bytes) -> bytes:
    return pysequoia.armor(data, pysequoia.ArmorKind.PublicKey).encode()


def framed(tag: int, body: bytes) -> bytes:
    """A packet in the new format with a five-octet length."""
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4) + body


# --- gpg -------------------------------------------------------------------------------------------------------------

# name: key, subkey, further lines; in one process, which costs a hundredth of one process each.
_GPG = {
    "cv25519": ("EDDSA/ed25519", "ECDH/cv25519", ""),
    "p256": ("ECDSA/nistp256", "ECDH/nistp256", ""),
    "p384": ("ECDSA/nistp384", "ECDH/nistp384", ""),
    "p521": ("ECDSA/nistp521", "ECDH/nistp521", ""),
    "rsa2048": ("RSA/2048", "RSA/2048", ""),
    "rsa-single": ("RSA/2048", "", "Key-Usage: cert sign encrypt"),
    "rsa1024": ("RSA/1024", "RSA/1024", ""),
    "brainpool": ("ECDSA/brainpoolP256r1", "ECDH/brainpoolP256r1", ""),
    "secp256k1": ("ECDSA/secp256k1", "ECDH/secp256k1", ""),
    "dsa-elgamal": ("DSA/2048", "ELG-E/2048", ""),
    "sign-only": ("EDDSA/ed25519", "", "Key-Usage: sign"),
    "auth-only": ("EDDSA/ed25519", "EDDSA/ed25519", "Subkey-Usage: auth"),
    "subkeys": ("EDDSA/ed25519", "", "Key-Usage: sign"),
    "weak-subkey": ("EDDSA/ed25519", "RSA/1024", ""),
    "expiry": ("EDDSA/ed25519", "ECDH/cv25519", ""),
    "names": ("EDDSA/ed25519", "ECDH/cv25519", ""),
}


def _recipe(name: str, key: str, subkey: str, more: str, made: datetime) -> str:
    lines = ["%no-protection", "%transient-key", *_algorithm("Key", key)]
    lines += ["Key-Usage: cert sign"] if "Key-Usage" not in more else []
    lines += _algorithm("Subkey", subkey) if subkey else []
    lines += [more] if more.startswith("Key") else []
    lines += [more] if more.startswith("Subkey") else []
    return "\n".join(
        [*lines, f"Name-Email: {name}@{DOMAIN}", "Expire-Date: 0", f"Creation-Date: {made:%Y%m%dT%H%M%S}", "%commit\n"]
    )


def _algorithm(of: str, text: str) -> list[str]:
    kind, _, which = text.partition("/")
    return [f"{of}-Type: {kind}", f"{of}-{'Length' if which.isdigit() else 'Curve'}: {which}"]


def _by_gpg(zoo: Zoo) -> None:
    zoo.home.mkdir(mode=0o700)
    zoo.gpg("--gen-key", data="\n".join(_recipe(n, *row, MADE) for n, row in _GPG.items()).encode())
    later = datetime(2090, 1, 1, tzinfo=UTC)
    zoo.gpg("--gen-key", data=_recipe("born-later", *_GPG["cv25519"], later).encode(), at=later)
    for digest in ("SHA1", "MD5"):
        recipe = _recipe(digest.lower(), *_GPG["cv25519"], MADE).encode()
        zoo.gpg("--cert-digest-algo", digest, "--gen-key", data=recipe)
    whole = {**_GPG, "born-later": "", "sha1": "", "md5": ""}.keys() - {"subkeys", "expiry", "names"}
    zoo.certificates |= {name: zoo.export(name) for name in sorted(whole)}
    for name in ("cv25519", "p256", "p384", "p521", "rsa2048", "rsa-single"):
        zoo.secrets[name] = zoo.gpg("--export-secret-keys", f"{name}@{DOMAIN}")


def _expiring(zoo: Zoo) -> None:
    """gpg replaces a self-signature when a date changes; whoever kept the old copy has both."""
    held = zoo.certificates
    never, who = zoo.export("expiry"), fingerprint(zoo.export("expiry"))
    zoo.gpg("--quick-set-expire", who, "10d", at=MADE + DAY)
    short = zoo.export("expiry")
    zoo.gpg("--quick-set-expire", who, "300d", at=MADE + 30 * DAY)
    longer = zoo.export("expiry")
    held |= {"primary-expired": short, "extended": short + longer, "shortened": never + short}
    held["extended-old-copy-last"] = longer + short
    zoo.gpg("--quick-set-expire", who, "10d", "*", at=MADE + 31 * DAY)
    held["subkey-shortened"] = longer + zoo.export("expiry")
    zoo.gpg("--quick-set-expire", who, "10d", at=MADE + 32 * DAY)
    held["both-expired"] = zoo.export("expiry")
    zoo.gpg("--quick-set-expire", who, "300d", at=MADE + 50 * DAY)
    shorter = zoo.export("expiry")
    subkey = encrypting_subkey(shorter).fingerprint or ""  # gpg's "*" leaves out what has run out
    zoo.gpg("--quick-set-expire", who, "300d", subkey, at=MADE + 51 * DAY)
    held["subkey-extended"] = zoo.export("expiry") + shorter

    who = fingerprint(zoo.export("subkeys"))
    zoo.gpg("--quick-add-key", who, "cv25519", "encr", "10d", at=MADE)
    held["subkey-expired"] = zoo.export("subkeys")
    zoo.gpg("--quick-add-key", who, "cv25519", "encr", "never", at=MADE + DAY)
    held["first-subkey-expired"] = zoo.export("subkeys")
    zoo.gpg("--quick-add-key", who, "rsa2048", "encr", "never", at=MADE + 2 * DAY)
    held["two-good-subkeys"] = zoo.export("subkeys")
    zoo.secrets["two-good-subkeys"] = zoo.gpg("--export-secret-keys", who)


def _names(zoo: Zoo) -> None:
    who = fingerprint(zoo.export("names"))
    zoo.gpg("--quick-add-uid", who, f"Other <other@{DOMAIN}>", at=MADE + DAY)
    zoo.certificates["two-names"] = zoo.export("names")
    zoo.gpg("--quick-revoke-uid", who, f"names@{DOMAIN}", at=MADE + 2 * DAY)
    zoo.certificates["name-revoked"] = zoo.export("other")


# --- sq and pysequoia ------------------------------------------------------------------------------------------------


def _by_sq(zoo: Zoo) -> None:
    secret = zoo.folder / "sq.pgp"
    who = f"Sq <sq@{DOMAIN}>"
    for suite in ("cv25519", "rsa3k"):
        made = ["--creation-time", f"{MADE:%Y%m%dT%H%M%S}", "--expires-in", "1y"]
        zoo.sq("key", "generate", "-c", suite, "-u", who, *made, "-e", str(secret))
        zoo.certificates[f"sq-{suite}"] = zoo.sq("key", "extract-cert", "-B", str(secret))
        zoo.secrets[f"sq-{suite}"] = secret.read_bytes()
    zoo.sq(
        "key",
        "generate",
        "-u",
        who,
        "--creation-time",
        f"{MADE:%Y%m%dT%H%M%S}",
        "--expires-in",
        "10d",
        "-e",
        str(secret),
    )
    zoo.certificates["sq-expired"] = zoo.sq("key", "extract-cert", "-B", str(secret))

    zoo.sq("key", "generate", "-u", who, "--creation-time", f"{MADE:%Y%m%dT%H%M%S}", "-e", str(secret))
    good = zoo.sq("key", "extract-cert", "-B", str(secret))
    subkey = encrypting_subkey(good)
    at = f"{MADE + 5 * DAY:%Y%m%dT%H%M%S}"
    for reason in ("compromised", "superseded", "retired", "unspecified"):
        out = zoo.sq("revoke", "certificate", "--certificate", str(secret), "-B", "-t", at, reason, "why")
        zoo.certificates[f"revoked-{reason}"] = with_revocation(good, out)
    out = zoo.sq(
        "revoke", "subkey", "--certificate", str(secret), "-B", "-t", at, subkey.fingerprint or "", "retired", "x"
    )
    zoo.certificates["subkey-revoked"] = with_revocation(good, out, after=subkey)
    zoo.certificates["sq-good"] = good
    zoo.certificates["old-copy-of-a-revoked-one"] = zoo.certificates["revoked-retired"] + good


def with_revocation(certificate: bytes, revocation: bytes, after: Packet | None = None) -> bytes:
    """The revocation where it belongs: behind the primary key, or behind the subkey ``after``."""
    kinds = (SignatureType.KeyRevocation, SignatureType.SubkeyRevocation)
    signature = next(p for p in packets(revocation) if p.signature_type in kinds)
    pile = packets(certificate)
    at = 1 + next((n for n, p in enumerate(pile) if after and p.fingerprint == after.fingerprint), 0)
    return join([*pile[:at], signature, *pile[at:]])


def _by_pysequoia(zoo: Zoo) -> None:
    suites, new = pysequoia.CipherSuite, pysequoia.Profile.RFC9580
    made = {
        "v6": pysequoia.Tsk.generate("V6 <v6@org.example>", profile=new),
        "v6-pqc": pysequoia.Tsk.generate("PQ <pq@org.example>", profile=new, cipher_suite=suites.MLDSA65_Ed25519),
        "v4-x25519": pysequoia.Tsk.generate(
            "X <x@org.example>", encryption_algorithm=pysequoia.EncryptionAlgorithm.X25519
        ),
        "v4-x448": pysequoia.Tsk.generate("X <x@org.example>", encryption_algorithm=pysequoia.EncryptionAlgorithm.X448),
        "no-name": pysequoia.Tsk.generate(),
    }
    for name, key in made.items():
        zoo.certificates[name] = bytes(key.extract_certificate())
        zoo.secrets[name] = bytes(key)
    stranger = pysequoia.Tsk.generate("Stranger <stranger@evil.example>")
    zoo.certificates["stranger"] = bytes(stranger.extract_certificate())


# --- what an attacker or a bad copy makes of them --------------------------------------------------------------------


def fingerprint(data: bytes) -> str:
    return (packets(data)[0].fingerprint or "").upper()


def encrypting_subkey(data: bytes) -> Packet:
    pile = packets(data)
    flagged = (n for n, p in enumerate(pile) if p.key_flags and p.key_flags.transport_encryption)
    return pile[next(flagged) - 1]


def _subkey_at(pile: Pile) -> int:
    return next(n for n, p in enumerate(pile) if p.tag == Tag.PublicSubkey)


def _injected(good: bytes, stranger: bytes, *, only: bool) -> bytes:
    """The attacker's subkey with a binding that claims our primary key as its issuer."""
    pile, foreign = packets(good), packets(stranger)
    at = _subkey_at(pile)
    key = encrypting_subkey(stranger)
    binding = foreign[[bytes(p) for p in foreign].index(bytes(key)) + 1]
    claimed = _readdressed(bytes(binding), foreign[0], pile[0])
    return join(pile[:at]) + bytes(key) + claimed + join([] if only else pile[at:])


def _flipped(good: bytes) -> bytes:
    pile = packets(good)
    at = _subkey_at(pile)
    broken = bytearray(bytes(pile[at]))
    broken[-5] ^= 1
    return join(pile[:at]) + bytes(broken) + join(pile[at + 1 :])


def _switched(good: bytes, stranger: bytes) -> bytes:
    """The attacker's subkey under our owner's true binding."""
    pile = packets(good)
    return join(pile[: _subkey_at(pile)]) + bytes(encrypting_subkey(stranger)) + join(pile[_subkey_at(pile) + 1 :])


def _moved_to_the_end(data: bytes) -> bytes:
    """A subkey's revocation behind another subkey."""
    pile = packets(data)
    at = next(n for n, p in enumerate(pile) if p.signature_type == SignatureType.SubkeyRevocation)
    first = _subkey_at(pile) + 1
    return join([*pile[:first], pile[at], *pile[first:at], *pile[at + 1 :]])


def _revived(data: bytes) -> bytes:
    """An expired subkey, its own binding moved behind the name, the dateless binding of another in its place.

    A library that brings signatures home makes the subkey whole; whoever reads the date beside it is deceived.
    """
    pile = packets(data)
    at = _subkey_at(pile)
    return join([*pile[:at], pile[at + 1], pile[at], pile[at + 3]])


def forged(signature: Packet, count: int) -> list[bytes]:
    """Copies whose numbers are wrong, each another way."""
    out = []
    for n in range(count):
        raw = bytearray(bytes(signature))
        raw[-1], raw[-2], raw[-3] = raw[-1] ^ (n & 0xFF), raw[-2] ^ (n >> 8), raw[-3] ^ 0x55
        out.append(bytes(raw))
    return out


def _version(good: bytes, version: int) -> bytes:
    body = bytearray(packets(good)[0].body)
    body[0] = version
    return framed(6, bytes(body)) + join(packets(good)[1:])


def _floods(good: bytes, stranger: bytes) -> dict[str, bytes]:
    pile = packets(good)
    key, name, own = bytes(pile[0]), bytes(pile[1]), pile[2]
    rest = join(pile[2:])
    foreign = next(p for p in packets(stranger) if p.tag == Tag.Signature)
    names = [framed(13, f"Fake {n} <fake{n}@{DOMAIN}>".encode()) for n in range(500)]
    forged_names = b"".join(n + s for n, s in zip(names, forged(own, 500), strict=True))
    binding = pile[-1]
    return {
        "flood-of-strangers": key + name + b"".join(forged(foreign, 10_000)) + rest,
        "flood-of-self-signatures": key + name + b"".join(forged(own, 2_000)) + rest,
        "flood-of-names": key + forged_names + name + rest,
        "flood-of-bindings": join(pile[:-1]) + b"".join(forged(binding, 2_000)) + bytes(binding),
        "too-many-self-signatures": key + name + b"".join(forged(own, 5_001)) + rest,
        "too-many-packets": good + b"\xca\x03PGP" * 20_001,
        "too-many-subkeys": good + b"".join(framed(14, pile[3].body[:-2] + n.to_bytes(2)) for n in range(101)),
    }


def _damaged(zoo: Zoo) -> None:
    held = zoo.certificates
    good, stranger = held["cv25519"], held["stranger"]
    pile = packets(good)
    held |= {
        "injected-first": _injected(good, stranger, only=False),
        "injected-alone": _injected(good, stranger, only=True),
        "flipped-subkey": _flipped(good),
        "revived-subkey": _revived(held["first-subkey-expired"]),
        "revocation-astray": _moved_to_the_end(held["subkey-revoked"]),
        "switched-subkey": _switched(good, stranger),
        "last-binding-cut": good[:-10],
        "last-binding-missing": join(pile[:-1]),
        "no-self-signature": join(p for p in pile if p.tag != Tag.Signature),
        "forged-revocation": with_revocation(good, _foreign_revocation(held)),
        "forged-name-in-front": bytes(pile[0]) + framed(13, f"A <a@{DOMAIN}>".encode()) + join(pile[1:]),
        "version-3": _version(good, 3),
        "version-5": _version(good, 5),
        "padded": good + framed(21, b"\0" * 50) + b"\n",
        "photograph": join(pile[:3]) + framed(17, b"\x10\x01" * 500) + forged(pile[2], 2)[1] + join(pile[3:]),
        "bomb-behind": good + framed(8, b"\x01" + b"\0" * 1000),
        "secret-in-front": zoo.secrets["cv25519"] + good,
        "secret-behind": good + zoo.secrets["cv25519"],
        "secret-cut": zoo.secrets["cv25519"][:-10],
        "expired-first": held["sq-expired"] + held["sq-good"],
        "twenty-one": b"".join(_renamed(good, n) for n in range(21)),
        "one-broken-of-two": _version(good, 3) + held["sq-good"],
        **_floods(good, stranger),
    }


def _foreign_revocation(held: dict[str, bytes]) -> bytes:
    """A true revocation of another certificate, its issuer rewritten to be the victim."""
    other = packets(held["revoked-retired"])
    revocation = next(p for p in other if p.signature_type == SignatureType.KeyRevocation)
    return _readdressed(bytes(revocation), other[0], packets(held["cv25519"])[0])


def _readdressed(signature: bytes, theirs: Packet, ours: Packet) -> bytes:
    """The same signature, claiming another issuer; that spoils it only for who checks it."""
    for old, new in ((theirs.fingerprint, ours.fingerprint), (theirs.key_id, ours.key_id)):
        signature = signature.replace(bytes.fromhex(old or ""), bytes.fromhex(new or ""))
    return signature


def _renamed(good: bytes, number: int) -> bytes:
    """Another primary key, and nothing that holds."""
    body = bytearray(packets(good)[0].body)
    body[-1] = number
    return framed(6, bytes(body))


BUILDERS: tuple[Callable[[Zoo], None], ...] = (_by_gpg, _expiring, _names, _by_sq, _by_pysequoia, _damaged)


def build(folder: Path) -> Zoo:
    zoo = Zoo(folder)
    for builder in BUILDERS:
        builder(zoo)
    return zoo
