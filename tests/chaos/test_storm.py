"""The storm in small, in every run: four workers, killed and frozen at random; none lost, every duplicate flagged."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.chaos.flood import ROOT

MAILS = 200


def test_none_is_lost_and_nothing_goes_twice_unseen() -> None:
    command = [sys.executable, "-m", "tests.chaos.storm", "--mails", str(MAILS), "--contacts", "2", "--json"]
    options = ["--lease", "4", "--every", "1", "--drops", "0.02", "--later", "0.02"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout, done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["mails"], outcome["lost"], outcome["duplicates_unflagged"]) == (MAILS, 0, 0), outcome
    assert outcome["arrived"] + outcome["held"] >= MAILS
    assert outcome["verified"]
    assert outcome["kills"] + outcome["freezes"] > 0, "it did blow"
    assert done.returncode == 0
