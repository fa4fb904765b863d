"""Judging a certificate in the warm child; signing and encrypting 4 KB to it, beside gpg in the same run."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pysequoia

from benchmarks.table import Row, spread
from disclosure.demo.certificates import make_certificate
from disclosure.openpgp.judge import judge
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.writer import encrypt

TIMES = 200
TEXT = os.urandom(4096)


def measure(*, small: bool) -> Iterator[Row]:
    times = 2 if small else TIMES
    now = datetime.now(UTC)
    secret, certificate = make_certificate("D. Exemple <d@org.example>", now=now - timedelta(days=30))
    yield from _judging(certificate, now, times)
    verdict = judge(certificate, address=None, now=now)
    service = ServiceKey.generate("Service <s@desk.example>", now=now - timedelta(days=30))
    ours: list[float] = []
    gpgs: list[float] = []
    with tempfile.TemporaryDirectory(prefix="g") as home:
        peer = _gpg(Path(home), certificate, service) if shutil.which("gpg") else None
        for turn in range(times):
            ours.append(_timed(lambda: encrypt(TEXT, to=[verdict], signer=service).armoured()))
            if peer and turn % 10 == 0:  # a process each: slow, and steady enough
                gpgs.append(_timed(peer))
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    beside = spread(ours, "ms") + (f"; gpg, a process each: {spread(gpgs, 'ms')}" if gpgs else "; no gpg here")
    yield Row(
        figure="sign and encrypt 4 KB to one Cv25519, armour too",
        measured=statistics.median(ours),
        unit="ms",
        target=2.5,
        beside=beside,
    )
    opened = pysequoia.decrypt(
        encrypt(TEXT, to=[verdict], signer=service).binary,
        decryptor=pysequoia.Tsk.from_bytes(secret.encode()).decryptor(),
    )
    assert opened.bytes == TEXT, "what was measured is not what should be"


def _judging(certificate: bytes, now: datetime, times: int) -> Iterator[Row]:
    rsa = pysequoia.Tsk.generate("R <r@org.example>", cipher_suite=pysequoia.CipherSuite.RSA3k)
    later = now + timedelta(minutes=1)  # pysequoia dates by the clock
    kinds = {"Cv25519": certificate, "RSA-3072": bytes(rsa.extract_certificate())}
    for name, data in kinds.items():
        assert judge_safely(data, address=None, now=later).usable, "and the child is warm"
        once = partial(judge_safely, data, address=None, now=later)
        taken = [_timed(once) for _ in range(times)]
        yield Row(
            figure=f"judge of a {name} certificate, in the child",
            measured=statistics.median(taken),
            unit="ms",
            target=3,
            beside=spread(taken, "ms"),
        )


def _gpg(home: Path, certificate: bytes, service: ServiceKey) -> Callable[[], object]:
    """One sign-and-encrypt by gpg, with the same two keys."""
    home.chmod(0o700)
    base = ["gpg", "--homedir", str(home), "--batch", "-q", "--no-tty", "--no-auto-check-trustdb"]
    for key in (certificate, service.secret_bytes()):
        subprocess.run([*base, "--import"], input=key, check=True, capture_output=True)
    write = [*base, "--trust-model", "always", "--armor", "-r", "d@org.example", "-u", "s@desk.example", "--sign"]

    def once() -> object:
        return subprocess.run([*write, "--encrypt"], input=TEXT, check=True, capture_output=True)

    once()
    return once


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)
