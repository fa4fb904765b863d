"""gunicorn's log, without what callers sent."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger


class DiscreetLog(Logger):
    """Request lines hold links, which open doors (R25); addresses are not logged either (R2, log level in serve.py)."""

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """The traceback without the message's arguments: gunicorn puts method and path there."""
        super().exception("the web server failed at a request" if args else msg, **kwargs)
