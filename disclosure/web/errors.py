"""Errors, translated once: type → status and words. The unknown tells the visitor nothing (style rule 8)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from disclosure.language import N_, translate
from disclosure.protocol.errors import (
    CannotStore,
    Conflict,
    DisclosureError,
    IllegalMove,
    InvalidInput,
    LinkRefused,
    NotFound,
    Refused,
    TooMany,
)
from disclosure.web.language import chosen_language
from disclosure.web.problems import in_words

log = logging.getLogger(__name__)
STATUS: Mapping[type[DisclosureError], int] = {
    LinkRefused: 404,
    NotFound: 404,
    IllegalMove: 409,
    Conflict: 409,
    Refused: 409,
    InvalidInput: 422,
    TooMany: 429,
    CannotStore: 503,
}
_NEUTRAL = (N_("This page cannot be shown"), N_("The address is not known, no longer valid, or not for you."))
PAGES: Mapping[int, tuple[str, str]] = {
    400: (
        N_("This form is too old or was changed"),
        N_("Nothing was stored. Go back, load the page again and send the form once more."),
    ),
    403: (N_("This request did not come from our page"), N_("Nothing was stored. Open the page itself and try again.")),
    404: _NEUTRAL,
    405: _NEUTRAL,
    409: (N_("This is not possible now"), N_("Something changed in between, or the rules do not allow it.")),
    413: (
        N_("This is too large"),
        N_("Nothing was stored. Please send fewer or smaller pictures, or the text alone."),
    ),
    422: (N_("Something cannot be taken"), N_("Nothing was stored.")),
    429: (N_("Too many tries"), N_("Please wait a few minutes and try again. Nothing is lost.")),
    500: (
        N_("Something went wrong on our side"),
        N_("What was stored before is safe. Please try again in a few minutes."),
    ),
    503: (
        N_("The server cannot store anything at the moment"),
        N_(
            "Nothing of what you sent was stored. Keep your text and send it again later; "
            "what was stored before is safe."
        ),
    ),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(DisclosureError, _ours)
    app.register_error_handler(CSRFError, lambda _: page(400))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def page(status: int, kept: str = "") -> ResponseReturnValue:
    language = chosen_language()
    title, words = (translate(language, text) for text in PAGES.get(status, PAGES[500]))
    return render_template("errors/error.html", title=title, words=words, kept=kept), status


def _ours(error: Exception) -> ResponseReturnValue:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    kept = next(iter(in_words({"": error.reason}).values())) if isinstance(error, Refused) else ""
    if status >= 500:  # noqa: PLR2004
        log.error("request failed: %s %s", type(error).__name__, getattr(error, "why", ""))
    return page(status, kept)


def _http(error: Exception) -> ResponseReturnValue:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    code = error.code or 500
    if 300 <= code < 400:  # noqa: PLR2004
        return error.get_response()
    return page(code)


def _unknown(error: Exception) -> ResponseReturnValue:
    log.exception("request failed", exc_info=error)
    return page(500)
