"""Two coordinators for first contact, release and referral (R12): asked for, given by another, lapsed, asked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from disclosure.casework import (
    accounts,
    answering,
    approvalpage,
    approvals,
    casefile,
    clockwork,
    coordination,
    delivery,
    dossiers,
    leaving,
    timeline,
    verification,
)
from disclosure.casework.answering import Visit
from disclosure.casework.casefile import Hand
from disclosure.casework.coordination import ReleaseNotice
from disclosure.casework.sight import Sight
from disclosure.demo import stage
from disclosure.demo.certificates import make_certificate
from disclosure.policy import DATA
from disclosure.protocol import events as e
from disclosure.protocol.codes import Act, MailType, OwnClock, Proof, Rung
from disclosure.protocol.errors import IllegalMove, InvalidInput, NotFound, Refused
from disclosure.protocol.state import Approval
from disclosure.protocol.values import Answer, Audience, Language, Party, Standing
from disclosure.store import ledger, schema, tables
from disclosure.store.tables import outbox
from tests.casework import desk
from tests.casework.desk import ADA, BO, HOUR, NOTICE, House
from tests.office import T0, forget

DAY = timedelta(days=1)
TWO = (
    (DATA / "policy.toml")
    .read_text(encoding="utf-8")
    .replace("first_contact = 1", "first_contact = 2")
    .replace("release = 1", "release = 2")
    .replace("referral = 0", "referral = 2")
)


@pytest.fixture(scope="module")
def two(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Policy asks two coordinators for everything."""
    held = desk.build(tmp_path_factory.mktemp("two") / "instance", policy=TWO)
    yield held
    forget(held.office)


def asked(house: House, case_id: str, act: Act) -> list[Approval]:
    return [a for a in house.case(case_id).approvals.values() if a.act is act]


def waiting(house: House, case_id: str, act: Act) -> Approval:
    (found,) = (a for a in asked(house, case_id, act) if a.open)
    return found


def by(house: House, case_id: str, login: str, now: datetime | None = None) -> Hand:
    return Hand(house.office, case_id, login, now or house.now)


# --- each act ---


def first_contact(house: House) -> tuple[str, object]:
    case_id = house.tied()
    contact = house.case(case_id).chosen[0]
    return case_id, lambda login: coordination.release_first_contact(by(house, case_id, login), contact)


def release(house: House) -> tuple[str, object]:
    case_id, act = first_contact(house)
    act(ADA)  # type: ignore[operator]
    approvals.approve(by(house, case_id, BO), waiting(house, case_id, Act.FIRST_CONTACT).id)
    act(ADA)  # type: ignore[operator]
    house.deliver()
    visit = house.shown(house.confirmed(case_id))
    coordination.draft_notice(house.hand(case_id), NOTICE)
    person = house.case(case_id).persons[visit.person_id]
    command = ReleaseNotice(person.id, person.standing, person.fingerprint, True, True)
    return case_id, lambda login: coordination.release_notice(by(house, case_id, login), command)


def done(house: House, case_id: str, act: Act) -> bool:
    case = house.case(case_id)
    return bool(case.released_to) if act is Act.FIRST_CONTACT else case.released is not None


ACTS = [(first_contact, Act.FIRST_CONTACT), (release, Act.RELEASE)]


@pytest.mark.parametrize(("prepare", "kind"), ACTS)
def test_one_asks_another_gives_and_then_it_is_done(two: House, prepare, kind: Act) -> None:  # type: ignore[no-untyped-def]
    case_id, act = prepare(two)
    mails = len(two.case(case_id).mails)
    act(ADA)
    approval = waiting(two, case_id, kind)
    assert not done(two, case_id, kind), "asked for, not done"
    assert len(two.case(case_id).mails) == mails, "nothing left"
    with pytest.raises(Refused) as refused:
        act(BO)
    assert refused.value.reason == "approval_pending", "asking twice gives nothing"
    with pytest.raises(Refused) as refused:
        approvals.approve(by(two, case_id, ADA), approval.id)
    assert refused.value.reason == "same_person", "one's own approval is none"
    assert not done(two, case_id, kind)
    approvals.approve(by(two, case_id, BO), approval.id)
    assert not done(two, case_id, kind), "the act itself stays a person's"
    act(ADA)
    assert done(two, case_id, kind)
    assert verification.verify(two.office).ok


