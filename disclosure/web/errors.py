"""Errors, translated once: type → status and words. The unknown tells the visitor nothing (style rule 8)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge, SecurityError

from disclosure.casework.traces import trace
from disclosure.language import N_, translate
from disclosure.protocol.errors import (
    BrokenChain,
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
from disclosure.web import kept
from disclosure.web.language import chosen_language
from disclosure.web.problems import MOVED, in_words

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
    403: (N_("This request did not come from our page"), N_("Nothing was stored. Open the page itself and try again.")),
    404: _NEUTRAL,
    405: _NEUTRAL,
    409: (N_("This is not possible now"), MOVED),
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


_DAMAGED = (
    N_("This record is damaged"),
    N_(
        "What is stored here is no longer what was written. Nothing was changed just now. "
        "Whoever runs this server finds the place with the command “disclosure verify”."
    ),
)


def init_app(app: Flask) -> None:
    app.register_error_handler(DisclosureError, _ours)
    app.extensions["again"] = {}
    app.register_error_handler(CSRFError, lambda _: kept.page("stale_form", 400))
    app.register_error_handler(RequestEntityTooLarge, lambda _: kept.page("too_large_together", 413))
    app.register_error_handler(SecurityError, _unknown_host)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def page(status: int, refused: str = "", said: tuple[str, str] | None = None) -> ResponseReturnValue:
    """On a POST with the words that were typed; what another site sent is not shown as if it were."""
    language, otherwise = chosen_language(), _NEUTRAL if status < 500 else PAGES[500]  # noqa: PLR2004
    title, words = (translate(language, text) for text in said or PAGES.get(status, otherwise))
    typed = kept.typed() if request.method == "POST" and status != 403 else ()  # noqa: PLR2004
    return render_template("errors/error.html", title=title, words=words, kept=refused, typed=typed), status


def _ours(error: Exception) -> ResponseReturnValue:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    refused = in_words({"": error.reason})[""] if isinstance(error, Refused) else ""
    if status >= 500:  # noqa: PLR2004
        log.error("request failed: %s %s", type(error).__name__, getattr(error, "why", ""))
    return page(status, refused, _DAMAGED if isinstance(error, BrokenChain) else None)


def _http(error: Exception) -> ResponseReturnValue:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    code = error.code or 500
    if 300 <= code < 400:  # noqa: PLR2004
        return error.get_response()
    response = make_response(page(code))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # RFC 9110 15.5.6
    return response


def _unknown(error: Exception) -> ResponseReturnValue:
    """The way to the fault is logged, without its message: that may hold what somebody typed (R2)."""
    log.error("request failed at %s: %s", request.endpoint, trace(error))
    return page(500)


def _unknown_host(_: Exception) -> ResponseReturnValue:
    """Somebody else's host name in front of our server: not one of our pages, whose links could lead nowhere."""
    return Response("Not served here.\n", 400, mimetype="text/plain")
