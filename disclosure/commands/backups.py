"""``disclosure backup`` and ``disclosure restore`` (docs/operations.md)."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import click

from disclosure.commands.options import FILE, as_json, at, instant, office, show
from disclosure.settings import instance_folder

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--to", "to", multiple=True, required=True, metavar="RECIPIENT", help="age1…, SSH key, or a file of such."
)
@click.option("--keep-keys", "keep", type=click.IntRange(1), default=14, show_default=True, metavar="DAYS")
@at
@as_json
def backup(folder: Path, to: tuple[str, ...], keep: int, now: str | None, as_json: bool) -> None:
    """Two encrypted files into FOLDER while the server works: the data, and the stream keys.

    The key-encryption key (kek.key) is in neither: keep a copy of it elsewhere. Files of keys in FOLDER that are older
    than DAYS are deleted: until then, what was erased can still be read with them.
    """
    from disclosure.casework import backups  # noqa: PLC0415

    made = backups.back_up(office(), folder, to, instant(now), keep_keys=timedelta(days=keep))
    words = [f"{made.data}", f"{made.keys}", f"{made.sha256}"]
    words += [f"deleted: {name}" for name in made.expired]
    words += [f"NOT in the backup, because nobody knows it: {name}" for name in made.unknown]
    said = {name: str(value) if isinstance(value, Path) else value for name, value in vars(made).items()}
    show(said, as_json=as_json, words=lambda: "\n".join(words))


@click.command()
@click.argument("data", type=FILE)
@click.option("--keys", "keys", type=FILE, help="The file of keys; default: the one beside DATA.")
@click.option("--identity", "identity", required=True, type=FILE, help="The age identity that opens both.")
@click.option("--kek", "kek", type=FILE, help="The key-encryption key; default: kek.key in the instance folder.")
@at
@as_json
def restore(data: Path, keys: Path | None, identity: Path, kek: Path | None, now: str | None, as_json: bool) -> None:
    """Make an instance of the backup DATA in the instance folder, which must be empty but for kek.key.

    Everything is verified before it counts. Then the server may be started; nothing leaves and no deadline fires until
    somebody has confirmed.
    """
    from disclosure.casework import restores  # noqa: PLC0415

    source = restores.Source(data, keys or restores.keys_beside(data), identity, kek)
    done = restores.restore(instance_folder(os.environ), source, os.environ, instant(now))
    words = (
        f"restored to {done.instance}: the backup of {done.made_at}, {done.streams} streams, {done.events} events, ok\n"
        f"Nothing leaves and no deadline fires until you confirm: see docs/operations.md, Restore."
    )
    said = {name: str(value) if isinstance(value, Path) else value for name, value in vars(done).items()}
    show(said, as_json=as_json, words=lambda: words)


@click.group()
def maintenance() -> None:
    """While it lasts, nothing leaves and no deadline fires; reports and answers still come in."""


@maintenance.command("status")
@as_json
def maintenance_status(as_json: bool) -> None:
    """Whether it lasts, why and since when."""
    from disclosure.casework import maintenance  # noqa: PLC0415

    held = maintenance.current(office())
    said = {"maintenance": bool(held), "reason": held.reason if held else None, "since": held.since if held else None}
    words = f"{held.reason}, since {held.since.isoformat()}" if held else "no maintenance: everything goes on"
    show(said, as_json=as_json, words=lambda: words)


@maintenance.command("end")
@at
def maintenance_end(now: str | None) -> None:
    """A person has looked at what the backup could not know: everything goes on."""
    from disclosure.casework import maintenance  # noqa: PLC0415

    credited = maintenance.end(office(), instant(now))
    click.echo(
        "maintenance is over: what is due leaves and fires from the next tick on; "
        f"the time since the last beat is credited to {credited} cases"
    )