@pytest.mark.parametrize(("prepare", "kind"), ACTS)
def test_an_expired_approval_cannot_be_given_and_is_proposed_again(two: House, prepare, kind: Act) -> None:  # type: ignore[no-untyped-def]
    case_id, act = prepare(two)
    act(ADA)
    approval = waiting(two, case_id, kind)
    with pytest.raises(IllegalMove):
        approvals.approve(by(two, case_id, BO, approval.expires_at), approval.id)
    clockwork.tick(two.office, approval.expires_at - timedelta(seconds=1))
    assert waiting(two, case_id, kind).id == approval.id, "not a second early"
    clockwork.tick(two.office, approval.expires_at)
    again = waiting(two, case_id, kind)
    assert again.id != approval.id
    assert two.case(case_id).approvals[approval.id].expired
    assert (again.subject, again.proposed_by) == (approval.subject, ""), "the same act, asked for by the machine"
    later = again.proposed_at + HOUR
    approvals.approve(by(two, case_id, BO, later), again.id)
    with pytest.raises(Refused):
        act(BO)
    assert not done(two, case_id, kind), "the machine is no coordinator: two persons are needed"
    approvals.approve(by(two, case_id, ADA, later), again.id)
    act(ADA)
    assert done(two, case_id, kind)
    assert verification.verify(two.office).ok


def test_what_can_no_longer_be_done_is_void_and_not_asked_for_again(two: House) -> None:
    case_id, act = first_contact(two)
    act(ADA)  # type: ignore[operator]
    approval = waiting(two, case_id, Act.FIRST_CONTACT)
    coordination.disable_contact(two.hand(case_id), approval.subject)
    with pytest.raises(Refused) as refused:
        approvals.approve(by(two, case_id, BO), approval.id)
    assert refused.value.reason == "approval_void"
    clockwork.tick(two.office, two.now)
    clockwork.tick(two.office, approval.expires_at)
    assert [a.void for a in asked(two, case_id, Act.FIRST_CONTACT)] == [True], "noted at the next tick, asked no more"
    assert verification.verify(two.office).ok


# --- an approval is for what was seen ---


def host_in_doubt(house: House, case_id: str, subject: str) -> None:
    coordination.assess(house.hand(case_id), replace(desk.ASSESSMENT, host_compromised=Answer.UNKNOWN, reason="r"))


def another_draft(house: House, case_id: str, subject: str) -> None:
    coordination.draft_notice(house.hand(case_id), replace(NOTICE, advice="Other advice."))


def another_certificate(house: House, case_id: str, subject: str) -> None:
    _, public = make_certificate(f"N <{desk.OWN}>", now=T0 - 30 * DAY)
    answering.hand_in_certificate(Visit(house.office, case_id, subject, house.now), public)
    _happens(house, case_id, e.StandingShown(person_id=subject, standing=Standing.S3, proof=Proof.CALL_BACK, note="n"))


def standing_lost(house: House, case_id: str, subject: str) -> None:
    named = e.OwnAddressNamed(
        person_id=subject, domain_id=next(iter(house.case(case_id).domains)), address="x@org.example"
    )
    _happens(house, case_id, named)


def _happens(house: House, case_id: str, event: e.Event) -> None:
    casefile.record(house.hand(case_id), event)


@pytest.mark.parametrize(
    ("prepare", "kind", "change", "legal_again"),
    [
        (first_contact, Act.FIRST_CONTACT, host_in_doubt, True),
        (release, Act.RELEASE, another_draft, True),
        (release, Act.RELEASE, another_certificate, False),  # the command names the certificate of before
        (release, Act.RELEASE, standing_lost, False),
    ],
)
@pytest.mark.parametrize("given_before", [False, True])
def test_another_state_needs_another_approval(  # type: ignore[no-untyped-def]
    two: House, prepare, kind: Act, change, *, legal_again: bool, given_before: bool
) -> None:
    case_id, act = prepare(two)
    act(ADA)
    approval = waiting(two, case_id, kind)
    if given_before:
        approvals.approve(by(two, case_id, BO), approval.id)
    change(two, case_id, approval.subject)
    if not given_before:
        with pytest.raises(Refused) as refused:
            approvals.approve(by(two, case_id, BO), approval.id)
        assert refused.value.reason == "approval_void", "nobody approves what they did not see"
    if legal_again:
        act(ADA)
        assert not done(two, case_id, kind), "it is asked for anew"
        assert waiting_now(two, case_id, kind) != approval.id
    else:
        with pytest.raises(Refused):
            act(ADA)
        assert not done(two, case_id, kind)
    clockwork.tick(two.office, two.now)
    assert two.case(case_id).approvals[approval.id].void, "and the ledger says why"
    assert verification.verify(two.office).ok


