"""What is about to leave, exactly, before a coordinator releases it (R19, R20, R7: related cases are shown first)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from disclosure.casework import casefile, coordination, deskwords, mailpreviews, noticedesk, searching, wholecase
from disclosure.casework.finding import Found, labelled
from disclosure.casework.mailpreviews import Preview
from disclosure.casework.noticepictures import Offered
from disclosure.casework.office import Office
from disclosure.casework.people import ContactRow, PersonRow
from disclosure.casework.recipients import Unsendable
from disclosure.casework.wholecase import WholeCase
from disclosure.protocol.codes import Act
from disclosure.protocol.errors import NotFound, Refused
from disclosure.protocol.values import Language, Standing
from disclosure.store.tables import case_reports


@dataclass(frozen=True)
class Leaving:
    """``preview`` is None when it could not be composed; ``fault`` says why. ``voices``: coordinators needed (R12).

    ``searching``: a look-up failed and is repeated, so better contacts may still turn up (R15).
    """

    case: WholeCase
    preview: Preview | None
    fault: str
    related: tuple[Found, ...]
    voices: int
    contact: ContactRow | None = None
    person: PersonRow | None = None
    pictures: tuple[Offered, ...] = ()
    searching: bool = False

    @property
    def enough(self) -> bool:
        """R29: details go to S2 or S3 only."""
        return self.person is None or self.person.standing >= Standing.S2


@dataclass(frozen=True)
class Publication:
    """``to``: addresses; empty where nobody was written to, and then nobody is told before."""

    case: WholeCase
    preview: Preview | None
    fault: str
    to: tuple[str, ...]
    days: int
    not_before: datetime


def request(
    office: Office, case_id: str, contact_id: str, coordinator_id: str, language: Language, now: datetime
) -> Leaving:
    """The contact request to one contact. Raises NotFound."""
    case = wholecase.page(office, case_id, coordinator_id, language, now, before=1)
    contact = next((row for row in case.contacts.all if row.id == contact_id), None)
    if contact is None:
        raise NotFound("contact")
    preview, fault = _composed(lambda: mailpreviews.preview_contact_request(office, case_id, contact_id, now), language)
    voices = _voices(office, case_id, Act.FIRST_CONTACT)
    with office.store.reading() as connection:
        open_search = searching.still_open(connection, case_id)
    return Leaving(case, preview, fault, related(office, case_id), voices, contact=contact, searching=open_search)


def forward(
    office: Office, case_id: str, contact_id: str, coordinator_id: str, language: Language, now: datetime
) -> Leaving:
    """The forward request to one intermediary (R14b). Raises NotFound."""
    case = wholecase.page(office, case_id, coordinator_id, language, now, before=1)
    contact = next((row for row in case.contacts.all if row.id == contact_id), None)
    if contact is None:
        raise NotFound("contact")
    if contact not in case.contacts.intermediaries:
        preview, fault = None, deskwords.say(deskwords.FAULTS, "not_an_intermediary", language)
    else:
        preview, fault = _composed(
            lambda: mailpreviews.preview_forward_request(office, case_id, contact_id, now), language
        )
    voices = _voices(office, case_id, Act.FIRST_CONTACT)
    return Leaving(case, preview, fault, related(office, case_id), voices, contact=contact)


def publication(
    office: Office, case_id: str, coordinator_id: str, language: Language, now: datetime, days: int
) -> Publication:
    """The heads-up before publication, as the first of its recipients would get it (R46). Raises NotFound."""
    case = wholecase.page(office, case_id, coordinator_id, language, now, before=1)
    file, not_before = casefile.look(office, case_id), now + timedelta(days=days)
    to = (*file.case.addressed(), *file.case.own_addresses())
    names = {row.id: row.address for row in case.contacts.all} | {row.id: row.own_address for row in case.persons}
    preview, fault = None, ""
    if to:
        preview, fault = _composed(
            lambda: mailpreviews.preview_publication(office, case_id, to[0], not_before, now), language
        )
    return Publication(case, preview, fault, tuple(names[one] for one in to), days, not_before)


def notice(
    office: Office, case_id: str, person_id: str, coordinator_id: str, language: Language, now: datetime
) -> Leaving:
    """The notice as drafted, to one person. Raises NotFound."""
    case = wholecase.page(office, case_id, coordinator_id, language, now, before=1)
    person = next((row for row in case.persons if row.id == person_id), None)
    if person is None:
        raise NotFound("person")
    if not case.has_draft:
        preview, fault = None, deskwords.say(deskwords.FAULTS, "no_draft", language)
    else:
        preview, fault = _composed(lambda: mailpreviews.preview_notice(office, case_id, person_id, now), language)
    voices = _voices(office, case_id, Act.RELEASE)
    pictures = noticedesk.drafted_pictures(office, case_id)
    return Leaving(case, preview, fault, related(office, case_id), voices, person=person, pictures=pictures)


def _voices(office: Office, case_id: str, act: Act) -> int:
    return casefile.look(office, case_id).rules.policy.approvals.get(act, 1)


def related(office: Office, stream_id: str) -> tuple[Found, ...]:
    """Other cases and reports that name one of the same domains; the case's own reports are no others."""
    with office.store.reading() as connection:
        own = set(connection.scalars(select(case_reports.c.report_id).where(case_reports.c.case_id == stream_id)))
    others = [(kind, other) for kind, other in coordination.related(office, stream_id) if other not in own]
    with office.store.reading() as connection:
        return labelled(connection, others)


def _composed(compose: Callable[[], Preview], language: Language) -> tuple[Preview | None, str]:
    try:
        return compose(), ""
    except (Unsendable, Refused) as error:  # what a rule forbids is said beside the button, in the refusal's own words
        return None, deskwords.say(deskwords.FAULTS, error.reason, language)
