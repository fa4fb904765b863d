"""Releases through the stage: what one names, to whom, and with which pictures (R20, R29)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from disclosure.casework import (
    answering,
    casefile,
    casepage,
    coordination,
    delivery,
    leaving,
    locking,
    mailpreviews,
    reporting,
    verification,
)
from disclosure.casework.answering import Visit
from disclosure.casework.casefile import Hand
from disclosure.casework.coordination import ReleaseNotice
from disclosure.demo import stage
from disclosure.demo.certificates import make_certificate
from disclosure.language import format_when
from disclosure.mail.relay import Kind, Outcome
from disclosure.openpgp.verdict import Reason, refuse
from disclosure.protocol.errors import InvalidInput, NotFound, Refused
from disclosure.protocol.state import MailState
from disclosure.protocol.values import Language
from disclosure.store.tables import outbox
from tests.protocol.builders import H
from tests.story.conftest import Play, play  # noqa: F401 - the fixture

KEY, OWN = "pharmacies", "d.exemple@officines-littoral.example"


def shown(play: Play, *, certificate: bool) -> tuple[Hand, Visit]:  # noqa: F811
    """A person with standing S2, a draft with the report's picture; nothing released yet."""
    cast, start = play.cast, play.cast.start
    hand = stage.open_case(cast, KEY, stage.report_in(cast, KEY, start), start)
    stage.look_for_contacts(cast, hand, KEY)
    address = stage.first_contact(cast, hand)
    visit = stage.confirm(cast, hand, address, "Dominique Exemple", "DPO", start + H)
    if certificate:
        hand_in(visit)
    stage.show_standing(cast, visit, OWN)
    hand = Hand(cast.office, hand.case_id, cast.coordinator_id, start + 2 * H)
    stage.write_notice(cast, hand, KEY)
    return hand, visit


def hand_in(visit: Visit) -> None:
    _, public = make_certificate(f"Dominique Exemple <{OWN}>", now=visit.now - timedelta(days=30))
    answering.hand_in_certificate(visit, public)


def release(play: Play, hand: Hand, visit: Visit) -> None:  # noqa: F811
    person = casefile.look(hand.office, hand.case_id).case.persons[visit.person_id]
    command = ReleaseNotice(
        person.id, person.standing, person.fingerprint, True, True, stage.pictures_of(play.cast, hand)
    )
    coordination.release_notice(hand, command)


def test_a_certificate_handed_in_after_the_release_gets_nothing(play: Play) -> None:  # noqa: F811
    hand, visit = shown(play, certificate=True)
    release(play, hand, visit)
    later = Visit(visit.office, visit.case_id, visit.person_id, hand.now)
    hand_in(later)  # whoever holds the session: before the mail was composed
    sent = len(play.cast.world.received)
    delivery.deliver(play.cast.office, hand.now)
    with play.cast.office.store.reading() as connection:
        row = connection.execute(outbox.select().where(outbox.c.mail_type == "notice")).one()
    assert (row.state, row.last_code) == ("dead", "released_to_another_state")
    assert len(play.cast.world.received) == sent, "nothing left"
    assert row.sealed is None, "nothing was even composed"


def test_a_certificate_handed_in_while_the_mail_waits_gets_nothing(play: Play) -> None:  # noqa: F811
    hand, visit = shown(play, certificate=True)
    release(play, hand, visit)
    away = Outcome(Kind.NOT_SENT, "connect", "")
    assert delivery.deliver(play.cast.office, hand.now, lambda *_: away).later == 1, "composed, and the relay is away"
    later = hand.now + 2 * H
    hand_in(Visit(visit.office, visit.case_id, visit.person_id, later))
    sent = len(play.cast.world.received)
    delivery.deliver(play.cast.office, later)
    case = casefile.look(hand.office, hand.case_id).case
    assert [m.state for m in case.mails.values() if m.type == "notice"] == [MailState.DEAD]
    assert len(play.cast.world.received) == sent


