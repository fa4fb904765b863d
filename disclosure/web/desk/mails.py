"""The mails of a case: where each stands, the exact bytes that left, and a second try for those that stand still."""

from __future__ import annotations

from flask import Response, render_template, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import casemails, deadletters, reporting
from disclosure.language import N_
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, office
from disclosure.web.language import chosen_language


@blueprint.get("/cases/<case_id>/mails")
@security.needs(Audience.COORDINATOR)
def case_mails(case_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    rows = casemails.listing(office(), case_id, chosen_language())
    return render_template("desk/mails.html", case_id=case_id, rows=rows)


def _page(case_id: str, mail_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    mail = casemails.one(office(), case_id, mail_id, chosen_language())
    return render_template("desk/mail.html", case_id=case_id, mail=mail, problems=problems), status


@blueprint.get("/cases/<case_id>/mails/<mail_id>")
@security.needs(Audience.COORDINATOR)
def mail(case_id: str, mail_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _page(case_id, mail_id, {})


@blueprint.get("/cases/<case_id>/mails/<mail_id>/bytes")
@security.needs(Audience.COORDINATOR)
def mail_bytes(case_id: str, mail_id: str) -> ResponseReturnValue:
    """What left, byte by byte, as a file: never shown as a page, whatever stands in it."""
    content = casemails.content(office(), case_id, mail_id)
    response = Response(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{mail_id}.eml"'
    return response


@blueprint.post("/cases/<case_id>/mails/<mail_id>/again")
@security.needs(Audience.COORDINATOR)
def resend(case_id: str, mail_id: str) -> ResponseReturnValue:
    """The same bytes and Message-ID once more."""
    return answered(
        lambda: deadletters.resend(office(), mail_id, coordinator_id(), now()),
        lambda problems, status: _page(case_id, mail_id, problems, status),
        N_("The same bytes are in the outbox again."),
        url_for(".case", case_id=case_id, _anchor="mails"),
    )
