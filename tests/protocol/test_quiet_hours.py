"""Quiet hours: a mail of the ladder waits for the morning, the rung does not (R30, R33)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from disclosure.protocol.codes import Clock, MailType, Rung
from disclosure.protocol.effects import MailEffect, effects_of
from disclosure.protocol.ladder import Planned, QuietHours
from disclosure.protocol.preview import preview
from disclosure.protocol.values import Severity
from tests.protocol.builders import POLICY, T0, H, Story, rules

NIGHT, NOON = QuietHours(time(20), time(7, 30)), QuietHours(time(12), time(14))


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("quiet", "at", "leaves", "why"),
    [
        (NIGHT, "2026-11-24T19:59+01:00", "2026-11-24T19:59+01:00", "before they begin"),
        (NIGHT, "2026-11-24T20:00+01:00", "2026-11-25T07:30+01:00", "their first instant is one of them"),
        (NIGHT, "2026-11-25T02:00+01:00", "2026-11-25T07:30+01:00", "after midnight: the same morning"),
        (NIGHT, "2026-11-25T07:30+01:00", "2026-11-25T07:30+01:00", "their end is not"),
        (NIGHT, "2026-10-24T23:00+02:00", "2026-10-25T07:30+01:00", "over the end of summer time: the local morning"),
        (NIGHT, "2026-03-28T23:00+01:00", "2026-03-29T07:30+02:00", "and over its beginning"),
        (NIGHT, "2028-02-28T23:00+01:00", "2028-02-29T07:30+01:00", "a leap day is a day"),
        (NIGHT, "2026-12-31T23:00+01:00", "2027-01-01T07:30+01:00", "over the end of a year"),
        (NOON, "2026-11-24T13:00+01:00", "2026-11-24T14:00+01:00", "within one day"),
        (NOON, "2026-11-24T15:00+01:00", "2026-11-24T15:00+01:00", "after them"),
    ],
)
def test_when_a_mail_may_leave(quiet: QuietHours, at: str, leaves: str, why: str) -> None:
    assert quiet.after(paris(at), "Europe/Paris") == paris(leaves), why


def test_the_mail_of_a_rung_waits_and_its_instant_stays() -> None:
    high = replace(POLICY.profiles[Severity.HIGH], quiet=NIGHT)
    held = rules(profiles={**POLICY.profiles, Severity.HIGH: high})
    evening = T0 + 12 * H  # 21:00 in Paris
    planned = Planned(Rung.REMINDER, Clock.CONTACT, evening)
    (mail,) = effects_of(Story(Severity.HIGH).released().case, planned, held, evening)
    assert isinstance(mail, MailEffect)
    assert (mail.type, mail.not_before) == (MailType.CONTACT_REQUEST, paris("2026-11-25T07:30+01:00"))
    (loud,) = effects_of(Story(Severity.CRITICAL).released().case, planned, held, evening)
    assert isinstance(loud, MailEffect)
    assert loud.not_before == evening, "a critical alert has none of them here"


def test_a_heads_up_that_waits_for_the_morning_delays_the_referral_and_the_preview_says_so() -> None:
    critical = replace(POLICY.profiles[Severity.CRITICAL], quiet=QuietHours(time(8), time(20)))
    held = rules(profiles={**POLICY.profiles, Severity.CRITICAL: critical})
    due = {step.planned.rung: step.planned.due_at for step in preview(Story().released().case, held, T0)}
    assert due[Rung.HEADS_UP] == T0 + 48 * H
    assert due[Rung.AUTHORITIES] == paris("2026-11-26T20:00+01:00") + 24 * H, "24 hours after it has left"
    loud = {step.planned.rung: step.planned.due_at for step in preview(Story().released().case, rules(), T0)}
    assert loud[Rung.AUTHORITIES] == T0 + 72 * H
