"""The way in for mail, where a relay of our own hands it over by a pipe."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from disclosure.commands.options import office
from disclosure.protocol.errors import CannotStore

# sysexits.h: the relay keeps the mail and comes again.
TEMPORARY_FAILURE = 75


@click.command()
@click.option("--recipient", default="", help="Envelope recipient, with its plus part: Postfix's ${recipient}.")
@click.option("--sender", default="", help="Envelope sender: Postfix's ${sender}.")
def receive(recipient: str, sender: str) -> None:
    """Take one mail from standard input, for a pipe transport of a relay.

    Ends with 0 once it is stored, sealed; with 75 when it could not be, so that the relay tries again.
    """
    from disclosure.casework import receiving  # noqa: PLC0415

    message = sys.stdin.buffer.read(receiving.MOST_BYTES + 1)
    kept = receiving.Kept(message, recipient[:320], sender[:320])
    try:
        receiving.receive(office(), kept, datetime.now(UTC), source="pipe")
    except CannotStore as error:
        click.echo(f"disclosure: {error}", err=True)
        sys.exit(TEMPORARY_FAILURE)
