"""What if (R37): severity changed, authorities at once, a contact that bounces; nothing of the case itself changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from disclosure.protocol import events as e
from disclosure.protocol.authorities import When
from disclosure.protocol.codes import MailType, Rung
from disclosure.protocol.errors import Refused
from disclosure.protocol.preview import preview
from disclosure.protocol.values import Channel, Severity
from disclosure.protocol.whatif import WhatIf, suppose
from tests.protocol.builders import ANSSI, CNIL, RULES, T0, H, Story, rules


def due(steps: tuple[object, ...]) -> dict[Rung, timedelta]:
    return {step.planned.rung: step.planned.due_at - T0 for step in steps}  # type: ignore[attr-defined]


def test_supposing_nothing_is_the_preview() -> None:
    case = Story().released().case
    assert suppose(case, RULES, WhatIf(), T0).steps == preview(case, RULES, T0)
    assert WhatIf().nothing
    assert not WhatIf(authority_at_once=True).nothing


def test_another_severity_has_its_own_clock() -> None:
    case = Story(Severity.CRITICAL).released().case
    assert due(suppose(case, RULES, WhatIf(), T0).steps)[Rung.REMINDER] == 24 * H
    assert due(suppose(case, RULES, WhatIf(Severity.HIGH), T0).steps)[Rung.REMINDER] == 48 * H
    assert case.assessed is not None
    assert case.assessed.severity is Severity.CRITICAL, "the case itself is as it was"


def test_authorities_at_once_come_first_and_once_and_never_stays_never() -> None:
    held = rules(referrals=(ANSSI, replace(CNIL, when=When.NEVER)))
    steps = suppose(Story().released().case, held, WhatIf(authority_at_once=True), T0).steps
    at_once = next(step for step in steps if step.planned.rung is Rung.AT_ONCE_AUTHORITIES)
    assert at_once.planned.due_at == T0
    assert [getattr(effect, "to", "") for effect in at_once.effects] == ["anssi"]
    assert Rung.AUTHORITIES not in due(steps), "told already"


@pytest.mark.parametrize(
    ("contacts", "onward", "unreachable", "why"),
    [(2, ["c2"], False, "the next contact is written to now"), (1, [], True, "none is left")],
)
def test_a_bounce_moves_on(contacts: int, onward: list[str], unreachable: bool, why: str) -> None:
    case = Story(contacts=contacts).released().case
    supposed = suppose(case, RULES, WhatIf(bounces="c1"), T0 + H)
    assert [(mail.type, mail.to) for mail in supposed.first] == [(MailType.CONTACT_REQUEST, to) for to in onward], why
    assert (Rung.UNREACHABLE in due(supposed.steps)) is unreachable, why
    assert case.contacts["c1"].disabled == ""


def test_what_was_never_sent_cannot_come_back() -> None:
    with pytest.raises(Refused, match="nothing_sent"):
        suppose(Story().released().case, RULES, WhatIf(bounces="c3"), T0)


def test_whom_a_lapse_told_is_not_told_again_by_a_policy_that_tells_at_once() -> None:
    """A case may be moved to another policy version after the referral (R33, R34)."""
    by_mail = e.AuthorityReferred(authority_id="anssi", channel=Channel.MAIL, by="m9", dossier_sha256="", dossier="")
    case = Story().released().happens(T0 + 99 * H, by_mail, by=e.MACHINE).case
    at_once = rules(referrals=(replace(ANSSI, when=When.AT_ONCE), replace(CNIL, when=When.AT_ONCE)))
    told = [
        getattr(effect, "to", "") or getattr(effect, "target", "")
        for step in preview(case, at_once, T0 + 100 * H)
        for effect in step.effects
        if step.planned.rung is Rung.AT_ONCE_AUTHORITIES
    ]
    assert told == ["cnil"]
