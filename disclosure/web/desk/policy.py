"""The rules of time as the desk sees them: every version that an open case runs under, each profile drawn (R33)."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from disclosure.casework import policypage
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import blueprint, office
from disclosure.web.language import chosen_language


@blueprint.get("/policy")
@security.needs(Audience.COORDINATOR)
def policy() -> ResponseReturnValue:
    """``?version=``: that one; the one in force by default."""
    view = policypage.page(office(), request.args.get("version", ""), chosen_language(), now())
    return render_template("desk/policy.html", policy=view)
