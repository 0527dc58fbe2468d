"""Convert Python values of one Trino type to the form they have in the protocol's JSON, a column at a time.

Accepted values: None, bool, int, float, Decimal, str, bytes, date, time, datetime, timedelta, UUID, IP addresses,
lists and tuples (arrays, rows), dicts or lists of pairs (maps). Datetimes may also come as text in Trino's form
with any number of digits, which is the only way to carry more than six. Source: trino-protocol section 7.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import cast

from catalog.errors import ErrorCode, Refusal
from catalog.types import TrinoType

Value = Callable[[object], object]
Converter = Callable[[Sequence[object]], Sequence[object]]

LEAST_PRECISE_REAL = 2.0**-126
"""Reals nearer to zero have fewer bits, and six digits may be more than they need."""
DOWNGRADED_DIGITS = 3
"""Fraction digits that clients without PARAMETRIC_DATETIME get."""


def exact_datetimes(capabilities: frozenset[str]) -> bool:
    """Say whether the client understands datetimes with a precision; others get three digits."""
    return "PARAMETRIC_DATETIME" in capabilities


def column_converter(type_: TrinoType, exact: bool) -> Converter:
    """Return what turns a column of Python values into wire form; the column itself where nothing changes."""
    if type_.base in _UNCHANGED:
        return _same
    convert = value_converter(type_, exact)
    return lambda values: [None if value is None else convert(value) for value in values]


def value_converter(type_: TrinoType, exact: bool) -> Value:
    """Return what turns one value that is not None into wire form. Raises Refusal NOT_SUPPORTED."""
    base = type_.base
    if base in _UNCHANGED:
        return _itself
    if base in _SIMPLE:
        return _SIMPLE[base]
    if base in _DATETIMES:
        return _datetime_converter(type_, exact)
    if base == "decimal":
        return _decimal_converter(type_.numbers[1])
    if base == "char":
        width = type_.numbers[0]
        return lambda value: str(value).ljust(width)
    if base in ("array", "row", "map"):
        return _nested_converter(type_, exact)
    raise Refusal(ErrorCode.NOT_SUPPORTED, f"values of type {base} cannot be sent to clients")


def _same(values: Sequence[object]) -> Sequence[object]:
    return values


def _itself(value: object) -> object:
    return value


def double_value(value: object) -> object:
    """Write a double: a float token, or the words that JSON lacks."""
    number = float(cast(float, value))
    if math.isfinite(number):
        return number
    return "NaN" if number != number else ("Infinity" if number > 0 else "-Infinity")


def real_value(value: object) -> object:
    """Write a real with the fewest digits, two at least, that still name that 32-bit value."""
    number = float(cast(float, value))
    if not math.isfinite(number):
        return double_value(number)
    for digits in (6, 7, 8) if abs(number) >= LEAST_PRECISE_REAL else range(2, 9):
        shown = float(f"{number:.{digits}g}")
        try:
            if struct.pack("f", shown) == struct.pack("f", number):
                return shown
        except OverflowError:
            continue
    return float(f"{number:.9g}")


def _decimal_converter(scale: int) -> Value:
    form = f".{scale}f"

    def convert(value: object) -> object:
        text = format(value if isinstance(value, Decimal) else Decimal(str(value)), form)
        return text[1:] if text.startswith("-") and not text.strip("-0.") else text

    return convert


def binary_value(value: object) -> object:
    """Write bytes as base64."""
    return base64.b64encode(cast(bytes, value)).decode("ascii")


def day_second_value(value: object) -> object:
    """Write an interval in milliseconds (or a timedelta) as `2 03:04:05.678`."""
    if isinstance(value, str):
        return value
    millis = value // timedelta(milliseconds=1) if isinstance(value, timedelta) else cast(int, value)
    sign, millis = ("-", -millis) if millis < 0 else ("", millis)
    days, rest = divmod(millis, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, rest = divmod(rest, 1000)
    return f"{sign}{days} {hours:02d}:{minutes:02d}:{seconds:02d}.{rest:03d}"


def year_month_value(value: object) -> object:
    """Write an interval in months as `1-2`."""
    if isinstance(value, str):
        return value
    months = cast(int, value)
    return f"{'-' if months < 0 else ''}{abs(months) // 12}-{abs(months) % 12}"


def _date_value(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else str(value)


_UNCHANGED = frozenset({"boolean", "tinyint", "smallint", "integer", "bigint", "varchar", "json", "unknown"})
_SIMPLE: dict[str, Value] = {
    "double": double_value,
    "real": real_value,
    "varbinary": binary_value,
    "uuid": str,
    "ipaddress": str,
    "date": _date_value,
    "interval day to second": day_second_value,
    "interval year to month": year_month_value,
}
_DATETIMES = frozenset({"time", "time with time zone", "timestamp", "timestamp with time zone"})


def _datetime_converter(type_: TrinoType, exact: bool) -> Value:
    precision = type_.numbers[0] if type_.numbers else DOWNGRADED_DIGITS
    digits = precision if exact else DOWNGRADED_DIGITS
    zoned = type_.base.endswith("with time zone")

    def convert(value: object) -> object:
        text = value if isinstance(value, str) else _datetime_text(value, zoned)
        return fit_digits(text, digits)

    return convert


def _datetime_text(value: object, zoned: bool) -> str:
    if isinstance(value, datetime):
        naive = value.replace(tzinfo=None).isoformat(" ", "microseconds")
        return f"{naive} {_zone_name(value)}" if zoned else naive
    if isinstance(value, time):
        return value.isoformat("microseconds")
    raise Refusal(ErrorCode.NOT_SUPPORTED, "a time in this form cannot be sent to clients")


def _zone_name(value: datetime) -> str:
    key = getattr(value.tzinfo, "key", None)
    if isinstance(key, str):
        return key
    offset = value.utcoffset()
    if not offset:
        return "UTC"
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def fit_digits(text: str, digits: int) -> str:
    """Give a datetime in Trino's form exactly `digits` digits after the seconds, rounding half up.

    The text is `[date ]hh:mm:ss[.fraction][zone]`. Raises Refusal where rounding would leave the year 9999.
    """
    end = text.index(":") + 6
    tail = end
    if text[end : end + 1] == ".":
        tail = end + 1
        while text[tail : tail + 1].isdigit():
            tail += 1
    fraction, zone = text[end + 1 : tail], text[tail:]
    if len(fraction) > digits:
        rounds_up = fraction[digits] >= "5"
        fraction = fraction[:digits]
        if rounds_up:
            return _round_up(text[:end], fraction, digits) + zone
    fraction = fraction.ljust(digits, "0")
    return f"{text[:end]}{'.' if digits else ''}{fraction}{zone}"


def _round_up(seconds: str, fraction: str, digits: int) -> str:
    raised = str(int(fraction or "0") + 1).rjust(digits, "0")
    if digits and len(raised) == digits:
        return f"{seconds}.{raised}"
    zeros = f".{'0' * digits}" if digits else ""
    try:
        if len(seconds) == len("00:00:00"):
            whole = datetime.fromisoformat(f"2000-01-01 {seconds}") + timedelta(seconds=1)
            return f"{whole.time().isoformat()}{zeros}"
        whole = datetime.fromisoformat(seconds) + timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "a timestamp outside the years 1 to 9999 cannot be rounded") from error
    return f"{whole.isoformat(' ')}{zeros}"


def _nested_converter(type_: TrinoType, exact: bool) -> Value:
    inner = [value_converter(argument, exact) for argument in type_.arguments]
    if type_.base == "array":
        return lambda value: [None if item is None else inner[0](item) for item in cast(Sequence[object], value)]
    if type_.base == "row":
        return lambda value: [
            None if item is None else convert(item) for convert, item in zip(inner, _row_items(value), strict=True)
        ]
    key = _key_converter(type_.arguments[0], True)  # Trino writes keys in full for every client: none may merge
    return lambda value: {key(name): None if item is None else inner[1](item) for name, item in _map_items(value)}


def _row_items(value: object) -> Sequence[object]:
    return list(value.values()) if isinstance(value, dict) else cast(Sequence[object], value)


def _map_items(value: object) -> Sequence[tuple[object, object]]:
    if isinstance(value, dict):
        return list(value.items())
    return cast(Sequence[tuple[object, object]], value)


def _key_converter(type_: TrinoType, exact: bool) -> Callable[[object], str]:
    if type_.base in ("array", "map", "row", "varbinary"):
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"maps with keys of type {type_.base} cannot be sent to clients")
    if type_.base == "boolean":
        return lambda value: "true" if value else "false"
    if type_.base in ("double", "real"):
        return lambda value: java_double(value_converter(type_, exact)(value))
    convert = value_converter(type_, exact)
    return lambda value: str(convert(value))


def java_double(shown: object) -> str:
    """Write a double as Java's `Double.toString` does: plain from 1e-3 below 1e7, else `d.dE±n`."""
    if isinstance(shown, str):
        return shown
    number = cast(float, shown)
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        text = format(Decimal(repr(number)), "f")
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    figures = "".join(map(str, digits)).rstrip("0") or "0"
    power = cast(int, exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{figures[0]}.{figures[1:] or '0'}E{power}"
