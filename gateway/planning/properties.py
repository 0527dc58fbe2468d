"""Properties that statements give to tables: constants, of an allow-list."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parameters import check_constant
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import quoted

Given = tuple[tuple[str, exp.Expr | None], ...]

_OF_TABLES = frozenset({"format", "partitioning", "sorted_by", "format_version"})
"""Table properties a caller may set; a location would be a second name for somebody's files."""
_OF_ANALYZE = frozenset({"columns", "partitions"})


def table_properties(given: Given, location: Location, *, default: bool = False) -> str:
    """Write properties of a table; DEFAULT may stand for a value where a table is altered. Raises Refusal."""
    return _written(given, _OF_TABLES, "Table", ErrorCode.INVALID_TABLE_PROPERTY, location, default=default)


def analyze_properties(given: Given, location: Location) -> str:
    """Write the properties of ANALYZE. Raises Refusal."""
    return _written(given, _OF_ANALYZE, "Analyze", ErrorCode.INVALID_ANALYZE_PROPERTY, location, default=False)


def refuse_column_properties(given: Given, location: Location) -> None:
    """Refuse the properties of a column: none is taken. Raises Refusal."""
    for name, _ in given:
        message = f"Column property '{name}' is not allowed through this gateway."
        raise Refusal(ErrorCode.INVALID_COLUMN_PROPERTY, message, location=location)


def with_clause(written: str) -> str:
    """Return the WITH clause of written properties, nothing for none."""
    return f" WITH ({written})" if written else ""


def _written(
    given: Given, allowed: frozenset[str], what: str, code: ErrorCode, location: Location, *, default: bool
) -> str:
    parts: list[str] = []
    names = [name.lower() for name, _ in given]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise Refusal(ErrorCode.DUPLICATE_PROPERTY, f"Duplicate property: {doubled}", location=location)
    for name, value in given:
        if name.lower() not in allowed or (value is None and not default):
            raise Refusal(
                code,
                f"{what} property '{name}' is not allowed through this gateway.",
                hint=f"Allowed: {', '.join(sorted(allowed))}.",
                location=location,
            )
        if value is not None:
            check_constant(value, f"{what} properties")
        parts.append(f"{quoted(name.lower())} = {generate(value) if value is not None else 'DEFAULT'}")
    return ", ".join(parts)
