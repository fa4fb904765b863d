"""What an answer does: to the clocks (R33), to the authorities that were told (R39), and when it comes late (R28)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from disclosure.casework import (
    answering,
    authorities,
    casefile,
    clockwork,
    coordination,
    timeline,
    verification,
    wholecase,
)
from disclosure.casework.answering import Visit
from disclosure.casework.sight import Sight
from disclosure.demo.certificates import make_certificate
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import Clock, MailType, Rung, TaskKind
from disclosure.protocol.errors import InvalidInput, Refused
from disclosure.protocol.ladder import running
from disclosure.protocol.values import Answer, Audience, Channel, Language, Severity
from tests.casework import desk
from tests.casework.desk import ADA, HOUR, OWN, SECURITY, House
from tests.office import T0, forget

DAY = timedelta(days=1)
ANSSI = "cert@anssi.example"


@pytest.fixture(scope="module")
def house(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Its operator has confirmed ANSSI's mail channel; CNIL is reached by post."""
    held = desk.build(tmp_path_factory.mktemp("answers") / "instance")
    _, public = make_certificate(f"Test <{ANSSI}>", now=T0 - timedelta(days=30))
    authorities.confirm_channel(held.office, "fr-anssi:mail", public, ADA, T0)
    yield held
    forget(held.office)


def clock(house: House, case_id: str) -> Clock | None:
    file = casefile.look(house.office, case_id)
    run = running(file.case, file.rules.policy)
    return run.clock if run else None


def tasks(house: House, case_id: str, kind: TaskKind) -> list[str]:
    return [t.target for t in house.case(case_id).tasks.values() if t.open and t.kind is kind]


def later_mails(house: House, case_id: str) -> list[str]:
    return [m.to for m in house.case(case_id).mails.values() if m.type is MailType.LATER_FACT]


def silence(house: House, case_id: str) -> None:
    """Nobody answers until the authorities are told; what a person must do is done, but CNIL's letter."""
    for _ in range(40):
        if house.case(case_id).referred:
            break
        clockwork.tick(house.office, house.later(6 * HOUR))
        for task in [t for t in house.case(case_id).tasks.values() if t.open and t.kind is TaskKind.PHONE_CALL]:
            coordination.task_done(house.hand(case_id), task.id, "spoken to", "")
        house.deliver()
    house.deliver()
    assert {a: r.channel for a, r in house.case(case_id).referred.items()} == {
        "fr-anssi": Channel.MAIL,
        "fr-cnil": Channel.POST,
    }


@pytest.fixture(scope="module")
def late(house: House) -> Visit:
    """The organisation answers after the authorities were told: confirmed, S2, notice released."""
    case_id = house.requested(severity=Severity.CRITICAL)
    silence(house, case_id)
    house.later(HOUR)
    visit = house.shown(house.confirmed(case_id))
    house.released(case_id, visit.person_id)
    return replace(visit, now=house.later())


# --- late, and welcome ---


def test_a_late_acknowledgement_is_welcome_shown_as_late_and_sent_on(house: House, late: Visit) -> None:
    case_id = late.case_id
    before, queued = len(house.relay.to(ANSSI)), len(later_mails(house, case_id))
    answering.acknowledge(replace(late, now=house.later()), "Read.")
    house.deliver()
    assert house.case(case_id).state(Axis.ACKNOWLEDGEMENT) == "acknowledged"
    assert len(later_mails(house, case_id)) == queued + 1
    assert len(house.relay.to(ANSSI)) > before, "sent on, encrypted, to whoever was told by mail"
    assert b"Read." not in house.relay.to(ANSSI)[-1]
    assert tasks(house, case_id, TaskKind.LATER_FACT) == ["fr-cnil"], "and by a person to whoever was told by post"
    page = wholecase.page(house.office, case_id, ADA, Language.EN, house.now)
    said = [row.sentence for row in page.rows if "acknowledged" in row.sentence]
    assert said == ["Notice acknowledged by N. Name, late: after an authority was told"]
    assert "Acknowledged, late" in [flag.label for flag in page.picture.flags]
    answering.acknowledge(late, "Again.")
    assert len(later_mails(house, case_id)) == queued + 1, "double is no error and sends nothing twice"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda visit: answering.contest(visit, "Not ours."), "contest"),
        (lambda visit: answering.plan_remediation(visit, visit.now.date() + DAY, "soon"), "a plan"),
        (lambda visit: answering.claim_remediation(visit, ""), "remediation"),
    ],
)
def test_every_later_answer_is_sent_on(house: House, late: Visit, answer: Callable[[Visit], None], why: str) -> None:
    visit = replace(late, now=house.later())
    before = len(later_mails(house, late.case_id))
    answer(visit)
    assert len(later_mails(house, late.case_id)) == before + 1, why
    assert tasks(house, late.case_id, TaskKind.LATER_FACT) == ["fr-cnil"], "one letter for all that has come since"


