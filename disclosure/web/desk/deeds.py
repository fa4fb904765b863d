"""From a typed form to one call of casework: each act's own reading of its fields."""

from __future__ import annotations

from datetime import timedelta

from disclosure.casework import certsearching, coordination, policymoves, publishing, reporting, revoking, searching
from disclosure.casework.casefile import Hand, look
from disclosure.casework.coordination import Assessment, EnterContact
from disclosure.casework.deskwords import CLOSINGS
from disclosure.casework.finding import find, parse_domain
from disclosure.protocol.codes import Clock, EmbargoEnd, Proof
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import AlertKind, AlertNumber, Answer, Channel, Sector, Severity
from disclosure.web.desk.typed import Typed


def assessment(typed: Typed) -> Assessment:
    """Shared with the form that opens a case (reports.py)."""
    return Assessment(
        typed.code("kind", AlertKind),
        typed.code("severity", Severity),
        typed.code("personal_data", Answer),
        typed.code("sector", Sector),
        typed.country("country"),
        typed.code("host_compromised", Answer),
        typed.words("reason"),
    )


def assess(hand: Hand, typed: Typed) -> None:
    judged = assessment(typed)
    typed.words("reason", required=True)
    typed.check()
    coordination.assess(hand, judged)


def tie(hand: Hand, typed: Typed) -> None:
    domain, reason = typed.text("domain", required=True), typed.words("reason", required=True)
    typed.check()
    coordination.tie_domain(hand, parse_domain(domain), reason)


def search(hand: Hand, typed: Typed) -> None:
    domain_id = typed.text("domain", required=True)
    typed.check()
    searching.start(hand, domain_id)


def contact(hand: Hand, typed: Typed) -> None:
    entered = EnterContact(
        typed.code("channel", Channel),
        typed.words("address", required=True),
        typed.text("name"),
        typed.words("source", required=True),
        typed.flag("intermediary"),
    )
    typed.check()
    certsearching.after_entry(hand, coordination.enter_contact(hand, entered))


def disable(hand: Hand, typed: Typed) -> None:
    contact_id = typed.text("contact", required=True)
    if contact_id not in look(hand.office, hand.case_id).case.contacts:
        typed.problems["contact"] = "not_a_choice"
    typed.check()
    coordination.disable_contact(hand, contact_id)


def revoke(hand: Hand, typed: Typed) -> None:
    recipient = typed.text("recipient", required=True)
    revoking.revoke(hand, recipient, _one(typed, "reason"))


def standing(hand: Hand, typed: Typed) -> None:
    person, proof = typed.text("person", required=True), typed.code("proof", Proof)
    note = typed.words("note", required=True)
    typed.check()
    coordination.show_standing(hand, person, proof, note)


def acknowledge(hand: Hand, typed: Typed) -> None:
    person, words = typed.text("person", required=True), typed.words("words", required=True)
    typed.check()
    coordination.record_acknowledgement(hand, person, words)


def answer(hand: Hand, typed: Typed) -> None:
    coordination.answer_organisation(hand, _one(typed, "words"))


def settle(hand: Hand, typed: Typed) -> None:
    upheld, words = typed.code("upheld", Answer), typed.words("words", required=True)
    if upheld is Answer.UNKNOWN:
        typed.problems["upheld"] = "not_a_choice"
    typed.check()
    coordination.settle_contest(hand, upheld=upheld is Answer.YES, words=words)


def extend(hand: Hand, typed: Typed) -> None:
    clock, days = typed.code("clock", Clock), typed.number("days")
    reason = _one(typed, "reason")
    coordination.extend(hand, clock, timedelta(days=days), reason)


def policy(hand: Hand, typed: Typed) -> None:
    version = typed.text("version", required=True)
    typed.check()
    policymoves.move(hand, version)


def embargo(hand: Hand, typed: Typed) -> None:
    cause = typed.code("cause", EmbargoEnd)
    coordination.end_embargo(hand, cause, _one(typed, "reason"))


def _one(typed: Typed, name: str) -> str:
    """The last field of a form, which must say something."""
    words = typed.words(name, required=True)
    typed.check()
    return words


def task(hand: Hand, typed: Typed) -> None:
    task, reference = typed.text("task", required=True), typed.text("reference")
    coordination.task_done(hand, task, _one(typed, "proof"), reference)


def authority(hand: Hand, typed: Typed) -> None:
    authority, reference, words = typed.text("authority", required=True), typed.text("reference"), typed.words("words")
    typed.check()
    coordination.authority_answered(hand, authority, reference, words)


def publish(hand: Hand, typed: Typed) -> None:
    text = typed.words("text", required=True)
    _confirmed(hand, typed)
    typed.check()
    publishing.publish(hand, text)


def retract(hand: Hand, typed: Typed) -> None:
    publishing.retract(hand, _one(typed, "reason"))


def _confirmed(hand: Hand, typed: Typed) -> None:
    """What cannot be undone asks for the alert number."""
    if not _is_number(hand, typed.text("number", required=True)):
        typed.problems.setdefault("number", "not_this_number")


def close(hand: Hand, typed: Typed) -> None:
    outcome, reason = typed.text("outcome", required=True), typed.words("reason", required=True)
    if outcome not in CLOSINGS:
        typed.problems.setdefault("outcome", "not_a_choice")
    _confirmed(hand, typed)
    typed.check()
    coordination.close(hand, outcome, reason)


def _is_number(hand: Hand, text: str) -> bool:
    try:
        return str(AlertNumber.parse(text)) == look(hand.office, hand.case_id).case.number
    except InvalidInput:
        return False


def link(hand: Hand, typed: Typed) -> None:
    reference = typed.text("reference", required=True)
    typed.check()
    report = next((found for found in find(hand.office, reference) if found.kind == "report"), None)
    if report is None:
        raise InvalidInput({"reference": "unknown_report"})
    coordination.link_report(hand, report.id)
    reporting.mark_read(hand.office, report.id, hand.coordinator_id, hand.now)


def pause(hand: Hand, typed: Typed) -> None:
    coordination.pause(hand, _one(typed, "reason"))


def resume(hand: Hand, typed: Typed) -> None:
    coordination.resume(hand, _one(typed, "reason"))


def unreachable(hand: Hand, typed: Typed) -> None:
    coordination.declare_unreachable(hand)


def note(hand: Hand, typed: Typed) -> None:
    coordination.note(hand, _one(typed, "text"))


def reopen(hand: Hand, typed: Typed) -> None:
    coordination.reopen(hand, _one(typed, "reason"))
