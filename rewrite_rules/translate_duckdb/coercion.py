"""Writing an expression as a value of another type, as Trino turns it by itself."""

from __future__ import annotations

from sqlglot import exp

from catalog.type_coercions import can_coerce
from catalog.types import TrinoType
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.context import Context, type_of, write
from rewrite_rules.translate_duckdb.text import unsupported
from rewrite_rules.translate_duckdb.zones import has_zone, zone_of


def coerced(node: exp.Expr, target: TrinoType, context: Context) -> str:
    """Write an expression as a value of another type that it turns into by itself.

    Raises Refusal NOT_SUPPORTED where it does not: a longer text would be cut.
    """
    source = type_of(node)
    written = write(node, context)
    if source == target:
        return written
    if not can_coerce(source, target):
        raise unsupported(f"{source} in place of {target}")
    zone = zone_of(node, context) if has_zone(source) else context.time_zone
    return cast(written, source, target, zone)
