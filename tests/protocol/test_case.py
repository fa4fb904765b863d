"""The fold: one table per axis, and the few rules that couple them (R9, R12, R20, R25–R29, R35–R37a)."""

from __future__ import annotations

import dataclasses
import itertools
import typing
from datetime import date, datetime, timedelta

import pytest

from disclosure.protocol import case as rules
from disclosure.protocol import events as e
from disclosure.protocol.axes import FIRST, TRANSITIONS, Axis
from disclosure.protocol.case import FACTS_ONLY, fold
from disclosure.protocol.codes import Act, EmbargoEnd, MailType, Proof
from disclosure.protocol.errors import DisclosureError, IllegalMove, Refused
from disclosure.protocol.plain import from_plain, parts_of, to_plain
from disclosure.protocol.report import Report, apply_to_report, fold_report
from disclosure.protocol.values import Audience, Channel, Party, Standing
from tests.protocol.builders import T0, H, Story


def test_every_event_has_a_move_or_is_a_fact_only() -> None:
    moved = {kind for table in TRANSITIONS.values() for _, kind in table}
    stepped = set(rules._STEPS) | {e.ReportReceived, e.ReportTied}
    unknown = set(e.EVENT_TYPES.values()) - moved - stepped - FACTS_ONLY
    assert unknown == set(), "a new event needs a move, a step, or a line in FACTS_ONLY"


def test_tables_name_only_states_that_can_be_reached() -> None:
    for axis, table in TRANSITIONS.items():
        reached = {FIRST[axis]}
        for _ in table:
            reached |= {to for (frm, _), to in table.items() if frm in reached}
        assert {state for state, _ in table} | set(table.values()) <= reached, axis


def test_sealed_words_never_stand_in_the_open_part() -> None:
    """Open fields are codes, counts, hashes and ids of ours: no free text by name."""
    free = {
        "text",
        "words",
        "reason",
        "address",
        "name",
        "role",
        "domain",
        "description",
        "organisation",
        "draft",
        "note",
    }
    for name, kind in e.EVENT_TYPES.items():
        open_fields = set(to_plain(_sample(kind))["open"])
        allowed = {"reason", "role"} if name in _CODES_ONLY else set()
        assert not (open_fields & free) - allowed, name


# ``reason`` of these is a code of ours; ``role`` of CaseOpened an enumeration.
_CODES_ONLY = {
    *("CaseOpened", "CertificateFound", "ContactFound", "ContactDisabled"),
    *("MailGivenUp", "MailHeld", "TaskCancelled", "ContentErased"),
}


def _sample(kind: type[e.Event]) -> e.Event:
    """An event of the kind with blank values, through the same door as stored ones."""
    values: dict[str, object] = {}
    hints = typing.get_type_hints(kind)
    for f in dataclasses.fields(kind):
        hint = hints[f.name]
        if typing.get_origin(hint) is tuple:
            values[f.name] = ("x",)
        elif hint is datetime:
            values[f.name] = T0
        elif hint is date:
            values[f.name] = T0.date()
        elif hint is str:
            values[f.name] = "x"
        elif hint is bool:
            values[f.name] = True
        elif hint is int:
            values[f.name] = 1
        elif typing.get_origin(hint) is not None or hasattr(hint, "__args__"):
            values[f.name] = None
        else:
            values[f.name] = next(iter(hint))
    return kind(**values)


@pytest.mark.parametrize("name", sorted(e.EVENT_TYPES))
def test_every_event_survives_storage(name: str) -> None:
    event = _sample(e.EVENT_TYPES[name])
    assert from_plain(name, to_plain(event)) == event


@pytest.mark.parametrize("name", sorted(e.EVENT_TYPES))
def test_an_erased_event_still_reads(name: str) -> None:
    plain = to_plain(_sample(e.EVENT_TYPES[name]))
    assert isinstance(from_plain(name, {"open": plain["open"]}), e.EVENT_TYPES[name])


