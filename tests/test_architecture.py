"""The way goes one direction: docs say so, and the syntax trees are read here to see that it stays true.

There is no list of exceptions. A module that needs one is in the wrong place, or the table below says something else
than the design, and then both change together.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "disclosure"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The package itself, as in `from disclosure import create_app`: the composition point.
COMPOSITION = "disclosure"
RULES = {"protocol"}
WORDS = RULES | {"language"}
ADAPTERS = {"discovery", "openpgp", "mail", "store"}
BELOW_WEB = WORDS | ADAPTERS | {"casework", "policy", "settings", "settings_table", "data"}

# place → what it may import beside itself. A place is the longest name here that a module's name starts with.
MAY_IMPORT: dict[str, set[str]] = {
    "protocol": set(),
    "language": RULES,
    "settings_table": RULES,
    "settings": RULES | {"settings_table"},
    "calendars": RULES,
    "policylines": set(),
    "policy": RULES | {"calendars", "policylines", "settings", "data"},
    "data": set(),
    "discovery": WORDS | {"data"},
    "openpgp": WORDS,
    "mail": WORDS | {"openpgp"},
    "store": RULES,
    "casework": WORDS | ADAPTERS | {"policy", "settings", "data"},
    "demo": BELOW_WEB,
    # Plays the whole product, from its composition to its parent process.
    "demo.stage": BELOW_WEB | {"demo", "serve", COMPOSITION},
    # Pages and commands speak from the same catalogues as mails (language).
    "web": WORDS | {"casework"},
    "web.factory": BELOW_WEB | {"web"},
    COMPOSITION: BELOW_WEB | {"web", "web.factory"},
    "supervision": set(),
    "logs": {"settings_table", "casework"},
    "discreet": {"logs", "settings_table", COMPOSITION},
    "serve": RULES | {"settings", "settings_table", "supervision"},
    "metrics": WORDS | {"casework", "settings"},
    "worker": WORDS | {"casework", "settings", COMPOSITION},
    "commands": WORDS | {"casework", "settings", "serve", "worker", "metrics", "logs"},
    "cli": WORDS | {"casework", "settings", "serve", "worker", "demo", "demo.stage", "commands", "logs", COMPOSITION},
}
TESTED_HERE = pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))


def dotted(path: Path) -> str:
    """``disclosure.web.desk`` for its ``__init__.py``, ``disclosure.web.forms`` for ``forms.py``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


def imports(path: Path) -> Iterator[str]:
    """Every module that ``path`` names in an import, at the top, inside a function or for types alone."""
    package = dotted(path).split(".") if path.name == "__init__.py" else dotted(path).split(".")[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (_module(module, alias.name) for alias in node.names)


def _module(module: str, name: str) -> str:
    """``from a import b`` imports the module a.b if there is one, else something inside a."""
    inside = ROOT.joinpath(*module.split("."), name)
    return f"{module}.{name}" if inside.with_suffix(".py").is_file() or inside.is_dir() else module


def place(module: str) -> str:
    """The row of MAY_IMPORT that ``module`` (dotted, inside the package) belongs to."""
    parts = module.split(".")[1:]
    if not parts:
        return COMPOSITION
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in MAY_IMPORT:
            return ".".join(parts[:length])
    raise AssertionError(f"{module} has no place in the design: give it a row in MAY_IMPORT, or a home that has one")


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] == "disclosure"}


@TESTED_HERE
def test_the_way_goes_one_direction(module: Path) -> None:
    here = place(dotted(module))
    wrong = {name for name in ours(module) if place(name) not in MAY_IMPORT[here] | {here}}
    assert not wrong, f"{here} may import {sorted(MAY_IMPORT[here])} of ours"


@pytest.mark.parametrize("module", sorted((PACKAGE / "protocol").rglob("*.py")), ids=lambda path: path.name)
def test_the_rules_stand_on_the_standard_library_alone(module: Path) -> None:
    foreign = {name.split(".")[0] for name in imports(module)} - set(sys.stdlib_module_names) - {"disclosure"}
    assert not foreign


