"""Signatures over a text: made by people's own tools, then attacked. Only what was signed ever comes out (ST-23)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pysequoia
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure.openpgp import sandbox
from disclosure.openpgp import verify as verifying
from disclosure.openpgp.child import OverLimit
from disclosure.openpgp.clearsigned import MAX_SIGNATURES
from disclosure.openpgp.dearmour import dearmour
from disclosure.openpgp.framing import body_of
from disclosure.openpgp.sandbox import verify_safely
from disclosure.openpgp.signatures import Signature, Unsupported, made_by
from disclosure.openpgp.verification import State, Verification, Why, unchecked
from disclosure.openpgp.verify import verify
from tests.conftest import need
from tests.openpgp import signers
from tests.openpgp.conftest import need_sq
from tests.openpgp.signers import COVERED, SIGNED_AT, Signed, clearsigned
from tests.openpgp.zoo import DAY, MADE, NOW, Zoo, forged, framed, join, packets

LATER = NOW + DAY  # sq and pysequoia sign by their own clock, whenever the tests come to it
EVIL = b"Contact: mailto:evil@evil.example"
Made = tuple[Zoo, dict[str, Signed]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    need("gpg", package="gnupg")
    need_sq()
    folder = tmp_path_factory.mktemp("signers")
    try:
        yield signers.build(folder)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(folder / "gnupg"), "--kill", "all"], check=False)


def verified(signed: Signed, file: bytes | None = None, now: datetime = LATER) -> Verification:
    return verify(signed.file if file is None else file, certificates=[signed.certificate], now=now)


# --- who signed ------------------------------------------------------------------------------------------------------

SIGNERS = [
    ("ed25519", None, "GnuPG's usual key, its primary key signs"),
    ("rsa2048", None, "RSA"),
    ("nistp256", None, "a curve of NIST"),
    ("nistp384", None, "another"),
    ("nistp521", None, "whose numbers are no whole octets"),
    ("SHA224", None, "short, and not broken"),
    ("SHA384", None, "another hash"),
    ("SHA512", None, "the Hash header names it, the packet decides"),
    ("armoured", None, "a certificate as most servers hand it out"),
    ("several in one file", None, "the signer's is among eight"),
    ("two signers", None, "one of two whose certificate is at hand"),
    ("signature to expire", None, "its own date is still to come"),
    ("subkey", None, "a subkey that signs"),
    ("v4 of Sequoia", None, "version 4, with a subkey"),
    ("v6", None, "version 6 has a salt"),
    ("v6 Ed448", None, "version 6, another curve"),
    ("v6 RSA", None, "version 6, RSA"),
    ("v6 P-256", None, "version 6, NIST"),
    ("sq", None, "made by sq"),
    ("extended", None, "GnuPG replaced the self-signature when the expiry was put off: older signatures still hold"),
    ("subkey extended", None, "and so it does with bindings"),
    ("extended, old copy behind", None, "the newest self-signature tells, wherever it stands"),
    ("subkey extended, old copy behind", None, "likewise"),
    ("not for signing any more", Why.NOT_FOR_SIGNING, "its owner took that right away"),
    ("signed before its key was made", Why.CERTIFICATE_UNSOUND, "one of the two dates is a lie"),
    ("too many subkeys", Why.CERTIFICATE_UNSOUND, "as the judge: nobody has a hundred"),
    ("expired", Why.CERTIFICATE_EXPIRED, "nobody vouches by a certificate that has run out"),
    ("subkey expired", Why.CERTIFICATE_EXPIRED, "nor by such a subkey"),
    ("revoked", Why.CERTIFICATE_REVOKED, "whoever stole the key could sign too"),
    ("subkey revoked", Why.CERTIFICATE_REVOKED, "likewise"),
    ("subkey without binding", Why.CERTIFICATE_UNSOUND, "the certificate does not vouch for it"),
    ("subkey grafted", Why.CERTIFICATE_UNSOUND, "bound by another certificate"),
    ("subkey without its own word", Why.NOT_FOR_SIGNING, "anybody may bind a stranger's key"),
    ("subkey with a document for its word", Why.NOT_FOR_SIGNING, "which it may have been made to sign"),
    ("subkey not for signing any more", Why.NOT_FOR_SIGNING, "its owner took that right away"),
    ("rsa1024", Why.CERTIFICATE_UNSOUND, "weak"),
    ("weak subkey", Why.CERTIFICATE_UNSOUND, "of a certificate that is not"),
    ("SHA1", Why.WEAK_HASH, "collisions can be bought"),
    ("MD5", Why.WEAK_HASH, "or made at home"),
    ("RIPEMD160", Why.WEAK_HASH, "as short as SHA-1"),
    ("signature expired", Why.SIGNATURE_EXPIRED, "by its own date"),
    ("signed tomorrow", Why.SIGNATURE_OF_TOMORROW, "a clock is wrong, or somebody lies"),
    ("brainpoolP256r1", Why.UNSUPPORTED, "not checked here: proves nothing, and speaks against nothing"),
    ("dsa2048", Why.UNSUPPORTED, "likewise"),
    ("v6 post-quantum", Why.UNSUPPORTED, "likewise"),
]


@pytest.mark.parametrize(("name", "why", "reason"), SIGNERS, ids=[row[0] for row in SIGNERS])
def test_who_signed(made: Made, name: str, why: Why | None, reason: str) -> None:
    signed = made[1][name]
    found = verified(signed)
    state = State.UNCHECKED if why else State.GOOD
    assert (found.state, found.why, found.fingerprint) == (state, why, signed.fingerprint), reason
    assert found.text == (b"" if why else COVERED), reason
    if why is None:
        assert signed.file.split(b"\n")[found.first_line - 1] == COVERED.split(b"\r\n")[0], reason


def test_every_signer_has_a_row(made: Made) -> None:
    assert {row[0] for row in SIGNERS} == set(made[1])


@pytest.mark.parametrize(
    ("name", "now", "why", "reason"),
    [
        ("expired", MADE + 15 * DAY, None, "evidence of that day says what it said on that day (CF-02)"),
        ("expired", MADE + 20 * DAY, Why.CERTIFICATE_EXPIRED, "the very instant counts as expired"),
        ("subkey expired", MADE + 15 * DAY, None, "a subkey likewise"),
        ("signature expired", SIGNED_AT + 4 * DAY, None, "its last day"),
        ("signature expired", SIGNED_AT + 5 * DAY, Why.SIGNATURE_EXPIRED, "the very instant"),
        ("ed25519", SIGNED_AT, None, "the very instant it was made"),
        ("ed25519", SIGNED_AT - DAY, Why.SIGNATURE_OF_TOMORROW, "not yet"),
        ("ed25519", NOW + 20_000 * DAY, None, "a key without expiry, in fifty years"),
    ],
)
def test_dates_are_held_against_the_instant_handed_in(
    made: Made, name: str, now: datetime, why: Why | None, reason: str
) -> None:
    found = verified(made[1][name], now=now)
    assert (found.why, found.state is State.GOOD) == (why, why is None), reason


def test_no_certificate_of_theirs(made: Made) -> None:
    signed, stranger = made[1]["ed25519"], made[1]["sq"].certificate
    none: list[list[bytes]] = [[], [stranger], [b""], [b"<html>"], [b"\x99" * 50], [signed.certificate[:40]]]
    for certificates in none:
        found = verify(signed.file, certificates=certificates, now=LATER)
        assert found == unchecked(Why.NO_CERTIFICATE), certificates
    found = verify(signed.file, certificates=[stranger, b"<html>", signed.certificate], now=LATER)
    assert found.state is State.GOOD


def test_a_secret_key_is_no_certificate(made: Made) -> None:
    """KD-07: whoever publishes it lets everybody sign."""
    zoo, out = made
    secret = zoo.gpg("--export-secret-keys", "ed25519@org.example")
    for data in (secret, bytes(pysequoia.Tsk.from_bytes(secret))):
        assert verify(out["ed25519"].file, certificates=[data], now=LATER) == unchecked(Why.NO_CERTIFICATE)


# --- what was done to the file ---------------------------------------------------------------------------------------

_BEGIN, _SIG = b"-----BEGIN PGP SIGNED MESSAGE-----\n", b"-----BEGIN PGP SIGNATURE-----\n"
_FIRST = b"Contact: mailto:security@org.example\n"
CHANGES: list[tuple[str, tuple[bytes, bytes], State, str]] = [
    ("lines in front", (_BEGIN, EVIL + b"\n" + _BEGIN), State.GOOD, "GnuPG says GOODSIG too: they are not the text"),
    ("a blank line in front", (_BEGIN, b"\n" + _BEGIN), State.GOOD, "no line of the text"),
    ("a byte-order mark", (_BEGIN, b"\xef\xbb\xbf" + _BEGIN), State.GOOD, "no letter of the text"),
    ("an armour header", (b"Hash: ", b"Comment: x\nHash: "), State.GOOD, "headers are not signed, and not read"),
    ("a field as armour header", (b"Hash: ", EVIL + b"\nHash: "), State.GOOD, "headers are not signed, and not read"),
    ("a field in the Hash header", (b"Hash: ", b"Hash: x\r" + EVIL + b"\rHash: "), State.GOOD, "nor lines inside one"),
    ("another hash named", (b"Hash: SHA256", b"Hash: MD5"), State.GOOD, "the packet decides"),
    ("no Hash header", (b"Hash: SHA256\n", b""), State.GOOD, "it is a hint"),
    ("blanks in the blank line", (b"\n\nContact", b"\n \t\nContact"), State.GOOD, "trailing blanks are nobody's"),
    ("blanks behind a line", (_FIRST, _FIRST[:-1] + b" \t \n"), State.GOOD, "not covered, so not handed out"),
    ("CRLF", (b"\n", b"\r\n"), State.GOOD, "line ends change on the way"),
    ("a field in the signature's header", (_SIG, _SIG + EVIL + b"\n"), State.GOOD, "not the text"),
    ("a line put in", (_FIRST, _FIRST + EVIL + b"\n"), State.BAD, "changed"),
    ("a line put on top", (b"\n\nContact", b"\n\n" + EVIL + b"\nContact"), State.BAD, "changed"),
    ("a blank line put on top", (b"\n\nContact", b"\n\n\nContact"), State.BAD, "changed"),
    ("a line at the end", (_SIG, EVIL + b"\n" + _SIG), State.BAD, "changed"),
    ("a blank line at the end", (_SIG, b"\n" + _SIG), State.BAD, "only one line end belongs to nobody"),
    ("a line left out", (b"From here\t\n", b""), State.BAD, "changed"),
    ("a letter", (b"security@", b"securitY@"), State.BAD, "changed"),
    ("no blank line", (b"\n\nContact", b"\nContact"), State.BAD, "the first line becomes a header"),
    ("an escape undone", (b"- - a dash", b"- a dash"), State.BAD, "undone twice, it is another line"),
    ("an escape too many", (_FIRST, b"- " + _FIRST), State.GOOD, "any line may be escaped (RFC 9580, 7.2)"),
    ("a blank line escaped", (b"dash  \n\n", b"dash\n- \n"), State.GOOD, "the escape goes before the blanks"),
    ("an escape of an escape", (b"- - a dash", b"- - - a dash"), State.BAD, "undone once"),
    ("a lone CR for a line end", (_FIRST, _FIRST[:-1] + b"\r"), State.BAD, "Sequoia would hash the same lines"),
    ("a CR too many", (_FIRST, _FIRST[:-1] + b"\r\r\n"), State.BAD, "likewise"),
    ("a line behind a CR", (_FIRST, _FIRST[:-1] + b"\r" + EVIL + b"\r\n"), State.BAD, "changed"),
    ("a vertical tab", (_FIRST, _FIRST[:-1] + b"\v\n"), State.BAD, "no blank at a line end"),
    ("a form feed", (_FIRST, _FIRST[:-1] + b"\f\n"), State.BAD, "likewise"),
    ("a no-break space", (_FIRST, _FIRST[:-1] + b"\xc2\xa0\n"), State.BAD, "likewise"),
    ("a NUL", (_FIRST, _FIRST[:-1] + b"\0\n"), State.BAD, "ends no line and no text"),
    ("U+2028 for a line end", (_FIRST, _FIRST[:-1] + b"\xe2\x80\xa8"), State.BAD, "ends no line"),
    ("a second header inside", (_FIRST, _BEGIN + _FIRST), State.BAD, "changed"),
    ("a second signature header inside", (_FIRST, _FIRST + _SIG), State.BAD, "the text ends there"),
    ("the armour damaged", (_SIG + b"\n", _SIG + b"\n!"), State.BAD, "no signature at all"),
    ("the end line gone", (b"-----END PGP SIGNATURE-----", b""), State.BAD, "no signature at all"),
    ("no signature", (_SIG, b""), State.BAD, "no signature at all"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "state", "why"), CHANGES, ids=[row[0] for row in CHANGES])
def test_what_was_done_to_the_file(made: Made, name: str, change: tuple[bytes, bytes], state: State, why: str) -> None:
    signed = made[1]["ed25519"]
    file = signed.file.replace(*change)
    assert file != signed.file, name
    found = verified(signed, file)
    assert (found.state, found.text) == (state, COVERED if state is State.GOOD else b""), why
    if state is State.GOOD:
        assert file.split(b"\n")[found.first_line - 1].strip() == b"- " * (name == "an escape too many") + _FIRST[:-1]


def test_two_blocks(made: Made) -> None:
    """The first one counts, whoever signed the second."""
    zoo, out = made
    theirs, other = out["ed25519"], out["rsa2048"]
    evil = clearsigned(zoo, "rsa2048", text=EVIL + b"\n")
    assert verified(theirs, theirs.file + evil).text == COVERED
    assert verified(theirs, evil + theirs.file) == unchecked(Why.NO_CERTIFICATE)
    assert verify(evil + theirs.file, certificates=[theirs.certificate, other.certificate], now=LATER).text == EVIL
    cut = evil[: evil.index(_SIG)]
    assert verified(theirs, cut + theirs.file).state is State.BAD, "both texts under one signature"


def test_a_signature_of_another_kind(made: Made) -> None:
    """A binary signature covers octets, not lines: what it was made of may have had other line ends."""
    zoo, out = made
    signed = out["ed25519"]
    detached = zoo.gpg("-u", "ed25519@org.example", "--armor", "--detach-sign", at=SIGNED_AT, data=COVERED)
    as_text = zoo.gpg("-u", "ed25519@org.example", "--armor", "--textmode", "--detach-sign", at=SIGNED_AT, data=COVERED)
    head = signed.file[: signed.file.index(_SIG)]
    assert verified(signed, head + detached).why is Why.DIFFERS
    assert verified(signed, head + as_text).text == COVERED


# What gpg finds no signature in, though the text is untouched: RFC 9116's reader flags each by its format.
GPG_SEES_NONE = {"a byte-order mark", "an armour header", "a field as armour header", "a field in the Hash header"}
GPG_SEES_NONE |= {"another hash named", "no Hash header"}
# What gpg passes and we do not: it takes CR and NUL at a line end for blanks, and mends armour.
GPG_PASSES = {"a CR too many", "a NUL", "the armour damaged", "the end line gone"}


def resigned(signed: Signed, *packets_: bytes) -> bytes:
    """The same text with other signature packets."""
    armour = pysequoia.armor(b"".join(packets_), pysequoia.ArmorKind.Signature).encode()
    return signed.file[: signed.file.index(_SIG)] + armour


def signature_of(signed: Signed) -> bytes:
    armour = signed.file[signed.file.index(_SIG) :]
    return dearmour(armour)[0].content


def test_a_lone_carriage_return_is_a_letter(made: Made) -> None:
    """GnuPG signs it as one, Sequoia as a line end: a signature fits one reading, and that one comes out."""
    zoo, out = made
    theirs = clearsigned(zoo, "ed25519", text=b"# a\rb\nContact: x\n")
    assert verified(out["ed25519"], theirs).text == b"# a\rb\r\nContact: x"
    key = pysequoia.Tsk.generate("S <s@org.example>")
    theirs = bytes(pysequoia.sign(key.signer(), b"# a\rb\nContact: x", mode=pysequoia.SignatureMode.CLEAR))
    assert verify(theirs, certificates=[bytes(key.extract_certificate())], now=LATER).state is State.BAD


def test_a_key_signs_in_its_own_algorithm(made: Made) -> None:
    signed = made[1]["rsa2048"]
    key, signature = packets(signed.certificate)[0].body, Signature.read(body_of(signature_of(signed)))
    for algorithm, holds in ((1, True), (3, True), (2, False), (16, False)):  # RSA, for signatures, not for them
        assert made_by(key[:5] + bytes([algorithm]) + key[6:], signature, COVERED) is holds, algorithm
    version_6 = b"\x06" + key[1:6] + len(key[6:]).to_bytes(4) + key[6:]
    assert not made_by(version_6, signature, COVERED), "nor in another version"
    assert not made_by(key[:5], signature, COVERED), "what is cut off is no key"
    with pytest.raises(Unsupported):
        made_by(key, replace(signature, hash=2), COVERED)


def test_a_signature_that_names_nobody(made: Made) -> None:
    """Every certificate at hand is tried; that none fits proves nothing against the text."""
    signed = made[1]["ed25519"]
    body = body_of(signature_of(signed))
    rest = body[6 + int.from_bytes(body[4:6]) :]
    nameless = framed(2, body[:4] + b"\0\0\0\0" + rest[2 + int.from_bytes(rest[:2]) :])
    assert verified(signed, resigned(signed, nameless)) == unchecked(Why.NO_CERTIFICATE)
    assert verified(signed, resigned(signed, nameless, signature_of(signed))).state is State.GOOD
    curve = made[1]["brainpoolP256r1"].certificate
    found = verify(resigned(signed, nameless), certificates=[curve, signed.certificate], now=LATER)
    assert found == unchecked(Why.NO_CERTIFICATE), "of another algorithm: not theirs, and that can be told"


def test_so_many_signatures_and_no_more(made: Made) -> None:
    out = made[1]
    signed, other = out["ed25519"], signature_of(out["rsa2048"])
    few = [other] * (MAX_SIGNATURES - 1)
    assert verified(signed, resigned(signed, *few, signature_of(signed))).state is State.GOOD
    assert verified(signed, resigned(signed, *few, other, signature_of(signed))).state is State.UNCHECKED


def test_one_bad_of_several_is_bad_unless_one_is_good(made: Made) -> None:
    """Of two signers one may have signed another text: the other one's word stands."""
    zoo, out = made
    signed = out["ed25519"]
    elsewhere = clearsigned(zoo, "ed25519", text=EVIL + b"\n")
    wrong = signature_of(Signed(elsewhere, b""))
    unknown = signature_of(out["rsa2048"])
    assert verified(signed, resigned(signed, unknown, wrong)).why is Why.DIFFERS
    assert verified(signed, resigned(signed, wrong, unknown)).why is Why.DIFFERS
    assert verified(signed, resigned(signed, wrong, signature_of(signed))).state is State.GOOD


