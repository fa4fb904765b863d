"""The page of a task: what, by when, whose, to whom; and texts in which nothing of the report stands (R19, R37a)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from disclosure.casework import casefile
from disclosure.protocol import events as e
from disclosure.protocol.codes import TaskKind
from disclosure.protocol.values import Language
from tests.casework import desk as casedesk
from tests.casework.desk import ADA
from tests.web import errands
from tests.web.browser import Browser
from tests.web.conftest import Build
from tests.web.house import House
from tests.web.test_mail_canaries import CANARIES, leaks
from tests.web.walk import Alert, accepted, begun, told

TO_STRANGERS = (TaskKind.PHONE_CALL, TaskKind.LETTER, TaskKind.CONTACT_FORM)
OF_AUTHORITIES = ("ANSSI", "CNIL", "CERT", "autorité", "authorit")
OF_THE_ALERT = ("critique", "critical", "données personnelles", "personal data", "fuite", "leak", "en vente")


@dataclass
class Held:
    alert: Alert
    case_id: str
    dossier: str

    @property
    def house(self) -> House:
        return self.alert.house

    def url(self, kind: TaskKind, more: str = "") -> str:
        return f"/desk/cases/{self.case_id}/tasks/{kind}{more}"


@pytest.fixture(scope="module")
def held(build: Build) -> Held:
    """For tests that leave its tasks open."""
    return begin(build())


def begin(house: House) -> Held:
    alert = accepted(told(begun(house)))
    case_id = alert.case.rsplit("/", 1)[1]
    return Held(alert, case_id, errands.opened(house, case_id))


def text(browser: Browser, url: str) -> str:
    return browser.client.get(url, base_url=browser.base).get_data(as_text=True)


# --- what stands in the texts ---


@pytest.mark.parametrize("kind", TO_STRANGERS)
def test_nothing_of_the_report_is_said_to_whoever_reads_or_listens(held: Held, kind: TaskKind) -> None:
    said = text(held.alert.desk, held.url(kind, "/text"))
    with held.house.office.store.reading() as connection:
        number = casefile.load(held.house.office, connection, held.case_id).case.number
    for needed in (number, "fabrique-canari.example", held.house.office.settings.operator.phone, "/rules"):
        assert needed in said
    assert leaks(said.encode(), CANARIES) == set()
    assert not [word for word in (*OF_AUTHORITIES, *OF_THE_ALERT) if word.lower() in said.lower()]


def test_the_canaries_are_found_where_they_stand(held: Held) -> None:
    """What the test above looks for is in this case: a text that quoted it would be seen."""
    assert leaks((text(held.alert.desk, held.url(TaskKind.LETTER, "/text")) + CANARIES[0]).encode()) == {CANARIES[0]}


def test_a_letter_says_it_in_both_languages_and_names_who_speaks(held: Held) -> None:
    said = text(held.alert.desk, held.url(TaskKind.LETTER, "/text"))
    assert said.index("Madame, Monsieur") < said.index("Dear Sir or Madam")
    assert "Camille Exemple" in said
    assert "Camille Exemple" in text(held.alert.desk, held.url(TaskKind.PHONE_CALL, "/text"))


def test_a_referral_is_the_dossier_as_it_was_sealed_whatever_came_since(held: Held) -> None:
    casefile.change(held.house.office, held.case_id, held.house.now, lambda _: [(e.MACHINE, e.NoteWritten(text="n"))])
    assert text(held.alert.desk, held.url(TaskKind.REFERRAL, "/text")) == held.dossier
    page = held.alert.desk.open(held.url(TaskKind.REFERRAL)).page
    assert held.dossier.strip() in "".join(part.words for part in page.texts if part.typed)


def test_a_download_is_a_file_whose_name_tells_nothing(held: Held) -> None:
    desk = held.alert.desk
    answer = desk.client.get(held.url(TaskKind.LETTER, "/text"), base_url=desk.base)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{TaskKind.LETTER}.txt"', "its id"


def test_where_no_authority_is_named_there_is_no_dossier_and_one_is_named_on_the_page(house: House) -> None:
    held = begin(house)
    kind = TaskKind.UNREACHABLE_REFERRAL
    desk = house.desk()
    assert "No authority is named yet" in desk.open(held.url(kind)).page.words
    assert desk.client.get(held.url(kind, "/text"), base_url=desk.base).status_code == 404
    desk.send("/authority")
    assert desk.status == 422, "one must be chosen"
    desk.send("/authority", authority="fr-anssi")
    assert desk.at == held.url(kind)
    said = text(desk, held.url(kind, "/text"))
    assert said.startswith("DOSSIER")
    assert said.strip() in "".join(part.words for part in desk.page.texts if part.typed)
    assert "01 99 00 00 32" in desk.page.words, "by a channel that is not mail: nobody confirmed one"


# --- the page ---


@pytest.mark.parametrize(
    ("kind", "words", "why"),
    [
        (TaskKind.PHONE_CALL, "+33 1 99 00 12 34", "the number that was entered"),
        (TaskKind.PHONE_CALL, "Mentions légales", "and where it comes from"),
        (TaskKind.PHONE_CALL, "how grave", "what may not be said"),
        (TaskKind.LETTER, "Nobody is known for this channel yet", "nothing was entered for the post"),
        (TaskKind.REFERRAL, "3 rue inventée", "the authority's channel"),
        (TaskKind.REFERRAL, "Never file as somebody else", "R39"),
        (TaskKind.REFERRAL, "1 November 2026", "when the channel was looked at"),
        (TaskKind.LATER_FACT, "3 rue inventée", "the same authority"),
    ],
)
def test_the_page_says_what_doing_it_needs(held: Held, kind: TaskKind, words: str, why: str) -> None:
    assert words in held.house.desk().open(held.url(kind)).page.words, why


def test_every_list_leads_to_the_page(held: Held) -> None:
    desk = held.house.desk()
    for where in ("/desk/", "/desk/tasks", held.alert.case):
        page = desk.open(where).page
        assert held.url(TaskKind.PHONE_CALL) in {link.href for link in page.links}, where
        assert "yours" in page.words, where


def test_an_unknown_task_is_no_page(held: Held) -> None:
    assert held.house.desk().open(f"/desk/cases/{held.case_id}/tasks/none").status == 404


# --- taking, doing, erasing ---


def test_a_colleagues_task_is_taken_and_done_with_its_reference(house: House) -> None:
    held = begin(house)
    casedesk.hire(house.office, ADA)
    casefile.change(
        house.office,
        held.case_id,
        house.now,
        lambda _: [(e.MACHINE, e.TaskTaken(task_id=TaskKind.REFERRAL, coordinator_id=ADA))],
    )
    desk = house.desk()
    desk.open(held.url(TaskKind.REFERRAL))
    assert "Ada" in desk.page.words
    desk.send("/take")
    assert desk.at == held.url(TaskKind.REFERRAL)
    assert "yours" in desk.page.words
    assert not [form for form in desk.page.forms if form.action.endswith("/take")], "nothing is left to take"
    done = next(link.href for link in desk.page.links if link.text.startswith("Done, with proof"))
    desk.open(done).send("/do/task", proof="Posted, registered letter 1A 234.")
    assert (desk.status, "the word that it gave none" in desk.page.words) == (422, True)
    assert "registered letter" in desk.html, "nothing that was typed is lost"
    desk.send("/do/task", reference="SAI-26-0417")
    page = desk.open(held.url(TaskKind.REFERRAL)).page
    assert "SAI-26-0417" in page.words
    said = text(desk, held.url(TaskKind.LATER_FACT, "/text"))
    assert "Votre référence" in said
    assert "SAI-26-0417" in said, "quoted in what the authority is told later"


def test_a_quicker_colleague_is_said_and_nothing_is_taken(house: House) -> None:
    held = begin(house)
    for name in (ADA, "bo"):
        casedesk.hire(house.office, name)
    take = lambda who: casefile.change(  # noqa: E731
        house.office,
        held.case_id,
        house.now,
        lambda _: [(e.MACHINE, e.TaskTaken(task_id=TaskKind.LETTER, coordinator_id=who))],
    )
    take(ADA)
    desk = house.desk()
    desk.open(held.url(TaskKind.LETTER))
    take("bo")
    desk.send("/take")
    assert (desk.status, "A colleague took this task" in desk.page.words) == (409, True)
    assert casefile.look(house.office, held.case_id).case.tasks[TaskKind.LETTER].taken_by == "bo"


@pytest.mark.parametrize("language", list(Language))
def test_an_erased_case_has_no_text_and_says_so(house: House, language: Language) -> None:
    held = begin(house)
    house.office.store.keyring.erase(held.case_id)
    casefile.change(house.office, held.case_id, house.now, lambda _: [(e.MACHINE, e.ContentErased(reason="retention"))])
    desk = house.desk(language)
    for kind in TaskKind:
        desk.open(held.url(kind))
        said = {
            Language.FR: "Le contenu de ce dossier a été effacé",
            Language.EN: "The content of this case was erased",
        }
        assert (desk.status, said[language] in desk.page.words) == (200, True), kind
        assert desk.client.get(held.url(kind, "/text"), base_url=desk.base).status_code == 404
