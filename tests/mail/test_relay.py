"""What is known after a relay went wrong: not sent, refused, taken, or unknown; and nothing else (facts: mail 3.1)."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from disclosure.demo.world_pages import Authority
from disclosure.mail import relay as mail_relay
from disclosure.mail.relay import PATIENCE, STEPS, Kind, Outcome, RelaySettings, next_try
from disclosure.protocol.values import Address
from tests.mail.faulty import Drip, Drop, Fault, Hang, Relay, Say, SayTwice, full_house, server_context

MESSAGE = b"Subject: alert\r\n\r\nplain text\r\n.a line that begins with a dot\r\n"
SENDER, TO = "bounce+token@coordination.example", Address.parse("security+alerts@org.example")
STEP = 0.3  # seconds for one answer: enough for loopback, little for a test


def hand_over(port: int, message: bytes = MESSAGE, **settings: object) -> Outcome:
    held = replace(RelaySettings("127.0.0.1", port, "none", timeout=STEP, total=3 * STEP), **settings)  # type: ignore[arg-type]
    return mail_relay.deliver(message, sender=SENDER, recipient=TO, envelope_id="a1b2", relay=held)


def tried(fault: Fault, stage: str, **settings: object) -> tuple[Outcome, Relay]:
    with Relay(faults={stage: fault}).running() as relay:
        return hand_over(relay.port, **settings), relay


def test_what_the_relay_takes_arrives_byte_for_byte() -> None:
    with Relay().running() as relay:
        outcome = hand_over(relay.port)
    assert (outcome.kind, outcome.code) == (Kind.ACCEPTED, "250 2.0.0")
    assert "queued as 5F3A" in outcome.reply, "the queue's name is evidence"
    assert outcome.peer == f"127.0.0.1:{relay.port}"
    assert relay.kept == [(SENDER, str(TO), MESSAGE)]
    mail, rcpt = relay.commands[1:3]
    assert "RET=HDRS ENVID=a1b2" in mail
    assert "ORCPT=rfc822;security+2Balerts@org.example" in rcpt, "xtext: a strict relay refuses a bare plus"
    assert relay.commands[0].upper() == "EHLO COORDINATION.EXAMPLE", "no name of this machine"


def test_no_delivery_report_is_asked_of_a_relay_that_offers_none() -> None:
    with Relay(offers=()).running() as relay:
        assert hand_over(relay.port).kind is Kind.ACCEPTED
    assert not any("=" in command for command in relay.commands)


N, T, P, A = Kind.NOT_SENT, Kind.REFUSED_TEMPORARY, Kind.REFUSED_PERMANENT, Kind.AMBIGUOUS


@pytest.mark.parametrize(
    ("stage", "text", "kind", "code", "dead", "why"),
    [
        ("greeting", "421 4.3.2 closing", N, "421 4.3.2", False, "the relay is busy: nobody's address is at fault"),
        ("greeting", "554 5.7.1 not you", N, "554 5.7.1", False, "our relay is set up wrongly, not the recipient"),
        ("greeting", "SSH-2.0-OpenSSH", N, "relay_not_understood", False, "somebody else lives there"),
        ("mail", "451 4.3.0 later", T, "451 4.3.0", False, "a bad hour"),
        ("mail", "550 5.7.1 sender rejected", N, "550 5.7.1", False, "about us: must not burn contact after contact"),
        ("mail", "553 5.1.8 bad sender domain", N, "553 5.1.8", False, "5.1.8 is the sender's address"),
        ("rcpt", "450 4.2.0 greylisted", T, "450 4.2.0", False, "greylisting"),
        ("rcpt", "550 5.1.1 no such user", P, "550 5.1.1", True, "the address is dead"),
        ("rcpt", "550 5.1.10 null MX", P, "550 5.1.10", True, "RFC 7505"),
        ("rcpt", "552 5.2.2 mailbox full", P, "552 5.2.2", False, "the address lives"),
        ("rcpt", "554 5.7.1 policy", P, "554 5.7.1", False, "the address lives"),
        ("rcpt", "550 go away", P, "550", False, "no enhanced code says what is wrong"),
        ("rcpt", "530 5.7.0 sign in first", N, "530 5.7.0", False, "RFC 4954: about us"),
        ("rcpt", "251 will forward", Kind.ACCEPTED, "250 2.0.0", False, "taken, by another way"),
        ("data", "451 4.3.0 later", T, "451 4.3.0", False, "refused before a byte of text"),
        ("data", "250 2.0.0 Ok", N, "relay_not_understood", False, "a yes to a text that it has not seen"),
        ("data", "554 5.5.1 no valid recipients", P, "554 5.5.1", False, "refused for good"),
        ("mail", "421 4.3.2 going down", N, "421 4.3.2", False, "the relay itself, in the middle"),
        ("rcpt", "421 4.7.0 too many from you", N, "421 4.7.0", False, "the relay itself, not the recipient"),
        ("data", "421 4.3.2 going down", N, "421 4.3.2", False, "the envelope was taken, the text was not asked for"),
        ("dot", "421 4.3.2 going down", N, "421 4.3.2", False, "RFC 5321, 3.8: said instead of a yes, so not taken"),
        ("rcpt", "550 5.2.1 switched off", P, "550 5.2.1", True, "an account that is gone"),
        ("rcpt", "450 4.2.2 mailbox full", T, "450 4.2.2", False, "full for now"),
        ("rcpt", "550 5.7.23 SPF", P, "550 5.7.23", False, "about how we send, by the recipient's server"),
        ("dot", "552 5.3.4 too large", P, "552 5.3.4", False, "the recipient was taken, the text was not"),
        ("dot", "554 5.6.1 no PGP here", P, "554 5.6.1", False, "the recipient was taken, its form was not"),
        ("dot", "554 5.1.1 no such user after all", P, "554 5.1.1", True, "taken in part: said at the very end"),
        ("dot", "451 4.7.1 try again", T, "451 4.7.1", False, "an answer after the dot is an answer: not taken"),
        ("dot", "554 5.7.1 message refused", P, "554 5.7.1", False, "content filter"),
        ("dot", "250 Ok", Kind.ACCEPTED, "250", False, "an old relay without enhanced codes"),
        ("dot", "bonjour", A, "relay_not_understood", False, "after the dot, no answer is no knowledge"),
    ],
)
@pytest.mark.parametrize("then_drop", [False, True])
def test_an_answer(stage: str, text: str, kind: Kind, code: str, dead: bool, *, why: str, then_drop: bool) -> None:
    if then_drop and text[0] == "2" and stage != "dot":
        then_drop = False  # hanging up after a yes is a row of its own, below
    outcome, relay = tried(Say(text, then_drop), stage)
    assert (outcome.kind, outcome.code, outcome.address_is_dead) == (kind, code, dead), why
    assert text.split(" ", 1)[-1] in outcome.reply or kind is Kind.ACCEPTED, "what the relay said is kept"
    if kind in {N, T, P}:
        assert relay.kept == []


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Drop(), "relay_dropped_the_line"),
        (Drop(reset=True), "relay_dropped_the_line"),
        (Hang(), "relay_timed_out"),
        (Drip(), "relay_timed_out"),
    ],
)
def test_a_line_that_breaks_leaves_doubt_only_after_the_final_dot(stage: str, fault: Fault, word: str) -> None:
    outcome, relay = tried(fault, stage)
    after = stage == "dot"
    assert outcome.kind is (A if after else N)
    assert outcome.code == word
    assert len(relay.kept) == int(after), "ambiguous means: the relay may have it, and here it has"


@pytest.mark.parametrize("fault", [Drop(reset=True), Say("552 5.3.4 too big", then_drop=True)])
def test_a_line_that_breaks_in_the_text_is_not_sent(fault: Fault) -> None:
    big = MESSAGE + b"x" * 70 + b"\r\n"
    outcome, relay = tried(fault, "text", message=big * 200_000)  # more than both sides' buffers hold
    assert (outcome.kind, relay.kept) == (Kind.NOT_SENT, [])


def test_a_relay_that_drips_ends_with_the_whole_and_not_with_the_step() -> None:
    """Each byte comes in time; without a total the lease would end first, then the worker's watchdog."""
    started = time.monotonic()
    outcome, relay = tried(Drip(), "rcpt")
    assert outcome.code == "relay_timed_out"
    assert relay.stages.count("dripped") > 10, "it did drip"
    assert time.monotonic() - started < 60, "a bound for a broken build, not a measure"


