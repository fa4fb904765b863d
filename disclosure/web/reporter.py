"""The reporter's way back: the codename opens status, messages, withdrawal (R5, R11)."""

from __future__ import annotations

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import accounts, reporting
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
    office = current_app.extensions["office"]
    try:
        reporting.write(office, g.session_row.subject, request.form.get("text", ""), now())
    except SAID as error:
        held = reporting.page(office, g.session_row.subject)
        problems, status = said(error)
        return render_template("reporter/page.html", page=held, form=request.form, problems=problems), status
    return redirect(url_for(".page"))


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