def waiting_now(house: House, case_id: str, act: Act) -> str:
    """The id of the newest one."""
    return max(asked(house, case_id, act), key=lambda a: a.seq).id


# --- a refusal ---


@pytest.mark.parametrize(("prepare", "kind"), ACTS)
@pytest.mark.parametrize("given_before", [False, True])
def test_a_refusal_has_a_reason_and_ends_the_question(  # type: ignore[no-untyped-def]
    two: House, prepare, kind: Act, *, given_before: bool
) -> None:
    case_id, act = prepare(two)
    act(ADA)
    approval = waiting(two, case_id, kind)
    if given_before:
        approvals.approve(by(two, case_id, BO), approval.id)
    with pytest.raises(InvalidInput):
        approvals.refuse(by(two, case_id, BO), approval.id, " ")
    approvals.refuse(by(two, case_id, BO), approval.id, "The wrong person.")
    with pytest.raises(IllegalMove):
        approvals.approve(by(two, case_id, BO), approval.id)
    clockwork.tick(two.office, approval.expires_at)
    assert [a.id for a in asked(two, case_id, kind)] == [approval.id], "the machine does not ask for a person's act"
    act(ADA)
    assert not done(two, case_id, kind), "asked for again, by a person"
    assert waiting(two, case_id, kind).id != approval.id
    approvals.approve(by(two, case_id, BO), waiting(two, case_id, kind).id)
    act(ADA)
    assert done(two, case_id, kind)
    with pytest.raises(IllegalMove):
        approvals.refuse(by(two, case_id, BO), waiting_now(two, case_id, kind), "Too late.")
    with two.office.store.reading() as connection:
        entries = ledger.read(two.office.store, connection, case_id, parts=ledger.EVERY_PART)
    assert [x.event.reason for x in entries if isinstance(x.event, e.ApprovalRefused)] == ["The wrong person."]


@pytest.mark.timeout(60)
def test_a_refusal_delays_a_referral_and_never_ends_it(two: House) -> None:
    case_id, now = up_to_the_referral(two)
    approval = waiting(two, case_id, Act.REFERRAL)
    approvals.refuse(by(two, case_id, ADA, now), approval.id, "Not before we have called again.")
    clockwork.tick(two.office, approval.expires_at - timedelta(seconds=1))
    assert [a.open for a in asked(two, case_id, Act.REFERRAL)] == [False], "as long as it would have been asked for"
    clockwork.tick(two.office, approval.expires_at)
    again = waiting(two, case_id, Act.REFERRAL)
    assert again.proposed_by == "", "the machine asks, everybody is called"
    for login in (ADA, BO):
        approvals.approve(by(two, case_id, login, approval.expires_at), again.id)
    clockwork.tick(two.office, approval.expires_at)
    assert set(two.case(case_id).referred) == {"fr-anssi", "fr-cnil"}
    assert verification.verify(two.office).ok


@pytest.mark.timeout(60)
def test_a_referral_to_others_is_asked_for_anew_at_once(two: House) -> None:
    """Without personal data the CNIL is not told: the two who said yes saw another list and another dossier."""
    case_id, now = up_to_the_referral(two)
    approval = waiting(two, case_id, Act.REFERRAL)
    for login in (ADA, BO):
        approvals.approve(by(two, case_id, login, now), approval.id)
    coordination.assess(by(two, case_id, ADA, now), replace(desk.ASSESSMENT, personal_data=Answer.NO, reason="r"))
    clockwork.tick(two.office, now)
    assert not two.case(case_id).referred
    assert two.case(case_id).approvals[approval.id].void
    again = waiting(two, case_id, Act.REFERRAL)
    for login in (ADA, BO):
        approvals.approve(by(two, case_id, login, now), again.id)
    clockwork.tick(two.office, now)
    assert set(two.case(case_id).referred) == {"fr-anssi"}
    assert verification.verify(two.office).ok