def test_parts_are_of_known_audiences() -> None:
    assert all(set(parts_of(kind)) <= set(Audience) for kind in e.EVENT_TYPES.values())


# --- illegal moves ---


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (e.CaseReopened(), "an open case is not reopened"),
        (e.ContestSettled(upheld=False, words="x"), "nothing was contested"),
        (e.PublicationRetracted(reason="x"), "nothing was published"),
        (e.ClockResumed(), "it runs"),
        (e.TaskDone(task_id="none", proof="x"), "no such task"),
        (e.ApprovalGiven(approval_id="none"), "no such approval"),
    ],
)
def test_illegal_moves_are_named(event: e.Event, why: str) -> None:
    story = Story()
    with pytest.raises(IllegalMove):
        story.happens(T0, event)
    assert story.case.last_seq == len(story.entries), f"nothing was kept: {why}"


@pytest.mark.parametrize(
    ("event", "rule", "why"),
    [
        (e.FirstContactReleased(contact_ids=("nobody",)), "R16", "an unknown contact"),
        (e.CasePublished(text="x"), "R46", "the embargo runs"),
        (e.EmbargoEnded(cause=EmbargoEnd.EXPLOITED, reason="x"), "R36", "before first contact it sets severity only"),
        (e.NoticeAcknowledged(person_id="who"), "R26", "nothing was released"),
        (e.RemediationClaimed(person_id="who"), "R29", "nobody of that name confirmed"),
    ],
)
def test_refusals_name_their_rule(event: e.Event, rule: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        Story().happens(T0, event)
    assert refused.value.rule == rule, why


def test_no_mail_without_a_tied_domain() -> None:
    story = Story()
    bare = [entry for entry in story.entries if not isinstance(entry.event, e.DomainTied)]
    case = fold(e.Entry(n, x.at, x.actor, x.event) for n, x in enumerate(bare, 1))
    with pytest.raises(Refused) as refused:
        rules.apply(case, e.Entry(99, T0, e.MACHINE, e.FirstContactReleased(contact_ids=("c1",))))
    assert refused.value.rule == "R14a"


def test_an_intermediary_gets_no_contact_request() -> None:
    story = Story()
    story.happens(
        T0,
        e.ContactEntered(
            contact_id="host", channel=Channel.MAIL, intermediary=True, address="abuse@host.example", source="whois"
        ),
    )
    with pytest.raises(Refused) as refused:
        story.happens(T0, e.FirstContactReleased(contact_ids=("host",)))
    assert refused.value.rule == "R14b"


# --- standing ---


def test_release_needs_standing() -> None:
    story = Story().released().confirmed(T0 + H)
    with pytest.raises(Refused) as refused:
        story.notice(T0 + 2 * H)
    assert (refused.value.rule, refused.value.reason) == ("R29", "standing_too_low")


def test_release_names_what_the_coordinator_saw() -> None:
    story = Story().released().standing(T0 + H)
    story.happens(T0 + H, e.NoticeDrafted(draft="text"))
    stale = e.NoticeReleased(
        person_id="who",
        standing=Standing.S2,
        fingerprint="ABCD",
        personal_data_masked=True,
        source_unrecognisable=True,
        text="text",
    )
    with pytest.raises(Refused) as refused:
        story.happens(T0 + 2 * H, stale)
    assert refused.value.reason == "release_names_another_state"


@pytest.mark.parametrize(("masked", "source"), [(False, True), (True, False), (False, False)])
def test_release_needs_both_answers(masked: bool, source: bool) -> None:
    story = Story().released().standing(T0 + H)
    story.happens(T0 + H, e.NoticeDrafted(draft="text"))
    release = e.NoticeReleased(
        person_id="who",
        standing=Standing.S2,
        fingerprint="",
        personal_data_masked=masked,
        source_unrecognisable=source,
        text="text",
    )
    with pytest.raises(Refused) as refused:
        story.happens(T0 + 2 * H, release)
    assert refused.value.rule == "R20"


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (
            e.CertificateHandedIn(person_id="who", certificate_id="k", fingerprint="AB", flags=()),
            "a change of certificate starts again at S1",
        ),
        (
            e.OwnAddressNamed(person_id="who", domain_id="d1", address="other@org.example"),
            "another address is another claim",
        ),
    ],
)
def test_a_change_starts_again_at_s1(event: e.Event, why: str) -> None:
    story = Story().released().standing(T0 + H)
    story.happens(T0 + 2 * H, event)
    assert story.case.persons["who"].standing is Standing.S1, why
    with pytest.raises(Refused):
        story.notice(T0 + 3 * H)


