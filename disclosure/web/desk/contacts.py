"""In which order contacts are written to and called, and the release of the first mail (R16, R17, R19)."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import coordination, forwarding, leaving, reporting, wholecase
from disclosure.language import N_
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, hand, office
from disclosure.web.language import chosen_language
from disclosure.web.numbers import whole


def _places(case: wholecase.WholeCase, form: object) -> dict[str, str]:
    """Contact → place, as typed or as it is now; before anything was chosen, the ranking proposes it."""
    usable = [row for row in case.contacts.all if row.usable]
    if form is not None:
        return {row.id: request.form.get(f"place-{row.id}", "") for row in usable}
    if any(row.place for row in usable):
        return {row.id: str(row.place or "") for row in usable}
    proposed = [row for row in usable if row not in case.contacts.review]
    order = {row.id: str(place) for place, row in enumerate(proposed, 1)}
    return {row.id: order.get(row.id, "") for row in usable}


def _order_page(case_id: str, form: object, problems: Problems, status: int = 200) -> ResponseReturnValue:
    case = wholecase.page(office(), case_id, coordinator_id(), chosen_language(), now(), before=1)
    return render_template("desk/order.html", case=case, places=_places(case, form), problems=problems), status


@blueprint.get("/cases/<case_id>/order")
@security.needs(Audience.COORDINATOR)
def order(case_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _order_page(case_id, None, {})


@blueprint.post("/cases/<case_id>/order")
@security.needs(Audience.COORDINATOR)
def choose_order(case_id: str) -> ResponseReturnValue:
    """A number for each contact that is to be used; an empty field leaves the contact out."""
    return answered(
        lambda: coordination.choose_contacts(hand(case_id), _chosen()),
        lambda problems, status: _order_page(case_id, request.form, problems, status),
        N_("The order is kept. Nothing has left by this."),
        url_for(".case", case_id=case_id, _anchor="contacts"),
    )


def _chosen() -> list[str]:
    start = "place-"
    typed = [(whole(text), name.removeprefix(start)) for name, text in request.form.items() if name.startswith(start)]
    placed = [(place, contact_id) for place, contact_id in typed if place is not None]
    return [contact_id for _, contact_id in sorted(placed)]


# --- the contact request ---


def _request_page(case_id: str, contact_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    held = leaving.request(office(), case_id, contact_id, coordinator_id(), chosen_language(), now())
    return render_template("desk/request.html", leaving=held, problems=problems), status


@blueprint.get("/cases/<case_id>/request/<contact_id>")
@security.needs(Audience.COORDINATOR)
def contact_request(case_id: str, contact_id: str) -> ResponseReturnValue:
    """Exactly what leaves, to whom, in which language, signed by which key, before the button."""
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _request_page(case_id, contact_id, {})


@blueprint.post("/cases/<case_id>/request/<contact_id>")
@security.needs(Audience.COORDINATOR)
def release_request(case_id: str, contact_id: str) -> ResponseReturnValue:
    return answered(
        lambda: coordination.release_first_contact(hand(case_id), contact_id),
        lambda problems, status: _request_page(case_id, contact_id, problems, status),
        N_("Released. The mail is in the outbox, or a second coordinator is asked where the policy wants two."),
        url_for(".case", case_id=case_id, _anchor="mails"),
    )


# --- the forward request to an intermediary (R14b) ---


def _forward_page(case_id: str, contact_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    held = leaving.forward(office(), case_id, contact_id, coordinator_id(), chosen_language(), now())
    return render_template("desk/forward.html", leaving=held, problems=problems), status


@blueprint.get("/cases/<case_id>/forward/<contact_id>")
@security.needs(Audience.COORDINATOR)
def forward_request(case_id: str, contact_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _forward_page(case_id, contact_id, {})


@blueprint.post("/cases/<case_id>/forward/<contact_id>")
@security.needs(Audience.COORDINATOR)
def release_forward(case_id: str, contact_id: str) -> ResponseReturnValue:
    return answered(
        lambda: forwarding.release(hand(case_id), contact_id),
        lambda problems, status: _forward_page(case_id, contact_id, problems, status),
        N_("Released. The mail is in the outbox, or a second coordinator is asked where the policy wants two."),
        url_for(".case", case_id=case_id, _anchor="mails"),
    )