def test_gpg_agrees(made: Made) -> None:
    """Where lines stand outside, gpg says good as we do; where the text was changed, bad as we do (ST-23)."""
    zoo, out = made
    for name, change, state, _ in CHANGES:
        file = out["ed25519"].file.replace(*change)
        said = zoo.gpg("--status-fd", "1", "--verify", at=LATER, data=file, check=False)
        differs = name in GPG_SEES_NONE if state is State.GOOD else name in GPG_PASSES
        assert ((b"GOODSIG" in said) is (state is State.GOOD)) is not differs, (name, said)


def test_not_signed_at_all(made: Made) -> None:
    for file in (b"", b"Contact: mailto:a@org.example\n", _BEGIN, b"\xff\xfe" * 40):
        assert verified(made[1]["sq"], file).state is State.BAD
    assert verified(made[1]["sq"], b"-" * 70_000).why is Why.UNSUPPORTED, "too large to be looked at"


# --- the child process -----------------------------------------------------------------------------------------------


def test_the_child_verifies_alike(made: Made) -> None:
    for name in ("ed25519", "expired", "v6"):
        signed = made[1][name]
        assert verify_safely(signed.file, certificates=[signed.certificate], now=LATER) == verified(signed)


def test_what_uses_up_the_child_has_proven_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def over(_: bytes) -> bytes:
        raise OverLimit

    monkeypatch.setattr(sandbox._CHILD, "ask", over)
    assert verify_safely(b"", certificates=[], now=NOW) == unchecked(Why.NO_ANSWER)
    monkeypatch.setattr(sandbox._CHILD, "ask", lambda _: None)
    assert verify_safely(b"", certificates=[], now=NOW) == unchecked(Why.NO_ANSWER)


