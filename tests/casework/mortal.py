"""An office whose process dies at a chosen commit or final dot, inside this process and on the real engine.

Who has died stores nothing and says nothing any more, whatever its own ``finally`` still tries: as after kill -9. What
the database holds at each commit is kept, so that a test can say that the next process finds exactly that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any

from sqlalchemy import Connection, create_engine, event, select

from disclosure.casework.office import Office
from disclosure.demo.stage import Opened
from disclosure.mail.relay import Kind, Outcome
from disclosure.protocol.values import Address
from disclosure.store import engines
from disclosure.store.tables import metadata
from tests.casework.desk import Relay

Picture = dict[str, list[str]]


class Died(BaseException):
    """The end of the process: nothing in the product may take it for a fault that it knows."""


class Moment(StrEnum):
    BEFORE_COMMIT = auto()
    AFTER_COMMIT = auto()
    BEFORE_DOT = auto()
    AFTER_DOT = auto()


@dataclass(frozen=True)
class Death:
    """At the ``place``-th such moment, from 1."""

    moment: Moment
    place: int


def picture(connection: Connection) -> Picture:
    """Every row of every table, in an order of its own."""
    return {
        table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
        for table in metadata.tables.values()
    }


class Mortal:
    """Puts the moments into an office's engine and relay. ``stored``: the database at its last commit while armed."""

    def __init__(self, office: Office) -> None:
        self.dead = False
        self.stored: Picture = {}
        self._death: Death | None = None
        self._passed = 0
        self._writing = False
        url = office.settings.database_url
        self._witness = create_engine(url, **engines.options(url))
        self._commit: Callable[[Any], None] = office.store.engine.dialect.do_commit
        event.listen(office.store.engine, "commit", self._about_to_commit)
        office.store.engine.dialect.do_commit = self._do_commit  # type: ignore[assignment]

    @contextlib.contextmanager
    def dying(self, death: Death | None) -> Iterator[None]:
        self._death, self._passed = death, 0
        if death:
            self.stored = self.look()
        try:
            yield
        finally:
            self._death = None

    def passes(self, moment: Moment) -> None:
        if self.dead:
            raise Died
        if self._death and moment is self._death.moment:
            self._passed += 1
            self.dead = self._passed == self._death.place
            if self.dead:
                raise Died

    def look(self) -> Picture:
        with self._witness.connect() as connection:
            return picture(connection)

    def close(self) -> None:
        self._witness.dispose()

    def _about_to_commit(self, connection: Connection) -> None:
        self._writing = connection.get_execution_options().get("writing", False)

    def _do_commit(self, driver: Any) -> None:
        """Raised in here the connection is dropped, and not rolled back: as of a process that is gone."""
        if not self._writing:
            self._commit(driver)
            return
        self.passes(Moment.BEFORE_COMMIT)
        self._commit(driver)
        if self._death:
            self.stored = self.look()
        self.passes(Moment.AFTER_COMMIT)


OUTCOMES = {
    "taken": Outcome(Kind.ACCEPTED, "250 2.0.0", "250 2.0.0 Ok: queued as 4F"),
    "dead": Outcome(Kind.REFUSED_PERMANENT, "550 5.1.1", "550 5.1.1 No such user"),
    "later": Outcome(Kind.REFUSED_TEMPORARY, "451 4.3.0", "451 4.3.0 Try again later"),
    "full": Outcome(Kind.REFUSED_TEMPORARY, "452 4.2.2", "452 4.2.2 Mailbox full"),
    "lost": Outcome(Kind.AMBIGUOUS, "ambiguous", "no answer after the final dot"),
    "away": Outcome(Kind.NOT_SENT, "connect", "no connection"),
}


@dataclass
class Line:
    """A relay that answers as ``script`` says, then takes everything; who talks to it may die around the final dot."""

    mortal: Mortal
    relay: Relay = field(default_factory=Relay)
    script: list[str] = field(default_factory=list)
    copies: dict[str, list[bytes]] = field(default_factory=dict)  # outbox row → what arrived

    def newest(self, address: str, number: str = "") -> Opened:
        return self.relay.newest(address, number)

    def __call__(self, message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        self.mortal.passes(Moment.BEFORE_DOT)
        outcome = OUTCOMES[self.script.pop(0) if self.script else "taken"]
        if outcome.kind in {Kind.ACCEPTED, Kind.AMBIGUOUS}:  # in doubt it has arrived: the worse of the two
            self.relay(message, sender, recipient, envelope_id)
            self.copies.setdefault(envelope_id, []).append(message)
        self.mortal.passes(Moment.AFTER_DOT)
        return outcome
