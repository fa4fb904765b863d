"""What must be so after any death or sleep, whatever point it came at (R30, R31; facts: mail 0.5, 1.4)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select

from disclosure.casework import casefile, verification
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.store import ledger
from disclosure.store.tables import deadlines, outbox, probes, searches, tasks
from tests.chaos.scene import Scene

Kept = list[tuple[str, str, bytes]]
_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Remains:
    """What an undisturbed run leaves, without ids: every other run must leave the same."""

    mails: Counter[tuple[str | None, str, str]]
    rungs: Counter[tuple[str, str]]
    tasks: Counter[tuple[str, str]]
    deadlines: Counter[tuple[str, str]]


def settled(office: Office) -> bool:
    """Nothing waits in the outbox and no search runs."""
    with office.store.reading() as connection:
        waiting = select(outbox.c.id).where(outbox.c.state.in_(("recipe", "prepared", "sending")))
        running = select(searches.c.id).where(searches.c.state != "ended")
        return connection.execute(waiting).first() is None and connection.execute(running).first() is None


def remains(office: Office, scene: Scene) -> Remains:
    with office.store.reading() as connection:
        mails = connection.execute(select(outbox)).all()
        opened = connection.execute(select(tasks)).all()
        fired = connection.execute(select(deadlines).where(deadlines.c.state == "fired")).all()
    climbed = [(case_id, event.rung) for case_id, event in _events(office, scene) if isinstance(event, e.RungClimbed)]
    return Remains(
        Counter((row.case_id, row.mail_type, row.recipient) for row in mails),
        Counter((case_id, str(rung)) for case_id, rung in climbed),
        Counter((row.case_id, row.kind) for row in opened),
        Counter((row.case_id, row.rung) for row in fired),
    )


def _events(office: Office, scene: Scene) -> list[tuple[str, e.Event]]:
    with office.store.reading() as connection:
        return [
            (case_id, entry.event)
            for case_id in (scene.reminded, scene.referred)
            for entry in ledger.read(office.store, connection, case_id)
        ]


def check(office: Office, scene: Scene, kept: Kept, expected: Remains) -> Counter[str]:
    """Asserts it all; returns how many mails ended how (relayed, held), and how many went twice."""
    assert settled(office), "nothing may wait for ever"
    left = remains(office, scene)
    assert left == expected, "nothing lost, nothing done twice"
    assert all(count == 1 for count in left.rungs.values()), "each rung once"
    told = [event.mail_id for _, event in _events(office, scene) if isinstance(event, e.MailAmbiguous)]
    doubts, copies = Counter(told), _copies(kept)
    with office.store.reading() as connection:
        rows = connection.execute(select(outbox).where(outbox.c.finished_at.is_not(None))).all()
    ends: Counter[str] = Counter()
    for row in (row for row in rows if row.ambiguous or row.message_id in copies):
        arrived = copies.pop(row.message_id, [])
        assert len(set(arrived)) <= 1, "a second copy is the same, byte for byte"
        assert len(arrived) <= 1 + row.ambiguous, "no second copy that nobody is told of"
        if row.case_id and row.mail_type != MailType.COORDINATORS_CALLED:
            assert doubts[row.id] == row.ambiguous, "told in the case's own ledger"
        assert arrived or row.state != "relayed", "relayed means that the relay has it"
        if row.mail_type == MailType.REFERRAL:
            assert len(arrived) <= 1, "an authority is not written to again by a machine"
            assert row.state == ("held" if row.ambiguous else "relayed")
        else:
            assert row.state == "relayed"
        ends[row.state] += 1
        ends["twice"] += len(arrived) > 1
    assert not copies, "nothing left that the outbox does not know"
    _searched_once(office, scene)
    verified = verification.verify(office)
    assert verified.ok, verified.fault
    return ends


def _copies(kept: Kept) -> dict[str, list[bytes]]:
    copies: dict[str, list[bytes]] = {}
    for _, _, message in kept:
        found = _MESSAGE_ID.search(message)
        assert found
        copies.setdefault(found.group(1).decode(), []).append(message)
    return copies


def _searched_once(office: Office, scene: Scene) -> None:
    told = Counter(type(event) for _, event in _events(office, scene))
    with office.store.reading() as connection:
        stored = len(connection.execute(select(probes.c.id)).all())
    assert (told[e.SearchStarted], told[e.SearchEnded]) == (1, 1)
    assert told[e.LookupRecorded] == stored == 2, "every look-up with its evidence, and none twice"
    assert casefile.look(office, scene.reminded).case.open
