"""``disclosure policy``: whether a policy file can be used, before a server meets it; and what is in force."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from disclosure.commands.options import FILE, as_json, show
from disclosure.policy import BadPolicy, check_file
from disclosure.policylines import say
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
    authorities = load(instance_folder(os.environ), os.environ).policy.authorities
    try:
        version = check_file(file, authorities)
    except BadPolicy as refused:
        problems = [
            {"line": refused.lines[place], "place": place, "code": why, "reason": say(why)}
            for place, why in refused.named.items()
        ]
        said = {"ok": False, "file": file.name, "problems": problems}
        lines = [f"{file.name}:{p['line']}: {p['place']}: {p['reason']}" for p in problems]
        if as_json:
            show(said, as_json=True, words=str)
        else:
            click.echo("\n".join(lines), err=True)
        sys.exit(REFUSED)
    show({"ok": True, "file": file.name, "version": version}, as_json=as_json, words=lambda: f"ok: version {version}")
