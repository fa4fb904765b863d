"""One task with all that doing it needs: what, by when, whose, to whom, what must not be done, and the text (R37a)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from disclosure.casework import authorities, casefile, people, tasktexts, unreachable, wholecase
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office, sha256
from disclosure.casework.sight import Sight
from disclosure.casework.wholecase import TaskLine
from disclosure.casework.words import word
from disclosure.language import N_, translate
from disclosure.protocol import events as e
from disclosure.protocol.codes import REFERRALS, TaskKind
from disclosure.protocol.errors import NotFound
from disclosure.protocol.state import Task
from disclosure.protocol.values import Channel, Language
from disclosure.store import ledger

_TO_DO: Mapping[TaskKind, str] = {
    TaskKind.PHONE_CALL: N_(
        "Call, say the words below and no others, and ask for the professional address of a qualified person. Enter it "
        "as a contact with its source."
    ),
    TaskKind.LETTER: N_("Print the letter below and post it to the organisation."),
    TaskKind.CONTACT_FORM: N_("Paste the text below into the organisation's form."),
    TaskKind.REFERRAL: N_("Bring the dossier below to the authority by this channel, and ask for its reference."),
    TaskKind.UNREACHABLE_REFERRAL: N_(
        "Tell a competent authority that this organisation cannot be reached, and ask for its reference."
    ),
    TaskKind.LATER_FACT: N_("Tell the authority by this channel what has come since, quoting its reference."),
}
_TITLES: Mapping[TaskKind, str] = {
    TaskKind.PHONE_CALL: N_("What to say"),
    TaskKind.LETTER: N_("The letter"),
    TaskKind.CONTACT_FORM: N_("What to paste"),
    TaskKind.REFERRAL: N_("The dossier"),
    TaskKind.UNREACHABLE_REFERRAL: N_("The dossier"),
    TaskKind.LATER_FACT: N_("What to write"),
}
_NOTHING_OF_IT = N_(
    "Nothing of the report, of how grave it is or of an authority may be said or written: nobody knows yet who reads "
    "or listens."
)
_NEVER_AS_ANOTHER = N_(
    "Never file as somebody else, neither as the organisation nor as a person concerned. We write in our own name."
)
_ENCRYPTED_OR_BY_HAND = N_("The text goes to this authority only, and never by mail in clear text.")


@dataclass(frozen=True)
class Way:
    """One way to whoever it goes to. ``checked_on``: of an authority's channel; ``old``: to be looked at again."""

    word: str
    address: str
    source: str
    sure: str
    who_may_use: str = ""
    checked_on: date | None = None
    old: bool = False


@dataclass(frozen=True)
class Target:
    """``note``: what the table says of an authority. ``closed``: ways of it that are not for us (R39)."""

    name: str
    ways: tuple[Way, ...]
    note: str = ""
    closed: tuple[Way, ...] = ()


@dataclass(frozen=True)
class Done:
    at: datetime
    by: str
    proof: str
    reference: str
    none_given: bool


@dataclass(frozen=True)
class TaskPage:
    """``targets``: several where nobody was chosen yet. ``text``: empty where there is none; ``erased`` says why."""

    line: TaskLine
    title: str
    case_id: str
    number: str
    organisation: str
    case_open: bool
    open: bool
    taken: bool
    to_do: str
    never: tuple[str, ...]
    targets: tuple[Target, ...]
    contact_missing: bool
    to_choose: tuple[tuple[str, str], ...]  # authorities, of whom a coordinator names one first
    text_title: str
    text: str
    text_sha256: str  # of a dossier: the same stands in the timeline
    refers: bool
    to_authority: bool
    erased: bool
    done: Done | None

    @property
    def file_name(self) -> str:
        """Tells nothing to whoever sees the folder."""
        return f"{self.line.id}.txt"


