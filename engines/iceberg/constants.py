"""Bring the constants of conditions to the form in which Iceberg keeps bounds, exactly or not at all."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from pyiceberg import types as iceberg
from pyiceberg.expressions import literals

Stored = int | float | bool | Decimal | bytes
"""Days, microseconds, whole numbers, text as UTF-8, UUIDs as their bytes: an order that Arrow compares by."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (times without a zone count from it, too)
_MICROSECOND = timedelta(microseconds=1)
_MOST_DIGITS = 38


class Inexact(Exception):  # noqa: N818  (named for what it tells)
    """Say that a column's type has no value like the constant."""


def stored(value: object, type_: iceberg.IcebergType, rounded: Callable[[Fraction], int] | None = None) -> Stored:
    """Return a constant in the stored form of a column's type. Raises Inexact.

    `rounded` (math.floor, math.ceil) says which neighbour to take where a whole number or decimal has no such value.
    """
    convert = _CONVERTERS.get(type(type_))
    if convert is None or value is None:
        raise Inexact
    try:
        if rounded is not None and isinstance(type_, iceberg.DecimalType | iceberg.IntegerType | iceberg.LongType):
            value = _neighbour(value, type_.scale if isinstance(type_, iceberg.DecimalType) else 0, rounded)
        return convert(value, type_)
    except (ArithmeticError, ValueError) as error:
        raise Inexact from error


def literal_of(value: Stored, type_: iceberg.IcebergType) -> literals.Literal[Any]:
    """Return pyiceberg's literal of a stored form."""
    return _LITERALS[type(type_)](value)


def with_scale(unscaled: int, scale: int) -> Decimal:
    """Return a decimal of so many digits after its point, exactly. Raises Inexact where it has more than 38."""
    if abs(unscaled) >= 10**_MOST_DIGITS:
        raise Inexact
    return Decimal((int(unscaled < 0), tuple(int(digit) for digit in str(abs(unscaled))), -scale))


def _neighbour(value: object, scale: int, rounded: Callable[[Fraction], int]) -> Decimal:
    return with_scale(rounded(_fraction(value) * 10**scale), scale)


def _boolean(value: object, _: iceberg.IcebergType) -> Stored:
    if not isinstance(value, bool):
        raise Inexact
    return value


def _whole(value: object, type_: iceberg.IcebergType) -> Stored:
    exact = _fraction(value)
    if exact.denominator != 1 or abs(exact) >= 2**63:
        raise Inexact
    return int(exact)


def _double(value: object, _: iceberg.IcebergType) -> Stored:
    """Take the nearest double, as engines do that compare a double with a decimal."""
    return float(_fraction(value))


def _real(value: object, _: iceberg.IcebergType) -> Stored:
    exact = _fraction(value)
    near: float = struct.unpack("f", struct.pack("f", float(exact)))[0]
    if Fraction(near) != exact:
        raise Inexact
    return near


def _decimal(value: object, type_: iceberg.IcebergType) -> Stored:
    if not isinstance(type_, iceberg.DecimalType):
        raise Inexact
    scaled = _fraction(value) * 10**type_.scale
    if scaled.denominator != 1:
        raise Inexact
    return with_scale(int(scaled), type_.scale)


def _fraction(value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Inexact
    if not math.isfinite(value):
        raise Inexact
    return Fraction(value)


def _date(value: object, _: iceberg.IcebergType) -> Stored:
    if isinstance(value, datetime):
        if value.tzinfo is not None or value.time() != time():
            raise Inexact
        value = value.date()
    if not isinstance(value, date):
        raise Inexact
    return (value - _EPOCH.date()).days


def _timestamp(value: object, _: iceberg.IcebergType) -> Stored:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise Inexact
    return (value - _EPOCH) // _MICROSECOND


def _instant(value: object, _: iceberg.IcebergType) -> Stored:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Inexact
    return (value - _EPOCH.replace(tzinfo=UTC)) // _MICROSECOND


def _time(value: object, _: iceberg.IcebergType) -> Stored:
    if not isinstance(value, time) or value.tzinfo is not None:
        raise Inexact
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def _text(value: object, _: iceberg.IcebergType) -> Stored:
    if not isinstance(value, str):
        raise Inexact
    return value.encode()


def _uuid(value: object, _: iceberg.IcebergType) -> Stored:
    if isinstance(value, str):
        value = UUID(value)
    if not isinstance(value, UUID):
        raise Inexact
    return value.bytes


def _binary(value: object, _: iceberg.IcebergType) -> Stored:
    if not isinstance(value, bytes | bytearray):
        raise Inexact
    return bytes(value)


def _fixed(value: object, type_: iceberg.IcebergType) -> Stored:
    found = _binary(value, type_)
    if len(found) != len(type_):  # type: ignore[arg-type]  # a fixed type has a length
        raise Inexact
    return found


_CONVERTERS: dict[type[iceberg.IcebergType], Callable[[object, iceberg.IcebergType], Stored]] = {
    iceberg.BooleanType: _boolean,
    iceberg.IntegerType: _whole,
    iceberg.LongType: _whole,
    iceberg.FloatType: _real,
    iceberg.DoubleType: _double,
    iceberg.DecimalType: _decimal,
    iceberg.DateType: _date,
    iceberg.TimeType: _time,
    iceberg.TimestampType: _timestamp,
    iceberg.TimestamptzType: _instant,
    iceberg.StringType: _text,
    iceberg.UUIDType: _uuid,
    iceberg.BinaryType: _binary,
    iceberg.FixedType: _fixed,
}
_LITERALS: dict[type[iceberg.IcebergType], Callable[[Any], literals.Literal[Any]]] = {
    iceberg.BooleanType: literals.BooleanLiteral,
    iceberg.IntegerType: literals.LongLiteral,
    iceberg.LongType: literals.LongLiteral,
    iceberg.FloatType: literals.DoubleLiteral,
    iceberg.DoubleType: literals.DoubleLiteral,
    iceberg.DecimalType: literals.DecimalLiteral,
    iceberg.DateType: literals.DateLiteral,
    iceberg.TimeType: literals.TimeLiteral,
    iceberg.TimestampType: literals.TimestampLiteral,
    iceberg.TimestamptzType: literals.TimestampLiteral,
    iceberg.StringType: lambda value: literals.StringLiteral(value.decode()),
    iceberg.UUIDType: literals.UUIDLiteral,
    iceberg.BinaryType: literals.BinaryLiteral,
    iceberg.FixedType: literals.FixedLiteral,
}
