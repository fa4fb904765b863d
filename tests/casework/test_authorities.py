"""Channels of authorities: nothing is sendable before the operator confirmed it, nothing doubtful after (R38, R39)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from disclosure.casework import authorities, casefile, certkeeping, clockwork, coordination, recipients
from disclosure.casework.office import Office
from disclosure.casework.recipients import Unsendable
from disclosure.demo.certificates import make_certificate
from disclosure.policy import PolicyBook
from disclosure.protocol.authorities import When
from disclosure.protocol.errors import InvalidInput, NotFound, Refused
from disclosure.protocol.values import AlertKind, Channel, Language
from disclosure.settings import PolicyFiles
from tests.casework.desk import ADA, House
from tests.office import T0

MAIL = "fr-anssi:mail"


@pytest.fixture(scope="module")
def certificate() -> bytes:
    return make_certificate("Test <cert-fr@ssi.gouv.fr>", now=T0 - timedelta(days=30))[1]


@pytest.fixture
def shipped(house: House) -> Iterator[Office]:
    """The module's office with the table that is shipped; every confirmation is gone afterwards."""
    yield replace(house.office, policy=PolicyBook.load(PolicyFiles(None, None, None)))
    for authority in authorities.listing(house.office, Language.EN, T0):
        for channel in authority.channels:
            authorities.withdraw_channel(house.office, channel.id)


def confirmed(office: Office) -> set[str]:
    rows = authorities.listing(office, Language.EN, T0)
    return {channel.id for row in rows for channel in row.channels if channel.confirmed_at}


@pytest.mark.parametrize(
    ("channel_id", "error", "why"),
    [
        ("lt-dpa:mail", Refused, "C: the sources differ"),
        ("it-csirt:form", Refused, "C: a page too"),
        ("gr-csirt:mail", Refused, "A, but for entities in scope: never as somebody else (R39)"),
        ("fr-cnil:form", Refused, "for controllers"),
        ("fr-cnil:form-2", Refused, "for persons concerned"),
        ("fr-cnil:mail", NotFound, "CNIL has no mail address that we know of"),
        ("fr-nobody:mail", NotFound, "no such authority"),
    ],
)
def test_what_cannot_be_confirmed(
    shipped: Office, certificate: bytes, channel_id: str, error: type[Exception], why: str
) -> None:
    with pytest.raises(error):
        authorities.confirm_channel(shipped, channel_id, certificate, ADA, T0)
    assert confirmed(shipped) == set(), why
    offered = {c.id: c.confirmable for row in authorities.listing(shipped, Language.EN, T0) for c in row.channels}
    assert not offered.get(channel_id, False), "and the desk does not offer it"


@pytest.mark.parametrize(
    ("given", "reason", "why"),
    [
        (None, "required", "without a certificate a referral is a task, never a clear mail (R39)"),
        (b"", "required", "an empty one is none"),
        (b"not a key", "not_a_key", "the judge's reason is said (R18)"),
        (b"x" * (certkeeping.MAX_CERTIFICATE + 1), "too_large", "bounded (KD-07)"),
    ],
)
def test_a_mail_channel_needs_a_certificate_that_the_judge_takes(
    shipped: Office, given: bytes | None, reason: str, why: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        authorities.confirm_channel(shipped, MAIL, given, ADA, T0)
    assert refused.value.problems == {"certificate": reason}, why
    assert confirmed(shipped) == set()


def test_a_referral_is_a_task_until_the_channel_is_confirmed_and_after_it_is_withdrawn(
    house: House, shipped: Office, certificate: bytes
) -> None:
    case_id = house.requested()

    def channel() -> Channel:
        with house.office.store.reading() as connection:
            file = casefile.load(shipped, connection, case_id)
        return next(r.channel for r in file.rules.referrals if r.authority_id == "fr-anssi")

    assert channel() is Channel.PHONE, "nothing is sendable by itself"
    authorities.confirm_channel(shipped, MAIL, certificate, ADA, T0)
    assert channel() is Channel.MAIL
    authority, row = authorities.entry(shipped, MAIL, Language.EN, T0)
    assert (row.confirmed_by, row.confirmed_at, authority.country) == ("Ada", T0, "FR")
    assert len(row.fingerprint) == 40, "the fingerprint that is encrypted to, for comparing"
    authorities.withdraw_channel(shipped, MAIL)
    assert channel() is Channel.PHONE
    with house.office.store.reading() as connection, pytest.raises(Unsendable):
        recipients.of_authority(shipped, connection, "fr-anssi")


def test_what_policy_says_is_shown_as_it_is_for_each_authority(shipped: Office) -> None:
    def told(**when: When) -> dict[str, str]:
        office = replace(shipped, policy=replace(shipped.policy, version=replace(shipped.policy.version, when=when)))
        return {row.id: row.told for row in authorities.listing(office, Language.EN, T0, "FR")}

    assert told(dpa=When.ON_LAPSE)["fr-cnil"] == "on_lapse"
    assert told(dpa=When.ON_LAPSE)["fr-anssi"] == "never"
    assert told(**{"fr-cnil": When.AT_ONCE, "dpa": When.NEVER})["fr-cnil"] == "at_once", "its own word wins"
    assert told(**{"dpa:data_leak": When.AT_ONCE})["fr-cnil"] == authorities.BY_KIND
    every = {f"dpa:{kind}": When.AT_ONCE for kind in AlertKind}
    assert told(**every)["fr-cnil"] == "at_once", "the same for every kind"


def test_the_home_country_comes_first_and_old_rows_warn(shipped: Office) -> None:
    rows = authorities.listing(shipped, Language.EN, T0)
    assert {row.country for row in rows[:20]} == {"FR"}
    assert [row.id for row in rows[:2]] == ["fr-anssi", "fr-cnil"], "every alert, then personal data"
    old = {c.id for row in rows for c in row.channels if c.old}
    assert "de-csirt:mail" in old, "checked in April, looked at in November"
    assert MAIL not in old
    page = authorities.of_country(shipped, "DE", Language.EN, T0)
    assert {row.country for row in page.rows} == {"DE"}
    assert len(page.countries) == 33


def test_the_dossier_of_an_unconfirmed_authority_is_a_task_and_no_mail(house: House) -> None:
    case_id = house.requested()
    for _ in range(20):
        clockwork.tick(house.office, house.later(timedelta(days=1)))
        done = [t for t in house.case(case_id).tasks.values() if t.open and t.blocking]
        for task in done:
            coordination.task_done(house.hand(case_id), task.id, "spoken to", "")
        house.deliver()
    case = house.case(case_id)
    assert set(case.referred) == {"fr-anssi", "fr-cnil"}
    assert {r.channel for r in case.referred.values()} == {Channel.PHONE, Channel.POST}
    assert not house.relay.to("cert@anssi.example"), "nothing left for an authority"