def test_no_word_of_a_library_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("stack trace of a library")

    monkeypatch.setattr(sandbox, "verify", broken)
    answer = json.dumps(sandbox._answer({"file": "", "certificates": [], "now": NOW.isoformat()}))
    assert "library" not in answer
    assert '"no_answer"' in answer


def test_a_flood_of_forged_bindings_ends(made: Made) -> None:
    """Two thousand bindings that do not hold in front of the one that does."""
    signed = made[1]["subkey"]
    pile = packets(signed.certificate)
    flooded = join(pile[:-1]) + b"".join(forged(pile[-1], 2_000)) + bytes(pile[-1])
    assert verify_safely(signed.file, certificates=[flooded], now=LATER).state is State.GOOD


# --- anything --------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(_BEGIN, _SIG, b"-----END PGP SIGNATURE-----\n", b"Hash: SHA256\n", b"\n", b"\r\n", b"\r", b" ", b"- ", b"-"),
        *(EVIL + b"\n", b"\0", b"\xef\xbb\xbf", b"\xff", b"Comment: x\n", b"=abcd\n", b"AAAA\n", b"# c\n"),
    ]
)
CUTS = st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 40), PIECES), max_size=4)
on_every_run = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@on_every_run
@given(st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=30).map(b"".join)), st.binary(max_size=60))
def test_nothing_makes_it_raise(file: bytes, certificate: bytes) -> None:
    found = verify(file, certificates=[certificate], now=LATER)
    assert (found.state is State.GOOD, found.text) == (False, b"")
    assert Verification.from_json(json.loads(json.dumps(found.to_json()))) == found


