"""Who is told, when, by which channel (R34, R38, R41): the table's form, and routing on the table that is shipped."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from disclosure import policy as files
from disclosure.protocol import authorities as routing
from disclosure.protocol.authorities import (
    Authority,
    AuthorityChannel,
    AuthorityRole,
    Confidence,
    Matter,
    Reason,
    When,
    channel_id,
    from_mapping,
    is_old,
    route,
    sendable,
    when_told,
)
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import AlertKind, Answer, Channel, Sector

SHIPPED = from_mapping(tomllib.loads((files.DATA / "authorities.toml").read_text(encoding="utf-8")))
RULES = tomllib.loads((files.DATA / "policy.toml").read_text(encoding="utf-8"))
DEFAULT = files.read_when(RULES)
MODEL = files.read_when({"authorities": RULES["authorities"] | {"models_practice": True}})
LEAK, FLAW, OTHER = AlertKind.DATA_LEAK, AlertKind.VULNERABILITY, AlertKind.MALICIOUS_ACTIVITY
ONCE, LAPSE, NEVER = When.AT_ONCE, When.ON_LAPSE, When.NEVER


def told(
    kind: AlertKind,
    personal: Answer,
    country: str,
    sector: Sector,
    when: Mapping[str, When] = DEFAULT,
    confirmed: frozenset[str] = frozenset(),
) -> dict[str, When]:
    return {r.authority.id: r.when for r in route(Matter(kind, personal, country, sector), SHIPPED, when, confirmed)}


# --- who is told, and when ---


@pytest.mark.parametrize(
    ("kind", "personal", "country", "sector", "expected", "why"),
    [
        (FLAW, Answer.NO, "FR", Sector.RETAIL, {"fr-anssi": LAPSE}, "every alert goes to the national CSIRT"),
        (LEAK, Answer.YES, "FR", Sector.RETAIL, {"fr-anssi": LAPSE, "fr-cnil": LAPSE}, "personal data: CNIL too"),
        (FLAW, Answer.YES, "FR", Sector.RETAIL, {"fr-anssi": LAPSE, "fr-cnil": LAPSE}, "a flaw that bared data too"),
        (OTHER, Answer.NO, "FR", Sector.RETAIL, {"fr-anssi": LAPSE}, "no personal data: nothing for CNIL"),
        (
            LEAK,
            Answer.UNKNOWN,
            "FR",
            Sector.RETAIL,
            {"fr-anssi": LAPSE, "fr-cnil": NEVER},
            "an open question is shown and goes nowhere by itself",
        ),
        (
            LEAK,
            Answer.YES,
            "FR",
            Sector.HEALTH,
            {"fr-anssi": LAPSE, "fr-cnil": LAPSE},
            "sector CERTs are off until policy names them",
        ),
        (LEAK, Answer.YES, "BE", Sector.RETAIL, {"be-csirt": LAPSE, "be-dpa": LAPSE}, "a foreign one's own country"),
        (FLAW, Answer.NO, "CH", Sector.ENERGY, {"ch-csirt": LAPSE}, "outside the Union too"),
        (FLAW, Answer.NO, "ES", Sector.PUBLIC, {"es-csirt-public": LAPSE}, "Spain: CCN-CERT for the public sector"),
        (FLAW, Answer.NO, "ES", Sector.RETAIL, {"es-csirt": LAPSE}, "and INCIBE for everybody else"),
        (LEAK, Answer.YES, "US", Sector.RETAIL, {}, "no row, no route: nothing is invented"),
        (LEAK, Answer.YES, "", Sector.RETAIL, {}, "a country that nobody has named yet"),
    ],
)
def test_who_is_told_by_default(
    kind: AlertKind, personal: Answer, country: str, sector: Sector, expected: dict[str, When], why: str
) -> None:
    assert told(kind, personal, country, sector) == expected, why


@pytest.mark.parametrize(
    ("kind", "personal", "country", "expected", "why"),
    [
        (FLAW, Answer.NO, "FR", {"fr-anssi": ONCE}, "ANSSI at once of every alert"),
        (LEAK, Answer.YES, "FR", {"fr-anssi": ONCE, "fr-cnil": ONCE}, "CNIL at once of a leak"),
        (FLAW, Answer.YES, "FR", {"fr-anssi": ONCE, "fr-cnil": LAPSE}, "of a leak only: a flaw waits for the lapse"),
        (
            LEAK,
            Answer.UNKNOWN,
            "FR",
            {"fr-anssi": ONCE, "fr-cnil": NEVER},
            "the switch answers no question that is open",
        ),
        (LEAK, Answer.NO, "FR", {"fr-anssi": ONCE}, "no personal data, no CNIL"),
        (LEAK, Answer.YES, "BE", {"be-csirt": ONCE, "be-dpa": ONCE}, "the same practice in the organisation's country"),
    ],
)
def test_one_switch_turns_the_models_practice_on(
    kind: AlertKind, personal: Answer, country: str, expected: dict[str, When], why: str
) -> None:
    assert told(kind, personal, country, Sector.RETAIL, MODEL) == expected, why


@pytest.mark.parametrize(
    ("policy", "expected", "why"),
    [
        ({}, NEVER, "named nowhere, never told"),
        ({"dpa": LAPSE}, LAPSE, "by role"),
        ({"dpa": LAPSE, "dpa:data_leak": ONCE}, ONCE, "role and kind over role"),
        ({"dpa:data_leak": ONCE, "fr-cnil": NEVER}, NEVER, "the authority over its role, kind or not"),
        ({"fr-cnil": NEVER, "fr-cnil:data_leak": ONCE}, ONCE, "authority and kind before all"),
        ({"dpa:vulnerability": ONCE}, NEVER, "another kind says nothing"),
        ({"fr-anssi": ONCE}, NEVER, "another authority says nothing"),
    ],
)
def test_the_nearest_word_of_policy_wins(policy: dict[str, When], expected: When, why: str) -> None:
    assert when_told(by_id("fr-cnil"), LEAK, policy) is expected, why


@pytest.mark.parametrize(
    ("sector", "expected", "why"),
    [
        (Sector.HEALTH, "fr-cert-sante", "health"),
        (Sector.MARITIME, "fr-m-cert", "ships and ports"),
        (Sector.AVIATION, "fr-cert-aviation", "aviation"),
        (Sector.EDUCATION_RESEARCH, "fr-cert-renater", "universities and laboratories"),
        (Sector.SOCIAL, "fr-cert-social", "social protection"),
        (Sector.DEFENCE, "fr-cert-defence", "defence industry"),
        (Sector.RETAIL, None, "no CERT of its own is known"),
    ],
)
def test_sector_certs_follow_the_sector_once_policy_names_them(sector: Sector, expected: str | None, why: str) -> None:
    reasons = {
        r.authority.id: r.reason
        for r in route(Matter(LEAK, Answer.NO, "FR", sector), SHIPPED, {"sector_csirt": LAPSE}, ())
    }
    assert reasons == ({expected: Reason.SECTOR} if expected else {}), why


def test_regional_csirts_and_pharos_are_no_routes_whatever_policy_says() -> None:
    policy = {str(role): ONCE for role in AuthorityRole}
    ids = set(told(LEAK, Answer.YES, "FR", Sector.HEALTH, policy))
    assert ids == {"fr-anssi", "fr-cnil", "fr-cert-sante"}, "advice contacts for a victim, chosen by a person"


# --- by which channel ---

MAIL = AuthorityChannel(Channel.MAIL, "a@b.example", "s", date(2026, 11, 1), Confidence.READ)
PHONE = AuthorityChannel(Channel.PHONE, "1", "s", date(2026, 11, 1), Confidence.READ)
FORM = AuthorityChannel(Channel.FORM, "f.example", "s", date(2026, 11, 1), Confidence.READ)
POST = AuthorityChannel(Channel.POST, "street", "s", date(2026, 11, 1), Confidence.READ)


def by_id(authority_id: str) -> Authority:
    return next(a for a in SHIPPED if a.id == authority_id)


def body(*channels: AuthorityChannel) -> Authority:
    return Authority("x-y", "X", "X", "FR", AuthorityRole.NATIONAL_CSIRT, channels, website="x.example")


@pytest.mark.parametrize(
    ("channels", "confirmed", "expected", "task", "why"),
    [
        ((MAIL, PHONE), {"x-y:mail"}, MAIL, False, "mail, once the operator has confirmed it"),
        ((MAIL, PHONE), set(), PHONE, True, "not confirmed: no mail, a person calls"),
        ((PHONE, MAIL), {"x-y:phone"}, PHONE, True, "what is confirmed must be the mail itself"),
        ((replace(MAIL, confidence=Confidence.DIFFERING), PHONE), {"x-y:mail"}, PHONE, True, "C never by itself"),
        ((replace(MAIL, confidence=Confidence.UNKNOWN), PHONE), {"x-y:mail"}, PHONE, True, "U never by itself"),
        ((replace(MAIL, reserved=True), PHONE), {"x-y:mail"}, PHONE, True, "a mailbox that is for others"),
        ((replace(FORM, reserved=True), POST), set(), POST, True, "never file as somebody else (R39)"),
        ((replace(FORM, confidence=Confidence.DIFFERING), POST), set(), POST, True, "a doubtful way is the last"),
        ((POST, FORM), set(), POST, True, "otherwise in the table's order"),
        ((), {"x-y:mail"}, None, True, "no channel is known: a person finds one first"),
        ((replace(FORM, reserved=True),), {"x-y:form"}, None, True, "a reserved one is none for us"),
    ],
)
def test_the_channel_of_a_route(
    channels: tuple[AuthorityChannel, ...],
    confirmed: set[str],
    expected: AuthorityChannel | None,
    task: bool,
    why: str,
) -> None:
    matter = Matter(LEAK, Answer.NO, "FR", Sector.OTHER)
    (found,) = route(matter, (body(*channels),), {"national_csirt": LAPSE}, confirmed)
    assert found.task is task, why
    if expected is not None:
        assert found.channel == expected, why
    else:
        assert (found.channel.address, found.channel.confidence) == ("x.example", Confidence.UNKNOWN), why
        assert is_old(found.channel, date(2026, 11, 1)), "never checked, so it warns"


def test_each_channel_is_confirmed_alone() -> None:
    second = replace(FORM, address="g.example")
    held = body(FORM, MAIL, second)
    assert [channel_id(held, c) for c in held.channels] == ["x-y:form", "x-y:mail", "x-y:form-2"]
    assert sendable(held, MAIL, {"x-y:mail"})
    assert not sendable(held, MAIL, {"x-y:form", "y-x:mail"})


@pytest.mark.parametrize(
    ("days", "old", "why"),
    [(183, False, "half a year: still young"), (184, True, "a day more: look at it again"), (-1, False, "tomorrow's")],
)
def test_rows_age(days: int, old: bool, why: str) -> None:
    assert is_old(MAIL, MAIL.checked_on + timedelta(days=days)) is old, why


# --- the table's form: a bad row is refused, and said to be bad ---

GOOD: dict[str, Any] = {
    "id": "fr-x",
    "name": "X",
    "country": "FR",
    "role": "dpa",
    "channels": [
        {
            "channel": "mail",
            "address": "x@y.example",
            "source": "its page",
            "checked_on": date(2026, 11, 1),
            "confidence": "A",
        }
    ],
}


def _channel(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row["channels"][0].update(changes)


def _row(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update(changes)


def _without(key: str, *, channel: bool = False) -> Callable[[dict[str, Any]], None]:
    return lambda row: (row["channels"][0] if channel else row).pop(key)


@pytest.mark.parametrize(
    ("damage", "place", "why"),
    [
        (_without("source", channel=True), "authority 1 (fr-x) channel 1 source", "where is it from? (R38)"),
        (_channel(source=""), "authority 1 (fr-x) channel 1 source", "an empty source is none"),
        (_channel(source=" "), "authority 1 (fr-x) channel 1 source", "a blank is none"),
        (_without("checked_on", channel=True), "authority 1 (fr-x) channel 1 checked_on", "when was it checked? (R38)"),
        (_channel(checked_on="2026-11-01"), "authority 1 (fr-x) channel 1 checked_on", "a text is no date"),
        (_without("confidence", channel=True), "authority 1 (fr-x) channel 1 confidence", "how sure? (R38)"),
        (_channel(confidence="D"), "authority 1 (fr-x) channel 1 confidence", "A, B, C or U"),
        (_without("address", channel=True), "authority 1 (fr-x) channel 1 address", "a channel to nowhere"),
        (_channel(address="x at y"), "authority 1 (fr-x) channel 1 address", "no mail address"),
        (_channel(channel="fax"), "authority 1 (fr-x) channel 1 channel", "no such channel"),
        (_channel(reserved="yes"), "authority 1 (fr-x) channel 1 reserved", "true or false"),
        (_channel(certificate_fingerprint="12"), "authority 1 (fr-x) channel 1 certificate_fingerprint", "too short"),
        (_channel(adress="x"), "authority 1 (fr-x) channel 1 adress", "a slip of the pen"),
        (_row(channels=[]), "authority 1 (fr-x) source", "with no channel the row itself needs its source"),
        (_without("country"), "authority 1 (fr-x) country", "routing goes by country"),
        (_row(country="France"), "authority 1 (fr-x) country", "two letters"),
        (_row(role="csirt"), "authority 1 (fr-x) role", "no such role"),
        (_row(role="sector_csirt"), "authority 1 (fr-x) sectors", "of which sector?"),
        (_row(sectors=["shops"]), "authority 1 (fr-x) sectors", "no such sector"),
        (_row(kinds=["leak"]), "authority 1 (fr-x) kinds", "no such kind"),
        (_row(id="FR X"), "authority 1 id", "an id that stands in addresses of pages"),
        (_without("name"), "authority 1 (fr-x) name", "who is it?"),
        (_row(telephone="1"), "authority 1 (fr-x) telephone", "unknown keys are refused"),
        (
            lambda row: row["channels"].append(dict(row["channels"][0], address="z@y.example")),
            "authority 1 (fr-x) channels",
            "one referral goes to one address",
        ),
    ],
)
def test_a_bad_row_is_refused_with_its_place(damage: Callable[[dict[str, Any]], None], place: str, why: str) -> None:
    row = copy.deepcopy(GOOD)
    damage(row)
    with pytest.raises(InvalidInput) as refused:
        from_mapping({"authority": [row]})
    assert place in refused.value.problems, why


def test_a_good_row_passes_and_the_same_id_twice_does_not() -> None:
    assert from_mapping({"authority": [GOOD]})[0].id == "fr-x"
    with pytest.raises(InvalidInput) as refused:
        from_mapping({"authority": [GOOD, GOOD]})
    assert refused.value.problems == {"authority fr-x id": "twice"}


@pytest.mark.parametrize("data", [{}, {"authority": []}, {"authority": "none"}, {"authority": [GOOD], "more": 1}])
def test_no_table_is_no_table(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        from_mapping(data)


# --- the shipped rows ---


def test_nothing_shipped_is_sendable_before_the_operator_confirmed_it() -> None:
    for authority in SHIPPED:
        for channel in authority.channels:
            assert not sendable(authority, channel, frozenset()), authority.id


def test_rows_of_low_confidence_and_reserved_ones_are_never_sendable() -> None:
    everything = frozenset(channel_id(a, c) for a in SHIPPED for c in a.channels)
    for authority in SHIPPED:
        for channel in authority.channels:
            doubtful = channel.confidence in {Confidence.DIFFERING, Confidence.UNKNOWN} or channel.reserved
            assert sendable(authority, channel, everything) is not doubtful, authority.id
    assert set(routing.SENDABLE) == {Confidence.READ, Confidence.LISTED}


def test_cnil_is_reached_by_post_and_has_no_mail_address() -> None:
    everything = frozenset(channel_id(a, c) for a in SHIPPED for c in a.channels)
    cnil = by_id("fr-cnil")
    assert Channel.MAIL not in {c.channel for c in cnil.channels}, "none is known; the two that circulate are invented"
    for confirmed in (frozenset(), everything):
        routes = route(Matter(LEAK, Answer.YES, "FR", Sector.RETAIL), (cnil,), {"dpa": LAPSE}, confirmed)
        assert [(r.channel.channel, r.task) for r in routes] == [(Channel.POST, True)]
    assert all(c.reserved for c in cnil.channels if c.channel is Channel.FORM), "for controllers and persons concerned"


def test_every_row_says_whence_and_when() -> None:
    for authority in SHIPPED:
        assert authority.source, authority.id
        assert authority.checked_on, authority.id
        for channel in authority.channels:
            assert channel.source, authority.id
            assert date(2026, 1, 1) <= channel.checked_on <= date(2026, 11, 24), authority.id
