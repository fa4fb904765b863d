"""The storm's judge can say no: ledgers, rows and records that were doctored, each in one way."""

from __future__ import annotations

from collections import Counter, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select

from disclosure.casework import clockwork
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import Clock, MailType, Rung, TaskKind
from disclosure.protocol.values import Channel, Language
from disclosure.store.tables import outbox, tasks
from tests.casework.conftest import office
from tests.chaos import dues
from tests.chaos.dues import EARLIEST, Promise
from tests.chaos.storm import Outcome
from tests.chaos.verdict import Owed, of_case, of_ledger, of_mails
from tests.office import T0, put
from tests.protocol.builders import H, Story

__all__ = ["office"]
SECOND = timedelta(seconds=1)
DUE, FIRED, UNTIL = T0, T0 + SECOND, T0 + 60 * SECOND
MAIL, TASK = "mail", "task"


def rung(which: Rung, at: datetime, *, mails: int = 0, tasks: int = 0, due_at: datetime = DUE) -> e.Entry:
    climbed = e.RungClimbed(rung=which, clock=Clock.CONTACT, due_at=due_at, mails=mails, tasks=tasks)
    return e.Entry(1, at, e.MACHINE, climbed)


def queued(which: Rung = Rung.REMINDER, mail_id: str = MAIL, mail_type: MailType = MailType.CONTACT_REQUEST) -> e.Entry:
    event = e.MailQueued(
        mail_id=mail_id, mail_type=mail_type, to="c2", language=Language.FR, not_before=FIRED, rung=which
    )
    return e.Entry(2, FIRED, e.MACHINE, event)


def opened() -> e.Entry:
    event = e.TaskOpened(
        task_id=TASK,
        kind=TaskKind.REFERRAL,
        channel=Channel.POST,
        target="fr-cnil",
        due_at=UNTIL,
        rung=Rung.AUTHORITIES,
        blocking=False,
    )
    return e.Entry(3, FIRED, e.MACHINE, event)


def referred(by: str) -> e.Entry:
    event = e.AuthorityReferred(authority_id="a", channel=Channel.MAIL, by=by, dossier_sha256="0", dossier="")
    return e.Entry(4, FIRED, e.MACHINE, event)


@dataclass(frozen=True)
class Told:
    """A case as it should be: one reminder, in its time, with its mail."""

    promises: tuple[Promise, ...] = (Promise("case", Rung.REMINDER, DUE),)
    entries: tuple[e.Entry, ...] = (rung(Rung.REMINDER, FIRED, mails=1), queued())
    owed: Owed = field(default=Owed(((MAIL, MailType.CONTACT_REQUEST),)))

    def judged(self) -> dict[str, int]:
        found = of_case(self.promises, self.entries, self.owed, UNTIL)
        return {name: count for name, count in found.items() if count}


WELL = {"deadlines": 1, "fired": 1}
TOLD = Told()
CLIMB, MAILED = TOLD.entries
REFERRAL = Told(
    (Promise("case", Rung.AUTHORITIES, DUE),),
    (
        rung(Rung.AUTHORITIES, FIRED, mails=1, tasks=1),
        queued(Rung.AUTHORITIES, MAIL, MailType.REFERRAL),
        referred(MAIL),
        opened(),
        referred(TASK),
    ),
    Owed(((MAIL, MailType.REFERRAL),), ((TASK, TaskKind.REFERRAL),)),
)
NONE = Owed()


@pytest.mark.parametrize(
    ("told", "found", "why"),
    [
        (TOLD, WELL, "as it should be"),
        (REFERRAL, WELL, "a referral, by mail and by task"),
        (replace(TOLD, entries=(), owed=NONE), {"deadlines": 1, "lost": 1}, "due, and never climbed"),
        (
            replace(TOLD, promises=(Promise("case", Rung.REMINDER, UNTIL + SECOND),), entries=(), owed=NONE),
            {},
            "not due by the end: nothing is missing",
        ),
        (replace(TOLD, promises=(Promise("case", Rung.REMINDER, UNTIL),)), WELL | {"early": 1}, "before its instant"),
        (
            replace(TOLD, promises=(Promise("case", Rung.REMINDER, UNTIL + H),)),
            {"early": 1},
            "climbed although it is due after the end",
        ),
        (
            replace(TOLD, promises=(), entries=(rung(Rung.REMINDER, FIRED, mails=1, due_at=UNTIL), MAILED)),
            {"early": 1},
            "before the instant that the event itself names",
        ),
        (
            replace(TOLD, entries=(CLIMB, MAILED, CLIMB)),
            WELL | {"twice": 1},
            "climbed again in the same clock",
        ),
        (replace(TOLD, owed=NONE), WELL | {"lost": 1, "loose": 1}, "climbed, but its mail has no row"),
        (replace(TOLD, entries=(CLIMB,)), WELL | {"lost": 1, "loose": 1}, "a row without its event"),
        (replace(TOLD, entries=(CLIMB, MAILED, MAILED)), WELL | {"loose": 1}, "one row for two events"),
        (
            replace(TOLD, owed=Owed((*TOLD.owed.mails, ("x", MailType.CONTACT_REQUEST)))),
            WELL | {"loose": 1},
            "a row that no event tells of",
        ),
        (
            replace(TOLD, owed=Owed((*TOLD.owed.mails, ("x", MailType.COORDINATORS_CALLED)))),
            WELL,
            "a call to the coordinators follows from another event",
        ),
        (
            replace(REFERRAL, owed=Owed(REFERRAL.owed.mails, ())),
            WELL | {"lost": 1, "loose": 2},
            "referred by a task that is not there",
        ),
        (
            replace(REFERRAL, entries=REFERRAL.entries[:-1]),
            WELL | {"loose": 1},
            "a task of referral that was never referred",
        ),
    ],
)
def test_a_case(told: Told, found: dict[str, int], why: str) -> None:
    assert told.judged() == found, why


