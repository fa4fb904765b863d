"""A reporter who leaves an address gets content-free mails only, and nobody else ever sees the address (R2, R23)."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from pathlib import Path

import pytest

from disclosure.casework import breaker, maintenance, reporteraddress, reportermail, reporting
from disclosure.demo import stage
from disclosure.mail import relay
from disclosure.protocol.errors import InvalidInput, TooMany
from disclosure.protocol.values import Address, Language
from tests.casework import desk
from tests.casework.desk import ADA, House

CODE = re.compile(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b")
DAY = timedelta(days=1)


def left(house: House, report_id: str) -> reporteraddress.Left | None:
    return reporting.page(house.office, report_id).address


def who(report_id: str) -> str:
    """One address for each report: the house is shared."""
    return f"canary.{report_id}@mail.example"


def sent(house: House, report_id: str) -> list[str]:
    """What leaves now to this reporter: bodies, as their reader sees them."""
    address = who(report_id)
    before = len(house.relay.to(address))
    reportermail.deliver(house.office, house.later(), house.relay)
    return [stage.body_of(message) for message in house.relay.to(address)[before:]]


def confirmed(house: House) -> str:
    report_id = house.report()
    reporteraddress.name(house.office, report_id, who(report_id), house.now)
    (body,) = sent(house, report_id)
    reporteraddress.confirm(house.office, report_id, CODE.findall(body)[0].lower(), house.now)
    return report_id


def test_a_code_comes_first_and_says_nothing(house: House) -> None:
    report_id = house.report(language=Language.FR)
    reporteraddress.name(house.office, report_id, f" {who(report_id)} ", house.now)
    assert left(house, report_id) == reporteraddress.Left(who(report_id), confirmed=False, fault="")
    (body,) = sent(house, report_id)
    raw = house.relay.to(who(report_id))[-1].decode()
    for word in (
        "alert",
        "signalement",
        "faille",
        "fuite",
        desk.DOMAIN,
        "Org",
        "http",
        reporting.page(house.office, report_id).reference,
    ):
        assert word not in body, word
        assert word not in raw.split("\r\n\r\n")[0].replace("alertes@", ""), word
    assert house.relay.senders[-1] == "", "no bounce would bring the address to the desk"
    reporting.answer(house.office, report_id, "An answer.", ADA, house.later())
    assert sent(house, report_id) == [], "nothing else before the code was typed in"
    with pytest.raises(InvalidInput):
        reporteraddress.confirm(house.office, report_id, "00000-00000", house.now)
    reporteraddress.confirm(house.office, report_id, CODE.findall(body)[0].lower(), house.now)
    assert left(house, report_id) == reporteraddress.Left(who(report_id), confirmed=True, fault="")


def test_news_are_told_once_and_not_what(house: House) -> None:
    report_id = confirmed(house)
    reporting.answer(house.office, report_id, "Canary-words of ours.", ADA, house.later())
    reporting.answer(house.office, report_id, "And more.", ADA, house.later())
    (body,) = sent(house, report_id)
    assert "Canary-words" not in body
    assert sent(house, report_id) == []
    reporting.write(house.office, report_id, "Thanks.", house.later())
    assert sent(house, report_id) == [], "the own words are no news"


def test_a_code_runs_out(house: House) -> None:
    report_id = house.report()
    reporteraddress.name(house.office, report_id, who(report_id), house.now)
    (body,) = sent(house, report_id)
    house.later(DAY)
    with pytest.raises(InvalidInput) as refused:
        reporteraddress.confirm(house.office, report_id, CODE.findall(body)[0], house.now)
    assert refused.value.problems == {"code": "code_not_sent_yet"}


def test_who_removes_it_removes_it(house: House) -> None:
    report_id = confirmed(house)
    reporteraddress.forget(house.office, report_id)
    assert left(house, report_id) is None
    reporting.answer(house.office, report_id, "An answer.", ADA, house.later())
    assert sent(house, report_id) == []


def test_nobody_makes_us_write_to_many_strangers(house: House) -> None:
    """Removing it in between does not start the count anew."""
    report_id = house.report()
    for number in range(3):
        reporteraddress.name(house.office, report_id, f"stranger{number}@mail.example", house.now)
        reporteraddress.forget(house.office, report_id)
    with pytest.raises(TooMany):
        reporteraddress.name(house.office, report_id, who(report_id), house.now)
    reporteraddress.name(house.office, report_id, who(report_id), house.later(DAY + timedelta(seconds=1)))
    assert len(sent(house, report_id)) == 1


@pytest.mark.parametrize("text", ["", "no address", "a@b", "two@mail.example, three@mail.example", "x" * 400])
def test_what_is_no_address_is_not_kept(house: House, text: str) -> None:
    report_id = house.report()
    with pytest.raises(InvalidInput):
        reporteraddress.name(house.office, report_id, text, house.now)
    assert left(house, report_id) is None


def test_erasing_the_report_erases_it(house: House) -> None:
    report_id = confirmed(house)
    assert reporting.withdraw(house.office, report_id, house.later())
    assert left(house, report_id) is None


class Answers:
    """A relay that answers what it is told; ``meanwhile`` happens while the mail is on its way."""

    def __init__(self, kind: relay.Kind, code: str, meanwhile: object = None) -> None:
        self.outcome, self.meanwhile = relay.Outcome(kind, code, code), meanwhile

    def __call__(self, message: bytes, sender: str, recipient: Address, envelope_id: str) -> relay.Outcome:
        if callable(self.meanwhile):
            self.meanwhile()
        return self.outcome


def test_a_refusal_is_shown_to_the_reporter(house: House) -> None:
    report_id = house.report()
    reporteraddress.name(house.office, report_id, who(report_id), house.now)
    reportermail.deliver(house.office, house.later(), Answers(relay.Kind.REFUSED_PERMANENT, "550 5.1.1"))
    shown = left(house, report_id)
    assert shown is not None
    assert shown.fault == "550 5.1.1"


def test_what_could_not_be_sent_is_tried_again_later(house: House) -> None:
    report_id = house.report()
    reporteraddress.name(house.office, report_id, who(report_id), house.now)
    assert reportermail.deliver(house.office, house.later(), Answers(relay.Kind.NOT_SENT, "relay_not_reached")) == 0
    assert sent(house, report_id) == [], "not at once"
    house.later(timedelta(hours=2))
    assert len(sent(house, report_id)) == 1
    assert left(house, report_id) is not None


def test_who_cannot_be_reached_for_days_is_told_so(house: House) -> None:
    """A server that never says yes ends like one that says no: the page offers another try."""
    report_id = house.report()
    reporteraddress.name(house.office, report_id, who(report_id), house.now)
    shown = left(house, report_id)
    for _ in range(40):
        reportermail.deliver(house.office, house.later(DAY / 4), Answers(relay.Kind.REFUSED_TEMPORARY, "451 4.7.1"))
        shown = left(house, report_id)
    assert shown is not None
    assert shown.fault == "given_up"
    assert sent(house, report_id) == []


def test_nothing_leaves_while_the_relay_rests(house: House) -> None:
    report_id = house.report()
    reporteraddress.name(house.office, report_id, who(report_id), house.now)
    for _ in range(breaker.FAILURES + 2):  # the first pause is a minute, which passes here
        breaker.failed(house.office, house.now, "relay_not_reached")
    assert sent(house, report_id) == []
    house.later(breaker.LONGEST_PAUSE)
    assert len(sent(house, report_id)) == 1
    breaker.worked(house.office)


def test_in_maintenance_nothing_leaves(house: House) -> None:
    report_id = house.report()
    reporteraddress.name(house.office, report_id, who(report_id), house.now)
    maintenance.begin(house.office.store, "restored", house.now)
    assert sent(house, report_id) == []
    maintenance.end(house.office, house.now)
    assert len(sent(house, report_id)) == 1


def test_another_address_named_meanwhile_is_not_confirmed_by_the_older_code(house: House) -> None:
    report_id = house.report()
    reporteraddress.name(house.office, report_id, "old@mail.example", house.now)

    def named() -> None:
        reporteraddress.name(house.office, report_id, who(report_id), house.now)

    reportermail.deliver(house.office, house.later(), Answers(relay.Kind.ACCEPTED, "250", named))
    shown = left(house, report_id)
    assert shown is not None
    assert (shown.address, shown.confirmed) == (who(report_id), False)
    house.later(timedelta(hours=1))
    assert len(sent(house, report_id)) == 1


def test_no_log_and_no_file_holds_the_address(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    report_id = confirmed(house)
    reporting.answer(house.office, report_id, "An answer.", ADA, house.later())

    def quoting() -> None:
        raise RuntimeError(who(report_id))

    reportermail.deliver(house.office, house.later(), Answers(relay.Kind.ACCEPTED, "", quoting))
    assert who(report_id) not in caplog.text
    folder: Path = house.office.settings.instance
    for file in folder.rglob("*"):
        assert not file.is_file() or who(report_id).encode() not in file.read_bytes(), file.name


def test_no_coordinator_sees_it(house: House) -> None:
    report_id = confirmed(house)
    assert who(report_id) not in repr(reporting.read_report(house.office, report_id, ADA, house.later()))
