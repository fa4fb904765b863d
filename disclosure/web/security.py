"""Headers, sessions, cross-site checks and rate limits: what every answer carries and every POST must pass."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import ParamSpec

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response as BaseResponse

from disclosure.casework import accounts
from disclosure.protocol.errors import TooMany
from disclosure.protocol.values import Audience
from disclosure.web import cookies, kept
from disclosure.web.clock import now

P = ParamSpec("P")
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; font-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_HEADERS = tuple(HEADERS.items())  # nothing sets them before: appending them spares looking for each
_SIGN_IN = {Audience.COORDINATOR: "desk.sign_in", Audience.REPORTER: "reporter.enter"}
csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    app.before_request(refuse_other_sites)  # before the form is read: what other sites send is not even parsed
    csrf.init_app(app)
    app.after_request(harden)
    app.extensions["limits"] = Limits()


def harden(response: Response) -> Response:
    response.headers.extend(_HEADERS)
    if request.endpoint == "static" and response.status_code in {200, 304}:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers["Cache-Control"] = "no-store"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    response.headers.pop("Server", None)
    return response


def refuse_other_sites() -> None:
    """A POST comes from a page of ours: browsers say where it comes from, and what they say must fit."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        abort(403)
    origin = request.headers.get("Origin")
    if origin and origin != "null" and origin.rstrip("/") != request.host_url.rstrip("/"):
        abort(403)


# --- sessions ---


def with_session(response: BaseResponse, audience: Audience, token: str) -> BaseResponse:
    """A cookie per audience."""
    cookies.put(response, audience, token)
    return response


def without_session(response: BaseResponse, audience: Audience) -> BaseResponse:
    accounts.sign_out(current_app.extensions["office"], cookies.taken(audience))
    cookies.drop(response, audience)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def needs(audience: Audience) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """The view runs only with a live session of this audience, which it finds as ``g.session_row``."""

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            token = cookies.taken(audience)
            held = accounts.read_session(current_app.extensions["office"], audience, token, now()) if token else None
            if held is None:
                return _elsewhere(audience)
            g.session_row = held
            return view(*args, **kwargs)

        return guarded

    return decorate


def _elsewhere(audience: Audience) -> ResponseReturnValue:
    """To the way in. A session may end while somebody writes: what was typed is shown, to be taken along."""
    endpoint = _SIGN_IN.get(audience)
    if request.method == "POST" and kept.typed():
        return kept.page("signed_out", 403)
    if endpoint is None:
        abort(404)  # the organisation's way in is the link in the mail
    return redirect(url_for(endpoint))


# --- rate limits, in memory only (R8) ---


class Limits:
    """Fixed windows per caller and per server. The caller is a keyed hash under a key that lives a day, in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key, self._day = secrets.token_bytes(32), ""
        self._counts: dict[tuple[str, str, int], int] = {}

    def over(self, what: str, at: datetime, *, most: int, window: timedelta, caller: str) -> bool:
        """Count this request; whether more than ``most`` came in this window."""
        with self._lock:
            self._turn(at)
            slot = int(at.timestamp() // window.total_seconds())
            who = hmac.new(self._key, caller.encode(), hashlib.sha256).hexdigest()
            key = (what, who, slot)
            self._counts[key] = self._counts.get(key, 0) + 1
            return self._counts[key] > most

    def _turn(self, at: datetime) -> None:
        day = at.date().isoformat()
        if day != self._day:
            self._key, self._day = secrets.token_bytes(32), day
            self._counts.clear()


def over(what: str, *, most: int, window: timedelta) -> bool:
    """This caller, and ten times as much for everybody together, where all callers look alike (Tor, a proxy)."""
    limits: Limits = current_app.extensions["limits"]
    at = now()
    everybody = limits.over(f"{what}/all", at, most=most * 10, window=window, caller="")
    return limits.over(what, at, most=most, window=window, caller=request.remote_addr or "") or everybody


def limit(what: str, *, most: int, window: timedelta) -> None:
    """Raises TooMany beyond the cap."""
    if over(what, most=most, window=window):
        raise TooMany(what, int(window.total_seconds()))


def limit_codenames() -> None:
    """Of wrong ones alone: many share an address (Tor, an office), and nobody may shut a reporter out with wrong words.
    Guessing the right one is hopeless at any rate (80 bits, R5)."""
    limit("codename", most=20, window=timedelta(hours=1))
