"""Commands about mail that arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from disclosure.commands.options import FILE, as_json, show


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@click.option("--token", "tokens", multiple=True, metavar="T", help="A plus part that we used; may be repeated.")
@click.option("--message-id", "message_ids", multiple=True, metavar="M", help="Of a mail we sent; may be repeated.")
@as_json
def classify(files: tuple[Path, ...], tokens: tuple[str, ...], message_ids: tuple[str, ...], as_json: bool) -> None:
    """What the messages in FILE are: bounce, report, robot, or a person's answer.

    Without --token and --message-id their form alone decides. Nothing is stored, and no mail acknowledges a case.
    """
    from disclosure.casework import classifying  # noqa: PLC0415

    rows = [{"file": str(file), **classifying.classified(file, tokens, message_ids)} for file in files]
    show(rows, as_json=as_json, words=lambda: "\n".join(_classified(row) for row in rows))


def _classified(row: dict[str, Any]) -> str:
    failed = ", ".join(f"{one['address']} {one['action']} {one['status']}".strip() for one in row["recipients"])
    doubt = "  [unsure: look at it]" if row["unsure"] else ""
    return f"{row['class']:<22} {row['file']}  ({row['because']})  {failed or '-'}{doubt}"
