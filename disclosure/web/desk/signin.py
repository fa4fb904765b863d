"""Signing in and out: login, password and the code of the moment in one form."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import accounts
from disclosure.language import N_
from disclosure.protocol.errors import Refused, TooMany
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, blueprint, office
from disclosure.web.desk.refusals import say
from disclosure.web.problems import said

_WRONG = N_("Login, password and code do not go together, or the code was used already. Wait for the next code.")


def _page(problems: Problems, status: int = 200) -> ResponseReturnValue:
    """The password is never sent back into the page."""
    return render_template("desk/signin.html", login=request.form.get("login", ""), problems=problems), status


@blueprint.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    return _page({})


@blueprint.post("/sign-in")
def signed_in() -> ResponseReturnValue:
    form = request.form
    try:
        session = accounts.sign_in(
            office(), form.get("login", ""), form.get("password", ""), form.get("code", ""), now()
        )
    except Refused:
        return _page({"": say(_WRONG)}, 422)
    except TooMany as error:
        return _page(*said(error))
    return security.with_session(redirect(url_for(".inbox"), 303), Audience.COORDINATOR, session)


@blueprint.post("/sign-out")
@security.needs(Audience.COORDINATOR)
def sign_out() -> ResponseReturnValue:
    return security.without_session(redirect(url_for(".sign_in"), 303), Audience.COORDINATOR)
