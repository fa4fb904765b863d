"""Files encrypted with age (age-encryption.org) by the program of that name.

The program, not a library: whoever restores needs it anyway, to make and keep an identity; it takes identities that a
token holds; and Debian looks after it. What is encrypted goes through a pipe and never lies on a disk in the clear.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from disclosure.protocol.errors import DisclosureError

PROGRAM = "age"


class AgeFailed(DisclosureError):
    """The program is missing, or refused; what it said stands in the message."""


@contextmanager
def encrypting(target: Path, recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """A stream into ``target``, which must not exist; 0600, flushed to the disk. Nothing stays of a failed one.

    ``recipients``: ``age1…``, an SSH public key, or the path of a file with such lines.
    """
    handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with _running(["--encrypt", *_to(recipients)], out=handle) as stream:
            yield stream
        os.fsync(handle)
    except BaseException:
        target.unlink()
        raise
    finally:
        os.close(handle)


@contextmanager
def decrypting(source: Path, identity: Path) -> Iterator[IO[bytes]]:
    """The stream in ``source``. Raises AgeFailed at its end when it was cut short or changed."""
    with _running(["--decrypt", "--identity", str(identity), str(source.absolute())], out=subprocess.PIPE) as stream:
        yield stream


def _to(recipients: Sequence[str]) -> Iterator[str]:
    if not recipients:
        raise AgeFailed("nobody to encrypt to")
    for one in recipients:
        yield from ("--recipients-file" if Path(one).is_file() else "--recipient", one)


@contextmanager
def _running(words: list[str], out: int) -> Iterator[IO[bytes]]:
    program = shutil.which(PROGRAM)
    if program is None:
        raise AgeFailed("the program age is missing: apt-get install age")
    reads = out == subprocess.PIPE
    child = subprocess.Popen(  # noqa: S603 - no shell; values stand behind their options
        [program, *words], stdin=None if reads else subprocess.PIPE, stdout=out, stderr=subprocess.PIPE
    )
    stream = child.stdout if reads else child.stdin
    assert stream is not None  # noqa: S101 - a pipe was asked for
    try:
        yield stream
    except BrokenPipeError:
        pass  # it ended before us: it says why
    except BaseException:
        # What could not be read was cut off by age itself where the stream is at its end: then age knows why.
        if not (reads and isinstance(sys.exception(), DisclosureError) and not stream.read(1)):
            child.kill()
        complaint = _end(child)
        if child.returncode > 0:
            raise AgeFailed(complaint) from None
        raise
    complaint = _end(child)
    if child.returncode != 0:
        raise AgeFailed(complaint or f"age ended with status {child.returncode}")


def _end(child: subprocess.Popen[bytes]) -> str:
    _, said = child.communicate()
    lines = [line.removeprefix("age: ") for line in said.decode("utf-8", "replace").splitlines()]
    return next((line for line in lines if line.startswith("error: ")), "")