def test_the_answer_to_the_dot_may_take_longer_than_other_answers() -> None:
    """A filter behind the dot takes its time; giving up early would make a copy (RFC 5321, 4.5.3.2.6)."""
    relay = Relay(on_dot=lambda: time.sleep(3 * STEP))
    with relay.running():
        assert hand_over(relay.port, total=100 * STEP).kind is Kind.ACCEPTED


def test_a_machine_that_does_not_answer_at_all() -> None:
    with full_house() as port:
        outcome = hand_over(port)
    assert (outcome.kind, outcome.code) == (Kind.NOT_SENT, "relay_timed_out")


def test_a_port_where_nobody_listens() -> None:
    with Relay().running() as relay:
        port = relay.port
    outcome = hand_over(port)
    assert (outcome.kind, outcome.code) == (Kind.NOT_SENT, "relay_not_reached")


def test_clear_text_goes_to_this_machine_only() -> None:
    outcome = mail_relay.deliver(
        MESSAGE, sender=SENDER, recipient=TO, envelope_id="a", relay=RelaySettings("192.0.2.1", 25, "none")
    )
    assert (outcome.kind, outcome.reply) == (Kind.NOT_SENT, "clear text only to this machine")


# --- transport ---


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("host", "trusted", "code", "why"),
    [
        ("localhost", True, "250 2.0.0", "the right name, from the authority of the settings"),
        ("localhost", False, "relay_certificate_refused", "an authority that nobody trusts"),
        ("other.example", True, "relay_certificate_refused", "a certificate for another host"),
    ],
)
def test_encryption_is_verified(
    authority: Authority, security: str, host: str, trusted: bool, code: str, why: str
) -> None:
    context = server_context(authority.issue(host))
    with Relay(tls=context, implicit=security == "tls").running() as relay:
        outcome = hand_over(
            relay.port, host="localhost", security=security, ca_file=authority.file if trusted else None
        )
    assert outcome.code == code, why
    assert bool(relay.kept) == (outcome.kind is Kind.ACCEPTED)
    assert outcome.tls.startswith("TLS") == (outcome.kind is Kind.ACCEPTED)
    if code != "250 2.0.0":
        assert outcome.kind is Kind.NOT_SENT
        assert not any(c.upper().startswith("MAIL") for c in relay.commands), "not even the envelope in such company"