Row = namedtuple("Row", "message_id state ambiguous")  # noqa: PYI024 - as a row of the outbox
RELAYED, HELD, DOUBTED = Row("m", "relayed", 0), Row("m", "held", 3), Row("m", "relayed", 1)


@pytest.mark.parametrize(
    ("copies", "row", "found", "why"),
    [
        ({"m": 1}, RELAYED, {"arrived": 1}, "as it should be"),
        ({}, RELAYED, {"not_arrived": 1}, "said to be relayed, and nobody has it"),
        ({}, Row(None, "recipe", 0), {"not_arrived": 1}, "never prepared"),
        ({}, Row("m", "dead", 0), {"not_arrived": 1}, "given up without a person"),
        ({}, HELD, {"held": 1}, "a person decides"),
        ({"m": 2}, RELAYED, {"arrived": 1, "unflagged": 1}, "twice, and nobody was told"),
        ({"m": 2}, DOUBTED, {"arrived": 1, "flagged": 1}, "twice, and the row says so"),
        ({"m": 3}, DOUBTED, {"arrived": 1, "flagged": 1, "unflagged": 1}, "a third that nobody was told of"),
        ({"m": 1, "x": 1}, RELAYED, {"arrived": 1, "unflagged": 1}, "what the outbox does not know"),
    ],
)
def test_mails(copies: dict[str, int], row: Row, found: dict[str, int], why: str) -> None:
    judged = of_mails(copies, [row])
    assert {name: count for name, count in judged.items() if count} == {"mails": 1} | found, why


GOOD = Outcome(1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1.0, True)


@pytest.mark.parametrize(
    ("change", "ok"),
    [
        ({}, True),
        ({"held": 1, "duplicates_flagged": 5}, True),
        ({"fired": 0}, False),
        ({"verified": False}, False),
        *(({name: 1}, False) for name in ("lost", "early", "twice", "loose", "mails_lost", "duplicates_unflagged")),
    ],
)
def test_the_exit_status(change: dict[str, int], ok: bool) -> None:
    assert replace(GOOD, **change).ok is ok  # type: ignore[arg-type]


# --- a whole ledger ---


def fired(office: Office) -> list[Promise]:
    wanted = [(which, EARLIEST) for which in dues.SILENT]
    promises = [*dues.lay(office, wanted), *dues.lay(office, [(Rung.REMINDER, EARLIEST + H)])]
    clockwork.tick(office, EARLIEST)
    return promises


def judged(office: Office, promises: list[Promise]) -> Counter[str]:
    return +of_ledger(office, promises, EARLIEST)


def forgotten(office: Office) -> None:
    put(office, Story(phone=False).released())


def lose(table: object) -> Callable[[Office], None]:
    def doctor(office: Office) -> None:
        with office.store.writing() as tx:
            one = tx.scalar(select(table.c.id).where(table.c.case_id.is_not(None)).order_by(table.c.id))  # type: ignore[attr-defined]
            tx.execute(delete(table).where(table.c.id == one))  # type: ignore[arg-type, attr-defined]

    return doctor


@pytest.mark.parametrize("n", range(len(dues.SILENT)))
def test_each_promise_is_what_the_rules_owe(office: Office, n: int) -> None:
    promises = fired(office)
    assert judged(office, promises) == {"deadlines": 3, "fired": 3}
    later = [replace(one, due_at=EARLIEST + SECOND) if k == n else one for k, one in enumerate(promises)]
    assert judged(office, later) == {"deadlines": 2, "fired": 2, "early": 1}, "a tick that came a second too soon"


def test_what_nobody_promised_and_the_rules_owe(office: Office) -> None:
    promises = fired(office)
    forgotten(office)
    assert judged(office, promises)["lost"] == 1
    gone = Promise("no such case", Rung.REMINDER, EARLIEST)
    assert judged(office, [*promises, gone])["lost"] == 2


@pytest.mark.parametrize(("table", "why"), [(outbox, "a mail's row"), (tasks, "a task's row")])
def test_a_row_that_is_gone(office: Office, table: object, why: str) -> None:
    promises = fired(office)
    lose(table)(office)
    assert judged(office, promises)["loose"] >= 1, why
