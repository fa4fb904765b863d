"""An office on a fresh database, migrated as on the first start: tests of casework, web and stories stand on it.

SQLite, unless a test's folder asks for PostgreSQL too (``database`` in tests/conftest.py). Then the instance's own
settings.toml says where its database is, so that every process that opens the folder finds it.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import sqlite3
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Connection, select

from disclosure.casework import casefile
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office, open_office
from disclosure.protocol import events as e
from disclosure.protocol.state import Case
from disclosure.protocol.values import AlertNumber
from disclosure.settings import load
from disclosure.store import ledger, schema
from disclosure.store.tables import certificates, outbox
from tests.protocol.builders import Story

if TYPE_CHECKING:
    from tests.servers import Server

ROLE, OWNER = "disclosure", "owner"  # who the product connects as, and the superuser
T0 = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # a Tuesday, 09:00 in Paris
AUTHORITIES = """
[[authority]]
id = "fr-anssi"
name = "ANSSI, CERT-FR"
short_name = "ANSSI"
country = "FR"
role = "national_csirt"
channels = [
  { channel = "mail", address = "cert@anssi.example", source = "invented", checked_on = 2026-11-01, confidence = "A" },
  { channel = "phone", address = "01 99 00 00 32", source = "invented", checked_on = 2026-11-01, confidence = "A" },
]

[[authority]]
id = "fr-cnil"
name = "CNIL"
short_name = "CNIL"
country = "FR"
role = "dpa"
channels = [
  { channel = "post", address = "3 rue inventée", source = "invented", checked_on = 2026-11-01, confidence = "A" },
]
"""


_servers: list[Server] = []  # at most one: where offices keep their rows meanwhile
_made: list[Office] = []  # on it: a connection that nobody closed would be a warning, somewhere else


@contextlib.contextmanager
def on(server: Server) -> Iterator[None]:
    """Offices made inside have a database on ``server``."""
    _servers.append(server)
    try:
        yield
    finally:
        try:
            while _made:
                forget(_made[-1])
        finally:
            _made.clear()
            _servers.pop()


def make_office(folder: Path, **environ: str) -> Office:
    """A trial-mode office under ``folder``; ``environ`` holds further DISCLOSURE_ settings."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "authorities.toml").write_text(AUTHORITIES, encoding="utf-8")
    if _servers:
        settle(folder, _servers[-1].database(folder))
    office = open_office(load(folder, environ))
    if _servers:
        _made.append(office)
    schema.upgrade(office.store.engine, office.store.gate, T0)
    return office


def again(office: Office, **environ: str) -> Office:
    """The same instance, as a process that starts finds it."""
    opened = open_office(load(office.settings.instance, environ))
    if _servers:
        _made[:] = [one for one in _made if one is not office] + [opened]
    return opened


def forget(office: Office) -> None:
    """Its database is free for the next office at once."""
    shut(office)
    if _servers:
        _made[:] = [one for one in _made if one is not office]
        _servers[-1].take_back(office.settings.instance)


def raw(office: Office) -> Raw:
    """As somebody with a database shell: no foreign keys, no triggers of ours, no gate."""
    if office.settings.many_machines:
        url = office.settings.database_url.replace(f"+psycopg://{ROLE}", f"://{OWNER}")
        return Raw(psycopg.connect(url, autocommit=True))
    return Raw(sqlite3.connect(office.settings.instance / "disclosure.db", isolation_level=None))


class Raw:
    """The same few statements on either: question marks, and ``rowid`` for the place of a row."""

    def __init__(self, connection: Any) -> None:
        self._connection, self._is_sqlite = connection, isinstance(connection, sqlite3.Connection)
        if not self._is_sqlite:
            connection.execute("SET session_replication_role = replica")  # switches foreign keys off

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        if not self._is_sqlite:
            statement = statement.replace("?", "%s").replace("rowid", "ctid")
        return self._connection.execute(statement, values)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def one(office: Office, statement: str, *values: Any) -> tuple[Any, ...]:
    """The first row of what somebody with a database shell reads."""
    with raw(office) as shell:
        return tuple(shell.execute(statement, values).fetchone())