@on_every_run
@given(cuts=CUTS)
def test_no_change_brings_out_another_text(made: Made, cuts: list[tuple[int, int, bytes]]) -> None:
    """Whatever is put in or cut out anywhere: good means exactly the signed lines."""
    file = made[1]["ed25519"].file
    for at, length, piece in cuts:
        start = at % (len(file) + 1)
        file = file[:start] + piece + file[start + length :]
    found = verified(made[1]["ed25519"], file)
    assert found.text == (COVERED if found.state is State.GOOD else b"")


@on_every_run
@given(where=st.integers(0), byte=st.integers(1, 255))
def test_no_octet_of_a_certificate_or_signature_may_change(made: Made, where: int, byte: int) -> None:
    """It answers, and whoever is named as the signer is the one that signed."""
    signed = made[1]["subkey"]
    raw = bytearray(signed.certificate)
    raw[where % len(raw)] ^= byte
    found = verify(signed.file, certificates=[bytes(raw)], now=LATER)
    assert found.fingerprint == signed.fingerprint or found.state is not State.GOOD


def test_the_most_that_is_looked_at(made: Made) -> None:
    """Certificates beyond the limit are as if they were not there."""
    signed, stranger = made[1]["ed25519"], made[1]["sq"].certificate
    many = [stranger] * verifying.MAX_CERTIFICATES
    assert verify(signed.file, certificates=[*many, signed.certificate], now=LATER).state is State.UNCHECKED
    assert verify(signed.file, certificates=[*many[1:], signed.certificate], now=LATER).state is State.GOOD
