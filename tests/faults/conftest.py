"""The same fixtures as operations."""

from tests.operations.conftest import coordinator

__all__ = ["coordinator"]
