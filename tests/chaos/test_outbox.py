"""A mail that does not get through stays in the outbox with its reason, is tried again, and ends; nobody is blamed.

Against a relay that really goes wrong where that matters, else with scripted outcomes; time is handed in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from disclosure import worker
from disclosure.casework import casefile, coordination, deadletters, delivery, keys, verification, writing
from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office
from disclosure.mail import relay as mail_relay
from disclosure.mail.relay import PATIENCE, STEPS, Kind, Outcome, RelaySettings
from disclosure.protocol import events as e
from disclosure.protocol.codes import Rung
from disclosure.protocol.errors import CannotStore
from disclosure.protocol.state import Case, MailState
from disclosure.protocol.values import Address
from disclosure.store import ledger
from disclosure.store.tables import outbox
from tests.chaos.scene import TAKEN, take
from tests.mail.faulty import Drip, Drop, Fault, Hang, Relay, Say
from tests.office import T0, forget, make_office, put
from tests.protocol.builders import H, Story

LATER = Outcome(Kind.REFUSED_TEMPORARY, "451 4.7.1", "451 4.7.1 greylisted")
DOWN = Outcome(Kind.NOT_SENT, "relay_not_reached", "connection refused")
DEAD = Outcome(Kind.REFUSED_PERMANENT, "550 5.1.1", "550 5.1.1 no such user")
UNSAID = Outcome(Kind.REFUSED_PERMANENT, "550", "550 go away")
DOUBT = Outcome(Kind.AMBIGUOUS, "relay_dropped_the_line", "the other side hung up")


@pytest.fixture(scope="module")
def service_key(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    office = make_office(tmp_path_factory.mktemp("key"))
    keys.ensure_service_key(office, T0 - timedelta(days=30))
    return office.service_key_path.read_bytes()


@pytest.fixture
def office(database: str, tmp_path: Path, service_key: bytes) -> Iterator[Office]:
    held = make_office(tmp_path / "instance")
    held.service_key_path.write_bytes(service_key)
    yield held
    forget(held)


def released(office: Office, *, contacts: int = 3) -> str:
    case_id = put(office, Story(contacts=contacts))
    coordination.release_first_contact(Hand(office, case_id, "ada", T0), "c1")
    return case_id


def rows(office: Office, case_id: str) -> list[Row[Any]]:
    with office.store.reading() as connection:
        mine = select(outbox).where(outbox.c.case_id == case_id)
        return list(connection.execute(mine.order_by(outbox.c.queued_at, outbox.c.recipient)))


def case_of(office: Office, case_id: str) -> Case:
    return casefile.look(office, case_id).case


def told(office: Office, case_id: str, kind: type[e.Event]) -> list[Any]:
    with office.store.reading() as connection:
        entries = ledger.read(office.store, connection, case_id, parts=ledger.EVERY_PART)
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def always(outcome: Outcome) -> delivery.Send:
    return lambda message, sender, recipient, envelope_id: outcome


def through(relay: Relay) -> delivery.Send:
    """The real hand-over, with little patience."""
    settings = RelaySettings("127.0.0.1", relay.port, "none", timeout=0.2, total=0.5)
    return lambda message, sender, recipient, envelope_id: mail_relay.deliver(
        message, sender=sender, recipient=recipient, envelope_id=envelope_id, relay=settings
    )


@pytest.mark.parametrize(
    ("stage", "fault", "code", "why"),
    [
        ("greeting", Drop(), "relay_dropped_the_line", "drops before it has said a word"),
        ("greeting", Hang(), "relay_timed_out", "hangs"),
        ("mail", Drip(), "relay_timed_out", "drips"),
        ("mail", Say("550 5.7.1 sender rejected"), "550 5.7.1", "set up wrongly: ours, not the recipient's"),
        ("rcpt", Say("450 4.2.0 greylisted", then_drop=True), "450 4.2.0", "what it said counts, not that it hung up"),
        ("data", Drop(reset=True), "relay_dropped_the_line", "drops before the text"),
        ("dot", Say("451 4.7.1 later"), "451 4.7.1", "refuses the whole text for now"),
    ],
)
def test_it_stays_with_its_reason_and_goes_when_the_relay_is_well(
    office: Office, stage: str, fault: Fault, code: str, why: str
) -> None:
    case_id = released(office)
    with Relay(faults={stage: fault}).running() as relay:
        done = delivery.deliver(office, T0, through(relay))
        assert (done.later, done.relayed) == (1, 0), why
        (row,) = rows(office, case_id)
        assert (row.state, row.last_code, row.lease_until) == ("prepared", code, None)
        assert STEPS[0] <= row.next_try_at - T0 <= STEPS[0] * 1.25
        (refused,) = told(office, case_id, e.MailRefused)
        assert (refused.code, refused.permanent, refused.attempt) == (code, False, 1)
        assert refused.reply, "what the relay said, or how it went silent"
        assert case_of(office, case_id).contact_started_at is None, "R31: no clock runs on a mail that is not out"
        relay.faults.clear()
        assert delivery.deliver(office, row.next_try_at - timedelta(seconds=1), through(relay)).relayed == 0
        assert delivery.deliver(office, row.next_try_at, through(relay)).relayed == 1
    (sent,) = relay.kept
    assert row.message_id.encode() in sent[2]
    assert case_of(office, case_id).contact_started_at == row.next_try_at
    assert verification.verify(office).ok


def tried_until_the_end(office: Office, case_id: str, outcome: Outcome) -> tuple[Row[Any], datetime]:
    now, first = T0, rows(office, case_id)[0].id
    while True:
        delivery.deliver(office, now, always(outcome))
        row = next(row for row in rows(office, case_id) if row.id == first)
        if row.state != "prepared":
            return row, now
        assert row.next_try_at > now
        now = row.next_try_at


def test_patience_ends_and_the_next_contact_is_written_to(office: Office) -> None:
    case_id = released(office)
    row, ended = tried_until_the_end(office, case_id, LATER)
    assert (row.state, row.last_code) == ("dead", "patience_ended")
    assert PATIENCE - timedelta(hours=3) < ended - T0 <= PATIENCE
    assert len({r.sha256 for r in rows(office, case_id) if r.id == row.id}) == 1
    asked = [(r.recipient, (r.queued_at - T0) // (24 * H)) for r in rows(office, case_id)]
    assert asked == [("c1", 0), ("c2", 1), ("c3", 2)], "one more for each reminder interval that nothing is out"
    assert not case_of(office, case_id).contacts["c1"].disabled, "it never said that it is dead"
    assert verification.verify(office).ok


def test_a_relay_of_ours_that_is_down_makes_nobody_unreachable(office: Office) -> None:
    """R31, and R46's last line: our own lateness is nobody's silence."""
    case_id = released(office, contacts=1)
    row, _ = tried_until_the_end(office, case_id, DOWN)
    assert (row.state, row.last_code) == ("dead", "patience_ended"), "a person sees it, and can send it again"
    case = case_of(office, case_id)
    assert case.unreachable_at is None
    assert not case.contacts["c1"].disabled
    assert Rung.UNREACHABLE not in case.rungs
    deadletters.resend(office, row.id, "ada", T0 + 100 * H)
    assert delivery.deliver(office, T0 + 100 * H, take).relayed == 1
    assert case_of(office, case_id).mails[row.id].state is MailState.RELAYED


@pytest.mark.parametrize(
    ("outcome", "disabled", "why"),
    [
        (DEAD, True, "no such user: the address is switched off"),
        (UNSAID, False, "no code says what is wrong: another contact now, this one may be used again"),
    ],
)
def test_refused_for_good_moves_on_at_once(office: Office, outcome: Outcome, disabled: bool, why: str) -> None:
    case_id = released(office, contacts=2)
    done = delivery.deliver(
        office, T0, lambda m, s, recipient, i: outcome if recipient.local == "c1" else TAKEN, most=2
    )
    assert (done.refused, done.relayed) == (1, 1), why
    case = case_of(office, case_id)
    assert bool(case.contacts["c1"].disabled) is disabled, why
    assert [(r.recipient, r.state) for r in rows(office, case_id)] == [("c1", "dead"), ("c2", "relayed")]
    assert case.contact_started_at == T0, "the clock runs from the mail that is out"


def test_all_refused_for_good_is_unreachable(office: Office) -> None:
    case_id = released(office, contacts=2)
    assert delivery.deliver(office, T0, always(DEAD)).refused == 2
    assert case_of(office, case_id).unreachable_at == T0


@pytest.mark.parametrize("fault", [Drop(), Hang()])
def test_in_doubt_it_goes_again_after_a_while_and_twice_at_most(office: Office, fault: Fault) -> None:
    case_id = released(office)
    now = T0
    with Relay(faults={"dot": fault}).running() as relay:
        for count in (1, 2, 3):
            assert delivery.deliver(office, now, through(relay)).ambiguous == 1
            assert delivery.deliver(office, now, through(relay)).ambiguous == 0, "not again in the same breath"
            (row,) = rows(office, case_id)
            assert (row.ambiguous, row.last_code) == (count, "ambiguous")
            assert len(told(office, case_id, e.MailAmbiguous)) == count
            now += STEPS[0]
    assert row.state == "held", "a relay that never answers is no reason to fill a mailbox: a person decides"
    assert len({message for _, _, message in relay.kept}) == 1, "the same bytes each time"
    assert len(relay.kept) == 3


def test_a_relay_that_cannot_be_used_ends_the_run(office: Office) -> None:
    """Each try may take minutes; a run that tries all would outlast the watchdog and end the worker."""
    for _ in range(3):
        released(office)
    asked: list[Address] = []

    def send(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        asked.append(recipient)
        return DOWN

    done = delivery.deliver(office, T0, send)
    assert (len(asked), done.later, done.unreached) == (1, 1, 1)
    assert delivery.deliver(office, T0, take).relayed == 2, "the next run begins with those that were not tried"


def test_a_slow_relay_ends_the_run_in_time(office: Office) -> None:
    for _ in range(8):
        released(office)
    clock = _Clock(T0)

    def slow(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        clock.now += timedelta(seconds=50)
        return TAKEN

    done = delivery.deliver(office, T0, slow, clock=clock)
    assert done.relayed == 3, "two minutes of work, and the one that was on its way"
    longest = delivery.RUN.total_seconds() + mail_relay.TOTAL
    assert longest < worker.OVERRUN_SECONDS, "no run is taken for a stuck job"
    assert delivery.LEASE.total_seconds() > mail_relay.TOTAL + 30, "no lease ends while its mail is on its way"


class _Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def test_the_instant_of_a_mail_is_when_the_relay_took_it(office: Office) -> None:
    case_id, clock = released(office), _Clock(T0)

    def slow(message: bytes, sender: str, recipient: Address, envelope_id: str) -> Outcome:
        clock.now += timedelta(seconds=100)
        return TAKEN

    delivery.deliver(office, T0, slow, clock=clock)
    assert case_of(office, case_id).contact_started_at == T0 + timedelta(seconds=100), "R31"


def test_who_slept_past_the_lease_before_sending_sends_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else took over meanwhile; the lease alone must hold it back."""
    case_id, clock, prepare = released(office), _Clock(T0), writing.prepare

    def sleepy(*given: Any) -> Any:
        prepared = prepare(*given)
        clock.now += delivery.LEASE
        return prepared

    monkeypatch.setattr(writing, "prepare", sleepy)
    done = delivery.deliver(office, T0, _unexpected, clock=clock, most=1)
    assert done.relayed == 0
    monkeypatch.undo()
    assert delivery.deliver(office, clock.now, take).relayed == 1
    assert told(office, case_id, e.MailAmbiguous) == [], "it never left, and nobody says it might have"


