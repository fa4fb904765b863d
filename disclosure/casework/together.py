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
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.office import Office
from disclosure.protocol.errors import CannotStore, DisclosureError
from disclosure.store import ledger

log = logging.getLogger(__name__)


class Superseded(DisclosureError):
    """Another process holds the row by now, and has recorded that what this one did is not known."""


@dataclass(frozen=True)
class Change:
    """``file``: the case as it was read, None for what belongs to no case. ``within``: rows, in the same transaction.

    ``decide`` must answer the same for the same case: it may be asked twice. ``mail_id`` is for the log.
    """

    mail_id: str
    at: datetime
    within: Callable[[Connection], None]
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
        ready = [(change, change.decide(change.file) if change.file else []) for change in changes]
        with office.store.writing() as tx:
            # Before any row of theirs: whoever acts at the desk takes the stream first, too.
            ledger.hold(tx, {change.file.id for change in changes if change.file})
            done = [_write(office, tx, change, facts) for change, facts in ready]
            if also:
                also(tx)
    except CannotStore:
        raise
    except DisclosureError:
        done = [_alone(office, change) for change in changes]
        if also:
            with office.store.writing() as tx:
                also(tx)
    return done


def _write(office: Office, tx: Connection, change: Change, facts: Sequence[Fact]) -> CaseFile | None:
    change.within(tx)
    return casefile.write(office, tx, change.file, change.at, facts) if change.file else None


def _alone(office: Office, change: Change) -> CaseFile | None:
    try:
        if change.file:
            return casefile.change(office, change.file.id, change.at, change.decide, lambda tx, _: change.within(tx))
        with office.store.writing() as tx:
            change.within(tx)
    except CannotStore:
        raise
    except DisclosureError as error:
        # Not ours any more, or a fault of ours in one mail, which must not stop the others. The row's lease ends and it
        # is looked at again; if bytes had left, it is found ``sending``.
        log.warning("outbox row left to its lease: %s", type(error).__name__, extra={"mail_id": change.mail_id})
    return None