@pytest.mark.parametrize(
    ("relay", "code", "why"),
    [
        (Relay(), "relay_offers_too_little", "no STARTTLS: never in the clear instead"),
        (Relay(faults={"starttls": Say("454 4.7.0 not now")}), "454 4.7.0", "offered and refused"),
        (Relay(faults={"starttls": Drop()}), "relay_dropped_the_line", "offered and dropped"),
        (Relay(faults={"starttls": Hang()}), "relay_timed_out", "offered and silent"),
    ],
)
def test_without_encryption_nothing_is_said(authority: Authority, relay: Relay, code: str, why: str) -> None:
    if "starttls" in relay.faults:
        relay.tls = server_context(authority.issue("localhost"))
    with relay.running():
        outcome = hand_over(relay.port, host="localhost", security="starttls", ca_file=authority.file)
    assert (outcome.kind, outcome.code) == (Kind.NOT_SENT, code), why
    assert not any(c.upper().startswith("MAIL") for c in relay.commands)


def test_what_came_before_encryption_is_forgotten(authority: Authority) -> None:
    """RFC 3207, 6: an answer put in front of the handshake would be taken for the relay's own, inside it."""
    ahead = Say("220 2.0.0 go ahead\r\n550 5.1.1 no such user")
    with Relay(tls=server_context(authority.issue("localhost")), faults={"starttls": ahead}).running() as relay:
        outcome = hand_over(relay.port, host="localhost", security="starttls", ca_file=authority.file)
    assert (outcome.kind, len(relay.kept)) == (Kind.ACCEPTED, 1)


