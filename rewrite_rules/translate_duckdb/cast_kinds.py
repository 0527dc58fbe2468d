"""What a cast is, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import ErrorCode
from catalog.types import TrinoType
from rewrite_rules.translate_duckdb.text import duckdb_type, raising


@dataclass(frozen=True, slots=True)
class Cast:
    """A cast from one type to another; `tried` means TRY_CAST."""

    source: TrinoType
    target: TrinoType
    zone: str
    """What zoned values show: of the source, or of the session where the target gets one."""
    tried: bool = False

    def fails(self, code: ErrorCode = ErrorCode.INVALID_CAST_ARGUMENT) -> str:
        """Write what happens to a value that cannot be cast: an error, or NULL if only tried."""
        if self.tried:
            return "NULL"
        return raising(code, f"Value cannot be cast to {self.target}")

    def plain(self, sql: str) -> str:
        """Write DuckDB's own cast, for pairs of types where it is Trino's."""
        return f"{'TRY_CAST' if self.tried else 'CAST'}({sql} AS {duckdb_type(self.target)})"
