"""What goes beyond the organisation's own contacts: forward requests (R14b), publication, retraction (R39, R46)."""

from __future__ import annotations

import pytest

from disclosure.protocol import events as e
from disclosure.protocol.codes import Clock, EmbargoEnd, MailType, Proof, Rung
from disclosure.protocol.errors import IllegalMove, Refused
from disclosure.protocol.values import Channel, Language, Party, Standing
from tests.protocol.builders import COORDINATOR, T0, H, Story

ABUSE = e.ContactEntered(
    contact_id="i1", channel=Channel.MAIL, intermediary=True, address="abuse@hoster.example", source="RDAP"
)
CALLED = e.ContactEntered(
    contact_id="i1", channel=Channel.PHONE, intermediary=True, address="01 99 00 00 99", source="RDAP"
)
SECOND = e.RungClimbed(rung=Rung.SECOND_CONTACT, clock=Clock.CONTACT, due_at=T0 + 48 * H, mails=1, tasks=1)
REMINDED = e.RungClimbed(rung=Rung.REMINDER, clock=Clock.CONTACT, due_at=T0 + 24 * H, mails=1, tasks=0)
FORWARD = e.ForwardRequestReleased(contact_id="i1")
END = e.EmbargoEnded(cause=EmbargoEnd.EXPLOITED, reason="seen")


def silent() -> Story:
    """Written to, reminded, and the second contact tried."""
    return Story().released().happens(T0, ABUSE).happens(T0 + 24 * H, REMINDED).happens(T0 + 48 * H, SECOND)


@pytest.mark.parametrize(
    ("story", "why_not", "why"),
    [
        (silent(), "", "the second contact was tried in vain"),
        (Story().happens(T0, ABUSE, e.CaseUnreachable()), "", "nobody can be reached by mail"),
        (Story().happens(T0, ABUSE), "own_contacts_not_failed", "nobody was written to"),
        (Story().released().happens(T0, ABUSE), "own_contacts_not_failed", "written to just now"),
        (
            Story().released().happens(T0, ABUSE).happens(T0 + 24 * H, REMINDED),
            "own_contacts_not_failed",
            "one reminder is not enough",
        ),
        (silent().standing(T0 + 49 * H), "own_contacts_not_failed", "somebody speaks for them by now"),
        (silent().happens(T0 + 49 * H, e.ContactDisabled(contact_id="i1", reason="x")), "contact_disabled", "off"),
        (
            Story().happens(T0, CALLED, e.CaseUnreachable()),
            "not_an_intermediary",
            "a call to an intermediary is no mail to one",
        ),
        (Story().happens(T0, e.CaseUnreachable()), "unknown_contact", "no such contact"),
    ],
)
def test_an_intermediary_is_asked_after_the_own_contacts_failed(story: Story, why_not: str, why: str) -> None:
    if not why_not:
        story.happens(T0 + 50 * H, FORWARD)
        return
    with pytest.raises(Refused) as refused:
        story.happens(T0 + 50 * H, FORWARD)
    assert refused.value.reason == why_not, why


def test_a_contact_of_the_organisation_gets_no_forward_request() -> None:
    with pytest.raises(Refused) as refused:
        silent().happens(T0 + 50 * H, e.ForwardRequestReleased(contact_id="c3"))
    assert refused.value.reason == "not_an_intermediary"


def forwarded() -> Story:
    return silent().happens(T0 + 50 * H, FORWARD).mail(T0 + 50 * H, "f1", MailType.FORWARD_REQUEST, "i1")


def test_an_intermediary_never_confirms_and_gets_no_link() -> None:
    story = forwarded()
    person = e.PersonConfirmed(person_id="x", contact_id="i1", name="N", role="abuse")
    with pytest.raises(Refused) as refused:
        story.happens(T0 + 51 * H, person, by=e.Actor(Party.ORGANISATION, "x"))
    assert (refused.value.rule, refused.value.reason) == ("R14b", "intermediary")
    case = story.case
    assert "i1" not in {*case.addressed(), *case.live_contacts(), *case.written_to()}, "no heads-up, no reminder"
    assert "i1" in case.received_anything(), "but a retraction reaches it"


def test_a_forward_request_moves_no_clock_of_the_organisation() -> None:
    before, after = silent().case, forwarded().case
    assert after.contact_started_at == before.contact_started_at
    assert after.forwarded_at == T0 + 50 * H
    alone = Story().happens(T0, ABUSE, e.CaseUnreachable()).happens(T0, FORWARD)
    alone.mail(T0 + H, "f1", MailType.FORWARD_REQUEST, "i1")
    assert alone.case.contact_started_at is None, "nothing was sent to the organisation itself (R31)"


