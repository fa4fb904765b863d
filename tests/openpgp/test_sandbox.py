"""The child process: what it judges, what ends it, and that nobody waits for it (KD-07)."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from disclosure.demo.certificates import make_certificate
from disclosure.openpgp import sandbox
from disclosure.openpgp.child import MEMORY_BYTES, Child, OverLimit
from disclosure.openpgp.judge import judge
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.verdict import Reason, refuse
from tests.openpgp.zoo import NOW

ROGUE = "tests.openpgp.rogue"


@pytest.fixture(scope="module")
def certificate() -> bytes:
    return make_certificate("D <d@org.example>", now=NOW - timedelta(days=30))[1]


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child(ROGUE, seconds=60.0)
    yield child
    child.stop()


def test_the_child_judges_alike(certificate: bytes) -> None:
    assert judge_safely(certificate, address=None, now=NOW) == judge(certificate, address=None, now=NOW)


def test_a_child_that_somebody_ended_is_replaced(certificate: bytes) -> None:
    judge_safely(certificate, address=None, now=NOW)
    pid = sandbox._CHILD.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert judge_safely(certificate, address=None, now=NOW).usable
    assert sandbox._CHILD.pid != pid


def test_one_child_for_many_requests(child: Child) -> None:
    assert child.ask(b"a") == b"a"
    pid = child.pid
    assert child.ask(b"b" * 3_000_000) == b"b" * 3_000_000
    assert child.pid == pid


def test_many_threads_may_ask(child: Child) -> None:
    answers: dict[bytes, bytes | None] = {}

    def ask(word: bytes) -> None:
        answers[word] = child.ask(word)

    threads = [threading.Thread(target=ask, args=(str(n).encode(),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {word: word for word in answers}
    assert len(answers) == 8


@pytest.mark.parametrize(
    ("request_", "seconds", "why"),
    [(b"hang", 0.5, "sleeps: our clock ends it"), (b"spin", 60.0, "burns: its own limit ends it")],
)
def test_who_takes_too_long_is_ended(child: Child, request_: bytes, seconds: float, why: str) -> None:
    child.seconds = seconds
    with pytest.raises(OverLimit):
        child.ask(request_)
    assert child.pid is None, why
    child.seconds = 60.0
    assert child.ask(b"next") == b"next", "and the next one is served"


@pytest.mark.parametrize(("request_", "why"), [(b"die", "two of them die of it"), (b"lie", "announces four gigabytes")])
def test_what_kills_a_child_has_no_answer(child: Child, request_: bytes, why: str) -> None:
    assert child.ask(request_) is None, why
    assert child.ask(b"next") == b"next"


def test_both_ends_are_a_verdict(monkeypatch: pytest.MonkeyPatch, child: Child) -> None:
    def over(_: bytes) -> bytes:
        raise OverLimit

    monkeypatch.setattr(sandbox, "_CHILD", child)
    monkeypatch.setattr(child, "ask", lambda _: None)
    assert judge_safely(b"", address=None, now=NOW) == refuse(Reason.CORRUPT)
    monkeypatch.setattr(child, "ask", over)
    assert judge_safely(b"", address=None, now=NOW) == refuse(Reason.TOO_LARGE)


def test_the_child_is_limited(certificate: bytes) -> None:
    """Memory, processor time, files: read from the running child."""
    judge_safely(certificate, address=None, now=NOW)
    with open(f"/proc/{sandbox._CHILD.pid}/limits", encoding="ascii") as file:
        limits = {line[:26].strip(): line[26:].split()[:2] for line in file}
    assert limits["Max address space"] == [str(MEMORY_BYTES)] * 2
    assert limits["Max file size"] == ["0", "0"]
    assert int(limits["Max cpu time"][0]) <= 60
    with open(f"/proc/{sandbox._CHILD.pid}/environ", "rb") as file:
        assert {entry.split(b"=")[0] for entry in file.read().split(b"\0") if entry} == {b"PATH", b"PYTHONPATH"}


def test_no_word_of_a_library_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("stack trace of a library")

    monkeypatch.setattr(sandbox, "judge", broken)
    request = {"data": "", "address": None, "now": NOW.isoformat(), "expected_fingerprint": None}
    answer = json.dumps(sandbox._answer(request))
    assert "library" not in answer
    assert '"reason": "corrupt"' in answer


def test_a_secret_is_never_logged_nor_given_back(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret, _ = make_certificate("D <d@org.example>", now=NOW)
    lines = [line for line in secret.splitlines() if len(line) == 64]
    assert lines
    for data in (
        secret,
        secret.replace("PRIVATE", "PUBLIC"),
        secret[:-200],
        secret.replace("PRIVATE", "PUBLIC")[:-300],
    ):
        found = judge_safely(data.encode(), address=None, now=NOW)
        assert not found.usable
        said = repr(found) + json.dumps(found.to_json()) + caplog.text + "".join(capfd.readouterr())
        assert not [line for line in lines if line in said]
        assert found.certificate == b""
