"""Pages that are rendered once are everybody's; what is filled in is one visitor's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, flash

from disclosure import create_app
from disclosure.demo.reports import reports
from disclosure.settings import load
from tests.office import T0

HIDDEN = re.compile(r'name="(csrf_token|token|reference|codename)" value="([^"]*)"')


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    made = create_app(load(tmp_path, {}))
    office = made.extensions["office"]
    office.prepare(T0)
    made.add_url_rule("/flash", view_func=lambda: flash("for one visitor", "done") or "")
    yield made
    office.store.engine.dispose()


def form_of(app: Flask, language: str = "fr") -> tuple[dict[str, str], str, object]:
    visitor = app.test_client()
    page = visitor.get(f"/report?lang={language}").get_data(as_text=True)
    return dict(HIDDEN.findall(page)), page, visitor


def receipt_of(app: Flask) -> dict[str, str]:
    hidden, _, visitor = form_of(app)
    told = reports(now=T0)[0]
    names = ("kind", "organisation", "country", "sector", "description", "how_obtained")
    sent = hidden | {name: str(getattr(told, name)) for name in names} | {"understood": "yes"}
    page = visitor.post("/report", data=sent).get_data(as_text=True)  # type: ignore[attr-defined]
    found = dict(HIDDEN.findall(page))
    assert "goes-here" not in page, "every mark is filled in"
    assert all(f"<span>{word}</span>" in page for word in found["codename"].split())
    return found


def test_each_visitor_has_tokens_of_their_own(app: Flask) -> None:
    (one, page, _), (other, _, _) = form_of(app), form_of(app)
    assert "goes-here" not in page
    assert one.keys() == other.keys() == {"csrf_token", "token"}
    assert not set(one.values()) & set(other.values())


def test_each_receipt_is_one_visitors_own(app: Flask) -> None:
    one, other = receipt_of(app), receipt_of(app)
    assert one.keys() == other.keys() == {"csrf_token", "reference", "codename"}
    assert not set(one.values()) & set(other.values())


def test_each_language_has_its_page(app: Flask) -> None:
    pages = {language: form_of(app, language)[1] for language in ("fr", "en", "fr", "en")}
    assert '<html lang="fr">' in pages["fr"]
    assert '<html lang="en">' in pages["en"]


def test_a_message_is_shown_to_its_visitor_alone(app: Flask) -> None:
    visitor = app.test_client()
    visitor.get("/flash")
    assert "for one visitor" in visitor.get("/report").get_data(as_text=True)
    assert "for one visitor" not in visitor.get("/report").get_data(as_text=True)
    assert "for one visitor" not in form_of(app)[1]
