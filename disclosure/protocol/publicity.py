"""What becomes known beyond those concerned, and what is taken back (R39, R46): steps of the fold in case.py."""

from __future__ import annotations

from datetime import timedelta

from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import Refused
from disclosure.protocol.state import Announced, Case, MailState

# R46: the heads-up comes this long before, as that of a referral does (R34).
PUBLICATION_AFTER = timedelta(hours=24)
_PENDING = frozenset({MailState.QUEUED, MailState.PREPARED})


def announced(case: Case, entry: e.Entry, event: e.PublicationAnnounced) -> Case:
    if event.not_before - entry.at < PUBLICATION_AFTER:
        raise Refused("R46", "announced_too_late")
    return case.but(announced=Announced(entry.at, event.not_before))


def published(case: Case, entry: e.Entry, event: e.CasePublished) -> Case:
    """Not before the date that was announced, nor while the announcement is not out for as long as it must be."""
    if case.announced is None:
        raise Refused("R46", "not_announced")
    since = case.announced.at
    told = [m for m in case.mails.values() if m.type is MailType.PUBLICATION_HEADS_UP and m.queued_at >= since]
    out_at = max((m.relayed_at for m in told if m.relayed_at), default=since)
    if any(m.state in _PENDING for m in told) or entry.at < max(case.announced.not_before, out_at + PUBLICATION_AFTER):
        raise Refused("R46", "announced_for_later")
    return case.but(announced=None, published_at=entry.at)


# What is taken back by closing: whoever received anything of it is told (R39).
WITHDRAWN = frozenset({"unfounded", "not_theirs"})


def closed(case: Case, entry: e.Entry, event: e.CaseClosed) -> Case:
    return case.but(withdrawn_at=entry.at) if event.outcome in WITHDRAWN else case
