"""The story by hand: three persons click through it in a real browser, in French and in English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from disclosure.casework import casefile, verification
from disclosure.demo import stage
from disclosure.demo.screenshot import screenshot
from disclosure.protocol.axes import Axis
from disclosure.protocol.values import Language
from disclosure.store.tables import cases
from tests.browser.conftest import Eyes, House

KEY, OWN = "pharmacies", "d.exemple@officines-littoral.example"


class Person:
    """One browser context: its own cookies, its own language."""

    def __init__(self, browser: Browser, house: House, eyes: Eyes, language: str, who: str, *, scripts: bool) -> None:
        # The checks run their own script in the page; ours is refused without scripts, as in Tor Browser at "safest".
        self.context = browser.new_context(locale=language, bypass_csp=True, service_workers="block")
        if not scripts:
            self.context.route("**/app.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
        self.house, self.eyes, self.name = house, eyes, f"{language}-{who}"
        self.page = eyes.watch(self.context)
        self.language = language

    def goes(self, path: str) -> Page:
        separator = "&" if "?" in path else "?"
        self.page.goto(f"{self.house.url}{path}{separator}lang={self.language}")
        return self.page

    def looks(self, what: str) -> None:
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        self.eyes.look(self.page, f"{self.name}-{what}")

    def presses(self, button: int | str = 0) -> None:
        """A button of the main part: by its place, or by what it is named after."""
        held = self.page.locator("main button") if isinstance(button, int) else self.page.locator(str(button))
        held.nth(button if isinstance(button, int) else 0).click()
        self.page.wait_for_load_state()


def report(reporter: Person, picture: Path) -> None:
    told = reporter.house.cast.reports[KEY]
    page = reporter.goes("/")
    reporter.looks("home")
    page.locator("main a").first.click()
    reporter.looks("form")
    page.locator("main form button[type=submit], main form .actions button").last.click()
    expect(page.locator(".errors")).to_be_visible()
    reporter.looks("form-wrong")
    page.check(f"input[name=kind][value={told.kind}]")
    page.fill("[name=organisation]", told.organisation)
    page.fill("[name=domains]", " ".join(told.domains))
    page.select_option("[name=sector]", str(told.sector))
    for name in ("description", "affected", "where_seen", "seen_when", "personal_data_kinds", "people_affected"):
        page.fill(f"[name={name}]", getattr(told, name))
    page.fill("[name=how_obtained]", told.how_obtained)
    page.check("input[name=on_sale][value=yes]")
    page.check("input[name=personal_data][value=yes]")
    page.check("input[name=severity_seen][value=critical]")
    page.set_input_files("[name=pictures]", str(picture))
    page.check("[name=understood]")
    page.locator("main form .actions button").last.click()
    expect(page.locator(".codename span")).to_have_count(7)
    reporter.looks("receipt")
    reporter.presses("main form button")
    reporter.looks("receipt-not-kept")
    page.check("[name=kept]")
    reporter.presses("main form button")
    reporter.looks("report")
    assert page.url.endswith("/mine/report")


def signs_in(coordinator: Person) -> None:
    page = coordinator.goes("/desk/")
    coordinator.looks("signin")
    page.fill("[name=login]", coordinator.house.account.login)
    page.fill("[name=password]", coordinator.house.account.password)
    page.fill("[name=code]", coordinator.house.totp())
    page.locator("main form .actions button").click()
    expect(page).to_have_url(re.compile(r"/desk/"))


def opens_the_case(coordinator: Person) -> str:
    page, house = coordinator.page, coordinator.house
    coordinator.looks("inbox")
    page.locator("main .inbox a").first.click()
    coordinator.looks("report-read")
    page.locator("main a[href$='/accept']").first.click()
    page.check("input[name=role][value=controller]")
    page.check("input[name=severity][value=critical]")
    page.check("input[name=personal_data][value=yes]")
    page.check("input[name=host_compromised][value=no]")
    coordinator.looks("accept")
    page.locator("main form .actions button").last.click()
    case_url = re.search(r"/desk/cases/([0-9a-f]{32})", page.url)
    assert case_url, page.url
    case_id = case_url.group(1)
    coordinator.looks("case-new")
    page.locator("main a[href*='/do/domain']").first.click()
    coordinator.looks("domain")
    page.fill("[name=domain]", str(house.cast.organisations[KEY].domain))
    page.fill("[name=reason]", "Mentions légales du site.")
    page.locator("main form .actions button").click()
    stage.look_for_contacts(house.cast, casefile.Hand(house.cast.office, case_id, house.account.id, house.now), KEY)
    return case_id


def writes_first(coordinator: Person, case_id: str) -> str:
    page, house = coordinator.page, coordinator.house
    coordinator.goes(f"/desk/cases/{case_id}/order")
    coordinator.looks("order")
    page.locator("main form .actions button").click()
    page.locator("main a[href*='/request/']").first.click()
    coordinator.looks("request")
    page.locator("main form .actions button").click()
    house.later(seconds=30)
    coordinator.goes(f"/desk/cases/{case_id}")
    coordinator.looks("case-requested")
    coordinator.goes(f"/desk/cases/{case_id}/lookups")
    coordinator.looks("lookups")
    coordinator.goes(f"/desk/cases/{case_id}")
    page.locator("main a[href$='/certificates']").first.click()
    coordinator.looks("certificates-none")
    return house.cast.world.received[-1].recipients[0]


def confirms(organisation: Person, address: str) -> None:
    page, house = organisation.page, organisation.house
    mail = stage.newest_mail(house.cast.world, address)
    organisation.goes(f"/a/{mail.token}")
    organisation.looks("link")
    page.fill("[name=name]", "Dominique Exemple")
    page.fill("[name=role]", "Déléguée à la protection des données")
    page.fill("[name=code]", "00000-00000")
    page.locator("main form .actions button").first.click()
    organisation.looks("link-wrong")
    page.fill("[name=code]", mail.code)
    page.locator("main form .actions button").first.click()
    organisation.looks("address")
    page.fill("[name=address] >> nth=0", OWN)
    page.locator("main form .actions button").first.click()
    house.later(seconds=3)
    organisation.looks("code")
    page.fill("[name=code]", stage.newest_mail(house.cast.world, OWN).code)
    page.locator("main form .actions button").first.click()
    organisation.looks("wait")


def releases(coordinator: Person, case_id: str) -> None:
    page, house = coordinator.page, coordinator.house
    coordinator.goes(f"/desk/cases/{case_id}")
    coordinator.looks("case-confirmed")
    coordinator.goes(f"/desk/cases/{case_id}/notice")
    page.fill("[name=presentation]", "Le fichier des clients est proposé à la vente.")
    page.fill("[name=technical]", "Annonce vue sur un canal public : https://canal.example/annonce")
    page.fill("[name=advice]", "Conservez les journaux, changez les secrets exposés.")
    page.fill("[name=fact-1]", "Environ 150 000 personnes.")
    page.check("[name=pictures] >> nth=0")
    coordinator.looks("notice")
    page.locator("main form .actions button").first.click()
    page.locator("main a[href*='/release/']").first.click()
    coordinator.looks("release")
    page.locator("main form .actions button").first.click()
    expect(page.locator(".errors")).to_be_visible()
    coordinator.looks("release-unasked")
    for box in page.locator("main form input[type=checkbox]").all():
        box.check()
    page.locator("main form .actions button").first.click()
    house.later(seconds=30)
    coordinator.goes(f"/desk/cases/{case_id}")
    coordinator.looks("case-released")


def acknowledges(organisation: Person) -> None:
    page, house = organisation.page, organisation.house
    back = stage.newest_mail(house.cast.world, OWN)
    organisation.goes(f"/a/{back.token}")
    organisation.looks("link-back")
    page.fill("[name=code]", back.code)
    page.locator("main form .actions button").first.click()
    organisation.looks("read")
    page.locator("main form[action$='/case/notice'] button").click()
    expect(page.locator("#notice")).to_contain_text("hxxps://canal[.]example")
    expect(page.locator("#notice img")).to_have_count(1)
    page.wait_for_load_state("load")
    assert page.evaluate("document.querySelector('#notice img').naturalWidth") > 0, "the picture is there"
    organisation.looks("answer")
    page.locator("main form[action$='/case/acknowledgement'] button").click()
    organisation.looks("done")


@pytest.mark.parametrize(("language", "scripts"), [(Language.FR, False), (Language.EN, True)])
def test_run_a_by_hand(
    browser: Browser, house: House, eyes: Eyes, language: Language, scripts: bool, tmp_path: Path
) -> None:
    """French without scripts, English with them."""
    picture = tmp_path / "capture.png"
    picture.write_bytes(screenshot())
    people = [
        Person(browser, house, eyes, language, who, scripts=scripts) for who in ("reporter", "desk", "organisation")
    ]
    reporter, coordinator, organisation = people
    report(reporter, picture)
    house.later(minutes=20)
    signs_in(coordinator)
    case_id = opens_the_case(coordinator)
    address = writes_first(coordinator, case_id)
    confirms(organisation, address)
    house.later(minutes=20)
    releases(coordinator, case_id)
    acknowledges(organisation)
    coordinator.goes(f"/desk/cases/{case_id}")
    coordinator.looks("case-acknowledged")
    reporter.goes("/mine/report")
    reporter.looks("report-under-way")
    office = house.cast.office
    assert casefile.look(office, case_id).case.state(Axis.ACKNOWLEDGEMENT) == "acknowledged"
    assert verification.verify(office).ok
    for person in people:
        person.context.close()


PUBLIC = ("report/elsewhere", "check", "rules", "key", "key/print", "mine/")


def test_these_eyes_see(browser: Browser, house: House) -> None:
    """A check that cannot fail is none: a page that is broken on purpose is found out."""
    eyes = Eyes("")
    page = Person(browser, house, eyes, Language.FR, "broken", scripts=True).goes("/")
    page.evaluate(
        """() => {
            document.querySelector("main p").style.color = "#ddd";
            document.querySelector("main").insertAdjacentHTML("beforeend", "<img src=/static/mark.svg><p id=w>w</p>");
            Object.assign(document.querySelector("#w").style, { width: "3000px", maxWidth: "none" });
            console.error("said aloud");
        }"""
    )
    eyes.look(page, "broken")
    page.context.close()
    for word in ("color-contrast", "image-alt", "stick out at 360", "stick out at 1440", "said aloud"):
        assert any(word in fault for fault in eyes.faults), word


@pytest.mark.parametrize("language", list(Language))
def test_pages_for_anyone(browser: Browser, house: House, eyes: Eyes, language: Language) -> None:
    visitor = Person(browser, house, eyes, language, "anyone", scripts=True)
    for path in PUBLIC:
        visitor.goes(f"/{path}")
        visitor.looks(path.strip("/").replace("/", "-"))
    visitor.context.close()


@pytest.mark.parametrize("language", list(Language))
def test_the_desk_of_the_demonstration(browser: Browser, house: House, eyes: Eyes, language: Language) -> None:
    """Six cases in six states, every page of the desk that a coordinator reaches from them."""
    house.now = house.cast.start + stage.AGO
    stage.fill(house.cast, house.now)
    coordinator = Person(browser, house, eyes, language, "demo", scripts=True)
    signs_in(coordinator)
    coordinator.looks("inbox")
    with house.cast.office.store.reading() as connection:
        held = list(connection.scalars(cases.select().with_only_columns(cases.c.id)))
    for place, case_id in enumerate(held):
        coordinator.goes(f"/desk/cases/{case_id}")
        coordinator.looks(f"case-{place}")
        known = casefile.look(house.cast.office, case_id).case.certificates.values()
        for contact_id in {certificate.contact_id for certificate in known}:
            coordinator.goes(f"/desk/cases/{case_id}/contacts/{contact_id}/certificates")
            coordinator.looks("certificates")
    for act in ("assess", "contact", "extend", "embargo", "close", "standing", "authority"):
        coordinator.goes(f"/desk/cases/{held[0]}/do/{act}")
        coordinator.looks(f"do-{act}")
    for path in ("authorities", "find", "closed", "tasks", "mails"):
        coordinator.goes(f"/desk/{path}")
        coordinator.looks(path)
    coordinator.context.close()