def _unexpected(*given: Any) -> Outcome:
    raise AssertionError("unexpected mail")


def test_a_fault_of_ours_in_one_mail_leaves_the_others(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good, prepare = released(office), released(office), writing.prepare
    quoting = RuntimeError("Dominique Exemple")

    def broken(held: Office, claim: Any, now: datetime) -> Any:
        if claim.case_id == bad:
            raise quoting
        return prepare(held, claim, now)

    monkeypatch.setattr(writing, "prepare", broken)
    done = delivery.deliver(office, T0, take)
    assert (done.relayed, done.later) == (1, 1)
    assert rows(office, good)[0].state == "relayed"
    (row,) = rows(office, bad)
    assert (row.state, row.last_code, row.next_try_at) == ("recipe", "RuntimeError", T0 + delivery.LEASE)
    assert f"mail {row.id} not prepared: RuntimeError" in caplog.text, "with the way to it"
    assert "Dominique" not in caplog.text, "an error may quote a person"
    monkeypatch.undo()
    assert delivery.deliver(office, row.next_try_at, take).relayed == 1


def test_a_fault_of_ours_that_stays_is_shown_and_costs_no_contact(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = released(office)

    def broken(*_: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(writing, "prepare", broken)
    tries = (T0 + timedelta(hours=3 * n) for n in range(100))
    at = next(at for at in tries if not delivery.deliver(office, at, take).later)
    (row,) = rows(office, case_id)
    assert (row.state, row.last_code) == ("dead", "RuntimeError")
    assert PATIENCE - timedelta(hours=3) < at - T0 <= PATIENCE + timedelta(hours=3)
    assert case_of(office, case_id).unreachable_at is None, "our fault is nobody's silence"
    assert verification.verify(office).ok


def test_a_job_that_fails_is_said_and_the_next_tick_comes(caplog: pytest.LogCaptureFixture) -> None:
    def fails(error: Exception) -> Callable[[datetime], object]:
        def job(now: datetime) -> None:
            raise error

        return job

    with caplog.at_level(logging.ERROR):
        for error in (CannotStore("disk_full"), RuntimeError("Dominique Exemple")):
            job = worker.Watched("outbox", fails(error))
            job()
            assert not job.overrun(1e12), "it runs no more"
    full, broken = caplog.records
    assert "disk_full" in full.getMessage()
    assert full.exc_info is None, "every second while the disk is full: one line"
    assert "raise error" in broken.getMessage(), "the way to the fault"
    assert "Dominique" not in caplog.text, "and not a word of it"
