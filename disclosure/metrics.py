"""`disclosure metrics`: figures for Prometheus on a port of their own, on this machine alone.

A process of its own: it answers when web or worker do not, and then its figures say so. Reads, never writes.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from disclosure.casework import measuring
from disclosure.casework.traces import trace
from disclosure.settings import Settings

PREFIX = "disclosure_"
PATIENCE = 10.0  # seconds for a caller to say what it wants; a scrape takes less than one
_REST = 20
log = logging.getLogger(__name__)


class _House(Collector):
    """Asks the house anew for each scrape: nothing is counted in memory, so a restart loses nothing."""

    def __init__(self, engine: Engine, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for figure in measuring.figures(self._engine, self._settings, self._clock()):
            labels = [figure.label] if figure.label else []
            family = GaugeMetricFamily(PREFIX + figure.name, figure.meaning, labels=labels)
            for word, value in figure.samples:
                family.add_metric([word] if labels else [], value)
            yield family


def exposition(engine: Engine, settings: Settings, clock: Callable[[], datetime]) -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_House(engine, settings, clock))
    return generate_latest(registry)


class Sparing:
    """What ``tell`` says, asked again only after ``_REST`` times as long as the answer took.

    With a hundred thousand mails a scrape reads for a second: however often somebody scrapes, it is at most a twentieth
    of one core, and of what the database can do meanwhile.
    """

    def __init__(self, tell: Callable[[], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._lock = threading.Lock()
        self._said, self._good_until = b"", float("-inf")

    def __call__(self) -> bytes:
        with self._lock:
            began = self._clock()
            if began >= self._good_until:
                self._said = self._tell()
                ended = self._clock()
                self._good_until = ended + _REST * (ended - began)
            return self._said


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = PATIENCE
    server_version, sys_version = "disclosure", ""

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        if self.path != "/metrics":
            self._say(404, b"Figures are at /metrics\n", "text/plain")
            return
        try:
            self._say(200, self.server.told(), CONTENT_TYPE_LATEST)
        except Exception as error:
            log.error("no figures: %s", trace(error))
            self._say(500, b"no figures\n", "text/plain")

    def _say(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """R2: no access log."""


class MetricsServer(ThreadingHTTPServer):
    """Listens on a socket that is open already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, told: Callable[[], bytes]) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.told = listener, told


def measure(settings: Settings, listener: socket.socket) -> MetricsServer:
    """A server with figures of this installation; the caller runs it (``serve_forever``)."""
    engine = measuring.engine_of(settings)
    return MetricsServer(listener, Sparing(lambda: exposition(engine, settings, lambda: datetime.now(UTC))))