# --- what waits, over all cases; what stands on the page ---


def rows_of(house: House, case_id: str, login: str, now: datetime) -> list[approvalpage.WaitingRow]:
    page = approvalpage.waiting(house.office, login, Language.EN, now, most=1000)
    return [row for row in page.rows if row.case_id == case_id]


def test_the_list_of_what_waits(two: House) -> None:
    case_id, act = first_contact(two)
    assert rows_of(two, case_id, BO, two.now) == []
    act(ADA)  # type: ignore[operator]
    (mine,) = rows_of(two, case_id, ADA, two.now)
    (row,) = rows_of(two, case_id, BO, two.now)
    assert (mine.line.mine_to_give, row.line.mine_to_give, row.overdue) == (False, True, False)
    assert (row.number, row.organisation, row.line.asked_by) == (two.case(case_id).number, "Org", "Ada")
    assert rows_of(two, case_id, BO, row.line.expires_at)[0].overdue
    every = {row.line.id for row in approvalpage.waiting(two.office, BO, Language.EN, two.now, most=1000).rows}
    walked, after = set(), ""
    while True:
        page = approvalpage.waiting(two.office, BO, Language.EN, two.now, after, most=2)
        walked |= {one.line.id for one in page.rows}
        after = page.next
        if not after:
            break
    assert walked == every, "page by page it is the same list"
    approvals.approve(by(two, case_id, BO), row.line.id)
    assert rows_of(two, case_id, BO, two.now)[0].line.enough, "still to be done"
    act(ADA)  # type: ignore[operator]
    assert rows_of(two, case_id, BO, two.now) == []


def test_what_a_second_coordinator_sees_is_what_leaves(two: House) -> None:
    case_id, act = first_contact(two)
    act(ADA)  # type: ignore[operator]
    approval = waiting(two, case_id, Act.FIRST_CONTACT)
    page = approvalpage.page(two.office, case_id, approval.id, BO, Language.EN, two.now)
    assert page.leaving is not None
    assert page.leaving.preview is not None
    assert page.leaving.preview.to == desk.SECURITY
    assert two.case(case_id).number in page.leaving.preview.body
    with pytest.raises(NotFound):
        approvalpage.page(two.office, case_id, "0" * 32, BO, Language.EN, two.now)


@pytest.mark.timeout(60)
def test_a_referral_is_looked_at_as_its_dossiers(two: House) -> None:
    case_id, now = up_to_the_referral(two)
    approval = waiting(two, case_id, Act.REFERRAL)
    page = approvalpage.page(two.office, case_id, approval.id, BO, Language.EN, now)
    assert len(page.told) == 2
    for one in page.told:
        assert two.case(case_id).number in one.dossier, one.name
    for login in (ADA, BO):
        approvals.approve(by(two, case_id, login, now), approval.id)
    clockwork.tick(two.office, now)
    with two.office.store.reading() as connection:
        entries = ledger.read(two.office.store, connection, case_id, parts=ledger.EVERY_PART)
    sent = {x.event.dossier for x in entries if isinstance(x.event, e.AuthorityReferred)}
    assert {_head_and_facts(one.dossier) for one in page.told} == {_head_and_facts(text) for text in sent}


def _head_and_facts(dossier: str) -> str:
    """Before the chronology, which goes on until it leaves, and before who else was told in the same act."""
    return dossiers.RULE.join(dossier.split(dossiers.RULE)[:2])


# --- an installation of before ---


@pytest.mark.timeout(60)
def test_the_rows_of_an_older_installation(two: House) -> None:
    """Asked and open, given and done, refused: each as the events of before say."""
    case_id, act = first_contact(two)
    act(ADA)  # type: ignore[operator]
    other, again = first_contact(two)
    again(ADA)  # type: ignore[operator]
    approvals.refuse(by(two, other, BO), waiting(two, other, Act.FIRST_CONTACT).id, "r")
    store = two.office.store

    def held() -> set[tuple[object, ...]]:
        with store.reading() as connection:
            return {tuple(row) for row in connection.execute(select(tables.approvals))}

    before = held()
    assert {row[-1] for row in before} == {"open", "ended"}
    schema.downgrade(store.engine, store.gate, "0008", two.now)
    schema.upgrade(store.engine, store.gate, two.now)
    assert held() == before
    assert verification.verify(two.office).ok


