"""The case page, the evidence of its look-ups, and what unsticks it."""

from __future__ import annotations

from dataclasses import replace

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import clockwork, clues, previewing, probes, reporting, wholecase
from disclosure.language import N_
from disclosure.protocol.errors import InvalidInput, Refused
from disclosure.protocol.values import Audience, Severity
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.actforms import code_options
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, office
from disclosure.web.language import chosen_language
from disclosure.web.numbers import whole


def _before() -> int | None:
    """``?before=`` is the number of the oldest entry on the page before."""
    text = request.args.get("before", "")
    number = whole(text)
    if text and number is None:
        raise InvalidInput({"before": "not_a_page"})
    return number


def _page(case_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    case = wholecase.page(office(), case_id, coordinator_id(), chosen_language(), now(), before=_before())
    shown = {"case": case, "before": _before(), "problems": problems, "me": coordinator_id()}
    return render_template("desk/case.html", **shown), status


@blueprint.get("/cases/<case_id>")
@security.needs(Audience.COORDINATOR)
def case(case_id: str) -> ResponseReturnValue:
    return _page(case_id, {})


@blueprint.post("/cases/<case_id>/unstick")
@security.needs(Audience.COORDINATOR)
def unstick(case_id: str) -> ResponseReturnValue:
    return answered(
        lambda: clockwork.unstick(office(), case_id),
        lambda problems, status: _page(case_id, problems, status),
        N_("The server will try this case again with its next step."),
        url_for(".case", case_id=case_id),
    )


@blueprint.get("/cases/<case_id>/what-if")
@security.needs(Audience.COORDINATOR)
def what_if(case_id: str) -> ResponseReturnValue:
    """R37: the case as it would be. Nothing is stored; an answer that cannot be given says why."""
    reporting.seen(office(), coordinator_id(), case_id, now())
    case = wholecase.page(office(), case_id, coordinator_id(), chosen_language(), now(), before=1)
    asked = previewing.Asked(
        next((s for s in Severity if s == request.args.get("severity")), None),
        authority_at_once="at_once" in request.args,
        contact_bounces="bounces" in request.args,
    )
    shown = {"case": case, "asked": asked, "severities": code_options(Severity, chosen_language()), "refused": False}
    try:
        found = previewing.beside(office(), case_id, asked, chosen_language(), now())
    except Refused:
        found = previewing.beside(office(), case_id, replace(asked, contact_bounces=False), chosen_language(), now())
        shown["refused"] = True
    return render_template("desk/whatif.html", found=found, **shown)


@blueprint.get("/cases/<case_id>/lookups")
@security.needs(Audience.COORDINATOR)
def lookups(case_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    groups = probes.recorded(office(), case_id, chosen_language())
    beside = clues.of_case(office(), case_id, chosen_language())
    return render_template("desk/lookups.html", case_id=case_id, groups=groups, beside=beside)


@blueprint.get("/cases/<case_id>/lookups/<probe_id>")
@security.needs(Audience.COORDINATOR)
def lookup(case_id: str, probe_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    probe = probes.evidence(office(), case_id, probe_id, chosen_language())
    return render_template("desk/lookup.html", case_id=case_id, probe=probe)
