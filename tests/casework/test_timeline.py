"""One ledger, one view per audience (R43): who sees that something happened, and who may read its words."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import Enum
from itertools import pairwise
from typing import Any

import pytest

from disclosure.casework import casefile, clockwork, coordination, previewing, searching, timeline, wholecase
from disclosure.casework.casefile import CaseFile
from disclosure.casework.notices import NoticeText
from disclosure.casework.rows import Notch, TimelineRow
from disclosure.casework.sentences import SENTENCES
from disclosure.casework.sight import Sight
from disclosure.language import format_when
from disclosure.protocol import events as e
from disclosure.protocol.plain import parts_of
from disclosure.protocol.state import Case
from disclosure.protocol.values import Audience, Language, Party, Severity
from disclosure.store import ledger
from tests.casework import desk
from tests.casework.desk import ADA, HOUR, House
from tests.office import T0

R, O = Audience.REPORTER, Audience.ORGANISATION  # noqa: E741 - two columns of a table
# Beside coordinators, who see everything. Each line: who sees that it happened, and why.
SEEN: dict[type[e.Event], tuple[set[Audience], str]] = {
    e.ReportReceived: ({R}, "their own report"),
    e.PictureKept: ({R}, "their own picture, cleaned"),
    e.ReportRead: ({R}, "received, read, under way, closed (R11)"),
    e.ReportAccepted: ({R}, "R11"),
    e.ReportDeclined: ({R}, "with our reason"),
    e.ReportWithdrawn: ({R}, "their own act"),
    e.ReportTied: (set(), "which case is nobody's business outside"),
    e.ReporterWrote: ({R}, "two-way messages (R5)"),
    e.ReporterAnswered: ({R}, "two-way messages (R5)"),
    e.ContentErased: ({R, O}, "deletion is told to whoever it concerns (R45)"),
    e.NoticePictureKept: (set(), "what was copied is shown with the notice itself"),
    e.CaseOpened: (set(), "before first contact nothing exists outside"),
    e.CaseAssessed: (set(), "our judgement"),
    e.ReportLinked: (set(), "nothing about the source (R21)"),
    e.DomainTied: (set(), "our reasons"),
    e.CoordinatorAssigned: (set(), "inside"),
    e.NoteWritten: (set(), "inside"),
    e.SearchStarted: (set(), "inside"),
    e.LookupRecorded: (set(), "inside"),
    e.SearchEnded: (set(), "inside"),
    e.ContactFound: (set(), "inside"),
    e.ContactEntered: (set(), "inside"),
    e.CertificateSearchStarted: (set(), "inside"),
    e.CertificateSearchEnded: (set(), "inside"),
    e.CertificateFound: (set(), "inside"),
    e.CertificateEntered: (set(), "inside"),
    e.CertificateChosen: (set(), "inside"),
    e.ContactsChosen: (set(), "inside"),
    e.ContactDisabled: (set(), "inside"),
    e.ContactSuggested: ({O}, "their own act"),
    e.FirstContactReleased: ({O}, "that we wrote, and to whom"),
    e.MailQueued: (set(), "what has not left is no fact for them"),
    e.MailPrepared: (set(), "inside"),
    e.MailRelayed: ({O}, "what left, and when"),
    e.MailRefused: (set(), "our trouble with a relay"),
    e.MailAmbiguous: (set(), "our trouble with a relay"),
    e.MailGivenUp: (set(), "our trouble with a relay"),
    e.MailHeld: (set(), "what has not left is no fact for them"),
    e.MailResent: (set(), "what has not left is no fact for them"),
    e.MailCancelled: (set(), "what has not left is no fact for them"),
    e.MailDelivered: (set(), "what their server told us stays with us"),
    e.MailBounced: (set(), "what their server told us stays with us"),
    e.MailNoted: (set(), "what machines said of our mails"),
    e.OrganisationMailed: ({O}, "one thread with the page; the words, not who else wrote"),
    e.AuthorityMailed: (set(), "between an authority and us"),
    e.LinksRevoked: (set(), "inside"),
    e.LinkOpened: (set(), "by something: nobody is told that he was watched"),
    e.PersonConfirmed: ({O}, "everybody is told that somebody confirmed (R29)"),
    e.OwnAddressNamed: ({O}, "their own act"),
    e.CertificateHandedIn: ({O}, "their own act"),
    e.StandingShown: ({O}, "who speaks for them"),
    e.StandingObjected: ({O}, "and who objects"),
    e.NoticeDrafted: (set(), "before the release nothing"),
    e.NoticeReleased: ({O}, "the notice itself"),
    e.NoticeOpened: ({O}, "their own act"),
    e.NoticeAcknowledged: ({O}, "their own act; to the reporter only if a coordinator writes it (R11)"),
    e.NoticeContested: ({O}, "their own act"),
    e.ContestSettled: ({O}, "our answer to it"),
    e.RemediationPlanned: ({O}, "their own act"),
    e.RemediationClaimed: ({O}, "their own act"),
    e.OrganisationWrote: ({O}, "messages"),
    e.OrganisationAnswered: ({O}, "messages"),
    e.ClockExtended: ({O}, "the time they have (R35)"),
    e.ClockPaused: ({O}, "R35"),
    e.ClockResumed: ({O}, "R35"),
    e.OutageCredited: ({O}, "time that is nobody's silence"),
    e.EmbargoEnded: ({O}, "why it goes faster now (R36)"),
    e.RungClimbed: ({O}, "the ladder is announced"),
    e.TaskOpened: (set(), "inside"),
    e.TaskTaken: (set(), "inside"),
    e.TaskDone: ({O}, "that we called or posted"),
    e.TaskCancelled: (set(), "inside"),
    e.CoordinatorsCalled: (set(), "our own lateness"),
    e.ApprovalProposed: (set(), "inside"),
    e.ApprovalGiven: (set(), "inside"),
    e.ApprovalRefused: (set(), "inside"),
    e.ApprovalExpired: (set(), "inside"),
    e.ApprovalVoided: (set(), "inside"),
    e.AuthorityReferred: ({O}, "announced: which authority, and when (R34)"),
    e.AuthorityAnswered: (set(), "an authority's words are for us"),
    e.CaseUnreachable: (set(), "inside"),
    e.ForwardRequestReleased: ({O}, "that somebody was asked to pass our words on, and who"),
    e.PublicationAnnounced: ({O}, "announced, with its date (R46)"),
    e.CasePublished: ({R, O}, "public"),
    e.PublicationRetracted: ({R, O}, "retracted reaches all who received anything (R39)"),
    e.PolicyMoved: (set(), "inside"),
    e.CaseClosed: ({O}, "the end, and later the reporter's day of it (R11)"),
    e.CaseReopened: ({O}, "not the end"),
}


def test_every_event_is_decided() -> None:
    assert set(SEEN) == set(e.EVENT_TYPES.values())
    assert set(SENTENCES) == set(SEEN), "and has words"
    assert all(why for _, why in SEEN.values())


# --- canaries: one event of each kind, every sealed word marked with whose it is ---


def canary(kind: type[e.Event], field: dataclasses.Field[Any]) -> str:
    return f"canary-{field.metadata.get('part', 'open')}-{kind.__name__}-{field.name}"


def example(kind: type[e.Event]) -> e.Event:
    hints = typing.get_type_hints(kind)
    values = {field.name: _value(hints[field.name], canary(kind, field)) for field in dataclasses.fields(kind)}
    if kind is e.NoticeReleased:  # shown as it reads, not as the ledger keeps it
        values["text"] = NoticeText(values["text"], "T", "A").to_text()
    return kind(**values)


def _value(hint: Any, text: str) -> Any:
    if typing.get_origin(hint) is tuple:
        return (text,)
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return _value(next(arg for arg in typing.get_args(hint) if arg is not type(None)), text)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    return {str: text, bool: True, int: 3600, datetime: T0, date: T0.date()}[hint]


@pytest.fixture(scope="module")
def zoo(house: House) -> CaseFile:
    """A stream that holds one event of every kind; no fold could, so that only the timeline reads it."""
    store = house.office.store
    stream_id = store.keyring.new_stream()
    who = e.Actor(Party.COORDINATOR, ADA)
    with store.writing() as tx:
        ledger.open_stream(store, tx, stream_id, "zoo", T0)
        ledger.append(store, tx, stream_id, 0, T0, [(who, example(kind)) for kind in SEEN])
    return CaseFile(stream_id, Case(), casefile.look(house.office, house.opened()).rules)


def rows_of(
    house: House, zoo: CaseFile, audience: Audience, language: Language = Language.EN
) -> tuple[TimelineRow, ...]:
    with house.office.store.reading() as connection:
        return timeline.rows(house.office, connection, zoo, Sight(audience, language, {ADA: "Ada Name"}))


@pytest.mark.parametrize("kind", SEEN, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("audience", [R, O])
def test_who_sees_that_it_happened(house: House, zoo: CaseFile, audience: Audience, kind: type[e.Event]) -> None:
    seq = list(SEEN).index(kind) + 1
    seen, why = SEEN[kind]
    assert (seq in {row.seq for row in rows_of(house, zoo, audience)}) is (audience in seen), why


@pytest.mark.parametrize("audience", [R, O, Audience.AUTHORITY])
@pytest.mark.parametrize("language", Language)
def test_nothing_leaks_that_is_sealed_for_another(
    house: House, zoo: CaseFile, audience: Audience, language: Language
) -> None:
    shown = repr(rows_of(house, zoo, audience, language))
    for other in {*Audience} - {audience}:
        assert f"canary-{other}-" not in shown, f"sealed for {other}"
    assert "Ada Name" not in shown, "which coordinator it was stays inside"
    assert "SHA-256" not in shown, "details are for coordinators"


@pytest.mark.parametrize("audience", [R, O])
def test_words_of_others_are_not_even_opened(
    house: House, zoo: CaseFile, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was never decrypted cannot be shown by a sentence that somebody adds later."""
    asked: list[set[str]] = []
    read = ledger.read

    def noting(*arguments: Any, parts: Any = (), **named: Any) -> Any:
        asked.append({str(part) for part in parts})
        return read(*arguments, parts=parts, **named)

    monkeypatch.setattr(ledger, "read", noting)
    rows_of(house, zoo, audience)
    assert asked == [{str(audience)}]


