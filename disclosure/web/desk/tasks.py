"""One task: its page, its text as a file, and who takes it."""

from __future__ import annotations

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import coordination, reporting, taskpage, unreachable
from disclosure.language import N_
from disclosure.protocol.errors import NotFound
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, hand, office
from disclosure.web.language import chosen_language


def _held(case_id: str, task_id: str) -> taskpage.TaskPage:
    reporting.seen(office(), coordinator_id(), case_id, now())
    return taskpage.page(office(), case_id, task_id, chosen_language(), now())


def _page(case_id: str, task_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    held = _held(case_id, task_id)
    return render_template("desk/task.html", task=held, me=coordinator_id(), problems=problems), status


@blueprint.get("/cases/<case_id>/tasks/<task_id>")
@security.needs(Audience.COORDINATOR)
def task(case_id: str, task_id: str) -> ResponseReturnValue:
    return _page(case_id, task_id, {})


@blueprint.get("/cases/<case_id>/tasks/<task_id>/text")
@security.needs(Audience.COORDINATOR)
def task_text(case_id: str, task_id: str) -> ResponseReturnValue:
    """Exactly what stands on the page, as a file."""
    held = _held(case_id, task_id)
    if not held.text:
        raise NotFound("text")
    response = Response(held.text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{held.file_name}"'
    return response


@blueprint.post("/cases/<case_id>/tasks/<task_id>/take")
@security.needs(Audience.COORDINATOR)
def take_task(case_id: str, task_id: str) -> ResponseReturnValue:
    return answered(
        lambda: coordination.take_task(hand(case_id), task_id, request.form.get("owner", "")),
        lambda problems, status: _page(case_id, task_id, problems, status),
        N_("The task is yours."),
        url_for(".task", case_id=case_id, task_id=task_id),
    )


@blueprint.post("/cases/<case_id>/tasks/<task_id>/authority")
@security.needs(Audience.COORDINATOR)
def name_authority(case_id: str, task_id: str) -> ResponseReturnValue:
    return answered(
        lambda: unreachable.refer(hand(case_id), task_id, request.form.get("authority", "")),
        lambda problems, status: _page(case_id, task_id, problems, status),
        N_("The dossier is sealed for this authority, or a second coordinator is asked where the policy wants two."),
        url_for(".task", case_id=case_id, task_id=task_id),
    )