# --- publication ---


def told(at_hours: float = 100) -> Story:
    """The embargo is over; the date was announced for a day later, and the mail about it left."""
    at = T0 + at_hours * H
    story = Story().released().happens(T0 + H, END).happens(at, e.PublicationAnnounced(not_before=at + 24 * H))
    return story.mail(at, "h1", MailType.PUBLICATION_HEADS_UP, "c1")


def waiting(story: Story, at_hours: float) -> Story:
    queued = e.MailQueued(
        mail_id="h2",
        mail_type=MailType.PUBLICATION_HEADS_UP,
        to="c2",
        language=Language.FR,
        not_before=T0 + at_hours * H,
    )
    return story.happens(T0 + at_hours * H, queued)


PUBLISHED = e.CasePublished(text="x")


@pytest.mark.parametrize(
    ("story", "hours", "event", "why_not", "why"),
    [
        (told(), 124, PUBLISHED, "", "the announced instant counts"),
        (told(), 123.99, PUBLISHED, "announced_for_later", "not a minute before"),
        (waiting(told(), 100), 130, PUBLISHED, "announced_for_later", "an announcement is still in the outbox"),
        (
            told().mail(T0 + 120 * H, "h3", MailType.PUBLICATION_HEADS_UP, "c3"),
            130,
            PUBLISHED,
            "announced_for_later",
            "one of them left late: it has not been out for a day",
        ),
        (Story().released().happens(T0 + H, END), 130, PUBLISHED, "not_announced", "nobody was told"),
        (
            Story().released(),
            130,
            e.PublicationAnnounced(not_before=T0 + 200 * H),
            "embargo_running",
            "R46: remediation or a lapsed embargo first",
        ),
        (
            Story().released().happens(T0 + H, END),
            130,
            e.PublicationAnnounced(not_before=T0 + 153 * H),
            "announced_too_late",
            "24 hours at least",
        ),
    ],
)
def test_publication_comes_after_its_announcement(
    story: Story, hours: float, event: e.Event, why_not: str, why: str
) -> None:
    if not why_not:
        story.happens(T0 + hours * H, event)
        assert story.case.published_at == T0 + hours * H
        return
    with pytest.raises(Refused) as refused:
        story.happens(T0 + hours * H, event)
    assert (refused.value.rule, refused.value.reason) == ("R46", why_not), why


def test_a_claimed_remediation_opens_the_way_too() -> None:
    story = Story().released().standing(T0 + H).notice(T0 + H).acknowledged(T0 + H)
    claimed = e.RemediationClaimed(person_id="who")
    story.happens(T0 + 2 * H, claimed, by=e.Actor(Party.ORGANISATION, "who"))
    story.happens(T0 + 3 * H, e.PublicationAnnounced(not_before=T0 + 27 * H), by=COORDINATOR)
    assert story.case.announced is not None


def test_what_was_retracted_is_announced_anew() -> None:
    story = told().happens(T0 + 124 * H, PUBLISHED)
    with pytest.raises(IllegalMove):
        story.happens(T0 + 125 * H, PUBLISHED)
    story.happens(T0 + 125 * H, e.PublicationRetracted(reason="wrong"))
    with pytest.raises(Refused) as refused:
        story.happens(T0 + 126 * H, PUBLISHED)
    assert refused.value.reason == "not_announced"


@pytest.mark.parametrize(
    ("outcome", "withdrawn", "why"),
    [
        ("unfounded", True, "taken back"),
        ("not_theirs", True, "as far as this organisation goes"),
        ("remediated", False, "it was true"),
        ("referred", False, "it goes on"),
        ("withdrawn", False, "the reporter's wish says nothing of the alert"),
    ],
)
def test_closing_may_take_the_alert_back(outcome: str, withdrawn: bool, why: str) -> None:
    story = Story().released().happens(T0 + H, e.CaseClosed(outcome=outcome))
    assert (story.case.withdrawn_at == T0 + H) is withdrawn, why
    assert story.happens(T0 + 2 * H, e.CaseReopened()).case.withdrawn_at is None, "reopened, it stands again"


def test_who_named_no_own_address_is_reached_through_the_contact() -> None:
    story = Story().released().confirmed(T0 + H)
    shown = e.StandingShown(person_id="who", standing=Standing.S3, proof=Proof.CALL_BACK, note="n")
    story.happens(T0 + 2 * H, shown)
    assert story.case.received_anything() == ("c1",), "through whose mailbox that person came"
