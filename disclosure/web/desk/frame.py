"""What every page of the desk stands on: the blueprint, who acts, and how an act is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, current_app, flash, g, redirect, request
from flask.typing import ResponseReturnValue

from disclosure.casework.casefile import Hand
from disclosure.casework.office import Office
from disclosure.protocol.errors import Conflict, IllegalMove, InvalidInput, Refused
from disclosure.web.clock import now
from disclosure.web.desk.refusals import problem_words, say, sentence

blueprint = Blueprint("desk", __name__, url_prefix="/desk")

Problems = Mapping[str, str]
Again = Callable[[Problems, int], ResponseReturnValue]


def office() -> Office:
    held: Office = current_app.extensions["office"]
    return held


def coordinator_id() -> str:
    """Set by security.needs(Audience.COORDINATOR)."""
    return str(g.session_row.subject)


def hand(case_id: str) -> Hand:
    return Hand(office(), case_id, coordinator_id(), now())


def after() -> str:
    """The key of the page that is asked for; empty for the first."""
    return request.args.get("after", "")


def answered(act: Callable[[], object], again: Again, done: str, to: str) -> ResponseReturnValue:
    """Do it, say so, go on. What cannot be taken is said beside the field, what a rule forbids in one sentence, on the
    same page and with everything that was typed."""
    try:
        act()
    except InvalidInput as error:
        return again(problem_words(error.problems), 422)
    except (Refused, IllegalMove, Conflict) as error:
        return again({"": sentence(error)}, 409)
    flash(say(done))
    return redirect(to, 303)