def test_a_coordinator_sees_every_event_and_every_word_that_has_a_label(house: House, zoo: CaseFile) -> None:
    rows = rows_of(house, zoo, Audience.COORDINATOR)
    assert [row.seq for row in rows] == list(range(1, len(SEEN) + 1))
    assert all(row.sentence and row.actor == "Ada Name" and row.at == T0 for row in rows)
    shown = repr(rows)
    for kind, field in (
        (e.MailRelayed, "reply"),
        (e.MailRefused, "reply"),
        (e.NoteWritten, "text"),
        (e.TaskDone, "proof"),
        (e.DomainTied, "reason"),
        (e.AuthorityAnswered, "reference"),
        (e.NoticeContested, "words"),
        (e.LookupRecorded, "question"),
    ):
        held = next(f for f in dataclasses.fields(kind) if f.name == field)
        assert canary(kind, held) in shown, (kind.__name__, field)


@pytest.mark.parametrize("kind", SEEN, ids=lambda kind: kind.__name__)
def test_every_sealed_part_is_for_somebody_who_sees_the_event_or_for_us(kind: type[e.Event]) -> None:
    """A part sealed for an audience that never sees the event is read on that audience's page by other means."""
    elsewhere = {e.CaseOpened, e.DomainTied, e.ContactFound, e.ContactEntered}  # head of the page, who was written to
    for part in parts_of(kind):
        assert part is Audience.COORDINATOR or part in kind.audiences or kind in elsewhere


