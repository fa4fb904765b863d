"""Clocks and rungs: tables with a reason per row (R30–R37a)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from disclosure.protocol import events as e
from disclosure.protocol.approvals import shown
from disclosure.protocol.authorities import When
from disclosure.protocol.codes import Act, Clock, EmbargoEnd, MailType, OwnClock, Proof, Rung, TaskKind
from disclosure.protocol.effects import MailEffect, TaskEffect, effects_of
from disclosure.protocol.errors import IllegalMove
from disclosure.protocol.ladder import (
    CHAIN,
    Planned,
    Referral,
    Rules,
    next_instant,
    next_rung,
    plan,
    proposals_due,
    running,
)
from disclosure.protocol.ownclocks import own_lapses, whose_move
from disclosure.protocol.preview import due_rungs, preview
from disclosure.protocol.values import Channel, Language, Party, Severity, Standing
from tests.protocol.builders import ANSSI, CNIL, RULES, T0, H, Story, rules


def due(story: Story, now: datetime, held: Rules = RULES) -> list[Rung]:
    return [planned.rung for planned in due_rungs(story.case, held, now)]


def climb(story: Story, now: datetime, held: Rules = RULES) -> list[tuple[Rung, datetime]]:
    """Climb as casework does: every due rung with its effects as events. Returns (rung, due instant)."""
    climbed = []
    while (planned := next_rung(story.case, held, now)) is not None:
        effects = effects_of(story.case, planned, held, now)
        story.happens(
            now,
            e.RungClimbed(rung=planned.rung, clock=planned.clock, due_at=planned.due_at, mails=0, tasks=0),
            by=e.MACHINE,
        )
        for place, effect in enumerate(effects):
            _happen(story, now, planned, effect, f"{planned.rung}-{place}")
        climbed.append((planned.rung, planned.due_at))
    return climbed


def _happen(story: Story, now: datetime, planned: Planned, effect: MailEffect | TaskEffect, effect_id: str) -> None:
    if isinstance(effect, MailEffect):
        queued = e.MailQueued(
            mail_id=effect_id,
            mail_type=effect.type,
            to=effect.to,
            language=Language.FR,
            not_before=effect.not_before,
            rung=planned.rung,
        )
        relayed = e.MailRelayed(mail_id=effect_id, mail_type=effect.type, to=effect.to, attempt=1, reply="")
        story.happens(now, queued, relayed, by=e.MACHINE)
        target, channel = effect.to, Channel.MAIL
        referral = effect.type is MailType.REFERRAL
    else:
        opened = e.TaskOpened(
            task_id=effect_id,
            kind=effect.kind,
            channel=effect.channel,
            target=effect.target,
            due_at=effect.due_at,
            rung=planned.rung,
            blocking=effect.blocking,
        )
        story.happens(now, opened, by=e.MACHINE)
        target, channel = effect.target, effect.channel
        referral = effect.kind is TaskKind.REFERRAL
    if referral:
        referred = e.AuthorityReferred(
            authority_id=target, channel=channel, by=effect_id, dossier_sha256="", dossier=""
        )
        story.happens(now, referred, by=e.MACHINE)


def do_tasks(story: Story, at: datetime) -> None:
    for task in list(story.case.tasks.values()):
        if task.open:
            story.happens(at, e.TaskDone(task_id=task.id, proof="spoke to reception"))


# --- the story's run C: nobody answers, critical ---


def test_nobody_answers_a_critical_alert() -> None:
    story = Story().released()
    assert climb(story, T0) == [(Rung.PHONE_FIRST, T0)], "the first call is asked for with the first mail"
    call = story.case.tasks["phone_first-0"]
    assert call.due_at == T0 + 4 * H, "a phone task within four working hours: 09:00 + 4"
    do_tasks(story, T0 + 3 * H)
    assert climb(story, T0 + 24 * H - timedelta(seconds=1)) == [], "never early"
    assert climb(story, T0 + 24 * H) == [(Rung.REMINDER, T0 + 24 * H), (Rung.LETTER, T0 + 24 * H)]
    assert story.case.mails["reminder-0"].to == "c2", "over the next contact"
    assert climb(story, T0 + 48 * H) == [(Rung.SECOND_CONTACT, T0 + 48 * H), (Rung.HEADS_UP, T0 + 48 * H)]
    told = {m.to for m in story.case.mails.values() if m.type is MailType.HEADS_UP}
    assert told == {"c1", "c2", "c3"}, "to every live contact"
    assert climb(story, T0 + 72 * H) == [], "the second call is not recorded as done: it blocks (R37a)"
    do_tasks(story, T0 + 73 * H)
    assert climb(story, T0 + 73 * H) == [(Rung.AUTHORITIES, T0 + 72 * H)], "late, and the ledger says for when"
    assert set(story.case.referred) == {"anssi", "cnil"}
    assert story.case.referred["anssi"].channel is Channel.MAIL
    assert story.case.referred["cnil"].channel is Channel.POST
    assert climb(story, T0 + 900 * H) == [], "nothing is left to climb"


def test_done_in_time_the_authorities_come_at_the_instant() -> None:
    story = Story().released()
    for hours in (0, 24, 48, 72):
        climb(story, T0 + hours * H)
        do_tasks(story, T0 + hours * H + H)
    assert story.case.rungs[Rung.AUTHORITIES].at == T0 + 72 * H


@pytest.mark.parametrize(
    ("severity", "instants", "why"),
    [
        (
            Severity.CRITICAL,
            ("2026-11-25", "2026-11-26", "2026-11-27"),
            "24, 48, 72 hours by the clock",
        ),
        (
            Severity.HIGH,
            ("2026-11-26", "2026-12-01", "2026-12-03"),
            "2, 5, 7 working days over a weekend",
        ),
        (Severity.NORMAL, ("2026-12-01", "2026-12-08", "2026-12-15"), "5, 10, 15 working days"),
        (
            Severity.LOW,
            ("2026-12-08", "2026-12-22", "2027-01-07"),
            "10, 20, 30; Christmas and New Year do not count",
        ),
    ],
)
def test_marks_per_severity(severity: Severity, instants: tuple[str, ...], why: str) -> None:
    story = Story(severity).released()
    by_rung = {p.rung: p.due_at for p in plan(story.case, RULES)}
    expected = [datetime.fromisoformat(f"{day}T08:00+00:00") for day in instants]
    assert [by_rung[r] for r in (Rung.REMINDER, Rung.SECOND_CONTACT, Rung.AUTHORITIES)] == expected, why


@pytest.mark.parametrize(
    ("hours", "expected", "why"),
    [
        (0, [Rung.PHONE_FIRST], "the call is a task rung: it blocks what comes after it in the same tick"),
        (240, [Rung.PHONE_FIRST, Rung.LETTER], "undone it blocks later rungs; the letter runs beside the ladder"),
    ],
)
def test_an_undone_task_blocks(hours: int, expected: list[Rung], why: str) -> None:
    assert due(Story().released(), T0 + hours * H) == expected, why


def test_after_an_outage_every_missed_rung_comes_once_in_order() -> None:
    story = Story(Severity.HIGH).released()
    late = T0 + timedelta(days=30)
    rungs = [rung for rung, _ in climb(story, late)]
    assert rungs == [Rung.REMINDER, Rung.LETTER, Rung.SECOND_CONTACT, Rung.HEADS_UP]
    assert climb(story, late) == [], "each once"
    do_tasks(story, late)
    assert climb(story, late + 23 * H) == [], "the heads-up must be out for a day first"
    assert [r for r, _ in climb(story, late + 24 * H)] == [Rung.AUTHORITIES]


def test_after_an_outage_nobody_gets_a_burst() -> None:
    story = Story(Severity.HIGH, contacts=1).released()
    late = T0 + timedelta(days=30)
    climb(story, late)
    # one contact: the reminder goes to it now, the heads-up not in the same minute
    reminder, heads_up = story.case.mails["reminder-0"], story.case.mails["heads_up-0"]
    assert (reminder.to, heads_up.to) == ("c1", "c1")
    planned = Planned(Rung.HEADS_UP, Clock.CONTACT, late - 48 * H)
    effects = effects_of(story.case, planned, RULES, late)
    assert [x.not_before for x in effects if isinstance(x, MailEffect)] == [late + 4 * H]


def test_no_referral_before_eight_working_hours() -> None:
    friday_evening = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    short = rules(heads_up_before=timedelta(0))
    story = Story().released(friday_evening)
    by_rung = {p.rung: p.due_at for p in plan(story.case, short)}
    # 72 h after Friday 19:00 is Monday 19:00: exactly the working day has passed at 17:00, so the mark stands
    assert by_rung[Rung.AUTHORITIES] == friday_evening + 72 * H
    christmas = datetime(2026, 12, 24, 17, 0, tzinfo=UTC)  # Thursday evening; Friday is a holiday, then the weekend
    story = Story().released(christmas)
    by_rung = {p.rung: p.due_at for p in plan(story.case, short)}
    assert by_rung[Rung.AUTHORITIES] == datetime(2026, 12, 28, 16, 0, tzinfo=UTC), "Monday 17:00, eight hours in"
    assert by_rung[Rung.AUTHORITIES] > christmas + 72 * H


# --- three clocks in turn ---


def test_s1_delays_once_by_one_reminder_interval() -> None:
    story = Story().released()
    climb(story, T0)
    do_tasks(story, T0)
    story.confirmed(T0 + 10 * H).confirmed(T0 + 12 * H, "second")
    by_rung = {p.rung: p.due_at for p in plan(story.case, RULES)}
    assert by_rung[Rung.REMINDER] == T0 + 48 * H
    assert by_rung[Rung.AUTHORITIES] == T0 + 96 * H


def test_each_clock_climbs_the_next_unused_rung() -> None:
    story = Story().released()
    climb(story, T0)
    do_tasks(story, T0)
    climb(story, T0 + 24 * H)  # the reminder is used
    story.standing(T0 + 30 * H)
    assert running(story.case, RULES.policy) is None, "the next move is ours: no clock of theirs runs"
    assert due(story, T0 + 500 * H) == []
    story.notice(T0 + 40 * H)
    by_rung = {p.rung: (p.clock, p.due_at) for p in plan(story.case, RULES)}
    assert by_rung[Rung.SECOND_CONTACT] == (Clock.NOTICE, T0 + 64 * H)
    assert by_rung[Rung.AUTHORITIES] == (Clock.NOTICE, T0 + 88 * H)
    story.acknowledged(T0 + 41 * H)
    run = running(story.case, RULES.policy)
    assert run is not None
    assert run.clock is Clock.ACTION
    story.happens(T0 + 42 * H, e.RemediationClaimed(person_id="who"))
    assert plan(story.case, RULES) == ()


def test_another_clock_announces_its_own_lapse() -> None:
    """The heads-up of the contact clock named a date that went by; the notice clock has another one (R34)."""
    story = Story().released()
    climb(story, T0)
    do_tasks(story, T0)
    assert Rung.HEADS_UP in due(story, T0 + 60 * H)
    climb(story, T0 + 60 * H)
    story.standing(T0 + 61 * H).notice(T0 + 62 * H)
    do_tasks(story, T0 + 62 * H)
    assert [rung for rung, _ in climb(story, T0 + 400 * H)] == [Rung.HEADS_UP]
    assert [rung for rung, _ in climb(story, T0 + 424 * H)] == [Rung.AUTHORITIES]
    again = e.RungClimbed(rung=Rung.HEADS_UP, clock=Clock.NOTICE, due_at=T0, mails=0, tasks=0)
    with pytest.raises(IllegalMove):
        story.happens(T0 + 401 * H, again, by=e.MACHINE)


def test_a_clock_that_runs_again_was_announced_already() -> None:
    """The person who was released the notice confirms anew and is at S1 again (R29): the contact clock goes on."""
    story = Story().released()
    climb(story, T0)
    do_tasks(story, T0)
    climb(story, T0 + 60 * H)
    story.standing(T0 + 61 * H).notice(T0 + 62 * H)
    do_tasks(story, T0 + 62 * H)
    assert [rung for rung, _ in climb(story, T0 + 110 * H)] == [Rung.HEADS_UP], "of the notice clock"
    story.happens(T0 + 111 * H, e.PersonConfirmed(person_id="who", contact_id="c1", name="N", role="R"))
    ahead = [(p.rung, p.clock, p.due_at) for p in plan(story.case, RULES) if p.rung in CHAIN]
    assert ahead == [(Rung.AUTHORITIES, Clock.CONTACT, T0 + 134 * H)], "24 hours after what they were told last"


def test_no_rung_after_the_acknowledgement_unless_policy_says_so() -> None:
    story = Story().released().standing(T0 + H).notice(T0 + 2 * H).acknowledged(T0 + 3 * H)
    assert due(story, T0 + 900 * H) != []
    assert due(story, T0 + 900 * H, rules(climb_after_acknowledgement=False)) == []


@pytest.mark.parametrize(
    ("event", "stops", "why"),
    [
        (e.LinkOpened(link_id="l", mail_id="m1"), False, "an opening stops nothing"),
        (e.MailDelivered(mail_id="m1", mail_type=MailType.CONTACT_REQUEST, to="c1"), False, "a delivery stops nothing"),
        (e.ClockPaused(reason="asked"), True, "a pause does"),
        (e.CaseClosed(outcome="other"), True, "a closed case climbs nothing"),
    ],
)
def test_what_stops_the_clock(event: e.Event, stops: bool, why: str) -> None:
    story = Story(Severity.HIGH).released()
    story.happens(T0 + H, event)
    assert (due(story, T0 + timedelta(days=60)) == []) is stops, why


def test_contesting_holds_only_after_opening() -> None:
    before = Story().released().standing(T0 + H).notice(T0 + 2 * H)
    before.happens(T0 + 3 * H, e.NoticeContested(person_id="who", words="no leak here"))
    assert due(before, T0 + 100 * H) != [], "contested without reading"
    after = Story().released().standing(T0 + H).notice(T0 + 2 * H)
    after.happens(T0 + 3 * H, e.NoticeOpened(person_id="who"), e.NoticeContested(person_id="who", words="not ours"))
    assert due(after, T0 + 100 * H) == [], "held for a coordinator"
    after.happens(T0 + 103 * H, e.ContestSettled(upheld=False, words="it is"))
    reminder = next(p for p in plan(after.case, RULES) if p.rung is Rung.REMINDER)
    assert reminder.due_at == T0 + (2 + 24 + 100) * H, "the held time counts for nobody"


# --- the clock stands still ---


def test_standing_that_is_lost_sets_the_contact_clock_going_again() -> None:
    """R29 brings the person back to S1; the hours in which the release was ours to give are not theirs."""
    story = Story(phone=False).released().standing(T0 + 2 * H)
    assert due(story, T0 + 500 * H) == [], "the next move is ours"
    handed = e.CertificateHandedIn(person_id="who", certificate_id="k", fingerprint="B" * 40, flags=())
    story.happens(T0 + 12 * H, handed)
    held = running(story.case, RULES.policy)
    assert held
    assert held.clock is Clock.CONTACT
    reminder = next(p for p in plan(story.case, RULES) if p.rung is Rung.REMINDER)
    assert reminder.due_at == T0 + (24 + 10 + 24) * H, "ten hours were ours, and S1 delays by one interval"


def test_a_person_who_changed_after_the_release_waits_for_us() -> None:
    story = Story().released().standing(T0 + H).notice(T0 + 2 * H)
    handed = e.CertificateHandedIn(person_id="who", certificate_id="k", fingerprint="B" * 40, flags=())
    story.happens(T0 + 3 * H, handed)
    assert running(story.case, RULES.policy).clock is Clock.NOTICE, "handing in a certificate stops nothing"
    story.happens(T0 + 4 * H, e.StandingShown(person_id="who", standing=Standing.S2, proof=Proof.OWN_ADDRESS))
    assert running(story.case, RULES.policy) is None
    assert whose_move(story.case, RULES.policy) is Party.COORDINATOR
    assert [lapse.subject for lapse in own_lapses(story.case, RULES, T0 + 50 * H)] == ["who"], "our own clock runs"
    story.happens(T0 + 60 * H, e.NoticeAcknowledged(person_id="who"))
    assert not story.case.stands_still("ours"), "whoever had read it may acknowledge it"


def test_the_clock_stands_still_while_nothing_usable_is_out() -> None:
    story = Story(Severity.CRITICAL).released()
    climb(story, T0)
    do_tasks(story, T0)
    story.happens(T0 + 10 * H, e.MailBounced(mail_id="m1", mail_type=MailType.CONTACT_REQUEST, to="c1", code="5.1.1"))
    assert due(story, T0 + 200 * H) == [], "all bounced"
    story.mail(T0 + 15 * H, "m2", MailType.CONTACT_REQUEST, "c2")
    reminder = next(p for p in plan(story.case, RULES) if p.rung is Rung.REMINDER)
    assert reminder.due_at == T0 + 29 * H


@pytest.mark.parametrize(
    ("start", "end", "shift", "why"),
    [
        (5, 10, 5, "our own outage is nobody's silence"),
        (-5, 5, 5, "only what lies after the start counts"),
        (30, 40, 0, "an outage after the mark does not move it"),
    ],
)
def test_downtime_credit(start: int, end: int, shift: int, why: str) -> None:
    story = Story().released()
    climb(story, T0)
    do_tasks(story, T0)
    story.happens(T0 + end * H, e.OutageCredited(started_at=T0 + start * H, ended_at=T0 + end * H))
    reminder = next(p for p in plan(story.case, RULES) if p.rung is Rung.REMINDER)
    assert reminder.due_at == T0 + (24 + shift) * H, why


def test_overlapping_stills_count_once() -> None:
    story = Story().released()
    climb(story, T0)
    do_tasks(story, T0)
    story.happens(T0 + 4 * H, e.ClockPaused(reason="asked"))
    story.happens(T0 + 8 * H, e.ClockResumed())
    story.happens(T0 + 9 * H, e.OutageCredited(started_at=T0 + 6 * H, ended_at=T0 + 9 * H))
    reminder = next(p for p in plan(story.case, RULES) if p.rung is Rung.REMINDER)
    assert reminder.due_at == T0 + 29 * H


def test_working_time_is_pushed_in_working_time() -> None:
    story = Story(Severity.HIGH).released()
    story.happens(T0 + 2 * H, e.ClockPaused(reason="asked"))  # Tuesday 11:00
    story.happens(T0 + 26 * H, e.ClockResumed())  # Wednesday 11:00: eight working hours later
    reminder = next(p for p in plan(story.case, RULES) if p.rung is Rung.REMINDER)
    assert reminder.due_at == T0 + 56 * H, "Thursday 17:00: two working days, and the one that stood still"


def test_extension_moves_the_marks_of_its_clock() -> None:
    story = Story().released()
    story.happens(T0, e.ClockExtended(clock=Clock.CONTACT, seconds=7200, reason="holiday"))
    reminder = next(p for p in plan(story.case, RULES) if p.rung is Rung.REMINDER)
    assert reminder.due_at == T0 + 26 * H


def test_exploitation_moves_the_ladder_at_once() -> None:
    story = Story().released()
    climb(story, T0)
    do_tasks(story, T0)
    seen = T0 + 5 * H
    story.happens(seen, e.EmbargoEnded(cause=EmbargoEnd.EXPLOITED, reason="seen"))
    assert [r for r, _ in climb(story, seen)] == [Rung.REMINDER, Rung.SECOND_CONTACT, Rung.HEADS_UP]
    do_tasks(story, seen)
    assert [r for r, _ in climb(story, seen)] == [Rung.AUTHORITIES], "announced in the same hour"


# --- authorities ---


def test_the_models_practice_tells_at_once_and_says_so() -> None:
    at_once = Rules(RULES.policy, RULES.calendar, (Referral("anssi", When.AT_ONCE, Channel.MAIL), CNIL))
    story = Story().released()
    rungs = [rung for rung, _ in climb(story, T0, at_once)]
    assert rungs == [Rung.PHONE_FIRST, Rung.AT_ONCE_HEADS_UP, Rung.AT_ONCE_AUTHORITIES]
    assert set(story.case.referred) == {"anssi"}, "CNIL stays on lapse"
    do_tasks(story, T0)
    for hours in (24, 48, 72):
        climb(story, T0 + hours * H, at_once)
        do_tasks(story, T0 + hours * H)
    assert set(story.case.referred) == {"anssi", "cnil"}, "nobody is told twice"


def test_nobody_to_tell_is_no_rung() -> None:
    story = Story().released()
    held = Rules(RULES.policy, RULES.calendar, ())
    assert {p.rung for p in plan(story.case, held)} == {
        Rung.PHONE_FIRST,
        Rung.REMINDER,
        Rung.LETTER,
        Rung.SECOND_CONTACT,
    }


def test_a_heads_up_that_waits_in_the_outbox_delays_the_referral() -> None:
    story = Story(Severity.HIGH).released()
    at = T0 + timedelta(days=10)
    climb(story, T0 + timedelta(days=2))
    climb(story, T0 + timedelta(days=7))
    do_tasks(story, T0 + timedelta(days=7))
    climb(story, at)
    stuck = e.MailQueued(
        mail_id="late", mail_type=MailType.HEADS_UP, to="c1", language=Language.FR, not_before=at, rung=Rung.HEADS_UP
    )
    story.happens(at, stuck)
    assert Rung.AUTHORITIES not in {p.rung for p in plan(story.case, RULES)}
    story.happens(at + 5 * H, e.MailRelayed(mail_id="late", mail_type=MailType.HEADS_UP, to="c1", attempt=3, reply=""))
    authorities = next(p for p in plan(story.case, RULES) if p.rung is Rung.AUTHORITIES)
    assert authorities.due_at == at + 29 * H


LATE = T0 + 80 * H  # past the mark of a critical case: its announcement came late, and the referral a day after it


def announced_late() -> Story:
    story = Story().released()
    for at in (T0, T0 + 24 * H, LATE):
        climb(story, at)
        do_tasks(story, at)
    (referral,) = plan(story.case, RULES)[-1:]
    assert (referral.rung, referral.due_at) == (Rung.AUTHORITIES, LATE + 24 * H)
    return story


@pytest.mark.parametrize(
    ("events", "due_at", "why"),
    [
        (
            [(40, e.OutageCredited(started_at=LATE + H, ended_at=LATE + 40 * H))],
            LATE + 63 * H,
            "while we were away nobody could answer (R31)",
        ),
        (
            [(40, e.OutageCredited(started_at=LATE - 30 * H, ended_at=LATE - H))],
            LATE + 24 * H,
            "an outage before it takes nothing from the day",
        ),
        ([(2, e.ClockPaused(reason="r"))], None, "paused, nobody is told (R35)"),
        ([(2, e.ClockPaused(reason="r")), (12, e.ClockResumed())], LATE + 34 * H, "resumed, the rest of the day runs"),
    ],
)
def test_the_day_after_the_announcement_stands_still_with_the_clock(
    events: list[tuple[int, e.Event]], due_at: datetime | None, why: str
) -> None:
    story = announced_late()
    for hours, event in events:
        story.happens(LATE + hours * H, event)
    assert {p.rung: p.due_at for p in plan(story.case, RULES)}.get(Rung.AUTHORITIES) == due_at, why


@pytest.mark.parametrize("added", ["extended", "s1"])
@pytest.mark.parametrize(
    ("events", "due_at", "why"),
    [
        ([], T0 + 48 * H, "the reminder, a day later than its mark"),
        ([(40, e.OutageCredited(started_at=T0 + 30 * H, ended_at=T0 + 40 * H))], T0 + 58 * H, "our outage in that day"),
        (
            [(40, e.OutageCredited(started_at=T0 + 20 * H, ended_at=T0 + 40 * H))],
            T0 + 68 * H,
            "it began before the mark, and counts once",
        ),
        ([(30, e.ClockPaused(reason="r"))], None, "paused in that day, it stands still"),
        ([(30, e.ClockPaused(reason="r")), (40, e.ClockResumed())], T0 + 58 * H, "resumed, the rest of the day runs"),
        ([(60, e.ClockPaused(reason="r"))], None, "it had lapsed before, and waits all the same: held is held"),
        ([(60, e.ClockPaused(reason="r")), (70, e.ClockResumed())], T0 + 48 * H, "and is due at once when it goes on"),
    ],
)
def test_what_is_added_to_a_mark_stands_still_with_the_clock(
    added: str, events: list[tuple[int, e.Event]], due_at: datetime | None, why: str
) -> None:
    story = Story(phone=False).released()
    if added == "s1":
        story.confirmed(T0 + H)
    else:
        story.happens(T0 + H, e.ClockExtended(clock=Clock.CONTACT, seconds=24 * 3600, reason="r"))
    for hours, event in events:
        story.happens(T0 + hours * H, event)
    assert {p.rung: p.due_at for p in plan(story.case, RULES)}.get(Rung.REMINDER) == due_at, why


def test_what_waited_for_a_task_does_not_climb_in_a_pause() -> None:
    """R35: the call that blocked the reminder is recorded while the clock is paused."""
    story = Story().released()
    climb(story, T0)
    story.happens(T0 + 30 * H, e.ClockPaused(reason="r"))
    do_tasks(story, T0 + 31 * H)
    assert climb(story, T0 + 40 * H) == []
    story.happens(T0 + 50 * H, e.ClockResumed())
    assert (Rung.REMINDER, T0 + 24 * H) in climb(story, T0 + 50 * H)


def test_two_coordinators_for_a_referral() -> None:
    two = rules(approvals={Act.FIRST_CONTACT: 1, Act.RELEASE: 1, Act.REFERRAL: 2})
    story = Story().released()
    for hours in (0, 24, 48):
        climb(story, T0 + hours * H, two)
        do_tasks(story, T0 + hours * H)
    at = T0 + 72 * H
    assert climb(story, at, two) == []
    assert proposals_due(story.case, two, at) == (Rung.AUTHORITIES,)
    proposal = e.ApprovalProposed(
        approval_id="a",
        act=Act.REFERRAL,
        subject=Rung.AUTHORITIES,
        expires_at=at + 48 * H,
        state=shown(story.case, Act.REFERRAL, Rung.AUTHORITIES, two),
    )
    story.happens(at, proposal, by=e.MACHINE)
    assert proposals_due(story.case, two, at) == ()
    assert proposals_due(story.case, two, at + 48 * H) == (Rung.AUTHORITIES,), "an expired one is proposed again"
    story.happens(at + H, e.ApprovalGiven(approval_id="a"))
    story.happens(at + H, e.ApprovalGiven(approval_id="a"))
    assert climb(story, at + H, two) == [], "the same person twice is one"
    story.happens(at + 2 * H, e.ApprovalGiven(approval_id="a"), by=e.Actor(Party.COORDINATOR, "bo"))
    assert climb(story, at + 2 * H, two) == [(Rung.AUTHORITIES, at)], "the rung stayed due"


# --- unreachable, preview, our own clocks ---


def test_unreachable_opens_phone_letter_and_referral_tasks_at_once() -> None:
    story = Story(contacts=0)
    story.happens(T0, e.CaseUnreachable(), by=COORDINATOR_ACTOR)
    assert climb(story, T0) == [(Rung.UNREACHABLE, T0)]
    kinds = [task.kind for task in story.case.tasks.values()]
    assert kinds == [TaskKind.PHONE_CALL, TaskKind.LETTER, TaskKind.UNREACHABLE_REFERRAL]


COORDINATOR_ACTOR = e.Actor(Party.COORDINATOR, "ada")


def with_forms(story: Story) -> Story:
    """Two forms behind the mail contacts; one more that nobody put into the order."""
    for place in ("f1", "f2", "f3"):
        entered = {"contact_id": place, "channel": Channel.FORM, "address": "https://org.example/f", "source": "s"}
        story.happens(T0, e.ContactEntered(name="", intermediary=False, **entered), by=COORDINATOR_ACTOR)
    order = (*story.case.chosen, "f1", "f2")
    return story.happens(T0, e.ContactsChosen(contact_ids=order), by=COORDINATOR_ACTOR)


def forms(story: Story) -> list[tuple[str, bool]]:
    kind = TaskKind.CONTACT_FORM
    return [(task.target, task.blocking) for task in story.case.tasks.values() if task.kind is kind]


def test_a_form_in_the_order_is_a_task_once() -> None:
    """R14: with the second contact, and again when nobody can be reached, but none of them twice."""
    story = with_forms(Story(Severity.HIGH, phone=False)).released()
    at = next(p.due_at for p in plan(story.case, RULES) if p.rung is Rung.SECOND_CONTACT)
    climb(story, at)
    assert forms(story) == [("f1", False), ("f2", False)], "the one outside the order is nobody's"
    story.happens(at, e.CaseUnreachable(), by=COORDINATOR_ACTOR)
    climb(story, at)
    assert forms(story) == [("f1", False), ("f2", False)]


@pytest.mark.parametrize("gone", ["disabled", "not_chosen"])
def test_a_form_that_is_not_used_is_no_task(gone: str) -> None:
    story = with_forms(Story(contacts=0))
    if gone == "disabled":
        story.happens(T0, e.ContactDisabled(contact_id="f1", reason="r"), by=COORDINATOR_ACTOR)
    else:
        story.happens(T0, e.ContactsChosen(contact_ids=("f2",)), by=COORDINATOR_ACTOR)
    story.happens(T0, e.CaseUnreachable(), by=COORDINATOR_ACTOR)
    climb(story, T0)
    assert forms(story) == [("f2", False)]


def test_the_preview_is_what_then_happens() -> None:
    story = Story().released()
    seen = [(step.planned.rung, step.planned.due_at) for step in preview(story.case, RULES, T0)]
    assert seen == [
        (Rung.PHONE_FIRST, T0),
        (Rung.REMINDER, T0 + 24 * H),
        (Rung.LETTER, T0 + 24 * H),
        (Rung.SECOND_CONTACT, T0 + 48 * H),
        (Rung.HEADS_UP, T0 + 48 * H),
        (Rung.AUTHORITIES, T0 + 72 * H),
    ]
    steps = preview(story.case, RULES, T0)
    assert {getattr(x, "to", getattr(x, "target", "")) for x in steps[-1].effects} == {ANSSI.authority_id, "cnil"}


def test_the_preview_of_a_late_case_starts_now() -> None:
    story = Story(Severity.HIGH).released()
    now = T0 + timedelta(days=30)
    assert all(step.planned.due_at >= now for step in preview(story.case, RULES, now))


def test_the_next_instant_is_the_first_climbable() -> None:
    story = Story().released()
    assert next_instant(story.case, RULES) == T0
    climb(story, T0)
    assert next_instant(story.case, RULES) == T0 + 24 * H, "the letter; the reminder waits for the call"


@pytest.mark.parametrize(
    ("hours", "expected", "why"),
    [
        (1, [], "nobody is late yet"),
        (9, [OwnClock.STANDING_TO_RELEASED], "a person waits for the notice longer than we allow ourselves"),
    ],
)
def test_our_own_clocks(hours: int, expected: list[OwnClock], why: str) -> None:
    story = Story(Severity.HIGH).released().standing(T0)
    assert [lapse.clock for lapse in own_lapses(story.case, RULES, T0 + hours * H)] == expected, why


def test_an_overdue_task_rings_again_after_a_day() -> None:
    story = Story().released()
    climb(story, T0)
    at = T0 + 5 * H
    assert [lapse.clock for lapse in own_lapses(story.case, RULES, at)] == [OwnClock.TASK_OVERDUE]
    story.happens(at, e.CoordinatorsCalled(clock=OwnClock.TASK_OVERDUE, subject="phone_first-0"), by=e.MACHINE)
    assert own_lapses(story.case, RULES, at + 23 * H) == ()
    assert len(own_lapses(story.case, RULES, at + 24 * H)) == 1
