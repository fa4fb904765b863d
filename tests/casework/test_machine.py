"""Legal and illegal moves in any order against the real casework on both databases (facts: mail 2).

What must hold after every step: no rung before its instant, each at most once, none after an acknowledgement unless
policy says so; an authority is referred to if and only if an outbox row or a task exists; the fold equals every
projected column; an outage of the clock loses nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from disclosure.casework import casefile, clockwork
from disclosure.casework.casefile import CaseFile, Fact
from disclosure.casework.notices import NoticeText
from disclosure.casework.office import new_id
from disclosure.protocol import events as e
from disclosure.protocol.codes import Clock, EmbargoEnd, MailType, Proof, Rung
from disclosure.protocol.effects import next_contact
from disclosure.protocol.errors import DisclosureError
from disclosure.protocol.state import Case, MailState
from disclosure.protocol.values import Language, Party, Severity, Standing
from disclosure.store import ledger
from disclosure.store.tables import cases
from tests.casework import invariants
from tests.casework.lengths import length
from tests.office import AUTHORITIES, T0, beside, forget, make_office
from tests.protocol.builders import Story

WHO = e.Actor(Party.ORGANISATION, "who")
NOTICE = NoticeText("P", "T", "A").to_text()  # a dossier quotes what was released


class Alert(RuleBasedStateMachine):
    """One case; time only goes forward; the clock is asked when Hypothesis says so, often late."""

    climb_after_acknowledgement = True

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "authorities.toml").write_text(AUTHORITIES)
        if not self.climb_after_acknowledgement:
            packaged = Path(casefile.__file__).parent.parent / "data" / "policy.toml"
            text = packaged.read_text().replace(
                "climb_after_acknowledgement = true", "climb_after_acknowledgement = false"
            )
            (self.folder / "policy.toml").write_text(text)
        self.office = make_office(self.folder, DISCLOSURE_LETTERS_BUDGET="5")
        self.now = T0

    def teardown(self) -> None:
        forget(self.office)
        shutil.rmtree(self.folder)

    @initialize(
        severity=st.sampled_from(Severity),
        contacts=st.integers(1, 3),
        phone=st.booleans(),
        written=st.sampled_from([True, True, True, False]),
    )
    def open(self, severity: Severity, contacts: int, phone: bool, written: bool) -> None:
        self.id = self.office.store.keyring.new_stream()
        facts = [(entry.actor, entry.event) for entry in Story(severity, contacts=contacts, phone=phone).entries]
        with self.office.store.reading() as connection:
            rules = casefile.rules_for(self.office, connection, Case())
        with self.office.store.writing() as tx:
            ledger.open_stream(self.office.store, tx, self.id, "case", T0)
            casefile.write(self.office, tx, CaseFile(self.id, Case(), rules), T0, facts)
        if written:
            self.first_contact()
            self.a_mail_moves("relayed")

    @property
    def file(self) -> CaseFile:
        return casefile.look(self.office, self.id)

    def happens(self, *events: e.Event, by: e.Actor = WHO) -> bool:
        """Try it; what a rule forbids must leave no trace."""
        before = self.file.case.last_seq
        facts: list[Fact] = [(by, event) for event in events]
        try:
            casefile.change(
                self.office,
                self.id,
                self.now,
                lambda _: facts,
                lambda tx, _: [beside(self.office, tx, self.id, event) for event in events],
            )
        except DisclosureError:
            assert self.file.case.last_seq == before
            return False
        return True

    # --- time ---

    @rule(hours=st.integers(1, 200))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(hours=st.sampled_from([1, 24, 48, 100, 500]))
    def a_while_later_the_clock_ticks(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.the_clock_ticks()

    @rule()
    def every_task_is_done_and_every_mail_relayed(self) -> None:
        """The way most cases go; without it Hypothesis seldom comes to the end of the ladder."""
        while any(m.state is MailState.QUEUED for m in self.file.case.mails.values()):
            self.a_mail_moves("relayed")
        for task in [t for t in self.file.case.tasks.values() if t.open]:
            self.happens(e.TaskDone(task_id=task.id, proof="p"), by=e.Actor(Party.COORDINATOR, "ada"))

    @rule()
    def the_clock_ticks(self) -> None:
        before = self.file
        done = clockwork.tick(self.office, self.now)
        assert done.stuck == 0, self.why_stuck()
        after = self.file.case
        for rung in set(after.rungs) - set(before.case.rungs):
            assert after.rungs[rung].due_at <= self.now, "never early"
        if before.case.acknowledged_at and not self.climb_after_acknowledgement:
            own = {Rung.AT_ONCE_AUTHORITIES, Rung.AT_ONCE_HEADS_UP, Rung.UNREACHABLE}
            assert set(after.rungs) - set(before.case.rungs) <= own, "none after an acknowledgement"
        assert clockwork.tick(self.office, self.now).rungs == 0, "each once"

    def why_stuck(self) -> str:
        with self.office.store.reading() as connection:
            return str(connection.scalar(select(cases.c.stuck_why)))

    @rule()
    def we_were_away(self) -> None:
        ended = self.now
        self.happens(e.OutageCredited(started_at=ended - timedelta(hours=5), ended_at=ended), by=e.MACHINE)

    # --- mails ---

    @rule()
    def first_contact(self) -> None:
        case = self.file.case
        if next_contact(case) is None or case.released_to:
            return
        mail = e.MailQueued(
            mail_id=new_id(),
            mail_type=MailType.CONTACT_REQUEST,
            to="c1",
            language=Language.FR,
            not_before=self.now,
        )
        self.happens(e.FirstContactReleased(contact_ids=("c1",)), mail, by=e.Actor(Party.COORDINATOR, "ada"))

    @rule(fate=st.sampled_from(["relayed", "relayed", "dead", "ambiguous"]))
    def a_mail_moves(self, fate: str) -> None:
        waiting = [m for m in self.file.case.mails.values() if m.state is MailState.QUEUED]
        if not waiting:
            return
        mail = waiting[0]
        held = {"mail_id": mail.id, "mail_type": mail.type, "to": mail.to}
        events: dict[str, e.Event] = {
            "relayed": e.MailRelayed(**held, attempt=1, reply="250"),
            "dead": e.MailRefused(**held, attempt=1, permanent=True, code="5.1.1", reply="no"),
            "ambiguous": e.MailAmbiguous(**held, attempt=1, again=False),
        }
        self.happens(events[fate], by=e.MACHINE)

    @rule()
    def a_mail_comes_back(self) -> None:
        out = [m for m in self.file.case.mails.values() if m.state is MailState.RELAYED]
        if out:
            self.happens(e.MailBounced(mail_id=out[0].id, mail_type=out[0].type, to=out[0].to, code="5.1.1"))

    # --- people ---

    @rule()
    def somebody_confirms(self) -> None:
        self.happens(e.PersonConfirmed(person_id="who", contact_id="c1", name="N", role="R"))

    @rule()
    def shows_standing(self) -> None:
        self.happens(
            e.OwnAddressNamed(person_id="who", domain_id="d1", address="n@org.example"),
            e.StandingShown(person_id="who", standing=Standing.S2, proof=Proof.OWN_ADDRESS),
        )

    @rule()
    def notice_is_released(self) -> None:
        person = self.file.case.persons.get("who")
        if person is None:
            return
        release = e.NoticeReleased(
            person_id="who",
            standing=person.standing,
            fingerprint=person.fingerprint,
            personal_data_masked=True,
            source_unrecognisable=True,
            text=NOTICE,
        )
        self.happens(e.NoticeDrafted(draft=NOTICE), release, by=e.Actor(Party.COORDINATOR, "ada"))

    @rule()
    def it_goes_well_up_to_the_acknowledgement(self) -> None:
        self.somebody_confirms()
        self.shows_standing()
        self.notice_is_released()
        self.happens(e.NoticeOpened(person_id="who"), e.NoticeAcknowledged(person_id="who"))

    @rule(
        event=st.sampled_from(
            [
                e.NoticeOpened(person_id="who"),
                e.NoticeAcknowledged(person_id="who"),
                e.NoticeContested(person_id="who", words="w"),
                e.RemediationClaimed(person_id="who"),
                e.CertificateHandedIn(person_id="who", certificate_id="k", fingerprint="AB", flags=()),
                e.ContestSettled(upheld=False, words="w"),
                e.ContestSettled(upheld=True, words="w"),
                e.ClockPaused(reason="r"),
                e.ClockResumed(),
                e.ClockExtended(clock=Clock.CONTACT, seconds=3600, reason="r"),
                e.EmbargoEnded(cause=EmbargoEnd.EXPLOITED, reason="r"),
                e.CaseUnreachable(),
                e.CaseClosed(outcome="o"),
                e.CaseReopened(),
                e.LinkOpened(link_id="l", mail_id="m"),
            ]
        )
    )
    def anything_else(self, event: e.Event) -> None:
        self.happens(event)

    @rule()
    @precondition(lambda self: any(t.open for t in self.file.case.tasks.values()))
    def a_task_is_done(self) -> None:
        task = next(t for t in self.file.case.tasks.values() if t.open)
        self.happens(e.TaskDone(task_id=task.id, proof="p"), by=e.Actor(Party.COORDINATOR, "ada"))

    # --- what must hold ---

    @invariant()
    def everything_that_must_hold_does(self) -> None:
        invariants.check(self.office, self.id, self.now, sent_on=False)


class AlertWithoutActionClock(Alert):
    climb_after_acknowledgement = False


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("machine", [Alert, AlertWithoutActionClock])
def test_every_order_of_moves(database: str, machine: type[Alert], request: pytest.FixtureRequest) -> None:
    run_state_machine_as_test(machine, settings=length(request.config, examples=10))
