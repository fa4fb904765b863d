"""R31, R39: whoever cannot be reached by mail is referred by a coordinator, to an authority that is named first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from disclosure.casework import (
    approvalpage,
    approvals,
    authorities,
    casefile,
    clockwork,
    coordination,
    delivery,
    references,
    tasktexts,
    unreachable,
    verification,
)
from disclosure.demo.certificates import make_certificate
from disclosure.policy import DATA
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType, TaskKind
from disclosure.protocol.errors import InvalidInput, Refused
from disclosure.protocol.values import Channel, Language
from disclosure.store import ledger
from tests.casework import desk
from tests.casework.desk import ADA, BO, HOUR, House
from tests.office import T0, forget

CNIL, ANSSI = "fr-cnil", "fr-anssi"


@pytest.fixture
def quiet(database: str, tmp_path) -> Iterator[House]:  # type: ignore[no-untyped-def]
    held = desk.build(tmp_path / "instance")
    yield held
    forget(held.office)


def unreached(house: House) -> tuple[str, str]:
    """Both mails were refused for good; the case and the task of its referral."""
    case_id = house.tied()
    coordination.release_first_contact(house.hand(case_id), house.case(case_id).chosen[0])
    delivery.deliver(house.office, house.now, desk.Refusing())
    clockwork.tick(house.office, house.later())
    kind = TaskKind.UNREACHABLE_REFERRAL
    return case_id, next(task.id for task in house.case(case_id).tasks.values() if task.kind is kind)


@pytest.fixture
def two(database: str, tmp_path: Path) -> Iterator[House]:
    """Policy asks two coordinators for a referral."""
    shipped = (DATA / "policy.toml").read_text(encoding="utf-8")
    held = desk.build(tmp_path / "instance", policy=shipped.replace("referral = 0", "referral = 2"))
    yield held
    forget(held.office)


def test_two_coordinators_where_policy_wants_two(two: House) -> None:
    """R12: both see the dossier; another authority is another question, and a refusal is asked again by a person."""
    case_id, task_id = unreached(two)
    unreachable.refer(two.hand(case_id), task_id, CNIL)
    assert not two.case(case_id).referred, "asked for, not told"
    (approval,) = two.case(case_id).approvals.values()
    with pytest.raises(Refused, match="approval_pending"):
        unreachable.refer(two.hand(case_id), task_id, CNIL)
    page = approvalpage.page(two.office, case_id, approval.id, BO, Language.EN, two.now)
    assert [one.name for one in page.told] == ["CNIL"]
    assert two.case(case_id).number in page.told[0].dossier
    assert (page.line.subject, page.line.by_machine) == ("CNIL", False)
    approvals.approve(two.hand(case_id, BO), approval.id)
    assert clockwork.tick(two.office, two.now).stuck == 0
    assert not two.case(case_id).referred, "the act stays a person's"
    unreachable.refer(two.hand(case_id), task_id, CNIL)
    assert set(two.case(case_id).referred) == {CNIL}
    assert verification.verify(two.office).ok


def test_a_refused_one_is_not_asked_for_by_the_machine(two: House) -> None:
    case_id, task_id = unreached(two)
    unreachable.refer(two.hand(case_id), task_id, CNIL)
    (approval,) = two.case(case_id).approvals.values()
    approvals.refuse(two.hand(case_id, BO), approval.id, "Call them first.")
    clockwork.tick(two.office, approval.expires_at)
    assert [a.id for a in two.case(case_id).approvals.values()] == [approval.id]
    assert verification.verify(two.office).ok


def text(house: House, case_id: str, task_id: str) -> str:
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, case_id)
        return tasktexts.text_of(house.office, connection, file, file.case.tasks[task_id])


def test_the_dossier_is_sealed_for_the_authority_that_was_named(quiet: House) -> None:
    case_id, task_id = unreached(quiet)
    assert text(quiet, case_id, task_id) == "", "nothing is written before somebody is named"
    unreachable.refer(quiet.hand(case_id), task_id, CNIL)
    told = quiet.case(case_id).referred[CNIL]
    assert (told.by, told.channel) == (task_id, Channel.POST)
    sealed = text(quiet, case_id, task_id)
    with quiet.office.store.reading() as connection:
        (entry,) = casefile.said_in(quiet.office, connection, case_id, e.AuthorityReferred)
    assert isinstance(entry.event, e.AuthorityReferred)
    assert sealed == entry.event.dossier != ""
    quiet.later(HOUR)
    coordination.note(quiet.hand(case_id), "something new")
    assert text(quiet, case_id, task_id) == sealed, "what was told is what was told"
    assert quiet.case(case_id).tasks[task_id].open, "it still has to be brought there"
    assert verification.verify(quiet.office).ok


@pytest.mark.parametrize(
    ("named", "error", "why"),
    [("", InvalidInput, "nobody was chosen"), ("de-bsi", InvalidInput, "not competent for this organisation")],
)
def test_only_who_is_competent_is_named(quiet: House, named: str, error: type[Exception], why: str) -> None:
    case_id, task_id = unreached(quiet)
    with pytest.raises(error):
        unreachable.refer(quiet.hand(case_id), task_id, named)
    assert not quiet.case(case_id).referred, why


def test_one_task_tells_one_authority(quiet: House) -> None:
    case_id, task_id = unreached(quiet)
    unreachable.refer(quiet.hand(case_id), task_id, CNIL)
    with pytest.raises(Refused, match="authority_named_already"):
        unreachable.refer(quiet.hand(case_id), task_id, ANSSI)
    call = next(t.id for t in quiet.case(case_id).tasks.values() if t.kind is TaskKind.PHONE_CALL)
    with pytest.raises(Refused, match="no_referral_waits"):
        unreachable.refer(quiet.hand(case_id), call, ANSSI)


def test_its_reference_is_kept_and_later_facts_go_there(quiet: House) -> None:
    case_id, task_id = unreached(quiet)
    unreachable.refer(quiet.hand(case_id), task_id, CNIL)
    with pytest.raises(InvalidInput):
        coordination.task_done(quiet.hand(case_id), task_id, "posted", "")
    coordination.task_done(quiet.hand(case_id), task_id, "posted", "SAI-26-0417")
    with quiet.office.store.reading() as connection:
        assert references.of_authorities(quiet.office, connection, case_id) == {CNIL: "SAI-26-0417"}
    coordination.close(quiet.hand(case_id), "unfounded", "another organisation's")
    later = next(t for t in quiet.case(case_id).tasks.values() if t.kind is TaskKind.LATER_FACT)
    assert later.target == CNIL
    assert "Votre référence\N{NO-BREAK SPACE}: SAI-26-0417" in text(quiet, case_id, later.id)
    coordination.authority_answered(quiet.hand(case_id), CNIL, "SAI-26-0500", "")
    assert "SAI-26-0500" in text(quiet, case_id, later.id), "the newest counts"


def test_where_the_authority_takes_mail_it_leaves_encrypted_and_the_task_ends(quiet: House) -> None:
    _, public = make_certificate("CERT <cert@anssi.example>", now=T0 - timedelta(days=1))
    authorities.confirm_channel(quiet.office, f"{ANSSI}:mail", public, ADA, quiet.now)
    case_id, task_id = unreached(quiet)
    unreachable.refer(quiet.hand(case_id), task_id, ANSSI)
    case = quiet.case(case_id)
    assert case.tasks[task_id].cancelled
    (mail,) = [m for m in case.mails.values() if m.type is MailType.REFERRAL]
    assert (mail.to, case.referred[ANSSI].by) == (ANSSI, mail.id)
    quiet.deliver()
    (message,) = quiet.relay.to("cert@anssi.example")
    assert b"BEGIN PGP MESSAGE" in message
    assert b"DOSSIER" not in message
    with quiet.office.store.reading() as connection:
        entries = ledger.read(quiet.office.store, connection, case_id, parts=ledger.EVERY_PART)
    assert [x.actor.ref for x in entries if isinstance(x.event, e.AuthorityReferred)] == [ADA], "a coordinator's act"
    assert verification.verify(quiet.office).ok
