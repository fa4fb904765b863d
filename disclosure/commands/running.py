"""Processes beside ``serve`` and ``worker``: the web server alone, the figures, and whether the worker lives."""

from __future__ import annotations

import os
import sys

import click

from disclosure import logs
from disclosure.commands.options import as_json, at, instant, office, show
from disclosure.protocol.errors import NotConfigured
from disclosure.settings import instance_folder, load


@click.command()
def web() -> None:
    """The web server alone, where the worker is a service of its own or runs on another machine."""
    from disclosure.serve import serve_web  # noqa: PLC0415

    held = office(prepare=True)
    held.close()
    serve_web(held.settings, dict(os.environ))


@click.command()
def metrics() -> None:
    """Figures for Prometheus at the address of the setting metrics.listen, until a signal stops them."""
    from disclosure.metrics import measure  # noqa: PLC0415
    from disclosure.serve import listening_at, private_umask  # noqa: PLC0415

    private_umask()
    settings = load(instance_folder(os.environ), os.environ)
    if settings.metrics.listen is None:
        raise NotConfigured("metrics.listen")
    logs.configure(settings.log.format)
    with listening_at(settings.metrics.listen, "metrics.listen") as listener:
        measure(settings, listener).serve_forever()


@click.command()
@at
@as_json
def alive(now: str | None, as_json: bool) -> None:
    """Whether the worker's clock beat within a minute; exit 1 if not. For a dead man's switch (docs/operations.md)."""
    from disclosure.casework import measuring  # noqa: PLC0415

    with office().store.reading() as connection:
        beats = measuring.alive(connection, instant(now))
    show({"alive": beats}, as_json=as_json, words=lambda: "alive" if beats else "the worker is dead")
    sys.exit(0 if beats else 1)