@pytest.mark.parametrize("kind", SEEN, ids=lambda kind: kind.__name__)
def test_every_sentence_is_in_both_languages(kind: type[e.Event]) -> None:
    event = example(kind)
    said = {language: SENTENCES[kind](event, Sight(R, language, {})) for language in Language}
    assert all(said.values())
    assert said[Language.FR] != said[Language.EN] or kind is e.NoteWritten, "a note is a note"


# --- order, instants, pages, runs ---


@pytest.fixture(scope="module")
def searched(house: House) -> str:
    case_id = house.tied()
    for domain_id in house.case(case_id).domains:
        searching.start(house.hand(case_id), domain_id)
    found = desk.findings("a@org.example", "b@org.example", review=("c@org.example",))
    searching.search(house.office, house.now, lambda *_: found)
    coordination.note(house.hand(case_id), "a note between")
    return case_id


def page(house: House, case_id: str, before: int | None = None, most: int = 100) -> tuple[TimelineRow, ...]:
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, case_id)
        sight = wholecase.sight_of(house.office, connection, file, Language.FR)
        return timeline.rows(house.office, connection, file, sight, before=before, most=most)


def test_events_stand_in_order_with_actor_and_exact_instant(house: House) -> None:
    case_id = house.requested()
    with house.office.store.reading() as connection:
        entries = ledger.read(house.office.store, connection, case_id)
    rows = page(house, case_id)
    assert [(row.seq, row.at, row.party) for row in rows] == [(x.seq, x.at, x.actor.party) for x in entries]
    assert all(a.at <= b.at for a, b in pairwise(rows))
    assert all(row.at.utcoffset() == timedelta(0) for row in rows), "aware, UTC inside"
    assert "09 h 00" in " ".join(format_when(T0, Language.FR).split()), "the hour of Paris on screen (R32)"
    assert format_when(T0, Language.FR) != format_when(T0 + timedelta(minutes=1), Language.FR), "to the minute"
    summer = format_when(datetime.fromisoformat("2027-07-01T08:00Z"), Language.EN)
    assert "10:00" in summer, "two hours ahead of UTC in summer"
    assert "Paris" in summer, "the zone is said"


