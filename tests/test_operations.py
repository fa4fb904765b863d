"""docs/operations.md, the units and the example for nginx: whatever they say of this product is tried here."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from sqlalchemy import func, select

from disclosure.casework import clockwork, measuring, verification
from disclosure.cli import main
from disclosure.protocol.events import EVENT_TYPES
from disclosure.settings_table import SETTINGS
from disclosure.store.tables import cases, outbox
from tests.chaos import scene
from tests.conftest import need

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GUIDE = (DOCS / "operations.md").read_text(encoding="utf-8")
UNITS = sorted((DOCS / "systemd").iterdir())
SHELL = [part.replace("\n   ", "\n") for part in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)]
RUNBOOKS = re.findall(r"^### (.+?)\n\n(.*?)(?=^### |\Z)", GUIDE.partition("## Runbooks")[2], re.DOTALL | re.MULTILINE)


# --- every command is run ---


@pytest.mark.timeout(400)  # some twenty processes, one after the other, on a machine that may be busy
def test_every_command_of_the_guide_runs(tmp_path: Path) -> None:
    """From the first block to the last, in one house, with the paths of the guide led to a folder of the test."""
    need("age", package="age")
    need("sqlite3", package="sqlite3")
    places = {
        "/var/lib/disclosure": tmp_path / "instance",
        "/var/backups/disclosure": tmp_path / "backups",
        "/etc/disclosure": tmp_path / "etc",
        "/media/safe": tmp_path / "safe",
        "/root": tmp_path / "root",
    }
    for name, folder in places.items():
        if name != "/var/lib/disclosure":
            folder.mkdir()
    made = scene.prepare(tmp_path / "instance")
    shutil.copy(made.folder / "kek.key", tmp_path / "safe")
    script = "\n".join(f"{command}\necho -- done" for command in SHELL)
    for name, folder in sorted(places.items(), reverse=True):
        script = script.replace(name, str(folder))
    # Of a scene of the past: the clock on the wall finds a dead worker and faults, which is what the doctor is for.
    script = re.sub(r"^ *(disclosure doctor .*)$", r"{ \1 || test $? -eq 1; }", script, flags=re.MULTILINE)
    environ = {name: text for name, text in os.environ.items() if not name.startswith("DISCLOSURE_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    environ["DISCLOSURE_INSTANCE"] = str(tmp_path / "instance")
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environ, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, (run.stdout[-2000:], run.stderr)
    assert run.stdout.count("-- done") == len(SHELL) > 10
    assert "restored, since 20" in run.stdout, "maintenance says why and since when"
    assert "0|0|0" in run.stdout, "the write-ahead log was folded back"


# --- every command, figure and setting that is named exists ---


def commands(text: str) -> set[tuple[str, ...]]:
    """Every ``disclosure …`` that stands in code, as words."""
    code = [*re.findall(r"`([^`\n]+)`", text), *"\n".join(SHELL).splitlines(), *text.splitlines()]
    lines = (re.split(r" \|\| | && ", line.strip())[0] for line in code)
    return {tuple(shlex.split(line)) for line in lines if re.match(r"disclosure [a-z]", line)} - {()}


def parse(words: tuple[str, ...]) -> None:
    """Raises click's own error for a command, option or number of arguments that does not exist."""
    command: click.Command = main
    context = click.Context(main)
    rest = list(words[1:])
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, name
        command = found
    if len(words) > 2 or not any(isinstance(p, click.Argument) and p.required for p in command.params):
        for parameter in command.params:
            parameter.type = click.STRING  # files of the guide need not lie on this machine
        command.make_context(command.name, rest)


def test_the_guide_names_commands() -> None:
    assert len(commands(GUIDE)) > 12