def test_a_message_is_not_sent_on(house: House, late: Visit) -> None:
    before = len(later_mails(house, late.case_id))
    answering.write(replace(late, now=house.later()), "A question.")
    assert len(later_mails(house, late.case_id)) == before


@pytest.mark.parametrize(("upheld", "told"), [(True, True), (False, False)])
def test_a_correction_reaches_everybody_who_was_told(house: House, upheld: bool, told: bool) -> None:
    """R39: what was said of the organisation and is taken back goes wherever it went before."""
    case_id = house.requested(severity=Severity.CRITICAL)
    silence(house, case_id)
    visit = house.shown(house.confirmed(case_id))
    house.released(case_id, visit.person_id)
    answering.contest(replace(visit, now=house.later()), "Not ours.")
    for task in [t for t in house.case(case_id).tasks.values() if t.open and t.kind is TaskKind.LATER_FACT]:
        coordination.task_done(house.hand(case_id), task.id, "posted", "")
    before = len(later_mails(house, case_id))
    coordination.settle_contest(house.hand(case_id), upheld=upheld, words="You are right.")
    assert (len(later_mails(house, case_id)) > before) is told
    assert (tasks(house, case_id, TaskKind.LATER_FACT) == ["fr-cnil"]) is told
    assert (house.case(case_id).corrected_at is not None) is upheld
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, case_id)
        names = timeline.names(house.office, connection, file)
        rows = timeline.rows(house.office, connection, file, Sight(Audience.ORGANISATION, Language.EN, names))
    assert any("contest was" in row.sentence for row in rows), "the organisation sees it on its page"
    said = house.case(case_id).last_seq
    with pytest.raises(Refused, match="no_contest_waits"):
        coordination.settle_contest(house.hand(case_id), upheld=upheld, words="You are right.")
    assert house.case(case_id).last_seq == said, "a second click writes to nobody again"


def test_an_answer_in_time_is_not_late_and_tells_nobody(house: House) -> None:
    visit = house.noticed()
    answering.acknowledge(visit)
    page = wholecase.page(house.office, visit.case_id, ADA, Language.EN, house.now)
    assert not [row for row in page.rows if "late" in row.sentence]
    assert not later_mails(house, visit.case_id)
    assert "Acknowledged" in [flag.label for flag in page.picture.flags]


# --- what stops a clock, and what does not ---


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda visit: answering.claim_remediation(visit, "done"), "whoever read the mail could end it all"),
        (lambda visit: answering.plan_remediation(visit, visit.now.date() + DAY, "soon"), "or with a plan"),
        (lambda visit: answering.contest(visit, "not ours"), "contesting before the notice was opened (R33)"),
        (lambda visit: answering.write(visit, "who are you?"), "a question"),
    ],
)
def test_nobody_stops_the_clock_who_was_released_nothing(
    house: House, answer: Callable[[Visit], None], why: str
) -> None:
    visit = house.confirmed(house.requested())
    answer(visit)
    assert clock(house, visit.case_id) is Clock.CONTACT, why
    assert house.case(visit.case_id).answered_at is None
    clockwork.tick(house.office, house.now + 30 * DAY)
    assert Rung.REMINDER in house.case(visit.case_id).rungs
    assert verification.verify(house.office, visit.case_id).ok


def test_the_same_words_of_the_person_with_the_notice_end_the_clocks(house: House) -> None:
    visit = house.noticed()
    assert clock(house, visit.case_id) is Clock.NOTICE
    answering.acknowledge(visit)
    assert clock(house, visit.case_id) is Clock.ACTION
    answering.claim_remediation(replace(visit, now=house.later()), "done")
    assert clock(house, visit.case_id) is None


def test_who_shows_standing_and_falls_back_to_s1_does_not_stop_the_clock_for_good(house: House) -> None:
    case_id = house.requested()
    started = house.case(case_id).contact_started_at
    visit = house.shown(house.confirmed(case_id))
    assert clock(house, case_id) is None, "now it is our move"
    shown_at = house.case(case_id).standing_at
    back = replace(visit, now=house.later(5 * HOUR))
    answering.name_address(back, "other@org.example")
    assert clock(house, case_id) is Clock.CONTACT, "nobody speaks for the organisation any more"
    case = house.case(case_id)
    assert case.contact_started_at == started
    assert [(s.start, s.end) for s in case.stills if s.why == "ours"] == [(shown_at, back.now)], (
        "the time in which the release was ours"
    )
    house.deliver()
    house.shown(replace(visit, now=house.later()))
    assert clock(house, case_id) is None
    assert verification.verify(house.office, case_id).ok


