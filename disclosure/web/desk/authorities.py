"""Authorities: the table with its sources, and the operator's confirmation of each channel (R38)."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import authorities as known
from disclosure.language import N_
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.countries import countries
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, office
from disclosure.web.language import chosen_language


@blueprint.get("/authorities")
@security.needs(Audience.COORDINATOR)
def authorities() -> ResponseReturnValue:
    """``?country=``: that one; the operator's own by default, because the whole table is long."""
    home = office().settings.operator.country
    page = known.of_country(office(), request.args.get("country", home), chosen_language(), now())
    names = [(code, name) for code, name in countries(chosen_language()) if code in page.countries]
    return render_template("desk/authorities.html", page=page, countries_known=names)


def _page(channel_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    authority, channel = known.entry(office(), channel_id, chosen_language(), now())
    shown = {"authority": authority, "channel": channel, "form": request.form, "problems": problems}
    return render_template("desk/channel.html", **shown), status


@blueprint.get("/authorities/<channel_id>")
@security.needs(Audience.COORDINATOR)
def channel(channel_id: str) -> ResponseReturnValue:
    return _page(channel_id, {})


@blueprint.post("/authorities/<channel_id>")
@security.needs(Audience.COORDINATOR)
def confirm(channel_id: str) -> ResponseReturnValue:
    pasted = request.form.get("certificate", "").encode() or None
    return answered(
        lambda: known.confirm_channel(office(), channel_id, pasted, coordinator_id(), now()),
        lambda problems, status: _page(channel_id, problems, status),
        N_("The channel is confirmed. Referrals go there from now on."),
        url_for(".channel", channel_id=channel_id),
    )


@blueprint.post("/authorities/<channel_id>/withdraw")
@security.needs(Audience.COORDINATOR)
def withdraw(channel_id: str) -> ResponseReturnValue:
    return answered(
        lambda: known.withdraw_channel(office(), channel_id),
        lambda problems, status: _page(channel_id, problems, status),
        N_("The confirmation is withdrawn. Referrals become tasks again."),
        url_for(".channel", channel_id=channel_id),
    )
