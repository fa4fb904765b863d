"""The ``disclosure`` command (design.md section 6): shapes of --json, errors on standard error with exit 2."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from disclosure import cli, policy, policylines
from disclosure.casework import clockwork, lookups
from disclosure.demo.certificates import make_certificate
from disclosure.protocol.values import Severity
from tests.casework import desk
from tests.casework.desk import HOUR, House
from tests.office import T0

NOW = "2026-11-24T09:00:00+01:00"
LATE = "2026-12-24T09:00:00+01:00"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run the command as its entry point does."""

    def run(*arguments: str, instance: Path) -> Said:
        monkeypatch.setenv("DISCLOSURE_INSTANCE", str(instance))
        monkeypatch.setattr(sys, "argv", ["disclosure", *arguments])
        capfd.readouterr()
        try:
            cli.run()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    held = desk.build(tmp_path_factory.mktemp("cli") / "instance")
    held.requested(severity=Severity.CRITICAL)
    return held


@pytest.fixture(scope="module")
def instance(house: House) -> Path:
    return house.office.settings.instance


def number(instance: Path) -> str:
    return str(sqlite3.connect(instance / "disclosure.db").execute("SELECT number FROM cases").fetchone()[0])


# --- reading commands ---


def test_preview(say, instance: Path) -> None:  # type: ignore[no-untyped-def]
    said = say("preview", number(instance), "--now", NOW, "--json", instance=instance)
    assert said.code == 0
    assert list(said.json) == ["steps"]
    for step in said.json["steps"]:
        assert set(step) == {"at", "rung", "clock", "blocked_by", "effects"}
        for effect in step["effects"]:
            assert {"what", "channel", "to"} <= set(effect)
    assert [step["rung"] for step in said.json["steps"]][-1] == "authorities"
    words = say("preview", number(instance), "--now", NOW, instance=instance)
    assert len(words.out.splitlines()) == len(said.json["steps"])


@pytest.mark.parametrize(
    ("options", "reminder_hours", "at_once", "why"),
    [
        ((), 24, False, "critical, as it is"),
        (("--severity", "high"), 48, False, "two working days; the case itself stays critical"),
        (("--authority-at-once",), 24, True, "authorities come first"),
    ],
)
def test_what_if(  # type: ignore[no-untyped-def]
    say, instance: Path, options: tuple[str, ...], reminder_hours: int, at_once: bool, why: str
) -> None:
    steps = say("preview", number(instance), *options, "--now", NOW, "--json", instance=instance).json["steps"]
    due = {step["rung"]: step["at"] for step in steps}
    assert due["reminder"] == (T0 + reminder_hours * HOUR).isoformat(), why
    assert ("at_once_authorities" in due) is at_once, why


def test_what_if_the_contact_bounces(say, instance: Path) -> None:  # type: ignore[no-untyped-def]
    said = say("preview", number(instance), "--contact-bounces", "--now", NOW, instance=instance)
    assert said.code == 0
    assert "  at once  contact_request: " in said.out.splitlines()[0], "the next contact is written to now"
    assert "  at once  " not in say("preview", number(instance), "--now", NOW, instance=instance).out


GOOD = (Path(cli.__file__).parent / "data" / "policy.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "line", "words", "why"),
    [
        (GOOD, None, "ok: version 2026-11-24+", "the one that comes with the server"),
        (GOOD.replace('max_extension = "P30D"', 'max_extension = "soon"'), 0, "must be an ISO 8601", "no duration"),
        (GOOD.replace("marks = ", "mark = ", 1), 0, "profiles.critical.marks: needs three durations", "a slip"),
        ('version = "x"\n[ladder\n', 2, "is not TOML", "the line at which the reader stopped"),
    ],
)
def test_a_policy_file_is_checked_before_a_server_meets_it(  # type: ignore[no-untyped-def]
    say, tmp_path: Path, text: str, line: int | None, words: str, why: str
) -> None:
    code = 0 if line is None else 2
    file = tmp_path / "rules.toml"
    file.write_text(text, encoding="utf-8")
    said = say("policy", "check", str(file), instance=tmp_path / "none")
    assert said.code == code, why
    assert words in said.out + said.err
    found = say("policy", "check", str(file), "--json", instance=tmp_path / "none")
    assert found.code == code
    assert found.json["ok"] is (code == 0)
    for problem in found.json.get("problems", ()):
        assert f"rules.toml:{problem['line']}: {problem['place']}: " in said.err
        assert line in {0, problem["line"]}
    assert not (tmp_path / "none").exists()


