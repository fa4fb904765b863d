"""``verify --all`` (R42): every column of every table is changed behind the server's back, and the fault says where.

The tables are walked from the metadata: a new table or column fails here until it is compared, or listed with a reason.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from disclosure.casework import (
    answering,
    casefile,
    clockwork,
    coordination,
    deadletters,
    delivery,
    filing,
    receiving,
    reporting,
    searching,
    verification,
)
from disclosure.casework.answering import Visit
from disclosure.demo.certificates import make_certificate
from disclosure.demo.screenshot import screenshot
from disclosure.mail.inbound import MailClass
from disclosure.protocol import events as e
from disclosure.protocol.codes import Act, Clock, Rung
from disclosure.protocol.errors import InvalidInput, NotFound
from disclosure.protocol.values import Domain
from disclosure.store.tables import metadata
from tests.casework import desk
from tests.casework.desk import HOUR, MINUTE, OWN, House
from tests.office import T0, one, put, raw
from tests.protocol.builders import Story

# What is no fact of a report or a case: nothing in the ledger says what should stand there.
BESIDE: dict[str, str] = {
    "submissions": "forms that were sent once; forgotten after a while",
    "coordinators": "accounts: a password's hash, a sealed secret",
    "sessions": "who is signed in now",
    "access_log": "who looked at what, kept outside the ledger on purpose",
    "confirmed_channels": "the operator's word on an authority's channel, of no one case",
    "heartbeats": "the worker's own pulse",
    "reporter_addresses": "a reporter's own address: outside the ledger, so that it can be removed for good (R2)",
    "facts": "of the installation",
    "breakers": "how the relay is at this moment: of no case",
}
WORKER = "the worker's own note of its work: no fact of the case, lost without harm"
SECRET = "a keyed hash of something that only the recipient's mail or the reporter holds"
SIGNED = "under the signature of the link itself: a changed row opens nothing (tests/casework/test_linking.py)"
COUNTED = "a count or an instant that slows guessing; a counter beside the ledger (R25)"
EXCEPTIONS: dict[str, str] = {
    "reports.reference": "random and told to the reporter only; stands in no event",
    "reports.codename_hash": SECRET,
    "reports.called_at": "our own clock's note that coordinators were called for unread reports",
    "cases.stuck_at": WORKER,
    "cases.stuck_why": WORKER,
    "searches.state": WORKER,
    "searches.attempts": WORKER,
    "searches.next_try_at": WORKER,
    "searches.lease_until": WORKER,
    "searches.fence": WORKER,
    "outbox.attempts": WORKER,
    "outbox.next_try_at": WORKER,
    "outbox.lease_until": WORKER,
    "outbox.fence": WORKER,
    "outbox.resent_at": "a mail that a person sent again has its event, which has the instant",
    "outbox.full_since": WORKER,
    "outbox.started_at": WORKER,
    "outbox.last_code": "a word for the desk; what the relay said stands in the ledger",
    "outbox.finished_at": "orders a list of the desk; the event has its own instant",
    "policies.kept_at": "when it was first used stands in the events that name it",
    "inbox.source": "which way it came in changes nothing",
    "inbox.received_at": "orders the desk's list; what was filed has its event's instant",
    "inbox.state": "where a person looks; what follows stands in the events",
    "inbox.mail_class": "a word for the desk; the event says what it was taken for",
    "inbox.why": "a word for the desk; the event has it too",
    "inbox.attempts": WORKER,
    "inbox.lease_until": WORKER,
    "inbox.fence": WORKER,
    "links.id": "random and named by nothing but sessions and one event",
    "links.hash": SIGNED,
    "links.key_id": SIGNED,
    "links.expires_at": SIGNED,
    "links.code_hash": SECRET,
    "links.revoked_at": "a revoked link only fails; a link of an older generation proves no more than its mail did",
    "links.openings": COUNTED,
    "links.tries": COUNTED,
    "links.slow_until": COUNTED,
    "second_codes.code_hash": SECRET,
    "second_codes.expires_at": "a day; the code itself is in the recipient's mail only",
    "second_codes.used_at": "a code that is good again proves again what it proved",
    "second_codes.tries": COUNTED,
    "second_codes.slow_until": COUNTED,
}
# A row in which every compared column has something to say; the newest otherwise.
ROWS: dict[str, str] = {
    "streams": "kind = 'case'",
    "events": "seq = 2",
    # one that can be given to the organisation: it has no part of its own in that event
    "event_parts": "part = 'coordinator' AND NOT EXISTS (SELECT 1 FROM event_parts x WHERE x.part = 'organisation'"
    " AND x.stream_id = event_parts.stream_id AND x.seq = event_parts.seq)",
    "reports": "read_at IS NOT NULL",
    "cases": "next_at IS NOT NULL AND coordinator_id <> ''",
    "deadlines": "id IN (SELECT deadline_id FROM outbox)",
    "outbox": "state = 'relayed' AND deadline_id IS NOT NULL",
    "inbox": "case_id IS NOT NULL",
    "links": "person_id IS NOT NULL",
}
# A change that says something else and can still be read; otherwise one byte, letter or digit of what is there.
OTHER: dict[str, Any] = {
    "streams.kind": "report",
    "events.seq": 1000,
    "event_parts.seq": 1000,
    "streams.erased_at": "2026-11-24 08:00:00.000000",
    "outbox.state": "prepared",
    "outbox.report_id": "0" * 32,
    "outbox.deadline_id": None,
    "links.purpose": "notice",
    "deadlines.state": "pending",
    "tasks.state": "cancelled",
    "event_parts.part": "organisation",
}
COVERED = [
    f"{table.name}.{column.name}"
    for table in metadata.sorted_tables
    for column in table.columns
    if table.name not in BESIDE and f"{table.name}.{column.name}" not in EXCEPTIONS
]


@pytest.fixture(scope="module")
def full(house: House) -> House:
    """Something in every table: a report with a picture, a search, a case up to the ladder, one with a certificate."""
    reported = house.report(pictures=(screenshot(),))
    reporting.mark_read(house.office, reported, desk.ADA, house.now)
    case_id = house.tied(reported, domain=desk.DOMAIN)
    for domain_id in house.case(case_id).domains:
        searching.start(house.hand(case_id), domain_id)
    searching.search(house.office, house.now, lambda *_: desk.findings("third@org.example"))
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    house.deliver()
    visit = house.confirmed(case_id)
    _, public = make_certificate(f"N <{OWN}>", now=T0 - timedelta(days=30))
    answering.hand_in_certificate(visit, public)
    house.shown(visit)
    house.released(case_id, visit.person_id)
    came(house, case_id)
    waiting = house.requested()
    _climb(house, waiting)
    proposal = {"approval_id": "b" * 32, "act": Act.RELEASE, "subject": "who", "expires_at": house.now + desk.HOUR}
    casefile.record(house.hand(waiting), e.ApprovalProposed(**proposal))
    assert verification.verify(house.office) == verification.Verified(True, 3, _events(house))
    return house


def came(house: House, case_id: str) -> None:
    """A person's answer to the contact request."""
    sender = next(
        back for (to, _), back in zip(house.relay.taken, house.relay.senders, strict=True) if to == desk.SECURITY
    )
    kept = receiving.Kept(b"Subject: Re\r\n\r\nHello", sender)
    receiving.receive(house.office, kept, house.now, source="pipe")
    said = desk.heard(MailClass.HUMAN_REPLY, text="Hello", sender_address="n@org.example")
    assert filing.file_waiting(house.office, house.now, lambda *_, **__: said).filed == 1


