"""What opens every link of a mail before its reader does: a scanner with a whole browser, which acknowledges nothing.

It follows redirects, runs scripts, presses every button and sends every form with what it can think of; it is not told
the code that stands in the body for people (R26, R27). It may leave traces of a visit, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urldefrag, urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator
from playwright.sync_api import Error as BrowserError

from disclosure.casework import answering, clockwork, coordination, delivery, verification
from disclosure.casework.casefile import Hand, look
from disclosure.demo import stage
from disclosure.protocol import events as e
from disclosure.protocol.values import Party
from disclosure.store import ledger
from tests.browser.conftest import House

KEY, OWN = "pharmacies", "d.exemple@officines-littoral.example"
URL = re.compile(r"https?://[^\s<>\"']+")
MOST_PAGES = 15  # of one mail: the site beyond the link is the same for all
# Of a form: what a program types that knows the mail's address, its alert number and the shape of a code.
GUESSES = ("A. Scanner", "00000-00000", "scanner@officines-littoral.example")
# What a visit may leave behind; everything else in a case would be an act.
TRACES = (e.LinkOpened,)


class Scanner:
    """One context for one mail, as a gateway uses one sandbox for each."""

    def __init__(self, context: BrowserContext, house: House, number: str) -> None:
        self.page, self.house, self.number = context.new_page(), house, number
        self.page.set_default_timeout(5_000)
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.seen: set[str] = set()
        self.pressed = 0

    def open_all(self, links: list[str]) -> None:
        waiting = list(links)
        while waiting and len(self.seen) < MOST_PAGES:
            url = urldefrag(waiting.pop(0)).url
            if url in self.seen or urlsplit(url).netloc != urlsplit(self.house.url).netloc:
                continue
            self.seen.add(url)
            waiting += self._explored(url)

    def _explored(self, url: str) -> list[str]:
        if not self._goes(url):
            return []
        found = self._links()
        for place in range(self.page.locator("button, input[type=submit]").count()):
            if self._goes(url):
                self._press(self.page.locator("button, input[type=submit]").nth(place), GUESSES[place % len(GUESSES)])
                found += [self.page.url, *self._links()]
        return found

    def _goes(self, url: str) -> bool:
        try:
            answer = self.page.goto(url)
        except BrowserError:  # a download is no page
            return False
        return answer is not None and "html" in (answer.headers.get("content-type") or "")

    def _links(self) -> list[str]:
        return list(self.page.eval_on_selector_all("a[href], area[href]", "found => found.map(one => one.href)"))

    def _press(self, button: Locator, guess: str) -> None:
        self.page.eval_on_selector_all("details", "found => found.forEach(one => { one.open = true })")
        self._fill(guess)
        if button.is_visible():
            self.pressed += 1
            try:
                button.click()
                self.page.wait_for_load_state()
            except BrowserError:
                return

    def _fill(self, guess: str) -> None:
        for field in self.page.locator("main input, main textarea, main select").all():
            kind = field.get_attribute("type") or field.evaluate("field => field.tagName.toLowerCase()")
            if not field.is_visible() or kind in {"file", "submit", "hidden"}:
                continue
            if kind in {"checkbox", "radio"}:
                field.check(force=True)
            elif kind == "select":
                field.select_option(index=0)
            else:
                field.fill({"date": "2027-01-01", "email": GUESSES[2], "number": "3"}.get(kind, guess or self.number))


def robot(browser: Browser, house: House, body: str, number: str) -> Scanner:
    """Everything that one mail links to."""
    ours = house.cast.office.settings.public_url
    links = [url.rstrip(".,;)").replace(ours, house.url) for url in URL.findall(body)]
    assert all(link.startswith(house.url) for link in links), "our mails lead to us alone"
    context = browser.new_context(service_workers="block", accept_downloads=False)
    scanner = Scanner(context, house, number)
    scanner.open_all(links)
    context.close()
    return scanner


def facts(house: House, case_id: str) -> list[e.Entry]:
    office = house.cast.office
    with office.store.reading() as connection:
        return list(ledger.read(office.store, connection, case_id, parts=ledger.EVERY_PART))


def acts_of_the_organisation(entries: list[e.Entry]) -> list[str]:
    ours = (entry for entry in entries if entry.actor.party is Party.ORGANISATION)
    return [type(entry.event).__name__ for entry in ours if not isinstance(entry.event, TRACES)]


def new_mails(house: House, known: set[bytes]) -> Iterator[str]:
    for mail in house.cast.world.received:
        if mail.data not in known:
            known.add(mail.data)
            yield stage.body_of(mail.data)


def test_nothing_that_a_machine_does_is_an_acknowledgement(browser: Browser, house: House) -> None:
    cast, known, opened, pressed = house.cast, set[bytes](), 0, 0
    hand = stage.open_case(cast, KEY, stage.report_in(cast, KEY, house.now), house.now)
    stage.look_for_contacts(cast, hand, KEY)
    address = stage.first_contact(cast, hand)
    number = look(cast.office, hand.case_id).case.number

    def scanned() -> None:
        nonlocal opened, pressed
        delivery.deliver(cast.office, house.now)
        before = acts_of_the_organisation(facts(house, hand.case_id))
        case = look(cast.office, hand.case_id).case
        for body in new_mails(house, known):
            scanner = robot(browser, house, body, number)
            opened, pressed = opened + len(scanner.seen), pressed + scanner.pressed
        assert acts_of_the_organisation(facts(house, hand.case_id)) == before
        after = look(cast.office, hand.case_id).case
        assert (after.axes, after.persons, after.stills) == (case.axes, case.persons, case.stills)

    scanned()  # the contact request
    house.now += timedelta(days=3)
    clockwork.tick(cast.office, house.now)
    scanned()  # the next contact, or the reminder
    visit = stage.confirm(cast, hand, address, "Dominique Exemple", "RSSI", house.now + timedelta(minutes=20))
    house.now = visit.now
    scanned()  # that somebody confirmed, with its way to object
    stage.show_standing(cast, visit, OWN)
    scanned()  # the second code
    house.now += timedelta(hours=1)
    hand = Hand(cast.office, hand.case_id, cast.coordinator_id, house.now)
    stage.write_notice(cast, hand, KEY)
    stage.release(cast, hand, visit.person_id)
    coordination.answer_organisation(hand, "Une précision.")
    scanned()  # the notice is ready, an answer waits
    assert look(cast.office, hand.case_id).case.acknowledged_at is None
    assert opened > 10, "it did open pages"
    assert pressed > 10, "and did press buttons"

    # The doors are real: the person behind them gets through.
    person = answering.Visit(cast.office, hand.case_id, visit.person_id, house.now + timedelta(hours=1))
    answering.open_notice(person)
    answering.acknowledge(person)
    assert look(cast.office, hand.case_id).case.acknowledged_at is not None
    assert verification.verify(cast.office).ok
