"""Bring the values of a result's blocks into the forms that `engines.values` writes, exactly.

The driver is told to leave times as ticks, text as bytes and addresses as text (FORMATS), so that nothing is rounded
or guessed on the way. Each column's ClickHouse type must be one that the planned Trino type can be read from;
anything else is a fault of the translation, and the query fails rather than show something near.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import cast
from zoneinfo import ZoneInfo

from catalog.errors import ErrorCode, Refusal
from catalog.types import TrinoType
from engines.clickhouse.native_types import NativeType, parse_native, unwrap

FORMATS: Mapping[str, str] = MappingProxyType(
    {"DateTime*": "int", "Date*": "int", "String": "bytes", "FixedString": "bytes", "UUID": "string", "IPv*": "string"}
)
"""How the driver shall read each type."""

Column = Sequence[object]
Decoder = Callable[[Column], Column]
_Value = Callable[[object], object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGERS = {
    "tinyint": ("Int8",),
    "smallint": ("Int8", "Int16", "UInt8"),
    "integer": ("Int8", "Int16", "Int32", "UInt8", "UInt16"),
    "bigint": ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32"),
}
_SAME = {"double": ("Float64",), "real": ("Float32",), "uuid": ("UUID",), "varbinary": ("String", "FixedString")}


def column_decoder(native: str, type_: TrinoType) -> Decoder:
    """Return what decodes a column of ClickHouse type `native` planned as `type_`. Raises Refusal on a mismatch."""
    decode = _value_decoder(unwrap(parse_native(native)), type_)
    if decode is None:
        return lambda values: values
    known = decode
    return lambda values: [None if value is None else known(value) for value in values]


def _value_decoder(native: NativeType, type_: TrinoType) -> _Value | None:
    """Return what decodes one value that is not None; None where the driver's value already is right."""
    base = type_.base
    if native.name == "Nothing":
        return None
    if base in _INTEGERS or base in _SAME:
        _check(native.name in (_INTEGERS.get(base) or _SAME[base]), native, type_)
        return None
    if base == "boolean":
        _check(native.name in ("Bool", "UInt8"), native, type_)
        return bool
    if base in ("varchar", "char"):
        _check(native.name == "String", native, type_)
        return _text
    if base in _DECODERS:
        return _DECODERS[base](native, type_)
    raise _mismatch(native, type_)


def _check(fits: bool, native: NativeType, type_: TrinoType) -> None:
    if not fits:
        raise _mismatch(native, type_)


def _mismatch(native: NativeType, type_: TrinoType) -> Refusal:
    return Refusal(
        ErrorCode.GENERIC_INTERNAL_ERROR,
        "ClickHouse answered with another type than was planned",
        detail=f"{native.name} for {type_.base}",
    )


def _text(value: object) -> str:
    """Decode text as Trino shows it: what is not UTF-8 becomes replacement characters."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _decimal(native: NativeType, type_: TrinoType) -> _Value | None:
    _check(native.name == "Decimal" and int(native.arguments[1]) == type_.numbers[1], native, type_)
    return None


def _date(native: NativeType, type_: TrinoType) -> _Value:
    _check(native.name in ("Date", "Date32"), native, type_)
    return lambda days: _moment(timedelta(days=cast(int, days))).date()


def _timestamp(native: NativeType, type_: TrinoType) -> _Value:
    digits, zone = _digits_and_zone(native)
    _check(digits == type_.numbers[0] and zone in (None, "UTC"), native, type_)
    return lambda ticks: _zoneless_text(cast(int, ticks), digits)


def _timestamp_with_zone(native: NativeType, type_: TrinoType) -> _Value:
    digits, zone = _digits_and_zone(native)
    _check(digits == type_.numbers[0] and zone is not None, native, type_)
    if zone == "UTC":
        return lambda ticks: f"{_zoneless_text(cast(int, ticks), digits)} UTC"
    place = ZoneInfo(cast(str, zone))
    return lambda ticks: _zoned_text(cast(int, ticks), digits, place)


def _digits_and_zone(native: NativeType) -> tuple[int, str | None]:
    if native.name == "DateTime64":
        return int(native.arguments[0]), native.arguments[1].strip("'") if len(native.arguments) > 1 else None
    if native.name == "DateTime":
        return 0, native.arguments[0].strip("'") if native.arguments else None
    return -1, None


def _moment(since: timedelta, place: tzinfo = UTC) -> datetime:
    try:
        return (_EPOCH + since).astimezone(place)
    except OverflowError:
        text = "A date or time outside the years 1 to 9999 is not supported on ClickHouse"
        raise Refusal(ErrorCode.NOT_SUPPORTED, text) from None


def _zoneless_text(ticks: int, digits: int) -> str:
    seconds, fraction = divmod(ticks, 10**digits)
    text = _moment(timedelta(seconds=seconds)).replace(tzinfo=None).isoformat(" ")
    return f"{text}.{fraction:0{digits}d}" if digits else text


def _zoned_text(ticks: int, digits: int, place: ZoneInfo) -> str:
    seconds, fraction = divmod(ticks, 10**digits)
    local = _moment(timedelta(seconds=seconds), place)
    text = local.replace(tzinfo=None).isoformat(" ")
    return f"{text}.{fraction:0{digits}d} {place.key}" if digits else f"{text} {place.key}"


def _address(native: NativeType, type_: TrinoType) -> _Value:
    _check(native.name in ("IPv4", "IPv6"), native, type_)
    return _address_text


def _address_text(value: object) -> str:
    """Write an address as Trino does: IPv4 where it is mapped into IPv6."""
    address = ipaddress.ip_address(str(value))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _array(native: NativeType, type_: TrinoType) -> _Value | None:
    _check(native.name == "Array", native, type_)
    decode = _value_decoder(unwrap(parse_native(native.arguments[0])), type_.arguments[0])
    if decode is None:
        return None
    return lambda values: [None if v is None else decode(v) for v in cast(Sequence[object], values)]


def _map(native: NativeType, type_: TrinoType) -> _Value:
    _check(native.name == "Map", native, type_)
    key, value = (
        _value_decoder(unwrap(parse_native(argument)), inner) or _itself
        for argument, inner in zip(native.arguments, type_.arguments, strict=True)
    )
    return lambda entries: [
        (key(k), None if v is None else value(v)) for k, v in cast(Mapping[object, object], entries).items()
    ]


def _row(native: NativeType, type_: TrinoType) -> _Value:
    _check(native.name == "Tuple" and len(native.arguments) == len(type_.arguments), native, type_)
    decoders = [
        _value_decoder(unwrap(parse_native(argument)), inner) or _itself
        for argument, inner in zip(native.arguments, type_.arguments, strict=True)
    ]

    def decode(value: object) -> object:
        items = value.values() if isinstance(value, dict) else cast(Sequence[object], value)
        return [None if v is None else d(v) for d, v in zip(decoders, items, strict=True)]

    return decode


def _itself(value: object) -> object:
    return value


_DECODERS: dict[str, Callable[[NativeType, TrinoType], _Value | None]] = {
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp with time zone": _timestamp_with_zone,
    "ipaddress": _address,
    "array": _array,
    "map": _map,
    "row": _row,
}
