"""The words of DuckDB SQL: identifiers, literals, types, errors raised from inside a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from catalog.errors import ErrorCode, Refusal
from catalog.types import TrinoType

RAISED = "penstock:"
"""Marks errors that the SQL raises itself; the engine reads `penstock:ERROR_NAME:message`."""

_SIMPLE = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "json": "VARCHAR",
    "varbinary": "BLOB",
    "date": "DATE",
    "uuid": "UUID",
    "unknown": '"NULL"',
    "interval day to second": "BIGINT",
    "interval year to month": "INTEGER",
}
_MICROSECONDS = 6
_NANOSECONDS = 9
_BARE = re.compile(
    r"""r\d+\.(\w+|"[^"]*")|[vwxyz]+|p\d+|\d+|'[^']*'|true|false|NULL"""
    r"""|CAST\(([-\d.]+|'[-\d :.]+') AS [A-Z]+(\([\d, ]+\))?\)"""
)


def identifier(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def string(text: str) -> str:
    """Write a string literal. Raises Refusal for NUL, which DuckDB's text cannot hold."""
    if "\0" in text:
        raise unsupported("text with a NUL character")
    return "'" + text.replace("'", "''") + "'"


def unsupported(what: str) -> Refusal:
    """Return the refusal for something the embedded lake does not answer as Trino would."""
    return Refusal(ErrorCode.NOT_SUPPORTED, f"{what} is not supported by the embedded lake")


def raising(code: ErrorCode, message: str) -> str:
    """Write an expression that ends the query with an error when a row reaches it."""
    return f"error({string(f'{RAISED}{code.name}:{message}')})"


def refusing(what: str) -> str:
    """Write an expression that ends the query because a value is of a kind the embedded lake does not answer for."""
    return raising(ErrorCode.NOT_SUPPORTED, f"{what} is not supported by the embedded lake")


def duckdb_type(type_: TrinoType) -> str:
    """Return the DuckDB type that holds values of a Trino type. Raises Refusal for types it cannot hold.

    `char(n)` is held without its padding, `json` as its text, a row as a struct whose fields are reached by place,
    intervals as milliseconds and months, a `timestamp with time zone` as its instant.
    """
    base = type_.base
    if base in _SIMPLE:
        return _SIMPLE[base]
    if base == "decimal":
        return "DECIMAL({}, {})".format(*type_.numbers)
    if base == "timestamp":
        return _by_precision(type_, "TIMESTAMP", "TIMESTAMP_NS")
    if base == "timestamp with time zone":
        return _by_precision(type_, "TIMESTAMPTZ", None)
    if base == "time":
        return _by_precision(type_, "TIME", None)
    if base == "array":
        return f"{duckdb_type(type_.arguments[0])}[]"
    if base == "map":
        key, value = map(duckdb_type, type_.arguments)
        return f"MAP({key}, {value})"
    if base == "row":
        fields = (f"{identifier(f'f{i}')} {duckdb_type(t)}" for i, t in enumerate(type_.arguments))
        return f"STRUCT({', '.join(fields)})"
    raise unsupported(f"the type {type_}")


def _by_precision(type_: TrinoType, micros: str, nanos: str | None) -> str:
    precision = type_.numbers[0]
    if precision <= _MICROSECONDS:
        return micros
    if precision <= _NANOSECONDS and nanos is not None:
        return nanos
    raise unsupported(f"the type {type_}")


def as_type(sql: str, type_: TrinoType) -> str:
    """Cast to the DuckDB type of a Trino type, where values are known to fit."""
    return f"CAST({sql} AS {duckdb_type(type_)})"


def let(value: str, name: str, body: Callable[[str], str]) -> str:
    """Use a value several times but compute it once.

    `name` is a letter of v to z that no other `let` of the same function uses. Names are fixed, not counted, so that
    equal expressions get equal text, by which DuckDB matches GROUP BY items.
    """
    if _BARE.fullmatch(value):
        return body(value)
    return f"list_transform([{value}], lambda {name}: {body(name)})[1]"


def let_all(values: Sequence[str], name: str, body: Callable[..., str]) -> str:
    """Use several values several times but compute each once; see `let`.

    They are computed side by side: in the body of a lambda DuckDB takes no aggregate that has lambdas of its own.
    """
    held = [value for value in values if not _BARE.fullmatch(value)]
    if len(held) < 2:
        return (
            let(held[0], name, lambda v: body(*(v if each in held else each for each in values)))
            if held
            else body(*values)
        )
    names = [f"struct_extract_at({name}, {held.index(each) + 1})" if each in held else each for each in values]
    return f"list_transform([row({', '.join(held)})], lambda {name}: {body(*names)})[1]"


def icu_zone(zone: str) -> str:
    """Return DuckDB's name of a time zone, as a literal; an offset becomes `GMT+hh:mm`."""
    return string(f"GMT{zone}" if zone.startswith(("+", "-")) else zone)


def case(*branches: tuple[str, str], otherwise: str) -> str:
    """Write a searched CASE."""
    return f"CASE {' '.join(f'WHEN {condition} THEN {value}' for condition, value in branches)} ELSE {otherwise} END"
