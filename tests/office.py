"""An office on a fresh SQLite file, migrated as on the first start: tests of casework, web and stories stand on it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine

from disclosure.casework.office import Office, open_office
from disclosure.settings import load
from disclosure.store import schema

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
