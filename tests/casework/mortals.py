"""A machine's office that dies and comes back: where its stories begin, and what a death does to a step of theirs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum, auto
from pathlib import Path

from hypothesis import event as seen
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from disclosure.casework import authorities, casefile, clockwork, coordination, delivery
from disclosure.casework.answering import Visit
from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office
from disclosure.demo.certificates import make_certificate
from disclosure.policy import DATA
from disclosure.protocol import events as e
from disclosure.protocol.codes import Rung
from disclosure.protocol.errors import CannotStore, DisclosureError
from disclosure.protocol.state import Case
from disclosure.protocol.values import Severity
from tests.casework import desk, invariants
from tests.casework.desk import ADA
from tests.casework.mortal import Death, Died, Line, Mortal
from tests.office import T0, again, forget, shut

Step = Callable[[], object]
ANSSI = "cert@anssi.example"
_, CERTIFICATE = make_certificate(f"Test <{ANSSI}>", now=T0 - timedelta(days=30))


class Stage(StrEnum):
    """Where a story begins: Hypothesis alone seldom comes far."""

    TIED = auto()
    REQUESTED = auto()
    SILENT = auto()
    NOTICED = auto()
    NOTICED_AND_SILENT = auto()


class Mortals(RuleBasedStateMachine):
    """One alert in an office of its own; rules stand in test_crashes.py."""

    @initialize(
        begins=st.sampled_from(Stage),
        severity=st.sampled_from([Severity.CRITICAL, *Severity]),
        first_contact=st.sampled_from([1, 1, 2]),
        release=st.sampled_from([1, 1, 2]),
        referral=st.sampled_from([0, 0, 1, 2]),
    )
    def opens(self, begins: Stage, severity: Severity, first_contact: int, release: int, referral: int) -> None:
        policy = (DATA / "policy.toml").read_text(encoding="utf-8").replace("referral = 0", f"referral = {referral}")
        if begins is Stage.TIED:  # the way to the later ones is that of one coordinator
            policy = policy.replace("first_contact = 1", f"first_contact = {first_contact}")
            policy = policy.replace("release = 1", f"release = {release}")
        self.folder = Path(tempfile.mkdtemp())
        self.house = desk.build(self.folder / "instance", policy=policy, DISCLOSURE_LETTERS_BUDGET="5")
        authorities.confirm_channel(self.office, "fr-anssi:mail", CERTIFICATE, ADA, T0)
        self.mortal = Mortal(self.office)
        self.line = Line(self.mortal, self.house.relay)
        self.visit: Visit | None = None
        self.death: Death | None = None
        self.id = self.house.tied(severity=severity)
        self.now = T0
        self.comes_to(begins)

    def comes_to(self, begins: Stage) -> None:
        """The way there is told elsewhere: nobody dies on it."""
        if begins is not Stage.TIED:
            coordination.release_first_contact(self.hand(ADA), self.case.chosen[0])
            self.deliver()
        if begins in {Stage.NOTICED, Stage.NOTICED_AND_SILENT}:
            self.house.relay = self.line  # type: ignore[assignment]
            self.visit = self.house.shown(self.house.confirmed(self.id))
            self.house.released(self.id, self.visit.person_id)
            self.now = self.house.now
        clockwork.beat(self.office, "clock", self.now)
        if begins in {Stage.SILENT, Stage.NOTICED_AND_SILENT}:
            self.silence()

    def silence(self) -> None:
        """Until the authorities are next."""
        for _ in range(40):
            instant = casefile.look(self.office, self.id).row["next_at"]
            if Rung.HEADS_UP in self.case.rungs or not isinstance(instant, datetime):
                return
            self.now = max(self.now, instant)
            clockwork.beat(self.office, "clock", self.now)
            clockwork.turn(self.office, self.now)
            for task in [t for t in self.case.tasks.values() if t.open]:
                coordination.task_done(self.hand(ADA), task.id, "spoken to", "")
            self.deliver()

    def teardown(self) -> None:
        """``--hypothesis-show-statistics`` says how far the stories went and how many died on the way."""
        if hasattr(self, "mortal"):
            for kind in {type(entry.event).__name__ for entry in invariants.entries_of(self.office, self.id)}:
                seen(f"reached: {kind}")
            self.mortal.close()
            forget(self.office)
            shutil.rmtree(self.folder)

    @property
    def office(self) -> Office:
        return self.house.office

    @property
    def case(self) -> Case:
        return casefile.look(self.office, self.id).case

    def reborn(self) -> None:
        """The next process: it finds what was committed, and whoever died has added nothing to it since."""
        assert self.mortal.look() == self.mortal.stored
        self.mortal.close()
        shut(self.office)
        self.house.office = again(self.office, DISCLOSURE_LETTERS_BUDGET="5")
        self.mortal = self.line.mortal = Mortal(self.office)
        invariants.check(self.office, self.id, self.now)

    def _try(self, step: Step) -> None:
        """What a rule forbids is no fault; that it leaves no trace is test_machine.py's matter."""
        try:
            step()
        except CannotStore:
            raise
        except DisclosureError:
            pass

    def does(self, step: Step, *, past: timedelta = timedelta(0)) -> bool:
        """Under the death that is armed; then once more, ``past`` so much time. Whether somebody died."""
        death, self.death = self.death, None
        try:
            with self.mortal.dying(death):
                self._try(step)
        except Died:
            assert death
            seen(f"died: {death.moment} {death.place}")
            self.reborn()
            self.now += past
            self._try(step)
            return True
        assert not self.mortal.dead, "somebody in the product swallowed the end of the process"
        return False

    def once(self, step: Step, *kinds: type[e.Event], most: int = 1) -> None:
        """A step of one person: it is recorded once, even if it is done again because nobody saw it end."""
        before = self.case.last_seq
        died = self.does(step)
        told = [x for x in invariants.entries_of(self.office, self.id) if x.seq > before and isinstance(x.event, kinds)]
        assert len(told) <= most, f"{kinds} twice"
        assert told or not died, f"{kinds} lost"

    def deliver(self) -> None:
        delivery.deliver(self.office, self.now, self.line)

    def hand(self, who: str) -> Hand:
        return Hand(self.office, self.id, who, self.now)
