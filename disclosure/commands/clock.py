"""``disclosure clock``: whether the clock on the wall holds everything up, and the operator's word that it is right."""

from __future__ import annotations

import click

from disclosure.commands.options import as_json, at, instant, office, show


@click.group()
def clock() -> None:
    """A clock that jumped holds everything: nothing fires and nothing leaves until it is right again, or confirmed."""


@clock.command("status")
@at
@as_json
def status(now: str | None, as_json: bool) -> None:
    """Whether the clock jumped, which way, and since which last beat."""
    from disclosure.casework import outages  # noqa: PLC0415

    held = outages.held(office(), instant(now))
    said = {
        "held": bool(held),
        "jump": held.jump if held else None,
        "last": held.last if held else None,
        "now": held.now if held else None,
    }
    words = (
        f"held: the clock jumped {held.jump}; the last beat was at {held.last.isoformat()}, now it is "
        f"{held.now.isoformat()}"
        if held
        else "the clock can be trusted: everything goes on"
    )
    show(said, as_json=as_json, words=lambda: words)


@clock.command("confirm")
@at
def confirm(now: str | None) -> None:
    """You have looked: the clock is right as it is. A stretch forward counts for nobody."""
    from disclosure.casework import outages  # noqa: PLC0415

    here, when = office(), instant(now)
    if outages.held(here, when) is None:
        click.echo("nothing was held: the clock can be trusted")
        return
    credited = outages.clock_is_right(here, when)
    click.echo(f"confirmed: time is credited to {credited} cases, everything goes on with the next tick")
