"""Signed files as people make them, by gpg, sq and pysequoia, with the certificate that each would publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pysequoia
from pysequoia.packet import Packet

from disclosure.openpgp.framing import body_of
from disclosure.openpgp.signatures import over_subkey
from tests.openpgp.zoo import DAY, DOMAIN, MADE, NOW, Zoo, fingerprint, framed, join, packets

TEXT = b"Contact: mailto:security@org.example\n- a dash  \n\nFrom here\t\nExpires: 2099-01-01T00:00:00Z\n"
COVERED = b"Contact: mailto:security@org.example\r\n- a dash\r\n\r\nFrom here\r\nExpires: 2099-01-01T00:00:00Z"
SIGNED_AT = MADE + 10 * DAY


@dataclass(frozen=True)
class Signed:
    file: bytes
    certificate: bytes

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate).upper()


def clearsigned(zoo: Zoo, who: str, *more: str, at: datetime = SIGNED_AT, text: bytes = TEXT) -> bytes:
    return zoo.gpg(*more, "-u", f"{who}@{DOMAIN}", "--clearsign", at=at, data=text)


def _key(zoo: Zoo, who: str, algorithm: str, usage: str = "sign", lasts: str = "never") -> str:
    zoo.gpg("--quick-gen-key", f"{who}@{DOMAIN}", algorithm, usage, lasts, at=MADE)
    return fingerprint(zoo.export(who))


def _of_gpg(zoo: Zoo, out: dict[str, Signed]) -> None:
    names = ("ed25519", "rsa2048", "nistp256", "nistp384", "nistp521", "rsa1024", "brainpoolP256r1", "dsa2048")
    for name in names:
        _key(zoo, name, name)
        out[name] = Signed(clearsigned(zoo, name), zoo.export(name))
    good = out["ed25519"].certificate
    weak = ("--allow-weak-digest-algos", "--digest-algo")
    for digest in ("SHA1", "MD5", "RIPEMD160"):
        out[digest] = Signed(clearsigned(zoo, "rsa2048", *weak, digest), zoo.export("rsa2048"))
    for digest in ("SHA224", "SHA384", "SHA512"):
        out[digest] = Signed(clearsigned(zoo, "ed25519", "--digest-algo", digest), good)
    out["signature expired"] = Signed(clearsigned(zoo, "ed25519", "--default-sig-expire", "5d"), good)
    out["signature to expire"] = Signed(clearsigned(zoo, "ed25519", "--default-sig-expire", "2y"), good)
    out["signed tomorrow"] = Signed(clearsigned(zoo, "ed25519", at=NOW + 9 * DAY), good)
    out["two signers"] = Signed(clearsigned(zoo, "ed25519", "-u", f"rsa2048@{DOMAIN}"), good)
    out["armoured"] = Signed(out["ed25519"].file, zoo.gpg("--armor", "--export", f"ed25519@{DOMAIN}"))
    everybody = b"".join(zoo.export(name) for name in names)
    out["several in one file"] = Signed(out["ed25519"].file, good + everybody)


def _of_age(zoo: Zoo, out: dict[str, Signed]) -> None:
    """What happened to the certificate after it had signed."""
    who = _key(zoo, "expiring", "ed25519", lasts="20d")
    file = clearsigned(zoo, "expiring")
    out["expired"] = Signed(file, zoo.export("expiring"))
    zoo.gpg("--quick-set-expire", who, "300d", at=MADE + 15 * DAY)
    out["extended"] = Signed(file, zoo.export("expiring"))
    out["extended, old copy behind"] = Signed(file, zoo.export("expiring") + out["expired"].certificate)
    zoo.gpg("--edit-key", "--command-fd", "0", who, data=b"change-usage\nS\nQ\nsave\n", at=MADE + 16 * DAY)
    out["not for signing any more"] = Signed(file, zoo.export("expiring"))
    zoo.gpg("--quick-gen-key", f"young@{DOMAIN}", "ed25519", "sign", "never", at=SIGNED_AT + DAY)
    out["signed before its key was made"] = Signed(
        clearsigned(zoo, "young", "--ignore-time-conflict", "--ignore-valid-from"), zoo.export("young")
    )
    who = _key(zoo, "revoked", "ed25519")
    file = clearsigned(zoo, "revoked")
    written = (zoo.home / "openpgp-revocs.d" / f"{who.upper()}.rev").read_bytes()
    zoo.gpg("--import", data=written.replace(b":-----BEGIN", b"-----BEGIN"))
    out["revoked"] = Signed(file, zoo.export("revoked"))


def _of_subkeys(zoo: Zoo, out: dict[str, Signed]) -> None:
    who = _key(zoo, "subkey", "ed25519", "cert")
    zoo.gpg("--quick-add-key", who, "ed25519", "sign", "20d", at=MADE)
    file = clearsigned(zoo, "subkey")
    out["subkey expired"] = Signed(file, zoo.export("subkey"))
    subkey = signing_subkey(zoo.export("subkey")).fingerprint or ""
    zoo.gpg("--quick-set-expire", who, "300d", subkey, at=MADE + 15 * DAY)
    good = zoo.export("subkey")
    out["subkey"] = out["subkey extended"] = Signed(file, good)
    short = out["subkey expired"].certificate
    out["subkey extended, old copy behind"] = Signed(file, good + short)
    pile = packets(good)
    out["too many subkeys"] = Signed(
        file, good + b"".join(framed(14, pile[-2].body[:-2] + n.to_bytes(2)) for n in range(100))
    )
    out["subkey without binding"] = Signed(file, join(pile[:-1]))
    out["subkey without its own word"] = Signed(file, join(pile[:-1]) + with_unhashed(pile[-1]))
    # A signature over any octets: also over those that a subkey's own word would cover.
    document = over_subkey(pile[0].body, pile[-2].body)
    word = body_of(zoo.gpg("-u", f"{subkey}!", "--detach-sign", at=SIGNED_AT, data=document))
    area = b"\xff" + (len(word) + 1).to_bytes(4) + b"\x20" + word
    out["subkey with a document for its word"] = Signed(file, join(pile[:-1]) + with_unhashed(pile[-1], area))
    out["subkey grafted"] = Signed(file, out["ed25519"].certificate + join(pile[-2:]))
    usage = b"key 1\nchange-usage\nS\nA\nQ\nsave\n"
    zoo.gpg("--command-fd", "0", "--edit-key", who, data=usage, at=MADE + 17 * DAY)
    changed = packets(zoo.export("subkey"))
    old_word = with_unhashed(changed[-1], unhashed(pile[-1]))
    out["subkey not for signing any more"] = Signed(file, join(changed[:-1]) + old_word)
    zoo.gpg("--command-fd", "0", "--edit-key", who, data=b"key 1\nrevkey\ny\n0\n\ny\nsave\n")
    out["subkey revoked"] = Signed(file, zoo.export("subkey"))


def _of_weak_subkeys(zoo: Zoo, out: dict[str, Signed]) -> None:
    who = _key(zoo, "weaksub", "ed25519", "cert")
    zoo.gpg("--quick-add-key", who, "rsa1024", "sign", "never", at=MADE)
    out["weak subkey"] = Signed(clearsigned(zoo, "weaksub"), zoo.export("weaksub"))


def signing_subkey(certificate: bytes) -> Packet:
    return next(p for p in packets(certificate)[1:] if p.fingerprint)


def unhashed(signature: Packet) -> bytes:
    rest = signature.body[6 + int.from_bytes(signature.body[4:6]) :]
    return rest[2 : 2 + int.from_bytes(rest[:2])]


def with_unhashed(signature: Packet, area: bytes = b"") -> bytes:
    """GnuPG keeps the subkey's own word where nobody signs for it: the binding holds without."""
    body = signature.body
    end = 6 + int.from_bytes(body[4:6])
    rest = body[end + 2 + int.from_bytes(body[end : end + 2]) :]
    return framed(2, body[:end] + len(area).to_bytes(2) + area + rest)


