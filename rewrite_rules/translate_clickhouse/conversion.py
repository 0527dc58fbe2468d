"""What a conversion between types is given."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.failures import unsupported


@dataclass(frozen=True, slots=True)
class Conversion:
    """One conversion: the value, both types, and whether a failure gives NULL (TRY_CAST)."""

    sql: str
    source: TrinoType
    target: TrinoType
    safe: bool = False
    zone: str | None = None
    """The session's time zone, for conversions that depend on it."""
    value_zone: str | None = None
    """The time zone all values carry, where known."""
    node: exp.Expr | None = None


def refuse(job: Conversion) -> str:
    """Refuse a conversion that is not proved. Always raises Refusal NOT_SUPPORTED."""
    raise unsupported(f"A cast from {job.source} to {job.target}", job.node)
