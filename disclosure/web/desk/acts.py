"""One form and one POST for every plain act; what sends something has a page of its own (contacts.py, notices.py)."""

from __future__ import annotations

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import reporting, wholecase
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.countries import countries
from disclosure.web.desk import actsofcontact, actsoftime
from disclosure.web.desk.actforms import ActForm
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, hand, office
from disclosure.web.desk.typed import Typed
from disclosure.web.language import chosen_language

ACTS = {**actsofcontact.ACTS, **actsoftime.ACTS}


def _spec(act: str) -> ActForm:
    return ACTS.get(act) or abort(404)


def _page(case_id: str, act: str, form: object, problems: Problems, status: int = 200) -> ResponseReturnValue:
    """The form as it is or as it was typed, beside what the case is about."""
    language = chosen_language()
    case = wholecase.page(office(), case_id, coordinator_id(), language, now(), before=1)
    spec, form = _spec(act), form if form is not None else {**case.judged, **request.args}
    options = {field.name: field.options(case, language) for field in spec.fields if field.options}
    shown = {
        "case": case,
        "act": act,
        "spec": spec,
        "options": options,
        "form": form,
        "problems": problems,
        "countries": countries(language),
    }
    return render_template("desk/act.html", **shown), status


@blueprint.get("/cases/<case_id>/do/<act>")
@security.needs(Audience.COORDINATOR)
def act_form(case_id: str, act: str) -> ResponseReturnValue:
    """``?name=value`` fills a field in: a link on the case page names the task or the person already."""
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _page(case_id, act, None, {})


@blueprint.post("/cases/<case_id>/do/<act>")
@security.needs(Audience.COORDINATOR)
def do(case_id: str, act: str) -> ResponseReturnValue:
    spec = _spec(act)
    return answered(
        lambda: spec.do(hand(case_id), Typed(request.form)),
        lambda problems, status: _page(case_id, act, request.form, problems, status),
        spec.done,
        url_for(".case", case_id=case_id, _anchor=spec.anchor or None),
    )
