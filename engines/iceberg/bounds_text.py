"""Write ranges of columns as Trino's literals; an end that cannot be written is left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from pyiceberg import types as iceberg
from pyiceberg.schema import Schema

from catalog.errors import Refusal
from catalog.materialized_views import Bound, Region
from catalog.names import fold_trino
from engines.iceberg.boxes import Box
from engines.iceberg.constants import Stored

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST = -(2**63)
"""Its digits alone are too many for a bigint, and the sign comes later."""
_FIRST_PRINTED = 32


def region_of(box: Box, schema: Schema) -> Region:
    """Return a box as bounds on the columns' names; what cannot be written is not bounded."""
    bounds = []
    for number, each in box.items():
        column = schema.find_field(number)
        low, high = literal(each.low, column.field_type), literal(each.high, column.field_type)
        if low is not None or high is not None:
            bounds.append(Bound(fold_trino(column.name), low, high, each.nulls))
    return Region(tuple(sorted(bounds, key=lambda bound: bound.column)))


def speakable(name: str) -> bool:
    """Tell whether a statement can name a column."""
    try:
        fold_trino(name)
    except Refusal:
        return False
    return True


def literal(value: Stored | None, type_: iceberg.IcebergType) -> str | None:
    """Return a value as a literal; None where there is none, as for years that have more than four digits."""
    write = _WRITERS.get(type(type_))
    if value is None or write is None:
        return None
    try:
        return write(value)
    except (OverflowError, UnicodeDecodeError):
        return None


def _whole(value: Stored) -> str | None:
    return None if value == _SMALLEST else str(value)


def _decimal(value: Stored) -> str | None:
    return f"DECIMAL '{value:f}'" if isinstance(value, Decimal) else None


def _date(value: Stored) -> str | None:
    return f"DATE '{date(1970, 1, 1) + timedelta(days=_int(value))}'"


def _timestamp(value: Stored) -> str | None:
    return f"TIMESTAMP '{_instant(value).date()} {_instant(value):%H:%M:%S.%f}'"


def _timestamptz(value: Stored) -> str | None:
    return f"TIMESTAMP '{_instant(value).date()} {_instant(value):%H:%M:%S.%f} UTC'"


def _time(value: Stored) -> str | None:
    return f"TIME '{_instant(value):%H:%M:%S.%f}'"


def _text(value: Stored) -> str | None:
    text = value.decode() if isinstance(value, bytes) else None
    if text is None or any(ord(each) < _FIRST_PRINTED for each in text):
        return None
    return "'" + text.replace("'", "''") + "'"


def _instant(value: Stored) -> datetime:
    return _EPOCH + timedelta(microseconds=_int(value))


def _int(value: Stored) -> int:
    if not isinstance(value, int):
        raise OverflowError
    return value


_WRITERS: Mapping[type[iceberg.IcebergType], Callable[[Stored], str | None]] = {
    iceberg.IntegerType: _whole,
    iceberg.LongType: _whole,
    iceberg.DecimalType: _decimal,
    iceberg.DateType: _date,
    iceberg.TimestampType: _timestamp,
    iceberg.TimestamptzType: _timestamptz,
    iceberg.TimeType: _time,
    iceberg.StringType: _text,
}
