"""Mail in files, classified for the command line, stored nowhere (R27)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from disclosure.mail.inbound import MOST_BYTES, read_safely

_SHOWN = ("because", "unsure", "may_acknowledge", "recipients", "tokens", "references")


def classified(file: Path, tokens: Collection[str], message_ids: Collection[str]) -> dict[str, Any]:
    """What :func:`read_safely` says of ``file``, without what the message contains."""
    with file.open("rb") as source:
        message = source.read(MOST_BYTES + 1)
    said = read_safely(message, tokens=tokens, message_ids=message_ids).to_json()
    return {"class": said["mail_class"]} | {name: said[name] for name in _SHOWN}
