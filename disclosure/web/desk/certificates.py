"""The certificates of a contact: what the judge says, "use this one", "look again", one entered by hand (R18)."""

from __future__ import annotations

from collections.abc import Mapping

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import certificatepage, certsearching, reporting
from disclosure.language import N_
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, hand, office
from disclosure.web.language import chosen_language


def _page(
    case_id: str, contact_id: str, problems: Problems, status: int = 200, form: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    """What was pasted never comes back: it may have been a private key."""
    held = certificatepage.page(office(), case_id, contact_id, coordinator_id(), chosen_language(), now())
    return render_template("desk/certificates.html", page=held, problems=problems, form=form or {}), status


def _here(case_id: str, contact_id: str) -> str:
    return url_for(".certificates", case_id=case_id, contact_id=contact_id)


@blueprint.get("/cases/<case_id>/contacts/<contact_id>/certificates")
@security.needs(Audience.COORDINATOR)
def certificates(case_id: str, contact_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _page(case_id, contact_id, {})


@blueprint.post("/cases/<case_id>/contacts/<contact_id>/certificates/look")
@security.needs(Audience.COORDINATOR)
def look_for_certificates(case_id: str, contact_id: str) -> ResponseReturnValue:
    return answered(
        lambda: certsearching.start(hand(case_id), contact_id),
        lambda problems, status: _page(case_id, contact_id, problems, status),
        N_("The search is in the queue. Its result appears here within minutes."),
        _here(case_id, contact_id),
    )


@blueprint.post("/cases/<case_id>/contacts/<contact_id>/certificates/use")
@security.needs(Audience.COORDINATOR)
def use_certificate(case_id: str, contact_id: str) -> ResponseReturnValue:
    certificate_id = request.form.get("certificate_id", "")
    return answered(
        lambda: certificatepage.choose(hand(case_id), contact_id, certificate_id),
        lambda problems, status: _page(case_id, contact_id, problems, status),
        N_("Kept. It holds for the mails that are composed from now on."),
        _here(case_id, contact_id),
    )


@blueprint.post("/cases/<case_id>/contacts/<contact_id>/certificates")
@security.needs(Audience.COORDINATOR)
def enter_certificate(case_id: str, contact_id: str) -> ResponseReturnValue:
    pasted, source = request.form.get("certificate", ""), request.form.get("source", "")
    return answered(
        lambda: certificatepage.enter(hand(case_id), contact_id, pasted.encode(), source),
        lambda problems, status: _page(case_id, contact_id, problems, status, {"source": source}),
        N_("Kept. It holds for the mails that are composed from now on."),
        _here(case_id, contact_id),
    )
