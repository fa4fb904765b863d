"""``disclosure doctor``: whether mail of ours arrives and proves itself, and whether the house is in order."""

from __future__ import annotations

import sys

import click

from disclosure.commands.options import as_json, at, instant, office, show


@click.command()
@click.option("--offline", is_flag=True, help="Ask neither name servers nor the relay.")
@at
@as_json
def doctor(offline: bool, now: str | None, as_json: bool) -> None:
    """Check domain, relay, keys, worker, outbox, authorities and disk; exit 1 when there is a fault.

    Each line is ok, a warning or a fault, with what to do. What did not answer in time is a warning: not known.
    """
    from disclosure.casework.checkup.examine import examine  # noqa: PLC0415 - loads what only it needs
    from disclosure.casework.checkup.findings import State  # noqa: PLC0415

    found = examine(office(), instant(now), online=not offline)
    lines = [
        f"{one.state:<7} {one.check:<12} {one.meaning}" + (f"\n{'':<21}{one.do}" if one.do else "") for one in found
    ]
    show([one.to_json() for one in found], as_json=as_json, words=lambda: "\n".join(lines))
    sys.exit(1 if any(one.state is State.FAULT for one in found) else 0)
