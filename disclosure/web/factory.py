"""The Flask application, put together from settings: the one place where everything is wired."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask, current_app, request, url_for
from flask_babel import Babel
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter, RequestRedirect

from disclosure import language as words
from disclosure.casework.office import Office, open_office
from disclosure.protocol.values import Language
from disclosure.settings import Settings, instance_folder, load
from disclosure.store import engines
from disclosure.store.tables import db
from disclosure.web import cookies, drawing, errors, identity, organisation, public, reporter, security
from disclosure.web.body import FormInMemory
from disclosure.web.clock import now
from disclosure.web.desk import blueprint as desk
from disclosure.web.language import chosen_language

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent


# Seconds. Whoever holds the write gate gives up the interpreter at each statement and waits for it again; with Python's
# 5 ms everybody behind the gate waits too: a tenth of the intake rate (docs/benchmarks.md).
SWITCH_INTERVAL = 0.001


def build(settings: Settings | None = None) -> Flask:
    sys.setswitchinterval(SWITCH_INTERVAL)
    settings = settings or load(instance_folder(os.environ), os.environ)
    app = Flask("disclosure", static_folder=str(HERE / "static"), template_folder=str(templates()))
    app.request_class = FormInMemory
    secure = settings.public_url.startswith("https://")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engines.options(settings.database_url),
        SESSION_COOKIE_NAME="__Host-form" if secure else "form",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=settings.uploads.max_request_bytes,
        MAX_FORM_MEMORY_SIZE=2_000_000,
        MAX_FORM_PARTS=200,
        TRUSTED_HOSTS=list(settings.trusted_hosts),
        BABEL_DEFAULT_LOCALE="en",
        BABEL_TRANSLATION_DIRECTORIES=str(PACKAGE / "translations"),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    db.init_app(app)
    with app.app_context():
        office = open_office(settings, db.engine)
    app.extensions["office"] = office
    app.secret_key = office.secrets.cookie_key
    _language(app)
    _templates(app, office)
    security.init_app(app)
    errors.init_app(app)
    identity.init_app(app, office)
    for blueprint in (public.bp, identity.bp, reporter.bp, organisation.bp, desk):
        app.register_blueprint(blueprint)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def templates() -> Path:
    """In a wheel beside the package's modules, in a checkout at the top (design.md section 5)."""
    packaged = PACKAGE / "templates"
    return packaged if packaged.is_dir() else PACKAGE.parent / "templates"


def _language(app: Flask) -> None:
    Babel(app, locale_selector=chosen_language)
    # The same catalogues, found at once: Flask-Babel's way to them costs a sixth of a long page (docs/benchmarks.md).
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: words.translations(chosen_language()).gettext(message),
        lambda one, many, count: words.translations(chosen_language()).ngettext(one, many, count),
        newstyle=True,
    )

    @app.after_request
    def keep_choice(response):  # type: ignore[no-untyped-def]
        if request.args.get("lang") in set(Language):
            cookies.put(response, "lang", request.args["lang"], seconds=31_536_000)
        return response


@cache
def _fingerprint(path: str) -> str:
    return hashlib.sha256((HERE / "static" / path).read_bytes()).hexdigest()[:12]


def asset(path: str) -> str:
    """The URL of a static file, changing with its content."""
    return url_for("static", filename=path, v=_fingerprint(path))


def url_for_language(language: str) -> str:
    """This page in another language; where it answers a POST, the nearest page above it that can be opened.

    What lists of the desk are asked for goes along; elsewhere a page may be shown to many (public.report).
    """
    more = request.args.to_dict() if request.blueprint == "desk" else {}
    return f"{_opened_by_get(request.path)}?{urlencode({**more, 'lang': language})}"


def _opened_by_get(path: str) -> str:
    adapter = current_app.create_url_adapter(request)
    while path and adapter and not _answers_get(adapter, path):
        path = path.rstrip("/").rpartition("/")[0]
    return path or "/"


def _answers_get(adapter: MapAdapter, path: str) -> bool:
    try:
        adapter.match(path, method="GET")
    except RequestRedirect:
        return True  # the same with a final slash
    except HTTPException:
        return False
    return True


def _templates(app: Flask, office: Office) -> None:
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.globals.update(
        asset=asset,
        url_for_language=url_for_language,
        chosen_language=chosen_language,
        operator=office.settings.operator,
        settings_trial=office.settings.trial,
        settings_demo=office.settings.demo,
        now=now,
    )
    env.globals.update(
        ladder_svg=lambda picture, **how: drawing.ladder_svg(
            picture, words=drawing.ladder_words(chosen_language()), **how
        ),
        ladder_table=lambda picture: drawing.ladder_table(picture, drawing.ladder_words(chosen_language())),
    )
    env.globals.pop("config", None)  # no template has a reason to see a secret
    env.filters.update(
        when=lambda instant: words.format_when(instant, chosen_language()),
        away=lambda instant: words.format_away(instant, now(), chosen_language()),
        day=lambda instant: words.format_day(instant, chosen_language()),
        hour=lambda instant: words.format_hour(instant, chosen_language()),
        runs=drawing.runs,
    )
