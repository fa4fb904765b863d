"""Words and dates per language, and a French catalogue without holes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.checkers import num_plurals, python_format
from babel.messages.pofile import read_po

from disclosure import language
from disclosure.language import (
    format_away,
    format_day,
    format_when,
    translate,
    translate_many,
    translations,
)
from disclosure.protocol.errors import NotConfigured
from disclosure.protocol.values import Language

ROOT = Path(__file__).parent.parent
FR, EN = Language.FR, Language.EN
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "french", "english", "why"),
    [
        (
            NOW,
            "mardi 24 novembre 2026, 09 h 00 (Paris)",
            "Tuesday 24 November 2026, 09:00 (Paris)",
            "winter: an hour ahead of UTC",
        ),
        (
            datetime(2026, 7, 31, 22, 30, tzinfo=UTC),
            "samedi 1er août 2026, 00 h 30 (Paris)",
            "Saturday 1 August 2026, 00:30 (Paris)",
            "summer, past midnight in Paris; the first is *1er*",
        ),
        (
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            "dimanche 25 octobre 2026, 02 h 30 (Paris, UTC+2)",
            "Sunday 25 October 2026, 02:30 (Paris, UTC+2)",
            "this half hour comes twice",
        ),
        (
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            "dimanche 25 octobre 2026, 02 h 30 (Paris, UTC+1)",
            "Sunday 25 October 2026, 02:30 (Paris, UTC+1)",
            "the second time",
        ),
        (
            datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
            "dimanche 29 mars 2026, 03 h 00 (Paris)",
            "Sunday 29 March 2026, 03:00 (Paris)",
            "the hour that spring leaves out is in nobody's way",
        ),
    ],
)
def test_instants(instant: datetime, french: str, english: str, why: str) -> None:
    assert format_when(instant, FR) == french, why
    assert format_when(instant, EN) == english, why


@pytest.mark.parametrize(
    ("away", "french", "english", "why"),
    [
        (timedelta(hours=14, minutes=59), "dans 14 h", "in 14 h", "nobody is promised the hour that has begun"),
        (timedelta(hours=-14), "il y a 14 h", "14 h ago", "the past"),
        (timedelta(seconds=59), "maintenant", "now", "under a minute"),
        (timedelta(0), "maintenant", "now", "the very instant"),
        (timedelta(minutes=59, seconds=59), "dans 59 min", "in 59 min", "under an hour"),
        (timedelta(minutes=60), "dans 1 h", "in 1 h", "an hour"),
        (timedelta(hours=47, minutes=59), "dans 47 h", "in 47 h", "under two days hours say more"),
        (timedelta(hours=48), "dans 2 j", "in 2 d", "two days"),
        (timedelta(days=-3, hours=-5), "il y a 3 j", "3 d ago", "whole days"),
        (timedelta(days=400), "dans 400 j", "in 400 d", "no months: they have no fixed length"),
    ],
)
def test_how_far_away(away: timedelta, french: str, english: str, why: str) -> None:
    assert format_away(NOW + away, NOW, FR) == french, why
    assert format_away(NOW + away, NOW, EN) == english, why


@pytest.mark.parametrize(
    ("day", "french", "why"),
    [
        (date(2026, 12, 1), "mardi 1er décembre 2026", "a day is a day"),
        (datetime(2026, 11, 30, 23, 30, tzinfo=UTC), "mardi 1er décembre 2026", "an instant gives its day in Paris"),
    ],
)
def test_days(day: datetime | date, french: str, why: str) -> None:
    assert format_day(day, FR) == french, why
    assert format_day(day, EN) == "Tuesday 1 December 2026", why


def test_an_instant_without_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="without zone"):
        format_when(NOW.replace(tzinfo=None), FR)


def test_look_ups() -> None:
    assert translate(EN, "in %(count)d h", count=3) == "in 3 h"
    assert translate(FR, "in %(count)d h", count=3) == "dans 3 h"
    assert translate(FR, "nobody has translated 100 % of this") == "nobody has translated 100 % of this"
    for lang in Language:
        assert translate_many(lang, "%(count)d no", "%(count)d noes", 1) == "1 no"
        assert translate_many(lang, "%(count)d no", "%(count)d noes", 2) == "2 noes"


def test_a_catalogue_that_is_not_compiled_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "TRANSLATIONS", tmp_path)
    translations.cache_clear()
    try:
        with pytest.raises(NotConfigured, match="make setup"):
            translate(FR, "now")
        assert translate(EN, "now") == "now"
    finally:
        translations.cache_clear()


# --- the catalogue ---------------------------------------------------------------------------------------------------


def messages(catalogue: Catalog) -> dict[str, Message]:
    """By id; a plural counts under its singular."""
    return {str(m.id[0] if isinstance(m.id, tuple | list) else m.id): m for m in catalogue if m.id}


@pytest.fixture(scope="module")
def french() -> Catalog:
    with (ROOT / "disclosure/translations/fr/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="fr", abort_invalid=True)


def test_every_message_of_code_and_templates_is_in_the_catalogue(french: Catalog, tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    options = re.search(r"^EXTRACT := (.*)$", makefile, re.MULTILINE)
    assert options
    target = tmp_path / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", *shlex.split(options[1])]
    subprocess.run([*command, "-o", str(target), "disclosure", "templates"], cwd=ROOT, check=True)
    with target.open("rb") as file:
        said = messages(read_po(file))
    assert said.keys() == messages(french).keys(), "run `make messages` and translate what is empty"


def test_every_message_is_translated(french: Catalog) -> None:
    def texts(message: Message) -> list[str]:
        return list(message.string) if isinstance(message.string, tuple | list) else [str(message.string)]

    holes = {key for key, message in messages(french).items() if message.fuzzy or not all(texts(message))}
    assert not holes


def test_every_translation_fills_in_what_the_message_does(french: Catalog) -> None:
    for message in messages(french).values():
        num_plurals(french, message)
        python_format(french, message)


def test_the_compiled_catalogue_is_the_one_in_the_tree(french: Catalog) -> None:
    for key, message in messages(french).items():
        if isinstance(message.string, str):
            assert translate(FR, key) == message.string, "run `make setup`"
