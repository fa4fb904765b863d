"""An office as in tests/casework, on each database."""

from tests.casework.conftest import office

__all__ = ["office"]
