"""Read ClickHouse's type names, and say which Trino type each is shown as.

The choices that are not plain: UInt64 becomes decimal(20,0), since bigint cannot hold it. 128-bit integers become
decimal(38,0), and a value with more digits fails the query; 256-bit integers become varchar, as text. FixedString
becomes varbinary, as in Trino's own ClickHouse connector: its padding with zero bytes is data that no text type keeps.
Enums are shown by their names. Date times without a zone are zoneless in Trino as well, read as UTC (settings.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from catalog.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    IPADDRESS,
    MAX_DECIMAL_PRECISION,
    REAL,
    SMALLINT,
    TINYINT,
    UUID,
    VARBINARY,
    VARCHAR,
    TrinoType,
    array,
    decimal,
    map_of,
    timestamp,
)

_WIDE = re.compile(r"\bU?Int(128|256)\b")
_WRAPPERS = ("Nullable", "LowCardinality", "SimpleAggregateFunction")


@dataclass(frozen=True, slots=True)
class NativeType:
    """Hold one ClickHouse type: its name, its arguments as text, and its element names where it is a named tuple."""

    name: str
    arguments: tuple[str, ...] = ()
    fields: tuple[str | None, ...] = ()


def parse_native(text: str) -> NativeType:
    """Parse a type name as `system.columns` and result headers write it. Raises ValueError."""
    text = text.strip()
    head, opened, rest = text.partition("(")
    if not opened:
        return NativeType(head)
    if not rest.endswith(")"):
        raise ValueError(f"not a ClickHouse type: {text}")
    arguments = tuple(_split(rest[:-1]))
    if head not in ("Tuple", "Nested"):
        return NativeType(head, arguments)
    named = [_field(argument) for argument in arguments]
    return NativeType(head, tuple(type_ for _, type_ in named), tuple(name for name, _ in named))


def unwrap(type_: NativeType) -> NativeType:
    """Take off what changes storage but not values: Nullable, LowCardinality, SimpleAggregateFunction."""
    while type_.name in _WRAPPERS:
        type_ = parse_native(type_.arguments[-1])
    return type_


def is_nullable(text: str) -> bool:
    """Say whether a column of this type can hold NULL."""
    return text.startswith(("Nullable(", "LowCardinality(Nullable("))


def trino_type(text: str) -> TrinoType | None:
    """Return the Trino type that a ClickHouse type is shown as; None where there is none that is exact."""
    try:
        return _shown(unwrap(parse_native(text)))
    except ValueError:
        return None


def shown_otherwise(text: str) -> str | None:
    """Say how a column is shown whose whole numbers are too wide for Trino's; None for all others."""
    wide = _WIDE.search(text)
    if wide is None:
        return None
    if wide[0].endswith("256"):
        return f"{wide[0]} as varchar, by its digits; numbers are compared and sorted as text"
    return f"{wide[0]} as decimal(38,0); a number with more digits ends the query"


def _shown(type_: NativeType) -> TrinoType | None:
    if type_.arguments and type_.name in _PARAMETRIC:
        return _PARAMETRIC[type_.name](type_)
    return _PLAIN.get(type_.name)


def _split(text: str) -> list[str]:
    """Split arguments at the commas outside brackets, quotes and backticks."""
    parts, depth, quote, start, at = [], 0, "", 0, 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'`":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    return [*parts, text[start:].strip()] if text.strip() else []


def _field(text: str) -> tuple[str | None, str]:
    """Separate a tuple element's name from its type: `a Int32`, "`a b` Int32" or just `Int32`."""
    if text.startswith("`"):
        end = text.index("`", 1)
        while text[end - 1] == "\\":
            end = text.index("`", end + 1)
        return text[1:end].replace("\\`", "`").replace("\\\\", "\\"), text[end + 1 :].strip()
    head, space, rest = text.partition(" ")
    if space and "(" not in head:
        return head, rest.strip()
    return None, text


def _decimal(type_: NativeType) -> TrinoType | None:
    precision, scale = (int(argument) for argument in type_.arguments)
    return decimal(precision, scale) if precision <= MAX_DECIMAL_PRECISION else None


def _date_time(type_: NativeType) -> TrinoType:
    return timestamp(0, zone=bool(type_.arguments))


def _date_time64(type_: NativeType) -> TrinoType:
    return timestamp(int(type_.arguments[0]), zone=len(type_.arguments) > 1)


def _array(type_: NativeType) -> TrinoType | None:
    element = trino_type(type_.arguments[0])
    return None if element is None else array(element)


def _map(type_: NativeType) -> TrinoType | None:
    key, value = (trino_type(argument) for argument in type_.arguments)
    return None if key is None or value is None else map_of(key, value)


def _tuple(type_: NativeType) -> TrinoType | None:
    elements = [trino_type(argument) for argument in type_.arguments]
    known = tuple(element for element in elements if element is not None)
    if len(known) != len(elements) or not known:
        return None
    return TrinoType("row", known, type_.fields)


def _nested(type_: NativeType) -> TrinoType | None:
    row = _tuple(type_)
    return None if row is None else array(row)


_PLAIN: dict[str, TrinoType] = {
    "Bool": BOOLEAN,
    "Int8": TINYINT,
    "Int16": SMALLINT,
    "Int32": INTEGER,
    "Int64": BIGINT,
    "UInt8": SMALLINT,
    "UInt16": INTEGER,
    "UInt32": BIGINT,
    "UInt64": decimal(20),
    "Int128": decimal(38),
    "UInt128": decimal(38),
    "Int256": VARCHAR,
    "UInt256": VARCHAR,
    "Float32": REAL,
    "Float64": DOUBLE,
    "String": VARCHAR,
    "UUID": UUID,
    "IPv4": IPADDRESS,
    "IPv6": IPADDRESS,
    "Date": DATE,
    "Date32": DATE,
    "DateTime": timestamp(0),
}
_PARAMETRIC: dict[str, Callable[[NativeType], TrinoType | None]] = {
    "Decimal": _decimal,
    "DateTime": _date_time,
    "DateTime64": _date_time64,
    "FixedString": lambda _: VARBINARY,
    "Enum8": lambda _: VARCHAR,
    "Enum16": lambda _: VARCHAR,
    "Array": _array,
    "Map": _map,
    "Tuple": _tuple,
    "Nested": _nested,
}
