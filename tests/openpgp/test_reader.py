"""Messages to the service's key: opened whole, or not at all. Damaged in every way that we know (facts: openpgp 1)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pysequoia
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from disclosure.openpgp import inside, opening, reader
from disclosure.openpgp.child import Child
from disclosure.openpgp.envelope import MAX_SESSION_KEYS
from disclosure.openpgp.framing import contents
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.opened import NotOpened, NotOpenedReason, Opened, Signed, from_json, to_json
from disclosure.openpgp.opening import open_message
from disclosure.openpgp.reader import MAX_CIPHERTEXT, open_safely
from disclosure.openpgp.sessionkeys import locks_of
from tests.openpgp.messages import (
    COMPRESSED,
    LITERAL,
    MARKER,
    MDC,
    OCB,
    PADDING,
    PKESK,
    SED,
    SEIPD,
    SKESK,
    TEXT,
    chunks_of,
    literal,
    packed,
    protected,
    sealed_to,
    session_packet,
)
from tests.openpgp.zoo import DAY, MADE, NOW, framed

LATER = NOW + DAY  # pysequoia signs by its own clock, whenever the tests come to it
KEY = ServiceKey.generate("Service <s@desk.example>", now=MADE)
OLD = ServiceKey.generate("Service <s@desk.example>", now=MADE)
STRANGER = ServiceKey.generate("Stranger <s@evil.example>", now=MADE)
NEW = pysequoia.Tsk.generate("New <n@desk.example>", profile=pysequoia.Profile.RFC4880)  # it announces version 2
SECRETS = [KEY.secret_bytes(), OLD.secret_bytes(), bytes(NEW)]
R = NotOpenedReason


def opened(message: bytes) -> Opened | NotOpened:
    return open_message(message, secrets=SECRETS, certificates=[], now=LATER)


def v2(text: bytes = TEXT * 10) -> bytes:
    return bytes(pysequoia.encrypt(text, recipients=[NEW.extract_certificate()], armor=False))


def armour(message: bytes) -> bytes:
    return pysequoia.armor(message, pysequoia.ArmorKind.Message).encode()


def in_parts(message: bytes) -> bytes:
    """The sealed packet as GnuPG writes it: its length is not known beforehand."""
    (_, first), (_, body) = contents(message)
    return framed(PKESK, first) + b"\xd2\xe9" + body[:512] + b"\xe9" + body[512:1024] + b"\xff" + _rest(body[1024:])


def _rest(body: bytes) -> bytes:
    return len(body).to_bytes(4) + body


# --- what is opened --------------------------------------------------------------------------------------------------

WHOLE = [
    (sealed_to(KEY), TEXT, "as we seal ourselves"),
    (sealed_to(OLD), TEXT, "to the key of last year"),
    (armour(sealed_to(KEY)), TEXT, "armoured"),
    (armour(sealed_to(KEY)).replace(b"\n", b"\r\n"), TEXT, "as it comes by mail"),
    (b"Hello,\n" + armour(sealed_to(KEY)) + b"\n-- \nfooter\n", TEXT, "inline, what stands around is ignored"),
    (session_packet(KEY, anonymous=True) + protected(literal()), TEXT, "a hidden recipient"),
    (session_packet(STRANGER) + session_packet(OLD) + protected(literal()), TEXT, "to several"),
    (session_packet(STRANGER, anonymous=True) + sealed_to(KEY), TEXT, "hidden for somebody else, and to us"),
    (framed(SKESK, bytes([4, 9, 0, 8])) + sealed_to(KEY), TEXT, "with a password too"),
    (framed(MARKER, b"PGP") + framed(PADDING, b"x") + sealed_to(KEY), TEXT, "what is to be ignored is"),
    (sealed_to(KEY, packed(literal(), 0)), TEXT, "packed in name only"),
    (sealed_to(KEY, packed(literal(), 1)), TEXT, "ZIP"),
    (sealed_to(KEY, packed(literal(), 2)), TEXT, "ZLIB"),
    (sealed_to(KEY, b"\xa3" + next(contents(packed(literal())))[1]), TEXT, "GnuPG's: it lasts to the end"),
    (sealed_to(KEY, literal(name=b"letter.eml")), TEXT, "with a file name"),
    (
        sealed_to(KEY, framed(COMPRESSED, next(contents(packed(literal())))[1] + b"\xff" * 99)),
        TEXT,
        "padded by Sequoia",
    ),
    (sealed_to(KEY, literal(b"")), b"", "an empty text"),
    (in_parts(sealed_to(KEY, literal(TEXT * 99))), TEXT * 99, "in parts"),
    (v2(), TEXT * 10, "version 2, as pysequoia writes it"),
    (v2(b"x" * 9_000_000), b"x" * 9_000_000, "in three chunks"),
]


@pytest.mark.parametrize(("message", "content", "why"), WHOLE, ids=[why for *_, why in WHOLE])
def test_opened(message: bytes, content: bytes, why: str) -> None:
    assert opened(message) == Opened(content, Signed.NONE), why


# --- what is not -----------------------------------------------------------------------------------------------------

GOOD = sealed_to(KEY)
ANY = literal(b"unsealed" * 9)
BARE = protected(ANY, tag=SED, mdc=False)
SEALED_ANY = next(contents(protected(ANY)))[1]
PACKED_ANY = next(contents(packed(ANY)))[1]
NO_HASH = protected(ANY + framed(MDC, bytes(20)), mdc=False)


def flipped(message: bytes, at: int) -> bytes:
    changed = bytearray(message)
    changed[at] ^= 1
    return bytes(changed)


def chunked(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """A message of three chunks, changed."""
    before, head, chunks, end = chunks_of(v2(b"x" * 9_000_000))
    return before + framed(SEIPD, head + b"".join(change(chunks)) + end)


def v1_in_v2() -> bytes:
    (_, first), (_, body) = contents(v2())
    return framed(PKESK, first) + framed(SEIPD, b"\1" + body[36:])


REFUSED: list[tuple[str, Callable[[], bytes], NotOpenedReason]] = [
    # Nothing shows whether it was changed.
    ("relabelled as a packet without protection", lambda: session_packet(KEY) + BARE, R.UNAUTHENTICATED),
    ("the same ciphertext relabelled", lambda: session_packet(KEY) + framed(SED, SEALED_ANY[1:]), R.UNAUTHENTICATED),
    ("the same behind a marker", lambda: framed(MARKER, b"PGP") + session_packet(KEY) + BARE, R.UNAUTHENTICATED),
    ("the same, not even for us", lambda: BARE, R.UNAUTHENTICATED),
    ("without the hash at its end", lambda: session_packet(KEY) + protected(ANY, mdc=False), R.DAMAGED),
    ("a hash of something else at its end", lambda: session_packet(KEY) + NO_HASH, R.DAMAGED),
    ("GnuPG's packet of 2018", lambda: session_packet(KEY) + framed(OCB, b"\1\x09\2\x10" + bytes(99)), R.UNREADABLE),
    ("text in the clear, which pysequoia would open", lambda: ANY, R.UNREADABLE),
    ("text in the clear behind a session key", lambda: session_packet(KEY) + ANY, R.UNREADABLE),
    ("packed text in the clear", lambda: packed(ANY), R.UNREADABLE),
    # Changed.
    ("last octet of the hash", lambda: flipped(GOOD, -1), R.DAMAGED),
    ("first octet of the hash's header", lambda: flipped(GOOD, -22), R.DAMAGED),
    ("first octet of what is sealed", lambda: flipped(GOOD, GOOD.index(b"\xd2\xff") + 7), R.DAMAGED),
    ("another version of the sealed packet", lambda: flipped(GOOD, GOOD.index(b"\xd2\xff") + 6), R.DAMAGED),
    ("the wrapped session key", lambda: flipped(GOOD, GOOD.index(b"\xd2\xff") - 1), R.DAMAGED),
    ("last tag of version 2", lambda: flipped(v2(), -1), R.DAMAGED),
    ("first chunk missing", lambda: chunked(lambda chunks: chunks[1:]), R.DAMAGED),
    ("middle chunk missing", lambda: chunked(lambda chunks: [chunks[0], chunks[2]]), R.DAMAGED),
    ("last chunk missing", lambda: chunked(lambda chunks: chunks[:-1]), R.DAMAGED),
    ("chunks in another order", lambda: chunked(lambda chunks: [chunks[1], chunks[0], chunks[2]]), R.DAMAGED),
    ("a chunk twice", lambda: chunked(lambda chunks: [*chunks[:2], *chunks[1:]]), R.DAMAGED),
    ("no chunk left, the tag stands", lambda: chunked(lambda _: []), R.DAMAGED),
    ("version 2 relabelled as version 1", v1_in_v2, R.DAMAGED),
    ("no sealed packet", lambda: session_packet(KEY), R.DAMAGED),
    ("armour not closed", lambda: armour(GOOD)[:-30], R.DAMAGED),
    # Not for us.
    ("to somebody else", lambda: sealed_to(STRANGER), R.NOT_FOR_US),
    ("hidden, for somebody else", lambda: session_packet(STRANGER, anonymous=True) + protected(ANY), R.NOT_FOR_US),
    ("with a password only", lambda: framed(SKESK, bytes([4, 9, 0, 8])) + protected(ANY), R.NOT_FOR_US),
    ("sealed, and no session key", lambda: protected(ANY), R.NOT_FOR_US),
    ("session keys of no known version", lambda: framed(PKESK, b"\x09" * 60) + protected(ANY), R.NOT_FOR_US),
    ("an empty session key packet", lambda: framed(PKESK, b"") + protected(ANY), R.NOT_FOR_US),
    # More than one text.
    ("two texts", lambda: sealed_to(KEY, literal() + ANY), R.PARTIAL),
    ("two texts, packed", lambda: sealed_to(KEY, packed(literal() + ANY)), R.PARTIAL),
    ("a packed text and one beside it", lambda: sealed_to(KEY, packed(literal()) + ANY), R.PARTIAL),
    ("a text and octets that are no packet", lambda: sealed_to(KEY, literal() + b"xx"), R.PARTIAL),
    ("a signature that was not announced", lambda: sealed_to(KEY, literal() + framed(2, b"\4" * 20)), R.PARTIAL),
    ("a signature announced that does not come", lambda: sealed_to(KEY, framed(4, bytes(13)) + literal()), R.PARTIAL),
    ("a text behind the message", lambda: GOOD + ANY, R.PARTIAL),
    ("a text before the message", lambda: ANY + GOOD, R.UNREADABLE),
    ("octets behind the message", lambda: GOOD + b"xx", R.PARTIAL),
    ("two messages", lambda: GOOD + GOOD, R.PARTIAL),
    ("a second one of version 2", lambda: GOOD + v2(), R.PARTIAL),
    ("two blocks of armour", lambda: armour(GOOD) * 2, R.PARTIAL),
    ("an unprotected packet behind it", lambda: GOOD + BARE, R.PARTIAL),
    # Nothing of ours.
    ("nothing", lambda: b"", R.UNREADABLE),
    ("a letter", lambda: b"Dear all", R.UNREADABLE),
    ("a certificate", KEY.certificate, R.UNREADABLE),
    ("a certificate in armour", lambda: KEY.certificate_armoured().encode(), R.UNREADABLE),
    ("sealed nothing", lambda: sealed_to(KEY, b""), R.UNREADABLE),
    ("sealed twice", lambda: sealed_to(KEY, GOOD), R.UNREADABLE),
    ("a sealed key", lambda: sealed_to(KEY, KEY.certificate()), R.UNREADABLE),
    ("a text whose header breaks off", lambda: sealed_to(KEY, framed(LITERAL, b"b\xff")), R.UNREADABLE),
    ("a packed stream that breaks off", lambda: sealed_to(KEY, framed(8, PACKED_ANY[:-9])), R.UNREADABLE),
    ("BZip2, which pysequoia does not read", lambda: sealed_to(KEY, packed(literal(), 3)), R.UNREADABLE),
    ("a marker that says something else", lambda: framed(MARKER, b"EVL") + GOOD, R.UNREADABLE),
    # Too much.
    ("packed twice", lambda: sealed_to(KEY, packed(packed(literal()))), R.OVER_LIMIT),
    ("session keys without end", lambda: session_packet(KEY) * 10_000 + protected(literal()), R.OVER_LIMIT),
    ("one more than we try", lambda: session_packet(STRANGER) * MAX_SESSION_KEYS + GOOD, R.OVER_LIMIT),
    ("signatures without end", lambda: sealed_to(KEY, framed(2, b"\4" * 20) * 99 + literal()), R.OVER_LIMIT),
    ("a text that is too long", lambda: sealed_to(KEY, packed(literal(bytes(inside.MAX_CONTENT + 1)))), R.TOO_LARGE),
]  # fmt: skip


@pytest.mark.parametrize(("why", "message", "reason"), REFUSED, ids=[why for why, *_ in REFUSED])
def test_not_opened(why: str, message: Callable[[], bytes], reason: NotOpenedReason) -> None:
    assert opened(message()) == NotOpened(reason), why


@pytest.mark.parametrize("message", [GOOD, v2()], ids=["version 1", "version 2"])
def test_cut_off_anywhere(message: bytes) -> None:
    found = {opened(message[:at]) for at in range(1, len(message))}
    assert found == {NotOpened(R.DAMAGED)}


def test_cut_off_in_other_dress() -> None:
    """Armour up to its last line, and parts."""
    for message, end in ((armour(GOOD), len(armour(GOOD)) - 26), (in_parts(sealed_to(KEY, literal(TEXT * 99))), -1)):
        for at in range(1, len(message[:end]), 7):
            assert isinstance(opened(message[:at]), NotOpened), at


def test_the_most_session_keys_are_tried() -> None:
    many = session_packet(STRANGER, anonymous=True) * (MAX_SESSION_KEYS - 2)
    assert isinstance(opened(many + GOOD), Opened)


def test_two_readers_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone is not enough: neither a fault of ours nor one of the library's gives content."""
    for other in (TEXT + b"x", b""):
        monkeypatch.setattr(opening, "_by_sequoia", lambda *_, other=other: other)
        assert opened(GOOD) == NotOpened(R.UNREADABLE)