@pytest.mark.parametrize("words", sorted(commands(GUIDE)), ids=" ".join)
def test_commands_of_the_guide_exist(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    name = words[1]
    assert name in main.commands, words
    group = main.commands[name]
    if isinstance(group, click.Group) and len(words) > 2:
        assert words[2] in group.commands
        group = group.commands[words[2]]
    known = {option for parameter in group.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_table_of_figures_is_whole(tmp_path: Path) -> None:
    office = scene.make_office(tmp_path / "instance")
    figures = {f"disclosure_{f.name}" for f in measuring.figures(office.store.engine, office.settings, scene.DUE)}
    office.store.engine.dispose()
    assert set(re.findall(r"^\| `(disclosure_\w+)`", GUIDE, re.MULTILINE)) == figures
    assert set(re.findall(r"`(disclosure_\w+)`", GUIDE)) <= figures


def test_settings_that_the_guide_names_exist() -> None:
    known = {row.name for row in SETTINGS}
    named = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)(?: = [^`]+)?`", GUIDE))
    sections = {name.partition(".")[0] for name in known if "." in name}
    dotted = {name for name in named if "." in name and name.partition(".")[0] in sections}
    assert dotted
    assert dotted <= known
    assert {"public_url", "trusted_proxies", "free_space_floor_bytes"} <= named & known


@pytest.mark.parametrize(("title", "text"), RUNBOOKS, ids=[title for title, _ in RUNBOOKS])
def test_a_runbook_says_all_four_things(title: str, text: str) -> None:
    places = [text.find(f"**{word}") for word in ("Seen.", "Means.", "Do.", "Over when")]
    assert places[0] == 0, title
    assert places == sorted(places), "in this order"


def test_links_inside_the_guide_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", GUIDE, re.M)
    }
    targets = re.findall(r"\]\(([^)]+)\)", GUIDE)
    assert {target[1:] for target in targets if target.startswith("#")} <= anchors
    assert all((DOCS / target).exists() for target in targets if not target.startswith("#"))
    assert len(RUNBOOKS) == GUIDE.count("**Over when**") == 8


# --- the units ---


def settings_of(unit: Path) -> list[tuple[str, str]]:
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [(name, value) for name, _, value in (line.partition("=") for line in lines if "=" in line[:40])]


@pytest.mark.parametrize("unit", [u for u in UNITS if u.suffix == ".service"], ids=lambda unit: unit.name)
def test_a_unit_runs_a_command_that_exists_and_is_hardened(unit: Path) -> None:
    held = settings_of(unit)
    ours = [value for name, value in held if name == "ExecStart" and "/disclosure " in value]
    assert len(ours) == 1
    parse(("disclosure", *shlex.split(ours[0])[1:]))
    assert {
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("LimitCORE", "0"),
        ("UMask", "0077"),
        ("User", "disclosure"),
        ("StateDirectoryMode", "0700"),
    } <= set(held)


def test_units_as_systemd_reads_them(tmp_path: Path) -> None:
    program = need("systemd-analyze", package="systemd")
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace(
            "/opt/disclosure/.venv/bin/disclosure", shutil.which("true") or ""
        )
        (tmp_path / unit.name).write_text(text.replace("/usr/bin/curl", shutil.which("true") or ""), encoding="utf-8")
    run = subprocess.run(
        [program, "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, [line for line in run.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


def test_nginx_keeps_no_log_and_believes_nobody() -> None:
    text = (DOCS / "nginx.conf").read_text(encoding="utf-8")
    assert text.count("access_log off;") == text.count("server_name ")
    assert "X-Forwarded-For $remote_addr;" in text
    assert "proxy_add_x_forwarded_for" not in text
    size = re.search(r"client_max_body_size (\d+)m;", text)
    assert size is not None
    asked = next(row.fallback for row in SETTINGS if row.name == "uploads.max_request_bytes")
    assert int(size[1]) * 1024 * 1024 >= asked  # type: ignore[operator]


# --- what it says of two releases side by side ---


def test_an_old_worker_leaves_a_case_with_a_new_kind_of_event_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release before, played by this one without a kind of event that one of two due cases holds."""
    made = scene.prepare(tmp_path / "instance")
    office = scene.reopen(made.folder)
    with monkeypatch.context() as before:
        before.delitem(EVENT_TYPES, "DomainTied")
        done = clockwork.tick(office, scene.DUE)
    assert done.stuck == 2, "stories tie domains: both are due, neither is guessed at"
    with office.store.reading() as connection:
        rows = connection.execute(select(cases.c.id, cases.c.stuck_why)).all()
        left = connection.scalar(
            select(func.count()).where(outbox.c.queued_at == scene.DUE, outbox.c.case_id.is_not(None))
        )
    assert left == 0, "nothing was said that might be wrong"
    for row in rows:
        assert row.stuck_why
        clockwork.unstick(office, row.id)
    assert clockwork.tick(office, scene.DUE).rungs > 0, "the worker of this release goes on where that one stopped"
    assert verification.verify(office).ok
    office.store.engine.dispose()
