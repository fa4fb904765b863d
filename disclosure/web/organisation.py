"""The organisation's pages: behind a link and a code, no account. A GET shows; a POST of a person moves (R25)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import answering, casepage, certkeeping
from disclosure.casework.answering import LinkPage, Visit
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Audience, Channel, Purpose
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.language import chosen_language
from disclosure.web.numbers import whole
from disclosure.web.problems import SAID, said, typed_again

bp = Blueprint("organisation", __name__)
MOST_DAYS = 365  # what can be a number of days at all; how many are given is the policy's to say (R35)


def _visit() -> Visit:
    held = g.session_row  # set by security.needs(Audience.ORGANISATION)
    return Visit(current_app.extensions["office"], held.stream_id, held.subject, now())


# --- the link ---


@bp.get("/a/<token>")
def link(token: str) -> ResponseReturnValue:
    """Shows the form. Counts an opening; moves nothing."""
    page = answering.open_link(current_app.extensions["office"], token, now())
    return _link_page("link", page, token, {}, {})


@bp.post("/a/<token>")
def confirm(token: str) -> ResponseReturnValue:
    office, form = current_app.extensions["office"], request.form
    try:
        session = answering.confirm(
            office, token, form.get("code", ""), form.get("name", ""), form.get("role", ""), now()
        )
    except SAID as error:
        return _link_page("link", answering.link_page(office, token, now()), token, form, *said(error))
    return security.with_session(redirect(url_for(".case")), Audience.ORGANISATION, session)


@bp.get("/a/<token>/not-ours")
def objection(token: str) -> ResponseReturnValue:
    """For those who got a first mail: the person to whom a notice was released objects to nobody."""
    page = answering.open_link(current_app.extensions["office"], token, now(), only=Purpose.CONFIRM)
    return _link_page("objection", page, token, {}, {})


@bp.post("/a/<token>/not-ours")
def object_to(token: str) -> ResponseReturnValue:
    office, form = current_app.extensions["office"], request.form
    try:
        answering.object_to(office, token, form.get("code", ""), form.get("words", ""), now())
    except SAID as error:
        return _link_page("objection", answering.link_page(office, token, now()), token, form, *said(error))
    return render_template("organisation/objected.html")


def _link_page(
    template: str, page: LinkPage, token: str, form: object, problems: object, status: int = 200
) -> ResponseReturnValue:
    shown = {"page": page, "token": token, "form": form, "problems": problems}
    return render_template(f"organisation/{template}.html", **shown), status


# --- the case page ---


@bp.get("/case")
@security.needs(Audience.ORGANISATION)
def case() -> ResponseReturnValue:
    return _page({}, {})


def _page(form: object, problems: object, status: int = 200, sent: str = "") -> ResponseReturnValue:
    """The case page with what was typed and what is wrong with it; the notice only after it was opened by POST."""
    visit = _visit()
    page = casepage.page(visit, chosen_language())
    notice = casepage.notice(visit, chosen_language()) if page.step in {"answer", "done"} else None
    shown = {"page": page, "notice": notice, "form": form, "problems": problems, "sent": sent}
    return render_template("organisation/case.html", **shown), status


def _act(act, anchor: str = "") -> ResponseReturnValue:  # type: ignore[no-untyped-def]
    """Do it and come back; what cannot be taken is said beside the field, with everything that was typed."""
    try:
        act(_visit(), request.form)
    except SAID as error:
        problems, status = said(error)
        sent = request.path.rpartition("/")[2]
        return _page(_named(sent, typed_again(request.form, error)), _named(sent, problems), status, sent)
    return redirect(url_for(".case", _anchor=anchor or None))


def _named(sent: str, held: Mapping[str, str]) -> dict[str, str]:
    """Fields of one form among several on the page: ``plan-words``; what concerns the whole form keeps no name."""
    return {f"{sent}-{name}" if name else "": value for name, value in held.items()}


@bp.post("/case/address")
@security.needs(Audience.ORGANISATION)
def address() -> ResponseReturnValue:
    return _act(lambda visit, form: answering.name_address(visit, form.get("address", "")), "code")


@bp.post("/case/code")
@security.needs(Audience.ORGANISATION)
def code() -> ResponseReturnValue:
    return _act(lambda visit, form: answering.give_second_code(visit, form.get("code", "")))


@bp.post("/case/certificate")
@security.needs(Audience.ORGANISATION)
def certificate() -> ResponseReturnValue:
    def hand_in(visit: Visit, form: dict[str, str]) -> None:
        sent = request.files.get("file")
        pasted = sent.read(certkeeping.MAX_CERTIFICATE + 1) if sent and sent.filename else b""
        answering.hand_in_certificate(visit, pasted or form.get("certificate", "").encode())

    return _act(hand_in)


@bp.post("/case/notice")
@security.needs(Audience.ORGANISATION)
def read() -> ResponseReturnValue:
    return _act(lambda visit, form: answering.open_notice(visit), "notice")


@bp.get("/case/pictures/<picture_id>")
@security.needs(Audience.ORGANISATION)
def picture(picture_id: str) -> ResponseReturnValue:
    media_type, content = casepage.picture(_visit(), picture_id)
    return Response(content, mimetype=media_type, headers={"Content-Disposition": "inline"})


@bp.post("/case/acknowledgement")
@security.needs(Audience.ORGANISATION)
def acknowledge() -> ResponseReturnValue:
    return _act(lambda visit, form: answering.acknowledge(visit, form.get("words", "")))


@bp.post("/case/contest")
@security.needs(Audience.ORGANISATION)
def contest() -> ResponseReturnValue:
    return _act(lambda visit, form: answering.contest(visit, form.get("words", "")))


@bp.post("/case/plan")
@security.needs(Audience.ORGANISATION)
def plan() -> ResponseReturnValue:
    def planned(visit: Visit, form: dict[str, str]) -> None:
        try:
            by = date.fromisoformat(form.get("by", ""))
        except ValueError:
            raise InvalidInput({"by": "not_a_date"}) from None
        answering.plan_remediation(visit, by, form.get("words", ""))

    return _act(planned)


@bp.post("/case/remediation")
@security.needs(Audience.ORGANISATION)
def remediation() -> ResponseReturnValue:
    return _act(lambda visit, form: answering.claim_remediation(visit, form.get("words", "")))


@bp.post("/case/message")
@security.needs(Audience.ORGANISATION)
def message() -> ResponseReturnValue:
    return _act(lambda visit, form: answering.write(visit, form.get("words", "")))


@bp.post("/case/time")
@security.needs(Audience.ORGANISATION)
def more_time() -> ResponseReturnValue:
    def ask(visit: Visit, form: dict[str, str]) -> None:
        days = whole(form.get("days", ""))
        if days is None or days > MOST_DAYS:
            raise InvalidInput({"days": "not_a_number"})
        answering.ask_for_time(visit, days, form.get("reason", ""))

    return _act(ask)


@bp.post("/case/contact")
@security.needs(Audience.ORGANISATION)
def contact() -> ResponseReturnValue:
    def suggest(visit: Visit, form: dict[str, str]) -> None:
        channel = Channel.PHONE if form.get("channel") == Channel.PHONE else Channel.MAIL
        answering.suggest_contact(visit, channel, form.get("address", ""))

    return _act(suggest)
