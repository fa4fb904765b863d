"""Engines: how many connections a process holds, and how long a forgotten one may keep anything locked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

# A thread of the web server, or one of the worker's jobs, holds one connection, and a second while the clock claims.
# More would only queue up in the server; the stream keys have two more of their own (sealing.py).
POOL = 8
OVERFLOW = 8
# What a lease is to a row, this is to a lock: whoever freezes inside a transaction loses it after so long, and the rows
# are free for others. Longer than any batch of ours, shorter than any lease.
IDLE_MS = 60_000
LOCK_MS = 30_000  # SQLite's busy time-out, here too
# Of a server that is gone without a word, TCP would tell after two hours.
_KEEPALIVE = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 4, "connect_timeout": 10}


def is_postgresql(url: str) -> bool:
    return make_url(url).get_backend_name() == "postgresql"


def options(url: str) -> dict[str, Any]:
    """Arguments of create_engine. No value that a statement carries may come into a log with an error."""
    hidden: dict[str, Any] = {"hide_parameters": True}
    if not is_postgresql(url):
        return hidden
    guc = f"-c idle_in_transaction_session_timeout={IDLE_MS} -c lock_timeout={LOCK_MS} -c timezone=UTC"
    guc += " -c default_transaction_isolation=read\\ committed"
    return hidden | {
        "pool_size": POOL,
        "max_overflow": OVERFLOW,
        "pool_pre_ping": True,  # after a restart of the server the first request finds a connection that lives
        "connect_args": _KEEPALIVE | {"options": guc, "application_name": "disclosure"},
    }


def make(url: str) -> Engine:
    return create_engine(url, **options(url))


def make_small(url: str) -> Engine:
    """For the stream keys: never while another of its connections is held by the same thread."""
    return create_engine(url, **(options(url) | {"pool_size": 2}))
