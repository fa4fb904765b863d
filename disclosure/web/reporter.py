"""The reporter's way back: the codename opens status, messages, withdrawal (R5, R11)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import accounts, reporteraddress, reporting
from disclosure.casework.office import Office
from disclosure.protocol.errors import NotFound
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.problems import SAID, said

bp = Blueprint("reporter", __name__, url_prefix="/mine")


@bp.get("/")
def enter() -> ResponseReturnValue:
    return render_template("reporter/enter.html", wrong=False)


@bp.post("/")
def entered() -> ResponseReturnValue:
    office = current_app.extensions["office"]
    try:
        report_id = reporting.enter(office, request.form.get("codename", ""))
    except NotFound:
        security.limit_codenames()
        return render_template("reporter/enter.html", wrong=True), 422
    idle = office.settings.sessions.reporter_idle
    session = accounts.open_session(
        office, Audience.REPORTER, report_id, now(), stream_id=report_id, idle=idle, longest=idle * 8
    )
    return security.with_session(redirect(url_for(".page")), Audience.REPORTER, session)


@bp.get("/report")
@security.needs(Audience.REPORTER)
def page() -> ResponseReturnValue:
    held = reporting.page(current_app.extensions["office"], g.session_row.subject)
    return render_template("reporter/page.html", page=held, form={}, problems={})


@bp.post("/message")
@security.needs(Audience.REPORTER)
def message() -> ResponseReturnValue:
    return _done(lambda office, report_id: reporting.write(office, report_id, _typed("text"), now()))


def _done(act: Callable[[Office, str], None]) -> ResponseReturnValue:
    """Back to the page, or the page with what is wrong and what was typed."""
    office, report_id = current_app.extensions["office"], g.session_row.subject
    try:
        act(office, report_id)
    except SAID as error:
        held = reporting.page(office, report_id)
        problems, status = said(error)
        return render_template("reporter/page.html", page=held, form=request.form, problems=problems), status
    return redirect(url_for(".page"))


@bp.post("/address")
@security.needs(Audience.REPORTER)
def address() -> ResponseReturnValue:
    return _done(lambda office, report_id: reporteraddress.name(office, report_id, _typed("address"), now()))


@bp.post("/address/code")
@security.needs(Audience.REPORTER)
def code() -> ResponseReturnValue:
    return _done(lambda office, report_id: reporteraddress.confirm(office, report_id, _typed("code"), now()))


@bp.post("/address/removal")
@security.needs(Audience.REPORTER)
def no_address() -> ResponseReturnValue:
    return _done(reporteraddress.forget)


def _typed(name: str) -> str:
    return request.form.get(name, "")


@bp.post("/withdrawal")
@security.needs(Audience.REPORTER)
def withdraw() -> ResponseReturnValue:
    if request.form.get("sure") != "yes":
        return redirect(url_for(".page"))
    reporting.withdraw(current_app.extensions["office"], g.session_row.subject, now())
    return redirect(url_for(".page"))


@bp.post("/leave")
@security.needs(Audience.REPORTER)
def leave() -> ResponseReturnValue:
    return security.without_session(redirect(url_for("public.home")), Audience.REPORTER)
