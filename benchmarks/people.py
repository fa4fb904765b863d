"""Persons who report: each fetches the form, takes its tokens, and sends it at once. In a process of their own.

What is sent is what a browser sends: the pharmacies' report of the demonstration, every field of the form, also the
empty ones. Every person comes from an address of their own (127.0.0.0/8) on a connection of their own, as they would.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

from disclosure.demo.reports import reports
from disclosure.demo.screenshot import screenshot

FIELDS = (
    *("kind", "organisation", "country", "sector", "description", "affected", "where_seen", "seen_when", "on_sale"),
    *("personal_data", "personal_data_kinds", "people_affected", "severity_seen", "how_obtained", "reporter_name"),
)
# As long as Firefox's; the product reads Accept-Language, Origin and Sec-Fetch-Site of them.
HEADERS = (
    "Host: 127.0.0.1:{port}\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: fr,fr-FR;q=0.8,en-US;q=0.5,en;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
)
_CSRF = re.compile(rb'name="csrf_token" value="([^"]+)"')
_TOKEN = re.compile(rb'name="token" value="([^"]+)"')
_COOKIE = re.compile(rb"\r\nSet-Cookie: ([^;\r]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"
_BOUNDARY = "----geckoformboundary" + "7" * 32
_TIMEOUT = 30.0  # seconds; whoever waits longer has not been served, and the run fails


@dataclass(frozen=True)
class Load:
    """``clients`` persons at a time, new ones until ``seconds`` are over or ``most`` have come."""

    port: int
    seconds: float
    most: int
    clients: int = 8
    picture: bool = False


@dataclass(frozen=True)
class Served:
    """What came of it: seconds of the whole, and of each person (form and report together)."""

    seconds: float
    persons: tuple[float, ...]

    @property
    def rate(self) -> float:
        return len(self.persons) / self.seconds


def come(load: Load) -> Served:
    """Run the load in another process. Raises RuntimeError when anybody was not answered with 200."""
    argv = (sys.executable, "-m", "benchmarks.people", json.dumps(asdict(load)))
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise RuntimeError("somebody was not served")
    told = json.loads(done.stdout)
    return Served(told["seconds"], tuple(told["persons"]))


# --- what follows runs in that process ---


def _crowd(load: Load) -> Served:
    body = _body(load.port, picture=load.picture)
    persons: list[float] = []
    failures: list[BaseException] = []
    started = time.perf_counter()
    tickets = _tickets(load, started)

    def queue() -> None:
        try:
            while (source := next(tickets, None)) is not None:
                persons.append(_person(load.port, source, body))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=queue) for _ in range(load.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Served(time.perf_counter() - started, tuple(persons))


class _tickets:  # noqa: N801 - reads as the generator that threads may not share
    """Source addresses, one per person; none when the time is over."""

    def __init__(self, load: Load, started: float) -> None:
        self._load, self._until, self._lock = load, started + load.seconds, threading.Lock()
        self._given, self._network = 0, secrets.randbelow(200) + 10

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        with self._lock:
            if self._given >= self._load.most or time.perf_counter() >= self._until:
                raise StopIteration
            number = self._given
            self._given += 1
        return f"127.{self._network}.{number // 250 % 250}.{number % 250 + 1}"


def _person(port: int, source: str, body: Mapping[str, bytes]) -> float:
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT, (source, 0)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(body["get"])
        head, page = _answer(line)
        tokens = _CSRF.search(page), _TOKEN.search(page), _COOKIE.search(head)
        csrf, token, cookie = (found[1] for found in tokens if found)
        sent = body["post"].replace(b"@csrf", csrf).replace(b"@token", token)
        missing = len(csrf) + len(token) - len(b"@csrf") - len(b"@token")
        length = int(body["length"]) + missing
        line.sendall(body["head"] % (cookie, length) + sent)
        _answer(line)
    return time.perf_counter() - started


def _answer(line: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of a 200; ValueError for everything else."""
    held = b""
    while _END not in held:
        held += _more(line)
    head, _, page = held.partition(_END)
    length = _LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or length is None:
        raise ValueError(head[:200])
    while len(page) < int(length[1]):
        page += _more(line)
    return head, page


def _more(line: socket.socket) -> bytes:
    came = line.recv(65_536)
    if not came:
        raise ValueError("hung up")
    return came


def _body(port: int, *, picture: bool) -> dict[str, bytes]:
    """The two requests, with marks where the tokens go."""
    headers = HEADERS.format(port=port)
    parts = b"".join(_parts(picture=picture)) + f"--{_BOUNDARY}--\r\n".encode()
    post = (
        f"POST /report HTTP/1.1\r\n{headers}Origin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\nCookie: %b\r\nContent-Length: %d\r\n\r\n"
    )
    get = f"GET /report HTTP/1.1\r\n{headers}Sec-Fetch-Site: none\r\n\r\n"
    return {"get": get.encode(), "head": post.encode(), "post": parts, "length": str(len(parts)).encode()}


def _parts(*, picture: bool) -> Iterator[bytes]:
    told = reports(now=datetime.now(UTC))[0]
    part = partial("--{0}\r\nContent-Disposition: form-data; name={1}\r\n".format, _BOUNDARY)
    fields = {"csrf_token": "@csrf", "token": "@token", "website": "", "domains": " ".join(told.domains)}
    fields |= {name: str(getattr(told, name)) for name in FIELDS} | {"understood": "yes"}
    for name, text in fields.items():
        yield f"{part(chr(34) + name + chr(34))}\r\n{text}\r\n".encode()
    # No file chosen: browsers send the field with an empty name.
    yield part(f'"pictures"; filename="{"capture.png" if picture else ""}"').encode()
    yield f"Content-Type: {'image/png' if picture else 'application/octet-stream'}\r\n\r\n".encode()
    yield (screenshot() if picture else b"") + b"\r\n"


if __name__ == "__main__":
    print(json.dumps(asdict(_crowd(Load(**json.loads(sys.argv[1]))))))
