"""`python -m benchmarks [NAME…] [--json]`. Exit 1 when a figure was not reached."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys

import click

from benchmarks import measures
from benchmarks.table import Measure, Row, as_json, as_text


def found() -> dict[str, Measure]:
    """Name → measure(small=…), one per module of measures/."""
    names = [module.name for module in pkgutil.iter_modules(measures.__path__)]
    return {name: importlib.import_module(f"benchmarks.measures.{name}").measure for name in names}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "json_wanted", is_flag=True, help="Machine-readable output.")
@click.option("--small", is_flag=True, help="As little as shows that it runs; the figures mean nothing.")
def main(names: tuple[str, ...], json_wanted: bool, small: bool) -> None:
    """Measure this machine. Without a NAME: everything."""
    known = found()
    unknown = ", ".join(name for name in names if name not in known)
    if unknown:
        raise click.UsageError(f"no benchmark {unknown}; there are {', '.join(known)}")
    rows: list[Row] = [_busy()]
    for name in names or known:
        click.echo(f"{name} …", err=True)
        rows.extend(known[name](small=small))
    click.echo(json.dumps(as_json(rows), indent=2) if json_wanted else as_text(rows))
    sys.exit(any(row.reached is False for row in rows) and not small)


def _busy() -> Row:
    """What else this machine does: seconds and milliseconds mean little where others take the processors."""
    processors = os.cpu_count() or 1
    beside = f"{processors} processors; below {processors}, figures in seconds can be believed"
    return Row(figure="load of this machine before", measured=os.getloadavg()[0], unit="", beside=beside)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