def _climb(house: House, case_id: str) -> None:
    """Days later nobody has answered: a reminder with its deadline, a call that nobody made, coordinators called."""
    for _ in range(8):
        clockwork.tick(house.office, house.later(timedelta(days=1)))
        house.deliver()
    assert any(task.open for task in house.case(case_id).tasks.values())


def _events(house: House) -> int:
    return int(one(house.office, "SELECT count(*) FROM events")[0])


@contextmanager
def damaged(house: House, statement: str, *values: Any) -> Iterator[None]:
    """The statement holds inside the block; afterwards its table is as it was, row after row."""
    found = re.match(r"(?:UPDATE|INSERT INTO|DELETE FROM) (\w+)", statement)
    assert found
    with raw(house.office) as shell:
        shell.execute(f"CREATE TEMPORARY TABLE kept AS SELECT * FROM {found[1]} ORDER BY rowid")  # noqa: S608
        try:
            changed = shell.execute(statement, values).rowcount
            assert changed == 1, f"{changed} rows for: {statement}"
            yield
        finally:
            shell.execute(f"DELETE FROM {found[1]}")  # noqa: S608
            shell.execute(f"INSERT INTO {found[1]} SELECT * FROM kept ORDER BY rowid")  # noqa: S608


def changed(value: Any) -> Any:
    """The smallest change of kind: one bit of bytes, the last letter or digit of a text."""
    match value:
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1])
        case datetime():
            return value + timedelta(minutes=10)
        case bool():  # PostgreSQL has them; SQLite stores numbers
            return not value
        case int():
            return value + 1
        case str() if re.match(r"\d{4}-\d\d-\d\d ", value):
            return value[:15] + ("1" if value[15] == "0" else "0") + value[16:]  # ten minutes and the like
        case str():
            return value[:-1] + ("1" if value[-1] != "1" else "2")
    return "2026-11-24 08:00:00.000000"


