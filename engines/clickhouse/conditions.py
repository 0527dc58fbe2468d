"""Conditions as ClickHouse's SQL, to ask which parts and ranges they leave. Nothing is ever answered by this text.

What cannot be said is left out where that keeps more rows, so that what is asked never keeps fewer than the statement.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from catalog.statistics import AllOf, AnyOf, Comparison, Condition, Opaque
from engines.clickhouse.sizes import identifier, literal


def condition_sql(condition: Condition, columns: Mapping[str, str]) -> str | None:
    """Return a condition that keeps at least the rows of another; None where it would keep all.

    `columns` are the server's names by ours.
    """
    match condition:
        case Comparison():
            return _comparison(condition, columns)
        case AllOf(parts):
            said = [text for part in parts if (text := condition_sql(part, columns)) is not None]
            return " AND ".join(f"({text})" for text in said) or None
        case AnyOf(parts):
            texts = [condition_sql(part, columns) for part in parts]
            said = [text for text in texts if text is not None]
            return None if len(said) < len(texts) else " OR ".join(f"({text})" for text in said) or "0"
    return None


def columns_of(condition: Condition) -> Iterator[str]:
    """Yield the columns that a condition is about."""
    match condition:
        case Comparison(column):
            yield column
        case Opaque(columns):
            yield from columns
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from columns_of(part)


def asks_elsewhere(condition: Condition) -> bool:
    """Tell whether some of a condition's values come from another table at run time."""
    match condition:
        case Opaque(_, subquery):
            return subquery
        case AllOf(parts) | AnyOf(parts):
            return any(asks_elsewhere(part) for part in parts)
    return False


def _comparison(condition: Comparison, columns: Mapping[str, str]) -> str | None:
    if condition.column not in columns:
        return None
    column = identifier(columns[condition.column])
    values = [_constant(value) for value in condition.values]
    said = [value for value in values if value is not None]
    if len(said) < len(values):
        return None
    match condition.operator, said:
        case ("is null" | "is not null") as operator, []:
            return f"{column} {operator.upper()}"
        case ("=" | "<>" | "<" | "<=" | ">" | ">=") as operator, [value]:
            return f"{column} {operator} {value}"
        case "between", [low, high]:
            return f"{column} >= {low} AND {column} <= {high}"
        case "in", _:
            return f"{column} IN ({', '.join(said)})" if said else "0"
        case "not in", [_, *_]:
            return f"{column} NOT IN ({', '.join(said)})"
        case "starts with", [value]:
            return f"startsWith({column}, {value})"
    return None


def _constant(value: object) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else None
        case Decimal():
            exponent = value.as_tuple().exponent
            return None if isinstance(exponent, str) else f"toDecimal128('{value:f}', {max(0, -exponent)})"
        case str():
            return literal(value)
        case datetime():
            moment = value.astimezone(UTC) if value.tzinfo is not None else value
            return f"toDateTime64('{moment:%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"
        case date():
            return f"toDate32('{value.isoformat()}')"
    return None
