"""Which language a visitor reads: by choice, then by Accept-Language, French first."""

from __future__ import annotations

from flask import g, request

from disclosure.protocol.values import Language
from disclosure.web import cookies


def chosen_language() -> Language:
    """``?lang=`` (kept in a cookie), the cookie, the browser's wish; decided once per request."""
    if "language" not in g:
        asked = request.args.get("lang") or cookies.taken("lang")
        g.language = Language(asked) if asked in set(Language) else _wished()
    return Language(g.language)


def _wished() -> Language:
    """The first of the browser's wishes that we have, of whatever country: who asks for ``fr-CA, en`` reads French."""
    wished = (str(tag).lower().partition("-")[0] for tag, quality in request.accept_languages if quality > 0)
    return next((Language(tag) for tag in wished if tag in set(Language)), Language.FR)