def row_of(house: House, table: str, columns: str) -> tuple[Any, ...]:
    where = f" WHERE {ROWS[table]}" if table in ROWS else ""
    query = f"SELECT rowid, {columns} FROM {table}{where} ORDER BY rowid DESC LIMIT 1"  # noqa: S608 - names of ours
    with raw(house.office) as shell:
        found = shell.execute(query).fetchone()
    assert found, f"nothing in {table}: the test shows nothing"
    return tuple(found)


FAULT = re.compile(r"stream [0-9a-f]{32}, event \d+: .+|stream system, event 0: .+")


@pytest.mark.parametrize("place", COVERED)
def test_a_changed_value_is_found_and_named(full: House, place: str) -> None:
    table, column = place.split(".")
    row_id, value = row_of(full, table, column)
    other = OTHER.get(place, changed(value))
    assert other != value
    with damaged(full, f"UPDATE {table} SET {column} = ? WHERE rowid = ?", other, row_id):  # noqa: S608
        found = verification.verify(full.office)
    assert not found.ok, f"{place}: {value!r} became {other!r} and nobody noticed"
    assert FAULT.fullmatch(found.fault), found.fault
    assert verification.verify(full.office).ok


# A link or code that is gone opens nothing: its mail is in the ledger, the row is no fact.
@pytest.mark.parametrize(
    "table", [t.name for t in metadata.sorted_tables if t.name not in {*BESIDE, "links", "second_codes"}]
)
def test_a_row_that_is_gone_is_missed(full: House, table: str) -> None:
    (row_id, _) = row_of(full, table, "1")
    with damaged(full, f"DELETE FROM {table} WHERE rowid = ?", row_id):  # noqa: S608
        found = verification.verify(full.office)
    assert not found.ok
    assert FAULT.fullmatch(found.fault), found.fault


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "INSERT INTO tasks SELECT 'x', case_id, kind, channel, due_at, state FROM tasks LIMIT 1",
            "tasks: no event knows",
        ),
        (
            "INSERT INTO case_reports SELECT c.id, r.id FROM cases c, reports r WHERE NOT EXISTS"
            " (SELECT 1 FROM case_reports x WHERE x.case_id = c.id AND x.report_id = r.id) LIMIT 1",
            "case_reports: no event knows",
        ),
        ("INSERT INTO domain_tokens SELECT 'x', id FROM cases LIMIT 1", "domain_tokens: no event knows"),
        (
            "INSERT INTO deadlines SELECT 'x', id, 'letter', 'notice', opened_at, 'fired', NULL FROM cases LIMIT 1",
            "deadlines: no event knows",
        ),
        ("INSERT INTO probes SELECT 'x', case_id, search_id, sha256, sealed FROM probes", "probes: no event knows"),
        (
            "INSERT INTO certificates SELECT 'x', case_id, fingerprint, sealed FROM certificates",
            "certificates: no event",
        ),
        (
            "INSERT INTO pictures SELECT 'x', report_id, media_type, 1, 1, sha256, sealed FROM pictures",
            "pictures: no event",
        ),
    ],
)
def test_a_row_that_no_event_knows_is_found(full: House, statement: str, words: str) -> None:
    with damaged(full, statement):
        found = verification.verify(full.office)
    assert words in found.fault, found.fault


def test_a_stream_whose_row_was_taken_away_is_missed(full: House) -> None:
    with damaged(full, "DELETE FROM streams WHERE id = (SELECT id FROM reports LIMIT 1)"):
        found = verification.verify(full.office)
    assert "row of this stream is missing" in found.fault


def test_every_table_and_column_is_decided() -> None:
    names = {table.name for table in metadata.sorted_tables}
    assert set(BESIDE) <= names
    columns = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.columns}
    assert set(EXCEPTIONS) | set(OTHER) <= columns, "an exception for what does not exist"
    assert not {name for name in EXCEPTIONS if name.partition(".")[0] in BESIDE}
    assert all(reason for reason in (*BESIDE.values(), *EXCEPTIONS.values()))


