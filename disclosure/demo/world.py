"""A small world on this machine: name server, web server with its own authority, mail server. Nothing leaves loopback.

The demonstration and the whole-story tests run against it. One thread with one event loop answers for all three, on
ports that the system chooses; what a test changes holds from the next question on.

    with World(folder=tmp_path) as world:
        world.zone("pharmacies.example", "MX", "10 mail.pharmacies.example.")
        world.site(Site("pharmacies.example", {"/": (200, {"Content-Type": "text/plain"}, b"bonjour")}))
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from disclosure.demo.world_mail import Letterbox, Received
from disclosure.demo.world_names import Zones, name_server
from disclosure.demo.world_pages import Authority, Pages, Site, page_server

__all__ = ["Received", "Site", "World"]

START_SECONDS = 30.0  # ours: far above what three sockets take, so that a stuck start fails instead of hanging


@dataclass(frozen=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    dns_port: int
    https_port: int
    smtp_port: int


class World:
    """The three servers, between ``with`` and its end. ``zone``, ``site``, … may be called before and during.

    ``folder`` gets the authority's certificate and the hosts' keys, readable for their owner only. ``mailbox`` is a
    Maildir that keeps every mail as a file. ``secure`` sets AD on answers, as a validating resolver would.
    """

    def __init__(
        self, *, address: str = "127.0.0.1", folder: Path, secure: bool = False, mailbox: Path | None = None
    ) -> None:
        self._address = ipaddress.ip_address(address)
        if not self._address.is_loopback:
            raise ValueError(f"{address} is not on loopback")
        self._zones = Zones(address=address, secure=secure)
        self._authority = Authority(folder)
        self._pages = Pages(self._authority)
        self._letterbox = Letterbox(mailbox)
        self._thread: threading.Thread | None = None
        self._ready: Future[_Running] = Future()
        self._faults: list[BaseException] = []

    def __enter__(self) -> Self:
        self._ready = Future()
        self._thread = threading.Thread(target=self._run, name="world", daemon=True)
        self._thread.start()
        self._ready.result(START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        running = self._running
        running.loop.call_soon_threadsafe(running.stop.set)
        if self._thread is not None:
            self._thread.join()
        self._ready = Future()
        if self._faults and error is None:
            raise RuntimeError("a server of the world failed") from self._faults[0]

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        # aiosmtpd comes with the tests' extra; whoever only reads the demonstration's data must not need it.
        from disclosure.demo.world_smtp import mail_server  # noqa: PLC0415

        address, stop, loop = str(self._address), asyncio.Event(), asyncio.get_running_loop()
        loop.set_exception_handler(self._note)
        async with contextlib.AsyncExitStack() as stack:
            dns_port = await stack.enter_async_context(name_server(self._zones, address))
            https_port = await stack.enter_async_context(page_server(self._pages, address))
            smtp_port = await stack.enter_async_context(mail_server(self._letterbox, address))
            self._ready.set_result(_Running(loop, stop, dns_port, https_port, smtp_port))
            await stop.wait()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A fault of ours is raised at the end, so that nobody takes it for one of the product."""
        loop.default_exception_handler(context)
        self._faults.append(context.get("exception") or RuntimeError(context["message"]))

    @property
    def _running(self) -> _Running:
        if not self._ready.done():
            raise RuntimeError("the world is not running: use it in a with statement")
        return self._ready.result()

    @property
    def dns_address(self) -> str:
        return str(self._address)

    @property
    def dns_port(self) -> int:
        """UDP and TCP."""
        return self._running.dns_port

    @property
    def https_port(self) -> int:
        return self._running.https_port

    @property
    def smtp_port(self) -> int:
        return self._running.smtp_port

    @property
    def ca_file(self) -> Path:
        """PEM certificate of the authority that every site's certificate comes from."""
        return self._authority.file

    def describe(self) -> dict[str, str | int]:
        """Where everything listens, for whoever writes it into settings."""
        return {
            "dns_address": self.dns_address,
            "dns_port": self.dns_port,
            "https_port": self.https_port,
            "smtp_port": self.smtp_port,
            "ca_file": str(self.ca_file),
        }

    def zone(self, name: str, rdtype: str, *texts: str, ttl: int = 300) -> None:
        """Set the RRset of ``name`` and ``rdtype``, as a zone file spells it; no texts take it away.

        TXT without quotes is the whole text of one record. The zone begins at the last two labels, or where an SOA
        is set; SOA and NS come by themselves.
        """
        self._zones.put(name, rdtype, texts, ttl)

    def fail(self, name: str, rdtype: str, rcode: str) -> None:
        """Answer this question with ``rcode`` ("SERVFAIL", …), or never ("timeout"); "NOERROR" heals it."""
        self._zones.fail(name, rdtype, rcode)

    def site(self, site: Site) -> None:
        """Serve ``site``, replacing the one of that host, and point the host's address record here."""
        self._pages.put(site)
        self.zone(site.host, "A" if self._address.version == 4 else "AAAA", self.dns_address)  # noqa: PLR2004

    def slow(self, host: str, seconds: float) -> None:
        """Let every request to ``host`` wait; ``math.inf`` never answers."""
        self._pages.slow(host, seconds)

    def refuse(self, recipient_or_domain: str, reply: str) -> None:
        """Answer RCPT with ``reply``, such as "550 5.1.1 no such user"; "*" refuses everybody."""
        self._letterbox.refuse(recipient_or_domain, reply)

    def accept(self, recipient_or_domain: str) -> None:
        """Take back one :meth:`refuse`."""
        self._letterbox.accept(recipient_or_domain)

    @property
    def received(self) -> list[Received]:
        """Every mail so far, in the order of arrival: a copy."""
        return self._letterbox.received

    def wait_for(self, count: int, timeout_seconds: float) -> list[Received]:
        """Every mail, as soon as ``count`` have come; TimeoutError names those that came instead."""
        return self._letterbox.wait_for(count, timeout_seconds)

    def mail_to(self, address: str) -> list[Received]:
        asked = address.lower()
        return [mail for mail in self.received if asked in map(str.lower, mail.recipients)]

    @property
    def questions(self) -> list[tuple[str, str]]:
        """Every DNS question so far: name without final dot, type. Shows what was looked up, and what was not (R13)."""
        return self._zones.asked

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Every HTTPS request so far: host, path with query."""
        return self._pages.asked
