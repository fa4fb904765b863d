"""A PostgreSQL server for one run of the tests: started by the first who needs it, shared by all, ended with the last.

Data without fsync in a temporary folder, a Unix socket in it, no port. Whoever needs an office gets a database of its
own, copied from one that is migrated already: a twentieth of a second instead of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, create_engine, text

from disclosure.store import engines, schema
from disclosure.store.keystores import PostgresqlKeys
from disclosure.store.transactions import Gate
from tests.conftest import REQUIRE
from tests.office import OWNER, ROLE

TEMPLATE = "template_office"
PROGRAMS = "/usr/lib/postgresql/*/bin"  # Debian keeps them off PATH: several versions may be there
SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",  # it survives kill -9 of the server all the same: only a power cut would lose something
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "autovacuum": "off",
    "jit": "off",
}


def programs() -> Path:
    """The folder with initdb and pg_ctl; without it the test is skipped, or fails where programs are required."""
    on_path = shutil.which("pg_ctl")
    found = [Path(on_path).parent] if on_path else sorted(Path("/").glob(PROGRAMS.lstrip("/")))
    if found and (found[-1] / "initdb").exists():
        return found[-1]
    reason = "needs PostgreSQL's programs: apt-get install postgresql"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(reason)
    pytest.skip(reason)


class Server:
    """A cluster in ``folder``; its programs refuse to run as root, so they run as ``postgres`` then."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder, self._binaries = folder, binaries
        self._names: dict[Path, str] = {}
        self._free: list[str] = []
        self._numbers = itertools.count()
        self._owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}@/{database}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        account = {} if self._owner is None else {"user": self._owner.pw_uid, "group": self._owner.pw_gid}
        command = [str(self._binaries / program), *arguments]
        log = self.folder / "commands.log"
        with log.open("ab") as out:  # a pipe would stay open as long as the server
            ended = subprocess.run(command, stdout=out, stderr=out, cwd=self.folder, check=False, **account)  # type: ignore[call-overload]
        assert ended.returncode == 0, log.read_text()

    def make(self) -> None:
        if self._owner is not None:
            os.chown(self.folder, self._owner.pw_uid, self._owner.pw_gid)
        data = str(self.folder / "data")
        self._run("initdb", "--pgdata", data, "--auth", "trust", "--username", OWNER, "--no-sync", "--encoding", "UTF8")
        lines = [f"{name} = {value}\n" for name, value in SETTINGS.items()]
        lines.append(f"unix_socket_directories = '{self.folder}'\n")
        with (self.folder / "data" / "postgresql.conf").open("a") as conf:
            conf.writelines(lines)

    def start(self) -> None:
        data, log = str(self.folder / "data"), str(self.folder / "server.log")
        self._run("pg_ctl", "--pgdata", data, "--log", log, "--wait", "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "--pgdata", str(self.folder / "data"), "--mode", mode, "--wait", "stop")

    def crash(self) -> None:
        """As after a power cut of everything but the disk: no farewell, recovery from the log."""
        self._run("pg_ctl", "--pgdata", str(self.folder / "data"), "--mode", "immediate", "--wait", "restart",
                  "--log", str(self.folder / "server.log"))  # fmt: skip

    def flush(self) -> None:
        """As in earnest, where that is what a run is about: commits are flushed, no page is torn, tables are looked at
        as they grow.
        """
        with self.owner() as owner:
            for setting in ("fsync = on", "full_page_writes = on", "autovacuum = on", "autovacuum_naptime = '5s'"):
                owner.execute(text(f"ALTER SYSTEM SET {setting}"))
            owner.execute(text("SELECT pg_reload_conf()"))

    @contextlib.contextmanager
    def owner(self, database: str = "postgres") -> Iterator[Connection]:
        """As the superuser, each statement by itself."""
        engine = create_engine(f"postgresql+psycopg://{OWNER}@/{database}?host={self.folder}")
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                yield connection
        finally:
            engine.dispose()

    def prepare(self) -> None:
        """The role that the product connects as (no superuser), and the migrated database that others are copies of."""
        with self.owner() as owner:
            owner.execute(text(f"CREATE ROLE {ROLE} LOGIN CREATEDB"))
            owner.execute(text(f"CREATE DATABASE {TEMPLATE} OWNER {ROLE}"))
        url = sqlalchemy_url(self.url(TEMPLATE))
        engine = engines.make(url)
        keys = engines.make_small(url)
        PostgresqlKeys(keys)
        schema.upgrade(engine, Gate(None), datetime(2026, 1, 1, tzinfo=UTC))
        keys.dispose()
        engine.dispose()

    def database(self, folder: Path) -> str:
        """The URL of the database of the instance in ``folder``; a fresh one at the first asking."""
        if folder not in self._names:
            self._names[folder] = self._free.pop() if self._free else self._create(TEMPLATE)
        return self.url(self._names[folder])

    def copy(self, source: str, to: Path) -> str:
        """A database for the instance in ``to``, as that at the URL ``source`` is; nobody may be connected to it."""
        self._names[to] = self._create(urlsplit(source).path.lstrip("/"))
        return self.url(self._names[to])

    def empty(self) -> str:
        """A database with nothing in it."""
        return self.url(self._create("template0"))

    def _create(self, template: str) -> str:
        name = f"of_{os.getpid()}_{next(self._numbers)}"
        with self.owner() as owner:
            owner.execute(text(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template}"))
        return name

    def take_back(self, folder: Path) -> None:
        """Emptied for the next: making a database anew takes ten times as long."""
        name = self._names.pop(folder, None)
        if name is None:
            return
        with self.owner(name) as owner:
            owner.execute(text("SET session_replication_role = replica"))  # no foreign keys: in any order
            for schema_name, table in owner.execute(text(TABLES)).all():
                owner.execute(text(f'DELETE FROM {schema_name}."{table}"'))  # noqa: S608
        self._free.append(name)


TABLES = (
    "SELECT schemaname, tablename FROM pg_tables"
    " WHERE schemaname IN ('public', 'keys') AND tablename <> 'alembic_version'"
)


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@contextlib.contextmanager
def private() -> Iterator[Server]:
    """A server for one test that stops it or fills its disk."""
    # Not below pytest's own folder, which only its owner may enter; short, because a socket's path has 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="alert-pg-"))
    folder.chmod(0o755)
    server = Server(folder, programs())
    try:
        server.make()
        server.start()
        server.prepare()
        yield server
    finally:
        with contextlib.suppress(AssertionError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def shared(meeting_place: Path) -> Iterator[Server]:
    """The server of all who meet in ``meeting_place``, which every process of this run knows."""
    binaries = programs()
    meeting_place.mkdir(parents=True, exist_ok=True)
    mine = meeting_place / f"user-{os.getpid()}"
    with _only_one(meeting_place):
        known = meeting_place / "folder"
        mine.touch()
        if not known.exists():
            folder = Path(tempfile.mkdtemp(prefix="alert-pg-"))
            folder.chmod(0o755)
            server = Server(folder, binaries)
            server.make()
            server.start()
            server.prepare()
            known.write_text(str(folder))
        server = Server(Path(known.read_text()), binaries)
    try:
        yield server
    finally:
        with _only_one(meeting_place):
            mine.unlink()
            if not list(meeting_place.glob("user-*")):
                known.unlink()
                server.stop()
                shutil.rmtree(server.folder, ignore_errors=True)


@contextlib.contextmanager
def _only_one(meeting_place: Path) -> Iterator[None]:
    with (meeting_place / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
