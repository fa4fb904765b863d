"""gunicorn's log, without what callers sent."""

from __future__ import annotations

import os
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from disclosure import logs
from disclosure.settings_table import LogFormat


class DiscreetLog(Logger):
    """Request lines hold links, which open doors (R25); addresses are not logged either (R2, log level in serve.py)."""

    def setup(self, cfg: Config) -> None:
        """gunicorn's records go the way of all others; what web processes log is set up here too, before they fork.

        Its parent hands the setting on: settings themselves are read by the application, later.
        """
        super().setup(cfg)
        logs.configure(LogFormat(os.environ.get("DISCLOSURE_LOG_FORMAT") or LogFormat.JSON))
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """The traceback without the message's arguments: gunicorn puts method and path there."""
        super().exception("the web server failed at a request" if args else msg, **kwargs)
