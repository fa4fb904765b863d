"""Reading and changing one case.

Events are decided on the fold, appended, and every row that follows from them is written in the same transaction.
Nothing else writes a case's rows: no row exists without its event, and none is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection, select, update

from disclosure.casework import policies, projecting
from disclosure.casework.office import Office
from disclosure.casework.projecting import Projection
from disclosure.policy import Version
from disclosure.protocol import events as e
from disclosure.protocol import ladder
from disclosure.protocol.case import apply, fold
from disclosure.protocol.errors import Conflict, NotFound
from disclosure.protocol.ladder import Plan, Rules
from disclosure.protocol.state import Case
from disclosure.protocol.values import Address, Domain, Party
from disclosure.store import ledger
from disclosure.store.ledger import Forged, Head
from disclosure.store.tables import cases, confirmed_channels, coordinators

Fact = tuple[e.Actor, e.Event]
TRIES = 4  # a person and the worker may meet on one case; a third and fourth try have always been enough


@dataclass(frozen=True)
class CaseFile:
    """A case as it is, and what decides for it: its policy version, its country's calendar, who is to be told.

    ``head``: where its stream ended when it was read.
    """

    id: str
    case: Case
    rules: Rules
    head: Head = ledger.EMPTY

    @cached_property
    def plan(self) -> Plan:
        return ladder.plan(self.case, self.rules)

    @property
    def row(self) -> dict[str, object]:
        """The columns of ``cases`` that the fold decides."""
        return projecting.case_row(self.case, self.rules, self.plan)

    @property
    def next_at(self) -> datetime | None:
        """When a worker must look at it next; the column of the same name."""
        return projecting.next_at(self.case, self.rules, self.plan)

    def at(self, head: Head) -> CaseFile:
        """The same file, its stream ending there; a plan that was made stays good."""
        moved = replace(self, head=head)
        if "plan" in self.__dict__:
            moved.__dict__["plan"] = self.plan
        return moved

    def after(self, at: datetime, facts: Sequence[Fact]) -> CaseFile:
        """The file as it would be after these facts. Raises IllegalMove or Refused, and then nothing was stored."""
        case = self.case
        for actor, event in facts:
            case = apply(case, e.Entry(case.last_seq + 1, at, actor, event))
        return replace(self, case=case)


def load(office: Office, connection: Connection, case_id: str) -> CaseFile:
    """The fold, without any sealed word. Raises NotFound."""
    found = load_all(office, connection, [case_id])
    if case_id not in found:
        raise NotFound("case")
    return found[case_id]


def load_all(office: Office, connection: Connection, case_ids: Sequence[str]) -> dict[str, CaseFile]:
    """Several at once: by case id, and without those that are no case."""
    around = Around(office, connection)
    files = {}
    for case_id, (entries, head) in ledger.read_all(connection, case_ids).items():
        if isinstance(entries[0].event, e.CaseOpened):
            case = fold(entries)
            files[case_id] = CaseFile(case_id, case, around.rules(case), head)
    return files


class Around:
    """What the rules of every case take from beside it, read once for several of them."""

    def __init__(self, office: Office, connection: Connection) -> None:
        self._office, self._connection = office, connection
        self._confirmed = frozenset(connection.scalars(_CONFIRMED))  # channels of authorities
        self._versions: dict[str, tuple[Version, bool]] = {}

    def rules(self, case: Case) -> Rules:
        office = self._office
        if case.policy_version not in self._versions:
            under = policies.under(office, self._connection, case.policy_version)
            alone = under.policy.alone_suffices and _one_active(self._connection)
            self._versions[case.policy_version] = under, alone
        under, alone = self._versions[case.policy_version]
        letters = office.settings.letters_budget > 0
        return office.policy.rules_for(case, self._confirmed, letters=letters, alone=alone, under=under)


_CONFIRMED = select(confirmed_channels.c.channel_id)


def rules_for(office: Office, connection: Connection, case: Case) -> Rules:
    return Around(office, connection).rules(case)


def _one_active(connection: Connection) -> bool:
    return len(connection.execute(select(coordinators.c.id).where(coordinators.c.active).limit(2)).all()) == 1


def look_again(office: Office) -> None:
    """Somebody came or went: where one coordinator suffices when alone, other instants follow for open cases (R12)."""
    with office.store.reading() as connection:
        if not policies.alone_may_suffice(office, connection):
            return
        ids = list(connection.scalars(select(cases.c.id).where(cases.c.life == "open").order_by(cases.c.id)))
        next_at = {case_id: _next_at(load(office, connection, case_id)) for case_id in ids}
    with office.store.writing() as tx:
        for case_id, (seq, instant) in next_at.items():
            unmoved = (cases.c.id == case_id) & (cases.c.head_seq == seq)
            tx.execute(update(cases).where(unmoved).values(next_at=instant))


def _next_at(file: CaseFile) -> tuple[int, object]:
    return file.case.last_seq, file.row["next_at"]


def look(office: Office, case_id: str) -> CaseFile:
    with office.store.reading() as connection:
        return load(office, connection, case_id)


def change(
    office: Office,
    case_id: str,
    at: datetime,
    decide: Callable[[CaseFile], Sequence[Fact]],
    within: Callable[[Connection, CaseFile], None] | None = None,
) -> CaseFile:
    """Append what ``decide`` says of the case as it is, with all rows; asked again if the case moved in between.

    ``within`` runs in the same transaction, after the case's own rows. No facts: nothing is written.
    """
    for _ in range(TRIES):
        file = look(office, case_id)
        facts = decide(file)
        if not facts and within is None:
            return file
        ready = forge(office, file, at, facts)  # what a rule forbids is refused before any lock is taken
        try:
            with office.store.writing() as tx:
                (changed,) = store_all(office, tx, [ready])
                if within:
                    within(tx, changed)
        except Conflict:
            continue
        return changed
    raise Conflict(case_id)


def coordinator(coordinator_id: str) -> e.Actor:
    return e.Actor(Party.COORDINATOR, coordinator_id)


@dataclass(frozen=True)
class Hand:
    """Which coordinator acts on which case, when."""

    office: Office
    case_id: str
    coordinator_id: str
    now: datetime

    @property
    def actor(self) -> e.Actor:
        return coordinator(self.coordinator_id)


def record(hand: Hand, event: e.Event) -> CaseFile:
    """One event by a coordinator's hand."""
    return change(hand.office, hand.case_id, hand.now, lambda _: [(hand.actor, event)])


