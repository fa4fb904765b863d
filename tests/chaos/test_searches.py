"""A look-up that fails is unknown: repeated, its evidence kept, no clock started and nothing concluded (R15)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from disclosure.casework import casefile, clockwork, coordination, keys, leaving, lookups, searching, verification
from disclosure.casework.casefile import Hand
from disclosure.casework.coordination import EnterContact
from disclosure.casework.office import Office
from disclosure.casework.searching import RETRY
from disclosure.discovery import dns
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.finder import Findings
from disclosure.protocol import events as e
from disclosure.protocol import ladder
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import TaskKind
from disclosure.protocol.errors import Refused
from disclosure.protocol.values import Answer, Channel, Domain, Language
from disclosure.store import ledger
from disclosure.store.tables import probes, searches
from tests.chaos import scene
from tests.office import T0, forget, make_office, put, shut
from tests.protocol.builders import H, Story


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    held = make_office(tmp_path / "instance")
    yield held
    forget(held)


def searched(office: Office) -> Hand:
    """A case without contacts, with a search that waits."""
    hand = Hand(office, put(office, Story(contacts=0, phone=False)), "ada", T0)
    searching.start(hand, "d1")
    return hand


def row(office: Office) -> Row[Any]:
    with office.store.reading() as connection:
        return connection.execute(select(searches)).one()


def told(hand: Hand, kind: type[e.Event]) -> list[Any]:
    with hand.office.store.reading() as connection:
        entries = ledger.read(hand.office.store, connection, hand.case_id, parts=ledger.EVERY_PART)
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def unknown(domain: Domain, compromised: Answer, now: datetime) -> Findings:
    return scene.found(domain, compromised, now, Outcome.UNKNOWN)


def test_unknown_is_asked_again_and_again_and_then_left_to_a_person(office: Office) -> None:
    hand, now = searched(office), T0
    for count, step in enumerate(RETRY, 1):
        assert searching.search(office, now, unknown) == 1
        held = row(office)
        assert (held.state, held.outcome, held.attempts, held.next_try_at) == ("waiting", "unknown", count, now + step)
        assert searching.search(office, held.next_try_at - timedelta(seconds=1), unknown) == 0, "not before its time"
        now = held.next_try_at
    assert tuple(sorted(RETRY)) == RETRY
    assert searching.search(office, now, unknown) == 1
    assert (row(office).state, row(office).outcome) == ("ended", "unknown"), "unknown to the end, never none"
    assert searching.search(office, now + 1000 * H, unknown) == 0
    assert [event.outcome for event in told(hand, e.SearchEnded)] == ["unknown"] * (len(RETRY) + 1)
    looked_up = told(hand, e.LookupRecorded)
    with office.store.reading() as connection:
        assert len(connection.execute(select(probes.c.id)).all()) == len(looked_up) == 2 * (len(RETRY) + 1)
    kept = searching.evidence(office, hand.case_id, looked_up[0].probe_id)
    assert kept["problems"] == ["dns_timeout"], "each failure with its evidence"
    assert verification.verify(office).ok


def test_unknown_starts_no_clock_and_concludes_nothing(office: Office) -> None:
    hand = searched(office)
    searching.search(office, T0, unknown)
    for hours in (0, 100, 1000):
        assert clockwork.tick(office, T0 + hours * H).rungs == 0
    file = casefile.look(office, hand.case_id)
    assert file.case.contact_started_at is None
    assert ladder.plan(file.case, file.rules) == ()
    assert file.case.state(Axis.CONTACT) == "searching", "not unreachable: nobody knows that"
    with pytest.raises(Refused, match="search_not_over"):
        coordination.declare_unreachable(hand)


def test_none_is_knowledge_and_lets_a_coordinator_conclude(office: Office) -> None:
    hand = searched(office)
    searching.search(office, T0, unknown)
    searching.search(office, T0 + RETRY[0], scene.found)
    assert (row(office).state, row(office).outcome) == ("ended", "none")
    coordination.declare_unreachable(hand)
    clockwork.tick(office, T0 + H)
    kinds = {task.kind for task in casefile.look(office, hand.case_id).case.tasks.values()}
    assert TaskKind.PHONE_CALL in kinds


@pytest.mark.parametrize(("find", "warned"), [(unknown, True), (scene.found, False)])
def test_the_release_page_warns_while_a_search_is_open(office: Office, find: searching.Find, warned: bool) -> None:
    """A contact entered by hand wins (R17), so its release is not refused; the coordinator is told what is missing."""
    keys.ensure_service_key(office, T0 - timedelta(days=30))
    hand = searched(office)
    entered = EnterContact(Channel.MAIL, "securite@org.example", "", "Mentions légales")
    contact_id = coordination.enter_contact(hand, entered)
    searching.search(office, T0, find)
    shown = leaving.request(office, hand.case_id, contact_id, "ada", Language.FR, T0)
    assert shown.searching is warned
    coordination.release_first_contact(hand, contact_id)
    assert casefile.look(office, hand.case_id).case.mails


def test_a_search_that_raises_is_unknown_and_stops_no_other(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    first, second = searched(office), searched(office)

    def breaks_once(domain: Domain, compromised: Answer, now: datetime) -> Findings:
        if not caplog.records:
            raise RuntimeError("a bug in a parser")
        return scene.found(domain, compromised, now)

    assert searching.search(office, T0, breaks_once) == 2
    outcomes = [event.outcome for hand in (first, second) for event in told(hand, e.SearchEnded)]
    assert sorted(outcomes) == ["none", "unknown"]
    with office.store.reading() as connection:
        states = list(connection.execute(select(searches.c.state, searches.c.next_try_at)).all())
    assert sorted(states, key=str) == [("ended", None), ("waiting", T0 + RETRY[0])]
    assert "failed: RuntimeError" in caplog.text


@pytest.mark.usefixtures("database")
def test_a_name_server_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real search over a real socket: every question times out, and each time-out is evidence."""
    monkeypatch.setattr(dns, "LIFETIME", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        nameserver = f"127.0.0.1:{silent.getsockname()[1]}"
        office = make_office(tmp_path / "instance", DISCLOSURE_NAMESERVERS=nameserver)
        hand = searched(office)
        searching.search(office, T0, lookups.finder(office))
    looked_up = told(hand, e.LookupRecorded)
    assert {event.outcome for event in looked_up} == {"unknown"}
    problems = {str(searching.evidence(office, hand.case_id, event.probe_id)["problems"]) for event in looked_up}
    assert any("timeout" in found for found in problems)
    assert row(office).state == "waiting"
    shut(office)