def page(office: Office, case_id: str, task_id: str, language: Language, now: datetime) -> TaskPage:
    """Raises NotFound."""
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        task = file.case.tasks.get(task_id)
        if task is None:
            raise NotFound("task")
        sight = wholecase.sight_of(office, connection, file, language)
        text = tasktexts.text_of(office, connection, file, task)
        opened = ledger.one(office.store, connection, case_id, 1)
        done = _done(office, connection, file, task, sight)
        contact = _contact(office, connection, file, task, language)
    refers = task.kind in REFERRALS
    to_authority = refers or task.kind is TaskKind.LATER_FACT
    return TaskPage(
        line=wholecase.task_line(file, task, sight, now),
        title=word(task.kind, language),
        case_id=case_id,
        number=file.case.number,
        organisation=opened.organisation if isinstance(opened, e.CaseOpened) else "",
        case_open=file.case.open,
        open=task.open,
        taken=bool(task.taken_by),
        to_do=translate(language, _TO_DO[task.kind]),
        never=tuple(translate(language, words) for words in _never(to_authority=to_authority)),
        targets=_authorities(office, file, task, language, now) if to_authority else contact,
        contact_missing=not (to_authority or contact),
        to_choose=tuple((one.authority_id, sight.name(one.authority_id)) for one in unreachable.choices(file, task)),
        text_title=translate(language, _TITLES[task.kind]),
        text=text,
        text_sha256=sha256(text.encode()) if refers and text else "",
        refers=refers,
        to_authority=to_authority,
        erased=file.case.erased,
        done=done,
    )


def _never(*, to_authority: bool) -> Sequence[str]:
    return (_NEVER_AS_ANOTHER, _ENCRYPTED_OR_BY_HAND) if to_authority else (_NOTHING_OF_IT,)


def _contact(
    office: Office, connection: Connection, file: CaseFile, task: Task, language: Language
) -> tuple[Target, ...]:
    held = file.case.contacts.get(task.target)
    if held is None:
        return ()
    said = ledger.read(office.store, connection, file.id, parts=ledger.EVERY_PART, seqs=(held.seq,))
    rows = people.contacts_of(file, {entry.seq: entry.event for entry in said}, language).all
    row = next(row for row in rows if row.id == held.id)
    by_hand = held.manual or held.suggested  # the reason says it all
    way = Way(row.word, row.address, row.source, row.reason if by_hand else f"{row.confidence}, {row.reason}")
    return (Target(row.name or row.address, (way,)),)


def _authorities(office: Office, file: CaseFile, task: Task, language: Language, now: datetime) -> tuple[Target, ...]:
    """The one that the task names; where it names none, those that are competent for the case (R41)."""
    named = task.target or next((aid for aid, told in file.case.referred.items() if told.by == task.id), "")
    ids = [named] if named else [one.authority_id for one in unreachable.choices(file, task)]
    rows = {row.id: row for row in authorities.listing(office, language, now)}
    wanted = file.case.referred[named].channel if named in file.case.referred else None
    return tuple(_authority(office, rows[one], wanted, language) for one in ids if one in rows)


def _authority(office: Office, row: authorities.AuthorityRow, wanted: Channel | None, language: Language) -> Target:
    """``wanted``: by which channel the task goes; None: any."""
    reserved = {c.address for c in office.policy.authority(row.id).channels if c.reserved}
    ours = [c for c in row.channels if c.address not in reserved and wanted in {None, c.channel}]
    closed = [c for c in row.channels if c.address in reserved]
    return Target(row.name, tuple(map(_way, ours)), row.note, tuple(map(_way, closed)))


def _way(channel: authorities.ChannelRow) -> Way:
    return Way(
        channel.word,
        channel.address,
        channel.source,
        channel.grade_words,
        channel.who_may_use,
        channel.checked_on,
        channel.old,
    )


def _done(office: Office, connection: Connection, file: CaseFile, task: Task, sight: Sight) -> Done | None:
    if task.done_at is None:
        return None
    for entry in casefile.said_in(office, connection, file.id, e.TaskDone):
        if isinstance(entry.event, e.TaskDone) and entry.event.task_id == task.id:
            told = entry.event
            return Done(entry.at, sight.name(entry.actor.ref), told.proof, told.reference, told.none_given)
    return None
