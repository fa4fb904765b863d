"""A small world on loopback: a DNS server over UDP and TCP, and an HTTPS server with an authority of its own."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from disclosure.discovery.dns import Resolver
from disclosure.discovery.fetch import Fetcher, LocalWorld

HERE = "127.0.0.1"
ELSEWHERE = "127.0.0.2"  # inside the machine, and not the opened address: stands for every private one
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
AGENT = "disclosure (+https://alerts.example)"


@dataclass(frozen=True)
class Place:
    address: str
    port: int


# --- DNS -------------------------------------------------------------------------------------------------------------


class Silence:
    """No answer at all."""


@dataclass
class Fails:
    rcode: int = dns.rcode.SERVFAIL


Records = list[str] | Silence | Fails


@dataclass
class Zone:
    """What the name server knows: (name, type) → records, or several answers in turn; the last one stays."""

    answers: dict[tuple[str, str], list[Records]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    # Name → (zone around it, its SOA), as an authority section tells.
    authority: dict[str, tuple[str, str]] = field(default_factory=dict)
    authenticated: bool = False
    ttl: int = 300

    def set(self, name: str, rdtype: str, *records: str) -> None:
        self.answers[name, rdtype] = [list(records)]

    def fail(self, name: str, rdtype: str, how: Silence | Fails) -> None:
        self.answers[name, rdtype] = [how]

    def in_turn(self, name: str, rdtype: str, *answers: Records) -> None:
        self.answers[name, rdtype] = list(answers)

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, rdtype = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, rdtype] += 1
        reply = dns.message.make_response(query, recursion_available=True)
        if self.authenticated:
            reply.flags |= dns.flags.AD
        for _ in range(20):
            if name not in self.aliases:
                break
            target = self.aliases[name]
            reply.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", "CNAME", f"{target}."))
            name = target
        turns = self.answers.get((name, rdtype), [[]])
        found = turns.pop(0) if len(turns) > 1 else turns[0]
        if isinstance(found, Silence):
            return None
        if isinstance(found, Fails):
            reply.set_rcode(dns.rcode.Rcode(found.rcode))
        elif found:
            reply.answer.append(dns.rrset.from_text_list(f"{name}.", self.ttl, "IN", rdtype, found))
        elif name in self.authority:
            zone, soa = self.authority[name]
            reply.authority.append(dns.rrset.from_text(f"{zone}.", self.ttl, "IN", "SOA", soa))
        elif not any(known == name for known, _ in self.answers) and not reply.answer:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


class _Quiet:
    """A client that hangs up is part of the play; anything else is a fault of the world and must be seen."""

    def handle_error(self, *_: object) -> None:
        if not isinstance(sys.exception(), OSError):
            raise  # noqa: PLE0704 - inside the handler of socketserver


class _Udp(_Quiet, socketserver.ThreadingUDPServer):
    zone: Zone


class _Tcp(_Quiet, socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    zone: Zone


class _UdpQuestion(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        data, sock = self.request
        query = dns.message.from_wire(data)
        reply = self.server.zone.answer(query)
        if reply is None:
            return
        wire = reply.to_wire(max_size=65_535)
        if len(wire) > query.payload:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            wire = short.to_wire()
        sock.sendto(wire, self.client_address)


class _TcpQuestion(socketserver.StreamRequestHandler):
    server: _Tcp

    def handle(self) -> None:
        head = self.rfile.read(2)
        if len(head) < 2:
            return
        reply = self.server.zone.answer(dns.message.from_wire(self.rfile.read(struct.unpack("!H", head)[0])))
        if reply is not None:
            wire = reply.to_wire(max_size=65_535)
            self.wfile.write(struct.pack("!H", len(wire)) + wire)


@contextlib.contextmanager
def name_server(zone: Zone) -> Iterator[Place]:
    for _ in range(20):
        udp = _Udp((HERE, 0), _UdpQuestion)
        try:
            tcp = _Tcp(udp.server_address, _TcpQuestion)
        except OSError:  # another program has the TCP port of that number
            udp.server_close()
            continue
        break
    udp.zone = tcp.zone = zone
    with _serving(udp), _serving(tcp):
        yield Place(HERE, udp.server_address[1])


@contextlib.contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- certificates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def context(self, name: str, hosts: Iterable[str], *, days: int = 1) -> ssl.SSLContext:
        """A server's TLS context with a certificate for ``hosts``; ``days`` below zero: it has run out."""
        key = ec.generate_private_key(ec.SECP256R1())
        ends = datetime.now(UTC) + timedelta(days=days)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_common_name(name))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(ends - timedelta(days=2))
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        file = self.folder / f"{name}.pem"
        file.write_bytes(_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def authority(folder: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = _common_name("Test authority")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_CA_USAGE, critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Authority(key, certificate, folder)
    made.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return made


_CA_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


# --- HTTPS -----------------------------------------------------------------------------------------------------------


@dataclass
class Request:
    """What came in; ``stopping`` is set when the world ends, so that slow servers end too."""

    host: str
    path: str
    headers: dict[str, str]
    send: Callable[[bytes], None]
    stopping: threading.Event


Page = Callable[[Request], None]


def page(
    body: bytes | str, *, status: int = 200, content_type: str | None = "text/plain; charset=utf-8", **headers: str
) -> Page:
    content = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close"]
    if content_type is not None:
        head.append(f"Content-Type: {content_type}")
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(head).encode() + b"\r\n\r\n" + content)


def redirect(location: str, status: int = 302, body: bytes = b"") -> Page:
    return page(body, status=status, Location=location)


def raw(answer: bytes) -> Page:
    return lambda request: request.send(answer)


def drip(head: bytes, drop: bytes) -> Page:
    """``head`` at once, then ``drop`` again and again until somebody hangs up."""

    def play(request: Request) -> None:
        request.send(head)
        while not request.stopping.wait(0.01):
            request.send(drop)

    return play


def flood(head: bytes, drop: bytes) -> Page:
    """The same, as fast as it is taken."""

    def play(request: Request) -> None:
        request.send(head)
        while not request.stopping.is_set():
            request.send(drop)

    return play


class _Https(_Quiet, socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    web: Web


class _Visit(socketserver.BaseRequestHandler):
    server: _Https

    def handle(self) -> None:
        web = self.server.web
        with contextlib.suppress(OSError), web.tls.wrap_socket(self.request, server_side=True) as wire:
            head = b""
            while b"\r\n\r\n" not in head:
                more = wire.recv(4096)
                if not more:
                    return
                head += more
            web.play(head.decode("latin-1"), wire.sendall)


@contextlib.contextmanager
def raw_server(head: bytes, drop: bytes) -> Iterator[Place]:
    """No TLS and no HTTP: ``head``, then ``drop`` again and again until somebody hangs up."""
    stopping = threading.Event()

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.sendall(head)
                while not stopping.wait(0.01):
                    self.request.sendall(drop)

    class Server(_Quiet, socketserver.ThreadingTCPServer):
        allow_reuse_address = True

    server = Server((HERE, 0), Talk)
    with _serving(server):
        try:
            yield Place(HERE, server.server_address[1])
        finally:
            stopping.set()


@dataclass
class Web:
    """Pages by (host, path), any other is ``otherwise``; the certificate is the common one unless ``shows`` has one."""

    tls: ssl.SSLContext
    pages: dict[tuple[str, str], Page] = field(default_factory=dict)
    shows: dict[str, ssl.SSLContext] = field(default_factory=dict)
    otherwise: Page = field(default_factory=lambda: page("nothing here", status=404))
    visits: list[Request] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def play(self, head: str, send: Callable[[bytes], None]) -> None:
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
        request = Request(headers.get("host", ""), first.split(" ")[1], headers, send, self.stopping)
        self.visits.append(request)
        self.pages.get((request.host, request.path), self.otherwise)(request)

    def choose(self, wire: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        if name in self.shows:
            wire.context = self.shows[name]


@contextlib.contextmanager
def web_server(web: Web) -> Iterator[Place]:
    web.tls.sni_callback = web.choose
    server = _Https((HERE, 0), _Visit)
    server.web = web
    try:
        with _serving(server):
            try:
                yield Place(HERE, server.server_address[1])
            finally:
                web.stopping.set()
    finally:
        web.tls.sni_callback = None


# --- both ------------------------------------------------------------------------------------------------------------


@dataclass
class World:
    zone: Zone
    web: Web
    nameserver: Place
    https: Place
    ca_file: Path

    def resolver(self, *, validating: bool = False) -> Resolver:
        return Resolver([self.nameserver], validating=validating)

    def fetcher(self, *, seconds: float = 8.0) -> Fetcher:
        local = LocalWorld(self.https, self.ca_file)
        return Fetcher(self.resolver(), user_agent=AGENT, local_world=local, seconds=seconds)

    def host(self, *names: str) -> None:
        for name in names:
            self.zone.set(name, "A", HERE)

    def serve(self, url: str, play: Page) -> None:
        host, slash, path = url.removeprefix("https://").partition("/")
        self.web.pages[host, slash + path] = play


def free_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])