# --- the referral: the rung stays due ---


def up_to_the_referral(house: House) -> tuple[str, datetime]:
    """Silence until the authorities are due; every task done. Returns the instant at which approval was asked for."""
    case_id, act = first_contact(house)
    act(ADA)  # type: ignore[operator]
    approvals.approve(by(house, case_id, BO), waiting(house, case_id, Act.FIRST_CONTACT).id)
    act(ADA)  # type: ignore[operator]
    house.deliver()
    now = house.now
    for _ in range(60):
        if asked(house, case_id, Act.REFERRAL):
            return case_id, now
        now += 12 * HOUR
        clockwork.tick(house.office, now)
        for task in [t for t in house.case(case_id).tasks.values() if t.open]:
            coordination.task_done(by(house, case_id, ADA, now), task.id, "spoken to", "", none_given=True)
        _relayed(house, case_id, now)
    raise AssertionError("the referral never came due")


def _relayed(house: House, case_id: str, now: datetime) -> None:
    delivery.deliver(house.office, now, house.relay)


@pytest.mark.timeout(60)
def test_a_referral_stays_due_until_two_have_said_yes(two: House) -> None:
    case_id, now = up_to_the_referral(two)
    approval = waiting(two, case_id, Act.REFERRAL)
    assert approval.subject == Rung.AUTHORITIES
    assert not two.case(case_id).referred
    now = approval.expires_at
    clockwork.tick(two.office, now)
    again = waiting(two, case_id, Act.REFERRAL)
    assert again.id != approval.id, "proposed again"
    assert not two.case(case_id).referred
    approvals.approve(by(two, case_id, ADA, now), again.id)
    approvals.approve(by(two, case_id, ADA, now), again.id)
    clockwork.tick(two.office, now + HOUR)
    assert not two.case(case_id).referred, "one voice, given twice, is one"
    approvals.approve(by(two, case_id, BO, now + HOUR), again.id)
    clockwork.tick(two.office, now + HOUR)
    assert set(two.case(case_id).referred) == {"fr-anssi", "fr-cnil"}
    climbed = two.case(case_id).rungs[Rung.AUTHORITIES]
    assert climbed.due_at < approval.proposed_at + timedelta(seconds=1) <= climbed.at, "due then, climbed now: ours"
    assert verification.verify(two.office).ok


# --- one active coordinator ---


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("alone_suffices", "active", "taken", "why"),
    [
        ("true", 1, True, "decided beforehand: the only one may"),
        ("false", 1, False, "decided beforehand: it waits for a second one"),
        ("true", 2, False, "two are there, two are needed"),
    ],
)
def test_whether_one_suffices_is_decided_beforehand(
    tmp_path,
    alone_suffices: str,
    active: int,
    taken: bool,
    why: str,  # type: ignore[no-untyped-def]
) -> None:
    policy = TWO.replace("alone_suffices = false", f"alone_suffices = {alone_suffices}")
    house = desk.build(tmp_path / "instance", policy=policy)
    if active == 1:
        accounts.disable(house.office, BO)
    case_id, act = first_contact(house)
    contact = house.case(case_id).chosen[0]
    shown = leaving.request(house.office, case_id, contact, ADA, Language.EN, house.now)
    assert (shown.voices == 1) is taken, "and the desk says so before"
    act(ADA)  # type: ignore[operator]
    assert bool(house.case(case_id).released_to) is taken, why
    assert verification.verify(house.office).ok
    forget(house.office)


@pytest.mark.usefixtures("database")
def test_who_comes_or_goes_leaves_no_row_behind(tmp_path) -> None:  # type: ignore[no-untyped-def]
    house = desk.build(tmp_path / "instance", policy=TWO.replace("alone_suffices = false", "alone_suffices = true"))
    case_id, act = first_contact(house)
    act(ADA)  # type: ignore[operator]
    accounts.disable(house.office, f" {BO.upper()} ")
    assert verification.verify(house.office).ok, "what was asked for is enough now; the rows know"
    accounts.add(house.office, "eve", "Eve", "eve@desk.example", Language.FR, house.now)
    assert verification.verify(house.office).ok
    assert not house.case(case_id).released_to
    forget(house.office)


