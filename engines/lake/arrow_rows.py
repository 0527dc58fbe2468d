"""Convert Arrow columns, as DuckDB gives them, to the protocol's JSON values, a whole column at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from catalog.types import TrinoType
from engines.values import (
    DOWNGRADED_DIGITS,
    LEAST_PRECISE_REAL,
    double_value,
    fit_digits,
    real_value,
    value_converter,
)

Wire = Callable[[pa.Array], Sequence[object]]

_END_OF_9999 = 253_402_300_800
"""Seconds from 1970 to the year 10000, which Trino writes with a plus sign."""
_PLAIN = frozenset({"boolean", "tinyint", "smallint", "integer", "bigint", "varchar", "json", "uuid", "ipaddress"})
_MICROSECOND_DIGITS = 6
_NANOSECOND_DIGITS = 9


def wire_converter(type_: TrinoType, zone: str, exact: bool) -> Wire:
    """Return what turns an Arrow column of a Trino type into wire values.

    `zone` is what a `timestamp with time zone` of this column shows; its values come as local times of that zone,
    or as instants when the zone is UTC. `exact` is False for clients that want three digits in datetimes.
    """
    base = type_.base
    if base in _PLAIN:
        return _as_python
    if base == "unknown":
        return lambda column: [None] * len(column)
    if base in _COLUMNS:
        return _COLUMNS[base]
    if base in ("timestamp", "timestamp with time zone", "time"):
        digits = type_.numbers[0] if exact else DOWNGRADED_DIGITS
        suffix = f" {zone}" if base == "timestamp with time zone" else ""
        return lambda column: _datetimes(column, digits, suffix)
    if base == "char":
        width = type_.numbers[0]
        return lambda column: [v if v is None else v.ljust(width) for v in column.to_pylist()]
    convert = value_converter(type_, exact)
    return lambda column: [None if v is None else convert(v) for v in column.to_pylist()]


def _as_python(column: pa.Array) -> Sequence[object]:
    values: list[object] = column.to_pylist()
    return values


def _doubles(column: pa.Array) -> Sequence[object]:
    values: list[object] = column.to_pylist()
    if pc.all(pc.is_finite(column)).as_py() in (True, None):
        return values
    return [None if value is None else double_value(value) for value in values]


def _reals(column: pa.Array) -> Sequence[object]:
    """Write 32-bit floats with their own shortest digits, which a cast to text gives but for those next to zero."""
    near = pc.less(pc.abs(column), pa.scalar(LEAST_PRECISE_REAL, pa.float32()))
    if pc.any(pc.and_(near, pc.not_equal(column, pa.scalar(0.0, pa.float32())))).as_py():
        return [None if value is None else real_value(value) for value in column.to_pylist()]
    return _doubles(column.cast(pa.string()).cast(pa.float64()))


def _decimals(column: pa.Array) -> Sequence[object]:
    text = column.cast(pa.string())
    values: list[object] = text.to_pylist()
    if not pc.any(pc.match_substring(text, "E")).as_py():
        return values
    return [v if v is None or "E" not in str(v) else _plain_decimal(Decimal(str(v))) for v in values]


def _plain_decimal(value: Decimal) -> str:
    return format(value if value else abs(value), "f")


def _dates(column: pa.Array) -> Sequence[object]:
    values: list[object] = column.cast(pa.string()).to_pylist()
    last = pc.max(column.cast(pa.int32())).as_py()
    return values if last is None or last * 86_400 < _END_OF_9999 else _signed_years(values)


def _signed_years(values: Sequence[object]) -> list[object]:
    return [f"+{v}" if isinstance(v, str) and v[0] != "-" and v.index("-") > 4 else v for v in values]


def _datetimes(column: pa.Array, digits: int, suffix: str) -> Sequence[object]:
    """Write times and timestamps with exactly `digits` digits, rounding half up where there are more."""
    signed = False
    if pa.types.is_timestamp(column.type):
        column = column.view(pa.timestamp(column.type.unit))
        signed = _passes_9999(column)
    native = _NANOSECOND_DIGITS if column.type.unit == "ns" else _MICROSECOND_DIGITS
    text = column.cast(pa.string())
    if digits > native:
        suffix = "0" * (digits - native) + suffix
    elif digits < native:
        dropped = pc.utf8_slice_codeunits(text, -(native - digits))
        if pc.any(pc.not_equal(dropped, "0" * (native - digits))).as_py():
            return [None if v is None else fit_digits(v, digits) + suffix for v in text.to_pylist()]
        text = pc.utf8_slice_codeunits(text, 0, -(native - digits) - (0 if digits else 1))
    if suffix:
        text = pc.binary_join_element_wise(text, suffix, "")
    values: list[object] = text.to_pylist()
    return _signed_years(values) if signed else values


def _passes_9999(column: pa.Array) -> bool:
    last = pc.max(column.cast(pa.int64())).as_py()
    per_second = 1_000_000_000 if column.type.unit == "ns" else 1_000_000
    return last is not None and last >= _END_OF_9999 * per_second


_COLUMNS: dict[str, Wire] = {
    "double": _doubles,
    "real": _reals,
    "decimal": _decimals,
    "date": _dates,
}
