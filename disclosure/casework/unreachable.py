"""R31: the referral of an organisation that no mail reaches. A coordinator names the authority; the dossier is sealed.

Where policy asks two coordinators for a referral it asks them for this one too (R12). By mail where that authority has
a confirmed channel (R38), else by the hand that has the task.
"""

from __future__ import annotations

from disclosure.casework import approvals, casefile, clockwork, dossiers
from disclosure.casework.casefile import CaseFile, Fact, Hand
from disclosure.casework.queueing import queued
from disclosure.protocol import events as e
from disclosure.protocol.approvals import named
from disclosure.protocol.codes import Act, MailType, TaskKind
from disclosure.protocol.errors import InvalidInput, Refused
from disclosure.protocol.ladder import Referral
from disclosure.protocol.state import Task
from disclosure.protocol.values import Channel


def choices(file: CaseFile, task: Task) -> tuple[Referral, ...]:
    """Who is competent and was not told yet (R41); nobody once the task has its authority."""
    referred = file.case.referred
    if task.kind is not TaskKind.UNREACHABLE_REFERRAL or any(told.by == task.id for told in referred.values()):
        return ()
    return tuple(one for one in file.rules.referrals if one.authority_id not in referred)


def refer(hand: Hand, task_id: str, authority_id: str) -> None:
    """What the authority is told is fixed from here on (R40). Raises InvalidInput, or Refused where it is told."""

    def decide(file: CaseFile) -> list[Fact]:
        task = file.case.tasks.get(task_id)
        if task is None or not task.open or task.kind is not TaskKind.UNREACHABLE_REFERRAL:
            raise Refused("R31", "no_referral_waits")
        if any(told.by == task_id for told in file.case.referred.values()):
            raise Refused("R39", "authority_named_already")
        chosen = next((one for one in choices(file, task) if one.authority_id == authority_id), None)
        if chosen is None:
            raise InvalidInput({"authority": "not_a_choice"})
        with hand.office.store.reading() as connection:
            dossier = dossiers.write(hand.office, connection, file, authority_id, hand.now)
        if chosen.channel is Channel.MAIL:
            mail = queued(hand.office, file.case, MailType.REFERRAL, authority_id, hand.now)
            gone = e.TaskCancelled(task_id=task_id, reason="leaves_by_mail")
            told = clockwork.referral(authority_id, chosen.channel, mail.mail_id, dossier)
            facts: list[Fact] = [(hand.actor, mail), (hand.actor, told), (e.MACHINE, gone)]
        else:
            facts = [(hand.actor, clockwork.referral(authority_id, chosen.channel, task_id, dossier))]
        return approvals.or_propose(file, Act.REFERRAL, named(authority_id), hand, facts)

    casefile.change(hand.office, hand.case_id, hand.now, decide)
