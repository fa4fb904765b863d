"""The mails of a case: where each stands, and the exact bytes that left."""

from __future__ import annotations

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from disclosure.casework import casemails, reporting
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import blueprint, coordinator_id, office
from disclosure.web.language import chosen_language


@blueprint.get("/cases/<case_id>/mails")
@security.needs(Audience.COORDINATOR)
def case_mails(case_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    rows = casemails.listing(office(), case_id, chosen_language())
    return render_template("desk/mails.html", case_id=case_id, rows=rows)


@blueprint.get("/cases/<case_id>/mails/<mail_id>")
@security.needs(Audience.COORDINATOR)
def mail(case_id: str, mail_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    held = casemails.one(office(), case_id, mail_id, chosen_language())
    return render_template("desk/mail.html", case_id=case_id, mail=held)


@blueprint.get("/cases/<case_id>/mails/<mail_id>/bytes")
@security.needs(Audience.COORDINATOR)
def mail_bytes(case_id: str, mail_id: str) -> ResponseReturnValue:
    """What left, byte by byte, as a file: never shown as a page, whatever stands in it."""
    content = casemails.content(office(), case_id, mail_id)
    response = Response(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{mail_id}.eml"'
    return response
