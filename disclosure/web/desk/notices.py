"""The notice: written beside the report's words, looked at as it would leave, released to one person (R20, R29)."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from disclosure.casework import coordination, leaving, noticedesk, reporting
from disclosure.casework.coordination import ReleaseNotice
from disclosure.casework.notices import Basis, NoticeFact, NoticeText
from disclosure.language import N_
from disclosure.protocol.values import Audience, Standing
from disclosure.web import security
from disclosure.web.clock import now
from disclosure.web.desk.frame import Problems, answered, blueprint, coordinator_id, hand, office
from disclosure.web.desk.typed import Typed
from disclosure.web.language import chosen_language

MOST_FACTS = 12  # fields on the page; without a script a form cannot grow, and a longer list is two notices


def _draft_page(case_id: str, form: object, problems: Problems, status: int = 200) -> ResponseReturnValue:
    desk = noticedesk.writing(office(), case_id, coordinator_id(), chosen_language(), now())
    chosen = request.form.getlist("pictures") if form else desk.chosen
    shown = {"desk": desk, "form": form or desk.begin, "chosen": chosen, "problems": problems, "most": MOST_FACTS}
    return render_template("desk/notice.html", **shown), status


@blueprint.get("/cases/<case_id>/notice")
@security.needs(Audience.COORDINATOR)
def notice(case_id: str) -> ResponseReturnValue:
    return _draft_page(case_id, None, {})


@blueprint.post("/cases/<case_id>/notice")
@security.needs(Audience.COORDINATOR)
def draft(case_id: str) -> ResponseReturnValue:
    return answered(
        lambda: coordination.draft_notice(hand(case_id), _notice(Typed(request.form))),
        lambda problems, status: _draft_page(case_id, request.form, problems, status),
        N_("The draft is kept. Nothing has left by this."),
        url_for(".case", case_id=case_id, _anchor="persons"),
    )


def _notice(typed: Typed) -> NoticeText:
    """Rows of facts that say nothing are left out."""
    facts = [_fact(typed, place) for place in range(1, MOST_FACTS + 1) if typed.words(f"fact-{place}")]
    texts = [typed.text(name, required=True, most=20_000) for name in ("presentation", "technical", "advice")]
    typed.check()
    return NoticeText(texts[0], texts[1], texts[2], tuple(facts), tuple(request.form.getlist("pictures")))


def _fact(typed: Typed, place: int) -> NoticeFact:
    basis, on = typed.code(f"basis-{place}", Basis), typed.day(f"on-{place}")
    if basis is Basis.PUBLIC and on is None:
        typed.problems.setdefault(f"on-{place}", "public_needs_a_date")
    return NoticeFact(basis, on if basis is Basis.PUBLIC else None, typed.words(f"fact-{place}"))


# --- the release ---


def _release_page(case_id: str, person_id: str, problems: Problems, status: int = 200) -> ResponseReturnValue:
    held = leaving.notice(office(), case_id, person_id, coordinator_id(), chosen_language(), now())
    return render_template("desk/release.html", leaving=held, form=request.form, problems=problems), status


@blueprint.get("/cases/<case_id>/release/<person_id>")
@security.needs(Audience.COORDINATOR)
def release(case_id: str, person_id: str) -> ResponseReturnValue:
    reporting.seen(office(), coordinator_id(), case_id, now())
    return _release_page(case_id, person_id, {})


@blueprint.post("/cases/<case_id>/release/<person_id>")
@security.needs(Audience.COORDINATOR)
def release_notice(case_id: str, person_id: str) -> ResponseReturnValue:
    return answered(
        lambda: coordination.release_notice(hand(case_id), _release(person_id, Typed(request.form))),
        lambda problems, status: _release_page(case_id, person_id, problems, status),
        N_("Released. The mail is in the outbox, or a second coordinator is asked where the policy wants two."),
        url_for(".case", case_id=case_id, _anchor="persons"),
    )


def _release(person_id: str, typed: Typed) -> ReleaseNotice:
    """Standing and fingerprint are those that the page showed: what changed meanwhile is refused, not sent (R29)."""
    standing = Standing[typed.text("standing")] if typed.text("standing") in Standing.__members__ else Standing.NONE
    pictures = tuple(request.form.getlist("pictures"))
    questions = [*pictures, "text"]  # R20: each item is asked
    return ReleaseNotice(
        person_id,
        standing,
        typed.text("fingerprint"),
        all(typed.flag(f"masked-{item}") for item in questions),
        all(typed.flag(f"unrecognisable-{item}") for item in questions),
        pictures,
    )