def test_what_the_relay_answered_stands_beside_the_mail(house: House) -> None:
    relayed = [row for row in page(house, house.requested()) if "relais" in row.sentence]
    assert [d.value for row in relayed for d in row.details if d.mono] == ["250 2.0.0 Ok: queued as 4F"]


def test_runs_of_the_machine_fold_and_a_persons_act_does_not(house: House, searched: str) -> None:
    rows = page(house, searched)
    folded = [row for row in rows if row.run]
    assert {row.run for row in folded} == {"lookups"}
    assert len(folded) == 7, "one look-up, three contacts and their certificates asked for, one line"
    assert all(row.party is Party.MACHINE for row in folded)
    assert [b.seq - a.seq for a, b in pairwise(folded)] == [1] * 6, "they follow each other"
    assert {kind for kind in timeline.RUNS if SEEN[kind][0]} == set(), "nothing folds that somebody outside sees"


@pytest.mark.parametrize("most", [1, 3, 7])
def test_older_events_come_page_by_page_none_twice_none_lost(house: House, searched: str, most: int) -> None:
    everything, got, before = [row.seq for row in page(house, searched)], [], None
    while held := page(house, searched, before, most):
        got = [row.seq for row in held] + got
        before = held[0].seq
    assert got == everything


# --- the future ---


@pytest.fixture(scope="module")
def silent(house: House) -> Iterator[str]:
    case_id = house.requested(severity=Severity.CRITICAL)
    clockwork.tick(house.office, house.later(HOUR))
    return case_id  # type: ignore[return-value]


def test_the_future_is_what_the_preview_says(house: House, silent: str) -> None:
    steps = previewing.steps(house.office, house.case(silent).number, house.now)
    shown = wholecase.page(house.office, silent, ADA, Language.EN, house.now).coming
    assert [step["at"] for step in steps] == [row.at.isoformat() for row in shown]
    assert [len(step["effects"]) for step in steps] == [len(row.details) for row in shown]
    assert [bool(step["blocked_by"]) for step in steps] == [bool(row.blocked_by) for row in shown]
    assert [effect["to"] for step in steps for effect in step["effects"] if effect["to"]] == [
        detail.value.rpartition(": ")[2] for row in shown for detail in row.details if "to be found" not in detail.value
    ]
    rungs = [step["rung"] for step in steps]
    assert (
        rungs.index("reminder") < rungs.index("second_contact") < rungs.index("heads_up") < rungs.index("authorities")
    )
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)


def test_the_picture_has_the_past_and_the_same_future(house: House, silent: str) -> None:
    shown = wholecase.page(house.office, silent, ADA, Language.EN, house.now)
    passed = [mark for mark in shown.picture.rungs if mark.notch is Notch.PASSED]
    ahead = [mark for mark in shown.picture.rungs if mark.notch is not Notch.PASSED]
    assert {mark.at for mark in passed} == {climbed.at for climbed in house.case(silent).rungs.values()}
    assert sorted(mark.at for mark in ahead) == [row.at for row in shown.coming]
    assert shown.picture.start <= shown.picture.now <= shown.picture.end


def test_the_preview_comes_true(house: House) -> None:
    """Nobody answers, every task is done when it is due: each rung is climbed at the instant that was shown."""
    case_id = house.requested(severity=Severity.CRITICAL)
    foretold = {step["rung"]: step["at"] for step in previewing.steps(house.office, case_id, house.now)}
    start = house.now
    for hours in range(0, 24 * 6):
        now = start + hours * HOUR
        clockwork.tick(house.office, now)
        for task in [t for t in house.case(case_id).tasks.values() if t.open and t.due_at <= now]:
            coordination.task_done(
                casefile.Hand(house.office, case_id, ADA, now), task.id, "spoken to", "", none_given=True
            )
        house.now = now
        house.deliver()
    climbed = {str(rung): c.at.isoformat() for rung, c in house.case(case_id).rungs.items()}
    assert climbed == foretold
