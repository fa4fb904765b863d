"""An office on a fresh SQLite file, migrated as on the first start: tests of casework, web and stories stand on it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine

from disclosure.casework import casefile
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office, open_office
from disclosure.protocol import events as e
from disclosure.protocol.state import Case
from disclosure.protocol.values import AlertNumber
from disclosure.settings import load
from disclosure.store import ledger, schema
from tests.protocol.builders import Story

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


def make_office(folder: Path, **environ: str) -> Office:
    """A trial-mode office under ``folder``; ``environ`` holds further DISCLOSURE_ settings."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "authorities.toml").write_text(AUTHORITIES, encoding="utf-8")
    settings = load(folder, environ)
    engine = create_engine(settings.database_url)
    office = open_office(settings, engine)
    schema.upgrade(engine, office.store.gate, T0)
    return office


def put(office: Office, story: Story) -> str:
    """Store a story's case as casework would have; returns its id."""
    case_id = office.store.keyring.new_stream()
    with office.store.reading() as connection:
        rules = casefile.rules_for(office, connection, story.case)
    with office.store.writing() as tx:
        ledger.open_stream(office.store, tx, case_id, "case", T0)
        file = CaseFile(case_id, Case(), rules)
        for entry in story.entries:
            file = casefile.write(office, tx, file, entry.at, [(entry.actor, _of_this_case(entry.event, case_id))])
    return case_id


def _of_this_case(event: e.Event, case_id: str) -> e.Event:
    """Stories share their ids; what must be unique in the database gets the case's own."""
    if isinstance(event, e.CaseOpened):
        return replace(event, number=str(AlertNumber.from_bits(secrets.randbits(50))))
    if hasattr(event, "mail_id"):
        return replace(event, mail_id=f"{event.mail_id}-{case_id[:8]}")
    return event
