"""An office on a fresh database, migrated as on the first start: tests of casework, web and stories stand on it.

SQLite, unless a test's folder asks for PostgreSQL too (``database`` in tests/conftest.py). Then the instance's own
settings.toml says where its database is, so that every process that opens the folder finds it.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

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


@contextlib.contextmanager
def on(server: Server) -> Iterator[None]:
    """Offices made inside have a database on ``server``."""
    _servers.append(server)
    made.clear()
    try:
        yield
    finally:
        _servers.pop()
        for folder in made:
            server.drop(folder)


made: list[Path] = []


def make_office(folder: Path, **environ: str) -> Office:
    """A trial-mode office under ``folder``; ``environ`` holds further DISCLOSURE_ settings."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "authorities.toml").write_text(AUTHORITIES, encoding="utf-8")
    if _servers:
        settle(folder, _servers[-1].database(folder))
        made.append(folder)
    office = open_office(load(folder, environ))
    schema.upgrade(office.store.engine, office.store.gate, T0)
    return office


def settle(folder: Path, url: str) -> None:
    """From now on the instance in ``folder`` has its rows at ``url``."""
    (folder / "settings.toml").write_text(f'database_url = "{url}"\n', encoding="utf-8")


def shut(office: Office) -> None:
    """No connection stays open."""
    office.store.engine.dispose()
    office.store.keyring.close()


def put(office: Office, story: Story) -> str:
    """Store a story's case as casework would have; returns its id."""
    case_id = office.store.keyring.new_stream()
    with office.store.reading() as connection:
        rules = casefile.rules_for(office, connection, story.case)
    with office.store.writing() as tx:
        ledger.open_stream(office.store, tx, case_id, "case", T0)
        file = CaseFile(case_id, Case(), rules)
        for entry in story.entries:
            event = _of_this_case(entry.event, case_id)
            file = casefile.write(office, tx, file, entry.at, [(entry.actor, event)])
            beside(office, tx, case_id, event)
    return case_id


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


def _of_this_case(event: e.Event, case_id: str) -> e.Event:
    """Stories share their ids; what must be unique in the database gets the case's own."""
    if isinstance(event, e.CaseOpened):
        return replace(event, number=str(AlertNumber.from_bits(secrets.randbits(50))))
    if hasattr(event, "mail_id"):
        return replace(event, mail_id=f"{event.mail_id}-{case_id[:8]}")
    return event
