"""What a storm left behind, judged from the ledger, the rows it owes, and the sink's record; never from a projection.

``of_case`` and ``of_mails`` are given everything, so that a test can hand them a doctored ledger and see them say so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, select

from disclosure.casework.casefile import Around
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol import ladder
from disclosure.protocol.case import fold
from disclosure.protocol.codes import MailType, TaskKind
from disclosure.store import ledger
from disclosure.store.tables import outbox, tasks
from tests.chaos.dues import Promise

TOGETHER = 500  # cases read at once
CALLS = MailType.COORDINATORS_CALLED  # follow from a call and not from MailQueued


class Mail(Protocol):
    """A row of the outbox, as far as it is looked at."""

    @property
    def message_id(self) -> str | None: ...
    @property
    def state(self) -> str: ...
    @property
    def ambiguous(self) -> int: ...


@dataclass(frozen=True)
class Owed:
    """Rows that must be there for the events of a case: ids of its mails and tasks, each with its kind."""

    mails: Sequence[tuple[str, str]] = ()
    tasks: Sequence[tuple[str, str]] = ()

    @property
    def referrals(self) -> set[str]:
        return {one for one, kind in self.mails if kind == MailType.REFERRAL} | {
            one for one, kind in self.tasks if kind == TaskKind.REFERRAL
        }


def of_case(promises: Iterable[Promise], entries: Sequence[e.Entry], owed: Owed, until: datetime) -> Counter[str]:
    """deadlines (promised, due by ``until``), fired, lost, early, twice, loose (an event or a row without the other).

    Lost is also what was climbed and left neither mail nor task although its event counts some.
    """
    climbed: dict[tuple[str, str], list[e.Entry]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry.event, e.RungClimbed):
            climbed[entry.event.rung, entry.event.clock].append(entry)
    found: Counter[str] = Counter()
    not_before: dict[str, datetime] = {}
    for promise in promises:
        came = [entry for (rung, _), several in climbed.items() for entry in several if rung == promise.rung]
        not_before[promise.rung] = promise.due_at
        if promise.due_at <= until:
            kept = bool(came) and _is_kept(came[0], entries, owed)
            found += Counter(deadlines=1, fired=bool(came), lost=not kept)
    for (rung, _), several in climbed.items():
        found["twice"] += len(several) - 1
        found["early"] += sum(entry.at < max(_due_at(entry), not_before.get(rung, _due_at(entry))) for entry in several)
    found["loose"] += _loose(entries, owed)
    return found


def _due_at(entry: e.Entry) -> datetime:
    assert isinstance(entry.event, e.RungClimbed)
    return entry.event.due_at


def _is_kept(climbed: e.Entry, entries: Sequence[e.Entry], owed: Owed) -> bool:
    """As many mails and tasks as the climb counts, each an event of the same instant and a row."""
    event = climbed.event
    assert isinstance(event, e.RungClimbed)
    same = [one.event for one in entries if one.at == climbed.at and getattr(one.event, "rung", None) == event.rung]
    mails = {one.mail_id for one in same if isinstance(one, e.MailQueued)} & {one for one, _ in owed.mails}
    opened = {one.task_id for one in same if isinstance(one, e.TaskOpened)} & {one for one, _ in owed.tasks}
    return (len(mails), len(opened)) == (event.mails, event.tasks)


def _loose(entries: Sequence[e.Entry], owed: Owed) -> int:
    """Each queued mail has one row, each row one event; likewise tasks; referred exactly where one of them says so."""
    queued = [entry.event.mail_id for entry in entries if isinstance(entry.event, e.MailQueued)]
    opened = [entry.event.task_id for entry in entries if isinstance(entry.event, e.TaskOpened)]
    referred = [entry.event.by for entry in entries if isinstance(entry.event, e.AuthorityReferred)]
    return (
        _differ(queued, [one for one, kind in owed.mails if kind != CALLS])
        + _differ(opened, [one for one, _ in owed.tasks])
        + _differ(referred, list(owed.referrals))
    )


def _differ(these: Iterable[str], those: Iterable[str]) -> int:
    one, other = Counter(these), Counter(those)
    return ((one - other) + (other - one)).total()


def of_mails(copies: Mapping[str, int], rows: Collection[Mail]) -> Counter[str]:
    """mails, arrived, not_arrived (nor held for a person), held, flagged and unflagged second copies."""
    found = Counter(mails=len(rows), arrived=0, not_arrived=0, held=0, flagged=0, unflagged=0)
    for row in rows:
        came = copies.get(row.message_id or "", 0)
        more = max(0, came - 1)
        told = min(more, row.ambiguous)
        found += Counter(arrived=came > 0, held=row.state == "held", flagged=told, unflagged=more - told)
        found["not_arrived"] += not came and row.state != "held"
    known = {row.message_id for row in rows}
    found["unflagged"] += sum(count for message_id, count in copies.items() if message_id not in known)
    return found


# --- reading it ---


def of_ledger(office: Office, promises: Iterable[Promise], until: datetime) -> Counter[str]:
    """Every case: those that were promised something, and those of which the rules alone say what they owe."""
    promised: dict[str, list[Promise]] = defaultdict(list)
    for promise in promises:
        promised[promise.case_id].append(promise)
    found: Counter[str] = Counter(deadlines=0, fired=0, lost=0, early=0, twice=0, loose=0)
    with office.store.reading() as connection:
        around = Around(office, connection)
        for case_id, entries, owed in _cases(connection):
            its = promised.pop(case_id, ())
            found.update(of_case(its, entries, owed, until))
            if not its:
                case = fold(entries)
                found["lost"] += ladder.next_rung(case, around.rules(case), until) is not None
    found["lost"] += sum(len(several) for several in promised.values())  # a case that is not there at all
    return found


def _cases(connection: Connection) -> Iterator[tuple[str, tuple[e.Entry, ...], Owed]]:
    ids = [stream_id for stream_id, kind in ledger.all_streams(connection) if kind == "case"]
    for start in range(0, len(ids), TOGETHER):
        batch = ids[start : start + TOGETHER]
        mails = _by_case(connection, outbox, outbox.c.mail_type, batch)
        opened = _by_case(connection, tasks, tasks.c.kind, batch)
        for case_id, (entries, _) in ledger.read_all(connection, batch).items():
            yield case_id, entries, Owed(mails[case_id], opened[case_id])


def _by_case(connection: Connection, table: Any, kind: Any, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    held: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in connection.execute(select(table.c.case_id, table.c.id, kind).where(table.c.case_id.in_(ids))):
        held[row[0]].append((row[1], row[2]))
    return held
