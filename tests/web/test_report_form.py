"""What cannot be taken on the report form: said beside the field, what was typed is kept, nothing is half stored."""

from __future__ import annotations

import io
import re
import secrets
import zlib
from collections.abc import Sequence
from html import unescape
from typing import NamedTuple

import pytest
from PIL import Image
from werkzeug import formparser
from werkzeug.datastructures import MultiDict

from disclosure.casework import pictures, reporting
from disclosure.web import intake
from tests.web.browser import Browser, File
from tests.web.conftest import Build
from tests.web.house import House
from tests.web.walk import REPORT, picture

EVERYTHING = dict(REPORT, consent="yes")


def report(house: House, *, files: Sequence[File] = (), **typed: str) -> Browser:
    """The filled form, sent with changes that no browser would make."""
    house.at(hours=1)  # each try in its own hour: what is tested here is not the cap
    browser = house.browser().open("/report")
    sent = browser.filled(browser.form("/report"), EVERYTHING)
    for name, value in typed.items():
        sent[name] = value
    return browser.post("/report", sent, files, multipart=True)


def said_beside_and_above(browser: Browser, field: str) -> None:
    """A clear message in the summary, with a link that leads to the field, and the same one beside the field."""
    assert f"#{field}" in {link.href for link in browser.page.links}, browser.page.words
    assert field in browser.page.ids, "the link leads somewhere"
    words = next(link.text for link in browser.page.links if link.href == f"#{field}")
    beside = browser.html.partition(f'id="{field}-problem">')[2].partition("</p>")[0]
    said = unescape(re.sub("<[^>]*>", "", beside)).strip()
    assert said, "there are words beside the field"
    assert words.endswith(said), "the same as above"
    assert f"{field}-problem" in " ".join(re.findall(r'aria-describedby="([^"]*)"', browser.html))


def kept(browser: Browser, sent: dict[str, str]) -> None:
    """Every field comes back as it was typed."""
    controls = browser.form("/report").controls
    for name, value in sent.items():
        offered = controls[name].values
        if not offered or value in offered:
            assert controls[name].sends == value, name


LONG, ENDLESS = "x" * 301, "x" * 20_001
WRONG = [
    ("kind", "gossip", "no kind of ours"),
    ("kind", "", "a radio that was not chosen"),
    ("organisation", "", "compulsory"),
    ("organisation", " \t\r\n ", "blanks say nothing"),
    ("description", "", "compulsory"),
    ("how_obtained", "", "compulsory"),
    ("domains", "not a domain!", "a word that is no host name"),
    ("domains", "192.0.2.7", "an address is no domain"),
    ("domains", "localhost", "one label"),
    ("domains", "-x.example", "a label begins with a letter or digit"),
    ("domains", f"{'a' * 64}.example", "a label holds 63 letters"),
    ("domains", ".".join(["abcdefgh"] * 30) + ".example", "a name holds 253"),
    ("domains", "someone@example.org", "a mail address is no domain"),
    ("domains", " ".join(f"d{n}.example" for n in range(11)), "eleven of them"),
    ("country", "France", "a word from elsewhere"),
    ("country", "ZZ", "two letters that no country has"),
    ("country", "", "nothing"),
    ("sector", "espionage", "no sector of ours"),
    ("understood", "", "the reminder of the law was not ticked"),
    *((name, LONG, "a line is at most 300") for name in intake.SHORT_FIELDS),
    *((name, ENDLESS, "a text is at most 20,000") for name in intake.LONG_FIELDS),
]


@pytest.mark.parametrize(("field", "typed", "why"), WRONG)
def test_what_cannot_be_taken(shared: House, field: str, typed: str, why: str) -> None:
    before, files = shared.rows(), shared.files()
    browser = report(shared, **{field: typed})
    assert browser.status == 422, why
    said_beside_and_above(browser, field)
    kept(browser, {name: value for name, value in EVERYTHING.items() if name != field} | {field: typed})
    assert shared.rows() == before, "no row, no key"
    assert shared.files() == files