def test_the_page_shows_nothing_to_a_person_who_changed(play: Play) -> None:  # noqa: F811
    hand, visit = shown(play, certificate=False)
    release(play, hand, visit)
    later = Visit(visit.office, visit.case_id, visit.person_id, hand.now)
    answering.open_notice(later)
    assert casepage.notice(later, Language.FR).pictures
    answering.name_address(later, "autre@officines-littoral.example")
    with pytest.raises(Refused):
        casepage.notice(later, Language.FR)


def test_pictures_survive_the_report_under_the_cases_key(play: Play) -> None:  # noqa: F811
    hand, visit = shown(play, certificate=False)
    release(play, hand, visit)
    office, later = hand.office, Visit(visit.office, visit.case_id, visit.person_id, hand.now)
    (released,) = answering.read_notice(later)[1].pictures
    with pytest.raises(NotFound):
        casepage.picture(later, released)
    answering.open_notice(later)
    (report_id,) = casefile.look(office, hand.case_id).case.reports
    office.store.keyring.erase(report_id)
    media_type, content = casepage.picture(later, released)
    assert media_type == "image/png"
    assert content.startswith(b"\x89PNG")
    assert verification.verify(office, hand.case_id).ok


def test_a_picture_that_was_not_looked_at_stops_the_release(play: Play) -> None:  # noqa: F811
    hand, visit = shown(play, certificate=False)
    person = casefile.look(hand.office, hand.case_id).case.persons[visit.person_id]
    with pytest.raises(Refused) as refused:
        coordination.release_notice(hand, ReleaseNotice(person.id, person.standing, "", True, True))
    assert refused.value.reason == "release_names_another_state", "the draft holds a picture that the page did not show"


def test_a_strangers_picture_is_no_choice(play: Play) -> None:  # noqa: F811
    hand, _ = shown(play, certificate=False)
    other = stage.report_in(play.cast, KEY, play.cast.start)  # not linked to this case
    held = reporting.read_report(hand.office, other, play.cast.coordinator_id, hand.now)
    notice = stage.notice_of(play.cast, KEY, held.pictures)
    with pytest.raises(InvalidInput, match="pictures: not_a_choice"):
        coordination.draft_notice(hand, notice)


def test_the_preview_is_what_then_leaves(play: Play) -> None:  # noqa: F811
    """Also the dates: the notice names those of the clock that its own release starts (R34)."""
    hand, visit = shown(play, certificate=False)
    preview = mailpreviews.preview_notice(hand.office, hand.case_id, visit.person_id, hand.now)
    release(play, hand, visit)
    mark = " ".join(format_when(hand.now + 72 * H, Language.FR).split())
    assert f"ANSSI, CERT-FR : le {mark}" in " ".join(preview.body.split())
    assert casepage.page(Visit(hand.office, hand.case_id, visit.person_id, hand.now), Language.FR).told[0][1] == (
        hand.now + 72 * H
    )


def test_the_cases_own_report_is_no_other(play: Play) -> None:  # noqa: F811
    hand, visit = shown(play, certificate=False)
    person = (hand.office, hand.case_id, visit.person_id, hand.coordinator_id, Language.FR, hand.now)
    assert leaving.notice(*person).related == ()
    other = stage.report_in(play.cast, KEY, play.cast.start)
    assert [found.id for found in leaving.notice(*person).related] == [other]


def test_a_judge_of_ours_that_fails_ends_no_mail(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """What cannot be true of bytes that were judged usable is our own fault: the notice waits, nothing leaves."""
    hand, visit = shown(play, certificate=True)
    release(play, hand, visit)
    sent = len(play.cast.world.received)
    monkeypatch.setattr(locking, "judge_safely", lambda *_, **__: refuse(Reason.CORRUPT))
    assert delivery.deliver(play.cast.office, hand.now).later == 1
    case = casefile.look(hand.office, hand.case_id).case
    assert [m.state for m in case.mails.values() if m.type == "notice"] == [MailState.QUEUED]
    assert len(play.cast.world.received) == sent
    monkeypatch.undo()
    assert delivery.deliver(play.cast.office, hand.now + H).relayed == 1
