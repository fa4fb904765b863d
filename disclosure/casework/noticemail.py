"""The notice as a mail: what the draft says, who else is told and when, its pictures (R20, R34)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from disclosure.casework import noticepictures
from disclosure.casework.casefile import CaseFile
from disclosure.casework.dossiers import basis_word
from disclosure.casework.noticepictures import Copy
from disclosure.casework.notices import NoticeText, defang
from disclosure.casework.office import Office, sha256
from disclosure.casework.opened import Opened
from disclosure.casework.recipients import Unsendable
from disclosure.casework.words import word
from disclosure.mail import compose
from disclosure.mail.pgpmime import Attachment
from disclosure.protocol import events as e
from disclosure.protocol.authorities import When
from disclosure.protocol.codes import Rung
from disclosure.protocol.preview import preview
from disclosure.protocol.state import Case
from disclosure.protocol.values import Answer, Language
from disclosure.store import ledger


def announced(
    office: Office, file: CaseFile, now: datetime, *, at_once: bool = False
) -> tuple[datetime | None, tuple[str, ...]]:
    """When the authorities will be told at the earliest if nobody answers, and which (R34); None: no clock leads there.

    ``at_once``: only those that are told whether somebody answers or not.
    """
    rungs = {Rung.AT_ONCE_AUTHORITIES} if at_once else {Rung.AUTHORITIES, Rung.AT_ONCE_AUTHORITIES}
    steps = [s for s in preview(file.case, file.rules, now) if s.planned.rung in rungs]
    names = tuple(
        office.policy.authority(r.authority_id).name
        for r in file.rules.referrals
        if r.when in ({When.AT_ONCE} if at_once else {When.AT_ONCE, When.ON_LAPSE})
        and r.authority_id not in file.case.referred
    )
    return (steps[0].planned.due_at if steps else None), names


def notice(opened: Opened, person_id: str, common: dict[str, Any]) -> compose.Notice:
    seq = opened.case.persons[person_id].release_seq
    released = ledger.one(opened.office.store, opened.connection, opened.file.id, seq)
    if not isinstance(released, e.NoticeReleased):
        raise Unsendable("nothing_released")
    return notice_of(opened, NoticeText.read(released.text), _released_pictures(opened, released), common)


def _released_pictures(opened: Opened, released: e.NoticeReleased) -> list[Copy]:
    return [
        noticepictures.read(opened.office, opened.connection, opened.file.id, picture_id)
        for picture_id in released.pictures
    ]


def attachments(opened: Opened, person_id: str) -> tuple[Attachment, ...]:
    """The pictures of the notice, inside the ciphertext, under names that say nothing."""
    seq = opened.case.persons[person_id].release_seq
    released = ledger.one(opened.office.store, opened.connection, opened.file.id, seq)
    if not isinstance(released, e.NoticeReleased):
        raise Unsendable("nothing_released")
    return tuple(
        Attachment(f"image-{place}.{picture.media_type.rpartition('/')[2]}", picture.media_type, picture.content)
        for place, picture in enumerate(_released_pictures(opened, released), 1)
    )


def notice_of(opened: Opened, text: NoticeText, pictures: Sequence[Copy], common: dict[str, Any]) -> compose.Notice:
    case = opened.case
    assert case.assessed is not None  # noqa: S101
    assert case.opened_at is not None  # noqa: S101
    at, names = announced(opened.office, opened.file, opened.now)
    return compose.Notice(
        **common,
        alert_on=case.opened_at.date(),
        severity_words={language: word(case.assessed.severity, language) for language in Language},
        personal_data=case.assessed.personal_data is not Answer.NO,
        presentation=defang(text.presentation),
        technical=defang(text.technical),
        facts={language: _stated(text, language) for language in Language},
        advice=defang(text.advice),
        # Whom no clock leads to is not announced.
        told=(*_already_told(opened), *(compose.Told(name, at) for name in names if at)),
        pictures=tuple(sha256(picture.content) for picture in pictures),
    )


def _already_told(opened: Opened) -> tuple[compose.Told, ...]:
    """R20, who else is told and when: a late reader learns of the referrals that have gone out, by whatever channel."""
    name = opened.office.policy.authority
    told = {aid: _told_at(opened.case, referred.by) for aid, referred in opened.case.referred.items()}
    return tuple(compose.Told(name(aid).name, at, done=at is not None) for aid, at in told.items())


def _told_at(case: Case, by: str) -> datetime | None:
    """When a referral's mail was relayed, or its task done; None while neither is so."""
    if by in case.mails:
        return case.mails[by].relayed_at
    return case.tasks[by].done_at if by in case.tasks else None


def _stated(text: NoticeText, language: Language) -> tuple[compose.StatedFact, ...]:
    return tuple(compose.StatedFact(basis_word(f.basis, f.on, language), defang(f.text)) for f in text.facts)
