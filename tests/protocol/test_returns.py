"""R15, R31: when an organisation cannot be reached by mail, and when nobody knows yet."""

from __future__ import annotations

import pytest

from disclosure.protocol import events as e
from disclosure.protocol.codes import LookupOutcome, MailType
from disclosure.protocol.ownclocks import whose_move
from disclosure.protocol.plain import from_plain
from disclosure.protocol.returns import nobody_found, nobody_left, nothing_is_out
from disclosure.protocol.values import Channel, Party
from tests.protocol.builders import POLICY, T0, H, Story

NONE, FOUND, UNKNOWN = LookupOutcome.NONE, LookupOutcome.FOUND, LookupOutcome.UNKNOWN


def dead(*, contacts: int = 1) -> Story:
    """Written to one contact, and it came back."""
    story = Story(contacts=contacts).released()
    story.happens(T0 + H, e.MailBounced(mail_id="m1", mail_type=MailType.CONTACT_REQUEST, to="c1", code="5.1.1"))
    return story.happens(T0 + H, e.ContactDisabled(contact_id="c1", reason="bounced"))


def searched(story: Story, *outcomes: LookupOutcome, search_id: str = "s1", domain_id: str = "d1") -> Story:
    story.happens(T0 + H, e.SearchStarted(search_id=search_id, domain_id=domain_id))
    for outcome in outcomes:
        story.happens(T0 + H, e.SearchEnded(search_id=search_id, outcome=outcome, found=0, review=0))
    return story


@pytest.mark.parametrize(
    ("story", "left", "why"),
    [
        (dead(), True, "nobody asked for a search, and all is dead"),
        (dead(contacts=2), False, "the next contact is still to be written to"),
        (Story(contacts=1).released(), False, "the mail is out"),
        (searched(dead(), NONE), True, "none is knowledge"),
        (searched(dead(), FOUND), True, "found ends it too: whoever it found was chosen from"),
        (searched(dead()), False, "it has not ended once"),
        (searched(dead(), UNKNOWN), False, "unknown means retry"),
        (searched(dead(), UNKNOWN, UNKNOWN, NONE), True, "the last try counts"),
        (
            searched(searched(dead(), UNKNOWN), NONE, search_id="s2"),
            True,
            "a newer search of the domain takes its place",
        ),
        (searched(searched(dead(), NONE), UNKNOWN, search_id="s2"), False, "and so does one that is unknown"),
        (searched(searched(dead(), NONE), search_id="s2", domain_id="d2"), False, "of another domain nobody knows"),
        (dead().happens(T0 + H, e.CaseUnreachable()), False, "it was said already"),
        (dead().happens(T0 + H, e.CaseClosed(outcome="done")), False, "nothing follows in a closed case"),
    ],
)
def test_who_cannot_be_reached_by_mail(story: Story, left: bool, why: str) -> None:
    assert nobody_left(story.case) is left, why


def test_an_answer_of_a_search_that_was_replaced_says_nothing() -> None:
    story = searched(searched(dead()), search_id="s2")
    story.happens(T0 + H, e.SearchEnded(search_id="s1", outcome=NONE, found=0, review=0))
    assert not nobody_left(story.case)


@pytest.mark.parametrize(
    ("channel", "review", "found", "why"),
    [
        (Channel.MAIL, False, False, "somebody may be written to: a coordinator's move"),
        (Channel.MAIL, True, True, "what goes to review is nobody yet"),
        (Channel.PHONE, False, True, "no mail reaches a telephone"),
    ],
)
def test_whom_a_search_has_found_anew(channel: Channel, review: bool, found: bool, why: str) -> None:
    story = dead().happens(
        T0 + H,
        e.ContactFound(
            contact_id="new",
            channel=channel,
            source="security_txt",
            rank=1,
            confidence="high",
            reason="published",
            review=review,
            domain_id="d1",
            address="x",
        ),
    )
    assert nobody_found(story.case) is found, why


def test_while_nothing_is_out_it_is_our_move() -> None:
    story = searched(dead(), UNKNOWN)
    assert nothing_is_out(story.case)
    assert whose_move(story.case, POLICY) is Party.COORDINATOR
    assert whose_move(Story(contacts=1).released().case, POLICY) is Party.ORGANISATION


@pytest.mark.parametrize(
    ("kind", "plain", "fresh"),
    [
        ("TaskDone", {"task_id": "t"}, "none_given"),
        ("CoordinatorsCalled", {"clock": "task_overdue", "subject": "t"}, "to"),
    ],
)
def test_entries_of_before_still_read(kind: str, plain: dict[str, object], fresh: str) -> None:
    assert not getattr(from_plain(kind, {"open": plain}), fresh)
