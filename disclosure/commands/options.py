"""What the commands have in common: the office of this installation, an instant to act at, two ways to answer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from disclosure.casework.office import Office, open_office
from disclosure.settings import instance_folder, load

as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
at = click.option("--now", "now", metavar="T", help="Instant to act at, ISO 8601 with zone; default: the clock.")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def office(*, prepare: bool = False) -> Office:
    """The office of this installation; with ``prepare``, its folder and schema are made or brought up to date.

    Its connections end with the command.
    """
    settings = load(instance_folder(os.environ), os.environ)
    nothing = click.ClickException(f"nothing is stored in {settings.instance} yet: start the server there first")
    if not prepare and not (settings.instance / "app.key").exists():
        raise nothing  # opening an office makes its keys: a slip in a folder's name must leave none behind
    held = open_office(settings)
    if (context := click.get_current_context(silent=True)) is not None:
        context.call_on_close(held.close)
    if prepare:
        held.prepare(datetime.now(UTC))
    elif not held.is_prepared():
        raise nothing
    return held


def instant(text: str | None) -> datetime:
    """An ISO 8601 instant with zone, or now."""
    if not text:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no instant: 2026-11-24T09:00:00+01:00") from None
    if at.tzinfo is None:
        raise click.BadParameter("an instant needs its zone: 2026-11-24T09:00:00+01:00")
    return at.astimezone(UTC)


def show(value: Any, *, as_json: bool, words: Callable[[], str]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str) if as_json else words())
