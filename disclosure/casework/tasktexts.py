"""The text of a task, to paste, to print or to say (R14, R39): always what leaves, never a draft of it.

To an authority the dossier exactly as the ledger keeps it; to the organisation nothing of the report (R19).
"""

from __future__ import annotations

from sqlalchemy import Connection

from disclosure.casework import authoritymail, casefile, mailpreviews
from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office
from disclosure.mail import byhand
from disclosure.protocol import events as e
from disclosure.protocol.codes import REFERRALS, TaskKind
from disclosure.protocol.state import Task

_IN_WORDS = {TaskKind.LETTER: byhand.letter, TaskKind.CONTACT_FORM: byhand.form, TaskKind.PHONE_CALL: byhand.call}


def text_of(office: Office, connection: Connection, file: CaseFile, task: Task) -> str:
    """Empty where nothing was fixed for it, and once the content was erased."""
    if file.case.erased:
        return ""
    if task.kind in REFERRALS:
        return _dossier(office, connection, file, task)
    at = task.opened_at  # what is said of a certificate is said of that day
    if task.kind is TaskKind.LATER_FACT:
        return authoritymail.later_fact_by_hand(office, connection, file, task.target, at, at)
    language = office.policy.language_for(file.case, task.target)
    who = file.case.owner_of(task)
    paper = task.kind is TaskKind.LETTER
    words = mailpreviews.contact_by_hand(office, connection, file, who, at, fingerprint=paper)
    return _IN_WORDS[task.kind](words, language)


def _dossier(office: Office, connection: Connection, file: CaseFile, task: Task) -> str:
    """As sealed at the referral; it names the task by which it goes."""
    for entry in casefile.said_in(office, connection, file.id, e.AuthorityReferred):
        if isinstance(entry.event, e.AuthorityReferred) and entry.event.by == task.id:
            return entry.event.dossier
    return ""
