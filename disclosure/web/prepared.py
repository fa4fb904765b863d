"""Pages that are the same for everybody but for a few words: rendered once per language, then only filled in.

Rendering is the largest part of what taking in a report costs (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import current_app, session
from flask_wtf.csrf import generate_csrf
from markupsafe import escape

from disclosure.protocol.values import Language
from disclosure.web.language import chosen_language

_CSRF = "csrf-token-goes-here"


def page(name: str, render: Callable[[Mapping[str, str]], str], words: Mapping[str, str]) -> str:
    """The page ``name`` in the visitor's language with these words, and the visitor's own CSRF token, in their places.

    ``render`` gets marks in place of the words; what it makes is shown to others, so it may look at nothing else of
    this request. A visitor whom a message waits for gets a page that nobody else will see.
    """
    if "_flashes" in session:  # flask.flash keeps them there until base.html shows them
        return render(words)
    pages: dict[tuple[str, Language], str] = current_app.extensions.setdefault("prepared", {})
    key = (name, chosen_language())
    if key not in pages:
        pages[key] = render({word: _mark(word) for word in words}).replace(generate_csrf(), _CSRF)
    filled = pages[key].replace(_CSRF, generate_csrf())
    for word, text in words.items():
        filled = filled.replace(_mark(word), str(escape(text)))
    return filled


def _mark(word: str) -> str:
    return f"{word}-goes-here"