@pytest.mark.parametrize("place", EXCEPTIONS)
def test_an_exception_is_one(full: House, place: str) -> None:
    """What is compared after all must leave the list."""
    table, column = place.split(".")
    row_id, value = row_of(full, table, column)
    with damaged(full, f"UPDATE {table} SET {column} = ? WHERE rowid = ?", changed(value), row_id):  # noqa: S608
        assert verification.verify(full.office).ok


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        ("events.body", "text where bytes were", "another type"),
        ("events.at", "yesterday", "no instant at all"),
        ("cases.next_at", "never", "no instant at all"),
        ("outbox.sealed", b"", "nothing to open"),
        ("event_parts.sealed", b"\x00", "shorter than a nonce"),
        ("streams.kind", "crate", "a kind that nobody knows"),
        ("tasks.due_at", None, "nothing"),
    ],
)
def test_what_cannot_be_read_is_a_fault_and_no_crash(full: House, place: str, value: Any, why: str) -> None:
    table, column = place.split(".")
    (row_id, _) = row_of(full, table, "1")
    try:
        with damaged(full, f"UPDATE {table} SET {column} = ? WHERE rowid = ?", value, row_id):  # noqa: S608
            found = verification.verify(full.office)
    except (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.DataError, psycopg.ProgrammingError):
        return  # the database itself says no: to nothing where something must be, PostgreSQL also to text for bytes
    assert FAULT.fullmatch(found.fault), why


# --- one case ---


def test_one_case_by_id_or_number(full: House) -> None:
    case_id, number = one(full.office, "SELECT id, number FROM cases LIMIT 1")
    for said in (case_id, number, number.lower().replace("-", " ")):
        assert verification.verify(full.office, said).streams == 1


@pytest.mark.parametrize(("said", "error"), [("00000-00000", NotFound), ("not a number", InvalidInput)])
def test_a_case_that_is_none_is_the_callers_error(full: House, said: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        verification.verify(full.office, said)


# --- what happens in the ordinary way is no fault ---


def test_a_mail_sent_again_by_a_person_is_no_fault(full: House) -> None:
    case_id = full.tied()
    coordination.release_first_contact(full.hand(case_id), full.case(case_id).chosen[0])
    refusing = desk.Refusing()
    delivery.deliver(full.office, full.now, refusing)
    assert verification.verify(full.office).ok, "dead"
    deadletters.resend(full.office, next(iter(full.case(case_id).mails)), desk.ADA, full.later())
    assert verification.verify(full.office).ok, "waiting again"
    full.deliver()
    assert verification.verify(full.office).ok, "and relayed"


def test_a_heads_up_on_two_clocks_is_no_fault(full: House) -> None:
    """Announced anew when another clock runs (R34): both rows stay, and both are known."""
    story = Story().released()
    announced = e.RungClimbed(rung=Rung.HEADS_UP, clock=Clock.CONTACT, due_at=T0, mails=0, tasks=0)
    story.happens(T0 + HOUR, announced).standing(T0 + HOUR).notice(T0 + HOUR)
    story.happens(T0 + 2 * HOUR, replace(announced, clock=Clock.NOTICE))
    case_id = put(full.office, story)
    query = "SELECT clock FROM deadlines WHERE rung = 'heads_up' AND case_id = ?"
    with raw(full.office) as shell:
        rows = shell.execute(query, (case_id,)).fetchall()
    assert sorted(rows) == [("contact",), ("notice",)]
    assert verification.verify(full.office).ok


def test_a_domain_tied_later_and_a_report_linked_later_are_no_fault(full: House) -> None:
    case_id = full.opened(full.report())
    coordination.tie_domain(full.hand(case_id), Domain.parse("other.example"), "imprint")
    coordination.link_report(full.hand(case_id), full.report(domains=("a.example", "b.example", "a.example")))
    assert verification.verify(full.office).ok


def test_a_person_who_names_two_addresses_is_no_fault(full: House) -> None:
    case_id = full.requested()
    visit = full.confirmed(case_id)
    answering.name_address(visit, "first@org.example")
    full.deliver()
    full.shown(Visit(full.office, case_id, visit.person_id, full.later(MINUTE)), "second@org.example")
    full.later(HOUR)
    assert verification.verify(full.office).ok
