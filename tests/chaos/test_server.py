"""Many processes on one PostgreSQL server, and what may befall it: they share the work and nobody does it twice.

Time is handed in. Threads with engines of their own stand for processes where the server alone decides who waits.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from disclosure import create_app, worker
from disclosure.casework import (
    accounts,
    clockwork,
    coordination,
    delivery,
    keys,
    lookups,
    outages,
    reporting,
    verification,
)
from disclosure.casework.casefile import Hand, look
from disclosure.casework.office import Office, open_office
from disclosure.protocol import events as e
from disclosure.protocol.errors import CannotStore, Conflict, DisclosureError
from disclosure.protocol.values import Audience, Role, Severity
from disclosure.settings import load
from disclosure.store import engines, ledger
from disclosure.store.sealing import KeyLost
from disclosure.store.tables import heartbeats, outbox, streams
from disclosure.store.transactions import Store
from tests.casework.desk import ASSESSMENT
from tests.chaos import scene
from tests.chaos.scene import DUE
from tests.chaos.test_intake_dies import FORM
from tests.office import T0, make_office, on, put, raw, shut
from tests.protocol.builders import H, Story
from tests.servers import Server, private


@pytest.fixture(scope="module", autouse=True)
def _on_postgresql(server: Server) -> Iterator[None]:
    with on(server):
        yield


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return make_office(tmp_path / "instance")


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each came to, all begun at the same moment."""
    results: list[object] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(n: int) -> None:
        start.wait()
        try:
            results[n] = works[n]()
        except Exception as error:
            results[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@contextlib.contextmanager
def processes(office: Office, count: int) -> Iterator[list[Office]]:
    """Each with its own connections to the same rows."""
    others = [open_office(office.settings) for _ in range(count)]
    try:
        yield others
    finally:
        for other in others:
            shut(other)


def test_four_workers_share_what_is_due_and_do_each_once(office: Office) -> None:
    """Duplicate ticks: all four tick the same instant; each rung is climbed once, each mail goes once."""
    keys.ensure_service_key(office, T0 - 30 * 24 * H)
    ids = [put(office, Story().released()) for _ in range(40)]
    for _ in range(20):
        coordination.release_first_contact(Hand(office, put(office, Story()), "ada", T0), "c1")
    with processes(office, 4) as workers:
        ticked = at_once(*(lambda one=one: clockwork.tick(one, T0) for one in workers))
        assert not [one for one in ticked if isinstance(one, Exception)]
        again = clockwork.tick(office, T0)
        assert sum(one.cases for one in ticked) + again.cases == len(ids)  # type: ignore[attr-defined]
        taken: list[str] = []
        lock = threading.Lock()

        def send(message: bytes, sender: str, recipient: object, envelope_id: str) -> Any:
            with lock:
                taken.append(envelope_id)
            return scene.TAKEN

        sent = at_once(*(lambda one=one: delivery.deliver(one, T0, send) for one in workers))
        assert not [one for one in sent if isinstance(one, Exception)]
    with office.store.reading() as connection:
        mails = connection.execute(select(outbox)).all()
    assert len(taken) == 20
    assert Counter(taken) == Counter(row.id for row in mails if row.message_id)
    assert {row.state for row in mails} == {"relayed"}
    assert len(mails) == len({(row.case_id, row.mail_type, row.recipient) for row in mails})
    assert verification.verify(office).ok


def test_those_that_another_has_spoken_for_are_passed_over(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one decides, the next takes the rest; a frozen one is no obstacle to what it did not take."""
    ids = {put(office, Story().released()) for _ in range(6)}
    monkeypatch.setattr(clockwork, "BATCH", 3)
    seen: list[list[str]] = []
    with processes(office, 1) as (other,):
        fire = clockwork._fire

        def meanwhile(mine: Office, batch: list[str], now: Any) -> clockwork.Ticked:
            seen.append(batch)
            if len(seen) == 1:
                clockwork.tick(other, now)
            return fire(mine, batch, now)

        monkeypatch.setattr(clockwork, "_fire", meanwhile)
        clockwork.tick(office, T0)
    assert [set(seen[0]) & set(batch) for batch in seen[1:]] == [set()] * (len(seen) - 1)
    assert set().union(*seen) == ids


def test_an_acknowledgement_and_an_escalation_never_both(office: Office) -> None:
    """Each case is noted upon and fired at the same moment, in opposite orders: no deadlock, and one history each."""
    ids = [put(office, Story().released()) for _ in range(30)]

    def close(order: list[str], one: Office) -> int:
        refused = 0
        for case_id in order:
            hand = Hand(one, case_id, "ada", T0)
            try:
                coordination.note(hand, "seen")
            except Conflict:
                refused += 1
        return refused

    with processes(office, 3) as (first, second, third):
        came = at_once(
            lambda: clockwork.tick(first, T0),
            lambda: close(sorted(ids), second),
            lambda: close(sorted(ids, reverse=True), third),
        )
    assert not [one for one in came if isinstance(one, Exception)], came
    clockwork.tick(office, T0)
    verified = verification.verify(office)
    assert verified.ok, verified.fault


def test_two_who_meet_the_other_way_round_are_told_and_nothing_is_half_stored(office: Office) -> None:
    """A deadlock, provoked: the server sends one back, which is a Conflict and no crash."""
    first, second = sorted(put(office, Story()) for _ in range(2))
    held = threading.Barrier(2)

    def lock(one: Office, order: tuple[str, str]) -> str:
        with one.store.writing() as tx:
            ledger.hold(tx, [order[0]])
            held.wait()
            ledger.hold(tx, [order[1]])
            tx.execute(streams.update().where(streams.c.id == order[1]).values(kind="x"))
        return "stored"

    with processes(office, 2) as (a, b):
        came = at_once(lambda: lock(a, (first, second)), lambda: lock(b, (second, first)))
    assert sorted(type(one).__name__ for one in came) == ["Conflict", "str"]
    with office.store.reading() as connection:
        assert sorted(connection.scalars(select(streams.c.kind))) == ["case", "x"]


def test_two_clicks_at_the_same_moment_open_one_case(office: Office) -> None:
    report_id = scene.a_report(office, T0)
    command = coordination.OpenCase((report_id,), "Exemple", "", Role.CONTROLLER, ASSESSMENT, known=0)
    with processes(office, 4) as others:
        came = at_once(*(lambda one=one: coordination.open_case(one, command, "ada", T0) for one in others))
    assert sum(isinstance(one, str) for one in came) == 1, came
    assert all(isinstance(one, str | DisclosureError) for one in came), came
    assert verification.verify(office).ok


def test_what_must_be_there_once_is_put_once(office: Office) -> None:
    report_id = scene.a_report(office, T0)
    with processes(office, 4) as others:
        works = [lambda one=one: reporting.seen(one, "ada", report_id, T0) for one in others]
        works += [lambda one=one: clockwork.beat(one, "clock", T0) for one in others]
        came = at_once(*works)
    assert not [one for one in came if isinstance(one, Exception)], came


def test_whoever_forgets_a_transaction_loses_its_locks(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that freezes inside a transaction: after IDLE_MS the server ends it, and the rows are free."""
    case_id = put(office, Story())
    monkeypatch.setattr(engines, "IDLE_MS", 200)

    def freezes(one: Office) -> None:
        with one.store.writing() as tx:
            ledger.hold(tx, [case_id])
            coordination.note(Hand(office, case_id, "ada", T0), "waits, and then goes on")
            tx.execute(streams.update().values(kind="x"))

    with processes(office, 1) as (frozen,), pytest.raises(CannotStore, match="database_gone"):
        freezes(frozen)
    assert verification.verify(office).ok
    assert look(office, case_id).case.last_seq > 1


# --- the server ---


def test_the_server_crashes_between_any_two_steps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Immediate restart before, inside and after each kind of transaction: said in one line, done at the next tick."""
    with private() as server, on(server):
        prepared = scene.prepare(tmp_path / "made")
        for n in itertools.count(1):
            made = prepared.copy(tmp_path / f"{n}")
            office = scene.reopen(made.folder)
            if not ticked_with_a_crash(office, server, n):
                break
            for later in (0, 1, 2):
                tick_all(office, DUE + later * scene.LATER)
            verified = verification.verify(office)
            assert verified.ok, verified.fault
            with office.store.reading() as connection:
                states = Counter(connection.scalars(select(outbox.c.state).where(outbox.c.queued_at >= DUE)))
            assert set(states) <= {"relayed", "held"}, "nothing waits for ever"
            assert sum(states.values()) == 3, "nothing lost, nothing doubled"
            shut(office)
        assert n > 5, "it crashed at several points"
        shut(office)


def ticked_with_a_crash(office: Office, server: Server, at: int) -> bool:
    """One round of the worker's jobs; the server crashes at its ``at``-th transaction. Whether it came that far."""
    count, crashed = itertools.count(1), []
    writing = Store.writing

    @contextlib.contextmanager
    def crashing(self: Store) -> Iterator[Any]:
        with writing(self) as tx:
            yield tx
            if next(count) == at:
                crashed.append(True)
                server.crash()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "writing", crashing)
        tick_all(office, DUE)
    return bool(crashed)


def tick_all(office: Office, at: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "clock_on_the_wall", lambda: at)
        patch.setattr(lookups, "finder", lambda _: scene.found)
        jobs = worker.jobs(office)
        for name in ("clock", "search", "outbox"):
            jobs[name]()


@contextlib.contextmanager
def says(office: Office, state: str) -> Iterator[None]:
    """Every write is answered with this SQLSTATE, as a server does whose disk is full."""
    with raw(office) as shell:
        shell.execute(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$"
        )
        tables = [name for (name,) in shell.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for name in tables:
            shell.execute(
                f'CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON public."{name}"'
                " FOR EACH STATEMENT EXECUTE FUNCTION public.refuse()"
            )
            shell.execute(f'ALTER TABLE public."{name}" ENABLE ALWAYS TRIGGER refuse')
        try:
            yield
        finally:
            shell.execute("DROP FUNCTION public.refuse() CASCADE")


@contextlib.contextmanager
def read_only(office: Office) -> Iterator[None]:
    """As a server that an operator made read-only, or that has become a replica."""
    name = office.store.engine.url.database
    with raw(office) as shell:
        shell.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        shut(office)
        try:
            yield
        finally:
            shell.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            shut(office)


@pytest.mark.parametrize(
    ("why", "trouble"),
    [
        ("disk_full", lambda office: says(office, "53100")),
        ("read_only", read_only),
    ],
)
def test_full_and_read_only(
    tmp_path: Path, why: str, trouble: Callable[[Office], Any], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "instance"
    shut(make_office(folder))
    app = create_app(load(folder, {}))
    app.config["WTF_CSRF_ENABLED"] = False
    office: Office = app.extensions["office"]
    put(office, Story(Severity.HIGH).released())
    with trouble(office), caplog.at_level(logging.ERROR):
        answer = app.test_client().post("/report?lang=en", data=FORM)
        assert answer.status_code == 503
        assert FORM["description"] in answer.get_data(as_text=True), "what was typed is kept, in the page"
        assert app.test_client().get("/rules").status_code == 200, "what only reads goes on"
        caplog.clear()
        tick_all(office, T0)
        assert {record.getMessage() for record in caplog.records} == {
            f"job {name}: nothing can be stored: {why}" for name in ("clock", "search", "outbox")
        }
    assert app.test_client().post("/report?lang=en", data=FORM).status_code == 200, "the same process, no restart"
    tick_all(office, T0)
    assert verification.verify(office).ok
    shut(office)


def test_without_a_server_it_is_said_in_one_word(tmp_path: Path) -> None:
    with private() as server, on(server):
        office = make_office(tmp_path / "instance")
        server.stop()
        with pytest.raises(CannotStore, match="database_gone"):
            clockwork.tick(office, T0)
        with pytest.raises(CannotStore, match="database_gone"):
            open_office(office.settings)
        server.start()
        assert clockwork.tick(office, T0).stuck == 0, "the same process, no restart"


# --- many machines ---


def test_another_machine_needs_the_same_secrets(office: Office, tmp_path: Path) -> None:
    """A second machine that made its own would sign and look up with others, and nobody would notice for weeks."""
    here = office.settings.instance
    for missing in ("kek.key", "app.key", "ledger.key"):
        there = tmp_path / f"without-{missing}"
        there.mkdir()
        for name in ("settings.toml", "kek.key", "app.key", "ledger.key"):
            if name != missing:
                (there / name).write_bytes((here / name).read_bytes())
        with pytest.raises(KeyLost, match=missing):
            open_office(load(there, {}))


def test_a_session_is_one_for_every_web_process(office: Office) -> None:
    idle = office.settings.sessions.desk_idle
    with processes(office, 2) as (one, other):
        token = accounts.open_session(one, Audience.COORDINATOR, "ada", T0, idle=idle, longest=12 * H)
        assert accounts.read_session(other, Audience.COORDINATOR, token, T0 + H / 4) is not None
        accounts.sign_out(other, token)
        assert accounts.read_session(one, Audience.COORDINATOR, token, T0 + H / 4) is None


def test_one_outage_is_credited_once_by_whoever_comes_back(office: Office) -> None:
    case_id = put(office, Story(Severity.HIGH).released())
    clockwork.beat(office, "clock", T0)
    with processes(office, 4) as workers:
        credited = at_once(*(lambda one=one: outages.credit_outage(one, T0 + 24 * H) for one in workers))
    assert not [one for one in credited if isinstance(one, Exception)], credited
    with office.store.reading() as connection:
        assert connection.scalar(select(heartbeats.c.at)) == T0 + 24 * H
        entries = ledger.read(office.store, connection, case_id)
    assert sum(isinstance(entry.event, e.OutageCredited) for entry in entries) == 1
    assert verification.verify(office).ok
