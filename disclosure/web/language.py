"""Which language a visitor reads: by choice, then by Accept-Language, French first."""

from __future__ import annotations

from flask import g, request

from disclosure.protocol.values import Language
from disclosure.web import cookies


def chosen_language() -> Language:
    """``?lang=`` (kept in a cookie), the cookie, the browser's wish; decided once per request."""
    if "language" not in g:
        asked = request.args.get("lang") or cookies.taken("lang")
        best = request.accept_languages.best_match(list(Language), default=Language.FR)
        g.language = Language(asked) if asked in set(Language) else Language(best or Language.FR)
    return Language(g.language)
