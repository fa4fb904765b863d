"""What a process writes to standard error: one line per record, as JSON or as text, and nothing that a person typed.

Our own messages are written for it (R2). Of an exception only the kind and the way to it are kept, never its words, and
of other libraries' records only the constant text: their arguments are addresses, file names, parts of requests.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from disclosure.casework.traces import trace
from disclosure.settings_table import LogFormat

OURS = ("disclosure", "gunicorn")  # gunicorn's own records pass through discreet.py first
# Facts that our own records bring along: words of our code and random ids. Anything else in `extra` is left out.
FACTS = ("case_id", "mail_id", "search_id", "fault")


def configure(style: LogFormat) -> None:
    """Every record of warning or above of this process goes to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Discreet(style))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda hook: _uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)
    logging.raiseExceptions = False  # a record that cannot be formatted would be printed with its arguments


def _uncaught(kind: type[BaseException], error: BaseException | None, way: TracebackType | None) -> None:
    """What ends a process or thread, as one record like all others: Python itself would print the error's words."""
    if error is not None and not isinstance(error, KeyboardInterrupt):
        logging.getLogger("disclosure").critical("a thread ends", exc_info=(kind, error, way))


class Discreet(logging.Formatter):
    """A record in one line."""

    def __init__(self, style: LogFormat) -> None:
        super().__init__()
        self._as = style

    def format(self, record: logging.LogRecord) -> str:
        told = _facts(record)
        if self._as is LogFormat.JSON:
            return json.dumps(told, ensure_ascii=False, default=str)
        more = " ".join(f"{name}={told[name]}" for name in FACTS if name in told)
        head = f"{told['at']} {told['level']} {told['logger']}: {told['message']}"
        return "\n".join(part for part in (f"{head} {more}".rstrip(), told.get("trace", "")) if part)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "process": record.process,
        "message": _message(record),
    }
    told |= {name: getattr(record, name) for name in FACTS if hasattr(record, name)}
    if record.exc_info and record.exc_info[1]:
        told["trace"] = trace(record.exc_info[1]).rstrip()
    return told


def _message(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] in OURS:
        with suppress(TypeError, ValueError):  # a slip in a template must not cost the record
            return record.getMessage()
    # With arguments the text is a template, a constant of that library; without, it may have been put together before.
    said = str(record.msg) if record.args else "a record without a template"
    return f"{said} ({record.filename}:{record.lineno})"
