"""Judging what strangers hand over: armour as it really comes, garbage, secrets (R18)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pysequoia.packet import PacketPile, Tag

from disclosure.demo.certificates import make_certificate
from disclosure.openpgp.dearmour import dearmour
from disclosure.openpgp.judge import MAX_INPUT, Reason, Verdict, judge
from disclosure.protocol.values import Address

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
WHO = Address.parse("d@org.example")


@pytest.fixture(scope="module")
def pair() -> tuple[str, bytes]:
    return make_certificate(f"D. Exemple <{WHO}>", now=NOW - 30 * DAY)


def verdict(data: bytes, now: datetime = NOW, address: Address | None = WHO) -> Verdict:
    return judge(data, address=address, now=now)


def armoured(data: bytes) -> bytes:
    import pysequoia  # noqa: PLC0415

    return pysequoia.armor(data, pysequoia.ArmorKind.PublicKey).encode()


def _one_line(armour: bytes) -> bytes:
    head, _, rest = armour.partition(b"\n\n")
    body, _, tail = rest.partition(b"\n=")
    return head + b"\n\n" + body.replace(b"\n", b"") + b"\n=" + tail


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
        (lambda a: a.replace(b"\n\n", b"\nComment: x\n", 1), "a header line, and no blank one behind it"),
        (lambda a: a.replace(b"\n\n", b"\n", 1), "no blank line"),
        (lambda a: a.replace(b"\n\n", b"\nComment: \xe9\xff\nVersion: 1\n \t\n", 1), "headers in another alphabet"),
        (lambda a: a.replace(b"\n", b"\r"), "line ends of an old Macintosh"),
        (lambda a: a.decode().encode("utf-16"), "UTF-16, as a shell of Windows writes it"),
        (lambda a: a.replace(b"\n", b"\n\n"), "every other line blank"),
        (lambda a: a[: a.rindex(b"\n=") + 2] + b"AAAA" + a[a.rindex(b"\n=") + 6 :], "a wrong CRC"),
        (_one_line, "one long line"),
        (lambda a: b"<html><pre>" + a.rstrip() + b"</pre></html>", "a page around it"),
        (lambda a: a + a, "twice"),
    ],
)
def test_armour_as_it_really_comes(pair: tuple[str, bytes], change, why: str) -> None:  # type: ignore[no-untyped-def]
    assert verdict(change(armoured(pair[1]))).usable, why


@pytest.mark.parametrize(
    ("data", "reason", "why"),
    [
        (b"", Reason.NOT_A_KEY, "nothing"),
        (b"<html>404</html>", Reason.NOT_A_KEY, "a page"),
        (
            b"long ago\nlorem ipsum dolor sit amet\n" + b"lorem ipsum " * 50,
            Reason.NOT_A_KEY,
            "words that could be read as base64",
        ),
        (b"Our PRIVATE KEY is ours.", Reason.NOT_A_KEY, "words about one"),
        (b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJlQSJ\n" * 9, Reason.NOT_A_KEY, "a picture"),
        (b"\x99\x00\x01\x02", Reason.CORRUPT, "a packet cut off"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", Reason.CORRUPT, "never closed"),
        (
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n***\n-----END PGP PUBLIC KEY BLOCK-----\n",
            Reason.CORRUPT,
            "no base64",
        ),
        (b"x" * (MAX_INPUT + 1), Reason.TOO_LARGE, "too large to look at"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" + b"a: a\n" * 500, Reason.CORRUPT, "a bomb of header lines"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" + b"a: a: " * 500 + b"\n", Reason.CORRUPT, "all in one line"),
        (b"-----BEGIN PGP SIGNED MESSAGE-----\n\n" * 30, Reason.CORRUPT, "a bomb of signed messages, never closed"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" * 90_000, Reason.CORRUPT, "four megabytes of beginnings"),
        (b"-----END PGP PUBLIC KEY BLOCK-----\n", Reason.CORRUPT, "an end without a beginning"),
        (b"-----BEGIN PGP MESSAGE-----\n\n0gEA\n-----END PGP MESSAGE-----\n", Reason.NOT_A_KEY, "a message"),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", Reason.SECRET_KEY, "the first line is enough"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n".encode("utf-16"), Reason.SECRET_KEY, "in any coding"),
        (b"\x88\xff", Reason.CORRUPT, "a length beyond the end"),
        (b"\xc6\xe1" + b"\0" * 9, Reason.CORRUPT, "a key in parts of unknown number"),
        (b"\xc6\x00", Reason.CORRUPT, "an empty key"),
        (b"\xc6\x01\x04", Reason.CORRUPT, "a key of one octet"),
    ],
)
def test_garbage_is_refused(data: bytes, reason: Reason, why: str) -> None:
    assert verdict(data).reason is reason, why


DRESSES: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda a: a, "as it is"),
    (lambda a: a.replace(b"PRIVATE", b"PUBLIC"), "under a public label"),
    (lambda a: dearmour(a)[0].content, "binary"),
    (lambda a: dearmour(a)[0].content[:40], "binary, broken off in its first packet"),
    (lambda a: dearmour(a)[0].content[:1], "its first octet"),
    (lambda a: b"\x95\x00" + b"\x01" * 9, "in the old form, cut off"),
    (lambda a: b"\x97" + b"\x04" * 90, "of a length that is not told"),
    (lambda a: b"\xc5\xe9" + b"\x04" * 90, "in parts"),
    (lambda a: a.replace(b"PRIVATE", b"PUBLIC")[:300], "under a public label, never closed"),
    (lambda a: a.replace(b"PRIVATE", b"PUBLIC").replace(b"\n=", b"\n*="), "the same, with a sign that is no base64"),
    (lambda a: a.replace(b"PRIVATE KEY BLOCK", b"MESSAGE"), "as a message"),
    (lambda a: a.replace(b"PRIVATE", b"PUBLIC").replace(b"-----BEGIN", b"x\n-----BEGIN PGP MESSAGE-----\n***\n"
     b"-----END PGP MESSAGE-----\n-----BEGIN", 1), "behind a block that nobody can read"),
    (lambda a: b"\n".join(line for line in a.split(b"\n") if b"-----" not in line), "without its first and last line"),
    (lambda a: a.decode().encode("utf-16"), "UTF-16"),
    (lambda a: a.decode().encode("utf-16-le"), "UTF-16 that does not say so"),
    (lambda _: b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", "PEM"),
    (lambda _: b"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n", "PKCS 8"),
    (lambda _: b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "of another program"),
]  # fmt: skip


@pytest.mark.parametrize(("dress", "why"), DRESSES, ids=[row[1] for row in DRESSES])
def test_a_private_key_is_refused_in_every_dress(
    pair: tuple[str, bytes], dress: Callable[[bytes], bytes], why: str
) -> None:
    found = verdict(dress(pair[0].encode()))
    assert found.reason is Reason.SECRET_KEY, why
    assert (found.certificate, found.fingerprint, found.user_ids) == (b"", "", ()), "and no word of it goes on"


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