@pytest.mark.parametrize(
    ("offers", "code", "why"),
    [
        (("AUTH PLAIN",), "relay_sign_in_refused", "the relay knows no AUTH here and answers 502"),
        ((), "relay_offers_too_little", "sign-in is set, and the relay offers none"),
    ],
)
def test_a_sign_in_that_fails_is_ours(offers: tuple[str, ...], code: str, why: str) -> None:
    with Relay(offers=offers).running() as relay:
        outcome = hand_over(relay.port, username="u", password="secret-word")
    assert (outcome.kind, outcome.code) == (Kind.NOT_SENT, code), why
    assert "secret-word" not in str(outcome)


# --- when to try again ---

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_steps_grow_and_end() -> None:
    """RFC 5321, 4.5.4.1: minutes first, then half an hour and more, the end after four to five days."""
    now, steps = AT, []
    for attempt in range(1, 1000):
        again = next_try(attempt, now=now, first=AT, jitter=0)
        if again is None:
            break
        steps.append(again - now)
        now = again
    assert steps[: len(STEPS)] == list(STEPS)
    assert steps == sorted(steps)
    assert timedelta(days=3, hours=22) < now - AT <= PATIENCE


def test_jitter_only_delays() -> None:
    early, late = (next_try(1, now=AT, first=AT, jitter=jitter) for jitter in (0.0, 1.0))
    assert early == AT + STEPS[0]
    assert late == AT + STEPS[0] * 1.25


# --- one line for many mails ---


def many(relay: Relay, count: int, **settings: object) -> list[Outcome]:
    held = replace(RelaySettings("127.0.0.1", relay.port, "none", timeout=STEP, total=3 * STEP), **settings)  # type: ignore[arg-type]
    line = mail_relay.Line(held)
    try:
        return [line(MESSAGE, SENDER, TO, f"mail{n}") for n in range(count)]
    finally:
        line.close()


def test_mails_follow_each_other_over_one_line() -> None:
    with Relay().running() as relay:
        assert [outcome.kind for outcome in many(relay, 3)] == [Kind.ACCEPTED] * 3
    assert len(relay.kept) == 3
    assert sum(command.upper().startswith("EHLO") for command in relay.commands) == 1


@pytest.mark.parametrize(
    ("stage", "fault", "kind", "why"),
    [
        ("rcpt", Say("550 5.1.1 no such user"), P, "a refusal ends its own conversation, not the line"),
        ("data", Say("451 4.3.0 later"), T, "the envelope that was taken must not stay for the next mail"),
    ],
)
def test_after_a_refusal_the_next_mail_begins_anew(stage: str, fault: Fault, kind: Kind, why: str) -> None:
    with Relay(faults={stage: fault}).running() as relay:
        assert [outcome.kind for outcome in many(relay, 2)] == [kind, kind], why
    assert relay.stages.count("rset") == 1
    assert relay.stages.count("greeting") == 1


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Drop(), "hung up between two mails, as after a time of its own"),
        (Say("421 4.4.2 too many mails", then_drop=True), "says so before"),
        (Say("250 2.0.0 Ok\r\n250 2.0.0 Ok: queued as FALSE"), "an answer too many, which the next mail would count"),
    ],
)
def test_a_line_that_ends_between_two_mails_costs_nothing(fault: Fault, why: str) -> None:
    """Only the first attempt over a kept line is repeated, and only where nothing of the mail had left."""
    relay = Relay()
    outcomes = []
    with relay.running():
        line = mail_relay.Line(RelaySettings("127.0.0.1", relay.port, "none", timeout=STEP, total=3 * STEP))
        if isinstance(fault, Say) and fault.text.startswith("250"):
            relay.faults["dot"] = fault
            outcomes.append(line(MESSAGE, SENDER, TO, "one"))
            relay.faults.clear()
        else:
            outcomes.append(line(MESSAGE, SENDER, TO, "one"))
            relay.faults["mail"] = fault
            relay.on_greeting = relay.faults.clear
        outcomes.append(line(MESSAGE, SENDER, TO, "two"))
        line.close()
    assert [outcome.kind for outcome in outcomes] == [Kind.ACCEPTED] * 2, why
    assert len(relay.kept) == 2
    assert relay.stages.count("greeting") == 2


