"""Approvals: what waits for a second coordinator, looked at as it would leave, given or refused (R12)."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import approvalpage, approvals, reporting
from disclosure.language import N_
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, after, answered, blueprint, coordinator_id, hand, office
from disclosure.web.desk.typed import Typed
from disclosure.web.language import chosen_language


@blueprint.get("/approvals", endpoint="approvals")
@security.needs(Audience.COORDINATOR)
def waiting() -> ResponseReturnValue:
    page = approvalpage.waiting(office(), coordinator_id(), chosen_language(), now(), after())
    return render_template("desk/list.html", kind="approvals", page=page)


def _page(case_id: str, approval_id: str, form: object, problems: Problems, status: int = 200) -> ResponseReturnValue:
    held = approvalpage.page(office(), case_id, approval_id, coordinator_id(), chosen_language(), now())
    return render_template("desk/approval.html", asked=held, form=form, problems=problems), status


@blueprint.get("/cases/<case_id>/approvals/<approval_id>")
@security.needs(Audience.COORDINATOR)
def approval(case_id: str, approval_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _page(case_id, approval_id, {}, {})


@blueprint.post("/cases/<case_id>/approvals/<approval_id>/give")
@security.needs(Audience.COORDINATOR)
def give_approval(case_id: str, approval_id: str) -> ResponseReturnValue:
    return answered(
        lambda: approvals.approve(hand(case_id), approval_id),
        lambda problems, status: _page(case_id, approval_id, request.form, problems, status),
        N_("Approved. With enough voices it can be done; a referral then leaves by itself."),
        url_for(".case", case_id=case_id),
    )


@blueprint.post("/cases/<case_id>/approvals/<approval_id>/refuse")
@security.needs(Audience.COORDINATOR)
def refuse_approval(case_id: str, approval_id: str) -> ResponseReturnValue:
    return answered(
        lambda: _refuse(case_id, approval_id),
        lambda problems, status: _page(case_id, approval_id, request.form, problems, status),
        N_("Refused, with your reason. Nothing leaves by this approval."),
        url_for(".case", case_id=case_id),
    )


def _refuse(case_id: str, approval_id: str) -> None:
    typed = Typed(request.form)
    reason = typed.words("reason", required=True)
    typed.check()
    approvals.refuse(hand(case_id), approval_id, reason)