def test_a_call_to_the_organisation_is_dropped_when_somebody_answers_and_a_referral_is_not(house: House) -> None:
    """A referral by telephone is a call too, to somebody else."""
    authorities.withdraw_channel(house.office, "fr-anssi:mail")
    case_id = house.requested(severity=Severity.CRITICAL, personal_data=Answer.NO)
    for _ in range(40):
        if house.case(case_id).referred:
            break
        clockwork.tick(house.office, house.later(6 * HOUR))
        for task in [t for t in house.case(case_id).tasks.values() if t.open and t.blocking]:
            coordination.task_done(house.hand(case_id), task.id, "spoken to", "")
        house.deliver()
    assert house.case(case_id).referred["fr-anssi"].channel is Channel.PHONE
    house.shown(house.confirmed(case_id))
    assert tasks(house, case_id, TaskKind.REFERRAL) == ["fr-anssi"]
    _, public = make_certificate(f"Test <{ANSSI}>", now=T0 - timedelta(days=30))
    authorities.confirm_channel(house.office, "fr-anssi:mail", public, ADA, T0)


# --- time ---


@pytest.mark.parametrize(
    ("days", "reason", "error", "why"),
    [
        (7, "holidays", None, "with a reason, within the cap (R35)"),
        (7, " ", InvalidInput, "without a reason"),
        (31, "holidays", Refused, "beyond the cap"),
        (0, "holidays", Refused, "nothing"),
        (-1, "holidays", Refused, "less than nothing"),
    ],
)
def test_more_time(house: House, days: int, reason: str, error: type[Exception] | None, why: str) -> None:
    visit = house.noticed()
    if error:
        with pytest.raises(error):
            answering.ask_for_time(visit, days, reason)
        assert not house.case(visit.case_id).extensions, why
    else:
        answering.ask_for_time(visit, days, reason)
        assert house.case(visit.case_id).extensions == {Clock.NOTICE: days * 86_400}


def test_the_cap_is_on_the_sum_of_both_sides(house: House) -> None:
    visit = house.noticed()
    coordination.extend(house.hand(visit.case_id), Clock.NOTICE, 20 * DAY, "asked by telephone")
    with pytest.raises(Refused):
        answering.ask_for_time(visit, 11, "holidays")
    answering.ask_for_time(visit, 10, "holidays")


# --- words ---


@pytest.mark.parametrize(
    ("act", "problem"),
    [
        (lambda visit: answering.contest(visit, " "), "required"),
        (lambda visit: answering.contest(visit, "x" * 10_001), "too_long"),
        (lambda visit: answering.write(visit, ""), "required"),
        (lambda visit: answering.acknowledge(visit, "x" * 10_001), "too_long"),
        (lambda visit: answering.plan_remediation(visit, visit.now.date() - DAY, ""), "in_the_past"),
        (lambda visit: answering.suggest_contact(visit, Channel.PHONE, " "), "required"),
        (lambda visit: answering.suggest_contact(visit, Channel.MAIL, "x"), "not_an_address"),
    ],
)
def test_what_cannot_be_taken(house: House, act: Callable[[Visit], None], problem: str) -> None:
    visit = house.confirmed(house.requested())
    before = house.case(visit.case_id).last_seq
    with pytest.raises(InvalidInput) as refused:
        act(visit)
    assert list(refused.value.problems.values()) == [problem]
    assert house.case(visit.case_id).last_seq == before, "nothing is half stored"


def test_a_named_contact_is_a_candidate_and_is_written_to_by_nobody(house: House) -> None:
    visit = house.confirmed(house.requested())
    answering.suggest_contact(visit, Channel.MAIL, "boss@org.example")
    clockwork.tick(house.office, house.now + 60 * DAY)
    house.deliver()
    assert not house.relay.to("boss@org.example"), "R23: a coordinator chooses first"


def test_an_answer_by_telephone_is_recorded_by_a_coordinator_in_own_words(house: House) -> None:
    visit = house.noticed()
    with pytest.raises(InvalidInput):
        coordination.record_acknowledgement(house.hand(visit.case_id), visit.person_id, " ")
    coordination.record_acknowledgement(house.hand(visit.case_id), visit.person_id, "Called back: read it.")
    assert house.case(visit.case_id).acknowledged_at == house.now
    assert house.relay.to(OWN)
    assert house.relay.to(SECURITY)
