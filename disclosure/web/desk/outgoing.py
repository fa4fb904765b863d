"""Mails that stand still: what the relay said, what was kept, and a person's two acts, both by POST."""

from __future__ import annotations

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import deadletters, maintenance, outgoing, reporting
from disclosure.language import N_
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, after, answered, blueprint, coordinator_id, office
from disclosure.web.language import chosen_language


@blueprint.get("/mails")
@security.needs(Audience.COORDINATOR)
def standing_mails() -> ResponseReturnValue:
    held = outgoing.page(office(), chosen_language(), after())
    still = maintenance.standing(office(), now())
    return render_template("desk/outgoing.html", outgoing=held, still=still)


@blueprint.get("/mails/<mail_id>")
@security.needs(Audience.COORDINATOR)
def letter(mail_id: str) -> ResponseReturnValue:
    return _page(mail_id, {})


def _page(mail_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    held = outgoing.one(office(), mail_id, chosen_language())
    if held.case_id:
        reporting.seen(office(), coordinator_id(), held.case_id, now())
    return render_template("desk/letter.html", letter=held, problems=problems), status


@blueprint.post("/mails/<mail_id>/again")
@security.needs(Audience.COORDINATOR)
def resend(mail_id: str) -> ResponseReturnValue:
    return answered(
        lambda: deadletters.resend(office(), mail_id, coordinator_id(), now()),
        lambda problems, status: _page(mail_id, problems, status),
        N_("It is in the outbox again."),
        url_for(".standing_mails"),
    )


@blueprint.post("/mails/<mail_id>/cancel")
@security.needs(Audience.COORDINATOR)
def cancel(mail_id: str) -> ResponseReturnValue:
    return answered(
        lambda: deadletters.cancel(office(), mail_id, coordinator_id(), now()),
        lambda problems, status: _page(mail_id, problems, status),
        N_("It is cancelled and does not go again."),
        url_for(".standing_mails"),
    )
