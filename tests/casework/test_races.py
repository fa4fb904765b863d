"""An acknowledgement and a referral that meet: one of them knows of the other, whichever comes first (R28, R33, R39).

Each through a process of its own on the same database: the organisation's page answers, the worker climbs. Hypothesis
says what is answered, who commits first, where they meet, and how far from the deadline; the deadline's very instant
in both orders stands beside it by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure.casework import answering, authorities, casefile, clockwork, coordination
from disclosure.casework.answering import Visit
from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office
from disclosure.demo.certificates import make_certificate
from disclosure.protocol import events as e
from disclosure.protocol.codes import Clock, Proof, Rung
from disclosure.protocol.ladder import climbable, running
from disclosure.protocol.values import Channel, Severity, Standing
from tests.casework import desk, invariants
from tests.casework.desk import ADA, NOTICE, House
from tests.casework.lengths import length
from tests.casework.meetings import Meeting, meet
from tests.casework.meetings import Party as Process
from tests.office import T0, again, beside, forget, put, shut
from tests.protocol.builders import H, Story

ANSSI = "cert@anssi.example"
SECOND = timedelta(seconds=1)
RELEASED = e.NoticeReleased(
    person_id="who",
    standing=Standing.S2,
    fingerprint="",
    personal_data_masked=True,
    source_unrecognisable=True,
    text=NOTICE.to_text(),  # a dossier quotes it
)
pytestmark = pytest.mark.timeout(7200)


@pytest.fixture(scope="module")
def house(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """ANSSI by mail, CNIL by post."""
    held = desk.build(tmp_path_factory.mktemp("races") / "instance")
    _, public = make_certificate(f"Test <{ANSSI}>", now=T0 - timedelta(days=30))
    authorities.confirm_channel(held.office, "fr-anssi:mail", public, ADA, T0)
    yield held
    forget(held.office)


@pytest.fixture(scope="module")
def elsewhere(house: House) -> Iterator[Office]:
    """The same instance in another process: another engine, another gate."""
    other = again(house.office)
    yield other
    shut(other)


# --- a case whose authorities are next ---


def at_the_brink(house: House, clock: Clock, severity: Severity) -> tuple[str, datetime]:
    """Everything was done but the referral; returns the case and the instant at which it is due."""
    story = Story(severity, phone=False).released()
    if clock is Clock.NOTICE:
        story.standing(T0 + H).happens(T0 + 2 * H, e.NoticeDrafted(draft=NOTICE.to_text()), RELEASED)
    else:
        story.confirmed(T0 + H)
    case_id = put(house.office, story)
    for _ in range(40):
        file = casefile.look(house.office, case_id)
        due = [p for p in climbable(file.case, file.rules) if p.rung is Rung.AUTHORITIES]
        if due:
            run = running(file.case, file.rules.policy)
            assert run
            assert run.clock is clock
            return case_id, due[0].due_at
        instant = file.row["next_at"]
        assert isinstance(instant, datetime)
        clockwork.tick(house.office, instant)
        out = [m for m in casefile.look(house.office, case_id).case.mails.values() if m.relayed_at is None]
        told = [e.MailRelayed(mail_id=m.id, mail_type=m.type, to=m.to, attempt=1, reply="250") for m in out]
        happens(house.office, case_id, instant, *told)
        for task in [t for t in casefile.look(house.office, case_id).case.tasks.values() if t.open]:
            coordination.task_done(Hand(house.office, case_id, ADA, instant), task.id, "spoken to", "")
    raise AssertionError("the authorities never came next")


def happens(office: Office, case_id: str, at: datetime, *events: e.Event) -> None:
    facts = [(e.MACHINE, event) for event in events]
    casefile.change(
        office,
        case_id,
        at,
        lambda _: facts,
        lambda tx, _: [beside(office, tx, case_id, event) for event in events],
    )


# --- the meeting ---

# What ends or holds the clock that runs, as each page does it.
ANSWERS: dict[str, tuple[Clock, Callable[[Office, str, datetime], object]]] = {
    "acknowledged": (Clock.NOTICE, lambda office, case, at: answering.acknowledge(Visit(office, case, "who", at), "w")),
    "acknowledged_by_phone": (
        Clock.NOTICE,
        lambda office, case, at: coordination.record_acknowledgement(Hand(office, case, ADA, at), "who", "w"),
    ),
    "remediated": (
        Clock.NOTICE,
        lambda office, case, at: answering.claim_remediation(Visit(office, case, "who", at), "w"),
    ),
    "standing": (
        Clock.CONTACT,
        lambda office, case, at: coordination.show_standing(Hand(office, case, ADA, at), "who", Proof.CALL_BACK, "n"),
    ),
}
EVENTS = (e.NoticeAcknowledged, e.RemediationClaimed, e.StandingShown)


@dataclass(frozen=True)
class Race:
    answer: str
    how: Meeting
    answered_first: bool
    severity: Severity = Severity.CRITICAL
    off: timedelta = timedelta(0)  # from the deadline


def run(house: House, elsewhere: Office, race: Race) -> None:
    clock, say = ANSWERS[race.answer]
    case_id, due_at = at_the_brink(house, clock, race.severity)
    now, seq = due_at + race.off, casefile.look(house.office, case_id).case.last_seq
    page = Process(house.office, lambda office: say(office, case_id, now))
    worker = Process(elsewhere, lambda office: clockwork.tick(office, now))
    try:
        meet(*((page, worker) if race.answered_first else (worker, page)), race.how)
        check(house, case_id, seq, now, due_at, race)
    finally:
        coordination.close(Hand(house.office, case_id, ADA, now), "o", "r")  # the next one's worker leaves it alone


def check(house: House, case_id: str, seq: int, now: datetime, due_at: datetime, race: Race) -> None:
    entries = invariants.entries_of(house.office, case_id)
    said = [x.seq for x in entries if x.seq > seq and isinstance(x.event, EVENTS)]
    told = [x.seq for x in entries if isinstance(x.event, e.AuthorityReferred)]
    assert len(said) == 1, "whoever answers is heard, once"
    if now < due_at or race.answered_first:
        assert told == [], "nobody is referred over an answer that is there"
    else:
        assert len(told) == 2, "what was due has been done, once"
        assert max(told) < said[0], "and the answer came later: it is sent on (invariants.check)"
    head = entries[-1].seq
    assert clockwork.tick(house.office, now).stuck == 0
    later = [x for x in invariants.entries_of(house.office, case_id) if x.seq > head]
    assert not [x for x in later if isinstance(x.event, e.RungClimbed | e.AuthorityReferred)], "nothing is owed"
    invariants.check(house.office, case_id, now)
    if told:
        channels = {r.channel for r in casefile.look(house.office, case_id).case.referred.values()}
        assert channels == {Channel.MAIL, Channel.POST}


RACES = st.builds(
    Race,
    answer=st.sampled_from(sorted(ANSWERS)),
    how=st.sampled_from(Meeting),
    answered_first=st.booleans(),
    severity=st.sampled_from(Severity),
    off=st.sampled_from([-SECOND, timedelta(0), timedelta(0), SECOND, 30 * H]),
)


def test_whoever_comes_first(house: House, elsewhere: Office, request: pytest.FixtureRequest) -> None:
    length(request.config, examples=15)(given(race=RACES)(lambda race: run(house, elsewhere, race)))()


@pytest.mark.parametrize("how", Meeting)
@pytest.mark.parametrize("answered_first", [True, False], ids=["answered_first", "referred_first"])
@pytest.mark.parametrize("answer", ["acknowledged", "standing"])
def test_at_the_deadlines_very_instant(
    house: House, elsewhere: Office, answer: str, answered_first: bool, how: Meeting
) -> None:
    run(house, elsewhere, Race(answer, how, answered_first))