def test_every_reason_has_words() -> None:
    source = Path(policy.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'InvalidInput\(\{.*?: f?"([a-z_]+)[":]', source)) - {"unknown", "expected_"}
    assert len(codes) > 8
    assert not [code for code in codes if policylines.say(code) == code]


def test_a_clock_that_jumped_is_shown_and_confirmed(say, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    held = desk.build(tmp_path / "instance")
    held.requested(severity=Severity.CRITICAL)
    clockwork.turn(held.office, T0)
    held.office.store.engine.dispose()
    where, later = tmp_path / "instance", "2027-11-24T09:00:00+01:00"
    assert say("clock", "status", "--now", NOW, "--json", instance=where).json["held"] is False
    status = say("clock", "status", "--now", later, "--json", instance=where).json
    assert (status["held"], status["jump"]) == (True, "forward")
    assert "jumped forward" in say("clock", "status", "--now", later, instance=where).out
    assert "0 rungs" in say("tick", "--now", later, instance=where).out
    assert "credited to 1 cases" in say("clock", "confirm", "--now", later, instance=where).out
    assert say("clock", "status", "--now", later, "--json", instance=where).json["held"] is False
    assert "nothing was held" in say("clock", "confirm", "--now", later, instance=where).out


def test_verify(say, instance: Path) -> None:  # type: ignore[no-untyped-def]
    said = say("verify", "--all", "--json", instance=instance)
    assert said.code == 0
    assert set(said.json) == {"ok", "streams", "events", "fault"}
    assert said.json["ok"] is True
    assert say("verify", "--case", number(instance), instance=instance).out.startswith("ok: 1 streams")


def test_verify_says_where_and_ends_with_one(say, house: House, instance: Path) -> None:  # type: ignore[no-untyped-def]
    connection = sqlite3.connect(instance / "disclosure.db", isolation_level=None)
    connection.execute("UPDATE cases SET severity = 'low'")
    try:
        said = say("verify", "--all", "--json", instance=instance)
        words = say("verify", "--all", instance=instance)
    finally:
        connection.execute("UPDATE cases SET severity = 'critical'")
    assert said.code == words.code == 1
    assert said.json["ok"] is False
    assert "cases.severity" in said.json["fault"]
    assert words.out.startswith("FAULT stream ")


def test_coordinators(say, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    instance = tmp_path / "instance"
    added = say("coordinator", "add", "Ada", "--name", "Ada Name", "--mail", "ada@desk.example", instance=instance)
    assert added.code == 0
    assert "otpauth://totp/" in added.out
    assert "password" in added.out
    twice = say("coordinator", "add", "ada", "--name", "X", "--mail", "x@desk.example", instance=instance)
    assert (twice.code, twice.out) == (2, "")
    assert say("coordinator", "list", "--json", instance=instance).json == [
        {"login": "ada", "name": "Ada Name", "active": True}
    ]
    assert say("coordinator", "disable", "ADA", instance=instance).code == 0
    assert say("coordinator", "list", "--json", instance=instance).json[0]["active"] is False
    assert "(disabled)" in say("coordinator", "list", instance=instance).out
    assert say("coordinator", "disable", "nobody", instance=instance).code == 2


def test_discover(say, instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    found = desk.findings("a@org.example", review=("b@org.example",))
    monkeypatch.setattr(lookups, "discover", lambda *_: found)
    said = say("discover", "org.example", "--now", NOW, "--json", instance=instance)
    assert said.code == 0
    assert {"status", "ranked", "review", "intermediaries", "hints", "probes"} <= set(said.json)
    assert said.json["ranked"][0]["address"] == "a@org.example"
    words = say("discover", "org.example", instance=instance).out
    assert words.startswith("found: 1 ranked, 1 for review")


# --- the clock and the outbox by hand ---


def test_tick_and_deliver(say, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    instance = tmp_path / "instance"
    held = desk.build(instance)
    held.requested(severity=Severity.CRITICAL)
    held.office.store.engine.dispose()
    later = (T0 + timedelta(minutes=5)).isoformat()
    said = say("tick", "--now", later, "--json", instance=instance)
    assert said.code == 0
    assert said.json == {"cases": 1, "rungs": 1, "calls": 0, "stuck": 0}
    overdue = (T0 + 5 * HOUR).isoformat()
    assert say("tick", "--now", overdue, "--json", instance=instance).json["calls"] == 1
    sent = say("deliver", "--now", overdue, "--json", instance=instance)
    assert sent.json == {"relayed": 1, "refused": 0, "later": 0, "ambiguous": 0, "held": 0, "unreached": 0}
    assert len(list((instance / "mailbox" / "new").iterdir())) == 1, "in trial mode into the local mailbox"
    assert (
        say("deliver", "--now", overdue, instance=instance).out
        == "0 relayed, 0 refused, 0 later, 0 unreached, 0 ambiguous, 0 held\n"
    )


# --- encrypt ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "n.asc"
    path.write_bytes(make_certificate("N <n@org.example>", now=T0 - timedelta(days=30))[1])
    return path


def test_encrypt(say, instance: Path, certificate: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    clear = tmp_path / "clear.txt"
    clear.write_bytes(b"a secret sentence")
    options = ("--to", str(certificate), "--for", "n@org.example", "--now", NOW)
    armoured = say("encrypt", str(clear), *options, instance=instance)
    assert armoured.code == 0
    assert armoured.out.startswith("-----BEGIN PGP MESSAGE-----")
    assert "secret" not in armoured.out
    binary = subprocess.run(
        [sys.executable, "-m", "disclosure.cli", "encrypt", str(clear), *options, "--binary"],
        capture_output=True,
        check=True,
        env=os.environ | {"DISCLOSURE_INSTANCE": str(instance)},
    )
    assert binary.stdout[:1] > b"\x7f", "an OpenPGP packet"


def test_encrypt_refuses_what_the_judge_refuses(say, instance: Path, certificate: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    clear = tmp_path / "clear.txt"
    clear.write_bytes(b"a secret sentence")
    said = say(
        "encrypt",
        str(clear),
        "--to",
        str(certificate),
        "--for",
        "n@org.example",
        "--now",
        "2036-01-01T00:00:00Z",
        instance=instance,
    )
    assert said.code == 2
    assert "R18: expired" in said.err
    assert said.out == "", "no fall-back to clear text, ever"


# --- errors ---


@pytest.mark.parametrize(
    ("arguments", "words", "why"),
    [
        (("preview", "00000-00000"), "no such case", "a case that is none"),
        (("preview", "what?"), "not_a_code", "no number at all"),
        (("verify", "--case", "00000-00000"), "no such case", "the caller's error, not the chain's"),
        (("verify",), "--all", "verify what?"),
        (("tick", "--now", "tomorrow"), "no instant", "no instant"),
        (("tick", "--now", "2026-11-24T09:00:00"), "zone", "an instant without its zone"),
        (("deliver", "--now", "2026-13-01T09:00:00Z"), "no instant", "a thirteenth month"),
        (("discover", "not a domain"), "not_a_host_name", "no domain"),
        (("discover", "127.0.0.1"), "ip_literal", "an address"),
        (("discover", "org.example", "--host-compromised", "perhaps"), "perhaps", "one of three"),
        (("coordinator", "add", "x", "--name", "X", "--mail", "x"), "not_an_address", "no address"),
        (("coordinator", "add", " ", "--name", "X", "--mail", "x@y.example"), "login", "no login"),
        (("encrypt", "--to", "/nowhere", "--for", "n@org.example"), "/nowhere", "no such file"),
        (("securitytext",), "securitytext", "no such command"),
    ],
)
def test_errors_go_to_standard_error_with_exit_2(
    say, instance: Path, arguments: tuple[str, ...], words: str, why: str
) -> None:  # type: ignore[no-untyped-def]
    said = say(*arguments, instance=instance)
    assert said.code == 2, why
    assert words in said.err, said.err
    assert said.out == "", "standard output is for what was asked"
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "arguments",
    [("tick",), ("deliver",), ("verify", "--all"), ("preview", "00000-00000"), ("coordinator", "list", "--json")],
)
def test_where_nothing_is_stored_yet_it_says_so(say, tmp_path: Path, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    said = say(*arguments, instance=tmp_path / "empty")
    assert said.code == 2
    assert "nothing is stored" in said.err
    assert said.out == ""
    assert not list(tmp_path.rglob("*.key")), "asking makes no keys"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("letters_budget = 'many'\n", "letters_budget"),
        ("colour = 'red'\n", "colour"),
        ("[relay]\nhost = 'mail.example'\n", "public_url"),
    ],
)
def test_half_a_configuration_is_refused_by_name(say, tmp_path: Path, content: str, words: str) -> None:  # type: ignore[no-untyped-def]
    instance = tmp_path / "instance"
    instance.mkdir()
    (instance / "settings.toml").write_text(content)
    said = say("tick", instance=instance)
    assert said.code == 2
    assert words in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "command", ["discover", "preview", "tick", "deliver", "worker", "verify", "coordinator", "demo", "encrypt"]
)
def test_every_command_explains_itself(say, tmp_path: Path, command: str) -> None:  # type: ignore[no-untyped-def]
    said = say(command, "--help", instance=tmp_path / "none")
    assert said.code == 0
    assert said.out.startswith("Usage:")
    assert not (tmp_path / "none").exists(), "help makes nothing"


# --- for ever ---


def test_the_worker_works_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    desk.build(instance).office.store.engine.dispose()
    worker = subprocess.Popen(
        [sys.executable, "-m", "disclosure.cli", "worker"],
        env=os.environ | {"DISCLOSURE_INSTANCE": str(instance)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        for _ in range(300):
            beats = sqlite3.connect(instance / "disclosure.db").execute("SELECT count(*) FROM heartbeats").fetchone()[0]
            if beats:
                break
            time.sleep(0.1)
        assert beats, "heartbeats are written after work"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    finally:
        worker.kill()
        worker.communicate()


# --- our own keys ---


def test_keys_are_listed_and_rotated(say, house: House) -> None:  # type: ignore[no-untyped-def]
    instance = house.office.settings.instance
    first = say("key", "list", "--json", instance=instance).json
    assert [(row["signs"], row["until"]) for row in first["openpgp"]] == [(True, None)]
    made = say("key", "rotate", "--now", NOW, "--json", instance=instance).json["fingerprint"]
    said = say("key", "list", "--json", instance=instance).json["openpgp"]
    assert [(row["fingerprint"], row["signs"]) for row in said] == [
        (made, True),
        (first["openpgp"][0]["fingerprint"], False),
    ]
    assert said[1]["until"] == said[0]["since"]
    assert f"openpgp4fpr:{made}".encode() in (instance / "security.txt").read_bytes(), "signed anew by the new key"
    assert say("key", "rotate", "--links", instance=instance).out == "links are signed with key 02 from now on\n"
    assert say("key", "list", "--json", instance=instance).json["links"] == ["01", "02"]
    assert "signs since" in say("key", "list", instance=instance).out


def test_the_key_encryption_key_is_changed_only_while_nobody_is_at_work(say, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    held = desk.build(tmp_path / "instance")
    before = (tmp_path / "instance" / "kek.key").read_bytes()
    refused = say("key", "rewrap", instance=tmp_path / "instance")
    assert refused.code == 2
    assert "stop the service first" in refused.err
    assert (tmp_path / "instance" / "kek.key").read_bytes() == before
    held.office.close()
    done = say("key", "rewrap", instance=tmp_path / "instance")
    assert done.code == 0
    assert "Keep the old copies" in done.out
    assert (tmp_path / "instance" / "kek.key").read_bytes() != before
    assert say("verify", "--all", instance=tmp_path / "instance").code == 0
