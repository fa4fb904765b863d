"""One table per axis (R9): an event that an axis knows is legal only from the states that the table names.

This file does not know what a case or a report is; it knows states and moves. An illegal move is a failed look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import IllegalMove


class Axis(StrEnum):
    """R9: axes are kept apart. "Escalated" is a rung, not a state."""

    LIFE = "life"
    CONTACT = "contact"
    NOTICE = "notice"
    ACKNOWLEDGEMENT = "acknowledgement"
    REMEDIATION = "remediation"
    PUBLICITY = "publicity"
    TRIAGE = "triage"


# axis → first state, and (state, event) → state. The README's diagrams are drawn from this.
_Table = Mapping[tuple[str, type[e.Event]], str]
FIRST: Mapping[Axis, str] = {
    Axis.LIFE: "open",
    Axis.CONTACT: "searching",
    Axis.NOTICE: "none",
    Axis.ACKNOWLEDGEMENT: "none",
    Axis.REMEDIATION: "none",
    Axis.PUBLICITY: "embargoed",
    Axis.TRIAGE: "received",
}
TRANSITIONS: Mapping[Axis, _Table] = {
    Axis.LIFE: {
        ("open", e.CaseClosed): "closed",
        ("closed", e.CaseReopened): "open",
    },
    Axis.CONTACT: {
        ("searching", e.FirstContactReleased): "requested",
        ("requested", e.FirstContactReleased): "requested",
        ("unreachable", e.FirstContactReleased): "requested",
        ("confirmed", e.FirstContactReleased): "confirmed",
        ("searching", e.CaseUnreachable): "unreachable",
        ("requested", e.CaseUnreachable): "unreachable",
        ("requested", e.PersonConfirmed): "requested",
        ("unreachable", e.PersonConfirmed): "requested",
        ("confirmed", e.PersonConfirmed): "confirmed",
        ("requested", e.StandingShown): "confirmed",
        ("confirmed", e.StandingShown): "confirmed",
    },
    Axis.NOTICE: {
        ("none", e.NoticeDrafted): "drafted",
        ("drafted", e.NoticeDrafted): "drafted",
        ("released", e.NoticeDrafted): "released",
        ("delivered", e.NoticeDrafted): "delivered",
        ("opened", e.NoticeDrafted): "opened",
        ("drafted", e.NoticeReleased): "released",
        ("released", e.NoticeReleased): "released",
        ("delivered", e.NoticeReleased): "released",
        ("opened", e.NoticeReleased): "opened",
        ("released", e.MailDelivered): "delivered",
        ("delivered", e.MailDelivered): "delivered",
        ("opened", e.MailDelivered): "opened",
        ("released", e.NoticeOpened): "opened",
        ("delivered", e.NoticeOpened): "opened",
        ("opened", e.NoticeOpened): "opened",
    },
    Axis.ACKNOWLEDGEMENT: {
        ("none", e.NoticeAcknowledged): "acknowledged",
        ("acknowledged", e.NoticeAcknowledged): "acknowledged",
        ("contested", e.NoticeAcknowledged): "acknowledged",
        ("none", e.NoticeContested): "contested",
        ("acknowledged", e.NoticeContested): "contested",
        ("contested", e.NoticeContested): "contested",
        ("contested", e.ContestSettled): "contested",
    },
    Axis.REMEDIATION: {
        ("none", e.RemediationPlanned): "planned",
        ("planned", e.RemediationPlanned): "planned",
        ("claimed", e.RemediationPlanned): "planned",
        ("none", e.RemediationClaimed): "claimed",
        ("planned", e.RemediationClaimed): "claimed",
        ("claimed", e.RemediationClaimed): "claimed",
    },
    Axis.PUBLICITY: {
        ("embargoed", e.CasePublished): "published",
        ("retracted", e.CasePublished): "published",
        ("published", e.PublicationRetracted): "retracted",
    },
    Axis.TRIAGE: {
        ("received", e.ReportRead): "read",
        ("received", e.ReportAccepted): "accepted",
        ("read", e.ReportAccepted): "accepted",
        ("received", e.ReportDeclined): "declined",
        ("read", e.ReportDeclined): "declined",
        ("received", e.ReportWithdrawn): "withdrawn",
        ("read", e.ReportWithdrawn): "withdrawn",
        ("accepted", e.ReportWithdrawn): "withdrawn",
    },
}
NOTICE_MAILS = frozenset({MailType.NOTICE, MailType.NOTICE_READY})
# An event moves the axis only when this holds; otherwise it is a fact beside it.
_ONLY_WHEN: Mapping[type[e.Event], Callable[[Any], bool]] = {
    e.MailDelivered: lambda event: event.mail_type in NOTICE_MAILS,
    e.ReportWithdrawn: lambda event: event.before_first_contact,  # R5: later it is a request
}
_KNOWN_TO: Mapping[type[e.Event], Axis] = {kind: axis for axis, table in TRANSITIONS.items() for _, kind in table}


def move(axis: Axis, state: str, event: e.Event) -> str:
    """The state after ``event``: one look-up."""
    try:
        return TRANSITIONS[axis][state, type(event)]
    except KeyError:
        raise IllegalMove(axis, state, type(event).__name__) from None


def moved(axes: Mapping[Axis, str], event: e.Event) -> Mapping[Axis, str]:
    axis = _KNOWN_TO.get(type(event))
    if axis is None or axis not in axes or not _ONLY_WHEN.get(type(event), lambda _: True)(event):
        return axes
    return {**axes, axis: move(axis, axes[axis], event)}
