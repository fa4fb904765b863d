"""Benchmarks run, each in its smallest form, and say what they should. How fast this machine is does not matter."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import found, main
from benchmarks.people import Load, come
from benchmarks.servers import floor, folder
from benchmarks.table import Row, as_json, as_text, share

FIGURES = {"intake", "case_page", "first_page", "rules", "openpgp"}


@pytest.mark.parametrize("name", sorted(found()))
def test_a_benchmark_runs(name: str) -> None:
    rows = list(found()[name](small=True))
    assert rows
    assert all(row.measured > 0 for row in rows)
    assert len({row.figure for row in rows}) == len(rows), "two rows of one name cannot be told apart"


def test_the_figures_to_reach_are_all_measured() -> None:
    assert set(found()) >= FIGURES


@pytest.mark.parametrize(
    ("measured", "target", "at_least", "reached", "why"),
    [
        (0.35, 0.35, True, True, "the bound itself is reached"),
        (0.349, 0.35, True, False, "below a lower bound"),
        (150, 150, False, True, "the bound itself is reached"),
        (151, 150, False, False, "above an upper bound"),
        (1, None, False, None, "nothing to reach"),
    ],
)
def test_what_reaching_means(
    measured: float, target: float | None, at_least: bool, reached: bool | None, why: str
) -> None:
    row = Row(figure="f", measured=measured, unit="u", target=target, at_least=at_least)
    assert row.reached is reached, why


def test_a_missed_figure_is_said() -> None:
    text = as_text([Row(figure="slow", measured=2, unit="s", target=1), Row(figure="bare", measured=3, unit="")])
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["slow", "<=", "1", "s", "2", "s", "missed"],
        ["bare", "3"],
    ]


def test_json_has_the_verdict() -> None:
    assert as_json([Row(figure="f", measured=1, unit="s", target=2)])[0]["reached"] is True


@pytest.mark.parametrize(("part", "value", "why"), [(0.0, 1, "least"), (0.95, 95, "95 of 100"), (1.0, 100, "longest")])
def test_share(part: float, value: int, why: str) -> None:
    assert share(range(100, 0, -1), part) == value, why


def test_an_unknown_benchmark_is_refused_with_the_names_there_are() -> None:
    ran = CliRunner().invoke(main, ["nonsense"])
    assert ran.exit_code == 2
    assert "intake" in ran.output


def test_the_command_prints_json() -> None:
    ran = CliRunner().invoke(main, ["rules", "--small", "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)[1]["figure"].startswith("pytest")


def test_whoever_is_not_served_ends_the_run() -> None:
    """A server that refuses would otherwise look very fast."""
    with folder() as instance, floor(instance) as server:
        assert len(come(Load(server.port, seconds=60, most=3, clients=2)).persons) == 3
    with pytest.raises(RuntimeError, match="not served"):
        come(Load(server.port, seconds=60, most=1, clients=1))
