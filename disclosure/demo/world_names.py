"""The authoritative name server of the small world: its zones as data, and the two sockets that answer from them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import threading
from collections.abc import AsyncIterator
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rdatatype import RdataType

from disclosure.demo.world_sockets import Client, listening

# DNS flag day 2020: what fits through every network without fragments.
UDP_PAYLOAD = 1232
UDP_PLAIN = 512  # RFC 1035 4.2.1: without EDNS
TXT_STRING = 255  # RFC 1035 3.3: one character-string
ALIASES = 16  # where dnspython stops too
PORT_TRIES = 20
SILENCE = "timeout"
_NS, _SOA = dns.rdatatype.NS, dns.rdatatype.SOA


class Zones:
    """What the world knows of names. Every method may be called from any thread."""

    def __init__(self, *, address: str, secure: bool) -> None:
        self._lock = threading.Lock()
        self._address, self._secure = address, secure
        self._sets: dict[tuple[Name, RdataType], dns.rrset.RRset] = {}
        self._faults: dict[tuple[Name, RdataType], str] = {}
        self._apexes: set[Name] = set()
        self._asked: list[tuple[str, str]] = []

    @property
    def asked(self) -> list[tuple[str, str]]:
        with self._lock:
            return list(self._asked)

    def put(self, name: str, rdtype: str, texts: tuple[str, ...], ttl: int) -> None:
        """Replace the RRset of ``name`` and ``rdtype``; without texts it goes away, and its zone stays."""
        owner, kind = dns.name.from_text(name), dns.rdatatype.from_text(rdtype)
        given = [_txt(text) for text in texts] if kind == dns.rdatatype.TXT else list(texts)
        with self._lock:
            self._sets.pop((owner, kind), None)
            if given:
                self._sets[owner, kind] = dns.rrset.from_text_list(owner, ttl, "IN", kind, given)
            self._open_zone(owner, kind)

    def fail(self, name: str, rdtype: str, rcode: str) -> None:
        """``rcode`` as dnspython spells it, or "timeout" for silence; "NOERROR" heals the question again."""
        question = dns.name.from_text(name), dns.rdatatype.from_text(rdtype)
        if rcode != SILENCE:
            dns.rcode.from_text(rcode)  # a misspelt one fails the test that wrote it, not the question
        with self._lock:
            self._faults[question] = rcode

    def answer(self, wire: bytes) -> dns.message.Message | None:
        """The response to one message; None where a server stays silent."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR:
            return None
        response = dns.message.make_response(query, our_payload=UDP_PAYLOAD)
        refusal = _unfit(query)
        if refusal is not None:
            response.set_rcode(refusal)
            return response
        with self._lock:
            return self._answer(response, query.question[0].name, query.question[0].rdtype)

    def _answer(self, response: dns.message.Message, name: Name, kind: RdataType) -> dns.message.Message | None:
        self._asked.append((name.to_text(omit_final_dot=True), dns.rdatatype.to_text(kind)))
        fault = self._faults.get((name, kind), "NOERROR")
        if fault == SILENCE:
            return None
        if fault != "NOERROR":
            response.set_rcode(dns.rcode.from_text(fault))
        elif self._apex(name) is None:
            response.set_rcode(dns.rcode.REFUSED)
        else:
            self._resolve(response, name, kind)
        return response

    def _resolve(self, response: dns.message.Message, name: Name, kind: RdataType) -> None:
        """Fill in what this server is the authority for, following aliases as far as its own zones reach."""
        response.flags |= dns.flags.AA | (dns.flags.AD if self._secure else 0)
        for _ in range(ALIASES):
            apex = self._apex(name)
            if apex is None:
                return
            found = self._match(name, kind) or self._match(name, dns.rdatatype.CNAME)
            if found is None:
                response.authority.append(self._sets[apex, _SOA])
                if not self._exists(name) and self._wildcard(name) is None:
                    response.set_rcode(dns.rcode.NXDOMAIN)
                return
            response.answer.append(found)
            if found.rdtype == kind:
                return
            name = found[0].target

    def _match(self, name: Name, kind: RdataType) -> dns.rrset.RRset | None:
        """The RRset itself, or the one that a wildcard makes for a name that does not exist (RFC 4592)."""
        if self._exists(name):
            return self._sets.get((name, kind))
        wildcard = self._wildcard(name)
        found = self._sets.get((wildcard, kind)) if wildcard else None
        return dns.rrset.from_rdata_list(name, found.ttl, list(found)) if found else None

    def _wildcard(self, name: Name) -> Name | None:
        encloser = name
        while not self._exists(encloser):
            encloser = encloser.parent()
        wildcard = dns.name.Name(("*", *encloser.labels))
        return wildcard if self._exists(wildcard) else None

    def _exists(self, name: Name) -> bool:
        """Also a name without records of its own, if something lies below it (RFC 8020)."""
        return any(owner.is_subdomain(name) for owner, _ in self._sets)

    def _apex(self, name: Name) -> Name | None:
        return max((apex for apex in self._apexes if name.is_subdomain(apex)), key=len, default=None)

    def _open_zone(self, owner: Name, kind: RdataType) -> None:
        """An SOA opens a zone at its owner; else a name without a zone opens one at its last two labels."""
        if kind == _SOA:
            apex = owner
        elif self._apex(owner) is None:
            apex = Name(owner.labels[-3:])
        else:
            return
        self._apexes.add(apex)
        server = dns.name.Name((b"ns", *apex.labels))
        # RNAME "." names nobody: an invented hostmaster would be found as a contact.
        defaults = {
            (apex, _SOA): f"{server} . 1 3600 600 604800 300",
            (apex, _NS): str(server),
            (server, dns.rdatatype.AAAA if ":" in self._address else dns.rdatatype.A): self._address,
        }
        for (name, rdtype), text in defaults.items():
            self._sets.setdefault((name, rdtype), dns.rrset.from_text(name, 300, "IN", rdtype, text))


