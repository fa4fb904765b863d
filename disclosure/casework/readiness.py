"""Whether a process can do its work: the database answers, its schema is one that we know, the keys can be read."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from disclosure.store import revision
from disclosure.store.sealing import KEY_BYTES

KEY_FILES = ("kek.key", "app.key", "ledger.key")
log = logging.getLogger(__name__)


class Readiness(StrEnum):
    """One word for whoever routes requests; it tells an outsider nothing but that we are not ready."""

    READY = "ready"
    NO_DATABASE = "no_database"
    NO_SCHEMA = "no_schema"
    OLD_SCHEMA = "old_schema"
    NO_KEY = "no_key"


def look(engine: Engine, instance: Path) -> Readiness:
    """Asked anew each time; writes nothing.

    A schema newer than ours is no reason to stop: while a release is rolled out, processes of the one before go on
    (docs/operations.md), and migrations are written so that they can.
    """
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file and not Path(file).exists():
        return Readiness.NO_DATABASE  # connecting would make an empty one
    try:
        held = revision.held(engine)
    except (SQLAlchemyError, OSError) as error:
        log.error("the database does not answer: %s", type(error).__name__)
        return Readiness.NO_DATABASE
    if not held:
        return Readiness.NO_SCHEMA
    if held < revision.newest():
        return Readiness.OLD_SCHEMA
    return Readiness.READY if all(_readable(instance / name) for name in KEY_FILES) else Readiness.NO_KEY


def _readable(key: Path) -> bool:
    try:
        return len(key.read_bytes()) == KEY_BYTES
    except OSError:
        return False
