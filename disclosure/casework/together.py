"""Changes of several cases in one transaction, where each of them is a few rows and a commit costs as much as they do.

Each is decided on its case as it was read; a case that moved meanwhile is changed alone and asked again. What one
transaction cannot take as a whole is done one by one, so that none depends on another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from disclosure.casework import casefile
from disclosure.casework.casefile import CaseFile, Fact, Ready
from disclosure.casework.office import Office
from disclosure.protocol.errors import CannotStore, DisclosureError
from disclosure.store.manyrows import ManyRows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """``file``: the case as it was read, None for what belongs to no case. ``rows``: what else the transaction writes.

    ``decide`` must answer the same for the same case: it may be asked twice. ``mail_id`` is for the log.
    """

    mail_id: str
    at: datetime
    rows: Callable[[ManyRows], None]
    file: CaseFile | None = None
    decide: Callable[[CaseFile], list[Fact]] = lambda file: []


def store(
    office: Office, changes: Sequence[Change], also: Callable[[Connection], None] | None = None
) -> list[CaseFile | None]:
    """The cases afterwards, in order; None for a change of no case, and for one that was not ours any more.

    ``also`` runs last in the same transaction; where that one fails, in one of its own.
    """
    if not changes and also is None:
        return []
    try:
        ready = _forged(office, changes)
        rows = _rows(changes)
        with office.store.writing() as tx:
            # Their streams before any row of theirs, as whoever acts at the desk does.
            files = {file.id: file for file in casefile.store_all(office, tx, ready)}
            rows.write(tx)
            if also:
                also(tx)
        done = [files[change.file.id] if change.file else None for change in changes]
    except CannotStore:
        raise
    except DisclosureError:
        done = [_alone(office, change) for change in changes]
        if also:
            with office.store.writing() as tx:
                also(tx)
    return done


def _forged(office: Office, changes: Sequence[Change]) -> list[Ready]:
    """Each decided on its case as it was read, or as the one before it in ``changes`` leaves it."""
    ready: list[Ready] = []
    last: dict[str, CaseFile] = {}
    for change in changes:
        if change.file:
            file = last.get(change.file.id, change.file)
            ready.append(casefile.forge(office, file, change.at, change.decide(file)))
            last[file.id] = ready[-1].after
    return ready


def _rows(changes: Sequence[Change]) -> ManyRows:
    rows = ManyRows()
    for change in changes:
        change.rows(rows)
    return rows


def _alone(office: Office, change: Change) -> CaseFile | None:
    try:
        if change.file:
            return casefile.change(
                office, change.file.id, change.at, change.decide, lambda tx, _: _rows([change]).write(tx)
            )
        with office.store.writing() as tx:
            _rows([change]).write(tx)
    except CannotStore:
        raise
    except DisclosureError as error:
        # Not ours any more, or a fault of ours in one mail, which must not stop the others. The row's lease ends and it
        # is looked at again; if bytes had left, it is found ``sending``.
        log.warning("outbox row left to its lease: %s", type(error).__name__, extra={"mail_id": change.mail_id})
    return None
