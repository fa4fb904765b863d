"""What the case decides of a mail: who reads it, what they did already, who was told meanwhile (R20, R33, R34)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from disclosure.casework import casefile, clockwork, coordination, delivery, drafting, mailpreviews
from disclosure.casework.casefile import Fact, Hand
from disclosure.casework.notices import Basis, NoticeFact, NoticeText
from disclosure.casework.office import Office
from disclosure.casework.opened import Opened
from disclosure.casework.outboxrows import Claim
from disclosure.language import format_when
from disclosure.mail import compose
from disclosure.protocol import events as e
from disclosure.protocol.codes import Clock, MailType, Proof, Rung
from disclosure.protocol.values import Language, Party, Standing
from tests.chaos import scene
from tests.chaos.scene import DUE
from tests.office import T0, put
from tests.protocol.builders import COORDINATOR, H, Story

WHO = e.Actor(Party.ORGANISATION, "who")
NOTICE = NoticeText(
    presentation="P", technical="T", advice="A", facts=(NoticeFact(Basis.PUBLIC, date(2026, 11, 23), "F"),)
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> scene.Scene:
    return scene.prepare(tmp_path_factory.mktemp("scene") / "instance")


@pytest.fixture
def office(made: scene.Scene, tmp_path: Path) -> Iterator[Office]:
    held = scene.reopen(made.copy(tmp_path / "instance").folder)
    yield held
    held.store.engine.dispose()


def words(office: Office, case_id: str, mail_type: MailType, to: str, rung: Rung | None = None) -> str:
    """The body that delivery would compose, in French."""
    queued = e.MailQueued(
        mail_id="q" * 32, mail_type=mail_type, to=to, language=Language.FR, not_before=T0 + H, rung=rung
    )
    facts: list[Fact] = [(e.MACHINE, queued)]
    if rung is not None:  # a rung's mail stands in one commit with its climbing
        climbed = e.RungClimbed(rung=rung, clock=Clock.CONTACT, due_at=T0 + H, mails=1, tasks=0)
        facts.insert(0, (e.MACHINE, climbed))
    casefile.change(office, case_id, T0 + H, lambda _: facts)
    claim = Claim(queued.mail_id, case_id, mail_type, to, Language.FR, "recipe", 0, 0, 1, T0 + H)
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        draft = drafting.draft_of(Opened(office, connection, file, T0 + H), claim, "F" * 40)
    return _flat(compose.compose(draft.mail, Language.FR).body)


def _flat(text: str) -> str:
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize(
    ("story", "to", "said", "why"),
    [
        (Story().released(), "c1", "personne ne nous a encore répondu", "a contact, and nobody answered"),
        (Story().released().standing(T0).notice(T0), "who", "nous ne savons pas encore si vous l'avez lue", "released"),
        (
            Story().released().standing(T0).notice(T0).acknowledged(T0),
            "who",
            "Vous avez accusé réception",
            "acknowledged: what follows is asked",
        ),
    ],
)
def test_a_reminder_knows_what_was_answered(office: Office, story: Story, to: str, said: str, why: str) -> None:
    assert said in words(office, put(office, story), MailType.REMINDER, to), why


@pytest.mark.parametrize(
    ("rung", "said", "unsaid"),
    [
        (Rung.HEADS_UP, "Sans nouvelles de votre part", "dès maintenant"),
        (Rung.AT_ONCE_HEADS_UP, "est transmise dès maintenant", "Sans nouvelles"),
    ],
)
def test_a_heads_up_promises_no_choice_that_there_is_not(office: Office, rung: Rung, said: str, unsaid: str) -> None:
    text = words(office, put(office, Story().released()), MailType.HEADS_UP, "c1", rung)
    assert said in text
    assert unsaid not in text
    assert ("à : ANSSI, CERT-FR" in text) == (rung is Rung.HEADS_UP), "at once names those alone that are told at once"


def late_reader(office: Office, case_id: str) -> None:
    facts: list[Fact] = [
        (WHO, e.PersonConfirmed(person_id="who", contact_id="c1", name="N", role="R")),
        (COORDINATOR, e.StandingShown(person_id="who", standing=Standing.S3, proof=Proof.CALL_BACK, note="n")),
    ]
    casefile.change(office, case_id, DUE + H, lambda _: facts)
    coordination.draft_notice(Hand(office, case_id, "ada", DUE + H), NOTICE)


def test_a_late_notice_says_who_was_told_meanwhile(office: Office, made: scene.Scene) -> None:
    clockwork.tick(office, DUE)
    delivery.deliver(office, DUE + timedelta(minutes=1), scene.take)
    late_reader(office, made.referred)
    shown = _flat(mailpreviews.preview_notice(office, made.referred, "who", DUE + H).body)
    told = _flat(format_when(DUE + timedelta(minutes=1), Language.FR))
    assert f"ANSSI, CERT-FR : informée le {told}." in shown, "the mail was relayed"
    assert "CNIL : transmission en cours." in shown, "the letter is a task that nobody has done yet"
    assert "Personne d'autre n'est informé" not in shown
    hand = Hand(office, made.referred, "ada", DUE + 2 * H)
    for task in [t for t in casefile.look(office, made.referred).case.tasks.values() if t.open]:
        coordination.task_done(hand, task.id, "posted", "", none_given=True)
    shown = _flat(mailpreviews.preview_notice(office, made.referred, "who", DUE + 3 * H).body)
    assert f"CNIL : informée le {_flat(format_when(DUE + 2 * H, Language.FR))}." in shown


def test_an_early_notice_says_who_would_be_told(office: Office) -> None:
    case_id = put(office, Story().released())
    late_reader(office, case_id)
    shown = _flat(mailpreviews.preview_notice(office, case_id, "who", DUE + H).body)
    assert "CNIL : le " in shown
    assert "si rien ne change d'ici là" in shown
