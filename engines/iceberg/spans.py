"""What manifests prove of the rows of one file: ranges of its columns, by its bounds and by its partition."""

from __future__ import annotations

import calendar
import struct
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pyiceberg import types as iceberg
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import (
    DayTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    TruncateTransform,
    YearTransform,
)

from engines.iceberg.boxes import DAY, Box, Range, common
from engines.iceberg.constants import Inexact, Stored
from engines.iceberg.manifests import decoded

_HOUR = DAY // 24
_EPOCH_YEAR = 1970
_MOST_YEAR = 9999
_EIGHT_BYTES = (iceberg.TimestampType, iceberg.TimestamptzType, iceberg.TimeType)
_ENCLOSED = (
    iceberg.IntegerType,
    iceberg.LongType,
    iceberg.DateType,
    *_EIGHT_BYTES,
    iceberg.DecimalType,
    iceberg.StringType,
)
"""Types of which ranges are told. No floating point: NaN lies outside of all bounds."""


def enclosed(schema: Schema) -> Mapping[int, iceberg.PrimitiveType]:
    """Return the columns of which ranges can be told, by their ids."""
    return {f.field_id: f.field_type for f in schema.fields if isinstance(f.field_type, _ENCLOSED)}


def box_of(file: DataFile, spec: PartitionSpec, schema: Schema) -> Box:
    """Enclose the rows of a data file."""
    box: dict[int, Range] = {}
    partition = partition_ranges(file, spec, schema)
    for number, type_ in enclosed(schema).items():
        told, within = _by_metrics(file, number, type_), partition.get(number)
        both = common(told, within) if told is not None and within is not None else told or within
        if both is not None and (both.low is not None or both.high is not None):
            box[number] = both
    return box


def box_of_values(file: DataFile, spec: PartitionSpec, schema: Schema) -> Box:
    """Enclose the rows that a file of deletes by values speaks of; without a partition it speaks of the whole table."""
    box = dict(partition_ranges(file, spec, schema))
    types = enclosed(schema)
    for number in file.equality_ids or ():
        told = _by_metrics(file, number, types[number]) if number in types else None
        if told is not None:
            within = box.get(number)
            both = told if within is None else common(told, within)
            if both is not None:
                box[number] = both
    return {number: each for number, each in box.items() if each.low is not None or each.high is not None}


def partition_ranges(file: DataFile, spec: PartitionSpec, schema: Schema) -> Mapping[int, Range]:
    """Return what a file's partition says of the columns it is made from."""
    types = enclosed(schema)
    found: dict[int, Range] = {}
    for at, each in enumerate(spec.fields):
        type_, value = types.get(each.source_id), file.partition[at]
        told = None if type_ is None or value is None else _by_partition(each, value, type_)
        if told is not None:
            known = found.get(each.source_id)
            both = told if known is None else common(known, told)
            if both is not None:
                found[each.source_id] = both
    return found


def _by_metrics(file: DataFile, number: int, type_: iceberg.PrimitiveType) -> Range | None:
    lower, upper = (file.lower_bounds or {}).get(number), (file.upper_bounds or {}).get(number)
    low, high = _bound(lower, type_), _bound(upper, type_)
    if low is None and high is None:
        return None
    return Range(low, high, (file.null_value_counts or {}).get(number, 1) > 0)


def _bound(bound: bytes | None, type_: iceberg.PrimitiveType) -> Stored | None:
    """Read a bound; dates that became timestamps keep bounds of four bytes, which count days."""
    if isinstance(type_, _EIGHT_BYTES) and bound is not None and len(bound) != struct.calcsize("q"):
        return None
    try:
        value = decoded(bound, type_)
    except (Inexact, struct.error, ValueError):
        return None
    return value if isinstance(value, int | Decimal | bytes) else None


def _by_partition(field: PartitionField, value: Any, type_: iceberg.PrimitiveType) -> Range | None:
    match field.transform:
        case IdentityTransform():
            value = value.encode() if isinstance(value, str) else value
            return Range(value, value, nulls=False) if isinstance(value, int | Decimal | bytes) else None
        case TruncateTransform():
            return _truncated(value, field.transform.width, type_)
        case YearTransform() | MonthTransform() | DayTransform() | HourTransform():
            unit = _UNITS[type(field.transform)]
            return _within_time(unit, value, type_) if isinstance(value, int) else None
    return None


def _truncated(value: Any, width: int, type_: iceberg.PrimitiveType) -> Range | None:
    if isinstance(value, str):
        low = value.encode()
        return Range(low, low if len(value) < width else _behind(low), nulls=False)
    if isinstance(value, int):
        return Range(value, value + width - 1, nulls=False)
    if isinstance(value, Decimal) and isinstance(type_, iceberg.DecimalType):
        return Range(value, value + Decimal(width - 1).scaleb(-type_.scale), nulls=False)
    return None


def _behind(prefix: bytes) -> bytes | None:
    """Return a text behind all that begin so; None where there is none that is easily written."""
    text = prefix.decode()
    while text:
        following = ord(text[-1]) + 1
        if following < 0xD800 or 0xE000 <= following <= 0x10FFFF:
            return (text[:-1] + chr(following)).encode()
        text = text[:-1]
    return None


def _within_time(
    unit: Callable[[int], tuple[int, int] | None], value: int, type_: iceberg.PrimitiveType
) -> Range | None:
    """Return the days, or microseconds, of one year, month, day or hour."""
    times = unit(value)
    if times is None:
        return None
    if isinstance(type_, iceberg.DateType):
        return Range(times[0] // DAY, times[1] // DAY, nulls=False)
    if isinstance(type_, iceberg.TimestampType | iceberg.TimestamptzType):
        return Range(times[0], times[1], nulls=False)
    return None


def _year(value: int) -> tuple[int, int] | None:
    return _months(value * 12, 12)


def _month(value: int) -> tuple[int, int] | None:
    return _months(value, 1)


def _months(first: int, count: int) -> tuple[int, int] | None:
    last = first + count - 1
    begin, end = (_EPOCH_YEAR + first // 12, first % 12 + 1), (_EPOCH_YEAR + last // 12, last % 12 + 1)
    if begin[0] < 1 or end[0] > _MOST_YEAR:
        return None
    epoch = date(_EPOCH_YEAR, 1, 1)
    days = (date(*begin, 1) - epoch).days, (date(*end, calendar.monthrange(*end)[1]) - epoch).days
    return days[0] * DAY, (days[1] + 1) * DAY - 1


def _day(value: int) -> tuple[int, int]:
    return value * DAY, (value + 1) * DAY - 1


def _hour(value: int) -> tuple[int, int]:
    return value * _HOUR, (value + 1) * _HOUR - 1


_UNITS: Mapping[type, Callable[[int], tuple[int, int] | None]] = {
    YearTransform: _year,
    MonthTransform: _month,
    DayTransform: _day,
    HourTransform: _hour,
}
