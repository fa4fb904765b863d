"""Moving a case to the policy version in force: an act with an event, after a preview of what changes (R12, R37)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from disclosure.casework import casefile
from disclosure.casework.casefile import CaseFile, Fact, Hand
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import Rung
from disclosure.protocol.errors import Refused
from disclosure.protocol.preview import preview


@dataclass(frozen=True)
class Change:
    """A rung that comes at another instant, comes newly (``before`` None) or no more (``after`` None)."""

    rung: Rung
    before: datetime | None
    after: datetime | None


@dataclass(frozen=True)
class Runs:
    """Which version a case runs under. ``changes``: what the one in force would do at another time."""

    version: str
    in_force: str
    changes: tuple[Change, ...] = ()

    @property
    def movable(self) -> bool:
        return self.version != self.in_force


def of(office: Office, connection: Connection, file: CaseFile, now: datetime) -> Runs:
    """For the page of a case that is at hand already."""
    name = office.policy.current.version
    if file.case.policy_version == name:
        return Runs(name, name)
    return Runs(file.case.policy_version, name, _changes(office, connection, file, now))


def changes(office: Office, case_id: str, now: datetime) -> tuple[Change, ...]:
    """What would happen at another time under the version in force, if nobody answers; in order of the ladder."""
    with office.store.reading() as connection:
        return _changes(office, connection, casefile.load(office, connection, case_id), now)


def _changes(office: Office, connection: Connection, file: CaseFile, now: datetime) -> tuple[Change, ...]:
    moved = casefile.rules_for(office, connection, file.case.but(policy_version=office.policy.current.version))
    before = _instants(file, now)
    after = _instants(CaseFile(file.id, file.case, moved), now)
    both = ((rung, before.get(rung), after.get(rung)) for rung in Rung)
    return tuple(Change(rung, was, becomes) for rung, was, becomes in both if was != becomes)


def _instants(file: CaseFile, now: datetime) -> Mapping[Rung, datetime]:
    return {step.planned.rung: step.planned.due_at for step in preview(file.case, file.rules, now)}


def move(hand: Hand, shown: str = "") -> None:
    """``shown``: the version whose changes the coordinator saw. Raises Refused where it is another one by now."""
    name = hand.office.policy.current.version
    if shown and shown != name:
        raise Refused("R12", "policy_changed_meanwhile")

    def decide(file: CaseFile) -> list[Fact]:
        if file.case.policy_version == name:
            raise Refused("R12", "policy_in_force_already")
        return [(hand.actor, e.PolicyMoved(version=name))]

    casefile.change(hand.office, hand.case_id, hand.now, decide)