CHANGES = [
    (e.OwnAddressNamed(person_id="who", domain_id="d1", address="o@org.example"), "another own address"),
    (e.CertificateHandedIn(person_id="who", certificate_id="k", fingerprint="B" * 40, flags=()), "another certificate"),
]


@pytest.mark.parametrize(("change", "why"), CHANGES)
def test_a_release_does_not_outlive_what_it_named(change: e.Event, why: str) -> None:
    story = Story().released().standing(T0 + H).notice(T0 + 2 * H)
    assert story.case.persons["who"].may_read
    story.happens(T0 + 3 * H, change)
    again = e.StandingShown(person_id="who", standing=Standing.S2, proof=Proof.OWN_ADDRESS)
    for step in ((), (again,)):
        story.happens(T0 + 4 * H, *step)
        with pytest.raises(Refused) as refused:
            story.happens(T0 + 5 * H, e.NoticeOpened(person_id="who"))
        assert refused.value.rule == "R29", f"{why}, {len(step)} proofs"
    assert story.notice(T0 + 6 * H).case.persons["who"].may_read, "released anew, to the person as they are now"


def test_an_own_address_must_lie_at_a_tied_domain() -> None:
    story = Story().released().confirmed(T0 + H)
    with pytest.raises(Refused) as refused:
        story.happens(T0 + H, e.OwnAddressNamed(person_id="who", domain_id="other", address="x@other.example"))
    assert refused.value.reason == "domain_not_tied"


def test_only_the_person_to_whom_it_was_released_acknowledges() -> None:
    story = Story().released().standing(T0 + H).standing(T0 + H, "other").notice(T0 + 2 * H)
    with pytest.raises(Refused) as refused:
        story.happens(T0 + 3 * H, e.NoticeAcknowledged(person_id="other"))
    assert refused.value.rule == "R26"


def test_late_and_double_acknowledgements_are_welcome() -> None:
    story = Story().released().standing(T0 + H).notice(T0 + 2 * H).acknowledged(T0 + 900 * H)
    story.happens(T0 + 901 * H, e.NoticeAcknowledged(person_id="who"))
    assert story.case.acknowledged_at == T0 + 900 * H, "the first stands"
    assert story.case.state(Axis.ACKNOWLEDGEMENT) == "acknowledged"


def test_an_acknowledgement_after_closing_is_welcome() -> None:
    story = Story().released().standing(T0 + H).notice(T0 + 2 * H)
    story.happens(T0 + 3 * H, e.CaseClosed(outcome="other"))
    assert story.acknowledged(T0 + 4 * H).case.acknowledged_at == T0 + 4 * H


# --- approvals, mails, reports ---


def test_nobody_approves_their_own_proposal() -> None:
    story = Story()
    story.happens(T0, e.ApprovalProposed(approval_id="a", act=Act.RELEASE, subject="who", expires_at=T0 + H))
    with pytest.raises(Refused) as refused:
        story.happens(T0, e.ApprovalGiven(approval_id="a"))
    assert refused.value.rule == "R12"


def test_a_dead_mail_stays_dead_but_a_resent_one_lives() -> None:
    story = Story().released()
    story.happens(T0, e.MailBounced(mail_id="m1", mail_type=MailType.CONTACT_REQUEST, to="c1", code="5.1.1"))
    story.happens(T0, e.MailDelivered(mail_id="m1", mail_type=MailType.CONTACT_REQUEST, to="c1"))
    assert story.case.live_contacts() == ()


