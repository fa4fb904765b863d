"""Benchmarks run, each in its smallest form, and say what they should. How fast this machine is does not matter."""

from __future__ import annotations

import json
import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import hosts, readers
from benchmarks.__main__ import found, main
from benchmarks.hosts import Has
from benchmarks.measures.discovery import verdict
from benchmarks.people import Load, come
from benchmarks.servers import floor, folder
from benchmarks.table import Row, as_json, as_text, share
from disclosure.discovery.problems import REFUSES

FIGURES = {"intake", "case_page", "first_page", "rules", "openpgp", "discovery", "inbound"}


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


# --- discovery ---


def test_the_world_of_searches_is_what_the_figure_says() -> None:
    kinds = Counter(hosts.has(number) for number in range(hosts.HOSTS))
    assert kinds[Has.NO_NAMES] == kinds[Has.NO_WEB] == 100, "one in twenty never answers"
    assert [kinds[has] for has in (Has.WELL_KNOWN, Has.LEGACY, Has.NOTHING)] == [1140, 380, 2280], "3, 1, 6 of the rest"


def _said(status: str, address: str = "security@h0001.github.io", source: str = "security_txt") -> dict[str, Any]:
    ranked = [{"source": source, "address": address}] if address else []
    return {"asked": "h0001.github.io", "status": status, "ranked": ranked}


@pytest.mark.parametrize(
    ("host", "said", "expected", "why"),
    [
        (Has.WELL_KNOWN, _said("found"), "right", "the file's first contact"),
        (Has.LEGACY, _said("found"), "right", "at the old place too"),
        (Has.WELL_KNOWN, _said("none", ""), "false", "the one answer that must never be given"),
        (Has.LEGACY, _said("none", ""), "false", "there either"),
        (Has.WELL_KNOWN, _said("unknown", ""), "unknown", "to be asked again: lost, and no lie"),
        (Has.WELL_KNOWN, _said("found", "security@h0002.github.io"), "false", "somebody else's contact"),
        (Has.WELL_KNOWN, _said("found", source="rfc2142"), "false", "a guess while there is a file"),
        (Has.WELL_KNOWN, _said("found", ""), "false", "found, and nobody named"),
        (Has.NOTHING, _said("none", ""), "right", "404 is knowledge"),
        (Has.NOTHING, _said("found"), "false", "nobody is named there"),
        (Has.NOTHING, _said("unknown", ""), "unknown", "it did answer"),
        (Has.NO_NAMES, _said("unknown", ""), "right", "nobody knows"),
        (Has.NO_NAMES, _said("none", ""), "false", "silence is not none (R15)"),
        (Has.NO_WEB, _said("none", ""), "false", "silence is not none (R15)"),
        (Has.NO_WEB, _said("found"), "false", "nobody said so"),
    ],
)
def test_what_a_true_answer_is(host: Has, said: dict[str, Any], expected: str, why: str) -> None:
    assert verdict(host, said) == expected, why


@pytest.mark.parametrize("shape", sorted(readers.SHAPES))
def test_files_to_read_have_their_size(shape: str) -> None:
    files = [readers.SHAPES[shape](size) for size in readers.SIZES]
    assert [len(file) for file in files] == [8_192, 16_384, 32_768]
    assert files[-1].count(b"\n") <= 1_000
    assert not {problem.code for problem in readers.reading(files[-1]).problems} & REFUSES, "read, not refused"


@pytest.mark.parametrize("shape", sorted(readers.SHAPES))
def test_reading_takes_work_in_proportion_to_the_file(shape: str) -> None:
    """Counted in steps of the interpreter, whatever this machine does meanwhile."""
    small, large = (_steps(readers.SHAPES[shape](size)) for size in (2_048, 8_192))
    assert large < 5 * small


def _steps(body: bytes) -> int:
    taken = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        taken += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        readers.reading(body)
    finally:
        sys.settrace(before)
    return taken
