"""The local mailbox of trial and demo mode, where what would have left is read as plain text."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from disclosure.casework import mailbox as kept
from disclosure.protocol.values import Audience
from disclosure.web import security
from disclosure.web.desk.frame import blueprint, office


@blueprint.get("/mailbox")
@security.needs(Audience.COORDINATOR)
def mailbox() -> ResponseReturnValue:
    return render_template("desk/mailbox.html", mails=kept.listing(office()))


@blueprint.get("/mailbox/<name>")
@security.needs(Audience.COORDINATOR)
def kept_mail(name: str) -> ResponseReturnValue:
    return render_template("desk/kept.html", mail=kept.one(office(), name))
