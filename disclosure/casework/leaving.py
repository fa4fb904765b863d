"""What is about to leave, exactly, before a coordinator releases it (R19, R20, R7: related cases are shown first)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from disclosure.casework import casefile, coordination, deskwords, wholecase, writing
from disclosure.casework.finding import Found, labelled
from disclosure.casework.office import Office
from disclosure.casework.people import ContactRow, PersonRow
from disclosure.casework.recipients import Unsendable
from disclosure.casework.wholecase import WholeCase
from disclosure.casework.writing import Preview
from disclosure.protocol.codes import Act
from disclosure.protocol.errors import NotFound
from disclosure.protocol.values import Language, Standing


@dataclass(frozen=True)
class Leaving:
    """``preview`` is None when it could not be composed; ``fault`` says why. ``voices``: coordinators needed (R12)."""

    case: WholeCase
    preview: Preview | None
    fault: str
    related: tuple[Found, ...]
    voices: int
    contact: ContactRow | None = None
    person: PersonRow | None = None

    @property
    def enough(self) -> bool:
        """R29: details go to S2 or S3 only."""
        return self.person is None or self.person.standing >= Standing.S2


def request(
    office: Office, case_id: str, contact_id: str, coordinator_id: str, language: Language, now: datetime
) -> Leaving:
    """The contact request to one contact. Raises NotFound."""
    case = wholecase.page(office, case_id, coordinator_id, language, now, before=1)
    contact = next((row for row in case.contacts.all if row.id == contact_id), None)
    if contact is None:
        raise NotFound("contact")
    preview, fault = _composed(lambda: writing.preview_contact_request(office, case_id, contact_id, now), language)
    voices = _voices(office, case_id, Act.FIRST_CONTACT)
    return Leaving(case, preview, fault, related(office, case_id), voices, contact=contact)


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
        preview, fault = _composed(lambda: writing.preview_notice(office, case_id, person_id, now), language)
    voices = _voices(office, case_id, Act.RELEASE)
    return Leaving(case, preview, fault, related(office, case_id), voices, person=person)


def _voices(office: Office, case_id: str, act: Act) -> int:
    return casefile.look(office, case_id).rules.policy.approvals.get(act, 1)


def related(office: Office, stream_id: str) -> tuple[Found, ...]:
    """Other cases and reports that name one of the same domains."""
    others = coordination.related(office, stream_id)
    with office.store.reading() as connection:
        return labelled(connection, others)


def _composed(compose: Callable[[], Preview], language: Language) -> tuple[Preview | None, str]:
    try:
        return compose(), ""
    except Unsendable as error:
        return None, deskwords.say(deskwords.FAULTS, error.reason, language)
