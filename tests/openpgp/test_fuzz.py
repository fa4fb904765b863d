"""Armour and certificates against anything, on every run: they answer, and no mutation wins a subkey."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure.openpgp.dearmour import BadArmour, dearmour
from disclosure.openpgp.framing import BadPackets, body_of, frames, tags
from disclosure.openpgp.judge import judge
from disclosure.openpgp.secret import holds_secret
from disclosure.openpgp.verdict import Reason, Verdict, refuse
from disclosure.protocol.values import Address
from tests.openpgp.zoo import NOW, Zoo, armoured, packets

LATER = NOW + timedelta(hours=1)  # certificates are made while the tests run
WHO = Address.parse("sq@org.example")
PIECES = st.sampled_from(
    [
        *(b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"-----END PGP PUBLIC KEY BLOCK-----", b"-----BEGIN PGP ", b"-----"),
        *(b"-----BEGIN PGP PRIVATE KEY BLOCK-----", b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----END PGP "),
        *(b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"\t", b"a: a\n", b"Version: x\n", b"Comment:", b"=abcd\n", b"="),
        *(b"mDMEaq", b"AAAA", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"> ", b"<pre>"),
    ]
)
TEXTS = st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=60).map(b"".join))
SECRETS = ("cv25519", "rsa2048", "sq-cv25519")
ANIMALS = ("cv25519", "two-good-subkeys", "sq-good", "subkey-revoked", "v6", "rsa-single")
# What changes a certificate: (what is done, where, with which byte).
CHANGES = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "drop", "twice", "swap", "graft"]), st.integers(0), st.integers(1, 255)),
    min_size=1,
    max_size=4,
)
on_every_run = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@on_every_run
@given(TEXTS)
def test_dearmour_answers_or_says_why(data: bytes) -> None:
    try:
        blocks = dearmour(data)
    except BadArmour:
        return
    assert sum(len(block.content) for block in blocks) <= 3 * len(data), "UTF-16 may grow, base64 shrinks"


ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b" \t\n", b"\n\n"])
HEADERS = st.lists(st.sampled_from([b"Version: 1", b"Comment: a: b", b"Hash: \xff", b"x:"]), max_size=3)


@on_every_run
@given(
    st.binary(max_size=300),
    st.integers(1, 200),
    ENDS,
    HEADERS,
    st.booleans(),
    st.sampled_from([b"", b"text\n", b"<pre>"]),
)
def test_what_was_armoured_comes_back(
    content: bytes, width: int, end: bytes, headers: list[bytes], crc: bool, before: bytes
) -> None:
    """Whatever the width, the line ends, the headers: the bytes that went in, and no others."""
    lines = [b64encode(content)[at : at + width] for at in range(0, len(b64encode(content)), width)]
    # A line that looks like a CRC is taken for one: nobody breaks lines within the last four letters.
    lines = lines if not any(line.startswith(b"=") for line in lines) else [b64encode(content)]
    text = [b"-----BEGIN PGP PUBLIC KEY BLOCK-----", *headers, b"", *lines, *([b"=abcd"] if crc else []),
            b"-----END PGP PUBLIC KEY BLOCK-----", b""]  # fmt: skip
    (block,) = dearmour(before + end.join(text))
    assert block.content == content


DRESSES = st.tuples(st.sampled_from([b"PRIVATE", b"PUBLIC", b""]), ENDS, st.sampled_from([b"", b"*", b"\xff"]))


@on_every_run
@given(st.sampled_from(SECRETS), st.floats(0.05, 1), DRESSES)
def test_a_secret_is_seen_in_every_piece_of_armour(
    zoo: Zoo, secret: str, cut: float, dress: tuple[bytes, bytes, bytes]
) -> None:
    """Cut anywhere, relabelled, with signs that no base64 has: never kept, so never anything but a secret."""
    label, end, junk = dress
    text = armoured(dearmour(zoo.secrets[secret])[0].content).replace(b"PUBLIC", label)
    text = text[: max(200, int(len(text) * cut))]
    at = text.index(b"\n\n") + 80
    found = judge((text[:at] + junk + text[at:]).replace(b"\n", end), address=WHO, now=LATER)
    assert (found.reason, found.certificate, found.user_ids) == (Reason.SECRET_KEY, b"", ())


@on_every_run
@given(st.sampled_from(SECRETS), st.floats(0, 1), st.sampled_from(["", *ANIMALS]))
def test_a_secret_is_seen_in_every_piece_of_packets(zoo: Zoo, secret: str, cut: float, before: str) -> None:
    whole = dearmour(zoo.secrets[secret])[0].content
    data = (zoo.certificates[before] if before else b"") + whole[: max(1, int(len(whole) * cut))]
    assert judge(data, address=WHO, now=LATER) == refuse(Reason.SECRET_KEY)


@on_every_run
@given(TEXTS)
def test_looking_for_a_secret_never_falls(data: bytes) -> None:
    assert holds_secret(data) in {True, False}
    assert holds_secret(data + b"\n-----BEGIN OPENSSH PRIVATE KEY-----\n")


@on_every_run
@given(st.binary(max_size=400))
def test_frames_are_the_input(data: bytes) -> None:
    found = []
    try:
        for tag, packet in frames(data):
            found.append(packet)
            assert 0 <= tag <= 63
            assert packet.endswith(body_of(packet))
    except BadPackets:
        pass
    assert data.startswith(b"".join(found))
    seen = list(tags(data))
    assert [tag for tag, _ in zip(seen, found, strict=False)] == seen[: len(found)]
    assert len(seen) in {len(found), len(found) + 1}, "what is cut off has a tag as well"


@on_every_run
@given(TEXTS)
def test_the_judge_answers_anything(data: bytes) -> None:
    found = judge(data, address=WHO, now=LATER)
    assert not found.usable
    assert found.reason is not None
    assert Verdict.from_json(json.loads(json.dumps(found.to_json()))) == found
    json.dumps(found.report())


def changed(data: bytes, stranger: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    pile = [bytes(packet) for packet in packets(data)]
    foreign = [bytes(packet) for packet in packets(stranger)]
    for what, where, byte in changes:
        at = where % len(pile)
        if what == "flip":
            raw = bytearray(pile[at])
            raw[(where // 7) % len(raw)] ^= byte
            pile[at] = bytes(raw)
        elif what == "cut":
            pile[at] = pile[at][: max(1, len(pile[at]) - byte)]
        elif what == "drop" and len(pile) > 1:
            del pile[at]
        elif what == "twice":
            pile.insert(where // 7 % len(pile), pile[at])
        elif what == "swap":
            other = where // 7 % len(pile)
            pile[at], pile[other] = pile[other], pile[at]
        else:
            pile.insert(at, foreign[where // 7 % len(foreign)])
    return b"".join(pile)


@on_every_run
@given(name=st.sampled_from(ANIMALS), changes=CHANGES, in_armour=st.booleans())
def test_no_change_wins_a_subkey(zoo: Zoo, name: str, changes: list[tuple[str, int, int]], in_armour: bool) -> None:
    """What a mutated certificate may be encrypted to is what its owner has bound, or nothing."""
    stranger = zoo.certificates["stranger"]
    data = changed(zoo.certificates[name], stranger, changes)
    found = judge(armoured(data) if in_armour else data, address=WHO, now=LATER)
    # Without its revocation the one animal is the other: dropping a packet is what anybody can do.
    whole = judge(zoo.certificates["sq-good" if name == "subkey-revoked" else name], address=None, now=LATER)
    theirs = judge(stranger, address=None, now=LATER)
    assert set(found.encrypts_to) <= set((theirs if found.fingerprint == theirs.fingerprint else whole).encrypts_to)
    assert found.usable is bool(found.encrypts_to)
    if found.usable:
        assert judge(found.certificate, address=WHO, now=LATER).encrypts_to == found.encrypts_to
