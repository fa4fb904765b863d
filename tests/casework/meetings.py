"""Two processes that meet on one case, and the order in which their transactions come, said by the test.

Each has an office of its own (engine, pool, gate) and a thread. It is stopped before its first writing transaction,
when it has read and decided; then one commits, and then the other, or the other is let into the first's lock.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum, auto

from sqlalchemy import Connection

from disclosure.casework.office import Office
from disclosure.store.transactions import Store

PATIENCE = 60.0  # seconds: whoever has not come to its point by then hangs, and the test says so
A_MOMENT = 0.05  # the second is on its way into the lock of the first; if it has not come so far, nothing else follows


class Meeting(StrEnum):
    AFTER = auto()  # the second begins to write when the first has committed
    AT_THE_LOCK = auto()  # the second waits for the first's lock: SQLite's gate, PostgreSQL's row
    UNSEEN = auto()  # the second has not even read before the first has committed: the undisturbed order


class _Stopped(Store):
    """A store that waits before the first transaction that writes, and in it before its commit."""

    def __init__(self, of: Store) -> None:
        super().__init__(of.engine, of.keyring, of.signer, of.lookup_key, of.gate)
        for name in ("has_read", "may_write", "has_written", "may_commit"):
            object.__setattr__(self, name, threading.Event())

    has_read: threading.Event
    may_write: threading.Event
    has_written: threading.Event
    may_commit: threading.Event

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        self.has_read.set()
        assert self.may_write.wait(PATIENCE)
        with super().writing() as tx:
            yield tx
            self.has_written.set()
            assert self.may_commit.wait(PATIENCE)


class Party:
    """One of the two: its thread, and what it came to."""

    def __init__(self, office: Office, act: Callable[[Office], object]) -> None:
        self._store = _Stopped(office.store)
        self._office, self._act = replace(office, store=self._store), act
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.came_to: object = None

    def _run(self) -> None:
        try:
            self.came_to = self._act(self._office)
        except BaseException as error:
            self.came_to = error
        for passed in (self._store.has_read, self._store.has_written):
            passed.set()  # it never wrote: nobody waits for it

    def reads(self) -> None:
        self._thread.start()
        assert self._store.has_read.wait(PATIENCE)

    def writes(self) -> None:
        self._store.may_write.set()
        assert self._store.has_written.wait(PATIENCE)

    def enters(self) -> None:
        """Into a lock that somebody else holds: it is not waited for."""
        self._store.may_commit.set()
        self._store.may_write.set()
        self._thread.join(A_MOMENT)

    def ends(self) -> None:
        self._store.may_commit.set()
        self._store.may_write.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "hangs"
        if isinstance(self.came_to, BaseException):
            raise self.came_to


def meet(first: Party, second: Party, how: Meeting) -> None:
    """Both read the same case; ``first`` commits first. What either raised is raised here."""
    if how is Meeting.UNSEEN:
        for one in (first, second):
            one.reads()
            one.ends()
        return
    second.reads()
    first.reads()
    first.writes()
    if how is Meeting.AT_THE_LOCK:
        second.enters()
    first.ends()
    second.ends()
