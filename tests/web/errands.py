"""Tasks of every kind in a case that has its contacts, opened as the ladder would."""

from __future__ import annotations

from datetime import timedelta

from disclosure.casework import casefile, clockwork, dossiers
from disclosure.casework.casefile import Fact
from disclosure.protocol import events as e
from disclosure.protocol.codes import TaskKind
from disclosure.protocol.values import Channel
from tests.web.house import House

CNIL = "fr-cnil"
BY = {
    TaskKind.PHONE_CALL: Channel.PHONE,
    TaskKind.LETTER: Channel.POST,
    TaskKind.CONTACT_FORM: Channel.FORM,
    TaskKind.REFERRAL: Channel.POST,
    TaskKind.UNREACHABLE_REFERRAL: Channel.FORM,
    TaskKind.LATER_FACT: Channel.POST,
}


def opened(house: House, case_id: str, *without: TaskKind) -> str:
    """One task of each kind, its kind as its id. Returns the dossier that was sealed."""
    office = house.office
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        dossier = dossiers.write(office, connection, file, CNIL, house.now)
    facts: list[Fact] = []
    for kind, channel in BY.items():
        if kind in without:
            continue
        held = next((c.id for c in file.case.contacts.values() if c.channel is channel), "")
        target = CNIL if kind in {TaskKind.REFERRAL, TaskKind.LATER_FACT} else held
        if kind is TaskKind.UNREACHABLE_REFERRAL:
            target = ""
        task = e.TaskOpened(
            task_id=str(kind),
            kind=kind,
            channel=channel,
            target=target,
            due_at=house.now + timedelta(hours=4),
            rung=None,
            blocking=False,
        )
        facts.append((e.MACHINE, task))
        if kind is TaskKind.REFERRAL:
            facts.append((e.MACHINE, clockwork.referral(CNIL, channel, kind, dossier)))
    casefile.change(office, case_id, house.now, lambda _: facts)
    return dossier
