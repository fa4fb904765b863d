"""How long the machines run: briefly with every run of the tests, and as long as asked by ``--chaos``."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

EXAMPLES = "DISCLOSURE_TEST_EXAMPLES"  # so many times the usual number, with --chaos; 20 take a quarter of an hour
LONGER = 20


def length(config: pytest.Config, *, examples: int, steps: int = 30) -> settings:
    longer = int(os.environ.get(EXAMPLES, LONGER)) if config.getoption("--chaos") else 1
    return settings(
        max_examples=examples * longer,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
