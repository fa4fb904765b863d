"""The SMTP server of the small world: takes every message that is not refused, and delivers none.

The only module here that needs aiosmtpd, which is in the ``test`` extra: world.py imports it when a world starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator

from aiosmtpd.smtp import SMTP, Envelope, Session

from disclosure.demo.world_mail import Letterbox

HOST_NAME = "mail.world.invalid"
# RFC 3461: what may follow MAIL and RCPT there. aiosmtpd knows none of them, so they are taken off before it looks.
_DSN = re.compile(r"\s((?:RET|ENVID|NOTIFY|ORCPT)=\S+)", re.IGNORECASE)
_COMMAND_BYTES = 1012  # RFC 3461 4: 512, and 500 more


class Sink(SMTP):
    """One conversation."""

    def __init__(self, letterbox: Letterbox, open_ones: set[Sink]) -> None:
        self.dsn_options: list[str] = []
        self._open_ones = open_ones
        # A host name is given because the library would ask the system's name server for one.
        super().__init__(_Handler(letterbox), hostname=HOST_NAME, ident="ESMTP", loop=asyncio.get_running_loop())
        self.command_size_limits.update(MAIL=_COMMAND_BYTES, RCPT=_COMMAND_BYTES)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open_ones.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._open_ones.discard(self)
        super().connection_lost(error)

    def cut(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def smtp_MAIL(self, arg: str | None) -> None:
        self.dsn_options = []
        await super().smtp_MAIL(self._without_dsn(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:
        await super().smtp_RCPT(self._without_dsn(arg))

    def _without_dsn(self, arg: str | None) -> str | None:
        if arg is None:
            return None
        self.dsn_options += _DSN.findall(arg)
        return _DSN.sub("", arg)


class _Handler:
    """What aiosmtpd asks at each command; the names of the methods are its own."""

    def __init__(self, letterbox: Letterbox) -> None:
        self._letterbox = letterbox

    async def handle_EHLO(
        self, _server: Sink, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-ENHANCEDSTATUSCODES", "250-DSN", *responses[-1:]]

    async def handle_MAIL(
        self, _server: Sink, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, _server: Sink, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self._letterbox.refusal_of(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Sink, _session: Session, envelope: Envelope) -> str:
        sender = "" if envelope.mail_from == "<>" else str(envelope.mail_from)
        data = envelope.original_content or b""
        self._letterbox.keep(sender, tuple(envelope.rcpt_tos), data, tuple(server.dsn_options))
        return f"250 2.0.0 Ok: queued as {secrets.token_hex(6).upper()}"


@contextlib.asynccontextmanager
async def mail_server(letterbox: Letterbox, address: str) -> AsyncIterator[int]:
    """Listen on a free port of ``address`` (the value), inside the running loop."""
    open_ones: set[Sink] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(letterbox, open_ones), address, 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for sink in tuple(open_ones):
            sink.cut()
        await server.wait_closed()