def _of_others(zoo: Zoo, out: dict[str, Signed]) -> None:
    suites, profiles = pysequoia.CipherSuite, pysequoia.Profile
    for name, suite, profile in (
        ("v4 of Sequoia", suites.Cv25519, profiles.RFC4880),
        ("v6", suites.Cv25519, profiles.RFC9580),
        ("v6 Ed448", suites.Cv448, profiles.RFC9580),
        ("v6 RSA", suites.RSA2k, profiles.RFC9580),
        ("v6 P-256", suites.P256, profiles.RFC9580),
        ("v6 post-quantum", suites.MLDSA65_Ed25519, profiles.RFC9580),
    ):
        key = pysequoia.Tsk.generate(f"S <s@{DOMAIN}>", cipher_suite=suite, profile=profile)
        file = pysequoia.sign(key.signer(), TEXT.removesuffix(b"\n"), mode=pysequoia.SignatureMode.CLEAR)
        out[name] = Signed(bytes(file), bytes(key.extract_certificate()))
    secret, text = zoo.folder / "sq.pgp", zoo.folder / "text"
    text.write_bytes(TEXT.removesuffix(b"\n"))
    zoo.sq("key", "generate", "-u", f"Sq <sq@{DOMAIN}>", "-e", str(secret))
    file = zoo.sq("sign", "--cleartext-signature", "--signer-key", str(secret), str(text))
    out["sq"] = Signed(file, zoo.sq("key", "extract-cert", "-B", str(secret)))


def build(folder: Path) -> tuple[Zoo, dict[str, Signed]]:
    zoo = Zoo(folder)
    zoo.home.mkdir(mode=0o700)
    out: dict[str, Signed] = {}
    for builder in (_of_gpg, _of_age, _of_subkeys, _of_weak_subkeys, _of_others):
        builder(zoo, out)
    return zoo, out