def test_what_is_just_short_enough_is_taken(house: House) -> None:
    limits = {name: "x" * 300 for name in intake.SHORT_FIELDS} | {name: "y" * 20_000 for name in intake.LONG_FIELDS}
    assert report(house, **limits, domains=" ".join(f"d{n}.example" for n in range(10))).status == 200


def test_every_problem_is_told_at_once(shared: House) -> None:
    wrong = {"organisation": "", "description": "", "domains": "?", "country": "ZZ", "kind": ""}
    browser = report(shared, **wrong)
    for field in wrong:
        said_beside_and_above(browser, field)


def test_markup_comes_back_as_text(shared: House) -> None:
    nasty = '"><script>alert(1)</script></textarea>{{ 7*7 }}\n\nsecond paragraph'
    browser = report(shared, description=nasty, country="ZZ")
    assert browser.form("/report").controls["description"].sends == nasty.strip()
    assert "<script>alert" not in browser.html


# --- files ---


def _png(width: int, height: int) -> bytes:
    """A picture of that size in a few bytes: only its header is true."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\x00\x00\x00"
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _gif() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "GIF")
    return out.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
FILES: list[tuple[str, list[File], str]] = [
    ("a program called a picture", [("capture.png", b"MZ\x90\x00" + b"\0" * 400)], "Only PNG"),
    ("a document", [("report.pdf", b"%PDF-1.7 ...")], "Only PNG"),
    ("a drawing can hold a script", [("capture.svg", SVG)], "Only PNG"),
    ("a kind of picture that we do not take", [("capture.gif", _gif())], "Only PNG"),
    ("an empty file", [("capture.png", b"")], "Only PNG"),
    ("a picture cut short", [("capture.png", picture()[:-40])], "cannot be read"),
    ("first bytes of one, then a program", [("capture.png", b"\x89PNG\r\n\x1a\nMZ" + b"\0" * 99)], "cannot be read"),
    ("a bomb: 40,000 by 40,000 in a few bytes", [("capture.png", _png(40_000, 40_000))], "too large"),
    ("more pixels than are decoded", [("capture.png", _png(10_000, 10_000))], "too large"),
    ("long and thin", [("capture.png", _png(20_000, 1))], "too large"),
    ("a good one and a bad one", [("a.png", picture()), ("b.png", b"MZ")], "Only PNG"),
    ("twelve", [(f"{n}.png", picture()) for n in range(12)], "Too many"),
    ("over five MB", [("capture.png", picture() + b"\0" * 5_300_000)], "too large"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "files", "words"), FILES, ids=[row[0] for row in FILES])
def test_files_that_are_not_taken(shared: House, why: str, files: list[File], words: str) -> None:
    before, lying = shared.rows(), shared.files()
    browser = report(shared, files=files)
    assert browser.status == 422, why
    said_beside_and_above(browser, "pictures")
    assert words in browser.page.words
    kept(browser, EVERYTHING)
    assert shared.rows() == before, "no row, no key, no byte"
    assert shared.files() == lying


def test_no_file_of_a_stranger_touches_the_disk(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """R45: originals are never kept, so not in a temporary file either."""

    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("a temporary file")

    monkeypatch.setattr(formparser, "SpooledTemporaryFile", forbidden)
    assert report(shared, files=[("a.png", picture() + b"\0" * 2_000_000)]).status == 200
    assert report(shared, files=[("a.png", b"MZ" + b"\0" * 2_000_000)]).status == 422


def test_ten_good_ones_are_taken_and_drawn_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[bytes] = []
    real = pictures.clean
    monkeypatch.setattr(pictures, "clean", lambda data: cleaned.append(data) or real(data))
    assert report(house, files=[(f"{n}.png", picture()) for n in range(10)]).status == 200
    assert len(cleaned) == 10
    assert len(house.rows()["disclosure.db.pictures"]) == 10


def test_below_the_floor_of_space_text_alone_is_taken(build: Build) -> None:
    house = build(DISCLOSURE_FREE_SPACE_FLOOR_BYTES=str(10**15 - 1))
    before = house.rows()
    browser = report(house, files=[("capture.png", picture())])
    assert browser.status == 422
    said_beside_and_above(browser, "pictures")
    assert "short of space" in browser.page.words
    kept(browser, EVERYTHING)
    assert house.rows() == before
    browser.send("/report")  # what is on the page, without the picture
    assert browser.status == 200, "text is still taken"
    assert len(house.rows()["disclosure.db.reports"]) == 1


# --- too large to be read at all ---


class Flood(io.RawIOBase):
    """A body that begins like a form and then never ends; counts what was read of it."""

    def __init__(self, begin: bytes, size: int) -> None:
        self.begin, self.size, self.given = begin, size, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self.size - self.given if size < 0 else min(size, self.size - self.given)
        assert wanted < 30_000_000, "nothing reads all of it at once"
        found = self.begin[self.given : self.given + wanted]
        self.given += wanted
        return found + b"\0" * (wanted - len(found))

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


class Sent(NamedTuple):
    browser: Browser
    flood: Flood


BOUNDARY = "a-boundary"


def flooded(house: House, **environ: object) -> Sent:
    """200 MB: every field of the form, then a picture that goes on and on."""
    browser = house.browser().open("/report")
    form = browser.filled(browser.form("/report"), EVERYTHING)
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.items(multi=True)
        if name != "understood"
    ]
    head = 'Content-Disposition: form-data; name="pictures"; filename="film.png"\r\nContent-Type: image/png\r\n\r\n'
    flood = Flood(("".join(parts) + f"--{BOUNDARY}\r\n{head}").encode(), 200_000_000)
    answer = browser.client.post(
        "/report",
        base_url=browser.base,
        headers=browser.headers,
        environ_overrides={
            "wsgi.input": flood,
            "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
            **environ,
        },
    )
    browser._show("/report", answer)
    return Sent(browser, flood)


def test_two_hundred_mb_are_refused_before_they_are_read(shared: House) -> None:
    before, files = shared.rows(), shared.files()
    sent = flooded(shared, CONTENT_LENGTH="200000000")
    assert sent.browser.status == 413
    assert sent.flood.given < 1_000_000, "the words of the form, not the film"
    said_beside_and_above(sent.browser, "pictures")
    kept(sent.browser, {name: value for name, value in EVERYTHING.items() if name != "understood"})
    assert shared.rows() == before
    assert shared.files() == files


def test_two_hundred_mb_without_a_length_end_at_the_cap(shared: House) -> None:
    """Chunked: no browser sends a form so. It ends where the cap is, and nothing is stored."""
    before, files = shared.rows(), shared.files()
    sent = flooded(shared, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": True})
    assert sent.browser.status == 413
    assert sent.flood.given <= shared.office.settings.uploads.max_request_bytes + 1_000_000
    assert "too large" in sent.browser.page.words
    assert shared.rows() == before
    assert shared.files() == files


def test_a_form_without_length_or_end_is_no_form(shared: House) -> None:
    sent = flooded(shared, CONTENT_LENGTH="0")
    assert sent.browser.status == 400
    assert sent.flood.given == 0


# --- tokens ---


def test_a_missing_token_stores_nothing_and_keeps_what_was_typed(shared: House) -> None:
    before = shared.rows()
    browser = report(shared, csrf_token="")
    assert browser.status == 400
    kept(browser, EVERYTHING)
    assert "fresh one now" in browser.page.words
    assert shared.rows() == before


def test_a_foreign_token_stores_nothing_and_the_fresh_one_sends(house: House) -> None:
    foreign = house.browser().open("/report").tokens("/report")["csrf_token"]
    before = house.rows()
    browser = report(house, csrf_token=foreign)
    assert browser.status == 400
    kept(browser, EVERYTHING)
    assert house.rows() == before
    assert browser.send("/report").status == 200, "what is on the page can be sent as it is"
    assert len(house.rows()["disclosure.db.reports"]) == 1


@pytest.mark.parametrize(("token", "why"), [("", "none at all"), ("x" * 21, "too short to be one of ours")])
def test_a_form_without_its_own_token_is_given_one(house: House, token: str, why: str) -> None:
    browser = report(house, token=token)
    assert browser.status == 422, why
    assert browser.send("/report").status == 200
    assert report(house, token=token).status == 422, "and is never taken for the report of somebody else"
    assert len(house.rows()["disclosure.db.reports"]) == 1


# --- the same form twice ---


def _words(browser: Browser) -> list[str]:
    return re.findall(r"<span>([a-z]+)</span>", browser.html)


def test_two_clicks_are_one_report_and_one_receipt(house: House) -> None:
    browser = house.browser().open("/report")
    sent: MultiDict[str, str] = browser.filled(browser.form("/report"), EVERYTHING)
    first = _words(browser.post("/report", sent, multipart=True))
    before = house.rows()
    house.at(seconds=1)
    second = browser.post("/report", sent, multipart=True)
    assert second.status == 200
    assert _words(second) == first, "the browser shows the second answer: it must hold the words"
    assert len(first) == 7
    assert house.rows() == before
    assert second.send("/report/kept", kept="yes").at == "/mine/report"


def test_the_second_click_may_hold_a_mistake(house: House) -> None:
    """The cap was reached by the first, or a file is refused now: what was stored is shown all the same."""
    browser = house.browser().open("/report")
    sent = browser.filled(browser.form("/report"), EVERYTHING)
    first = _words(browser.post("/report", sent, multipart=True))
    assert _words(browser.post("/report", sent, [("x.png", b"MZ")], multipart=True)) == first


def test_the_words_are_not_shown_for_ever(house: House) -> None:
    browser = house.browser().open("/report")
    sent = browser.filled(browser.form("/report"), EVERYTHING)
    browser.post("/report", sent, multipart=True)
    before = house.rows()
    house.at(minutes=11)
    late = browser.post("/report", sent, multipart=True)
    assert late.status == 409
    assert "sent already" in late.page.words
    assert not _words(late)
    kept(late, EVERYTHING)
    assert house.rows() == before


def test_codenames_do_not_follow_from_what_the_database_holds(house: House) -> None:
    """They follow from the form's token and a key: another key, or a token guessed, gives other words."""
    token = secrets.token_urlsafe(16)
    mine = reporting._codename(house.office, token)
    assert reporting._codename(house.office, token) == mine
    assert reporting._codename(house.office, token[:-1] + "_") != mine
    hashes = {str(value) for rows in house.rows().values() for row in rows for value in row}
    assert not any(word in held for held in hashes for word in mine.split() if len(word) > 4)


# --- caps ---


def test_beyond_the_cap_a_report_is_taken_as_text(house: House) -> None:
    """R8: a cap never refuses."""
    for n in range(7):
        browser = house.browser().open("/report")
        browser.send("/report", [("a.png", picture())] if n > 5 else (), **EVERYTHING)
        assert browser.status == (200 if n < 6 else 422), n
    said_beside_and_above(browser, "pictures")
    assert "without pictures" in browser.page.words
    assert browser.send("/report").status == 200
    house.at(hours=1)
    browser.open("/report").send("/report", [("a.png", picture())], **EVERYTHING)
    assert browser.status == 200, "an hour later pictures are taken again"


def test_the_pot_of_honey(shared: House) -> None:
    """No person sees the field; whoever fills it in gets no hint and stores nothing."""
    before = shared.rows()
    browser = report(shared, website="https://spam.example")
    assert browser.at == "/"
    assert browser.status == 200
    assert shared.rows() == before
