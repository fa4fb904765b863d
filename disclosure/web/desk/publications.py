"""The heads-up before publication (R46): its date, exactly what leaves, and to whom. Publishing itself is an act."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import leaving, publishing, reporting
from disclosure.language import N_
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, hand, office
from disclosure.web.desk.typed import Typed
from disclosure.web.language import chosen_language
from disclosure.web.numbers import whole

DAYS = 7  # ours: a working week in which somebody can speak against it; the rule asks for one day
MOST_DAYS = 365


def _page(case_id: str, days: int, problems: Problems, status: int = 200) -> ResponseReturnValue:
    held = leaving.publication(office(), case_id, coordinator_id(), chosen_language(), now(), days)
    return render_template("desk/announce.html", leaving=held, problems=problems), status


@blueprint.get("/cases/<case_id>/publication")
@security.needs(Audience.COORDINATOR)
def publication(case_id: str) -> ResponseReturnValue:
    """``?days=`` shows the mail with another date."""
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _page(case_id, _days(request.args.get("days", "")), {})


def _days(text: str) -> int:
    days = whole(text)
    return days if days and days <= MOST_DAYS else DAYS


@blueprint.post("/cases/<case_id>/publication")
@security.needs(Audience.COORDINATOR)
def announce(case_id: str) -> ResponseReturnValue:
    return answered(
        lambda: _announce(case_id),
        lambda problems, status: _page(case_id, _days(request.form.get("days", "")), problems, status),
        N_("Announced. It can be published from that date on."),
        url_for(".case", case_id=case_id, _anchor="mails"),
    )


def _announce(case_id: str) -> None:
    typed, acting = Typed(request.form), hand(case_id)
    days = typed.number("days")
    typed.check()
    publishing.announce(acting, acting.now + timedelta(days=days))
