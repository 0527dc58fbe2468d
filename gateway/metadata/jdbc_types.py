"""How JDBC sees Trino's types: codes, sizes and radixes as the server's own system.jdbc tables give them."""

from __future__ import annotations

from catalog.objects import Column, TableName
from catalog.types import TrinoType, display_text

_UNBOUNDED = 2147483647
_OTHER = 2000
# base: (java.sql.Types code, column size, decimal digits, radix)
_PLAIN: dict[str, tuple[int, int | None, int | None, int | None]] = {
    "boolean": (16, None, None, None),
    "tinyint": (-6, 3, None, 10),
    "smallint": (5, 5, None, 10),
    "integer": (4, 10, None, 10),
    "bigint": (-5, 19, None, 10),
    "real": (7, 24, None, 2),
    "double": (8, 53, None, 2),
    "varbinary": (-3, _UNBOUNDED, None, None),
    "date": (91, 14, None, None),
    "array": (2003, None, None, None),
}
# base: (code, width without a fraction)
_TEMPORAL = {
    "time": (92, 8),
    "time with time zone": (2013, 14),
    "timestamp": (93, 21),
    "timestamp with time zone": (2014, 55),
}


def _number(kind: TrinoType, position: int, default: int) -> int:
    value = kind.parameters[position] if len(kind.parameters) > position else default
    return value if isinstance(value, int) else default


def _shape(kind: TrinoType) -> tuple[int, int | None, int | None, int | None]:
    if kind.base == "decimal":
        return 3, _number(kind, 0, 38), _number(kind, 1, 0), 10
    if kind.base in ("varchar", "char"):
        return (12 if kind.base == "varchar" else 1), _number(kind, 0, _UNBOUNDED), None, None
    if kind.base in _TEMPORAL:
        code, width = _TEMPORAL[kind.base]
        digits = _number(kind, 0, 3)
        return code, width + (digits + 1 if digits else 0), digits, None
    return _PLAIN.get(kind.base, (_OTHER, None, None, None))


def jdbc_column(table: TableName, column: Column, position: int) -> tuple[object, ...]:
    """Return the row of system.jdbc.columns for a column; `position` counts from 1."""
    code, size, digits, radix = _shape(column.type)
    octets = size if column.type.base in ("varchar", "char", "varbinary") else None
    nullable = (1, "YES") if column.nullable else (0, "NO")
    return (
        *table,
        column.name,
        code,
        display_text(column.type),
        size,
        0,
        digits,
        radix,
        nullable[0],
        column.comment,
        None,
        None,
        None,
        octets,
        position,
        nullable[1],
        None,
        None,
        None,
        None,
        None,
        None,
    )


def _type_row(
    name: str, code: int = _OTHER, precision: int | None = None, radix: int | None = None
) -> tuple[object, ...]:
    comparable = name not in _INCOMPARABLE
    searchable = 3 if comparable else 0
    return (
        name,
        code,
        precision,
        None,
        None,
        None,
        1,
        False,
        searchable,
        None,
        False,
        None,
        None,
        0,
        0,
        None,
        None,
        radix,
    )


_SKETCHES = ("HyperLogLog", "P4HyperLogLog", "SetDigest", "tdigest", "qdigest")
_PARAMETRIC = ("varchar", "char", "decimal", "time", "timestamp", "array", "map", "row", "function")
_INTERNAL = ("CodePoints", "JoniRegExp", "JsonPath", "JsonPath2016", "LikePattern", "Re2JRegExp", "json2016")
_INCOMPARABLE = {"time with time zone", "timestamp with time zone", *_SKETCHES, *_PARAMETRIC, *_INTERNAL}

JDBC_TYPES: tuple[tuple[object, ...], ...] = (
    *(_type_row(name, code, size, radix) for name, (code, size, _, radix) in _PLAIN.items() if name != "array"),
    *(_type_row(name) for name in ("uuid", "color", "json", "unknown", "ipaddress")),
    *(_type_row(name) for name in ("interval day to second", "interval year to month")),
    *(_type_row(name) for name in (*_SKETCHES, *_INTERNAL)),
    *(_type_row(name) for name in ("varchar", "char", "decimal", "time", "timestamp", "row", "map", "function")),
    *(_type_row(name) for name in ("time with time zone", "timestamp with time zone")),
    _type_row("array", 2003),
)
"""The rows of system.jdbc.types, Trino's own internal types included."""
