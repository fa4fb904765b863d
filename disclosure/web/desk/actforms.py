"""The plain acts of a coordinator on a case as data: what the form asks, what is called, what is said afterwards.

What sends something to somebody has a page of its own (contacts.py, notices.py); everything else is a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from disclosure.casework import coordination, reporting, searching
from disclosure.casework.casefile import Hand, look
from disclosure.casework.coordination import Assessment, EnterContact
from disclosure.casework.deskwords import CLOSINGS
from disclosure.casework.finding import find, parse_domain
from disclosure.casework.wholecase import WholeCase
from disclosure.casework.words import word
from disclosure.language import N_, translate
from disclosure.protocol.codes import Clock, EmbargoEnd, Proof
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import AlertKind, AlertNumber, Answer, Channel, Language, Sector, Severity
from disclosure.web.desk.typed import Typed

Options = Sequence[tuple[str, str]]
Ask = Callable[[WholeCase, Language], Options]


@dataclass(frozen=True)
class Field:
    """``kind``: line, area, choice, radios, check, country, number. ``initial`` is read from the case as judged."""

    name: str
    label: str
    kind: str = "line"
    help: str = ""
    options: Ask | None = None


@dataclass(frozen=True)
class ActForm:
    """``lead`` says what follows from the act; ``harm``: the button is that of a destructive act."""

    title: str
    lead: str
    button: str
    done: str
    fields: tuple[Field, ...]
    do: Callable[[Hand, Typed], None]
    harm: bool = False
    anchor: str = ""


def codes(kind: type[StrEnum], *only: StrEnum) -> Ask:
    """Our own codes with their words."""
    return lambda case, language: code_options(only or tuple(kind), language)


def code_options(kind: Iterable[StrEnum], language: Language) -> Options:
    return [(str(code), word(code, language)) for code in kind]


def _domains(case: WholeCase, language: Language) -> Options:
    return [(row.id, row.name) for row in case.domains]


def _contacts(case: WholeCase, language: Language) -> Options:
    return [(row.id, f"{row.address} ({row.word})") for row in case.contacts.all if not row.off]


def _persons(case: WholeCase, language: Language) -> Options:
    return [(row.id, f"{row.name}, {row.role} · {row.standing_words}") for row in case.persons]


def _tasks(case: WholeCase, language: Language) -> Options:
    return [(row.id, " · ".join(filter(None, (row.kind, row.target, row.rung)))) for row in case.tasks]


def _authorities(case: WholeCase, language: Language) -> Options:
    return [(row.id, row.name) for row in case.referred]


def _approvals(case: WholeCase, language: Language) -> Options:
    return [(row.id, f"{row.act}: {row.subject}") for row in case.approvals if not row.mine]


def _closings(case: WholeCase, language: Language) -> Options:
    return [(code, translate(language, words)) for code, words in CLOSINGS.items()]


# --- what is called ---


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


def _assess(hand: Hand, typed: Typed) -> None:
    judged = assessment(typed)
    typed.words("reason", required=True)
    typed.check()
    coordination.assess(hand, judged)


def _tie(hand: Hand, typed: Typed) -> None:
    domain, reason = typed.text("domain", required=True), typed.words("reason", required=True)
    typed.check()
    coordination.tie_domain(hand, parse_domain(domain), reason)


def _search(hand: Hand, typed: Typed) -> None:
    domain_id = typed.text("domain", required=True)
    typed.check()
    searching.start(hand, domain_id)


def _contact(hand: Hand, typed: Typed) -> None:
    entered = EnterContact(
        typed.code("channel", Channel),
        typed.words("address", required=True),
        typed.text("name"),
        typed.words("source", required=True),
        typed.flag("intermediary"),
    )
    typed.check()
    coordination.enter_contact(hand, entered)


def _disable(hand: Hand, typed: Typed) -> None:
    contact_id = typed.text("contact", required=True)
    if contact_id not in look(hand.office, hand.case_id).case.contacts:
        typed.problems["contact"] = "not_a_choice"
    typed.check()
    coordination.disable_contact(hand, contact_id)


def _standing(hand: Hand, typed: Typed) -> None:
    person, proof = typed.text("person", required=True), typed.code("proof", Proof)
    note = typed.words("note", required=True)
    typed.check()
    coordination.show_standing(hand, person, proof, note)


def _acknowledge(hand: Hand, typed: Typed) -> None:
    person, words = typed.text("person", required=True), typed.words("words", required=True)
    typed.check()
    coordination.record_acknowledgement(hand, person, words)


def _answer(hand: Hand, typed: Typed) -> None:
    coordination.answer_organisation(hand, _one(typed, "words"))


def _settle(hand: Hand, typed: Typed) -> None:
    upheld, words = typed.code("upheld", Answer), typed.words("words", required=True)
    if upheld is Answer.UNKNOWN:
        typed.problems["upheld"] = "not_a_choice"
    typed.check()
    coordination.settle_contest(hand, upheld=upheld is Answer.YES, words=words)


def _extend(hand: Hand, typed: Typed) -> None:
    clock, days = typed.code("clock", Clock), typed.number("days")
    reason = _one(typed, "reason")
    coordination.extend(hand, clock, timedelta(days=days), reason)


def _embargo(hand: Hand, typed: Typed) -> None:
    cause = typed.code("cause", EmbargoEnd)
    coordination.end_embargo(hand, cause, _one(typed, "reason"))


def _one(typed: Typed, name: str) -> str:
    """The last field of a form, which must say something."""
    words = typed.words(name, required=True)
    typed.check()
    return words


def _task(hand: Hand, typed: Typed) -> None:
    task, reference = typed.text("task", required=True), typed.text("reference")
    coordination.task_done(hand, task, _one(typed, "proof"), reference)


def _authority(hand: Hand, typed: Typed) -> None:
    authority, reference, words = typed.text("authority", required=True), typed.text("reference"), typed.words("words")
    typed.check()
    coordination.authority_answered(hand, authority, reference, words)


def _approve(hand: Hand, typed: Typed) -> None:
    approval = typed.text("approval", required=True)
    typed.check()
    coordination.approve(hand, approval)


def _close(hand: Hand, typed: Typed) -> None:
    outcome, reason = typed.text("outcome", required=True), typed.words("reason", required=True)
    if outcome not in CLOSINGS:
        typed.problems.setdefault("outcome", "not_a_choice")
    if not _is_number(hand, typed.text("number", required=True)):
        typed.problems.setdefault("number", "not_this_number")
    typed.check()
    coordination.close(hand, outcome, reason)


def _is_number(hand: Hand, text: str) -> bool:
    try:
        return str(AlertNumber.parse(text)) == look(hand.office, hand.case_id).case.number
    except InvalidInput:
        return False


def _link(hand: Hand, typed: Typed) -> None:
    reference = typed.text("reference", required=True)
    typed.check()
    report = next((found for found in find(hand.office, reference) if found.kind == "report"), None)
    if report is None:
        raise InvalidInput({"reference": "unknown_report"})
    coordination.link_report(hand, report.id)
    reporting.mark_read(hand.office, report.id, hand.coordinator_id, hand.now)


# --- what is asked ---

_REASON = N_("Reason")
JUDGED = (
    Field("kind", N_("Kind"), "choice", options=codes(AlertKind)),
    Field("severity", N_("Severity"), "radios", N_("Our own scale. It chooses the clock."), codes(Severity)),
    Field(
        "personal_data",
        N_("Personal data leaked"),
        "radios",
        N_("Yes adds the data-protection authority."),
        codes(Answer),
    ),
    Field("sector", N_("Sector"), "choice", options=codes(Sector)),
    Field(
        "country",
        N_("Country of the organisation"),
        "country",
        N_("Two letters. It decides on authorities and holidays."),
    ),
    Field(
        "host_compromised",
        N_("Host, DNS or mail may be in an intruder's hands"),
        "radios",
        N_("Unless no, what the host itself publishes goes to review."),
        codes(Answer),
    ),
)
ACTS: Mapping[str, ActForm] = {
    "assess": ActForm(
        N_("Assess again"),
        N_("Severity, country or personal data may move deadlines and change which authorities are told."),
        N_("Record the assessment"),
        N_("Assessed again. The deadlines were worked out anew."),
        (*JUDGED, Field("reason", N_("Why it changes"), "area")),
        _assess,
    ),
    "domain": ActForm(
        N_("Tie a domain to the organisation"),
        N_(
            "A domain in a report is a claim. Record why it is the organisation's own: nothing is looked up and nothing leaves before."
        ),
        N_("Tie this domain"),
        N_("The domain is tied to the organisation."),
        (
            Field("domain", N_("Domain"), help=N_("Such as example.fr, without www.")),
            Field(
                "reason", _REASON, "area", N_("For instance: legal notice of the site names the same company and seat.")
            ),
        ),
        _tie,
        anchor="contacts",
    ),
    "search": ActForm(
        N_("Look for published contacts"),
        N_(
            "The server reads security.txt, DNS and mail records of the domain. It asks public sources only and probes nothing; the organisation may see one visit to its web server."
        ),
        N_("Start the search"),
        N_("The search is in the queue. Its result appears here within minutes."),
        (Field("domain", N_("Domain"), "radios", options=_domains),),
        _search,
        anchor="contacts",
    ),
    "contact": ActForm(
        N_("Enter a contact by hand"),
        N_("A contact entered by hand wins over what a search finds, and survives a new search."),
        N_("Enter this contact"),
        N_("The contact is in the list. Choose the order to use it."),
        (
            Field("channel", N_("Channel"), "radios", options=codes(Channel)),
            Field("address", N_("Address, number, postal lines or address of the form"), "area"),
            Field(
                "name",
                N_("Whom it reaches"),
                help=N_("Such as: data protection officer, switchboard, legal department."),
            ),
            Field(
                "source", N_("Where it comes from"), "area", N_("Such as: legal notice, read today; company register.")
            ),
            Field(
                "intermediary",
                N_("It is a registrar, hoster, DNS operator or platform, not the organisation itself"),
                "check",
            ),
        ),
        _contact,
        anchor="contacts",
    ),
    "disable": ActForm(
        N_("Switch a contact off"),
        N_("Nothing more is sent to it. It stays in the record."),
        N_("Switch it off"),
        N_("The contact is switched off."),
        (Field("contact", N_("Contact"), "radios", options=_contacts),),
        _disable,
        anchor="contacts",
    ),
    "standing": ActForm(
        N_("Record standing S3"),
        N_(
            "Standing outside mail: you called back to a number found independently, a code from a letter was read to you, or a DNS record was set."
        ),
        N_("Record this standing"),
        N_("Standing S3 is recorded. The notice can be released to this person."),
        (
            Field("person", N_("Person"), "radios", options=_persons),
            Field(
                "proof",
                N_("How it was shown"),
                "radios",
                options=codes(Proof, Proof.CALL_BACK, Proof.LETTER_CODE, Proof.DNS_TXT),
            ),
            Field(
                "note",
                N_("What exactly was done"),
                "area",
                N_("Number called and where it was found, or the record's name, and the hour."),
            ),
        ),
        _standing,
        anchor="persons",
    ),
    "acknowledge": ActForm(
        N_("Record an acknowledgement"),
        N_("Only when a person told you, by phone or mail, that the notice was read. An automatic reply is none."),
        N_("Record the acknowledgement"),
        N_("The acknowledgement is recorded. Authorities that were told are told of it too."),
        (
            Field("person", N_("Person"), "radios", options=_persons),
            Field("words", N_("What was said, in your own words"), "area", N_("The organisation can read this.")),
        ),
        _acknowledge,
        anchor="persons",
    ),
    "answer": ActForm(
        N_("Write to the organisation"),
        N_("The text stands on the organisation's case page. No mail leaves with it."),
        N_("Put it on the case page"),
        N_("Your message stands on the organisation's case page."),
        (Field("words", N_("Message"), "area", N_("Plain text. Nothing about the source.")),),
        _answer,
    ),
    "settle": ActForm(
        N_("Answer the contest"),
        N_("If the contest is upheld the clocks end. If not, they go on from where they stood."),
        N_("Record the answer"),
        N_("The answer is recorded, and the organisation can read it."),
        (
            Field("upheld", N_("Is the organisation right?"), "radios", options=codes(Answer, Answer.YES, Answer.NO)),
            Field("words", N_("Answer"), "area", N_("The organisation can read this.")),
        ),
        _settle,
    ),
    "extend": ActForm(
        N_("Give more time"),
        N_("Adds to one clock of this case. The sum is capped by the policy."),
        N_("Give this time"),
        N_("The deadline was moved."),
        (
            Field("clock", N_("Clock"), "radios", options=codes(Clock)),
            Field("days", N_("Days"), "number"),
            Field("reason", _REASON, "area", N_("The organisation can read this.")),
        ),
        _extend,
        anchor="next",
    ),
    "pause": ActForm(
        N_("Pause the clock"),
        N_("Nothing climbs until you resume it. The paused time counts for nobody."),
        N_("Pause the clock"),
        N_("The clock is paused."),
        (Field("reason", _REASON, "area", N_("The organisation can read this.")),),
        lambda hand, typed: coordination.pause(hand, _one(typed, "reason")),
        anchor="next",
    ),
    "resume": ActForm(
        N_("Resume the clock"),
        N_("The clock goes on from where it stood."),
        N_("Resume the clock"),
        N_("The clock is running again."),
        (Field("reason", _REASON, "area", N_("The organisation can read this.")),),
        lambda hand, typed: coordination.resume(hand, _one(typed, "reason")),
        anchor="next",
    ),
    "embargo": ActForm(
        N_("End the embargo"),
        N_(
            "Only for what changed after first contact: exploitation in the wild, or publication by others. The ladder moves at once, up to the authorities."
        ),
        N_("End the embargo now"),
        N_("The embargo is over; the ladder moves with the next step of the server."),
        (
            Field("cause", N_("What changed"), "radios", options=codes(EmbargoEnd)),
            Field("reason", N_("How you know"), "area", N_("The organisation can read this.")),
        ),
        _embargo,
        harm=True,
        anchor="next",
    ),
    "task": ActForm(
        N_("Record a task as done"),
        N_(
            "A task counts only with its proof: who was spoken to and when, or the letter's tracking number. Until then it blocks what follows."
        ),
        N_("Done, with this proof"),
        N_("The task is recorded as done."),
        (
            Field("task", N_("Task"), "radios", options=_tasks),
            Field(
                "proof", N_("Proof"), "area", N_("Who, when, what was said: no detail of the alert to a switchboard.")
            ),
            Field("reference", N_("Reference or tracking number, if any")),
        ),
        _task,
        anchor="tasks",
    ),
    "authority": ActForm(
        N_("Record an authority's answer"),
        N_("Its reference is kept and quoted in everything that follows."),
        N_("Record the answer"),
        N_("The authority's answer is recorded."),
        (
            Field("authority", N_("Authority"), "radios", options=_authorities),
            Field("reference", N_("Its reference")),
            Field("words", N_("What it said"), "area"),
        ),
        _authority,
    ),
    "unreachable": ActForm(
        N_("Declare the organisation unreachable"),
        N_("Nothing was found, or everything came back. Tasks for a call, a letter and a referral come at once."),
        N_("Declare it unreachable"),
        N_("Declared unreachable. The tasks come with the next step of the server."),
        (),
        lambda hand, typed: coordination.declare_unreachable(hand),
        harm=True,
        anchor="tasks",
    ),
    "note": ActForm(
        N_("Write a note"),
        N_("For coordinators only. It stands in the case's ledger and cannot be changed."),
        N_("Keep this note"),
        N_("The note is kept."),
        (Field("text", N_("Note"), "area"),),
        lambda hand, typed: coordination.note(hand, _one(typed, "text")),
    ),
    "approve": ActForm(
        N_("Approve what a coordinator asked for"),
        N_("You are the second person. Look at what it is about before you say yes."),
        N_("Approve"),
        N_("Approved. What was asked for can be done now."),
        (Field("approval", N_("Asked for"), "radios", options=_approvals),),
        _approve,
    ),
    "link": ActForm(
        N_("Link a further report"),
        N_("Linked, never merged: no domain and no contact comes into the case with it."),
        N_("Link this report"),
        N_("The report is linked to the case."),
        (Field("reference", N_("Reference of the report")),),
        _link,
    ),
    "close": ActForm(
        N_("Close the case"),
        N_("No clock runs any more, and no rung is climbed. A late answer is still welcome and can reopen it."),
        N_("Close this case"),
        N_("The case is closed."),
        (
            Field("outcome", N_("Outcome"), "radios", options=_closings),
            Field("reason", _REASON, "area"),
            Field("number", N_("Type the alert number to confirm")),
        ),
        _close,
        harm=True,
    ),
    "reopen": ActForm(
        N_("Reopen the case"),
        N_("The clocks go on from the facts as they stand."),
        N_("Reopen this case"),
        N_("The case is open again."),
        (Field("reason", _REASON, "area"),),
        lambda hand, typed: coordination.reopen(hand, _one(typed, "reason")),
    ),
}
