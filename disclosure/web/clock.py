"""The one place where the web asks what time it is; everything else is handed the instant."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import current_app


def now() -> datetime:
    """The instant of this request; a demonstration and the tests set another clock on the application."""
    clock = current_app.extensions.get("clock")
    return clock() if clock else datetime.now(UTC)
