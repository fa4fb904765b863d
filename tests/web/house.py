"""A server for one test: its own instance folder, copied from one prepared before, and time that is handed in."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyotp
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import event

from disclosure import create_app
from disclosure.casework import accounts, delivery, identity, keys
from disclosure.casework.accounts import NewCoordinator
from disclosure.casework.office import Office
from disclosure.mail.localbox import Kept, read_folder
from disclosure.protocol.values import Audience, Language
from disclosure.settings import load
from tests.office import AUTHORITIES, T0
from tests.web.browser import Browser

Rows = dict[str, list[tuple[object, ...]]]
# What an opened page may write, and why. R25: openings are counted beside the ledger. A session notes that it was seen
# (its idle end). Views of sealed content go to an access log outside the ledger (design.md section 4).
COUNTERS = {"links": {"openings"}, "sessions": {"seen_at"}, "access_log": {"coordinator_id", "stream_id", "quarter"}}


@dataclass(frozen=True)
class Prepared:
    """An instance folder with keys, tables and one coordinator; never used itself, only copied."""

    folder: Path
    account: NewCoordinator


def prepare(folder: Path) -> Prepared:
    folder.mkdir(mode=0o700, parents=True)
    (folder / "authorities.toml").write_text(AUTHORITIES, encoding="utf-8")
    app = create_app(load(folder, {}))
    office: Office = app.extensions["office"]
    office.prepare(T0)
    keys.ensure_service_key(office, T0 - timedelta(days=30))
    keys.rotate(office, T0)
    identity.keep_published(office, T0)
    account = accounts.add(office, "camille", "Camille Exemple", "camille@coordination.example", Language.FR, T0)
    office.store.engine.dispose()
    return Prepared(folder, account)


class Compiled(BytecodeCache):
    """Templates compiled once for all houses: each application would do it again, for its first pages."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._held:
            bucket.bytecode_from_string(self._held[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._held[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


class House:
    """The application with its folder and clock."""

    def __init__(self, prepared: Prepared, folder: Path, **environ: str) -> None:
        self.prepared, self.folder, self.account, self._environ = prepared, folder, prepared.account, environ
        self.start(prepared.folder, T0)

    def start(self, copied: Path, now: datetime) -> None:
        """A fresh application on a copy of that folder."""
        shutil.copytree(copied, self.folder)
        self.now = now
        self.app: Flask = create_app(load(self.folder, self._environ))
        self.app.jinja_env.bytecode_cache = COMPILED
        self.app.extensions["clock"] = lambda: self.now
        self.office: Office = self.app.extensions["office"]
        accounts._TRIES.clear()  # a process's memory, shared by the houses of one test process

    def restart(self, copied: Path, now: datetime) -> None:
        """In the state of another folder, with the settings of this one."""
        self.close()
        shutil.rmtree(self.folder)
        self.start(copied, now)

    def at(self, **later: float) -> datetime:
        self.now += timedelta(**later)
        return self.now

    def browser(self, language: str = "en", **headers: str) -> Browser:
        return Browser(self.app, language, **headers)

    def code(self) -> str:
        """The TOTP code of this moment; each is good once, so the clock goes on a step."""
        self.at(seconds=30)
        totp = pyotp.parse_uri(self.account.totp_uri)
        assert isinstance(totp, pyotp.TOTP)
        return totp.at(self.now)

    def desk(self, language: str = "en") -> Browser:
        """A browser of the coordinator, signed in without the cost of Argon2; test_signin.py is about the form."""
        held = self.office.settings.sessions
        token = accounts.open_session(
            self.office, Audience.COORDINATOR, self.account.id, self.now, idle=held.desk_idle, longest=held.desk_longest
        )
        browser = self.browser(language)
        browser.client.set_cookie("coordinator", token, domain="127.0.0.1")
        return browser

    def deliver(self) -> None:
        delivery.deliver(self.office, self.at(seconds=2))

    def mails(self) -> list[Kept]:
        """The newest first."""
        return read_folder(self.office.mailbox)

    def rows(self, *without: str) -> Rows:
        """Every row of every table and the stream keys, but for ``COUNTERS``: all is unchanged if this is."""
        return {
            f"{name}.{table}": rows
            for name in ("disclosure.db", "keys.db")
            for table, rows in dump(self.folder / name, COUNTERS).items()
            if table not in without
        }

    def files(self) -> set[str]:
        """What lies in the instance folder, beside SQLite's own files."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return {str(path) for path in found if not path.name.endswith(("-wal", "-shm"))}

    def close(self) -> None:
        self.office.store.engine.dispose()


def dump(path: Path, without: Mapping[str, set[str]]) -> Rows:
    """Table → rows, without some columns; a table that has no other columns is left out."""
    found: Rows = {}
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            every = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            columns = [f'"{name}"' for name in every if name not in without.get(table, ())]
            if columns:
                query = f'SELECT {", ".join(columns)} FROM "{table}"'  # noqa: S608 - names from SQLite itself
                found[table] = sorted(connection.execute(query), key=repr)
    return found


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """What the database is asked inside, in order: the same list means the same work."""
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *others: object) -> None:
        asked.append(statement)

    event.listen(house.office.store.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(house.office.store.engine, "before_cursor_execute", note)
