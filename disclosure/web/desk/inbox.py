"""What waits for a coordinator: the desk itself, and the lists behind it."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import approvalpage, finding, maintenance, outgoing, overview
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import after, blueprint, coordinator_id, office
from disclosure.web.language import chosen_language


@blueprint.get("/")
@security.needs(Audience.COORDINATOR)
def inbox() -> ResponseReturnValue:
    held = overview.inbox(office(), chosen_language(), now(), after())
    asked = approvalpage.waiting(office(), coordinator_id(), chosen_language(), now(), most=overview.GLANCE)
    relay = outgoing.trouble(office(), chosen_language())
    still = maintenance.standing(office(), now())
    return render_template("desk/inbox.html", inbox=held, asked=asked, relay=relay, still=still, after=after())


@blueprint.get("/reports")
@security.needs(Audience.COORDINATOR)
def reports() -> ResponseReturnValue:
    page = overview.waiting_reports(office(), chosen_language(), after())
    return render_template("desk/list.html", kind="reports", page=page)


@blueprint.get("/reports/undecided")
@security.needs(Audience.COORDINATOR)
def undecided() -> ResponseReturnValue:
    page = overview.read_reports(office(), chosen_language(), after())
    return render_template("desk/list.html", kind="undecided", page=page)


@blueprint.get("/tasks")
@security.needs(Audience.COORDINATOR)
def tasks() -> ResponseReturnValue:
    page = overview.open_tasks(office(), chosen_language(), now(), after())
    return render_template("desk/list.html", kind="tasks", page=page)


@blueprint.get("/closed")
@security.needs(Audience.COORDINATOR)
def closed() -> ResponseReturnValue:
    page = overview.closed_cases(office(), chosen_language(), now(), after())
    return render_template("desk/list.html", kind="closed", page=page)


@blueprint.get("/find")
@security.needs(Audience.COORDINATOR)
def find() -> ResponseReturnValue:
    """One hit is shown at once."""
    wanted = request.args.get("what", "")
    found = finding.find(office(), wanted)
    if len(found) == 1:
        return redirect(_page_of(found[0]))
    return render_template("desk/find.html", wanted=wanted, found=found)


def _page_of(found: finding.Found) -> str:
    if found.kind == "case":
        return url_for(".case", case_id=found.id)
    return url_for(".report", report_id=found.id)
