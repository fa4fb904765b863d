"""`disclosure certificate`: what other people's scripts read (design.md section 6)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from disclosure.cli import main
from disclosure.demo.certificates import make_certificate
from tests.openpgp.zoo import NOW, armoured

AGES = timedelta(days=800)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    secret, public = make_certificate("D <d@org.example>", now=NOW - timedelta(days=30))
    content = {"good": public, "armoured": armoured(public), "secret": secret.encode(), "page": b"<html>404</html>"}
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in content}


def run(*args: str) -> str:
    done = CliRunner().invoke(main, ["certificate", *args])
    assert done.exit_code == 0, done.output
    return done.output


def test_one_row_per_file_in_their_order(files: dict[str, str]) -> None:
    now = NOW.isoformat()
    rows = json.loads(run(*files.values(), "--for", "d@org.example", "--now", now, "--json"))
    assert [row["file"] for row in rows] == list(files.values())
    assert [(row["verdict"], row["reason"]) for row in rows] == [
        ("usable", None),
        ("usable", None),
        ("refuse", "secret_key"),
        ("refuse", "not_a_key"),
    ]
    assert rows[0] | {"file": ""} == rows[1] | {"file": ""}
    assert len(rows[0]["encrypts_to"]) == 1
    assert {"fingerprint", "flags"} <= set(rows[0])


def test_another_address_and_another_time(files: dict[str, str]) -> None:
    rows = json.loads(run(files["good"], "--for", "x@org.example", "--now", NOW.isoformat(), "--json"))
    assert (rows[0]["verdict"], rows[0]["flags"]) == ("usable", ["uid_mismatch"])
    rows = json.loads(run(files["good"], "--for", "d@org.example", "--now", (NOW + AGES).isoformat(), "--json"))
    assert (rows[0]["verdict"], rows[0]["reason"], rows[0]["encrypts_to"]) == ("refuse", "expired", [])


def test_words(files: dict[str, str]) -> None:
    said = run(files["good"], files["secret"], "--for", "d@org.example", "--now", NOW.isoformat())
    assert said.startswith("usable ")
    assert "secret_key" in said.splitlines()[1]


def test_a_secret_is_not_echoed(files: dict[str, str]) -> None:
    lines = [line for line in Path(files["secret"]).read_text().splitlines() if len(line) == 64]
    for more in ([], ["--json"]):
        said = run(files["secret"], "--for", "d@org.example", *more)
        assert not [line for line in lines if line in said]


@pytest.mark.parametrize("args", [["nowhere", "--for", "d@org.example"], ["--for", "d@org.example"]])
def test_what_it_cannot_read_is_an_error(args: list[str]) -> None:
    assert CliRunner().invoke(main, ["certificate", *args]).exit_code == 2