def test_no_word_of_a_library_goes_further(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("stack trace")

    monkeypatch.setattr(opening, "read_envelope", broken)
    assert opened(GOOD) == NotOpened(R.UNREADABLE)


# --- in the child ----------------------------------------------------------------------------------------------------

asked = partial(open_safely, secrets=SECRETS, certificates=[], now=LATER)


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """A child of its own, to be looked at."""
    fresh = Child("disclosure.openpgp.reader", seconds=reader.SECONDS)
    monkeypatch.setattr(reader, "_CHILD", fresh)
    yield fresh
    fresh.stop()


def test_the_child_opens_alike() -> None:
    for message in (GOOD, v2(), sealed_to(STRANGER), b"", flipped(GOOD, -1)):
        assert asked(message) == opened(message)


def bomb(octets: int) -> bytes:
    """So many zeros as one text, packed to a thousandth without ever being held here."""
    packer, million = zlib.compressobj(9, wbits=-15), bytes(1 << 20)
    body = packer.compress(bytes([0xC0 | LITERAL, 255]) + (6 + octets).to_bytes(4) + b"b" + bytes(5))
    body += b"".join(packer.compress(million) for _ in range(octets >> 20)) + packer.flush()
    return sealed_to(KEY, framed(COMPRESSED, b"\1" + body))


def test_a_bomb_is_bounded(child: Child) -> None:
    """A gigabyte out of a megabyte: the child is alive behind it, and never held more than a fraction of that."""
    assert asked(bomb(1 << 30)) == NotOpened(R.TOO_LARGE)
    pid = child.pid
    assert asked(GOOD) == Opened(TEXT, Signed.NONE)
    assert child.pid == pid, "it did not die of it"
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        (peak,) = [int(line.split()[1]) for line in file if line.startswith("VmHWM")]
    assert peak < 256 * 1024, "kilobytes"


def test_the_largest_that_is_read_and_the_first_that_is_not(child: Child) -> None:
    text = b"".join(n.to_bytes(4) for n in range((MAX_CIPHERTEXT - 300) // 4))
    message = sealed_to(KEY, literal(text))
    found = asked(message)
    assert isinstance(found, Opened)
    assert found.content == text
    assert asked(message + bytes(MAX_CIPHERTEXT - len(message) + 1)) == NotOpened(R.TOO_LARGE)
    assert asked(bomb(inside.MAX_CONTENT)) == Opened(bytes(inside.MAX_CONTENT), Signed.NONE)


def test_who_uses_up_the_child_is_over_the_limit(monkeypatch: pytest.MonkeyPatch, child: Child) -> None:
    child.seconds = 0.0001
    asked(GOOD)
    monkeypatch.setattr(child, "ask", lambda _: None)
    assert asked(GOOD) == NotOpened(R.OVER_LIMIT)
    assert reader.check_signature_safely(b"", b"", certificates=[], now=LATER)[0] is Signed.UNKNOWN_KEY


def test_the_secret_goes_by_the_pipe_only(child: Child, capfd: pytest.CaptureFixture[str], caplog: Any) -> None:
    """Neither argument nor environment, nor anything said, even by a child that breaks on it."""
    broken = KEY.secret_bytes()[:-40]
    found = [open_safely(GOOD, secrets=held, certificates=[], now=LATER) for held in (SECRETS, [broken], [b"\x95\x01"])]
    assert found == [Opened(TEXT, Signed.NONE), NotOpened(R.UNREADABLE), NotOpened(R.UNREADABLE)]
    scalar = KEY.secret_bytes()[-160:-120]
    said = repr(found).encode() + "".join(capfd.readouterr()).encode() + caplog.text.encode()
    for name in ("cmdline", "environ"):
        with open(f"/proc/{child.pid}/{name}", "rb") as file:
            said += file.read()
    assert b"disclosure.openpgp.reader" in said
    assert scalar not in said
    assert scalar.hex().encode() not in said
    assert not [lock for lock in locks_of(SECRETS) if "private" in repr(lock) or "whole" in repr(lock)]


# --- anything --------------------------------------------------------------------------------------------------------

on_every_run = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
V2 = v2()
SIGNED = bytes(
    pysequoia.encrypt(TEXT, recipients=[pysequoia.Cert.from_bytes(KEY.certificate())], signer=NEW.signer(), armor=False)
)
REAL = [(GOOD, TEXT), (V2, TEXT * 10), (SIGNED, TEXT)]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "drop", "swap", "twice", "end"]),
        st.integers(0),
        st.binary(max_size=8),
    ),
    min_size=1,
    max_size=4,
)


