"""The whole text of every mail against files that a person has read (tests/mail/golden.py writes them, on purpose)."""

from __future__ import annotations

import difflib

import pytest

from disclosure.mail import compose
from disclosure.protocol.codes import MailType
from disclosure.protocol.values import Language
from tests.mail import golden

TEXTS = golden.texts()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_it_is_the_text_that_was_read(name: str) -> None:
    path = golden.FOLDER / name
    assert path.exists(), "a new mail: python -m tests.mail.golden, and read it"
    kept = path.read_text(encoding="utf-8")
    changed = "\n".join(difflib.unified_diff(kept.splitlines(), TEXTS[name].splitlines(), "read", "now", lineterm=""))
    assert TEXTS[name] == kept, f"python -m tests.mail.golden, if this is meant:\n{changed}"


def test_no_file_is_left_of_a_mail_that_is_no_more() -> None:
    assert {path.name for path in golden.FOLDER.iterdir()} == set(TEXTS)


def test_every_mail_of_the_protocol_is_here_in_both_languages() -> None:
    held = {tuple(name.split(".")[:2]) for name in TEXTS}
    named = {str(kind) for kind in MailType} | {
        "person_reminder",
        "reporter_code",
        "reporter_news",
    }  # beside the outbox, or with words of their own
    assert held == {(name, str(language)) for name in named for language in Language}
    assert {name for name, _ in held} == set(compose._TEMPLATES.values()), "and every template is used"
