"""Which share of a table's rows a condition keeps, by what is known of columns: textbook rules, hence guesses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from catalog.statistics import AllOf, AnyOf, ColumnStatistics, Comparison, Condition, Opaque

UNKNOWN = 1 / 3
"""The share that a condition keeps of which nothing is known."""
_NONE = ColumnStatistics()


def share(condition: Condition, columns: Mapping[str, ColumnStatistics], rows: int | None) -> float:
    """Return the share of rows, between 0 and 1, that fulfil a condition; columns count as independent."""
    match condition:
        case AllOf(parts):
            return math.prod(share(part, columns, rows) for part in parts)
        case AnyOf(parts):
            return 1.0 - math.prod(1.0 - share(part, columns, rows) for part in parts)
        case Opaque():
            return UNKNOWN
        case Comparison():
            return _within(_compared(condition, columns.get(condition.column, _NONE), rows))


def _compared(condition: Comparison, known: ColumnStatistics, rows: int | None) -> float:
    nulls = _within(known.nulls / rows) if known.nulls is not None and rows else 0.0
    each = 1.0 / max(known.distinct, 1.0) if known.distinct is not None else UNKNOWN
    match condition.operator, condition.values:
        case "is null", _:
            return nulls if known.nulls is not None else UNKNOWN
        case "is not null", _:
            return 1.0 - nulls
        case "=", (value,):
            return 0.0 if _outside(value, known) else each * (1.0 - nulls)
        case "in", values:
            return each * sum(not _outside(value, known) for value in values) * (1.0 - nulls)
        case (("<>" | "not in"), values):
            return (1.0 - min(1.0, each * len(values))) * (1.0 - nulls)
        case (("<" | "<="), (value,)):
            return _between(None, value, known) * (1.0 - nulls)
        case ((">" | ">="), (value,)):
            return _between(value, None, known) * (1.0 - nulls)
        case "between", (low, high):
            return _between(low, high, known) * (1.0 - nulls)
    return UNKNOWN


def _between(low: object, high: object, known: ColumnStatistics) -> float:
    """Return the share of a column's span that lies between two values, either of which may be missing."""
    first, last = _number(known.low), _number(known.high)
    start = first if low is None else _number(low)
    end = last if high is None else _number(high)
    if first is None or last is None or start is None or end is None:
        return UNKNOWN
    if end < first or start > last:
        return 0.0
    if last == first:
        return 1.0
    return (min(end, last) - max(start, first)) / (last - first)


def _outside(value: object, known: ColumnStatistics) -> bool:
    number, low, high = _number(value), _number(known.low), _number(known.high)
    return number is not None and low is not None and high is not None and not low <= number <= high


def _number(value: object) -> float | None:
    """Return a value as a point on its type's line; None where it has none, or too far out."""
    try:
        number = _point(value)
    except (ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _point(value: object) -> float | None:
    match value:
        case bool():
            return None
        case int() | float() | Decimal():
            return float(value)
        case datetime():
            return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
        case date():
            return float(value.toordinal())
    return None


def _within(value: float) -> float:
    return min(max(value, 0.0), 1.0)
