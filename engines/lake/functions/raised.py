"""How the functions refuse: by the words that the engine's errors are read from."""

from __future__ import annotations

from catalog.errors import ErrorCode
from engines.lake.errors import RAISED


def refused(what: str) -> ValueError:
    """Return the error for what the embedded lake does not answer as Trino would."""
    return raised(ErrorCode.NOT_SUPPORTED, f"{what} is not supported by the embedded lake")


def raised(code: ErrorCode, message: str) -> ValueError:
    """Return an error of Trino's."""
    return ValueError(f"{RAISED}{code.name}:{message}")


def raise_marked(words: str) -> None:
    """Raise an error of translated SQL where DuckDB's own `error` may not stand. Raises ValueError."""
    raise ValueError(words)
