"""Which language a visitor reads: by choice, then by Accept-Language, French first."""

from __future__ import annotations

from functools import lru_cache

from flask import g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from disclosure.protocol.values import Language
from disclosure.web import cookies


def chosen_language() -> Language:
    """``?lang=`` (kept in a cookie), the cookie, the browser's wish; decided once per request."""
    if "language" not in g:
        asked = request.args.get("lang") or cookies.taken("lang")
        g.language = Language(asked) if asked in set(Language) else _wished(request.headers.get("Accept-Language", ""))
    held: Language = g.language
    return held


@lru_cache(maxsize=256)  # browsers send some dozens of these headers
def _wished(header: str) -> Language:
    """The first of the browser's wishes that we have, of whatever country: who asks for ``fr-CA, en`` reads French."""
    accepted = parse_accept_header(header, LanguageAccept)
    wished = (str(tag).lower().partition("-")[0] for tag, quality in accepted if quality > 0)
    return next((Language(tag) for tag in wished if tag in set(Language)), Language.FR)
