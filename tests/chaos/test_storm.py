"""The storm in small, in every run and on both databases: nothing lost, early or doubled, every second copy flagged."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.chaos.flood import ROOT
from tests.servers import programs

pytestmark = pytest.mark.timeout(600)  # a bound for a broken build, not a measure
DEADLINES, MAILS = 250, 100
# Three strikes come within 5.4 seconds, and nobody ends before the last deadline is due.
SMALL = [
    "--contacts=2",
    "--lease=4",
    "--every=1.2",
    "--strikes=8",
    "--drops=0.02",
    "--later=0.01",
    "--span=6",
    "--json",
]
NOTHING = ("lost", "early", "twice", "loose", "mails_lost", "duplicates_unflagged")


@pytest.mark.parametrize(
    ("database", "carrier"), [("sqlite", "ticker"), ("postgresql", "ticker"), ("postgresql", "procrastinate")]
)
def test_none_is_lost_and_nothing_goes_twice_unseen(database: str, carrier: str) -> None:
    if database == "postgresql":
        programs()
    command = [sys.executable, "-m", "tests.chaos.storm", "--deadlines", str(DEADLINES), "--mails", str(MAILS)]
    command += ["--database", database, "--carrier", carrier, *SMALL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout, done.stderr
    outcome = json.loads(done.stdout)
    assert {name: outcome[name] for name in NOTHING} == dict.fromkeys(NOTHING, 0), outcome
    assert outcome["deadlines"] == outcome["fired"] == DEADLINES, outcome
    assert outcome["mails"] > MAILS + DEADLINES // 2, "the deadlines queued theirs"
    assert outcome["arrived"] + outcome["held"] >= outcome["mails"]
    assert outcome["verified"]
    assert min(outcome["kills"], outcome["freezes"]) > 0, "it did blow"
    assert (outcome["server_crashes"] > 0) == (database == "postgresql")
    assert done.returncode == 0
