"""The web of the small world: a certificate authority that nobody else trusts, and sites over HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from disclosure.demo.world_sockets import listening
from disclosure.protocol.values import Domain

AUTHORITY_NAME = "Autorité de démonstration (monde local)"
BEFORE, AFTER = timedelta(days=1), timedelta(days=30)  # a demonstration that is left running for a month still works


@dataclass(frozen=True)
class Site:
    """What a host serves: path, with its query if it has one → status, headers, body."""

    host: str
    files: Mapping[str, tuple[int, dict[str, str], bytes]]


class Authority:
    """One ECDSA authority. Its key lives in memory only; certificates and keys of hosts are files, as ``ssl`` wants."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY_NAME)])
        usage = _usage(certificates=True)
        self._certificate = (
            self._certificate_for(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = _write(folder / "ca.pem", self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str) -> Path:
        """File with the key of ``host`` and its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
        certificate = (
            self._certificate_for(name, key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _write(self._folder / f"{host}.pem", secret + certificate.public_bytes(serialization.Encoding.PEM))

    def _certificate_for(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        # The clock of this machine, not an argument: it is what the other side's TLS library compares with.
        now = datetime.now(UTC)
        ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder(subject_name=subject, issuer_name=self._name, public_key=key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BEFORE)
            .not_valid_after(now + AFTER)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(ours, critical=False)
        )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes) -> Path:
    """A file that only its owner reads, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path


class Pages:
    """The sites and what was asked of them. Every method may be called from any thread."""

    def __init__(self, authority: Authority) -> None:
        self._lock = threading.Lock()
        self._authority = authority
        self._sites: dict[str, Mapping[str, tuple[int, dict[str, str], bytes]]] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._pauses: dict[str, float] = {}
        self._asked: list[tuple[str, str]] = []
        self.front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.front.sni_callback = self._choose

    @property
    def asked(self) -> list[tuple[str, str]]:
        with self._lock:
            return list(self._asked)

    def put(self, site: Site) -> None:
        with self._lock:
            self._sites[Domain.parse(site.host).name] = dict(site.files)

    def slow(self, host: str, seconds: float) -> None:
        with self._lock:
            self._pauses[Domain.parse(host).name] = seconds

    def _choose(self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """The certificate by SNI; a name that is no site here gets none."""
        with self._lock:
            if name is None or name.lower() not in self._sites:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            tls.context = self._context(name.lower())
        return None

    def _context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_alpn_protocols(["http/1.1"])
            context.load_cert_chain(self._authority.issue(host))
            self._contexts[host] = context
        return self._contexts[host]

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP/1.1, GET and HEAD, one request after the other on one connection."""
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            request = _Request.parse(head)
            status, headers, body = self._find(request, writer.get_extra_info("ssl_object"))
            await asyncio.sleep(self._pauses.get(request.host, 0))
            writer.write(_response(status, headers, b"" if request.method == "HEAD" else body, len(body)))
            await writer.drain()
            if request.closes:
                return

    def _find(self, request: _Request, tls: ssl.SSLObject) -> tuple[int, dict[str, str], bytes]:
        with self._lock:
            self._asked.append((request.host, request.target))
            files = self._sites.get(request.host)
            # RFC 9110 7.4: a connection made for one host answers for no other, and a fetcher that tries has a fault.
            if files is None or tls.context is not self._contexts.get(request.host):
                return _plain(HTTPStatus.MISDIRECTED_REQUEST)
            if request.method not in {"GET", "HEAD"}:
                return _plain(HTTPStatus.METHOD_NOT_ALLOWED)
            return files.get(request.target) or files.get(request.path) or _plain(HTTPStatus.NOT_FOUND)


@dataclass(frozen=True)
class _Request:
    method: str
    target: str
    host: str  # without port, lower case; empty when none was named
    closes: bool

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @classmethod
    def parse(cls, head: bytes) -> _Request:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, *version = [*first.split(" "), "", ""][:3]
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        host = fields.get("host", "").rpartition(":")[0] if ":" in fields.get("host", "") else fields.get("host", "")
        closes = fields.get("connection", "").lower() == "close" or version != ["HTTP/1.1"]
        return cls(method, target, host.lower(), closes)


def _plain(status: HTTPStatus) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "text/plain; charset=utf-8"}, f"{status} {status.phrase}\n".encode()


def _response(status: int, headers: Mapping[str, str], body: bytes, length: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    if not any(name.lower() == "content-length" for name in headers):
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextlib.asynccontextmanager
async def page_server(pages: Pages, address: str) -> AsyncIterator[int]:
    """Serve ``pages`` on a free port of ``address`` (the value), inside the running loop."""
    async with listening(pages.converse, address, context=pages.front) as port:
        yield port
