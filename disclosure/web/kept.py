"""What was typed is never lost: also where a form could not be looked at, it comes back.

A token that no longer fits, a session that ended, an upload that is too large: the report form comes back filled in,
any other page shows the words, to be copied. Secrets are never sent back, nor our own codes from lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from flask import current_app, render_template, request
from flask.sansio.app import App
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from disclosure.language import N_, translate
from disclosure.web.language import chosen_language

_SECRET = frozenset({"csrf_token", "token", "website", "password", "code", "codename", "certificate"})
_OUR_CODE = re.compile(r"[a-z0-9_]*|[A-Z]{2}|S[0-3]|NONE|[0-9A-F]{40,64}", re.ASCII)
# The words of a form come before its files; this is more than every field at its longest.
MAX_READ = 512_000
Again = Callable[[Mapping[str, str], str, int], ResponseReturnValue]

PAGES: Mapping[str, tuple[str, str]] = {
    "stale_form": (
        N_("This form is too old or was changed"),
        N_("Nothing was stored. Go back, load the page again and send the form once more."),
    ),
    "signed_out": (
        N_("You were signed out in the meantime"),
        N_("Nothing was stored. Come in again as you did before; what you typed stands below, to be copied."),
    ),
    "too_large_together": (
        N_("This is too large"),
        N_("Nothing was stored. Please send fewer or smaller pictures, or the text alone."),
    ),
}


def again(app: App, endpoint: str, form: Again) -> None:
    """The form that posts to ``endpoint`` can be shown again: ``form(typed, problem code, status)``."""
    app.extensions["again"][endpoint] = form


def page(problem: str, status: int) -> ResponseReturnValue:
    """The form again, or a page with the words that were typed into it."""
    form: Again | None = current_app.extensions["again"].get(request.endpoint)
    if form:
        return form(_sent(), problem, status)
    title, words = (translate(chosen_language(), text) for text in PAGES[problem])
    return render_template("errors/error.html", title=title, words=words, kept="", typed=typed()), status


def typed() -> tuple[str, ...]:
    """What a person wrote, without secrets and without codes that were chosen from a list."""
    sent = ((name, value.strip()) for name, value in _sent().items() if name not in _SECRET)
    return tuple(value for _, value in sent if not _OUR_CODE.fullmatch(value))


def _sent() -> Mapping[str, str]:
    try:
        return request.form
    except RequestEntityTooLarge:
        return _first_fields()


def _first_fields() -> Mapping[str, str]:
    """The fields that came before the first file of a body which is too large to be taken; read once, within a cap."""
    if "fields" not in request.environ:
        boundary = request.mimetype_params.get("boundary", "").encode("ascii", "ignore")
        whole = request.content_length or 0
        # Without a length the parser has read the body already; only programs send such forms.
        begin = request.environ["wsgi.input"].read(min(whole, MAX_READ)) if boundary and whole else b""
        request.environ["fields"] = _fields(boundary, begin)
    fields: Mapping[str, str] = request.environ["fields"]
    return fields


def _fields(boundary: bytes, begin: bytes) -> Mapping[str, str]:
    found, name, value = {}, "", b""
    for event in _events(boundary, begin):
        if isinstance(event, Field):
            name, value = event.name, b""
        elif isinstance(event, Data):
            value += event.data
            if not event.more_data:
                found[name] = value.decode("utf-8", "replace")
    return found


def _events(boundary: bytes, begin: bytes) -> Iterator[Event]:
    """Up to the first file, or to what is no form at all."""
    decoder = MultipartDecoder(boundary)
    decoder.receive_data(begin)
    with suppress(ValueError, AttributeError):  # what the decoder raises at a part that is none
        while not isinstance(event := decoder.next_event(), NeedData | File | Epilogue):
            yield event
