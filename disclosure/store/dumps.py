"""The same as snapshots.py on PostgreSQL, by its own programs: two dumps of one snapshot, the stream keys apart.

The snapshot is exported by a transaction of ours and read by both runs of pg_dump, so that data and keys are of one
moment. Passwords go by the environment: what stands on a command line, every user of the machine can read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.engine import make_url

from disclosure.protocol.errors import DisclosureError

KEYS_SCHEMA = "keys"
CARRIER_SCHEMA = "carrier"
DATA_DUMP, KEYS_DUMP = "disclosure.dump", "keys.dump"
# With owner and rights left out, the dump can be restored by a role of another name.
_DUMP = ("--format=custom", "--no-owner", "--no-privileges", "--lock-wait-timeout=30s")
_RESTORE = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")


class DumpFailed(DisclosureError):
    """A program of PostgreSQL is missing, or refused."""


def take(engine: Engine, folder: Path) -> None:
    """``disclosure.dump`` and ``keys.dump`` in ``folder``. Raises DumpFailed."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        # Nothing is asked in this transaction while the dumps run; it must not be taken for a forgotten one.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        snapshot = f"--snapshot={connection.scalar(text('SELECT pg_export_snapshot()'))}"
        for name, schema in ((DATA_DUMP, "--exclude-schema"), (KEYS_DUMP, "--schema")):
            target = folder / name
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            # Wake-ups are no truth: whoever restores makes their tables anew (carrier.py).
            without = () if schema == "--schema" else (f"--exclude-schema={CARRIER_SCHEMA}",)
            _run(engine.url, "pg_dump", *_DUMP, snapshot, f"{schema}={KEYS_SCHEMA}", *without, f"--file={target}")


def put_back(url: str, folder: Path) -> None:
    """Both dumps into an empty database. Raises DumpFailed; each dump is restored whole or not at all."""
    parsed = make_url(url)
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            ours = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            if connection.scalar(text(ours)):
                raise DumpFailed("the database is not empty: nothing is restored over anything")
    finally:
        engine.dispose()
    for name in (KEYS_DUMP, DATA_DUMP):
        _run(parsed, "pg_restore", *_RESTORE, f"--dbname={_conninfo(parsed)}", str(folder / name))


def drop_erased(engine: Engine) -> int:
    """Delete the keys of streams that the database says were erased; returns how many there were."""
    gone = (
        f"DELETE FROM {KEYS_SCHEMA}.stream_keys WHERE stream_id IN (SELECT id FROM streams WHERE erased_at IS NOT NULL)"  # noqa: S608
    )
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        return connection.execute(text(gone)).rowcount


def _conninfo(url: URL) -> str:
    """libpq's URI, without the password."""
    named = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return named.render_as_string(hide_password=False)


def _run(url: URL, program: str, *words: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise DumpFailed(f"the program {program} is missing: apt-get install postgresql-client")
    where = () if program == "pg_restore" else (f"--dbname={_conninfo(url)}",)
    run = subprocess.run(  # noqa: S603 - no shell; every value stands behind its option
        [path, *where, *words], env=_environ(url), capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines() or [f"status {run.returncode}"]
        raise DumpFailed(f"{program}: {lines[0]}")


def _environ(url: URL) -> Mapping[str, str]:
    return dict(os.environ) | ({"PGPASSWORD": str(url.password)} if url.password else {})
