"""4,000 hosts on this machine, each an organisation of its own: name server and web server, in a process of their own.

Of ten hosts three have a security.txt where RFC 9116 wants it, one only at the old place, six have none. One host in
twenty never answers: half of those to no question of DNS, the others to no request. Every other answer, of DNS and of
HTTPS, comes 50 ms late. The names lie below a public suffix of two labels, because a certificate with a wildcard needs
that and no reserved name is one; nobody is asked about them but the two servers here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import cast

from benchmarks.servers import ROOT
from disclosure.demo.world_pages import Authority

HERE = "127.0.0.1"
HOSTS = 4_000
LATE = 0.05  # seconds added to every answer
SUFFIX = "github.io"
_FILES = {"/.well-known/security.txt", "/security.txt"}
_TTL = 300
_A, _SOA, _MX = 1, 6, 15
_TEXT = """\
# A file as organisations write it
Contact: mailto:security@{host}
Contact: https://{host}/report
Expires: {expires}
Encryption: https://{host}/key.asc
Acknowledgments: https://{host}/thanks
Preferred-Languages: en, fr
Canonical: https://{host}{path}
Policy: https://{host}/policy
Hiring: https://{host}/jobs
"""


class Has(StrEnum):
    """What is true of a host."""

    WELL_KNOWN = "/.well-known/security.txt"
    LEGACY = "/security.txt"
    NOTHING = ""
    NO_NAMES = "no names"  # nobody answers to questions about it
    NO_WEB = "no web"  # accepts every connection, and says nothing


def name(number: int) -> str:
    return f"h{number:04}.{SUFFIX}"


def has(number: int) -> Has:
    # One of each twenty, and in turn each of the ten kinds; 5 % exactly.
    if number % 20 == number // 20 % 10:
        return Has.NO_NAMES if number // 200 % 2 == 0 else Has.NO_WEB
    return (Has.WELL_KNOWN, Has.WELL_KNOWN, Has.WELL_KNOWN, Has.LEGACY, *[Has.NOTHING] * 6)[number % 10]


def address(number: int) -> str:
    """Whom the file of that host names first."""
    return f"security@{name(number)}"


@contextlib.contextmanager
def hosts(folder: Path) -> Iterator[dict[str, str]]:
    """The two servers while they run; the environment of an installation that lives in their world."""
    argv = (sys.executable, "-m", "benchmarks.hosts", str(folder))
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        try:
            told = json.loads(process.stdout.readline())
            yield {
                "DISCLOSURE_DEMO": "true",
                "DISCLOSURE_DEMO_WORLD_NAMESERVER": f"{HERE}:{told['names']}",
                "DISCLOSURE_DEMO_WORLD_HTTPS": f"{HERE}:{told['web']}",
                "DISCLOSURE_DEMO_WORLD_CA_FILE": told["ca_file"],
            }
        finally:
            process.stdin.close()  # whereupon it ends, as it does when we are killed


# --- what follows runs in that process ---


def _number(host: str) -> int | None:
    label, _, suffix = host.lower().partition(".")
    number = label.removeprefix("h")
    return int(number) if suffix == SUFFIX and number.isdigit() and int(number) < HOSTS else None


class _Names(asyncio.DatagramProtocol):
    """Bytes by hand: a library would take more of this machine than the client that is measured."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._loop = asyncio.get_running_loop()

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        answer = _answer(data)
        if answer is not None:
            self._loop.call_later(LATE, self._transport.sendto, answer, sender)


def _answer(query: bytes) -> bytes | None:
    labels, end = [], 12
    while query[end]:
        labels.append(query[end + 1 : end + 1 + query[end]].decode("ascii"))
        end += 1 + query[end]
    kind = int.from_bytes(query[end + 1 : end + 3], "big")
    number = _number(".".join(labels[-3:]))
    known = number is not None and len(labels) == 3
    if number is not None and has(number) is Has.NO_NAMES:
        return None
    data = _record(number, kind) if known and number is not None else b""
    # Where there is nothing, the zone around says for how long that holds.
    owner, kind, data = (b"\xc0\x0c", kind, data) if data else (_wire(SUFFIX), _SOA, _SOA_DATA)
    counts = (1, 1, 0, 1) if owner == b"\xc0\x0c" else (1, 0, 1, 1)
    flags = 0x8180 if known else 0x8183  # NXDOMAIN for a name that is no host
    head = query[:2] + struct.pack("!5H", flags, *counts)
    record = owner + struct.pack("!2HIH", kind, 1, _TTL, len(data)) + data
    return head + query[12 : end + 5] + record + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


def _record(number: int, kind: int) -> bytes:
    if kind == _A:
        return bytes(map(int, HERE.split(".")))
    # Without a file no mail either: else the conventional mailboxes would be an answer to everything.
    return b"\0\x0a\x04mail\xc0\x0c" if kind == _MX and has(number) in {Has.WELL_KNOWN, Has.LEGACY} else b""


def _wire(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


_SOA_DATA = _wire(f"ns.{SUFFIX}") + _wire("hostmaster.operator.example") + struct.pack("!5I", 1, 3600, 600, 86400, 300)


class _Web(asyncio.Protocol):
    _head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            answer = _page(self._head.decode("latin-1"))
            if answer is not None:
                asyncio.get_running_loop().call_later(LATE, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
            self._transport.close()


def _page(head: str) -> bytes | None:
    first, *lines = head.split("\r\n")
    path = first.split(" ")[1]
    host = next(line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:"))
    number = _number(host)
    if number is None or has(number) is Has.NO_WEB:
        return None
    found = path == has(number)
    text = _TEXT.format(host=host, path=path, expires=_EXPIRES).encode() if found else b"not here\n"
    status = "200 OK" if found else "404 Not Found"
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(text)}", "Content-Type: text/plain; charset=utf-8"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + text


_EXPIRES = (datetime.now(UTC) + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _serve(folder: Path) -> None:
    authority = Authority(folder / "authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(f"*.{SUFFIX}"))
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Names, local_addr=(HERE, 0))
    web = await loop.create_server(_Web, HERE, 0, ssl=context, backlog=512)
    ports = {"names": transport.get_extra_info("sockname")[1], "web": web.sockets[0].getsockname()[1]}
    print(json.dumps(ports | {"ca_file": str(authority.file)}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
