"""Pages for anyone: what this is, the report form, checking a mail of ours, our rules, our key."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from disclosure.casework import accounts, organisations, policypage, readiness, reporting, words
from disclosure.casework.organisations import parse_domain
from disclosure.protocol.errors import CannotStore, InvalidInput, NotFound, Refused
from disclosure.protocol.values import AlertKind, Answer, Audience, Sector, Severity
from disclosure.web import intake, prepared, security
from disclosure.web import kept as kept_words
from disclosure.web.clock import now
from disclosure.web.countries import countries
from disclosure.web.language import chosen_language
from disclosure.web.problems import in_words

bp = Blueprint("public", __name__)
log = logging.getLogger(__name__)
HOUR = timedelta(hours=1)
REPORTS_PER_HOUR = 5  # per source; beyond it reports are taken as text (R8)


@bp.get("/")
def home() -> ResponseReturnValue:
    return render_template("public/home.html")


@bp.get("/healthz")
def health() -> ResponseReturnValue:
    """The process lives; it asks nobody else, so that a broken database does not have it restarted."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """Whether requests should come here: one word, with 503 unless it is ``ready``."""
    office = current_app.extensions["office"]
    found = readiness.look(office.store.engine, office.settings.instance)
    status = 200 if found is readiness.Readiness.READY else 503
    return Response(f"{found}\n", status, mimetype="text/plain")


# --- the report form ---


@bp.get("/report")
def report() -> ResponseReturnValue:
    """Rendered once per language; only the two tokens are filled in."""
    token = {"form-token": secrets.token_urlsafe(16)}
    page = prepared.page("report", lambda words: _rendered({}, {}, generate_csrf(), words["form-token"]), token)
    return Response(page, mimetype="text/html")


def _rendered(form: object, problems: dict[str, str], csrf_value: str, token: str) -> str:
    language = chosen_language()
    return render_template(
        "public/report.html",
        form=form,
        problems=problems,
        csrf_value=csrf_value,
        token=token,
        kinds=_options(AlertKind),
        severities=_options(Severity),
        answers=_options(Answer),
        sectors=_options(Sector),
        countries=countries(language),
        consent=intake.CONSENT[language],
        uploads=current_app.extensions["office"].settings.uploads,
    )


def _options(kind: type[AlertKind] | type[Severity] | type[Answer] | type[Sector]) -> list[tuple[str, str]]:
    return [(member.value, words.word(member, chosen_language())) for member in kind]


@bp.post("/report")
def send_report() -> ResponseReturnValue:
    office, form = current_app.extensions["office"], request.form
    if form.get("website"):  # the honeypot: no person sees this field
        return redirect(url_for(".home"))
    text_only = security.over("report", most=REPORTS_PER_HOUR, window=HOUR)
    try:
        files = request.files.getlist("pictures")
        parsed = intake.parse(form, files, office, chosen_language(), text_only=text_only)
        receipt = reporting.submit(office, parsed, now())
    except InvalidInput as error:
        return _sent_before(form.get("token", "")) or _again(form, error.problems, 422)
    except Refused as error:
        return _again(form, {"": error.reason}, 409)
    except CannotStore as error:
        log.error("report not stored: %s", error.why)
        return _again(form, {"": "cannot_store"}, 503)
    return _receipt(receipt)


def _receipt(
    receipt: reporting.Receipt, problems: Mapping[str, str] = MappingProxyType({}), status: int = 200
) -> ResponseReturnValue:
    """Rendered once per language, like the form; reference and codename are filled in."""
    if problems:
        return render_template("public/receipt.html", receipt=receipt, problems=in_words(problems)), status
    words = {f"word-{place}": word for place, word in enumerate(receipt.codename.split())}

    def render(said: Mapping[str, str]) -> str:
        shown = reporting.Receipt(said["reference"], " ".join(said[place] for place in words))
        return render_template("public/receipt.html", receipt=shown, problems={})

    return prepared.page("receipt", render, {"reference": receipt.reference, **words}), status


def _sent_before(token: str) -> ResponseReturnValue | None:
    """The second of two clicks may meet the cap that the first one reached; its report is stored all the same."""
    try:
        return _receipt(reporting.again(current_app.extensions["office"], token, now()))
    except (NotFound, Refused):
        return None


def _again(form: Mapping[str, str], problems: Mapping[str, str], status: int) -> ResponseReturnValue:
    """Everything that was typed; the same token, so that what was stored is not stored twice."""
    token = form.get("token", "")
    fresh = token if len(token) >= intake.TOKEN_LENGTH else secrets.token_urlsafe(16)
    return _rendered(form, in_words(problems), generate_csrf(), fresh), status


def _not_looked_at(form: Mapping[str, str], problem: str, status: int) -> ResponseReturnValue:
    return _again(form, {"pictures" if status == 413 else "": problem}, status)  # noqa: PLR2004


bp.record(lambda state: kept_words.again(state.app, "public.send_report", _not_looked_at))


@bp.post("/report/kept")
def kept() -> ResponseReturnValue:
    """ "I have kept it" is forced: only then the reporter's page opens (R5)."""
    office = current_app.extensions["office"]
    codename, reference = request.form.get("codename", ""), request.form.get("reference", "")
    if request.form.get("kept") != "yes":
        return _receipt(reporting.Receipt(reference, codename), {"kept": "must_confirm"}, 422)
    try:
        report_id = reporting.enter(office, codename)
    except NotFound:
        security.limit_codenames()
        raise
    idle = office.settings.sessions.reporter_idle
    session = accounts.open_session(
        office, Audience.REPORTER, report_id, now(), stream_id=report_id, idle=idle, longest=idle * 8
    )
    return security.with_session(redirect(url_for("reporter.page")), Audience.REPORTER, session)


@bp.get("/report/elsewhere")
def anssi_only() -> ResponseReturnValue:
    """R4: tell ANSSI yourself; nothing is submitted, stored or counted by us."""
    return render_template("public/elsewhere.html")


# --- checking us ---


@bp.get("/check")
def check() -> ResponseReturnValue:
    return render_template("public/check.html", form={}, problems={}, asked=False, written_at=None)


@bp.post("/check")
def check_number() -> ResponseReturnValue:
    security.limit("check", most=20, window=HOUR)
    form = request.form
    try:
        domain = parse_domain(form.get("domain", ""))
    except InvalidInput as error:
        problems = in_words({"domain": next(iter(error.problems.values()))})
        return render_template("public/check.html", form=form, problems=problems, asked=False, written_at=None), 422
    at = organisations.check_number(current_app.extensions["office"], form.get("number", ""), domain)
    return render_template("public/check.html", form=form, problems={}, asked=True, written_at=at)


@bp.get("/rules")
def rules() -> ResponseReturnValue:
    policy = current_app.extensions["office"].policy.current
    return render_template("public/rules.html", policy=policy, marks=policypage.marks(policy, chosen_language()))
