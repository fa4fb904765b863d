"""Incoming mail that waits for a person: shown as text, never as a page; acts are POSTs."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import incoming, reporting
from disclosure.language import N_
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, office
from disclosure.web.language import chosen_language


@blueprint.get("/incoming")
@security.needs(Audience.COORDINATOR)
def incoming_mails() -> ResponseReturnValue:
    aside = request.args.get("aside") == "1"
    rows = incoming.listing(office(), chosen_language(), aside=aside)
    return render_template("desk/incoming.html", rows=rows, aside=aside)


@blueprint.get("/incoming/<inbox_id>")
@security.needs(Audience.COORDINATOR)
def incoming_mail(inbox_id: str) -> ResponseReturnValue:
    return _page(inbox_id, {})


def _page(inbox_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    mail = incoming.one(office(), inbox_id, chosen_language())
    if mail.line.case_id:
        reporting.seen(office(), coordinator_id(), mail.line.case_id, now())
    return render_template("desk/incoming_mail.html", mail=mail, problems=problems, form=request.form), status


@blueprint.get("/incoming/<inbox_id>/bytes")
@security.needs(Audience.COORDINATOR)
def incoming_bytes(inbox_id: str) -> ResponseReturnValue:
    """What came, byte by byte, as a file: never shown as a page, whatever stands in it."""
    response = Response(incoming.content(office(), inbox_id), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{inbox_id}.eml"'
    return response


def _acted(inbox_id: str, act: Callable[[], object], done: str) -> ResponseReturnValue:
    return answered(
        act,
        lambda problems, status: _page(inbox_id, problems, status),
        done,
        url_for(".incoming_mails"),
    )


@blueprint.post("/incoming/<inbox_id>/put")
@security.needs(Audience.COORDINATOR)
def put_into_case(inbox_id: str) -> ResponseReturnValue:
    number = request.form.get("number", "")
    return _acted(
        inbox_id,
        lambda: incoming.put_into_case(office(), inbox_id, number, now()),
        N_("It is in the case, and changes nothing by itself."),
    )


@blueprint.post("/incoming/<inbox_id>/count")
@security.needs(Audience.COORDINATOR)
def count_bounce(inbox_id: str) -> ResponseReturnValue:
    return _acted(
        inbox_id,
        lambda: incoming.count_bounce(office(), inbox_id, coordinator_id(), now()),
        N_("Recorded: the mail came back."),
    )


@blueprint.post("/incoming/<inbox_id>/aside")
@security.needs(Audience.COORDINATOR)
def set_aside(inbox_id: str) -> ResponseReturnValue:
    return _acted(inbox_id, lambda: incoming.set_aside(office(), inbox_id), N_("Looked at; nothing follows."))


@blueprint.post("/incoming/<inbox_id>/again")
@security.needs(Audience.COORDINATOR)
def read_again(inbox_id: str) -> ResponseReturnValue:
    return _acted(
        inbox_id, lambda: incoming.read_again(office(), inbox_id), N_("It is read once more within a minute.")
    )
