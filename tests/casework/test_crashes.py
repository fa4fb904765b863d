"""The real casework in any order, and its process dies at any commit or final dot (R30, R31; design.md section 3).

Hypothesis arms a death for a step: before or after its k-th commit, before or after its k-th mail's final dot.
Whoever died is followed by a new process, as a service is; it finds what was committed and nothing else, everything
holds there (invariants.py), and the same step done again ends as if nobody had died: nothing lost, nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from disclosure.casework import accounts, answering, approvals, casefile, clockwork, coordination
from disclosure.casework.answering import Visit
from disclosure.casework.casefile import Hand
from disclosure.casework.coordination import ReleaseNotice
from disclosure.casework.outboxrows import LEASE
from disclosure.demo import stage
from disclosure.protocol import events as e
from disclosure.protocol.codes import Clock, EmbargoEnd, MailType
from disclosure.protocol.values import Audience, Standing
from disclosure.store.tables import outbox
from tests.casework import invariants
from tests.casework.desk import ADA, BO, HOUR, MINUTE, NOTICE, OFFICE_MAIL, OWN, SECURITY
from tests.casework.lengths import length
from tests.casework.mortal import OUTCOMES, Death, Moment
from tests.casework.mortals import Mortals

HOLDERS = {MailType.REFERRAL, MailType.LATER_FACT}  # an authority is not written to twice by a machine
LONG_PAST = 5 * HOUR  # past every lease and every pause of a relay
_DEATH = st.builds(Death, st.sampled_from(Moment), st.sampled_from([1, 1, 1, 2, 2, 3, 4]))
DEATH = st.one_of(st.none(), _DEATH, _DEATH)
# What is done, what it is recorded as, and how often when it is done twice.
AT_THE_DESK: dict[str, tuple[Callable[[Hand], object], type[e.Event], int]] = {
    "pause": (lambda hand: coordination.pause(hand, "r"), e.ClockPaused, 1),
    "resume": (lambda hand: coordination.resume(hand, "r"), e.ClockResumed, 1),
    "close": (lambda hand: coordination.close(hand, "o", "r"), e.CaseClosed, 1),
    "reopen": (lambda hand: coordination.reopen(hand, "r"), e.CaseReopened, 1),
    "unreachable": (coordination.declare_unreachable, e.CaseUnreachable, 1),
    "embargo": (lambda hand: coordination.end_embargo(hand, EmbargoEnd.EXPLOITED, "r"), e.EmbargoEnded, 2),
    "extend": (lambda hand: coordination.extend(hand, Clock.CONTACT, HOUR, "r"), e.ClockExtended, 2),
    "note": (lambda hand: coordination.note(hand, "n"), e.NoteWritten, 2),
    "upheld": (lambda hand: coordination.settle_contest(hand, upheld=True, words="w"), e.ContestSettled, 1),
    "settled": (lambda hand: coordination.settle_contest(hand, upheld=False, words="w"), e.ContestSettled, 1),
}


class Crashes(Mortals):
    """One alert, from the release of its first mail on. Time only goes forward."""

    # --- time: the worker beats all the while, or it was away ---

    @rule(hours=st.sampled_from([1, 4, 24, 48, 100, 240]), death=DEATH)
    def time_passes_and_the_clock_turns(self, hours: int, death: Death | None) -> None:
        self.death = death
        self.now += hours * HOUR
        clockwork.beat(self.office, "clock", self.now - MINUTE)
        self.turns()

    @rule(death=DEATH)
    def the_clock_turns(self, death: Death | None) -> None:
        self.death = death
        self.turns()

    def turns(self) -> None:
        before, expected = self.case.last_seq, self.due()
        self.does(lambda: clockwork.turn(self.office, self.now))
        after = invariants.entries_of(self.office, self.id)
        assert [shape for x in after if x.seq > before and (shape := _shape(x.event))] == expected, "lost, or twice"
        head = self.case.last_seq
        done = clockwork.turn(self.office, self.now)
        assert (done.rungs, done.calls, done.stuck) == (0, 0, 0)
        assert self.case.last_seq == head

    def due(self) -> list[object]:
        """What the clock owes now, in order: said by the rules, and not yet done."""
        file = casefile.look(self.office, self.id)
        with self.office.store.reading() as connection:
            facts, _ = clockwork.climb(self.office, connection, file, self.now)
        return [_shape(event) for _, event in facts]

    @rule(hours=st.integers(1, 600), minutes=st.integers(0, 30), death=DEATH)
    def the_worker_was_away(self, hours: int, minutes: int, death: Death | None) -> None:
        """Its absence is nobody's silence, also when it dies as it comes back and needs a while for it."""
        self.death = death
        clockwork.beat(self.office, "clock", self.now)
        left, self.now = self.now, self.now + hours * HOUR
        back, before = self.now, set(self.case.rungs)
        self.does(lambda: clockwork.turn(self.office, self.now), past=minutes * MINUTE)
        case = self.case
        stills = [s for s in case.stills if s.why == "outage" and s.end and s.end > left]
        assert len({(s.start, s.end) for s in stills}) == len(stills), "credited twice"
        climbed = {rung: case.rungs[rung].due_at for rung in set(case.rungs) - before}
        assert not {rung for rung, due_at in climbed.items() if left < due_at <= back}, (left, back, climbed)

    # --- mails ---

    @rule(script=st.lists(st.sampled_from([*OUTCOMES, "taken", "taken", "taken"]), max_size=4), death=DEATH)
    def the_outbox_is_emptied(self, script: list[str], death: Death | None) -> None:
        self.death = death
        self.line.script = script
        if self.does(self.deliver, past=LEASE + MINUTE):
            clockwork.beat(self.office, "clock", self.now)
        self.line.script = []

    @rule(death=DEATH)
    def everything_that_waits_leaves(self, death: Death | None) -> None:
        """Who comes back past every lease and every pause finds each mail, and each comes to an end."""
        self.death = death
        self.does(self.deliver, past=LEASE + MINUTE)
        for _ in range(8):
            if not self.waiting():
                return
            self.now += LONG_PAST
            clockwork.beat(self.office, "clock", self.now)
            self.deliver()
        assert not self.waiting(), "nothing may wait for ever"

    def waiting(self) -> list[str]:
        mine = outbox.c.state.in_(("recipe", "prepared", "sending"))
        with self.office.store.reading() as connection:
            return list(connection.scalars(select(outbox.c.id).where(mine)))

    # --- the desk ---

    @rule(who=st.sampled_from([ADA, BO]), contact=st.sampled_from([0, 0, 0, 1]), death=DEATH)
    def first_contact_is_released(self, who: str, contact: int, death: Death | None) -> None:
        self.death = death
        contact_id = self.case.chosen[contact]
        self.once(
            lambda: coordination.release_first_contact(self.hand(who), contact_id),
            e.FirstContactReleased,
            e.ApprovalProposed,
        )

    @rule(who=st.sampled_from([ADA, BO]), death=DEATH)
    @precondition(lambda self: any(a.open for a in self.case.approvals.values()))
    def somebody_approves(self, who: str, death: Death | None) -> None:
        self.death = death
        asked = next(a for a in self.case.approvals.values() if a.open)
        self.once(lambda: approvals.approve(self.hand(who), asked.id), e.ApprovalGiven)

    @rule(who=st.sampled_from([ADA, BO]), death=DEATH)
    @precondition(lambda self: self.visit is not None)
    def notice_is_released(self, who: str, death: Death | None) -> None:
        self.death = death
        assert self.visit
        person = self.case.persons[self.visit.person_id]
        if person.standing < Standing.S2 or person.released_at:
            return
        if not self.case.draft_seq:
            coordination.draft_notice(self.hand(who), NOTICE)
        command = ReleaseNotice(person.id, person.standing, person.fingerprint, True, True)
        self.once(lambda: coordination.release_notice(self.hand(who), command), e.NoticeReleased, e.ApprovalProposed)

    @rule(death=DEATH)
    @precondition(lambda self: any(t.open for t in self.case.tasks.values()))
    def every_task_is_done(self, death: Death | None) -> None:
        self.death = death
        for task in [t for t in self.case.tasks.values() if t.open]:
            self.once(lambda: coordination.task_done(self.hand(ADA), task.id, "spoken to", ""), e.TaskDone)  # noqa: B023

    @rule(what=st.sampled_from(sorted(AT_THE_DESK)), death=DEATH)
    def something_else_at_the_desk(self, what: str, death: Death | None) -> None:
        self.death = death
        act, kind, most = AT_THE_DESK[what]
        self.once(lambda: act(self.hand(ADA)), kind, most=most)

    # --- the organisation ---

    @rule(address=st.sampled_from([SECURITY, SECURITY, OFFICE_MAIL]), death=DEATH)
    @precondition(lambda self: self.visit is None)
    def somebody_confirms(self, address: str, death: Death | None) -> None:
        self.death = death
        if not self.line.relay.to(address):
            return
        mail = self.line.relay.newest(address, self.case.number)
        if not mail.token:
            return
        sessions: list[str] = []

        def confirm() -> None:
            sessions.append(answering.confirm(self.office, mail.token, mail.code, "N. Name", "DPO", self.now))

        self.once(confirm, e.PersonConfirmed)
        held = accounts.read_session(self.office, Audience.ORGANISATION, sessions[-1], self.now) if sessions else None
        self.visit = Visit(self.office, self.id, held.subject, self.now) if held else None

    def visits(self) -> Visit:
        assert self.visit
        return Visit(self.office, self.id, self.visit.person_id, self.now)

    @rule(death=DEATH)
    @precondition(lambda self: self.visit is not None)
    def an_own_address_is_named(self, death: Death | None) -> None:
        self.death = death
        self.once(lambda: answering.name_address(self.visits(), OWN), e.OwnAddressNamed, most=2)

    @rule(death=DEATH)
    @precondition(lambda self: self.visit is not None and bool(self.line.relay.to(OWN)))
    def the_second_code_is_typed(self, death: Death | None) -> None:
        self.death = death
        mails = [stage.read_mail(stage.body_of(message)) for message in self.line.relay.to(OWN)]
        codes = [mail.code for mail in mails if mail.code and not mail.token]  # a notice's mail has a link and a code
        named = [x for x in invariants.entries_of(self.office, self.id) if isinstance(x.event, e.OwnAddressNamed)]
        if len(named) > 1:
            self.death = None  # of several, the newest to come may be the wrong one
        if codes:
            self.once(lambda: answering.give_second_code(self.visits(), codes[-1]), e.StandingShown)

    @rule(death=DEATH)
    @precondition(lambda self: self.visit is not None)
    def the_notice_is_opened(self, death: Death | None) -> None:
        self.death = death
        self.once(lambda: answering.open_notice(self.visits()), e.NoticeOpened)

    @rule(death=DEATH)
    @precondition(lambda self: self.visit is not None)
    def the_notice_is_acknowledged(self, death: Death | None) -> None:
        self.death = death
        self.once(lambda: answering.acknowledge(self.visits(), "w"), e.NoticeAcknowledged)

    @rule(answer=st.sampled_from(["contest", "remediation"]), death=DEATH)
    @precondition(lambda self: self.visit is not None)
    def another_answer(self, answer: str, death: Death | None) -> None:
        self.death = death
        said = {"contest": answering.contest, "remediation": answering.claim_remediation}[answer]
        self.once(lambda: said(self.visits(), "w"), e.NoticeContested, e.RemediationClaimed, most=2)

    # --- what must hold ---

    @invariant()
    def everything_that_must_hold_does(self) -> None:
        if not hasattr(self, "mortal"):
            return
        invariants.check(self.office, self.id, self.now)
        self.mails_are_what_the_relay_knows()

    def mails_are_what_the_relay_knows(self) -> None:
        with self.office.store.reading() as connection:
            rows = {row.id: row for row in connection.execute(select(outbox))}
        assert set(self.line.copies) <= set(rows), "nothing left that the outbox does not know"
        for row in rows.values():
            copies = self.line.copies.get(row.id, [])
            in_doubt = row.ambiguous + (row.state == "sending")  # whoever finds it lapsed says so, or knows better
            assert len(copies) <= 1 + row.ambiguous, "no second copy that nobody is told of"
            assert len(set(copies)) <= 1, "a second copy is the same, byte for byte"
            assert copies or row.state != "relayed", "relayed means that the relay has it"
            assert row.state in {"sending", "relayed"} or len(copies) <= in_doubt, "taken, and not known as taken"
            if row.mail_type in HOLDERS:
                assert len(copies) <= 1


def _shape(event: e.Event) -> object:
    """What a rung does, without the ids that each try makes anew."""
    match event:
        case e.RungClimbed(rung=rung, clock=clock, due_at=due_at):
            return rung, clock, due_at
        case e.MailQueued(mail_type=mail_type, to=to, rung=rung, not_before=not_before):
            return mail_type, to, rung, not_before
        case e.TaskOpened(kind=kind, channel=channel, target=target, rung=rung):
            return kind, channel, target, rung
        case e.AuthorityReferred(authority_id=authority_id, channel=channel):
            return authority_id, channel
    return None


@pytest.mark.timeout(7200)
def test_whatever_dies_at_whatever_moment(database: str, request: pytest.FixtureRequest) -> None:
    run_state_machine_as_test(Crashes, settings=length(request.config, examples=8, steps=25))