def said_in(office: Office, connection: Connection, case_id: str, *kinds: type[e.Event]) -> tuple[e.Entry, ...]:
    """The case's entries of these kinds, with every sealed part opened."""
    found = ledger.of_kinds(connection, case_id, [kind.__name__ for kind in kinds])
    seqs = tuple(entry.seq for entry in found)
    return ledger.read(office.store, connection, case_id, parts=ledger.EVERY_PART, seqs=seqs) if seqs else ()


def domains_of(office: Office, connection: Connection, file: CaseFile) -> dict[str, Domain]:
    """Tied domains by their id."""
    tied = ledger.read(
        office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=tuple(file.case.domains.values())
    )
    return {
        entry.event.domain_id: Domain(entry.event.domain) for entry in tied if isinstance(entry.event, e.DomainTied)
    }


def is_tied(address: Address, domains: Iterable[Domain]) -> bool:
    """R29: at a domain that a coordinator has tied to this organisation."""
    return any(address.domain.is_within(domain) for domain in domains)


def addresses(office: Office, connection: Connection, file: CaseFile) -> dict[str, str]:
    """Contact id → address, number or postal lines, of every contact of the case."""
    seqs = {contact.seq: contact.id for contact in file.case.contacts.values()}
    entries = ledger.read(office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=tuple(seqs))
    return {seqs[entry.seq]: getattr(entry.event, "address", "") for entry in entries}


@dataclass(frozen=True)
class Ready:
    """Facts of one case, decided, chained and sealed while no transaction was open."""

    after: CaseFile
    forged: Forged


def forge(office: Office, file: CaseFile, at: datetime, facts: Sequence[Fact], after: CaseFile | None = None) -> Ready:
    """Raises IllegalMove or Refused where a rule forbids one of them. ``after``: from whoever has applied them."""
    after = after or file.after(at, facts)
    forged = ledger.forge(office.store, file.id, file.head, at, facts)
    return Ready(after.at(forged.head), forged)


def store_all(office: Office, tx: Connection, ready: Sequence[Ready]) -> list[CaseFile]:
    """Append and project any number of cases; the files as they are then. Raises Conflict if one of them moved on.

    Of one case several may be there, each forged after the one before it; its rows follow from the last.
    """
    ledger.write_all(tx, [one.forged for one in ready])
    last = {one.after.id: one.after for one in ready}
    entries_of: dict[str, list[e.Entry]] = defaultdict(list)
    for one in ready:
        entries_of[one.after.id] += one.forged.entries
    projection = Projection(office, tx, list(last))
    done = []
    for file in last.values():
        entries = entries_of[file.id]
        if any(isinstance(entry.event, e.CaseAssessed | e.PolicyMoved) for entry in entries):
            file = replace(file, rules=rules_for(office, tx, file.case))  # noqa: PLW2901 - other referrals
        projection.add(file.id, file.case, file.rules, file.plan, entries)
        done.append(file)
    projection.write()
    if office.carrier:
        office.carrier.wake(tx, {file.id: instant for file in done if (instant := file.next_at)})
    return done


def write(office: Office, tx: Connection, file: CaseFile, at: datetime, facts: Sequence[Fact]) -> CaseFile:
    """One case, inside a transaction that is open already. Raises Conflict if the case moved on."""
    return store_all(office, tx, [forge(office, file, at, facts)])[0]
