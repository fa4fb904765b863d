"""A listening socket whose conversations end with it: what the servers of the small world share."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST_BYTES = 65_536  # ours: the longest line or head that a conversation here may hold


@contextlib.asynccontextmanager
async def listening(
    client: Client, address: str, port: int = 0, *, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Listen on ``address`` (the value is the port); at the end every open conversation is cut off."""
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs is in a task
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # The task ends here; the loop of Python 3.11 would trip over one that ends as cancelled.
        with contextlib.suppress(asyncio.CancelledError):
            await _until_somebody_leaves(client, reader, writer)

    server = await asyncio.start_server(converse, address, port, ssl=context, limit=REQUEST_BYTES)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _until_somebody_leaves(client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        # Leaving in the middle is a client's right, and what a test of time limits does.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            await client(reader, writer)
            writer.close()
            await writer.wait_closed()
    finally:
        writer.transport.abort()
