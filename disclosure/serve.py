"""`disclosure serve`: gunicorn and the worker under one parent (supervision.py), on a socket that the parent opens."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Iterator, Mapping
from signal import Signals
from typing import NoReturn
from urllib.parse import urlsplit

from disclosure.protocol.errors import DisclosureError
from disclosure.settings import Settings
from disclosure.settings_table import Endpoint
from disclosure.supervision import Command, supervise

_WEB_STOPS_AFTER = 10  # seconds gunicorn leaves to requests; below STOP_AFTER, so that it still ends its own processes


class AddressTaken(DisclosureError):
    """We cannot listen where a setting says."""

    def __init__(self, endpoint: object, reason: str, setting: str = "listen") -> None:
        super().__init__(f"cannot listen on {endpoint}: {reason} (setting: {setting})")


def private_umask() -> None:
    """Whatever this process and its children create is for its owner alone."""
    os.umask(0o077)


def serve(settings: Settings, environ: Mapping[str, str]) -> int:
    """Web and worker until Ctrl-C, TERM, or the end of one of them. Prints the URL once it answers.

    Returns the exit status: 0 when asked to stop. Raises :class:`AddressTaken`.
    """
    private_umask()
    with listening(settings) as listener:
        bell = Doorbell(listener.getsockname()[:2], urlsplit(settings.public_url).hostname or "")
        return supervise(
            tuple(_children(settings, environ, listener)),
            started=listener.close,  # else callers would wait in our queue after the web server has gone
            ready=bell.answered,
            announce=f"disclosure answers at {settings.public_url}/ (Ctrl-C stops it)",
        )


def serve_web(settings: Settings, environ: Mapping[str, str]) -> NoReturn:
    """The web server alone, in place of this process: the worker runs elsewhere. Raises :class:`AddressTaken`."""
    private_umask()
    with listening(settings) as listener:
        command = web_command(settings, environ, listener)
        os.set_inheritable(listener.fileno(), True)
        os.execve(command.argv[0], command.argv, dict(command.environ))  # noqa: S606 - our own command, no shell


def _children(settings: Settings, environ: Mapping[str, str], listener: socket.socket) -> Iterator[Command]:
    yield web_command(settings, environ, listener)
    yield worker_command(settings, environ)
    if settings.metrics.listen:
        yield metrics_command(settings, environ)


@contextlib.contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The web server's socket, opened here: a port that is taken is said at once, before anything has started."""
    with listening_at(settings.listen, "listen") as listener:
        yield listener


@contextlib.contextmanager
def listening_at(where: Endpoint, setting: str) -> Iterator[socket.socket]:
    """A socket on which callers may queue already. Raises :class:`AddressTaken`."""
    with socket.socket(socket.AF_INET6 if ":" in where.address else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((where.address, where.port))
            listener.listen(2048)  # gunicorn's own backlog
        except OSError as error:
            raise AddressTaken(where, os.strerror(error.errno or 0), setting) from None
        yield listener


def web_command(settings: Settings, environ: Mapping[str, str], listener: socket.socket) -> Command:
    """gunicorn with ``app:app`` on ``listener``."""
    bind = ("--bind", f"fd://{listener.fileno()}", "app:app")
    return Command(
        "the web server",
        (sys.executable, "-m", "gunicorn", *_gunicorn_options(settings), *bind),
        environ=_for(settings, environ),
        pass_fds=(listener.fileno(),),
    )


def worker_command(settings: Settings, environ: Mapping[str, str]) -> Command:
    """The worker, as on the command line."""
    return Command(
        "the worker",
        (sys.executable, "-m", "disclosure.cli", "worker"),
        environ=_for(settings, environ),
        orphaned=Signals.SIGKILL,  # safe at any instant: each step is committed or flagged, so nobody need ask
    )


def metrics_command(settings: Settings, environ: Mapping[str, str]) -> Command:
    """The figures; it only reads."""
    argv = (sys.executable, "-m", "disclosure.cli", "metrics")
    return Command("the metrics server", argv, environ=_for(settings, environ), orphaned=Signals.SIGKILL)


def _for(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    mine = {"DISCLOSURE_INSTANCE": str(settings.instance), "DISCLOSURE_LOG_FORMAT": str(settings.log.format)}
    return dict(environ) | mine


def _gunicorn_options(settings: Settings) -> Iterator[str]:
    yield from ("--worker-class", "gthread", "--workers", str(settings.web.workers))
    yield from ("--threads", str(settings.web.threads), "--graceful-timeout", str(_WEB_STOPS_AFTER))
    # R2: no access log; warnings and request lines would hold callers' addresses and links.
    yield from ("--log-level", "error", "--logger-class", "disclosure.discreet.DiscreetLog")
    # A control socket would be a second door, and lies in the home folder, where two servers would share it.
    yield "--no-control-socket"
    # X-Forwarded headers are believed by the application alone, as far as trusted_proxies says.
    yield "--forwarded-allow-ips="
    memory = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat files, which have no name once open
    if os.access(memory, os.W_OK):
        # On a busy disk a heartbeat waits for somebody else's fsync, and requests with it.
        yield from ("--worker-tmp-dir", memory)


class Doorbell:
    """Rings once and does not wait: the web server answers when one of its processes has loaded the application."""

    def __init__(self, address: tuple[str, int], host: str) -> None:
        self._address, self._host = address, host
        self._connection: socket.socket | None = None

    def answered(self) -> bool:
        """Whether an answer, any answer, has come; to be asked again until it has."""
        try:
            connection = self._connection or self._ring()
            if not select.select([connection], [], [], 0)[0]:
                return False
            came = connection.recv(16)
        except OSError:
            came = b""
        if self._connection:
            self._connection.close()
            self._connection = None
        return came.startswith(b"HTTP/")

    def _ring(self) -> socket.socket:
        self._connection = socket.create_connection(self._address, timeout=1)
        self._connection.sendall(f"HEAD / HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n".encode())
        return self._connection