def test_an_answer_that_comes_late_is_not_the_next_mails() -> None:
    """In a packet of its own, after the mail was counted: taken for the next one's, all answers would shift."""
    gone = threading.Event()
    relay = Relay(faults={"dot": SayTwice("250 2.0.0 Ok: queued as 1", "250 2.0.0 Ok: queued as FALSE", gone)})
    with relay.running():
        line = mail_relay.Line(RelaySettings("127.0.0.1", relay.port, "none", timeout=STEP, total=3 * STEP))
        assert line(MESSAGE, SENDER, TO, "one").kind is Kind.ACCEPTED
        relay.faults.clear()
        gone.wait(10)
        assert line(MESSAGE, SENDER, TO, "two").reply.endswith("5F3A")
        line.close()
    assert len(relay.kept) == 2


def test_a_second_connection_takes_no_time_beyond_the_mails_own() -> None:
    """Two whole times together outlast the lease, and another process would send the mail as well."""
    with Relay().running() as relay:
        line = mail_relay.Line(RelaySettings("127.0.0.1", relay.port, "none", timeout=5 * STEP, total=STEP))
        assert line(MESSAGE, SENDER, TO, "one").kind is Kind.ACCEPTED
        relay.faults["mail"] = Hang()
        assert line(MESSAGE, SENDER, TO, "two").code == "relay_timed_out"
        line.close()
    assert relay.stages.count("greeting") == 1, "its time had ended"


def test_four_hundred_and_fifty_one_to_some_and_each_has_its_own_answer() -> None:
    """What one mail met says nothing of the next one, and no answer is taken for another mail's."""
    said = ["250 2.0.0 queued", "451 4.3.0 later", "250 2.0.0 queued", "550 5.1.1 nobody", "250 2.0.0 queued"]
    relay, outcomes = Relay(), []
    with relay.running():
        line = mail_relay.Line(RelaySettings("127.0.0.1", relay.port, "none", timeout=STEP, total=3 * STEP))
        for text in said:
            relay.faults["dot"] = Say(text)
            outcomes.append(line(MESSAGE, SENDER, TO, "mail"))
        line.close()
    assert [outcome.kind for outcome in outcomes] == [Kind.ACCEPTED, T, Kind.ACCEPTED, P, Kind.ACCEPTED]
    assert (len(relay.kept), relay.stages.count("greeting")) == (3, 1)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_closing_in_the_middle_of_many_costs_none(stage: str) -> None:
    """RFC 5321, 3.8: 421 may answer anything. Nothing of that mail left, so it goes over another line at once."""
    relay = Relay()
    with relay.running():
        line = mail_relay.Line(RelaySettings("127.0.0.1", relay.port, "none", timeout=STEP, total=3 * STEP))
        assert line(MESSAGE, SENDER, TO, "one").kind is Kind.ACCEPTED
        relay.faults[stage] = Say("421 4.4.2 enough for one line", then_drop=True)
        relay.on_greeting = relay.faults.clear
        assert line(MESSAGE, SENDER, TO, "two").kind is Kind.ACCEPTED
        line.close()
    assert (len(relay.kept), relay.stages.count("greeting")) == (2, 2)


def test_a_drop_after_the_dot_is_never_repeated_by_the_line_itself() -> None:
    """It may have arrived: whether it goes again is decided with a record of it, not here."""
    relay = Relay()
    with relay.running():
        line = mail_relay.Line(RelaySettings("127.0.0.1", relay.port, "none", timeout=STEP, total=3 * STEP))
        assert line(MESSAGE, SENDER, TO, "one").kind is Kind.ACCEPTED
        relay.faults["dot"] = Drop()
        assert line(MESSAGE, SENDER, TO, "two").kind is A
        line.close()
    assert len(relay.kept) == 2


def test_a_line_is_not_kept_for_ever() -> None:
    with Relay().running() as relay:
        many(relay, mail_relay.MAILS_PER_LINE + 1, timeout=10, total=30)
    assert relay.stages.count("greeting") == 2


def test_an_answer_before_its_question_is_no_answer() -> None:
    """Else the final dot would be taken for answered before it was sent."""
    with Relay(faults={"data": Say("354 go\r\n250 2.0.0 queued as FALSE")}).running() as relay:
        assert hand_over(relay.port).kind is Kind.NOT_SENT
    assert relay.kept == []