def everything(office: Office) -> bytes:
    """All that the databases hold, as they hold it: what must be nowhere is not in it."""
    if not office.settings.many_machines:
        return b"".join(path.read_bytes() for path in office.settings.instance.glob("*.db*"))
    with raw(office) as shell:
        tables = shell.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'keys')"
        ).fetchall()
        cells = [
            cell
            for schema, name in tables
            for row in shell.execute(f'SELECT * FROM {schema}."{name}"')  # noqa: S608
            for cell in row
        ]
    return b"\0".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


def copy_database(of: Path, to: Path) -> None:
    """Where an instance's rows lie elsewhere than in its folder, a copy of the folder needs its own."""
    if _servers:
        source = tomllib.loads((of / "settings.toml").read_text(encoding="utf-8"))["database_url"]
        settle(to, _servers[-1].copy(source, to))


def settle(folder: Path, url: str) -> None:
    """From now on the instance in ``folder`` has its rows at ``url``."""
    (folder / "settings.toml").write_text(f'database_url = "{url}"\n', encoding="utf-8")


def shut(office: Office) -> None:
    """No connection stays open."""
    office.close()


def put(office: Office, story: Story) -> str:
    """Store a story's case as casework would have; returns its id."""
    return put_all(office, [story])[0]


def put_all(office: Office, stories: Sequence[Story]) -> list[str]:
    """Many of them in one transaction."""
    ids = [office.store.keyring.new_stream() for _ in stories]
    with office.store.reading() as connection:
        files = {
            case_id: CaseFile(case_id, Case(), casefile.rules_for(office, connection, story.case))
            for case_id, story in zip(ids, stories, strict=True)
        }
    left = {
        case_id: [replace(entry, event=of_this_case(entry.event, case_id)) for entry in story.entries]
        for case_id, story in zip(ids, stories, strict=True)
    }
    with office.store.writing() as tx:
        for case_id in ids:
            ledger.open_stream(office.store, tx, case_id, "case", T0)
        while left:
            ready = []
            for case_id, entries in left.items():
                now = list(itertools.takewhile(lambda entry: entry.at == entries[0].at, entries))  # noqa: B023
                facts = [(entry.actor, entry.event) for entry in now]
                ready.append(casefile.forge(office, files[case_id], now[0].at, facts))
                left[case_id] = entries[len(now) :]
            for file, one in zip(casefile.store_all(office, tx, ready), ready, strict=True):
                files[file.id] = file
                for entry in one.forged.entries:
                    beside(office, tx, file.id, entry.event)
            left = {case_id: entries for case_id, entries in left.items() if entries}
    return ids


def beside(office: Office, tx: Connection, case_id: str, event: e.Event) -> None:
    """The rows that delivery and answering write together with an event, for tests that bring the event alone."""
    match event:
        case e.CertificateHandedIn(certificate_id=certificate_id, fingerprint=fingerprint):
            sealed = office.store.keyring.sealer(case_id).seal(b"certificate", f"certificates|sealed|{certificate_id}")
            row = {"id": certificate_id, "case_id": case_id, "fingerprint": fingerprint, "sealed": sealed}
            if tx.scalar(select(certificates.c.id).where(certificates.c.id == certificate_id)) is None:
                tx.execute(certificates.insert().values(**row))
        case e.MailRelayed() | e.MailBounced():
            _outbox(tx, event, state="relayed")
        case e.MailRefused(permanent=True):
            _outbox(tx, event, state="dead")
        case e.MailAmbiguous(again=again):
            _outbox(tx, event, state="prepared" if again else "held", ambiguous=outbox.c.ambiguous + 1)


def _outbox(
    tx: Connection, event: e.MailRelayed | e.MailBounced | e.MailRefused | e.MailAmbiguous, **row: object
) -> None:
    tx.execute(outbox.update().where(outbox.c.id == event.mail_id).values(**row))


def of_this_case(event: e.Event, case_id: str) -> e.Event:
    """Stories share their ids; what must be unique in the database gets the case's own."""
    if isinstance(event, e.CaseOpened):
        return replace(event, number=str(AlertNumber.from_bits(secrets.randbits(50))))
    if hasattr(event, "mail_id"):
        # As long as the column: of 100,000 cases, eight digits are not enough to be each its own.
        return replace(event, mail_id=f"{event.mail_id}-{case_id}"[:32])  # type: ignore[call-arg]
    return event