def _txt(text: str) -> str:
    """Text without quotes is the whole record: one string, or several where it is longer than one may be."""
    if text.startswith('"'):
        return text
    octets = text.encode()
    parts = [octets[at : at + TXT_STRING] for at in range(0, max(len(octets), 1), TXT_STRING)]
    return " ".join('"' + "".join(_escaped(octet) for octet in part) + '"' for part in parts)


def _escaped(octet: int) -> str:
    plain = 0x20 <= octet <= 0x7E and octet not in b'"\\'  # noqa: PLR2004 - printable ASCII
    return chr(octet) if plain else f"\\{octet:03d}"


def _unfit(query: dns.message.Message) -> dns.rcode.Rcode | None:
    if query.opcode() != dns.opcode.QUERY:
        return dns.rcode.NOTIMP
    if len(query.question) != 1:
        return dns.rcode.FORMERR
    if query.edns > 0:
        return dns.rcode.BADVERS
    return None if query.question[0].rdclass == dns.rdataclass.IN else dns.rcode.REFUSED


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast because 3.11's own transport does not name itself a DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._zones.answer(data)
        if response is not None:
            self._transport.sendto(_datagram(response), addr)


def _datagram(response: dns.message.Message) -> bytes:
    asked = response.request_payload  # what make_response kept of the query's EDNS; 0 without
    limit = min(max(asked, UDP_PLAIN), UDP_PAYLOAD) if asked else UDP_PLAIN
    return response.to_wire(max_size=limit, prefer_truncation=True)


@contextlib.asynccontextmanager
async def name_server(zones: Zones, address: str) -> AsyncIterator[int]:
    """Answer on UDP and TCP of one free port of ``address`` (the value), inside the running loop."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(2), "big")
            response = zones.answer(await reader.readexactly(length))
            if response is not None:
                writer.write(response.to_wire(max_size=65535, prepend_length=True))
                await writer.drain()

    async with contextlib.AsyncExitStack() as stack:
        port = await _both(stack, zones, address, client)
        yield port


async def _both(stack: contextlib.AsyncExitStack, zones: Zones, address: str, client: Client) -> int:
    """UDP takes a free port, then TCP the same one, unless somebody else has it: then both try another."""
    loop = asyncio.get_running_loop()
    for _ in range(PORT_TRIES):
        transport, _protocol = await loop.create_datagram_endpoint(lambda: _Datagrams(zones), local_addr=(address, 0))
        port = int(transport.get_extra_info("sockname")[1])
        try:
            await stack.enter_async_context(listening(client, address, port))
        except OSError as error:
            transport.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            stack.callback(transport.close)
            return port
    raise OSError(errno.EADDRINUSE, f"no port of {address} is free for UDP and TCP at once")
