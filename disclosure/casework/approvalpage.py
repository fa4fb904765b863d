"""What a second coordinator looks at before saying yes or no: the very thing that would leave (R12, R19, R20, R40)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, select

from disclosure.casework import approvallines, casefile, dossiers, leaving, overview, wholecase
from disclosure.casework.approvallines import ApprovalLine
from disclosure.casework.keyset import Page, beyond, key, page_of
from disclosure.casework.leaving import Leaving
from disclosure.casework.office import Office
from disclosure.casework.sight import Sight
from disclosure.casework.wholecase import WholeCase
from disclosure.casework.words import short
from disclosure.protocol import approvals
from disclosure.protocol.codes import Act
from disclosure.protocol.errors import BrokenChain, NotFound
from disclosure.protocol.state import Approval
from disclosure.protocol.values import Language
from disclosure.store.tables import approvals as asked
from disclosure.store.tables import cases


@dataclass(frozen=True)
class Told:
    """One authority, and the dossier as it would be written now."""

    name: str
    channel: str
    dossier: str


@dataclass(frozen=True)
class ApprovalPage:
    """``leaving``: the mail, for a first contact or a release; ``told``: for a referral. ``waits``: not decided yet."""

    case: WholeCase
    line: ApprovalLine
    waits: bool
    leaving: Leaving | None = None
    told: tuple[Told, ...] = ()


@dataclass(frozen=True)
class WaitingRow:
    """``line.mine_to_give``: it waits for whoever looks."""

    line: ApprovalLine
    case_id: str
    number: str
    organisation: str
    overdue: bool


def page(
    office: Office, case_id: str, approval_id: str, coordinator_id: str, language: Language, now: datetime
) -> ApprovalPage:
    """Raises NotFound."""
    with office.store.reading() as connection:
        file = casefile.load(office, connection, case_id)
        approval = file.case.approvals.get(approval_id)
        if approval is None:
            raise NotFound("approval")
        sight = wholecase.sight_of(office, connection, file, language)
        line = approvallines.line(file, approval, sight, coordinator_id)
        waits = approvals.is_waiting(file.case, approval)
        told: tuple[Told, ...] = ()
        if waits and approval.act is Act.REFERRAL:
            told = _told(office, connection, file, approval.subject, sight, now)
    if not waits or approval.act is Act.REFERRAL:
        case = wholecase.page(office, case_id, coordinator_id, language, now, before=1)
        return ApprovalPage(case, line, waits, told=told)
    held = _leaving(office, file, approval, coordinator_id, language, now)
    return ApprovalPage(held.case, line, waits, leaving=held)


def _leaving(
    office: Office,
    file: casefile.CaseFile,
    approval: Approval,
    coordinator_id: str,
    language: Language,
    now: datetime,
) -> Leaving:
    who = (office, file.id, approval.subject, coordinator_id, language, now)
    if approval.act is Act.RELEASE:
        return leaving.notice(*who)
    return leaving.forward(*who) if file.case.contacts[approval.subject].intermediary else leaving.request(*who)


def _told(
    office: Office,
    connection: Connection,
    file: casefile.CaseFile,
    subject: str,
    sight: Sight,
    now: datetime,
) -> tuple[Told, ...]:
    return tuple(
        Told(
            sight.name(one.authority_id) or one.authority_id,
            short(one.channel, sight.language),
            dossiers.write(office, connection, file, one.authority_id, now),
        )
        for one in approvals.told(file.case, subject, file.rules)
    )


def waiting(
    office: Office,
    coordinator_id: str,
    language: Language,
    now: datetime,
    after: str = "",
    most: int = overview.PAGE,
) -> Page[WaitingRow]:
    """Of all open cases, the first to expire first. Raises InvalidInput on a key that is none."""
    query = select(asked, cases.c.number).join(cases, cases.c.id == asked.c.case_id)
    query = query.where(asked.c.state == "open", cases.c.life == "open")
    if after:
        query = query.where(beyond(asked.c.expires_at, asked.c.id, after))
    query = query.order_by(asked.c.expires_at, asked.c.id).limit(most + 1)
    with office.store.reading() as connection:
        found = connection.execute(query).all()
        rows = {row.id: _row(office, connection, row, coordinator_id, language, now) for row in found[:most]}
    return page_of(found, most, lambda row: rows[row.id], lambda row: key(row.expires_at, row.id))


def _row(
    office: Office,
    connection: Connection,
    row: Row[tuple[str, str, str, datetime, str, str]],
    coordinator_id: str,
    language: Language,
    now: datetime,
) -> WaitingRow | None:
    """None where the case's record is damaged: the list of cases says so."""
    try:
        file = casefile.load(office, connection, row.case_id)
        sight = wholecase.sight_of(office, connection, file, language)
        organisation = overview.organisation_of(office, connection, row.case_id)
    except BrokenChain as error:
        overview.unreadable(row.case_id, error)
        return None
    line = approvallines.line(file, file.case.approvals[row.id], sight, coordinator_id)
    return WaitingRow(line, row.case_id, row.number, organisation, overdue=row.expires_at <= now)
