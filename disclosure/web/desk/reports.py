"""One report: what the reporter wrote, as plain text; read, accepted, linked, declined, answered."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import coordination, finding, reporting, reportpage
from disclosure.casework.coordination import OpenCase
from disclosure.language import N_
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import AlertKind, Answer, Audience, Role, Sector, Severity
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.countries import countries
from disclosure.web.desk.actforms import JUDGED, code_options
from disclosure.web.desk.deeds import assessment
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, hand, office
from disclosure.web.desk.typed import Typed
from disclosure.web.language import chosen_language
from disclosure.web.numbers import whole

_CODES: dict[str, type[StrEnum]] = {
    "role": Role,
    "kind": AlertKind,
    "severity": Severity,
    "personal_data": Answer,
    "sector": Sector,
    "host_compromised": Answer,
}


def _page(report_id: str, template: str, form: object, problems: Problems, status: int = 200) -> ResponseReturnValue:
    language = chosen_language()
    report = reportpage.page(office(), report_id, coordinator_id(), language, now())
    options = {name: code_options(kind, language) for name, kind in _CODES.items()}
    shown = {
        "report": report,
        "form": form,
        "problems": problems,
        "judged": JUDGED,
        "options": options,
        "countries": countries(language),
    }
    return render_template(f"desk/{template}.html", **shown), status


def _answered(report_id: str, act: Callable[[], object], done: str, template: str = "report") -> ResponseReturnValue:
    return answered(
        act,
        lambda problems, status: _page(report_id, template, request.form, problems, status),
        done,
        url_for(".report", report_id=report_id),
    )


@blueprint.get("/reports/<report_id>")
@security.needs(Audience.COORDINATOR)
def report(report_id: str) -> ResponseReturnValue:
    return _page(report_id, "report", {}, {})


@blueprint.get("/reports/<report_id>/pictures/<picture_id>")
@security.needs(Audience.COORDINATOR)
def picture(report_id: str, picture_id: str) -> ResponseReturnValue:
    """Our own cleaned copy, with the headers that every answer carries: no type guessed, nothing run or kept."""
    media_type, content = reporting.picture(office(), report_id, picture_id)
    response = Response(content, content_type=media_type)
    response.headers["Content-Disposition"] = "inline"
    return response


@blueprint.post("/reports/<report_id>/read")
@security.needs(Audience.COORDINATOR)
def mark_read(report_id: str) -> ResponseReturnValue:
    done = N_("Marked as read. The reporter sees that it was read.")
    return _answered(report_id, lambda: reporting.mark_read(office(), report_id, coordinator_id(), now()), done)


@blueprint.post("/reports/<report_id>/answer")
@security.needs(Audience.COORDINATOR)
def answer(report_id: str) -> ResponseReturnValue:
    text, done = request.form.get("text", ""), N_("Your message stands on the reporter's page.")
    return _answered(report_id, lambda: reporting.answer(office(), report_id, text, coordinator_id(), now()), done)


@blueprint.post("/reports/<report_id>/decline")
@security.needs(Audience.COORDINATOR)
def decline(report_id: str) -> ResponseReturnValue:
    reason, done = request.form.get("reason", ""), N_("The report is declined. The reporter reads the reason.")
    return _answered(report_id, lambda: reporting.decline(office(), report_id, reason, coordinator_id(), now()), done)


@blueprint.post("/reports/<report_id>/link")
@security.needs(Audience.COORDINATOR)
def link(report_id: str) -> ResponseReturnValue:
    done = N_("The report is linked to the case. No domain and no contact came into the case with it.")
    return _answered(report_id, lambda: _link(report_id, Typed(request.form)), done)


def _link(report_id: str, typed: Typed) -> None:
    number = typed.text("number", required=True)
    typed.check()
    case = next((found for found in finding.find(office(), number) if found.kind == "case"), None)
    if case is None:
        raise InvalidInput({"number": "unknown_case"})
    coordination.link_report(hand(case.id), report_id)


@blueprint.get("/reports/<report_id>/accept")
@security.needs(Audience.COORDINATOR)
def accept(report_id: str) -> ResponseReturnValue:
    """The form begins with what the reporter chose; the coordinator judges."""
    return _page(report_id, "accept", None, {})


@blueprint.post("/reports/<report_id>/accept")
@security.needs(Audience.COORDINATOR)
def accepted(report_id: str) -> ResponseReturnValue:
    opened: list[str] = []
    shown = answered(
        lambda: opened.append(_open(report_id, Typed(request.form))),
        lambda problems, status: _page(report_id, "accept", request.form, problems, status),
        N_("The case is open. Tie the organisation's domain to it next."),
        url_for(".report", report_id=report_id),
    )
    return redirect(url_for(".case", case_id=opened[0]), 303) if opened else shown


def _open(report_id: str, typed: Typed) -> str:
    command = OpenCase(
        (report_id,),
        typed.text("organisation", required=True),
        typed.words("address"),
        typed.code("role", Role),
        assessment(typed),
        whole(typed.text("known")) or 0,
    )
    typed.check()
    return coordination.open_case(office(), command, coordinator_id(), now())