def changed(message: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    data = bytearray(message)
    for what, where, octets in changes:
        at = where % max(1, len(data))
        if what == "flip" and data:
            data[at] ^= (octets or b"\1")[0] or 1
        elif what == "cut":
            del data[at:]
        elif what == "insert":
            data[at:at] = octets
        elif what == "drop":
            del data[at : at + len(octets)]
        elif what == "swap":
            data[:] = data[at:] + data[:at]
        elif what == "twice":
            data[:] = bytes(data) * 2
        else:
            data += octets
    return bytes(data)


def sealed_in(message: bytes) -> list[bytes]:
    return [body for tag, body in contents(message) if tag == SEIPD]


@on_every_run
@given(st.sampled_from(REAL), CHANGES)
def test_no_change_of_what_is_sealed_is_opened(
    real: tuple[bytes, bytes], changes: list[tuple[str, int, bytes]]
) -> None:
    message, content = real
    data = changed(message, changes)
    found = opened(data)
    if isinstance(found, Opened):
        assert found.content == content
        assert sealed_in(data) == sealed_in(message), "what was changed is around it"


@on_every_run
@given(st.sampled_from(REAL), st.integers(0), st.integers(1, 255))
def test_no_octet_of_what_is_sealed_may_change(real: tuple[bytes, bytes], where: int, octet: int) -> None:
    message, _ = real
    (body,) = sealed_in(message)
    at = message.index(body) + where % len(body)
    data = bytearray(message)
    data[at] ^= octet
    assert isinstance(opened(bytes(data)), NotOpened)


@on_every_run
@given(st.sampled_from(REAL), CHANGES)
def test_armour_may_lose_its_dress_and_nothing_else(
    real: tuple[bytes, bytes], changes: list[tuple[str, int, bytes]]
) -> None:
    message, content = real
    found = opened(changed(armour(message), changes))
    assert isinstance(found, NotOpened) or found.content == content


@on_every_run
@given(st.binary(max_size=400))
@example(b"\xd2\xff\0\0\0\1\2")
@example(b"\xc1")
def test_anything_inside_and_outside_is_answered(data: bytes) -> None:
    """Never raises, and the answer goes through the pipe."""
    for message in (data, session_packet(KEY) + data, session_packet(KEY) + framed(SEIPD, data), sealed_to(KEY, data)):
        found = opened(message)
        assert from_json(json.loads(json.dumps(to_json(found)))) == found
