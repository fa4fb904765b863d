"""The page of a contact's certificates, by its forms: use, none, look again, enter by hand (R18)."""

from __future__ import annotations

from datetime import timedelta

import pysequoia
import pytest

from disclosure.casework import casefile
from disclosure.demo.certificates import make_certificate
from disclosure.protocol.contactcertificates import certificate_for
from disclosure.protocol.state import Case
from tests.web.browser import Browser
from tests.web.conftest import Build
from tests.web.walk import SECURITY, Alert, walked


@pytest.fixture(scope="module")
def alert(build: Build) -> Alert:
    return walked(build(), 2)


def page(alert: Alert, language: str = "en") -> Browser:
    case = alert.desk.open(alert.case)
    contact = case_of(alert)[1]
    assert f"/contacts/{contact}/certificates" in case.html
    browser = alert.house.desk(language)
    return browser.open(f"{alert.case}/contacts/{contact}/certificates")


def case_of(alert: Alert) -> tuple[Case, str]:
    """The case, and the contact of which two certificates are known."""
    case = casefile.look(alert.house.office, alert.case.rpartition("/")[2]).case
    return case, next(iter(case.certificates.values())).contact_id


def used(alert: Alert) -> str:
    case, contact_id = case_of(alert)
    found = certificate_for(case, contact_id)
    return found.id if found else ""


def test_what_was_found_is_shown_with_its_verdict_and_in_groups(alert: Alert) -> None:
    for language, usable, in_use in (("en", "usable", "in use"), ("fr", "utilisable", "utilisé")):
        browser = page(alert, language)
        assert SECURITY in browser.page.words
        assert usable in browser.page.words
        assert in_use in browser.page.words
        case, _ = case_of(alert)
        for certificate in case.certificates.values():
            fingerprint = certificate.fingerprint
            assert " ".join(fingerprint[i : i + 4] for i in range(0, 40, 4)) in browser.page.words


def test_use_this_one_use_none_and_back(alert: Alert) -> None:
    first = used(alert)
    browser = page(alert)
    choices = [f for f in browser.page.forms if f.action.endswith("/use") and f.controls["certificate_id"].sends]
    choice = choices[0]  # one or more: another test enters one by hand
    browser.post(choice.action, browser.tokens() | {"certificate_id": choice.controls["certificate_id"].sends})
    second = used(alert)
    assert second
    assert second != first
    browser = page(alert)
    browser.post(choice.action, browser.tokens() | {"certificate_id": ""})
    assert used(alert) == ""
    assert "A coordinator decided" in page(alert).page.words
    browser.post(choice.action, browser.tokens() | {"certificate_id": "0" * 32})
    assert browser.status == 409
    assert "does not belong" in browser.page.words
    browser.post(choice.action, browser.tokens() | {"certificate_id": first})
    assert used(alert) == first


def test_look_again_waits_in_the_queue_once(alert: Alert) -> None:
    browser = page(alert)
    action = next(form.action for form in browser.page.forms if form.action.endswith("/look"))
    for _ in range(2):
        browser.post(action, browser.tokens())
    case, contact_id = case_of(alert)
    assert case.certificate_searches[contact_id].ended_at is None
    assert "being looked for" in page(alert).page.words


def test_by_hand_with_the_same_judge_and_no_private_key_comes_back(alert: Alert) -> None:
    secret, public = make_certificate(f"Par la main <{SECURITY}>", now=alert.house.now - timedelta(days=9))
    armoured = str(pysequoia.Cert.from_bytes(public))
    browser = page(alert)
    action = next(form.action for form in browser.page.forms if form.action.endswith("/certificates"))
    before = alert.house.rows()
    browser.post(action, browser.tokens() | {"certificate": secret, "source": "phone"})
    assert browser.status == 422
    assert "PRIVATE key" in browser.page.words
    assert secret.splitlines()[4] not in browser.html, "it is not sent back"
    kept = {
        name: rows for name, rows in alert.house.rows().items() if not name.startswith("keys") and "access" not in name
    }
    assert {name: before[name] for name in kept} == kept, "and nothing of it is stored"
    browser.post(action, browser.tokens() | {"certificate": armoured, "source": ""})
    assert browser.status == 422
    browser.post(action, browser.tokens() | {"certificate": armoured, "source": "Lu au téléphone"})
    assert browser.status == 200, browser.page.words
    case, _ = case_of(alert)
    assert case.certificates[used(alert)].manual
    assert "Lu au téléphone" in page(alert).page.words
