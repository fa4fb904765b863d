"""``disclosure policy``: whether a policy file can be used, before a server meets it; and what is in force."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from disclosure.commands.options import FILE, as_json, show
from disclosure.settings import instance_folder, load

REFUSED = 2  # as every command ends that cannot do what it was asked


@click.group()
def policy() -> None:
    """The rules of time, as a file (R30-R37a)."""


@policy.command("check")
@click.argument("file", type=FILE)
@as_json
def check(file: Path, as_json: bool) -> None:
    """Read FILE as a server would at its start. Ends with 2, and says line and reason, if it would be refused."""
    from disclosure.casework import policies  # noqa: PLC0415

    found = policies.checked(file, load(instance_folder(os.environ), os.environ).policy.authorities)
    said = {
        "ok": not found.problems,
        "file": file.name,
        "version": found.version,
        "problems": [vars(problem) for problem in found.problems],
    }
    if found.problems and not as_json:
        lines = (f"{file.name}:{p.line}: {p.place}: {p.reason}" for p in found.problems)
        click.echo("\n".join(lines), err=True)
    else:
        show(said, as_json=as_json, words=lambda: f"ok: version {found.version}")
    if found.problems:
        sys.exit(REFUSED)
