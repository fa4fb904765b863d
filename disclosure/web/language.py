"""Which language a visitor reads: by choice, then by Accept-Language, French first."""

from __future__ import annotations

from functools import lru_cache

from flask import g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from disclosure.protocol.values import Language


def chosen_language() -> Language:
    """``?lang=`` (kept in a cookie), the cookie, the browser's wish; decided once per request."""
    if "language" not in g:
        asked = request.args.get("lang") or request.cookies.get("lang") or ""
        g.language = Language(asked) if asked in set(Language) else _wished(request.headers.get("Accept-Language", ""))
    held: Language = g.language
    return held


@lru_cache(maxsize=256)  # browsers send some dozens of these headers
def _wished(header: str) -> Language:
    wishes = parse_accept_header(header, LanguageAccept)
    return Language(wishes.best_match(list(Language), default=Language.FR) or Language.FR)