# design.md section 2: no clock, randomness, I/O, logging, file.
WORLDLY = {
    *("random", "secrets", "uuid", "time", "logging", "warnings"),
    *("os", "io", "sys", "pathlib", "shutil", "tempfile", "glob", "sqlite3"),
    *("socket", "ssl", "http", "smtplib", "urllib", "subprocess", "threading", "multiprocessing", "asyncio"),
}
CLOCKS = {"now", "utcnow", "today"}


@pytest.mark.parametrize("module", sorted((PACKAGE / "protocol").rglob("*.py")), ids=lambda path: path.name)
def test_the_rules_know_no_world(module: Path) -> None:
    assert not {name.split(".")[0] for name in imports(module)} & WORLDLY
    for call in (node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)):
        if isinstance(call, ast.Name):
            assert call.id not in {"open", "print", "input"}
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
            assert not (call.value.id in {"datetime", "date"} and call.attr in CLOCKS), "time is an argument"


def blueprint_of(module: str) -> str:
    """``desk`` for disclosure.web.desk.cases: which part of web a module is."""
    return module.split(".")[2] if module.startswith("disclosure.web.") else ""


def blueprints() -> set[str]:
    """The parts of web that make a blueprint."""
    makers = {
        blueprint_of(dotted(path))
        for path in (PACKAGE / "web").rglob("*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Blueprint"
    }
    return makers - {""}


def test_blueprints_never_import_each_other() -> None:
    all_of_them = blueprints()
    for path in (PACKAGE / "web").rglob("*.py"):
        mine = blueprint_of(dotted(path))
        if mine in all_of_them:
            others = {blueprint_of(name) for name in ours(path)} & all_of_them - {mine}
            assert not others, f"{path.relative_to(ROOT)} imports another audience's pages"


@TESTED_HERE
def test_a_module_is_named_after_what_it_does(module: Path) -> None:
    for part in dotted(module).split("."):
        vague = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"} & set(part.split("_"))
        assert not vague


def test_the_web_does_not_load_what_only_others_need(tmp_path: Path) -> None:
    """pgpy and requests cost memory and time in each process, alembic belongs to the parent, a scheduler would fire
    twice."""
    script = (
        "import app, sys; print(*{'pgpy', 'requests', 'alembic', 'apscheduler', 'flufl.bounce'} & sys.modules.keys())"
    )
    environ = {name: text for name, text in os.environ.items() if not name.startswith("DISCLOSURE_")}
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environ | {"DISCLOSURE_INSTANCE": str(tmp_path / "instance")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout.split()) == (0, []), run.stderr


# --- the wheel -------------------------------------------------------------------------------------------------------


def packaging() -> dict[str, list[str]]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"])


def test_every_package_is_named() -> None:
    found = {dotted(path) for path in MODULES if path.name == "__init__.py"}
    assert set(packaging()["packages"]) == found | {"disclosure.templates"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in a wheel built from a copy, so that the tree gets no build folder."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("disclosure", "templates"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    script = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    run = subprocess.run(
        [sys.executable, "-c", script, str(out)], cwd=copy, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(next(out.glob("*.whl"))) as archive:
        return set(archive.namelist())


def files(folder: Path) -> set[str]:
    """Files below ``folder`` that a running server reads, relative to it."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found}


@pytest.mark.parametrize(
    ("folder", "inside", "why"),
    [
        ("templates", "disclosure/templates", "pages and mails"),
        ("disclosure/data", "disclosure/data", "policy, authorities, holidays"),
        ("disclosure/web/static", "disclosure/web/static", "style and scripts"),
        ("disclosure/store/migrations", "disclosure/store/migrations", "a server that cannot make its tables"),
    ],
)
def test_the_wheel_carries(wheel: set[str], folder: str, inside: str, why: str) -> None:
    assert {f"{inside}/{name}" for name in files(ROOT / folder)} <= wheel, why


def test_the_wheel_carries_all_code_and_nothing_else(wheel: set[str]) -> None:
    assert {path.relative_to(ROOT).as_posix() for path in MODULES} <= wheel
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == {"app.py", "disclosure"}
    assert not [name for name in wheel if name.endswith((".pyc", ".key", ".db"))]


def test_the_wheel_carries_compiled_catalogues_and_the_licence(wheel: set[str]) -> None:
    sources = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("messages.po")}
    assert sources
    assert {name.removesuffix(".po") + ".mo" for name in sources} <= wheel
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)
