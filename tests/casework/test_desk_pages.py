"""What the desk lists and shows: order, pages by keyset, whose move it is, people and reports as rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from disclosure.casework import answering, clockwork, coordination, delivery, overview, reporting, reportpage, wholecase
from disclosure.casework.notices import Basis, NoticeFact, NoticeText, defang
from disclosure.casework.rows import Tone
from disclosure.demo.screenshot import screenshot
from disclosure.protocol.codes import Proof
from disclosure.protocol.errors import InvalidInput, NotFound
from disclosure.protocol.values import Language, Severity, Standing
from tests.casework import desk
from tests.casework.desk import ADA, HOUR, NOTICE, House
from tests.office import forget

EN = Language.EN


@pytest.fixture
def fresh(database: str, tmp_path) -> Iterator[House]:  # type: ignore[no-untyped-def]
    held = desk.build(tmp_path / "instance")
    yield held
    forget(held.office)


# --- overview ---


def test_an_empty_desk_is_empty(fresh: House) -> None:
    assert overview.inbox(fresh.office, EN, fresh.now).empty


def test_reports_wait_oldest_first_then_for_a_decision(fresh: House) -> None:
    ids = []
    for _ in range(7):
        ids.append(fresh.report())
        fresh.later()
    shown = overview.inbox(fresh.office, EN, fresh.now)
    assert [row.id for row in shown.reports.rows] == ids[: overview.GLANCE]
    rest = overview.waiting_reports(fresh.office, EN, shown.reports.next, overview.GLANCE)
    assert [row.id for row in rest.rows] == ids[overview.GLANCE :]
    assert not rest.next
    reporting.mark_read(fresh.office, ids[0], ADA, fresh.now)
    assert [row.id for row in overview.inbox(fresh.office, EN, fresh.now).undecided.rows] == [ids[0]]
    assert ids[0] not in {row.id for row in overview.waiting_reports(fresh.office, EN).rows}
    assert not any(row.overdue for row in shown.reports.rows)
    clockwork.tick(fresh.office, fresh.now + timedelta(days=2))
    assert all(row.overdue for row in overview.waiting_reports(fresh.office, EN).rows), "our own lateness is shown"


def test_cases_stand_by_whose_move_it_is_and_none_is_lost_between_pages(
    fresh: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "PAGE", 2)
    ours = [fresh.tied() for _ in range(3)]
    theirs = [fresh.requested() for _ in range(3)]
    coordination.close(fresh.hand(ours[2]), "duplicate", "the same again")
    got, after = [], ""
    for _ in range(6):
        page = overview.open_cases(fresh.office, EN, fresh.now, after)
        got += page.rows
        after = page.next
        if not after:
            break
    assert [row.ours for row in got] == [True, True, False, False, False], "ours first"
    assert {row.id for row in got} == {*ours[:2], *theirs}
    assert len(got) == 5, "none twice"
    assert [row.id for row in overview.closed_cases(fresh.office, EN, fresh.now).rows] == [ours[2]]
    assert overview.closed_cases(fresh.office, EN, fresh.now).rows[0].states[0].tone is Tone.CLOSED


@pytest.mark.parametrize("after", ["nonsense", "judge|x|y", "||||"])
def test_a_page_that_is_none_is_said_to_be_none(fresh: House, after: str) -> None:
    with pytest.raises(InvalidInput):
        overview.inbox(fresh.office, EN, fresh.now, after)


def test_tasks_and_dead_mails_wait_for_a_person_and_those_of_closed_cases_do_not(fresh: House) -> None:
    case_id = fresh.requested(severity=Severity.CRITICAL)
    clockwork.tick(fresh.office, fresh.now)
    (task,) = overview.open_tasks(fresh.office, EN, fresh.now).rows
    assert (task.case_id, task.overdue) == (case_id, False)
    (task,) = overview.open_tasks(fresh.office, EN, fresh.now + 5 * HOUR).rows
    assert task.overdue
    other = fresh.tied()
    coordination.release_first_contact(fresh.hand(other), fresh.case(other).chosen[0])
    delivery.deliver(fresh.office, fresh.now, desk.Refusing())
    shown = overview.standing_mails(fresh.office, EN).rows
    assert {mail.case_id for mail in shown} == {other}
    for closed in (case_id, other):
        coordination.close(fresh.hand(closed), "done", "done")
    assert not overview.open_tasks(fresh.office, EN, fresh.now).rows
    assert not overview.standing_mails(fresh.office, EN).rows


# --- people and contacts ---


def test_a_person_is_shown_with_standing_proof_and_whence(house: House) -> None:
    visit = house.shown(house.confirmed(house.requested()))
    (person,) = wholecase.page(house.office, visit.case_id, ADA, EN, house.now).persons
    assert (person.name, person.role, person.standing) == ("N. Name", "DPO", Standing.S2)
    assert (person.came_through, person.own_address) == (desk.SECURITY, desk.OWN)
    assert person.proof == "code sent to an own address at a tied domain"
    coordination.show_standing(house.hand(visit.case_id), visit.person_id, Proof.CALL_BACK, "note")
    (person,) = wholecase.page(house.office, visit.case_id, ADA, EN, house.now).persons
    assert (person.standing, person.proof) == (Standing.S3, "call back to a number found independently")
    answering.name_address(replace(visit, now=house.later()), "other@org.example")
    (person,) = wholecase.page(house.office, visit.case_id, ADA, EN, house.now).persons
    assert (person.standing, person.proof) == (Standing.S1, "link and code from the mail"), "back to what is proven now"


def test_contacts_are_shown_in_their_order_with_what_became_of_them(house: House) -> None:
    case_id = house.requested()
    page = wholecase.page(house.office, case_id, ADA, EN, house.now)
    assert [(row.address, row.place, row.written_to) for row in page.contacts.by_hand] == [
        (desk.SECURITY, 1, True),
        (desk.OFFICE_MAIL, 2, False),
        ("01 99 00 00 01", 3, False),
    ]
    first = page.contacts.by_hand[0]
    assert (first.tone, first.source, first.usable, first.off) == (Tone.ACKNOWLEDGED, "imprint", True, False)
    coordination.disable_contact(house.hand(case_id), first.id)
    first = wholecase.page(house.office, case_id, ADA, EN, house.now).contacts.by_hand[0]
    assert (first.tone, first.usable, first.off) == (Tone.LAPSED, False, True)


# --- one report ---


def test_a_report_is_read_word_by_word_and_its_private_words_stand_apart(house: House) -> None:
    report_id = house.report(pictures=(screenshot(),), how_obtained="told by a friend", reporter_name="R. Porter")
    page = reportpage.page(house.office, report_id, ADA, EN, house.now)
    assert ("Description", "A file is on sale.") in page.words
    assert dict(page.private) == {"How it was obtained": "told by a friend", "Name given": "R. Porter"}
    assert not {value for _, value in page.words} & {"told by a friend", "R. Porter"}, "for coordinators only (R4)"
    assert len(page.pictures) == 1
    assert page.begin["organisation"] == "Org"
    assert page.text_only is False
    reporting.answer(house.office, report_id, "Thank you.", ADA, house.later())
    reporting.write(house.office, report_id, "You are welcome.", house.later())
    said = reportpage.page(house.office, report_id, ADA, EN, house.now).said
    assert [(message.ours, message.text) for message in said] == [(True, "Thank you."), (False, "You are welcome.")]
    with pytest.raises(NotFound):
        reportpage.page(house.office, "0" * 32, ADA, EN, house.now)


# --- notices ---


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"presentation": " "}, "presentation"),
        ({"technical": ""}, "technical"),
        ({"advice": "x" * 20_001}, "advice"),
        ({"facts": (NoticeFact(Basis.PUBLIC, None, "seen"),)}, "facts"),
    ],
)
def test_a_notice_that_cannot_be_taken(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(NOTICE, **changes)  # type: ignore[arg-type]
    assert list(refused.value.problems) == [problem]


def test_a_notice_reads_back_as_it_was_written() -> None:
    full = replace(NOTICE, facts=tuple(NoticeFact(basis, date(2026, 11, 24), 'é\n"') for basis in Basis))
    assert NoticeText.read(full.to_text()) == full
    assert full.to_text() == NoticeText.read(full.to_text()).to_text(), "canonical"


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("see http://a.example/x", "see hxxp://a[.]example/x", "no program follows it"),
        ("https://a.example, and", "hxxps://a[.]example, and", "in a sentence"),
        ("www.a.example", "www[.]a[.]example", "without a scheme"),
        ("HTTP://A.example", "hxxp://A[.]example", "in capitals"),
        ("(https://a.example)", "(hxxps://a[.]example)", "in brackets"),
        ("ftp://a.example", "ftp[:]//a[.]example", "another scheme"),
        ("t.me/seller and a.example/x.html", "t[.]me/seller and a[.]example/x[.]html", "a name with a path"),
        ("A sentence. And more.", "A sentence. And more.", "plain text stays"),
        (
            "1.5 million, e.g. here, and/or 24.11.2026/3",
            "1.5 million, e.g. here, and/or 24.11.2026/3",
            "and dots in it",
        ),
        ("a\n\n  b\t", "a\n\n  b\t", "blanks too"),
        ("", "", "nothing"),
    ],
)
def test_links_of_strangers_are_defanged(text: str, expected: str, why: str) -> None:
    assert defang(text) == expected, why
