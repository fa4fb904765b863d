"""The conformance suite of the worker: what may befall it, and the tests that prove it survives.

Each runs on SQLite and on PostgreSQL, but for what only one of them has. A test that goes takes its line with it, or
this file is red.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SUITE = {
    "kill": (
        "test_worker_dies.test_killed_at_each_point",
        "test_real_worker.test_killed_while_it_waits_for_the_last_answer",
        "test_intake_dies.test_a_report_is_whole_or_not_there",
        "test_storm.test_none_is_lost_and_nothing_goes_twice_unseen",
    ),
    "freeze longer than the lease": (
        "test_worker_sleeps.test_frozen_longer_than_the_lease_at_each_point",
        "test_server.test_whoever_forgets_a_transaction_loses_its_locks",
        "test_storm.test_none_is_lost_and_nothing_goes_twice_unseen",
    ),
    "duplicate tick": (
        "test_ticks.test_the_same_tick_in_two_workers_at_once",
        "test_ticks.test_both_have_read_the_same_cases_before_either_writes",
        "test_server.test_four_workers_share_what_is_due_and_do_each_once",
    ),
    "lost tick": (
        "test_ticks.test_ticks_that_never_came_are_made_up_for_once",
        "test_ticks.test_a_tick_that_failed_is_a_tick_that_never_came",
    ),
    "database restart": (
        "test_ticks.test_the_server_restarts_in_the_middle_of_a_tick",
        "test_server.test_the_server_crashes_between_any_two_steps",
        "test_server.test_without_a_server_it_is_said_in_one_word",
        "test_storm.test_none_is_lost_and_nothing_goes_twice_unseen",
    ),
    "deadlock provocation": (
        "test_deadlocks.test_our_own_order_cannot_deadlock",
        "test_deadlocks.test_a_strangers_deadlock_makes_no_case_stuck",
        "test_deadlocks.test_it_is_a_conflict_and_nothing_is_half_stored",
        "test_server.test_an_acknowledgement_and_an_escalation_never_both",
        "test_server.test_two_who_meet_the_other_way_round_are_told_and_nothing_is_half_stored",
    ),
    "read-only disk": (
        "test_disk.test_a_read_only_database",
        "test_server.test_full_and_read_only",
    ),
    "full disk": (
        "test_disk.test_a_report_meets_a_full_disk",
        "test_disk.test_the_worker_meets_a_full_disk_and_recovers",
        "test_disk.test_full_between_the_relays_answer_and_our_record",
        "test_disk.test_full_by_the_databases_own_measure",
        "test_server.test_full_and_read_only",
    ),
    "two versions of the worker side by side": (
        "test_versions.test_a_worker_beside_another_release",
        "test_versions.test_it_ends_and_says_why",
    ),
}


def defined(module: str) -> set[str]:
    """Tests of a file of this folder, as pytest would find them; none when the file is gone."""
    path = HERE / f"{module}.py"
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []
    return {node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("item", SUITE)
def test_each_item_is_proven_by_tests_that_are_there(item: str) -> None:
    named = [test.partition(".")[::2] for test in SUITE[item]]
    assert named, "nothing proves it"
    assert not [f"{module}.{test}" for module, test in named if test not in defined(module)]


def test_a_name_that_is_nowhere_is_seen() -> None:
    assert "test_that_was_never_written" not in defined("test_ticks")
    assert defined("test_no_such_file") == set()
