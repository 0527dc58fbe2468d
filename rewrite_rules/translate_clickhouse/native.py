"""The ClickHouse type in which each Trino type is computed, and how stored columns are brought into it.

One Trino type is computed in one ClickHouse type throughout: text of every kind in String, char padded to its length,
dates in Date32, timestamps in DateTime64, addresses in IPv6. NULL is possible in everything but arrays, maps and rows.
"""

from __future__ import annotations

import re

from catalog.clickhouse_types import PLAIN
from catalog.errors import ErrorCode
from catalog.objects import Column
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.text import call, guard, string

_PLAIN = {**PLAIN, "ipaddress": "IPv6", "unknown": "Nothing"}
NESTED = ("array", "map", "row")
"""Types that hold no NULL of their own on ClickHouse."""
MAX_TIMESTAMP_DIGITS = 9
_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")
_ZONE = re.compile(r"DateTime(?:64)?\((?:\d+, )?'([^']+)'\)")


def native(kind: TrinoType) -> str:
    """Return the ClickHouse type of a Trino type, without Nullable. Raises Refusal NOT_SUPPORTED."""
    if kind.base in _PLAIN:
        return _PLAIN[kind.base]
    if kind.base == "decimal":
        return f"Decimal({kind.numbers[0]}, {kind.numbers[1]})"
    if kind.base == "timestamp" and kind.numbers[0] <= MAX_TIMESTAMP_DIGITS:
        return f"DateTime64({kind.numbers[0]})"
    if kind.base in NESTED:
        inner = [nullable(t) for t in kind.arguments]
        if kind.base == "map":
            inner[0] = native(kind.arguments[0])
        return f"{ {'array': 'Array', 'map': 'Map', 'row': 'Tuple'}[kind.base] }({', '.join(inner)})"
    raise unsupported(f"The type {kind}")


def nullable(kind: TrinoType) -> str:
    """Return the ClickHouse type of a Trino type that may be NULL, as far as ClickHouse can say so."""
    return native(kind) if kind.base in NESTED else f"Nullable({native(kind)})"


def cast(sql: str, kind: TrinoType) -> str:
    """Write a plain ClickHouse CAST to the type in which `kind` is computed."""
    return call("CAST", sql, string(nullable(kind)))


def stored_zone(column: Column) -> str | None:
    """Return the time zone that a stored column names."""
    match = _ZONE.fullmatch(_unwrapped(column.native_type or ""))
    return match[1] if match else None


def read(sql: str, column: Column) -> str:
    """Bring a stored column into the type in which its Trino type is computed. Raises Refusal NOT_SUPPORTED."""
    kind, stored = column.type, _unwrapped(column.native_type or "")
    if kind.base == "unknown":
        raise unsupported(f"The ClickHouse type of column '{column.name}'")
    if kind.base == "char":
        return call("rightPadUTF8", sql, str(kind.numbers[0]), "' '")
    if kind.base == "timestamp with time zone":
        return _read_zoned(sql, kind, stored)
    if stored in ("", native(kind)):
        return sql
    if stored in ("Int128", "UInt128"):
        wide = call("CAST", call("toString", sql), "'Nullable(Decimal(76, 0))'")
        bad = f"abs({wide}) >= toDecimal256('1{'0' * 38}', 0)"
        return guard(bad, ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, "A number has more than 38 digits", cast(wide, kind))
    if stored in ("Int256", "UInt256") or stored.startswith("Enum"):
        return call("toString", sql)
    if stored.startswith("FixedString"):
        return f"unhex(hex({sql}))"
    if kind.base in NESTED and "FixedString" in stored:
        raise unsupported(f"The ClickHouse type of column '{column.name}'")
    return cast(sql, kind)


def _read_zoned(sql: str, kind: TrinoType, stored: str) -> str:
    if stored.startswith("DateTime("):
        return call("toDateTime64", sql, "0", string(_ZONE.fullmatch(stored)[1]))  # type: ignore[index]  # the type was read before
    return sql


def _unwrapped(stored: str) -> str:
    while match := _WRAPPED.fullmatch(stored):
        stored = match[1]
    return stored