# --- our own clocks call ---


def calls(house: House, case_id: str | None) -> list[tuple[str, datetime]]:
    query = select(outbox.c.recipient, outbox.c.queued_at).where(outbox.c.mail_type == MailType.COORDINATORS_CALLED)
    with house.office.store.reading() as connection:
        found = connection.execute(query.where(outbox.c.case_id == case_id).order_by(outbox.c.queued_at))
        return [(row.recipient, row.queued_at) for row in found]


def test_a_missing_approval_calls_every_active_coordinator_with_a_mail_that_says_nothing(two: House) -> None:
    desk.hire(two.office, "gone", active=False)
    case_id, act = first_contact(two)
    act(ADA)  # type: ignore[operator]
    asked_at = two.now
    clockwork.tick(two.office, asked_at + 4 * HOUR - timedelta(seconds=1))
    assert calls(two, case_id) == []
    clockwork.tick(two.office, asked_at + 4 * HOUR)
    assert sorted(login for login, _ in calls(two, case_id)) == [ADA, BO], "every active one, and nobody else"
    _relayed(two, case_id, asked_at + 4 * HOUR)
    mail = stage.body_of(two.relay.to("bo@desk.example")[-1])
    case = two.case(case_id)
    for secret in ("Org", desk.DOMAIN, case.number, desk.SECURITY, case_id):
        assert secret not in mail, secret
    file = casefile.look(two.office, case_id)
    with two.office.store.reading() as connection:
        entries = ledger.read(two.office.store, connection, case_id)
        sight = Sight(Audience.COORDINATOR, Language.EN, {})
        rows = timeline.rows(two.office, connection, file, sight)
    called = next(x for x in entries if isinstance(x.event, e.CoordinatorsCalled))
    assert called.event.clock is OwnClock.DUE_TO_APPROVED  # type: ignore[attr-defined]
    assert called.actor.party is Party.MACHINE
    assert any("This delay is ours" in row.sentence for row in rows)


@pytest.mark.usefixtures("database")
def test_an_unread_report_calls_once_a_day_and_names_no_report(tmp_path) -> None:  # type: ignore[no-untyped-def]
    house = desk.build(tmp_path / "instance")
    report_id = house.report()
    start = house.now
    clockwork.tick(house.office, start + 7 * HOUR)
    assert calls(house, None) == []
    at = start + 8 * HOUR  # working hours: from nine to five
    assert clockwork.tick(house.office, at).calls == 1
    assert {login for login, _ in calls(house, None)} == {ADA, BO}
    clockwork.tick(house.office, at + 23 * HOUR)
    assert len(calls(house, None)) == 2, "not again within a day"
    clockwork.tick(house.office, at + DAY)
    assert len(calls(house, None)) == 4
    _relayed(house, "", at + DAY)
    assert report_id not in stage.body_of(house.relay.to("ada@desk.example")[-1])
    assert verification.verify(house.office).ok
    forget(house.office)


def test_standing_that_waits_for_its_notice_calls(two: House) -> None:
    case_id, _ = release(two)
    shown_at = two.now
    clockwork.tick(two.office, shown_at + DAY)
    clocks = [clock for clock, _ in two.case(case_id).calls]
    assert OwnClock.STANDING_TO_RELEASED in clocks
    assert two.case(case_id).released is None


@pytest.mark.parametrize("voices", [1, 2])
def test_in_a_closed_case_nothing_is_released_and_nobody_is_asked(tmp_path: Path, voices: int) -> None:
    text = (DATA / "policy.toml").read_text(encoding="utf-8").replace("first_contact = 1", f"first_contact = {voices}")
    house = desk.build(tmp_path / "closed", policy=text)
    case_id = house.tied()
    coordination.close(house.hand(case_id), "unfounded", "r")
    before = house.case(case_id).last_seq
    with pytest.raises(Refused, match="closed"):
        coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    assert house.case(case_id).last_seq == before
