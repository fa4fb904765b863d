"""policy.toml as values: the shipped file, an operator's own, and what is refused with its place (R12, R33, R34)."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from disclosure import policy
from disclosure.policy import DATA, PolicyBook, read_policy, read_when
from disclosure.protocol import events as e
from disclosure.protocol.authorities import AuthorityRole, When
from disclosure.protocol.codes import Act, OwnClock
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.state import Case
from disclosure.protocol.values import AlertKind, Answer, Channel, Language, Sector, Severity
from disclosure.protocol.worktime import Time
from disclosure.settings import PolicyFiles

SHIPPED = tomllib.loads((DATA / "policy.toml").read_text(encoding="utf-8"))
BOOK = PolicyBook.load(PolicyFiles(None, None, None))
H, D = timedelta(hours=1), timedelta(days=1)


def assessed(country: str, kind: AlertKind = AlertKind.DATA_LEAK) -> Case:
    about = e.CaseAssessed(
        kind=kind,
        severity=Severity.HIGH,
        personal_data=Answer.YES,
        sector=Sector.RETAIL,
        country=country,
        host_compromised=Answer.NO,
    )
    return Case(assessed=about, policy_version="an older one")


@pytest.mark.parametrize(
    ("severity", "time", "marks", "phone"),
    [
        (Severity.CRITICAL, Time.CALENDAR, [24 * H, 48 * H, 72 * H], 4 * H),
        (Severity.HIGH, Time.WORKING, [2 * D, 5 * D, 7 * D], None),
        (Severity.NORMAL, Time.WORKING, [5 * D, 10 * D, 15 * D], None),
        (Severity.LOW, Time.WORKING, [10 * D, 20 * D, 30 * D], None),
    ],
)
def test_the_shipped_clocks_are_those_of_the_protocol(
    severity: Severity, time: Time, marks: list[timedelta], phone: timedelta | None
) -> None:
    profile = BOOK.current.profiles[severity]
    assert [(mark.amount, mark.time) for mark in profile.marks] == [(amount, time) for amount in marks], "R33"
    assert (profile.phone_within.amount if profile.phone_within else None) == phone


def test_the_shipped_answers_to_what_is_ours_to_decide() -> None:
    held = BOOK.current
    assert held.approvals == {Act.FIRST_CONTACT: 1, Act.RELEASE: 1, Act.REFERRAL: 0}
    assert not held.letters, "off until the operator sets a budget (R33)"
    assert not held.notice_at_once, "R22 is a choice"
    assert set(held.own_clocks) == set(OwnClock)
    assert (held.heads_up_before, held.silence_floor) == (24 * H, 8 * H)
    assert BOOK.when == {
        "national_csirt": When.ON_LAPSE,
        "dpa": When.ON_LAPSE,
        "sector_csirt": When.NEVER,
        "regional_csirt": When.NEVER,
    }


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = to

    return change


def _drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        for key in path[:-1]:
            data = data[key]
        del data[path[-1]]

    return change


@pytest.mark.parametrize(
    ("damage", "place", "why"),
    [
        (_set("ladder", "silense_floor", to="PT8H"), "ladder.silense_floor", "a slip would be read as its absence"),
        (_set("profiles", "low", "phone_witin", to="PT4H"), "profiles.low.phone_witin", "in a profile too"),
        (_set("profiles", "low:leak", to={}), "profiles.low:leak", "no such kind"),
        (_set("laddr", to={}), "laddr", "no such table"),
        (_set("profiles", "low", "marks", to=["P2D", "P1D", "P3D"]), "profiles.low.marks", "later is not earlier"),
        (_set("profiles", "low", "quiet_hours", to="22:00"), "profiles.low.quiet_hours", "from when to when?"),
        (_set("profiles", "low", "quiet_hours", to=["22:00", "25:00"]), "profiles.low.quiet_hours", "no such hour"),
        (_set("profiles", "low", "quiet_hours", to=["22:00", "22:00"]), "profiles.low.quiet_hours", "never or always?"),
        (_drop("version"), "version", "a case names the version that it started with"),
        (_drop("profiles", "low"), "profiles.low", "every severity has its clock"),
        (_drop("profiles", "low", "marks"), "profiles.low.marks", "three marks"),
        (_set("profiles", "low", "marks", to=["P1D", "P2D"]), "profiles.low.marks", "three, not two"),
        (_set("profiles", "low", "marks", to=["P1D", "P2D", "soon"]), "profiles.low.marks", "no duration"),
        (_set("profiles", "low", "letter_after", to=3), "profiles.low.letter_after", "a number of what?"),
        (_set("profiles", "low", "letter_after", to={"work": "P1D"}), "profiles.low.letter_after", "no such time"),
        (_set("ladder", "silence_floor", to={"working": "PT8H"}), "ladder.silence_floor", "a length of working hours"),
        (_set("ladder", "notice_at_once", to="no"), "ladder.notice_at_once", "true or false"),
        (_drop("ladder", "max_extension"), "ladder.max_extension", "R35 needs its cap"),
        (_set("approvals", "release", to=3), "approvals.release", "none, one or two"),
        (_set("approvals", "release", to=-1), "approvals.release", "less than nobody"),
        (_set("approvals", "release", to=True), "approvals.release", "true is no number"),
        (_drop("approvals", "referral"), "approvals.referral", "left out is not none"),
        (_drop("own_clocks", "task_overdue"), "own_clocks.task_overdue", "our own clocks are not optional"),
        (_drop("own_clocks"), "own_clocks", "nor their table"),
    ],
)
def test_a_bad_policy_is_refused_with_its_place(damage: Callable[[dict[str, Any]], None], place: str, why: str) -> None:
    data = copy.deepcopy(SHIPPED)
    damage(data)
    with pytest.raises(InvalidInput) as refused:
        read_policy(data)
    assert list(refused.value.problems) == [place], why


@pytest.mark.parametrize(
    ("key", "value", "place", "why"),
    [
        ("dpa", "soon", "authorities.dpa", "one of three words"),
        ("dpa", True, "authorities.dpa", "no word at all"),
        ("natonal_csirt", "at_once", "authorities.natonal_csirt", "a slip would be read as never"),
        ("fr-cnl", "at_once", "authorities.fr-cnl", "no such authority in the table"),
        ("dpa:leak", "at_once", "authorities.dpa:leak", "no such kind"),
        ("dpa:", "at_once", "authorities.dpa:", "of which kind?"),
        ("models_practice", "yes", "authorities.models_practice", "true or false"),
    ],
)
def test_a_bad_word_on_authorities_is_refused(key: str, value: Any, place: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_when({"authorities": {key: value}}, BOOK.authorities)
    assert list(refused.value.problems) == [place], why


@pytest.mark.parametrize("key", [*AuthorityRole, "fr-cnil", "fr-cnil:data_leak", "dpa:vulnerability"])
def test_a_word_on_a_role_or_an_authority_is_taken(key: str) -> None:
    assert read_when({"authorities": {key: "at_once"}}, BOOK.authorities) == {key: When.AT_ONCE}


def test_the_switch_goes_over_the_roles_and_under_an_operators_word_on_one_authority() -> None:
    told = read_when(
        {"authorities": {"models_practice": True, "dpa": "never", "fr-cnil": "on_lapse"}}, BOOK.authorities
    )
    assert told == policy.MODELS_PRACTICE | {"dpa": When.NEVER, "fr-cnil": When.ON_LAPSE}


# --- an operator's own files ---


def test_an_operators_files_win_as_a_whole(tmp_path: Path) -> None:
    rules, table = tmp_path / "policy.toml", tmp_path / "authorities.toml"
    rules.write_text((DATA / "policy.toml").read_text().replace('version = "', 'version = "mine-'))
    table.write_text(
        '[[authority]]\nid = "x"\nname = "X"\ncountry = "FR"\nrole = "dpa"\nsource = "s"\nchecked_on = 2026-11-01\n'
    )
    book = PolicyBook.load(PolicyFiles(rules, table, None))
    assert book.current.version.startswith("mine-")
    assert [a.id for a in book.authorities] == ["x"], "nothing of the shipped table is mixed in"


@pytest.mark.parametrize("content", [b"version = ", b"\xff\xfe", b"version = 1\nversion = 2"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    rules = tmp_path / "policy.toml"
    rules.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        PolicyBook.load(PolicyFiles(rules, None, None))
    assert [place.partition(",")[0] for place in refused.value.problems] == ["policy.toml"]


# --- what decides for one case ---


@pytest.mark.parametrize(
    ("country", "confirmed", "expected", "why"),
    [
        ("FR", set(), {"fr-anssi": Channel.PHONE, "fr-cnil": Channel.POST}, "nothing confirmed, nothing sendable"),
        ("FR", {"fr-anssi:mail"}, {"fr-anssi": Channel.MAIL, "fr-cnil": Channel.POST}, "the operator confirmed ANSSI"),
        ("LT", {"lt-dpa:mail"}, {"lt-csirt": Channel.FORM, "lt-dpa": Channel.FORM}, "a C row stays a task"),
        ("US", {"fr-anssi:mail"}, {}, "not ours to tell: no row for that country"),
    ],
)
def test_referrals_of_a_case(country: str, confirmed: set[str], expected: dict[str, Channel], why: str) -> None:
    rules = BOOK.rules_for(assessed(country), confirmed, letters=False)
    assert {r.authority_id: r.channel for r in rules.referrals} == expected, why


def test_a_case_that_nobody_has_assessed_has_no_referrals() -> None:
    assert BOOK.rules_for(Case(), {"fr-anssi:mail"}, letters=False).referrals == ()


def test_letters_are_on_where_there_is_a_budget() -> None:
    assert BOOK.rules_for(assessed("FR"), (), letters=True).policy.letters
    assert not BOOK.rules_for(assessed("FR"), (), letters=False).policy.letters


@pytest.mark.parametrize(
    ("country", "to", "expected", "why"),
    [
        ("FR", "c1", Language.FR, "the organisation's language first (R19)"),
        ("BE", "c1", Language.FR, "where French is one of them"),
        ("DE", "c1", Language.EN, "elsewhere English"),
        ("", "c1", Language.EN, "nobody knows where yet"),
        ("DE", "fr-anssi", Language.FR, "an authority's own"),
        ("FR", "de-csirt", Language.EN, "whatever the case's"),
    ],
)
def test_which_language_comes_first(country: str, to: str, expected: Language, why: str) -> None:
    assert BOOK.language_for(assessed(country), to) is expected, why


def test_an_unknown_authority_is_said_to_be_unknown() -> None:
    with pytest.raises(InvalidInput):
        BOOK.authority("fr-nobody")


# --- a bad file, with its line ---

TEXT = (DATA / "policy.toml").read_text(encoding="utf-8")


def _line(words: str) -> int:
    return next(n for n, line in enumerate(TEXT.splitlines(), 1) if line.startswith(words))


@pytest.mark.parametrize(
    ("was", "becomes", "line", "why"),
    [
        ('max_extension = "P30D"', 'max_extension = "soon"', _line("max_extension"), "the line of the key"),
        ('max_extension = "P30D"', "", _line("[ladder]"), "of a missing key: its table's"),
        ("[ladder]", "[ladders]", 1, "of a missing table: the top"),
        ('dpa = "on_lapse"', 'dpa = "later"', _line("dpa ="), "in [authorities]"),
        ('dpa = "on_lapse"', '"fr-cnl" = "never"', _line("dpa ="), "a key in quotation marks"),
        ("[ladder]", '[profiles."low:leak"]\n\n[ladder]', _line("[ladder]"), "a table in quotation marks"),
        ('version = "2026', 'version = "' + "x" * 40 + "2026", _line("version"), "longer than its column"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(was: str, becomes: str, line: int, why: str) -> None:
    assert was in TEXT
    with pytest.raises(policy.BadPolicy) as refused:
        policy.read_version(TEXT.replace(was, becomes, 1), BOOK.authorities)
    assert set(refused.value.lines.values()) == {line}, why
    assert f"line {line}, " in str(refused.value)


def test_a_version_is_its_values_and_not_its_comments() -> None:
    name = policy.read_version(TEXT).name
    assert policy.read_version(TEXT + "# more\n").name == name
    changed = policy.read_version(TEXT.replace('max_extension = "P30D"', 'max_extension = "P31D"')).name
    assert changed != name
    assert changed.partition("+")[0] == name.partition("+")[0], "under the same name, and yet another version"


def test_one_kind_may_have_its_own_clock() -> None:
    own = '[profiles."normal:data_leak"]\nmarks = ["P1D", "P2D", "P3D"]\nquiet_hours = ["20:00", "07:30"]\n'
    held = policy.read_version(TEXT + own).policy
    leak = held.profile(Severity.NORMAL, AlertKind.DATA_LEAK)
    assert [mark.amount for mark in leak.marks] == [D, 2 * D, 3 * D]
    assert held.profile(Severity.NORMAL, AlertKind.VULNERABILITY) == held.profiles[Severity.NORMAL]
    assert leak.quiet is not None


def test_a_kept_version_may_name_an_authority_that_the_table_lost() -> None:
    text = TEXT.replace('dpa = "on_lapse"', 'dpa = "on_lapse"\nxx-gone = "at_once"')
    with pytest.raises(policy.BadPolicy):
        policy.read_version(text, BOOK.authorities)
    assert policy.read_version(text).when["xx-gone"] is When.AT_ONCE
