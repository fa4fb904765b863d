"""Whose signatures on a reply are known, and what a clear reply must not repeat."""

from __future__ import annotations

import contextlib

from sqlalchemy import select

from disclosure.casework import casefile, recipients
from disclosure.casework.matching import Match
from disclosure.casework.notices import NoticeText
from disclosure.casework.office import Office
from disclosure.casework.recipients import Unsendable
from disclosure.protocol import events as e
from disclosure.store import ledger
from disclosure.store.tables import certificates


def of_case(office: Office, found: Match) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """(certificates of the case's contacts and persons, and of the authority written to; texts of the notice)."""
    with office.store.reading() as connection:
        file = casefile.load(office, connection, found.case_id)
        ids = connection.scalars(select(certificates.c.id).where(certificates.c.case_id == found.case_id)).all()
        held = [recipients.certificate(office, connection, found.case_id, one) for one in ids]
        if found.to not in file.case.contacts and found.to not in file.case.persons:
            with contextlib.suppress(Unsendable, KeyError):
                held.append(recipients.of_authority(office, connection, found.to).certificate)
        texts: list[str] = []
        for seq in {person.release_seq for person in file.case.persons.values() if person.release_seq}:
            released = ledger.one(office.store, connection, found.case_id, seq)
            if isinstance(released, e.NoticeReleased):
                text = NoticeText.read(released.text)
                texts += [text.presentation, text.technical, text.advice, *(fact.text for fact in text.facts)]
    return tuple(held), tuple(texts)
