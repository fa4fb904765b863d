from tests.casework.conftest import office

__all__ = ["office"]
