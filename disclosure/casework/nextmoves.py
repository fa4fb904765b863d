"""What a coordinator would do next in a case, the most pressing first: an offer on the page, never a rule.

The rules are in protocol/; what is offered here and refused there stays refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from disclosure.casework.casefile import CaseFile
from disclosure.language import N_, translate
from disclosure.protocol.axes import Axis
from disclosure.protocol.state import Case
from disclosure.protocol.values import Channel, Language


@dataclass(frozen=True)
class Move:
    """``act`` names a page of the desk, ``subject`` the contact, person or task that it is about."""

    act: str
    words: str
    subject: str = ""


_WORDS = {
    "domain": N_("Tie the organisation's domain to the case, with a reason"),
    "search": N_("Look for published contacts of the domain"),
    "contact": N_("Enter a contact by hand"),
    "order": N_("Choose the order of the contacts"),
    "request": N_("Preview and release the contact request"),
    "forward": N_("Preview and release a forward request to an intermediary"),
    "settle": N_("Answer the contest"),
    "draft": N_("Write the notice"),
    "release": N_("Preview and release the notice"),
    "task": N_("Do the task and record its proof"),
    "close": N_("Close the case"),
}


def moves(file: CaseFile, language: Language) -> tuple[Move, ...]:
    if not file.case.open:
        return ()
    return tuple(Move(act, translate(language, _WORDS[act]), subject) for act, subject in _moves(file.case))


def _moves(case: Case) -> Iterator[tuple[str, str]]:
    if case.contest_waits:
        yield "settle", ""
    if case.state(Axis.CONTACT) in {"searching", "unreachable"} and not case.released_to:
        yield from _first_contact(case)
    elif any(case.contacts[cid].doubted for cid in case.chosen):
        yield "order", ""  # R17: the ladder passes over whom newer evidence put in doubt
    yield from _forward(case)
    yield from _notice(case)
    task = min((t for t in case.tasks.values() if t.open), key=lambda t: t.due_at, default=None)
    if task:
        yield "task", task.id
    if case.answered_at and not case.contest_waits:
        yield "close", ""


def _first_contact(case: Case) -> Iterator[tuple[str, str]]:
    if not case.domains:
        yield "domain", ""
        return
    usable = [c for c in case.contacts.values() if not (c.disabled or c.intermediary)]
    first = next((cid for cid in case.chosen if case.contacts[cid].channel is Channel.MAIL), "")
    if not usable:
        yield "search", next(iter(case.domains))
        yield "contact", ""
    elif not case.chosen:
        yield "order", ""
    elif first:
        yield "request", first


def _forward(case: Case) -> Iterator[tuple[str, str]]:
    """R14b: the next intermediary that was not asked yet, once the organisation's own contacts have failed."""
    written = {mail.to for mail in case.mails.values()}
    held = (c for c in case.contacts.values() if c.intermediary and c.channel is Channel.MAIL and not c.disabled)
    asked = next((c.id for c in held if c.id not in written), "")
    if asked and case.own_contacts_failed:
        yield "forward", asked


def _notice(case: Case) -> Iterator[tuple[str, str]]:
    shown = [p for p in case.persons.values() if case.waits_for_release(p)]
    if shown and not case.draft_seq:
        yield "draft", ""
    elif shown and not case.answered_at:
        yield "release", shown[0].id
