"""Every page of a filled server, asked for by everybody: nothing changes by it, and it says who may keep it and how."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from sqlalchemy import select
from werkzeug.routing import Rule

from disclosure.casework import deskwords, keys, words
from disclosure.discovery.keyplaces import web_key_urls
from disclosure.protocol import events
from disclosure.protocol.values import Language
from disclosure.store.tables import approvals, confirmed_channels, inbox, links, outbox, pictures, probes, reports
from disclosure.web import problems
from disclosure.web.countries import countries
from disclosure.web.desk.acts import ACTS
from tests.web.browser import Browser, Page, Text
from tests.web.house import House
from tests.web.walk import CONTACT, DOMAIN, NOTICE, ORGANISATION, PERSON, REPORT, SAID_BY_A_SERVER, SUBJECT, Alert

# Who keeps an answer of ours: nobody, but for files that change their name with their content.
CACHED = {"static"}
# RFC 9116, 3: the old place of security.txt may lead to the new one, and ours does nothing else.
LEADS_AWAY = {"identity.security_txt_at_the_old_place"}
AUDIENCES = ("coordinator", "reporter", "organisation", "nobody")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=()",
    "X-Robots-Tag": "noindex",
}


def clients(alert: Alert) -> dict[str, Browser]:
    house = alert.house
    return {
        "coordinator": house.desk(),
        "reporter": alert.reporter,
        "organisation": alert.organisation,
        "nobody": house.browser(),
    }


def known(alert: Alert) -> dict[str, list[str]]:
    """Every id that lies in the database, by the name that routes have for it."""
    office = alert.house.office
    with office.store.reading() as connection:
        ids = {
            "report_id": list(connection.scalars(select(reports.c.id))),
            "picture_id": list(connection.scalars(select(pictures.c.id))),
            "probe_id": list(connection.scalars(select(probes.c.id))),
            "mail_id": list(connection.scalars(select(outbox.c.id).where(outbox.c.case_id.is_not(None)))),
            "person_id": list(connection.scalars(select(links.c.person_id).where(links.c.person_id.is_not(None)))),
            "inbox_id": list(connection.scalars(select(inbox.c.id))),
            "approval_id": list(connection.scalars(select(approvals.c.id))),
            "contact_id": list(connection.scalars(select(links.c.recipient).where(links.c.purpose == "confirm"))),
        }
        assert connection.execute(select(confirmed_channels)).first() is None
    return {name: list(dict.fromkeys(held)) for name, held in ids.items()} | {
        "case_id": [alert.case.rsplit("/", 1)[1]],
        "token": [alert.link.removeprefix("/a/"), alert.ready_link.removeprefix("/a/")],
        "act": list(ACTS),
        "channel_id": ["fr-anssi:mail", "fr-cnil:post"],
        "name": [mail.name for mail in alert.house.mails()],
        **identity_of(alert.house),
        "filename": ["style.css", "app.js", "mark.svg"],
    }


def identity_of(house: House) -> dict[str, list[str]]:
    """What programs ask a Web Key Directory for, and our keys."""
    place = web_key_urls(house.office.settings.mail.from_address)[1]
    return {
        "hashed": [place.rpartition("/")[2].partition("?")[0]],
        "domain": [house.office.settings.mail.from_address.domain.name],
        "fingerprint": [key.fingerprint for key in keys.held_keys(house.office)],
    }


def addresses(alert: Alert) -> dict[str, list[str]]:
    """Endpoint → its pages. Fails where a route asks for something that ``known`` has not heard of."""
    ids, found = known(alert), {}
    # The notice has copies of its own, under the case's key.
    shown_to_them = re.findall(r"/case/pictures/([0-9a-f]{32})", alert.organisation.open("/case").html)
    adapter = alert.house.app.url_map.bind("127.0.0.1:5000")
    for rule in alert.house.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            here = ids | {"picture_id": shown_to_them} if rule.endpoint == "organisation.picture" else ids
            found[rule.endpoint] = [adapter.build(rule.endpoint, values) for values in _values(rule, here)]
            assert found[rule.endpoint], rule
    return found


def _values(rule: Rule, ids: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    names = sorted(rule.arguments)
    longest = max((len(ids[name]) for name in names), default=1)
    for place in range(longest):
        yield {name: ids[name][min(place, len(ids[name]) - 1)] for name in names}


@dataclass(frozen=True)
class Seen:
    audience: str
    endpoint: str
    url: str
    status: int
    page: Page


def look(held: Mapping[str, Browser], alert: Alert, language: str, method: str = "GET") -> Iterator[Seen]:
    """Every page, as each of them sees it; headers are checked on the way."""
    for audience, browser in held.items():
        browser.client.delete_cookie("lang", domain="127.0.0.1")
        for endpoint, urls in addresses(alert).items():
            for url in urls:
                answer = browser.client.open(
                    url, method=method, base_url=browser.base, headers={"Accept-Language": language}
                )
                for name, begin in HEADERS.items():
                    assert answer.headers.get(name, "").startswith(begin), (url, name)
                kept = "public, max-age=31536000, immutable" if endpoint in CACHED else "no-store"
                assert answer.headers["Cache-Control"] == kept, url
                assert "Server" not in answer.headers
                text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
                yield Seen(audience, endpoint, url, answer.status_code, Page(text))
                answer.close()


@pytest.fixture(scope="module")
def held(filled: Alert) -> dict[str, Browser]:
    return clients(filled)


@pytest.fixture(scope="module")
def pages(held: dict[str, Browser], filled: Alert) -> dict[str, list[Seen]]:
    """Language → every page, asked for once; that nothing changes by it is seen here."""
    before, files = filled.house.rows(), filled.house.files()
    seen = {language: list(look(held, filled, language)) for language in Language}
    assert filled.house.rows() == before, "a GET changed something"
    assert filled.house.files() == files
    return seen


# --- nothing changes ---


def test_asking_for_a_page_changes_nothing(filled: Alert, pages: dict[str, list[Seen]]) -> None:
    """The fixture compares every row; here, that each route was really shown to somebody."""
    for seen in pages.values():
        assert {one.status for one in seen} <= {200, 302, 404}
        reached = {one.endpoint for one in seen if one.status == 200}
        routes = {rule.endpoint for rule in filled.house.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
        assert reached == routes - LEADS_AWAY


def test_asking_for_headers_alone_changes_nothing(held: dict[str, Browser], filled: Alert) -> None:
    before, files = filled.house.rows(), filled.house.files()
    assert {one.status for one in look(held, filled, "fr", "HEAD")} <= {200, 302, 404}
    assert filled.house.rows() == before
    assert filled.house.files() == files


def test_who_may_not_look_is_shown_nothing(pages: dict[str, list[Seen]]) -> None:
    """Desk and pages of a report or a case: only with a session of that audience."""
    own = {
        "coordinator": ("desk.",),
        "reporter": ("reporter.page",),
        "organisation": ("organisation.case",),
        "nobody": (),
    }
    guarded = ("desk.", "reporter.page", "organisation.case")
    for one in pages["en"]:
        if one.endpoint.startswith(guarded) and one.endpoint != "desk.sign_in":
            expected = one.endpoint.startswith(own[one.audience]) if own[one.audience] else False
            assert (one.status == 200) == expected, (one.audience, one.url)
            if not expected:
                assert one.page.words == "" or "Canari" not in one.page.words, one.url


def test_no_page_changes_anything_by_what_is_asked_in_its_address(held: dict[str, Browser], filled: Alert) -> None:
    before, desk = filled.house.rows(), held["coordinator"]
    for query in ("before=1", "before=99999", "before=x", "before=-1", f"before={'9' * 5000}", f"before={'9' * 20}"):
        assert desk.open(f"{filled.case}?{query}").status in {200, 422}, query
    for query in (
        "after=x",
        "after=~",
        "after=2026-11-24~x",
        f"after=2026-11-24T08:00:00%2B00:00~{'f' * 32}",
        "what=%00",
    ):
        for page in (
            "/desk/",
            "/desk/reports",
            "/desk/reports/undecided",
            "/desk/tasks",
            "/desk/mails",
            "/desk/closed",
        ):
            assert desk.open(f"{page}?{query}").status in {200, 422}, (page, query)
    for query in (
        "what=",
        "what=canari",
        f"what={filled.number}",
        f"what={DOMAIN}",
        "lang=xx",
        "lang=",
        "_scheme=x",
        "endpoint=x",
    ):
        assert desk.open(f"/desk/find?{query}").status == 200, query
    for query in ("country=FR", "country=ZZ", "country=%3Cscript%3E", "country="):
        assert desk.open(f"/desk/authorities?{query}").status in {200, 422}, query
    assert filled.house.rows() == before


# --- no script needed ---


def test_every_form_is_a_plain_form_with_a_token(filled: Alert, pages: dict[str, list[Seen]]) -> None:
    """All that posts is a form on a page; it leads to a route that takes it, and carries the token."""
    adapter = filled.house.app.url_map.bind("127.0.0.1:5000")
    reached = set()
    for one in pages["en"]:
        for form in one.page.forms:
            action = (form.action or one.url).partition("?")[0]
            endpoint, _ = adapter.match(action, method=form.method.upper())
            reached.add(endpoint)
            if form.method == "post":
                assert form.controls["csrf_token"].sends, one.url
    # What is shown only while it can be done; the walk of this filled server did it, or the row says who does.
    elsewhere = {
        "public.kept",
        "reporter.address",  # the walk left one
        "organisation.address",
        "organisation.code",
        "organisation.read",
        "organisation.acknowledge",
        "desk.mark_read",
        "desk.accepted",
        "desk.decline",
        "desk.release_request",
        "desk.release_forward",  # after the organisation's own contacts failed: test_onward.py
        "desk.announce",  # after the embargo: test_onward.py
        "desk.unstick",  # a case that the server could not move
        "desk.resend",  # a mail that stands still: test_outgoing.py
        "desk.cancel",
        "desk.withdraw",  # a channel that was confirmed
        "desk.confirm",
        "desk.use_certificate",  # test_certificates.py
        "desk.give_approval",  # where the policy wants two: test_approvals.py
    }
    posts = {rule.endpoint for rule in filled.house.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert posts - reached <= elsewhere


def test_every_link_leads_somewhere(held: dict[str, Browser], pages: dict[str, list[Seen]]) -> None:
    """Also the one to the other language, and the one to a field or a part of the page."""
    tried: set[tuple[str, str]] = set()
    for one in (one for one in pages["en"] if one.status == 200):
        for link in one.page.links:
            path, _, anchor = link.href.partition("#")
            if link.href.startswith(("http", "mailto", "tel")):
                continue
            if not path:
                assert anchor in one.page.ids, (one.url, link)
            elif (one.audience, path) not in tried:
                tried.add((one.audience, path))
                if len(tried) % 3 and "lang=" not in path:
                    continue  # every third, and all of the languages: in a third of the time
                assert held[one.audience].open(path).status == 200, (one.url, link)
                held[one.audience].client.delete_cookie("lang", domain="127.0.0.1")


@pytest.mark.parametrize(
    ("way", "sent", "leads_to", "why"),
    [
        ("/case/contact", {"address": "x"}, "/case", "a page that answers a POST of another address"),
        ("/a", {}, "", "the link's own address takes both"),
    ],
)
def test_a_page_that_came_back_leads_to_the_other_language(
    filled: Alert, way: str, sent: dict[str, str], leads_to: str, why: str
) -> None:
    browser, begin = filled.organisation, filled.ready_link if way == "/a" else "/case"
    browser.open(begin).send("" if way == "/a" else way, **sent)
    assert browser.status == 422
    other = next(link.href for link in browser.page.links if "lang=fr" in link.href)
    assert other.partition("?")[0] == (leads_to or begin), why
    assert browser.open(other).status == 200
    assert browser.page.lang == "fr"
    browser.client.delete_cookie("lang", domain="127.0.0.1")


# --- language ---


@pytest.mark.parametrize(
    ("accepted", "cookie", "asked", "lang", "why"),
    [
        ("", "", "", "fr", "nothing is known: French, whose law the form recalls"),
        ("en", "", "", "en", "the browser's wish"),
        ("de, en;q=0.8, fr;q=0.5", "", "", "en", "the best of those that we have"),
        ("de", "", "", "fr", "none that we have"),
        ("fr-CA, en;q=0.3", "", "", "fr", "a French of another country"),
        ("en", "fr", "", "fr", "an earlier choice wins over the browser"),
        ("fr", "fr", "en", "en", "a choice now wins over all"),
        ("en", "xx", "yy", "en", "what is no language of ours is no choice"),
    ],
)
def test_which_language(shared: House, accepted: str, cookie: str, asked: str, lang: str, why: str) -> None:
    for path in ("/", "/report", "/desk/sign-in", "/nowhere"):
        browser = shared.browser(accepted)
        if cookie:
            browser.client.set_cookie("lang", cookie, domain="127.0.0.1")
        browser.open(f"{path}?lang={asked}" if asked else path)
        assert browser.page.lang == lang, why
        if asked in set(Language):
            assert browser.open(path).page.lang == lang, "and it is kept"


CATALOGUE = Path("disclosure/translations/fr/LC_MESSAGES/messages.po")
_GAP = re.compile(r"%\(\w+\)[sd]|%%")
MANY_WORDS = 3  # a message of so many words is looked for anywhere; a shorter one only where it stands alone


@cache
def _catalogue() -> tuple[tuple[str, str], ...]:
    with CATALOGUE.open("rb") as file:
        return tuple((m.id, str(m.string)) for m in read_po(file) if m.id and isinstance(m.id, str))


def pairs() -> dict[str, str]:
    """English → French, where they differ."""
    return {message: said for message, said in _catalogue() if message != said}


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def foreign(texts: list[str], messages: set[str]) -> set[str]:
    """Which of these messages stand on a page."""
    alone = {_squeezed(text).strip(" .:·,;()") for text in texts}
    whole = " ⏎ ".join(_squeezed(text) for text in texts)
    found = set()
    for message in messages:
        pieces = [_squeezed(piece) for piece in _GAP.split(message)]
        piece = max(pieces, key=len)
        if len(piece.split()) >= MANY_WORDS:
            if piece in whole:
                found.add(message)
        elif len(pieces) == 1 and message.strip(" .:·,;()") in alone:
            found.add(message)
    return found


def own(page: Page) -> list[str]:
    """What a page says in its own language: not what somebody typed, not what is marked as another language."""
    return [text.words for text in page.texts if text.lang == page.lang and not text.typed] + page.attributes


def shown(seen: list[Seen]) -> list[Seen]:
    """Pages; not files, and not the empty answers that send elsewhere."""
    return [one for one in seen if one.status != 302 and one.page.texts]


@cache
def _both_ways() -> tuple[set[str], set[str]]:
    return set(pairs()) - set(pairs().values()), set(pairs().values()) - set(pairs())


def test_no_page_falls_back_into_the_other_language(pages: dict[str, list[Seen]]) -> None:
    """Each page in French without an English sentence of the catalogue, and the other way round."""
    english, french = _both_ways()
    assert len(english) > 500
    wrong = {}
    for one in shown(pages["fr"]):
        assert one.page.lang == "fr", one.url
        wrong[f"{one.audience} {one.url}"] = foreign(own(one.page), english)
    for one in shown(pages["en"]):
        assert one.page.lang == "en", one.url
        wrong[f"{one.audience} {one.url} in English"] = foreign(own(one.page), french)
    assert {url: found for url, found in wrong.items() if found} == {}


TYPED = (
    *REPORT.values(),
    *NOTICE.values(),
    ORGANISATION,
    PERSON,
    CONTACT,
    DOMAIN,
    "Canari",
    "entions légales",
    "Camille Exemple",
    "rue inventée",
    "+0000",
    "text/plain",
    SUBJECT,
    SAID_BY_A_SERVER,
)


def test_nothing_stands_on_a_page_untranslated(filled: Alert, pages: dict[str, list[Seen]]) -> None:
    """What is the same in both languages is data, an address or a name, never a sentence that nobody marked."""
    operator = filled.house.office.settings.operator
    data = (*TYPED, operator.legal_name, operator.postal_address, operator.register_number, operator.phone)
    # A country, or a message that says the same in both languages.
    names = {name for _, name in countries(Language.FR)} | {said for message, said in _catalogue() if message == said}
    french = {(one.audience, one.url): {_squeezed(text) for text in own(one.page)} for one in shown(pages["fr"])}
    same = {
        text: one.url
        for one in shown(pages["en"])
        for text in map(_squeezed, own(one.page))
        if text in french[one.audience, one.url]
        and not re.search(r"\d{3} kept|[@=.]\w|[0-9a-f]{32}|^[0-9A-Z]{5}-[0-9A-Z]{5}$", text)
        and not re.fullmatch(r"(?:[0-9A-F]{4} )+[0-9A-F]{4}", text)  # a fingerprint: BEEF CAFE is no sentence
        and len(re.findall(r"[^\W\d_]{3,}", text)) > 1
        and text not in names
    }
    assert {text: url for text, url in same.items() if not any(word in text for word in data)} == {}


# --- no codes, no insides ---

_SNAKE = re.compile(r"(?<![\w./@:=-])[a-z]+(?:_[a-z0-9]+)+(?![\w/@=-]|\.\w)")
_INSIDES = re.compile(
    r"<[\w.]+ object at"
    r"|\b[A-Z]\w+\.[A-Z][A-Z_0-9]+\b|\bdatetime\."
    r"|\b(None|True|False|Undefined|nan)\b(?!\s+[a-z])"
    r"|\[\]|\{\}|\['|\{['\"]|\[\[|\(\)|%\(\w+\)|\bb'"
)
EVENT_NAMES = frozenset(name for name in vars(events) if name[0].isupper() and len(re.findall("[A-Z]", name)) > 1)


def codes_on(texts: list[str]) -> set[str]:
    found = set()
    for text in texts:
        found |= set(_SNAKE.findall(text)) | {match.group() for match in _INSIDES.finditer(text)}
        found |= {word for word in text.split() if word in EVENT_NAMES}
    return found


def test_no_page_shows_a_code_or_its_insides(pages: dict[str, list[Seen]]) -> None:
    found = {
        f"{one.audience} {one.url}": codes_on(
            [text.words for text in one.page.texts if not text.typed] + one.page.attributes
        )
        for language in Language
        for one in shown(pages[language])
    }
    assert {url: codes for url, codes in found.items() if codes} == {}


def test_the_looking_itself_finds_codes_and_sentences() -> None:
    """A test that cannot fail is worse than none."""
    assert codes_on(["Das ist data_leak.", "MailType.NOTICE", "None", "NoticeReleased", "['a']"]) >= {
        "data_leak",
        "MailType.NOTICE",
        "None",
        "NoticeReleased",
    }
    english, french = _both_ways()
    assert foreign(["  Nothing has left\n by this. ", "x"], english) == set()
    assert foreign(["We have your report"], english) == {"We have your report"}
    assert foreign(["Signalement", "Nous avons votre signalement"], french)


@pytest.mark.parametrize("code", sorted(problems.WORDS))
def test_every_problem_is_said_in_words(shared: House, code: str) -> None:
    for language in Language:
        with shared.app.test_request_context("/", headers={"Accept-Language": language}):
            said = problems.in_words({"field": code})["field"]
        assert said != code
        assert len(said.split()) >= MANY_WORDS


def test_codes_of_the_desk_have_words() -> None:
    for table in (deskwords.MARKS, deskwords.FAULTS, deskwords.REASONS, deskwords.OUTBOX):
        assert all("_" not in said for said in table.values())
    assert words.CODES


def test_a_text_is_a_text() -> None:
    """The page reader knows what was typed, and in which language a part is."""
    page = Page('<html lang="fr"><p>un</p><pre>deux</pre><span lang="en">three</span></html>')
    assert page.texts == [Text("un", "fr", False), Text("deux", "fr", True), Text("three", "en", False)]


def test_intermediaries_and_fallbacks_stand_beside_contacts(pages: dict[str, list[Seen]]) -> None:
    """R14b, OT-02: shown with the look-ups, and nowhere that a mail starts."""
    for seen in pages[Language.FR]:
        if seen.audience != "coordinator" or seen.status != 200:
            continue
        shown = "abus@bureau-canari.example" in seen.page.words
        assert shown is (seen.endpoint in {"desk.lookups", "desk.lookup"} and "Canari-bureau" in seen.page.words), (
            seen.url
        )
        if seen.endpoint == "desk.lookups":
            assert "ANSSI" in seen.page.words
            assert "bureau d’enregistrement" in seen.page.words
