"""Servers to measure, each with an instance folder of its own that goes with it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.floor import prepare
from disclosure.serve import listening, web_command
from disclosure.settings import Settings, load
from disclosure.settings_table import PREFIX

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0  # seconds until a server that does not answer is given up
_LOOK_AGAIN = 0.005  # seconds


@dataclass(frozen=True)
class Server:
    """A server that answers: where it listens, its first process, and the seconds until it first answered."""

    port: int
    pid: int
    answered_after: float

    def web_workers(self) -> tuple[int, ...]:
        """The processes that answer requests: gunicorn's children, whether gunicorn is ours or our child's."""
        masters = [pid for pid in (self.pid, *_children(self.pid)) if "gunicorn" in _command_line(pid)]
        return tuple(child for master in masters for child in _children(master))


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """An instance folder of one run, on the disk that TMPDIR names: durable commits cost what they cost there."""
    with tempfile.TemporaryDirectory(prefix="disclosure-bench-") as name:
        yield Path(name)


@contextlib.contextmanager
def product(instance: Path) -> Iterator[Server]:
    """`disclosure serve` on that instance folder: web processes and worker, every setting at its default."""
    port = _free_port()
    environ = _environ(instance, port)
    command = (sys.executable, "-m", "disclosure.cli", "serve")
    with _running(command, environ, port) as server:
        yield server


@contextlib.contextmanager
def floor(instance: Path, *, reads: str = "nothing") -> Iterator[Server]:
    """The bare application under the gunicorn command that `disclosure serve` gives, but for the application's name.

    ``reads``: ``nothing``, or ``form``.
    """
    port = _free_port()
    kept = instance / f"floor-{reads}.db"
    prepare(kept)
    environ = _environ(instance, port) | {"FLOOR_DATABASE": str(kept), "FLOOR_READS": reads}
    with listening(_settings(instance, port)) as listener:
        command = web_command(_settings(instance, port), environ, listener)
        argv = (*command.argv[:-1], "benchmarks.floor:app")
        with _running(argv, environ, port, path="/report", pass_fds=command.pass_fds) as server:
            yield server


def _environ(instance: Path, port: int) -> dict[str, str]:
    """Ours without anybody's settings: what is measured is the product as it comes."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    here = {"DISCLOSURE_INSTANCE": str(instance), "DISCLOSURE_LISTEN": f"127.0.0.1:{port}"}
    return clean | here | {"PYTHONPATH": str(ROOT)}


def _settings(instance: Path, port: int) -> Settings:
    return load(instance, {"DISCLOSURE_LISTEN": f"127.0.0.1:{port}"})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(
    argv: tuple[str, ...], environ: Mapping[str, str], port: int, *, path: str = "/", pass_fds: tuple[int, ...] = ()
) -> Iterator[Server]:
    started = time.monotonic()
    with subprocess.Popen(argv, env=environ, pass_fds=pass_fds, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for_answer(process, port, path, started)
            yield Server(port, process.pid, time.monotonic() - started)
        finally:
            process.send_signal(signal.SIGTERM)


def _wait_for_answer(process: subprocess.Popen[bytes], port: int, path: str, started: float) -> None:
    """Until the first 200, asked for every few milliseconds. Raises RuntimeError when there will be none."""
    while time.monotonic() - started < PATIENCE:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            with contextlib.closing(connection):
                connection.request("GET", path)
                if connection.getresponse().status == http.client.OK:
                    return
        time.sleep(_LOOK_AGAIN)
    raise RuntimeError("the server does not answer")


# --- what Linux says about processes ---


def _children(pid: int) -> tuple[int, ...]:
    return tuple(
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _text(task / "children").split()
    )


def _command_line(pid: int) -> str:
    return _text(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def pss_megabytes(pid: int) -> float:
    """Memory of a process with its share of what it shares with others, in 10^6 bytes."""
    rollup = _text(Path(f"/proc/{pid}/smaps_rollup"))
    kibibytes = next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(kibibytes) * 1024 / 1e6