def test_a_mail_prepared_anew_without_a_certificate_proves_none() -> None:
    """R29: what left signed only can be opened by anybody; the ciphertext before it never left."""
    about: dict[str, typing.Any] = {"mail_id": "m1", "mail_type": MailType.CONTACT_REQUEST, "to": "c1"}
    story = Story().released()
    story.happens(T0, e.MailPrepared(mail_id="m1", sha256="0", encrypted_to=("A",), certificate_id="k1"))
    assert story.case.mails["m1"].certificate_id == "k1"
    story.happens(T0, e.MailGivenUp(**about, reason="relay_timed_out"))
    story.happens(T0, e.MailResent(**about, anew=True))
    story.happens(T0, e.MailPrepared(mail_id="m1", sha256="0", encrypted_to=()))
    assert story.case.mails["m1"].certificate_id == ""


REPORT = (
    e.ReportRead(),
    e.ReportAccepted(),
    e.ReportDeclined(reason="x"),
    e.ReportWithdrawn(before_first_contact=True),
)


@pytest.mark.parametrize(
    ("happened", "state", "why"),
    [
        ((), "received", "nothing happened yet"),
        ((0,), "read", "somebody read it"),
        ((0, 1), "accepted", "and took it"),
        ((1,), "accepted", "taken at first sight"),
        ((0, 2), "declined", "or not"),
        ((0, 1, 3), "withdrawn", "before first contact it closes"),
    ],
)
def test_triage(happened: tuple[int, ...], state: str, why: str) -> None:
    entries = [e.Entry(n, T0, e.REPORTER, REPORT[i]) for n, i in enumerate(happened, 1)]
    assert fold_report(entries).triage == state, why


def test_a_late_withdrawal_is_a_request_that_stops_nothing() -> None:
    report = fold_report([e.Entry(1, T0, e.REPORTER, e.ReportAccepted())])
    report = apply_to_report(report, e.Entry(2, T0, e.REPORTER, e.ReportWithdrawn(before_first_contact=False)))
    assert (report.triage, report.withdrawal_asked) == ("accepted", True)


def test_a_declined_report_is_not_accepted_afterwards() -> None:
    report = Report(axes={Axis.TRIAGE: "declined"})
    with pytest.raises(IllegalMove):
        apply_to_report(report, e.Entry(2, T0, e.REPORTER, e.ReportAccepted()))


# --- any order ---


def test_every_pair_of_answers_is_an_answer_or_a_named_refusal() -> None:
    """Whatever people press in whatever order, the fold answers with a state or with one of our own errors (R28)."""
    answers = (
        e.NoticeOpened(person_id="who"),
        e.NoticeAcknowledged(person_id="who"),
        e.NoticeContested(person_id="who", words="x"),
        e.RemediationPlanned(person_id="who", by=T0.date()),
        e.RemediationClaimed(person_id="who"),
        e.OrganisationWrote(person_id="who", words="x"),
        e.CertificateHandedIn(person_id="who", certificate_id="k", fingerprint="AB", flags=()),
        e.StandingShown(person_id="who", standing=Standing.S3, proof=Proof.CALL_BACK),
        e.ClockPaused(reason="x"),
        e.ClockResumed(),
        e.CaseClosed(outcome="other"),
    )
    for first, second in itertools.permutations(answers, 2):
        story = Story().released().standing(T0 + H).notice(T0 + 2 * H)
        for place, event in enumerate((first, second)):
            try:
                story.happens(T0 + (3 + place) * H, event, by=e.Actor(Party.ORGANISATION, "who"))
            except DisclosureError:
                continue
        assert fold(story.entries) == story.case


def test_the_fold_is_the_sum_of_its_steps() -> None:
    story = Story().released().standing(T0 + H).notice(T0 + 2 * H).acknowledged(T0 + timedelta(days=2))
    assert fold(story.entries) == story.case
