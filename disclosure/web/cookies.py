"""Cookies, all alike: this host only, no script, and over TLS the browser itself holds them to that (``__Host-``).

Over plain HTTP, which settings allow on this machine and for .onion alone, browsers refuse the prefix, and the names
stand without it.
"""

from __future__ import annotations

from flask import current_app, request
from werkzeug.wrappers import Response


def name_of(what: str) -> str:
    return f"__Host-{what}" if _secure() else what


def taken(what: str) -> str:
    """The cookie's value; empty when there is none."""
    return request.cookies.get(name_of(what), "")


def put(response: Response, what: str, value: str, *, seconds: int | None = None) -> None:
    """``seconds``: how long it is kept; None until the browser closes."""
    response.set_cookie(
        name_of(what), value, max_age=seconds, secure=_secure(), httponly=True, samesite="Lax", path="/"
    )


def drop(response: Response, what: str) -> None:
    """With the same attributes: a browser ignores a ``__Host-`` cookie, also an empty one, that lacks them."""
    response.delete_cookie(name_of(what), secure=_secure(), httponly=True, samesite="Lax", path="/")


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])
